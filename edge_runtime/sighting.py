"""What the pipeline says about a frame and about a galaxy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge_runtime.frame import Frame

BoxXyxy = tuple[float, float, float, float]

CLASS5 = ("smooth_round", "smooth_inbetween", "smooth_cigar", "edge_on_disk", "spiral")


@dataclass(frozen=True, slots=True)
class Detection:
    """One galaxy found in one frame.

    Attributes
    ----------
    box_xyxy_px : tuple of float
        Left, top, right, bottom edges in frame pixels.
    score : float
        Final score of the chain (detector and galaxy-or-not together), 0 to 1.
    detector_score : float
        Score of the detector alone, 0 to 1.
    galaxy_probability : float
        Probability from the classifier that the crop shows a galaxy, 0 to 1.
    votes : ndarray, shape (37,), float32
        Galaxy Zoo vote fractions, consistent with the decision tree.
    class_probabilities : ndarray, shape (5,), float32
        Probabilities of ``CLASS5``; sum 1.
    """

    box_xyxy_px: BoxXyxy
    score: float
    detector_score: float
    galaxy_probability: float
    votes: NDArray[np.float32]
    class_probabilities: NDArray[np.float32]

    @property
    def label(self) -> str:
        """Most probable of ``CLASS5``."""
        return CLASS5[int(np.argmax(self.class_probabilities))]


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A frame after the pipeline.

    Attributes
    ----------
    frame : Frame
        The frame as it came from the camera.
    picture : ndarray, shape (H, W, 3), uint8, RGB
        The conditioned frame, as the networks saw it.
    detections : tuple of Detection
        Galaxies found, best score first.
    stage_ms : dict
        Time spent in each stage in milliseconds: ``condition``, ``detect``,
        ``classify``.
    """

    frame: Frame
    picture: NDArray[np.uint8]
    detections: tuple[Detection, ...]
    stage_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One galaxy followed through successive frames.

    Attributes
    ----------
    id : str
        Unique identifier (32 hexadecimal digits).
    camera, target : str
        Source of the frames and their name at the first detection.
    first_seen, last_seen : datetime
        UTC mid-exposure times of the first and latest detection.
    frames : int
        Number of frames with a detection.
    box_xyxy_px : tuple of float
        Box in the best frame, in frame pixels.
    score : float
        Best final score so far.
    galaxy_probability : float
        Weighted mean of the galaxy-or-not probability.
    votes, class_probabilities : ndarray
        Score-weighted means over the frames, as in ``Detection``.
    ra_deg, dec_deg : float or None
        Position of the galaxy, ICRS degrees, where the frame has a WCS or the
        pointing and pixel scale are known.
    bundle_name, bundle_version, bundle_sha256 : str
        The models that saw it.
    """

    id: str
    camera: str
    target: str
    first_seen: datetime
    last_seen: datetime
    frames: int
    box_xyxy_px: BoxXyxy
    score: float
    galaxy_probability: float
    votes: NDArray[np.float32]
    class_probabilities: NDArray[np.float32]
    ra_deg: float | None
    dec_deg: float | None
    bundle_name: str
    bundle_version: str
    bundle_sha256: str

    @property
    def label(self) -> str:
        """Most probable of ``CLASS5``."""
        return CLASS5[int(np.argmax(self.class_probabilities))]
