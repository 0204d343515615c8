"""Networks to explain, each with the way a picture becomes its crop."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5
from classification.class_rules import class5_from_votes
from classification.edge_classifiers import edge_preparation
from classification.explain.networks import (
    EDGE_OUTPUTS,
    VOTE_OUTPUTS,
    ExplainedNetwork,
    KerasNetwork,
    open_network,
)
from classification.network import CARD_FILE, NETWORK_FILE, NetworkCard
from classification.preparation import Preparation
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.schema import MANIFEST_NAME
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExplainedSubject:
    """A network, and how pictures are made ready for it.

    Attributes
    ----------
    name : str
        On pages; different for each subject of a page.
    kind : str
        ``float, Keras`` or ``TFLite, as the telescope runs it``.
    network : ExplainedNetwork
    preparation : Preparation
        Its ``size_px`` is the network's.
    identity : str
        Changes with the network: SHA-256 of its file, or a name.
    """

    name: str
    kind: str
    network: ExplainedNetwork
    preparation: Preparation
    identity: str

    @property
    def has_gradient(self) -> bool:
        """Whether all methods run on it, and its weights can be redrawn."""
        return isinstance(self.network, KerasNetwork)


@dataclass(frozen=True, slots=True)
class ClassAnswers:
    """Probabilities of classes among a network's answers.

    Attributes
    ----------
    scheme : str
    names : tuple of str, K long
    probabilities : ndarray, shape (N, K), float32
        Adding up to 1.
    """

    scheme: str
    names: tuple[str, ...]
    probabilities: NDArray[np.float32]


def open_subjects(paths: Sequence[Path | None], threads: int = 2) -> tuple[ExplainedSubject, ...]:
    """Open the networks that a page sets side by side.

    Parameters
    ----------
    paths : sequence of Path or None
        As for ``open_network``; None is the shipped bundle. A ``.keras`` file with
        the bundle's outputs, beside a bundle, gets the bias of that bundle's classes,
        so that the two differ by their arithmetic alone.
    threads : int
        Of one call of a TFLite file.

    Raises
    ------
    GalaxyEdgeError
        A path is no network, or the same one twice.
    """
    bias = next((found for path in paths if (found := _class_bias(path)) is not None), None)
    subjects: list[ExplainedSubject] = []
    for path in paths:
        network: ExplainedNetwork = open_network(path, threads)
        if isinstance(network, KerasNetwork) and network.outputs == EDGE_OUTPUTS and bias:
            assert path is not None
            network = KerasNetwork.open(path, bias)
        name = _free_name(network.name, [each.name for each in subjects])
        subject = subject_of(network, _preparation(path, network), name, _identity(path, bias))
        if subject.identity in [each.identity for each in subjects]:
            raise GalaxyEdgeError(f"{path or 'the shipped bundle'}: is named twice")
        subjects.append(subject)
    return tuple(subjects)


def subject_of(
    network: ExplainedNetwork,
    preparation: Preparation | None = None,
    name: str | None = None,
    identity: str | None = None,
) -> ExplainedSubject:
    """A subject of a network that is open already.

    Parameters
    ----------
    network : ExplainedNetwork
    preparation : Preparation, optional
        Left out, the edge's.
    name, identity : str, optional
        Left out, the network's name.
    """
    return ExplainedSubject(
        name=name or network.name,
        kind=(
            "float, Keras"
            if isinstance(network, KerasNetwork)
            else "TFLite, as the telescope runs it"
        ),
        network=network,
        preparation=preparation or edge_preparation(network.input_size_px),
        identity=identity or name or network.name,
    )


def class_answers(network: ExplainedNetwork, answers: NDArray[np.floating]) -> ClassAnswers | None:
    """What a network takes galaxies for.

    Parameters
    ----------
    network : ExplainedNetwork
    answers : ndarray, shape (N, K)

    Returns
    -------
    ClassAnswers or None
        The five classes where it gives them, or by their rule from the votes; else
        the classes it was trained on. None where its answers have no names.
    """
    outputs = network.outputs
    if outputs[: len(VOTE_COLUMNS)] == VOTE_OUTPUTS and len(outputs) == len(VOTE_COLUMNS):
        return ClassAnswers(CLASS5, CLASS5_NAMES, class5_from_votes(answers))
    schemes = {name.partition(":")[0] for name in outputs if ":" in name}
    scheme = CLASS5 if CLASS5 in schemes else min(schemes - {"votes"}, default=None)
    if scheme is None:
        return None
    columns = [i for i, name in enumerate(outputs) if name.startswith(f"{scheme}:")]
    chosen = np.clip(answers[:, columns].astype(np.float64), 1e-7, None)
    shares = (chosen / chosen.sum(axis=1, keepdims=True)).astype(np.float32)
    return ClassAnswers(scheme, tuple(outputs[i].partition(":")[2] for i in columns), shares)


def votes_of(
    network: ExplainedNetwork, answers: NDArray[np.floating]
) -> NDArray[np.float32] | None:
    """The 37 vote fractions, shape (N, 37); None where the network gives none."""
    if network.outputs[: len(VOTE_COLUMNS)] != VOTE_OUTPUTS:
        return None
    return np.asarray(answers[:, : len(VOTE_COLUMNS)], np.float32)


def _class_bias(path: Path | None) -> tuple[float, ...] | None:
    if path is not None and path.suffix != ".zip" and not (path / MANIFEST_NAME).exists():
        return None
    return tuple(load_bundle(path).manifest.classifier.class_bias)


def _preparation(path: Path | None, network: ExplainedNetwork) -> Preparation:
    size = network.input_size_px
    if network.outputs == EDGE_OUTPUTS or path is None:
        return edge_preparation(size)
    folder = path if path.is_dir() else path.parent
    if (folder / CARD_FILE).is_file():
        preparation = NetworkCard.load(folder / CARD_FILE).preparation
        if preparation.size_px == size:
            return preparation
    _log.warning(
        "%s: no %s tells how its pictures were prepared; they get the edge's crops", path, CARD_FILE
    )
    return edge_preparation(size)


def _identity(path: Path | None, bias: Sequence[float] | None) -> str:
    """Hash of a network's file, and of what else its answers depend on."""
    if _class_bias(path) is not None:
        return load_bundle(path).sha256
    assert path is not None
    file = path / NETWORK_FILE if path.is_dir() else path
    return hashlib.sha256(file.read_bytes() + repr(bias).encode()).hexdigest()


def _free_name(name: str, taken: Sequence[str]) -> str:
    if name not in taken:
        return name
    return next(n for i in range(2, len(taken) + 3) if (n := f"{name} ({i})") not in taken)
