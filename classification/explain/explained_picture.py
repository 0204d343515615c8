"""One galaxy of one picture, explained for several networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from classification.explain.explained_galaxy import (
    ExplainedGalaxy,
    MethodOptions,
    explain_galaxy,
    methods_for,
)
from classification.explain.explained_set import FINE_PX, shared_target
from classification.explain.galaxy_mask import CropRegions, crop_regions
from classification.explain.picture_galaxy import PictureGalaxy
from classification.explain.subjects import ExplainedSubject, votes_of
from classification.explain.targets import Target, for_questions, named, strongest_of

_LEAST_ASKED = 0.5

Progress = Callable[[str, int, int], None]
Part = tuple[ExplainedSubject, ExplainedGalaxy, CropRegions]


def explain_in_picture(
    galaxy: PictureGalaxy,
    subjects: Sequence[ExplainedSubject],
    methods: Sequence[str],
    *,
    target_name: str = "",
    name: str = "picture",
    regions_of: Callable[[ExplainedSubject], CropRegions] | None = None,
    options: MethodOptions | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Part]:
    """Explain a galaxy for each network.

    Parameters
    ----------
    galaxy : PictureGalaxy
    subjects : sequence of ExplainedSubject
    methods : sequence of str
    target_name : str
        Answer to explain; empty for the strongest of the first network, which the
        others are asked about, too, if they have it.
    name : str
        Of the picture, for messages.
    regions_of : callable, optional
        Tells where the galaxy lies in the crop of a network; left out, its isophote does.
    options : mapping, optional
        Options of methods by their names.
    seed : int
    progress : callable, optional
        Told what is done, how many steps of it, and how many there are.

    Returns
    -------
    list of (ExplainedSubject, ExplainedGalaxy, CropRegions)

    Raises
    ------
    NoGalaxyError
        No isophote holds a galaxy at this place.
    GalaxyEdgeError
        A network has no answer of this name.
    """
    parts: list[Part] = []
    first: Target | None = None
    for subject in subjects:
        steps, done = len(methods_for(subject, methods)) + 1, 0

        def told(what: str, subject: ExplainedSubject = subject, steps: int = steps) -> None:
            nonlocal done
            if progress is not None:
                progress(f"explaining {subject.name}: {what}", done, steps)
            done += 1

        regions = (
            picture_regions(galaxy, subject, name) if regions_of is None else regions_of(subject)
        )
        crop = galaxy.crop(subject.preparation)
        answers = subject.network.answers(crop[None])[0]
        if target_name:
            target = named(subject.network, target_name)
        else:
            shared = None if first is None else shared_target(first, subject, subjects[0])
            target = shared or strongest_of(subject.network, answers)
        first = first or target
        votes = votes_of(subject.network, answers[None])
        explained = explain_galaxy(
            subject,
            crop,
            target,
            methods,
            regions,
            questions=() if votes is None else for_questions(answers, least_asked=_LEAST_ASKED),
            options=options,
            seed=seed,
            progress=told,
        )
        parts.append((subject, explained, regions))
    return parts


def picture_regions(
    galaxy: PictureGalaxy, subject: ExplainedSubject, name: str = "picture"
) -> CropRegions:
    """What lies where in a network's crop of the galaxy.

    Raises
    ------
    NoGalaxyError
        No isophote holds a galaxy.
    """
    return crop_regions(
        galaxy.crop(subject.preparation, max(FINE_PX, subject.preparation.size_px)),
        subject.preparation.size_px,
        crop_frame_px=subject.preparation.crop_frame_px,
        name=name,
    )
