"""Students: networks that learn from the answers of others, besides the labels.

Hinton, Vinyals & Dean (2015), "Distilling the knowledge in a neural network":
the answers of a better network say more of a picture than its label does, and
there are answers for pictures without any label.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import UNKNOWN_CLASS, ClassLabels, GalaxySet
from annotations.splits import place_of
from classification.batches import COUNTS, VOTES
from classification.ensemble_weights import shared_weights
from classification.ensembles import (
    Classifier,
    Progress,
    average,
    check_classes,
    load_classifier,
    network_hash,
    predict_each,
)
from classification.network import TrainedNetwork
from classification.predictions import Predictions
from classification.recipe import Preset
from classification.soft_labels import blended
from classification.training import VALIDATION_SHARE, train
from edge_runtime.errors import ConfigError, GalaxyEdgeError

_log = logging.getLogger(__name__)

RECORD_NAME = "distillation.json"


@dataclass(frozen=True, slots=True)
class Distillation:
    """How a student is taught.

    Attributes
    ----------
    teachers : tuple of str
        Folders of runs, or files of ensembles; their answers are averaged.
    share : float
        Part of a known label that the teachers' answer replaces, 0 to 1.
    turned_views : int
        Views of each picture that the teachers see, 1 to 8.
    unlabelled : bool
        Also learn from pictures without a label, by the teachers' answer alone.
    """

    teachers: tuple[str, ...]
    share: float = 0.5
    turned_views: int = 8
    unlabelled: bool = True

    def __post_init__(self) -> None:
        if not self.teachers:
            raise ConfigError("--teacher names no network to learn from")
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"--share {self.share}: must be 0 to 1")


def train_distilled(
    preset: Preset,
    galaxies: GalaxySet,
    distillation: Distillation,
    output: Path,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> TrainedNetwork:
    """Train a student, or go on with a training that was broken off.

    Parameters
    ----------
    preset : Preset
        Of the student. Its target is one that the teachers predict.
    galaxies : GalaxySet
        Labelled and unlabelled ones. Those of the splits ``val`` and ``test``
        keep their labels as they are.
    distillation : Distillation
    output : Path
        Folder of the run; gets ``distillation.json`` and the teachers' answers.
    progress : callable, optional
        Told how many answers of how many the teachers have given.
    **options
        Of ``classification.training.train``.

    Raises
    ------
    GalaxyEdgeError
        A teacher cannot be read or does not predict the target, or the folder
        holds another run.
    """
    learnt = rows_to_learn(galaxies, preset, unlabelled=distillation.unlabelled)
    taught_rows = learnt.rows(np.array(learnt.split) == "train")
    answers = _kept_answers(taught_rows, distillation, output, progress)
    mixed = with_answers(learnt, answers, preset.target, distillation.share)
    mixed = replace(mixed, data_hash=_hash(mixed.data_hash, distillation.share, answers))
    record = {
        **asdict(distillation),
        "teacher_sha256": [network_hash(Path(path)) for path in distillation.teachers],
        "data_hash": galaxies.data_hash,
        "labelled": int(_known(taught_rows, preset.target).sum()),
        "unlabelled_pictures": int((~_known(taught_rows, preset.target)).sum()),
    }
    output.mkdir(parents=True, exist_ok=True)
    with new_file(output / RECORD_NAME) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    _log.info(
        "%s learns from %d labelled and %d unlabelled pictures",
        preset.name,
        record["labelled"],
        record["unlabelled_pictures"],
    )
    return train(preset, mixed, output, **options)


def soft_targets(
    teachers: Sequence[Classifier],
    galaxies: GalaxySet,
    *,
    turned_views: int = 8,
    progress: Progress | None = None,
) -> Predictions:
    """Mean answer of several teachers.

    Parameters
    ----------
    teachers : sequence of Classifier
        Those that lack an output do not count for it.
    galaxies : GalaxySet
    turned_views : int
    progress : callable, optional
    """
    answers = predict_each(teachers, galaxies, turned_views=turned_views, progress=progress)
    return average(answers, shared_weights(answers, (1.0 / len(teachers),) * len(teachers)))


def rows_to_learn(galaxies: GalaxySet, preset: Preset, *, unlabelled: bool) -> GalaxySet:
    """Rows a student trains on or is validated with, each marked ``train`` or ``val``.

    Unlabelled pictures of unknown scale are left out where labelled ones have
    theirs and the preset crops by it, and so are galaxies whose votes are known
    but allow none of the preset's classes: nobody could say what they are.

    Parameters
    ----------
    galaxies : GalaxySet
    preset : Preset
    unlabelled : bool
        Also rows without a label, for training.
    """
    split = np.array(galaxies.split, dtype=np.str_)
    if not (split == "train").any():  # as training does it
        drawn = np.array([place_of(i) < VALIDATION_SHARE for i in galaxies.ids], dtype=bool)
        split = np.where(split == "", np.where(drawn, "val", "train"), split)
    split = np.where(split == "", "train", split)
    known = _known(galaxies, preset.target)
    keep = known.copy()
    if unlabelled:
        usable = np.ones(len(galaxies), dtype=bool)
        if preset.target != VOTES:
            usable &= ~galaxies.has_votes
        scaled = np.isfinite(galaxies.frame_scale)
        if preset.preparation.crop_frame_px is not None and (scaled & known).any():
            usable &= scaled
        keep |= usable & (split == "train")
    keep &= np.isin(split, ("train", "val"))
    return replace(galaxies.rows(keep), split=tuple(str(s) for s in split[keep]))


def with_answers(galaxies: GalaxySet, answers: Predictions, target: str, share: float) -> GalaxySet:
    """The set with the labels of its ``train`` rows mixed with a teacher's answers.

    Parameters
    ----------
    galaxies : GalaxySet
    answers : Predictions
        Of the rows of the split ``train``, in their order.
    target : str
        ``votes`` or a scheme of classes: the labels that are mixed.
    share : float
        Part of a known label that is replaced, 0 to 1.

    Raises
    ------
    GalaxyEdgeError
        The answers are of other galaxies, or are not of the target.
    """
    train_rows = np.flatnonzero(np.array(galaxies.split) == "train")
    if answers.ids != tuple(galaxies.ids[row] for row in train_rows):
        raise GalaxyEdgeError(f"{galaxies.name}: the teachers' answers are of other galaxies")
    if target == VOTES and answers.votes is not None:
        votes = galaxies.votes.copy()
        votes[train_rows] = blended(votes[train_rows], answers.votes, share)
        return replace(galaxies, votes=votes)
    if target not in answers.classes:
        known = ", ".join([*(["votes"] if answers.votes is not None else []), *answers.classes])
        raise GalaxyEdgeError(f"the teachers do not predict {target}; they predict {known}")
    labels, said = galaxies.labels(target), answers.classes[target]
    if said.shape[1] != len(labels.names):
        raise GalaxyEdgeError(
            f"{galaxies.name}: {target} has {len(labels.names)} classes, "
            f"but the teachers know {said.shape[1]}"
        )
    shares, index = labels.one_hot().copy(), labels.index.copy()
    shares[train_rows] = blended(shares[train_rows], said, share)
    index[train_rows] = np.where(
        index[train_rows] == UNKNOWN_CLASS, said.argmax(axis=1), index[train_rows]
    )
    classes = {**galaxies.classes, target: ClassLabels(labels.names, index, shares)}
    return replace(galaxies, classes=classes)


def _known(galaxies: GalaxySet, target: str) -> NDArray[np.bool_]:
    if target == COUNTS:
        raise ConfigError(
            "a network for counts of votes cannot be distilled: teachers give fractions; take a "
            "preset whose target is votes"
        )
    return galaxies.has_votes if target == VOTES else galaxies.labels(target).known


def _kept_answers(
    galaxies: GalaxySet, distillation: Distillation, output: Path, progress: Progress | None
) -> Predictions:
    """The teachers' answers, from a file where an earlier start has written them."""
    hashes = [network_hash(Path(path)) for path in distillation.teachers]
    key = hashlib.sha256(
        json.dumps([hashes, distillation.turned_views, galaxies.data_hash, galaxies.ids]).encode()
    ).hexdigest()
    path = output / f"teachers-{key[:12]}.npz"
    if path.exists():
        answers = Predictions.load(path)
        if answers.ids == galaxies.ids:
            return answers
    teachers = [load_classifier(Path(path)) for path in distillation.teachers]
    check_classes(teachers, galaxies)
    answers = soft_targets(
        teachers, galaxies, turned_views=distillation.turned_views, progress=progress
    )
    answers.save(path)
    return answers


def _hash(labels_hash: str, share: float, answers: Predictions) -> str:
    """Of the mixed labels, so that a run with others is refused."""
    digest = hashlib.sha256(json.dumps([labels_hash, share]).encode())
    if answers.votes is not None:
        digest.update(np.ascontiguousarray(answers.votes).tobytes())
    for scheme in sorted(answers.classes):
        digest.update(np.ascontiguousarray(answers.classes[scheme]).tobytes())
    return digest.hexdigest()
