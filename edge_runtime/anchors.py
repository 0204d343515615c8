"""Anchor boxes of a RetinaNet, and boxes from what the network says about them.

The geometry is the TensorFlow Model Garden's (``official.vision.ops.anchor``):
levels from fine to coarse, cells row by row, at each cell the scales with the
aspect ratios within a scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.schema import AnchorSpec

_LARGEST_LOG_RATIO = math.log(1000.0 / 16.0)  # keeps a damaged model from overflowing


def anchor_boxes(spec: AnchorSpec, size_px: int) -> NDArray[np.float32]:
    """Anchors of a square input.

    Parameters
    ----------
    spec : AnchorSpec
    size_px : int
        Side of the input.

    Returns
    -------
    ndarray, shape (A, 4), float32
        Centre y, centre x, height, width in input pixels.
    """
    levels = []
    for level in range(spec.min_level, spec.max_level + 1):
        count = math.ceil(size_px / 2**level)
        centre = (np.arange(count) + 0.5) * (size_px / count)
        shapes = np.array(
            [
                (side / math.sqrt(ratio), side * math.sqrt(ratio))
                for scale in range(spec.num_scales)
                for side in [spec.anchor_size * 2.0 ** (level + scale / spec.num_scales)]
                for ratio in spec.aspect_ratios
            ]
        )
        boxes = np.empty((count, count, len(shapes), 4), dtype=np.float32)
        boxes[..., 0] = centre[:, None, None]
        boxes[..., 1] = centre[None, :, None]
        boxes[..., 2:] = shapes
        levels.append(boxes.reshape(-1, 4))
    return np.concatenate(levels)


def decode_boxes(offsets: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes from the network's offsets (Ren et al. 2015, arXiv:1506.01497, eq. 2).

    Parameters
    ----------
    offsets : ndarray, shape (N, 4), float32
        Shifts of the centre (y, x) in anchor sides, logarithms of height and
        width over the anchor's.
    anchors : ndarray, shape (N, 4), float32
        As `anchor_boxes` returns them.

    Returns
    -------
    ndarray, shape (N, 4), float32
        Left, top, right, bottom in input pixels.
    """
    centre = anchors[:, :2] + offsets[:, :2] * anchors[:, 2:]
    half = 0.5 * anchors[:, 2:] * np.exp(np.minimum(offsets[:, 2:], _LARGEST_LOG_RATIO))
    low, high = centre - half, centre + half
    return np.stack([low[:, 1], low[:, 0], high[:, 1], high[:, 0]], axis=1).astype(np.float32)
