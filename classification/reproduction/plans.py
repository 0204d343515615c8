"""Rows of the table: what each trains, and how it is shortened where time is short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from edge_runtime.errors import ConfigError


class Budget(StrEnum):
    """How much time the table may take."""

    QUICK = "quick"
    FULL = "full"


class RowKind(StrEnum):
    """What makes a row."""

    NETWORK = "network"
    BASELINE = "baseline"
    BUNDLE = "bundle"
    EDGE_NETWORK = "edge network"


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """How a training is shortened in the quick table, besides its time.

    Attributes
    ----------
    limit : int or None
        Training pictures.
    input_size_px : int or None
        Side of the input instead of the published one.
    precision : str
        Of the arithmetic.
    frozen_only : bool
        A backbone's own layers are not trained.
    """

    limit: int | None = None
    input_size_px: int | None = None
    precision: str = "float32"
    frozen_only: bool = False


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """One training of a row.

    Attributes
    ----------
    target : str
        ``votes`` or a scheme of classes.
    preset : str
        Recipe; its target and head are replaced where it has another target.
    quick_s : float
        Seconds of training in a quick table of 45 minutes.
    quick : Shortcuts
    """

    target: str
    preset: str
    quick_s: float
    quick: Shortcuts = Shortcuts()


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A row of the table.

    Attributes
    ----------
    name, title : str
    kind : RowKind
    trainings : tuple of TrainingPlan
        The first one's size and latency stand in the row.
    quick_s : float
        Seconds of work that is no network's training.
    options : tuple of str
        Further arguments of the edge network's training.
    in_quick : bool
        Whether it belongs to the quick table where no rows are named.
    """

    name: str
    title: str
    kind: RowKind
    trainings: tuple[TrainingPlan, ...] = ()
    quick_s: float = 0.0
    options: tuple[str, ...] = ()
    in_quick: bool = True

    @property
    def training_s(self) -> float:
        """Seconds of training in a quick table of 45 minutes."""
        return self.quick_s + sum(training.quick_s for training in self.trainings)

    @property
    def overhead_s(self) -> float:
        """Seconds beside: start, pictures, export, scores and latency."""
        return _START_S + _TRAINING_OVERHEAD_S * len(self.trainings)


_START_S = 20.0
_TRAINING_OVERHEAD_S = 20.0
_BFLOAT16 = Shortcuts(precision="mixed_bfloat16")


def _votes(name: str, preset: str, quick_s: float, quick: Shortcuts = _BFLOAT16) -> RowPlan:
    return RowPlan(name, name, RowKind.NETWORK, (TrainingPlan("votes", preset, quick_s, quick),))


def _classes(name: str, preset: str, seconds: dict[str, float]) -> RowPlan:
    trainings = (TrainingPlan(target, preset, s, _BFLOAT16) for target, s in seconds.items())
    return RowPlan(name, name, RowKind.NETWORK, tuple(trainings))


def _variant(name: str) -> RowPlan:
    """A further variant of the Galaxy10 project's network, on its own classes."""
    row = _classes(
        f"scratch_cnn_{name}", f"galaxy10-scratch-{name.replace('_', '-')}", {"galaxy10": 35}
    )
    return replace(row, title=f"scratch_cnn, variant {name}", in_quick=False)


SCRATCH_VARIANTS = (
    "simple",
    "bigger",
    "l1l2",
    "batch_norm",
    "dropout_l1l2",
    "dropout_l1l2_batch_norm",
)
"""Of the published table, besides ``dropout``, which is the row ``scratch_cnn``."""

ROWS = (
    RowPlan("bundle", "compact (default bundle, int8)", RowKind.BUNDLE, quick_s=10),
    RowPlan("compact", "compact (trained here, int8)", RowKind.EDGE_NETWORK, quick_s=420),
    _votes("parallel_cnn", "parallel-cnn-2024", 300),
    _votes("vit_small", "vit-2024", 230),
    _votes("zoo_cnn", "galaxy-zoo-challenge-cnn", 200),
    _votes("multi_view", "multi-view-2015", 200),
    _votes("vgg16", "vgg16-2024", 150, Shortcuts(limit=1500, precision="mixed_bfloat16")),
    _votes("resnet50", "resnet50-2024", 150, _BFLOAT16),
    _votes(
        "inception_v3",
        "inception-v3-challenge",
        150,
        Shortcuts(input_size_px=75, precision="mixed_bfloat16"),
    ),
    _classes("scratch_cnn", "galaxy10-scratch", {"galaxy10": 35, "class5": 50, "elliptical": 35}),
    _classes("tuned_small", "galaxy10-tuned", {"galaxy10": 30, "class5": 40, "elliptical": 30}),
    _classes("gama_cnn", "gama-elliptical", {"elliptical": 90, "class5": 80, "galaxy10": 40}),
    *(_variant(name) for name in SCRATCH_VARIANTS),
    RowPlan("svm", "SVM on simple features", RowKind.BASELINE, quick_s=25),
    RowPlan("decision_tree", "decision tree on simple features", RowKind.BASELINE, quick_s=15),
    RowPlan("random_forest", "random forest on simple features", RowKind.BASELINE, quick_s=20),
)
_BY_NAME = {row.name: row for row in ROWS}


def row_plan(name: str) -> RowPlan:
    """A row by its name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in _BY_NAME:
        raise ConfigError(f"unknown row {name!r}; known: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
