"""A search over a made-up landscape, whose trials behave as badly as they are told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuning.search import SearchRecord, run_search
from tuning.settings import SearchSettings, claim_search, space_hash
from tuning.spaces import space

# Scores a trial of tuned_small as if 96 filters and a dropout of 0.4 were best.
# PLACE is the folder of the search; what the test puts into it changes trials.
TRIAL = """
import json, os, sys, time
from pathlib import Path
spec = json.loads(Path(sys.argv[1]).read_text())
number = int(Path(spec["output"]).name)
v = spec["values"]
loss = abs(v["conv1_filters"] - 96) / 96 + abs(v["dropout"] - 0.4) + (v["conv1_kernel"] == 3) * 0.1
result = {"metrics": {"accuracy": 0.9 - 0.3 * loss}, "latency_ms": v["conv1_filters"] / 50,
          "size_kb": 20.0, "peak_memory_mb": 30.0, "parameters": 1000, "training_s": 0.1,
          "curve": [{"loss": 1.0}, {"loss": 0.5}]}
%s
Path(sys.argv[2]).write_text(json.dumps(result))
"""


def trial_command(tmp_path: Path, misbehaviour: str = "") -> list[str]:
    """Command of a trial that does something else before it writes its result."""
    script = tmp_path / "trial.py"
    script.write_text(TRIAL % misbehaviour)
    return [sys.executable, "-S", str(script)]


def made_up_settings(**changes: Any) -> SearchSettings:
    """Of a small search."""
    settings = SearchSettings(
        space="tuned_small",
        space_sha256=space_hash("tuned_small"),
        subject="classifier",
        data="/nowhere",
        data_hash="made up",
        metric="accuracy",
        trials=6,
        seed=5,
        tuner="random",
    )
    return replace(settings, **changes)


def search(folder: Path, command: Sequence[str], **changes: Any) -> SearchRecord:
    """Search, or go on with the search."""
    settings = claim_search(folder, made_up_settings(**changes), "tuned_small")
    return run_search(settings, space("tuned_small"), folder, command=command, poll_s=0.02)
