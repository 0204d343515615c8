"""Changes to a training crop that leave its labels true.

Two looks are imitated: ``SURVEY`` stays close to the Sloan pictures the labels
were given on, ``TELESCOPE`` covers what an amateur telescope makes of a galaxy:
few pixels, blur, noise, sky light, no colour, foreground stars, loose boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.float32]

REFERENCE_PX = 64
"""Lengths in pixels hold for crops of this side and grow with larger ones."""

_NOISE_BANK = 1 << 22


@cache
def _noise_bank() -> NDArray[np.float32]:
    """Normal noise to cut pieces from; drawing it anew takes most of a batch's time."""
    return np.random.default_rng(20).standard_normal(_NOISE_BANK, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """Ranges the augmentation draws from; pixel values are 0 to 255.

    Attributes
    ----------
    shift, zoom : float
        Largest offset and change of scale, as fractions of the crop's side.
    resample, blur, sharpen, stars, edge, jpeg, mono : float
        Probabilities of sampling down to 15 to 60 px and up again, of a Gaussian
        blur, of unsharp masking, of added stars, of a crop that reaches over the
        frame's edge, of JPEG artefacts and of losing colour.
    gain, gamma, sky, noise : tuple of float
        Ranges of the factor on brightness, of the exponent, of the added sky
        level and of the noise sigma.
    colour : float
        Sigma of the gain of each colour.
    """

    shift: float
    zoom: float
    resample: float
    blur: float
    sharpen: float
    stars: float
    edge: float
    jpeg: float
    mono: float
    gain: tuple[float, float]
    gamma: tuple[float, float]
    sky: tuple[float, float]
    noise: tuple[float, float]
    colour: float

    def scaled(self, strength: float) -> Look:
        """The same look so many times as strong; with 0 pictures are only turned.

        Lengths, probabilities and noise are multiplied, and factors and
        exponents raised to the power of the strength, so that 1 changes nothing.

        Raises
        ------
        ValueError
            The strength is negative.
        """
        if strength < 0:
            raise ValueError(f"the strength of an augmentation is not negative; got {strength}")
        if strength == 1.0:
            return self
        changed: dict[str, float | tuple[float, float]] = {}
        for name in ("shift", "zoom", "colour"):
            changed[name] = getattr(self, name) * strength
        for name in ("resample", "blur", "sharpen", "stars", "edge", "jpeg", "mono"):
            changed[name] = min(1.0, getattr(self, name) * strength)
        for name in ("sky", "noise"):
            low, high = getattr(self, name)
            changed[name] = (low * strength, high * strength)
        for name in ("gain", "gamma"):
            low, high = getattr(self, name)
            changed[name] = (low**strength, high**strength)
        return replace(self, **changed)


@dataclass(frozen=True, slots=True)
class Looks:
    """What galaxies of one training look like.

    Attributes
    ----------
    survey, telescope, rescaled : Look
        Close to the pictures as labelled; as a small telescope shows them; and
        the first, zoomed as far as the second.
    """

    survey: Look
    telescope: Look
    rescaled: Look

    def scaled(self, strength: float) -> Looks:
        """All of them so many times as strong; see ``Look.scaled``."""
        return Looks(
            self.survey.scaled(strength),
            self.telescope.scaled(strength),
            self.rescaled.scaled(strength),
        )


SURVEY = Look(
    shift=0.04,
    zoom=0.12,
    resample=0.0,
    blur=0.1,
    sharpen=0.1,
    stars=0.1,
    edge=0.0,
    jpeg=0.1,
    mono=0.1,
    gain=(0.8, 1.25),
    gamma=(0.8, 1.2),
    sky=(-6.0, 12.0),
    noise=(0.0, 5.0),
    colour=0.06,
)

TELESCOPE = Look(
    shift=0.12,
    zoom=1.1,
    resample=0.5,
    blur=0.4,
    sharpen=0.2,
    stars=0.5,
    edge=0.1,
    jpeg=0.3,
    mono=0.45,
    gain=(0.4, 2.2),
    gamma=(0.55, 1.6),
    sky=(0.0, 40.0),
    noise=(0.0, 14.0),
    colour=0.15,
)

RESCALED = replace(SURVEY, zoom=TELESCOPE.zoom)
"""A sharp picture in a box that fits the galaxy as loosely as at the telescope."""

LOOKS = Looks(SURVEY, TELESCOPE, RESCALED)


def warp(
    picture: NDArray[np.uint8],
    side_px: float,
    size_px: int,
    look: Look,
    rng: np.random.Generator,
) -> Crop:
    """A crop at any rotation, mirrored or not, shifted and zoomed.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8
        The galaxy in its centre.
    side_px : float
        Side of the exact crop in pixels of ``picture``.
    size_px : int
        Side of the returned crop.
    look : Look
        Ranges of shift and zoom.
    rng : Generator

    Returns
    -------
    ndarray, shape (size_px, size_px, 3), float32
    """
    angle = rng.uniform(0, 2 * np.pi)
    scale = side_px * np.exp(rng.uniform(-1, 1) * np.log1p(look.zoom)) / size_px
    shift_x, shift_y = rng.uniform(-look.shift, look.shift, 2) * side_px
    flip = 1.0 if rng.random() < 0.5 else -1.0
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos, -sin * flip, 0.0], [sin, cos * flip, 0.0]])
    centre = (size_px - 1) / 2
    middle = ((picture.shape[1] - 1) / 2 + shift_x, (picture.shape[0] - 1) / 2 + shift_y)
    matrix[:, 2] = middle - matrix[:, :2] @ (centre, centre)
    return cv2.warpAffine(
        picture,
        matrix,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    ).astype(np.float32)


def add_stars(crop: Crop, count: int, rng: np.random.Generator) -> None:
    """Draw round stars over a crop in place; most are faint.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), float32, 0 to 255
    count : int
        How many.
    rng : Generator
    """
    peaks = np.minimum(20.0 * (1.0 - rng.random(count)) ** -0.8, 600.0)
    tints = 1 + rng.normal(0, 0.12, (count, 3))
    places = rng.uniform(0, crop.shape[0], (count, 2))
    sigma = rng.uniform(0.6, 1.6) * crop.shape[0] / REFERENCE_PX
    add_point_sources(crop, places, peaks[:, None] * tints, sigma)


def add_point_sources(
    crop: Crop, places: NDArray[np.floating], colours: NDArray[np.floating], sigma: float
) -> None:
    """Add round Gaussians to a crop in place.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), float32
    places : ndarray, shape (K, 2)
        x and y in pixels, to half a pixel; those outside the crop are left out.
    colours : ndarray, shape (K, 3)
        Peak values.
    sigma : float
        Of all the Gaussians, in pixels.
    """
    size = crop.shape[0]
    fine = np.zeros((2 * size, 2 * size, 3), np.float32)
    x, y = np.floor(2 * places).astype(int).T
    inside = (x >= 0) & (x < 2 * size) & (y >= 0) & (y < 2 * size)
    np.add.at(fine, (y[inside], x[inside]), colours[inside].astype(np.float32))
    fine = cv2.GaussianBlur(fine, (0, 0), 2 * sigma, borderType=cv2.BORDER_CONSTANT)
    light = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    crop += light * np.float32(2 * np.pi * (2 * sigma) ** 2)


def degrade(crop: Crop, look: Look, rng: np.random.Generator) -> Crop:
    """Stars, blur and coarse sampling, as the atmosphere and the camera cause them."""
    size = crop.shape[0]
    scale = size / REFERENCE_PX
    if rng.random() < look.stars:
        add_stars(crop, int(rng.integers(1, 20)), rng)
    if rng.random() < look.blur:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.4, 1.4) * scale)
    elif rng.random() < look.sharpen:
        soft = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.8, 3.0) * scale)
        crop = crop + (crop - soft) * rng.uniform(0.3, 1.5)
    if rng.random() < look.resample:
        small = int(np.exp(rng.uniform(np.log(15), np.log(60))))
        crop = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        if rng.random() < 0.5:  # noise of the coarse pixels grows with them
            crop = crop + rng.normal(0, rng.uniform(0, look.noise[1]), crop.shape)
        crop = cv2.resize(crop.astype(np.float32), (size, size), interpolation=how)
    return crop


def expose(
    crops: Crop, telescope: NDArray[np.bool_], rng: np.random.Generator, looks: Looks = LOOKS
) -> Crop:
    """Brightness, colour, sky and noise of a batch.

    Parameters
    ----------
    crops : ndarray, shape (N, S, S, 3), float32, 0 to 255
    telescope : ndarray, shape (N,), bool
        Which rows get the telescope look; the others get the survey look.
    rng : Generator
    looks : Looks

    Returns
    -------
    ndarray, shape (N, S, S, 3), float32, whole numbers 0 to 255
    """
    n = len(crops)
    near, far = looks.survey, looks.telescope

    def per_row(name: str) -> NDArray[np.float32]:
        low = np.where(telescope, getattr(far, name)[0], getattr(near, name)[0])
        high = np.where(telescope, getattr(far, name)[1], getattr(near, name)[1])
        drawn = low + (high - low) * rng.random(n)
        return drawn.astype(np.float32)[:, None, None, None]

    colour = np.where(telescope, far.colour, near.colour)[:, None]
    tint = (1 + rng.normal(size=(n, 3)) * colour).astype(np.float32)[:, None, None, :]
    mono = rng.random(n) < np.where(telescope, far.mono, near.mono)
    weights = rng.dirichlet((2.0, 3.0, 1.5), size=n).astype(np.float32)
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    tables = 255 * per_row("gain")[:, 0, 0] * levels[None] ** per_row("gamma")[:, 0, 0]
    pixels = np.clip(crops, 0, 255).astype(np.uint8)
    values = np.stack([table[row] for table, row in zip(tables, pixels, strict=True)])
    values *= tint
    values += per_row("sky") * np.clip(tint, 0.7, 1.3)
    grey = np.einsum("nhwc,nc->nhw", values[mono], weights[mono])
    values[mono] = grey[..., None]
    sigma = per_row("noise")
    bank = _noise_bank()
    for i in range(n):
        shape = values.shape[1:3] if mono[i] else values.shape[1:]
        start = rng.integers(len(bank) - values[i].size)
        noise = bank[start : start + math.prod(shape)].reshape(shape)
        values[i] += sigma[i] * (noise[..., None] if mono[i] else noise)
    return np.rint(np.clip(values, 0, 255, out=values), out=values)


def cross_edge(crop: Crop, fill: float, rng: np.random.Generator) -> None:
    """Blank one side in place, as where a crop reaches over the frame's edge.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), float32
    fill : float
        Level the edge puts outside the frame.
    rng : Generator
        Draws the side and the width, up to 0.35 of the crop.
    """
    width = int(rng.integers(1, max(2, int(0.35 * crop.shape[0]))))
    side = np.rot90(crop, rng.integers(4))
    side[:width] = fill


def jpeg(crop: Crop, rng: np.random.Generator) -> Crop:
    """JPEG artefacts of quality 35 to 90 on a crop of 0 to 255."""
    quality = int(rng.integers(35, 91))
    ok, data = cv2.imencode(".jpg", crop.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError(f"OpenCV could not encode a crop of shape {crop.shape} as JPEG")
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32)
