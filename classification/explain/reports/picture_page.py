"""The page about one picture: what each network says of it, why, and how far to trust that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.html_page import write_page
from classification.explain.explained_galaxy import ExplainedGalaxy
from classification.explain.faithfulness.scores import PLACES, REFERENCES, SCORES
from classification.explain.faithfulness.similarity import rank_correlation, scaled
from classification.explain.galaxy_mask import CropRegions
from classification.explain.registry import method, method_names
from classification.explain.reports.charts import PANEL_PX, CurveLine, curve_lines
from classification.explain.reports.drawing import (
    ScaleBar,
    colour_gradient,
    crop_uri,
    map_uri,
    outlines,
)
from classification.explain.reports.layer_views import LayerView
from classification.explain.reports.vote_tree import QuestionRow, tree_rows
from classification.explain.subjects import ExplainedSubject, class_answers, votes_of
from classification.reports.text import TEXT

_MAP_PX = 200
_DIFFERENCES = 2.0  # of two maps from -1 to 1


@dataclass(frozen=True, slots=True)
class MapCell:
    """A map as the page shows it."""

    title: str
    picture: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassBar:
    """Probability of one class."""

    name: str
    probability: float
    true: bool


@dataclass(frozen=True, slots=True)
class SubjectSection:
    """What the page says of one network."""

    name: str
    kind: str
    target: str
    answer: float
    empty: float
    bars: tuple[ClassBar, ...]
    scheme: str
    tree: tuple[QuestionRow, ...]
    maps: tuple[MapCell, ...]
    left_out: tuple[str, ...]
    questions: tuple[MapCell, ...]
    layers: tuple[LayerView, ...]
    scores: tuple[tuple[str, tuple[float, ...]], ...]
    curves: tuple[CurveLine, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Maps of one method by two networks."""

    method: str
    correlation: float
    first: str
    second: str
    difference: str


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture apart from the networks.

    Attributes
    ----------
    name : str
    picture : ndarray, shape (F, F, 3), uint8
        The sky of the crop, fine enough to look at.
    regions : CropRegions
        Of the crop of the first network.
    bar : ScaleBar or None
    true_class : str
        Empty where not known.
    true_votes : ndarray, shape (37,), or None
    facts : tuple of (str, str)
        Further lines: where it comes from, its size.
    """

    name: str
    picture: NDArray[np.uint8]
    regions: CropRegions
    bar: ScaleBar | None = None
    true_class: str = ""
    true_votes: NDArray[np.float32] | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClosestPicture:
    """A training picture like this one."""

    picture: str
    lines: tuple[str, ...]


def write_picture_page(
    output: Path,
    facts: PictureFacts,
    explained: Sequence[tuple[ExplainedSubject, ExplainedGalaxy, CropRegions]],
    *,
    closest: Sequence[ClosestPicture] = (),
    closest_by: str = "",
    layers: Mapping[str, Sequence[LayerView]] | None = None,
    back: str = "",
) -> None:
    """Write the page about one picture.

    Parameters
    ----------
    output : Path
        HTML file, without anything outside of it.
    facts : PictureFacts
    explained : sequence
        For each network the subject, the explanation, and the regions of its crop.
    closest : sequence of ClosestPicture
        Training pictures, the most alike first.
    closest_by : str
        What they were compared by.
    layers : mapping of str to sequence of LayerView, optional
        By network, what its layers see.
    back : str
        Link to the page of the set; empty for none.
    """
    seen = layers or {}
    write_page(
        output,
        "classification.explain.reports",
        "explained_picture.html",
        facts=facts,
        picture=crop_uri(facts.picture, facts.regions, 400),
        area=facts.regions.shares()["galaxy"],
        sections=[_section(*each, facts, seen.get(each[0].name, ())) for each in explained],
        agreements=agreements(explained),
        score_titles=[(s.title, s.meaning, s.better) for s in SCORES],
        closest=closest,
        closest_by=closest_by,
        gradient=colour_gradient(),
        panel=PANEL_PX,
        back=back,
        text=TEXT,
    )


def agreements(
    explained: Sequence[tuple[ExplainedSubject, ExplainedGalaxy, CropRegions]],
) -> list[Agreement]:
    """Where the first two networks' maps differ, for the methods that ran on both."""
    if len(explained) < 2:
        return []
    (_, first, regions), (_, second, _) = explained[:2]
    found = []
    for name, values in first.maps.items():
        other = second.maps.get(name)
        if other is None or other.shape != values.shape:
            continue
        difference = (scaled(other) - scaled(values)) / _DIFFERENCES
        found.append(
            Agreement(
                name,
                rank_correlation(values, other),
                map_uri(values, outlines(regions), _MAP_PX),
                map_uri(other, outlines(regions), _MAP_PX),
                map_uri(difference, outlines(regions), _MAP_PX, own_scale=False),
            )
        )
    return found


def _section(
    subject: ExplainedSubject,
    explained: ExplainedGalaxy,
    regions: CropRegions,
    facts: PictureFacts,
    layers: Sequence[LayerView],
) -> SubjectSection:
    classes = class_answers(subject.network, explained.answers[None])
    votes = votes_of(subject.network, explained.answers[None])
    order = () if classes is None else np.argsort(-classes.probabilities[0], kind="stable")
    ran = [name for name in explained.maps if name in method_names()]
    return SubjectSection(
        name=subject.name,
        kind=subject.kind,
        target=explained.target.label,
        answer=explained.answer,
        empty=explained.empty_answer,
        bars=()
        if classes is None
        else tuple(
            ClassBar(
                classes.names[k],
                float(classes.probabilities[0, k]),
                classes.names[k] == facts.true_class,
            )
            for k in order
        ),
        scheme="" if classes is None else classes.scheme,
        tree=() if votes is None else tree_rows(votes[0], facts.true_votes),
        maps=tuple(
            MapCell(
                name,
                map_uri(values, outlines(regions), _MAP_PX),
                _map_lines(explained, name),
            )
            for name, values in explained.maps.items()
        ),
        left_out=tuple(
            name for name in method_names() if name not in ran and method(name).needs_gradient
        )
        if not subject.has_gradient
        else (),
        questions=tuple(
            MapCell(
                target.label.partition(":")[2] or target.label,
                map_uri(values, outlines(regions), _MAP_PX),
                (f"votes {explained.answers[target.index]:.2f}",),
            )
            for target, values in explained.questions
        ),
        layers=tuple(layers),
        scores=tuple(
            (name, tuple(explained.scores[name].get(s.key, float("nan")) for s in SCORES))
            for name in (*explained.maps, *REFERENCES)
        ),
        curves=curve_lines(explained.curves),
    )


def _map_lines(explained: ExplainedGalaxy, name: str) -> tuple[str, ...]:
    scores = explained.scores[name]
    if not np.isfinite(scores["inside"]):
        return (method(name).summary, "nothing speaks for the answer")
    rest = {place: scores[place] for place in PLACES if scores[place] >= 0.1}
    others = ", ".join(
        f"{place} {share:.0%}" for place, share in sorted(rest.items(), key=lambda e: -e[1])
    )
    inside = f"{scores['inside']:.0%} inside the galaxy"
    return (method(name).summary, f"{inside}; {others}" if others else inside)
