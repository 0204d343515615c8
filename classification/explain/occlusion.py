"""Occlusion: how an answer falls when a patch of the crop is covered.

Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2. It asks for answers alone, so
it runs on the int8 network as the telescope runs it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classification.explain.attribution import Attribution
from classification.explain.baselines import SKY, cover_picture
from classification.explain.networks import Crops, ExplainedNetwork, Progress
from classification.explain.targets import Target
from edge_runtime.errors import ConfigError

NAME = "occlusion"

PATCH = 0.16
"""Side of a patch as a part of the crop's."""

STRIDE = 0.07
"""Distance of neighbouring patches as a part of the crop's side: 14 × 14 of them."""

_BATCH = 64


def occlusion(
    network: ExplainedNetwork,
    crop: Crops,
    target: Target,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    patch: float = PATCH,
    stride: float = STRIDE,
    fill: str = SKY,
) -> Attribution:
    """Cover a crop patch by patch; a pixel's value is the mean fall over its patches.

    Parameters
    ----------
    network : ExplainedNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    target : Target
    seed : int
        Not used: nothing is random.
    progress : callable, optional
        Called with the patches done and all of them.
    patch, stride : float
        Side of a patch and distance of patches, as parts of the crop's side.
    fill : str
        What a patch is covered with; see ``baseline_picture``.

    Returns
    -------
    Attribution
        In units of the answer.

    Raises
    ------
    ConfigError
        A size is not above 0 and at most 1, or patches leave gaps.
    """
    del seed
    return occlusion_of(
        network, crop, [target], progress=progress, patch=patch, stride=stride, fill=fill
    )[0]


def occlusion_of(
    network: ExplainedNetwork,
    crop: Crops,
    targets: Sequence[Target],
    *,
    progress: Progress | None = None,
    patch: float = PATCH,
    stride: float = STRIDE,
    fill: str = SKY,
) -> tuple[Attribution, ...]:
    """Occlusion of several answers by the same patches; see ``occlusion``."""
    if not (0 < patch <= 1 and 0 < stride <= patch):
        raise ConfigError(
            f"patch and stride are parts of the crop, 0 < stride <= patch <= 1; "
            f"got patch {patch}, stride {stride}"
        )
    size = network.input_size_px
    side = max(1, round(patch * size))
    places = patch_places(size, side, max(1.0, stride * size))
    corners = [(top, left) for top in places for left in places]
    pixels = np.asarray(crop)
    cover = cover_picture(pixels, fill)
    columns = [target.index for target in targets]
    whole = network.answers(pixels[None])[0, columns].astype(np.float64)
    falls = np.zeros((size, size, len(targets)))
    covered = np.zeros((size, size, 1))
    for start in range(0, len(corners), _BATCH):
        some = corners[start : start + _BATCH]
        batch = np.repeat(pixels[None], len(some), axis=0)
        for picture, (top, left) in zip(batch, some, strict=True):
            picture[top : top + side, left : left + side] = cover[
                top : top + side, left : left + side
            ]
        answers = network.answers(batch)[:, columns]
        for answer, (top, left) in zip(answers, some, strict=True):
            falls[top : top + side, left : left + side] += whole - answer
            covered[top : top + side, left : left + side] += 1
        if progress is not None:
            progress(start + len(some), len(corners))
    maps = np.moveaxis(falls / covered, 2, 0).astype(np.float32)
    details = {"calls": float(len(corners) + 1)}
    return tuple(
        Attribution(NAME, target, values, details)
        for target, values in zip(targets, maps, strict=True)
    )


def patch_places(size_px: int, side_px: int, stride_px: float) -> NDArray[np.int64]:
    """First pixels of patches along one side, evenly from edge to edge, no gap between."""
    room = size_px - side_px
    steps = math.ceil(room / min(stride_px, side_px))
    return np.rint(np.linspace(0, room, steps + 1)).astype(np.int64)
