from __future__ import annotations

import bz2
import gzip
import io
import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from edge_runtime.errors import FrameError
from edge_runtime.pictures import read_picture

GREY = (np.arange(40 * 60) * 13 % 5000).reshape(40, 60).astype(np.uint16)


def write(path, *hdus):
    fits.HDUList(list(hdus)).writeto(path)
    return path


def test_a_plain_file_keeps_values_row_order_and_header(tmp_path):
    header = fits.Header({"OBJECT": "M51", "GAIN": 120, "EXPTIME": 10.0, "FLAG": True})
    frame = read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(GREY, header)))
    assert np.array_equal(frame.pixels, GREY)
    assert frame.pixels.dtype == np.uint16
    assert frame.exposure_s == 10.0
    assert frame.name == "a.fits"
    assert [frame.header[key] for key in ("OBJECT", "GAIN", "FLAG")] == ["M51", 120, True]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_packed_files_are_unpacked(tmp_path, pack):
    buffer = io.BytesIO()
    fits.PrimaryHDU(GREY).writeto(buffer)
    path = tmp_path / "a.fits.packed"
    path.write_bytes(pack(buffer.getvalue()))
    assert np.array_equal(read_picture(path).pixels, GREY)


def test_a_tile_compressed_extension_is_read_with_the_primary_keywords(tmp_path):
    primary = fits.PrimaryHDU()
    primary.header["EXPTIME"] = 4.0
    primary.header["OBJECT"] = "from primary"
    picture = fits.CompImageHDU(GREY, name="SCI")
    picture.header["OBJECT"] = "from picture"
    frame = read_picture(write(tmp_path / "a.fits.fz", primary, picture))
    assert np.array_equal(frame.pixels, GREY)
    assert frame.exposure_s == 4.0
    assert frame.header["OBJECT"] == "from picture"


def test_tables_are_passed_over_to_the_first_picture(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(5.0))])
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), table, fits.ImageHDU(GREY))
    assert np.array_equal(read_picture(path).pixels, GREY)


def test_a_file_without_a_picture_says_what_it_holds(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(5.0))], name="T")
    with pytest.raises(FrameError, match=r"a.fits: no picture in this FITS file .*T is a table"):
        read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(), table))
    cube = np.zeros((5, 20, 20), np.uint8)
    with pytest.raises(FrameError, match=r"shape \(5, 20, 20\)"):
        read_picture(write(tmp_path / "b.fits", fits.PrimaryHDU(cube)))


@pytest.mark.parametrize("planes_first", [True, False])
def test_three_planes_are_colours(tmp_path, planes_first):
    rgb = np.stack([GREY, GREY + 1, GREY + 2], axis=2)
    stored = np.moveaxis(rgb, 2, 0) if planes_first else rgb
    frame = read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(stored)))
    assert np.array_equal(frame.pixels, rgb)
    assert frame.bayer is None


def test_axes_of_length_one_are_ignored(tmp_path):
    frame = read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(GREY[None, None])))
    assert np.array_equal(frame.pixels, GREY)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (GREY.astype(np.float64), np.uint16),
        (GREY.astype(np.int32), np.uint16),
        (GREY.astype(np.int32) - 1, np.float32),
        (GREY.astype(np.float32) + 0.5, np.float32),
        (GREY.astype(np.uint8), np.uint8),
    ],
)
def test_numbers_are_whole_where_nothing_is_lost(tmp_path, values, dtype):
    frame = read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(values)))
    assert frame.pixels.dtype == dtype
    assert np.array_equal(frame.pixels.astype(float), values.astype(float))


def test_scaled_values_are_scaled(tmp_path):
    hdu = fits.PrimaryHDU(GREY.astype(np.float32))
    hdu.scale("int16", bscale=2.0, bzero=100.0)
    frame = read_picture(write(tmp_path / "a.fits", hdu))
    assert np.abs(frame.pixels.astype(float) - GREY).max() <= 1


def test_undefined_pixels_are_replaced_and_noted(tmp_path):
    values = GREY.astype(np.float32) + 0.5
    values[3, 4:9] = np.nan
    frame = read_picture(write(tmp_path / "a.fits", fits.PrimaryHDU(values)))
    assert frame.header["NANPIX"] == 5
    assert np.isfinite(frame.pixels).all()
    assert frame.pixels[3, 4] == np.float32(np.nanmedian(values))


def test_a_truncated_file_is_an_error(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(GREY))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(FrameError, match=r"a\.fits: truncated or damaged FITS"):
        read_picture(path)


def test_a_header_that_announces_too_many_pixels_is_refused_unread(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(GREY))
    text = path.read_bytes().replace(
        b"NAXIS1  =                   60", b"NAXIS1  =             60000000"
    )
    path.write_bytes(text)
    with pytest.raises(FrameError, match="60000000 x 40 pixels are more than the limit"):
        read_picture(path)


def test_a_packed_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_runtime.fits._UNPACKED_LIMIT_BYTES", 100_000)
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.zeros(100_000))])
    path = write(tmp_path / "a.fits.gz", fits.PrimaryHDU(), table, fits.ImageHDU(GREY))
    with pytest.raises(FrameError, match="unpacks to more than"):
        read_picture(path)


def test_the_mosaic_pattern_is_taken_from_the_header(tmp_path):
    frame = read_picture(
        write(tmp_path / "a.fits", fits.PrimaryHDU(GREY, fits.Header({"BAYERPAT": "GRBG"})))
    )
    assert frame.bayer == "GRBG"


def test_real_frames_say_where_and_when(data_dir):
    images = data_dir / "frames" / "camera_feed" / "images"
    frame = read_picture(images / "M13_blue_0001.fits", sequence=4, camera="ccd")
    assert (frame.width, frame.height, frame.pixels.dtype) == (1392, 1040, np.uint16)
    assert frame.time == datetime(2013, 5, 5, 4, 9, 41, 500_000, tzinfo=UTC)
    assert (frame.exposure_s, frame.sequence, frame.camera) == (5.0, 4, "ccd")


@pytest.mark.parametrize(
    "name",
    [
        "camera_feed/images/HorseHead.fits",
        "camera_feed/images/solved.fits.fz",
        "camera_feed/images/pole.fits",
        "deep_fields/images/reprojected_sdss_g.fits.bz2",
    ],
)
def test_the_pointing_of_solved_frames_agrees_with_astropy(data_dir, name):
    frame = read_picture(data_dir / "frames" / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(fits.Header({k: v for k, v in frame.header.items() if v is not None}))
        ra_deg, dec_deg = wcs.wcs_pix2world([[(frame.width - 1) / 2, (frame.height - 1) / 2]], 0)[0]
    # HorseHead has plate polynomials on top, worth a tenth of an arcsecond here.
    assert frame.ra_deg == pytest.approx(ra_deg, abs=1e-4)
    assert frame.dec_deg == pytest.approx(dec_deg, abs=1e-4)
