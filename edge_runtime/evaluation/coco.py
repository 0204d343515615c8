"""Annotated pictures in COCO format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError


@dataclass(frozen=True, slots=True)
class AnnotatedPicture:
    """A picture file and the galaxies marked in it.

    Attributes
    ----------
    path : Path
    boxes_xyxy_px : ndarray, shape (N, 4), float32
    difficult : ndarray, shape (N,), bool
        Galaxies that count neither as found nor as missed.
    """

    path: Path
    boxes_xyxy_px: NDArray[np.float32]
    difficult: NDArray[np.bool_]

    @property
    def empty(self) -> bool:
        """Whether no galaxy at all is marked."""
        return len(self.boxes_xyxy_px) == 0


def read_coco(annotations: Path, images: Path) -> list[AnnotatedPicture]:
    """Pictures of a COCO file, in its order.

    Boxes marked ``difficult`` or ``iscrowd`` are difficult.

    Parameters
    ----------
    annotations : Path
        COCO JSON with ``images`` and ``annotations``.
    images : Path
        Folder of the pictures.

    Raises
    ------
    GalaxyEdgeError
        The file is unreadable, lacks a key, names a picture that is not
        there, or holds a box without area; the message says which.
    """
    try:
        content: dict[str, Any] = json.loads(annotations.read_text(encoding="utf-8"))
    except OSError as error:
        raise GalaxyEdgeError(f"{annotations}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise GalaxyEdgeError(f"{annotations}: not valid JSON ({error})") from error
    try:
        names = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
        boxes: dict[Any, list[tuple[float, float, float, float]]] = {key: [] for key in names}
        difficult: dict[Any, list[bool]] = {key: [] for key in names}
        for entry in content["annotations"]:
            x, y, width, height = (float(v) for v in entry["bbox"])
            key = entry["image_id"]
            if key not in names:
                raise GalaxyEdgeError(
                    f"{annotations}: annotation {entry.get('id')}: no image {key}"
                )
            if not (width > 0 and height > 0):
                raise GalaxyEdgeError(
                    f"{annotations}: annotation {entry.get('id')} of {names[key]}: "
                    f"box {entry['bbox']} has no area"
                )
            boxes[key].append((x, y, x + width, y + height))
            difficult[key].append(bool(entry.get("difficult") or entry.get("iscrowd")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GalaxyEdgeError(
            f"{annotations}: not COCO annotations ({type(error).__name__}: {error})"
        ) from error
    pictures = []
    for key, name in names.items():
        path = images / name
        if not path.is_file():
            raise GalaxyEdgeError(f"{path}: not found, but {annotations} lists it")
        pictures.append(
            AnnotatedPicture(
                path=path,
                boxes_xyxy_px=np.asarray(boxes[key], dtype=np.float32).reshape(-1, 4),
                difficult=np.asarray(difficult[key], dtype=bool),
            )
        )
    if not pictures:
        raise GalaxyEdgeError(f"{annotations}: lists no image")
    return pictures
