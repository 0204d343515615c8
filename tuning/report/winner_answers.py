"""What the winner of a search said of the validation galaxies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import GalaxyEdgeError
from tuning.record import SearchRecord
from tuning.trials.exported import PREDICTIONS_FILE
from tuning.trials.spec import CLASSIFIER

if TYPE_CHECKING:
    from classification.scoring import ClassReport


def winner_confusion(
    record: SearchRecord, data: Path | None = None
) -> tuple[ClassReport | None, str]:
    """Scores of the five classes as the winner's exported file told them.

    Parameters
    ----------
    record : SearchRecord
    data : Path or None
        Labelled galaxies; None takes those of the search.

    Returns
    -------
    ClassReport or None
        None for detectors, and where the reason is not empty.
    str
        Why there is none, for people.
    """
    from annotations.galaxies.dataset import CLASS5
    from classification.predictions import Predictions
    from classification.scoring import score
    from tuning.trials.galaxies import read_parts

    winner = record.best
    if winner is None or winner.folder is None or record.config.subject != CLASSIFIER:
        return None, ""
    try:
        galaxies = read_parts(data or Path(record.config.data)).where("val")
        if galaxies.data_hash != record.config.data_hash:
            return None, f"the labels of {galaxies.name} have changed since the search"
        scores = score(Predictions.load(winner.folder / PREDICTIONS_FILE), galaxies)
    except GalaxyEdgeError as error:
        return None, f"{error}"
    if CLASS5 not in scores.classes:
        return None, "the winner tells no classes"
    return scores.classes[CLASS5], ""
