"""Run the pipeline over files and write what it finds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import edge_runtime
from edge_runtime.annotate import draw_detections
from edge_runtime.bundle import Bundle, load_bundle
from edge_runtime.cameras.base import Camera
from edge_runtime.cameras.folder import FolderCamera
from edge_runtime.cameras.video import VideoCamera
from edge_runtime.errors import CameraError, FrameError, GalaxyEdgeError
from edge_runtime.pipeline import Pipeline
from edge_runtime.processing.inputs import find_inputs, is_video_name, unique_stems
from edge_runtime.processing.outputs import DetectionTable, write_picture, write_sightings
from edge_runtime.sighting import FrameResult, Sighting
from edge_runtime.tracking import BundleIdentity, Tracker, TrackerUpdate, TrackingParams

log = logging.getLogger(__name__)

ANNOTATED_FOLDER = "annotated"


@dataclass(frozen=True, slots=True)
class ProcessSummary:
    """What was done.

    Attributes
    ----------
    inputs, inputs_failed : int
        Files (and paths that hold none), and how many of them failed. A video
        that breaks off has failed, though its frames until then count.
    frames, detections, sightings : int
        Counts over all inputs.
    """

    inputs: int
    inputs_failed: int
    frames: int
    detections: int
    sightings: int


def process_paths(
    paths: Sequence[Path],
    output: Path,
    *,
    bundle_path: Path | None = None,
    score_threshold: float | None = None,
    threads: int = 2,
    on_progress: Callable[[int, int], None] | None = None,
    on_failure: Callable[[str], None] = log.error,
) -> ProcessSummary:
    """Find and classify the galaxies in files and folders.

    Writes ``sightings.ecsv``, ``detections.csv`` and ``annotated/*.png`` into
    ``output``. Pictures are separate: a detection in one is a sighting, and
    detections at the same place of the sky, where files say where they point,
    are the same one. In a video a sighting takes several frames.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders to search for files.
    output : Path
        Folder for the results, made if missing.
    bundle_path : Path, optional
        Bundle to use in place of the default one.
    score_threshold : float, optional
        Lowest score, 0 to 1, in place of the bundle's.
    threads : int
        Processor threads of each network.
    on_progress : callable
        Called with the number of files done and of all files.
    on_failure : callable
        Called with one line, naming the file, for each input that failed.

    Returns
    -------
    ProcessSummary

    Raises
    ------
    GalaxyEdgeError
        The bundle cannot be loaded or the results cannot be written. An input
        that cannot be read is reported and passed over.
    """
    bundle = load_bundle(bundle_path)
    try:
        (output / ANNOTATED_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GalaxyEdgeError(f"{output}: cannot make this folder ({error.strerror})") from error
    found: dict[Path, None] = {}  # in order, each once
    failed = 0
    for path in paths:
        try:
            found.update(dict.fromkeys(find_inputs(path, output)))
        except FrameError as error:
            on_failure(str(error))
            failed += 1
    files = list(found)
    inputs = failed + len(files)
    with DetectionTable(output / "detections.csv") as table:
        batch = _Batch(bundle, output, table, unique_stems(files), score_threshold, threads)
        try:
            for done, file in enumerate(files):
                if on_progress is not None:
                    on_progress(done, len(files))
                message = batch.process(file)
                if message is not None:
                    on_failure(message)
                    failed += 1
            if on_progress is not None:
                on_progress(len(files), len(files))
        finally:
            # Also when interrupted: what was found until then is kept.
            batch.close()
            sightings = batch.sightings
            write_sightings(
                output / "sightings.ecsv",
                sightings,
                _provenance(bundle, batch.threshold, paths, inputs, failed),
            )
        return ProcessSummary(inputs, failed, batch.frames, table.rows, len(sightings))


class _Batch:
    """The pipeline, the trackers and the results so far."""

    def __init__(
        self,
        bundle: Bundle,
        output: Path,
        table: DetectionTable,
        stems: dict[Path, str],
        score_threshold: float | None,
        threads: int,
    ) -> None:
        self.frames = 0
        self.threshold = (
            bundle.manifest.score_threshold if score_threshold is None else score_threshold
        )
        self._pipeline = Pipeline(bundle, threads=threads, score_threshold=score_threshold)
        self._identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
        self._stills = Tracker(TrackingParams.for_stills(), self._identity)
        self._annotated = output / ANNOTATED_FOLDER
        self._table = table
        self._stems = stems
        self._sightings: dict[str, tuple[Path, Sighting]] = {}

    @property
    def sightings(self) -> list[tuple[Path, Sighting]]:
        """Confirmed sightings with the file of each, in the order of confirmation."""
        return list(self._sightings.values())

    def close(self) -> None:
        """Release the networks."""
        self._pipeline.close()

    def process(self, file: Path) -> str | None:
        """Process one file; return what went wrong, in one line, or None."""
        try:
            if is_video_name(file):
                self._process_video(file)
            else:
                self._process_still(file)
        except (FrameError, CameraError) as error:
            return _naming(file, str(error))
        except GalaxyEdgeError:
            raise
        except Exception as error:
            # One file must not end a night's batch, whatever is wrong with it.
            log.exception("%s", file)
            return _naming(file, f"{type(error).__name__}: {error}")
        return None

    def _process_still(self, file: Path) -> None:
        self._stills.close()  # the next picture has nothing to do with the last
        for result in self._results(file, FolderCamera([file])):
            self._note(file, self._stills.update(result))
            picture = draw_detections(result.picture, result.detections)
            write_picture(self._annotated / f"{self._stems[file]}.png", picture)

    def _process_video(self, file: Path) -> None:
        tracker = Tracker(TrackingParams(), self._identity)
        for result in self._results(file, VideoCamera(file)):
            update = tracker.update(result)
            self._note(file, update)
            for tracked in update.changed:
                if tracked.annotated is not None:
                    name = f"{self._stems[file]}_{tracked.sighting.id[:8]}.png"
                    write_picture(self._annotated / name, tracked.annotated)

    def _results(self, file: Path, camera: Camera) -> Iterator[FrameResult]:
        with camera:
            while (frame := camera.read()) is not None:
                result = self._pipeline.process(frame)
                self.frames += 1
                self._table.add(file, result)
                yield result

    def _note(self, file: Path, update: TrackerUpdate) -> None:
        for tracked in update.changed:
            sighting = tracked.sighting
            first_file, _ = self._sightings.get(sighting.id, (file, sighting))
            self._sightings[sighting.id] = (first_file, sighting)


def _naming(file: Path, message: str) -> str:
    line = " ".join(message.split())
    return line if str(file) in line else f"{file}: {line}"


def _provenance(
    bundle: Bundle, threshold: float, paths: Sequence[Path], inputs: int, failed: int
) -> dict[str, object]:
    return {
        "software": f"galaxy-edge {edge_runtime.__version__}",
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "bundle_name": bundle.name,
        "bundle_version": bundle.version,
        "bundle_sha256": bundle.sha256,
        "score_threshold": float(threshold),
        "paths": [str(path) for path in paths],
        "inputs": inputs,
        "inputs_failed": failed,
        "boxes": "edges in pixels from the left and top edges of the frame",
    }
