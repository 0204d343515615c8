"""Boxes by isophotes fit galaxies whose extent is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sep", reason="workstation extra not installed")

from annotations.isophotes import (
    LEVEL_GREY,
    LEVEL_PEAK_FRACTION,
    LEVEL_SKY_DEVIATIONS,
    frame_outlines,
    isophote_level,
    light_above_sky,
)

SIDE = 240
SKY = 6.0


def drawn(*lights: np.ndarray, noise: float = 3.0, seed: int = 0) -> np.ndarray:
    """A frame with these lights on a noisy sky."""
    rng = np.random.default_rng(seed)
    grey = sum(lights, np.full((SIDE, SIDE), SKY))[:, :, None]
    return (grey + rng.normal(0, noise, (SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)


def plateau(
    semi_x: float, semi_y: float, *, x: float = 120, y: float = 120, angle: float = 0.0
) -> np.ndarray:
    """An ellipse of even light, so that its edge is at any level."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    dx, dy = columns - x, rows - y
    u = dx * math.cos(angle) + dy * math.sin(angle)
    v = dy * math.cos(angle) - dx * math.sin(angle)
    return np.where((u / semi_x) ** 2 + (v / semi_y) ** 2 <= 1.0, 120.0, 0.0)


def star(x: float, y: float, peak: float = 200.0, sigma: float = 3.0) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def exponential(scale: float, peak: float = 180.0, ratio: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return peak * np.exp(-np.hypot(columns - 120, (rows - 120) / ratio) / scale)


@pytest.mark.parametrize(
    ("semi_x", "semi_y", "angle"),
    [(40, 40, 0.0), (60, 20, 0.0), (20, 60, 0.0), (60, 20, math.pi / 4), (70, 10, 0.5)],
)
def test_box_is_that_of_the_ellipse(semi_x, semi_y, angle):
    central = frame_outlines(drawn(plateau(semi_x, semi_y, angle=angle))).central
    half_width = math.hypot(semi_x * math.cos(angle), semi_y * math.sin(angle))
    half_height = math.hypot(semi_x * math.sin(angle), semi_y * math.cos(angle))
    expected = (120 - half_width, 120 - half_height, 120 + half_width, 120 + half_height)
    assert central is not None
    assert central.box_xyxy_px == pytest.approx(expected, abs=4.0)
    # smoothing carries the edge two or three pixels outwards
    assert central.area_px > 0.95 * math.pi * semi_x * semi_y
    assert central.area_px < math.pi * (semi_x + 3) * (semi_y + 3)
    assert not central.truncated


def test_exponential_disk_ends_where_its_light_falls_to_the_level():
    central = frame_outlines(drawn(exponential(20.0), noise=1.0)).central
    assert central is not None
    assert central.level == pytest.approx(LEVEL_GREY)
    radius = 20.0 * math.log(180.0 / LEVEL_GREY)
    left, top, right, bottom = central.box_xyxy_px
    assert (right - left) / 2 == pytest.approx(radius, rel=0.05)
    assert (bottom - top) / 2 == pytest.approx(radius, rel=0.05)


def test_box_hardly_depends_on_the_noise():
    boxes = []
    for seed in range(8):
        central = frame_outlines(drawn(exponential(18.0, ratio=0.5), seed=seed)).central
        assert central is not None
        boxes.append(central.box_xyxy_px)
    assert np.std(boxes, axis=0).max() < 2.0


@pytest.mark.parametrize("place", [(150, 120), (120, 90), (158, 120), (140, 140)])
def test_a_star_on_the_galaxy_or_at_its_edge_does_not_stretch_the_box(place):
    alone = frame_outlines(drawn(exponential(15.0))).central
    with_star = frame_outlines(drawn(exponential(15.0), star(*place))).central
    assert alone is not None
    assert with_star is not None
    assert with_star.box_xyxy_px == pytest.approx(alone.box_xyxy_px, abs=5.0)


def test_a_diffraction_spike_of_70_px_is_trimmed_to_a_stub():
    spike = np.zeros((SIDE, SIDE))
    spike[118:121, 120:230] = 60.0
    central = frame_outlines(drawn(plateau(40, 40), spike)).central
    assert central is not None
    assert central.box_xyxy_px == pytest.approx((80, 80, 160, 160), abs=8.0)


def test_a_gradient_of_the_sky_does_not_change_the_box():
    rows, _ = np.mgrid[:SIDE, :SIDE]
    central = frame_outlines(drawn(plateau(50, 30), rows * 0.2)).central
    assert central is not None
    assert central.box_xyxy_px == pytest.approx((70, 90, 170, 150), abs=5.0)


def test_an_extended_neighbour_is_listed_and_a_star_is_not():
    frame = drawn(plateau(40, 30), plateau(30, 12, x=60, y=40), star(190, 200, sigma=4.0))
    found = frame_outlines(frame)
    assert len(found.neighbours) == 1
    assert found.neighbours[0].box_xyxy_px == pytest.approx((30, 28, 90, 52), abs=5.0)


def test_an_empty_frame_has_no_galaxy():
    assert frame_outlines(drawn()).central is None


def test_a_galaxy_larger_than_the_frame_is_marked_truncated():
    central = frame_outlines(drawn(plateau(200, 20))).central
    assert central is None or central.truncated


def test_sky_is_measured_beside_neighbours():
    light, deviation = light_above_sky(drawn(star(8, 8, sigma=8.0), noise=4.0))
    assert float(np.median(light)) == pytest.approx(0.0, abs=0.3)
    assert deviation < 1.0  # of the smoothed mean of three colours


@pytest.mark.parametrize(
    ("peak", "deviation", "expected"),
    [
        (200.0, 1.0, LEVEL_GREY),
        (40.0, 1.0, LEVEL_PEAK_FRACTION * 40.0),
        (200.0, 5.0, LEVEL_SKY_DEVIATIONS * 5.0),
    ],
)
def test_level_is_the_highest_of_its_floors(peak, deviation, expected):
    assert isophote_level(peak, deviation) == pytest.approx(expected)


def test_real_frames_have_a_box_about_the_centre(data_dir: Path):
    from annotations.galaxy_zoo_boxes import label_frame, whole_frames

    table = whole_frames(data_dir, ("val",))
    sides = []
    for name in table.files[:25]:
        picture = label_frame(table.directory / name, name)
        assert picture is not None
        main = picture.boxes[0]
        x0, y0, x1, y1 = main.xyxy_px
        assert not main.difficult
        assert all(box.difficult for box in picture.boxes[1:])
        assert x0 <= 218
        assert x1 >= 206
        assert y0 <= 218
        assert y1 >= 206
        sides.append(math.sqrt(main.width_px * main.height_px))
    assert picture.group == Path(name).stem
    assert 95 <= np.median(sides) <= 145  # R90 is 50 px
    assert min(sides) >= 50
    assert max(sides) <= 330
