"""Views of a frame at several scales.

Galaxies span ten pixels to the whole frame, the detector's input has one
size. So it sees the whole frame letterboxed, and overlapping square tiles of
one or more sides, each resized to its input.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_WHOLE_COVERS = 0.8  # tiles nearly as large as the frame would only repeat the whole view


@dataclass(frozen=True, slots=True)
class Tile:
    """One view: a square of frame pixels, which may reach beyond the frame.

    Attributes
    ----------
    left, top : int
        Its corner in frame pixels; negative where the view is padded.
    side : int
        Its side in frame pixels.
    """

    left: int
    top: int
    side: int


def plan_tiles(width: int, height: int, sides: tuple[int, ...], overlap: float) -> tuple[Tile, ...]:
    """Tiles that cover a frame.

    Parameters
    ----------
    width, height : int
        Frame size in pixels.
    sides : tuple of int
        Tile sides in frame pixels; 0 means the whole frame, letterboxed. Sides
        close to the frame's own or beyond it are left out.
    overlap : float
        Least overlap of neighbours as a fraction of the side, 0 to 0.9.

    Returns
    -------
    tuple of Tile
        The whole frame first. Every pixel of the frame is in a tile of each
        planned side.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a frame of {width} x {height} pixels cannot be tiled")
    if not 0.0 <= overlap <= 0.9:
        raise ValueError(f"overlap {overlap} is not between 0 and 0.9")
    longest = max(width, height)
    whole = Tile((width - longest) // 2, (height - longest) // 2, longest)
    tiles = [whole] if 0 in sides or not sides else []
    for side in sorted({s for s in sides if s > 0}, reverse=True):
        if side >= _WHOLE_COVERS * longest:
            continue
        tiles += [
            Tile(left, top, side)
            for top in _starts(height, side, overlap)
            for left in _starts(width, side, overlap)
        ]
    return tuple(tiles) or (whole,)


def view(picture: NDArray[np.uint8], tile: Tile, size_px: int, fill: int) -> NDArray[np.uint8]:
    """The pixels of a tile, resized to the detector's input.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8
    tile : Tile
    size_px : int
        Side of the result.
    fill : int
        Level outside the frame, 0 to 255.

    Returns
    -------
    ndarray, shape (size_px, size_px, 3), uint8
    """
    height, width = picture.shape[:2]
    x0, y0 = max(tile.left, 0), max(tile.top, 0)
    x1, y1 = min(tile.left + tile.side, width), min(tile.top + tile.side, height)
    inside = picture[y0:y1, x0:x1]
    if inside.shape[0] == tile.side and inside.shape[1] == tile.side:
        return _resize(inside, size_px, size_px)
    scale = size_px / tile.side
    result = np.full((size_px, size_px, picture.shape[2]), fill, dtype=np.uint8)
    left, top = round((x0 - tile.left) * scale), round((y0 - tile.top) * scale)
    right, bottom = round((x1 - tile.left) * scale), round((y1 - tile.top) * scale)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    result[top:bottom, left:right] = _resize(inside, right - left, bottom - top)
    return result


def touches_inner_edge(
    boxes: NDArray[np.float32], tile: Tile, width: int, height: int, margin: float
) -> NDArray[np.bool_]:
    """Which boxes are cut by an edge of the tile that is not the frame's.

    Such a box shows part of a galaxy that a neighbour or a larger view sees
    whole.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4), float32
        In frame pixels.
    margin : float
        Distance from the edge that counts as touching, in tile sides.

    Returns
    -------
    ndarray, shape (N,), bool
    """
    near = margin * tile.side
    right, bottom = tile.left + tile.side, tile.top + tile.side
    cut = np.zeros(len(boxes), dtype=bool)
    if tile.left > 0:
        cut |= boxes[:, 0] < tile.left + near
    if tile.top > 0:
        cut |= boxes[:, 1] < tile.top + near
    if right < width:
        cut |= boxes[:, 2] > right - near
    if bottom < height:
        cut |= boxes[:, 3] > bottom - near
    return cut


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Evenly spaced starts of tiles that cover ``length``."""
    if side >= length:
        return [(length - side) // 2]
    count = int(np.ceil((length - side * overlap) / (side * (1.0 - overlap))))
    count = max(count, 2)
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _resize(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return pixels
    # halving has a fast path, other factors do not; a mean of means of equal parts is the mean
    while pixels.shape[0] % (2 * height) == 0 and pixels.shape[1] % (2 * width) == 0:
        half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)  # type: ignore[return-value]
