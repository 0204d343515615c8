"""The detectors as experiments of the Model Garden's factory.

`ssd_mobilenet_galaxies` is a RetinaNet with a MobileNetV2 backbone, an
FPN-lite decoder and separable heads: what the TF Object Detection API called
SSD MobileNet V2 FPN-Lite. It differs from the COCO configuration in its
anchors, which start at 20 px because galaxies are small, and in its data,
which are composites generated while training.
"""

from __future__ import annotations

import dataclasses

from official.core import config_definitions as cfg
from official.core import exp_factory
from official.modeling import hyperparams, optimization
from official.vision.configs import backbones, common, decoders, retinanet

INPUT_SIZE_PX = 320
MIN_LEVEL = 3
MAX_LEVEL = 6  # 320 is a multiple of 2^6, so nothing is padded
ANCHOR = retinanet.Anchor(num_scales=3, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=2.5)


@dataclasses.dataclass
class CompositeData(retinanet.DataConfig):
    """Composites drawn while training.

    Attributes
    ----------
    data_dir : str
        Folder with ``galaxies`` and ``frames``.
    seed : int
        Of the composites.
    views : int
        Times each composite is used, turned and mirrored.
    """

    data_dir: str = ""
    seed: int = 0
    views: int = 2


@dataclasses.dataclass
class GalaxyDetectionTask(retinanet.RetinaNetTask):
    """RetinaNet trained on composites."""

    train_data: CompositeData = dataclasses.field(
        default_factory=lambda: CompositeData(is_training=True)
    )
    validation_data: CompositeData = dataclasses.field(
        default_factory=lambda: CompositeData(is_training=False)
    )


def _model(width: float, filters: int) -> retinanet.RetinaNet:
    return retinanet.RetinaNet(
        num_classes=1,
        input_size=[INPUT_SIZE_PX, INPUT_SIZE_PX, 3],
        min_level=MIN_LEVEL,
        max_level=MAX_LEVEL,
        anchor=ANCHOR,
        backbone=backbones.Backbone(
            type="mobilenet",
            mobilenet=backbones.MobileNet(model_id="MobileNetV2", filter_size_scale=width),
        ),
        decoder=decoders.Decoder(
            type="fpn", fpn=decoders.FPN(num_filters=filters, use_separable_conv=True)
        ),
        head=retinanet.RetinaNetHead(num_convs=3, num_filters=filters, use_separable_conv=True),
        norm_activation=common.NormActivation(
            activation="relu6", norm_momentum=0.97, norm_epsilon=1e-3, use_sync_bn=False
        ),
    )


def _trainer(steps: int, learning_rate: float) -> cfg.TrainerConfig:
    schedule = {
        "optimizer": {"type": "adamw_experimental", "adamw_experimental": {"weight_decay": 1e-4}},
        "learning_rate": {
            "type": "cosine",
            "cosine": {"initial_learning_rate": learning_rate, "decay_steps": steps},
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


@exp_factory.register_config_factory("ssd_mobilenet_galaxies")
def ssd_mobilenet_galaxies() -> cfg.ExperimentConfig:
    """SSD MobileNetV2 x 0.75, FPN-lite 64, 320 px, on composites."""
    data = CompositeData(
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
    return cfg.ExperimentConfig(
        task=GalaxyDetectionTask(
            model=_model(width=0.75, filters=64),
            losses=retinanet.Losses(
                focal_loss_alpha=0.25, focal_loss_gamma=1.5, box_loss_weight=50
            ),
            train_data=data,
        ),
        trainer=_trainer(steps=6000, learning_rate=1.5e-3),
    )


def with_overrides(
    config: cfg.ExperimentConfig, *, data_dir: str, steps: int, batch: int, seed: int
) -> cfg.ExperimentConfig:
    """The experiment with this run's data, length, batch and seed."""
    learning_rate = config.trainer.optimizer_config.learning_rate.cosine.initial_learning_rate
    config.trainer = _trainer(
        steps, learning_rate * batch / config.task.train_data.global_batch_size
    )
    config.override(
        hyperparams.Config(
            {
                "task": {
                    "train_data": {"data_dir": data_dir, "seed": seed, "global_batch_size": batch}
                }
            }
        ),
        is_strict=False,
    )
    return config
