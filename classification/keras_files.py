"""Networks in files of Keras."""

from __future__ import annotations

from pathlib import Path

import keras

from edge_runtime.errors import GalaxyEdgeError


def read_keras(path: Path) -> keras.Model:
    """Read a network, without its optimizer and loss.

    Raises
    ------
    GalaxyEdgeError
        The file is missing, damaged, or of another kind.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read as a Keras network ({error})") from error
