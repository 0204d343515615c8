"""The environment of child processes that run modules of this package."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)


def child_environment(**variables: str) -> dict[str, str]:
    """Environment of this process, in which a child finds the package, installed or not.

    Parameters
    ----------
    **variables : str
        Set for the child, too.
    """
    paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
    search = os.pathsep.join(path for path in paths if path)
    return {**os.environ, "PYTHONPATH": search, **variables}
