"""Pictures with the detections drawn in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.sighting import Detection

# Colour-blind safe (Okabe and Ito 2008), RGB, light enough for a dark sky.
_COLOURS: dict[str, tuple[int, int, int]] = {
    "smooth_round": (230, 159, 0),
    "smooth_inbetween": (240, 228, 66),
    "smooth_cigar": (213, 94, 0),
    "edge_on_disk": (86, 180, 233),
    "spiral": (0, 190, 140),
}
_OUTLINE = (0, 0, 0)


def draw_detections(
    picture: NDArray[np.uint8], detections: Sequence[Detection]
) -> NDArray[np.uint8]:
    """Draw boxes, classes and scores into a copy of a picture.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        The conditioned frame; it is not changed.
    detections : sequence of Detection
        What to draw; boxes in pixels of ``picture``.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
        Line width and text size follow the size of the picture. A copy of
        ``picture`` where there is nothing to draw.
    """
    drawn = np.ascontiguousarray(picture).copy()
    height, width = drawn.shape[:2]
    line_px = max(1, round(min(height, width) / 400))
    scale = max(0.35, min(height, width) / 1400)
    for detection in reversed(detections):  # the best on top
        colour = _COLOURS[detection.label]
        left, top, right, bottom = (round(edge) for edge in detection.box_xyxy_px)
        for shade, extra_px in ((_OUTLINE, 2), (colour, 0)):
            cv2.rectangle(drawn, (left, top), (right, bottom), shade, line_px + extra_px)
        text = f"{detection.label.replace('_', ' ')} {detection.score:.2f}"
        (text_width, text_height), _ = cv2.getTextSize(
            text, cv2.FONT_HERSHEY_SIMPLEX, scale, line_px
        )
        x = max(0, min(left, width - text_width - 1))
        above = top - line_px - 3
        y = above if above - text_height >= 0 else min(height - 2, bottom + text_height + 5)
        for shade, extra_px in ((_OUTLINE, 2), (colour, 0)):
            cv2.putText(
                drawn,
                text,
                (x, y),
                cv2.FONT_HERSHEY_SIMPLEX,
                scale,
                shade,
                line_px + extra_px,
                cv2.LINE_AA,
            )
    return drawn
