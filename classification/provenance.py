"""Which code trained a model."""

from __future__ import annotations

import subprocess
from pathlib import Path


def code_version() -> str:
    """Commit of the checkout this file lies in, with ``-dirty`` where it was changed.

    Returns
    -------
    str
        ``"unknown"`` outside a Git checkout or where Git is not installed.
    """
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip()
