"""Train a detector: ``galaxy-edge train detector`` or ``python -m detection.train``.

The Model Garden's trainer does the work. Around it are what a person needs: the
data is checked before the first step, an interrupted training goes on from its
newest checkpoint, and ``training.json`` says what was done and whether to the
end (`detection.training_record`).
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
from official.core import config_definitions as cfg
from official.core import train_lib, train_utils

from classification.provenance import code_version
from detection import experiment, precision, task
from detection.checkpoints import parse_modules, resolve_checkpoint
from detection.geometry import checkpoint_step
from detection.memory import out_of_memory, require_memory
from detection.record_input import damaged_records
from detection.registry import DEFAULT_FAMILY, experiment_of
from detection.training_data import TrainingData, composite_data, record_data, simulated_data
from detection.training_progress import LogProgress, Progress, ProgressAction
from detection.training_record import TrainingRecord, finished_record, following, read_record
from edge_runtime.errors import ConfigError

log = logging.getLogger(__name__)

DEFAULT_STEPS = 6000
DEFAULT_BATCH = 8
DEFAULT_CHECKPOINT_STEPS = 500
_REPORT_STEPS = 50
_SHUFFLED_VIEWS = 2048
_SMALLEST_COMPOSITE_PX = 128
_INPUT_OPERATION = "IteratorGetNext"  # in the message of whatever fails while data are read


def train_detector(
    data: TrainingData | Path | None,
    output_dir: Path,
    *,
    name: str = DEFAULT_FAMILY,
    steps: int = DEFAULT_STEPS,
    batch: int = DEFAULT_BATCH,
    seed: int = 1,
    mixed_precision: str = precision.AUTO,
    checkpoint_steps: int = DEFAULT_CHECKPOINT_STEPS,
    report: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Path:
    """Train, or go on from the newest checkpoint in ``output_dir``.

    Parameters
    ----------
    data : TrainingData or Path, optional
        What to train on. A folder stands for composites of its ``galaxies`` and
        ``frames`` (parts marked train are used), None for simulated skies, or
        for the ``input_path`` of ``overrides``.
    output_dir : Path
        Checkpoints, TensorBoard logs, ``params.yaml`` and ``training.json``.
    name : str
        Family, see `detection.registry`.
    steps, batch, seed : int
    mixed_precision : str
        ``auto``, ``off``, ``bfloat16`` or ``float16``.
    checkpoint_steps : int
        Steps between checkpoints.
    report : callable, optional
        Takes a `Progress` now and then; by default it is logged.
    overrides
        See `detection.experiment.with_overrides`.

    Returns
    -------
    Path
        ``output_dir``.

    Raises
    ------
    GalaxyEdgeError
        The data is empty or damaged, the checkpoint to start from does not fit,
        ``output_dir`` holds another training, or memory ran out. The folder
        then holds no training that is marked finished.
    """
    _require_positive(steps=steps, batch=batch, checkpoint_steps=checkpoint_steps)
    device = precision.first_device()
    number_format = precision.precision_for(mixed_precision, device)
    data = _training_data(data, overrides)
    params = _parameters(data, name, steps, batch, seed, checkpoint_steps, overrides)
    params.runtime.mixed_precision_dtype = None if number_format == precision.OFF else number_format
    params.runtime.loss_scale = "dynamic" if number_format == "float16" else None
    size = int(params.task.model.input_size[0])
    record = TrainingRecord(
        family=name,
        input_size_px=size,
        batch=batch,
        seed=seed,
        steps=steps,
        data=data.source,
        data_sha256=data.sha256,
        code_version=code_version(),
        mixed_precision=number_format,
        device=device.name,
        init_checkpoint=params.task.init_checkpoint or "",
        init_modules=params.task.init_checkpoint_modules if params.task.init_checkpoint else "",
    )
    record = following(_earlier(output_dir), record, output_dir)
    if record.is_finished:
        log.info("%s: finished already, at step %d", output_dir, record.step)
        return output_dir
    tf.keras.utils.set_random_seed(seed)
    with (
        precision.computing_in(number_format),
        _errors_explained(batch, size, data.input_path),
        contextlib.redirect_stdout(_LogWriter()),
    ):
        runner = _Runner(params, output_dir, report or LogProgress())
        if not device.is_gpu:
            require_memory(runner.trainer.model, batch)
        output_dir.mkdir(parents=True, exist_ok=True)
        train_utils.serialize_config(params, str(output_dir))
        record.write(output_dir)
        runner.run()
    record.at_end(int(runner.trainer.global_step.numpy())).write(output_dir)
    return output_dir


def _require_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: must be at least 1")


def _training_data(data: TrainingData | Path | None, overrides: dict[str, Any]) -> TrainingData:
    if isinstance(data, TrainingData):
        return data
    if input_path := overrides.pop("input_path", ""):
        return record_data(input_path)
    return simulated_data() if data is None else composite_data(data)


def _parameters(
    data: TrainingData,
    name: str,
    steps: int,
    batch: int,
    seed: int,
    checkpoint_steps: int,
    overrides: dict[str, Any],
) -> cfg.ExperimentConfig:
    """The experiment of this run; the start it names exists."""
    params = experiment.with_overrides(
        experiment_of(name),
        data_dir=data.data_dir,
        input_path=data.input_path,
        steps=steps,
        batch=batch,
        seed=seed,
        **overrides,
    )
    size = int(params.task.model.input_size[0])
    cell = 2**params.task.model.max_level
    if size < cell or size % cell:
        raise ConfigError(f"--input-size {size}: must be a multiple of {cell} px")
    if not data.input_path and size < _SMALLEST_COMPOSITE_PX:
        raise ConfigError(
            f"--input-size {size}: composites need at least {_SMALLEST_COMPOSITE_PX} px"
        )
    if params.task.init_checkpoint:
        parse_modules(params.task.init_checkpoint_modules)
        params.task.init_checkpoint = resolve_checkpoint(params.task.init_checkpoint)
    if data.turned:
        params.task.train_data.parser.aug_rand_hflip = True
        params.task.train_data.shuffle_buffer_size = _SHUFFLED_VIEWS
    trainer = params.trainer
    trainer.checkpoint_interval = min(checkpoint_steps, steps)
    trainer.steps_per_loop = min(_REPORT_STEPS, checkpoint_steps, steps)
    trainer.summary_interval = trainer.steps_per_loop
    return params


def _earlier(output_dir: Path) -> TrainingRecord | None:
    """The record in the folder, where the checkpoint of its last step is there, too."""
    state = tf.train.get_checkpoint_state(str(output_dir))
    checkpoints = [] if state is None else list(state.all_model_checkpoint_paths)
    record = read_record(output_dir)
    if record is None:
        if checkpoints:
            log.warning("%s: going on from %s, which has no record", output_dir, checkpoints[-1])
        return None
    if record.is_finished and finished_record(output_dir, checkpoints) is None:
        log.warning("%s: the finished checkpoint is gone; training again", output_dir)
        return None
    return record


class _Runner(train_lib.OrbitExperimentRunner):  # type: ignore[misc]
    """The Model Garden's training of one experiment, with progress."""

    def __init__(
        self, params: cfg.ExperimentConfig, output_dir: Path, report: Callable[[Progress], None]
    ) -> None:
        newest = tf.train.latest_checkpoint(str(output_dir))
        made = checkpoint_step(newest) or 0 if newest else 0
        if made:
            log.info("going on from step %d", made)
        params = copy.deepcopy(params)
        # an interrupted training goes on with other composites than it began with
        params.task.train_data.seed += made
        super().__init__(
            distribution_strategy=tf.distribute.get_strategy(),
            task=task.GalaxyDetection(params.task, logging_dir=str(output_dir)),
            mode="train",
            params=params,
            model_dir=str(output_dir),
            train_actions=[
                ProgressAction(
                    params.trainer.train_steps,
                    lambda: int(self.trainer.global_step.numpy()),
                    report,
                )
            ],
        )

    def _step(self) -> int:
        return int(self.trainer.global_step.numpy())


@contextlib.contextmanager
def _errors_explained(batch: int, size_px: int, input_path: str) -> Iterator[None]:
    """TensorFlow's errors that a user can act on, in their words."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise out_of_memory(batch, size_px) from error
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        if not input_path or _INPUT_OPERATION not in str(error):
            raise
        raise damaged_records(input_path, error) from error


class _LogWriter(io.TextIOBase):
    """Takes what the trainer prints; the log has it already."""

    def write(self, text: str) -> int:
        if text.strip():
            log.debug("%s", text.rstrip())
        return len(text)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="without it all skies are simulated")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--batch", type=int, default=DEFAULT_BATCH)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", default=DEFAULT_FAMILY)
    parser.add_argument("--input-size", type=int, default=experiment.INPUT_SIZE_PX)
    parser.add_argument("--init-checkpoint", default="")
    parser.add_argument("--init-modules", default="all")
    parser.add_argument("--mistakes", default="")
    parser.add_argument("--schedule-steps", type=int, help="where the learning rate ends")
    parser.add_argument("--views", type=int, default=2, help="times a composite is used, turned")
    parser.add_argument("--telescope-share", type=float, default=0.0)
    parser.add_argument("--galsim-share", type=float, default=0.0)
    parser.add_argument("--plain", action="store_true", help="no decoys and faults of cameras")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_detector(
        arguments.data,
        arguments.output,
        steps=arguments.steps,
        batch=arguments.batch,
        seed=arguments.seed,
        name=arguments.family,
        input_size=arguments.input_size,
        init_checkpoint=arguments.init_checkpoint,
        init_modules=arguments.init_modules,
        mistakes=arguments.mistakes,
        views=arguments.views,
        schedule_steps=arguments.schedule_steps,
        randomised=not arguments.plain,
        telescope_share=arguments.telescope_share,
        galsim_share=arguments.galsim_share,
    )


if __name__ == "__main__":
    main()
