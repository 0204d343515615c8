import numpy as np
import pytest

from edge_runtime.heat_overlay import AMBER_RGB, BLUE_RGB, draw_heat

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def test_each_sign_has_its_colour_and_nothing_leaves_the_picture_alone():
    picture = np.full((40, 40, 3), 30, np.uint8)
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 1.0, -1.0
    drawn = draw_heat(picture, values, 1.0).astype(int)
    assert drawn[2, 2, 0] > drawn[2, 2, 2] + 80, "amber"
    assert drawn[37, 37, 2] > drawn[37, 37, 0] + 80, "blue"
    np.testing.assert_array_equal(drawn[2, 37], picture[2, 37])
    assert (picture == 30).all()


def test_half_the_value_is_about_half_the_colour_and_more_than_the_scale_is_cut():
    picture = np.zeros((8, 8, 3), np.uint8)
    full, half, more = (
        draw_heat(picture, np.full((2, 2), value, np.float32), 0.2)[4, 4, 0]
        for value in (0.2, 0.1, 5.0)
    )
    assert half == pytest.approx(full / 2, abs=2)
    assert more == full


def test_the_two_colours_differ_in_light_too():
    assert AMBER_RGB @ LUMINANCE > 1.5 * (BLUE_RGB @ LUMINANCE)


def test_a_scale_of_nothing_is_refused():
    with pytest.raises(ValueError, match="full_scale"):
        draw_heat(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2), np.float32), 0.0)
