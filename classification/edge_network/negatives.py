"""Crops that show no galaxy: real star fields, clusters, nebulae, and drawn ghosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from classification.edge_network.augmentation import (
    REFERENCE_PX,
    add_point_sources,
    add_stars,
)
from edge_runtime.conditioning import ConditioningParams, condition
from edge_runtime.crops import cut_square
from edge_runtime.pictures import read_picture

PEAK_SIGMAS_PX = (1.5, 4.0, 10.0, 25.0, 50.0)
PEAKS_PER_SIGMA = 12
MIN_SIDE_PX = 20.0
FILL = round(ConditioningParams().sky_level * 255)
"""Level outside the frame: the sky of a conditioned frame."""


@dataclass(frozen=True, slots=True)
class EmptyFrame:
    """A conditioned frame without galaxies and its bright places.

    Attributes
    ----------
    pixels : ndarray, shape (H, W, 3), uint8, RGB
    peaks : ndarray, shape (K, 3), float32
        x, y and scale (sigma) in pixels of stars, cores and clouds.
    """

    pixels: NDArray[np.uint8]
    peaks: NDArray[np.float32]


def read_empty_frames(paths: Sequence[Path]) -> tuple[EmptyFrame, ...]:
    """Read frames, condition them as the edge does, and find their bright places.

    Raises
    ------
    FrameError
        If a picture cannot be read.
    """
    frames = []
    for path in paths:
        pixels = condition(read_picture(path))
        frames.append(EmptyFrame(pixels, bright_places(pixels)))
    return tuple(frames)


def bright_places(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Local maxima of a frame at several scales.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, 3), uint8

    Returns
    -------
    ndarray, shape (K, 3), float32
        x, y, sigma in pixels; at most ``PEAKS_PER_SIGMA`` a scale, brightest first.
    """
    grey = pixels.mean(axis=2, dtype=np.float32)
    found = []
    for sigma in PEAK_SIGMAS_PX:
        step = max(1, int(sigma / 2))
        small = cv2.resize(grey, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        inner = cv2.GaussianBlur(small, (0, 0), sigma / step)
        contrast = inner - cv2.GaussianBlur(small, (0, 0), 2 * sigma / step)
        reach = 2 * int(2 * sigma / step) + 1
        is_peak = (contrast == cv2.dilate(contrast, np.ones((reach, reach), np.uint8))) & (
            contrast > 1.0
        )
        y, x = np.nonzero(is_peak)
        order = np.argsort(-contrast[y, x])[:PEAKS_PER_SIGMA]
        found += [(x[i] * step, y[i] * step, sigma) for i in order]
    return np.array(found, np.float32).reshape(-1, 3)


def random_place(frame: EmptyFrame, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crop at a random place and scale."""
    height, width = frame.pixels.shape[:2]
    side = np.exp(rng.uniform(np.log(MIN_SIDE_PX), np.log(0.9 * min(height, width))))
    x = rng.uniform(side / 2, width - side / 2)
    y = rng.uniform(side / 2, height - side / 2)
    return cut_square(frame.pixels, x, y, side, size, FILL)


def bright_place(frame: EmptyFrame, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crop about one of the bright places, as a mistaken detector would box it."""
    if not len(frame.peaks):
        return random_place(frame, size, rng)
    x, y, sigma = frame.peaks[rng.integers(len(frame.peaks))]
    side = max(MIN_SIDE_PX, sigma * np.exp(rng.uniform(np.log(5), np.log(18))))
    side = min(side, 1.2 * min(frame.pixels.shape[:2]))
    x, y = np.array((x, y)) + rng.normal(0, 0.04 * side, 2)
    return cut_square(frame.pixels, float(x), float(y), float(side), size, FILL)


def drawn(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A drawn crop without a galaxy, (size, size, 3) float32, about 0 to 255."""
    crop = np.full((size, size, 3), rng.uniform(0, 30), np.float32)
    kind = rng.integers(6)
    if kind == 0:
        _gradient(crop, rng)
    elif kind == 1:
        _ghost(crop, rng)
    elif kind == 2:
        _bright_star(crop, rng)
    elif kind == 3:
        _cluster(crop, rng)
    elif kind == 4:
        _trail(crop, rng)
    if rng.random() < 0.7:
        add_stars(crop, int(rng.integers(0, 60)), rng)
    return crop


def _grid(size: int, x: float, y: float) -> NDArray[np.float32]:
    axis = np.arange(size, dtype=np.float32)
    return np.hypot(axis[None, :] - x, axis[:, None] - y)


def _gradient(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    size = crop.shape[0]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.normal(0, 25, 2)
    bow = rng.normal(0, 15)
    plane = slope[0] * axis[None, :] + slope[1] * axis[:, None]
    plane = plane + bow * (axis[None, :] ** 2 + axis[:, None] ** 2)
    crop += (plane - plane.min()).astype(np.float32)[:, :, None]


def _ghost(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Out-of-focus reflections: evenly lit discs and rings with sharp rims."""
    size = crop.shape[0]
    distance = _grid(size, *rng.uniform(0.35 * size, 0.65 * size, 2))
    outer = rng.uniform(0.1, 0.45) * size
    inner = outer * rng.choice([0.0, rng.uniform(0.2, 0.9)])
    edge = rng.uniform(0.3, 1.5) * size / REFERENCE_PX
    disc = 1 / (1 + np.exp(np.clip((distance - outer) / edge, -30, 30)))
    hole = 1 / (1 + np.exp(np.clip((distance - inner) / edge, -30, 30))) if inner > 0 else 0.0
    tint = rng.uniform(10, 120) * (1 + rng.normal(0, 0.15, 3))
    crop += ((disc - hole)[:, :, None] * tint).astype(np.float32)


def _bright_star(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A saturated star with halo and, at times, diffraction spikes."""
    size = crop.shape[0]
    x, y = rng.normal(size / 2, 0.06 * size, 2)
    tint = 1 + rng.normal(0, 0.1, 3)
    colour = rng.uniform(150, 900) * tint
    scale = size / REFERENCE_PX
    add_point_sources(crop, np.array([[x, y]]), colour[None], rng.uniform(scale, 0.12 * size))
    distance = _grid(size, x, y)
    halo = rng.uniform(5, 80) / (
        1 + (distance / (scale * rng.uniform(2, 10))) ** rng.uniform(2, 3.5)
    )
    crop += (halo[:, :, None] * tint).astype(np.float32)
    if rng.random() < 0.6:
        axis = np.arange(size, dtype=np.float32)
        angle = rng.uniform(0, np.pi / 2)
        along = np.cos(angle) * (axis[None, :] - x) + np.sin(angle) * (axis[:, None] - y)
        across = -np.sin(angle) * (axis[None, :] - x) + np.cos(angle) * (axis[:, None] - y)
        length, width = scale * rng.uniform(5, 25), scale * rng.uniform(0.5, 1.3)
        for a, b in ((along, across), (across, along)):
            spike = np.exp(-np.abs(a) / length - 0.5 * (b / width) ** 2)
            crop += (rng.uniform(40, 250) * spike[:, :, None] * tint).astype(np.float32)


def _cluster(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A globular or open cluster: stars that crowd towards the middle."""
    size = crop.shape[0]
    core = rng.uniform(0.04, 0.2) * size
    centre = rng.normal(size / 2, 0.05 * size, 2)
    count = int(np.exp(rng.uniform(np.log(25), np.log(400))))
    radius = core / np.sqrt(rng.uniform(0.02, 1, count) ** (-2 / 3) - 1 + 1e-3)  # Plummer sphere
    angle = rng.uniform(0, 2 * np.pi, count)
    peaks = rng.uniform(8, 40) * np.minimum((1 - rng.random(count)) ** -0.7, 15)
    sigma = rng.uniform(0.6, 1.4) * size / REFERENCE_PX
    tints = 1 + rng.normal(0, 0.15, (count, 3))
    places = centre + radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    add_point_sources(crop, places, peaks[:, None] * tints, sigma)
    glow = rng.uniform(0, 60) / (1 + (_grid(size, *centre) / core) ** 2) ** 1.5
    crop += glow[:, :, None].astype(np.float32)


def _trail(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A satellite, plane or trailed star across the crop."""
    size = crop.shape[0]
    layer = np.zeros((size, size), np.float32)
    middle, angle = rng.uniform(0.3 * size, 0.7 * size, 2), rng.uniform(0, np.pi)
    reach = np.array((np.cos(angle), np.sin(angle))) * rng.uniform(0.1, 1.5) * size
    start, stop = (middle - reach).astype(int), (middle + reach).astype(int)
    cv2.line(layer, tuple(map(int, start)), tuple(map(int, stop)), rng.uniform(40, 250), 1)
    layer = cv2.GaussianBlur(layer, (0, 0), rng.uniform(0.5, 1.5) * size / REFERENCE_PX)
    crop += layer[:, :, None]
