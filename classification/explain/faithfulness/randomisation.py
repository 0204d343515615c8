"""The model-randomisation check: whether a map depends on what the network has learnt.

Adebayo et al. 2018 (NeurIPS, "Sanity Checks for Saliency Maps"). The weights are
redrawn from the answers downwards; a method whose maps stay as they were shows the
picture and not the network. A map that is different each time it is made would pass
as well, so a method must also agree with itself: its map of the same trained network,
with another seed, has to be the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.bootstrap import Interval
from classification.explain.faithfulness.intervals import mean_interval
from classification.explain.faithfulness.redrawing import STAGES, redrawn_networks
from classification.explain.faithfulness.similarity import rank_correlation, structural_similarity
from classification.explain.networks import KerasNetwork
from classification.explain.targets import Target

MARGIN = 0.5
"""Absolute rank correlation below which maps are told to differ, and above which a method
agrees with itself: half of it in rank, a quarter of the variance."""

_LEAST_KNOWN = 0.5  # of the galaxies must have a map after redrawing

Maps = Callable[[KerasNetwork, int, int], Mapping[str, NDArray[np.float32]]]
"""Network, place of the galaxy and seed to a map of each method."""


@dataclass(frozen=True, slots=True)
class RandomisationCheck:
    """What became of the maps of one method.

    Attributes
    ----------
    method : str
    stages : tuple of str
        Layers redrawn, more and more of them.
    correlation : tuple of Interval
        Mean absolute rank correlation with the maps of the trained network, by stage.
    structure : tuple of Interval
        Mean SSIM with them.
    itself : Interval
        Rank correlation of two maps of the trained network, with different seeds.
    known : tuple of float
        Part of the galaxies whose map after redrawing is not the same everywhere.
    margin : float
    """

    method: str
    stages: tuple[str, ...]
    correlation: tuple[Interval, ...]
    structure: tuple[Interval, ...]
    itself: Interval
    known: tuple[float, ...]
    margin: float

    @property
    def passes(self) -> bool:
        """Whether the maps depend on the weights, and on nothing else by chance."""
        return self.reason == ""

    @property
    def reason(self) -> str:
        """Why the check is not passed; empty where it is."""
        last = self.correlation[-1]
        if self.known[-1] < _LEAST_KNOWN:
            return "redrawn networks give constant maps, which say nothing"
        if self.itself.low is None or self.itself.low <= self.margin:
            return "two maps of the same network differ"
        if last.high is None or last.high >= self.margin:
            return "maps stay alike when all weights are redrawn"
        return ""


def randomisation_check(
    network: KerasNetwork,
    crops: NDArray[np.uint8],
    targets: Sequence[Target],
    maps: Maps,
    *,
    stages: int = STAGES,
    margin: float = MARGIN,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, RandomisationCheck]:
    """Check several methods on some galaxies.

    Parameters
    ----------
    network : KerasNetwork
    crops : ndarray, shape (N, S, S, 3), uint8
    targets : sequence of Target, N long
        What the trained network answers; the same answer is explained throughout.
    maps : callable
        See ``Maps``.
    stages : int
        Groups of layers, see ``redrawn_networks``.
    margin : float
    seed : int
    progress : callable, optional
        Called with the galaxies done and all of them, over all stages.
    """
    if len(crops) != len(targets) or not len(crops):
        raise ValueError(f"{len(crops)} crops and {len(targets)} targets")
    total, done = (stages + 2) * len(crops), 0

    def all_maps(which: KerasNetwork, drawn: int) -> list[Mapping[str, NDArray[np.float32]]]:
        nonlocal done
        found = []
        for row in range(len(crops)):
            found.append(maps(which, row, drawn))
            done += 1
            if progress is not None:
                progress(min(done, total), total)
        return found

    trained, again = all_maps(network, seed), all_maps(network, seed + 1)
    labels, later = [], []
    for label, redrawn in redrawn_networks(network, crops, stages=stages, seed=seed):
        labels.append(label)
        later.append(all_maps(redrawn, seed))
    if progress is not None:
        progress(total, total)
    return {
        name: _check(
            name,
            tuple(labels),
            [each[name] for each in trained],
            [each[name] for each in again],
            [[each[name] for each in stage] for stage in later],
            margin,
        )
        for name in trained[0]
    }


def _check(
    name: str,
    labels: tuple[str, ...],
    trained: list[NDArray[np.float32]],
    again: list[NDArray[np.float32]],
    later: list[list[NDArray[np.float32]]],
    margin: float,
) -> RandomisationCheck:
    rank = [
        np.array([abs(rank_correlation(a, b)) for a, b in zip(trained, stage, strict=True)])
        for stage in later
    ]
    structure = [
        np.array([structural_similarity(a, b) for a, b in zip(trained, stage, strict=True)])
        for stage in later
    ]
    itself = np.array([rank_correlation(a, b) for a, b in zip(trained, again, strict=True)])
    return RandomisationCheck(
        method=name,
        stages=labels,
        correlation=tuple(mean_interval(each) for each in rank),
        structure=tuple(mean_interval(each) for each in structure),
        itself=mean_interval(itself),
        known=tuple(1.0 - float(np.mean([math.isnan(v) for v in each])) for each in rank),
        margin=margin,
    )
