"""The made-up data set with a test split and classes of Galaxy10."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def split_data(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 training, 6 validation and 6 test pictures."""
    folder = tmp_path_factory.mktemp("split") / "data"
    shutil.copytree(tiny_data, folder)
    path = folder / "galaxies" / "labels.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for i, row in enumerate(rows):
        row["id"] = str(1000 + i)
        row["galaxy10"] = str(i % 10) if row["class5"] else ""
        if i >= 30:
            row["split"] = "test"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
