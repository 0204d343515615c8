"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", help="Bundle, a folder or .zip; left out, the one in the program."),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="File for the results; left out, standard output.")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=1, max=64, help="Processor threads of each network.")
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0, max=1, help="Lowest score of a detection; left out, the bundle's."
    ),
]
