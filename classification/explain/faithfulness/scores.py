"""The scores of methods, galaxy by galaxy and over a set."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.bootstrap import RESAMPLES, Difference, Interval
from classification.explain.faithfulness.curves import STEPS, CurvePair, deletion_and_insertion
from classification.explain.faithfulness.intervals import mean_difference, mean_interval
from classification.explain.faithfulness.placement import placement
from classification.explain.faithfulness.stability import Stability, stability
from classification.explain.galaxy_mask import CropRegions
from classification.explain.networks import ExplainedNetwork
from classification.explain.targets import Target

RANDOM = "random map"
SPOT = "central spot"
REFERENCES = (RANDOM, SPOT)
"""Maps that know nothing of the network; scored like any method, to compare with."""

Explain = Callable[[str, NDArray[np.uint8]], NDArray[np.float32]]
"""Name of a method and a crop to its map of the same target."""


@dataclass(frozen=True, slots=True)
class Score:
    """One column of the table of faithfulness.

    Attributes
    ----------
    key, title, meaning : str
    better : str
        ``higher``, ``lower``, or empty where neither is.
    """

    key: str
    title: str
    meaning: str
    better: str


SCORES = (
    Score(
        "deletion",
        "deletion",
        "mean answer while pixels go to sky, those of the highest attribution first",
        "lower",
    ),
    Score(
        "insertion",
        "insertion",
        "mean answer while they come back into a crop of sky",
        "higher",
    ),
    Score("gain", "insertion − deletion", "0 for a map that knows nothing, at most 1", "higher"),
    Score(
        "inside", "inside the galaxy", "part of the positive attribution in the isophote", "higher"
    ),
    Score("pointing", "pointing game", "how often the highest attribution is in it", "higher"),
    Score(
        "rotation", "turned by 10°", "rank correlation with the map of the crop turned", "higher"
    ),
    Score("noise", "with noise", "rank correlation with the map of the crop with noise", "higher"),
    Score(
        "completeness_error",
        "sum is off by",
        "how far the map's sum is from what it promises, relative to it",
        "lower",
    ),
    Score("seconds", "seconds", "a map, on this machine", "lower"),
)
"""Columns of the table, in order."""

PLACES = ("outskirts", "neighbours", "border", "sky")
"""Where the rest of the positive attribution lies; also among the scores."""

_SPOT_OF_SIDE = 0.15


def reference_maps(size_px: int, seed: int | tuple[int, ...]) -> dict[str, NDArray[np.float32]]:
    """Maps that know nothing: noise, and a round spot in the middle of the crop."""
    axis = (np.arange(size_px) - (size_px - 1) / 2.0) / (_SPOT_OF_SIDE * size_px)
    spot = np.exp(-0.5 * (axis[:, None] ** 2 + axis[None] ** 2))
    noise = np.random.default_rng(seed).normal(size=(size_px, size_px))
    return {RANDOM: noise.astype(np.float32), SPOT: spot.astype(np.float32)}


def galaxy_scores(
    network: ExplainedNetwork,
    crop: NDArray[np.uint8],
    target: Target,
    maps: Mapping[str, NDArray[np.float32]],
    regions: CropRegions,
    *,
    explain: Explain | None = None,
    steps: int = STEPS,
    seed: int = 0,
) -> tuple[dict[str, dict[str, float]], dict[str, CurvePair]]:
    """Scores of the maps of one galaxy.

    Parameters
    ----------
    network : ExplainedNetwork
    crop : ndarray, shape (S, S, 3), uint8
    target : Target
    maps : mapping of str to ndarray, shape (S, S)
        By method.
    regions : CropRegions
    explain : callable, optional
        Makes further maps, for the stability; left out, there is none.
    steps : int
        Of the curves.
    seed : int

    Returns
    -------
    scores : dict of str to dict of str to float
        By method, ``REFERENCES`` among them, and by the keys of ``SCORES`` and
        ``PLACES``; what a map has not is NaN.
    curves : dict of str to CurvePair
    """
    # another random map for each galaxy, the same one each time
    everything = {**maps, **reference_maps(len(crop), (seed, zlib.crc32(crop.tobytes())))}
    curves = deletion_and_insertion(network, crop, target, everything, steps=steps, seed=seed)
    scores = {}
    for name, values in everything.items():
        placed = placement(values, regions)
        stable = Stability(math.nan, math.nan)
        if explain is not None and name in maps:
            stable = stability(lambda c, n=name: explain(n, c), crop, values, seed=seed)
        scores[name] = {
            "deletion": curves[name].deletion.area,
            "insertion": curves[name].insertion.area,
            "gain": curves[name].gain,
            "inside": placed.inside,
            "pointing": placed.pointing,
            "rotation": stable.rotation,
            "noise": stable.noise,
            **{place: placed.shares[place] for place in PLACES},
        }
    return scores, curves


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores of methods over a set of galaxies.

    Attributes
    ----------
    n : int
        Galaxies.
    means : mapping of str to mapping of str to Interval
        By method and score.
    above_random : mapping of str to Difference
        How far the gain of each method is above that of the random map.
    """

    n: int
    means: Mapping[str, Mapping[str, Interval]]
    above_random: Mapping[str, Difference]

    def best(self, key: str) -> str | None:
        """The method with the best mean of a score, references left out."""
        better = next((s.better for s in SCORES if s.key == key), "higher")
        found = {
            name: means[key].value
            for name, means in self.means.items()
            if name not in REFERENCES and means[key].value is not None
        }
        if not found or not better:
            return None
        return (max if better == "higher" else min)(found, key=lambda name: found[name] or 0.0)


def score_table(
    rows: Sequence[Mapping[str, Mapping[str, float]]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ScoreTable:
    """Means over galaxies, with their intervals.

    Parameters
    ----------
    rows : sequence of mapping, N long
        For each galaxy, scores by method and key; what is not there counts as unknown.
    resamples, seed : int
        Of the intervals.
    """
    methods = list(dict.fromkeys(name for row in rows for name in row))
    methods.sort(key=lambda name: name in REFERENCES)
    keys = [*(score.key for score in SCORES), *PLACES]

    def column(name: str, key: str) -> NDArray[np.float64]:
        return np.array([row.get(name, {}).get(key, math.nan) for row in rows], np.float64)

    means = {
        name: {
            key: mean_interval(column(name, key), resamples=resamples, seed=seed) for key in keys
        }
        for name in methods
    }
    above = {
        name: mean_difference(
            column(RANDOM, "gain"), column(name, "gain"), resamples=resamples, seed=seed
        )
        for name in methods
        if name != RANDOM and RANDOM in methods
    }
    return ScoreTable(len(rows), means, above)
