"""Labelled frames with one drawn galaxy each."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from annotations.formats.dataset import LabelledBox, LabelledPicture, LabelledSet


def drawn_frames(folder: Path, count: int, *, side_px: int = 128, groups: int = 0) -> LabelledSet:
    """Frames with a bright ellipse and its exact box; ``groups`` of them share a name each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(4)
    pictures = []
    for i in range(count):
        semi_x, semi_y = rng.integers(20, 36, 2)
        x, y = rng.integers(side_px // 2 - 8, side_px // 2 + 8, 2)
        frame = rng.normal(8, 2, (side_px, side_px, 3)).clip(0, 255).astype(np.uint8)
        cv2.ellipse(frame, (int(x), int(y)), (int(semi_x), int(semi_y)), 0, 0, 360, (150,) * 3, -1)
        path = folder / f"{i}.png"
        cv2.imwrite(str(path), frame)
        box = (float(x - semi_x), float(y - semi_y), float(x + semi_x + 1), float(y + semi_y + 1))
        group = f"target {i % groups}" if groups else ""
        pictures.append(
            LabelledPicture(path, side_px, side_px, (LabelledBox(box, "galaxy"),), group=group)
        )
    return LabelledSet(tuple(pictures), ("galaxy",))
