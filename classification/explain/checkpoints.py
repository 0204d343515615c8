"""One method on several networks: epochs of a training, or float beside int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from classification.explain.attribution import Attribution
from classification.explain.networks import Crops, ExplainedNetwork, Progress
from classification.explain.registry import method
from classification.explain.targets import named, strongest
from edge_runtime.errors import GalaxyEdgeError


@dataclass(frozen=True, slots=True)
class NetworkAttribution:
    """What one of several networks says about an answer, and why.

    Attributes
    ----------
    network : str
    answer : float
        0 to 1.
    attribution : Attribution
    """

    network: str
    answer: float
    attribution: Attribution


def side_by_side(
    networks: Sequence[ExplainedNetwork],
    crop: Crops,
    method_name: str,
    target: str | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> tuple[NetworkAttribution, ...]:
    """Explain the same answer of several networks by the same method.

    Parameters
    ----------
    networks : sequence of ExplainedNetwork
        Of one input size; the answer is found in each by its name.
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    method_name : str
        See ``method_names``.
    target : str, optional
        Name of an answer; default is the strongest of the last network.
    seed : int
        The same for all.
    progress : callable, optional
        Called with the networks done and all of them.
    **options
        Of the method.

    Raises
    ------
    GalaxyEdgeError
        There is no network, one takes crops of another size or has no such answer, or the
        method does not run on it.
    ConfigError
        The method or an option is unknown.
    """
    if not networks:
        raise GalaxyEdgeError("no network to explain")
    chosen = method(method_name)
    if target is None:
        last = networks[-1]
        target = last.outputs[strongest(last, crop).index]
    found = []
    for done, network in enumerate(networks, start=1):
        one = named(network, target)
        attribution = chosen.explain(network, crop, one, seed=seed, **options)
        answer = float(network.answers(crop[None])[0, one.index])
        found.append(NetworkAttribution(network.name, answer, attribution))
        if progress is not None:
            progress(done, len(networks))
    return tuple(found)
