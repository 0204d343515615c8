"""The galaxy to explain in a picture of any kind: its place, and crops of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.isophotes import frame_outlines
from classification.explain.galaxy_mask import NoGalaxyError
from classification.preparation import Preparation
from edge_runtime.bundle.loading import Bundle
from edge_runtime.conditioning import condition
from edge_runtime.crops import CROP_SIDE_R90, cut_square
from edge_runtime.errors import ConfigError
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX
from edge_runtime.pictures import read_picture
from edge_runtime.pipeline import Pipeline
from edge_runtime.sighting import BoxXyxy

_log = logging.getLogger(__name__)

_CROP_FRAME_PX = CROP_SIDE_R90 * R90_FRAME_PX
_FRAME_SIDE_PX = 424  # in which isophotes are drawn


@dataclass(frozen=True, slots=True)
class PictureGalaxy:
    """A galaxy in a picture.

    Attributes
    ----------
    picture : ndarray, shape (H, W, 3), uint8
        As the telescope shows it to its networks.
    x_px, y_px : float
        Centre of the galaxy.
    side_px : float
        Side of the edge's crop of it, in pixels of the picture.
    fill : int
        Level outside the picture, 0 to 255.
    found : str
        How its place is known.
    """

    picture: NDArray[np.uint8]
    x_px: float
    y_px: float
    side_px: float
    fill: int
    found: str

    @property
    def frame_scale(self) -> float:
        """Pixels of the picture per pixel of the Galaxy Zoo frame of this galaxy."""
        return self.side_px / _CROP_FRAME_PX

    @staticmethod
    def crop_frame_px(preparation: Preparation) -> float:
        """Side of a network's crop in pixels of that frame; the edge's where it has none."""
        return preparation.crop_frame_px or _CROP_FRAME_PX

    def crop(self, preparation: Preparation, size_px: int | None = None) -> NDArray[np.uint8]:
        """The crop that a network takes, shape (S, S, 3).

        Parameters
        ----------
        preparation : Preparation
            Of the network.
        size_px : int, optional
            Another side than the network's.
        """
        side = self.crop_frame_px(preparation) * self.frame_scale
        return cut_square(
            self.picture, self.x_px, self.y_px, side, size_px or preparation.size_px, self.fill
        )


def find_galaxy(
    path: Path,
    bundle: Bundle,
    *,
    box_xyxy_px: BoxXyxy | None = None,
    centre_px: tuple[float, float] | None = None,
) -> PictureGalaxy:
    """Find the galaxy of a picture.

    Parameters
    ----------
    path : Path
        JPEG, PNG, TIFF or FITS.
    bundle : Bundle
        Its conditioning makes the picture; its detector finds the galaxy.
    box_xyxy_px : tuple of float, optional
        Box of the galaxy: left, top, right, bottom.
    centre_px : tuple of float, optional
        x and y of the galaxy; its size is told by the detector, or by its isophote
        where the detector sees none there.

    Raises
    ------
    FrameError
        The file cannot be read.
    ConfigError
        The place is not in the picture.
    NoGalaxyError
        There is no galaxy.
    """
    frame = read_picture(path)
    conditioning = bundle.manifest.conditioning
    picture = condition(frame, conditioning.params())
    height, width = picture.shape[:2]
    if box_xyxy_px is not None:
        x0, y0, x1, y1 = box_xyxy_px
        if not (x0 < x1 and y0 < y1 and x1 > 0 and y1 > 0 and x0 < width and y0 < height):
            raise ConfigError(
                f"--box {x0:g},{y0:g},{x1:g},{y1:g} is no box in {path}, which is {width} × "
                f"{height} px; give left, top, right and bottom edge"
            )
        box, found = box_xyxy_px, "the box that was named"
    elif centre_px is not None:
        box, found = _box_at(path, picture, centre_px, _detected(bundle, path))
    else:
        boxes = _detected(bundle, path)
        if not boxes:
            raise NoGalaxyError(
                f"{path}: the detector of {bundle.name} finds no galaxy in this picture; name its "
                "place with --box or --centre if there is one"
            )
        if len(boxes) > 1:
            _log.warning(
                "%s: %d galaxies; the surest is explained. Others are at %s: choose with --centre",
                path,
                len(boxes),
                "; ".join(f"{(a + c) / 2:.0f},{(b + d) / 2:.0f}" for a, b, c, d in boxes[1:5]),
            )
        box, found = boxes[0], f"the detector of {bundle.name} {bundle.version}"
    side = bundle.manifest.classifier.crop_multiple * max(box[2] - box[0], box[3] - box[1])
    return PictureGalaxy(
        picture,
        (box[0] + box[2]) / 2.0,
        (box[1] + box[3]) / 2.0,
        max(1.0, side),
        round(conditioning.sky_level * 255),
        found,
    )


def _detected(bundle: Bundle, path: Path) -> list[BoxXyxy]:
    """Boxes of the pipeline, the surest first."""
    pipeline = Pipeline(bundle)
    try:
        return [each.box_xyxy_px for each in pipeline.process(read_picture(path)).detections]
    finally:
        pipeline.close()


def _box_at(
    path: Path,
    picture: NDArray[np.uint8],
    centre_px: tuple[float, float],
    boxes: list[BoxXyxy],
) -> tuple[BoxXyxy, str]:
    x, y = centre_px
    height, width = picture.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        raise ConfigError(f"--centre {x:g},{y:g} is outside {path}, {width} × {height} px")
    for box in boxes:
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            return box, "the detector's box around the place that was named"
    side = int(min(height, width, 2 * x + 1, 2 * y + 1, 2 * (width - x), 2 * (height - y)))
    if side < 32:
        raise NoGalaxyError(
            f"{path}: --centre {x:g},{y:g} is so close to the border that no sky is around it; "
            "name the galaxy's --box"
        )
    square = cut_square(picture, x, y, side, _FRAME_SIDE_PX, 0)
    outline = frame_outlines(square).central
    if outline is None:
        raise NoGalaxyError(f"{path}: no galaxy at {x:g},{y:g}; name its --box if there is one")
    scale = side / _FRAME_SIDE_PX
    left, top = x - side / 2.0, y - side / 2.0
    a, b, c, d = (edge * scale for edge in outline.box_xyxy_px)
    return (left + a, top + b, left + c, top + d), "the isophote at the place that was named"
