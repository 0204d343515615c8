"""Train a detector: ``python -m detection.train --data DIR --output DIR``."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import tensorflow as tf
from official.core import exp_factory, train_lib, train_utils

from detection import experiment, task

log = logging.getLogger(__name__)

DEFAULT_STEPS = 6000


def train_detector(
    data_dir: Path,
    output_dir: Path,
    *,
    name: str = "ssd_mobilenet_galaxies",
    steps: int = DEFAULT_STEPS,
    batch: int = 8,
    seed: int = 1,
) -> Path:
    """Train, resuming from the newest checkpoint in ``output_dir``.

    Parameters
    ----------
    data_dir : Path
        Folder with ``galaxies`` and ``frames`` (parts marked train are used).
    output_dir : Path
        Checkpoints, TensorBoard logs and ``params.yaml``.

    Returns
    -------
    Path
        ``output_dir``.
    """
    tf.keras.utils.set_random_seed(seed)
    params = experiment.with_overrides(
        exp_factory.get_exp_config(name),
        data_dir=str(data_dir),
        steps=steps,
        batch=batch,
        seed=seed,
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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_detector(
        arguments.data,
        arguments.output,
        steps=arguments.steps,
        batch=arguments.batch,
        seed=arguments.seed,
    )


if __name__ == "__main__":
    main()
