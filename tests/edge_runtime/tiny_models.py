"""Real TensorFlow Lite files of a few kilobytes, written in milliseconds.

The graphs are put together from the TensorFlow Lite schema that comes with
ai-edge-litert, so the tests of the edge need no TensorFlow. The networks are
trivial but not constant: they find bright squares.

Every model takes ``(x - 127.5) / 127.5`` of pixels 0..255, as int8 or float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

MEAN = (127.5, 127.5, 127.5)
STD = (127.5, 127.5, 127.5)
DETECTOR_SIZE_PX = 64
CLASSIFIER_SIZE_PX = 32
MIN_LEVEL, MAX_LEVEL = 3, 4
ANCHOR_SIZE = 2.5  # anchors are squares of 20 px at level 3 and 40 px at level 4
BRIGHTNESS_THRESHOLD = 80.0  # mean level of a window at which the logit is 0
LOGIT_STEEPNESS = 20.0

Array = NDArray[Any]
Quantisation = tuple[float, int]
_INPUT_QUANTISATION = (1.0 / 127.5, 0)
_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
_OP_VERSIONS = {
    "AVERAGE_POOL_2D": 2,
    "CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "RESHAPE": 1,
    "CONCATENATION": 2,
    "LOGISTIC": 2,
    "CUSTOM": 1,
}


class Graph:
    """A model under construction; tensors are numbers, as in the file."""

    def __init__(self, *, quantised: bool) -> None:
        self.quantised = quantised
        self.tensors: list[Any] = []
        self.shapes: list[tuple[int, ...]] = []
        self.quantisations: list[Quantisation | None] = []
        self.buffers = [schema.BufferT()]
        self.operators: list[Any] = []
        self.codes: list[tuple[str, str | None]] = []
        self.input = -1

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any,
        quantisation: Quantisation | None = None,
        data: Array | None = None,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = list(shape)
        tensor.type = _TYPES[np.dtype(dtype)]
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        if quantisation is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [quantisation[0]]
            tensor.quantization.zeroPoint = [quantisation[1]]
        self.tensors.append(tensor)
        self.shapes.append(tuple(shape))
        self.quantisations.append(quantisation)
        return len(self.tensors) - 1

    def activation(self, name: str, shape: Sequence[int], quantisation: Quantisation) -> int:
        if self.quantised:
            return self.tensor(name, shape, np.int8, quantisation)
        return self.tensor(name, shape, np.float32)

    def picture(self, size_px: int) -> int:
        self.input = self.activation("image", (1, size_px, size_px, 3), _INPUT_QUANTISATION)
        return self.input

    def operator(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        custom: tuple[str, bytes] | None = None,
    ) -> None:
        code = (kind, custom[0] if custom else None)
        if code not in self.codes:
            self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs = list(inputs)
        operator.outputs = list(outputs)
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = options
        if custom is not None:
            operator.customOptions = np.frombuffer(custom[1], np.uint8)
        self.operators.append(operator)

    def average_pool(self, x: int, window_px: int, stride_px: int, *, same: bool = True) -> int:
        _, height, width, channels = self.shapes[x]
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.filterWidth = options.filterHeight = window_px
        options.strideW = options.strideH = stride_px
        cells = (height // stride_px, width // stride_px)
        out = self.activation(
            f"pool{len(self.tensors)}", (1, *cells, channels), self.quantisations[x] or (1.0, 0)
        )
        self.operator("AVERAGE_POOL_2D", [x], [out], options)
        return out

    def _weights(self, x: int, weights: Array, bias: Array) -> list[int]:
        number = len(self.tensors)
        if not self.quantised:
            return [
                self.tensor(f"w{number}", weights.shape, np.float32, data=weights),
                self.tensor(f"b{number}", bias.shape, np.float32, data=bias),
            ]
        scale = max(float(np.abs(weights).max()), 1e-3) / 127.0
        bias_scale = scale * (self.quantisations[x] or (1.0, 0))[0]
        return [
            self.tensor(f"w{number}", weights.shape, np.int8, (scale, 0), np.rint(weights / scale)),
            self.tensor(
                f"b{number}", bias.shape, np.int32, (bias_scale, 0), np.rint(bias / bias_scale)
            ),
        ]

    def convolution(
        self, x: int, weights: Array, bias: Array, name: str, quantisation: Quantisation
    ) -> int:
        """1 x 1 convolution with weights of shape (outputs, inputs)."""
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideW = options.strideH = 1
        options.dilationWFactor = options.dilationHFactor = 1
        kernel = weights.reshape(weights.shape[0], 1, 1, weights.shape[1])
        out = self.activation(name, (*self.shapes[x][:3], weights.shape[0]), quantisation)
        self.operator("CONV_2D", [x, *self._weights(x, kernel, bias)], [out], options)
        return out

    def dense(
        self, x: int, weights: Array, bias: Array, name: str, quantisation: Quantisation
    ) -> int:
        options = schema.FullyConnectedOptionsT()
        out = self.activation(name, (1, weights.shape[0]), quantisation)
        self.operator("FULLY_CONNECTED", [x, *self._weights(x, weights, bias)], [out], options)
        return out

    def reshape(self, x: int, shape: Sequence[int], name: str) -> int:
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        out = self.activation(name, shape, self.quantisations[x] or (1.0, 0))
        target = self.tensor(f"{name}_shape", (len(shape),), np.int32, data=np.asarray(shape))
        self.operator("RESHAPE", [x, target], [out], options)
        return out

    def concatenate(self, parts: Sequence[int], name: str) -> int:
        options = schema.ConcatenationOptionsT()
        options.axis = 1
        rows = sum(self.shapes[part][1] for part in parts)
        quantisation = self.quantisations[parts[0]] or (1.0, 0)
        out = self.activation(name, (1, rows, self.shapes[parts[0]][2]), quantisation)
        self.operator("CONCATENATION", parts, [out], options)
        return out

    def build(self, outputs: dict[str, int]) -> bytes:
        """Return the file; ``outputs`` are the signature's names, in the order of the file."""
        subgraph = schema.SubGraphT()
        subgraph.name = b"main"
        subgraph.tensors = self.tensors
        subgraph.inputs = [self.input]
        subgraph.outputs = list(outputs.values())
        subgraph.operators = self.operators
        signature = schema.SignatureDefT()
        signature.signatureKey = b"serving_default"
        signature.subgraphIndex = 0
        signature.inputs = [_tensor_map("image", self.input)]
        signature.outputs = [_tensor_map(key, index) for key, index in sorted(outputs.items())]
        model = schema.ModelT()
        model.version = 3
        model.description = b"tiny model for tests"
        model.subgraphs = [subgraph]
        model.buffers = self.buffers
        model.signatureDefs = [signature]
        model.operatorCodes = []
        for kind, custom in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, kind)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = _OP_VERSIONS[kind]
            code.customCode = custom.encode() if custom else None
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def brightness_weights(outputs: int = 1) -> tuple[Array, Array]:
    """Weights and bias of a logit that rises through 0 at ``BRIGHTNESS_THRESHOLD``."""
    threshold = (BRIGHTNESS_THRESHOLD - MEAN[0]) / STD[0]
    weights = np.full((outputs, 3), LOGIT_STEEPNESS / 3)
    return weights, np.full(outputs, -LOGIT_STEEPNESS * threshold)


def retinanet_detector(*, quantised: bool = True, concatenated: bool = True) -> bytes:
    """Detector with the raw outputs of a RetinaNet, one square anchor a cell.

    Outputs ``boxes`` (1, 80, 4), all zero, so that each box is its anchor, and
    ``scores`` (1, 80, 1), logits; levels from fine to coarse, cells row by
    row. Not ``concatenated``: ``cls_3``, ``cls_4`` (1, H, W, 1) and ``box_3``,
    ``box_4`` (1, H, W, 4).
    """
    graph = Graph(quantised=quantised)
    image = graph.picture(DETECTOR_SIZE_PX)
    logits: dict[str, int] = {}
    boxes: dict[str, int] = {}
    for level in range(MIN_LEVEL, MAX_LEVEL + 1):
        pooled = graph.average_pool(image, 2 * 2**level, 2**level)
        logits[f"cls_{level}"] = graph.convolution(
            pooled, *brightness_weights(), f"cls_{level}", (0.25, 0)
        )
        boxes[f"box_{level}"] = graph.convolution(
            pooled, np.zeros((4, 3)), np.zeros(4), f"box_{level}", (1 / 64, 0)
        )
    if not concatenated:
        return graph.build(logits | boxes)

    def joined(levels: dict[str, int], depth: int, name: str) -> int:
        rows = [
            graph.reshape(x, (1, graph.shapes[x][1] * graph.shapes[x][2], depth), f"{key}_rows")
            for key, x in levels.items()
        ]
        return graph.concatenate(rows, name)

    return graph.build({"boxes": joined(boxes, 4, "boxes"), "scores": joined(logits, 1, "scores")})


def postprocess_detector(max_detections: int = 10) -> bytes:
    """Float detector that ends in the real ``TFLite_Detection_PostProcess`` operation.

    Four outputs in the usual order: boxes (1, N, 4) as y, x, y, x fractions of
    the picture, classes (1, N), scores (1, N), count (1,).
    """
    graph = Graph(quantised=False)
    image = graph.picture(DETECTOR_SIZE_PX)
    stride_px = 8
    cells = DETECTOR_SIZE_PX // stride_px
    pooled = graph.average_pool(image, 16, stride_px)
    # Column 0 is the background, which the operation skips.
    weights, bias = brightness_weights(2)
    weights[0], bias[0] = 0.0, -10.0
    logits = graph.convolution(pooled, weights, bias, "logits", (1.0, 0))
    rows = graph.reshape(logits, (1, cells * cells, 2), "logit_rows")
    scores = graph.activation("class_scores", (1, cells * cells, 2), (1.0, 0))
    graph.operator("LOGISTIC", [rows], [scores])
    deltas = graph.convolution(pooled, np.zeros((4, 3)), np.zeros(4), "deltas", (1.0, 0))
    encodings = graph.reshape(deltas, (1, cells * cells, 4), "encodings")
    centres = (np.arange(cells) + 0.5) / cells
    y, x = (axis.ravel() for axis in np.meshgrid(centres, centres, indexing="ij"))
    side = np.full_like(y, ANCHOR_SIZE * stride_px / DETECTOR_SIZE_PX)
    anchors = graph.tensor(
        "anchors", (cells * cells, 4), np.float32, data=np.stack([y, x, side, side], axis=1)
    )
    outputs = {
        "boxes": graph.tensor("detection_boxes", (1, max_detections, 4), np.float32),
        "classes": graph.tensor("detection_classes", (1, max_detections), np.float32),
        "scores": graph.tensor("detection_scores", (1, max_detections), np.float32),
        "count": graph.tensor("num_detections", (1,), np.float32),
    }
    graph.operator(
        "CUSTOM",
        [encodings, scores, anchors],
        list(outputs.values()),
        custom=("TFLite_Detection_PostProcess", _postprocess_options(max_detections)),
    )
    return graph.build(outputs)


def classifier(*, quantised: bool = True) -> bytes:
    """Classifier with logits ``votes`` (1, 37), ``classes`` (1, 5) and ``galaxy`` (1, 1).

    The galaxy logit rises with the brightness of the crop; the class logits
    favour class 0 in red light, 4 in blue; the votes favour "smooth".
    """
    graph = Graph(quantised=quantised)
    image = graph.picture(CLASSIFIER_SIZE_PX)
    pooled = graph.average_pool(image, CLASSIFIER_SIZE_PX, CLASSIFIER_SIZE_PX, same=False)
    features = graph.reshape(pooled, (1, 3), "features")
    votes = np.zeros(37)
    votes[0] = 2.0
    classes = np.zeros((5, 3))
    classes[0, 0] = classes[4, 2] = 4.0
    scale = (0.25, 0)
    weights, bias = brightness_weights()
    return graph.build(
        {
            "galaxy": graph.dense(features, weights, bias + 5.0, "galaxy", scale),
            "votes": graph.dense(features, np.zeros((37, 3)), votes, "votes", scale),
            "classes": graph.dense(features, classes, np.zeros(5), "classes", scale),
        }
    )


def _tensor_map(name: str, index: int) -> Any:
    item = schema.TensorMapT()
    item.name = name.encode()
    item.tensorIndex = index
    return item


def _postprocess_options(max_detections: int) -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Int("max_detections", max_detections)
        builder.Int("max_classes_per_detection", 1)
        builder.Int("detections_per_class", max_detections)
        builder.Bool("use_regular_nms", False)
        builder.Float("nms_score_threshold", 0.1)
        builder.Float("nms_iou_threshold", 0.3)
        builder.Int("num_classes", 1)
        for key, value in (("y", 10.0), ("x", 10.0), ("h", 5.0), ("w", 5.0)):
            builder.Float(f"{key}_scale", value)
    return bytes(builder.Finish())
