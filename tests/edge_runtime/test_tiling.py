"""Views of a frame: coverage, geometry, cut boxes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.tiling import Tile, plan_tiles, touches_inner_edge, view

sizes = st.integers(1, 5000)


@settings(max_examples=80)
@given(sizes, sizes, st.integers(64, 1500), st.floats(0.0, 0.6))
def test_every_pixel_is_in_a_tile_of_each_side(width, height, side, overlap):
    tiles = plan_tiles(width, height, (0, side), overlap)[1:]
    if side >= 0.8 * max(width, height):
        assert not tiles
        return
    for length, starts in ((width, {t.left for t in tiles}), (height, {t.top for t in tiles})):
        covered = np.zeros(length, dtype=bool)
        for start in starts:
            covered[max(start, 0) : start + side] = True
        assert covered.all()
    assert len(tiles) == len({t.left for t in tiles}) * len({t.top for t in tiles})


@given(sizes, sizes, st.integers(64, 1500), st.floats(0.0, 0.6))
def test_neighbours_overlap_as_asked(width, height, side, overlap):
    tiles = plan_tiles(width, height, (side,), overlap)
    lefts = sorted({t.left for t in tiles if t.side == side})
    for a, b in pairwise(lefts):
        assert a + side - b >= side * overlap - 1.0


def test_full_hd_has_the_planned_views():
    tiles = plan_tiles(1920, 1080, (0, 960, 480), 0.2)
    assert tiles[0] == Tile(0, -420, 1920)
    assert [sum(t.side == side for t in tiles) for side in (960, 480)] == [6, 15]


def test_small_frame_is_seen_whole():
    assert plan_tiles(180, 120, (0, 480), 0.2) == (Tile(0, -30, 180),)


@pytest.mark.parametrize(("width", "height", "overlap"), [(0, 5, 0.2), (5, 5, 0.95)])
def test_impossible_plans_are_refused(width, height, overlap):
    with pytest.raises(ValueError, match=r"cannot be tiled|overlap"):
        plan_tiles(width, height, (0,), overlap)


def test_view_puts_a_frame_pixel_where_the_scale_says():
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[140:160, 290:310] = 255
    seen = view(picture, plan_tiles(600, 300, (0,), 0.2)[0], 320, fill=20)
    rows, columns = np.nonzero(seen[..., 0] > 200)
    scale = 320 / 600
    assert columns.mean() == pytest.approx(299.5 * scale, abs=0.6)
    assert rows.mean() == pytest.approx((149.5 + 150) * scale, abs=0.6)
    assert (seen[:70] == 20).all()  # letterbox above


def test_tile_inside_the_frame_is_cut_out_unchanged_at_native_scale():
    picture = np.random.default_rng(0).integers(0, 255, (400, 500, 3), dtype=np.uint8)
    assert (view(picture, Tile(30, 40, 320), 320, 0) == picture[40:360, 30:350]).all()


def test_boxes_cut_by_inner_edges_are_known():
    tile = Tile(100, 0, 200)
    found = np.array(
        [(100, 50, 140, 90), (150, 0, 180, 30), (260, 50, 300, 90), (150, 50, 180, 90)],
        dtype=np.float32,
    )
    cut = touches_inner_edge(found, tile, 1000, 1000, 0.01)
    assert cut.tolist() == [True, False, True, False]
    assert not touches_inner_edge(found, Tile(0, 0, 1000), 300, 300, 0.01).any()


def test_shrinking_in_steps_is_the_mean_over_all_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (180, 240, 3), dtype=np.uint8)
    seen = view(picture, Tile(0, -30, 240), 40, 20)
    exact = picture.reshape(30, 6, 40, 6, 3).mean(axis=(1, 3))
    assert np.abs(seen[5:35].astype(float) - exact).max() <= 1.0
