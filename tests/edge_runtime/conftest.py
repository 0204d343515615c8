"""Fixtures of the edge's tests; also puts this folder's modules on the path."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundles import make_tiny_bundle


@pytest.fixture
def tiny_bundle_dir(tmp_path: Path) -> Path:
    """Folder of a complete bundle of a few kilobytes that finds bright squares."""
    return make_tiny_bundle(tmp_path / "tiny")
