"""What an explanation is: a number for each pixel of a crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classification.explain.targets import Target


@dataclass(frozen=True, slots=True)
class Attribution:
    """How far each pixel speaks for an answer, or against it.

    Attributes
    ----------
    method : str
    target : Target
    values : ndarray, shape (S, S), float32
        Above 0 where a pixel raises the answer, below 0 where it lowers it. The unit
        is the method's own: compare maps by order and shape, not by size.
    details : mapping of str to float
        ``calls``: crops that went through the network, there and back counted once.
        ``seconds``. Where the method promises a sum, ``completeness_error``: how far
        the map's sum is from it, relative to it.
    """

    method: str
    target: Target
    values: NDArray[np.float32]
    details: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = self.values
        if values.ndim != 2 or values.shape[0] != values.shape[1] or values.dtype != np.float32:
            raise ValueError(
                f"{self.method}: an attribution is (S, S) float32, not {values.shape} "
                f"{values.dtype}"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"{self.method}: the attribution has values that are not finite")

    @property
    def positive(self) -> NDArray[np.float32]:
        """What speaks for the answer; 0 elsewhere."""
        return np.maximum(self.values, np.float32(0))
