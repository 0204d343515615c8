import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classification.preparation import INTERPOLATIONS, Preparation
from edge_runtime.errors import ConfigError
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX, read_crops, read_labels

RNG = np.random.default_rng(8)


def picture(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_crop_of_its_own_size_is_cut_from_the_centre() -> None:
    whole = picture(424, 424)
    found = Preparation(64, 64).prepare(whole, 1.0)
    np.testing.assert_array_equal(found, whole[180:244, 180:244])


def test_the_crop_follows_the_scale_of_the_picture() -> None:
    whole = picture(299, 299)
    found = Preparation(210, 148).prepare(whole, 0.705)  # 210 × 0.705 = 148.05
    np.testing.assert_array_equal(found, whole[75:223, 75:223])


def test_a_crop_wider_than_the_picture_is_mirrored_at_its_edge() -> None:
    whole = picture(264, 264)
    found = Preparation(270, 270).prepare(whole, 1.0)
    np.testing.assert_array_equal(found[3:267, 3:267], whole)
    np.testing.assert_array_equal(found[2, 3:267], whole[1])
    np.testing.assert_array_equal(found[0, 3:267], whole[3])


@pytest.mark.parametrize("scale", [math.nan, 1.0])
def test_without_a_crop_or_scale_the_largest_square_is_taken(scale: float) -> None:
    whole = picture(50, 80)
    crop = None if scale == 1.0 else 210
    found = Preparation(crop, 50).prepare(whole, scale)
    np.testing.assert_array_equal(found, whole[:, 15:65])


def test_bicubic_scaling_is_that_of_opencv() -> None:
    whole = picture(424, 424)
    expected = cv2.resize(whole[107:317, 107:317], (64, 64), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(Preparation(210, 64, "bicubic").prepare(whole, 1.0), expected)


def test_crops_equal_those_the_edge_evaluates(tiny_data: Path) -> None:
    table = read_labels(tiny_data / "galaxies" / "labels.csv")
    expected = read_crops(table, 64, side_r90=4.2)
    preparation = Preparation(4.2 * R90_FRAME_PX, 64)
    for name, scale, crop in zip(table.files, table.frame_scale, expected, strict=True):
        stored = cv2.cvtColor(cv2.imread(str(table.directory / name)), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(preparation.prepare(stored, float(scale)), crop)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.one_of(st.none(), st.floats(1, 200)),
    st.integers(1, 50),
    st.sampled_from(INTERPOLATIONS),
    st.sampled_from([math.nan, 0.3, 1.0, 2.5]),
)
def test_any_picture_becomes_a_square(
    height: int, width: int, crop: float | None, size: int, how: str, scale: float
) -> None:
    found = Preparation(crop, size, how).prepare(np.full((height, width, 3), 90, np.uint8), scale)
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert (np.abs(found.astype(int) - 90) <= 1).all()


def test_what_is_no_rgb_picture_or_interpolation_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8, not"):
        Preparation(210, 64).prepare(np.zeros((9, 9), np.uint8))
    with pytest.raises(ConfigError, match="unknown interpolation 'best'; known: auto"):
        Preparation(210, 64, "best")
