"""Labelled pictures as they are between one format and another.

Boxes are ``(x0, y0, x1, y1)`` in pixels of the stored picture (an EXIF
rotation is ignored), continuous: the first pixel spans 0 to 1, and a box over
the whole picture is ``(0, 0, width, height)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.errors import GalaxyEdgeError

BoxXyxy = tuple[float, float, float, float]


class AnnotationError(GalaxyEdgeError):
    """Labelled pictures cannot be read, converted or written."""


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A box around one object.

    Attributes
    ----------
    xyxy_px : tuple of float
        Left, top, right and bottom edge in pixels.
    label : str
        Name of its class.
    difficult : bool
        Counts neither as found nor as missed (Pascal VOC).
    crowd : bool
        Surrounds several objects (COCO's ``iscrowd``).
    truncated, occluded : bool
        The object goes on beyond the picture, or behind something (Pascal VOC).
    pose : str
        As Pascal VOC has it; empty where not stated.
    area_px : float or None
        Area of the object, where the source states one other than the box's.
    annotation_id : int or None
        Number of the annotation, where the source has one (COCO).
    attributes : Mapping of str to JSON value
        Whatever else the source says (COCO's segmentation, fields of its own).
    """

    xyxy_px: BoxXyxy
    label: str
    difficult: bool = False
    crowd: bool = False
    truncated: bool = False
    occluded: bool = False
    pose: str = ""
    area_px: float | None = None
    annotation_id: int | None = None
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def width_px(self) -> float:
        """Width in pixels."""
        return self.xyxy_px[2] - self.xyxy_px[0]

    @property
    def height_px(self) -> float:
        """Height in pixels."""
        return self.xyxy_px[3] - self.xyxy_px[1]


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and the boxes on it.

    Attributes
    ----------
    path : Path
        File of the picture, or the TFRecord file that holds it.
    width_px, height_px : int
        Size in stored pixels.
    boxes : tuple of LabelledBox
        Empty where the picture is known to show none.
    group : str
        Target or sequence the picture belongs to: pictures of one group never
        fall on both sides of a split. Empty where not stated.
    name : str
        Path relative to the folder of pictures, with ``/``; by default the
        name of the file.
    picture_id : int or None
        Number of the picture, where the source has one (COCO).
    encoded_at : tuple of int or None
        First byte and number of bytes of the encoded picture in ``path``;
        None where it is the whole file.
    attributes : Mapping of str to JSON value
        Whatever else the source says.
    """

    path: Path
    width_px: int
    height_px: int
    boxes: tuple[LabelledBox, ...]
    group: str = ""
    name: str = ""
    picture_id: int | None = None
    encoded_at: tuple[int, int] | None = None
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.path.name)

    def encoded(self) -> bytes:
        """Read the encoded picture (JPEG, PNG or TIFF file as bytes).

        Raises
        ------
        AnnotationError
            The file cannot be read.
        """
        try:
            if self.encoded_at is None:
                return self.path.read_bytes()
            start, size = self.encoded_at
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            raise AnnotationError(f"{self.path}: cannot be read ({error.strerror})") from error


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Labelled pictures and the classes they know.

    Attributes
    ----------
    pictures : tuple of LabelledPicture
    labels : tuple of str
        All classes, also those without a box, in the order of their ids.
    category_ids : tuple of int
        COCO's id of each label, where the source has them; else empty.
    """

    pictures: tuple[LabelledPicture, ...]
    labels: tuple[str, ...]
    category_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise AnnotationError(f"a label is listed twice: {', '.join(self.labels)}")
        if self.category_ids and len(self.category_ids) != len(self.labels):
            raise AnnotationError(
                f"{len(self.labels)} labels but {len(self.category_ids)} category ids"
            )
