"""What all detector experiments of this package share.

The families, `ssd_mobilenet` and others, are registered with the Model
Garden's experiment factory in a module each. They differ in backbone, decoder
and head. In common they have anchors that start at 20 px, because galaxies are
small, and data: composites generated while training, or TFRecords.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from official.core import config_definitions as cfg
from official.modeling import optimization
from official.vision.configs import backbones, common, decoders, retinanet

INPUT_SIZE_PX = 320
MIN_LEVEL = 3
MAX_LEVEL = 6  # 320 is a multiple of 2^6, so nothing is padded
ANCHOR = retinanet.Anchor(num_scales=3, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=2.5)


@dataclasses.dataclass
class GalaxyData(retinanet.DataConfig):
    """Composites drawn while training, or TFRecords where ``input_path`` is set.

    Attributes
    ----------
    data_dir : str
        Folder with ``galaxies`` and ``frames``; empty for skies that are all
        simulated.
    seed : int
        Of the composites.
    views : int
        Times each composite is used, turned and mirrored.
    mistakes : str
        File of mined mistakes on the backgrounds, or empty.
    randomised : bool
        Whether decoys and the faults of cameras are drawn.
    telescope_share : float
        Share of the pictures that the edge's simulated telescope takes of its
        simulated sky, instead of composites.
    galsim_share : float
        Share of the galaxies drawn in composites that GalSim draws.
    most_galaxies : int
        Cut so many galaxies out for composites, drawn by the seed; 0 takes all.
        All take about a minute to read.
    """

    data_dir: str = ""
    seed: int = 0
    views: int = 2
    mistakes: str = ""
    randomised: bool = True
    telescope_share: float = 0.0
    galsim_share: float = 0.0
    most_galaxies: int = 0


@dataclasses.dataclass
class GalaxyDetectionTask(retinanet.RetinaNetTask):
    """RetinaNet trained on galaxies."""

    train_data: GalaxyData = dataclasses.field(default_factory=lambda: GalaxyData(is_training=True))
    validation_data: GalaxyData = dataclasses.field(
        default_factory=lambda: GalaxyData(is_training=False)
    )


def galaxy_experiment(
    *,
    backbone: backbones.Backbone,
    decoder: decoders.Decoder,
    head: retinanet.RetinaNetHead,
    learning_rate: float,
    activation: str = "relu6",
) -> cfg.ExperimentConfig:
    """Experiment of a family, with what all families share.

    Parameters
    ----------
    backbone, decoder, head
        Configurations of the Model Garden.
    learning_rate : float
        At the start of the cosine, for batches of 8.
    activation : str
        Of decoder and head.
    """
    data = GalaxyData(
        is_training=True,
        global_batch_size=8,
        dtype="float32",
        shuffle_buffer_size=256,
        parser=retinanet.Parser(
            aug_rand_hflip=False,
            match_threshold=0.5,
            unmatched_threshold=0.4,
            max_num_instances=20,
            pad=False,
        ),
    )
    model = retinanet.RetinaNet(
        num_classes=1,
        input_size=[INPUT_SIZE_PX, INPUT_SIZE_PX, 3],
        min_level=MIN_LEVEL,
        max_level=MAX_LEVEL,
        anchor=ANCHOR,
        backbone=backbone,
        decoder=decoder,
        head=head,
        norm_activation=common.NormActivation(
            activation=activation, norm_momentum=0.97, norm_epsilon=1e-3, use_sync_bn=False
        ),
    )
    losses = retinanet.Losses(focal_loss_alpha=0.25, focal_loss_gamma=1.5, box_loss_weight=50)
    return cfg.ExperimentConfig(
        task=GalaxyDetectionTask(model=model, losses=losses, train_data=data),
        trainer=trainer(steps=6000, learning_rate=learning_rate),
    )


def trainer(
    steps: int, learning_rate: float, schedule_steps: int | None = None
) -> cfg.TrainerConfig:
    """AdamW with a warm-up and a cosine to zero, which ``schedule_steps`` may put later."""
    schedule = {
        "optimizer": {"type": "adamw_experimental", "adamw_experimental": {"weight_decay": 1e-4}},
        "learning_rate": {
            "type": "cosine",
            "cosine": {
                "initial_learning_rate": learning_rate,
                "decay_steps": schedule_steps or steps,
            },
        },
        "warmup": {"type": "linear", "linear": {"warmup_steps": min(300, steps // 4)}},
    }
    return cfg.TrainerConfig(
        train_steps=steps,
        steps_per_loop=min(50, steps),
        summary_interval=min(50, steps),
        checkpoint_interval=min(500, steps),
        max_to_keep=2,
        validation_steps=0,
        validation_interval=steps,
        optimizer_config=optimization.OptimizationConfig(schedule),
    )


def with_overrides(
    config: cfg.ExperimentConfig,
    *,
    steps: int,
    batch: int,
    seed: int,
    data_dir: str = "",
    input_path: str = "",
    input_size: int | None = None,
    init_checkpoint: str = "",
    init_modules: str = "all",
    mistakes: str = "",
    randomised: bool = True,
    views: int = 2,
    schedule_steps: int | None = None,
    telescope_share: float = 0.0,
    galsim_share: float = 0.0,
    adjust: Callable[[cfg.ExperimentConfig], None] | None = None,
) -> cfg.ExperimentConfig:
    """The experiment with this run's data, length, batch, seed and start.

    Parameters
    ----------
    config : ExperimentConfig
        Changed in place.
    steps, batch, seed : int
        The learning rate grows with the batch.
    data_dir, mistakes, randomised, views, telescope_share, galsim_share
        See `GalaxyData`.
    input_path : str
        TFRecords (comma-separated patterns) to train on instead of composites.
    input_size : int, optional
        Side of the input in px, a multiple of 64.
    init_checkpoint : str
        Checkpoint, or folder of checkpoints, to start from.
    init_modules : str
        ``all``, ``backbone``, or ``backbone,decoder``.
    schedule_steps : int, optional
        Step at which the learning rate reaches zero, where the training is to
        pause at ``steps`` and go on from there.
    adjust : callable, optional
        Makes further changes to the experiment, last.
    """
    data = config.task.train_data
    learning_rate = config.trainer.optimizer_config.learning_rate.cosine.initial_learning_rate
    learning_rate *= batch / data.global_batch_size
    config.trainer = trainer(steps, learning_rate, schedule_steps)
    data.data_dir, data.input_path = data_dir, input_path
    data.seed, data.global_batch_size = seed, batch
    data.mistakes, data.randomised, data.views = mistakes, randomised, views
    data.telescope_share, data.galsim_share = telescope_share, galsim_share
    if input_size is not None:
        config.task.model.input_size = [input_size, input_size, 3]
    config.task.init_checkpoint = init_checkpoint or None
    config.task.init_checkpoint_modules = init_modules
    if adjust is not None:
        adjust(config)
    return config
