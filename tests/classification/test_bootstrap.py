from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_galaxies import galaxies, probabilities, some_votes

from annotations.galaxies.dataset import CLASS5
from classification.bootstrap import (
    accuracy_statistic,
    bootstrap_difference,
    bootstrap_interval,
    calibration_statistic,
    class_f1_statistic,
    macro_auc_statistic,
    macro_f1_statistic,
    mcnemar,
    resampled_weights,
    rmse_statistic,
    statistics,
)
from classification.predictions import Predictions
from classification.scoring import class_report, score

RNG = np.random.default_rng(2)
TRUE = RNG.integers(0, 4, 150)
SAID = np.round(probabilities(TRUE, 4, right=1.0), 1)  # rounded, so that scores tie
SAID /= SAID.sum(axis=1, keepdims=True)


def test_statistics_of_a_resample_are_those_of_its_rows() -> None:
    """Weights must score as the rows written out as often as they were drawn."""
    weights = next(resampled_weights(150, 3, seed=7))
    truth, votes = some_votes(150), some_votes(150, seed=1)
    values = {
        "accuracy": accuracy_statistic(TRUE, SAID.argmax(axis=1))(weights),
        "macro_f1": macro_f1_statistic(TRUE, SAID.argmax(axis=1), 4)(weights),
        "macro_auc": macro_auc_statistic(TRUE, SAID)(weights),
        "ece": calibration_statistic(TRUE, SAID)(weights),
    }
    rmse = rmse_statistic(truth, votes)(weights)
    for i in range(3):
        rows = np.repeat(np.arange(150), weights[i].astype(int))
        report = class_report(TRUE[rows], SAID[rows], tuple("abcd"))
        for name, drawn in values.items():
            assert drawn[i] == pytest.approx(getattr(report, name), abs=1e-6), name
        assert rmse[i] == pytest.approx(np.sqrt(np.mean((truth - votes)[rows] ** 2)))


def test_blocks_of_weights_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classification.bootstrap._WEIGHTS_AT_A_TIME", 40)
    blocks = list(resampled_weights(10, 11, seed=0))
    assert [len(block) for block in blocks] == [4, 4, 3]
    assert all((block.sum(axis=1) == 10).all() for block in blocks)
    with pytest.raises(ValueError, match="need a row"):
        next(resampled_weights(0, 10, seed=0))


def test_interval_of_a_share_agrees_with_the_normal_one() -> None:
    hit = np.arange(400) < 300
    found = bootstrap_interval(accuracy_statistic(np.ones(400), hit), 400, seed=1)
    spread = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert found.value == pytest.approx(0.75)
    assert found.low == pytest.approx(0.75 - spread, abs=0.006)
    assert found.high == pytest.approx(0.75 + spread, abs=0.006)
    assert found == bootstrap_interval(accuracy_statistic(np.ones(400), hit), 400, seed=1)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(200):
        hit = rng.random(120) < 0.7
        found = bootstrap_interval(
            accuracy_statistic(np.ones(120), hit), 120, resamples=400, seed=trial
        )
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.7 <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_an_undefined_score_has_no_interval() -> None:
    found = bootstrap_interval(class_f1_statistic(TRUE, TRUE, 9), len(TRUE), resamples=20)
    assert (found.value, found.low, found.high) == (None, None, None)
    alone = np.zeros(3, int)
    area = bootstrap_interval(macro_auc_statistic(alone, np.eye(3)), 3, resamples=20)
    assert area.value is None
    one = bootstrap_interval(accuracy_statistic(alone[:1], alone[:1]), 1, resamples=20)
    assert (one.value, one.low, one.high) == (1.0, 1.0, 1.0)


def test_a_classifier_does_not_differ_from_itself() -> None:
    same = accuracy_statistic(TRUE, SAID.argmax(axis=1))
    found = bootstrap_difference(same, same, len(TRUE), resamples=200)
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_paired_differences_see_what_unpaired_intervals_do_not() -> None:
    first = np.arange(300) < 200
    second = np.arange(300) < 212  # right wherever the first is, and 12 times more
    truth = np.ones(300)
    found = bootstrap_difference(
        accuracy_statistic(truth, first), accuracy_statistic(truth, second), 300
    )
    assert found.difference == pytest.approx(0.04)
    assert found.low is not None
    assert found.low > 0
    assert found.p_value == pytest.approx(1 / 2000)
    alone = bootstrap_interval(accuracy_statistic(truth, first), 300)
    assert alone.high is not None
    assert alone.high > 0.04 + 200 / 300  # the two intervals overlap


def test_mcnemar_by_hand() -> None:
    truth = np.zeros(20, int)
    first = (np.arange(20) < 1).astype(int)  # wrong on 0
    second = ((np.arange(20) >= 1) & (np.arange(20) < 9)).astype(int)  # wrong on 1 to 8
    found = mcnemar(truth, first, second)
    assert (found.only_first, found.only_second) == (8, 1)
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)
    assert mcnemar(truth, first, first).p_value == 1.0


def test_statistics_of_predictions_have_the_values_of_their_scores() -> None:
    truth = RNG.integers(0, 5, 60)
    votes = some_votes(60)
    votes[::7] = np.nan
    index = np.where(np.arange(60) % 5 == 0, -1, truth)
    labelled = galaxies(index, votes=votes)
    said = Predictions(
        labelled.ids[::-1],
        some_votes(60, seed=4)[::-1],
        {CLASS5: probabilities(truth, 5, right=1.0)[::-1]},
    )
    scores = score(said, labelled)
    found = statistics(said, labelled)
    assert scores.votes is not None
    assert (found.n_votes, found.n_classes) == (scores.votes.n, {CLASS5: 48})
    assert bootstrap_interval(
        found.votes["rmse"], found.n_votes, resamples=5
    ).value == pytest.approx(scores.votes.rmse)
    for name, statistic in found.classes[CLASS5].items():
        interval = bootstrap_interval(statistic, 48, resamples=50)
        assert interval.value == pytest.approx(getattr(scores.classes[CLASS5], name)), name
    assert statistics(replace(said, votes=None), labelled).votes == {}
