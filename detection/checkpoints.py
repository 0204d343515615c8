"""Start a detector from another training's checkpoint, told apart by what fits.

Variables are matched by their place in the saved object graph, as TensorFlow
does it, but all of them are compared before any is loaded: a checkpoint of
another architecture is refused with the places that differ. Only the class
predictor may differ, because the classes do (COCO has 91, galaxies are one).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2 as object_graph

from edge_runtime.errors import ConfigError, GalaxyEdgeError

log = logging.getLogger(__name__)

MODULES = ("backbone", "decoder", "head")
_CLASS_PREDICTOR = "head/_classifier/"
_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_SHOWN = 3
# What reading raises; IndexError is the reader's for data that end too early.
_DAMAGED = (tf.errors.OpError, ValueError, RuntimeError, IndexError, DecodeError)


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """What a training started from.

    Attributes
    ----------
    checkpoint : str
        Path without the ``.index``.
    modules : tuple of str
        Parts of the network that were loaded.
    variables : int
        How many were loaded.
    class_predictor : bool
        Whether the class predictor was among them.
    classes : int
        Of the checkpoint's class predictor; 0 where none was looked at.
    """

    checkpoint: str
    modules: tuple[str, ...]
    variables: int
    class_predictor: bool
    classes: int


@dataclass(frozen=True, slots=True)
class _Match:
    """A variable of the network and its counterpart in the checkpoint."""

    path: str
    variable: tf.Variable
    key: str | None


def resolve_checkpoint(path: Path | str) -> str:
    """The checkpoint a path means: a folder's newest, or the one of a file or prefix.

    Raises
    ------
    GalaxyEdgeError
        There is none.
    """
    path = Path(path)
    if path.is_dir():
        newest = tf.train.latest_checkpoint(str(path))
        if newest is None:
            raise GalaxyEdgeError(f"{path}: the folder holds no checkpoint to start from")
        return str(newest)
    prefix = str(path).removesuffix(".index").partition(".data-")[0]
    if not Path(prefix + ".index").is_file():
        raise GalaxyEdgeError(
            f"{path}: no checkpoint to start from; give a folder of checkpoints or the path of "
            "one without .index, such as DIR/ckpt-5000"
        )
    return prefix


def parse_modules(text: str) -> tuple[str, ...]:
    """Parts of the network named by ``all`` or a comma-separated list.

    Raises
    ------
    ConfigError
        A name is unknown.
    """
    if text == "all":
        return MODULES
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in MODULES:
            raise ConfigError(
                f"--init-modules {text}: {name!r} is no part of a detector; "
                "use all, backbone, or backbone,decoder"
            )
    return names


def load_initial(network: tf_keras.Model, path: Path | str, modules: str = "all") -> LoadedWeights:
    """Load another training's weights into a detector.

    Parameters
    ----------
    network : tf_keras.Model
        RetinaNet of the Model Garden; changed in place.
    path : Path or str
        Checkpoint or folder of checkpoints.
    modules : str
        ``all``, ``backbone``, or ``backbone,decoder``. With ``all`` a class
        predictor for another number of classes is left as it is.

    Raises
    ------
    GalaxyEdgeError
        There is no checkpoint, it is damaged, or it is of another architecture;
        nothing has been loaded then.
    """
    wanted = parse_modules(modules)
    checkpoint = resolve_checkpoint(path)
    _build(network)
    try:
        reader = tf.train.load_checkpoint(checkpoint)
        if not reader.has_tensor(_GRAPH_KEY):
            raise GalaxyEdgeError(
                f"{checkpoint}: not written by TensorFlow 2 (it has no object graph); checkpoints "
                "of the TF Object Detection API cannot be loaded"
            )
        graph = object_graph.TrackableObjectGraph.FromString(reader.get_tensor(_GRAPH_KEY))
        shapes = reader.get_variable_to_shape_map()
        matches, faults = _compare(network, graph, shapes, wanted)
        kept = [m for m in matches if m.path.startswith(_CLASS_PREDICTOR)]
        fits = all(_fault(m, shapes) is None for m in kept)
        if faults:
            raise GalaxyEdgeError(_another_architecture(checkpoint, faults, len(matches)))
        chosen = matches if fits else [m for m in matches if m not in kept]
        values = [reader.get_tensor(m.key) for m in chosen]
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:200]
        raise GalaxyEdgeError(f"{checkpoint}: damaged checkpoint ({reason})") from error
    for match, value in zip(chosen, values, strict=True):
        match.variable.assign(value)
    classes = _classes(network, kept, shapes)
    loaded = LoadedWeights(checkpoint, wanted, len(chosen), bool(kept) and fits, classes)
    _log_loaded(loaded, bool(kept))
    return loaded


def _log_loaded(loaded: LoadedWeights, has_predictor: bool) -> None:
    log.info(
        "%s: %d variables of %s loaded",
        loaded.checkpoint,
        loaded.variables,
        ", ".join(loaded.modules),
    )
    if has_predictor and not loaded.class_predictor:
        log.info(
            "%s: its class predictor is for %d classes and was left out; this one is new",
            loaded.checkpoint,
            loaded.classes,
        )


def _build(network: tf_keras.Model) -> None:
    """Make the head's variables, which exist after its first call only."""
    height, width, channels = network.backbone.input_shape[1:]
    features = network.backbone(tf.zeros([1, height, width, channels]), training=False)
    if network.decoder is not None:
        features = network.decoder(features, training=False)
    network.head(features, training=False)


def _compare(
    network: tf_keras.Model,
    graph: object_graph.TrackableObjectGraph,
    shapes: Mapping[str, Sequence[int]],
    wanted: Sequence[str],
) -> tuple[list[_Match], list[str]]:
    """All variables of the wanted parts, and what does not fit except in the class predictor."""
    matches: list[_Match] = []
    faults: list[str] = []
    for module in wanted:
        part = getattr(network, module)
        if part is None:
            continue
        node = _module_node(graph, module)
        if node is None:
            faults.append(f"it has no {module}")
            continue
        found = list(_matched(part, node, graph, module))
        matches += found
        tolerated = [m for m in found if m.path.startswith(_CLASS_PREDICTOR)]
        faults += [
            fault for m in found if m not in tolerated and (fault := _fault(m, shapes)) is not None
        ]
        known = {match.key for match in found}
        faults += [
            f"{path} is in the checkpoint only"
            for path, key in _stored(graph, node, module)
            if key not in known and not path.startswith(_CLASS_PREDICTOR)
        ]
    return matches, faults


def _fault(match: _Match, shapes: Mapping[str, Sequence[int]]) -> str | None:
    here = tuple(match.variable.shape.as_list())
    if match.key is None or match.key not in shapes:
        return f"{match.path} {here} is missing"
    there = tuple(shapes[match.key])
    return None if here == there else f"{match.path} is {there}, not {here}"


def _another_architecture(checkpoint: str, faults: Sequence[str], variables: int) -> str:
    shown = "; ".join(faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return (
        f"{checkpoint}: of another architecture, nothing was loaded: {len(faults)} differences "
        f"from this detector's {variables} variables: {shown}{more}; choose the family it was "
        "trained as, or a part that fits with --init-modules backbone"
    )


def _module_node(graph: object_graph.TrackableObjectGraph, module: str) -> int | None:
    """Node of a part, in a training's checkpoint or in that of a model alone."""
    root = _children(graph, 0)
    if module in root:
        return root[module]
    model = root.get("model", 0)
    return _children(graph, model).get(f"_{module}")


def _children(graph: object_graph.TrackableObjectGraph, node: int) -> dict[str, int]:
    return {child.local_name: child.node_id for child in graph.nodes[node].children}


def _value_key(graph: object_graph.TrackableObjectGraph, node: int | None) -> str | None:
    if node is None:
        return None
    for attribute in graph.nodes[node].attributes:
        if attribute.name == _VALUE:
            return str(attribute.checkpoint_key)
    return None


def _matched(
    part: Any, node: int, graph: object_graph.TrackableObjectGraph, name: str
) -> Iterator[_Match]:
    """Each variable below a part once, with the key at the same place in the checkpoint."""
    queue: list[tuple[str, Any, int | None]] = [(name, part, node)]
    seen = {id(part)}
    for path, obj, at in queue:
        if isinstance(obj, tf.Variable):
            yield _Match(path, obj, _value_key(graph, at))
            continue
        stored = {} if at is None else _children(graph, at)
        for child_name, child in tf.train.TrackableView.children(obj).items():
            if id(child) not in seen:
                seen.add(id(child))
                queue.append((f"{path}/{child_name}", child, stored.get(child_name)))


def _stored(
    graph: object_graph.TrackableObjectGraph, node: int, name: str
) -> Iterator[tuple[str, str]]:
    """Path and key of each variable below a node of the checkpoint, once."""
    queue = [(name, node)]
    seen = {node}
    for path, at in queue:
        key = _value_key(graph, at)
        if key is not None:
            yield path, key
        for child_name, child in _children(graph, at).items():
            if child not in seen:
                seen.add(child)
                queue.append((f"{path}/{child_name}", child))


def _classes(
    network: tf_keras.Model, predictor: Sequence[_Match], shapes: Mapping[str, Sequence[int]]
) -> int:
    anchors = network.head.get_config()["num_anchors_per_location"]
    for match in predictor:
        if match.path.endswith("/bias") and match.key in shapes:
            return int(shapes[match.key][0]) // anchors
    return 0
