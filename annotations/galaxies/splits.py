"""Splits for sets of galaxies that come without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from annotations.formats.dataset import AnnotationError
from annotations.galaxies.dataset import GalaxySet
from annotations.splits import part_of
from edge_runtime.evaluation.galaxy_labels import SPLITS

DEFAULT_FRACTIONS = {"train": 0.8, "val": 0.1, "test": 0.1}


def with_splits(
    galaxies: GalaxySet,
    fractions: Mapping[str, float] | None = None,
    *,
    anew: bool = False,
) -> GalaxySet:
    """Put each galaxy into a split by the hash of its identity.

    The same galaxy always falls into the same split, whatever else is in the set.

    Parameters
    ----------
    galaxies : GalaxySet
    fractions : mapping of str to float, optional
        Shares of ``train``, ``val`` and ``test``, adding up to 1; by default
        ``DEFAULT_FRACTIONS``.
    anew : bool
        Also move galaxies that have a split already.

    Raises
    ------
    AnnotationError
        The shares are not of known splits, or do not add up to 1.
    """
    shares = DEFAULT_FRACTIONS if fractions is None else fractions
    strange = [name for name in shares if name not in SPLITS]
    if strange:
        raise AnnotationError(f"unknown split {strange[0]!r}; known: {', '.join(SPLITS)}")
    if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise AnnotationError(f"the shares {dict(shares)} are not parts of 1")
    return replace(
        galaxies,
        split=tuple(
            part_of(identity, shares) if anew or not split else split
            for identity, split in zip(galaxies.ids, galaxies.split, strict=True)
        ),
    )
