"""The pages of the galaxies of a set, and of single pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.explain.explained_picture import Part
from classification.explain.explained_set import FINE_PX, ExplainedSet, fine_crop
from classification.explain.picture_galaxy import PictureGalaxy
from classification.explain.reports.closest import TrainingPictures
from classification.explain.reports.drawing import ScaleBar, crop_uri, scale_bar
from classification.explain.reports.layer_views import LayerView
from classification.explain.reports.picture_page import (
    ClosestPicture,
    PictureFacts,
    write_picture_page,
)
from classification.explain.reports.set_galleries import PAGES
from classification.explain.set_folder import file_stem
from classification.explain.subjects import class_answers
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

CLOSEST = 6
_CLOSEST_PX = 150

Progress = Callable[[int, int], None]


def write_galaxy_pages(
    folder: Path,
    explained: ExplainedSet,
    *,
    training: TrainingPictures | None = None,
    arcsec_per_px: float | None = None,
    back: str = "",
    progress: Progress | None = None,
) -> list[Path]:
    """Write a page for each galaxy of a set.

    Parameters
    ----------
    folder : Path
        Of the set's page; the pages go to a folder in it.
    explained : ExplainedSet
    training : TrainingPictures, optional
        To find the closest pictures among.
    arcsec_per_px : float, optional
        Angle of a pixel of the pictures.
    back : str
        Name of the set's page, for the link.
    progress : callable, optional
        Called with the pages done and all of them.
    """
    written = []
    for row in range(len(explained)):
        path = folder / PAGES / f"{file_stem(row, explained.galaxies.ids[row])}.html"
        write_galaxy_page(
            path,
            explained,
            row,
            training=training,
            arcsec_per_px=arcsec_per_px,
            back=f"../{back}" if back else "",
        )
        written.append(path)
        if progress is not None:
            progress(row + 1, len(explained))
    return written


def write_galaxy_page(
    path: Path,
    explained: ExplainedSet,
    row: int,
    *,
    training: TrainingPictures | None = None,
    arcsec_per_px: float | None = None,
    back: str = "",
) -> None:
    """Write the page of one galaxy of a set; see ``write_galaxy_pages``."""
    galaxies, first = explained.galaxies, explained.subjects[0]
    parts = [
        (subject, explained.explained(row, subject), explained.regions(row, subject))
        for subject in explained.subjects
    ]
    votes = galaxies.votes[row]
    scale = float(galaxies.frame_scale[row])
    crop_frame_px = first.preparation.crop_frame_px
    picture_px = min(galaxies.pictures.read(row).shape[:2])
    facts = _facts(
        galaxies.ids[row],
        galaxies.pictures.name(row),
        fine_crop(galaxies, row, first.preparation),
        parts[0],
        _crop_words(crop_frame_px, scale, first.preparation.size_px),
        scale_bar(crop_frame_px, scale, picture_px, arcsec_per_px),
    )
    known = replace(
        facts,
        true_class=_true_class(explained, row),
        true_votes=votes if np.isfinite(votes).all() else None,
    )
    _write(path, known, parts, training, back)


def write_single_page(
    path: Path,
    picture: Path,
    galaxy: PictureGalaxy,
    parts: Sequence[Part],
    *,
    training: TrainingPictures | None = None,
    arcsec_per_px: float | None = None,
    layers: Mapping[str, Sequence[LayerView]] | None = None,
) -> None:
    """Write the page of a galaxy in a picture of any kind.

    Parameters
    ----------
    path : Path
        HTML file.
    picture : Path
        Where the picture lies, for the page.
    galaxy : PictureGalaxy
    parts : sequence of (ExplainedSubject, ExplainedGalaxy, CropRegions)
    training : TrainingPictures, optional
    arcsec_per_px : float, optional
    layers : mapping, optional
        By network, what its layers see.
    """
    preparation = parts[0][0].preparation
    crop_frame_px = galaxy.crop_frame_px(preparation)
    picture_px = min(galaxy.picture.shape[:2])
    facts = _facts(
        picture.name,
        str(picture),
        galaxy.crop(preparation, max(FINE_PX, preparation.size_px)),
        parts[0],
        _crop_words(crop_frame_px, galaxy.frame_scale, preparation.size_px),
        scale_bar(crop_frame_px, galaxy.frame_scale, picture_px, arcsec_per_px),
    )
    place = f"{galaxy.x_px:.0f}, {galaxy.y_px:.0f}, by {galaxy.found}"
    placed = replace(facts, facts=(*facts.facts, ("place", place)))
    _write(path, placed, parts, training, "", layers)


def _facts(
    name: str,
    where: str,
    picture: NDArray[np.uint8],
    part: Part,
    crop: str,
    bar: ScaleBar | None,
) -> PictureFacts:
    _, explained, regions = part
    ellipse = regions.ellipse
    ratio = ellipse.semi_minor_px / ellipse.semi_major_px
    length = 2.0 * ellipse.semi_major_px / len(explained.crop)
    return PictureFacts(
        name=name,
        picture=picture,
        regions=regions,
        bar=bar,
        facts=(
            ("picture", where),
            ("crop", crop),
            ("galaxy", f"axis ratio {ratio:.2f}, major axis {length:.0%} of the crop"),
        ),
    )


def _write(
    path: Path,
    facts: PictureFacts,
    parts: Sequence[Part],
    training: TrainingPictures | None,
    back: str,
    layers: Mapping[str, Sequence[LayerView]] | None = None,
) -> None:
    crop = parts[0][1].crop
    write_picture_page(
        path,
        facts,
        parts,
        closest=[] if training is None else closest_pictures(training, crop, facts.name),
        closest_by="" if training is None else training.measure,
        layers=layers,
        back=back,
    )


def closest_pictures(
    training: TrainingPictures, crop: np.ndarray, identity: str
) -> list[ClosestPicture]:
    """The training pictures nearest to a crop, ready for a page."""
    galaxies = training.galaxies
    found = []
    for each in training.closest(crop, CLOSEST, identity):
        lines = [galaxies.ids[each.row], *_class_lines(galaxies, each.row)]
        found.append(
            ClosestPicture(
                crop_uri(training.crop(each.row), None, _CLOSEST_PX),
                (*lines, f"distance {each.distance:.2f}"),
            )
        )
    return found


def _class_lines(galaxies: GalaxySet, row: int) -> list[str]:
    for labels in galaxies.classes.values():
        if labels.known[row]:
            return [labels.names[int(labels.index[row])].replace("_", " ")]
    return []


def _true_class(explained: ExplainedSet, row: int) -> str:
    subject = explained.subjects[0]
    classes = class_answers(subject.network, explained.answers[subject.name][row : row + 1])
    if classes is None or classes.scheme not in explained.galaxies.classes:
        return ""
    labels = explained.galaxies.classes[classes.scheme]
    return labels.names[int(labels.index[row])] if labels.known[row] else ""


def _crop_words(crop_frame_px: float | None, frame_scale: float, size_px: int) -> str:
    if crop_frame_px is None or not np.isfinite(frame_scale):
        return f"the largest square of the picture, as {size_px} × {size_px} px"
    return f"{crop_frame_px / R90_FRAME_PX:.1f} Petrosian R90 wide, as {size_px} × {size_px} px"
