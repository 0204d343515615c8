"""Source URIs: the text in a configuration or on the command line that names a camera.

``SCHEMES`` is the one list of what there is: parsing, opening, help texts and
error messages all come from it. Drivers are imported when a source of their
scheme is opened.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import ConfigError, GalaxyEdgeError

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".webm"})

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_QUERY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PASSWORD = re.compile(r"(?<=//)([^/@]*):([^/@]*)@")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A parsed source URI.

    Attributes
    ----------
    scheme : str
        Name of the scheme, lower case.
    path : str
        What follows the colon: a path, a device, a whole URL for ``rtsp``.
    params : mapping of str to str
        Options behind the question mark.
    """

    scheme: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def display(self) -> str:
        """The source as shown to people, without a password."""
        return hide_password(self.path if "://" in self.path else f"{self.scheme}:{self.path}")

    def require_params(self, *known: str) -> None:
        """Refuse options the driver does not have.

        Raises
        ------
        ConfigError
            An option is unknown; the message lists those there are.
        """
        for key in self.params:
            if key not in known:
                options = f"known: {', '.join(known)}" if known else "it has none"
                raise ConfigError(f"source {self.display}: unknown option {key!r}; {options}")

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return an option as a positive number.

        Raises
        ------
        ConfigError
            The option is not a positive number.
        """
        text = self.params.get(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value < 1e9:
            raise ConfigError(
                f"source {self.display}: {key}={text!r} must be a number greater than 0"
            )
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return an option as yes or no.

        Raises
        ------
        ConfigError
            The option is neither.
        """
        text = self.params.get(key)
        if text is None:
            return default
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise ConfigError(f"source {self.display}: {key}={text!r} must be 1 or 0")


@dataclass(frozen=True, slots=True)
class SourceScheme:
    """One kind of source.

    Attributes
    ----------
    name : str
        What stands before the colon.
    summary : str
        One line for help texts.
    example : str
        A URI that shows its options.
    create : callable
        Makes the unopened camera; imports its driver.
    """

    name: str
    summary: str
    example: str
    create: Callable[[SourceSpec], Camera]


def hide_password(text: str) -> str:
    """Replace the password of a URL by asterisks."""
    return _PASSWORD.sub(r"\1:***@", text)


def parse_source(uri: str) -> SourceSpec:
    """Parse a source URI; nothing is opened.

    A path without a scheme is a video where its extension says so, else a
    picture, folder or pattern of pictures.

    Parameters
    ----------
    uri : str
        For example ``"sim:?targets=M51,M81"``, ``"folder:/data/night1"``,
        ``"v4l2:0?width=1920&height=1080"``, ``"rtsp://camera/stream"`` or a
        path.

    Returns
    -------
    SourceSpec

    Raises
    ------
    ConfigError
        The scheme is unknown, or nothing follows it.
    """
    uri = uri.strip()
    if not uri:
        raise ConfigError(f"the source is empty; {_known()}")
    match = _SCHEME.fullmatch(uri)
    scheme = match.group(1).lower() if match else ""
    if match is None or (scheme not in SCHEMES and Path(uri).exists()):
        suffix = Path(_split_query(uri)[0]).suffix.lower()
        scheme, rest = ("video" if suffix in VIDEO_SUFFIXES else "folder"), uri
    elif scheme not in SCHEMES:
        raise ConfigError(f"source {hide_password(uri)!r}: unknown scheme {scheme!r}; {_known()}")
    elif scheme in _URL_SCHEMES:
        if not re.match(r"//[^/]", match.group(2)):
            raise ConfigError(f"source {uri!r}: not an address; example: {SCHEMES[scheme].example}")
        return SourceSpec(scheme, uri)  # a camera's URL keeps its own query
    else:
        rest = match.group(2)
    path, params = _split_query(rest)
    if not path and scheme != "sim":
        raise ConfigError(
            f"source {uri!r}: nothing follows the colon; example: {SCHEMES[scheme].example}"
        )
    return SourceSpec(scheme, path, params)


def open_camera(source: SourceSpec | str) -> Camera:
    """Make the camera that a source names; it is not opened yet.

    Parameters
    ----------
    source : SourceSpec or str
        A parsed source or its URI.

    Returns
    -------
    Camera
        Use it as a context manager, or call ``open``.

    Raises
    ------
    ConfigError
        The scheme or one of the options is unknown or wrong.
    """
    spec = parse_source(source) if isinstance(source, str) else source
    try:
        scheme = SCHEMES[spec.scheme]
    except KeyError:
        raise ConfigError(f"unknown scheme {spec.scheme!r}; {_known()}") from None
    return scheme.create(spec)


def _split_query(text: str) -> tuple[str, dict[str, str]]:
    """Split at the last question mark if options follow it (a glob may have others)."""
    path, mark, query = text.rpartition("?")
    if not mark or not (_QUERY.match(query) or not query):
        return text, {}
    return path, dict(parse_qsl(query, keep_blank_values=True))


def _known() -> str:
    return "known: " + ", ".join(f"{name}:" for name in SCHEMES) + " or a path"


def _create_simulated(spec: SourceSpec) -> Camera:
    from edge_runtime.cameras.simulated import SimulatedCamera, SimulatedSkyConfig

    camera: Camera = SimulatedCamera(SimulatedSkyConfig.from_query(dict(spec.params)))
    return camera


def _create_folder(spec: SourceSpec) -> Camera:
    from edge_runtime.cameras.folder import FolderCamera

    spec.require_params("recursive", "glob")
    return FolderCamera(
        spec.path, recursive=spec.flag("recursive"), pattern=spec.params.get("glob")
    )


def _create_video(spec: SourceSpec) -> Camera:
    from edge_runtime.cameras.video import VideoCamera

    spec.require_params()
    return VideoCamera(spec.path)


def _create_v4l2(spec: SourceSpec) -> Camera:
    from edge_runtime.cameras.v4l2 import V4L2Camera

    spec.require_params("width", "height", "fps", "fourcc")
    width, height = spec.number("width"), spec.number("height")
    return V4L2Camera(
        spec.path,
        width=None if width is None else int(width),
        height=None if height is None else int(height),
        fps=spec.number("fps"),
        fourcc=spec.params.get("fourcc"),
    )


def _create_rtsp(spec: SourceSpec) -> Camera:
    from edge_runtime.cameras.rtsp import RtspCamera

    return RtspCamera(spec.path)


def _create_python(spec: SourceSpec) -> Camera:
    """Make a camera from a class of the user's own.

    Runs whatever code the module holds: only ever take such a URI from the
    local configuration or command line.
    """
    module_name, _, class_name = spec.path.partition(":")
    try:
        camera_class = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"source {spec.display}: cannot import it: {error}; "
            "write python:package.module:ClassName"
        ) from error
    try:
        camera = camera_class(**spec.params)
    except GalaxyEdgeError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"source {spec.display}: {error}") from error
    if not isinstance(camera, Camera):
        raise ConfigError(f"source {spec.display}: it is not an edge_runtime.cameras.base.Camera")
    return camera


_URL_SCHEMES = ("rtsp", "rtsps")

SCHEMES: Mapping[str, SourceScheme] = {
    scheme.name: scheme
    for scheme in (
        SourceScheme(
            "sim",
            "a simulated sky with catalogue galaxies",
            "sim:?targets=M51,M81&seed=3",
            _create_simulated,
        ),
        SourceScheme(
            "folder",
            "a picture, a folder of pictures or a pattern (JPEG, PNG, TIFF, FITS)",
            "folder:/data/night1?recursive=1&glob=*.fits",
            _create_folder,
        ),
        SourceScheme("video", "a video file", "video:/data/m51.mp4", _create_video),
        SourceScheme(
            "v4l2",
            "a camera of this computer",
            "v4l2:0?width=1920&height=1080&fps=10",
            _create_v4l2,
        ),
        SourceScheme("rtsp", "a network camera", "rtsp://user:password@host/path", _create_rtsp),
        SourceScheme(
            "rtsps", "a network camera, encrypted", "rtsps://user:password@host/path", _create_rtsp
        ),
        SourceScheme(
            "python",
            "a camera class of your own, called with the options as text",
            "python:package.module:ClassName?option=value",
            _create_python,
        ),
    )
}
