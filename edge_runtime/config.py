"""Configuration of the daemon: a TOML file checked against these models."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from edge_runtime.errors import ConfigError
from edge_runtime.toml_text import key_lines, toml_value

PASSWORD_VARIABLE = "GALAXY_EDGE_PASSWORD"
"""Environment variable that sets ``[web] password`` without writing it to a file."""


class Section(BaseModel):
    """Base of the tables of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CameraConfig(Section):
    """Where the frames come from."""

    source: str = Field(
        default="sim:",
        min_length=1,
        description="Source of the frames: sim:, folder:PATH, video:PATH, v4l2:0, rtsp://..., "
        "or the path of a picture, video or folder.",
    )
    hang_timeout_s: float = Field(
        default=30.0,
        ge=1.0,
        le=3600.0,
        allow_inf_nan=False,
        description="Seconds without a sign of life after which the camera driver is killed and "
        "started again. Keep it above the longest exposure.",
    )


class PipelineConfig(Section):
    """How frames are searched for galaxies."""

    threads: int = Field(
        default=2, ge=1, le=64, description="Processor threads of each network, 1 to 64."
    )
    score_threshold: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Lowest score of a detection, 0 to 1. Left out, the threshold calibrated "
        "for the model bundle is used.",
    )


class TrackingConfig(Section):
    """When detections in successive frames become a sighting."""

    n: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Frames with the galaxy needed to confirm a sighting (N of the last M).",
    )
    m: int = Field(default=5, ge=1, le=100, description="Frames looked back on (M); at least n.")

    @model_validator(mode="after")
    def _n_fits_in_m(self) -> TrackingConfig:
        if self.n > self.m:
            raise ValueError(f"n = {self.n} is larger than m = {self.m}; n must be at most m")
        return self


class StoreConfig(Section):
    """Where sightings are kept."""

    url: str | None = Field(
        default=None,
        min_length=1,
        description="Database: the path of a SQLite file, or any SQLAlchemy URL. Left out, a "
        "file in the user's data directory.",
    )
    media_dir: Path | None = Field(
        default=None,
        strict=False,
        description="Folder for crops and annotated frames. Left out, a folder in the user's "
        "data directory.",
    )


class WebConfig(Section):
    """The dashboard."""

    enabled: bool = Field(default=True, description="Whether the dashboard is served.")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Anything but loopback needs a password.",
    )
    port: int = Field(default=8756, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    password: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="Password of the dashboard, 8 characters or more. The environment variable "
        f"{PASSWORD_VARIABLE} takes precedence and keeps it out of the file.",
    )


class BundleConfig(Section):
    """The models."""

    path: Path | None = Field(
        default=None,
        strict=False,
        description="Model bundle, a folder or .zip. Left out, the bundle shipped with the "
        "program.",
    )


class LoggingConfig(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe messages shown."
    )


class Config(Section):
    """The whole file, one attribute a table."""

    camera: CameraConfig = CameraConfig()
    pipeline: PipelineConfig = PipelineConfig()
    tracking: TrackingConfig = TrackingConfig()
    store: StoreConfig = StoreConfig()
    web: WebConfig = WebConfig()
    bundle: BundleConfig = BundleConfig()
    logging: LoggingConfig = LoggingConfig()


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration.

    Parameters
    ----------
    path : Path or None
        TOML file; None takes the defaults. Relative paths inside the file
        are relative to the file's folder, and ``~`` is the home directory.
    environ : mapping
        The environment; ``GALAXY_EDGE_PASSWORD`` in it overrides
        ``[web] password``.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        The file is missing, is not TOML, or holds a wrong key or value. The
        message has one line for each problem: file, line, key, what is wrong
        and what is allowed.
    """
    text, origin = ("", "configuration") if path is None else (_read_text(path), str(path))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_message(error, origin, text)) from error
    from_environment = environ.get(PASSWORD_VARIABLE)
    web = data.get("web", {})
    if from_environment is not None and isinstance(web, dict):
        data["web"] = {**web, "password": from_environment}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        lines = dict(key_lines(text))
        problems = [
            _problem(details, origin, lines, from_environment)
            for details in error.errors(include_url=False)
        ]
        raise ConfigError("\n".join(message for _, message in sorted(problems))) from error
    return config if path is None else _resolve_paths(config, path.parent, path, text)


def with_overrides(
    config: Config, *, source: str | None = None, web_enabled: bool | None = None
) -> Config:
    """Return the configuration with values of the command line put in; None keeps the value."""
    camera, web = config.camera, config.web
    if source is not None:
        camera = camera.model_copy(update={"source": source})
    if web_enabled is not None:
        web = web.model_copy(update={"enabled": web_enabled})
    return config.model_copy(update={"camera": camera, "web": web})


def default_config_toml() -> str:
    """Return a commented configuration file in which every key has its default.

    Keys without a default value are commented out. Generated from the field
    descriptions of the models.
    """
    parts = [
        "# Configuration of galaxy-edge. Every key is optional; the values are the defaults.",
        "# Check an edited file with: galaxy-edge config check FILE",
    ]
    for section, section_type in _sections():
        parts += ["", f"# {(section_type.__doc__ or '').strip()}", f"[{section}]"]
        for key, field in section_type.model_fields.items():
            parts += [f"# {line}" for line in _wrapped(field.description or "")]
            if field.default is None:
                parts.append(f"# {key} = {_EXAMPLES[section, key]}")
            else:
                parts.append(f"{key} = {toml_value(field.default)}")
    return "\n".join(parts) + "\n"


def config_toml(config: Config) -> str:
    """Return a configuration as TOML; the password is not shown."""
    parts: list[str] = []
    for section, _ in _sections():
        parts.append(f"[{section}]")
        for key, value in getattr(config, section):
            if value is None:
                parts.append(f"# {key} is not set")
            elif isinstance(value, SecretStr):
                parts.append(f"# {key} is set")
            else:
                parts.append(f"{key} = {toml_value(value)}")
        parts.append("")
    return "\n".join(parts)


_EXAMPLES = {
    ("pipeline", "score_threshold"): "0.5",
    ("store", "url"): '"/var/lib/galaxy-edge/sightings.sqlite"',
    ("store", "media_dir"): '"/var/lib/galaxy-edge/media"',
    ("web", "password"): '"at least eight characters"',
    ("bundle", "path"): '"/var/lib/galaxy-edge/bundles/mine"',
}


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for name, field in Config.model_fields.items():
        section_type = field.annotation
        assert isinstance(section_type, type)
        assert issubclass(section_type, Section)
        yield name, section_type


def _wrapped(text: str, width: int = 90) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such configuration file; 'galaxy-edge config init {path}' writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file in UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error


def _syntax_message(error: tomllib.TOMLDecodeError, origin: str, text: str) -> str:
    what, _, where = str(error).rpartition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", where)
    if found is None:
        return f"{origin}:{max(1, len(text.splitlines()))}: not valid TOML: {what or error}"
    return f"{origin}:{found[1]}: not valid TOML at column {found[2]}: {what}"


def _resolve_paths(config: Config, folder: Path, origin: Path, text: str) -> Config:
    """Make relative paths relative to the file, and check that the bundle exists."""

    def resolved(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    bundle = resolved(config.bundle.path)
    if bundle is not None and not bundle.exists():
        line = dict(key_lines(text)).get(("bundle", "path"))
        place = f"{origin}:{line}" if line else str(origin)
        raise ConfigError(
            f"{place}: bundle.path: there is no {bundle}; give the folder or .zip of a bundle, "
            "or leave the key out for the one shipped with the program"
        )
    url = config.store.url
    if url is not None and "://" not in url:
        url = str(resolved(Path(url)))
    return config.model_copy(
        update={
            "bundle": BundleConfig(path=bundle),
            "store": StoreConfig(url=url, media_dir=resolved(config.store.media_dir)),
        }
    )


def _problem(
    details: ErrorDetails,
    origin: str,
    lines: Mapping[tuple[str, ...], int],
    password_from_environment: str | None,
) -> tuple[int, str]:
    """Return the line of one validation error, for sorting, and its message."""
    location = tuple(str(part) for part in details["loc"])
    complaint = _complaint(details)
    if location == ("web", "password") and password_from_environment is not None:
        return 0, f"{PASSWORD_VARIABLE}: {complaint}"
    line = next(
        (lines[location[:n]] for n in range(len(location), 0, -1) if location[:n] in lines), None
    )
    place = origin if line is None else f"{origin}:{line}"
    return line or 0, f"{place}: {'.'.join(location)}: {complaint}"


def _complaint(details: ErrorDetails) -> str:
    kind = details["type"]
    location = tuple(str(part) for part in details["loc"])
    if kind == "extra_forbidden":
        return _unknown_key(location)
    value: Any = details["input"]
    if kind in ("model_type", "model_attributes_type"):
        return f"must be a table of keys, written [{location[0]}]"
    if location == ("web", "password"):
        return "must be text of 8 characters or more"
    allowed = _allowed(location)
    if kind != "value_error" and allowed:
        return f"must be {allowed}; got {value!r}"
    return details["msg"].removeprefix("Value error, ")


def _unknown_key(location: tuple[str, ...]) -> str:
    sections = dict(_sections())
    if len(location) == 1:
        known, noun = list(sections), "table"
    else:
        known, noun = list(sections[location[0]].model_fields), "key"
    close = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
    if close:
        return f"unknown {noun}; did you mean {close[0]!r}?"
    elsewhere = [name for name, section in sections.items() if location[-1] in section.model_fields]
    if elsewhere and noun == "key":
        return f"unknown key; it belongs under [{elsewhere[0]}]"
    if elsewhere:
        return f"unknown table; {location[-1]!r} is a key of [{elsewhere[0]}]"
    return f"unknown {noun}; known here: {', '.join(known)}"


def _allowed(location: tuple[str, ...]) -> str:
    """Describe the range or the choices of a field, from the field itself."""
    sections = dict(_sections())
    if len(location) < 2 or location[0] not in sections:
        return ""
    field = sections[location[0]].model_fields.get(location[1])
    if field is None:
        return ""
    schema = sections[location[0]].model_json_schema()["properties"][location[1]]
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    option = options[0]
    if "enum" in option:
        return "one of " + ", ".join(map(str, option["enum"]))
    if option.get("minLength") == 1:
        return "text that is not empty"
    noun = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}.get(
        option.get("type", ""), "text"
    )
    low, high = option.get("minimum"), option.get("maximum")
    return noun if low is None or high is None else f"{noun} from {low:g} to {high:g}"
