from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_galaxies import galaxies, probabilities, some_votes

from annotations.galaxies.dataset import CLASS5
from classification.predictions import Predictions
from tuning.trials.exported import PREDICTIONS_FILE
from tuning.trials.result import TrialResult
from tuning.winner.candidates import EdgeCandidate
from tuning.winner.judgement import MeanOfSeeds, best_seed, figures_of, judge
from tuning.winner.retraining import Retrained

TRUE = np.random.default_rng(0).integers(0, 5, 300)
HELD = galaxies(TRUE, votes=some_votes(300))


def retrained(
    folder: Path, right: float, noise: float, seeds: tuple[int, ...] = (1, 2)
) -> Retrained:
    """Answers whose classes are the more often right, and votes the further off."""
    folders, results = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        votes = (HELD.votes + noise * rng.normal(size=HELD.votes.shape)).astype(np.float32)
        classes = probabilities(TRUE, 5, right=right, seed=seed)
        said = Predictions(HELD.ids, votes, {CLASS5: classes})
        place = folder / f"seed-{seed}"
        place.mkdir(parents=True)
        said.save(place / PREDICTIONS_FILE)
        accuracy = float(np.mean(classes.argmax(axis=1) == TRUE))
        rmse = float(np.sqrt(np.mean((votes - HELD.votes) ** 2)))
        metrics = {"accuracy": accuracy, "macro_f1": accuracy, "rmse": rmse, "float_rmse": rmse}
        folders.append(place)
        results.append(TrialResult(metrics, 1.0 + seed, 300.0, 20.0, 1000, 60.0))
    candidate = EdgeCandidate(folder.name, "searched", {}, 64, 1e-3, 1.0)
    return Retrained(candidate, seeds, tuple(folders), tuple(results))


def test_the_mean_and_spread_are_over_the_seeds(tmp_path: Path) -> None:
    found = figures_of(retrained(tmp_path / "a", 2.0, 0.1, (1, 2, 3)))
    assert found["latency_ms"] == MeanOfSeeds(3.0, 1.0, (2.0, 3.0, 4.0))
    assert str(found["latency_ms"]) == "3.0000 ± 1.0000"
    assert MeanOfSeeds.of([0.5]) == MeanOfSeeds(0.5, None, (0.5,))


def test_a_better_classifier_is_told_from_a_worse_one(tmp_path: Path) -> None:
    better, worse = retrained(tmp_path / "a", 3.0, 0.05), retrained(tmp_path / "b", 2.0, 0.1)
    accuracy, macro_f1, rmse = judge(better, worse, HELD, resamples=300)
    assert (accuracy.metric, macro_f1.metric, rmse.metric) == ("accuracy", "macro_f1", "rmse")
    expected = np.mean([r.metrics["accuracy"] for r in better.results]) - np.mean(
        [r.metrics["accuracy"] for r in worse.results]
    )
    assert accuracy.difference.difference == pytest.approx(expected)
    assert rmse.difference.difference == pytest.approx(-0.05, abs=0.002)
    assert [j.verdict for j in (accuracy, macro_f1, rmse)] == ["better"] * 3
    assert (accuracy.better_seeds, accuracy.seeds) == (2, 2)
    assert {j.verdict for j in judge(worse, better, HELD, resamples=300)} == {"worse"}


def test_equal_classifiers_are_not_told_apart(tmp_path: Path) -> None:
    pair = [retrained(tmp_path / name, 2.0, 0.1) for name in "ab"]
    found = judge(*pair, HELD, resamples=200)
    assert {one.verdict for one in found} == {"not told apart"}
    assert found[0].difference.difference == 0.0
    assert found[0].better_seeds == 0


def test_the_best_seed_is_chosen_by_the_metric_of_the_search(tmp_path: Path) -> None:
    one = retrained(tmp_path / "a", 2.0, 0.1, (1, 2, 3, 4))
    accuracies = [r.metrics["accuracy"] for r in one.results]
    errors = [r.metrics["rmse"] for r in one.results]
    assert best_seed(one, "accuracy") == int(np.argmax(accuracies))
    assert best_seed(one, "rmse") == int(np.argmin(errors))
