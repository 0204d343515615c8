"""A virtual X display with a mouse, a keyboard and a look at the screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

T = TypeVar("T")
DEADLINE_S = 120.0  # for machines with much else to do


def wait_for(what: str, condition: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Ask until the condition holds; fail with its name after the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)  # between two looks, not instead of one
    raise AssertionError(f"waited {deadline_s:.0f} s in vain for {what}")


class Display:
    """A virtual display."""

    def __init__(self, name: str, framebuffer: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": name}
        for other in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            self.environment.pop(other, None)
        self._framebuffer = framebuffer

    def do(self, *arguments: object) -> str:
        """Run xdotool; return what it prints, nothing where it finds nothing."""
        done = subprocess.run(
            ["xdotool", *(str(a) for a in arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return done.stdout.strip()

    def windows(self, program: str) -> list[str]:
        """Identifiers of the visible windows of a program."""
        return self.do("search", "--onlyvisible", "--class", program).split()

    def screen(self) -> np.ndarray:
        """What the screen shows, shape (H, W, 3), RGB."""
        data = self._framebuffer.read_bytes()
        header = np.frombuffer(data[:100], ">u4")
        width, height, row_bytes, colours = header[4], header[5], header[12], header[19]
        start = int(header[0] + colours * 12)
        pixels = np.frombuffer(data, np.uint8, int(height * row_bytes), start)
        return pixels.reshape(height, row_bytes // 4, 4)[:, :width, 2::-1]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the left button, move in steps, release."""
        steps = [np.add(start, np.subtract(end, start) * part) for part in (0.3, 0.7, 1.0)]
        self.move(start)
        self.do("mousedown", 1)
        for step in steps:
            self.move(tuple(step))
        self.do("mouseup", 1)

    def move(self, position: tuple[float, float]) -> None:
        """Move the mouse."""
        self.do("mousemove", "--sync", round(position[0]), round(position[1]))


@contextmanager
def virtual_display(folder: Path) -> Iterator[Display]:
    """Start a display whose framebuffer is in ``folder``; skip where programs are missing."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (on Debian: apt-get install xvfb xdotool)")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x960x24",
         "-fbdir", str(folder), "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield Display(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(timeout=20)
