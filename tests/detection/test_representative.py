"""Representative pictures are training composites and views of training frames."""

from __future__ import annotations

import numpy as np
import pytest

from detection.representative import representative_views


@pytest.fixture(scope="module")
def drawn(small_data):
    return representative_views(small_data, 64, count=9, seed=3)


def test_half_are_composites_and_half_views_of_frames(drawn):
    assert len(drawn.pictures) == 9
    assert (drawn.composites, drawn.frame_views) == (5, 4)
    assert drawn.frames == 1  # one of two frames is kept for validation
    assert {(p.shape, p.dtype.name) for p in drawn.pictures} == {((64, 64, 3), "uint8")}
    assert drawn.describe().startswith("9 pictures: 5 composites")


def test_frames_are_conditioned_as_at_the_edge(drawn):
    # the stretch puts the sky at 0.08 of 255, whatever level the files have
    for picture in drawn.pictures[drawn.composites :]:
        assert np.median(picture) == pytest.approx(0.08 * 255, abs=4)


def test_the_same_seed_draws_the_same(drawn, small_data):
    again = representative_views(small_data, 64, count=9, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(drawn.pictures, again.pictures, strict=True))


def test_a_part_can_be_set_aside(drawn):
    rest, aside = drawn.split(4)
    assert (rest.composites, rest.frame_views) == (3, 2)
    assert (aside.composites, aside.frame_views) == (2, 2)
    together = [*aside.pictures[:2], *rest.pictures, *aside.pictures[2:]]
    assert all(a is b for a, b in zip(together, drawn.pictures, strict=True))


def test_fewer_than_one_of_each_kind_is_refused(small_data):
    with pytest.raises(ValueError, match="below 2"):
        representative_views(small_data, 64, count=1)
