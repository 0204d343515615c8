"""One row of the table, in a process of its own.

Run as ``python -m classification.reproduction.row``; scripts/reproduce-classifiers
does so for every row.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10, GalaxySet
from annotations.worker_process import end_with_parent
from classification.reproduction.plans import Budget, RowKind, RowPlan, row_plan
from classification.reproduction.results import RowResult, TrainedPart
from classification.reproduction.settings import RowSettings, labelled_galaxies
from edge_runtime.errors import GalaxyEdgeError

_PACKAGES = ("keras", "tensorflow", "ai-edge-litert", "scikit-learn", "numpy")


def run_row(settings: RowSettings) -> RowResult:
    """Train and score a row, and keep its result in the folder.

    Raises
    ------
    GalaxyEdgeError
        Something it needs is missing, or its training failed.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    plan = row_plan(settings.row)
    galaxies = labelled_galaxies(settings.data)
    parts = _parts(plan, galaxies, settings)
    test = galaxies.where("test", ("kaggle", "gz2"))
    result = RowResult(
        row=settings.row,
        seed=settings.seed,
        parts=parts,
        test_pictures={
            "votes": int(test.has_votes.sum()),
            **{
                scheme: int(test.labels(scheme).known.sum())
                for scheme in (CLASS5, GALAXY10, ELLIPTICAL)
            },
        },
        environment=_environment(galaxies),
    )
    result.save(settings.folder)
    return result


def _parts(plan: RowPlan, galaxies: GalaxySet, settings: RowSettings) -> tuple[TrainedPart, ...]:
    if plan.kind is RowKind.NETWORK:
        from classification.reproduction.network_row import train_parts

        return train_parts(plan.trainings, galaxies, settings)
    if plan.kind is RowKind.BASELINE:
        from classification.reproduction.baseline_row import baseline_parts

        return baseline_parts(plan, galaxies, settings)
    from classification.reproduction.edge_row import bundle_part, edge_part

    if plan.kind is RowKind.BUNDLE:
        return (bundle_part(galaxies),)
    return (edge_part(plan, galaxies, settings),)


def _environment(galaxies: GalaxySet) -> dict[str, str]:
    from classification.provenance import code_version

    found = {
        "python": platform.python_version(),
        "processor": _processor(),
        "code_version": code_version(),
        "data_hash": galaxies.data_hash,
    }
    if "keras" in sys.modules:  # rows without a Keras network do without it
        import keras

        from classification.precision import device_name

        found |= {"backend": keras.backend.backend(), "device": device_name()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {name}"


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; a failure ends with a line ``error: ...`` and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m classification.reproduction.row",
        description="Train and score one row of the table of classifiers.",
        epilog="Example: python -m classification.reproduction.row --row zoo_cnn "
        "--data ../shared/data --folder work/zoo_cnn --training-s 120",
    )
    parser.add_argument("--row", required=True, help="name of the row")
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the row")
    parser.add_argument("--budget", choices=[b.value for b in Budget], default=Budget.QUICK.value)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--training-s", type=float, help="most seconds of training")
    parser.add_argument("--weights", type=Path, help="folder of ImageNet weights, vgg16.h5, ...")
    parser.add_argument("--child", action="store_true", help="end when standard input closes")
    given = parser.parse_args(argv)
    if given.child:
        end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    settings = RowSettings(
        row=given.row,
        data=given.data,
        folder=given.folder,
        budget=Budget(given.budget),
        seed=given.seed,
        training_s=given.training_s,
        weights=given.weights,
    )
    try:
        run_row(settings)
    except GalaxyEdgeError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
