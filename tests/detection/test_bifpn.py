"""The weighted pyramid fuses, serialises and converts to int8."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = pytest.mark.slow

BACKBONE = {"2": (None, 16, 16, 8), "3": (None, 8, 8, 8), "4": (None, 4, 4, 12)}


def features(seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        level: rng.normal(size=(1, *shape[1:])).astype(np.float32)
        for level, shape in BACKBONE.items()
    }


def test_fusion_shares_are_the_positive_weights_over_their_sum():
    from detection.bifpn import WeightedFusion

    layer = WeightedFusion()
    ones = np.ones((1, 2, 2, 1), np.float32)
    layer([ones, 10 * ones, 100 * ones])
    layer.set_weights([np.array([1.0, 3.0, -5.0], np.float32)])
    fused = layer([ones, 10 * ones, 100 * ones]).numpy()
    assert fused == pytest.approx(np.full((1, 2, 2, 1), (1 + 30) / (4 + 1e-4)), rel=1e-6)


@pytest.mark.parametrize("max_level", [4, 5, 6])
def test_every_level_has_its_size_and_the_pyramids_channels(max_level):
    from detection.bifpn import BiFPN

    pyramid = BiFPN(BACKBONE, min_level=3, max_level=max_level, num_filters=16, num_repeats=2)
    levels = pyramid(features())
    assert {k: tuple(v.shape) for k, v in levels.items()} == {
        str(level): (1, 64 // 2**level, 64 // 2**level, 16) for level in range(3, max_level + 1)
    }
    assert sorted(pyramid.output_specs) == sorted(levels)


def test_a_weight_for_each_input_of_each_fusion_is_learnt():
    from detection.bifpn import BiFPN

    pyramid = BiFPN(BACKBONE, min_level=3, max_level=6, num_filters=16, num_repeats=3)
    inputs = [v.shape[0] for v in pyramid.trainable_variables if "fusion_weights" in v.name]
    # three ways down with 2 inputs; two ways up with 3, the last with 2
    assert Counter(inputs) == {2: 3 * 4, 3: 3 * 2}


def test_light_in_one_level_reaches_all_others():
    from detection.bifpn import BiFPN

    pyramid = BiFPN(BACKBONE, min_level=3, max_level=6, num_filters=16, num_repeats=1)
    dark, lit = features(), features()
    lit["3"] = lit["3"] + 1.0
    before, after = pyramid(dark), pyramid(lit)
    assert all(np.abs(before[k] - after[k]).max() > 0.0 for k in before)


def test_a_side_the_levels_do_not_divide_is_refused():
    from detection.bifpn import BiFPN

    with pytest.raises(ValueError, match="64 px is no multiple of 128 px"):
        BiFPN(BACKBONE, min_level=3, max_level=7)


def test_a_pyramid_below_the_backbone_is_refused():
    from detection.bifpn import BiFPN

    with pytest.raises(ValueError, match="starts at level 1"):
        BiFPN(BACKBONE, min_level=1, max_level=4)


def test_the_configuration_rebuilds_an_equal_pyramid():
    import tf_keras

    from detection.bifpn import BiFPN

    pyramid = BiFPN(
        BACKBONE,
        min_level=3,
        max_level=6,
        num_filters=16,
        num_repeats=2,
        activation="swish",
        kernel_regularizer=tf_keras.regularizers.l2(1e-4),
        name="pyramid",
    )
    record = tf_keras.utils.serialize_keras_object(pyramid)
    copy = tf_keras.utils.deserialize_keras_object(record)
    assert copy.get_config() == pyramid.get_config()
    copy.set_weights(pyramid.get_weights())
    ours, theirs = pyramid(features()), copy(features())
    assert all(np.array_equal(ours[k], theirs[k]) for k in ours)
    assert len(copy.losses) == len(pyramid.losses) > 0


def test_int8_uses_only_integer_operations():
    import tensorflow as tf

    from detection.bifpn import BiFPN

    pyramid = BiFPN({"3": (None, 8, 8, 8)}, min_level=3, max_level=6, num_filters=16, num_repeats=2)

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 8))])
    def call(finest):
        outputs = pyramid({"3": finest}, training=False)
        return [outputs[k] for k in sorted(outputs)]

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [call.get_concrete_function()], pyramid
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([features(seed)["3"]] for seed in range(5))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    used = {op["op_name"] for op in interpreter._get_ops_details()} - {"DELEGATE"}
    assert used == {
        "ADD",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "MAX_POOL_2D",
        "MUL",
        "RESIZE_NEAREST_NEIGHBOR",
    }
    floats = [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] == np.float32]
    assert floats == []
