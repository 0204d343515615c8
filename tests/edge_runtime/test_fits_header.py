from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.fits_header import bayer_pattern, exposure_s, mid_exposure, number, pointing
from edge_runtime.frame import BAYER_PATTERNS

NOON = datetime(2024, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    [
        {"DATE-OBS": "2024-03-09T11:59:55"},
        {"DATE-OBS": "2024-03-09T11:59:55.000Z"},
        {"DATE-OBS": "2024-03-09", "TIME-OBS": "11:59:55"},
        {"DATE-OBS": "2024-03-09", "UT": " 11:59:55.00"},
        {"DATE-AVG": "2024-03-09T12:00:00", "DATE-OBS": "2024-03-09T11:00:00"},
        {"MJD-AVG": 60378.5},
        {"MJD-OBS": 60378.5 - 5 / 86400},
        {"DATE-OBS": "nonsense", "DATE-BEG": "2024-03-09T11:59:55"},
    ],
)
def test_mid_exposure_from_every_way_to_write_it(header):
    middle = mid_exposure(header, 10.0)
    assert middle is not None
    assert abs((middle - NOON).total_seconds()) < 1e-3


def test_old_dates_are_of_the_twentieth_century():
    assert mid_exposure({"DATE-OBS": "29/11/51"}, 0.0) == datetime(1951, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2024-13-45T99:00:00", "31/31/99", "tomorrow", 7, None])
def test_no_time_where_there_is_none(text):
    assert mid_exposure({"DATE-OBS": text}, 10.0) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"EXPTIME": "53.907456"}, 53.907456),
        ({"EXPOSURE": 65.0}, 65.0),
        ({"EXPTIME": -1, "EXPOSURE": 2}, 2.0),
        ({"EXPTIME": float("nan")}, 0.0),
        ({}, 0.0),
    ],
)
def test_exposure_from_numbers_and_text(header, expected):
    assert exposure_s(header) == expected


def test_numbers_may_be_text_but_not_flags():
    header = {"A": "1.5", "B": True, "C": "x", "D": None, "E": "inf", "F": 10**400}
    assert [number(header, key) for key in "ABCDEFG"] == [1.5, *[None] * 6]


@given(
    pattern=st.sampled_from(BAYER_PATTERNS),
    across=st.integers(-3, 3),
    down=st.integers(-3, 3),
    order=st.sampled_from([None, "TOP-DOWN", "BOTTOM-UP"]),
    height=st.integers(16, 19),
)
def test_the_pattern_fits_array_row_0_in_both_row_orders(pattern, across, down, order, height):
    displayed = np.array(
        [
            [pattern[2 * ((r + down) % 2) + (c + across) % 2] for c in range(4)]
            for r in range(height)
        ]
    )
    stored = displayed[::-1] if order == "BOTTOM-UP" else displayed
    header = {"BAYERPAT": pattern, "XBAYROFF": across, "YBAYROFF": down, "ROWORDER": order}
    assert bayer_pattern(header, height) == "".join(stored[:2, :2].ravel())


def test_no_pattern_for_monochrome_or_unknown_filters():
    assert bayer_pattern({}, 20) is None
    assert bayer_pattern({"BAYERPAT": "CMYG"}, 20) is None
    assert bayer_pattern({"BAYERPAT": "none", "COLORTYP": " rggb "}, 20) == "RGGB"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"RA": 202.47, "DEC": 47.2}, (202.47, 47.2)),
        ({"RA": "202.47", "DEC": "47.2"}, (202.47, 47.2)),
        ({"RA": "13:29:24.00", "DEC": "-47:15:36"}, (202.35, -47.26)),
        ({"OBJCTRA": "05 41 06.000", "OBJCTDEC": "-02 27 30.00"}, (85.275, -2.458333)),
        ({"RA": "13h29m24s", "DEC": "-00d15m36s"}, (202.35, -0.26)),
        ({"RA": -10.0, "DEC": 5.0}, (350.0, 5.0)),
    ],
)
def test_pointing_from_degrees_and_sexagesimal_text(header, expected):
    assert pointing(header, 100, 100) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("header", [{}, {"RA": 10.0}, {"RA": 10.0, "DEC": 95.0}, {"RA": "x"}])
def test_no_pointing_where_it_is_incomplete_or_absurd(header):
    assert pointing(header, 100, 100) == (None, None)


def test_a_wcs_goes_before_the_mount():
    header = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 0.0,
        "CRPIX1": 50.5, "CRPIX2": 50.5, "CDELT1": -0.001, "CDELT2": 0.001,
        "RA": 200.0, "DEC": 40.0,
    }  # fmt: skip
    assert pointing(header, 100, 100) == pytest.approx((10.0, 0.0))
    header["CRPIX1"] = 150.5  # the centre is 100 pixels east of the reference
    assert pointing(header, 100, 100) == pytest.approx((10.1, 0.0), abs=1e-6)
