"""Cut-outs and composites: boxes are where the light is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from annotations.composites import CompositeGenerator, CompositeParams, Mistake
from annotations.cutouts import Cutout, cut_out, read_cutouts
from annotations.empty_frames import empty_frame_split
from annotations.training_sky import (
    composite_generator,
    read_mistakes,
    save_mistakes,
    simulated_generator,
)
from edge_runtime.errors import GalaxyEdgeError


def survey_image(angle_deg: float = 30.0, neighbour: bool = False) -> np.ndarray:
    rows, columns = np.mgrid[:264, :264] - 132.0
    turn = np.radians(angle_deg)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    light = 180 * np.exp(-np.hypot(along / 16, across / 8))
    if neighbour:
        light += 200 * np.exp(-np.hypot(columns - 95, rows + 95) / 4)
    noise = np.random.default_rng(0).normal(8, 2, (264, 264, 3))
    return (light[:, :, None] + noise).clip(0, 255).astype(np.uint8)


def test_cutout_keeps_the_galaxy_and_drops_sky_and_neighbour():
    alone, together = cut_out(survey_image()), cut_out(survey_image(neighbour=True))
    assert alone is not None
    assert together is not None
    assert alone.light.max() > 140
    assert alone.light[:3, :3].max() == 0
    assert abs(alone.light.sum() / together.light.sum() - 1) < 0.03
    height, width = alone.light.shape[:2]
    assert width > height  # turned by 30 degrees, it is wider than high


def test_picture_without_a_central_galaxy_gives_no_cutout():
    empty = np.random.default_rng(0).normal(8, 2, (264, 264, 3)).clip(0, 255).astype(np.uint8)
    assert cut_out(empty) is None


def test_galaxy_that_reaches_the_border_gives_no_cutout():
    rows, columns = np.mgrid[:264, :264] - 132.0
    light = 180 * np.exp(-np.hypot(columns / 80, rows / 8))
    picture = np.repeat(light[:, :, None], 3, axis=2).astype(np.uint8)
    assert cut_out(picture) is None


def test_unreadable_file_is_named(tmp_path: Path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(GalaxyEdgeError, match=r"broken\.jpg: not a readable picture"):
        read_cutouts([path])


@pytest.fixture(scope="module")
def generator() -> CompositeGenerator:
    cutouts = [cut_out(survey_image(angle)) for angle in (0, 30, 60, 90)]
    assert all(isinstance(c, Cutout) for c in cutouts)
    sky = np.random.default_rng(1).normal(15, 3, (640, 640, 3)).clip(0, 255).astype(np.uint8)
    return CompositeGenerator([c for c in cutouts if c], [sky])


def test_boxes_lie_in_the_picture_and_hold_brighter_pixels_than_their_surroundings(generator):
    rng = np.random.default_rng(2)
    contrasts = []
    for _ in range(60):
        composite = generator.draw(rng)
        size = generator.params.size_px
        assert composite.picture.shape == (size, size, 3)
        assert composite.picture.dtype == np.uint8
        boxes = composite.boxes_xyxy_px
        assert (boxes >= 0).all()
        assert (boxes <= size).all()
        grey = cv2.GaussianBlur(composite.picture.mean(axis=2), (0, 0), 2.0)
        for x0, y0, x1, y1 in boxes.round().astype(int):
            assert x1 > x0
            assert y1 > y0
            inside = grey[y0:y1, x0:x1]
            contrasts.append(np.percentile(inside, 90) - np.median(grey))
    assert len(contrasts) > 40
    assert np.mean(np.array(contrasts) > 3.0) > 0.9


def test_box_is_around_the_brightest_light_where_no_decoy_outshines_it():
    cutout = cut_out(survey_image())
    assert cutout is not None
    params = CompositeParams(
        empty_fraction=0.0,
        portrait_fraction=1.0,
        drawn_fraction=0.0,
        letterbox_fraction=0.0,
        largest_px=150.0,
    )
    dark = np.full((640, 640, 3), 12, np.uint8)
    lone = CompositeGenerator([cutout], [dark], params)
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(80):
        composite = lone.draw(rng)
        if len(composite.boxes_xyxy_px) != 1:
            continue
        x0, y0, x1, y1 = composite.boxes_xyxy_px[0]
        grey = cv2.GaussianBlur(composite.picture.mean(axis=2), (0, 0), 3.0)
        if grey.max() < 80:  # noise may be brighter than so faint a galaxy
            continue
        row, column = np.unravel_index(np.argmax(grey), grey.shape)
        inside.append(x0 - 2 <= column <= x1 + 2 and y0 - 2 <= row <= y1 + 2)
    assert len(inside) >= 15
    # half of the pictures hold a decoy; a box put anywhere would hold a tenth of the peaks
    assert np.mean(inside) > 0.55


def test_same_seed_gives_the_same_composites(generator):
    a = [generator.draw(np.random.default_rng(9)) for _ in range(2)]
    assert (a[0].picture == a[1].picture).all()
    assert (a[0].boxes_xyxy_px == a[1].boxes_xyxy_px).all()


def test_empty_frames_are_split_without_overlap_and_targets_are_never_trained_on(tmp_path):
    folder = tmp_path / "frames" / "no_galaxy" / "images"
    folder.mkdir(parents=True)
    for name in [f"dsy_{i:04d}.jpg" for i in range(11)] + ["targets_m1.jpg"]:
        (folder / name).touch()
    train, validation = empty_frame_split(tmp_path)
    assert [p.name for p in validation] == [
        "dsy_0000.jpg",
        "dsy_0005.jpg",
        "dsy_0010.jpg",
        "targets_m1.jpg",
    ]
    assert len(train) == 8
    assert not set(train) & set(validation)
    with pytest.raises(GalaxyEdgeError, match=r"no dsy_\* frame"):
        empty_frame_split(tmp_path / "elsewhere")


def test_mined_mistakes_are_shown_whole_and_often(generator):
    frame = np.zeros((600, 700, 3), np.uint8)
    frame[200:260, 480:560] = 255
    params = CompositeParams(
        empty_fraction=1.0, real_background=1.0, mistake_fraction=1.0, randomised=False
    )
    shown = CompositeGenerator(
        generator.cutouts, [frame], params, [Mistake(0, (480.0, 200.0, 560.0, 260.0))]
    )
    rng = np.random.default_rng(0)
    bright = [(shown._background(rng).max(axis=2) > 0.3) for _ in range(20)]
    for mask in bright:
        rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
        sides = sorted((np.ptp(rows) + 1, np.ptp(columns) + 1))
        assert sides[1] / sides[0] == pytest.approx(80 / 60, rel=0.15)  # not cut


def test_mistakes_survive_being_written_and_are_checked_against_the_frames(tmp_path):
    mistakes = (Mistake(0, (1.0, 2.0, 30.5, 40.0)), Mistake(4, (5.0, 6.0, 7.0, 8.0)))
    save_mistakes(tmp_path / "mistakes.npz", mistakes)
    assert read_mistakes(tmp_path / "mistakes.npz", 5) == mistakes
    with pytest.raises(GalaxyEdgeError, match="background 4 of 3"):
        read_mistakes(tmp_path / "mistakes.npz", 3)
    (tmp_path / "other.npz").write_bytes(b"nothing")
    with pytest.raises(GalaxyEdgeError, match=r"other\.npz: not a file of mined mistakes"):
        read_mistakes(tmp_path / "other.npz", 3)


def test_skies_need_no_data_and_pictures_have_the_size_asked_for():
    generator = simulated_generator(CompositeParams().at_size(192))
    rng = np.random.default_rng(0)
    drawn = [generator.draw(rng) for _ in range(12)]
    assert {c.picture.shape for c in drawn} == {(192, 192, 3)}
    assert sum(len(c.boxes_xyxy_px) for c in drawn) >= 6


def test_galsim_draws_galaxies_that_get_boxes_too():
    params = CompositeParams(empty_fraction=0.0, galsim_fraction=1.0).at_size(192)
    generator = simulated_generator(params)
    rng = np.random.default_rng(1)
    assert sum(len(generator.draw(rng).boxes_xyxy_px) for _ in range(8)) >= 5


def test_without_randomisation_the_sensor_is_neither_mono_nor_filtered(generator):
    plain = CompositeGenerator(
        generator.cutouts,
        generator.backgrounds,
        CompositeParams(randomised=False, mono_fraction=1.0, jpeg_fraction=1.0),
    )
    picture = plain.draw(np.random.default_rng(3)).picture.astype(int)
    assert np.abs(picture[..., 0] - picture[..., 2]).mean() > 1.0


@pytest.mark.slow
def test_generator_reads_only_training_galaxies_and_frames(data_dir):
    generator = composite_generator(data_dir, most_cutouts=40)
    assert 25 <= len(generator.cutouts) <= 40
    train = {line.split(",")[0].rpartition("/")[2] for line in _train_lines(data_dir)}
    assert {c.source for c in generator.cutouts} <= train
    assert len(generator.backgrounds) == 306


def _train_lines(data_dir: Path) -> list[str]:
    lines = (data_dir / "galaxies" / "labels.csv").read_text().splitlines()
    return [line for line in lines if ",train," in line]
