"""Galaxy Zoo cut-outs and their labels.

The reader lives with the edge, because ``galaxy-edge evaluate classifier``
needs no more than the base install.
"""

from edge_runtime.evaluation.galaxy_labels import (
    R90_FRAME_PX,
    SPLITS,
    UNKNOWN_CLASS,
    GalaxyTable,
    LabelError,
    read_crops,
    read_labels,
)

__all__ = [
    "R90_FRAME_PX",
    "SPLITS",
    "UNKNOWN_CLASS",
    "GalaxyTable",
    "LabelError",
    "read_crops",
    "read_labels",
]
