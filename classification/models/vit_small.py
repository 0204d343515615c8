"""A small vision transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from classification.heads import SIGMOID_37, Head, attach
from edge_runtime.errors import ConfigError


@keras.saving.register_keras_serializable(package="galaxy_edge")
class PositionEmbedding(layers.Layer):
    """Adds a learnt vector for each place of a sequence; (N, L, D) in and out."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make one vector for each of the L places."""
        self.positions = self.add_weight(
            shape=input_shape[1:],
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="positions",
        )
        super().build(input_shape)

    def call(self, sequence: keras.KerasTensor) -> keras.KerasTensor:
        """Sequence with its places marked."""
        return sequence + ops.cast(self.positions, sequence.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape


def build_vit_small(
    input_size_px: int = 64,
    head: Head = SIGMOID_37,
    *,
    patch_px: int = 8,
    width: int = 64,
    blocks: int = 12,
    attention_heads: int = 8,
    head_width: int = 64,
    mlp_units: Sequence[int] = (128, 64),
    dropout: float = 0.1,
) -> keras.Model:
    """Vision transformer for vote fractions.

    Square patches are embedded, marked with their place, and go through blocks
    of attention and a two-layer perceptron, each after a layer normalisation
    and added to its input (Dosovitskiy et al. 2021, arXiv:2010.11929). The
    published sizes are patch 8, D = 64, 12 blocks, 8 heads, MLP 128/64 and
    about 1.8 million parameters: that total needs heads of 64 numbers each
    (8 × 64 from D = 64, 132,672 weights a block) and the head straight on the
    mean of the normalised patches, 1,813,029 parameters. Heads of D / 8 = 8
    numbers would give 0.42 million, and a dense layer of 2,048 on the flattened
    patches 10 million and more.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop, a multiple of ``patch_px``; pixel values
        are 0 to 255.
    head : Head
    patch_px : int
        Side of a patch.
    width : int
        Numbers that describe a patch, D.
    blocks : int
        How many transformer blocks.
    attention_heads, head_width : int
        Attention heads in a block, and the length of their keys.
    mlp_units : sequence of int
        Widths of the perceptron in a block; the last is ``width``.
    dropout : float
        Rate of the attention and of each perceptron layer.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).

    Raises
    ------
    ConfigError
        The size is not a multiple of the patch, or the perceptron does not end
        in ``width``.
    """
    if input_size_px % patch_px:
        raise ConfigError(f"input of {input_size_px} px is not a multiple of {patch_px}-px patches")
    if mlp_units[-1] != width:
        raise ConfigError(f"a perceptron ends in the width of a patch, {width}; got {mlp_units}")
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(pixels)
    # A convolution that steps by its own size is the linear embedding of patches.
    x = layers.Conv2D(width, patch_px, strides=patch_px, name="patches")(x)
    x = layers.Reshape(((input_size_px // patch_px) ** 2, width), name="sequence")(x)
    x = PositionEmbedding(name="positions")(x)
    attention: dict[str, Any] = {
        "num_heads": attention_heads,
        "key_dim": head_width,
        "dropout": dropout,
    }
    for i in range(1, blocks + 1):
        y = layers.LayerNormalization(epsilon=1e-6, name=f"block{i}_norm1")(x)
        y = layers.MultiHeadAttention(**attention, name=f"block{i}_attention")(y, y)
        x = layers.Add(name=f"block{i}_add1")([x, y])
        y = layers.LayerNormalization(epsilon=1e-6, name=f"block{i}_norm2")(x)
        for j, units in enumerate(mlp_units, start=1):
            y = layers.Dense(units, activation="gelu", name=f"block{i}_dense{j}")(y)
            y = layers.Dropout(dropout, name=f"block{i}_dropout{j}")(y)
        x = layers.Add(name=f"block{i}_add2")([x, y])
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(pixels, attach(x, head), name="vit_small")
