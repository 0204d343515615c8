"""Votes as they stand in a table."""

from __future__ import annotations

from collections.abc import Sequence

from edge_runtime.evaluation.galaxy_labels import vote_fraction


def vote_fractions(cells: Sequence[str], columns: Sequence[str]) -> list[float]:
    """Read the votes of one galaxy, each 0 to 1.

    Parameters
    ----------
    cells : sequence of str
    columns : sequence of str
        Name of each, for messages.

    Raises
    ------
    LabelError
        One is no number from 0 to 1; the message names its column.
    """
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if values and all(0 <= value <= 1 for value in values):  # never so for NaN
        return values
    return [vote_fraction(cell, column) for cell, column in zip(cells, columns, strict=True)]
