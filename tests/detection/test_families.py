"""Every family builds, trains, and keeps its settings on disk."""

from __future__ import annotations

import numpy as np
import pytest

from detection.registry import DEFAULT_FAMILY, experiment_of, family_names
from edge_runtime.errors import ConfigError

pytestmark = pytest.mark.slow

# Millions of trainable parameters, as the README of each architecture would say.
PARAMETERS = {"ssd_mobilenet": 746_957, "efficientdet_d0": 3_544_215, "mobiledet": 891_893}


def test_the_default_is_ssd_mobilenet():
    assert DEFAULT_FAMILY == "ssd_mobilenet"
    assert set(family_names()) == set(PARAMETERS)


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'yolo'; there are ssd_mobilenet, efficientdet_d0"):
        experiment_of("yolo")


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_family_has_its_size_and_shares_the_anchors(name):
    pytest.importorskip("official", reason="workstation extra not installed")
    import tensorflow as tf

    from detection import experiment, task

    params = experiment_of(name)
    params.task.model.input_size = [64, 64, 3]
    network = task.GalaxyDetection(params.task).build_model()
    outputs = network(tf.zeros([1, 64, 64, 3]), training=True)
    count = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    assert count == PARAMETERS[name]
    assert params.task.model.anchor.as_dict() == experiment.ANCHOR.as_dict()
    sides = {level: v.shape[1:] for level, v in outputs["cls_outputs"].items()}
    assert sides == {"3": (8, 8, 9), "4": (4, 4, 9), "5": (2, 2, 9), "6": (1, 1, 9)}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_settings_survive_a_file(name, tmp_path):
    pytest.importorskip("official", reason="workstation extra not installed")
    from official.core import train_utils

    params = experiment_of(name)
    train_utils.serialize_config(params, str(tmp_path))
    again = experiment_of(name)
    again.task.model.backbone.type = "resnet"
    from official.modeling import hyperparams

    again = hyperparams.override_params_dict(again, str(tmp_path / "params.yaml"), is_strict=True)
    assert again.as_dict() == params.as_dict()
