"""The composite generator over the parts of the data marked train."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.composites import CompositeGenerator, CompositeParams, Mistake
from annotations.cutouts import read_cutouts
from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import GalaxyTable, read_labels
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

_MOST_STARLIKE = 0.4  # share of votes for "star or artifact" above which a row is left out
_STAR_COLUMN = 2


def training_cutout_files(table: GalaxyTable) -> list[Path]:
    """Pictures of the training part, at a known scale, that show a galaxy."""
    keep = (
        np.array([split == "train" for split in table.split])
        & np.isfinite(table.frame_scale)
        & (np.nan_to_num(table.votes[:, _STAR_COLUMN]) < _MOST_STARLIKE)
    )
    return [table.directory / name for name in table.rows(keep).files]


def training_backgrounds(data_dir: Path) -> list[NDArray[np.uint8]]:
    """Real frames without a galaxy of the training part, (H, W, 3) uint8 RGB each."""
    return [read_rgb(path) for path in empty_frame_split(data_dir)[0]]


def composite_generator(
    data_dir: Path,
    params: CompositeParams | None = None,
    *,
    most_cutouts: int | None = None,
    seed: int = 0,
    mistakes_file: Path | None = None,
) -> CompositeGenerator:
    """Generator of labelled frames.

    Parameters
    ----------
    data_dir : Path
        Folder with ``galaxies`` and ``frames``.
    params : CompositeParams, optional
    most_cutouts : int, optional
        Use a random part of the galaxies only, which is faster to prepare.
    seed : int
        Of that choice.
    mistakes_file : Path, optional
        As `save_mistakes` writes it: places on the empty frames to show more often.

    Raises
    ------
    GalaxyEdgeError
        ``data_dir`` has no labels, no empty frames, or an unreadable picture;
        ``mistakes_file`` belongs to other frames.
    """
    files = training_cutout_files(read_labels(data_dir / "galaxies" / "labels.csv"))
    if most_cutouts is not None:
        order = np.random.default_rng(seed).permutation(len(files))
        files = [files[i] for i in sorted(order[:most_cutouts])]
    cutouts = read_cutouts(files)
    backgrounds = training_backgrounds(data_dir)
    log.info("%d cut-outs of %d files, %d backgrounds", len(cutouts), len(files), len(backgrounds))
    mistakes = () if mistakes_file is None else read_mistakes(mistakes_file, len(backgrounds))
    return CompositeGenerator(cutouts, backgrounds, params or CompositeParams(), mistakes)


def simulated_generator(params: CompositeParams | None = None) -> CompositeGenerator:
    """Generator of labelled frames that are drawn from models alone."""
    params = replace(params or CompositeParams(), real_background=0.0, drawn_fraction=1.0)
    return CompositeGenerator((), (), params)


def save_mistakes(path: Path, mistakes: Sequence[Mistake]) -> None:
    """Write mistakes as arrays ``background`` (N,) and ``boxes`` (N, 4)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        background=np.array([m.background for m in mistakes], dtype=np.int64),
        boxes=np.array([m.box_xyxy_px for m in mistakes], dtype=np.float32).reshape(-1, 4),
    )


def read_mistakes(path: Path, backgrounds: int) -> tuple[Mistake, ...]:
    """Read mistakes.

    Raises
    ------
    GalaxyEdgeError
        The file is no such file, or one lies on a background beyond ``backgrounds``.
    """
    try:
        with np.load(path) as content:
            index, boxes = content["background"], content["boxes"]
    except (OSError, ValueError, KeyError) as error:
        raise GalaxyEdgeError(f"{path}: not a file of mined mistakes ({error})") from error
    if index.size and index.max() >= backgrounds:
        raise GalaxyEdgeError(
            f"{path}: names background {index.max()} of {backgrounds}; mine on this data again"
        )
    return tuple(
        Mistake(int(i), (float(b[0]), float(b[1]), float(b[2]), float(b[3])))
        for i, b in zip(index, boxes, strict=True)
    )


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 RGB.

    Raises
    ------
    GalaxyEdgeError
        The file is not a readable picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise GalaxyEdgeError(f"{path}: not a readable picture")
    return np.ascontiguousarray(picture[:, :, ::-1])
