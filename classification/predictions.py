"""What a classifier says about galaxies, kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from edge_runtime.errors import GalaxyEdgeError

_CLASS_PREFIX = "class_"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers of one classifier, row by row.

    Attributes
    ----------
    ids : tuple of str
        Galaxies.
    votes : ndarray, shape (N, 37), float32, or None
        Cumulative vote fractions; None from networks that have none.
    classes : mapping of str to ndarray, shape (N, K), float32
        Probabilities of the classes of each scheme, adding up to 1.
    """

    ids: tuple[str, ...]
    votes: NDArray[np.float32] | None = None
    classes: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: Path) -> None:
        """Write as ``.npz``, whole or not at all."""
        arrays: dict[str, NDArray] = {"ids": np.array(self.ids, dtype=np.str_)}
        if self.votes is not None:
            arrays["votes"] = self.votes
        arrays |= {_CLASS_PREFIX + name: values for name, values in self.classes.items()}
        with new_file(path) as partial, partial.open("wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what ``save`` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing, damaged, or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                return cls(
                    ids=tuple(str(i) for i in archive["ids"]),
                    votes=archive.get("votes"),
                    classes={
                        name.removeprefix(_CLASS_PREFIX): archive[name]
                        for name in archive.files
                        if name.startswith(_CLASS_PREFIX)
                    },
                )
        except (OSError, ValueError, KeyError) as error:
            raise GalaxyEdgeError(f"{path}: cannot be read as predictions ({error})") from error
