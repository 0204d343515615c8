"""Galaxies in pictures of their own, with whatever labels their source has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError

UNKNOWN_CLASS = -1

CLASS5 = "class5"
GALAXY10 = "galaxy10"
ELLIPTICAL = "elliptical"
"""Names of class schemes that several sources share."""


class PictureSource(Protocol):
    """Pictures read one at a time, so that a set may be larger than memory."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Where a picture lies, for messages."""
        ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """Decode a picture.

        Returns
        -------
        ndarray, shape (H, W, 3), uint8, RGB

        Raises
        ------
        GalaxyEdgeError
            It cannot be read; the message names it.
        """
        ...


@dataclass(frozen=True, slots=True)
class PictureRows:
    """Some pictures of a source, in a given order.

    Attributes
    ----------
    source : PictureSource
    index : ndarray, shape (N,), int64
        Places in ``source``.
    """

    source: PictureSource
    index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def name(self, index: int) -> str:
        """See ``PictureSource``."""
        return self.source.name(int(self.index[index]))

    def read(self, index: int) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        return self.source.read(int(self.index[index]))


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """One class of each galaxy, by one scheme.

    Attributes
    ----------
    names : tuple of str
        Classes in the order of their indices.
    index : ndarray, shape (N,), int64
        Into ``names``; ``UNKNOWN_CLASS`` where not known.
    shares : ndarray, shape (N, K), float32, or None
        How far each galaxy is of each class, adding up to 1, where labels are
        soft; rows of NaN where not known. None where a galaxy is of one class.
    """

    names: tuple[str, ...]
    index: NDArray[np.int64]
    shares: NDArray[np.float32] | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which galaxies have a class, shape (N,)."""
        return np.asarray(self.index != UNKNOWN_CLASS)

    def counts(self) -> dict[str, int]:
        """Galaxies of each class."""
        found = np.bincount(self.index[self.known], minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, found, strict=True)}

    def one_hot(self) -> NDArray[np.float32]:
        """1 at each galaxy's class, 0 elsewhere, shape (N, K); rows of NaN where not known.

        Soft labels give their shares.
        """
        if self.shares is not None:
            return self.shares
        rows = np.full((len(self.index), len(self.names)), np.nan, np.float32)
        rows[self.known] = np.eye(len(self.names), dtype=np.float32)[self.index[self.known]]
        return rows

    def rows(self, index: NDArray[np.int64]) -> ClassLabels:
        """The labels of some rows, in the order of the list."""
        shares = None if self.shares is None else self.shares[index]
        return ClassLabels(self.names, self.index[index], shares)


@dataclass(frozen=True, slots=True)
class GalaxySet:
    """Galaxies and their labels, row by row.

    Attributes
    ----------
    name : str
        Of the set, for titles and messages.
    pictures : PictureSource
        One picture for each row.
    ids : tuple of str
        Identity of each galaxy; the same galaxy in two sources has the same id
        only where the sources share their numbers.
    votes : ndarray, shape (N, 37), float32
        Cumulative vote fractions in the order of ``VOTE_COLUMNS``; rows of NaN
        where not known.
    classes : mapping of str to ClassLabels
        By scheme, for example ``class5``.
    counts : ndarray, shape (N, 37), float32, or None
        How many people gave each answer, where the source has it; rows of NaN
        where not known.
    split : tuple of str
        ``train``, ``val``, ``test`` or empty.
    source : tuple of str
        Catalogue each galaxy comes from.
    frame_scale : ndarray, shape (N,), float32
        Pixels of the picture per pixel of the 424-pixel Galaxy Zoo frame, which
        is 8.48 Petrosian R90 wide; NaN where not known.
    data_hash : str
        SHA-256 of the labels.
    """

    name: str
    pictures: PictureSource
    ids: tuple[str, ...]
    votes: NDArray[np.float32]
    classes: Mapping[str, ClassLabels] = field(default_factory=dict)
    counts: NDArray[np.float32] | None = None
    split: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    frame_scale: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    data_hash: str = ""

    def __post_init__(self) -> None:
        n = len(self.pictures)
        for empty, filled in (("split", ("",) * n), ("source", (self.name,) * n)):
            if not getattr(self, empty):
                object.__setattr__(self, empty, filled)
        if not len(self.frame_scale):
            object.__setattr__(self, "frame_scale", np.full(n, np.nan, np.float32))
        lengths = {
            "ids": len(self.ids),
            "votes": len(self.votes),
            "split": len(self.split),
            "source": len(self.source),
            "frame_scale": len(self.frame_scale),
            **{f"classes {name}": len(labels.index) for name, labels in self.classes.items()},
        }
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong or self.votes.shape != (n, len(VOTE_COLUMNS)):
            raise ValueError(f"{self.name}: {n} pictures, but {wrong or self.votes.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def has_votes(self) -> NDArray[np.bool_]:
        """Which galaxies have the 37 votes, shape (N,)."""
        return np.asarray(~np.isnan(self.votes).any(axis=1))

    def labels(self, scheme: str) -> ClassLabels:
        """Classes by a scheme.

        Raises
        ------
        GalaxyEdgeError
            The set has no such scheme; the message names those it has.
        """
        if scheme not in self.classes:
            known = ", ".join(self.classes) or "none"
            raise GalaxyEdgeError(f"{self.name}: has no classes {scheme!r}; it has: {known}")
        return self.classes[scheme]

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.integer]) -> GalaxySet:
        """The rows of a mask, shape (N,), or of a list of indices, in its order."""
        index = np.flatnonzero(keep) if keep.dtype == bool else np.asarray(keep, np.int64)
        return GalaxySet(
            name=self.name,
            pictures=PictureRows(self.pictures, index),
            ids=tuple(self.ids[i] for i in index),
            votes=self.votes[index],
            classes={name: labels.rows(index) for name, labels in self.classes.items()},
            counts=None if self.counts is None else self.counts[index],
            split=tuple(self.split[i] for i in index),
            source=tuple(self.source[i] for i in index),
            frame_scale=self.frame_scale[index],
            data_hash=self.data_hash,
        )

    def where(self, split: str | None = None, sources: Iterable[str] | None = None) -> GalaxySet:
        """Rows of one split and of the named sources; None keeps all of them."""
        wanted = None if sources is None else set(sources)
        keep = [
            (split is None or s == split) and (wanted is None or source in wanted)
            for s, source in zip(self.split, self.source, strict=True)
        ]
        return self.rows(np.array(keep, dtype=bool))
