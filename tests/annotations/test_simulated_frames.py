"""Frames of the simulated sky: boxes are where a galaxy's light is."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest

from annotations import simulated_frames
from annotations.simulated_frames import SimulatedFrameParams, draw_simulated, simulated_composites

SIZE_PX = 160
GALAXIES = SimulatedFrameParams(SIZE_PX, empty_fraction=0.0)


def drawn(count: int, seed: int, params: SimulatedFrameParams = GALAXIES) -> list:
    rng = np.random.default_rng(seed)
    return list(islice(simulated_composites(rng, params.size_px, params), count))


def test_frames_have_the_look_and_layout_of_composites():
    for composite in drawn(6, seed=1):
        assert composite.picture.shape == (SIZE_PX, SIZE_PX, 3)
        assert composite.picture.dtype == np.uint8
        assert 0.04 < np.median(composite.picture) / 255 < 0.14
        boxes = composite.boxes_xyxy_px
        assert boxes.dtype == np.float32
        assert boxes.shape[1] == 4
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= SIZE_PX).all()
        assert (boxes[:, 2:] - boxes[:, :2] > 2).all()


def test_boxes_enclose_the_isophote_of_the_light_that_was_added(monkeypatch):
    seeds = range(20)
    labelled = [draw_simulated(np.random.default_rng(seed), GALAXIES) for seed in seeds]
    # the same skies and nights, with every galaxy judged invisible and so left out
    monkeypatch.setattr(simulated_frames, "visible_box", lambda *_: None)
    without = [draw_simulated(np.random.default_rng(seed), GALAXIES) for seed in seeds]
    inside, filled = [], []
    for with_light, bare in zip(labelled, without, strict=True):
        assert len(bare.boxes_xyxy_px) == 0
        added = cv2.subtract(with_light.picture, bare.picture).astype(np.float32).mean(axis=2)
        added = cv2.GaussianBlur(added, (0, 0), 1.5)
        if added.max() < 12:
            continue
        isophote = added > max(0.3 * added.max(), 5.0)
        covered = np.zeros_like(isophote)
        for x0, y0, x1, y1 in with_light.boxes_xyxy_px.astype(int):
            covered[y0:y1, x0:x1] = True
            middle = isophote[y0:y1, x0:x1]
            if middle.any():
                rows, columns = middle.any(axis=1).sum(), middle.any(axis=0).sum()
                filled.append(max(rows / (y1 - y0), columns / (x1 - x0)))
        inside.append((isophote & covered).sum() / isophote.sum())
    assert len(inside) >= 10
    assert np.mean(inside) > 0.97
    assert min(inside) > 0.85
    assert np.median(filled) > 0.35  # boxes are not just large


def test_frames_without_galaxies_have_no_box_and_come_as_often_as_asked():
    none = SimulatedFrameParams(96, empty_fraction=1.0)
    assert all(len(c.boxes_xyxy_px) == 0 for c in drawn(4, seed=3, params=none))
    assert sum(len(c.boxes_xyxy_px) > 0 for c in drawn(10, seed=3)) >= 6


def test_same_state_gives_the_same_frames():
    first, again = drawn(3, seed=5), drawn(3, seed=5)
    for one, other in zip(first, again, strict=True):
        assert (one.picture == other.picture).all()
        assert (one.boxes_xyxy_px == other.boxes_xyxy_px).all()
    assert (first[0].picture != drawn(1, seed=6)[0].picture).any()


def test_sizes_spread_from_small_to_most_of_the_frame():
    boxes = np.concatenate([c.boxes_xyxy_px for c in drawn(40, seed=8)])
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    assert sides.min() < 20
    assert sides.max() > 0.5 * SIZE_PX


@pytest.mark.parametrize("size_px", [64, 256])
def test_frames_have_the_size_asked_for(size_px):
    composite = next(simulated_composites(np.random.default_rng(0), size_px))
    assert composite.picture.shape == (size_px, size_px, 3)
