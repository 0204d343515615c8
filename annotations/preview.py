"""``galaxy-edge data preview``: what a detector is trained on, on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from annotations.composites import Composite

_COLUMNS = 6
_GAP_PX = 4
_BOX_RGB = (255, 80, 60)
_GAP_RGB = (60, 60, 60)
_MOST_CUTOUTS = 200  # enough for a look, and quick to prepare


class Source(StrEnum):
    """Where the pictures come from."""

    COMPOSITES = "composites"
    SIMULATED = "simulated"
    MIXED = "mixed"


def preview(
    output: Annotated[Path, typer.Option("--output", help="Picture to write (.png or .jpg).")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with galaxies/ and frames/, for composites."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=400, help="Pictures.")] = 24,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all randomness.")] = 1,
    source: Annotated[
        Source | None,
        typer.Option("--source", help="Left out: mixed with --data, else simulated."),
    ] = None,
    size: Annotated[
        int, typer.Option("--size", min=64, max=2048, help="Side of each picture in pixels.")
    ] = 320,
) -> None:
    """Show pictures that a detector is trained on, with their boxes.

    \b
    Example:
      galaxy-edge data preview --data shared/data --output sheet.png
      galaxy-edge data preview --source simulated --count 12 --output sky.png
    """  # noqa: D301 (\b keeps the lines of the example)
    import numpy as np

    from annotations.composites import CompositeParams
    from annotations.stream import training_stream
    from edge_runtime.cli.output import ProgressBar
    from edge_runtime.errors import ConfigError

    chosen = source or (Source.SIMULATED if data is None else Source.MIXED)
    if chosen is not Source.SIMULATED and data is None:
        raise ConfigError(f"--source {chosen} needs --data, the folder with galaxies/ and frames/")
    if output.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"{output}: write to a .png or .jpg file")
    composites = None
    if chosen is not Source.SIMULATED and data is not None:
        from annotations.training_sky import composite_generator

        composites = composite_generator(
            data, CompositeParams().at_size(size), most_cutouts=_MOST_CUTOUTS, seed=seed
        )
    names = ("composites", "simulated") if chosen is Source.MIXED else (chosen.value,)
    stream = training_stream(
        np.random.default_rng(seed), size, dict.fromkeys(names, 1.0), composites
    )
    drawn = []
    with ProgressBar("drawing") as progress:
        for done in range(1, count + 1):
            drawn.append(next(stream))
            progress.update(done, count)
    write_sheet(output, sheet_of(drawn))
    boxes = sum(len(composite.boxes_xyxy_px) for composite in drawn)
    typer.echo(f"wrote {output}: {count} pictures with {boxes} galaxies", err=True)


def sheet_of(composites: Sequence[Composite], columns: int = _COLUMNS) -> NDArray[np.uint8]:
    """Draw labelled pictures in rows, with their boxes.

    Parameters
    ----------
    composites : sequence of Composite
        At least one; all of one size.
    columns : int

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
    """
    import cv2
    import numpy as np

    side = composites[0].picture.shape[0]
    columns = min(columns, len(composites))
    rows = math.ceil(len(composites) / columns)
    step = side + _GAP_PX
    sheet = np.empty((rows * step - _GAP_PX, columns * step - _GAP_PX, 3), dtype=np.uint8)
    sheet[:] = _GAP_RGB
    for index, composite in enumerate(composites):
        cell = composite.picture.copy()
        for x0, y0, x1, y1 in composite.boxes_xyxy_px.round().astype(int).tolist():
            cv2.rectangle(cell, (x0, y0), (x1 - 1, y1 - 1), _BOX_RGB, 1)
        row, column = divmod(index, columns)
        sheet[row * step : row * step + side, column * step : column * step + side] = cell
    return sheet


def write_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Write an RGB picture in the format of the file's suffix.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be written.
    """
    import cv2
    import numpy as np

    from edge_runtime.errors import GalaxyEdgeError

    done, data = cv2.imencode(path.suffix.lower(), np.ascontiguousarray(sheet[:, :, ::-1]))
    if not done:
        raise GalaxyEdgeError(f"{path}: OpenCV cannot encode {path.suffix}")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be written ({error.strerror})") from error
