"""Changes to training pictures that leave their labels true, as Keras layers.

All of it runs where the network runs, on any backend, and only in training; a
saved network holds none of it. Pixels are 0 to 255.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge_runtime.errors import ConfigError

FILLS = ("nearest", "reflect", "constant", "wrap")
"""What lies beyond the edge of a picture that was moved."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How far a picture may be moved; nothing is drawn where all is 0.

    Attributes
    ----------
    zoom : float
        Largest change of scale: 0.1 draws factors of 0.9 to 1.1.
    rotation_deg : float
        Largest angle, either way; 180 is any.
    shift : float
        Largest offset along each axis as a fraction of the side.
    flips : bool
        Mirrored or not, by chance.
    fill : str
        One of ``FILLS``.
    """

    zoom: float = 0.0
    rotation_deg: float = 0.0
    shift: float = 0.0
    flips: bool = False
    fill: str = "nearest"

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ConfigError(f"unknown fill {self.fill!r}; known: {', '.join(FILLS)}")
        if not 0 <= self.zoom < 1:
            raise ConfigError(f"zoom is from 0 to less than 1, not {self.zoom}")

    @property
    def is_still(self) -> bool:
        """Whether nothing moves."""
        return not (self.zoom or self.rotation_deg or self.shift or self.flips)


@dataclass(frozen=True, slots=True)
class Degradation:
    """What telescopes, cameras and the sky do to a picture.

    Attributes
    ----------
    share : float
        Share of the pictures that are degraded at all, 0 to 1.
    blur_px : float
        Largest sigma of a Gaussian blur.
    sampling : float
        Smallest factor a picture is shrunk by before it is brought back to its
        size; 1 leaves it.
    gain : tuple of float
        Range of the factor on brightness.
    gamma : tuple of float
        Range of the exponent of brightness.
    colour : float
        Sigma of the factor on each colour.
    mono : float
        Probability of losing all colour.
    sky : tuple of float
        Range of the level that is added.
    gradient : float
        Largest difference of the sky's level from one edge to the other.
    noise : float
        Largest sigma of the noise of each pixel.
    """

    share: float = 1.0
    blur_px: float = 0.0
    sampling: float = 1.0
    gain: tuple[float, float] = (1.0, 1.0)
    gamma: tuple[float, float] = (1.0, 1.0)
    colour: float = 0.0
    mono: float = 0.0
    sky: tuple[float, float] = (0.0, 0.0)
    gradient: float = 0.0
    noise: float = 0.0


TELESCOPE = Degradation(
    share=0.6,
    blur_px=1.4,
    sampling=0.3,
    gain=(0.5, 1.8),
    gamma=(0.6, 1.5),
    colour=0.12,
    mono=0.4,
    sky=(-5.0, 35.0),
    gradient=40.0,
    noise=14.0,
)
"""What an amateur telescope makes of a galaxy."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """All that is done to a training picture, in this order.

    Attributes
    ----------
    motion : Motion
    degradation : Degradation or None
        None leaves the look of the pictures as it is.
    """

    motion: Motion = Motion()
    degradation: Degradation | None = None

    def layers(self, seed: int) -> tuple[layers.Layer, ...]:
        """New layers, which draw from the seed."""
        found: list[layers.Layer] = []
        if not self.motion.is_still:
            found.append(RandomMotion(**asdict(self.motion), seed=seed, name="motion"))
        if self.degradation is not None:
            found.append(
                RandomDegradation(**asdict(self.degradation), seed=seed + 1, name="degradation")
            )
        return tuple(found)


class _RandomLayer(layers.Layer):
    """Draws anew for each picture of a training batch; passes others on as they are."""

    def __init__(self, settings: Motion | Degradation, seed: int, **options: Any) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **options})
        self._settings = settings
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def _uniform(self, count: Any, low: float, high: float) -> keras.KerasTensor:
        return keras.random.uniform((count,), low, high, seed=self._draws)

    def _normal(self, shape: tuple[Any, ...]) -> keras.KerasTensor:
        return keras.random.normal(shape, seed=self._draws)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as that of the pictures."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the layer."""
        return {**super().get_config(), **asdict(self._settings), "seed": self.seed}


@keras.saving.register_keras_serializable(package="galaxy_edge")
class RandomMotion(_RandomLayer):
    """Zooms, turns, mirrors and shifts pictures, all in one bilinear sampling.

    Takes the fields of ``Motion`` and a seed.
    """

    def __init__(
        self,
        zoom: float = 0.0,
        rotation_deg: float = 0.0,
        shift: float = 0.0,
        flips: bool = False,
        fill: str = "nearest",
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(Motion(zoom, rotation_deg, shift, flips, fill), seed, **options)
        self._motion = Motion(zoom, rotation_deg, shift, flips, fill)

    def call(self, pixels: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Move each picture, shape (N, S, S, 3), its own way."""
        if not training:
            return pixels
        motion = self._motion
        count = ops.shape(pixels)[0]
        height, width = pixels.shape[1:3]
        factor = 1.0 / self._uniform(count, 1 - motion.zoom, 1 + motion.zoom)
        reach = math.radians(motion.rotation_deg)
        angle = self._uniform(count, -reach, reach)
        flip = ops.ones_like(angle)
        if motion.flips:
            flip = ops.where(self._uniform(count, 0.0, 1.0) < 0.5, flip, -flip)
        cos, sin = ops.cos(angle) * factor, ops.sin(angle) * factor
        a0, a1, b0, b1 = cos, -sin * flip, sin, cos * flip
        x, y = (width - 1) / 2, (height - 1) / 2
        shift_x = self._uniform(count, -motion.shift, motion.shift) * width
        shift_y = self._uniform(count, -motion.shift, motion.shift) * height
        a2 = x + shift_x - a0 * x - a1 * y
        b2 = y + shift_y - b0 * x - b1 * y
        none = ops.zeros_like(a0)
        transform = ops.stack([a0, a1, a2, b0, b1, b2, none, none], axis=-1)
        return ops.image.affine_transform(
            pixels,
            transform,
            interpolation="bilinear",
            fill_mode=motion.fill,
            data_format="channels_last",
        )


_BLUR_TAPS = 4
_SAMPLINGS = (0.7, 0.45, 0.3)


@keras.saving.register_keras_serializable(package="galaxy_edge")
class RandomDegradation(_RandomLayer):
    """Blur, coarse sampling, exposure, lost colour, sky light and noise.

    Takes the fields of ``Degradation`` and a seed.
    """

    def __init__(
        self,
        share: float = 1.0,
        blur_px: float = 0.0,
        sampling: float = 1.0,
        gain: tuple[float, float] = (1.0, 1.0),
        gamma: tuple[float, float] = (1.0, 1.0),
        colour: float = 0.0,
        mono: float = 0.0,
        sky: tuple[float, float] = (0.0, 0.0),
        gradient: float = 0.0,
        noise: float = 0.0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        settings = Degradation(
            share=share,
            blur_px=blur_px,
            sampling=sampling,
            gain=(gain[0], gain[1]),
            gamma=(gamma[0], gamma[1]),
            colour=colour,
            mono=mono,
            sky=(sky[0], sky[1]),
            gradient=gradient,
            noise=noise,
        )
        super().__init__(settings, seed, **options)
        self._degradation = settings

    def call(self, pixels: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Degrade a share of the pictures, shape (N, S, S, 3), each its own way."""
        if not training:
            return pixels
        changed = pixels
        settings = self._degradation
        if settings.blur_px:
            changed = self._blur(changed)
        if settings.sampling < 1:
            changed = self._coarsen(changed)
        changed = self._expose(changed)
        if settings.noise:
            changed = self._add_noise(changed)
        changed = ops.round(ops.clip(changed, 0.0, 255.0))
        if settings.share >= 1:
            return changed
        chosen = self._uniform(ops.shape(pixels)[0], 0.0, 1.0) < settings.share
        return ops.where(_per_picture(chosen), changed, pixels)

    def _blur(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        sigma = self._uniform(ops.shape(pixels)[0], 0.05, self._degradation.blur_px)
        offsets = ops.arange(-_BLUR_TAPS, _BLUR_TAPS + 1, dtype="float32")
        kernel = ops.exp(-0.5 * ops.square(offsets[None, :] / sigma[:, None]))
        kernel = kernel / ops.sum(kernel, axis=-1, keepdims=True)
        for axis in (1, 2):
            side = pixels.shape[axis]
            margin = [(0, 0)] * 4
            margin[axis] = (_BLUR_TAPS, _BLUR_TAPS)
            padded = ops.pad(pixels, margin, mode="symmetric")
            total = ops.zeros_like(pixels)
            for tap in range(2 * _BLUR_TAPS + 1):
                part = slice(tap, tap + side)
                moved = padded[:, part] if axis == 1 else padded[:, :, part]
                total = total + moved * _per_picture(kernel[:, tap])
            pixels = total
        return pixels

    def _coarsen(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        """Shrink each picture by one of a few factors and bring it back."""
        side = pixels.shape[1]
        factors = [f for f in _SAMPLINGS if f >= self._degradation.sampling]
        choice = self._uniform(ops.shape(pixels)[0], 0.0, len(factors) + 1.0)
        result = pixels
        for i, factor in enumerate(factors):
            small = max(2, round(side * factor))
            coarse = ops.image.resize(
                pixels,
                (small, small),
                interpolation="bilinear",
                antialias=True,
                data_format="channels_last",
            )
            back = ops.image.resize(
                coarse, pixels.shape[1:3], interpolation="bilinear", data_format="channels_last"
            )
            chosen = ops.logical_and(choice >= i, choice < i + 1)
            result = ops.where(_per_picture(chosen), back, result)
        return result

    def _expose(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        settings = self._degradation
        count = ops.shape(pixels)[0]
        gain = _per_picture(self._uniform(count, *settings.gain))
        gamma = _per_picture(self._uniform(count, *settings.gamma))
        # a power of exactly 0 has no finite logarithm
        level = ops.clip(pixels / 255.0, 1e-4, 1.0)
        pixels = 255.0 * gain * ops.power(level, gamma)
        if settings.colour:
            tint = 1.0 + settings.colour * self._normal((count, 1, 1, 3))
            pixels = pixels * tint
        if settings.mono:
            share = self._uniform(count * 3, 0.1, 1.0)
            share = ops.reshape(share, (-1, 1, 1, 3))
            share = share / ops.sum(share, axis=-1, keepdims=True)
            grey = ops.sum(pixels * share, axis=-1, keepdims=True)
            chosen = self._uniform(count, 0.0, 1.0) < settings.mono
            pixels = ops.where(
                _per_picture(chosen), ops.broadcast_to(grey, ops.shape(pixels)), pixels
            )
        return pixels + self._sky(pixels)

    def _sky(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        settings = self._degradation
        count = ops.shape(pixels)[0]
        level = _per_picture(self._uniform(count, *settings.sky))
        if not settings.gradient:
            return level
        axis = np.linspace(-0.5, 0.5, pixels.shape[1], dtype=np.float32)
        x, y = axis[None, None, :, None], axis[None, :, None, None]
        angle = _per_picture(self._uniform(count, 0.0, 2 * math.pi))
        slope = _per_picture(self._uniform(count, 0.0, settings.gradient))
        return level + slope * (0.5 + (ops.cos(angle) * x + ops.sin(angle) * y) / math.sqrt(2))

    def _add_noise(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        shape = ops.shape(pixels)
        sigma = _per_picture(self._uniform(shape[0], 0.0, self._degradation.noise))
        # a camera without colour has the same noise in all three
        colour = self._normal((shape[0], *pixels.shape[1:]))
        spread = ops.max(pixels, axis=-1, keepdims=True) - ops.min(pixels, axis=-1, keepdims=True)
        grey = ops.max(spread, axis=(1, 2), keepdims=True) < 0.5
        return pixels + sigma * ops.where(grey, colour[..., :1], colour)


def _per_picture(values: keras.KerasTensor) -> keras.KerasTensor:
    return ops.reshape(values, (-1, 1, 1, 1))
