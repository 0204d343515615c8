"""The daemon: camera, pipeline, tracker, store and dashboard, kept running."""

from __future__ import annotations

import dataclasses
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from edge_runtime.cameras.uri import open_camera, parse_source
from edge_runtime.capture import CaptureProcess, EndOfSource, FrameFault
from edge_runtime.capture.supervision import SupervisionPolicy
from edge_runtime.config import Config, StoreConfig
from edge_runtime.errors import BundleError, ConfigError, FrameError, StoreError
from edge_runtime.frame import Frame
from edge_runtime.recording import Recorder

if TYPE_CHECKING:
    from edge_runtime.bundle import Bundle
    from edge_runtime.pipeline import Pipeline
    from edge_runtime.sighting import FrameResult, Sighting
    from edge_runtime.tracking import Tracker

log = logging.getLogger(__name__)

WAIT_FOR_FRAME_S = 0.5
HEALTH_EVERY_S = 60.0
OPEN_TIMEOUT_S = 30.0
DASHBOARD_AFTER_S = 3.0
SELFTEST_WAIT_S = 30.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run of the daemon did.

    Attributes
    ----------
    frames : int
        Frames that went through the pipeline.
    faults : int
        Frames that could not be read or processed.
    sightings : tuple of Sighting
        Confirmed and recorded, as they stood at the end, in the order of
        confirmation.
    unrecorded : int
        Confirmed, but the store could not be written.
    """

    frames: int
    faults: int
    sightings: tuple[Sighting, ...]
    unrecorded: int


def check_config(config: Config) -> None:
    """Check what single values cannot show: source and options, database, who may connect.

    Nothing is opened.

    Raises
    ------
    ConfigError
        The message says what is wrong.
    """
    open_camera(config.camera.source)
    if config.web.enabled:
        _check_web(config)
    _check_database(config.store)


def store_paths(config: StoreConfig) -> tuple[str, Path]:
    """Return the URL or path of the database and the folder for pictures.

    What is not configured lies in the user's data directory.
    """
    if config.url is not None and config.media_dir is not None:
        return config.url, config.media_dir
    from platformdirs import user_data_path

    data = user_data_path("galaxy-edge", appauthor=False)
    return config.url or str(data / "sightings.sqlite"), config.media_dir or data / "media"


def run_daemon(
    config: Config,
    *,
    frame_limit: int | None = None,
    report: Report = log.info,
    stop: threading.Event | None = None,
) -> RunSummary:
    """Observe until the source ends, the limit is reached or somebody stops it.

    In the main thread SIGINT and SIGTERM stop it in order; a second signal
    ends the process at once.

    Parameters
    ----------
    config : Config
    frame_limit : int, optional
        Stop after this many frames.
    report : callable
        Called with one line for each sighting, once it is confirmed and
        recorded on the disk; from any thread.
    stop : Event, optional
        Stops the daemon when set.

    Raises
    ------
    ConfigError
        The source or the address of the dashboard is wrong.
    GalaxyEdgeError
        The bundle cannot be loaded, or a file source cannot be read at all.
        A camera, a store or a dashboard that fails is tried again instead.
    """
    stop = stop or threading.Event()
    if config.web.enabled:
        _check_web(config)
    capture = CaptureProcess(
        config.camera.source,
        policy=SupervisionPolicy(
            hang_timeout_s=config.camera.hang_timeout_s,
            open_timeout_s=max(OPEN_TIMEOUT_S, config.camera.hang_timeout_s),
        ),
    )
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(_stopped_by_signals(stop))
        stack.enter_context(capture)  # the camera opens while the models load
        from edge_runtime.bundle import load_bundle
        from edge_runtime.pipeline import Pipeline

        bundle = load_bundle(config.bundle.path)
        if config.bundle.path is not None:
            from edge_runtime.bundle.verifying import probe_bundle

            probe_bundle(bundle)
        pipeline = Pipeline(
            bundle,
            threads=config.pipeline.threads,
            score_threshold=config.pipeline.score_threshold,
        )
        stack.callback(pipeline.close)
        log.info("observing %s with bundle %s", capture.source_name, _bundle_text(bundle))
        return _Observation(config, capture, pipeline, report).run(frame_limit, stop)


class _Observation:
    """One run: everything between the first frame and the last."""

    def __init__(
        self, config: Config, capture: CaptureProcess, pipeline: Pipeline, report: Report
    ) -> None:
        from edge_runtime.dashboard import Dashboard
        from edge_runtime.run_health import RunHealth
        from edge_runtime.tracked_sighting import BundleIdentity

        bundle = pipeline.bundle
        self._config = config
        self._capture = capture
        self._pipeline = pipeline
        self._identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
        self._recorder = Recorder(*store_paths(config.store), report)
        self._dashboard = Dashboard(config.web, lambda: self._recorder.store, bundle=bundle)
        self._health = RunHealth(capture.source_name, self._identity, config.camera.hang_timeout_s)
        self._tracker: Tracker | None = None
        self._selftest = threading.Thread(
            target=self._test_bundle, name="bundle self-test", daemon=True
        )
        self._from_folder = parse_source(config.camera.source).scheme == "folder"
        self._started_s = self._logged_s = time.monotonic()

    def run(self, frame_limit: int | None, stop: threading.Event) -> RunSummary:
        """Take frames until the end; then write what waits and close everything."""
        unrecorded = 0
        try:
            while not stop.is_set() and (frame_limit is None or self._health.frames < frame_limit):
                item = self._capture.get(WAIT_FOR_FRAME_S)
                if isinstance(item, EndOfSource):
                    self._health.source_ended()
                    log.info("%s has no more frames", self._capture.source_name)
                    break
                result = None
                if isinstance(item, FrameFault):
                    self._fault(item.message, item.source_failed)
                elif item is not None:
                    result = self._take(item)
                self._show(result)
        finally:
            if self._selftest.is_alive():
                self._selftest.join(SELFTEST_WAIT_S)
            unrecorded = self._recorder.close()
            self._dashboard.close()
        return RunSummary(
            self._health.frames, self._health.faults, self._recorder.recorded, unrecorded
        )

    def _take(self, frame: Frame) -> FrameResult | None:
        """Process one frame; whatever is wrong with it, the next one is taken."""
        if self._from_folder and is_exposure(frame):
            frame = named_after_target(frame)
        try:
            result = self._pipeline.process(frame)
            if self._tracker is None:
                log.info("first frame after %.1f s", time.monotonic() - self._started_s)
                self._tracker = self._make_tracker(frame)
                self._selftest.start()  # beside observing, so that it delays no frame
            update = self._tracker.update(result)
        except FrameError as error:
            self._fault(str(error))
            return None
        except Exception as error:  # supervision border: one frame must not end the night
            log.exception("frame %d (%s) failed", frame.sequence, frame.name or frame.camera)
            self._fault(f"{type(error).__name__}: {error}")
            return None
        self._recorder.submit(update.changed)
        self._health.frame_done(result.stage_ms)
        return result

    def _fault(self, message: str, source_failed: bool = False) -> None:
        self._health.fault(message, source_failed)
        log.warning("%s", message)

    def _test_bundle(self) -> None:
        """Say so where this machine does not get the results the bundle was built with."""
        from edge_runtime.bundle.selftest import run_selftest

        try:
            results = run_selftest(self._pipeline.bundle)
        except BundleError as error:
            log.error("%s", error)
            self._health.trouble(str(error))
        else:
            log.info("self-test of the bundle: %d frames as expected", len(results))

    def _make_tracker(self, first: Frame) -> Tracker:
        from edge_runtime.tracking import Tracker, TrackingParams

        settings = self._config.tracking
        if self._from_folder and not is_exposure(first):
            params = TrackingParams.for_stills()
            log.info("the pictures of the folder are taken as separate: one detection confirms")
        else:
            params = TrackingParams(n=settings.n, m=settings.m)
        known = self._recorder.known_sightings(self._identity.sha256)
        return Tracker(params, self._identity, known)

    def _show(self, result: FrameResult | None) -> None:
        """Bring dashboard and log up to date."""
        now_s = time.monotonic()
        status = self._recorder.status()
        health = self._health.now(status.ok, status.pending, status.last_error)
        if result is not None:
            self._dashboard.publish(result, health)
        else:
            self._dashboard.publish_health(health)
        if self._tracker is not None or now_s - self._started_s > DASHBOARD_AFTER_S:
            self._dashboard.start()  # its imports would delay the first frame
        if now_s - self._logged_s >= HEALTH_EVERY_S:
            self._logged_s = now_s
            log.info(
                "%d frames (%.1f/s), %d faults, %d sightings, %d camera restarts, %d to write",
                health.frames,
                health.frames_per_second,
                health.faults,
                len(self._recorder.recorded),
                self._capture.restarts,
                health.pending,
            )


def is_exposure(frame: Frame) -> bool:
    """Tell an exposure of a series, with its target or time, from a single picture."""
    return bool(frame.header.get("OBJECT")) or frame.exposure_s > 0


def named_after_target(frame: Frame) -> Frame:
    """Name an exposure from a folder after its target, not its file.

    Tracking follows galaxies from frame to frame as long as the name stays.
    """
    target = str(frame.header.get("OBJECT") or "").strip()
    return dataclasses.replace(frame, name=target or frame.camera)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set the event; the second one ends the process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bundle_text(bundle: Bundle) -> str:
    return f"{bundle.name} {bundle.version} ({bundle.sha256[:12]})"


def _check_web(config: Config) -> None:
    """Refuse an address that lets strangers in."""
    from edge_runtime.dashboard import access_of

    access_of(config.web)


def _check_database(config: StoreConfig) -> None:
    """Refuse a database URL that cannot be read or whose driver is missing."""
    if config.url is None or "://" not in config.url:
        return
    from edge_runtime.store.database import open_engine, parse_url

    try:
        open_engine(parse_url(config.url)).dispose()
    except StoreError as error:
        raise ConfigError(f"store.url: {error}") from error
