"""Train every classifier on the same pictures, and write the table of what each achieves."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from classification.reproduction.plans import ROWS, Budget  # noqa: E402
from classification.reproduction.runner import QUICK_MINUTES, Plan, chosen_rows, run  # noqa: E402
from classification.reproduction.settings import labels_path  # noqa: E402
from classification.reproduction.table import as_dict, markdown  # noqa: E402
from edge_runtime.errors import ConfigError, GalaxyEdgeError  # noqa: E402
from edge_runtime.evaluation.galaxy_labels import read_labels  # noqa: E402


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Example: scripts/reproduce-classifiers --budget quick --data ../shared/data "
        "--only parallel_cnn,compact --seeds 1,2,3",
    )
    parser.add_argument("--budget", choices=[b.value for b in Budget], default=Budget.QUICK.value)
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder with galaxies/ and frames/",
    )
    parser.add_argument("--work", type=Path, help="folder of the rows; default work/classifiers-…")
    parser.add_argument(
        "--only", help=f"rows, with commas between: {', '.join(row.name for row in ROWS)}"
    )
    parser.add_argument("--seeds", default="1", help="with commas between; default 1")
    parser.add_argument(
        "--minutes",
        type=float,
        default=QUICK_MINUTES,
        help=f"time of a whole quick table with these seeds; default {QUICK_MINUTES:g}",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of ImageNet weights: vgg16.h5, resnet50.h5, inception_v3.h5; where one is "
        "missing it is downloaded, and where that fails the row starts at random and says so",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "docs" / "classifier_table.md",
        help="Markdown file; default docs/classifier_table.md",
    )
    parser.add_argument("--json", type=Path, help="file for everything that was found")
    return parser.parse_args()


def main() -> int:
    """Run the rows that are not done yet, and write the table; 1 where a row failed."""
    given = arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    log = logging.getLogger("reproduce-classifiers")
    log.setLevel(logging.INFO)
    try:
        seeds = tuple(dict.fromkeys(int(seed) for seed in given.seeds.split(",")))
    except ValueError:
        raise ConfigError(f"--seeds {given.seeds}: whole numbers with commas between") from None
    budget = Budget(given.budget)
    names = None if given.only is None else [name.strip() for name in given.only.split(",")]
    data = given.data.resolve()
    plan = Plan(
        data=data,
        work=(given.work or ROOT / "work" / f"classifiers-{budget}").resolve(),
        budget=budget,
        rows=chosen_rows(names, budget),
        seeds=seeds,
        minutes=given.minutes,
        data_hash=read_labels(labels_path(data)).data_hash,
        weights=None if given.weights is None else given.weights.resolve(),
    )
    outcomes = run(plan, report=log.info)
    command = f"scripts/reproduce-classifiers --budget {budget}"
    if given.only is not None:
        command += f" --only {given.only}"
    if len(seeds) > 1 or seeds != (1,):
        command += f" --seeds {given.seeds}"
    if given.minutes != QUICK_MINUTES:
        command += f" --minutes {given.minutes:g}"
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(markdown(plan.rows, outcomes, budget, seeds, command), encoding="utf-8")
    log.info("wrote %s", given.output)
    if given.json is not None:
        content = as_dict(outcomes, budget, seeds, command)
        given.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        log.info("wrote %s", given.json)
    return 1 if any(outcome.result is None for outcome in outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except GalaxyEdgeError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
