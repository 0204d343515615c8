"""What occlusion maps cost observing: frames a second with and without them, in one run."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.benchmark.frames import source_uri
from edge_runtime.bundle.loading import Bundle
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5, FrameResult, Sighting
from edge_runtime.store import StoredSighting

WARM_UP_FRAMES = 6
ASK_EVERY_S = 0.25  # as the page does
_BOX_SHARE = 0.3  # of the frame's height


@dataclass(frozen=True, slots=True)
class MapRequestCost:
    """Speed of observing without maps, and while one map after another is made.

    Attributes
    ----------
    rounds, frames : int
        Turns of each, and frames of a turn.
    frames_per_second_without, frames_per_second_with : float
        Over all turns.
    ratio : float
        With over without, median over the rounds; 1 where maps cost nothing.
    ratio_quartiles : tuple of float
        First and third over the rounds.
    maps : int
        Made meanwhile.
    seconds_per_map : float or None
        Of the turns in which maps were made; None where none was finished.
    """

    rounds: int
    frames: int
    frames_per_second_without: float
    frames_per_second_with: float
    ratio: float
    ratio_quartiles: tuple[float, float]
    maps: int
    seconds_per_map: float | None


def measure_map_requests(
    bundle: Bundle, folder: Path, *, rounds: int = 12, frames: int = 30, threads: int = 2
) -> MapRequestCost:
    """Observe prepared frames in turns, without maps and with one map after another.

    The turns follow one another in one run, so that whatever else the machine
    does falls on both; what counts is the ratio. Frames go the whole way:
    capture process, shared memory, pipeline, tracker, dashboard.

    Parameters
    ----------
    bundle : Bundle
    folder : Path
        Prepared frames, of ``benchmark.frames.prepare_frames``.
    rounds : int
        Turns of each, at least 2.
    frames : int
        Of a turn, at least 2.
    threads : int
        Interpreters of the detector.

    Raises
    ------
    GalaxyEdgeError
        The prepared frames cannot be had.
    """
    if rounds < 2 or frames < 2:
        raise ValueError(f"rounds {rounds} and frames {frames} must be at least 2")
    from edge_runtime.capture import CaptureProcess
    from edge_runtime.frame import Frame
    from edge_runtime.pipeline import Pipeline
    from edge_runtime.tracked_sighting import BundleIdentity
    from edge_runtime.tracking import Tracker, TrackingParams
    from edge_runtime.web import DashboardState, Health

    count = WARM_UP_FRAMES + 2 * rounds * frames
    tracker = Tracker(TrackingParams(), BundleIdentity(bundle.name, bundle.version, bundle.sha256))
    state = DashboardState()
    times_s: dict[bool, list[float]] = {False: [], True: []}
    maps = 0
    with (
        tempfile.TemporaryDirectory(prefix="galaxy-edge-maps-") as media,
        closing(Pipeline(bundle, threads=threads)) as pipeline,
        CaptureProcess(source_uri(folder, count)) as capture,
    ):

        def observe(number: int) -> FrameResult:
            done = 0
            while True:
                item = capture.get(0.5)
                if item is None:
                    continue
                if not isinstance(item, Frame):
                    raise GalaxyEdgeError(f"the prepared frames cannot be had: {item}")
                result = pipeline.process(item)
                tracker.update(result)
                state.publish(result, Health())
                done += 1
                if done == number:
                    return result

        galaxy = _OneGalaxy(Path(media), observe(WARM_UP_FRAMES), bundle)
        for turn in range(2 * rounds):
            asked = turn % 4 in (1, 2)  # without, with, with, without: a drift falls on both
            with _maps_one_after_another(bundle, galaxy, asked) as made:
                began_s = time.perf_counter()
                observe(frames)
                times_s[asked].append(time.perf_counter() - began_s)
            maps += made()
    ratios = [a / b for a, b in zip(times_s[False], times_s[True], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return MapRequestCost(
        rounds=rounds,
        frames=frames,
        frames_per_second_without=rounds * frames / sum(times_s[False]),
        frames_per_second_with=rounds * frames / sum(times_s[True]),
        ratio=middle,
        ratio_quartiles=(low, high),
        maps=maps,
        seconds_per_map=sum(times_s[True]) / maps if maps else None,
    )


class _OneGalaxy:
    """Any number of sightings that share one crop, as a store gives them."""

    def __init__(self, media_dir: Path, result: FrameResult, bundle: Bundle) -> None:
        from edge_runtime.preview import encode_picture, square_crop
        from edge_runtime.store.media import media_name

        self.media_dir = media_dir
        height, width = result.picture.shape[:2]
        half = 0.5 * _BOX_SHARE * height
        box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
        sighting = Sighting(
            id=uuid.uuid4().hex,
            camera=result.frame.camera,
            target=result.frame.name,
            first_seen=result.frame.time,
            last_seen=result.frame.time,
            frames=1,
            box_xyxy_px=box,
            score=1.0,
            galaxy_probability=1.0,
            votes=np.zeros(37, np.float32),
            class_probabilities=np.eye(len(CLASS5), dtype=np.float32)[-1],
            ra_deg=None,
            dec_deg=None,
            bundle_name=bundle.name,
            bundle_version=bundle.version,
            bundle_sha256=bundle.sha256,
        )
        name = media_name(sighting.id, "crop.png")
        (media_dir / name).parent.mkdir()
        crop = square_crop(result.picture, box)
        (media_dir / name).write_bytes(encode_picture(crop, ".png"))
        self._item = StoredSighting(sighting, 1.0, None, name, None)

    def sighting(self, sighting_id: str) -> StoredSighting:
        return replace(self._item, sighting=replace(self._item.sighting, id=sighting_id))


@contextmanager
def _maps_one_after_another(
    bundle: Bundle, galaxy: _OneGalaxy, asked: bool
) -> Iterator[Callable[[], int]]:
    """Ask for one map after another until the end; gives the number of those made."""
    from edge_runtime.occlusion.requested_maps import OcclusionMaps, Stage

    made = 0
    if not asked:
        yield lambda: made
        return
    maps, stop = OcclusionMaps(bundle), threading.Event()

    def ask() -> None:
        nonlocal made
        while not stop.is_set():
            item = galaxy.sighting(uuid.uuid4().hex)
            maps.request(galaxy, item)
            while not stop.wait(ASK_EVERY_S):
                stage = maps.state(galaxy, item).stage
                if stage is Stage.DONE:
                    made += 1
                if stage in (Stage.DONE, Stage.FAILED):
                    break

    visitor = threading.Thread(target=ask, name="visitor", daemon=True)
    visitor.start()
    try:
        yield lambda: made
    finally:
        stop.set()
        visitor.join()
        maps.close()
