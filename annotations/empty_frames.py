"""Real frames without a galaxy, and which of them may be trained on.

The frames of the DeepSpaceYoloDataset (``dsy_*``) are marked train, except
every fifth by name order, which is kept for validation. All other frames of
the folder are validation only.

``python -m annotations.empty_frames --data DIR`` prints the validation frames,
one a line, as ``galaxy-edge evaluate detector --empty FILE.txt`` reads them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_runtime.errors import GalaxyEdgeError

_VALIDATION_STRIDE = 5


def empty_frame_split(data_dir: Path) -> tuple[list[Path], list[Path]]:
    """Training and validation frames without a galaxy.

    Parameters
    ----------
    data_dir : Path
        Folder that holds ``frames/no_galaxy/images``.

    Returns
    -------
    train, validation : list of Path
        Sorted by name.

    Raises
    ------
    GalaxyEdgeError
        The folder holds no ``dsy_*`` frame.
    """
    images = data_dir / "frames" / "no_galaxy" / "images"
    frames = sorted(p for p in images.glob("*") if p.suffix.lower() in {".jpg", ".png"})
    marked_train = [p for p in frames if p.name.startswith("dsy_")]
    if not marked_train:
        raise GalaxyEdgeError(f"{images}: no dsy_* frame found; is this the data folder?")
    held_out = set(marked_train[::_VALIDATION_STRIDE])
    train = [p for p in marked_train if p not in held_out]
    return train, [p for p in frames if p not in set(train)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("train", "validation"), default="validation")
    given = parser.parse_args()
    frames = empty_frame_split(given.data.resolve())[given.split == "validation"]
    print("\n".join(str(path) for path in frames))  # noqa: T201


if __name__ == "__main__":
    main()
