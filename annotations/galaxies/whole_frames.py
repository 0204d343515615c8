"""Scale of pictures that show a whole Galaxy Zoo frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.formats.pictures import encoded_header
from annotations.formats.problems import ProblemList
from annotations.galaxies.pictures import FolderPictures, ZipPictures

FRAME_SIDE_PX = 424


def scale_of_first(
    pictures: FolderPictures | ZipPictures,
    missing: NDArray[np.bool_],
    path: Path,
    problems: ProblemList,
) -> NDArray[np.float32]:
    """Scale of a set whose pictures all have the size of the first, shape (N,), float32.

    Parameters
    ----------
    pictures : FolderPictures or ZipPictures
        Whole frames.
    missing : ndarray, shape (N,), bool
        Where there is no picture.
    path : Path
        Named in the warning.
    problems : ProblemList
        Takes a warning where the frames have been scaled.
    """
    present = np.flatnonzero(~missing)
    scale = scale_of(pictures, int(present[0])) if len(present) else 1.0
    if scale != 1.0:
        problems.warning(
            path,
            "",
            f"the pictures seem to be frames scaled to {scale * FRAME_SIDE_PX:.0f} px, not the "
            f"original {FRAME_SIDE_PX}; crops are made to fit",
        )
    return np.full(len(pictures), scale, np.float32)


def scale_of(pictures: FolderPictures | ZipPictures, index: int) -> float:
    """Pixels of a whole frame per pixel of the original; NaN where it cannot be read.

    What is wrong with a picture is told where pictures are checked.
    """
    try:
        header = encoded_header(pictures.encoded(index), pictures.name(index))
    except AnnotationError:
        return float("nan")
    return header.width / FRAME_SIDE_PX
