"""Star counts, colours and the stability of the simulated sky."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.sky.stars import galactic, stars_in_field, stars_per_square_degree


def test_galactic_coordinates_agree_with_astropy() -> None:
    from astropy.coordinates import SkyCoord

    for ra, dec in ((0.0, 0.0), (83.6, -5.4), (192.9, 27.1), (266.4, -29.0), (310.0, 80.0)):
        there = SkyCoord(ra, dec, unit="deg", frame="icrs").galactic
        longitude, latitude = galactic(ra, dec)
        assert latitude == pytest.approx(there.b.deg, abs=0.002)
        difference = (longitude - there.l.deg + 180.0) % 360.0 - 180.0
        assert difference * np.cos(np.radians(latitude)) == pytest.approx(0.0, abs=0.002)


def test_the_density_law_gives_the_published_counts() -> None:
    # Allen's Astrophysical Quantities: about 11 and 110 stars per square degree
    # brighter than V = 12 and 15 at the galactic pole; the fit is good to 15 per cent.
    assert stars_per_square_degree(12.0, 0.0, 90.0) == pytest.approx(11.0, rel=0.25)
    assert stars_per_square_degree(15.0, 0.0, 90.0) == pytest.approx(110.0, rel=0.25)
    magnitudes = np.linspace(5.0, 20.0, 50)
    for longitude, latitude in ((0.0, 30.0), (90.0, -25.0), (180.0, 60.0)):
        assert np.all(np.diff(stars_per_square_degree(magnitudes, longitude, latitude)) > 0.0)


def test_the_milky_way_is_denser_than_the_pole() -> None:
    by_latitude = [float(stars_per_square_degree(16.0, 90.0, b)) for b in (5, 10, 20, 40, 90)]
    assert by_latitude == sorted(by_latitude, reverse=True)
    assert by_latitude[0] > 5.0 * by_latitude[-1]


@pytest.mark.parametrize(("ra", "dec"), [(192.86, 27.13), (150.0, 2.0), (75.0, -30.0), (0.1, 60.0)])
@pytest.mark.parametrize("limit", [14.0, 17.0])
def test_star_counts_match_the_density_law(ra: float, dec: float, limit: float) -> None:
    radius_deg = 1.5
    stars = stars_in_field(ra, dec, radius_deg, limit, seed=1)
    cosine = np.sin(np.radians(dec)) * np.sin(np.radians(stars.dec_deg)) + np.cos(
        np.radians(dec)
    ) * np.cos(np.radians(stars.dec_deg)) * np.cos(np.radians(stars.ra_deg - ra))
    inside = cosine > np.cos(np.radians(radius_deg))
    area = np.pi * radius_deg**2
    expected = float(stars_per_square_degree(limit, *galactic(ra, dec))) * area
    # Poisson noise and the density's slope across the field.
    assert inside.sum() == pytest.approx(expected, rel=0.06, abs=5.0 * np.sqrt(expected))
    brighter = float(stars_per_square_degree(limit - 2.0, *galactic(ra, dec))) * area
    found = (stars.magnitude[inside] < limit - 2.0).sum()
    assert found == pytest.approx(brighter, rel=0.06, abs=5.0 * np.sqrt(brighter))


def test_overlapping_fields_show_the_same_stars() -> None:
    one = stars_in_field(200.0, 47.0, 0.5, 16.0, seed=3)
    two = stars_in_field(200.3, 47.1, 0.5, 16.0, seed=3)
    common = set(one.ra_deg.tolist()) & set(two.ra_deg.tolist())
    assert len(common) > 50
    assert one.ra_deg.tolist() == stars_in_field(200.0, 47.0, 0.5, 16.0, seed=3).ra_deg.tolist()
    assert not set(one.ra_deg.tolist()) & set(
        stars_in_field(200.0, 47.0, 0.5, 16.0, seed=4).ra_deg.tolist()
    )


def test_stars_surround_the_pole_and_cross_zero_hours() -> None:
    pole = stars_in_field(0.0, 90.0, 1.0, 15.0, seed=0)
    assert np.histogram(pole.ra_deg, 4, (0.0, 360.0))[0].min() > 0
    zero = stars_in_field(0.0, 10.0, 1.0, 15.0, seed=0)
    assert (zero.ra_deg < 2.0).sum() > 20
    assert (zero.ra_deg > 358.0).sum() > 20


def test_colours_are_those_of_stars() -> None:
    stars = stars_in_field(150.0, 20.0, 1.0, 17.0, seed=0)
    assert stars.b_v.min() >= -0.3
    assert stars.b_v.max() <= 1.8
    assert 0.5 < np.median(stars.b_v) < 1.0
