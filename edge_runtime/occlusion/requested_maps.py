"""Occlusion maps of sightings, made one at a time beside observing.

Each map comes from a small process of the lowest priority, so that frames
always come first: a thread of the daemon would hold the interpreter's lock
just when the pipeline wants it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_runtime.errors import GalaxyEdgeError, StoreError
from edge_runtime.occlusion.worker import Task
from edge_runtime.occlusion.worker_process import WorkerProcess
from edge_runtime.preview import encode_picture
from edge_runtime.recorded_crops import RecordedCrop, decode_crop
from edge_runtime.store.media import media_path
from edge_runtime.store.occlusion_files import RecordedMap, crop_hash, read_map, write_map
from edge_runtime.tracked_sighting import BundleIdentity

if TYPE_CHECKING:
    from edge_runtime.bundle.loading import Bundle
    from edge_runtime.store import StoredSighting

log = logging.getLogger(__name__)

MOST_WAITING = 8
REMEMBERED = 32  # maps and failures kept in memory
TIMEOUT_S = 900.0  # the lowest priority may wait long for its turn
VIEW_PX = 256
VIEW_JPEG_QUALITY = 92


class Stage(StrEnum):
    """How far a map is."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MapState:
    """What is known of one sighting's map.

    Attributes
    ----------
    stage : Stage
    done, total : int
        Steps while it is made.
    message : str
        Why it failed.
    recorded : RecordedMap or None
        The map, where it is done.
    outdated : str
        Why the map is not of the sighting as it stands; empty where it is.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    message: str = ""
    recorded: RecordedMap | None = None
    outdated: str = ""


class Sightings(Protocol):
    """A store as far as maps need it."""

    @property
    def media_dir(self) -> Path:
        """Folder of the pictures."""
        ...

    def sighting(self, sighting_id: str) -> StoredSighting | None:
        """The sighting with an identifier, or None."""
        ...


class OcclusionMaps:
    """Makes occlusion maps on request and keeps them beside the crops.

    Thread-safe; every method returns at once. The map explains the class that
    the sighting was given, asked of the classifier of ``bundle``.

    Parameters
    ----------
    bundle : Bundle
        The models at work.
    worker : WorkerProcess, optional
        Makes the maps.

    Attributes
    ----------
    identity : BundleIdentity
        The models that are asked.
    """

    def __init__(self, bundle: Bundle, worker: WorkerProcess | None = None) -> None:
        self.identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
        self._bundle = bundle
        self._worker = worker or WorkerProcess(TIMEOUT_S)
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, Sightings] = OrderedDict()
        self._running: tuple[str, MapState] | None = None
        self._ended: OrderedDict[str, MapState] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    def state(self, store: Sightings, item: StoredSighting) -> MapState:
        """How far the map of a sighting of a store is; a finished one is read from the disk."""
        sighting_id = item.sighting.id
        with self._changed:
            if self._running is not None and self._running[0] == sighting_id:
                return self._running[1]
            if sighting_id in self._waiting:
                return MapState(Stage.WAITING)
            ended = self._ended.get(sighting_id)
        if ended is not None and ended.stage is Stage.FAILED:
            return ended
        recorded = ended.recorded if ended is not None else read_map(store.media_dir, sighting_id)
        if recorded is None:
            return MapState(Stage.NONE)
        outdated = self._outdated(recorded, item, store.media_dir)
        return MapState(Stage.DONE, recorded=recorded, outdated=outdated)

    def request(self, store: Sightings, item: StoredSighting) -> MapState:
        """Have the map of a sighting made, unless a current one is there or on its way.

        Raises
        ------
        GalaxyEdgeError
            Too many maps wait already.
        """
        before = self.state(store, item)
        if before.stage not in (Stage.NONE, Stage.FAILED) and not before.outdated:
            return before
        with self._changed:
            if self._closed:
                return MapState(Stage.FAILED, message="the daemon is stopping")
            if len(self._waiting) >= MOST_WAITING:
                raise GalaxyEdgeError(f"{MOST_WAITING} maps wait already; try again in a minute")
            self._ended.pop(item.sighting.id, None)
            self._waiting[item.sighting.id] = store
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="occlusion-maps", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        return MapState(Stage.WAITING)

    def close(self, timeout_s: float = 5.0) -> None:
        """Give up what waits and what is being made; may be called twice."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._worker.close()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _outdated(self, recorded: RecordedMap, item: StoredSighting, media_dir: Path) -> str:
        """Why a map is of something else than the sighting as it stands, or nothing."""
        if recorded.bundle.sha256 != self.identity.sha256:
            return f"the models at work are {self.identity.name} {self.identity.version} now"
        if recorded.found.label != item.sighting.label:
            return f"the galaxy is taken for {item.sighting.label.replace('_', ' ')} now"
        content = _crop_content(item, media_dir)
        same_crop = content is None or crop_hash(content) == recorded.crop_sha256
        if not same_crop or recorded.box_xyxy_px != item.sighting.box_xyxy_px:
            return "the galaxy has a better frame now"
        return ""

    def _run(self) -> None:
        while (job := self._next()) is not None:
            sighting_id, store = job
            try:
                state = MapState(Stage.DONE, recorded=self._make(sighting_id, store))
            except GalaxyEdgeError as error:
                if not self._closed:
                    log.warning("no occlusion map of sighting %s: %s", sighting_id, error)
                state = MapState(Stage.FAILED, message=str(error))
            except Exception as error:  # supervision border: the next map may work
                log.exception("the occlusion map of sighting %s failed", sighting_id)
                state = MapState(Stage.FAILED, message=f"{type(error).__name__}: {error}")
            with self._changed:
                self._running = None
                self._ended[sighting_id] = state
                while len(self._ended) > REMEMBERED:
                    self._ended.popitem(last=False)
                self._changed.notify_all()

    def _next(self) -> tuple[str, Sightings] | None:
        """Wait for a request; None at the end."""
        with self._changed:
            while not self._closed:
                if self._waiting:
                    sighting_id, store = self._waiting.popitem(last=False)
                    self._running = (sighting_id, MapState(Stage.RUNNING))
                    return sighting_id, store
                self._changed.wait()
            return None

    def _make(self, sighting_id: str, store: Sightings) -> RecordedMap:
        item = store.sighting(sighting_id)  # it may have a better frame since it was asked for
        content = None if item is None else _crop_content(item, store.media_dir)
        if item is None or content is None:
            raise GalaxyEdgeError("no picture of this sighting is recorded")
        sighting, spec = item.sighting, self._bundle.manifest.classifier
        crop = RecordedCrop(decode_crop(content), sighting.box_xyxy_px, self._bundle.sky_pixel)
        found = self._worker.run(
            self._task(sighting.label),
            self._bundle.read(spec.file),
            crop.cut(spec.crop_multiple, spec.input_size_px),
            partial(self._advance, sighting.id),
        )
        seen = crop.cut(spec.crop_multiple, VIEW_PX)
        view = encode_picture(seen, ".jpg", VIEW_JPEG_QUALITY)
        recorded = RecordedMap(found, view, crop_hash(content), sighting.box_xyxy_px, self.identity)
        try:
            write_map(store.media_dir, sighting.id, recorded)
        except StoreError as error:
            log.warning("%s; the map is kept in memory only", error)
        return recorded

    def _task(self, label: str) -> Task:
        spec = self._bundle.manifest.classifier
        return Task(
            name=f"{self._bundle.path}: {spec.file}",
            model_bytes=len(self._bundle.read(spec.file)),
            size_px=spec.input_size_px,
            label=label,
            class_index=spec.classes.index(label),
            outputs=spec.outputs.model_dump(),
            class_bias=spec.class_bias,
            input_mean=spec.input_mean,
            input_std=spec.input_std,
            fill=self._bundle.sky_pixel,
        )

    def _advance(self, sighting_id: str, done: int, total: int) -> None:
        with self._changed:
            self._running = (sighting_id, MapState(Stage.RUNNING, done, total))


def _crop_content(item: StoredSighting, media_dir: Path) -> bytes | None:
    path = None if item.crop_file is None else media_path(media_dir, item.crop_file)
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        log.warning("%s cannot be read (%s)", path, error.strerror)
        return None
