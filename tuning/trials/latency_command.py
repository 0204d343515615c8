"""Latency of a file on another device, as a command of the user tells it."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
from pathlib import Path

from edge_runtime.errors import GalaxyEdgeError

PLACE = "{model}"
TIME_LIMIT_S = 300.0


def commanded_latency_ms(command: str, model: Path, *, time_limit_s: float = TIME_LIMIT_S) -> float:
    """Ask a command for the latency of one call.

    Parameters
    ----------
    command : str
        Run by the shell, for example ``ssh pi ./time-tflite < {model}``. The
        path of the file stands where it holds ``{model}``, else behind it. The
        last line it prints is the number of milliseconds.
    model : Path
        TFLite file.
    time_limit_s : float
        After it the command and all it started are ended.

    Returns
    -------
    float
        Milliseconds, above 0.

    Raises
    ------
    GalaxyEdgeError
        The command took too long, failed, or printed no number above 0.
    """
    path = shlex.quote(str(model.resolve()))
    line = command.replace(PLACE, path) if PLACE in command else f"{command} {path}"
    with subprocess.Popen(
        line,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,  # so that all it started can be ended
    ) as process:
        try:
            printed, complaints = process.communicate(timeout=time_limit_s)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise GalaxyEdgeError(
                f"--latency-command {command!r}: not done after {time_limit_s:g} s"
            ) from error
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        said = _last_line(complaints) or _last_line(printed) or "it printed nothing"
        raise GalaxyEdgeError(
            f"--latency-command {command!r}: exit status {process.returncode} ({said})"
        )
    last = _last_line(printed)
    try:
        latency_ms = float(last)
    except ValueError as error:
        raise GalaxyEdgeError(
            f"--latency-command {command!r}: its last line is {last!r}; expected milliseconds"
        ) from error
    if not math.isfinite(latency_ms) or latency_ms <= 0:
        raise GalaxyEdgeError(
            f"--latency-command {command!r}: told {latency_ms:g} ms; expected a number above 0"
        )
    return latency_ms


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
