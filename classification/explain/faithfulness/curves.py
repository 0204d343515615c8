"""Deletion and insertion: how the answer follows the pixels that a map calls important.

Petsiuk et al. 2018 (BMVC, "RISE"). Deletion takes the pixels away, those of the
highest attribution first; a good map makes the answer fall at once, so that the
area under its curve is small. Insertion puts them back into a crop without them;
a good map makes the answer rise at once, so that the area is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.explain.baselines import SKY, baseline_picture
from classification.explain.networks import ExplainedNetwork
from classification.explain.targets import Target

STEPS = 20


@dataclass(frozen=True, slots=True)
class Curve:
    """The answer while pixels go, or come.

    Attributes
    ----------
    answers : ndarray, shape (T + 1,), float64
        After equal shares of the pixels: of none of them first, of all last.
    """

    answers: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Area under the curve, over shares from 0 to 1; the mean answer on the way."""
        return float(np.mean((self.answers[1:] + self.answers[:-1]) / 2.0))


@dataclass(frozen=True, slots=True)
class CurvePair:
    """Both curves of one map.

    Attributes
    ----------
    deletion, insertion : Curve
    """

    deletion: Curve
    insertion: Curve

    @property
    def gain(self) -> float:
        """Area of insertion less that of deletion: 0 for a map that knows nothing, at most 1."""
        return self.insertion.area - self.deletion.area


def falling_order(values: NDArray[np.floating], seed: int = 0) -> NDArray[np.intp]:
    """Places of a map's pixels, the highest first; ties in an order drawn from the seed.

    Ties are common (a superpixel has one value, Grad-CAM has none below zero), and
    an order by rows would tell more than the map does.
    """
    flat = values.ravel()
    drawn = np.random.default_rng(seed).permutation(flat.size)
    return np.asarray(drawn[np.argsort(-flat[drawn], kind="stable")])


def deletion_and_insertion(
    network: ExplainedNetwork,
    crop: NDArray[np.uint8],
    target: Target,
    maps: Mapping[str, NDArray[np.float32]],
    *,
    fill: str = SKY,
    steps: int = STEPS,
    seed: int = 0,
) -> dict[str, CurvePair]:
    """Curves of several maps of one crop, all in one call of the network.

    Parameters
    ----------
    network : ExplainedNetwork
    crop : ndarray, shape (S, S, 3), uint8
    target : Target
        The answer that the maps explain.
    maps : mapping of str to ndarray, shape (S, S)
    fill : str
        What pixels are replaced with; see ``baselines``.
    steps : int
        Shares of the pixels between none and all.
    seed : int
        Of the order of equal values.
    """
    whole, empty = crop.astype(np.float32), baseline_picture(crop, fill)
    pixels = whole.shape[0] * whole.shape[1]
    counts = [round(pixels * step / steps) for step in range(1, steps)]
    batch = [whole, empty]
    for values in maps.values():
        order = falling_order(values, seed)
        deleted, inserted = whole.reshape(-1, 3).copy(), empty.reshape(-1, 3).copy()
        deletions, insertions, done = [], [], 0
        for count in counts:
            now = order[done:count]
            deleted[now] = empty.reshape(-1, 3)[now]
            inserted[now] = whole.reshape(-1, 3)[now]
            deletions.append(deleted.reshape(whole.shape).copy())
            insertions.append(inserted.reshape(whole.shape).copy())
            done = count
        batch += deletions + insertions
    answers = network.answers(np.stack(batch))[:, target.index].astype(np.float64)
    full, none = answers[0], answers[1]
    curves = {}
    for place, name in enumerate(maps):
        start = 2 + 2 * place * len(counts)
        there, back = answers[start:].reshape(-1, len(counts))[:2]
        curves[name] = CurvePair(
            Curve(np.concatenate([[full], there, [none]])),
            Curve(np.concatenate([[none], back, [full]])),
        )
    return curves
