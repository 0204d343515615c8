"""Run a command that ends with its parent: ``python bound_process.py PID COMMAND...``.

Becomes the command after asking Linux to kill it as soon as the process PID,
its parent, ends, also where that one is killed itself. Where memory runs out,
Linux is asked to take the command and spare the search. Elsewhere it becomes
the command without these.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_FIRST_TO_GO = "1000"


def bind_to_parent(parent: int) -> None:
    """Have this process killed when its parent ends; end it where that has happened."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        error = os.strerror(ctypes.get_errno())
        sys.stderr.write(f"warning: this process does not end with its parent ({error})\n")
    if os.getppid() != parent:
        sys.exit(1)
    try:
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    except OSError as error:
        sys.stderr.write(f"warning: /proc/self/oom_score_adj: {error.strerror}\n")


def main() -> None:
    """Command line, for the search only."""
    bind_to_parent(int(sys.argv[1]))
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"error: {command[0]}: cannot be run ({error.strerror})\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
