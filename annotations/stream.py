"""One endless stream of labelled frames from several sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.composites import Composite, CompositeGenerator
from annotations.simulated_frames import simulated_composites
from edge_runtime.errors import GalaxyEdgeError

SOURCES = ("composites", "simulated")


@dataclass(frozen=True, slots=True)
class WeightedSource:
    """A source of labelled frames and how often it is asked.

    Attributes
    ----------
    name : str
    weight : float
        Share of the frames, relative to the other sources; 0 leaves it out.
    start : callable
        Takes a numpy.random.Generator and returns an endless iterator of Composite.
    """

    name: str
    weight: float
    start: Callable[[np.random.Generator], Iterator[Composite]]


def training_stream(
    rng: np.random.Generator,
    size_px: int,
    weights: Mapping[str, float],
    composites: CompositeGenerator | None = None,
) -> Iterator[Composite]:
    """Mix composites and simulated frames.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size_px : int
        Side of the frames.
    weights : mapping of str to float
        Of ``"composites"`` and ``"simulated"``; missing ones are 0.
    composites : CompositeGenerator, optional
        Needed where ``"composites"`` has a weight; its pictures must have that side.

    Returns
    -------
    iterator of Composite
        Endless.

    Raises
    ------
    GalaxyEdgeError
        An unknown source, weights that cannot be used, or composites without a
        generator or of another size.
    """
    unknown = sorted(set(weights) - set(SOURCES))
    if unknown:
        raise GalaxyEdgeError(
            f"unknown source of training pictures {unknown[0]!r}; known: {', '.join(SOURCES)}"
        )
    sources = []
    if weights.get("composites"):
        if composites is None:
            raise GalaxyEdgeError(
                "composites need real galaxies and backgrounds; name the data folder, "
                "or give them the weight 0"
            )
        if composites.params.size_px != size_px:
            raise GalaxyEdgeError(
                f"the composites are {composites.params.size_px} px wide, the stream {size_px} px"
            )
        sources.append(WeightedSource("composites", weights["composites"], composites.stream))
    if weights.get("simulated"):
        sources.append(
            WeightedSource(
                "simulated",
                weights["simulated"],
                lambda own: simulated_composites(own, size_px),
            )
        )
    return mixed(sources, rng)


def mixed(sources: Sequence[WeightedSource], rng: np.random.Generator) -> Iterator[Composite]:
    """Frames of several sources at random, by their weights.

    Each source draws from a generator of its own, seeded by ``rng``: how often the
    others are asked does not change what it gives.

    Raises
    ------
    GalaxyEdgeError
        No source has a weight, or one is negative or not finite.
    """
    weights = np.array([source.weight for source in sources], dtype=np.float64)
    for source, weight in zip(sources, weights, strict=True):
        if not (np.isfinite(weight) and weight >= 0.0):
            raise GalaxyEdgeError(f"the weight of {source.name} is {weight}; it must be 0 or more")
    if weights.sum() <= 0.0:
        raise GalaxyEdgeError("no source of training pictures has a weight above 0")
    return _draw(sources, weights / weights.sum(), rng)


def _draw(
    sources: Sequence[WeightedSource], shares: np.ndarray, rng: np.random.Generator
) -> Iterator[Composite]:
    seeds = rng.integers(2**63, size=(len(sources), 4))
    streams = [
        source.start(np.random.default_rng(seed))
        for source, seed in zip(sources, seeds, strict=True)
    ]
    while True:
        yield next(streams[int(rng.choice(len(streams), p=shares))])
