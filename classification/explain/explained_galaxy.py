"""One galaxy explained: a network's answers, maps of them, and how far to trust each map."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from classification.explain import gradcam, occlusion
from classification.explain.faithfulness.curves import Curve, CurvePair
from classification.explain.faithfulness.scores import galaxy_scores
from classification.explain.galaxy_mask import CropRegions
from classification.explain.networks import KerasNetwork
from classification.explain.registry import method
from classification.explain.subjects import ExplainedSubject
from classification.explain.targets import Target
from edge_runtime.errors import GalaxyEdgeError

Progress = Callable[[str], None]
"""Told what is done next."""

MethodOptions = Mapping[str, Mapping[str, Any]]
"""Options of methods by their names."""


QUICK: MethodOptions = {"integrated_gradients": {"steps": 48, "most_steps": 48}}
"""Where maps are compared with one another only, and a sum need not be exact."""


@dataclass(frozen=True, slots=True)
class ExplainedGalaxy:
    """What one network says of one galaxy, and why.

    Attributes
    ----------
    crop : ndarray, shape (S, S, 3), uint8
        What the network saw.
    answers : ndarray, shape (K,), float32
    target : Target
        The answer that is explained.
    maps : mapping of str to ndarray, shape (S, S), float32
        By method.
    scores : mapping of str to mapping of str to float
        By method, the references among them; see ``faithfulness.scores``.
    curves : mapping of str to CurvePair
    questions : tuple of (Target, ndarray)
        Maps of the strongest answer to each question of the decision tree.
    """

    crop: NDArray[np.uint8]
    answers: NDArray[np.float32]
    target: Target
    maps: Mapping[str, NDArray[np.float32]]
    scores: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, CurvePair]
    questions: tuple[tuple[Target, NDArray[np.float32]], ...] = field(default=())

    @property
    def answer(self) -> float:
        """The answer that is explained, 0 to 1."""
        return float(self.answers[self.target.index])

    @property
    def empty_answer(self) -> float:
        """The same answer for a crop of nothing but this crop's sky."""
        return float(next(iter(self.curves.values())).deletion.answers[-1])

    def save(self, path: Path) -> None:
        """Write as ``.npz``, whole or not at all."""
        about = {
            "target": [self.target.label, self.target.index],
            "scores": {m: {k: _plain(v) for k, v in s.items()} for m, s in self.scores.items()},
            "maps": list(self.maps),
            "curves": list(self.curves),
            "questions": [[target.label, target.index] for target, _ in self.questions],
        }
        arrays: dict[str, NDArray] = {
            "about": np.array(json.dumps(about)),
            "crop": self.crop,
            "answers": self.answers,
        }
        arrays |= {f"map_{i}": each for i, each in enumerate(self.maps.values())}
        arrays |= {f"question_{i}": each for i, (_, each) in enumerate(self.questions)}
        for i, pair in enumerate(self.curves.values()):
            arrays[f"curve_{i}"] = np.stack([pair.deletion.answers, pair.insertion.answers])
        with new_file(path) as partial, partial.open("wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, path: Path) -> ExplainedGalaxy:
        """Read what ``save`` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is damaged, or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                about = json.loads(str(held["about"]))
                return cls(
                    crop=held["crop"],
                    answers=held["answers"],
                    target=Target(*about["target"]),
                    maps={name: held[f"map_{i}"] for i, name in enumerate(about["maps"])},
                    scores={
                        m: {k: float("nan") if v is None else v for k, v in s.items()}
                        for m, s in about["scores"].items()
                    },
                    curves={
                        name: CurvePair(*(Curve(each) for each in held[f"curve_{i}"]))
                        for i, name in enumerate(about["curves"])
                    },
                    questions=tuple(
                        (Target(*target), held[f"question_{i}"])
                        for i, target in enumerate(about["questions"])
                    ),
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GalaxyEdgeError(
                f"{path}: cannot be read ({error}); remove it, and it is made again"
            ) from error


def explain_galaxy(
    subject: ExplainedSubject,
    crop: NDArray[np.uint8],
    target: Target,
    methods: Sequence[str],
    regions: CropRegions,
    *,
    stable: bool = True,
    questions: Sequence[Target] = (),
    options: MethodOptions | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ExplainedGalaxy:
    """Explain one answer of one network by several methods, and score the maps.

    Parameters
    ----------
    subject : ExplainedSubject
    crop : ndarray, shape (S, S, 3), uint8
    target : Target
    methods : sequence of str
        Those the network cannot run (gradients of a TFLite file) are left out.
    regions : CropRegions
        Of the crop.
    stable : bool
        Whether to explain the crop turned and with noise, too.
    questions : sequence of Target
        Further answers to draw maps of, by Grad-CAM where there are gradients, by
        occlusion elsewhere.
    options : mapping, optional
        Options of methods.
    seed : int
    progress : callable, optional
        Told what is done next.
    """
    network, given = subject.network, options or {}

    def explain(name: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        quick = quick_options(name, given)
        return method(name).explain(network, pixels, target, seed=seed, **quick).values

    maps, details = {}, {}
    for name in methods_for(subject, methods):
        if progress is not None:
            progress(name)
        found = method(name).explain(network, crop, target, seed=seed, **given.get(name, {}))
        maps[name], details[name] = found.values, found.details
    if progress is not None:
        progress("scores")
    scores, curves = galaxy_scores(
        network, crop, target, maps, regions, explain=explain if stable else None, seed=seed
    )
    for name, found in details.items():
        scores[name] |= {
            key: found[key] for key in ("completeness_error", "seconds") if key in found
        }
    return ExplainedGalaxy(
        crop=crop,
        answers=network.answers(crop[None])[0],
        target=target,
        maps=maps,
        scores=scores,
        curves=curves,
        questions=_question_maps(subject, crop, questions, given),
    )


def _question_maps(
    subject: ExplainedSubject,
    crop: NDArray[np.uint8],
    questions: Sequence[Target],
    given: MethodOptions,
) -> tuple[tuple[Target, NDArray[np.float32]], ...]:
    """By the method that asks the network for all of them at once."""
    network = subject.network
    if not questions:
        return ()
    if isinstance(network, KerasNetwork):
        found = gradcam.gradcam_of(network, crop, questions, **given.get(gradcam.NAME, {}))
    else:
        found = occlusion.occlusion_of(network, crop, questions, **given.get(occlusion.NAME, {}))
    return tuple((each.target, each.values) for each in found)


def quick_options(name: str, given: MethodOptions) -> dict[str, Any]:
    """Options of a method where maps are only compared: those given, else the quick ones."""
    return {**QUICK.get(name, {}), **given.get(name, {})}


def methods_for(subject: ExplainedSubject, methods: Sequence[str]) -> tuple[str, ...]:
    """Those of the methods that a network can run.

    Raises
    ------
    ConfigError
        There is no such method.
    """
    return tuple(
        name for name in methods if subject.has_gradient or not method(name).needs_gradient
    )


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
