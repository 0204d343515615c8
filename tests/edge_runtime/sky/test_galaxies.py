"""Drawn galaxies: light, position, size, direction, colour, repeatability."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_runtime.sky.galaxies import GalaxyModel, model_for_type, random_galaxy, render_galaxy
from edge_runtime.sky.morphology import stage_of

HUBBLE_TYPES = ("E", "E-S0", "S0", "Sa", "SABb", "SBbc", "Sc", "Sd", "SBm", "I", "IB", "S?", "")


def centroid(plane: NDArray[np.float32]) -> tuple[float, float]:
    total = plane.sum(dtype=np.float64)
    x = (plane.sum(axis=0, dtype=np.float64) * np.arange(plane.shape[1])).sum() / total
    y = (plane.sum(axis=1, dtype=np.float64) * np.arange(plane.shape[0])).sum() / total
    return float(x), float(y)


@pytest.mark.parametrize("hubble_type", HUBBLE_TYPES)
@pytest.mark.parametrize("axis_ratio", [0.15, 0.5, 0.95])
def test_flux_and_centre_are_those_asked_for(hubble_type: str, axis_ratio: float) -> None:
    rng = np.random.default_rng(HUBBLE_TYPES.index(hubble_type))
    model = model_for_type(hubble_type, axis_ratio, rng)
    image = render_galaxy(model, 40.0, 1000.0, 30.0, (181, 201), (103.3, 88.6))
    assert image.shape == (181, 201, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0.0
    assert image[..., 1].sum() == pytest.approx(1000.0, rel=1e-3)
    x, y = centroid(image[..., 1])
    assert (x, y) == (pytest.approx(103.3, abs=0.1), pytest.approx(88.6, abs=0.1))


@pytest.mark.parametrize("radius_px", [2.0, 6.0, 19.0, 21.0, 150.0])
def test_any_size_holds_its_flux(radius_px: float) -> None:
    for seed in range(6):
        image = render_galaxy(random_galaxy(np.random.default_rng(seed)), radius_px, 500.0)
        assert image[..., 1].sum() == pytest.approx(500.0, rel=2e-3)


def test_a_cut_galaxy_is_part_of_the_whole() -> None:
    model = model_for_type("SBb", 0.6, np.random.default_rng(2))
    whole = render_galaxy(model, 60.0, 1000.0, 70.0, (240, 240), (120.0, 120.0))
    part = render_galaxy(model, 60.0, 1000.0, 70.0, (240, 130), (120.0, 120.0))
    assert part[..., 1].sum() == pytest.approx(whole[:, :130, 1].sum(), rel=0.02)
    outside = render_galaxy(model, 60.0, 1000.0, 70.0, (50, 50), (400.0, 400.0))
    assert outside.sum() == 0.0


@pytest.mark.parametrize("angle_deg", [0.0, 35.0, 90.0, 160.0])
def test_the_major_axis_points_from_north_through_east(angle_deg: float) -> None:
    model = model_for_type("E", 0.4, np.random.default_rng(0))
    plane = render_galaxy(model, 40.0, 1.0, angle_deg)[..., 1].astype(np.float64)
    y, x = np.indices(plane.shape) - (plane.shape[0] - 1) / 2.0
    xx, yy, xy = ((plane * a).sum() for a in (x * x, y * y, x * y))
    # North is -y, east is -x.
    measured = np.degrees(0.5 * np.arctan2(2.0 * xy, yy - xx)) % 180.0
    assert (measured - angle_deg + 90.0) % 180.0 - 90.0 == pytest.approx(0.0, abs=1.5)


@pytest.mark.parametrize("stage", ["E", "S0", "Sb", "Sd"])
def test_most_of_the_light_is_inside_the_isophote(stage: str) -> None:
    model = model_for_type(stage, 0.5, np.random.default_rng(5))
    plane = render_galaxy(model, 50.0, 1.0, 90.0)[..., 1]
    y, x = np.indices(plane.shape) - (plane.shape[0] - 1) / 2.0
    inside = plane[(x / 50.0) ** 2 + (y / 25.0) ** 2 < 1.0].sum()
    assert 0.75 < inside < 0.99


def test_ellipticals_are_redder_than_spirals_and_spirals_have_arms() -> None:
    rng = np.random.default_rng(1)
    elliptical = render_galaxy(model_for_type("E", 0.8, rng), 40.0).sum(axis=(0, 1))
    spiral = render_galaxy(model_for_type("Sc", 0.8, rng), 40.0).sum(axis=(0, 1))
    assert elliptical[0] / elliptical[2] > 1.3 * spiral[0] / spiral[2]

    armed = dataclasses.replace(
        model_for_type("Sc", 1.0, rng), arm_count=2, arm_contrast=0.8, bar_fraction=0.0
    )
    bare = dataclasses.replace(armed, arm_count=0, clumpiness=0.0, dust_depth=0.0)
    assert azimuthal_scatter(armed) > 0.3
    assert azimuthal_scatter(bare) < 0.02


def azimuthal_scatter(model: GalaxyModel) -> float:
    plane = render_galaxy(model, 60.0)[..., 1]
    y, x = np.indices(plane.shape) - (plane.shape[0] - 1) / 2.0
    radius = np.hypot(x, y)
    # A ring so thin that a smooth disc hardly falls off across it.
    ring = plane[(radius > 29.8) & (radius < 30.2)]
    return float(ring.std() / ring.mean())


def test_the_seed_decides_everything() -> None:
    first, again = (random_galaxy(np.random.default_rng(9)) for _ in range(2))
    assert first == again
    assert np.array_equal(render_galaxy(first, 30.0), render_galaxy(again, 30.0))
    assert first != random_galaxy(np.random.default_rng(10))


def test_random_galaxies_cover_the_types() -> None:
    rng = np.random.default_rng(0)
    models = [random_galaxy(rng) for _ in range(400)]
    stages = {model.stage for model in models}
    assert {"E", "S0", "Sa", "Sc", "I"} <= stages
    assert 0.08 < np.mean([model.edge_on for model in models]) < 0.4
    assert 0.1 < np.mean([model.bar_fraction > 0.0 for model in models]) < 0.5


@pytest.mark.parametrize(
    ("hubble_type", "stage", "bar"),
    [("SABbc", "Sbc", 0.5), ("SBm", "Sm", 1.0), ("E-S0", "E-S0", 0.0), ("IB", "I", 0.0)],
)
def test_hubble_types_are_understood(hubble_type: str, stage: str, bar: float) -> None:
    assert stage_of(hubble_type) == (stage, bar)


def test_a_radius_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="radius_px is 0"):
        render_galaxy(random_galaxy(np.random.default_rng(0)), 0.0)
