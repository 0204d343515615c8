"""The shell scripts: clean, and clear about what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path
    for path in (
        *sorted((REPOSITORY / "scripts").rglob("*")),
        REPOSITORY / ".ci" / "run",
    )
    if path.is_file()
    and (path.suffix == ".sh" or path.read_bytes().startswith(b"#!/usr/bin/env bash"))
]
IDS = [str(path.relative_to(REPOSITORY)) for path in SCRIPTS]


def find_python(search: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [bash, "-c", f"set -euo pipefail; source {REPOSITORY}/scripts/lib/python.sh; find_python"],
        env={"PATH": str(search), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def fake_python(path: Path, version_ok: bool, venv_ok: bool) -> None:
    path.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"  *version_info*) exit {0 if version_ok else 1} ;;\n"
        f"  *ensurepip*) exit {0 if venv_ok else 1} ;;\n"
        "esac\n"
    )
    path.chmod(0o755)


@pytest.mark.parametrize("script", SCRIPTS, ids=IDS)
def test_shellcheck_finds_nothing(script):
    shellcheck = shutil.which("shellcheck") or shutil.which(
        "shellcheck", path=str(Path(sys.executable).parent)
    )
    if shellcheck is None:
        pytest.skip("shellcheck is not installed; requirements/dev.txt has it")
    done = subprocess.run(
        [shellcheck, "--external-sources", str(script)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.suffix != ".sh"], ids=lambda path: path.name
)
def test_scripts_can_be_run_and_stop_at_the_first_error(script):
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text()


def test_the_first_python_that_is_new_enough_is_taken(tmp_path):
    fake_python(tmp_path / "python3.11", version_ok=False, venv_ok=True)
    fake_python(tmp_path / "python3.12", version_ok=True, venv_ok=True)
    done = find_python(tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'python3.12'}\n")


def test_a_python_can_be_named(tmp_path):
    fake_python(tmp_path / "python3.11", version_ok=True, venv_ok=True)
    fake_python(tmp_path / "mine", version_ok=True, venv_ok=True)
    done = find_python(tmp_path, PYTHON=str(tmp_path / "mine"))
    assert done.stdout == f"{tmp_path / 'mine'}\n"


def test_no_python_that_is_new_enough_is_said_with_what_to_do(tmp_path):
    fake_python(tmp_path / "python3", version_ok=False, venv_ok=True)
    done = find_python(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no Python 3.11 or newer found; ")


def test_a_missing_venv_module_is_said_with_the_package_to_install(tmp_path):
    fake_python(tmp_path / "python3", version_ok=True, venv_ok=False)
    done = find_python(tmp_path)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_pinned_versions_name_no_index_and_satisfy_the_project():
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {"base": project["dependencies"], **project["optional-dependencies"]}
    pinned: dict[str, str] = {}
    for path in sorted((REPOSITORY / "requirements").glob("*.txt")):
        for line in path.read_text().splitlines():
            if not line or line.startswith(("#", "-r base.txt")):
                continue
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            name = requirement.name.lower().replace("_", "-")
            assert pinned.setdefault(name, specifier.version) == specifier.version, line
    for extra, lines in wanted.items():
        for line in lines:
            requirement = Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            name = requirement.name.lower().replace("_", "-")
            assert pinned[name] in requirement.specifier, f"{extra}: {line}"
