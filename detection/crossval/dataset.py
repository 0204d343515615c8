"""The labelled pictures of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from annotations.formats.coco import read_coco, write_coco
from annotations.formats.dataset import AnnotationError, LabelledSet
from annotations.formats.outputs import new_file
from annotations.formats.problems import ProblemList
from annotations.formats.registry import ReadingOptions, read_set
from annotations.galaxy_zoo_boxes import SPLITS, label_frames, whole_frames
from annotations.splits import GroupRule

ANNOTATIONS_NAME = "annotations.json"
_CHOSEN_SPLITS = ("train", "val")  # test stays untouched


def read_labelled(source: Path, images: Path | None, group_pattern: str) -> LabelledSet:
    """Labelled pictures of any format, each with its group.

    Raises
    ------
    AnnotationError
        The source has errors or holds no picture.
    """
    problems = ProblemList()
    labelled = read_set(source, problems, options=ReadingOptions(images=images))
    if problems.errors:
        lines = [str(problem) for problem in problems.errors[:10]]
        more = f"{source}: {len(problems.errors)} errors; galaxy-edge data inspect lists all"
        raise AnnotationError("\n".join([*lines, more]))
    if not labelled.pictures:
        raise AnnotationError(f"{source}: holds no picture")
    rule = GroupRule(pattern=group_pattern)
    return replace(
        labelled,
        pictures=tuple(replace(p, group=rule.group_of(p)) for p in labelled.pictures),
    )


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
        Gets ``annotations.json``; one that is there for the same frames is
        read instead of outlining anew.
    everything : bool
        Also the frames of the test split.
    """
    table = whole_frames(data_dir, SPLITS if everything else _CHOSEN_SPLITS)
    path = output / ANNOTATIONS_NAME
    if path.exists():
        problems = ProblemList()
        labelled = read_coco(path, problems, images=table.directory)
        if not problems.errors and {p.name for p in labelled.pictures} == set(table.files):
            return labelled
    labelled = label_frames(table, progress)
    with new_file(path) as partial:
        write_coco(labelled, partial)
    return labelled
