"""A chief and two workers, each a process of its own, over keras-tuner's gRPC on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tuning_trials import made_up_settings, trial_command
from virtual_display import wait_for

from edge_runtime.errors import ConfigError
from tuning.address import Address
from tuning.chief import serve_search
from tuning.record import COMPLETED, RUNNING, read_search
from tuning.settings import claim_search
from tuning.spaces import space

LEASE_S = 20.0
STARTED_S = 600.0  # three processes load TensorFlow, perhaps on a busy machine

# what 'galaxy-edge tune' does with --role, on made-up trials
PROCESS = """
import logging, sys
sys.path[:0] = {paths!r}
logging.basicConfig(level=logging.INFO)
from pathlib import Path
from tuning.address import Address
from tuning.settings import claim_search
from tuning.spaces import space
from tuning_trials import made_up_settings
settings, found, folder = made_up_settings(), space("tuned_small"), Path({folder!r})
address = Address.parse({address!r})
if {role!r} == "chief":
    from tuning.chief import serve_search
    settings = claim_search(folder, settings, "tuned_small")
    serve_search(settings, found, folder, address, lease_s={lease_s})
else:
    from tuning.worker import work_for_chief
    work_for_chief(settings, found, folder, address, name={role!r}, lease_s={lease_s},
                   command={command!r}, poll_s=0.05)
"""


@dataclass
class Site:
    """Processes that share a folder."""

    folder: Path
    address: str
    command: list[str]
    log: Path
    lease_s: float = LEASE_S

    def start(self, role: str) -> subprocess.Popen[bytes]:
        here = Path(__file__).resolve().parents[2]
        code = PROCESS.format(
            paths=[str(here), str(here / "tests")],
            folder=str(self.folder),
            address=self.address,
            role=role,
            lease_s=self.lease_s,
            command=self.command,
        )
        with (self.log / f"{role}.log").open("ab") as file:
            process = subprocess.Popen([sys.executable, "-c", code], stdout=file, stderr=file)
        self.processes.append(process)
        return process

    def __post_init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    waiting = (
        "while number == 1 and not Path(spec['output'], '../../go').exists(): time.sleep(0.05)"
    )
    command = trial_command(tmp_path, waiting)
    made = Site(tmp_path / "search", f"127.0.0.1:{free_port()}", command, tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_search_of_two_workers_outlives_one_that_is_killed(site: Site) -> None:
    chief = site.start("chief")
    workers = {name: site.start(name) for name in ("a", "b")}

    def holder_of_trial_1() -> str | None:
        return next((n for n in workers if "trial 1:" in (site.log / f"{n}.log").read_text()), None)

    lost = wait_for("trial 1", holder_of_trial_1, STARTED_S)
    os.kill(workers[lost].pid, signal.SIGKILL)
    (site.folder / "go").touch()
    assert chief.wait(STARTED_S) == 0, (site.log / "chief.log").read_text()
    (left,) = (worker for name, worker in workers.items() if name != lost)
    assert left.wait(STARTED_S) == 0
    assert f"worker worker-{lost}" in (site.log / "chief.log").read_text()
    record = read_search(site.folder)
    assert record.is_finished
    assert [one.id for one in record.trials] == [str(i) for i in range(6)]
    assert {one.state for one in record.trials} == {COMPLETED}
    assert "trial 1:" in (site.log / f"{'b' if lost == 'a' else 'a'}.log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_chief_that_is_killed_goes_on_with_its_workers(site: Site) -> None:
    site.lease_s = 10 * STARTED_S
    chief = site.start("chief")
    worker = site.start("a")
    wait_for("trial 1", lambda: "trial 1:" in (site.log / "a.log").read_text(), STARTED_S)
    os.kill(chief.pid, signal.SIGKILL)
    chief.wait()
    assert [one.state for one in read_search(site.folder).trials] == [COMPLETED, RUNNING]
    again = site.start("chief")
    log = site.log / "chief.log"
    wait_for("the new chief", lambda: log.read_text().count("chief of") == 2, STARTED_S)
    (site.folder / "go").touch()
    assert again.wait(STARTED_S) == 0
    assert worker.wait(STARTED_S) == 0
    assert {one.state for one in read_search(site.folder).trials} == {COMPLETED}
    assert (site.log / "a.log").read_text().count("trial 1: conv1") == 1


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    settings = claim_search(tmp_path / "search", made_up_settings(), "tuned_small")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(ConfigError, match="cannot be listened at"):
            serve_search(settings, space("tuned_small"), tmp_path / "search", address)
