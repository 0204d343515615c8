"""What a set of galaxies holds: classes by split, votes, pictures, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import SUM_TOLERANCE
from annotations.galaxies.dataset import ClassLabels, GalaxySet
from annotations.galaxies.picture_checks import PictureFacts, check_pictures
from edge_runtime.decision_tree import VOTE_COLUMNS, constraint_violation
from edge_runtime.evaluation.galaxy_labels import SPLITS

NO_SPLIT = "no split"


@dataclass(frozen=True, slots=True)
class SchemeBalance:
    """How many galaxies each class of a scheme has.

    Attributes
    ----------
    name : str
        Of the scheme.
    counts : dict of str to dict of str to int
        Galaxies by class and split.
    unknown : int
        Galaxies without a class.
    """

    name: str
    counts: dict[str, dict[str, int]]
    unknown: int

    @property
    def totals(self) -> dict[str, int]:
        """Galaxies of each class in all splits."""
        return {label: sum(parts.values()) for label, parts in self.counts.items()}


@dataclass(frozen=True, slots=True)
class VoteSummary:
    """Numbers about the votes of galaxies that have them.

    Attributes
    ----------
    galaxies : int
    mean, sd, median : ndarray, shape (37,), float64
    zero : ndarray, shape (37,), float64
        Part of the galaxies whose vote is 0.
    correlation : ndarray, shape (37, 37), float64
        Pearson's; NaN where a vote never changes.
    misses : int
        Galaxies whose votes miss a sum of the tree by more than ``SUM_TOLERANCE``.
    largest_miss : float
    people : float or None
        Median number of people who were asked the first question, where known.
    """

    galaxies: int
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    median: NDArray[np.float64]
    zero: NDArray[np.float64]
    correlation: NDArray[np.float64]
    misses: int
    largest_miss: float
    people: float | None

    def as_json(self) -> dict[str, object]:
        """Return the numbers as JSON values; null where there is none."""
        return {
            "galaxies": self.galaxies,
            "columns": {
                column: {
                    "mean": round(float(self.mean[i]), 6),
                    "sd": round(float(self.sd[i]), 6),
                    "median": round(float(self.median[i]), 6),
                    "share_of_zeros": round(float(self.zero[i]), 6),
                }
                for i, column in enumerate(VOTE_COLUMNS)
            },
            "correlation": [
                [None if np.isnan(value) else round(float(value), 4) for value in row]
                for row in self.correlation
            ],
            "rows_that_miss_a_sum": self.misses,
            "largest_miss": round(self.largest_miss, 6),
            "median_people": self.people,
        }


@dataclass(frozen=True, slots=True)
class GalaxySummary:
    """Numbers about a set of galaxies.

    Attributes
    ----------
    name : str
    galaxies : int
    by_source, by_split : dict of str to int
    without_scale : int
        Galaxies whose picture's scale is not known.
    schemes : tuple of SchemeBalance
    votes : VoteSummary or None
        None where no galaxy has votes.
    pictures : PictureFacts
    data_hash : str
    """

    name: str
    galaxies: int
    by_source: dict[str, int]
    by_split: dict[str, int]
    without_scale: int
    schemes: tuple[SchemeBalance, ...]
    votes: VoteSummary | None
    pictures: PictureFacts
    data_hash: str

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that there are, in their usual order."""
        return tuple(self.by_split)

    def as_json(self) -> dict[str, object]:
        """Return the numbers as JSON values."""
        return {
            "name": self.name,
            "galaxies": self.galaxies,
            "by_source": self.by_source,
            "by_split": self.by_split,
            "without_scale": self.without_scale,
            "classes": {
                scheme.name: {"counts": scheme.counts, "unknown": scheme.unknown}
                for scheme in self.schemes
            },
            "votes": None if self.votes is None else self.votes.as_json(),
            "pictures": {
                "sizes": self.pictures.sizes,
                "unreadable": self.pictures.unreadable,
                "duplicates": self.pictures.duplicates,
                "duplicates_across_splits": self.pictures.across_splits,
            },
            "data_hash": self.data_hash,
        }


def inspect_galaxies(
    galaxies: GalaxySet,
    source: Path,
    problems: ProblemList,
    progress: Callable[[int, int], None] | None = None,
) -> GalaxySummary:
    """Count a set, and check what reading it does not: every picture, and empty classes.

    Parameters
    ----------
    galaxies : GalaxySet
    source : Path
        Named where a finding belongs to no single file.
    problems : ProblemList
        Takes what is wrong.
    progress : callable, optional
        Takes the pictures done and all.
    """
    if not len(galaxies):
        problems.error(source, "", "holds no usable galaxy")
    schemes = tuple(
        _balance(name, labels, galaxies.split) for name, labels in galaxies.classes.items()
    )
    for scheme in schemes:
        for label, count in scheme.totals.items():
            if not count:
                problems.warning(source, "", f"{scheme.name}: class {label!r} has no galaxy")
    return GalaxySummary(
        name=galaxies.name,
        galaxies=len(galaxies),
        by_source=dict(Counter(galaxies.source).most_common()),
        by_split=_by_split(galaxies.split),
        without_scale=int(np.isnan(galaxies.frame_scale).sum()),
        schemes=schemes,
        votes=_votes(galaxies),
        pictures=check_pictures(galaxies, problems, progress),
        data_hash=galaxies.data_hash,
    )


def _by_split(splits: tuple[str, ...]) -> dict[str, int]:
    counts = Counter(split or NO_SPLIT for split in splits)
    return {name: counts[name] for name in (*SPLITS, NO_SPLIT) if counts[name]}


def _balance(name: str, labels: ClassLabels, splits: tuple[str, ...]) -> SchemeBalance:
    present = _by_split(splits)
    part = np.array([split or NO_SPLIT for split in splits], dtype=np.str_)
    counts = {
        split: np.bincount(
            labels.index[labels.known & (part == split)], minlength=len(labels.names)
        )
        for split in present
    }
    return SchemeBalance(
        name,
        {
            label: {split: int(counts[split][i]) for split in present}
            for i, label in enumerate(labels.names)
        },
        int((~labels.known).sum()),
    )


def _votes(galaxies: GalaxySet) -> VoteSummary | None:
    known = galaxies.has_votes
    if not known.any():
        return None
    votes = galaxies.votes[known].astype(np.float64)
    centred = votes - votes.mean(axis=0)
    sd = votes.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (centred.T @ centred) / len(votes) / np.outer(sd, sd)
    violation = constraint_violation(votes).max(axis=1)
    people = None
    if galaxies.counts is not None:
        people = float(np.median(galaxies.counts[known][:, :3].sum(axis=1)))
    return VoteSummary(
        galaxies=len(votes),
        mean=votes.mean(axis=0),
        sd=sd,
        median=np.median(votes, axis=0),
        zero=(votes == 0).mean(axis=0),
        correlation=np.clip(correlation, -1, 1),
        misses=int((violation > SUM_TOLERANCE).sum()),
        largest_miss=float(violation.max()),
        people=people,
    )
