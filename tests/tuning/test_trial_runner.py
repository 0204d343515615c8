from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tuning_trials import made_up_settings, trial_command

from edge_runtime.errors import ConfigError
from tuning.record import FAILURE_NAME, RESULT_NAME, trial_folder
from tuning.spaces import space
from tuning.trial_runner import TrialFailed, TrialRunner
from tuning.trials.result import TrialFailure, TrialResult

VALUES = space("tuned_small").defaults()


def runner(tmp_path: Path, misbehaviour: str = "", **changes: Any) -> TrialRunner:
    return TrialRunner(
        tmp_path / "search",
        made_up_settings(**changes),
        space("tuned_small"),
        trial_command(tmp_path, misbehaviour),
        poll_s=0.02,
    )


def run(tmp_path: Path, misbehaviour: str = "", **changes: Any) -> TrialResult:
    trials = runner(tmp_path, misbehaviour, **changes)
    return trials.run("0", trials.spec("0", VALUES))


def test_a_trial_gives_its_result(tmp_path: Path) -> None:
    assert run(tmp_path).metrics["accuracy"] == pytest.approx(0.74)
    assert TrialResult.read(trial_folder(tmp_path / "search", "0") / RESULT_NAME).size_kb == 20.0


@pytest.mark.parametrize(
    ("misbehaviour", "changes", "reason"),
    [
        ("raise ValueError('no such layer')", {}, "ValueError: no such layer"),
        ("sys.stderr.write('error: the data are gone\\n'); sys.exit(1)", {}, "the data are gone"),
        ("os.abort()", {}, "it crashed (SIGABRT)"),
        ("os.kill(os.getpid(), 9)", {}, "it was killed, as systems do that run out of memory"),
        ("sys.exit(7)", {}, "it ended with exit code 7"),
        ("time.sleep(600)", {"trial_minutes": 0.01}, "it took longer than 0.01 minutes"),
        (
            "b = bytearray(1); b *= 120 << 20; time.sleep(600)",
            {"trial_memory_mb": 80},
            "it took more than 80 MB of memory",
        ),
        ("result['metrics']['accuracy'] = float('nan')", {}, "accuracy is nan"),
        ("result['latency_ms'] = float('inf')", {}, "latency_ms is inf"),
        ("result['metrics'] = {'rmse': 0.1}", {}, "the trial has no metric 'accuracy'"),
        ("del result['size_kb']", {}, "has no size_kb"),
        ("Path(sys.argv[2]).write_text('{\"metr'); sys.exit(0)", {}, "is no JSON"),
        ("sys.exit(0)", {}, "cannot be read"),
    ],
)
def test_a_trial_that_misbehaves_fails_with_the_reason(
    tmp_path: Path, misbehaviour: str, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TrialFailed) as failed:
        run(tmp_path, misbehaviour, **changes)
    assert reason in failed.value.failure.reason
    where = trial_folder(tmp_path / "search", "0")
    assert TrialFailure.read(where / FAILURE_NAME) == failed.value.failure
    assert not (where / RESULT_NAME).exists()


def test_a_failure_keeps_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed) as failed:
        run(tmp_path, "print('epoch 1'); print('epoch 2'); sys.exit(1)")
    assert failed.value.failure.detail == "epoch 1\nepoch 2"


def test_a_result_that_is_there_is_taken_for_the_same_trial_only(tmp_path: Path) -> None:
    first = runner(tmp_path)
    first.run("0", first.spec("0", VALUES))
    other = runner(tmp_path, "raise ValueError('run again')")
    assert other.run("0", other.spec("0", VALUES)).metrics["accuracy"] == pytest.approx(0.74)
    with pytest.raises(TrialFailed, match="run again"):
        other.run("0", other.spec("0", {**VALUES, "dropout": 0.6}))


def test_a_later_stage_of_hyperband_goes_on_with_the_earlier_trial(tmp_path: Path) -> None:
    found = runner(tmp_path).spec(
        "3",
        {**VALUES, "tuner/trial_id": "1", "tuner/epochs": 9, "tuner/initial_epoch": 3},
    )
    assert (found.epochs, found.initial_epoch) == (9, 3)
    assert found.initial == trial_folder(tmp_path / "search", "1")
    assert found.values == VALUES


def test_values_from_afar_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="conv1_kernel: has no value"):
        runner(tmp_path).spec("0", {k: v for k, v in VALUES.items() if k != "conv1_kernel"})


def test_a_trial_does_not_see_the_address_of_a_chief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "10.0.0.1")
    run(tmp_path, "print(json.dumps([n for n in os.environ if n.startswith('KERASTUNER')]))")
    log = trial_folder(tmp_path / "search", "0") / "log.txt"
    assert json.loads(log.read_text()) == []
