"""SmoothGrad: the gradient of an answer, averaged over noisy copies of the crop.

Smilkov et al. 2017, arXiv:1706.03825.
"""

from __future__ import annotations

import numpy as np

from classification.explain.attribution import Attribution
from classification.explain.baselines import sky_level
from classification.explain.gradients import value_and_gradient
from classification.explain.networks import Crops, KerasNetwork, Progress
from classification.explain.targets import Target
from edge_runtime.errors import ConfigError

SAMPLES = 48
NOISE = 0.1
"""Standard deviation of the noise, of the crop's range of values."""

_BATCH = 24


def smoothgrad(
    network: KerasNetwork,
    crop: Crops,
    target: Target,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    samples: int = SAMPLES,
    noise: float = NOISE,
    sensitivity: bool = False,
) -> Attribution:
    """Mean gradient over noisy copies, times what the crop has above its sky.

    The gradient is that of the answer's log-odds (``KerasNetwork.log_odds``). Times the
    crop less its sky level it estimates what a pixel's light adds to them, so that sign
    and unit mean the same as in the other methods.

    Parameters
    ----------
    network : KerasNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    target : Target
    seed : int
        Of the noise.
    progress : callable, optional
        Called with the copies done and all of them.
    samples : int
    noise : float
        Standard deviation, as a part of the range of the crop's values.
    sensitivity : bool
        The paper's map instead: the absolute mean gradient, whichever way it points,
        of the colour where it is largest.

    Returns
    -------
    Attribution
        In log-odds; per step of 1 of 255 where ``sensitivity``.

    Raises
    ------
    ConfigError
        There is less than one sample, or the noise is negative.
    """
    if samples < 1 or noise < 0:
        raise ConfigError(f"needs samples >= 1 and noise >= 0; got {samples} and {noise}")
    pixels = np.asarray(crop, np.float32)
    spread = noise * float(pixels.max() - pixels.min())
    rng = np.random.default_rng(seed)
    total = np.zeros(pixels.shape)
    for start in range(0, samples, _BATCH):
        count = min(_BATCH, samples - start)
        copies = pixels + rng.normal(0, spread, (count, *pixels.shape)).astype(np.float32)
        total += value_and_gradient(network.log_odds, copies, target.index)[1].sum(axis=0)
        if progress is not None:
            progress(start + count, samples)
    mean = total / samples
    if sensitivity:
        values = np.abs(mean).max(axis=2)
    else:
        values = (mean * (pixels - sky_level(crop))).sum(axis=2)
    return Attribution("smoothgrad", target, values.astype(np.float32), {"calls": float(samples)})
