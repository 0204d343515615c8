"""Which pixels of a view the detector needs for one box.

Both methods ask the network alone, again and again with parts of the view covered, so
they explain the quantised file that the telescope runs. What is measured is the
similarity of the best matching box: its overlap (IoU) with the box explained times its
score, as in D-RISE (Petsiuk et al. 2021, arXiv:2006.03204).

- ``occlusion``: a patch of sky goes over the view; the map is the similarity lost.
- ``rise``: random parts are covered, half of the view each time; the map is by how much
  similarity rises where a pixel is seen, the slope of similarity against the mask. It
  orders pixels as the masks' mean weighted by similarity does (Petsiuk et al. 2018,
  arXiv:1806.07421), has a sign, and less noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.evaluation.chain import with_overrides
from detection.explain.found_boxes import FoundBox
from edge_runtime.boxes import iou
from edge_runtime.bundle.loading import Bundle
from edge_runtime.detector import Detector
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.occlusion.occlusion_map import occlusion_map
from edge_runtime.tiling import Tile, view

MASKS = 800
LEAST_SCORE = 0.02
"""Boxes below the telescope's threshold count too: one that fades is not one that is gone."""

_CHUNK = 32  # masks in memory at a time
_VISIBLE = 0.5
_OCCLUSION_CELLS = (12, 32)
_RISE_CELLS = (8, 20)

Similarity = Callable[[NDArray[np.uint8]], float]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Saliency:
    """What the pixels of a view do for a box.

    Attributes
    ----------
    method : {"occlusion", "rise"}
    values : ndarray, shape (S, S), float32
        In similarity; above 0 where a pixel helps the box, below 0 where it hurts.
    inside : float
        Share of what is above 0 that lies in the box, 0 to 1.
    box_share : float
        Share of the view that the box takes: what ``inside`` would be of an even map.
    peak_inside : bool
        Whether the highest value lies in the box (pointing game).
    similarity : float
        Of the view as it is, 0 to 1.
    details : dict of str to float
        ``calls`` of the network, ``seconds``, ``cells`` along a side; of ``rise`` also
        ``agreement``: correlation of the maps from each half of the masks.
    """

    method: str
    values: NDArray[np.float32]
    inside: float
    box_share: float
    peak_inside: bool
    similarity: float
    details: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExplainedView:
    """A view with one box in it, and the detector to ask about it.

    Attributes
    ----------
    pixels : ndarray, shape (S, S, 3), uint8, RGB
        As the network sees it.
    box_xyxy_px : ndarray, shape (4,), float32
        The box in pixels of the view.
    tile : Tile
    similarity : callable
        Similarity of the best matching box in a view, 0 to 1; for any thread.
    fill : int
        Level of empty sky.
    threads : int
        Calls at the same time.
    """

    pixels: NDArray[np.uint8]
    box_xyxy_px: NDArray[np.float32]
    tile: Tile
    similarity: Similarity
    fill: int
    threads: int = 1


@contextmanager
def opened_view(
    bundle: Bundle, picture: NDArray[np.uint8], found: FoundBox, threads: int = 2
) -> Iterator[ExplainedView]:
    """Open the detector on the view that found a box.

    Parameters
    ----------
    bundle : Bundle
    picture : ndarray, shape (H, W, 3), uint8, RGB
        The conditioned frame.
    found : FoundBox
    threads : int
        Processor cores to use.
    """
    spec = bundle.manifest.detector
    least = min(LEAST_SCORE, spec.score_threshold)
    detector = Detector(with_overrides(bundle, {"detector": {"score_threshold": least}}), threads)
    box = found.in_view_px(spec.input_size_px)
    try:
        yield ExplainedView(
            pixels=view(picture, found.tile, spec.input_size_px, bundle.sky_pixel),
            box_xyxy_px=box,
            tile=found.tile,
            similarity=partial(box_similarity, detector, box),
            fill=bundle.sky_pixel,
            threads=threads,
        )
    finally:
        detector.close()


def box_similarity(
    detector: Detector, box_xyxy_px: NDArray[np.float32], pixels: NDArray[np.uint8]
) -> float:
    """Overlap times score of the box that matches best, 0 to 1; 0 where there is none.

    Parameters
    ----------
    detector : Detector
    box_xyxy_px : ndarray, shape (4,), float32
        In pixels of the view.
    pixels : ndarray, shape (S, S, 3), uint8, RGB
        The view.
    """
    boxes = detector.look(pixels)
    if len(boxes.scores) == 0:
        return 0.0
    return float((iou(box_xyxy_px[None], boxes.xyxy_px)[0] * boxes.scores).max())


def occlusion_saliency(seen: ExplainedView, *, progress: Progress | None = None) -> Saliency:
    """Cover the view patch by patch; see the module.

    The patch is about a third of the box.

    Parameters
    ----------
    seen : ExplainedView
    progress : callable, optional
        Called with the patches done and all of them.

    Raises
    ------
    GalaxyEdgeError
        The network no longer sees the box in its view.
    """
    began = time.perf_counter()
    cells = _cells(seen, 6.0, _OCCLUSION_CELLS)
    found = occlusion_map(
        seen.similarity, seen.pixels, "box", fill=seen.fill, grid=cells, progress=progress
    )
    _check_seen(found.probability)
    size = seen.pixels.shape[0]
    values = cv2.resize(found.drops, (size, size), interpolation=cv2.INTER_LINEAR)
    details = {"calls": cells**2 + 1.0, "cells": float(cells)}
    return _scored("occlusion", np.asarray(values), seen, found.probability, details, began)


def rise_saliency(
    seen: ExplainedView,
    *,
    masks: int = MASKS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Saliency:
    """Cover random halves of the view; see the module.

    Parameters
    ----------
    seen : ExplainedView
    masks : int
        At least 10.
    seed : int
        The same seed gives the same map.
    progress : callable, optional
        Called with the masks done and all of them.

    Raises
    ------
    ConfigError
        Too few masks.
    GalaxyEdgeError
        The network no longer sees the box in its view, or none of the masks changes
        anything.
    """
    if masks < 10:
        raise ConfigError(f"RISE needs at least 10 masks, better hundreds; got {masks}")
    began = time.perf_counter()
    whole = seen.similarity(seen.pixels)
    _check_seen(whole)
    size = seen.pixels.shape[0]
    cells = _cells(seen, 4.0, _RISE_CELLS)
    rng = np.random.default_rng(seed)
    halves = (_Slope(size), _Slope(size))
    done = 0
    with ThreadPoolExecutor(seen.threads, thread_name_prefix="rise") as pool:
        while done < masks:
            some = [random_mask(rng, size, cells) for _ in range(min(_CHUNK, masks - done))]
            covered = (_covered(seen.pixels, mask, seen.fill) for mask in some)
            for mask, similarity in zip(some, pool.map(seen.similarity, covered), strict=True):
                halves[done % 2].add(mask, similarity)
                done += 1
            if progress is not None:
                progress(done, masks)
    values = halves[0].joined(halves[1]).values()
    if not np.any(values):
        raise GalaxyEdgeError(
            f"none of {masks} masks changes the box (similarity {whole:.2f}); use more masks, "
            "or occlusion"
        )
    parts = np.stack([half.values().ravel() for half in halves])
    spread = parts.std(axis=1)
    agreement = float(np.corrcoef(parts)[0, 1]) if spread.all() else 0.0
    details = {"calls": masks + 1.0, "cells": float(cells), "agreement": agreement}
    return _scored("rise", values, seen, whole, details, began)


def random_mask(rng: np.random.Generator, size_px: int, cells: int) -> NDArray[np.float32]:
    """A smooth mask: a random grid of seen (1) and covered (0) cells, enlarged and shifted.

    Parameters
    ----------
    rng : Generator
    size_px : int
        Side of the mask.
    cells : int
        Along a side.

    Returns
    -------
    ndarray, shape (size_px, size_px), float32, 0 to 1
    """
    cell_px = int(np.ceil(size_px / cells))
    grid = (rng.random((cells + 1, cells + 1)) < _VISIBLE).astype(np.float32)
    side = (cells + 1) * cell_px
    large = cv2.resize(grid, (side, side), interpolation=cv2.INTER_LINEAR)
    top, left = rng.integers(0, cell_px, 2)
    return np.asarray(large[top : top + size_px, left : left + size_px])


class _Slope:
    """Running sums for the slope of similarity against each pixel of the mask."""

    def __init__(self, size_px: int) -> None:
        self._count = 0
        self._y = 0.0
        self._m = np.zeros((size_px, size_px))
        self._mm = np.zeros((size_px, size_px))
        self._my = np.zeros((size_px, size_px))

    def add(self, mask: NDArray[np.float32], similarity: float) -> None:
        self._count += 1
        self._y += similarity
        self._m += mask
        self._mm += np.square(mask)
        self._my += mask * similarity

    def joined(self, other: _Slope) -> _Slope:
        both = _Slope(len(self._m))
        both._count, both._y = self._count + other._count, self._y + other._y
        both._m, both._mm = self._m + other._m, self._mm + other._mm
        both._my = self._my + other._my
        return both

    def values(self) -> NDArray[np.float32]:
        count = max(self._count, 1)
        covariance = self._my / count - self._m / count * (self._y / count)
        variance = self._mm / count - np.square(self._m / count)
        slope = np.divide(
            covariance, variance, out=np.zeros_like(covariance), where=variance > 1e-6
        )
        return slope.astype(np.float32)


def _covered(pixels: NDArray[np.uint8], mask: NDArray[np.float32], fill: int) -> NDArray[np.uint8]:
    weight = mask[:, :, None]
    return np.rint(pixels * weight + fill * (1.0 - weight)).astype(np.uint8)


def _cells(seen: ExplainedView, per_box: float, limits: tuple[int, int]) -> int:
    """Cells along the view such that the box's shorter side has ``per_box`` of them."""
    x0, y0, x1, y1 = seen.box_xyxy_px
    size = seen.pixels.shape[0]
    side = max(1.0, float(min(x1 - x0, y1 - y0)))
    return min(int(np.clip(round(per_box * size / side), *limits)), size)


def _check_seen(similarity: float) -> None:
    if similarity <= 0.0:
        raise GalaxyEdgeError("the detector does not see the box in its view; nothing to explain")


def _scored(
    method: str,
    values: NDArray[np.float32],
    seen: ExplainedView,
    similarity: float,
    details: dict[str, float],
    began_s: float,
) -> Saliency:
    size = seen.pixels.shape[0]
    x0, y0, x1, y1 = np.clip(np.rint(seen.box_xyxy_px).astype(int), 0, size)
    mask = np.zeros((size, size), dtype=bool)
    mask[y0:y1, x0:x1] = True
    positive = np.maximum(values, 0.0)
    total = float(positive.sum())
    return Saliency(
        method=method,
        values=values,
        inside=float(positive[mask].sum()) / total if total > 0.0 else 0.0,
        box_share=float(mask.mean()),
        peak_inside=bool(mask.flat[int(np.argmax(values))]),
        similarity=similarity,
        details={**details, "seconds": time.perf_counter() - began_s},
    )
