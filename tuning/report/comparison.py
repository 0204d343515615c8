"""Several searches side by side, at equal numbers of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError
from tuning.record import SearchRecord
from tuning.report.progress import best_so_far
from tuning.settings import SearchSettings

_CHECKPOINTS = (5, 10, 15, 20, 30, 50, 75, 100, 150, 200)
_MUST_AGREE = ("subject", "metric", "max_latency_ms", "max_size_kb", "penalty")
_MAY_DIFFER = frozenset(
    {"tuner", "seed", "trials", "data", "trial_minutes", "trial_memory_mb", "code_version"}
)


@dataclass(frozen=True, slots=True)
class SearchKind:
    """The searches of one tuner.

    Attributes
    ----------
    tuner : str
    searches : tuple of SearchRecord
    best : ndarray, shape (searches, trials), float64
        Best objective after each trial; NaN before one has finished, and after
        the end of a search.
    """

    tuner: str
    searches: tuple[SearchRecord, ...]
    best: NDArray[np.float64]

    def at(self, trials: int) -> NDArray[np.float64]:
        """Best objective of each search after so many trials, of those that have one."""
        if trials > self.best.shape[1]:
            return np.empty(0)
        found = self.best[:, trials - 1]
        return np.asarray(found[np.isfinite(found)])

    @property
    def trials(self) -> int:
        """Trials that all of the searches have."""
        return min(len(search.trials) for search in self.searches)


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation of some searches' best objective.

    Attributes
    ----------
    mean : float
    sd : float or None
        None of a single search.
    searches : int
    """

    mean: float
    sd: float | None
    searches: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All tuners at one number of trials.

    Attributes
    ----------
    trials : int
    kinds : tuple of Spread or None
        In the order of the kinds; None where a kind has not come so far.
    differences : tuple of float or None
        Mean of each kind less that of the last one.
    errors : tuple of float or None
        Standard errors of the differences; None where a kind has one search.
    """

    trials: int
    kinds: tuple[Spread | None, ...]
    differences: tuple[float | None, ...]
    errors: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class SearchComparison:
    """Searches by their tuners.

    Attributes
    ----------
    kinds : tuple of SearchKind
        Random search last, since the others are measured by it.
    checkpoints : tuple of Checkpoint
    disagreements : tuple of str
        Settings in which the searches differ though they need not, for people.
    """

    kinds: tuple[SearchKind, ...]
    checkpoints: tuple[Checkpoint, ...]
    disagreements: tuple[str, ...]

    @property
    def equal_trials(self) -> int:
        """Trials that every search has."""
        return min(kind.trials for kind in self.kinds)


def compare_searches(records: Sequence[SearchRecord]) -> SearchComparison:
    """Set searches side by side.

    Raises
    ------
    GalaxyEdgeError
        There are fewer than two, one has no trial, or their objectives are not the
        same, so that nothing can be compared.
    """
    if len(records) < 2:
        raise GalaxyEdgeError("a comparison needs at least two searches")
    for record in records:
        if not record.trials:
            raise GalaxyEdgeError(f"{record.folder}: has no trial yet")
    first = records[0]
    for record in records[1:]:
        for name in _MUST_AGREE:
            here, there = getattr(record.config, name), getattr(first.config, name)
            if here != there:
                raise GalaxyEdgeError(
                    f"{record.folder}: its {name} is {here}, that of {first.folder} is {there}; "
                    "searches with other objectives cannot be compared"
                )
    tuners = sorted({record.config.tuner for record in records}, key=lambda t: (t == "random", t))
    kinds = tuple(_kind(tuner, records) for tuner in tuners)
    last = max(len(record.trials) for record in records)
    equal = min(len(record.trials) for record in records)
    counts = sorted({n for n in _CHECKPOINTS if n <= last} | {equal})
    return SearchComparison(
        kinds, tuple(_checkpoint(kinds, count) for count in counts), _disagreements(records)
    )


def _kind(tuner: str, records: Sequence[SearchRecord]) -> SearchKind:
    searches = tuple(record for record in records if record.config.tuner == tuner)
    most = max(len(search.trials) for search in searches)
    best = np.full((len(searches), most), np.nan)
    for row, search in enumerate(searches):
        best[row, : len(search.trials)] = best_so_far([t.objective for t in search.trials])
    return SearchKind(tuner, searches, best)


def _checkpoint(kinds: Sequence[SearchKind], trials: int) -> Checkpoint:
    found = [kind.at(trials) for kind in kinds]
    spreads = [
        Spread(float(v.mean()), float(v.std(ddof=1)) if len(v) > 1 else None, len(v))
        if len(v)
        else None
        for v in found
    ]
    reference = spreads[-1]
    differences: list[float | None] = []
    errors: list[float | None] = []
    for spread in spreads[:-1]:
        if spread is None or reference is None:
            differences.append(None)
            errors.append(None)
            continue
        differences.append(spread.mean - reference.mean)
        errors.append(
            None
            if spread.sd is None or reference.sd is None
            else float(
                np.hypot(
                    spread.sd / np.sqrt(spread.searches), reference.sd / np.sqrt(reference.searches)
                )
            )
        )
    return Checkpoint(trials, tuple(spreads), tuple(differences), tuple(errors))


def _disagreements(records: Sequence[SearchRecord]) -> tuple[str, ...]:
    found = []
    for one in fields(SearchSettings):
        if one.name in _MAY_DIFFER or one.name in _MUST_AGREE:
            continue
        values = list(dict.fromkeys(str(getattr(record.config, one.name)) for record in records))
        if len(values) > 1:
            found.append(f"{one.name.replace('_', ' ')}: {', '.join(values)}")
    return tuple(found)
