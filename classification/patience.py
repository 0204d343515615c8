"""When to stop a training, and when to let it learn more slowly."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from classification.recipe import EarlyStopping, Plateau


@dataclass(slots=True)
class Patience:
    """Counts the epochs without a lower loss, for stopping and for slower learning.

    Attributes
    ----------
    best : float
        Lowest loss so far.
    best_epoch : int
        Epoch it was reached in; -1 before the first.
    waited : int
        Epochs since the loss last fell enough to go on.
    reference : float
        Loss that counts for ``waited``; above ``best`` where little gains do not count.
    plateau_best : float
        Lowest loss that the learning rate knows of.
    plateau_waited : int
        Epochs since then.
    """

    best: float = math.inf
    best_epoch: int = -1
    waited: int = 0
    reference: float = math.inf
    plateau_best: float = math.inf
    plateau_waited: int = 0

    def see(
        self,
        epoch: int,
        loss: float,
        early_stopping: EarlyStopping | None,
        plateau: Plateau | None,
    ) -> Verdict:
        """Take in the loss of an epoch and say what follows."""
        improved = loss < self.best
        if improved:
            self.best, self.best_epoch = loss, epoch
        if loss < self.reference - (early_stopping.min_delta if early_stopping else 0.0):
            self.reference, self.waited = loss, 0
        else:
            self.waited += 1
        slower = False
        if loss < self.plateau_best:
            self.plateau_best, self.plateau_waited = loss, 0
        else:
            self.plateau_waited += 1
            if plateau is not None and self.plateau_waited >= plateau.patience:
                slower, self.plateau_waited = True, 0
        return Verdict(
            improved=improved,
            stop=early_stopping is not None and self.waited >= early_stopping.patience,
            slower=slower,
        )

    def as_dict(self) -> dict[str, float]:
        """Fields by name; those not set yet are left out."""
        return {name: value for name, value in asdict(self).items() if math.isfinite(value)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the loss of an epoch."""

    improved: bool
    stop: bool
    slower: bool
