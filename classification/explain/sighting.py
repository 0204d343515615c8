"""A sighting of the telescope explained from what its store keeps."""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classification.explain.explained_picture import Part, Progress, explain_in_picture
from classification.explain.explained_set import FINE_PX
from classification.explain.galaxy_mask import CropRegions, Ellipse, NoGalaxyError, ellipse_regions
from classification.explain.outputs import CLASS5_SCHEME
from classification.explain.picture_galaxy import PictureGalaxy
from classification.explain.reports.drawing import scale_bar
from classification.explain.reports.picture_page import PictureFacts, write_picture_page
from classification.explain.subjects import ExplainedSubject
from edge_runtime.bundle.loading import Bundle
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.recorded_crops import RecordedCrop, decode_crop
from edge_runtime.store import StoredSighting
from edge_runtime.store.media import media_path
from edge_runtime.store.queries import SightingQueries

_log = logging.getLogger(__name__)

_ID_LENGTH = 32
_LEAST_PREFIX = 4
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SightingRecord:
    """What the store keeps of a sighting.

    Attributes
    ----------
    item : StoredSighting
    crop : ndarray, shape (R, R, 3), uint8, RGB
        The picture of its best frame.
    best_probability : float or None
        Probability of its class that the telescope recorded for that frame.
    """

    item: StoredSighting
    crop: NDArray[np.uint8]
    best_probability: float | None


@dataclass(frozen=True, slots=True)
class SightingExplanation:
    """What was explained.

    Attributes
    ----------
    parts : tuple of (ExplainedSubject, ExplainedGalaxy, CropRegions)
    galaxy : PictureGalaxy
    outline : str
        How it is known where the galaxy lies in the crop.
    warning : str
        Where other models are asked than those that made the sighting; empty elsewhere.
    """

    parts: tuple[Part, ...]
    galaxy: PictureGalaxy
    outline: str
    warning: str


def find_sighting(store: SightingQueries, text: str) -> SightingRecord:
    """The sighting with an identifier, or with one that begins with the text.

    Parameters
    ----------
    store : SightingQueries
    text : str
        32 hexadecimal digits, or at least 4 that no other sighting begins with.

    Raises
    ------
    GalaxyEdgeError
        There is none, or several; the message lists like or late ones. Its picture is
        missing or damaged.
    StoreError
        The database cannot be read.
    """
    wanted = text.strip().lower()
    item = store.sighting(wanted) if len(wanted) == _ID_LENGTH else None
    if item is None:
        ids = store.last_ids()
        begin = [each for each in ids if len(wanted) >= _LEAST_PREFIX and each.startswith(wanted)]
        if len(begin) == 1:
            item = store.sighting(begin[0])
        elif begin:
            raise GalaxyEdgeError(
                f"{text!r} begins the identifiers of {len(begin)} sightings in {store.where}: "
                f"{_listed(store, begin)}"
            )
    if item is None:
        if not ids:
            raise GalaxyEdgeError(f"{store.where} holds no sighting yet")
        like = difflib.get_close_matches(wanted, ids, n=_SHOWN, cutoff=0.7)
        raise GalaxyEdgeError(
            f"{store.where} has no sighting {text!r}; "
            f"{'like it are' if like else 'the last are'}: {_listed(store, like or ids)}"
        )
    path = None if item.crop_file is None else media_path(store.media_dir, item.crop_file)
    if path is None:
        raise GalaxyEdgeError(
            f"no picture of sighting {item.sighting.id} is in {store.media_dir}; "
            "without it there is nothing to explain"
        )
    try:
        crop = decode_crop(path.read_bytes())
    except (OSError, GalaxyEdgeError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read ({error})") from error
    return SightingRecord(item, crop, _best_probability(store, item))


def other_models(item: StoredSighting, bundle: Bundle) -> str:
    """A warning where a sighting was made by other models than those asked; else empty."""
    made = item.sighting
    if made.bundle_sha256 == bundle.sha256:
        return ""
    return (
        f"sighting {made.id} was made by {made.bundle_name} {made.bundle_version} "
        f"({made.bundle_sha256[:12]}); explained is what {bundle.name} {bundle.version} "
        f"({bundle.sha256[:12]}) says of it. Name the other with --bundle"
    )


def explain_recorded(
    record: SightingRecord,
    bundle: Bundle,
    subjects: Sequence[ExplainedSubject],
    methods: Sequence[str],
    *,
    target_name: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> SightingExplanation:
    """Explain the recorded picture of a sighting.

    Parameters
    ----------
    record : SightingRecord
    bundle : Bundle
        Its crop geometry is used.
    subjects : sequence of ExplainedSubject
        Networks to ask, the bundle's first.
    methods : sequence of str
        Those that a network cannot run are left out.
    target_name : str
        Answer to explain; empty for the class that the sighting was given.
    seed : int
    progress : callable, optional
        Told what is done, how many steps of it, and how many there are.

    Raises
    ------
    GalaxyEdgeError
        A network has no such answer.
    """
    sighting = record.item.sighting
    cut = RecordedCrop(record.crop, sighting.box_xyxy_px, bundle.sky_pixel)
    x_px, y_px = cut.centre_px
    galaxy = PictureGalaxy(
        picture=cut.picture,
        x_px=x_px,
        y_px=y_px,
        side_px=cut.side_px(bundle.manifest.classifier.crop_multiple),
        fill=bundle.sky_pixel,
        found="the telescope's box",
    )
    asked = {
        "target_name": target_name or f"{CLASS5_SCHEME}:{sighting.label}",
        "name": f"sighting {sighting.id}",
        "seed": seed,
        "progress": progress,
    }
    outline = "isophote"
    try:
        parts = explain_in_picture(galaxy, subjects, methods, **asked)
    except NoGalaxyError as error:
        _log.warning("%s; the ellipse in its box is taken for the galaxy", error)
        outline = "no isophote holds it: the ellipse in the telescope's box"

        def in_box(subject: ExplainedSubject) -> CropRegions:
            return ellipse_regions(box_ellipse(cut, galaxy, subject), subject.preparation.size_px)

        parts = explain_in_picture(galaxy, subjects, methods, regions_of=in_box, **asked)
    return SightingExplanation(tuple(parts), galaxy, outline, other_models(record.item, bundle))


def box_ellipse(cut: RecordedCrop, galaxy: PictureGalaxy, subject: ExplainedSubject) -> Ellipse:
    """The ellipse in a sighting's box, in pixels of a network's crop."""
    left, top, right, bottom = cut.box_xyxy_px
    size = subject.preparation.size_px
    shown = (subject.preparation.crop_frame_px or FINE_PX) * galaxy.frame_scale
    scale = cut.scale * size / shown
    half_x, half_y = scale * (right - left) / 2.0, scale * (bottom - top) / 2.0
    angle = 0.0 if half_x >= half_y else math.pi / 2.0
    return Ellipse(size / 2.0, size / 2.0, max(half_x, half_y), min(half_x, half_y), angle)


def write_sighting_page(path: Path, record: SightingRecord, found: SightingExplanation) -> None:
    """Write the page about a sighting, one file without anything outside of it.

    Parameters
    ----------
    path : Path
        HTML file.
    record : SightingRecord
    found : SightingExplanation
    """
    item, galaxy = record.item, found.galaxy
    subject, _, regions = found.parts[0]
    preparation = subject.preparation
    facts = PictureFacts(
        name=item.sighting.target or item.sighting.camera,
        picture=galaxy.crop(preparation, max(FINE_PX, preparation.size_px)),
        regions=regions,
        bar=scale_bar(
            preparation.crop_frame_px,
            galaxy.frame_scale,
            min(galaxy.picture.shape[:2]),
            arcsec_per_px(record),
        ),
        facts=sighting_facts(record, found),
    )
    write_picture_page(path, facts, found.parts)


def sighting_facts(
    record: SightingRecord, found: SightingExplanation
) -> tuple[tuple[str, str], ...]:
    """Names and values for the page."""
    item = record.item
    sighting = item.sighting
    label = sighting.label.replace("_", " ")
    mean = float(sighting.class_probabilities.max())
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (sighting.first_seen, sighting.last_seen))
    lines = [
        ("sighting", sighting.id),
        ("seen", f"{first} to {last} UTC"),
        ("frames", f"{sighting.frames}, camera {sighting.camera}"),
        ("recorded", f"{label} {mean:.3f}, mean of the frames; best score {sighting.score:.3f}"),
    ]
    if record.best_probability is not None:
        lines.append(("recorded of this frame", f"{label} {record.best_probability:.3f}"))
    if sighting.ra_deg is not None and sighting.dec_deg is not None:
        lines.append(("position (ICRS)", f"{sighting.ra_deg:.5f}°, {sighting.dec_deg:+.5f}°"))
    lines += [
        (
            "made by",
            f"{sighting.bundle_name} {sighting.bundle_version} ({sighting.bundle_sha256[:12]})",
        ),
        ("picture", f"{len(record.crop)} × {len(record.crop)} px, recorded of the best frame"),
        ("outline", found.outline),
    ]
    if found.warning:
        lines.insert(0, ("warning", found.warning))
    return tuple(lines)


def arcsec_per_px(record: SightingRecord) -> float | None:
    """Angle of a pixel of the recorded picture; None where the telescope did not know it."""
    if record.item.size_arcsec is None:
        return None
    cut = RecordedCrop(record.crop, record.item.sighting.box_xyxy_px, 0)
    left, top, right, bottom = cut.box_xyxy_px
    return record.item.size_arcsec / (math.sqrt((right - left) * (bottom - top)) * cut.scale)


def _best_probability(store: SightingQueries, item: StoredSighting) -> float | None:
    """What the telescope said of the frame whose crop is kept."""
    column = int(np.argmax(item.sighting.class_probabilities))
    for stored in store.detections(item.sighting.id):
        detection = stored.record.detection
        if detection.box_xyxy_px == item.sighting.box_xyxy_px:
            return float(detection.class_probabilities[column])
    return None


def _listed(store: SightingQueries, ids: Sequence[str]) -> str:
    shown = []
    for each in ids[:_SHOWN]:
        item = store.sighting(each)
        if item is not None:
            about = item.sighting
            words = about.label.replace("_", " ")
            shown.append(f"{each} ({words}, {about.target or about.camera})")
    left = len(ids) - _SHOWN
    return "; ".join(shown) + (f"; and {left} more" if left > 0 else "")
