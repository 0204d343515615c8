"""Pictures of the galaxies that a classifier gets most wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from annotations.html_page import picture_uri
from classification.calibration import row_log_losses
from classification.predictions import Predictions
from classification.preparation import Preparation
from edge_runtime.decision_tree import ANSWER_NAMES

SHOWN_PX = 160
_FRAME_PX = 240.0
_VOTES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture with its caption.

    Attributes
    ----------
    picture : str
        Data URI.
    name : str
        The galaxy.
    lines : tuple of str
    """

    picture: str
    name: str
    lines: tuple[str, ...]


def worst_classes(
    predictions: Predictions, galaxies: GalaxySet, scheme: str, most: int
) -> list[Exhibit]:
    """Galaxies whose predicted class is wrong, by falling log-loss.

    Parameters
    ----------
    predictions : Predictions
        In the order of ``galaxies``.
    galaxies : GalaxySet
    scheme : str
    most : int
        To show.
    """
    labels = galaxies.classes[scheme]
    said = predictions.classes[scheme]
    rows = np.flatnonzero(labels.known)
    true, given = labels.index[rows], said[rows]
    losses = row_log_losses(true, given)
    wrong = np.flatnonzero(given.argmax(axis=1) != true)
    exhibits = []
    for i in wrong[np.argsort(-losses[wrong], kind="stable")][:most]:
        chosen = int(given[i].argmax())
        exhibits.append(
            Exhibit(
                shown_picture(galaxies, int(rows[i])),
                galaxies.ids[rows[i]],
                (
                    f"true {labels.names[true[i]]} ({given[i, true[i]]:.3f})",
                    f"predicted {labels.names[chosen]} ({given[i, chosen]:.3f})",
                    f"log-loss {losses[i]:.2f}",
                ),
            )
        )
    return exhibits


def worst_votes(predictions: Predictions, galaxies: GalaxySet, most: int) -> list[Exhibit]:
    """Galaxies by falling RMSE of their votes, with the votes that are most wrong."""
    if predictions.votes is None:
        return []
    rows = np.flatnonzero(galaxies.has_votes)
    errors = predictions.votes[rows].astype(np.float64) - galaxies.votes[rows]
    rmse = np.sqrt(np.mean(np.square(errors), axis=1))
    return [
        Exhibit(
            shown_picture(galaxies, int(rows[i])),
            galaxies.ids[rows[i]],
            (
                f"RMSE {rmse[i]:.3f}",
                *_worst_answers(galaxies.votes[rows[i]], predictions.votes[rows[i]]),
            ),
        )
        for i in np.argsort(-rmse, kind="stable")[:most]
    ]


def shown_picture(galaxies: GalaxySet, row: int) -> str:
    """The middle of a galaxy's picture as a data URI."""
    preparation = Preparation(_FRAME_PX, SHOWN_PX)
    scale = float(galaxies.frame_scale[row])
    return picture_uri(preparation.prepare(galaxies.pictures.read(row), scale), quality=80)


def _worst_answers(true: NDArray[np.floating], said: NDArray[np.floating]) -> list[str]:
    order = np.argsort(-np.abs(said - true), kind="stable")[:_VOTES_NAMED]
    return [f"{ANSWER_NAMES[k]}: {true[k]:.2f} true, {said[k]:.2f} predicted" for k in order]
