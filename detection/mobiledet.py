"""MobileDet with FPN-lite and separable heads.

Xiong et al. (2021), MobileDets, arXiv:2004.14525. Of the Model Garden's four
variants this is the one found for the Edge TPU, with half the channels: plain
convolutions and ReLU6 keep the whole network on the fast path of int8 on
processors (4.8 ms a call at 320 px). The variant found for processors uses
hard swish, which leaves that path, and takes 24 ms.
"""

from __future__ import annotations

from official.core import config_definitions as cfg
from official.core import exp_factory
from official.vision.configs import backbones, decoders, retinanet

from detection.experiment import galaxy_experiment

_WIDTH = 0.5
_FILTERS = 64


@exp_factory.register_config_factory("mobiledet")
def mobiledet() -> cfg.ExperimentConfig:
    """MobileDet (Edge TPU) x 0.5, FPN-lite 64, two separable convolutions a head, 320 px."""
    return galaxy_experiment(
        backbone=backbones.Backbone(
            type="mobiledet",
            mobiledet=backbones.MobileDet(model_id="MobileDetEdgeTPU", filter_size_scale=_WIDTH),
        ),
        decoder=decoders.Decoder(
            type="fpn", fpn=decoders.FPN(num_filters=_FILTERS, use_separable_conv=True)
        ),
        head=retinanet.RetinaNetHead(num_convs=2, num_filters=_FILTERS, use_separable_conv=True),
        learning_rate=1.5e-3,
    )
