"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# machines are shared: how long one example takes says nothing
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real galaxies and telescope frames beside the checkout.

    ``GALAXY_EDGE_DATA`` names another place. Tests that need it are skipped
    where it is absent.
    """
    folder = Path(os.environ.get("GALAXY_EDGE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "frames").is_dir():
        pytest.skip(f"real data not found in {folder}; set GALAXY_EDGE_DATA to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests last, so that simple mistakes show early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
