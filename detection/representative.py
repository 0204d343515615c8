"""Pictures that set the ranges of an int8 detector: what it will see, conditioned as there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.composites import CompositeParams
from annotations.empty_frames import empty_frame_split
from annotations.training_sky import composite_generator
from edge_runtime.conditioning import condition
from edge_runtime.pictures import read_picture
from edge_runtime.tiling import Tile, plan_tiles, view

DEFAULT_COUNT = 240
_CUTOUTS_PER_COMPOSITE = 10
_NATIVE_TILE_PX = 480
_SMALLEST_COMPOSITE_PX = 128
_FILL = 20  # level of the sky, as the edge pads with


@dataclass(frozen=True, slots=True)
class RepresentativeViews:
    """Views of the detector's size and where they come from.

    Attributes
    ----------
    pictures : tuple of ndarray, shape (S, S, 3), uint8, RGB
    composites : int
        How many are real galaxies on star fields, generated.
    frame_views : int
        How many are views of real telescope frames.
    frames : int
        From how many different frames.
    """

    pictures: tuple[NDArray[np.uint8], ...]
    composites: int
    frame_views: int
    frames: int

    def split(self, count: int) -> tuple[RepresentativeViews, RepresentativeViews]:
        """Without the last ``count`` pictures of both kinds together, and those alone."""
        composites = count // 2
        first, second = self.pictures[: self.composites], self.pictures[self.composites :]
        parts = (
            (first[composites:], second[: len(second) - (count - composites)]),
            (first[:composites], second[len(second) - (count - composites) :]),
        )
        return tuple(  # type: ignore[return-value]
            RepresentativeViews(
                pictures=(*a, *b),
                composites=len(a),
                frame_views=len(b),
                frames=min(len(b), self.frames),
            )
            for a, b in parts
        )

    def describe(self) -> str:
        """One sentence for model cards and tables."""
        return (
            f"{len(self.pictures)} pictures: {self.composites} composites of "
            f"training galaxies on training star fields, {self.frame_views} views of "
            f"{self.frames} real telescope frames of the training part"
        )


def representative_views(
    data_dir: Path, size_px: int, count: int = DEFAULT_COUNT, seed: int = 1
) -> RepresentativeViews:
    """Half composites, half views of real training frames.

    Frames are conditioned as at the edge and shown as there: the whole frame
    letterboxed, and tiles near native scale. Composites pass through the same
    conditioning when they are made. No validation frame is among them.

    Parameters
    ----------
    data_dir : Path
        Folder with ``galaxies`` and ``frames``.
    size_px : int
        Side of the detector's input.
    count : int
        Number of pictures, at least 2.
    seed : int

    Raises
    ------
    GalaxyEdgeError
        ``data_dir`` lacks galaxies or frames.
    """
    if count < 2:
        raise ValueError(f"count {count} is below 2: one composite and one view of a frame")
    rng = np.random.default_rng([seed, 8])
    composites = (count + 1) // 2
    drawn_px = max(size_px, _SMALLEST_COMPOSITE_PX)
    params = CompositeParams().at_size(drawn_px)
    generator = composite_generator(
        data_dir, params, most_cutouts=_CUTOUTS_PER_COMPOSITE * composites, seed=seed
    )
    stream = generator.stream(rng)
    whole = Tile(0, 0, drawn_px)
    pictures = [view(next(stream).picture, whole, size_px, _FILL) for _ in range(composites)]
    files = empty_frame_split(data_dir)[0]
    chosen = [files[i] for i in rng.permutation(len(files))[: count - composites]]
    pictures += [
        _frame_view(chosen[number % len(chosen)], size_px, number, rng)
        for number in range(count - composites)
    ]
    return RepresentativeViews(
        pictures=tuple(pictures),
        composites=composites,
        frame_views=count - composites,
        frames=len(chosen),
    )


def _frame_view(
    path: Path, size_px: int, number: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The whole frame for every third picture, else one of its tiles."""
    picture = condition(read_picture(path))
    height, width = picture.shape[:2]
    tiles: tuple[Tile, ...] = plan_tiles(width, height, (0, _NATIVE_TILE_PX), 0.2)
    tile = tiles[0] if number % 3 == 0 or len(tiles) == 1 else tiles[rng.integers(1, len(tiles))]
    return view(picture, tile, size_px, _FILL)
