"""Splits that keep pictures of one target or sequence together.

A group's place is the SHA-256 of its name, as a number from 0 to 1. It does not
depend on what else is in the set: adding pictures moves none, and all parts of
a set agree without talking to one another.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from annotations.formats.dataset import AnnotationError, LabelledPicture, LabelledSet

_TOLERANCE = 1e-9


def place_of(group: str) -> float:
    """Place of a group between 0 (included) and 1 (excluded), by its name alone."""
    digest = hashlib.sha256(group.encode("utf-8")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def fold_of(group: str, folds: int) -> int:
    """Fold of a group, 0 to ``folds - 1``.

    Raises
    ------
    AnnotationError
        There are fewer than two folds.
    """
    if folds < 2:
        raise AnnotationError(f"folds must be at least 2, not {folds}")
    return int(place_of(group) * folds)


def part_of(group: str, fractions: Mapping[str, float]) -> str:
    """Part of a split that a group falls into.

    Parameters
    ----------
    group : str
    fractions : Mapping of str to float
        Share of each part, in order; they add up to 1.
    """
    place, edge = place_of(group), 0.0
    for name, share in fractions.items():
        edge += share
        if place < edge:
            return name
    return next(reversed(fractions))


def parse_fractions(text: str) -> dict[str, float]:
    """Read shares as ``train=0.8,val=0.1,test=0.1``.

    Raises
    ------
    AnnotationError
        A part has no name, is there twice or has no share above 0, or the
        shares do not add up to 1.
    """
    fractions: dict[str, float] = {}
    for item in text.split(","):
        name, _, share = (word.strip() for word in item.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not re.fullmatch(r"[\w-]+", name) or not 0 < value <= 1:
            raise AnnotationError(f"split {item.strip()!r}: expected NAME=SHARE, as train=0.8")
        if name in fractions:
            raise AnnotationError(f"split {name!r} is named twice")
        fractions[name] = value
    if abs(sum(fractions.values()) - 1) > _TOLERANCE:
        raise AnnotationError(
            f"the shares in {text!r} add up to {sum(fractions.values()):g}, not 1"
        )
    return fractions


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How the group of a picture is told.

    A field goes before the pattern, the pattern before the picture's own
    group. Pictures that none of them tells form a group each.

    Attributes
    ----------
    pattern : str
        Regular expression, searched for in the picture's name; its first
        bracket, or all of it where it has none, is the group. ``^[^_]+`` takes
        the name up to the first underscore.
    field : str
        One of the picture's further fields, such as ``target``.
    """

    pattern: str = ""
    field: str = ""

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise AnnotationError(f"group pattern {self.pattern!r}: {error}") from error

    def group_of(self, picture: LabelledPicture) -> str:
        """Name of the group of a picture, never empty."""
        value = picture.attributes.get(self.field) if self.field else None
        if value not in (None, ""):
            return str(value)
        if self.pattern:
            found = re.search(self.pattern, picture.name)
            if found is not None:
                matched = found[1] if found.re.groups and found[1] is not None else found[0]
                if matched:
                    return matched
        return picture.group or picture.name


def split_set(
    labelled: LabelledSet, fractions: Mapping[str, float], rule: GroupRule
) -> dict[str, LabelledSet]:
    """Split a set; every part is there, also an empty one.

    Pictures take along the group that the rule tells.

    Parameters
    ----------
    labelled : LabelledSet
    fractions : Mapping of str to float
        As of `part_of`.
    rule : GroupRule
    """
    parts: dict[str, list[LabelledPicture]] = {name: [] for name in fractions}
    for found in labelled.pictures:
        picture, group = found, rule.group_of(found)
        if group != picture.name:
            picture = replace(picture, group=group)
        parts[part_of(group, fractions)].append(picture)
    return {name: replace(labelled, pictures=tuple(held)) for name, held in parts.items()}


def fold_set(
    labelled: LabelledSet, folds: int, fold: int, rule: GroupRule
) -> tuple[LabelledSet, LabelledSet]:
    """Training and validation part of one fold.

    Raises
    ------
    AnnotationError
        There is no such fold.
    """
    if not 0 <= fold < folds:
        raise AnnotationError(f"fold must be 0 to {folds - 1}, not {fold}")
    held_out = [fold_of(rule.group_of(picture), folds) == fold for picture in labelled.pictures]
    pairs = list(zip(labelled.pictures, held_out, strict=True))
    train = tuple(picture for picture, held in pairs if not held)
    validation = tuple(picture for picture, held in pairs if held)
    return replace(labelled, pictures=train), replace(labelled, pictures=validation)
