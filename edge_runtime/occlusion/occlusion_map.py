"""Where a classifier looks: what its answer loses when a place is covered.

A patch of empty sky is laid over one place of the crop after another, and the
network is asked each time (Zeiler and Fergus 2014, section 4.2). It needs no
gradient, so it explains the int8 network that really runs. Importing this
module is cheap: it is run in a small process beside the telescope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError

GRID = 12
PATCH_CELLS = 2.0

Probability = Callable[[NDArray[np.uint8]], float]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class OcclusionMap:
    """What covering each place of a crop does to one answer.

    Attributes
    ----------
    label : str
        The answer, for example ``"spiral"``.
    probability : float
        Of the answer with nothing covered, 0 to 1.
    drops : ndarray, shape (G, G), float32
        Probability lost when a patch centred on the cell is covered with sky,
        row by row from the top; negative where the answer becomes more
        probable.
    """

    label: str
    probability: float
    drops: NDArray[np.float32]

    @property
    def strongest(self) -> float:
        """Largest change, up or down, 0 to 1."""
        return float(np.abs(self.drops).max())

    @property
    def strongest_place(self) -> tuple[float, float]:
        """Centre of the cell whose covering costs most: x and y from 0 to 1."""
        row, column = np.unravel_index(int(np.argmax(self.drops)), self.drops.shape)
        rows, columns = self.drops.shape
        return (float(column) + 0.5) / columns, (float(row) + 0.5) / rows


def occlusion_map(
    probability: Probability,
    crop: NDArray[np.uint8],
    label: str,
    *,
    fill: int,
    grid: int = GRID,
    patch_cells: float = PATCH_CELLS,
    progress: Progress | None = None,
) -> OcclusionMap:
    """Cover one place of a crop after another and note what the answer loses.

    Parameters
    ----------
    probability : callable
        Gives the probability of the answer for a crop, 0 to 1.
    crop : ndarray, shape (S, S, 3), uint8, RGB
        As the classifier takes it; it is not changed.
    label : str
        Name of the answer.
    fill : int
        Level of empty sky, 0 to 255.
    grid : int
        Cells along a side, 2 to S.
    patch_cells : float
        Side of the patch in cells, at least 1; patches of neighbours overlap,
        those at the border are cut.
    progress : callable, optional
        Called with the cells done and all of them.

    Returns
    -------
    OcclusionMap
        After ``grid * grid + 1`` calls of ``probability``.

    Raises
    ------
    ValueError
        The grid, the patch or the shape of the crop is none.
    """
    height, width = crop.shape[:2]
    if crop.ndim != 3 or height != width:
        raise ValueError(f"the crop has shape {crop.shape}; it must be square with colours last")
    if not 2 <= grid <= width or patch_cells < 1.0:
        raise ValueError(f"grid {grid} is not 2 to {width}, or patch {patch_cells} below 1 cell")
    whole = probability(crop)
    spans = patch_spans(width, grid, patch_cells)
    drops = np.empty((grid, grid), dtype=np.float32)
    covered = crop.copy()
    for row, rows in enumerate(spans):
        for column, columns in enumerate(spans):
            covered[rows, columns] = fill
            drops[row, column] = whole - probability(covered)
            covered[rows, columns] = crop[rows, columns]
            if progress is not None:
                progress(row * grid + column + 1, grid * grid)
    if not np.isfinite(drops).all():
        raise GalaxyEdgeError(f"the classifier gives no number for {label!r}; check the bundle")
    return OcclusionMap(label, float(whole), drops)


def patch_spans(side_px: int, grid: int, patch_cells: float) -> tuple[slice, ...]:
    """Pixels that the patch of each cell covers along one side."""
    cell_px = side_px / grid
    half_px = 0.5 * patch_cells * cell_px
    centres = (np.arange(grid) + 0.5) * cell_px
    return tuple(
        slice(max(0, round(centre - half_px)), min(side_px, round(centre + half_px)))
        for centre in centres
    )
