"""What a row of the table found, kept in a file of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10
from classification.scoring import Scores
from edge_runtime.errors import GalaxyEdgeError

RESULT_NAME = "result.json"


@dataclass(frozen=True, slots=True)
class Figures:
    """Scores on the test split; None where a network has no such answer.

    Attributes
    ----------
    rmse, constraint_violation : float or None
        Of the 37 votes.
    class5_accuracy, class5_macro_f1 : float or None
    galaxy10_accuracy, galaxy10_macro_f1 : float or None
    elliptical_accuracy : float or None
    """

    rmse: float | None = None
    constraint_violation: float | None = None
    class5_accuracy: float | None = None
    class5_macro_f1: float | None = None
    galaxy10_accuracy: float | None = None
    galaxy10_macro_f1: float | None = None
    elliptical_accuracy: float | None = None

    def merged(self, other: Figures) -> Figures:
        """These, and the other's where these have none."""
        mine, theirs = asdict(self), asdict(other)
        return Figures(**{k: theirs[k] if v is None else v for k, v in mine.items()})

    @classmethod
    def of(cls, scores: Scores) -> Figures:
        """Figures of scored predictions."""

        def of_scheme(scheme: str, figure: str) -> float | None:
            report = scores.classes.get(scheme)
            return None if report is None else float(getattr(report, figure))

        votes = scores.votes
        return cls(
            rmse=None if votes is None else votes.rmse,
            constraint_violation=None if votes is None else votes.constraint_violation,
            class5_accuracy=of_scheme(CLASS5, "accuracy"),
            class5_macro_f1=of_scheme(CLASS5, "macro_f1"),
            galaxy10_accuracy=of_scheme(GALAXY10, "accuracy"),
            galaxy10_macro_f1=of_scheme(GALAXY10, "macro_f1"),
            elliptical_accuracy=of_scheme(ELLIPTICAL, "accuracy"),
        )


@dataclass(frozen=True, slots=True)
class TrainedPart:
    """One network of a row.

    Attributes
    ----------
    target, recipe : str
        What it learnt, and by which preset or command.
    parameters, epochs, training_pictures : int or None
    training_s : float or None
    figures : Figures
        Of the network as trained.
    int8_figures : Figures
        Of the exported file.
    precision : str
        Of that file; ``reason`` says why it is not int8.
    reason : str
    size_bytes, multiply_adds : int or None
    latency_ms, latency_p95_ms : float or None
        Of one call with one thread.
    same_answer : float or None
        Part of the test galaxies on which both give the same answer.
    shortened : tuple of str
        In what the training is shorter than its recipe says.
    notes : str
        Whatever else explains the figures.
    """

    target: str
    recipe: str
    parameters: int | None = None
    epochs: int | None = None
    training_pictures: int | None = None
    training_s: float | None = None
    figures: Figures = Figures()
    int8_figures: Figures = Figures()
    precision: str = ""
    reason: str = ""
    size_bytes: int | None = None
    multiply_adds: int | None = None
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    same_answer: float | None = None
    shortened: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row for one seed.

    Attributes
    ----------
    row : str
    seed : int
    parts : tuple of TrainedPart
        The first one's size and latency stand in the row.
    test_pictures : mapping of str to int
        Rows that each figure is of.
    environment : mapping of str to str
        Versions, backend, processor, hash of the labels.
    """

    row: str
    seed: int
    parts: tuple[TrainedPart, ...]
    test_pictures: dict[str, int] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> Figures:
        """Of all networks of the row together; earlier ones first."""
        merged = Figures()
        for part in self.parts:
            merged = merged.merged(part.figures)
        return merged

    @property
    def training_s(self) -> float | None:
        """Of all networks of the row."""
        times = [part.training_s for part in self.parts if part.training_s is not None]
        return sum(times) if times else None

    def save(self, folder: Path) -> None:
        """Write ``result.json``, whole or not at all."""
        with new_file(folder / RESULT_NAME) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RowResult:
        """Read what ``save`` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing or damaged.
        """
        path = folder / RESULT_NAME
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            parts = tuple(_part(part) for part in values.pop("parts"))
            return cls(parts=parts, **values)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise GalaxyEdgeError(
                f"{path}: is not the result of a row ({error}); delete it to make it anew"
            ) from error


def _part(values: dict[str, Any]) -> TrainedPart:
    figures = {name: Figures(**values.pop(name)) for name in ("figures", "int8_figures")}
    shortened = tuple(values.pop("shortened"))
    return TrainedPart(**values, **figures, shortened=shortened)
