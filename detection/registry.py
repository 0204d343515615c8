"""The families of detectors, by the names the command line knows.

Each name is that of an experiment in the Model Garden's factory, registered
when the family's module is imported. Listing the families imports nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from edge_runtime.errors import ConfigError

if TYPE_CHECKING:
    from official.core import config_definitions as cfg


@dataclass(frozen=True, slots=True)
class Family:
    """Detectors of one architecture.

    Attributes
    ----------
    name : str
        Of the experiment.
    summary : str
        What it is made of, in a few words.
    module : str
        Module that registers the experiment.
    """

    name: str
    summary: str
    module: str


FAMILIES = (
    Family("ssd_mobilenet", "MobileNetV2 x 0.5 with FPN-lite", "detection.ssd_mobilenet"),
    Family("efficientdet_d0", "EfficientNet-B0 with BiFPN", "detection.efficientdet"),
    Family("mobiledet", "MobileDet x 0.5 with FPN-lite", "detection.mobiledet"),
)
DEFAULT_FAMILY = FAMILIES[0].name


def family_names() -> tuple[str, ...]:
    """All names, the default first."""
    return tuple(family.name for family in FAMILIES)


def register_families() -> None:
    """Make the Model Garden's factory know every family."""
    for family in FAMILIES:
        import_module(family.module)


def experiment_of(name: str) -> cfg.ExperimentConfig:
    """A fresh experiment of a family.

    Raises
    ------
    ConfigError
        There is no family of this name.
    """
    if name not in family_names():
        known = ", ".join(family_names())
        raise ConfigError(f"no family of detectors is called {name!r}; there are {known}")
    register_families()
    from official.core import exp_factory

    return exp_factory.get_exp_config(name)
