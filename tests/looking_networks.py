"""Networks that look at known pixels, and crops of which is known what lies where."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from classification.explain.networks import KerasNetwork

SIZE_PX = 48


class LookingNetwork:
    """Answers how bright some pixels are above the sky; it sees nothing else.

    Its first answer is the mean brightness of the pixels looked at, 0 to 1; its second
    the rest.
    """

    name = "looking"
    outputs = ("class5:spiral", "class5:smooth_round")

    def __init__(self, looked_at: np.ndarray, sky: float = 20.0) -> None:
        self.looked_at = looked_at.astype(np.float64)
        self.input_size_px = len(looked_at)
        self.calls = 0
        self._sky = sky

    def answers(self, crops, progress=None):
        self.calls += len(crops)
        light = np.clip((np.asarray(crops, np.float64).mean(axis=3) - self._sky) / 235.0, 0, 1)
        seen = (light * self.looked_at).sum(axis=(1, 2)) / max(1.0, self.looked_at.sum())
        return np.stack([seen, 1.0 - seen], axis=1).astype(np.float32)


def disc(size_px: int = SIZE_PX, radius: float = 9.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """A round mask, its centre so far from the middle."""
    axis = np.arange(size_px) - (size_px - 1) / 2
    return np.hypot(axis[None] - x, axis[:, None] - y) <= radius


def galaxy_crop(
    size_px: int = SIZE_PX,
    *,
    semi_major: float = 12.0,
    ratio: float = 0.5,
    angle_rad: float = 0.0,
    star: tuple[float, float] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """A plateau of light with a sharp edge on a noisy sky, and a star beside it."""
    fine = 4
    axis = (np.arange(size_px * fine) + 0.5) / fine - size_px / 2
    dx, dy = axis[None], axis[:, None]
    u = dx * np.cos(angle_rad) + dy * np.sin(angle_rad)
    v = dy * np.cos(angle_rad) - dx * np.sin(angle_rad)
    light = np.where((u / semi_major) ** 2 + (v / (ratio * semi_major)) ** 2 <= 1, 150.0, 0.0)
    if star is not None:
        light = light + 220 * np.exp(-((dx - star[0]) ** 2 + (dy - star[1]) ** 2) / (2 * 1.5**2))
    light = light.reshape(size_px, fine, size_px, fine).mean(axis=(1, 3))
    noise = np.random.default_rng(seed).normal(20, 2, (size_px, size_px, 3))
    return np.clip(light[:, :, None] + noise, 0, 255).astype(np.uint8)


def small_network(classes: int = 2, size_px: int = 32, seed: int = 0) -> KerasNetwork:
    """Two normalised convolutions and a softmax, random."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((size_px, size_px, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    for width in (8, 12):
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(classes, activation="softmax")(x)
    names = ("smooth_round", "spiral", "edge_on_disk", "smooth_cigar", "smooth_inbetween")
    outputs = [f"class5:{name}" for name in names[:classes]]
    return KerasNetwork(keras.Model(pixels, x), "small", outputs)
