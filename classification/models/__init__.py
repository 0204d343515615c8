"""Architectures of the morphology classifier, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from classification.models.compact import build_compact

_BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "compact": build_compact,
    "compact_fast": partial(build_compact, stem_strides=2),
}


def model_names() -> tuple[str, ...]:
    """Names that ``create_model`` knows, sorted."""
    return tuple(sorted(_BUILDERS))


def create_model(name: str, **options: Any) -> keras.Model:
    """Build an untrained classifier.

    Parameters
    ----------
    name : str
        One of ``model_names()``.
    **options
        Passed to the builder, for example ``input_size_px``.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(model_names())}")
    return _BUILDERS[name](**options)
