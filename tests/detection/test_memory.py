"""Batches that cannot fit are refused before the machine dies of them."""

from __future__ import annotations

import pytest

from detection.registry import family_names
from edge_runtime.errors import GalaxyEdgeError

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def network():
    from detection import task
    from detection.registry import experiment_of

    params = experiment_of("ssd_mobilenet").task
    params.model.input_size = [64, 64, 3]
    return task.GalaxyDetection(params).build_model()


def test_a_batch_beyond_memory_is_refused_with_one_that_fits(network):
    from detection.memory import activation_bytes, require_memory

    one = activation_bytes(network)
    assert 500 < one / 64**2 < 4000
    with pytest.raises(GalaxyEdgeError, match=r"lower --batch, for example to 5$") as caught:
        require_memory(network, 1000, free=10 * one)
    assert "a batch of 1000 pictures of 64 px needs at least" in str(caught.value)


def test_a_batch_that_fits_passes(network):
    from detection.memory import activation_bytes, require_memory

    require_memory(network, 4, free=5 * activation_bytes(network))


def test_a_single_picture_that_does_not_fit_needs_a_smaller_input(network):
    from detection.memory import require_memory

    with pytest.raises(GalaxyEdgeError, match="lower --input-size"):
        require_memory(network, 1, free=1000)


def test_free_memory_is_told():
    from detection.memory import free_memory_bytes

    free = free_memory_bytes()
    assert free is None or 1e7 < free < 1e14


def test_no_family_needs_more_than_is_assumed_before_counting():
    from detection import memory, task
    from detection.registry import experiment_of

    for family in family_names():
        params = experiment_of(family).task
        params.model.input_size = [64, 64, 3]
        network = task.GalaxyDetection(params).build_model()
        assert memory.activation_bytes(network) < memory._MOST_BYTES_PER_PIXEL * 64**2
