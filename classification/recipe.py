"""What a recipe for training holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from classification.augmentation import Augmentation
from classification.balancing import Balance
from classification.heads import Head
from classification.preparation import Preparation
from edge_runtime.errors import ConfigError

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LossChoice:
    """A loss of ``classification.losses.create_loss``, and its arguments."""

    name: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptimizerChoice:
    """How the weights follow the gradient.

    Attributes
    ----------
    name : str
        ``adam``, ``adamw``, ``sgd`` (with Nesterov momentum of 0.9) or ``rmsprop``.
    learning_rate : float
        At the start, or the peak of the cosine schedule.
    schedule : str
        ``constant``, or ``cosine``: up over the first twentieth of the epochs,
        then down to a hundredth at the last one.
    weight_decay : float or None
        Decoupled decay, for each step times the learning rate.
    clip_norm : float or None
        Largest norm of each gradient.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float | None = None
    clip_norm: float | None = None


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop once the validation loss has not fallen for so many epochs."""

    patience: int
    min_delta: float = 0.0


@dataclass(frozen=True, slots=True)
class Plateau:
    """Lower the learning rate by a factor whenever the loss stays for so many epochs."""

    factor: float = 0.5
    patience: int = 10
    lowest: float = 1e-6


@dataclass(frozen=True, slots=True)
class Transfer:
    """Two phases over a backbone that knows other pictures.

    Attributes
    ----------
    frozen_epochs : int
        Epochs in which only the head learns.
    unfreeze_from : str or None
        Layer or block of the backbone from which on all learn afterwards; None leaves
        the whole backbone frozen. Batch normalisation stays as it is.
    learning_rate : float
        Of the second phase.
    """

    frozen_epochs: int
    unfreeze_from: str | None
    learning_rate: float = 1e-5


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe.

    Attributes
    ----------
    name, summary, reference : str
        Name on the command line, what it is, and where it was published.
    architecture : str
        One of ``classification.models.model_names()``.
    head : Head
    target : str
        ``votes``, ``counts`` or a scheme of classes.
    preparation : Preparation
    loss : LossChoice
    augmentation : Augmentation
    optimizer : OptimizerChoice
    batch, epochs : int
        Pictures in a batch, and the most epochs.
    early_stopping : EarlyStopping or None
    plateau : Plateau or None
    balance : Balance
    options : mapping
        Of the architecture.
    transfer : Transfer or None
        None trains all layers from the start.
    notes : str
        What the publication leaves open, and what was chosen.
    """

    name: str
    summary: str
    reference: str
    architecture: str
    head: Head
    target: str
    preparation: Preparation
    loss: LossChoice
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimizer: OptimizerChoice = OptimizerChoice()
    batch: int = 64
    epochs: int = 100
    early_stopping: EarlyStopping | None = None
    plateau: Plateau | None = None
    balance: Balance = field(default_factory=Balance)
    options: Options = field(default_factory=dict)
    transfer: Transfer | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        if self.plateau is not None and self.optimizer.schedule != "constant":
            raise ConfigError(
                f"{self.name}: the learning rate follows a schedule or falls on a plateau, not both"
            )
