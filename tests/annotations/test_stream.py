"""The stream of labelled frames keeps its weights and its seed."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from annotations.composites import Composite, CompositeGenerator, CompositeParams
from annotations.cutouts import Cutout
from annotations.stream import WeightedSource, mixed, training_stream
from edge_runtime.errors import GalaxyEdgeError


def counting(mark: int):
    """A source of tiny pictures: its mark, and a number from its generator."""

    def start(rng):
        while True:
            picture = np.full((2, 2, 3), mark, np.uint8)
            picture[0, 0] = rng.integers(0, 256, 3)
            yield Composite(picture, np.zeros((0, 4), np.float32))

    return start


def marks(sources, count: int, seed: int = 1) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(c.picture[1, 1, 0]) for c in islice(mixed(sources, rng), count)]


def generator(size_px: int = 96) -> CompositeGenerator:
    rows, columns = np.mgrid[:60, :60] - 30.0
    light = (200 * np.exp(-np.hypot(rows, columns) / 8)).astype(np.uint8)
    cutout = Cutout(np.repeat(light[:, :, None], 3, axis=2), "test")
    return CompositeGenerator([cutout], [], CompositeParams().at_size(size_px))


def test_sources_are_drawn_by_their_weights():
    sources = [WeightedSource("a", 3.0, counting(1)), WeightedSource("b", 1.0, counting(2))]
    seen = marks(sources, 2000)
    assert seen.count(1) / 2000 == pytest.approx(0.75, abs=0.03)
    never = [WeightedSource("a", 1.0, counting(1)), WeightedSource("b", 0.0, counting(2))]
    assert set(marks(never, 50)) == {1}


def test_what_a_source_gives_does_not_depend_on_the_others_weight():
    def of_first(weight: float) -> list[bytes]:
        sources = [WeightedSource("a", 1.0, counting(1)), WeightedSource("b", weight, counting(2))]
        stream = mixed(sources, np.random.default_rng(4))
        wanted = (c.picture.tobytes() for c in stream if c.picture[1, 1, 0] == 1)
        return list(islice(wanted, 5))

    assert of_first(0.1) == of_first(5.0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "no source"),
        ([0.0], "no source"),
        ([-1.0], "weight of source 0 is -1.0"),
        ([float("nan")], "weight of source 0 is nan"),
    ],
)
def test_weights_that_cannot_be_used_are_named(weights, message):
    sources = [WeightedSource(f"source {i}", w, counting(i)) for i, w in enumerate(weights)]
    with pytest.raises(GalaxyEdgeError, match=message):
        mixed(sources, np.random.default_rng(0))


def test_composites_and_simulated_frames_mix_and_repeat():
    weights = {"composites": 1.0, "simulated": 1.0}

    def pictures():
        stream = training_stream(np.random.default_rng(2), 96, weights, generator())
        return [c.picture for c in islice(stream, 6)]

    first, again = pictures(), pictures()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert {p.shape for p in first} == {(96, 96, 3)}


@pytest.mark.parametrize(
    ("weights", "composites", "message"),
    [
        ({"galaxies": 1.0}, None, "unknown source of training pictures 'galaxies'"),
        ({"composites": 1.0}, None, "composites need real galaxies"),
        ({"composites": 1.0}, generator(64), "64 px wide, the stream 96 px"),
        ({}, None, "no source"),
        ({"simulated": -1.0}, None, "weight of simulated is -1.0"),
    ],
)
def test_a_stream_that_cannot_be_made_says_why(weights, composites, message):
    with pytest.raises(GalaxyEdgeError, match=message):
        training_stream(np.random.default_rng(0), 96, weights, composites)
