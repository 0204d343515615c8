"""Galaxy10 SDSS and Galaxy10 DECaLS (Leung and Bovy): HDF5 files with ten classes each."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems
from annotations.galaxies.dataset import GALAXY10, ClassLabels, GalaxySet
from annotations.galaxies.pictures import Hdf5Pictures, check_picture_dataset, open_hdf5
from annotations.galaxies.schemes import GALAXY10_DECALS, SCHEMES
from edge_runtime.decision_tree import VOTE_COLUMNS

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".h5", ".hdf5")
PICTURES, CLASSES, PIXEL_SCALE = "images", "ans", "pxscale"
SDSS_SIDE_PX = 69
SDSS_FRAME_SCALE = SDSS_SIDE_PX / 207
"""The pictures are the middle 207 pixels of Galaxy Zoo frames, scaled to 69."""


def read_galaxy10(
    path: Path, problems: ProblemList | None = None, *, scheme: str | None = None
) -> GalaxySet:
    """Read one of the two sets.

    Parameters
    ----------
    path : Path
        HDF5 file with ``images``, shape (N, H, W, 3), uint8, and ``ans``, shape
        (N,); or a folder with one such file.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    scheme : str, optional
        ``galaxy10`` (SDSS) or ``galaxy10_decals``, where the file does not say:
        DECaLS has ``pxscale``, SDSS has pictures of 69 px.

    Returns
    -------
    GalaxySet
        Identities are the set and the row, for example ``galaxy10/17``.
        ``frame_scale`` is known for SDSS only.

    Raises
    ------
    AnnotationError
        The file cannot be read or is of neither set.
    """
    found = StrictProblems() if problems is None else problems
    path = find_file(path)
    with open_hdf5(path) as file:
        rows, height, width = check_picture_dataset(file, PICTURES, path)
        scheme = scheme or _scheme_of(file, height, width, path)
        if scheme not in (GALAXY10, GALAXY10_DECALS):
            raise AnnotationError(
                f"{path}: unknown scheme {scheme!r}; known: {GALAXY10}, {GALAXY10_DECALS}"
            )
        index = _classes(file, rows, path)
    names = SCHEMES[scheme].names
    usable = (index >= 0) & (index < len(names))
    for row in np.flatnonzero(~usable):
        found.error(
            path, f"{CLASSES}[{row}]", f"is {index[row]}; a class is from 0 to {len(names) - 1}"
        )
    kept = np.flatnonzero(usable).astype(np.int64)
    scale = SDSS_FRAME_SCALE if scheme == GALAXY10 and height == SDSS_SIDE_PX else np.nan
    return GalaxySet(
        name="Galaxy10 SDSS" if scheme == GALAXY10 else "Galaxy10 DECaLS",
        pictures=Hdf5Pictures(path, PICTURES, kept),
        ids=tuple(f"{scheme}/{row}" for row in kept),
        votes=np.full((len(kept), len(VOTE_COLUMNS)), np.nan, np.float32),
        classes={scheme: ClassLabels(names, index[kept])},
        source=(scheme,) * len(kept),
        frame_scale=np.full(len(kept), scale, np.float32),
        data_hash=hashlib.sha256(
            f"{rows}×{height}×{width}:".encode() + index.tobytes()
        ).hexdigest(),
    )


def find_file(path: Path) -> Path:
    """Find the HDF5 file in a folder.

    Raises
    ------
    AnnotationError
        There is none, or more than one.
    """
    if not path.is_dir():
        return path
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if len(files) != 1:
        held = ", ".join(file.name for file in files) or "none"
        raise AnnotationError(f"{path}: one HDF5 file expected, found {held}; name the file")
    return files[0]


def _scheme_of(file: h5py.File, height: int, width: int, path: Path) -> str:
    if PIXEL_SCALE in file:
        return GALAXY10_DECALS
    if height == width == SDSS_SIDE_PX:
        return GALAXY10
    if height == width == 256:
        return GALAXY10_DECALS
    raise AnnotationError(
        f"{path}: neither Galaxy10 SDSS (pictures of 69 px) nor DECaLS (256 px, {PIXEL_SCALE!r}): "
        f"its pictures are {width} × {height} px; name the scheme"
    )


def _classes(file: h5py.File, rows: int, path: Path) -> NDArray[np.int64]:
    import h5py

    held = file.get(CLASSES)
    if not isinstance(held, h5py.Dataset) or held.shape != (rows,) or held.dtype.kind not in "iu":
        found = "missing" if held is None else f"of shape {getattr(held, 'shape', '?')}"
        raise AnnotationError(
            f"{path}: {CLASSES!r} must hold {rows} whole numbers, one a picture; it is {found}"
        )
    try:
        return np.asarray(held[:], dtype=np.int64)
    except OSError as error:
        raise AnnotationError(f"{path}: {CLASSES!r} cannot be read ({error})") from error
