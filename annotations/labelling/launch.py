"""Starting labelImg, or saying why it cannot be started."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from annotations.labelling.session import LabellingSession
from edge_runtime.errors import GalaxyEdgeError

_EXTRA = "galaxy-edge[annotate]"


def launch(session: LabellingSession) -> None:
    """Show the window and wait until it is closed.

    Settings of the window (its size, colours) are kept in the user's state folder,
    not in the settings file of a labelImg started otherwise.

    Raises
    ------
    GalaxyEdgeError
        labelImg is not installed, there is no display, or the window failed.
    """
    require_labelimg()
    require_display(os.environ, sys.platform)
    settings = settings_file()
    try:
        settings.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GalaxyEdgeError(f"{settings.parent}: cannot be made ({error.strerror})") from error
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-annotate-") as folder:
        classes = Path(folder) / "classes.txt"
        classes.write_text("".join(f"{label}\n" for label in session.classes), encoding="utf-8")
        command = [sys.executable, "-m", "annotations.labelling.window"]
        code = _wait([*command, session.to_json(), str(settings), str(classes)])
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise GalaxyEdgeError(
            f"the labelImg window {how}; its own messages are above. Where Qt cannot load its"
            " platform plugin or connect to the display, check $DISPLAY and install the X"
            " libraries of Qt (on Debian: apt-get install libxcb-xinerama0 libxcb-icccm4"
            " libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxkbcommon-x11-0)"
        )


def require_labelimg() -> None:
    """Check that labelImg and its Qt are installed.

    Raises
    ------
    GalaxyEdgeError
        One is not; the message names the extra.
    """
    for module, package in (("labelImg", "labelImg"), ("PyQt5", "PyQt5")):
        if importlib.util.find_spec(module) is None:
            raise GalaxyEdgeError(
                f"'galaxy-edge annotate' needs {package}, which is not installed; install it"
                f" with: pip install '{_EXTRA}'"
            )


def require_display(environment: Mapping[str, str], platform: str) -> None:
    """Check that a window can be shown.

    Parameters
    ----------
    environment : mapping
        Environment variables.
    platform : str
        As ``sys.platform``.

    Raises
    ------
    GalaxyEdgeError
        There is neither a display nor a Qt platform chosen by hand.
    """
    if not platform.startswith("linux"):
        return
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if not any(environment.get(name) for name in names):
        raise GalaxyEdgeError(
            "no display: $DISPLAY is not set, and labelImg is a window. Run this in a desktop"
            " session, over 'ssh -X', or on a virtual display: xvfb-run galaxy-edge annotate DIR"
        )


def settings_file() -> Path:
    """Where the window's size and colours are kept."""
    from platformdirs import user_state_path

    return user_state_path("galaxy-edge") / "labelimg.pkl"


def _wait(command: list[str]) -> int:
    """Run a command; on Ctrl-C or termination, let it save and end."""
    with subprocess.Popen(command) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has told the window as well
            process.wait()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
