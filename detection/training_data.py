"""What a detector is trained on, checked before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import read_labels
from annotations.training_sky import training_cutout_files
from detection.annotated_views import annotations_hash, read_galaxies, write_views
from edge_runtime.errors import GalaxyEdgeError

VIEWS_NAME = "views"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Composites, TFRecords or, where both are empty, simulated skies.

    Attributes
    ----------
    source : str
        Path as the user gave it; empty for simulated skies.
    sha256 : str
        Of labels and pictures.
    data_dir : str
        Folder the composites are made of.
    input_path : str
        Pattern of TFRecords.
    turned : bool
        Whether the pictures are to be turned and mirrored while training: a
        person's own are few, so that every orientation of them counts.
    """

    source: str
    sha256: str
    data_dir: str = ""
    input_path: str = ""
    turned: bool = False


def simulated_data() -> TrainingData:
    """Skies that are drawn from models alone."""
    return TrainingData("", hashlib.sha256(b"simulated").hexdigest())


def composite_data(data_dir: Path) -> TrainingData:
    """Composites of training galaxies on training star fields.

    Raises
    ------
    GalaxyEdgeError
        There are no labels, no galaxy or no star field to train on.
    """
    labels = data_dir / "galaxies" / "labels.csv"
    if not training_cutout_files(read_labels(labels)):
        raise GalaxyEdgeError(f"{labels}: no row of split train shows a galaxy at a known scale")
    frames = empty_frame_split(data_dir)[0]
    if not frames:
        raise GalaxyEdgeError(
            f"{data_dir / 'frames' / 'no_galaxy'}: no frame without a galaxy is left to train on"
        )
    digest = hashlib.sha256(labels.read_bytes())
    for path in frames:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    return TrainingData(str(data_dir), digest.hexdigest(), data_dir=str(data_dir))


def annotated_data(
    source: Path,
    output_dir: Path,
    size_px: int,
    labels: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> TrainingData:
    """A person's own labelled pictures, as views in ``output_dir/views``.

    Parameters
    ----------
    source : Path
        COCO, Pascal VOC, YOLO or TFRecord.
    output_dir : Path
        Of the training.
    size_px : int
        Side of the detector's input.
    labels : sequence of str
        Classes that are galaxies; empty for all.
    progress : callable, optional
        Takes pictures done and in all.

    Raises
    ------
    GalaxyEdgeError
        The source is damaged or empty, or a class has no box.
    """
    found = read_galaxies(source, labels)
    sha256 = annotations_hash(found)
    folder = output_dir / VIEWS_NAME / f"{sha256[:16]}-{size_px}"
    views = write_views(found, folder, size_px, progress)
    return TrainingData(str(source), sha256, input_path=views, turned=True)


def record_data(input_path: str) -> TrainingData:
    """TFRecords in the Model Garden's layout, class 0 being galaxy.

    Raises
    ------
    GalaxyEdgeError
        There are none.
    """
    from detection.record_input import record_files

    digest = hashlib.sha256()
    for name in record_files(input_path):
        with open(name, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return TrainingData(input_path, digest.hexdigest(), input_path=input_path)
