"""Pictures at the size the detector sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledBox, LabelledPicture
from annotations.formats.tfrecord import ShardWriter
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.pictures import read_picture


def fitted(picture: LabelledPicture, size_px: int) -> tuple[NDArray[np.uint8], float]:
    """A picture scaled so that its longer side is ``size_px``.

    Returns
    -------
    pixels : ndarray, shape (H, W, 3), uint8, RGB
    scale : float
        Pixels of the result per pixel of the picture.

    Raises
    ------
    FrameError
        The picture cannot be read.
    GalaxyEdgeError
        It does not have 8 bits.
    """
    pixels = read_picture(picture.path).pixels
    if pixels.dtype != np.uint8:
        raise GalaxyEdgeError(f"{picture.path}: {pixels.dtype} pixels; stretch it to 8 bits first")
    colour = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    height, width = colour.shape[:2]
    scale = size_px / max(height, width)
    if scale == 1.0:
        return np.ascontiguousarray(colour), scale
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(colour, size, interpolation=how), scale


def write_training_records(
    pictures: Sequence[LabelledPicture], labels: Sequence[str], folder: Path, size_px: int
) -> None:
    """Write pictures at the size of the detector's input as TFRecords.

    Parameters
    ----------
    pictures : sequence of LabelledPicture
    labels : sequence of str
    folder : Path
        Exists.
    size_px : int
        Longer side of the pictures written.
    """
    with ShardWriter(folder, "train", labels) as writer:
        for number, picture in enumerate(pictures, start=1):
            pixels, scale = fitted(picture, size_px)
            done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            if not done:
                raise GalaxyEdgeError(f"{picture.path}: cannot be encoded as PNG")
            height, width = pixels.shape[:2]
            boxes = tuple(_scaled(box, scale, width, height) for box in picture.boxes)
            small = LabelledPicture(picture.path, width, height, boxes, name=picture.name)
            writer.write(small, data.tobytes(), number)


def _scaled(box: LabelledBox, scale: float, width_px: int, height_px: int) -> LabelledBox:
    x0, y0, x1, y1 = (value * scale for value in box.xyxy_px)
    inside = (max(x0, 0.0), max(y0, 0.0), min(x1, width_px), min(y1, height_px))
    return LabelledBox(inside, box.label, difficult=box.difficult, crowd=box.crowd)
