"""Galaxies drawn by GalSim: the seeing, the shape and the colours are those asked for."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from annotations.composites import visible_box
from annotations.galsim_galaxies import (
    SeeingLimitedGalaxy,
    draw_galsim_galaxy,
    render_galsim_galaxy,
)
from edge_runtime.errors import GalaxyEdgeError

pytest.importorskip("galsim", reason="GalSim is not installed (the workstation extra)")

SPIRAL = SeeingLimitedGalaxy(
    axis_ratio=0.5,
    bulge_axis_ratio=0.8,
    position_angle_deg=30.0,
    bulge_fraction=0.15,
    bulge_sersic=2.0,
    bulge_radius=0.08,
    disc_scale=0.3,
    knot_fraction=0.0,
    knots=0,
    bulge_b_v=0.95,
    disc_b_v=0.45,
    pixel_scale_arcsec=1.2,
    seeing_arcsec=3.6,
    profile="moffat",
    moffat_beta=3.0,
    seed=1,
)


def moments(light: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Centre (x, y) from the middle of the picture, and second moments."""
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]] - (light.shape[0] - 1) / 2.0
    weight = light / light.sum()
    x, y = float((weight * columns).sum()), float((weight * rows).sum())
    dx, dy = columns - x, rows - y
    xx, xy, yy = ((weight * a * b).sum() for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    return x, y, np.array([[xx, xy], [xy, yy]])


@pytest.mark.parametrize("profile", ["moffat", "kolmogorov"])
def test_a_galaxy_much_smaller_than_the_seeing_is_as_wide_as_a_star(profile):
    point = replace(
        SPIRAL, bulge_fraction=1.0, bulge_sersic=1.0, bulge_radius=0.002,
        bulge_axis_ratio=1.0, profile=profile, seeing_arcsec=6.0,
    )  # fmt: skip
    light = render_galsim_galaxy(point, 20.0)[..., 1]
    middle = light.shape[0] // 2
    cut = light[middle]
    assert int(np.argmax(cut)) == middle
    right = np.arange(middle, len(cut))
    half = np.interp(-cut[middle] / 2.0, -cut[right], right) - middle
    assert 2.0 * half == pytest.approx(point.fwhm_px, rel=0.07)  # a pixel widens it a little


def test_light_adds_up_but_for_the_faded_edge_and_lies_along_the_position_angle():
    light = render_galsim_galaxy(SPIRAL, 60.0)
    assert light.dtype == np.float32
    assert light.shape[0] == light.shape[1] == 2 * math.ceil(1.7 * 60 + 6) + 1
    assert light[..., 1].sum() == pytest.approx(0.92, abs=0.05)
    x, y, second = moments(light[..., 1])
    assert abs(x) < 0.2
    assert abs(y) < 0.2
    values, vectors = np.linalg.eigh(second)
    angle = math.degrees(math.atan2(-vectors[1, 1], vectors[0, 1])) % 180.0
    assert angle == pytest.approx(30.0, abs=3.0)
    assert math.sqrt(values[0] / values[1]) == pytest.approx(0.5, abs=0.08)
    assert light[0].max() == light[:, -1].max() == 0.0


def test_bulge_is_redder_than_disc_and_knots_are_bluer():
    light = render_galsim_galaxy(SPIRAL, 60.0)
    middle = light.shape[0] // 2
    core = light[middle - 2 : middle + 3, middle - 2 : middle + 3].sum(axis=(0, 1))
    whole = light.sum(axis=(0, 1))
    assert core[0] / core[2] > 1.15 * whole[0] / whole[2]
    with_knots = render_galsim_galaxy(replace(SPIRAL, knots=30, knot_fraction=0.3), 60.0)
    assert with_knots.sum(axis=(0, 1))[1] == pytest.approx(whole[1], rel=0.05)
    assert with_knots[..., 2].sum() > 1.03 * whole[2]


@pytest.mark.parametrize("side_px", [14.0, 60.0, 200.0])
def test_random_galaxies_are_about_as_large_as_asked_for(side_px):
    rng = np.random.default_rng(4)
    sides = []
    for _ in range(8):
        patch = draw_galsim_galaxy(rng, side_px)
        assert patch.dtype == np.float32
        assert patch.min() >= 0.0
        assert np.isfinite(patch).all()
        patch /= patch.max()
        box = visible_box(patch, 0.0, patch.shape[0], 0, 0)
        assert box is not None
        sides.append(max(box[2] - box[0], box[3] - box[1]))
    assert 0.6 * side_px < np.median(sides) < 1.7 * side_px + 4


def test_same_state_gives_the_same_galaxy():
    first, again = (draw_galsim_galaxy(np.random.default_rng(7), 40.0) for _ in range(2))
    assert (first == again).all()
    assert first.shape != draw_galsim_galaxy(np.random.default_rng(8), 60.0).shape


def test_a_radius_of_nothing_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        render_galsim_galaxy(SPIRAL, 0.0)


def test_without_galsim_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "galsim", None)
    with pytest.raises(GalaxyEdgeError, match=r"galaxy-edge\[workstation\]"):
        render_galsim_galaxy(SPIRAL, 10.0)
