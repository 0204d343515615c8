from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge_runtime.errors import ConfigError
from tuning.commands.search import Role, tune
from tuning.commands.search_bar import SearchBar
from tuning.progress import SearchProgress, time_in_words


def test_each_trial_that_ends_is_told_where_there_is_no_terminal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with SearchBar() as bar, caplog.at_level(logging.INFO):
        for done in (0, 0, 1, 1, 2):
            bar.report(SearchProgress(done, 0, 30, 0.9, "00", ("02",), 600.0))
    assert [record.message for record in caplog.records] == [
        "1 of 30 trials done, at 02, best 0.9000 (trial 00), about 10 min left",
        "2 of 30 trials done, at 02, best 0.9000 (trial 00), about 10 min left",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "less than a minute"), (90, "about 2 min"), (4500, "about 1 h 15 min")],
)
def test_times_are_told_in_minutes(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"role": Role.WORKER}, "--role and --chief go together"),
        ({"chief": "node01:5050"}, "--role and --chief go together"),
        ({"space": "huge"}, "no search space is called 'huge'"),
    ],
)
def test_wrong_options_are_told_before_any_work(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    given = {"space": "tuned_small", "data": tmp_path, "output": tmp_path / "s", "trials": 3}
    usual = {"role": None, "chief": None, "trial_memory_mb": 0}
    with pytest.raises(ConfigError, match=message):
        tune(**{**given, **usual, **options})  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()
