"""Conditioning: look, background, colour and robustness."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_runtime.conditioning import ConditioningParams, condition, estimate_background
from edge_runtime.errors import FrameError
from edge_runtime.frame import Frame

PARAMS = ConditioningParams()
SKY = PARAMS.sky_level * 255


def frame(pixels: np.ndarray, bayer: str | None = None) -> Frame:
    return Frame(pixels, datetime(2025, 3, 1, tzinfo=UTC), 10.0, "test", 0, bayer=bayer)


def noisy_sky(
    level: float, sigma: float, shape: tuple[int, ...] = (300, 400, 3), seed: int = 1
) -> np.ndarray:
    return np.random.default_rng(seed).normal(level, sigma, shape)


@pytest.mark.parametrize(
    ("dtype", "level", "sigma"),
    [
        (np.uint8, 40, 4),
        (np.uint8, 12, 2),
        (np.uint16, 900, 25),
        (np.uint16, 30000, 400),
        (np.float32, 0.02, 0.001),
    ],
)
def test_sky_comes_to_the_sky_level_whatever_the_depth(dtype, level, sigma):
    picture = condition(frame(noisy_sky(level, sigma).astype(dtype)))
    assert picture.dtype == np.uint8
    assert picture.shape == (300, 400, 3)
    assert np.median(picture) == pytest.approx(SKY, abs=3.0)


def test_gradient_is_removed_and_a_galaxy_is_not():
    height, width = 400, 600
    rows, columns = np.mgrid[:height, :width]
    sky = 3000 + 4.0 * columns + 2.0 * rows
    galaxy = 12000 * np.exp(-np.hypot((columns - 300) / 60, (rows - 200) / 30))
    pixels = sky + galaxy + noisy_sky(0, 60, (height, width))
    picture = condition(frame(pixels.clip(0, 65535).astype(np.uint16))).astype(float)
    corners = [picture[:40, :40], picture[-40:, :40], picture[:40, -40:], picture[-40:, -40:]]
    medians = [np.median(corner) for corner in corners]
    assert np.ptp(medians) < 8.0  # 40 counts, of the 3200 there were
    assert picture[200, 300].mean() > 150
    assert picture[200, 390].mean() > SKY + 15  # its outskirts are still there


def test_background_surface_is_recovered_to_half_a_deviation():
    rows, columns = np.mgrid[-1:1:300j, -1:1:400j]
    truth = 0.2 + 0.05 * columns - 0.03 * rows + 0.02 * columns * rows
    pixels = (truth * 65535 + noisy_sky(0, 300, (300, 400))).astype(np.uint16)[:, :, None]
    background = estimate_background(pixels, PARAMS)
    error = background.surface(300, 400)[:, :, 0] - truth
    assert np.abs(error).max() < 0.5 * 300 / 65535 + 0.001
    assert background.sigma == pytest.approx(300 / 65535, rel=0.15)


def test_bayer_mosaic_gives_the_colours_of_its_pattern():
    mosaic = np.zeros((64, 64), np.uint16)
    mosaic[::2, ::2] = 200  # red sites of RGGB
    mosaic += 100
    mosaic[20:40, 20:40][::2, ::2] = 40000
    picture = condition(frame(mosaic, bayer="RGGB")).astype(int)
    star = picture[26:34, 26:34].reshape(-1, 3).mean(axis=0)
    assert star[0] > star[1] + 60
    assert star[0] > star[2] + 60
    blue = condition(frame(mosaic, bayer="BGGR")).astype(int)[26:34, 26:34].reshape(-1, 3)
    assert blue.mean(axis=0)[2] > blue.mean(axis=0)[0] + 60


def test_monochrome_comes_out_grey():
    picture = condition(frame(noisy_sky(500, 30, (50, 60)).astype(np.uint16)))
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()


def test_same_frame_gives_the_same_bytes():
    pixels = noisy_sky(700, 40).astype(np.uint16)
    assert (condition(frame(pixels)) == condition(frame(pixels.copy()))).all()


def test_frame_without_a_finite_pixel_is_an_error():
    with pytest.raises(FrameError, match="no finite pixel"):
        condition(frame(np.full((20, 20), np.nan, np.float32)))


def test_stretch_is_monotonic():
    ramp = np.tile(np.arange(0, 65536, 64, dtype=np.uint16), (64, 1))
    ramp[:60] = 1000  # sky
    noise = np.random.default_rng(0).integers(0, 40, ramp.shape).astype(np.uint16)
    picture = condition(frame(np.where(np.arange(64)[:, None] < 60, ramp + noise, ramp)))
    line = cv2.blur(picture[63:64, :, 0].astype(np.float32), (9, 1))[0]
    assert (np.diff(line) >= -1.5).all()


@settings(max_examples=60)
@given(
    hnp.arrays(
        dtype=st.sampled_from([np.uint8, np.uint16]),
        shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    )
)
def test_any_integer_picture_is_conditioned(pixels):
    picture = condition(frame(pixels))
    assert picture.shape == (*pixels.shape, 3)
    assert picture.dtype == np.uint8


@settings(max_examples=60)
@given(
    hnp.arrays(
        dtype=np.float32,
        shape=st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3)),
        elements=st.floats(-(2.0**99), 2.0**99, width=32)
        | st.just(float("nan"))
        | st.just(float("inf")),
    )
)
def test_any_float_picture_is_conditioned_or_refused(pixels):
    try:
        picture = condition(frame(pixels))
    except FrameError:
        assert not np.isfinite(pixels).any()
    else:
        assert picture.shape == pixels.shape
