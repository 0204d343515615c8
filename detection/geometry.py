"""What a training folder says about its detector: input, levels, anchors, family.

The Model Garden writes every setting of a run to ``params.yaml``. What the edge
needs to decode the outputs is read from there, so that a detector of any
family and input size can be exported and bundled without naming it again.
Nothing here imports TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_runtime.bundle.schema import AnchorSpec
from edge_runtime.errors import GalaxyEdgeError

PARAMS_NAME = "params.yaml"

# The Model Garden normalises pixels 0..255 by these (ImageNet) numbers times 255.
INPUT_MEAN = tuple(255.0 * v for v in (0.485, 0.456, 0.406))
INPUT_STD = tuple(255.0 * v for v in (0.229, 0.224, 0.225))

_STEP = re.compile(r"ckpt-(\d+)$")


@dataclass(frozen=True, slots=True)
class DetectorGeometry:
    """Input and anchors of a detector.

    Attributes
    ----------
    input_size_px : int
        Side of the square input, a multiple of the coarsest cell.
    anchors : AnchorSpec
        Levels and shapes of the anchors.
    """

    input_size_px: int
    anchors: AnchorSpec

    def at_size(self, input_size_px: int) -> DetectorGeometry:
        """The same detector with another input.

        The networks are convolutions throughout, so their weights fit any
        input that the coarsest cell divides.

        Raises
        ------
        GalaxyEdgeError
            The size is no multiple of the coarsest cell.
        """
        cell = 2**self.anchors.max_level
        if input_size_px < cell or input_size_px % cell:
            near = max(cell, round(input_size_px / cell) * cell)
            raise GalaxyEdgeError(
                f"an input of {input_size_px} px does not fit this detector, whose coarsest cell "
                f"has {cell} px; take a multiple of it, such as {near}"
            )
        return replace(self, input_size_px=input_size_px)


def read_params(checkpoint_dir: Path) -> dict[str, Any]:
    """The settings of a training run, as ``params.yaml`` has them.

    Raises
    ------
    GalaxyEdgeError
        The folder or the file is missing, or the file is damaged.
    """
    import yaml

    path = checkpoint_dir / PARAMS_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GalaxyEdgeError(
            f"{path}: cannot be read ({error.strerror}); give the folder that "
            "'galaxy-edge train detector' wrote to"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise GalaxyEdgeError(f"{path}: damaged, not YAML ({reason}); train again") from error
    if not isinstance(content, dict) or not isinstance(content.get("task"), dict):
        raise GalaxyEdgeError(f"{path}: not the settings of a detector's training (no 'task')")
    return content


def read_geometry(checkpoint_dir: Path, input_size_px: int | None = None) -> DetectorGeometry:
    """Geometry of the detector of a training folder.

    Parameters
    ----------
    checkpoint_dir : Path
        Holds ``params.yaml``.
    input_size_px : int, optional
        Another input than it was trained with.

    Raises
    ------
    GalaxyEdgeError
        ``params.yaml`` is missing or not that of a detector of galaxies, or the
        size does not fit.
    """
    geometry = geometry_of(read_params(checkpoint_dir), checkpoint_dir / PARAMS_NAME)
    return geometry.at_size(input_size_px or geometry.input_size_px)


def geometry_of(params: Mapping[str, Any], where: Path) -> DetectorGeometry:
    """Geometry from settings that are already read; ``where`` is for messages.

    Raises
    ------
    GalaxyEdgeError
        A setting is missing or none that the edge can decode.
    """
    try:
        model = params["task"]["model"]
        height, width, channels = model["input_size"]
        classes = int(model["num_classes"])
        anchor = model["anchor"]
        anchors = AnchorSpec(
            min_level=int(model["min_level"]),
            max_level=int(model["max_level"]),
            num_scales=int(anchor["num_scales"]),
            aspect_ratios=tuple(float(ratio) for ratio in anchor["aspect_ratios"]),
            anchor_size=float(anchor["anchor_size"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise GalaxyEdgeError(
            f"{where}: not the settings of a detector ({type(error).__name__}: {error})"
        ) from error
    if height != width or channels != 3:
        raise GalaxyEdgeError(
            f"{where}: task.model.input_size is {height} x {width} x {channels}; the edge shows "
            "detectors square pictures with three channels"
        )
    if classes != 1:
        raise GalaxyEdgeError(
            f"{where}: task.model.num_classes is {classes}; the edge decodes detectors of one "
            "class, galaxy, and leaves the kinds to the classifier"
        )
    return DetectorGeometry(int(height), anchors)


def checkpoint_step(checkpoint: str) -> int | None:
    """Training step in the name of a checkpoint, None where it has none."""
    found = _STEP.search(checkpoint)
    return int(found[1]) if found else None


def require_finished(params: Mapping[str, Any], checkpoint: str, where: Path) -> None:
    """Refuse the newest checkpoint of a run that has not come to its end.

    Raises
    ------
    GalaxyEdgeError
        The checkpoint is of an earlier step than ``params.yaml`` asks for.
    """
    step = checkpoint_step(checkpoint)
    wanted = params.get("trainer", {}).get("train_steps")
    if step is not None and isinstance(wanted, int) and step < wanted:
        raise GalaxyEdgeError(
            f"{where}: the training is unfinished (step {step} of {wanted}); start it again with "
            "the same folder, it goes on from there"
        )
