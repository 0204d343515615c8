"""A labelled folder for the tiny bundle, which takes bright squares for galaxies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tiny_bundles import SQUARE_BOX, encode_png, square_picture


def sky_picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(18, 23, (64, 64, 3)).astype(np.uint8)


def write_square_frames(
    folder: Path, *, squares: int = 3, decoys: int = 1, empty: int = 3
) -> tuple[Path, Path]:
    """Write ``squares`` frames whose square is marked, the first with a mark on nothing too.

    ``decoys`` have a square that is not marked, ``empty`` frames none. Returns
    the folder of the pictures and the annotations.
    """
    images = folder / "images"
    images.mkdir(parents=True)
    entries, boxes = [], []
    kinds = ["square"] * squares + ["decoy"] * decoys + ["sky"] * empty
    for number, kind in enumerate(kinds, start=1):
        name = f"{kind}{number}.png"
        picture = sky_picture(number) if kind == "sky" else square_picture()
        (images / name).write_bytes(encode_png(picture))
        entries.append({"id": number, "file_name": name, "width": 64, "height": 64})
        if number <= squares:
            boxes.append((number, SQUARE_BOX))
    boxes.append((1, (2.0, 44.0, 12.0, 60.0)))
    annotations = [
        {
            "id": i,
            "image_id": image,
            "category_id": 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
            "iscrowd": 0,
        }
        for i, (image, (x0, y0, x1, y1)) in enumerate(boxes, start=1)
    ]
    path = folder / "annotations.json"
    categories = [{"id": 1, "name": "galaxy"}]
    path.write_text(
        json.dumps({"images": entries, "annotations": annotations, "categories": categories})
    )
    return images, path
