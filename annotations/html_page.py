"""HTML reports in one file each: no network, no script needed to read them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from edge_runtime import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_uri(picture: NDArray[np.uint8], *, quality: int = 85) -> str:
    """Encode a picture as a JPEG data URI.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3) RGB or (H, W) grey, uint8
    quality : int
        Of the JPEG, 1 to 100.
    """
    if picture.dtype != np.uint8:
        raise TypeError(f"picture must be uint8, not {picture.dtype}")
    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"picture of shape {picture.shape} cannot be encoded")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def figure_uri(figure: Figure) -> str:
    """Encode a matplotlib figure as an SVG data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def write_page(path: Path, package: str, template: str, **context: object) -> None:
    """Write a page from a template.

    Parameters
    ----------
    path : Path
        HTML file to write, whole or not at all.
    package : str
        Package that holds the template in its folder ``templates``.
    template : str
        File name of the template; it extends ``page.html`` of this package and
        fills its blocks ``title`` and ``main``.
    **context : object
        Variables of the template. Strings are escaped.

    Raises
    ------
    AnnotationError
        The file cannot be written.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("annotations")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(template).render(version=__version__, **context)
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
