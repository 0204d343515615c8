from __future__ import annotations

import numpy as np
from made_up_galaxies import some_votes

from classification.reports.charts import EpochLine, epoch_chart, line_style, question_chart
from classification.scoring import vote_scores


def test_twenty_eight_lines_all_look_different() -> None:
    assert len({str(line_style(number)) for number in range(28)}) == 28


def test_the_bars_of_the_questions_are_their_rmse() -> None:
    scores = vote_scores(some_votes(5), some_votes(5, seed=1))
    axes = question_chart(scores, scores).axes[0]
    assert [bar.get_height() for bar in axes.patches] == list(scores.rmse_by_question)


def test_a_metric_over_decades_has_a_logarithmic_axis() -> None:
    epochs = np.arange(1, 4)
    wide = epoch_chart("loss", [EpochLine("a", 0, epochs, np.array([100.0, 1.0, np.nan]))])
    narrow = epoch_chart("loss", [EpochLine("a", 0, epochs, np.array([3.0, 2.0, 1.0]))])
    assert [figure.axes[0].get_yscale() for figure in (wide, narrow)] == ["log", "linear"]
    assert len(wide.axes[0].lines[0].get_xdata()) == 2
