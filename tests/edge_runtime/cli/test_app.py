"""The command line as users meet it: help, exit codes, errors, plugins."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
COMMANDS = (
    ("run",),
    ("process",),
    ("bench",),
    ("devices",),
    ("evaluate", "detector"),
    ("evaluate", "classifier"),
    ("bundle", "build"),
    ("bundle", "verify"),
    ("config", "init"),
    ("config", "check"),
    ("config", "show"),
)


def galaxy_edge(
    *arguments: object, path: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; ``path`` is searched for modules first."""
    search = [str(REPOSITORY)] if path is None else [str(path), str(REPOSITORY)]
    return subprocess.run(
        [sys.executable, "-m", "edge_runtime.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_is_that_of_the_package():
    from edge_runtime import __version__

    done = galaxy_edge("--version")
    assert (done.returncode, done.stdout) == (0, f"galaxy-edge {__version__}\n")


def test_help_lists_every_command_and_loads_nothing_heavy():
    code = (
        "import sys; from edge_runtime.cli import main\n"
        "sys.argv = ['galaxy-edge', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'numpy', 'cv2', 'pydantic', 'astropy', 'sqlalchemy', 'fastapi', 'rich',\n"
        "         'ai_edge_litert', 'tensorflow', 'keras'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == "[]\n"
    for command in ("run", "process", "evaluate", "bench", "bundle", "config", "devices"):
        assert f"\n  {command} " in done.stdout


def test_help_is_instant():
    """Processor time: the clock would also count what else the machine does."""
    times_s = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert galaxy_edge("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times_s.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(times_s) < 0.8  # importing a training framework takes some seconds


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example(command):
    done = galaxy_edge(*command, "--help")
    assert done.returncode == 0
    assert "\n  Example" in done.stdout
    assert f"galaxy-edge {' '.join(command)}" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("process", "x.png"),
        ("run", "--frames", "0"),
        ("run", "--frames", "many"),
        ("run", "--colour"),
        ("bench", "--resolution", "wide"),
        ("evaluate", "detector", "--images", "x"),
        ("run", "--config", "/nope.toml"),
        ("config", "check", "/nope.toml"),
        ("run", "--no-web", "--source", "warp:9"),
    ],
    ids=" ".join,
)
def test_wrong_usage_and_configuration_end_with_2_and_no_traceback(arguments):
    done = galaxy_edge(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "rror: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_is_one_line_on_stderr_and_ends_with_1(tmp_path):
    done = galaxy_edge("bundle", "verify", tmp_path / "nope.zip")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'nope.zip'}: ")


def test_several_mistakes_of_a_file_are_one_line_each(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("[web]\nport = -1\nprot = 2\n")
    done = galaxy_edge("config", "check", file)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: {file}:2: web.port: must be a whole number from 0 to 65535; got -1",
        f"error: {file}:3: web.prot: unknown key; did you mean 'port'?",
    ]


def test_config_init_writes_a_file_that_check_accepts_and_never_overwrites(tmp_path):
    file = tmp_path / "c.toml"
    assert galaxy_edge("config", "init", file).returncode == 0
    done = galaxy_edge("config", "check", file)
    assert (done.returncode, done.stdout) == (0, f"{file}: correct\n")
    file.write_text("# mine\n")
    refused = galaxy_edge("config", "init", file)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert file.read_text() == "# mine\n"
    assert galaxy_edge("config", "init", file, "--force").returncode == 0
    assert "[camera]" in file.read_text()


def test_config_check_finds_a_wrong_source(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("[camera]\nsource = 'warp:9'\n")
    done = galaxy_edge("config", "check", file)
    assert done.returncode == 2
    assert "warp" in done.stderr


def test_config_show_hides_the_password():
    done = galaxy_edge("config", "show", GALAXY_EDGE_PASSWORD="correct horse")
    assert done.returncode == 0
    assert "correct horse" not in done.stdout
    assert "# password is set" in done.stdout


def test_bundle_verify_writes_its_report_as_json(tmp_path, tiny_bundle_dir):
    done = galaxy_edge("bundle", "verify", tiny_bundle_dir)
    assert done.returncode == 0
    assert json.loads(done.stdout)["name"] == "tiny"
    report = tmp_path / "report.json"
    done = galaxy_edge("bundle", "verify", tiny_bundle_dir, "--json", report)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(report.read_text())["name"] == "tiny"


def test_process_ends_with_1_only_if_all_inputs_failed(tmp_path, tiny_bundle_dir):
    from tiny_bundles import encode_png, square_picture

    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encode_png(square_picture()))
    bad.write_bytes(b"no picture")
    options = ("--bundle", tiny_bundle_dir, "--output", tmp_path / "out")
    some = galaxy_edge("process", good, bad, *options)
    assert some.returncode == 0
    assert "2 inputs, 1 failed" in some.stdout
    (line,) = [line for line in some.stderr.splitlines() if line.startswith("error: ")]
    assert str(bad) in line
    assert galaxy_edge("process", bad, *options).returncode == 1


def test_an_interrupted_command_ends_with_130_and_keeps_what_was_found(tmp_path, tiny_bundle_dir):
    from tiny_bundles import encode_png, square_picture

    night = tmp_path / "night"
    night.mkdir()
    for index in range(3000):
        (night / f"{index}.png").write_bytes(encode_png(square_picture()))
    output = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime.cli", "process", str(night)]  # noqa: RUF005
        + ["--bundle", str(tiny_bundle_dir), "--output", str(output)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
        # shells start background jobs with interrupts ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline_s = time.monotonic() + 60
    while not (output / "annotated" / "5.png").exists():
        assert time.monotonic() < deadline_s
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    lines = (output / "sightings.ecsv").read_text().splitlines()
    assert 5 < len([line for line in lines if not line.startswith("#")]) < 3000


def test_devices_lists_every_kind_of_source_and_cameras_as_json(tmp_path):
    from edge_runtime.cameras.uri import SCHEMES

    done = galaxy_edge("devices", "--json", tmp_path / "devices.json")
    assert done.returncode == 0
    for name in SCHEMES:
        assert f"\n  {name}:" in done.stdout
    cameras = json.loads((tmp_path / "devices.json").read_text())["cameras"]
    assert len(cameras) == len(list(Path("/sys/class/video4linux").glob("video*")))


def test_a_run_that_cannot_record_says_so_and_ends_with_1(tmp_path, tiny_bundle_dir):
    (tmp_path / "disk").write_text("not mounted")
    file = tmp_path / "c.toml"
    file.write_text(
        f"[bundle]\npath = '{tiny_bundle_dir}'\n"
        f"[store]\nurl = '{tmp_path}/disk/s.sqlite'\nmedia_dir = '{tmp_path}/disk/media'\n"
    )
    source = "python:square_camera:SquareCamera?frames=5"
    done = galaxy_edge(
        "run", "--config", file, "--source", source, "--no-web", path=Path(__file__).parents[1]
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: 1 sightings could not be written"
    assert "recorded sighting" not in done.stdout


def test_evaluate_takes_empty_frames_from_folders_files_and_lists(tmp_path):
    from edge_runtime.cli.evaluate import empty_frames
    from edge_runtime.errors import GalaxyEdgeError

    for name in ("dark/a.png", "dark/b.fits", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listing = tmp_path / "list.txt"
    listing.write_text("dark/b.fits\n\nc.png\n")
    frames = empty_frames([tmp_path / "dark", listing, tmp_path / "c.png"])
    names = [str(frame.relative_to(tmp_path)) for frame in frames]
    assert names == ["dark/a.png", "dark/b.fits", "dark/b.fits", "c.png", "c.png"]
    (tmp_path / "nothing.txt").write_text("\n")
    with pytest.raises(GalaxyEdgeError, match="names no picture"):
        empty_frames([tmp_path / "nothing.txt"])


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A folder with an installed distribution that brings commands along."""
    info = tmp_path / "stars-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[galaxy_edge.commands]\n"
        "count = stars_plugin:count\n"
        "group = stars_plugin:app\n"
        "heavy = stars_heavy:run [workstation]\n"
        "broken = stars_broken:run\n"
        "sky.count = stars_plugin:count\n"
        "sky.map = stars_plugin:late [survey]\n"
        "evaluate.stars = stars_plugin:count\n"
    )
    (tmp_path / "stars_plugin.py").write_text(
        "import typer\n"
        "app = typer.Typer()\n"
        "@app.callback()\n"
        "def main(): pass\n"
        "@app.command()\n"
        "def inner(name: str): typer.echo(f'inner {name}')\n"
        "def count(number: int, twice: bool = False):\n"
        "    '''Count stars.'''\n"
        "    typer.echo(str(number * (2 if twice else 1)))\n"
        "def late():\n"
        "    import a_library_nobody_has\n"
    )
    (tmp_path / "stars_heavy.py").write_text("import a_library_nobody_has\n")
    (tmp_path / "stars_broken.py").write_text("raise RuntimeError('a bug')\n")
    return tmp_path


def test_commands_of_other_packages_are_listed_without_loading_them(plugins):
    done = galaxy_edge("--help", path=plugins)
    assert done.returncode == 0
    assert "heavy" in done.stdout
    assert "(needs the workstation extra)" in done.stdout
    assert "broken" in done.stdout


def test_commands_of_other_packages_run_with_their_own_arguments(plugins):
    assert galaxy_edge("count", "21", "--twice", path=plugins).stdout == "42\n"
    assert galaxy_edge("group", "inner", "M51", path=plugins).stdout == "inner M51\n"
    assert "Count stars." in galaxy_edge("count", "--help", path=plugins).stdout
    assert galaxy_edge("count", "x", path=plugins).returncode == 2


def test_a_dot_in_the_name_puts_a_command_into_a_group(plugins):
    root = galaxy_edge("--help", path=plugins).stdout
    assert "\n  sky " in root
    assert "sky.count" not in root
    group = galaxy_edge("sky", "--help", path=plugins)
    assert group.returncode == 0
    assert "Count stars." in group.stdout
    assert "Command of stars_plugin (needs the survey extra)." in group.stdout
    assert galaxy_edge("sky", "count", "21", "--twice", path=plugins).stdout == "42\n"
    usage = galaxy_edge("sky", "count", "--help", path=plugins).stdout
    assert usage.startswith("Usage: galaxy-edge sky count ")
    assert galaxy_edge("sky", "fly", path=plugins).returncode == 2


def test_a_dotted_name_can_join_a_group_that_exists(plugins):
    group = galaxy_edge("evaluate", "--help", path=plugins).stdout
    for name in ("detector", "classifier", "stars"):
        assert f"\n  {name} " in group
    assert galaxy_edge("evaluate", "stars", "4", path=plugins).stdout == "4\n"


def test_a_library_missing_inside_a_command_names_the_extra_too(plugins):
    done = galaxy_edge("sky", "map", path=plugins)
    assert done.returncode == 1
    assert done.stderr == (
        "error: 'galaxy-edge sky map' needs a_library_nobody_has, which is not installed; "
        "install it with: pip install 'galaxy-edge[survey]'\n"
    )


def test_a_missing_library_names_the_extra_to_install(plugins):
    done = galaxy_edge("heavy", path=plugins)
    assert done.returncode == 1
    assert done.stderr == (
        "error: 'galaxy-edge heavy' needs a_library_nobody_has, which is not installed; "
        "install it with: pip install 'galaxy-edge[workstation]'\n"
    )


def test_a_bug_in_a_command_keeps_its_traceback(plugins):
    done = galaxy_edge("broken", path=plugins)
    assert done.returncode == 1
    assert "RuntimeError: a bug" in done.stderr
    assert "Traceback" in done.stderr
