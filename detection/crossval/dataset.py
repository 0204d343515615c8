"""The labelled pictures of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from annotations.formats.coco import read_coco, write_coco
from annotations.formats.dataset import LabelledSet
from annotations.formats.outputs import new_file
from annotations.formats.problems import ProblemList
from annotations.galaxy_zoo import SPLITS
from annotations.galaxy_zoo_boxes import label_frames, whole_frames
from annotations.splits import GroupRule
from detection.annotated_views import read_galaxies

ANNOTATIONS_NAME = "annotations.json"
ALL_ANNOTATIONS_NAME = "annotations_all.json"
_CHOSEN_SPLITS = ("train", "val")  # test stays untouched


def read_labelled(source: Path, labels: Sequence[str], group_pattern: str) -> LabelledSet:
    """Labelled pictures of any format, with one class and each with its group.

    Parameters
    ----------
    source : Path
        COCO, Pascal VOC, YOLO or TFRecord.
    labels : sequence of str
        Classes that are galaxies; empty for all.
    group_pattern : str
        See `annotations.splits.GroupRule`.

    Raises
    ------
    GalaxyEdgeError
        The source is damaged or empty, or a class has no box.
    """
    labelled = read_galaxies(source, labels)
    rule = GroupRule(pattern=group_pattern)
    pictures = tuple(replace(p, group=rule.group_of(p)) for p in labelled.pictures)
    return replace(labelled, pictures=pictures)


def galaxy_zoo_set(
    data_dir: Path,
    output: Path,
    everything: bool,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledSet:
    """Galaxy Zoo's whole frames with isophotal boxes, kept as COCO in the output folder.

    Parameters
    ----------
    data_dir : Path
        Holds ``galaxies``.
    output : Path
        Gets ``annotations.json``, or ``annotations_all.json`` for everything; one
        that is there is read instead of outlining anew.
    everything : bool
        Also the frames of the test split.
    """
    table = whole_frames(data_dir, SPLITS if everything else _CHOSEN_SPLITS)
    path = output / (ALL_ANNOTATIONS_NAME if everything else ANNOTATIONS_NAME)
    if path.exists():
        problems = ProblemList()
        labelled = read_coco(path, problems, images=table.directory)
        if not problems.errors and {p.name for p in labelled.pictures} <= set(table.files):
            return labelled
    labelled = label_frames(table, progress)
    with new_file(path) as partial:
        write_coco(labelled, partial)
    return labelled
