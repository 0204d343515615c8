"""A set of galaxies explained, kept on disk as it grows, so that a broken run goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.explain.explained_galaxy import (
    ExplainedGalaxy,
    MethodOptions,
    explain_galaxy,
    methods_for,
    quick_options,
)
from classification.explain.faithfulness.randomisation import (
    RandomisationCheck,
    randomisation_check,
)
from classification.explain.faithfulness.redrawing import STAGES
from classification.explain.galaxy_mask import CropRegions, NoGalaxyError, crop_regions
from classification.explain.networks import KerasNetwork
from classification.explain.registry import method
from classification.explain.set_folder import kept_file, open_record, read_checks, write_checks
from classification.explain.subjects import ExplainedSubject
from classification.explain.targets import Target, strongest_of, target_at
from classification.preparation import Preparation
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

_log = logging.getLogger(__name__)

FINE_PX = round(CROP_SIDE_R90 * R90_FRAME_PX)

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class SetPlan:
    """How a set is explained.

    Attributes
    ----------
    methods : tuple of str
    stable : int
        So many galaxies are explained turned and with noise, too.
    checked : int
        So many are explained again with redrawn weights.
    stages : int
        Of the redrawing.
    options : mapping
        Options of methods by their names.
    seed : int
    """

    methods: tuple[str, ...]
    stable: int = 16
    checked: int = 8
    stages: int = STAGES
    options: MethodOptions | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ExplainedSet:
    """What is known of a set after explaining it.

    Attributes
    ----------
    galaxies : GalaxySet
        Those with a mask, N of them.
    without_mask : tuple of str
        What was wrong with the others.
    subjects : tuple of ExplainedSubject
    answers : mapping of str to ndarray, shape (N, K), float32
        By subject.
    scores : mapping of str to tuple
        By subject, for each galaxy the scores by method and key.
    targets : mapping of str to ndarray, shape (N,), int64
        By subject, the column of the answer that was explained.
    checks : mapping of str to mapping of str to RandomisationCheck
        By subject (those with weights that can be redrawn) and method.
    held_regions : mapping of str to tuple of CropRegions
        By subject.
    plan : SetPlan
    folder : Path
    """

    galaxies: GalaxySet
    without_mask: tuple[str, ...]
    subjects: tuple[ExplainedSubject, ...]
    answers: Mapping[str, NDArray[np.float32]]
    scores: Mapping[str, tuple[Mapping[str, Mapping[str, float]], ...]]
    targets: Mapping[str, NDArray[np.int64]]
    checks: Mapping[str, Mapping[str, RandomisationCheck]]
    held_regions: Mapping[str, tuple[CropRegions, ...]]
    plan: SetPlan
    folder: Path

    def __len__(self) -> int:
        return len(self.galaxies)

    def explained(self, row: int, subject: ExplainedSubject) -> ExplainedGalaxy:
        """One galaxy with its maps, from disk."""
        return ExplainedGalaxy.load(
            kept_file(self.folder, row, self.galaxies.ids[row], self.subjects.index(subject))
        )

    def regions(self, row: int, subject: ExplainedSubject) -> CropRegions:
        """What lies where in the crop of one galaxy."""
        return self.held_regions[subject.name][row]


def explain_set(
    galaxies: GalaxySet,
    subjects: Sequence[ExplainedSubject],
    plan: SetPlan,
    folder: Path,
    *,
    progress: Progress | None = None,
) -> ExplainedSet:
    """Explain all galaxies of a set with each network.

    Parameters
    ----------
    galaxies : GalaxySet
    subjects : sequence of ExplainedSubject
        The answer explained is what the first takes the galaxy for.
    plan : SetPlan
    folder : Path
        Keeps what is done; a run that was broken off goes on.
    progress : callable, optional

    Raises
    ------
    GalaxyEdgeError
        The folder holds another run, a picture cannot be read, or no picture has a
        galaxy in its middle.
    """
    open_record(
        folder,
        {
            "galaxies": list(galaxies.ids),
            "data_hash": galaxies.data_hash,
            "networks": [subject.identity for subject in subjects],
            "plan": asdict(plan),
        },
    )
    told = progress or (lambda *_: None)
    kept, regions, faults = [], [], []
    preparations = dict.fromkeys(each.preparation for each in subjects)
    for row in range(len(galaxies)):
        told("finding galaxies", row, len(galaxies))
        try:
            once = {each: regions_of(galaxies, row, each) for each in preparations}
            regions.append([once[each.preparation] for each in subjects])
            kept.append(row)
        except NoGalaxyError as error:
            faults.append(str(error))
            _log.warning("%s", error)
    if not kept:
        raise NoGalaxyError(f"{galaxies.name}: no picture has a galaxy in its middle; {faults[0]}")
    chosen = galaxies.rows(np.array(kept))
    found: list[list[ExplainedGalaxy]] = []
    for row in range(len(chosen)):
        told("explaining galaxies", row, len(chosen))
        found.append(
            [
                _lightened(each)
                for each in _explained(chosen, row, subjects, regions[row], plan, folder)
            ]
        )
    told("explaining galaxies", len(chosen), len(chosen))
    checks = {
        subject.name: _checks(place, subject, chosen, found, plan, folder, told)
        for place, subject in enumerate(subjects)
        if subject.has_gradient and plan.checked
    }
    return ExplainedSet(
        galaxies=chosen,
        without_mask=tuple(faults),
        subjects=tuple(subjects),
        answers={s.name: np.stack([e[i].answers for e in found]) for i, s in enumerate(subjects)},
        scores={s.name: tuple(e[i].scores for e in found) for i, s in enumerate(subjects)},
        targets={
            s.name: np.array([e[i].target.index for e in found]) for i, s in enumerate(subjects)
        },
        checks=checks,
        held_regions={s.name: tuple(e[i] for e in regions) for i, s in enumerate(subjects)},
        plan=plan,
        folder=folder,
    )


def regions_of(galaxies: GalaxySet, row: int, preparation: Preparation) -> CropRegions:
    """What lies where in a galaxy's crop, told from a finer crop of the same sky.

    Raises
    ------
    NoGalaxyError
        There is no galaxy in the middle.
    """
    return crop_regions(
        fine_crop(galaxies, row, preparation),
        preparation.size_px,
        crop_frame_px=preparation.crop_frame_px,
        name=galaxies.pictures.name(row),
    )


def fine_crop(galaxies: GalaxySet, row: int, preparation: Preparation) -> NDArray[np.uint8]:
    """The sky of a galaxy's crop in the pixels of its picture, as far as it has them."""
    finer = replace(preparation, size_px=max(FINE_PX, preparation.size_px), interpolation="auto")
    return finer.prepare(galaxies.pictures.read(row), float(galaxies.frame_scale[row]))


def shared_target(
    first: Target, explained: ExplainedSubject, by: ExplainedSubject
) -> Target | None:
    """The same answer of another network, by its name; None where it has none."""
    output = by.network.outputs[first.index]
    outputs = explained.network.outputs
    return target_at(explained.network, outputs.index(output)) if output in outputs else None


def _explained(
    galaxies: GalaxySet,
    row: int,
    subjects: Sequence[ExplainedSubject],
    regions: Sequence[CropRegions],
    plan: SetPlan,
    folder: Path,
) -> Iterator[ExplainedGalaxy]:
    first: Target | None = None
    for place, subject in enumerate(subjects):
        file = kept_file(folder, row, galaxies.ids[row], place)
        if file.is_file():
            explained = ExplainedGalaxy.load(file)
        else:
            crop = subject.preparation.prepare(
                galaxies.pictures.read(row), float(galaxies.frame_scale[row])
            )
            said = subject.network.answers(crop[None])[0]
            target = None if first is None else shared_target(first, subject, subjects[0])
            explained = explain_galaxy(
                subject,
                crop,
                target or strongest_of(subject.network, said),
                plan.methods,
                regions[place],
                stable=row < plan.stable,
                options=plan.options,
                seed=plan.seed,
            )
            explained.save(file)
        if first is None:
            first = explained.target
        yield explained


def _checks(
    place: int,
    subject: ExplainedSubject,
    galaxies: GalaxySet,
    found: Sequence[Sequence[ExplainedGalaxy]],
    plan: SetPlan,
    folder: Path,
    told: Progress,
) -> dict[str, RandomisationCheck]:
    kept = read_checks(folder, place)
    if kept is not None:
        return kept
    count = min(plan.checked, len(galaxies))
    crops = np.stack([found[row][place].crop for row in range(count)])
    targets = [found[row][place].target for row in range(count)]
    given = plan.options or {}
    options = {name: quick_options(name, given) for name in plan.methods}
    names = methods_for(subject, plan.methods)

    def maps(network: KerasNetwork, row: int, seed: int) -> dict[str, NDArray[np.float32]]:
        return {
            name: method(name)
            .explain(network, crops[row], targets[row], seed=seed, **options[name])
            .values
            for name in names
        }

    assert isinstance(subject.network, KerasNetwork)
    checks = randomisation_check(
        subject.network,
        crops,
        targets,
        maps,
        stages=plan.stages,
        seed=plan.seed,
        progress=lambda done, total: told(f"redrawing weights of {subject.name}", done, total),
    )
    write_checks(folder, place, checks)
    return checks


def _lightened(explained: ExplainedGalaxy) -> ExplainedGalaxy:
    """Without its maps, which stay on disk."""
    return replace(explained, maps={}, curves={}, questions=())
