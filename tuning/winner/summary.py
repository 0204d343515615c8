"""What came of retraining a search's winner: JSON, and a page of text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from classification.reports.text import TEXT
from edge_runtime.bundle.verifying import VerifyReport
from tuning.record import SearchRecord, TrialRecord
from tuning.report.axes import value_text
from tuning.trials.result import FLOAT_PREFIX
from tuning.winner.candidates import Training
from tuning.winner.judgement import Judgement, MeanOfSeeds, figures_of
from tuning.winner.latency_check import LatencyCheck
from tuning.winner.retraining import Retrained

JSON_NAME = "winner.json"
MARKDOWN_NAME = "winner.md"

_UNITS = {
    "latency_ms": "latency (ms)",
    "size_kb": "size (KiB)",
    "peak_memory_mb": "memory (MiB)",
    "training_s": "training (s)",
}


@dataclass(frozen=True, slots=True)
class WinnerSummary:
    """A retrained trial.

    Attributes
    ----------
    record : SearchRecord
    trial : TrialRecord
    training : Training
    data_sha256, code_version : str
        Of this training.
    retrained : tuple of Retrained
        The trial, and the hand-made default where it was asked for.
    judgements : tuple of Judgement
        Empty without a default.
    best_seed : int
        Of the trial's trainings, best on validation.
    bundle : VerifyReport or None
    latency : LatencyCheck or None
    """

    record: SearchRecord
    trial: TrialRecord
    training: Training
    data_sha256: str
    code_version: str
    retrained: tuple[Retrained, ...]
    judgements: tuple[Judgement, ...]
    best_seed: int
    bundle: VerifyReport | None
    latency: LatencyCheck | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "search": str(self.record.folder),
            "trial": self.trial.id,
            "values": self.record.space.complete(self.trial.values),
            "training": json.loads(json.dumps(asdict(self.training), default=str)),
            "data_sha256": self.data_sha256,
            "code_version": self.code_version,
            "candidates": {
                each.candidate.label: {
                    "seeds": list(each.seeds),
                    "figures": {name: asdict(f) for name, f in figures_of(each).items()},
                }
                for each in self.retrained
            },
            "judgements": [each.as_dict() for each in self.judgements],
            "best_seed": self.best_seed,
            "bundle": None if self.bundle is None else self.bundle.as_dict(),
            "latency": None if self.latency is None else self.latency.as_dict(),
        }

    def write(self, folder: Path) -> list[Path]:
        """Write ``winner.json`` and ``winner.md``; returns their paths."""
        paths = [folder / JSON_NAME, folder / MARKDOWN_NAME]
        texts = [json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n", self.markdown()]
        for path, text in zip(paths, texts, strict=True):
            with new_file(path) as partial:
                partial.write_text(text, encoding="utf-8")
        return paths

    def markdown(self) -> str:
        """Tables of figures and tests."""
        values = self.record.space.complete(self.trial.values)
        seeds = ", ".join(map(str, self.retrained[0].seeds))
        lines = [
            f"# Trial {self.trial.id} of {self.record.folder.name}, trained again",
            "",
            ", ".join(f"{name} {value_text(value)}" for name, value in values.items()) + ".",
            "",
            (
                f"Validation, mean ± standard deviation over the seeds {seeds}, "
                f"{self.training.epochs} {self._length} each; scores are of the int8 files."
            ),
            "",
            *self._figure_table(),
            *self._judgement_table(),
        ]
        if self.bundle is not None:
            lines += [
                (
                    f"Bundle {self.bundle.name} {self.bundle.version}, "
                    f"{self.bundle.size_bytes / 1e6:.2f} MB, with seed {self.best_seed}, the best "
                    "on validation: verified."
                ),
                "",
            ]
        if self.latency is not None:
            text = self.latency.describe()
            lines += [text[0].upper() + text[1:] + ".", ""]
        return "\n".join(lines)

    @property
    def _length(self) -> str:
        return "steps" if self.record.config.subject == "detector" else "epochs"

    def _figure_table(self) -> list[str]:
        found = [figures_of(each) for each in self.retrained]
        labels = [each.candidate.label for each in self.retrained]
        lines = [_row(["figure", *labels]), _row(["---", *["---:"] * len(labels)])]
        for name in found[0]:
            if name.startswith(FLOAT_PREFIX):
                continue
            cells = [_text(name, figures.get(name)) for figures in found]
            lines.append(_row([_UNITS.get(name, name.replace("_", " ")), *cells]))
        return [*lines, ""]

    def _judgement_table(self) -> list[str]:
        if not self.judgements:
            return []
        first, second = (each.candidate.label for each in self.retrained)
        lines = [
            (
                f"{first} less {second}: difference of the means over the seeds, its interval of "
                "95 % by a paired bootstrap over the validation galaxies. The search chose its "
                "winner on these galaxies."
            ),
            "",
            _row(["figure", "difference (95 %)", "p", "better seeds", "verdict"]),
            _row(["---", "---:", "---:", "---:", "---"]),
        ]
        lines += [_row(_cells(each)) for each in self.judgements]
        return [*lines, ""]


def _cells(judgement: Judgement) -> list[str]:
    difference = judgement.difference
    return [
        judgement.metric.replace("_", " "),
        TEXT.difference(difference, 4),
        TEXT.p_value(difference.p_value),
        f"{judgement.better_seeds} of {judgement.seeds}",
        judgement.verdict,
    ]


def _text(name: str, figure: MeanOfSeeds | None) -> str:
    if figure is None:
        return "–"
    digits = {"latency_ms": 3, "size_kb": 0, "peak_memory_mb": 0, "parameters": 0, "training_s": 0}
    places = digits.get(name, 4)
    mean = f"{figure.mean:,.{places}f}"
    return mean if figure.sd is None or places == 0 else f"{mean} ± {figure.sd:.{places}f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
