"""Run one trial: ``python -m tuning.trials SPEC.json RESULT.json``.

Reads a ``TrialSpec``, writes a ``TrialResult``. Where the trial fails, the last
line on the standard error begins with ``error:`` and says why; the exit code
is 2 where a value of the spec is wrong, 1 else.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.trials.result import TrialResult
from tuning.trials.spec import DETECTOR, TrialSpec


def run_trial(spec: TrialSpec) -> TrialResult:
    """Run a trial in this process.

    Parameters
    ----------
    spec : TrialSpec

    Returns
    -------
    TrialResult

    Raises
    ------
    ConfigError
        The space is not known, or a value is wrong.
    GalaxyEdgeError
        The trial failed; the message says why.
    """
    spec.output.mkdir(parents=True, exist_ok=True)
    if spec.subject == DETECTOR:
        from tuning.trials.detector_trial import run_detector_trial

        return run_detector_trial(spec)
    if spec.space == "compact":
        from tuning.trials.edge_trial import run_edge_trial

        return run_edge_trial(spec)
    if spec.space == "tuned_small":
        from tuning.trials.small_trial import run_small_trial

        return run_small_trial(spec)
    raise ConfigError(f"no trial is known for space {spec.space!r}; known: compact, tuned_small")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; see the module's text."""
    parser = argparse.ArgumentParser(
        prog="python -m tuning.trials", description="Run one trial of a search."
    )
    parser.add_argument("spec", type=Path, metavar="SPEC.json")
    parser.add_argument("result", type=Path, metavar="RESULT.json")
    given = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    try:
        run_trial(TrialSpec.read(given.spec)).write(given.result)
    except ConfigError as error:
        return _failed(str(error), 2)
    except GalaxyEdgeError as error:
        return _failed(str(error), 1)
    except MemoryError:
        return _failed("out of memory", 1)
    except Exception as error:  # noqa: BLE001  the end of this process, told with its traceback
        traceback.print_exc()
        if type(error).__name__ == "ResourceExhaustedError":  # of TensorFlow
            return _failed("out of memory", 1)
        return _failed(f"{type(error).__name__}: {error}", 1)
    return 0


def _failed(reason: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(reason.split())[:400]}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
