"""The whole way from a search to a retrained network, its judgement, and a bundle."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from classification.models.compact import IMAGENET
from classification.provenance import code_version
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.verifying import VerifyReport
from edge_runtime.errors import ConfigError
from tuning.chosen_trials import chosen_trial
from tuning.record import SearchRecord, TrialRecord
from tuning.report.axes import value_text
from tuning.settings import data_hash
from tuning.trials.exported import CLASSIFIER_FILE
from tuning.trials.spec import CLASSIFIER
from tuning.winner.bundle import BundleName, Origin, build_classifier_bundle
from tuning.winner.candidates import (
    Training,
    default_candidate,
    winner_candidate,
)
from tuning.winner.judgement import Judgement, best_seed, judge
from tuning.winner.latency_check import check_latency
from tuning.winner.retraining import Report, Retrained, retrain
from tuning.winner.summary import WinnerSummary

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done with a search.

    Attributes
    ----------
    output : Path
        Folder for trainings and summary.
    training : Training
    seeds : tuple of int
    trial_id : str or None
        None is the search's winner.
    beside : str or None
        Hand-made default to train as well; see ``default_candidate``.
    bundle : Path or None
        Folder to write a bundle to.
    bundle_from : Path or None
        Bundle that gives the rest; None is the shipped one.
    called : BundleName
    splits : tuple of str
        That the bundle's classifier is scored on.
    bench : bool
        Run ``galaxy-edge bench`` on the bundle.
    overwrite : bool
        Replace a bundle that is there.
    """

    output: Path
    training: Training
    seeds: tuple[int, ...]
    trial_id: str | None = None
    beside: str | None = None
    bundle: Path | None = None
    bundle_from: Path | None = None
    called: BundleName = field(default_factory=BundleName)
    splits: tuple[str, ...] = ("val",)
    bench: bool = False
    overwrite: bool = False


def train_winner(
    record: SearchRecord, request: Request, report: Report | None = None
) -> WinnerSummary:
    """Retrain a trial, judge it, and build a bundle from it.

    What an earlier call finished in the same folder is kept.

    Raises
    ------
    ConfigError
        The request does not fit the search.
    GalaxyEdgeError
        A training or the bundle failed.
    """
    trial = chosen_trial(record, request.trial_id)
    classifies = record.config.subject == CLASSIFIER
    if request.bundle is not None:
        _check_bundle(request, request.bundle)
    winner = winner_candidate(record, trial.values, f"trial-{trial.id}")
    candidates = [winner]
    if request.beside is not None:
        candidates.append(default_candidate(record, winner, request.beside))
    data = request.training.data
    labels = data / "galaxies" / "labels.csv"
    hash_now = data_hash(labels if classifies else data, record.config.subject)
    if hash_now != record.config.data_hash:
        _log.warning("%s: the data have changed since the search", data)
    retrained = retrain(record, candidates, request.training, request.seeds, request.output, report)
    judgements = _judged(retrained, labels) if classifies else ()
    place = best_seed(retrained[0], record.config.metric)
    verified, latency = None, None
    if request.bundle is not None:
        verified = _build(record, trial, request, retrained[0], place, hash_now)
        if classifies:
            latency = check_latency(record, trial, request.bundle, bench=request.bench)
    return WinnerSummary(
        record=record,
        trial=trial,
        training=request.training,
        data_sha256=hash_now,
        code_version=code_version(),
        retrained=retrained,
        judgements=judgements,
        best_seed=request.seeds[place],
        bundle=verified,
        latency=latency,
    )


def _check_bundle(request: Request, bundle: Path) -> None:
    """Refuse what would fail only after hours of training."""
    if bundle.exists() and not request.overwrite:
        raise ConfigError(f"--bundle {bundle}: is there already; name another or --overwrite")
    load_bundle(request.bundle_from)


def _judged(retrained: tuple[Retrained, ...], labels: Path) -> tuple[Judgement, ...]:
    from tuning.trials.galaxies import read_parts

    if len(retrained) < 2:
        return ()
    galaxies = read_parts(labels).where("val")
    return judge(retrained[0], retrained[1], galaxies)


def _build(
    record: SearchRecord,
    trial: TrialRecord,
    request: Request,
    winner: Retrained,
    place: int,
    data_sha256: str,
) -> VerifyReport:
    assert request.bundle is not None
    base = load_bundle(request.bundle_from)
    seed, others = winner.seeds[place], [s for s in winner.seeds if s != winner.seeds[place]]
    words = ["galaxy-edge", "train", "winner", record.folder.name, "--trial", trial.id]
    words += ["--seeds", ",".join(map(str, winner.seeds))]
    words += ["--epochs", str(request.training.epochs), "--output", request.output.name]
    origin = Origin(
        description=described(record, trial, request, others),
        data_sha256=data_sha256,
        seeds=(seed,),
        code_version=code_version(),
        command=shlex.join([*words, "--bundle", request.bundle.name]),
    )
    folder = winner.folders[place]
    if record.config.subject != CLASSIFIER:
        from tuning.trials.detector_trial import DETECTOR_FILE  # with the Model Garden
        from tuning.winner.detector_bundle import build_detector_bundle

        return build_detector_bundle(
            request.bundle,
            folder / DETECTOR_FILE,
            base,
            request.training.data,
            origin,
            request.called,
            overwrite=request.overwrite,
        )
    return build_classifier_bundle(
        request.bundle,
        folder / CLASSIFIER_FILE,
        base,
        request.training.data,
        origin,
        request.called,
        splits=request.splits,
        overwrite=request.overwrite,
    )


def described(
    record: SearchRecord, trial: TrialRecord, request: Request, other_seeds: list[int]
) -> str:
    """Where a winner comes from, in a sentence for provenance."""
    settings, training = record.config, request.training
    values = ", ".join(
        f"{name} {value_text(value)}" for name, value in record.space.complete(trial.values).items()
    )
    length = f"{training.epochs} {'epochs' if settings.subject == CLASSIFIER else 'steps'}"
    text = (
        f"trial {trial.id} of a {settings.tuner} search of {record.space.name} over "
        f"{len(record.trials)} trials (seed {settings.seed}, code {settings.code_version}) with "
        f"{values}, trained again for {length}"
    )
    if other_seeds:
        text += f"; best on validation of seeds beside {', '.join(map(str, other_seeds))}"
    if record.space.complete(trial.values).get("start") == IMAGENET:
        text += "; began from ImageNet weights of EfficientNet-Lite0 (Apache-2.0)"
    return (
        text + "; Sloan Digital Sky Survey cut-outs with Galaxy Zoo votes (split train), star "
        "fields of the DeepSpaceYoloDataset (part marked train)"
    )
