"""What a search was asked to do; its folder belongs to one such configuration."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.objective import METRICS, PENALTY, Objective
from tuning.spaces import SearchSpace, space, space_names
from tuning.trials.json_record import read_record, write_record
from tuning.trials.spec import CLASSIFIER, DETECTOR

SEARCH_NAME = "search.json"
SPACE_NAME = "space.toml"
BAYESIAN, HYPERBAND, RANDOM = TUNERS = ("bayesian", "hyperband", "random")

DEFAULT_EPOCHS = {CLASSIFIER: 8, DETECTOR: 400}
"""Of a trial; steps of a detector."""

MOST_FAILURES = 5
"""Failed trials in a row that end a search."""

# what may differ when a search is gone on with: it decides no result
_CHANGEABLE = frozenset({"data", "trials", "trial_minutes", "trial_memory_mb", "code_version"})


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Configuration of a search.

    Attributes
    ----------
    space : str
        Name of the search space.
    space_sha256 : str
        Of its TOML file.
    subject : str
        ``classifier`` or ``detector``.
    data : str
        Path of the labels, or of a detector's folder.
    data_hash : str
        Of what is there.
    metric : str
        What is to be best.
    max_latency_ms, max_size_kb : float or None
        Limits of the exported file; see ``tuning.objective``.
    penalty : float
        Beyond them.
    latency_command : str or None
        Measures on another device.
    threads : int
        Of one call.
    epochs : int
        Of a trial; steps of a detector; the most with Hyperband.
    limit : int or None
        Training pictures.
    tuner : str
        ``bayesian``, ``hyperband`` or ``random``.
    seed : int
        Of the choice of values and of every training.
    trials : int
        How many in all; a search may be gone on with to more.
    trial_minutes : float or None
        Time after which a trial is ended as failed.
    trial_memory_mb : int or None
        Resident memory beyond which a trial is ended as failed.
    code_version : str
        That the search began with.
    """

    space: str
    space_sha256: str
    subject: str
    data: str
    data_hash: str
    metric: str
    max_latency_ms: float | None = None
    max_size_kb: float | None = None
    penalty: float = PENALTY
    latency_command: str | None = None
    threads: int = 1
    epochs: int = 8
    limit: int | None = None
    tuner: str = BAYESIAN
    seed: int = 1
    trials: int = 30
    trial_minutes: float | None = None
    trial_memory_mb: int | None = None
    code_version: str = "unknown"

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise ConfigError(f"tuner {self.tuner!r} is none of: {', '.join(TUNERS)}")
        known = METRICS[self.subject]
        if self.metric not in known:
            raise ConfigError(
                f"metric {self.metric!r} is none that a {self.subject} is searched for: "
                f"{', '.join(known)}"
            )
        for name in ("threads", "epochs", "trials", "limit", "trial_minutes", "trial_memory_mb"):
            number = getattr(self, name)
            if number is not None and number <= 0:
                raise ConfigError(f"{name} {number}: must be above 0")
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed}: must not be below 0")
        _ = self.objective

    @property
    def objective(self) -> Objective:
        """What the search makes as large as it can."""
        return Objective(self.metric, self.max_latency_ms, self.max_size_kb, self.penalty)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str) -> SearchSettings:
        """Of what ``search.json`` holds.

        Raises
        ------
        GalaxyEdgeError
            A key is missing or a value is wrong; the message begins with ``where``.
        """
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(record) - known)
        if unknown:
            raise GalaxyEdgeError(f"{where}: unknown key {unknown[0]!r}; made by a newer version")
        try:
            return cls(**record)
        except (ConfigError, TypeError, KeyError) as error:
            raise GalaxyEdgeError(f"{where}: not the settings of a search ({error})") from error

    @classmethod
    def read(cls, folder: Path) -> SearchSettings:
        """Those of a search's folder.

        Raises
        ------
        GalaxyEdgeError
            There is none, or it is damaged.
        """
        path = folder / SEARCH_NAME
        return cls.from_dict(read_record(path, "the settings of a search"), str(path))


def space_hash(name_or_path: str | Path) -> str:
    """SHA-256 of the TOML file of a space that can be read."""
    return hashlib.sha256(_space_file(name_or_path).read_bytes()).hexdigest()


def claim_search(
    folder: Path, settings: SearchSettings, name_or_path: str | Path
) -> SearchSettings:
    """Begin a search in a folder, or go on with the one that is there.

    Parameters
    ----------
    folder : Path
        Gets ``search.json`` and, where the space is a person's own, a copy of it.
    settings : SearchSettings
    name_or_path : str or Path
        Space, as ``tuning.spaces.space`` takes it.

    Returns
    -------
    SearchSettings
        The given ones, with the version of the code that the search began with.

    Raises
    ------
    ConfigError
        The folder holds a search with another configuration; the message names
        each difference.
    """
    from dataclasses import replace

    path = folder / SEARCH_NAME
    if path.exists():
        there = SearchSettings.read(folder)
        require_same(there, settings, folder)
        settings = replace(settings, code_version=there.code_version)
        if settings == there:
            return settings
    else:
        folder.mkdir(parents=True, exist_ok=True)
        if str(name_or_path) not in space_names():
            shutil.copyfile(name_or_path, folder / SPACE_NAME)
    write_record(path, asdict(settings))
    return settings


def require_same(there: SearchSettings, wanted: SearchSettings, folder: Path) -> None:
    """Refuse to go on with a search by other settings.

    Raises
    ------
    ConfigError
        The message names each difference.
    """
    differences = [
        f"{one.name} {json.dumps(getattr(there, one.name))}, "
        f"not {json.dumps(getattr(wanted, one.name))}"
        for one in fields(SearchSettings)
        if one.name not in _CHANGEABLE and getattr(there, one.name) != getattr(wanted, one.name)
    ]
    if differences:
        raise ConfigError(
            f"{folder}: holds a search with {'; '.join(differences)}; "
            "name another --output, or take the same settings to go on with it"
        )


def space_of(folder: Path, settings: SearchSettings) -> SearchSpace:
    """The space of a search's folder.

    Raises
    ------
    GalaxyEdgeError
        The copy of a person's own space is gone or damaged.
    """
    own = folder / SPACE_NAME
    return space(own) if settings.space not in space_names() else space(settings.space)


def labelled_data(data: Path, subject: str) -> Path:
    """The path that trials read: the labels in a folder of galaxies, or a detector's folder."""
    labels = data / "labels.csv"
    return (labels if subject == CLASSIFIER and labels.is_file() else data).resolve()


def data_hash(data: Path, subject: str) -> str:
    """Hash of what trials learn from.

    Raises
    ------
    GalaxyEdgeError
        The data cannot be read.
    """
    if subject == CLASSIFIER:
        from annotations.galaxies.registry import read_galaxies

        return read_galaxies(data).data_hash
    from detection.training_data import composite_data

    return composite_data(data).sha256


def _space_file(name_or_path: str | Path) -> Path:
    if str(name_or_path) in space_names():
        return Path(str(resources.files("tuning.spaces").joinpath(f"{name_or_path}.toml")))
    return Path(name_or_path)
