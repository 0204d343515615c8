"""Every architecture of the workbench, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from classification.heads import BINARY, SIGMOID_37, TREE_37, Head, softmax
from classification.models.backbones import build_backbone, build_efficientnet_lite0
from classification.models.compact import build_compact
from classification.models.gama_cnn import build_gama_cnn
from classification.models.multi_view import build_multi_view
from classification.models.parallel_cnn import build_parallel_cnn
from classification.models.residual import build_residual
from classification.models.scratch_cnn import build_scratch_cnn
from classification.models.searched import build_searched
from classification.models.tuned_small import build_tuned_small
from classification.models.vit_small import build_vit_small
from classification.models.zoo_cnn import build_zoo_cnn

_SOFT_LABELS = "report on soft classification of Galaxy Zoo morphologies, 2024"
_CHALLENGE = "Galaxy Zoo challenge report"
_GALAXY10 = "Galaxy10 classification project"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be built.

    Attributes
    ----------
    name, summary, reference : str
        Name for ``create_model``, what it is, and where it was published.
    input_size_px : int
        Side of the published input.
    head : Head or None
        The published one; None where the network has several outputs.
    builder : callable
        ``builder(input_size_px=..., head=..., **options)`` gives the network.
    parameters : int
        With the published input and head, trained or not.
    """

    name: str
    summary: str
    reference: str
    input_size_px: int
    head: Head | None
    builder: Callable[..., keras.Model]
    parameters: int


_ARCHITECTURES = (
    Architecture(
        "compact",
        "first blocks of EfficientNet-Lite0, which the bundle ships; votes, classes, galaxy or not",
        "this project",
        96,
        None,
        build_compact,
        375_483,
    ),
    Architecture(
        "efficientnet_lite0",
        "EfficientNet-Lite0 from ImageNet, as a teacher",
        "Tan and Le 2019, arXiv:1905.11946",
        128,
        SIGMOID_37,
        build_efficientnet_lite0,
        3_460_421,
    ),
    Architecture(
        "gama_cnn",
        "three convolutions with batch normalisation, for elliptical or other",
        "course project on elliptical galaxies of GAMA",
        128,
        BINARY,
        build_gama_cnn,
        12_940_225,
    ),
    Architecture(
        "inception_v3",
        "Inception-v3 and a dense layer",
        _CHALLENGE,
        128,
        SIGMOID_37,
        partial(build_backbone, name="inception_v3"),
        22_336_837,
    ),
    Architecture(
        "multi_view",
        "sixteen views of a galaxy through shared convolutions",
        "Dieleman, Willett and Dambre 2015, MNRAS 450, 1441",
        69,
        TREE_37,
        build_multi_view,
        2_308_757,
    ),
    Architecture(
        "parallel_cnn",
        "two paths of 6×6 and 3×3 kernels side by side",
        _SOFT_LABELS,
        64,
        SIGMOID_37,
        build_parallel_cnn,
        1_220_165,
    ),
    Architecture(
        "residual",
        "small residual network; votes, classes, and galaxy or not",
        "this project",
        64,
        None,
        build_residual,
        343_355,
    ),
    Architecture(
        "residual_fast",
        "the same with a strided first convolution",
        "this project",
        64,
        None,
        partial(build_residual, stem_strides=2),
        343_355,
    ),
    Architecture(
        "resnet50",
        "ResNet-50 and a dense layer",
        _SOFT_LABELS,
        64,
        SIGMOID_37,
        partial(build_backbone, name="resnet50"),
        24_121_765,
    ),
    Architecture(
        "scratch_cnn",
        "three convolutions and two dense layers; seven variants",
        _GALAXY10,
        69,
        softmax(9),
        build_scratch_cnn,
        230_377,
    ),
    Architecture(
        "searched",
        "blocks of a size and kind that a search chooses; votes, classes, galaxy or not",
        "this project",
        64,
        None,
        build_searched,
        45_675,
    ),
    Architecture(
        "tuned_small",
        "two convolutions, built from hyper-parameters",
        _GALAXY10,
        69,
        softmax(10),
        build_tuned_small,
        961_034,
    ),
    Architecture(
        "vgg16",
        "VGG-16 and a dense layer",
        _SOFT_LABELS,
        64,
        SIGMOID_37,
        partial(build_backbone, name="vgg16"),
        15_248_741,
    ),
    Architecture(
        "vit_small",
        "vision transformer of 12 blocks over patches of 8×8 pixels",
        _SOFT_LABELS,
        64,
        SIGMOID_37,
        build_vit_small,
        1_813_029,
    ),
    Architecture(
        "zoo_cnn",
        "six convolutions and global max pooling",
        _CHALLENGE,
        64,
        SIGMOID_37,
        build_zoo_cnn,
        593_125,
    ),
)
_BY_NAME = {one.name: one for one in _ARCHITECTURES}


def model_names() -> tuple[str, ...]:
    """Names that ``create_model`` and ``architecture`` know, sorted."""
    return tuple(sorted(_BY_NAME))


def architecture(name: str) -> Architecture:
    """What is known of an architecture.

    Raises
    ------
    ValueError
        There is none of that name; the message lists them.
    """
    if name not in _BY_NAME:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(model_names())}")
    return _BY_NAME[name]


def create_model(
    name: str, *, head: Head | None = None, input_size_px: int | None = None, **options: Any
) -> keras.Model:
    """Build an untrained network.

    Parameters
    ----------
    name : str
        One of ``model_names()``.
    head : Head or None
        What it answers; None is the published head.
    input_size_px : int or None
        Side of the square RGB crop; None is the published one.
    **options
        Of the builder, for example ``weights`` of ``vgg16``.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, pixels from 0 to 255. Output
        (N, head.width), activated; without a head, ``compact``, ``residual``,
        ``residual_fast`` and ``searched`` give a dict of three logits instead.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    found = architecture(name)
    return found.builder(
        input_size_px=found.input_size_px if input_size_px is None else input_size_px,
        head=found.head if head is None else head,
        **options,
    )
