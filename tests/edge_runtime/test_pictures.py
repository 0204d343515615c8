from __future__ import annotations

import bz2
import gzip
import json
import logging
import os
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.frame import Frame
from edge_runtime.pictures import frame_pixels, is_picture_name, read_picture

RGB8 = (np.arange(40 * 60 * 3) * 7 % 256).reshape(40, 60, 3).astype(np.uint8)
GREY8 = RGB8[:, :, 0].copy()
RGB16 = (RGB8.astype(np.uint16) * 257) ^ 0x55
GREY16 = RGB16[:, :, 0].copy()


def write(path: Path, pixels: np.ndarray) -> Path:
    """Write pixels in red, green, blue order with OpenCV."""
    stored = pixels if pixels.ndim == 2 else pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
    assert cv2.imwrite(str(path), stored)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("pixels", [GREY8, RGB8, GREY16, RGB16], ids=str)
def test_lossless_pictures_come_back_exactly(tmp_path, suffix, pixels):
    frame = read_picture(write(tmp_path / f"a.{suffix}", pixels))
    assert frame.pixels.dtype == pixels.dtype
    assert np.array_equal(frame.pixels, pixels)
    assert frame.pixels.flags.c_contiguous
    assert frame.name == f"a.{suffix}"


def test_jpeg_colours_are_red_green_blue(tmp_path):
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 250
    frame = read_picture(write(tmp_path / "red.jpg", red))
    assert frame.pixels[..., 0].mean() > 240
    assert frame.pixels[..., 2].mean() < 10


def test_a_grey_jpeg_is_one_plane(tmp_path):
    assert read_picture(write(tmp_path / "a.jpg", GREY8)).pixels.shape == (40, 60)


def test_the_content_decides_not_the_extension(tmp_path):
    path = write(tmp_path / "a.png", RGB8).rename(tmp_path / "a.fits")
    assert np.array_equal(read_picture(path).pixels, RGB8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_laid_over_black(tmp_path, dtype):
    top = np.iinfo(dtype).max
    pixels = np.full((20, 30, 4), top, dtype)
    pixels[:, :10, 3] = 0
    pixels[:, 10:20, 3] = top // 2
    frame = read_picture(write(tmp_path / "a.png", pixels))
    assert frame.pixels.shape == (20, 30, 3)
    assert frame.pixels.dtype == dtype
    assert frame.pixels[0, [0, 10, 29], 1].tolist() == [0, top // 2, top]


def test_a_palette_png_becomes_colours(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    rows = b"".join(b"\0" + bytes([0, 1] * 8) for _ in range(16))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    assert read_picture(path).pixels[0, :2].tolist() == [[10, 20, 30], [200, 100, 50]]


def test_a_float_tiff_keeps_its_values(tmp_path):
    values = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    frame = read_picture(write(tmp_path / "a.tiff", values))
    assert frame.pixels.dtype == np.float32
    assert np.array_equal(frame.pixels, values)


def exif(time: bytes, zone: bytes = b"", orientation: int = 6, exposure_s: int = 30) -> bytes:
    """An APP1 segment with orientation, time, zone and exposure."""
    count = 3 if zone else 2
    after = 8 + 2 + 2 * 12 + 4
    values = after + 2 + count * 12 + 4
    tiff = b"II*\0" + struct.pack("<I", 8)
    tiff += struct.pack("<H", 2)
    tiff += struct.pack("<HHII", 0x0112, 3, 1, orientation)
    tiff += struct.pack("<HHII", 34665, 4, 1, after) + struct.pack("<I", 0)
    tiff += struct.pack("<H", count)
    tiff += struct.pack("<HHII", 33434, 5, 1, values)
    tiff += struct.pack("<HHII", 36867, 2, 20, values + 8)
    if zone:
        tiff += struct.pack("<HHII", 36881, 2, 7, values + 28)
    tiff += struct.pack("<I", 0)
    tiff += struct.pack("<II", exposure_s, 1) + time + b"\0" + zone + b"\0"
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def with_exif(path: Path, segment: bytes) -> Path:
    data = write(path, RGB8).read_bytes()
    path.write_bytes(data[:2] + segment + data[2:])
    return path


def test_exif_gives_the_time_of_mid_exposure_and_its_rotation_is_ignored(tmp_path):
    path = with_exif(tmp_path / "a.jpg", exif(b"2024:03:09 22:15:00", b"+02:00"))
    frame = read_picture(path)
    assert frame.time == datetime(2024, 3, 9, 20, 15, 15, tzinfo=UTC)
    assert frame.exposure_s == 30
    assert (frame.width, frame.height) == (60, 40)


def test_an_exif_time_without_zone_is_utc_and_a_wrong_one_is_passed_over(tmp_path):
    frame = read_picture(with_exif(tmp_path / "a.jpg", exif(b"2024:03:09 22:15:00")))
    assert frame.time == datetime(2024, 3, 9, 22, 15, 15, tzinfo=UTC)
    path = with_exif(tmp_path / "b.jpg", exif(b"0000:00:00 00:00:00"))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert read_picture(path).time == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_without_a_time_the_file_modification_time_holds(tmp_path):
    path = write(tmp_path / "a.png", GREY8)
    os.utime(path, (1_500_000_000, 1_500_000_000))
    assert read_picture(path).time == datetime(2017, 7, 14, 2, 40, tzinfo=UTC)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_half_a_picture_is_an_error_that_names_the_file(tmp_path, suffix, kept):
    path = write(tmp_path / f"half.{suffix}", RGB8)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(FrameError, match=rf"half\.{suffix}: .*(truncated|missing)") as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_in_a_png_is_noticed(tmp_path):
    path = write(tmp_path / "a.png", RGB8)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(FrameError, match="wrong checksum"):
        read_picture(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("text.png", b"hello world, no picture", "not a JPEG, PNG, TIFF or FITS picture"),
        ("start.jpg", b"\xff\xd8\xff\xe0", "truncated"),
        ("page.fits", b"<html><body>404</body></html>", "not a JPEG"),
        ("packed.fits.gz", gzip.compress(b"no FITS inside" * 300), "damaged FITS"),
    ],
    ids=["empty", "text", "start", "page", "packed"],  # the same in all workers: gzip has the time
)
def test_what_is_no_picture_is_an_error_that_says_so(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FrameError, match=f"{name}: .*{reason}"):
        read_picture(tmp_path / name)


def test_missing_files_and_folders_are_errors(tmp_path):
    with pytest.raises(FrameError, match=r"absent\.jpg: it does not exist"):
        read_picture(tmp_path / "absent.jpg")
    with pytest.raises(FrameError, match="it is not a file"):
        read_picture(tmp_path)
    with pytest.raises(FrameError, match="does not exist"):
        read_picture("a\0.jpg")


@pytest.mark.parametrize(("width", "height"), [(15, 100), (100, 15), (1, 1)])
def test_pictures_smaller_than_16_pixels_are_refused(tmp_path, width, height):
    path = write(tmp_path / "a.png", np.zeros((height, width), np.uint8))
    with pytest.raises(FrameError, match=f"{width} x {height} pixels are too few"):
        read_picture(path)


def test_pictures_above_the_pixel_limit_are_refused_before_decoding(tmp_path):
    path = write(tmp_path / "a.png", GREY8)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    with pytest.raises(FrameError, match="60000 x 60000 pixels are more than the limit of 200"):
        read_picture(path)
    with pytest.raises(FrameError, match=r"limit of 0\.001 megapixels"):
        read_picture(write(tmp_path / "b.jpg", GREY8), pixel_limit=1000)


def test_opencv_does_not_write_to_stderr(tmp_path, capfd):
    path = write(tmp_path / "a.tif", RGB16)
    data = bytearray(path.read_bytes())
    data[10:200] = os.urandom(190)
    path.write_bytes(data)
    with pytest.raises(FrameError, match="damaged TIFF"):
        read_picture(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([[0, 65535]], np.int32), np.uint16),
        (np.array([[0, 65536]], np.int32), np.float32),
        (np.array([[-1, 5]], np.int16), np.float32),
        (np.array([[0.0, 300.0]]), np.uint16),
        (np.array([[0.5, 300.0]]), np.float32),
        (np.array([[1, 2]], ">u2"), np.uint16),
        (np.array([[True, False]]), np.uint8),
        (np.array([[3, 4]], np.int64), np.uint16),
    ],
)
def test_values_become_whole_numbers_where_nothing_is_lost(values, dtype):
    pixels, undefined = frame_pixels(values)
    assert pixels.dtype == dtype
    assert pixels.dtype.isnative
    assert np.array_equal(pixels.astype(float), values.astype(float))
    assert undefined == 0


def test_undefined_pixels_become_the_median_and_are_counted():
    values = np.array([[1.5, 2.5, np.nan], [3.5, np.inf, 1e300]])
    pixels, undefined = frame_pixels(values)
    assert undefined == 3
    assert pixels.tolist() == [[1.5, 2.5, 2.5], [3.5, 2.5, 2.5]]
    with pytest.raises(FrameError, match="no pixel has a defined value"):
        frame_pixels(np.full((2, 2), np.nan))


def test_picture_names_are_told_by_their_extension():
    names = ["a.JPG", "b.fits.fz", "c.fit.gz", "d.tar.gz", "e.cat", "fits", "g.tiff", "h.gz"]
    assert [is_picture_name(Path(name)) for name in names] == [
        True, True, True, False, False, False, True, False,
    ]  # fmt: skip


def sample_files(folder: Path) -> list[bytes]:
    """Small valid files of every format, to be damaged."""
    samples = [
        write(folder / name, pixels).read_bytes()
        for name, pixels in (
            ("s.jpg", RGB8), ("g.jpg", GREY8), ("s.png", RGB16), ("s.tif", RGB8), ("g.tif", GREY16),
        )
    ]  # fmt: skip
    samples.append(with_exif(folder / "e.jpg", exif(b"2024:03:09 22:15:00")).read_bytes())
    header = fits.Header({"DATE-OBS": "2024-01-01T00:00:00", "BAYERPAT": "RGGB", "CTYPE1": "RA"})
    plain = folder / "s.fits"
    fits.writeto(plain, GREY16, header)
    samples.append(plain.read_bytes())
    packed = folder / "s.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(GREY16, header)]).writeto(packed)
    samples.append(packed.read_bytes())
    samples += [gzip.compress(samples[6]), bz2.compress(samples[6])]
    return samples


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[bytes]:
    return sample_files(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def frame_or_error(path: Path) -> Frame | None:
    """Read; only FrameError with a one-line message naming the file may be raised."""
    try:
        return read_picture(path)
    except FrameError as error:
        message = str(error)
    assert path.name in message
    assert "\n" not in message
    return None


def test_the_samples_for_damage_are_sound(samples, scratch):
    for index, data in enumerate(samples):
        path = scratch / f"sample_{index}"
        path.write_bytes(data)
        assert frame_or_error(path) is not None


NO_DEADLINE = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STARTS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"SIMPLE  =", b"BZh9"]


@NO_DEADLINE
@given(
    start=st.sampled_from(STARTS),
    body=st.binary(max_size=400),
    suffix=st.sampled_from([".jpg", ".png", ".tif", ".fits", ".fits.fz", ".fits.gz", ".fits.bz2"]),
)
def test_random_bytes_give_an_error_and_nothing_else(scratch, start, body, suffix):
    path = scratch / f"random{suffix}"
    path.write_bytes(start + body)
    frame_or_error(path)


@NO_DEADLINE
@given(data=st.data())
def test_damaged_files_give_a_frame_or_an_error_and_nothing_else(samples, scratch, data):
    content = bytearray(data.draw(st.sampled_from(samples)))
    places = st.one_of(st.integers(0, 400), st.integers(0, len(content) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        content[min(place, len(content) - 1)] = value
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = scratch / "damaged"
    path.write_bytes(content)
    frame_or_error(path)


@NO_DEADLINE
@given(data=st.data())
def test_damaged_fits_cards_give_a_frame_or_an_error_and_nothing_else(samples, scratch, data):
    content = bytearray(data.draw(st.sampled_from(samples[6:8])))
    header_cards = len(content) // 80 - 1
    for _ in range(data.draw(st.integers(1, 3))):
        card = data.draw(st.integers(0, min(header_cards, 90)))
        place = 80 * card + data.draw(st.integers(0, 30))
        text = data.draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
        content[place : place + len(text)] = text.encode()
    path = scratch / "cards"
    path.write_bytes(content)
    frame_or_error(path)


def test_every_real_file_gives_a_frame_or_an_error(data_dir, caplog):
    failed = []
    for folder in ("camera_feed", "deep_fields"):
        for path in sorted((data_dir / "frames" / folder / "images").iterdir()):
            with caplog.at_level(logging.WARNING):
                if frame_or_error(path) is None:
                    failed.append(path.name)
    assert failed == ["image.cat"]


def test_annotated_frames_have_the_size_their_annotations_say(data_dir):
    folder = data_dir / "frames" / "telescope_galaxies"
    pictures = json.loads((folder / "annotations.json").read_text())["images"]
    assert len(pictures) >= 61
    for picture in pictures:
        path = folder / picture["file_name"]
        if not path.exists():
            path = folder / "images" / picture["file_name"]
        frame = read_picture(path)
        assert (frame.width, frame.height) == (picture["width"], picture["height"])
