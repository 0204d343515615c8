"""The simulated camera: tour, configuration, pacing, repeatability."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge_runtime.cameras.simulated import DEFAULT_TARGETS, SimulatedCamera, SimulatedSkyConfig
from edge_runtime.errors import CameraError, ConfigError
from edge_runtime.frame import Frame

START = datetime(2026, 4, 1, 21, 0, tzinfo=UTC)


def small(**changes: object) -> SimulatedSkyConfig:
    settings: dict[str, object] = {
        "width": 320,
        "height": 240,
        "frames_per_target": 2,
        "start": START,
        "pixel_scale_arcsec": 6.0,
    }
    return SimulatedSkyConfig(**(settings | changes))  # type: ignore[arg-type]


def frames_of(config: SimulatedSkyConfig, count: int | None = None) -> list[Frame]:
    with SimulatedCamera(config) as camera:
        return list(itertools.islice(iter(camera.read, None), count))


def test_the_tour_visits_its_targets_in_order_and_starts_again() -> None:
    frames = frames_of(small(targets=("M51", "ngc 4565", "M104")), 8)
    assert [f.name for f in frames] == ["M51"] * 2 + ["NGC4565"] * 2 + ["M104"] * 2 + ["M51"] * 2
    assert [f.sequence for f in frames] == list(range(8))
    assert all(f.pixels.shape == (240, 320, 3) and f.pixels.dtype == np.uint16 for f in frames)
    for frame, name in zip(frames[::2], ("NGC5194", "NGC4565", "NGC4594", "NGC5194"), strict=True):
        assert frame.truth is not None
        assert frame.truth[0].name == name


def test_every_default_field_shows_its_target_brighter_than_magnitude_11() -> None:
    config = SimulatedSkyConfig(frames_per_target=1, loops=1)
    frames = frames_of(config)
    assert [frame.name for frame in frames] == list(DEFAULT_TARGETS)
    for frame in frames:
        assert frame.truth
        target = frame.truth[0]
        left, top, right, bottom = target.box_xyxy_px
        assert target.magnitude < 11.0
        assert 40.0 < max(right - left, bottom - top) < 600.0
        assert left < frame.width / 2 < right
        assert top < frame.height / 2 < bottom
        patch = frame.pixels[
            frame.height // 2 - 5 : frame.height // 2 + 5, frame.width // 2 - 5 :, 1
        ]
        sky = np.median(frame.pixels[..., 1])
        noise = 1.4826 * np.median(np.abs(frame.pixels[..., 1] - sky))
        assert patch[:, :10].mean() > sky + 5.0 * noise


def test_time_advances_by_the_exposure() -> None:
    frames = frames_of(small(exposure_s=30.0), 3)
    assert [f.time for f in frames] == [START + timedelta(seconds=s) for s in (15, 45, 75)]
    assert all(f.exposure_s == 30.0 for f in frames)


def test_the_tour_ends_after_its_loops() -> None:
    config = small(targets=("M51", "M104"), frames_per_target=3, loops=2)
    with SimulatedCamera(config) as camera:
        assert len(list(iter(camera.read, None))) == 12
        assert camera.read() is None


def test_the_same_seed_gives_the_same_frames() -> None:
    one, two, other = ([f.pixels for f in frames_of(small(seed=seed), 3)] for seed in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], one[1])


def test_the_sky_drifts_a_little_and_the_truth_with_it() -> None:
    frames = frames_of(small(targets=("M104",), frames_per_target=40, pixel_scale_arcsec=3.0), 40)
    boxes = np.array([frame.truth[0].box_xyxy_px for frame in frames if frame.truth])
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    assert len(boxes) == 40
    assert 1.0 < np.ptp(middles, axis=0).max() < 16.0
    assert np.ptp(boxes[:, 2] - boxes[:, 0]) < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_a_star_field_has_stars_and_no_galaxies(seed: int) -> None:
    for frame in frames_of(SimulatedSkyConfig(stars_only=True, seed=seed), 2):
        assert frame.truth == ()
        assert frame.name == "star field"
        sky = np.median(frame.pixels[..., 1])
        assert (frame.pixels[..., 1] > sky + 1000).sum() > 100
        assert frame.header["CTYPE1"] == "RA---TAN"


def test_galaxies_can_be_left_out_of_a_targets_field() -> None:
    with_one, without = (
        frames_of(small(targets=("M104",), galaxies=g), 1)[0] for g in (True, False)
    )
    assert with_one.truth
    assert without.truth == ()
    assert with_one.pixels[115:125, 155:165].mean() > 1.5 * without.pixels[115:125, 155:165].mean()


@pytest.mark.parametrize(("colour", "shape"), [("mono", (240, 320)), ("bayer", (240, 320))])
def test_mono_and_bayer_frames_have_one_plane(colour: str, shape: tuple[int, int]) -> None:
    (frame,) = frames_of(small(colour=colour), 1)
    assert frame.pixels.shape == shape
    assert frame.bayer == ("RGGB" if colour == "bayer" else None)


def test_positions_can_be_targets() -> None:
    (frame,) = frames_of(small(targets=("202.47/47.2",)), 1)
    assert frame.name == "202.47/47.2"
    assert frame.ra_deg == pytest.approx(202.47, abs=0.05)
    assert frame.truth
    assert frame.truth[0].name == "NGC5194"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("M42", "M42"),
        ("NGC99999", "not in the OpenNGC catalogue"),
        ("12/abc", "12/abc"),
        ("10/95", "off the sky"),
        ("nan/0", "off the sky"),
    ],
)
def test_an_unknown_target_is_refused_at_opening(target: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SimulatedCamera(small(targets=("M51", target))).open()


def test_a_query_becomes_a_configuration() -> None:
    config = SimulatedSkyConfig.from_query(
        {
            "targets": "M51, NGC 4565",
            "width": "640",
            "height": "480",
            "seed": "3",
            "frames_per_target": "5",
            "scale": "1.2",
            "exposure": "10",
            "colour": "bayer",
            "stars_only": "no",
            "galaxies": "yes",
            "interval": "0.5",
            "loops": "2",
            "start": "2026-04-01T21:00:00",
        }
    )
    assert config == SimulatedSkyConfig(
        targets=("M51", "NGC 4565"),
        width=640,
        height=480,
        seed=3,
        frames_per_target=5,
        pixel_scale_arcsec=1.2,
        exposure_s=10.0,
        colour="bayer",
        frame_interval_s=0.5,
        loops=2,
        start=START,
    )
    assert SimulatedSkyConfig.from_query({}) == SimulatedSkyConfig()
    assert SimulatedSkyConfig.from_query({"stars_only": ""}).stars_only


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("targts", "M51", "unknown parameter 'targts'.*targets"),
        ("width", "wide", "width='wide' is not a whole number"),
        ("width", "8", "width is 8; it must be from 64"),
        ("height", "100000", "height is 100000"),
        ("seed", "-1", "seed is -1"),
        ("scale", "0", "scale is 0"),
        ("scale", "nan", "scale is nan"),
        ("exposure", "-3", "exposure is -3"),
        ("exposure", "inf", "exposure is inf"),
        ("colour", "sepia", "'sepia'; choose one of colour, mono, bayer"),
        ("stars_only", "perhaps", "stars_only='perhaps' is not true or false"),
        ("loops", "0", "loops is 0"),
        ("frames_per_target", "0", "frames_per_target is 0"),
        ("interval", "x", "interval='x' is not a number"),
        ("targets", " , ", "targets is empty"),
        ("start", "soon", "start='soon'"),
    ],
)
def test_a_wrong_query_is_named_in_the_error(key: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SimulatedSkyConfig.from_query({key: value})


def test_frames_keep_their_interval_and_closing_ends_the_wait() -> None:
    camera = SimulatedCamera(small(targets=("M104",), frame_interval_s=0.2, frames_per_target=9))
    camera.open()
    begin = time.monotonic()
    for _ in range(3):
        camera.read()
    assert time.monotonic() - begin >= 0.39
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="open"):
        camera.read()

    slow = SimulatedCamera(small(targets=("M104",), frame_interval_s=60.0))
    slow.open()
    slow.read()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(slow.read)
        while not waiting.running():
            pass
        slow.close()
        # Closed while it waits, or just before: never after the minute.
        error = waiting.exception(timeout=20.0)
        assert error is None or isinstance(error, CameraError)


def test_reopening_starts_the_tour_again() -> None:
    camera = SimulatedCamera(small())
    with camera:
        first = camera.read()
        camera.read()
    with camera:
        again = camera.read()
    assert first is not None
    assert again is not None
    assert first.sequence == again.sequence == 0
    assert np.array_equal(first.pixels, again.pixels)
    assert not camera.live
