"""Exposures of the simulated sky: photometry, noise, geometry, truth."""

from __future__ import annotations

import dataclasses
import math
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_runtime.frame import Frame
from edge_runtime.sky.catalogue import CatalogueGalaxy, find_target
from edge_runtime.sky.instrument import TelescopeConfig
from edge_runtime.sky.telescope import MAX_DRIFT_PX, SimulatedTelescope

QUIET = TelescopeConfig(
    width=480,
    height=400,
    stars=False,
    noise=False,
    vignetting=0.0,
    sky_gradient=0.0,
    faintest_galaxy_mag=11.5,
)
ISOLATED = ("M104", "NGC2903", "M63", "NGC 3115", "NGC 891", "NGC 4449")


def expose(
    config: TelescopeConfig,
    ra_deg: float,
    dec_deg: float,
    drift: tuple[float, float] = (0.0, 0.0),
    exposure_s: float = 120.0,
    seed: int = 0,
) -> Frame:
    telescope = SimulatedTelescope(config)
    rng = np.random.default_rng(seed)
    return telescope.expose(ra_deg, dec_deg, exposure_s, 0, rng, drift)


def light_of(
    config: TelescopeConfig, galaxy: CatalogueGalaxy, drift: tuple[float, float]
) -> tuple[Frame, NDArray[np.float64]]:
    """The frame, and its counts above the sky."""
    frame = expose(config, galaxy.ra_deg + 0.01, galaxy.dec_deg - 0.01, drift)
    empty = expose(
        dataclasses.replace(config, galaxies=False), galaxy.ra_deg + 0.01, galaxy.dec_deg - 0.01
    )
    return frame, frame.pixels.astype(np.float64) - empty.pixels


def centroid(plane: NDArray[np.float64]) -> tuple[float, float]:
    y, x = np.indices(plane.shape)
    return float((plane * x).sum() / plane.sum()), float((plane * y).sum() / plane.sum())


@pytest.mark.parametrize("name", ISOLATED)
def test_a_galaxy_is_where_the_wcs_and_its_box_say(name: str) -> None:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    galaxy = find_target(name)
    config = dataclasses.replace(QUIET, width=700, height=700)  # holds all of the light
    frame, light = light_of(config, galaxy, (5.3, -7.6))
    x, y = centroid(light[..., 1])
    wcs = WCS(Header(dict(frame.header)))
    wcs_x, wcs_y = wcs.all_world2pix(galaxy.ra_deg, galaxy.dec_deg, 0)
    assert (x, y) == (pytest.approx(float(wcs_x), abs=0.7), pytest.approx(float(wcs_y), abs=0.7))

    assert frame.truth is not None
    (true,) = frame.truth
    left, top, right, bottom = true.box_xyxy_px
    # The middle of a pixel is half a pixel from its edge.
    assert (left + right) / 2.0 == pytest.approx(x + 0.5, abs=0.7)
    assert (top + bottom) / 2.0 == pytest.approx(y + 0.5, abs=0.7)
    inside = light[round(top) : round(bottom), round(left) : round(right), 1].sum()
    assert 0.8 < inside / light[..., 1].sum() <= 1.0

    assert frame.ra_deg is not None
    assert frame.dec_deg is not None
    centre_x, centre_y = wcs.all_world2pix(frame.ra_deg, frame.dec_deg, 0)
    assert float(centre_x) == pytest.approx((frame.width - 1) / 2.0, abs=0.01)
    assert float(centre_y) == pytest.approx((frame.height - 1) / 2.0, abs=0.01)


def test_north_is_up_and_east_is_left() -> None:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    frame = expose(QUIET, 202.47, 47.2)
    wcs = WCS(Header(dict(frame.header)))
    assert wcs.wcs.ctype[0] == "RA---TAN"
    (ra, left_ra, _), (dec, _, up_dec) = wcs.all_pix2world([240, 100, 240], [200, 200, 100], 0)
    assert left_ra > ra
    assert up_dec > dec
    assert (up_dec - dec) * 3600.0 == pytest.approx(100 * QUIET.pixel_scale_arcsec, rel=1e-4)


@pytest.mark.parametrize("name", ISOLATED)
@pytest.mark.parametrize("colour", ["colour", "mono"])
def test_counts_match_the_catalogue_magnitude(name: str, colour: str) -> None:
    galaxy = find_target(name)
    config = dataclasses.replace(QUIET, colour=colour, width=700, height=700)
    frame, light = light_of(config, galaxy, (0.4, 0.7))
    zero = float(frame.header["ZEROPNT"])  # type: ignore[arg-type]
    expected = 10.0 ** (-0.4 * (galaxy.magnitude - zero))
    if colour == "colour":
        assert light[..., 1].sum() == pytest.approx(expected, rel=0.05)
    else:
        # The sum of three bands; a galaxy is within a third of white.
        assert light.sum() == pytest.approx(3.0 * expected, rel=0.15)


def test_a_star_of_known_brightness_gives_the_photons_of_its_magnitude() -> None:
    config = dataclasses.replace(QUIET, aperture_mm=100.0, throughput=0.5)
    # 8.8e5 photons per s and cm^2 from V = 0 on 78.5 cm^2, half of them counted.
    assert config.electrons_per_s_of_mag_0 == pytest.approx(3.46e7, rel=0.01)
    frame = expose(dataclasses.replace(config, galaxies=False), 100.0, 40.0)
    electrons = (np.median(frame.pixels[..., 1]) - config.offset_counts) / config.adu_per_electron
    sky = 3.46e7 * 120.0 * 10.0 ** (-0.4 * config.sky_mag_arcsec2) * 2.4**2
    assert electrons == pytest.approx(sky + 1.2, rel=0.01)


@pytest.mark.parametrize("colour", ["colour", "mono", "bayer"])
@pytest.mark.parametrize("exposure_s", [10.0, 300.0])
def test_noise_is_shot_and_read_noise(colour: str, exposure_s: float) -> None:
    config = dataclasses.replace(
        QUIET, galaxies=False, noise=True, hot_pixel_share=0.0, colour=colour, sky_mag_arcsec2=19.5
    )
    telescope = SimulatedTelescope(config)
    one, two = (
        telescope.expose(30.0, 10.0, exposure_s, i, np.random.default_rng(i)) for i in (0, 1)
    )
    difference = one.pixels.astype(np.float64) - two.pixels
    mean = one.pixels.astype(np.float64)
    if colour == "bayer":
        difference, mean = difference[0::2, 1::2], mean[0::2, 1::2]
    elif colour == "colour":
        difference, mean = difference[..., 1], mean[..., 1]
    gain = config.adu_per_electron
    electrons = (mean.mean() - config.offset_counts) / gain
    # The converter rounds: 1/12 of a squared count.
    expected = gain**2 * (electrons + config.read_noise_e**2) + 1.0 / 12.0
    assert difference.var() / 2.0 == pytest.approx(expected, rel=0.03)
    neighbours = (difference[:, 1:] * difference[:, :-1]).mean() / difference.var()
    assert abs(neighbours) < 0.01


def test_averaging_frames_lowers_the_noise_as_it_should() -> None:
    config = dataclasses.replace(
        QUIET, galaxies=False, noise=True, hot_pixel_share=0.0, colour="mono"
    )
    telescope = SimulatedTelescope(config)
    frames = [
        telescope.expose(30.0, 10.0, 60.0, i, np.random.default_rng([7, i])).pixels.astype(float)
        for i in range(16)
    ]
    assert np.mean(frames, axis=0).std() == pytest.approx(frames[0].std() / 4.0, rel=0.03)


def test_the_same_seed_gives_the_same_frame_and_another_one_does_not() -> None:
    config = dataclasses.replace(QUIET, stars=True, noise=True, seed=5)
    first = expose(config, 190.0, -11.6, (1.5, 2.5), seed=1)
    again = expose(config, 190.0, -11.6, (1.5, 2.5), seed=1)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.truth == again.truth
    other_noise = expose(config, 190.0, -11.6, (1.5, 2.5), seed=2)
    assert not np.array_equal(first.pixels, other_noise.pixels)
    other_sky = expose(dataclasses.replace(config, seed=6), 190.0, -11.6, (1.5, 2.5), seed=1)
    assert other_sky.truth == first.truth
    quiet = dataclasses.replace(config, noise=False)
    seed_5 = expose(quiet, 190.0, -11.6)
    seed_6 = expose(dataclasses.replace(quiet, seed=6), 190.0, -11.6)
    assert not np.array_equal(seed_5.pixels, seed_6.pixels)


def test_drift_moves_the_sky_and_the_truth_alike() -> None:
    galaxy = find_target("M104")
    config = dataclasses.replace(QUIET, stars=True)
    still = expose(config, galaxy.ra_deg, galaxy.dec_deg)
    moved = expose(config, galaxy.ra_deg, galaxy.dec_deg, (12.0, -24.0))
    assert np.array_equal(moved.pixels[:-24, 12:], still.pixels[24:, :-12])
    assert still.truth is not None
    assert moved.truth is not None
    shift = np.subtract(moved.truth[0].box_xyxy_px, still.truth[0].box_xyxy_px)
    assert shift == pytest.approx([12.0, -24.0, 12.0, -24.0])
    for drift in ((MAX_DRIFT_PX, MAX_DRIFT_PX), (-MAX_DRIFT_PX, -MAX_DRIFT_PX), (-23.7, 23.9)):
        assert expose(config, galaxy.ra_deg, galaxy.dec_deg, drift).pixels.shape == (400, 480, 3)
    with pytest.raises(ValueError, match="drift"):
        expose(config, galaxy.ra_deg, galaxy.dec_deg, (0.0, 25.0))
    with pytest.raises(ValueError, match="exposure_s"):
        expose(config, galaxy.ra_deg, galaxy.dec_deg, exposure_s=0.0)


def test_a_bayer_mosaic_samples_the_colour_picture() -> None:
    config = dataclasses.replace(QUIET, stars=True, height=350)
    colour = expose(config, 202.47, 47.2, (0.3, 0.6))
    mosaic = expose(dataclasses.replace(config, colour="bayer"), 202.47, 47.2, (0.3, 0.6))
    assert (mosaic.bayer, mosaic.header["BAYERPAT"]) == ("RGGB", "RGGB")
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        np.testing.assert_array_equal(
            mosaic.pixels[row::2, column::2], colour.pixels[row::2, column::2, channel]
        )


@pytest.mark.parametrize("bits", [12, 14, 16])
def test_bright_stars_saturate_at_the_converters_limit(bits: int) -> None:
    config = dataclasses.replace(QUIET, stars=True, noise=True, adc_bits=bits)
    frame = expose(config, 84.0, 20.0, exposure_s=600.0)
    assert frame.pixels.max() == 2**bits - 1 == frame.header["SATURATE"]
    assert (frame.pixels == 2**bits - 1).mean() < 0.01
    background = np.median(frame.pixels[..., 1])
    assert background < 0.25 * 2**bits


def test_hot_pixels_stay_in_place() -> None:
    config = dataclasses.replace(QUIET, noise=True, galaxies=False, hot_pixel_share=1e-3)
    telescope = SimulatedTelescope(config)
    frames = [
        telescope.expose(30.0 + i, 10.0, 300.0, i, np.random.default_rng(i)).pixels
        for i in range(2)
    ]
    hot = [frame > np.median(frame) + 12.0 * frame.std() for frame in frames]
    assert 20 < hot[0].sum() < 300
    assert (hot[0] & hot[1]).sum() > 0.8 * hot[0].sum()


def test_truth_lists_what_can_be_seen() -> None:
    config = dataclasses.replace(QUIET, width=1280, height=960, faintest_galaxy_mag=17.0)
    galaxy = find_target("M66")
    frame = expose(config, galaxy.ra_deg, galaxy.dec_deg)
    assert frame.truth is not None
    names = [true.name for true in frame.truth]
    assert names[:2] == ["NGC3627", "NGC3623"]
    assert [t.magnitude for t in frame.truth] == sorted(t.magnitude for t in frame.truth)
    for true in frame.truth:
        left, top, right, bottom = true.box_xyxy_px
        assert 0.0 <= left < right <= 1280.0
        assert 0.0 <= top < bottom <= 960.0
    # Nothing but the brightest is left in a short exposure; nothing without galaxies.
    short = expose(config, galaxy.ra_deg, galaxy.dec_deg, exposure_s=4.0)
    assert short.truth is not None
    assert [true.name for true in short.truth] == ["NGC3627", "NGC3623"]
    none = expose(dataclasses.replace(config, galaxies=False), galaxy.ra_deg, galaxy.dec_deg)
    assert none.truth == ()


def test_a_box_bounds_the_ellipse_of_the_catalogue_and_is_cut_at_the_edge() -> None:
    galaxy = find_target("NGC4565")  # 16.75' x 2.89' at 135 degrees
    config = dataclasses.replace(QUIET, width=640, height=640)
    frame = expose(config, galaxy.ra_deg, galaxy.dec_deg)
    assert frame.truth is not None
    left, top, right, bottom = frame.truth[0].box_xyxy_px
    side = math.hypot(16.75, 2.89) / math.sqrt(2.0) * 60.0 / config.pixel_scale_arcsec
    assert (right - left, bottom - top) == (pytest.approx(side, abs=0.1),) * 2
    cut = expose(dataclasses.replace(config, width=200), galaxy.ra_deg, galaxy.dec_deg)
    assert cut.truth is not None
    assert cut.truth[0].box_xyxy_px[0::2] == (0.0, 200.0)


def test_the_frame_says_when_and_how_it_was_taken() -> None:
    telescope = SimulatedTelescope(QUIET)
    moment = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    rng = np.random.default_rng(0)
    frame = telescope.expose(10.0, 41.0, 30.0, 17, rng, name="M31", time=moment, camera="east")
    assert (frame.time, frame.sequence, frame.name, frame.camera) == (moment, 17, "M31", "east")
    assert frame.exposure_s == frame.header["EXPTIME"] == 30.0
    assert frame.header["OBJECT"] == "M31"
    assert frame.header["PIXSCALE"] == 2.4
    assert frame.header["DATE-AVG"] == "2026-03-01T22:30:00.000"


def test_a_second_exposure_of_a_field_is_quick() -> None:
    telescope = SimulatedTelescope(TelescopeConfig())
    rng = np.random.default_rng(0)
    used = []
    for i in range(4):
        begin = time.process_time()
        telescope.expose(189.0866, 25.9877, 120.0, i, rng, (0.3 * i, 0.2 * i))
        used.append(time.process_time() - begin)
    assert min(used[1:]) < 0.15  # seconds of processor time for 1280x960 in colour
