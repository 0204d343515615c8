"""Geometry of the classifier's crops."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.crops import crop_square, cut_square


def test_galaxy_fills_the_same_share_of_its_crop_at_every_size():
    shares = []
    for side in (20, 60, 180):
        picture = np.zeros((600, 600, 3), np.uint8)
        low, high = 300 - side // 2, 300 + side // 2
        picture[low:high, low:high] = 255
        crop = crop_square(picture, (low, low, high, high), 2.0, 64, fill=0)
        shares.append(crop[..., 0].mean() / 255)
    assert shares == pytest.approx([0.25, 0.25, 0.25], abs=0.02)


def test_longer_side_of_the_box_sets_the_crop():
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, 60:140] = 255
    crop = crop_square(picture, (60, 90, 140, 110), 2.0, 64, fill=0)
    assert (crop[32, :, 0] > 127).sum() == pytest.approx(32, abs=1)


def test_crop_at_the_border_is_padded_with_sky_and_stays_centred():
    picture = np.full((100, 100, 3), 20, np.uint8)
    picture[0:10, 0:10] = 250
    crop = crop_square(picture, (0, 0, 10, 10), 3.0, 60, fill=20)
    rows, columns = np.nonzero(crop[..., 0] > 128)
    assert rows.mean() == pytest.approx(29.5, abs=1.5)
    assert columns.mean() == pytest.approx(29.5, abs=1.5)
    assert crop[5, 5].tolist() == [20, 20, 20]


def test_crop_beyond_the_frame_is_all_fill():
    picture = np.full((50, 50, 3), 99, np.uint8)
    assert (cut_square(picture, 500.0, 500.0, 30.0, 64, fill=7) == 7).all()
