from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tuning_trials import made_up_settings, search, trial_command
from virtual_display import wait_for

import tuning.oracle_state
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.oracle_state import PREVIOUS_NAME, STATE_NAME
from tuning.progress import SearchProgress
from tuning.search import SearchRecord, read_search, run_search, searching_alone
from tuning.settings import claim_search
from tuning.spaces import space

STARTED_S = 600.0  # a process loads TensorFlow, perhaps on a busy machine


class Killed(BaseException):
    """Ends a search where a signal could."""


def outcome(record: SearchRecord) -> list[tuple[Any, ...]]:
    return [(one.id, dict(one.values), one.state, one.objective) for one in record.trials]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    tmp_path = tmp_path_factory.mktemp("uninterrupted")
    return outcome(search(tmp_path / "search", trial_command(tmp_path)))


def test_the_first_trial_is_the_default(uninterrupted: list[tuple[Any, ...]]) -> None:
    assert uninterrupted[0][1] == space("tuned_small").defaults()
    assert len({str(values) for _, values, _, _ in uninterrupted}) == 6


@pytest.mark.parametrize("tuner", ["random", "hyperband"])
def test_the_same_seed_tries_the_same(tmp_path: Path, tuner: str) -> None:
    command = trial_command(tmp_path)
    first = search(tmp_path / "a", command, tuner=tuner, trials=4, seed=0)
    again = search(tmp_path / "b", command, tuner=tuner, trials=4, seed=0)
    other = search(tmp_path / "c", command, tuner=tuner, trials=4, seed=1)
    assert outcome(first) == outcome(again) != outcome(other)


@pytest.mark.parametrize("kill", range(1, 9))
def test_killed_at_any_change_it_comes_to_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: list[tuple[Any, ...]],
    kill: int,
) -> None:
    """A search of four trials replaces its state eight times; it dies before, in or after it."""
    written = 0
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal written
        if self.name == f".{STATE_NAME}.new":
            written += 1
            if written == kill and kill % 3 == 0:
                self.unlink()
                raise Killed
            if written == kill and kill % 3 == 1:
                raise Killed
        moved = rename(self, target)
        if written == kill and kill % 3 == 2:
            raise Killed
        return moved

    command = trial_command(tmp_path)
    monkeypatch.setattr(tuning.oracle_state.Path, "replace", replace)
    with pytest.raises(Killed):
        search(tmp_path / "search", command, trials=4)
    monkeypatch.undo()
    assert outcome(search(tmp_path / "search", command, trials=4)) == uninterrupted[:4]


def test_a_damaged_state_is_taken_from_the_one_before(
    tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    command = trial_command(tmp_path)
    search(tmp_path / "search", command)
    path = tmp_path / "search" / "oracle" / STATE_NAME
    path.write_text(path.read_text()[:500])
    assert outcome(search(tmp_path / "search", command)) == uninterrupted
    path.write_text("")
    path.with_name(PREVIOUS_NAME).write_text("[]")
    with pytest.raises(GalaxyEdgeError, match="damaged, and so is the copy; remove this folder"):
        search(tmp_path / "search", command)


def test_without_its_state_a_search_takes_the_results_that_are_there(
    tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    search(tmp_path / "search", trial_command(tmp_path))
    for path in (tmp_path / "search" / "oracle").iterdir():
        path.unlink()
    refusing = trial_command(tmp_path, "sys.exit(1)")
    assert outcome(search(tmp_path / "search", refusing)) == uninterrupted


def test_failed_trials_are_told_and_the_search_goes_on(tmp_path: Path) -> None:
    command = trial_command(tmp_path, "if number in (1, 4): raise MemoryError('no room')")
    record = search(tmp_path / "search", command)
    assert [one.state for one in record.trials].count("failed") == 2
    failed = record.trials[4]
    assert (failed.state, failed.objective, failed.result) == ("failed", None, None)
    assert failed.failure is not None
    assert failed.failure.reason == "MemoryError: no room"
    assert record.is_finished
    assert record.best is not None
    assert record.best.result is not None


def test_too_many_failures_in_a_row_end_the_search_and_it_can_go_on(tmp_path: Path) -> None:
    broken = trial_command(tmp_path, "raise OSError('no data')")
    with pytest.raises(GalaxyEdgeError, match=r"5 trials failed .* OSError: no data"):
        search(tmp_path / "search", broken, trials=9)
    assert len(read_search(tmp_path / "search").trials) == 5
    record = search(tmp_path / "search", trial_command(tmp_path), trials=9)
    assert [one.state for one in record.trials] == ["failed"] * 5 + ["completed"] * 4


def test_a_trial_that_takes_the_search_with_it_is_begun_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise Killed

    command = trial_command(tmp_path)
    monkeypatch.setattr("tuning.trial_runner.TrialRunner.run", dies)
    for _ in range(3):
        with pytest.raises(Killed):
            search(tmp_path / "search", command)
    monkeypatch.undo()
    record = search(tmp_path / "search", command)
    assert record.trials[0].failure is not None
    assert record.trials[0].failure.reason == "it was begun 3 times and never ended"
    assert [one.state for one in record.trials[1:]] == ["completed"] * 5


def test_a_search_can_be_made_longer(tmp_path: Path, uninterrupted: list[tuple[Any, ...]]) -> None:
    command = trial_command(tmp_path)
    search(tmp_path / "search", command, trials=2)
    record = search(tmp_path / "search", command)
    assert outcome(record) == uninterrupted
    assert record.config.trials == 6


def test_another_configuration_is_refused_with_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "search"
    claim_search(folder, made_up_settings(), "tuned_small")
    other = made_up_settings(seed=6, max_latency_ms=2.0, trial_minutes=3.0)
    with pytest.raises(ConfigError) as refused:
        claim_search(folder, other, "tuned_small")
    assert f"{folder}: holds a search with max_latency_ms null, not 2.0; seed 5, not 6;" in str(
        refused.value
    )


def test_two_processes_do_not_search_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "search"
    settings = claim_search(folder, made_up_settings(), "tuned_small")
    with searching_alone(folder), pytest.raises(GalaxyEdgeError, match="another process searches"):
        run_search(settings, space("tuned_small"), folder, command=["/no"])


def test_an_exhausted_space_ends_the_search(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(
        'name = "two"\nnetwork = "tuned_small"\n[[parameters]]\nname = "conv1_kernel"\n'
        'kind = "choice"\nvalues = [3, 5]\ndefault = 5\n'
    )
    own = space(path)
    settings = claim_search(tmp_path / "search", made_up_settings(space="two"), path)
    path.unlink()
    command = trial_command(tmp_path)
    record = run_search(settings, own, tmp_path / "search", command=command, poll_s=0.02)
    assert [one.values for one in record.trials] == [{"conv1_kernel": 5}, {"conv1_kernel": 3}]
    assert record.is_finished
    assert record.trials[0].objective == pytest.approx(0.77)


def test_progress_tells_trials_and_the_best(tmp_path: Path) -> None:
    told: list[SearchProgress] = []
    settings = claim_search(tmp_path / "search", made_up_settings(), "tuned_small")
    run_search(
        settings,
        space("tuned_small"),
        tmp_path / "search",
        told.append,
        command=trial_command(tmp_path, "if number == 0: sys.exit(1)"),
        poll_s=0.02,
    )
    assert (told[0].done, told[0].trials, told[0].seconds_left) == (0, 6, None)
    assert (told[-1].done, told[-1].failed, told[-1].seconds_left) == (6, 1, 0.0)
    assert told[-1].in_words().startswith("6 of 6 trials done (1 failed), best 0.8")
    middle = next(one for one in told if one.done == 3 and one.running)
    assert "3 of 6 trials done (1 failed), at 3, best" in middle.in_words()
    assert middle.seconds_left is not None


def test_the_best_counts_within_the_limits(tmp_path: Path) -> None:
    command = trial_command(tmp_path)
    free = search(tmp_path / "free", command, trials=8)
    bound = search(tmp_path / "bound", command, trials=8, max_latency_ms=1.0)
    assert free.best is not None
    assert bound.best is not None
    assert free.best.result is not None
    assert bound.best.result is not None
    assert bound.best.result.latency_ms <= 1.0 < free.best.result.latency_ms


SEARCHING = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from tuning_trials import search
search(Path({folder!r}), {command!r})
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_in_a_trial_the_same_command_goes_on(
    tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    here = Path(__file__).resolve().parents[2]
    folder = tmp_path / "search"
    hanging = "if number == 3:\n    print(os.getpid(), flush=True)\n    time.sleep(600)"
    code = SEARCHING.format(
        paths=[str(here), str(here / "tests")],
        folder=str(folder),
        command=trial_command(tmp_path, hanging),
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    log = folder / "trials" / "3" / "log.txt"
    pid = int(wait_for("trial 3", lambda: log.exists() and log.read_text().strip(), STARTED_S))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for("the end of the trial", lambda: not Path(f"/proc/{pid}").exists())
    assert [one.state for one in read_search(folder).trials] == ["completed"] * 3 + ["running"]
    # those that are done are not run again
    command = trial_command(tmp_path, "if number < 3: sys.exit(1)")
    assert outcome(search(folder, command)) == uninterrupted
