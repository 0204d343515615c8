"""Labelled frames made of real galaxies on real and simulated star fields.

Real galaxy cut-outs are turned, scaled, dimmed and recoloured, added to a
background without galaxies, and the result passes through a camera: gradient,
noise, monochrome sensor, JPEG. Then the edge's own conditioning brings it to
the look the detector sees at the telescope. Boxes are exact: the isophote of
each galaxy's own light that stands out of the noise of that picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.composite_decoys import add_decoy_portrait, noise_of, with_decoys
from annotations.cutouts import Cutout
from edge_runtime.boxes import iou
from edge_runtime.conditioning import ConditioningParams, condition_planes
from edge_runtime.sky import artefacts
from edge_runtime.sky.galaxies import random_galaxy, render_galaxy

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CompositeParams:
    """Distribution the composites are drawn from.

    Attributes
    ----------
    size_px : int
        Side of the square pictures.
    smallest_px, largest_px : float
        Range of a galaxy's longer side.
    empty_fraction, portrait_fraction : float
        Share of pictures without a galaxy, and of those with one large galaxy
        (and companions); the rest are fields of small ones.
    real_background : float
        Share of backgrounds taken from real frames.
    drawn_fraction : float
        Share of galaxies drawn from a model instead of cut from a survey; they
        have no noise of their own, so they can be large.
    decoy_portrait_fraction : float
        Share of pictures without a galaxy whose middle shows something that may
        be taken for one: a cluster, a nebula, the ghost of a lens.
    mistake_fraction : float
        Share of real backgrounds centred on a known mistake of a detector,
        where the generator has some.
    galsim_fraction : float
        Share of the drawn galaxies that GalSim draws, accurate in their
        profiles and in the seeing, instead of the edge's own simulator.
    mono_fraction, bayer_fraction, vignetting_fraction, jpeg_fraction,
    letterbox_fraction : float
        Share of pictures with a monochrome sensor, with a colour filter array,
        dark corners, JPEG blocks, or padding.
    randomised : bool
        Whether decoys and the camera's faults are drawn at all.
    """

    size_px: int = 320
    smallest_px: float = 14.0
    largest_px: float = 330.0
    empty_fraction: float = 0.2
    portrait_fraction: float = 0.4
    real_background: float = 0.7
    drawn_fraction: float = 0.15
    galsim_fraction: float = 0.0
    decoy_portrait_fraction: float = 0.4
    mistake_fraction: float = 0.35
    mono_fraction: float = 0.3
    bayer_fraction: float = 0.2
    vignetting_fraction: float = 0.2
    jpeg_fraction: float = 0.5
    letterbox_fraction: float = 0.15
    randomised: bool = True

    def at_size(self, size_px: int) -> CompositeParams:
        """The same distribution in pictures of another side."""
        scale = size_px / self.size_px
        return replace(self, size_px=size_px, largest_px=self.largest_px * scale)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where a detector took something on a background for a galaxy.

    Attributes
    ----------
    background : int
        Index of the background.
    box_xyxy_px : (float, float, float, float)
        In its pixels.
    """

    background: int
    box_xyxy_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Composite:
    """A labelled picture.

    Attributes
    ----------
    picture : ndarray, shape (S, S, 3), uint8, RGB
        As the detector sees it.
    boxes_xyxy_px : ndarray, shape (N, 4), float32
    """

    picture: NDArray[np.uint8]
    boxes_xyxy_px: NDArray[np.float32]


@dataclass(frozen=True)
class CompositeGenerator:
    """Endless stream of composites.

    Attributes
    ----------
    cutouts : sequence of Cutout
    backgrounds : sequence of ndarray, shape (H, W, 3), uint8, RGB
        Real frames without a galaxy.
    mistakes : sequence of Mistake
        Places on the backgrounds to look at more often.
    """

    cutouts: Sequence[Cutout]
    backgrounds: Sequence[NDArray[np.uint8]]
    params: CompositeParams = field(default_factory=CompositeParams)
    mistakes: Sequence[Mistake] = ()

    def stream(self, rng: np.random.Generator) -> Iterator[Composite]:
        """Composites, for as long as asked."""
        while True:
            yield self.draw(rng)

    def draw(self, rng: np.random.Generator) -> Composite:
        """One composite."""
        params = self.params
        canvas = self._background(rng)
        galaxies = self._place_galaxies(canvas.shape[0], rng)
        if params.randomised:
            canvas = with_decoys(canvas, rng)
            if not galaxies and rng.random() < params.decoy_portrait_fraction:
                add_decoy_portrait(canvas, rng)
        noise_sigma = float(np.exp(rng.uniform(np.log(0.002), np.log(0.05))))
        sky_noise = np.hypot(noise_of(canvas), noise_sigma)
        boxes = []
        for patch, left, top in galaxies:
            box = visible_box(patch, sky_noise, canvas.shape[0], left, top)
            if box is None:
                continue
            if boxes and iou(np.array([box]), np.array(boxes)).max() > 0.7:
                continue
            boxes.append(box)
            _screen(canvas, patch, left, top)
        canvas = _through_camera(canvas, noise_sigma, params, rng)
        picture = condition_planes(_to_uint8(canvas, params, rng), jittered_look(rng))
        labels = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
        if rng.random() < params.letterbox_fraction:
            picture, labels = _letterbox(picture, labels, params, rng)
        return Composite(picture, labels)

    def _background(self, rng: np.random.Generator) -> Image:
        size = self.params.size_px
        if rng.random() >= self.params.real_background or not self.backgrounds:
            return _simulated_background(size, rng)
        if self.mistakes and rng.random() < self.params.mistake_fraction:
            mistake = self.mistakes[rng.integers(len(self.mistakes))]
            crop = _around(self.backgrounds[mistake.background], mistake.box_xyxy_px, size, rng)
        else:
            crop = _random_part(self.backgrounds[rng.integers(len(self.backgrounds))], size, rng)
        side = crop.shape[0]
        crop = np.rot90(crop, rng.integers(4))
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        shrinks = side > size
        canvas = cv2.resize(
            np.ascontiguousarray(crop),
            (size, size),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
        ).astype(np.float32)
        canvas /= 255.0
        if rng.random() < 0.5:
            canvas *= np.float32(rng.uniform(0.4, 1.0))
        return canvas

    def _place_galaxies(self, size: int, rng: np.random.Generator) -> list[tuple[Image, int, int]]:
        kind = rng.random()
        params = self.params
        if kind < params.empty_fraction:
            return []
        sides = []
        if kind < params.empty_fraction + params.portrait_fraction:
            sides.append(_log_uniform(rng, 80.0, params.largest_px))
            companions = rng.choice([0, 1, 2], p=[0.55, 0.3, 0.15])
        else:
            companions = rng.choice([1, 2, 3, 4, 6], p=[0.38, 0.27, 0.17, 0.1, 0.08])
        sides += [_log_uniform(rng, params.smallest_px, 90.0) for _ in range(companions)]
        placed = []
        for side in sides:
            if rng.random() < params.drawn_fraction:
                patch = _dim_and_recolour(_drawn(side, params.galsim_fraction, rng), rng)
            else:
                cutout = self.cutouts[rng.integers(len(self.cutouts))]
                patch = _dim_and_recolour(_turn_and_scale(cutout.light, side, rng), rng)
            height, width = patch.shape[:2]
            # the centre lies in the picture; large galaxies nearer to its middle
            slack = size * (0.5 if side < 100 else 0.3)
            x = size / 2 + rng.uniform(-slack, slack)
            y = size / 2 + rng.uniform(-slack, slack)
            placed.append((patch, round(x - width / 2), round(y - height / 2)))
        return placed


def _random_part(
    frame: NDArray[np.uint8], size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A square of a frame, at its scale or up to about twice finer or coarser."""
    shortest = min(frame.shape[:2])
    side = int(np.clip(size * np.exp(rng.uniform(np.log(0.45), np.log(2.0))), 96, shortest))
    y = rng.integers(frame.shape[0] - side + 1)
    x = rng.integers(frame.shape[1] - side + 1)
    return frame[y : y + side, x : x + side]


def _around(
    frame: NDArray[np.uint8],
    box: tuple[float, float, float, float],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """A square of a frame that shows a box whole, at a random zoom."""
    height, width = frame.shape[:2]
    longest = max(box[2] - box[0], box[3] - box[1])
    least = max(1.05 * longest, 0.4 * size, 96.0)
    side = int(min(_log_uniform(rng, least, max(2.0 * size, 1.3 * least)), height, width))
    corner = []
    for low, high, length in ((box[0], box[2], width), (box[1], box[3], height)):
        first = int(np.clip(np.ceil(high) - side, 0, length - side))
        last = int(np.clip(np.floor(low), first, length - side))
        corner.append(int(rng.integers(first, last + 1)))
    x, y = corner
    return frame[y : y + side, x : x + side]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _drawn(side: float, galsim_fraction: float, rng: np.random.Generator) -> Image:
    """A galaxy drawn from a random model, stretched as pictures of galaxies are."""
    if galsim_fraction > 0.0 and rng.random() < galsim_fraction:
        from annotations.galsim_galaxies import draw_galsim_galaxy

        return draw_galsim_galaxy(rng, side)
    light = render_galaxy(
        random_galaxy(rng), side / 2.0, position_angle_deg=float(rng.uniform(0.0, 360.0))
    )
    light /= float(np.percentile(light.max(axis=2), 99.5)) + 1e-12
    patch = np.arcsinh(light * np.float32(_log_uniform(rng, 2.0, 40.0)))
    blur = rng.uniform(0.6, 2.0)
    return cv2.GaussianBlur(patch.astype(np.float32), (0, 0), blur)  # type: ignore[return-value]


def _turn_and_scale(light: NDArray[np.uint8], side: float, rng: np.random.Generator) -> Image:
    """A cut-out turned, mirrored, squeezed, scaled to ``side`` and blurred."""
    height, width = light.shape[:2]
    # the isophote fills about 0.7 of the feathered cut-out
    scale = side / (0.7 * max(height, width))
    squeeze = rng.uniform(0.65, 1.0) if rng.random() < 0.4 else 1.0
    shape = np.diag([scale, scale * squeeze])
    if rng.random() < 0.5:
        shape[0, 0] *= -1.0
    angle = rng.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ shape
    corners = (
        linear
        @ np.array([[-width, width, width, -width], [-height, -height, height, height]])
        / 2.0
    )
    out_width, out_height = (np.ceil(2.0 * np.abs(corners).max(axis=1)) + 2).astype(int)
    offset = np.array([out_width, out_height]) / 2.0 - linear @ [width / 2.0, height / 2.0]
    source = light.astype(np.float32) / 255.0
    if scale < 0.6:  # an enlarged pixel must see all the light that falls on it
        source = cv2.GaussianBlur(source, (0, 0), 0.4 / scale)
    patch = cv2.warpAffine(
        source,
        np.hstack([linear, offset[:, None]]),
        (int(out_width), int(out_height)),
        flags=cv2.INTER_LINEAR if scale < 1.5 else cv2.INTER_CUBIC,
    )
    blur = rng.uniform(0.0, 1.6) if scale < 1.5 else rng.uniform(0.0, 1.0) * scale
    if blur > 0.3:
        patch = cv2.GaussianBlur(patch, (0, 0), blur)
    return np.clip(patch, 0.0, None)


def _dim_and_recolour(patch: Image, rng: np.random.Generator) -> Image:
    """Light of random contrast, brightness and colour, 0 to 1."""
    peak = float(np.percentile(patch.max(axis=2), 99.8)) + 1e-6
    patch = (patch / peak) ** np.float32(rng.uniform(0.75, 1.5))
    patch *= np.float32(np.exp(rng.uniform(np.log(0.06), np.log(1.1))))
    grey = patch.mean(axis=2, keepdims=True)
    patch = grey + (patch - grey) * np.float32(rng.uniform(0.0, 1.5))
    if rng.random() < 0.4:
        patch *= rng.uniform(0.7, 1.3, size=3).astype(np.float32)
    return np.clip(patch, 0.0, 1.0)


def visible_box(
    patch: Image, noise: float, size: int, left: int, top: int
) -> tuple[float, float, float, float] | None:
    """Box of the light above the noise, or None for what nobody could see."""
    seen = cv2.blur(patch.mean(axis=2), (3, 3))
    peak = float(seen.max())
    if peak < max(2.5 * noise, 0.03):
        return None
    level = max(0.8 * noise, 0.04 * peak, 0.012)
    bright = (seen > level).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    if len(stats) < 2:
        return None
    x, y, width, height, area = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    if max(width, height) < 10 or area < 30:
        return None
    x0, y0 = max(left + x, 0), max(top + y, 0)
    x1, y1 = min(left + x + width, size), min(top + y + height, size)
    if x1 <= x0 or y1 <= y0 or (x1 - x0) * (y1 - y0) < 0.4 * width * height:
        return None
    return float(x0), float(y0), float(x1), float(y1)


def _screen(canvas: Image, patch: Image, left: int, top: int) -> None:
    """Add light so that nothing exceeds white: 1 - (1 - a)(1 - b)."""
    size = canvas.shape[0]
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + patch.shape[0], size), min(left + patch.shape[1], size)
    if y1 <= y0 or x1 <= x0:
        return
    light = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    target = canvas[y0:y1, x0:x1]
    target += light * (1.0 - target)


def _through_camera(
    canvas: Image, noise_sigma: float, params: CompositeParams, rng: np.random.Generator
) -> Image:
    if not params.randomised:
        grain = rng.standard_normal(canvas.shape, dtype=np.float32)
        return canvas + np.float32(noise_sigma) * grain
    size = canvas.shape[0]
    if rng.random() < params.vignetting_fraction:
        canvas = canvas + np.float32(rng.uniform(0.02, 0.2))
        artefacts.add_vignetting(rng, canvas, 0.01)
    if rng.random() < 0.6:
        small = rng.uniform(-1.0, 1.0, size=(3, 3, 1)).astype(np.float32)
        tint = rng.uniform(0.6, 1.4, size=3).astype(np.float32)
        amplitude = _log_uniform(rng, 0.01, 0.15)
        gradient = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)[:, :, None]
        canvas = canvas + (gradient + 1.0) * amplitude * tint * 0.5
    canvas = canvas + rng.uniform(0.0, 0.25) * rng.random()
    if rng.random() < params.mono_fraction:
        weights = rng.dirichlet([2.0, 3.0, 2.0]).astype(np.float32)
        canvas = np.repeat((canvas @ weights)[:, :, None], 3, axis=2)
        noise = rng.standard_normal((size, size, 1), dtype=np.float32)
    else:
        noise = rng.standard_normal((size, size, 3), dtype=np.float32)
    grain = rng.uniform(0.0, 1.1)
    if grain > 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), grain).reshape(noise.shape)
        noise /= noise.std() + 1e-6
    return canvas + np.float32(noise_sigma) * noise


def _to_uint8(
    canvas: Image, params: CompositeParams, rng: np.random.Generator
) -> NDArray[np.uint8]:
    values = np.rint(np.clip(canvas, 0.0, 1.0) * 255.0).astype(np.uint8)
    if not params.randomised:
        return np.ascontiguousarray(values)
    if rng.random() < params.bayer_fraction:
        values = _through_colour_filters(values, rng)
    if rng.random() < params.jpeg_fraction:
        quality = int(rng.integers(45, 97))
        _, data = cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, quality])
        values = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(values)


_BAYER_CODES = (
    cv2.COLOR_BayerRGGB2RGB,
    cv2.COLOR_BayerGRBG2RGB,
    cv2.COLOR_BayerGBRG2RGB,
    cv2.COLOR_BayerBGGR2RGB,
)


def _through_colour_filters(
    values: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """What a sensor with a Bayer matrix and a bilinear debayering leave of a picture.

    Any of the four patterns serves to interpolate the one mosaic: a wrong one
    is the wrongly set debayering of many a real recording.
    """
    mosaic = values[:, :, 1].copy()
    mosaic[::2, ::2] = values[::2, ::2, 0]
    mosaic[1::2, 1::2] = values[1::2, 1::2, 2]
    code = _BAYER_CODES[0 if rng.random() < 0.8 else rng.integers(4)]
    return cv2.cvtColor(mosaic, code)  # type: ignore[return-value]


def jittered_look(rng: np.random.Generator) -> ConditioningParams:
    """The edge conditions whole frames; a part of one differs a little."""
    return ConditioningParams(
        sky_level=float(rng.uniform(0.06, 0.11)),
        shadow_sigma=float(rng.uniform(2.0, 3.6)),
        noise_floor=float(np.exp(rng.uniform(np.log(0.004), np.log(0.01)))),
    )


def _letterbox(
    picture: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    params: CompositeParams,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pad one side with sky, as the edge does with frames that are not square."""
    size = params.size_px
    kept = int(size * rng.uniform(0.5, 0.95))
    grey = round(ConditioningParams().sky_level * 255)
    padded = np.full_like(picture, grey)
    start = int(rng.integers(size - kept + 1))
    wide = bool(rng.random() < 0.5)
    area = np.s_[start : start + kept] if wide else np.s_[:, start : start + kept]
    padded[area] = picture[area]
    low, high = (1, 3) if wide else (0, 2)
    clipped = boxes.copy()
    clipped[:, [low, high]] = np.clip(boxes[:, [low, high]], start, start + kept)
    left = clipped[:, high] - clipped[:, low]
    whole = boxes[:, high] - boxes[:, low]
    return padded, clipped[left > 0.4 * whole]


def _simulated_background(size: int, rng: np.random.Generator) -> Image:
    """A field of stars on a dark sky."""
    canvas = np.full((size, size, 3), rng.uniform(0.01, 0.1), dtype=np.float32)
    noise = _log_uniform(rng, 0.004, 0.02)
    artefacts.add_star_field(rng, canvas, noise, fwhm_px=float(rng.uniform(1.5, 5.0)))
    return np.clip(canvas, 0.0, 1.0)
