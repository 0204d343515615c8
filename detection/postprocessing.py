"""Decoding and suppression inside the detector's graph.

The graph ends in ``TFLite_Detection_PostProcess``, the operation of TensorFlow
Lite that the TF Object Detection API's exporters use: boxes (1, N, 4) as top,
left, bottom, right in input sides, classes (1, N), scores (1, N), count (1,).
TensorFlow itself has no such operation. A function without content stands for
it in the graph, and the converter puts the operation in its place, by the
name and the attributes in ``experimental_implements``. Such a graph runs in
TensorFlow Lite only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from detection.geometry import DetectorGeometry
from edge_runtime.anchors import anchor_boxes

OPERATION = "TFLite_Detection_PostProcess"


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """Attributes of the operation.

    Attributes
    ----------
    score_threshold : float
        Least score, 0 to 1; fixed in the file, the edge can only ask for more.
    nms_iou : float
        Overlap above which the lower-scoring box goes.
    max_detections : int
        Length N of the outputs.
    """

    score_threshold: float = 0.05
    nms_iou: float = 0.45
    max_detections: int = 100

    def signature(self) -> str:
        """Text of ``experimental_implements``: a NameAttrList of TensorFlow."""
        whole = {
            "max_detections": self.max_detections,
            "max_classes_per_detection": 1,
            "detections_per_class": self.max_detections,
            "num_classes": 1,
        }
        real = {
            "nms_score_threshold": self.score_threshold,
            "nms_iou_threshold": self.nms_iou,
            **dict.fromkeys(("y_scale", "x_scale", "h_scale", "w_scale"), 1.0),
        }
        values = {key: f"i: {value}" for key, value in whole.items()}
        values |= {key: f"f: {value:f}" for key, value in real.items()}
        values["use_regular_nms"] = "b: false"
        attributes = (f'attr {{ key: "{key}" value {{ {v} }} }}' for key, v in values.items())
        return f'name: "{OPERATION}" ' + " ".join(attributes)


def unit_anchors(geometry: DetectorGeometry) -> NDArray[np.float32]:
    """Anchors as the operation takes them: centre y, x, height, width in input sides."""
    return anchor_boxes(geometry.anchors, geometry.input_size_px) / np.float32(
        geometry.input_size_px
    )


def post_process(
    logits: tf.Tensor, offsets: tf.Tensor, geometry: DetectorGeometry, settings: PostProcessing
) -> dict[str, tf.Tensor]:
    """Put the operation at the end of a graph that is being traced.

    Parameters
    ----------
    logits : tensor, shape (1, A, 1)
    offsets : tensor, shape (1, A, 4)
    geometry : DetectorGeometry
    settings : PostProcessing

    Returns
    -------
    dict of str to tensor
        ``boxes``, ``classes``, ``scores``, ``count``. Placeholders: they hold
        values only after the conversion to TensorFlow Lite.
    """

    @tf.function(experimental_implements=settings.signature())  # type: ignore[untyped-decorator]
    def operation(
        encodings: tf.Tensor,  # noqa: ARG001  (inputs of the operation)
        scores: tf.Tensor,  # noqa: ARG001
        anchors: tf.Tensor,  # noqa: ARG001
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        return tuple(tf.constant(0.0) for _ in range(4))

    boxes, classes, scores, count = operation(
        offsets, tf.sigmoid(logits), tf.constant(unit_anchors(geometry))
    )
    return {"boxes": boxes, "classes": classes, "scores": scores, "count": count}
