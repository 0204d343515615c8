"""Splits by hashed groups."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.formats.dataset import AnnotationError, LabelledPicture, LabelledSet
from annotations.splits import (
    GroupRule,
    fold_of,
    fold_set,
    parse_fractions,
    part_of,
    place_of,
    split_set,
)

FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}


def a_set(names: list[str]) -> LabelledSet:
    pictures = tuple(LabelledPicture(Path(name), 10, 10, ()) for name in names)
    return LabelledSet(pictures, ("galaxy",))


def test_places_stay_what_they_are():
    """Pictures must not change sides from one version to the next."""
    assert place_of("M31") == pytest.approx(0.06325705059246398, abs=1e-12)
    names = ("M31", "M33", "M51", "M81", "M101")
    assert [fold_of(name, 5) for name in names] == [0, 1, 1, 3, 1]
    assert [part_of(name, {"a": 0.3, "b": 0.7}) for name in names] == ["a", "a", "a", "b", "b"]


def test_parts_have_their_shares():
    parts = Counter(part_of(f"target {n}", FRACTIONS) for n in range(20_000))
    for name, share in FRACTIONS.items():
        assert parts[name] / 20_000 == pytest.approx(share, abs=0.01)
    folds = Counter(fold_of(f"target {n}", 5) for n in range(20_000))
    assert all(folds[fold] / 20_000 == pytest.approx(0.2, abs=0.01) for fold in range(5))


@given(
    groups=st.lists(st.text(alphabet="abcM31", min_size=1, max_size=4), min_size=1, max_size=30),
    more=st.lists(st.text(alphabet="xyz", min_size=1, max_size=4), max_size=30),
)
def test_no_group_straddles_and_none_moves_when_pictures_are_added(groups, more):
    rule = GroupRule(pattern="^[^_]+")
    names = [f"{group}_{index}.jpg" for index, group in enumerate(groups)]
    grown = names + [f"{group}_{index}.jpg" for index, group in enumerate(more)]
    parts = split_set(a_set(names), FRACTIONS, rule)
    grown_parts = split_set(a_set(grown), FRACTIONS, rule)
    seen: dict[str, str] = {}
    for part, held in parts.items():
        kept = {picture.name for picture in grown_parts[part].pictures}
        for picture in held.pictures:
            assert seen.setdefault(picture.group, part) == part
            assert picture.name in kept
    assert sum(len(held.pictures) for held in parts.values()) == len(names)


def test_every_picture_is_held_out_in_exactly_one_fold():
    labelled = a_set([f"m{n % 40}_{n}.jpg" for n in range(200)])
    rule = GroupRule(pattern="^[^_]+")
    held_out: Counter[str] = Counter()
    for fold in range(4):
        train, validation = fold_set(labelled, 4, fold, rule)
        assert len(train.pictures) + len(validation.pictures) == 200
        groups = [{rule.group_of(p) for p in part.pictures} for part in (train, validation)]
        assert not groups[0] & groups[1]
        held_out.update(picture.name for picture in validation.pictures)
    assert set(held_out.values()) == {1}
    assert len(held_out) == 200


def test_a_group_is_told_by_field_then_pattern_then_itself():
    picture = LabelledPicture(
        Path("M31_7.jpg"), 10, 10, (), group="andromeda", attributes={"target": "NGC 224"}
    )
    assert GroupRule().group_of(picture) == "andromeda"
    assert GroupRule(pattern="^[^_]+").group_of(picture) == "M31"
    assert GroupRule(pattern=r"^M(\d+)_").group_of(picture) == "31"
    assert GroupRule(pattern="^NGC").group_of(picture) == "andromeda"
    assert GroupRule(pattern="^[^_]+", field="target").group_of(picture) == "NGC 224"
    assert GroupRule(field="night").group_of(picture) == "andromeda"
    assert GroupRule().group_of(LabelledPicture(Path("a.jpg"), 10, 10, ())) == "a.jpg"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train=0.8,val=0.1", "add up to 0.9, not 1"),
        ("train=0.8,val=0.3", "add up to 1.1, not 1"),
        ("train=0.5,train=0.5", "'train' is named twice"),
        ("train=all", "expected NAME=SHARE"),
        ("train=nan,val=1", "expected NAME=SHARE"),
        ("train=0,val=1", "expected NAME=SHARE"),
        ("../x=1", "expected NAME=SHARE"),
        ("0.8,0.2", "expected NAME=SHARE"),
        ("", "expected NAME=SHARE"),
    ],
)
def test_wrong_shares_are_refused(text, message):
    with pytest.raises(AnnotationError, match=message):
        parse_fractions(text)


def test_shares_are_read_in_order():
    assert list(parse_fractions("train=0.7, val=0.2, test=0.1").items()) == [
        ("train", 0.7),
        ("val", 0.2),
        ("test", 0.1),
    ]


def test_a_wrong_pattern_or_fold_is_refused():
    with pytest.raises(AnnotationError, match=r"group pattern '\('"):
        GroupRule(pattern="(")
    with pytest.raises(AnnotationError, match="at least 2"):
        fold_of("M31", 1)
    with pytest.raises(AnnotationError, match="fold must be 0 to 4"):
        fold_set(a_set(["a.jpg"]), 5, 5, GroupRule())
