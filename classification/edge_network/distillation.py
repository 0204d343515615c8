"""Labels from trained models for pictures whose labels are not known."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from annotations.formats.outputs import new_file
from annotations.galaxy_zoo import GalaxyTable, read_crops
from classification.edge_network.data import GalaxyCache
from classification.edge_network.evaluation import keras_predictor
from classification.keras_files import read_keras
from classification.soft_labels import blended
from edge_runtime.decision_tree import votes_from_logits

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TeacherTargets:
    """What the teachers see in each picture.

    Attributes
    ----------
    votes : ndarray, shape (N, 37), float32
    class5 : ndarray, shape (N, 5), float32
    """

    votes: NDArray[np.float32]
    class5: NDArray[np.float32]


def teachers_opinion(paths: Sequence[Path], table: GalaxyTable) -> TeacherTargets:
    """Mean of what trained networks see in each picture.

    What each of them says is kept in a file beside it, since looking takes
    minutes and every student asks the same.

    Parameters
    ----------
    paths : sequence of Path
        ``.keras`` files.
    table : GalaxyTable
        Pictures to look at.

    Raises
    ------
    GalaxyEdgeError
        A file cannot be read as a network.
    """
    opinions = []
    for path in paths:
        kept = path.with_suffix(".opinion.npz")
        asked = _question(path, table)
        opinion = _kept_opinion(kept, asked)
        if opinion is None:
            opinion = teacher_targets(read_keras(path), table)
            with new_file(kept) as partial, partial.open("wb") as stream:
                np.savez(stream, asked=asked, votes=opinion.votes, class5=opinion.class5)
        opinions.append(opinion)
    return TeacherTargets(
        np.mean([o.votes for o in opinions], axis=0, dtype=np.float32),
        np.mean([o.class5 for o in opinions], axis=0, dtype=np.float32),
    )


def teacher_targets(teacher: keras.Model, table: GalaxyTable) -> TeacherTargets:
    """Mean prediction of a teacher over four turned views, every other one mirrored.

    Parameters
    ----------
    teacher : keras.Model
        Sees the pictures at the size of its own input.
    table : GalaxyTable
        Pictures to look at.
    """
    predict = keras_predictor(teacher)
    crops = read_crops(table, int(teacher.input_shape[1]))
    votes, class5 = [], []
    for turns, mirror in enumerate((1, -1, 1, -1)):
        logits = predict(np.rot90(crops, turns, axes=(1, 2))[:, :, ::mirror])
        votes.append(votes_from_logits(logits["votes"]))
        class5.append(softmax(logits["class5"], axis=1))
    return TeacherTargets(
        np.mean(votes, axis=0, dtype=np.float32), np.mean(class5, axis=0, dtype=np.float32)
    )


def mix_teacher(cache: GalaxyCache, teacher: TeacherTargets, share: float) -> GalaxyCache:
    """Fill unknown labels with the teachers' and blend the known ones.

    Parameters
    ----------
    cache : GalaxyCache
    teacher : TeacherTargets
        One row for each picture of the cache.
    share : float
        Part of a known label that is replaced, 0 to 1.

    Returns
    -------
    GalaxyCache
        With every vote known. The class of a picture whose votes were known but
        allow none of the five stays unknown.
    """
    has_votes = ~np.isnan(cache.votes[:, :1])
    has_class = ~np.isnan(cache.class5[:, :1])
    class5 = np.where(has_class, blended(cache.class5, teacher.class5, share), np.nan)
    unknown = ~(has_votes | has_class)[:, 0]
    weight = np.where(unknown, 1.0, cache.draw_weight)
    return replace(
        cache,
        votes=blended(cache.votes, teacher.votes, share),
        class5=class5.astype(np.float32),
        draw_weight=weight,
    )


def _question(path: Path, table: GalaxyTable) -> str:
    """Hash of the teacher's file and of the pictures it is asked about."""
    digest = hashlib.sha256(path.read_bytes())
    digest.update("\n".join((table.data_hash, *table.files)).encode())
    return digest.hexdigest()


def _kept_opinion(path: Path, asked: str) -> TeacherTargets | None:
    """What the teacher said before, or None where it was asked something else."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            if str(archive["asked"]) != asked:
                return None
            return TeacherTargets(archive["votes"], archive["class5"])
    except (OSError, ValueError, KeyError) as error:
        _log.warning("%s: cannot be read (%s); the teacher looks again", path, error)
        return None
