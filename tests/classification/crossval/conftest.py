"""Small labelled sets on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.sighting import CLASS5

ROWS = 48
COPIED = (0, 1)
"""Rows whose picture is there a second time, from another catalogue."""


@pytest.fixture
def labels_csv(tmp_path: Path) -> Path:
    """48 galaxies with votes and a class, the last 8 of the test split, and 2 copies of others."""
    folder = tmp_path / "galaxies"
    folder.mkdir()
    rng = np.random.default_rng(11)
    header = ["file", "source", "id", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, header)
        writer.writeheader()
        for i in range(ROWS + len(COPIED)):
            copy = i >= ROWS
            of = COPIED[i - ROWS] if copy else i
            blocks = np.random.default_rng(of).integers(0, 255, (6, 6, 3), dtype=np.uint8)
            picture = cv2.resize(blocks, (48, 48), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(
                str(folder / f"{i}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95 - 20 * copy]
            )
            votes = votes_from_logits(rng.normal(0, 2, 37))
            writer.writerow(
                {
                    "file": f"{i}.jpg",
                    "source": "gz2" if copy else "kaggle",
                    "id": str(900_000 + i if copy else i),
                    "frame_scale": "0.2",
                    "split": "test" if 40 <= i < ROWS else ("val" if i % 4 == 3 else "train"),
                    "class5": CLASS5[i % 5],
                    **{c: f"{v:.7f}" for c, v in zip(VOTE_COLUMNS, votes, strict=True)},
                }
            )
    return folder / "labels.csv"
