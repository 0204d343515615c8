"""Things in composites that are no galaxy, put into a canvas before its camera sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_runtime.sky import artefacts, decoys

Image = NDArray[np.float32]


def noise_of(canvas: Image) -> float:
    """Robust deviation of the pixel-to-pixel differences."""
    grey = canvas[::2, ::2].mean(axis=2)
    return 1.4826 * float(np.median(np.abs(np.diff(grey, axis=1)))) / np.sqrt(2.0)


def with_decoys(canvas: Image, rng: np.random.Generator) -> Image:
    """Things that are no galaxy: clusters, nebulae, ghosts, bright stars, trails."""
    noise = max(noise_of(canvas), 0.008)
    for chance, add in (
        (0.12, decoys.add_globular_cluster),
        (0.06, decoys.add_open_cluster),
        (0.08, decoys.add_nebula),
        (0.05, decoys.add_planetary_nebula),
        (0.02, decoys.add_comet),
        (0.10, artefacts.add_optical_ghost),
        (0.18, artefacts.add_bright_star),
        (0.05, artefacts.add_satellite_trail),
        (0.08, artefacts.add_hot_pixels),
    ):
        if rng.random() < chance:
            add(rng, canvas, noise)
    if rng.random() < 0.08:
        canvas = artefacts.trail(canvas, rng.uniform(2.0, 7.0), rng.uniform(0.0, 180.0))
    return _saturated(canvas, rng)


def add_decoy_portrait(canvas: Image, rng: np.random.Generator) -> None:
    """One large thing that is no galaxy, near the middle; modifies the canvas."""
    noise = max(noise_of(canvas), 0.008)
    size = canvas.shape[0]
    x, y = (float(v) for v in size * rng.uniform(0.25, 0.75, 2))
    kind = rng.random()
    if kind < 0.4:
        radius = float(np.exp(rng.uniform(np.log(0.06 * size), np.log(0.6 * size))))
        decoys.add_globular_cluster(rng, canvas, noise, xy_px=(x, y), radius_px=radius)
    elif kind < 0.7:
        decoys.add_nebula(rng, canvas, noise, xy_px=(x, y))
    elif kind < 0.8:
        decoys.add_comet(rng, canvas, noise, xy_px=(x, y))
    elif kind < 0.9:
        decoys.add_planetary_nebula(rng, canvas, noise, xy_px=(x, y))
    else:
        decoys.add_open_cluster(rng, canvas, noise, xy_px=(x, y))
    canvas[:] = _saturated(canvas, rng)


def _saturated(canvas: Image, rng: np.random.Generator) -> Image:
    """Light up to white: cut off, or compressed above a knee as in stretched pictures."""
    knee = rng.uniform(0.2, 1.2)
    if knee < 0.95:
        room = np.float32(1.0 - knee)
        above = np.maximum(canvas - np.float32(knee), 0.0)
        canvas = np.minimum(canvas, np.float32(knee)) + room * (above / (above + room))
    return np.clip(canvas, 0.0, 1.0)
