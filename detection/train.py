"""Train a detector: ``python -m detection.train --data DIR --output DIR``."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import tensorflow as tf
from official.core import exp_factory, train_lib, train_utils

from detection import experiment, ssd_mobilenet, task  # noqa: F401  (registers the family)

log = logging.getLogger(__name__)

DEFAULT_STEPS = 6000


def train_detector(
    data_dir: Path | None,
    output_dir: Path,
    *,
    name: str = "ssd_mobilenet",
    steps: int = DEFAULT_STEPS,
    batch: int = 8,
    seed: int = 1,
    **overrides: Any,
) -> Path:
    """Train, resuming from the newest checkpoint in ``output_dir``.

    Parameters
    ----------
    data_dir : Path, optional
        Folder with ``galaxies`` and ``frames`` (parts marked train are used);
        without it the skies are all simulated.
    output_dir : Path
        Checkpoints, TensorBoard logs and ``params.yaml``.
    overrides
        See `detection.experiment.with_overrides`.

    Returns
    -------
    Path
        ``output_dir``.
    """
    tf.keras.utils.set_random_seed(seed)
    params = experiment.with_overrides(
        exp_factory.get_exp_config(name),
        data_dir="" if data_dir is None else str(data_dir),
        steps=steps,
        batch=batch,
        seed=seed,
        **overrides,
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    train_utils.serialize_config(params, str(output_dir))
    strategy = tf.distribute.get_strategy()
    detection_task = task.GalaxyDetection(params.task, logging_dir=str(output_dir))
    train_lib.run_experiment(
        strategy, detection_task, mode="train", params=params, model_dir=str(output_dir)
    )
    return output_dir


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="without it all skies are simulated")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", default="ssd_mobilenet")
    parser.add_argument("--input-size", type=int, default=experiment.INPUT_SIZE_PX)
    parser.add_argument("--init-checkpoint", default="")
    parser.add_argument("--init-modules", default="all")
    parser.add_argument("--mistakes", default="")
    parser.add_argument("--schedule-steps", type=int, help="where the learning rate ends")
    parser.add_argument("--views", type=int, default=2, help="times a composite is used, turned")
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
    )


if __name__ == "__main__":
    main()
