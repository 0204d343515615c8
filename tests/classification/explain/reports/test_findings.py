from __future__ import annotations

import math

import numpy as np
import pytest

from classification.bootstrap import Interval
from classification.explain.faithfulness.randomisation import RandomisationCheck
from classification.explain.faithfulness.scores import RANDOM, score_table
from classification.explain.reports.findings import (
    BAD,
    GOOD,
    OPEN,
    accuracy_finding,
    completeness_findings,
    faithfulness_finding,
    inside_finding,
    own_finding,
    randomisation_finding,
)
from classification.explain.reports.subject_figures import above_others

UNKNOWN = Interval(None, None, None)


def check(name: str, last: float, itself: float = 1.0) -> RandomisationCheck:
    def around(value: float) -> Interval:
        return Interval(value, value - 0.05, value + 0.05)

    return RandomisationCheck(
        name, ("all",), (around(last),), (around(last),), around(itself), (1.0,), 0.5
    )


def table(**gains: float):
    rows = [
        {
            name: {"gain": gain + 0.01 * row, "inside": gain, "completeness_error": gain / 50}
            for name, gain in {**gains, RANDOM: 0.0}.items()
        }
        for row in range(10)
    ]
    for row in rows:
        row[RANDOM]["gain"] = 0.01
    return score_table(rows, resamples=200)


def test_accuracy_must_be_above_that_of_the_commonest_class():
    assert accuracy_finding(Interval(0.9, 0.8, 0.95), 0.4).state == GOOD
    lucky = accuracy_finding(Interval(0.5, 0.35, 0.6), 0.4)
    assert lucky.state == BAD
    assert "no better than always naming the commonest class (40%)" in lucky.text
    assert accuracy_finding(UNKNOWN, None).state == OPEN


def test_answers_must_depend_on_the_picture():
    assert own_finding(Interval(0.5, 0.4, 0.6)).state == GOOD
    assert own_finding(Interval(0.02, 0.01, 0.03)).state == BAD
    assert own_finding(UNKNOWN).state == OPEN


def test_maps_near_a_random_one_are_told():
    assert faithfulness_finding(table(occlusion=0.4)).state == GOOD
    near = faithfulness_finding(table(occlusion=0.0))
    assert near.state == BAD
    assert "no method finds pixels that the answer rests on" in near.text


def test_the_best_placed_method_is_compared_with_the_goal():
    assert inside_finding(table(occlusion=0.6, lime=0.85)).state == GOOD
    below = inside_finding(table(occlusion=0.6, lime=0.7))
    assert below.state == BAD
    assert "attribution of lime, 70.0%" in below.text
    assert inside_finding(None).state == OPEN


def test_sums_are_compared_with_the_goal():
    (good,) = completeness_findings(table(integrated_gradients=0.2))
    assert good.state == GOOD
    (bad,) = completeness_findings(table(integrated_gradients=0.8))
    assert bad.state == BAD
    assert "off by 1.60% on average" in bad.text


def test_one_method_that_passes_is_enough():
    some = {"a": check("a", 0.2), "b": check("b", 0.9)}
    found = randomisation_finding(some, True, [])
    assert found.state == GOOD
    assert "passed by a. Not passed by b (maps stay alike" in found.text
    assert randomisation_finding({"b": check("b", 0.9)}, True, []).state == BAD
    assert randomisation_finding({"c": check("c", 0.1, itself=0.2)}, True, []).state == BAD


def test_a_tflite_file_says_where_the_check_ran():
    assert "the check ran on float with" in randomisation_finding({}, False, ["float"]).text
    assert "--compare" in randomisation_finding({}, False, []).text
    assert "not asked for" in randomisation_finding({}, True, []).text


def test_answers_are_compared_with_those_of_the_other_galaxies():
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    found = above_others(answers, np.array([0, 1, 1]))
    assert found == pytest.approx([0.9 - 0.3, 0.8 - 0.35, 0.6 - 0.45])
    same = above_others(np.full((5, 3), 1 / 3), np.zeros(5, np.int64))
    assert same == pytest.approx(np.zeros(5))
    assert math.isnan(above_others(answers[:1], np.array([0]))[0])
