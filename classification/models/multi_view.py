"""One galaxy seen turned, mirrored and in parts, through shared convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from classification.heads import TREE_37, Head, attach
from edge_runtime.errors import ConfigError

VIEWS = 16
PUBLISHED_PART = 45 / 69
"""Side of a part over that of the crop."""

PUBLISHED_FILTERS = (32, 64, 128, 128)
PUBLISHED_DENSE_UNITS = (2048, 2048)
"""Widths of the winning network, which has 42 million parameters."""


@keras.saving.register_keras_serializable(package="galaxy_edge")
class GalaxyViews(layers.Layer):
    """Sixteen views of each picture, one after the other.

    A picture as it is and turned by 45 degrees, each also mirrored, makes four;
    of each of these, four overlapping parts at the corners are cut out and
    turned by right angles so that the galaxy's centre lies near their bottom
    right corner. Beyond the edge of the picture, its edge goes on.

    Everything is fixed sampling, by gathering of pixels, so that it converts to
    TensorFlow Lite.

    Parameters
    ----------
    part_px : int
        Side of a part, at least half and at most all of the picture.
    """

    def __init__(self, part_px: int, **options: Any) -> None:
        super().__init__(**options)
        self.part_px = part_px

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Find which pixels each view takes."""
        side = input_shape[1]
        if side is None or input_shape[2] != side or not side <= 2 * self.part_px <= 2 * side:
            raise ConfigError(f"parts of {self.part_px} px do not cover a picture of {input_shape}")
        self._corners, self._weights = _turned_by_45(side)
        self._pixels = _view_pixels(side, self.part_px)
        super().build(input_shape)

    def call(self, pictures: keras.KerasTensor) -> keras.KerasTensor:
        """Views of pictures (N, S, S, C), shape (16 N, part, part, C)."""
        side, channels = pictures.shape[1], pictures.shape[3]
        flat = ops.reshape(pictures, (-1, side * side, channels))
        turned = sum(
            ops.take(flat, corner, axis=1) * ops.cast(weight[:, None], flat.dtype)
            for corner, weight in zip(self._corners, self._weights, strict=True)
        )
        both = ops.concatenate([flat, turned], axis=1)
        views = ops.take(both, self._pixels, axis=1)
        return ops.reshape(views, (-1, self.part_px, self.part_px, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(16 N, part, part, C)."""
        batch = None if input_shape[0] is None else VIEWS * input_shape[0]
        return (batch, self.part_px, self.part_px, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the layer."""
        return {**super().get_config(), "part_px": self.part_px}


@keras.saving.register_keras_serializable(package="galaxy_edge")
class JoinViews(layers.Layer):
    """Features of the sixteen views of each galaxy, concatenated: (16 N, F) to (N, 16 F)."""

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Features of each galaxy."""
        return ops.reshape(features, (-1, VIEWS * features.shape[1]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, 16 F)."""
        batch = None if input_shape[0] is None else input_shape[0] // VIEWS
        return (batch, VIEWS * input_shape[1])


@keras.saving.register_keras_serializable(package="galaxy_edge")
class Maxout(layers.Layer):
    """The larger of two linear units: (N, 2 U) to (N, U) (Goodfellow et al. 2013)."""

    def call(self, values: keras.KerasTensor) -> keras.KerasTensor:
        """Largest of each pair."""
        half = values.shape[1] // 2
        return ops.maximum(values[:, :half], values[:, half:])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, U)."""
        return (input_shape[0], input_shape[1] // 2)


def build_multi_view(
    input_size_px: int = 69,
    head: Head = TREE_37,
    *,
    filters: Sequence[int] = (16, 32, 64, 64),
    kernels: Sequence[int] = (6, 5, 3, 3),
    dense_units: Sequence[int] = (256, 256),
    dropout: float = 0.5,
    part_px: int | None = None,
) -> keras.Model:
    """Network of the winner of the Galaxy Zoo challenge.

    Dieleman, Willett and Dambre 2015 (MNRAS 450, 1441): sixteen views of a
    galaxy go through the same convolutions, and what is found in them is
    concatenated before two dense layers of maxout units, so that the filters
    are learnt from every orientation. Its widths are ``PUBLISHED_FILTERS`` and
    ``PUBLISHED_DENSE_UNITS``, 42 million parameters; by default they are
    smaller, for a processor. The winner cut the turned views from the whole
    frame; here they come from the crop. Its outputs were made consistent with
    the decision tree, as those of ``TREE_37`` are.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    filters, kernels : sequence of int
        Channels and kernels of the convolutions; pooling by 2 follows the
        first, the second and the last.
    dense_units : sequence of int
        Widths of the dense layers.
    dropout : float
        Rate before each dense layer and the head.
    part_px : int or None
        Side of a view; None is 45/69 of the input.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).
    """
    part = round(input_size_px * PUBLISHED_PART) if part_px is None else part_px
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    x = GalaxyViews(part, name="views")(x)
    for i, (width, kernel) in enumerate(zip(filters, kernels, strict=True), start=1):
        x = layers.Conv2D(width, kernel, activation="relu", name=f"conv{i}")(x)
        if i in (1, 2, len(filters)):
            x = layers.MaxPooling2D(name=f"pool{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = JoinViews(name="join")(x)
    for i, units in enumerate(dense_units, start=1):
        x = layers.Dropout(dropout, name=f"dropout{i}")(x)
        x = layers.Dense(2 * units, name=f"dense{i}")(x)
        x = Maxout(name=f"maxout{i}")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(pixels, attach(x, head), name="multi_view")


def _turned_by_45(side: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Four pixels around each place of the turned picture, and their bilinear weights.

    Both have the shape (4, side²).
    """
    centre = (side - 1) / 2
    y, x = np.mgrid[:side, :side] - centre
    turn = np.sqrt(0.5)
    source_x = np.clip(turn * (x + y) + centre, 0, side - 1).ravel()
    source_y = np.clip(turn * (y - x) + centre, 0, side - 1).ravel()
    left = np.minimum(source_x.astype(np.int32), side - 2)
    top = np.minimum(source_y.astype(np.int32), side - 2)
    right_part, bottom_part = source_x - left, source_y - top
    corners = np.stack([(top + dy) * side + left + dx for dy in (0, 1) for dx in (0, 1)]).astype(
        np.int32
    )
    weights = np.stack(
        [
            (bottom_part if dy else 1 - bottom_part) * (right_part if dx else 1 - right_part)
            for dy in (0, 1)
            for dx in (0, 1)
        ]
    ).astype(np.float32)
    return corners, weights


def _view_pixels(side: int, part: int) -> NDArray[np.int32]:
    """Pixels of all views, in the pixels of the picture followed by those of the turned one.

    Shape (16 part²,).
    """
    pixels = np.arange(2 * side * side, dtype=np.int32).reshape(2, side, side)
    views = []
    for picture in (pixels[0], pixels[0][:, ::-1], pixels[1], pixels[1][:, ::-1]):
        # Corners against the clock from the top left, each turned with it as often.
        corners = (
            picture[:part, :part],
            picture[-part:, :part],
            picture[-part:, -part:],
            picture[:part, -part:],
        )
        views += [np.rot90(corner, -turns) for turns, corner in enumerate(corners)]
    return np.stack(views).ravel()
