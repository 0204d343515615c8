"""Many labelled pictures on one sheet, to judge boxes by eye."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledPicture
from edge_runtime.pictures import read_picture

CELL_PX = 212
_BRIGHTENING = 1.6  # outskirts of galaxies are dark on a screen
_COLOUR_RGB = (255, 64, 64)
_DIFFICULT_RGB = (90, 140, 255)
_TEXT_RGB = (230, 230, 230)


def contact_sheet(
    pictures: Sequence[LabelledPicture], *, columns: int = 8, cell_px: int = CELL_PX
) -> NDArray[np.uint8]:
    """Draw pictures with their boxes in rows.

    Parameters
    ----------
    pictures : sequence of LabelledPicture
        At least one.
    columns : int
    cell_px : int
        Side of a cell; pictures are fitted into it.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
        Boxes red, difficult ones blue, file names above.
    """
    rows = math.ceil(len(pictures) / columns)
    sheet = np.zeros((rows * cell_px, columns * cell_px, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        y, x = row * cell_px, column * cell_px
        sheet[y : y + cell_px, x : x + cell_px] = _cell(picture, cell_px)
    return sheet


def _cell(picture: LabelledPicture, side_px: int) -> NDArray[np.uint8]:
    pixels = read_picture(picture.path).pixels
    colour = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    scale = side_px / max(picture.width_px, picture.height_px)
    size = (round(picture.width_px * scale), round(picture.height_px * scale))
    small = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    cell = np.zeros((side_px, side_px, 3), dtype=np.uint8)
    bright = np.clip(small.astype(np.float32) * _BRIGHTENING, 0, 255)
    cell[: size[1], : size[0]] = bright.astype(np.uint8)
    for box in picture.boxes:
        x0, y0, x1, y1 = (round(v * scale) for v in box.xyxy_px)
        shade = _DIFFICULT_RGB if box.difficult else _COLOUR_RGB
        cv2.rectangle(cell, (x0, y0), (x1 - 1, y1 - 1), shade, 1)
    cv2.putText(
        cell, picture.path.stem, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _TEXT_RGB, 1, cv2.LINE_AA
    )
    return cell
