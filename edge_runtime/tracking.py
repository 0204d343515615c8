"""The same galaxy in successive frames is one sighting.

Detections are paired with the galaxies of the last frame by overlap or
distance, after the common motion of the field (drift, dither, small jumps) has
been taken out. A galaxy detected in N of the last M frames is confirmed. Where
frames know where they point, the position on the sky identifies a galaxy, so
that one seen again after a slew, or after a restart, continues its sighting.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import ConfigError
from edge_runtime.frame import Frame
from edge_runtime.sighting import BoxXyxy, Detection, FrameResult
from edge_runtime.sky_coordinates import TangentPlane, separation_arcsec
from edge_runtime.track_association import (
    associate,
    centre,
    common_shift,
    merge_duplicates,
    moved,
    registered_shift,
    same_galaxy,
    side,
)
from edge_runtime.tracked_sighting import (
    BundleIdentity,
    DetectionRecord,
    KnownSighting,
    TrackedSighting,
    TrackerUpdate,
)
from edge_runtime.tracking_evidence import AnnotatedFrames, Evidence

__all__ = [
    "BundleIdentity",
    "DetectionRecord",
    "KnownSighting",
    "TrackedSighting",
    "Tracker",
    "TrackerUpdate",
    "TrackingParams",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackingParams:
    """Settings of the tracker.

    Attributes
    ----------
    n, m : int
        A galaxy is confirmed by ``n`` detections within ``m`` frames.
    iou_gate : float
        A detection may continue a track that it overlaps at least this much,
    distance_gate : float
        or whose centre is nearer than this multiple of their size,
    least_distance_px : float
        or nearer than this in pixels.
    largest_shift : float
        Longest motion of the field between frames that is followed, as a
        fraction of the frame's shorter side.
    max_gap_frames : int
        A sighting not detected in more frames than this in a row is closed.
    max_gap_s : float
        Without a pointing, a longer pause between frames closes every track.
    slew_fraction : float
        A change of pointing by more than this fraction of the field's shorter
        side is a slew and closes every track.
    sky_radius_arcsec : float
        Least radius within which a detection continues a known sighting; half
        the box where that is larger.
    """

    n: int = 3
    m: int = 5
    iou_gate: float = 0.3
    distance_gate: float = 0.5
    least_distance_px: float = 6.0
    largest_shift: float = 0.15
    max_gap_frames: int = 10
    max_gap_s: float = 600.0
    slew_fraction: float = 0.3
    sky_radius_arcsec: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.n <= self.m:
            raise ConfigError(f"tracking: n = {self.n} must be 1 to m = {self.m}")

    @classmethod
    def for_stills(cls) -> TrackingParams:
        """Settings for sources whose frames are separate pictures: one detection suffices."""
        return cls(n=1, m=1)


@dataclass(slots=True)
class _Track:
    """A galaxy that is being followed; without an identifier until it is confirmed."""

    box: BoxXyxy
    sky: tuple[float, float] | None
    evidence: Evidence
    hits: deque[bool]
    sighting_id: str | None = None
    misses: int = 0
    seen_now: bool = False

    def mark_seen(self, box: BoxXyxy, sky: tuple[float, float] | None) -> None:
        """Note a detection in the present frame."""
        self.box, self.sky, self.seen_now = box, sky, True

    def end_frame(self) -> None:
        """Count the present frame as a hit or a miss."""
        self.hits.append(self.seen_now)
        self.misses = 0 if self.seen_now else self.misses + 1
        self.seen_now = False


class Tracker:
    """Turns the detections of successive frames into sightings.

    Not thread-safe: one pipeline owns it.

    Parameters
    ----------
    params : TrackingParams
    bundle : BundleIdentity
        The models at work; written into every sighting.
    known : iterable of KnownSighting
        Sightings of earlier sessions (``Store.known_sightings``). Those with a
        position on the sky and of the same bundle are continued when seen
        again; the opinions of different models are never averaged.
    new_id : callable
        Makes identifiers of 32 hexadecimal digits.

    Raises
    ------
    ConfigError
        ``n`` and ``m`` do not fit (by ``TrackingParams``).
    """

    def __init__(
        self,
        params: TrackingParams,
        bundle: BundleIdentity,
        known: Iterable[KnownSighting] = (),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.params = params
        self.bundle = bundle
        self._new_id = new_id
        self._tracks: list[_Track] = []
        self._known: dict[str, Evidence] = {
            item.sighting.id: Evidence.resume(item)
            for item in known
            if item.sighting.bundle_sha256 == bundle.sha256 and item.sighting.ra_deg is not None
        }
        self._annotated = AnnotatedFrames()
        self._last: FrameResult | None = None
        self._last_plane: TangentPlane | None = None

    def update(self, result: FrameResult) -> TrackerUpdate:
        """Take in one frame.

        Parameters
        ----------
        result : FrameResult
            Frames in the order in which they were taken. The picture is kept
            by reference until the next call or until it has been reported.

        Returns
        -------
        TrackerUpdate
            New sightings, sightings seen again, and identifiers of sightings no
            longer followed. Pictures are present only where the best score
            improved.
        """
        plane = TangentPlane.from_frame(result.frame)
        closed = self._close_after_move(result.frame, plane)
        detections = merge_duplicates(result.detections)
        pairs = self._pair(result, detections, plane)
        confirmed: list[TrackedSighting] = []
        updated: list[TrackedSighting] = []
        for index, track in enumerate(self._tracks):
            if index in pairs:
                self._follow(track, result, detections[pairs[index]], plane)
        taken = set(pairs.values())
        for index, detection in enumerate(detections):
            if index not in taken:
                self._begin(result, detection, plane)
        for track in list(self._tracks):
            if not track.seen_now:
                continue
            if track.sighting_id is not None:
                updated.append(self._report(track))
            elif 1 + sum(track.hits) >= self.params.n:
                twin = self._confirmed_twin(track)
                if twin is not None:
                    self._tracks.remove(track)
                    twin.evidence.absorb(track.evidence)
                    if not twin.seen_now:
                        twin.mark_seen(track.box, track.sky)
                        updated.append(self._report(twin))
                    continue
                track.sighting_id = self._new_id()
                confirmed.append(self._report(track))
        closed += self._close_lost()
        self._annotated.forget()
        self._last, self._last_plane = result, plane
        return TrackerUpdate(tuple(confirmed), tuple(updated), closed)

    def close(self) -> tuple[str, ...]:
        """Stop following everything; return the identifiers of the sightings closed."""
        closed = tuple(track.sighting_id for track in self._tracks if track.sighting_id)
        self._tracks.clear()
        self._last = self._last_plane = None
        return closed

    def _close_after_move(self, frame: Frame, plane: TangentPlane | None) -> tuple[str, ...]:
        """Close every track where this frame shows another field than the last one."""
        if self._last is None:
            return ()
        last, before = self._last.frame, self._last_plane
        reason = ""
        if (frame.width, frame.height) != (last.width, last.height):
            reason = "the size of the frames changed"
        elif frame.name != last.name:
            reason = f"the target changed from {last.name!r} to {frame.name!r}"
        elif plane is not None and before is not None:
            field = min(frame.width, frame.height) * plane.pixel_scale_arcsec
            slew = float(separation_arcsec(*before.centre_deg, *plane.centre_deg))
            if slew > self.params.slew_fraction * field:
                reason = f"the telescope slewed by {slew:.0f} arcsec"
        elif abs((frame.time - last.time).total_seconds()) > self.params.max_gap_s:
            reason = f"no frame came for {self.params.max_gap_s:.0f} s"
        if not reason:
            return ()
        if self._tracks:
            log.debug("%d tracks closed: %s", len(self._tracks), reason)
        return self.close()

    def _pair(
        self,
        result: FrameResult,
        detections: tuple[Detection, ...],
        plane: TangentPlane | None,
    ) -> dict[int, int]:
        """Pair tracks with detections: index of track to index of detection."""
        if not self._tracks or not detections:
            return {}
        new = [detection.box_xyxy_px for detection in detections]
        old = [_predicted(track, plane) for track in self._tracks]
        reach = self.params.largest_shift * min(result.frame.width, result.frame.height)
        shift = common_shift(old, new, reach)
        pairs = self._associate([moved(box, shift) for box in old], new)
        lost = [i for i, track in enumerate(self._tracks) if i not in pairs and track.misses == 0]
        if lost and len(pairs) < len(new) and shift == (0.0, 0.0) and self._last is not None:
            # Too few galaxies to tell how the field moved: ask the stars.
            by_stars = registered_shift(self._last.picture, result.picture, reach)
            if by_stars is not None:
                again = self._associate([moved(box, by_stars) for box in old], new)
                pairs = again if len(again) > len(pairs) else pairs
        return pairs

    def _associate(self, old: list[BoxXyxy], new: list[BoxXyxy]) -> dict[int, int]:
        return associate(
            old,
            new,
            iou_gate=self.params.iou_gate,
            distance_gate=self.params.distance_gate,
            least_distance_px=self.params.least_distance_px,
        )

    def _follow(
        self,
        track: _Track,
        result: FrameResult,
        detection: Detection,
        plane: TangentPlane | None,
    ) -> None:
        box = detection.box_xyxy_px
        track.mark_seen(box, None if plane is None else plane.sky(*centre(box)))
        track.evidence.add(result, detection, plane)

    def _begin(self, result: FrameResult, detection: Detection, plane: TangentPlane | None) -> None:
        """Continue the known sighting at this place of the sky, else start a track."""
        known_id = None if plane is None else self._known_at(detection.box_xyxy_px, plane)
        for track in self._tracks:
            if known_id is not None and track.sighting_id == known_id:
                self._follow(track, result, detection, plane)
                return
        if known_id is not None:
            evidence = self._known[known_id]
            evidence.add(result, detection, plane)
        else:
            evidence = Evidence.start(result, detection, plane)
        box = detection.box_xyxy_px
        sky = None if plane is None else plane.sky(*centre(box))
        hits: deque[bool] = deque(maxlen=self.params.m - 1)
        self._tracks.append(_Track(box, sky, evidence, hits, known_id, seen_now=True))

    def _known_at(self, box: BoxXyxy, plane: TangentPlane) -> str | None:
        """Nearest known sighting at a place, unless another detection just continued it."""
        busy = {track.sighting_id for track in self._tracks if track.seen_now}
        free = [(key, e.best) for key, e in self._known.items() if key not in busy]
        free = [(key, best) for key, best in free if best.sky is not None]
        if not free:
            return None
        positions: NDArray[np.float64] = np.array([best.sky for _, best in free], np.float64)
        ra, dec = plane.sky(*centre(box))
        distance = separation_arcsec(ra, dec, positions[:, 0], positions[:, 1])
        size = side(box) * plane.pixel_scale_arcsec
        # The smaller of the two boxes counts: a companion lies within half the
        # box of a large galaxy, but not within half of its own.
        halves = np.array([min(size, best.size_arcsec or size) / 2.0 for _, best in free])
        reach = np.maximum(halves, self.params.sky_radius_arcsec)
        nearest = int(np.argmin(distance / reach))
        return free[nearest][0] if distance[nearest] <= reach[nearest] else None

    def _confirmed_twin(self, track: _Track) -> _Track | None:
        """A sighting that is followed at the same place, under a different box."""
        for other in self._tracks:
            if other.sighting_id and other is not track and same_galaxy(other.box, track.box):
                return other
        return None

    def _report(self, track: _Track) -> TrackedSighting:
        assert track.sighting_id is not None
        if track.evidence.best.sky is not None:
            self._known[track.sighting_id] = track.evidence
        return track.evidence.report(track.sighting_id, self.bundle, self._annotated)

    def _close_lost(self) -> tuple[str, ...]:
        """End the frame for every track and close those missed too often."""
        closed: list[str] = []
        kept: list[_Track] = []
        for track in self._tracks:
            track.end_frame()
            if track.sighting_id is None:
                alive = track.misses <= self.params.m - self.params.n
            else:
                alive = track.misses <= self.params.max_gap_frames
                if not alive:
                    closed.append(track.sighting_id)
            if alive:
                kept.append(track)
        self._tracks = kept
        return tuple(closed)


def _predicted(track: _Track, plane: TangentPlane | None) -> BoxXyxy:
    """The box where the pointing of this frame puts it."""
    if plane is None or track.sky is None:
        return track.box
    place = plane.pixel(*track.sky)
    if place is None:
        return track.box
    x, y = centre(track.box)
    return moved(track.box, (place[0] - x, place[1] - y))
