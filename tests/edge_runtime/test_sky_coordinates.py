import numpy as np
import pytest
from astropy.wcs import WCS
from synthetic_results import make_frame

from edge_runtime.sky_coordinates import TangentPlane, separation_arcsec

PLAIN = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg"}
HEADERS = {
    "cd_rotated": {"CD1_1": -3e-4, "CD1_2": 1e-4, "CD2_1": 1.2e-4, "CD2_2": 3.1e-4},
    "cdelt_only": {"CDELT1": -4e-4, "CDELT2": 4e-4},
    "cdelt_crota": {"CDELT1": -4e-4, "CDELT2": 5e-4, "CROTA2": 31.0},
    "cdelt_pc": {
        "CDELT1": -4e-4,
        "CDELT2": 4e-4,
        "PC1_1": 0.8,
        "PC1_2": -0.6,
        "PC2_1": 0.6,
        "PC2_2": 0.8,
    },
}
POLES = [(202.4696, 47.1952), (0.01, -0.5), (359.99, 10.0), (37.95, 89.2), (80.0, -69.8)]


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("pole", POLES)
def test_positions_agree_with_astropy_both_ways(kind, pole):
    header = {
        **PLAIN,
        **HEADERS[kind],
        "CRVAL1": pole[0],
        "CRVAL2": pole[1],
        "CRPIX1": 311.5,
        "CRPIX2": 250.25,
    }
    plane = TangentPlane.from_frame(make_frame(header=header))
    wcs = WCS(header)
    assert plane is not None
    for x, y in [(0.0, 0.0), (639.0, 479.0), (310.5, 249.25), (-200.0, 700.0), (123.4, 56.7)]:
        ra, dec = plane.sky(x, y)
        expected = wcs.wcs_pix2world([[x, y]], 0)[0]
        assert float(separation_arcsec(ra, dec, *expected)) < 1e-5
        assert 0.0 <= ra < 360.0
        back = plane.pixel(float(expected[0]), float(expected[1]))
        assert back == pytest.approx((x, y), abs=1e-5)


def test_pointing_and_pixel_scale_give_north_up_east_left():
    frame = make_frame(ra_deg=150.0, dec_deg=20.0, header={"PIXSCALE": 2.0})
    plane = TangentPlane.from_frame(frame)
    assert plane is not None
    assert plane.centre_deg == pytest.approx((150.0, 20.0), abs=1e-9)
    ra, dec = plane.sky(319.5 - 100.0, 239.5 - 50.0)
    assert dec - 20.0 == pytest.approx(100.0 / 3600.0, abs=1e-4)
    assert (ra - 150.0) * np.cos(np.radians(20.0)) == pytest.approx(200.0 / 3600.0, abs=1e-4)
    assert plane.pixel_scale_arcsec == pytest.approx(2.0)


def test_pixel_size_and_focal_length_give_the_scale():
    header = {"XPIXSZ": 2.9, "FOCALLEN": 250.0}
    plane = TangentPlane.from_frame(make_frame(ra_deg=1.0, dec_deg=2.0, header=header))
    assert plane is not None
    assert plane.pixel_scale_arcsec == pytest.approx(2.3927, abs=1e-3)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"PIXSCALE": 0.0},
        {"PIXSCALE": "two"},
        {**HEADERS["cdelt_only"], "CRVAL1": 1.0, "CRVAL2": 2.0, "CRPIX1": 5.0},
        {
            **HEADERS["cdelt_only"],
            "CRVAL1": 1.0,
            "CRVAL2": 2.0,
            "CRPIX1": 5.0,
            "CRPIX2": 5.0,
            "CTYPE1": "RA---SIN",
            "CTYPE2": "DEC--SIN",
        },
    ],
)
def test_a_frame_that_does_not_say_enough_has_no_plane(header):
    assert TangentPlane.from_frame(make_frame(header=header)) is None


def test_the_far_half_of_the_sky_has_no_pixel():
    frame = make_frame(ra_deg=0.0, dec_deg=0.0, header={"PIXSCALE": 1.0})
    plane = TangentPlane.from_frame(frame)
    assert plane is not None
    assert plane.pixel(180.0, 0.0) is None
    assert plane.pixel(90.0, 0.0) is None
