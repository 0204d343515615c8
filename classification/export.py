"""Export of the workbench's networks to TFLite files, and networks that run such files.

An int8 file takes uint8 crops (scale 1, zero point 0, 0 to 255 as they come from the
picture) and gives float32. Weights are int8 per channel, activations int8. Where an
operation of a network has no int8 form the file has dynamic range instead: int8
weights, everything else in float; what was written, and why, is in the result.

The converter is TensorFlow's, so exporting needs ``KERAS_BACKEND=tensorflow``; a
network that another backend trained is loaded from its ``.keras`` file for it.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from classification.tflite_operations import operations_of
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


class Precision(StrEnum):
    """Numbers that an exported file computes with."""

    INT8 = "int8"
    DYNAMIC_RANGE = "dynamic range"
    FLOAT = "float32"


@dataclass(frozen=True, slots=True)
class ExportedNetwork(os.PathLike[str]):
    """A TFLite file that was written; may be used as its path.

    Attributes
    ----------
    path : Path
    precision : Precision
    size_bytes : int
    reason : str
        Why it is not int8, where int8 was asked for; else empty.
    float_operations : tuple of str
        Operations of an int8 file that compute in float all the same, for lack
        of an int8 form.
    """

    path: Path
    precision: Precision
    size_bytes: int
    reason: str = ""
    float_operations: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return str(self.path)


def export_network(
    model: keras.Model,
    representative: NDArray[np.uint8] | None,
    path: Path | str,
    *,
    quantised: bool = True,
) -> ExportedNetwork:
    """Write a network as a TFLite file.

    Parameters
    ----------
    model : keras.Model
        One input (N, S, S, 3), 0 to 255; any output.
    representative : ndarray, shape (M, S, S, 3), uint8, or None
        Training crops that show the range of every activation; a few hundred.
        Only needed where ``quantised``.
    path : path
        File to write.
    quantised : bool
        Whether to write int8, or float32.

    Returns
    -------
    ExportedNetwork
        With dynamic range, and the reason, where the network has no int8 form.

    Raises
    ------
    ValueError
        The representative crops are missing or do not fit the model's input.
    GalaxyEdgeError
        Keras runs on another backend than TensorFlow.
    """
    path = Path(path)
    if not quantised:
        write_float(model, path)
        return ExportedNetwork(path, Precision.FLOAT, path.stat().st_size)
    if representative is None:
        raise ValueError("an int8 network needs representative crops")
    try:
        write_int8(model, representative, path)
    except _NoInt8FormError as error:
        _log.warning("%s: no int8 form of %s, written with dynamic range", path, model.name)
        write_dynamic_range(model, path)
        return ExportedNetwork(path, Precision.DYNAMIC_RANGE, path.stat().st_size, str(error))
    return ExportedNetwork(
        path, Precision.INT8, path.stat().st_size, float_operations=_float_operations(path)
    )


class _NoInt8FormError(GalaxyEdgeError):
    """The converter has no int8 form of an operation."""


def write_int8(model: keras.Model, representative: NDArray[np.uint8], path: Path | str) -> Path:
    """Quantise a network after training and write it as TFLite.

    Parameters
    ----------
    model, representative, path
        As for ``export_network``; the model may have several outputs.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the representative crops do not fit the model's input.
    GalaxyEdgeError
        If an operation of the network has no int8 form.
    """
    expected = tuple(model.input_shape[1:])
    if representative.dtype != np.uint8 or representative.shape[1:] != expected:
        raise ValueError(
            f"representative crops are {representative.dtype} {representative.shape}; "
            f"expected uint8 (M, {', '.join(map(str, expected))})"
        )

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        # The two extremes fix the input's range to 0..255, so its scale is exactly 1.
        yield [np.zeros((1, *expected), np.float32)]
        yield [np.full((1, *expected), 255.0, np.float32)]
        for crop in representative:
            yield [crop[None].astype(np.float32)]

    def quantise(converter: Any, tf: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32

    return _convert(model, Path(path), quantise)


def write_dynamic_range(model: keras.Model, path: Path | str) -> Path:
    """Write a network with int8 weights and float32 activations, input and output."""

    def quantise(converter: Any, tf: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return _convert(model, Path(path), quantise)


def write_float(model: keras.Model, path: Path | str) -> Path:
    """Write a network as a float32 TFLite file, to compare the int8 one with."""
    return _convert(model, Path(path), lambda _converter, _tf: None)


def _convert(model: keras.Model, path: Path, prepare: Callable[[Any, Any], None]) -> Path:
    """Convert a model, its converter prepared by the caller, and write the file."""
    if keras.backend.backend() != "tensorflow":
        raise GalaxyEdgeError(
            f"{path}: networks are exported with KERAS_BACKEND=tensorflow; "
            f"this process runs on {keras.backend.backend()}"
        )
    import tensorflow as tf

    model = in_single_precision(model)
    shape = (1, *model.input_shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        specification = keras.InputSpec(shape=shape, dtype="float32", name="crop")
        model.export(
            folder, format="tf_saved_model", input_signature=[specification], verbose=False
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        prepare(converter, tf)
        try:
            content = converter.convert()
        except (RuntimeError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:400]
            raise _NoInt8FormError(f"{model.name}: cannot be converted ({reason})") from error
        except Exception as error:
            # The converter's own error derives from Exception and lies in a private module.
            if type(error).__name__ != "ConverterError":
                raise
            reason = " ".join(str(error).split())[:400]
            raise _NoInt8FormError(f"{model.name}: cannot be converted ({reason})") from error
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path


def _float_operations(path: Path) -> tuple[str, ...]:
    """Names of operations with float results, other than conversions to float."""
    operations = operations_of(path)
    names = {
        operation.name
        for operation in operations
        if any(dtype == np.float32 for dtype in operation.output_dtypes)
    }
    return tuple(sorted(names - {"DEQUANTIZE", "DELEGATE"}))


def in_single_precision(model: keras.Model) -> keras.Model:
    """The same network computing in float32, where it was trained in mixed precision."""
    policies = {layer.dtype_policy.name for layer in _layers(model)}
    if policies <= {"float32"}:
        return model
    config = keras.saving.serialize_keras_object(model)
    plain = keras.saving.deserialize_keras_object(_without_mixed_policies(config))
    plain.set_weights(model.get_weights())
    return plain


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    return (layer for layer in model._flatten_layers() if layer.dtype_policy is not None)


def _without_mixed_policies(config: Any) -> Any:
    """A serialised network whose every dtype policy is float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: _without_mixed_policies(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_without_mixed_policies(value) for value in config)
    return "float32" if config in ("mixed_bfloat16", "mixed_float16") else config


class TfliteNetwork:
    """A single-output TFLite file that is called with one crop at a time, as at the edge.

    Parameters
    ----------
    path : path
        Written by ``export_network``.
    threads : int
        Threads of one call.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be run, or has several outputs.
    """

    def __init__(self, path: Path | str | os.PathLike[str], threads: int = 1) -> None:
        self._model = LiteRtModel(Path(path), threads=threads)
        if len(self._model.outputs) != 1:
            raise GalaxyEdgeError(f"{path}: has {len(self._model.outputs)} outputs; expected one")

    @property
    def input_size_px(self) -> int:
        """Side of the crops."""
        return self._model.input.shape[1]

    @property
    def width(self) -> int:
        """Values of an answer."""
        return self._model.outputs[0].shape[-1]

    def answer(
        self, crops: NDArray[np.uint8] | NDArray[np.float32], progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Outputs of the network.

        Parameters
        ----------
        crops : ndarray, shape (N, S, S, 3), uint8 or float32, 0 to 255
        progress : callable, optional
            Called with the crops done and all of them.

        Returns
        -------
        ndarray, shape (N, K), float32
        """
        answers = np.empty((len(crops), self.width), np.float32)
        for i, crop in enumerate(crops):
            answers[i] = self._model.run(crop)[0].reshape(-1)
            if progress is not None and i % 50 == 49:
                progress(i + 1, len(crops))
        return answers


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two forms of one network are apart on the same crops.

    Attributes
    ----------
    n : int
        Crops.
    mean_difference, largest_difference : float
        Of the absolute differences of all outputs.
    same_answer : float
        Part of the crops on which both have the same largest output; for a
        network with one output, on which both are on the same side of 0.5.
    """

    n: int
    mean_difference: float
    largest_difference: float
    same_answer: float


def parity(exact: NDArray[np.floating], quantised: NDArray[np.floating]) -> Parity:
    """Compare the answers of two forms of one network.

    Parameters
    ----------
    exact, quantised : ndarray, shape (N, K)

    Raises
    ------
    ValueError
        The shapes differ, or there is no row.
    """
    if exact.shape != quantised.shape or exact.ndim != 2 or not len(exact):
        raise ValueError(f"need the same answers twice; got {exact.shape} and {quantised.shape}")
    difference = np.abs(exact.astype(np.float64) - quantised)
    if exact.shape[1] == 1:
        same = (exact > 0.5) == (quantised > 0.5)
    else:
        same = exact.argmax(axis=1) == quantised.argmax(axis=1)
    return Parity(
        n=len(exact),
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
        same_answer=float(np.mean(same)),
    )
