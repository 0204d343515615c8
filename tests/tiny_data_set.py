"""A tiny made-up data set in the layout of the real one."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.sighting import CLASS5

ROWS = 36


def write_tiny_data(folder: Path) -> Path:
    """24 training, 12 validation pictures, with and without labels, and 10 star fields."""
    images = folder / "galaxies" / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(3)
    header = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    with (folder / "galaxies" / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, header, restval="")
        writer.writeheader()
        for i in range(ROWS):
            kind = i % 5
            picture = galaxy(120, axis_ratio=1.0 - 0.18 * kind, rng=rng)
            cv2.imwrite(str(images / f"{i}.png"), picture)
            row = {
                "file": f"images/{i}.png",
                "source": "kaggle",
                "frame_scale": "0.4",
                "split": "train" if i < 24 else "val",
            }
            if i % 3 != 1:
                row["class5"] = CLASS5[kind]
            if i % 3 != 2:
                votes = votes_from_logits(rng.normal(0, 2, 37)).astype(float)
                row.update({c: f"{v:.7f}" for c, v in zip(VOTE_COLUMNS, votes, strict=True)})
            writer.writerow(row)
    frames = folder / "frames" / "no_galaxy" / "images"
    frames.mkdir(parents=True)
    for i in range(10):
        frame = rng.normal(20, 4, (160, 160, 3))
        for x, y in rng.integers(5, 155, (40, 2)):
            frame[y - 1 : y + 2, x - 1 : x + 2] += 120
        cv2.imwrite(str(frames / f"dsy_{i:02d}.png"), np.clip(frame, 0, 255).astype(np.uint8))
    return folder


def galaxy(size: int, axis_ratio: float, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian blob on a noisy sky, (size, size, 3) uint8."""
    axis = np.arange(size) - size / 2
    blob = 180 * np.exp(-0.5 * (axis[None, :] ** 2 + (axis[:, None] / axis_ratio) ** 2) / 8**2)
    picture = blob[:, :, None] + rng.normal(15, 3, (size, size, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)
