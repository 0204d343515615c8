"""A page, or a picture, about one box of the detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from annotations.html_page import picture_uri, write_page
from detection.explain.found_boxes import FoundBox, FoundBoxes
from detection.explain.saliency import ExplainedView, Saliency
from edge_runtime.bundle.loading import Bundle
from edge_runtime.errors import ConfigError
from edge_runtime.heat_overlay import AMBER_RGB, BLUE_RGB, draw_heat
from edge_runtime.preview import encode_picture

SUFFIXES = (".html", ".png")
METHOD_WORDS = {
    "occlusion": "Occlusion: similarity lost where a patch of sky covers the view",
    "rise": "RISE: similarity gained where a pixel is seen, over random masks",
}
_PANEL_PX = 640
_CAPTION_PX = 30  # a line of text under a panel
_WHITE, _BLACK, _VIEW_RGB = (255, 255, 255), (0, 0, 0), (86, 180, 233)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def check_output(path: Path) -> None:
    """Refuse a file that is neither a page nor a picture.

    Raises
    ------
    ConfigError
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--output {path}: must end in .html or .png")


def write_explanation(
    path: Path,
    bundle: Bundle,
    boxes: FoundBoxes,
    found: FoundBox,
    seen: ExplainedView,
    maps: Sequence[Saliency],
) -> None:
    """Write the maps of a box as a page (.html) or a picture (.png).

    Parameters
    ----------
    path : Path
        Written whole or not at all.
    bundle : Bundle
    boxes : FoundBoxes
        Of the frame.
    found : FoundBox
        The one explained.
    seen : ExplainedView
    maps : sequence of Saliency
        At least one; all on one colour scale.

    Raises
    ------
    ConfigError
        The file is neither a page nor a picture.
    AnnotationError
        It cannot be written.
    """
    check_output(path)
    full_scale = max(float(np.abs(saliency.values).max()) for saliency in maps) or 1.0
    frame = drawn_frame(boxes, found)
    overlays = [drawn_map(seen, saliency, full_scale) for saliency in maps]
    if path.suffix.lower() == ".png":
        words = [f"{found.detection.label} {found.detection.score:.2f}, view dashed"]
        words += [
            f"{saliency.method}: {100 * saliency.inside:.0f} % in the box; "
            f"amber helps, blue hurts, full colour {full_scale:.3f}"
            for saliency in maps
        ]
        with new_file(path) as partial:
            partial.write_bytes(encode_picture(side_by_side([frame, *overlays], words), ".png"))
        return
    write_page(
        path,
        "detection.explain",
        "box.html",
        boxes=boxes,
        found=found,
        bundle=bundle,
        view_words=view_words(boxes, found),
        size_px=seen.pixels.shape[0],
        frame_uri=picture_uri(frame),
        maps=[
            (saliency, METHOD_WORDS[saliency.method], picture_uri(overlay, quality=92))
            for saliency, overlay in zip(maps, overlays, strict=True)
        ],
        full_scale=full_scale,
        amber=_css(AMBER_RGB),
        blue=_css(BLUE_RGB),
    )


def view_words(boxes: FoundBoxes, found: FoundBox) -> str:
    """Which view found a box, in words."""
    height, width = boxes.picture.shape[:2]
    tile = found.tile
    if tile.side >= max(height, width):
        return "the whole frame"
    return f"the tile of {tile.side} pixels at {tile.left},{tile.top}"


def drawn_frame(boxes: FoundBoxes, found: FoundBox) -> NDArray[np.uint8]:
    """The frame with the view dashed and the box, its longer side ``_PANEL_PX``."""
    height, width = boxes.picture.shape[:2]
    scale = _PANEL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = np.ascontiguousarray(cv2.resize(boxes.picture, size, interpolation=how))
    tile = found.tile
    corners = np.array([tile.left, tile.top, tile.left + tile.side, tile.top + tile.side])
    _dashed(drawn, np.clip(corners * scale, 1, [size[0] - 2, size[1] - 2] * 2))
    _box(drawn, np.array(found.box_xyxy_px) * scale)
    return drawn


def drawn_map(seen: ExplainedView, saliency: Saliency, full_scale: float) -> NDArray[np.uint8]:
    """A map over its view with the box, a square of ``_PANEL_PX``."""
    size = (_PANEL_PX, _PANEL_PX)
    view = np.asarray(cv2.resize(seen.pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    drawn = np.ascontiguousarray(draw_heat(view, saliency.values, full_scale))
    _box(drawn, seen.box_xyxy_px * (_PANEL_PX / seen.pixels.shape[0]))
    return drawn


def side_by_side(panels: Sequence[NDArray[np.uint8]], words: Sequence[str]) -> NDArray[np.uint8]:
    """Panels in a row, each with a line of words under it."""
    columns = []
    for panel, line in zip(panels, words, strict=True):
        column = np.zeros((_PANEL_PX + _CAPTION_PX, _PANEL_PX, 3), np.uint8)
        column[: panel.shape[0], : panel.shape[1]] = panel
        baseline = (6, _PANEL_PX + _CAPTION_PX - 10)
        columns.append(cv2.putText(column, line, baseline, _FONT, 0.5, _WHITE, 1, cv2.LINE_AA))
    return np.asarray(np.hstack(columns), dtype=np.uint8)


def _box(drawn: NDArray[np.uint8], box: NDArray[np.floating]) -> None:
    x0, y0, x1, y1 = (round(float(edge)) for edge in box)
    for colour, width in ((_BLACK, 3), (_WHITE, 1)):
        cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, width)


def _dashed(drawn: NDArray[np.uint8], box: NDArray[np.floating], dash_px: int = 10) -> None:
    x0, y0, x1, y1 = (round(float(edge)) for edge in box)
    for start in range(x0, x1, 2 * dash_px):
        for y in (y0, y1):
            cv2.line(drawn, (start, y), (min(start + dash_px, x1), y), _VIEW_RGB, 2)
    for start in range(y0, y1, 2 * dash_px):
        for x in (x0, x1):
            cv2.line(drawn, (x, start), (x, min(start + dash_px, y1)), _VIEW_RGB, 2)


def _css(rgb: NDArray[np.float32]) -> str:
    return "#" + "".join(f"{round(float(part)):02x}" for part in rgb)
