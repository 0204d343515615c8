"""Small labelled frames with one drawn galaxy each, for tests of training."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np


def write_coco(folder: Path, count: int = 4, *, size_px: int = 96, empty: bool = False) -> Path:
    """Pictures and their COCO file; with ``empty`` there is no box."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[:size_px, :size_px].astype(float)
    images, boxes = [], []
    for i in range(count):
        x, y = rng.uniform(0.35, 0.65, 2) * size_px
        radius = np.hypot((columns - x) / 9.0, (rows - y) / 6.0)
        light = 160 * np.exp(-radius)[:, :, None] + rng.normal(20, 3, (size_px, size_px, 3))
        cv2.imwrite(str(folder / f"{i}.png"), light.clip(0, 255).astype(np.uint8))
        images.append({"id": i, "file_name": f"{i}.png", "width": size_px, "height": size_px})
        if not empty:
            box = [float(x - 18), float(y - 12), 36.0, 24.0]
            boxes.append(
                {"id": i, "image_id": i, "category_id": 1, "bbox": box, "area": 864.0, "iscrowd": 0}
            )
    path = folder / "annotations.json"
    categories = [{"id": 1, "name": "galaxy"}]
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return path
