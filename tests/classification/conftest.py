"""A tiny made-up data set in the layout of the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_data_set import write_tiny_data


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 training, 12 validation pictures, with and without labels, and 10 star fields."""
    return write_tiny_data(tmp_path_factory.mktemp("data"))
