"""One training and its evaluation, as it goes to a process of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from annotations.formats.dataset import LabelledBox, LabelledPicture
from annotations.formats.outputs import new_file
from edge_runtime.errors import GalaxyEdgeError

JOB_NAME = "job.json"
RESULT_NAME = "result.json"
DETECTIONS_NAME = "detections.npz"
TRAINING_NAME = "training"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A picture to be judged.

    Attributes
    ----------
    path, name : str
    width_px, height_px : int
    boxes_xyxy_px : tuple of tuple of float
    difficult : tuple of bool
    """

    path: str
    name: str
    width_px: int
    height_px: int
    boxes_xyxy_px: tuple[tuple[float, ...], ...]
    difficult: tuple[bool, ...]

    @classmethod
    def of(cls, picture: LabelledPicture) -> HeldOut:
        """The picture with what judging it needs."""
        return cls(
            str(picture.path.resolve()),
            picture.name,
            picture.width_px,
            picture.height_px,
            tuple(tuple(map(float, box.xyxy_px)) for box in picture.boxes),
            tuple(box.difficult or box.crowd for box in picture.boxes),
        )

    def picture(self) -> LabelledPicture:
        """Back again, with one label for all boxes."""
        boxes = tuple(
            LabelledBox((box[0], box[1], box[2], box[3]), "galaxy", difficult=difficult)
            for box, difficult in zip(self.boxes_xyxy_px, self.difficult, strict=True)
        )
        path = Path(self.path)
        return LabelledPicture(path, self.width_px, self.height_px, boxes, name=self.name)


@dataclass(frozen=True, slots=True)
class FoldJob:
    """Everything one process needs.

    Attributes
    ----------
    family : str
    fold : int
        From 1.
    records : str
        Pattern of the TFRecords to train on.
    training_pictures : int
    held_out : tuple of HeldOut
    steps, batch, input_size_px, seed : int
    coarse : bool
        Whether anchors of the two coarse levels do for all galaxies.
    init_checkpoint, init_modules : str
        Empty checkpoint: random weights.
    """

    family: str
    fold: int
    records: str
    training_pictures: int
    held_out: tuple[HeldOut, ...]
    steps: int
    batch: int
    input_size_px: int
    seed: int
    coarse: bool
    init_checkpoint: str = ""
    init_modules: str = "backbone"

    def write(self, folder: Path) -> Path:
        """Write ``job.json`` into a folder."""
        path = folder / JOB_NAME
        with new_file(path) as partial:
            partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> FoldJob:
        """Read what `write` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing or no job.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            held_out = tuple(
                HeldOut(
                    **{
                        **entry,
                        "boxes_xyxy_px": tuple(map(tuple, entry["boxes_xyxy_px"])),
                        "difficult": tuple(entry["difficult"]),
                    }
                )
                for entry in content.pop("held_out")
            )
            return cls(held_out=held_out, **content)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise GalaxyEdgeError(f"{path}: not the job of a fold ({error})") from error
