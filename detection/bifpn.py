"""Weighted bi-directional feature pyramid (BiFPN), a decoder for the Model Garden.

Features of neighbouring scales are fused from coarse to fine and back, several
times over. How much each input of a fusion counts is learnt: its weight is kept
positive and divided by the sum of the weights ("fast normalised fusion"), which
costs two constant multiplications in the converted network. Importing this
module registers the decoder as ``bifpn``.

References
----------
Tan, Pang & Le (2020), EfficientDet: Scalable and Efficient Object Detection,
arXiv:1911.09070, sections 3.2 and 3.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.modeling import hyperparams, tf_utils
from official.vision.configs import decoders
from official.vision.modeling.decoders import factory

FUSION_EPSILON = 1e-4


@dataclasses.dataclass
class BiFPNConfig(hyperparams.Config):
    """Size of the pyramid; the defaults are those of EfficientDet-D0.

    Attributes
    ----------
    num_filters : int
        Channels of every level.
    num_repeats : int
        Times the pyramid is run through.
    """

    num_filters: int = 64
    num_repeats: int = 3


@dataclasses.dataclass
class Decoder(decoders.Decoder):
    """The Model Garden's choice of decoders, and ``bifpn``."""

    bifpn: BiFPNConfig = dataclasses.field(default_factory=BiFPNConfig)


@tf_keras.utils.register_keras_serializable(package="galaxy_edge")
class WeightedFusion(tf_keras.layers.Layer):
    """Sum of features of one shape, each times a learnt share.

    The share of input i is ``relu(w_i) / (sum_j relu(w_j) + 1e-4)``. Called with a
    sequence of tensors, shape (batch, height, width, channels); all alike.
    """

    def build(self, input_shape: Sequence[tf.TensorShape]) -> None:
        self.fusion_weights = self.add_weight(
            name="fusion_weights", shape=(len(input_shape),), initializer="ones"
        )
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        weights = tf.nn.relu(self.fusion_weights)
        shares = weights / (tf.reduce_sum(weights) + FUSION_EPSILON)
        total = shares[0] * inputs[0]
        for i, feature in enumerate(inputs[1:], start=1):
            total += shares[i] * feature  # tf.add_n has no int8 form
        return total


@tf_keras.utils.register_keras_serializable(package="galaxy_edge")
class BiFPN(tf_keras.Model):
    """Bi-directional feature pyramid over levels ``min_level`` to ``max_level``.

    Called with a mapping from level ("3") to features, shape (batch, height,
    width, channels), it returns one from each level to features with
    ``num_filters`` channels. Levels the backbone lacks are made from its
    coarsest by a 1 × 1 convolution and maximum pooling.

    Parameters
    ----------
    input_specs : mapping of str to shape
        Of the backbone's features, (batch, height, width, channels).
    min_level, max_level : int
        Finest and coarsest level of the pyramid; level l is 2^l times smaller
        than the picture.
    num_filters, num_repeats : int
        As in `BiFPNConfig`.
    activation : str
        After each convolution.
    use_sync_bn : bool
        Whether batch statistics are shared among devices.
    norm_momentum, norm_epsilon : float
        Of the batch normalisation.
    kernel_regularizer : tf_keras.regularizers.Regularizer or dict, optional

    Raises
    ------
    ValueError
        The backbone starts above ``min_level``, or the picture's side is not a
        multiple of 2^max_level, so that levels would not fit on each other.
    """

    def __init__(
        self,
        input_specs: Mapping[str, Any],
        min_level: int = 3,
        max_level: int = 7,
        num_filters: int = 64,
        num_repeats: int = 3,
        activation: str = "relu6",
        use_sync_bn: bool = False,
        norm_momentum: float = 0.99,
        norm_epsilon: float = 0.001,
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        specs = {level: tf.TensorShape(shape).as_list() for level, shape in input_specs.items()}
        _check_levels(specs, min_level, max_level)
        blocks = _Blocks(
            num_filters,
            activation,
            {
                "axis": -1,
                "momentum": norm_momentum,
                "epsilon": norm_epsilon,
                "synchronized": use_sync_bn,
            },
            tf_keras.regularizers.get(kernel_regularizer),
        )
        inputs = {level: tf_keras.Input(shape=shape[1:]) for level, shape in specs.items()}
        features = _input_pyramid(blocks, inputs, min_level, max_level)
        for repeat in range(num_repeats):
            features = _pass(blocks, features, f"pass{repeat}")
        outputs = {str(level): feature for level, feature in sorted(features.items())}
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._output_specs = {level: feature.shape for level, feature in outputs.items()}
        self._arguments = {
            "input_specs": specs,
            "min_level": min_level,
            "max_level": max_level,
            "num_filters": num_filters,
            "num_repeats": num_repeats,
            "activation": activation,
            "use_sync_bn": use_sync_bn,
            "norm_momentum": norm_momentum,
            "norm_epsilon": norm_epsilon,
            "kernel_regularizer": tf_keras.regularizers.serialize(blocks.regularizer),
        }

    def get_config(self) -> dict[str, Any]:
        config = dict(self._arguments)
        config["input_specs"] = {k: list(v) for k, v in config["input_specs"].items()}
        return {**config, "name": self.name}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> BiFPN:
        del custom_objects
        return cls(**config)

    @property
    def output_specs(self) -> Mapping[str, tf.TensorShape]:
        """Shape of the features of each level."""
        return self._output_specs


class _Blocks:
    """The layers a pyramid is made of, in one style."""

    def __init__(
        self, filters: int, activation: str, norm: Mapping[str, Any], regularizer: Any
    ) -> None:
        self.filters = filters
        self.activation = tf_utils.get_activation(activation, use_keras_layer=True)
        self.norm = dict(norm)
        self.regularizer = regularizer

    def lateral(self, feature: tf.Tensor, name: str) -> tf.Tensor:
        """1 × 1 convolution and normalisation to the pyramid's channels."""
        feature = tf_keras.layers.Conv2D(
            self.filters,
            1,
            padding="same",
            use_bias=False,
            kernel_initializer="VarianceScaling",
            kernel_regularizer=self.regularizer,
            name=f"{name}_conv",
        )(feature)
        return tf_keras.layers.BatchNormalization(name=f"{name}_norm", **self.norm)(feature)

    def fused(self, features: Sequence[tf.Tensor], name: str) -> tf.Tensor:
        """Weighted fusion, separable 3 × 3 convolution, normalisation, activation."""
        feature = WeightedFusion(name=f"{name}_fusion")(features)
        feature = tf_keras.layers.SeparableConv2D(
            self.filters,
            3,
            padding="same",
            use_bias=False,
            depthwise_initializer="VarianceScaling",
            pointwise_initializer="VarianceScaling",
            depthwise_regularizer=self.regularizer,
            pointwise_regularizer=self.regularizer,
            name=f"{name}_conv",
        )(feature)
        feature = tf_keras.layers.BatchNormalization(name=f"{name}_norm", **self.norm)(feature)
        return self.activation(feature)


def _check_levels(
    specs: Mapping[str, Sequence[int | None]], min_level: int, max_level: int
) -> None:
    if str(min_level) not in specs:
        raise ValueError(
            f"the pyramid starts at level {min_level}, but the backbone has only {sorted(specs)}"
        )
    for side in specs[str(min_level)][1:3]:
        if side is not None and side % 2 ** (max_level - min_level):
            raise ValueError(
                f"a side of {side * 2**min_level} px is no multiple of {2**max_level} px, "
                f"which a pyramid up to level {max_level} needs"
            )


def _input_pyramid(
    blocks: _Blocks, inputs: Mapping[str, tf.Tensor], min_level: int, max_level: int
) -> dict[int, tf.Tensor]:
    coarsest = min(max(int(level) for level in inputs), max_level)
    features = {
        level: blocks.lateral(inputs[str(level)], f"lateral_{level}")
        for level in range(min_level, coarsest + 1)
    }
    for level in range(coarsest + 1, max_level + 1):
        feature = (
            blocks.lateral(inputs[str(coarsest)], f"lateral_{level}")
            if level == coarsest + 1
            else features[level - 1]
        )
        features[level] = _coarser(feature, f"coarser_{level}")
    return features


def _pass(blocks: _Blocks, features: Mapping[int, tf.Tensor], name: str) -> dict[int, tf.Tensor]:
    """Once from coarse to fine, and back."""
    finest, coarsest = min(features), max(features)
    downward = dict(features)
    for level in range(coarsest - 1, finest - 1, -1):
        upper = tf_keras.layers.UpSampling2D(name=f"{name}_finer_{level}")(downward[level + 1])
        downward[level] = blocks.fused([features[level], upper], f"{name}_down_{level}")
    upward = {finest: downward[finest]}
    for level in range(finest + 1, coarsest + 1):
        terms = [features[level], _coarser(upward[level - 1], f"{name}_coarser_{level}")]
        if level < coarsest:
            terms.insert(1, downward[level])
        upward[level] = blocks.fused(terms, f"{name}_up_{level}")
    return upward


def _coarser(feature: tf.Tensor, name: str) -> tf.Tensor:
    return tf_keras.layers.MaxPool2D(3, strides=2, padding="same", name=name)(feature)


@factory.register_decoder_builder("bifpn")
def build_bifpn(
    input_specs: Mapping[str, tf.TensorShape],
    model_config: hyperparams.Config,
    l2_regularizer: tf_keras.regularizers.Regularizer | None = None,
) -> BiFPN:
    """The decoder of a model configuration, as the Model Garden's factory calls it."""
    size = model_config.decoder.get()
    style = model_config.norm_activation
    return BiFPN(
        input_specs=input_specs,
        min_level=model_config.min_level,
        max_level=model_config.max_level,
        num_filters=size.num_filters,
        num_repeats=size.num_repeats,
        activation=style.activation,
        use_sync_bn=style.use_sync_bn,
        norm_momentum=style.norm_momentum,
        norm_epsilon=style.norm_epsilon,
        kernel_regularizer=l2_regularizer,
    )
