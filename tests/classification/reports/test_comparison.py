from __future__ import annotations

import numpy as np
import pytest
from made_up_galaxies import galaxies, probabilities, some_votes

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL
from classification.elliptical import derive_elliptical
from classification.predictions import Predictions
from classification.reports.comparison import compare, disagreement, unique_names
from classification.reports.run_record import Run
from classification.reports.subjects import Subject
from edge_runtime.errors import GalaxyEdgeError

TRUE = np.random.default_rng(0).integers(0, 5, 80)
VOTES = some_votes(80)
VOTES[70:] = np.nan
LABELLED = derive_elliptical(galaxies(TRUE, votes=VOTES))


def subject(name: str, right: float, *, votes: float | None = None, keep: int = 80) -> Subject:
    """A classifier that is the better, the higher ``right`` and the lower ``votes``."""
    held = LABELLED.rows(np.arange(keep))
    noise = np.random.default_rng(len(name)).normal(0, 1, (keep, 37))
    said = None if votes is None else (some_votes(80)[:keep] + votes * noise).astype(np.float32)
    classes = {CLASS5: probabilities(TRUE[:keep], 5, right=right, seed=3)}
    return Subject(Run(name, {}), Predictions(held.ids, said, classes), held)


def test_votes_and_classes_are_compared_by_those_that_give_them() -> None:
    found = compare(
        [subject("a", 1.0, votes=0.1), subject("bb", 4.0), subject("ccc", 1.0, votes=0.01)],
        resamples=100,
    )
    assert [each.kind for each in found] == ["votes", CLASS5]
    votes, classes = found
    assert [(entry.name, entry.place) for entry in votes.entries] == [("a", 0), ("ccc", 2)]
    assert len(votes.galaxies) == 70
    assert votes.best("rmse") == "ccc"
    assert classes.best("accuracy") == "bb"
    assert classes.best("ece") is not None
    better = classes.entries[1]
    assert better.differences["accuracy"].difference == pytest.approx(
        better.intervals["accuracy"].value - classes.entries[0].intervals["accuracy"].value
    )
    assert better.mcnemar is not None
    assert better.mcnemar.only_second > better.mcnemar.only_first
    assert better.mcnemar.p_value < 0.01
    same = classes.entries[2]
    assert same.differences["macro_f1"].difference == 0.0
    assert (same.mcnemar.only_first, same.mcnemar.only_second) == (0, 0)
    assert not classes.entries[0].differences


def test_only_galaxies_that_all_answer_are_compared() -> None:
    (found,) = compare([subject("a", 1.0), subject("b", 1.0, keep=30)], resamples=100)
    assert len(found.galaxies) == 30
    assert [entry.scores.n for entry in found.entries] == [30, 30]


def test_elliptical_is_derived_for_those_that_do_not_give_it() -> None:
    first = subject("a", 2.0)
    two = np.full((80, 2), 0.5, np.float32)
    two[:, 0] += 0.1
    two[:, 1] -= 0.1
    second = Subject(
        Run("gama", {}), Predictions(LABELLED.ids, classes={ELLIPTICAL: two}), LABELLED
    )
    found = {each.kind: each for each in compare([first, second], resamples=100)}
    assert [e.name for e in found[ELLIPTICAL].entries] == ["a", "gama"]
    assert [e.name for e in found[CLASS5].entries] == ["a"]
    assert len(found[ELLIPTICAL].galaxies) == int(np.sum(TRUE != 2))


def test_disagreement_is_largest_where_answers_differ_most() -> None:
    one, other = subject("a", 2.0), subject("b", 2.0)
    other.predictions.classes[CLASS5][17] = np.roll(one.predictions.classes[CLASS5][17], 1)
    (found,) = compare([one, other], resamples=100)
    apart = disagreement(found)
    assert int(apart.argmax()) == 17
    assert np.count_nonzero(apart) == 1


def test_the_same_name_twice_gives_way_to_the_place() -> None:
    twice = [subject("a", 1.0), subject("a", 1.0)]
    with pytest.raises(GalaxyEdgeError, match="different names"):
        compare(twice)
    assert unique_names(twice, ["x/a", "y/a"]) == ["x/a", "y/a"]
    assert unique_names([subject("a", 1.0), subject("b", 1.0)], ["x", "y"]) == ["a", "b"]
    with pytest.raises(GalaxyEdgeError, match="named twice: x/a, x/a"):
        unique_names(twice, ["x/a", "x/a"])


def test_no_galaxy_in_common_is_refused() -> None:
    one = subject("a", 1.0, keep=10)
    last = LABELLED.rows(np.arange(10, 80))
    said = Predictions(last.ids, classes={CLASS5: probabilities(TRUE[10:], 5, right=1.0)})
    with pytest.raises(GalaxyEdgeError, match="answered by all of a, b"):
        compare([one, Subject(Run("b", {}), said, last)])
