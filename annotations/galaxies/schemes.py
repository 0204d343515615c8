"""The classes that galaxies are put into, by scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

GALAXY10_DECALS = "galaxy10_decals"
GZ1_CLASS = "gz1_class"
EMLE_CLASS4 = "emle_class4"

GALAXY10_NAMES = (
    "disc, face-on, no spiral",
    "smooth, completely round",
    "smooth, in-between",
    "smooth, cigar-shaped",
    "disc, edge-on, rounded bulge",
    "disc, edge-on, boxy bulge",
    "disc, edge-on, no bulge",
    "disc, face-on, tight spiral",
    "disc, face-on, medium spiral",
    "disc, face-on, loose spiral",
)
"""Classes of Galaxy10 SDSS by number (astroNN, Leung and Bovy)."""

GALAXY10_DECALS_NAMES = (
    "disturbed",
    "merging",
    "round smooth",
    "in-between round smooth",
    "cigar-shaped smooth",
    "barred spiral",
    "unbarred tight spiral",
    "unbarred loose spiral",
    "edge-on without bulge",
    "edge-on with bulge",
)
"""Classes of Galaxy10 DECaLS by number (astroNN, Leung and Bovy)."""

ELLIPTICAL_NAMES = ("other", "elliptical")
"""Two classes; a network with one output says how likely the second is."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to put galaxies into classes.

    Attributes
    ----------
    name : str
    names : tuple of str
        Classes in the order of their indices.
    spellings : mapping of str to str
        Other words for a class that files have.
    numbered : bool
        Files give the number of the class, not its name.
    """

    name: str
    names: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    numbered: bool = False

    def index(self, cell: str) -> int:
        """Index of the class that a cell names.

        Raises
        ------
        ValueError
            There is no such class; the message names those there are.
        """
        if self.numbered:
            known = f"0 to {len(self.names) - 1}"
            if cell.isascii() and cell.isdigit() and int(cell) < len(self.names):
                return int(cell)
        else:
            known = ", ".join(self.names)
            name = self.spellings.get(cell, cell)
            if name in self.names:
                return self.names.index(name)
        raise ValueError(f"unknown {self.name} {cell!r}; known: {known}")


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(CLASS5, CLASS5_NAMES),
        Scheme(GALAXY10, GALAXY10_NAMES, numbered=True),
        Scheme(GALAXY10_DECALS, GALAXY10_DECALS_NAMES, numbered=True),
        Scheme(ELLIPTICAL, ELLIPTICAL_NAMES),
        Scheme(
            GZ1_CLASS,
            (
                "elliptical",
                "edge_on",
                "spiral_clockwise",
                "spiral_anticlockwise",
                "merger",
                "dont_know",
            ),
            {"clockwise": "spiral_clockwise", "anticlockwise": "spiral_anticlockwise"},
        ),
        Scheme(EMLE_CLASS4, ("elliptical", "spiral", "edge_view_spiral", "barred_spiral")),
    )
}
"""Schemes with fixed classes, by name."""
