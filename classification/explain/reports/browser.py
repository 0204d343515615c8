"""Pages as PDF or PNG, through a Chromium that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from annotations.formats.outputs import new_file
from edge_runtime.errors import ConfigError, GalaxyEdgeError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HTML, PDF, PNG = "html", "pdf", "png"
FORMATS = (HTML, PDF, PNG)

_WIDTH_PX = 1300
_HEIGHT_PX = 16000  # browsers draw no higher picture
_MARGIN_PX = 24
_TIMEOUT_S = 180


def check_format(name: str, browsers: tuple[str, ...] = BROWSERS) -> str:
    """Refuse a format that cannot be written, before anything long begins.

    Parameters
    ----------
    name : str
        One of ``FORMATS``.
    browsers : tuple of str
        Programs to look for.

    Returns
    -------
    str
        Path of the browser; empty for HTML.

    Raises
    ------
    ConfigError
        The format is unknown, or there is no browser for it.
    """
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    if name == HTML:
        return ""
    found = next((path for each in browsers if (path := shutil.which(each))), None)
    if found is None:
        raise ConfigError(
            f"--format {name} needs a browser, and none is installed ({', '.join(browsers)}); "
            "install chromium, or write html and print it from any browser"
        )
    return found


def convert(page: Path, name: str, browser: str) -> Path:
    """Write a page as PDF or PNG beside it.

    Parameters
    ----------
    page : Path
        HTML file.
    name : str
        ``pdf`` or ``png``.
    browser : str
        As ``check_format`` returned it.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    GalaxyEdgeError
        The browser failed, or the page is too long for one picture.
    """
    output = page.with_suffix(f".{name}")
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-browser-") as folder:
        made = Path(folder) / f"page.{name}"
        asked = (
            [f"--print-to-pdf={made}", "--no-pdf-header-footer"]
            if name == PDF
            else [f"--screenshot={made}", f"--window-size={_WIDTH_PX},{_HEIGHT_PX}"]
        )
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            f"--user-data-dir={folder}/profile",
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            *asked,
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GalaxyEdgeError(f"{page}: {browser} failed ({error})") from error
        if not made.is_file() or not made.stat().st_size:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise GalaxyEdgeError(
                f"{page}: {browser} wrote no {name} (exit code {done.returncode}"
                f"{': ' + said[-1] if said else ''})"
            )
        if name == PNG:
            _trim(made, page)
        with new_file(output) as partial:
            shutil.copyfile(made, partial)
    return output


def _trim(picture: Path, page: Path) -> None:
    """Cut off the empty room below a page."""
    pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if pixels is None:
        raise GalaxyEdgeError(f"{page}: the browser's picture of it cannot be read")
    filled = np.flatnonzero((pixels != pixels[-1, 0]).any(axis=(1, 2)))
    last = int(filled[-1]) if len(filled) else 0
    if last + _MARGIN_PX >= len(pixels):
        raise GalaxyEdgeError(
            f"{page}: is longer than one picture can be ({_HEIGHT_PX} px); write it as pdf"
        )
    cv2.imwrite(str(picture), pixels[: last + _MARGIN_PX])
