"""Decode every picture of a set, and say which are damaged, odd or there twice."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import LISTED
from annotations.galaxies.dataset import GalaxySet, PictureSource
from edge_runtime.errors import GalaxyEdgeError

USUAL_SHARE = 0.9
"""A size is usual where at least this part of a source's pictures has it."""

_CHUNK = 64  # pictures a thread decodes at a time
_AHEAD = 8  # chunks under way


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What decoding all pictures told.

    Attributes
    ----------
    sizes : dict of str to int
        Pictures of each ``width × height``, the most frequent first.
    unreadable : int
    duplicates : int
        Pictures with the same pixels as one before.
    across_splits : int
        Those of them whose twin is in another split.
    """

    sizes: dict[str, int]
    unreadable: int
    duplicates: int
    across_splits: int


@dataclass(frozen=True, slots=True)
class _Decoded:
    fault: str = ""
    width_px: int = 0
    height_px: int = 0
    digest: bytes = b""


def check_pictures(
    galaxies: GalaxySet,
    problems: ProblemList,
    progress: Callable[[int, int], None] | None = None,
) -> PictureFacts:
    """Decode and compare all pictures, a few at a time.

    Parameters
    ----------
    galaxies : GalaxySet
    problems : ProblemList
        Takes an error for each picture that cannot be read, and for each that is
        in two splits; a warning for each other one there twice, and for each
        whose size is not the usual one of its source. At most ``LISTED`` of a
        kind are listed, the rest counted.
    progress : callable, optional
        Takes the pictures done and all.
    """
    decoded: list[_Decoded] = []
    for each in _decode_all(galaxies.pictures):
        decoded.append(each)
        if progress is not None:
            progress(len(decoded), len(galaxies))
    faults = [(row, each.fault) for row, each in enumerate(decoded) if each.fault]
    for row, fault in faults[:LISTED]:
        problems.error(_path(galaxies, row), "", fault)
    if len(faults) > LISTED:
        problems.error(Path(galaxies.name), "", f"{len(faults) - LISTED} more are unreadable")
    _check_sizes(galaxies, decoded, problems)
    twins = _twins(decoded)
    across = _report_twins(galaxies, twins, problems)
    sizes = Counter(f"{d.width_px} × {d.height_px}" for d in decoded if not d.fault)
    return PictureFacts(dict(sizes.most_common()), len(faults), len(twins), across)


def _decode_all(pictures: PictureSource) -> Iterator[_Decoded]:
    """Decode in threads, in order, with few pictures under way."""
    pool = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1))
    starts = iter(range(0, len(pictures), _CHUNK))
    try:
        waiting = deque(pool.submit(_decode_some, pictures, at) for at in islice(starts, _AHEAD))
        while waiting:
            yield from waiting.popleft().result()
            waiting.extend(pool.submit(_decode_some, pictures, at) for at in islice(starts, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_some(pictures: PictureSource, start: int) -> list[_Decoded]:
    return [_decode(pictures, row) for row in range(start, min(start + _CHUNK, len(pictures)))]


def _decode(pictures: PictureSource, row: int) -> _Decoded:
    try:
        pixels = pictures.read(row)
    except GalaxyEdgeError as error:
        # the message starts with the name, which the problem has already
        return _Decoded(str(error).removeprefix(f"{pictures.name(row)}: "))
    digest = hashlib.blake2b(pixels.data, digest_size=16)
    return _Decoded("", pixels.shape[1], pixels.shape[0], digest.digest())


def _check_sizes(galaxies: GalaxySet, decoded: list[_Decoded], problems: ProblemList) -> None:
    sizes: dict[str, Counter[tuple[int, int]]] = {}
    for source, each in zip(galaxies.source, decoded, strict=True):
        if not each.fault:
            sizes.setdefault(source, Counter())[each.width_px, each.height_px] += 1
    odd = 0
    for row, (source, each) in enumerate(zip(galaxies.source, decoded, strict=True)):
        if each.fault:
            continue
        (usual, count), size = sizes[source].most_common(1)[0], (each.width_px, each.height_px)
        if count < USUAL_SHARE * sizes[source].total() or size == usual:
            continue
        odd += 1
        if odd <= LISTED:
            problems.warning(
                _path(galaxies, row),
                "",
                f"has {size[0]} × {size[1]} px, where most pictures of {source} have "
                f"{usual[0]} × {usual[1]}",
            )
    if odd > LISTED:
        problems.warning(Path(galaxies.name), "", f"{odd - LISTED} more have an unusual size")


def _twins(decoded: list[_Decoded]) -> list[tuple[int, int]]:
    """Rows with the pixels of an earlier row, and that row."""
    first: dict[bytes, int] = {}
    pairs = []
    for row, each in enumerate(decoded):
        if each.fault:
            continue
        other = first.setdefault(each.digest + bytes(str(each.width_px), "ascii"), row)
        if other != row:
            pairs.append((row, other))
    return pairs


def _report_twins(galaxies: GalaxySet, twins: list[tuple[int, int]], problems: ProblemList) -> int:
    across = [(row, other) for row, other in twins if _splits_differ(galaxies, row, other)]
    same = [pair for pair in twins if not _splits_differ(galaxies, *pair)]
    for row, other in across[:LISTED]:
        problems.error(
            _path(galaxies, row),
            "",
            f"is the same picture as {galaxies.pictures.name(other)}, but one is in split "
            f"{galaxies.split[row]!r} and the other in {galaxies.split[other]!r}: put them into "
            "the same",
        )
    for row, other in same[:LISTED]:
        problems.warning(
            _path(galaxies, row), "", f"is the same picture as {galaxies.pictures.name(other)}"
        )
    for pairs, report, what in (
        (across, problems.error, "are in two splits"),
        (same, problems.warning, "are there twice"),
    ):
        if len(pairs) > LISTED:
            report(Path(galaxies.name), "", f"{len(pairs) - LISTED} more pictures {what}")
    return len(across)


def _splits_differ(galaxies: GalaxySet, row: int, other: int) -> bool:
    return galaxies.split[row] != galaxies.split[other]


def _path(galaxies: GalaxySet, row: int) -> Path:
    return Path(galaxies.pictures.name(row))
