"""Sixteen views: turned, mirrored, and each with the centre in the same corner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from classification.models import create_model
from classification.models.multi_view import (
    PUBLISHED_DENSE_UNITS,
    PUBLISHED_FILTERS,
    GalaxyViews,
    JoinViews,
)
from edge_runtime.errors import ConfigError
from edge_runtime.litert import LiteRtModel

TINY: dict[str, Any] = {"dense_units": (8,), "filters": (4, 4), "kernels": (6, 5)}


def views(pictures: np.ndarray, part_px: int) -> np.ndarray:
    found = keras.ops.convert_to_numpy(GalaxyViews(part_px)(pictures.astype(np.float32)))
    return found.reshape(len(pictures), 16, part_px, part_px, pictures.shape[-1])


def radial(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.exp(-0.5 * (x**2 + y**2) / (side / 6) ** 2)[None, :, :, None]


def test_the_centre_lies_in_the_same_corner_of_every_view() -> None:
    found = views(radial(21), 14)[0, :, :, :, 0]
    places = {np.unravel_index(view.argmax(), view.shape) for view in found}
    assert places == {(10, 10)}


def test_all_views_of_a_round_galaxy_are_alike() -> None:
    found = views(radial(69), 45)[0]
    # interpolation of the turned picture, and what lies beyond its corners
    assert np.abs(found - found[0]).max() < 0.02


def test_views_are_parts_of_the_picture_turned_by_right_angles_and_mirrored() -> None:
    picture = np.random.default_rng(2).uniform(0, 1, (2, 12, 12, 3))
    found = views(picture, 8)
    np.testing.assert_array_equal(found[:, 0], picture[:, :8, :8].astype(np.float32))
    np.testing.assert_array_equal(found[1, 2], np.rot90(picture[1, -8:, -8:], 2).astype(np.float32))
    np.testing.assert_array_equal(found[0, 4], picture[0, :8, ::-1][:, :8].astype(np.float32))


def test_the_turned_picture_is_turned_by_45_degrees() -> None:
    side = 41
    y, x = np.mgrid[:side, :side] - 20.0
    bar = np.exp(-0.5 * y**2 / 4)[None, :, :, None]  # lies flat
    diagonal = np.exp(-0.5 * ((x - y) ** 2 / 2) / 4)
    other = np.exp(-0.5 * ((x + y) ** 2 / 2) / 4)
    found = views(bar, side)[0, 8, :, :, 0]
    inside = np.hypot(x, y) < 19
    errors = [np.abs(found - expected)[inside].max() for expected in (diagonal, other)]
    assert min(errors) < 0.05
    assert max(errors) > 0.5


def test_views_of_a_galaxy_are_joined_in_its_own_row() -> None:
    features = np.arange(2 * 16 * 3, dtype=np.float32).reshape(32, 3)
    found = keras.ops.convert_to_numpy(JoinViews()(features))
    np.testing.assert_array_equal(found, features.reshape(2, 48))


def test_answers_do_not_depend_on_the_other_galaxies_of_a_batch() -> None:
    model = create_model("multi_view", **TINY)
    crops = np.random.default_rng(5).uniform(0, 255, (3, 69, 69, 3)).astype(np.float32)
    together = model.predict(crops, verbose=0)
    alone = model.predict(crops[1:2], verbose=0)
    np.testing.assert_allclose(together[1], alone[0], atol=1e-6)
    assert np.ptp(together, axis=0).max() > 1e-4


def test_parts_that_leave_a_gap_are_refused() -> None:
    with pytest.raises(ConfigError, match="do not cover"):
        GalaxyViews(9)(np.zeros((1, 20, 20, 3), np.float32))


@pytest.mark.slow
def test_the_published_widths_have_42_million_parameters() -> None:
    model = create_model("multi_view", filters=PUBLISHED_FILTERS, dense_units=PUBLISHED_DENSE_UNITS)
    assert model.count_params() == 42_303_237
    assert model.get_layer("views").output.shape[1:] == (45, 45, 3)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_the_views_convert_to_tensorflow_lite(tmp_path: Path) -> None:
    from classification.export import write_float

    model = create_model("multi_view", **TINY)
    crops = np.random.default_rng(6).integers(0, 256, (3, 69, 69, 3), dtype=np.uint8)
    edge = LiteRtModel(write_float(model, tmp_path / "views.tflite"))
    expected = model.predict(crops.astype(np.float32), verbose=0)
    for crop, wanted in zip(crops, expected, strict=True):
        np.testing.assert_allclose(np.ravel(edge.run(crop)), wanted, atol=1e-5)
