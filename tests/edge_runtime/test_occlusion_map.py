"""Occlusion maps with classifiers whose answer is known."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.crops import crop_square
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.occlusion.occlusion_map import occlusion_map, patch_spans
from edge_runtime.occlusion.worker import Task, work
from edge_runtime.preview import square_crop
from edge_runtime.recorded_crops import RecordedCrop

SKY = 20


def looks_at_one_corner(crop: np.ndarray) -> float:
    """Light in the upper left quarter, 0 to 1."""
    half = crop.shape[0] // 2
    return float(crop[:half, :half].mean()) / 255.0


def test_only_the_corner_that_counts_costs_something():
    crop = np.full((48, 48, 3), 200, np.uint8)
    found = occlusion_map(looks_at_one_corner, crop, "corner", fill=SKY, grid=8, patch_cells=1.0)
    assert found.probability == pytest.approx(200 / 255)
    one_patch = (200 - SKY) / 255 * (6 * 6) / (24 * 24)
    assert found.drops[:4, :4] == pytest.approx(one_patch, rel=1e-5)
    assert np.abs(found.drops[4:]).max() == 0.0
    assert np.abs(found.drops[:, 4:]).max() == 0.0
    assert found.strongest == pytest.approx(one_patch, rel=1e-5)
    assert max(found.strongest_place) < 0.5


def test_a_place_that_speaks_against_the_answer_is_negative():
    crop = np.full((40, 40, 3), 200, np.uint8)
    found = occlusion_map(lambda c: 1.0 - looks_at_one_corner(c), crop, "dark", fill=SKY, grid=10)
    assert found.drops.min() < -0.05
    assert found.drops.max() == pytest.approx(0.0, abs=1e-7)


def test_the_crop_is_left_as_it_was_and_progress_counts_every_cell():
    crop = np.random.default_rng(1).integers(0, 255, (30, 30, 3), dtype=np.uint8)
    before, steps = crop.copy(), []
    occlusion_map(
        looks_at_one_corner,
        crop,
        "corner",
        fill=SKY,
        grid=5,
        progress=lambda done, total: steps.append((done, total)),
    )
    np.testing.assert_array_equal(crop, before)
    assert steps == [(i, 25) for i in range(1, 26)]


def test_patches_leave_no_pixel_uncovered_and_are_centred_on_their_cells():
    for side, grid, cells in ((96, 12, 2.0), (64, 9, 1.0), (48, 8, 2.5)):
        spans = patch_spans(side, grid, cells)
        covered = np.zeros(side, dtype=int)
        for span in spans:
            covered[span] += 1
        assert covered.min() >= 1, (side, grid, cells)
        middle = [(span.start + span.stop) / 2 for span in spans[2:-2]]
        centres = (np.arange(grid) + 0.5)[2:-2] * side / grid
        assert np.abs(np.subtract(middle, centres)).max() <= 1.0


@pytest.mark.parametrize(("shape", "grid"), [((32, 30, 3), 8), ((32, 32, 3), 1), ((8, 8, 3), 9)])
def test_what_is_no_crop_or_no_grid_is_refused(shape, grid):
    with pytest.raises(ValueError, match=r"square|grid"):
        occlusion_map(looks_at_one_corner, np.zeros(shape, np.uint8), "x", fill=SKY, grid=grid)


def test_a_classifier_that_gives_no_number_is_named():
    crop = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(GalaxyEdgeError, match="no number for 'x'"):
        occlusion_map(lambda _: float("nan"), crop, "x", fill=SKY, grid=2)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def task_for(bundle, crop, **changes) -> bytes:
    spec = bundle.manifest.classifier
    values = {
        "name": "tiny",
        "model_bytes": len(bundle.read(spec.file)),
        "size_px": spec.input_size_px,
        "label": "smooth_round",
        "class_index": 0,
        "outputs": spec.outputs.model_dump(),
        "class_bias": spec.class_bias,
        "input_mean": spec.input_mean,
        "input_std": spec.input_std,
        "fill": SKY,
        "grid": 6,
    }
    task = Task(**(values | changes))
    return task.to_line() + bundle.read(spec.file) + crop.tobytes()


def some_crop(bundle) -> np.ndarray:
    """Red light in the lower right corner; the tiny classifier calls red light round."""
    crop = np.full((bundle.manifest.classifier.input_size_px,) * 2 + (3,), SKY, np.uint8)
    crop[20:, 20:, 0] = 250
    return crop


def test_the_worker_says_what_the_classifier_of_the_bundle_says(bundle):
    crop = some_crop(bundle)
    sink = io.BytesIO()
    work(io.BytesIO(task_for(bundle, crop)), sink)
    lines = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert lines[:-1] == [{"done": n, "total": 36} for n in range(6, 37, 6)]
    classifier = Classifier(bundle)
    here = occlusion_map(
        lambda c: float(classifier.classify(c).class_probabilities[0]),
        crop,
        "smooth_round",
        fill=SKY,
        grid=6,
    )
    assert lines[-1]["label"] == "smooth_round"
    assert lines[-1]["probability"] == here.probability
    np.testing.assert_array_equal(np.float32(lines[-1]["drops"]), here.drops)
    assert min(here.strongest_place) > 0.5


def test_the_worker_names_an_output_that_is_not_there(bundle):
    sink = io.BytesIO()
    outputs = {"votes": "votes", "classes": "nothing", "galaxy": "galaxy"}
    work(io.BytesIO(task_for(bundle, some_crop(bundle), outputs=outputs)), sink)
    assert "there is no output 'nothing'" in json.loads(sink.getvalue())["error"]


def test_the_worker_loads_neither_opencv_nor_the_web_server():
    code = (
        "import sys, edge_runtime.occlusion.worker, edge_runtime.classifier_answers; "
        "print(sorted({'cv2', 'fastapi', 'pydantic', 'sqlalchemy', 'astropy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "box",
    [(60.0, 40.0, 100.0, 90.0), (2.0, 3.0, 42.0, 30.0), (150.0, 80.0, 199.0, 118.0)],
    ids=["inside", "upper left corner", "lower right corner"],
)
def test_the_recorded_crop_gives_the_classifier_its_pixels_again(bundle, box):
    frame = np.random.default_rng(3).integers(1, 255, (120, 200, 3), dtype=np.uint8)
    spec, fill = bundle.manifest.classifier, bundle.sky_pixel
    for multiple in (1.0, 1.1, 1.5):
        wanted = crop_square(frame, box, multiple, spec.input_size_px, fill)
        recorded = square_crop(frame, box)
        again = RecordedCrop(recorded, box, fill).cut(multiple, spec.input_size_px)
        np.testing.assert_array_equal(again, wanted)


def test_a_record_that_was_shrunk_gives_nearly_the_same_pixels():
    rows, columns = np.mgrid[:900, :900]
    light = 230 * np.exp(-np.hypot((columns - 430) / 120, (rows - 470) / 70)) + SKY
    frame = np.repeat(light.astype(np.uint8)[:, :, None], 3, axis=2)
    box = (170.0, 310.0, 690.0, 630.0)
    wanted = crop_square(frame, box, 1.1, 96, SKY).astype(int)
    recorded = square_crop(frame, box)
    assert recorded.shape[0] == 256
    again = RecordedCrop(recorded, box, SKY).cut(1.1, 96).astype(int)
    assert np.abs(again - wanted).mean() < 1.0
