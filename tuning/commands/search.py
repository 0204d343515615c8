"""``galaxy-edge tune``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tuning.record import SearchRecord
    from tuning.settings import SearchSettings


class Tuner(StrEnum):
    """How the next values are chosen."""

    BAYESIAN = "bayesian"
    HYPERBAND = "hyperband"
    RANDOM = "random"


class Role(StrEnum):
    """What this process does in a search on several machines."""

    CHIEF = "chief"
    WORKER = "worker"


def tune(
    space: Annotated[
        str,
        typer.Argument(
            metavar="SPACE", help="tuned_small, compact, detector, or a .toml file of your own."
        ),
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Folder or file of labelled galaxies, or a detector's.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the search; goes on with the one there.")
    ],
    trials: Annotated[int, typer.Option("--trials", min=1, help="Trials in all.")] = 30,
    tuner: Annotated[
        Tuner, typer.Option("--tuner", help="How the next values are chosen.")
    ] = Tuner.BAYESIAN,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="accuracy, macro_f1 or rmse; recall_iou30 or ap50 of a detector. "
            "[default: the first]",
        ),
    ] = None,
    max_latency_ms: Annotated[
        float | None, typer.Option("--max-latency-ms", help="Of one call; beyond it costs.")
    ] = None,
    max_size_kb: Annotated[
        float | None, typer.Option("--max-size-kb", help="Of the int8 file; beyond it costs.")
    ] = None,
    latency_command: Annotated[
        str | None,
        typer.Option(
            "--latency-command",
            help="Prints milliseconds for a .tflite file, for example over ssh to a telescope.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Of one call.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            help="Of a trial, the most with hyperband; steps of a detector. [default: 8; 400]",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Train on so many pictures only.")
    ] = None,
    trial_minutes: Annotated[
        float, typer.Option("--trial-minutes", help="A trial that takes longer has failed.")
    ] = 60.0,
    trial_memory_mb: Annotated[
        int | None,
        typer.Option(
            "--trial-memory-mb",
            min=0,
            help="A trial that takes more has failed; 0 is no limit. "
            "[default: 80 % of this machine's]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of choices and trainings.")] = 1,
    role: Annotated[
        Role | None, typer.Option("--role", help="On several machines: what this one does.")
    ] = None,
    chief: Annotated[
        str | None, typer.Option("--chief", metavar="HOST:PORT", help="Where the chief listens.")
    ] = None,
    worker_name: Annotated[
        str | None,
        typer.Option("--worker-name", help="Of this worker, to be kept when it is started again."),
    ] = None,
    lease: Annotated[
        float,
        typer.Option(
            "--lease", min=1, help="Seconds of silence after which a worker counts as lost."
        ),
    ] = 120.0,
) -> None:
    """Search for the network that does best within a telescope's budget.

    \b
    Each trial is trained, exported to int8 and measured in a process of its own.
    Broken off at any moment, the same command goes on. 'galaxy-edge report search'
    makes a page of the folder, 'tensorboard --logdir OUTPUT/tensorboard' shows it.

    \b
    Example:
      galaxy-edge tune compact --data galaxies --output search --trials 30 \\
        --max-latency-ms 2 --max-size-kb 500
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.provenance import code_version
    from edge_runtime.cli.output import log_to_stderr
    from edge_runtime.errors import ConfigError
    from tuning.commands.search_bar import SearchBar
    from tuning.objective import METRICS
    from tuning.session_memory import can_be_measured, default_limit_mb
    from tuning.settings import (
        DEFAULT_EPOCHS,
        SearchSettings,
        claim_search,
        data_hash,
        labelled_data,
        space_hash,
    )
    from tuning.spaces import space as find_space

    if (role is None) != (chief is None):
        raise ConfigError("--role and --chief go together")
    if trial_memory_mb and not can_be_measured():
        raise ConfigError("--trial-memory-mb: this system does not tell the memory of processes")
    found = find_space(space)
    if trial_memory_mb is None:
        trial_memory_mb = default_limit_mb()
    log_to_stderr("info")
    source = labelled_data(data, found.subject)
    settings = SearchSettings(
        space=found.name,
        space_sha256=space_hash(space),
        subject=found.subject,
        data=str(source),
        data_hash=data_hash(source, found.subject),
        metric=metric or METRICS[found.subject][0],
        max_latency_ms=max_latency_ms,
        max_size_kb=max_size_kb,
        latency_command=latency_command,
        threads=threads,
        epochs=epochs or DEFAULT_EPOCHS[found.subject],
        limit=limit,
        tuner=tuner.value,
        seed=seed,
        trials=trials,
        trial_minutes=trial_minutes,
        trial_memory_mb=trial_memory_mb or None,
        code_version=code_version(),
    )
    if role is Role.WORKER:
        assert chief is not None
        _work(settings, output, chief, worker_name, lease)
        return
    settings = claim_search(output, settings, space)
    with SearchBar() as bar:
        log_to_stderr("info")  # once the bar is there, so that lines scroll above it
        if role is Role.CHIEF:
            from tuning.address import Address
            from tuning.chief import serve_search

            assert chief is not None
            address = Address.parse(chief)
            record = serve_search(settings, found, output, address, bar.report, lease_s=lease)
        else:
            from tuning.search import run_search

            record = run_search(settings, found, output, bar.report)
    _tell(record)


def _work(
    settings: SearchSettings, output: Path, chief: str, name: str | None, lease_s: float
) -> None:
    from tuning.address import Address
    from tuning.settings import space_of
    from tuning.worker import await_search, work_for_chief

    address = Address.parse(chief)
    await_search(output, settings)
    space = space_of(output, settings)
    done = work_for_chief(settings, space, output, address, name=name, lease_s=lease_s)
    typer.echo(f"no trials are left; ran {done} of them", err=True)


def _tell(record: SearchRecord) -> None:
    best = record.best
    failed = len(record.trials) - len(record.completed)
    said = f"{len(record.trials)} trials ({failed} failed)"
    if best is not None and best.result is not None:
        values = ", ".join(f"{name} {value}" for name, value in best.values.items())
        metric = record.config.metric
        said += (
            f"; best is trial {best.id} with {metric} {best.result.metrics[metric]:.4f}, "
            f"{best.result.latency_ms:.2f} ms and {best.result.size_kb:.0f} KB: {values}"
        )
    typer.echo(f"{said}; {record.folder}", err=True)
