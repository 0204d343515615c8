"""Which fold a picture is held out in."""

from __future__ import annotations

from collections.abc import Sequence

from annotations.formats.dataset import LabelledPicture
from annotations.splits import fold_of
from edge_runtime.errors import GalaxyEdgeError


def assign_folds(pictures: Sequence[LabelledPicture], folds: int, seed: int) -> tuple[int, ...]:
    """Fold of each picture; pictures of one group share theirs.

    A picture without a group is a group of its own, by its name. A group keeps its
    fold when pictures are added or removed.

    Raises
    ------
    GalaxyEdgeError
        A fold would hold no galaxy that counts.
    """
    assigned = tuple(fold_of(f"{seed}/{p.group or p.name}", folds) for p in pictures)
    counting = {
        fold
        for fold, picture in zip(assigned, pictures, strict=True)
        if any(not box.difficult and not box.crowd for box in picture.boxes)
    }
    if len(counting) < folds:
        groups = len({p.group or p.name for p in pictures})
        raise GalaxyEdgeError(
            f"{len(pictures)} pictures of {groups} groups do not fill {folds} folds: some would "
            "hold no galaxy; take fewer --folds or more pictures"
        )
    return assigned
