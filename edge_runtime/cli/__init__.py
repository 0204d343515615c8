"""The ``galaxy-edge`` command.

One file a command group; what the commands do lives in the other modules of
the project, which are imported only when a command is called.
"""

from edge_runtime.cli.app import app, main

__all__ = ["app", "main"]
