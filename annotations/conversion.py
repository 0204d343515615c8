"""Labelled pictures from one format into another, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from annotations.formats.dataset import AnnotationError, LabelledSet
from annotations.formats.outputs import new_file, new_folder
from annotations.formats.problems import Problem, ProblemList
from annotations.formats.registry import (
    AUTO,
    ReadingOptions,
    WritingOptions,
    format_named,
    lost_in,
    read_set,
)
from annotations.splits import GroupRule, split_set

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """How to convert.

    Attributes
    ----------
    source_format : str
        Name of a format, or ``auto``.
    reading : ReadingOptions
    writing : WritingOptions
    strict : bool
        Refuse where the target has no place for something, and warnings.
    skip_invalid : bool
        Leave out what has errors instead of refusing.
    copy_pictures : bool
        Copy the pictures into ``images`` where the target is a folder.
    fractions : Mapping of str to float
        Parts of a split, each in a folder of its own; empty for none.
    groups : GroupRule
        What stays together in the split.
    """

    source_format: str = AUTO
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    writing: WritingOptions = field(default_factory=WritingOptions)
    strict: bool = False
    skip_invalid: bool = False
    copy_pictures: bool = True
    fractions: Mapping[str, float] = field(default_factory=dict)
    groups: GroupRule = field(default_factory=GroupRule)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion has done.

    Attributes
    ----------
    parts : Mapping of str to LabelledSet
        What has been written, by the name of the part; one part with an empty
        name where nothing was split.
    problems : tuple of Problem
        Found while reading.
    lost : tuple of str
        What the target has no place for.
    """

    parts: Mapping[str, LabelledSet]
    problems: tuple[Problem, ...]
    lost: tuple[str, ...]


def convert(
    source: Path,
    destination: Path,
    target_format: str,
    options: ConversionOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Convert labelled pictures.

    Parameters
    ----------
    source : Path
        File or folder.
    destination : Path
        Folder that does not exist yet or is empty; for COCO also a new file
        ``.json``, without pictures.
    target_format : str
    options : ConversionOptions, optional
    progress : callable, optional
        Takes the pictures copied so far and their number.

    Raises
    ------
    AnnotationError
        The source has errors, holds nothing, or the target loses something
        and ``strict`` is set; nothing has been written then.
    """
    options = options or ConversionOptions()
    target = format_named(target_format)
    problems = ProblemList()
    labelled = read_set(
        source, problems, format_name=options.source_format, options=options.reading
    )
    if problems.errors and not options.skip_invalid:
        raise AnnotationError(_refusal(source, problems.errors))
    if not labelled.pictures:
        raise AnnotationError(f"{source}: holds no picture that can be converted")
    if not labelled.labels:
        raise AnnotationError(f"{source}: has no class; name them with --labels")
    parts = {"": labelled}
    if options.fractions:
        parts = split_set(labelled, options.fractions, options.groups)
        empty = [name for name, part in parts.items() if not part.pictures]
        if empty:
            message = f"no group falls into part {', '.join(empty)}; change the shares or groups"
            problems.warning(source, "", message)
    lost = sorted({phrase for part in parts.values() for phrase in lost_in(part, target.name)})
    if options.strict and (lost or problems.found):
        reasons = [f"{target.title} has no place for {phrase}" for phrase in lost]
        reasons += [str(problem) for problem in problems.found]
        raise AnnotationError("\n".join(reasons))
    if target.name == "coco" and destination.suffix.lower() == ".json":
        if options.fractions:
            raise AnnotationError(f"{destination}: a split needs a folder, not a file")
        if destination.exists():
            raise AnnotationError(f"{destination}: is there already; name another file")
        from annotations.formats.coco import write_coco

        with new_file(destination) as partial:
            write_coco(labelled, partial)
    else:
        with new_folder(destination) as partial:
            _write_parts(parts, target.name, partial, options, progress)
    return Conversion(parts, tuple(problems.found), tuple(lost))


def write_set(
    labelled: LabelledSet,
    folder: Path,
    target_format: str,
    writing: WritingOptions | None = None,
    *,
    copy_pictures: bool = True,
    copied: Callable[[], None] | None = None,
) -> None:
    """Write a set into a folder.

    Parameters
    ----------
    labelled : LabelledSet
    folder : Path
        Exists; `annotations.formats.outputs.new_folder` gives one that appears
        whole or not at all.
    target_format : str
    writing : WritingOptions, optional
    copy_pictures : bool
        Copy the pictures into ``images``; TFRecord holds them in any case.
    copied : callable, optional
        Called after each picture.

    Raises
    ------
    AnnotationError
        A picture cannot be read, or the set does not fit the format.
    """
    target = format_named(target_format)
    target.write(labelled, folder, writing or WritingOptions())
    if target.holds_pictures or not copy_pictures:
        return
    for picture in labelled.pictures:
        path = folder / "images" / picture.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.encoded())
        if copied is not None:
            copied()


def _write_parts(
    parts: Mapping[str, LabelledSet],
    target_format: str,
    folder: Path,
    options: ConversionOptions,
    progress: Callable[[int, int], None] | None,
) -> None:
    total = sum(len(part.pictures) for part in parts.values())
    done = 0

    def copied() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for name, part in parts.items():
        inner = folder / name if name else folder
        inner.mkdir(exist_ok=True)
        write_set(
            part,
            inner,
            target_format,
            options.writing,
            copy_pictures=options.copy_pictures,
            copied=copied,
        )
    if target_format == "yolo" and "" not in parts:
        from annotations.formats.yolo import write_data_file

        labels = next(iter(parts.values())).labels
        write_data_file(folder, labels, {name: f"{name}/images" for name in parts})


def _refusal(source: Path, errors: list[Problem]) -> str:
    lines = [str(problem) for problem in errors[:MOST_SHOWN]]
    if len(errors) > MOST_SHOWN:
        lines.append(f"… and {len(errors) - MOST_SHOWN} more; galaxy-edge data inspect lists all")
    lines.append(
        f"{source}: {len(errors)} errors, nothing written; mend them or leave them out "
        "with --skip-invalid"
    )
    return "\n".join(lines)
