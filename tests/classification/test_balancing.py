import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.galaxies.dataset import UNKNOWN_CLASS
from classification.balancing import METHODS, Balance, class_weights, draw
from edge_runtime.errors import ConfigError

LABELS = np.array([0] * 60 + [1] * 30 + [2] * 10 + [UNKNOWN_CLASS] * 5)


def drawn(method: str, level: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    found = draw(LABELS, 3, Balance(method, level), np.random.default_rng(seed))
    return found.index, found.weight


def sizes(index: np.ndarray) -> list[int]:
    labels = LABELS[index]
    return [int((labels == i).sum()) for i in (0, 1, 2, UNKNOWN_CLASS)]


def test_class_weights_are_n_over_c_n_c() -> None:
    np.testing.assert_allclose(
        class_weights(LABELS, 3), [100 / (3 * 60), 100 / (3 * 30), 100 / (3 * 10)], rtol=1e-6
    )


def test_an_absent_class_weighs_nothing_and_is_not_counted() -> None:
    np.testing.assert_allclose(class_weights(np.array([0, 0, 2]), 3), [0.75, 0.0, 1.5])


@pytest.mark.parametrize(
    ("method", "expected"),
    [("none", [60, 30, 10, 5]), ("up", [60, 60, 60, 5]), ("down", [10, 10, 10, 5])],
)
def test_resampling_brings_all_classes_to_one_size(method: str, expected: list[int]) -> None:
    index, weight = drawn(method)
    assert sizes(index) == expected
    assert (weight == 1).all()


def test_no_row_is_repeated_much_more_often_than_another() -> None:
    index, _ = drawn("up")
    times = np.bincount(index, minlength=len(LABELS))[:100]
    assert times[:60].tolist() == [1] * 60
    assert set(times[60:90]) == {2}
    assert set(times[90:]) == {6}


@pytest.mark.parametrize(("level", "expected"), [(0.0, [60, 30, 10]), (1.0, [33, 33, 33])])
def test_partial_resampling_goes_from_the_sizes_to_a_common_one(
    level: float, expected: list[int]
) -> None:
    index, _ = drawn("partial", level)
    assert sizes(index)[:3] == expected


def test_weights_make_up_for_what_partial_resampling_leaves() -> None:
    index, weight = drawn("partial", 0.5)
    labels = LABELS[index]
    assert sizes(index)[:3] == [45, 32, 18]
    totals = [weight[labels == i].sum() for i in range(3)]
    np.testing.assert_allclose(totals, [95 / 3] * 3, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_draw_is_a_matter_of_its_seed(method: str) -> None:
    np.testing.assert_array_equal(drawn(method, seed=4)[0], drawn(method, seed=4)[0])
    if method in ("down", "partial"):
        assert (drawn(method, seed=4)[0] != drawn(method, seed=5)[0]).any()


@given(
    st.lists(st.integers(-1, 4), max_size=60),
    st.sampled_from(METHODS),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_a_draw_names_rows_that_exist_and_loses_no_class(
    labels: list[int], method: str, level: float, seed: int
) -> None:
    values = np.array(labels, np.int64)
    found = draw(values, 5, Balance(method, level), np.random.default_rng(seed))
    assert len(found.index) == len(found.weight)
    assert np.isfinite(found.weight).all()
    assert set(values[found.index]) == set(labels)


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown balance 'smote'; known: none, up"):
        Balance("smote")
    with pytest.raises(ConfigError, match="0 to 1, not 2"):
        Balance("partial", 2)
