"""The methods of explanation by name."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from classification.explain.attribution import Attribution
from classification.explain.crops import check_crops
from classification.explain.gradcam import gradcam
from classification.explain.integrated_gradients import integrated_gradients
from classification.explain.lime_maps import lime
from classification.explain.networks import Crops, ExplainedNetwork, KerasNetwork, Progress
from classification.explain.occlusion import occlusion
from classification.explain.smoothgrad import smoothgrad
from classification.explain.targets import Target
from edge_runtime.errors import ConfigError, GalaxyEdgeError

_COMMON = ("network", "crop", "target", "seed", "progress")


@dataclass(frozen=True, slots=True)
class Method:
    """A way to explain an answer.

    Attributes
    ----------
    name, summary : str
    needs_gradient : bool
        Whether it needs a ``KerasNetwork``; others run on int8 files as well.
    function : callable
        ``function(network, crop, target, *, seed, progress, **options)``.
    """

    name: str
    summary: str
    needs_gradient: bool
    function: Callable[..., Attribution]

    @property
    def options(self) -> tuple[str, ...]:
        """Names of its options."""
        return tuple(n for n in inspect.signature(self.function).parameters if n not in _COMMON)

    def explain(
        self,
        network: ExplainedNetwork,
        crop: Crops,
        target: Target,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> Attribution:
        """Explain one answer for one crop.

        Parameters
        ----------
        network : ExplainedNetwork
        crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255, RGB
        target : Target
        seed : int
            Of all that is random.
        progress : callable, optional
            Called with the steps done and all of them.
        **options
            See ``options`` and the method's function.

        Returns
        -------
        Attribution
            With ``seconds`` among its details.

        Raises
        ------
        GalaxyEdgeError
            The crop does not fit the network, or the network has no gradient and the
            method needs one.
        ConfigError
            There is no such option, or its value is wrong.
        """
        crop = np.asarray(crop)
        check_crops(crop[None], network.input_size_px, network.name)
        if crop.dtype != np.uint8 and 0.0 < float(crop.max()) <= 1.0:
            raise GalaxyEdgeError(
                f"{network.name}: the crop's pixels reach only {float(crop.max()):g}; "
                "give pixels of 0 to 255, not of 0 to 1"
            )
        if not 0 <= target.index < len(network.outputs):
            raise GalaxyEdgeError(
                f"{network.name}: has {len(network.outputs)} answers; {target.label} is of "
                "another network"
            )
        if self.needs_gradient and not isinstance(network, KerasNetwork):
            able = ", ".join(name for name in _METHODS if not _METHODS[name].needs_gradient)
            raise GalaxyEdgeError(
                f"{network.name}: {self.name} needs gradients, which a TFLite file does not "
                "give; explain the .keras file it was exported from, or use a method that "
                f"asks for answers alone: {able}"
            )
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise ConfigError(
                f"{self.name} has no option {unknown[0]!r}; it has: {', '.join(self.options)}"
            )
        began = time.perf_counter()
        found = self.function(network, crop, target, seed=seed, progress=progress, **options)
        seconds = time.perf_counter() - began
        return replace(found, details={**found.details, "seconds": seconds})


_METHODS = {
    method.name: method
    for method in (
        Method("gradcam", "which places of the last convolution carry the answer", True, gradcam),
        Method(
            "integrated_gradients",
            "what each pixel adds on the way from empty sky to the crop",
            True,
            integrated_gradients,
        ),
        Method(
            "smoothgrad",
            "gradient times light, averaged over noisy copies of the crop",
            True,
            smoothgrad,
        ),
        Method(
            "occlusion",
            "how the answer falls when a patch is covered with sky",
            False,
            occlusion,
        ),
        Method(
            "lime",
            "what each piece of the galaxy adds, by a linear model of the answer",
            False,
            lime,
        ),
    )
}


def method_names(*, without_gradient: bool = False) -> tuple[str, ...]:
    """Names that ``method`` knows; only those that run on TFLite files, if asked."""
    return tuple(
        name for name, known in _METHODS.items() if not (without_gradient and known.needs_gradient)
    )


def method(name: str) -> Method:
    """A method by its name.

    Raises
    ------
    ConfigError
        There is none of this name; the message lists those there are.
    """
    if name not in _METHODS:
        raise ConfigError(f"no method is called {name!r}; there are {', '.join(_METHODS)}")
    return _METHODS[name]
