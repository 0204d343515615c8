"""The files that ``process`` leaves behind."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.preview import encode_picture
from edge_runtime.sighting import CLASS5, Detection, FrameResult, Sighting

BOX_COLUMNS = ("x_min", "y_min", "x_max", "y_max")

_DETECTION_COLUMNS = (
    "file",
    "frame",
    "time_utc",
    *(f"{column}_px" for column in BOX_COLUMNS),
    "score",
    "detector_score",
    "galaxy_probability",
    "label",
    *(f"p_{name}" for name in CLASS5),
    *VOTE_COLUMNS,
)


class DetectionTable:
    """``detections.csv``: one row for each detection in each frame, written as they come.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: TextIO | None = None

    def __enter__(self) -> DetectionTable:
        try:
            self._file = self.path.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise GalaxyEdgeError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(_DETECTION_COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, file: Path, result: FrameResult) -> None:
        """Write the detections of one frame."""
        for detection in result.detections:
            self._writer.writerow(_detection_row(file, result, detection))
            self.rows += 1


def _detection_row(file: Path, result: FrameResult, detection: Detection) -> list[str]:
    return [
        str(file),
        str(result.frame.sequence),
        result.frame.time.isoformat(),
        *(f"{edge:.2f}" for edge in detection.box_xyxy_px),
        f"{detection.score:.5f}",
        f"{detection.detector_score:.5f}",
        f"{detection.galaxy_probability:.5f}",
        detection.label,
        *(f"{value:.5f}" for value in detection.class_probabilities),
        *(f"{value:.5f}" for value in detection.votes),
    ]


def write_sightings(
    path: Path,
    sightings: Sequence[tuple[Path, Sighting]],
    provenance: Mapping[str, object],
) -> None:
    """Write ``sightings.ecsv``: an astropy table with units and provenance.

    Parameters
    ----------
    path : Path
        Replaced at once, when the table is complete.
    sightings : sequence of (Path, Sighting)
        Each with the file it was first seen in.
    provenance : mapping
        Goes into the header of the table.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be written.
    """
    from astropy import units
    from astropy.table import Column, MaskedColumn, Table

    seen = [sighting for _, sighting in sightings]

    def numbers(values: Sequence[float]) -> NDArray[np.float64]:
        return np.asarray(values, dtype=np.float64).round(5)

    def sky(values: Sequence[float | None]) -> object:
        # 1e-7 degrees are a third of a milliarcsecond.
        filled = [np.nan if value is None else round(value, 7) for value in values]
        return MaskedColumn(filled, mask=np.isnan(filled), unit=units.deg, dtype=np.float64)

    def text(values: Sequence[str]) -> object:
        return Column(list(values), dtype=str)

    table = Table(meta=dict(provenance))
    table["id"] = text([sighting.id for sighting in seen])
    table["file"] = text([str(file) for file, _ in sightings])
    table["target"] = text([sighting.target for sighting in seen])
    table["first_seen_utc"] = text([sighting.first_seen.isoformat() for sighting in seen])
    table["last_seen_utc"] = text([sighting.last_seen.isoformat() for sighting in seen])
    table["frames"] = Column([sighting.frames for sighting in seen], dtype=np.int64)
    table["label"] = text([sighting.label for sighting in seen])
    table["score"] = numbers([sighting.score for sighting in seen])
    table["galaxy_probability"] = numbers([sighting.galaxy_probability for sighting in seen])
    table["ra"] = sky([sighting.ra_deg for sighting in seen])
    table["dec"] = sky([sighting.dec_deg for sighting in seen])
    for index, name in enumerate(BOX_COLUMNS):
        edges = [round(sighting.box_xyxy_px[index], 2) for sighting in seen]
        table[name] = Column(edges, unit=units.pix, dtype=np.float64)
    for index, name in enumerate(CLASS5):
        table[f"p_{name}"] = numbers(
            [float(sighting.class_probabilities[index]) for sighting in seen]
        )
    for index, name in enumerate(VOTE_COLUMNS):
        table[name] = numbers([float(sighting.votes[index]) for sighting in seen])
    table["ra"].description = "right ascension, ICRS; empty where the frame has no position"
    table["dec"].description = "declination, ICRS; empty where the frame has no position"
    table["label"].description = "most probable of the five classes"
    table["score"].description = "best final score, 0 to 1"
    table["frames"].description = "frames in which the galaxy was detected"
    table["file"].description = "file in which the galaxy was first seen"
    partial = path.with_name(f".{path.name}.part")
    try:
        table.write(partial, format="ascii.ecsv", overwrite=True)
        os.replace(partial, path)
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be written ({error.strerror})") from error


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture as PNG.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    picture : ndarray, shape (H, W, 3), uint8, RGB

    Raises
    ------
    GalaxyEdgeError
        The file cannot be written.
    """
    try:
        path.write_bytes(encode_picture(picture, ".png"))
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be written ({error.strerror})") from error
