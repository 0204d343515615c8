"""Trained classical classifiers, kept in files."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from classification.baselines import Baseline
from classification.provenance import code_version
from classification.simple_features import FEATURE_NAMES
from edge_runtime.errors import GalaxyEdgeError

FORMAT = 1

_CARD = "baseline.json"
_ESTIMATOR = "estimator.joblib"


def save_baseline(baseline: Baseline, path: Path) -> None:
    """Write a fitted baseline, whole or not at all.

    The file is a zip of a card, with the versions that wrote it, and of the
    estimator as joblib writes it.

    Parameters
    ----------
    baseline : Baseline
    path : Path
        Replaced where it exists.
    """
    import joblib
    import sklearn

    card = {
        "format": FORMAT,
        "name": baseline.name,
        "target": baseline.target,
        "features": list(FEATURE_NAMES),
        "scikit_learn": sklearn.__version__,
        "code_version": code_version(),
    }
    content = io.BytesIO()
    joblib.dump(baseline, content, compress=3)
    with new_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(_CARD, json.dumps(card, indent=2))
        archive.writestr(_ESTIMATOR, content.getvalue())


def load_baseline(path: Path) -> Baseline:
    """Read what ``save_baseline`` wrote.

    Estimators are pickled, and a pickle runs whatever code its author put into
    it: load only files that you or somebody you trust has written. The card is
    checked first, and nothing is unpickled where it does not fit.

    Raises
    ------
    GalaxyEdgeError
        The file is missing or damaged, or was written with other features or
        another release of scikit-learn, whose pickles do not keep.
    """
    import joblib
    import sklearn

    try:
        with zipfile.ZipFile(path) as archive:
            card = json.loads(archive.read(_CARD))
            _check(card, sklearn.__version__, path)
            found = joblib.load(io.BytesIO(archive.read(_ESTIMATOR)))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read as a baseline ({error})") from error
    if not isinstance(found, Baseline):
        raise GalaxyEdgeError(f"{path}: holds no baseline but {type(found).__name__}")
    return found


def _check(card: dict[str, Any], installed: str, path: Path) -> None:
    if card["format"] != FORMAT:
        raise GalaxyEdgeError(
            f"{path}: is of format {card['format']}, and this version reads {FORMAT}; train again"
        )
    if card["features"] != list(FEATURE_NAMES):
        raise GalaxyEdgeError(f"{path}: was trained on other features; train again")
    if _release(card["scikit_learn"]) != _release(installed):
        raise GalaxyEdgeError(
            f"{path}: was written with scikit-learn {card['scikit_learn']}, and {installed} is "
            "installed; install that version or train again"
        )


def _release(version: str) -> list[str]:
    return version.split(".")[:2]
