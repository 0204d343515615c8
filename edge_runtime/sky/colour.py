"""Colour indices as the red, green and blue channels of a camera see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WHITE_B_V = 0.65
"""Colour index that is drawn neutral: the Sun's."""


def rgb_from_b_v(b_v: ArrayLike) -> NDArray[np.float32]:
    """Return channel fluxes of a source relative to its green (V) flux.

    Blue follows B and red follows R, with V - R = 0.57 (B - V), the mean slope of
    main-sequence stars and of galaxies (Bessell 1990, PASP 102, 1181, table 1),
    balanced so that a solar-type spectrum is white.

    Parameters
    ----------
    b_v : array_like, shape (...)
        Johnson B - V in magnitudes, usually -0.3 to 2.

    Returns
    -------
    ndarray, shape (..., 3), float32
        Red, green and blue; green is 1.
    """
    excess = np.asarray(b_v, dtype=np.float32) - WHITE_B_V
    red = 10.0 ** (0.4 * 0.57 * excess)
    blue = 10.0 ** (-0.4 * excess)
    return np.stack([red, np.ones_like(red), blue], axis=-1).astype(np.float32)
