"""Fixtures of the detector's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with four drawn galaxies and one star field."""
    import cv2

    from edge_runtime.decision_tree import VOTE_COLUMNS

    folder = tmp_path_factory.mktemp("data")
    pictures = folder / "galaxies" / "images"
    pictures.mkdir(parents=True)
    rows, columns = np.mgrid[:264, :264] - 132.0
    header = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    lines = [",".join(header)]
    rng = np.random.default_rng(0)
    for i in range(4):
        light = 200 * np.exp(-np.hypot(columns / (8 + 3 * i), rows / 8))
        noisy = (light[:, :, None] + rng.normal(8, 2, (264, 264, 3))).clip(0, 255)
        cv2.imwrite(str(pictures / f"{i}.jpg"), noisy.astype(np.uint8))
        lines.append(",".join([f"images/{i}.jpg", "kaggle", "1.0", "train", "", *[""] * 37]))
    (folder / "galaxies" / "labels.csv").write_text("\n".join(lines) + "\n")
    frames = folder / "frames" / "no_galaxy" / "images"
    frames.mkdir(parents=True)
    for i in range(2):
        noise = rng.normal(15, 3, (640, 640, 3)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(frames / f"dsy_{i}.jpg"), noise)
    return folder
