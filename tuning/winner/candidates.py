"""What is trained: the values of a trial, or the hand-made default beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classification.edge_network.training_run import EPOCHS, LEARNING_RATE
from edge_runtime.errors import ConfigError
from tuning.record import SearchRecord
from tuning.trials.small_trial import INPUT_SIZE_PX as SMALL_INPUT_SIZE_PX
from tuning.trials.spec import CLASSIFIER, TrialSpec, Value

COMPACT, SMALL = "compact", "tuned_small"

_OF_TRAINING = ("input_size_px", "learning_rate", "augmentation")


@dataclass(frozen=True, slots=True)
class EdgeCandidate:
    """A network with the bundle's three outputs, and how it is trained.

    Attributes
    ----------
    label : str
        For people and folders.
    model : str
        One of ``classification.edge_network.networks.NETWORKS``.
    options : mapping of str to value
        Of the network.
    input_size_px : int
    learning_rate : float
    augmentation : float
        Strength; 1 is as usual.
    """

    label: str
    model: str
    options: Mapping[str, Any]
    input_size_px: int
    learning_rate: float
    augmentation: float


@dataclass(frozen=True, slots=True)
class TrialCandidate:
    """Values that are trained as a trial is.

    Attributes
    ----------
    label : str
    values : mapping of str to value
    """

    label: str
    values: Mapping[str, Value]


Candidate = EdgeCandidate | TrialCandidate


@dataclass(frozen=True, slots=True)
class Training:
    """What all trainings have in common.

    Attributes
    ----------
    data : Path
        Folder with ``galaxies/labels.csv`` and ``frames``.
    epochs : int
        Steps of a detector.
    labelled_only : bool
        Leave out galaxies with no label at all. Trials always do.
    teachers, negatives, positives : tuple of Path
        As for ``classification.edge_network.train``.
    """

    data: Path
    epochs: int
    labelled_only: bool = False
    teachers: tuple[Path, ...] = ()
    negatives: tuple[Path, ...] = ()
    positives: tuple[Path, ...] = ()


def winner_candidate(record: SearchRecord, values: Mapping[str, Value], label: str) -> Candidate:
    """What a trial's values are trained as.

    Every classifier gets the bundle's outputs and training. One of
    ``tuned_small`` so learns more than in its trial, whose recipe is the
    published one.
    """
    complete = record.space.complete(values)
    if record.space.network == SMALL:
        return EdgeCandidate(label, SMALL, complete, SMALL_INPUT_SIZE_PX, LEARNING_RATE, 1.0)
    if record.space.network != COMPACT:
        return TrialCandidate(label, complete)
    return EdgeCandidate(
        label=label,
        model="searched",
        options={name: value for name, value in complete.items() if name not in _OF_TRAINING},
        input_size_px=int(complete["input_size_px"]),
        learning_rate=float(complete["learning_rate"]),
        augmentation=float(complete["augmentation"]),
    )


def default_candidate(record: SearchRecord, winner: Candidate, beside: str) -> Candidate:
    """The hand-made default to judge a winner by.

    Parameters
    ----------
    record : SearchRecord
    winner : Candidate
    beside : str
        Name of the space's network; with ``compact``, ``compact:96`` takes
        another input than the winner's.

    Raises
    ------
    ConfigError
        The name is that of another network, or the size is none.
    """
    name, _, size = beside.partition(":")
    if name != record.space.network or (size and name != COMPACT):
        raise ConfigError(
            f"--beside {beside}: the search is of {record.space.network}; "
            f"its hand-made default is --beside {record.space.network}"
        )
    if name != COMPACT:
        base = record.space.base or record.space
        return winner_candidate(replace(record, space=base), base.defaults(), f"default-{name}")
    if size and not (size.isdigit() and 32 <= int(size) <= 256):
        raise ConfigError(f"--beside {beside}: the input is 32 to 256 px")
    assert isinstance(winner, EdgeCandidate)
    size_px = int(size) if size else winner.input_size_px
    return EdgeCandidate(f"{name}-{size_px}px", name, {}, size_px, LEARNING_RATE, 1.0)


def usual_epochs(record: SearchRecord) -> int:
    """Epochs of a retraining where none are named: the bundle's, or three times a trial's."""
    if record.config.subject == CLASSIFIER:
        return EPOCHS
    return 3 * record.config.epochs


def data_folder(data: str | Path, subject: str) -> Path:
    """The folder with ``galaxies`` and ``frames`` that a search's data lie in.

    Raises
    ------
    ConfigError
        The search had another layout; ``--data`` must name the folder.
    """
    path = Path(data)
    if subject != CLASSIFIER and (path / "frames").is_dir():
        return path
    if path.name == "labels.csv" and path.parent.name == "galaxies":
        return path.parent.parent
    raise ConfigError(
        f"the search's data, {path}, are not in a folder with galaxies/ and frames/; "
        "name such a folder with --data"
    )


def trial_spec(
    record: SearchRecord, candidate: TrialCandidate, training: Training, seed: int, folder: Path
) -> TrialSpec:
    """What the process of a detector's trial is asked to do for a longer training."""
    settings = record.config
    return TrialSpec(
        space=record.space.network,
        subject=settings.subject,
        values=dict(candidate.values),
        data=training.data,
        output=folder,
        seed=seed,
        epochs=training.epochs,
        threads=settings.threads,
        latency_command=settings.latency_command,
        metric=settings.metric,
    )
