"""Galaxies in a conditioned picture: views, network calls, merged boxes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_runtime.anchors import anchor_boxes, decode_boxes
from edge_runtime.boxes import area, clip, merge, non_maximum_suppression, vote
from edge_runtime.bundle.loading import Bundle
from edge_runtime.errors import BundleError
from edge_runtime.litert import LiteRtModel, RawOutput, TensorSpec
from edge_runtime.tiling import Tile, plan_tiles, touches_inner_edge, view

_EDGE_MARGIN = 0.008  # of the tile's side: a box that near an edge is cut by it
_MOST_PER_VIEW = 100
_PART_SCORE_RATIO = 0.4
_SMALLEST_BOX_PX = 4.0

_NO_BOXES = np.zeros((0, 4), dtype=np.float32)
_NO_SCORES = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes with scores.

    Attributes
    ----------
    xyxy_px : ndarray, shape (N, 4), float32
        Left, top, right, bottom.
    scores : ndarray, shape (N,), float32
        0 to 1, best first.
    """

    xyxy_px: NDArray[np.float32]
    scores: NDArray[np.float32]


class Decoder(Protocol):
    """Turns a detector's outputs into boxes in pixels of its input."""

    def __call__(self, outputs: Sequence[RawOutput]) -> Boxes: ...


class RetinaNetDecoder:
    """Outputs ``scores`` (1, A, 1) of logits and ``boxes`` (1, A, 4) of offsets."""

    def __init__(self, bundle: Bundle, model: LiteRtModel) -> None:
        spec = bundle.manifest.detector
        if spec.anchors is None:
            raise BundleError(f"{bundle.path}: bundle.json: detector.anchors is missing")
        self._anchors = anchor_boxes(spec.anchors, spec.input_size_px)
        count = len(self._anchors)
        self._scores = _output_of_shape(bundle, model.outputs, count, 1)
        self._boxes = _output_of_shape(bundle, model.outputs, count, 4)
        self._nms_iou = spec.nms_iou
        logit = np.log(max(spec.score_threshold, 1e-6) / max(1.0 - spec.score_threshold, 1e-6))
        self._least = model.outputs[self._scores].stored_threshold(float(logit))

    def __call__(self, outputs: Sequence[RawOutput]) -> Boxes:
        stored = outputs[self._scores].values.ravel()
        chosen = np.flatnonzero(stored >= self._least)
        if chosen.size == 0:
            return Boxes(_NO_BOXES, _NO_SCORES)
        if chosen.size > 4 * _MOST_PER_VIEW:
            best = np.argpartition(-stored[chosen].astype(np.float32), 4 * _MOST_PER_VIEW)
            chosen = chosen[best[: 4 * _MOST_PER_VIEW]]
        logits = outputs[self._scores].spec.dequantise(stored[chosen])
        scores = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        raw = outputs[self._boxes]
        offsets = raw.spec.dequantise(raw.values.reshape(-1, 4)[chosen])
        boxes = decode_boxes(offsets, self._anchors[chosen])
        kept = non_maximum_suppression(boxes, scores, self._nms_iou)[:_MOST_PER_VIEW]
        return Boxes(vote(boxes, scores, kept, self._nms_iou), scores[kept])


class PostProcessedDecoder:
    """The four outputs of ``TFLite_Detection_PostProcess``.

    Boxes (1, N, 4) as top, left, bottom, right in input sides, classes (1, N),
    scores (1, N) and count (1,), told apart by their order, which the
    operation fixes, or by the names that the exporters gave them.
    """

    def __init__(self, bundle: Bundle, model: LiteRtModel) -> None:
        self._size = bundle.manifest.detector.input_size_px
        self._threshold = bundle.manifest.detector.score_threshold
        self._order = _postprocess_order(bundle, model.outputs)

    def __call__(self, outputs: Sequence[RawOutput]) -> Boxes:
        boxes, scores, count = (outputs[i].real() for i in self._order)
        found = int(np.clip(np.nan_to_num(count.ravel()[0]), 0, scores.size))
        scores = np.nan_to_num(scores.ravel()[:found])
        y0, x0, y1, x1 = np.nan_to_num(boxes.reshape(-1, 4)[:found]).T * self._size
        xyxy = np.stack([x0, y0, x1, y1], axis=1)
        chosen = np.flatnonzero(scores >= self._threshold)
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
        return Boxes(xyxy[chosen].astype(np.float32), scores[chosen].astype(np.float32))


class Detector:
    """The bundle's detector over all views of a picture.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Views that are looked at at the same time, each by its own interpreter.

    Raises
    ------
    BundleError
        The model's outputs are not what the manifest says.
    """

    def __init__(self, bundle: Bundle, threads: int = 2) -> None:
        self._spec = bundle.manifest.detector
        self._fill = bundle.sky_pixel
        self._models: SimpleQueue[LiteRtModel] = SimpleQueue()
        for _ in range(threads):
            self._models.put(bundle.open_detector(threads=1))
        model = self._models.get()
        self._decode: Decoder = (
            RetinaNetDecoder(bundle, model)
            if self._spec.format == "retinanet_raw"
            else PostProcessedDecoder(bundle, model)
        )
        self._models.put(model)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="detector")

    def tiles(self, width: int, height: int) -> tuple[Tile, ...]:
        """Views of a frame of this size."""
        tiling = self._spec.tiling
        return plan_tiles(width, height, tiling.scales, tiling.overlap)

    def detect(self, picture: NDArray[np.uint8]) -> Boxes:
        """Find galaxies.

        Parameters
        ----------
        picture : ndarray, shape (H, W, 3), uint8, RGB
            Conditioned frame.

        Returns
        -------
        Boxes
            In frame pixels, at most ``max_detections`` of the manifest.
        """
        return self.detect_in_views(picture)[0]

    def detect_in_views(self, picture: NDArray[np.uint8]) -> tuple[Boxes, tuple[Tile, ...]]:
        """Find galaxies, and say for each box which view it comes from; see `detect`."""
        height, width = picture.shape[:2]
        tiles = self.tiles(width, height)
        found = list(self._pool.map(lambda tile: self._look(picture, tile), tiles))
        origin = np.repeat(np.arange(len(tiles)), [len(f.scores) for f in found])
        boxes = clip(np.concatenate([f.xyxy_px for f in found]), width, height)
        scores = np.concatenate([f.scores for f in found])
        real = area(boxes) >= _SMALLEST_BOX_PX**2
        boxes, scores, origin = boxes[real], scores[real], origin[real]
        kept = merge(
            boxes,
            scores,
            iou_threshold=self._spec.nms_iou,
            part_score_ratio=_PART_SCORE_RATIO,
        )[: self._spec.max_detections]
        return Boxes(boxes[kept], scores[kept]), tuple(tiles[i] for i in origin[kept])

    def look(self, view_pixels: NDArray[np.uint8]) -> Boxes:
        """Boxes that the network sees in one view.

        Parameters
        ----------
        view_pixels : ndarray, shape (S, S, 3), uint8, RGB
            As `edge_runtime.tiling.view` makes them for the input's size.

        Returns
        -------
        Boxes
            In pixels of the view, also those that its edges cut.
        """
        model = self._models.get()
        try:
            outputs = model.run_raw(view_pixels)
        finally:
            self._models.put(model)
        return self._decode(outputs)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()

    def _look(self, picture: NDArray[np.uint8], tile: Tile) -> Boxes:
        """Boxes in frame pixels that one view shows whole."""
        size = self._spec.input_size_px
        found = self.look(view(picture, tile, size, self._fill))
        if len(found.scores) == 0:
            return found
        scale = tile.side / size
        corner = np.array([tile.left, tile.top, tile.left, tile.top], dtype=np.float32)
        boxes = found.xyxy_px * np.float32(scale) + corner
        height, width = picture.shape[:2]
        whole = ~touches_inner_edge(boxes, tile, width, height, _EDGE_MARGIN)
        return Boxes(boxes[whole], found.scores[whole])


def _output_of_shape(bundle: Bundle, outputs: Sequence[TensorSpec], count: int, width: int) -> int:
    for index, spec in enumerate(outputs):
        if spec.shape == (1, count, width):
            return index
    shapes = ", ".join(str(spec.shape) for spec in outputs)
    raise BundleError(
        f"{bundle.path}: the detector has no output of shape (1, {count}, {width}), which its "
        f"anchors in bundle.json call for; it has {shapes}"
    )


def _postprocess_order(bundle: Bundle, outputs: Sequence[TensorSpec]) -> tuple[int, int, int]:
    """Positions of boxes, scores and count."""
    if len(outputs) != 4:
        raise BundleError(
            f"{bundle.path}: a detector with TFLite_Detection_PostProcess has four outputs, "
            f"this one has {len(outputs)}"
        )
    boxes = [i for i, o in enumerate(outputs) if len(o.shape) == 3 and o.shape[-1] == 4]
    counts = [i for i, o in enumerate(outputs) if int(np.prod(o.shape)) == 1]
    lists = [i for i in range(4) if i not in boxes[:1] and i not in counts[-1:]]
    if len(boxes) != 1 or not counts or len(lists) != 2:
        shapes = ", ".join(str(o.shape) for o in outputs)
        raise BundleError(
            f"{bundle.path}: the detector's outputs {shapes} are not boxes (1, N, 4), classes "
            "(1, N), scores (1, N) and count (1,)"
        )
    named = [i for i in lists if "score" in f"{outputs[i].key} {outputs[i].name}".lower()]
    # the operation writes boxes, classes, scores, count; exporters since TensorFlow
    # 2.4 may reorder them but then put the scores where the count or boxes were
    if len(named) == 1:
        scores = named[0]
    else:
        scores = _scores_by_order(outputs, boxes[0], counts[-1], lists)
    return boxes[0], scores, counts[-1]


def _scores_by_order(
    outputs: Sequence[TensorSpec], boxes: int, count: int, lists: Sequence[int]
) -> int:
    """Scores without a telling name: by the suffix the converter adds, else by order.

    ``TFLite_Detection_PostProcess``, ``:1``, ``:2`` and ``:3`` (or
    ``StatefulPartitionedCall:3`` … ``:0`` of signature exporters) number the
    operation's outputs boxes, classes, scores, count.
    """
    suffix = {i: outputs[i].name.rpartition(":")[2] for i in (*lists, boxes, count)}
    numbers = {i: int(s) if s.isdigit() else 0 for i, s in suffix.items()}
    if len(set(numbers.values())) == 4:
        # boxes first: classes then scores; the signature exporters number backwards
        forward = numbers[boxes] < numbers[count]
        return (
            max(lists, key=numbers.__getitem__) if forward else min(lists, key=numbers.__getitem__)
        )
    return lists[1]
