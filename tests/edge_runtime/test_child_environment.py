"""Children find the package wherever it lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from edge_runtime.child_environment import child_environment

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_child_without_site_packages_imports_this_package(tmp_path):
    shown = subprocess.run(
        [sys.executable, "-S", "-P", "-c", "import edge_runtime; print(edge_runtime.__file__)"],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(shown.stdout.strip()).parent == REPOSITORY / "edge_runtime"


def test_paths_of_the_parent_stay_behind_and_variables_are_added(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = child_environment(OMP_NUM_THREADS="1")
    assert found["PYTHONPATH"].split(os.pathsep) == [str(REPOSITORY), "/elsewhere"]
    assert found["OMP_NUM_THREADS"] == "1"
    monkeypatch.delenv("PYTHONPATH")
    assert child_environment()["PYTHONPATH"] == str(REPOSITORY)
