from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_searches import made_up_search

from edge_runtime.errors import GalaxyEdgeError
from tuning.record import SearchRecord
from tuning.report.comparison import compare_searches
from tuning.report.searches_report import curves_chart, mean_and_sd, write_searches_report


@pytest.fixture
def searches(tmp_path: Path) -> list[SearchRecord]:
    return [
        *(made_up_search(tmp_path / f"r{s}", 12, seed=10 + s, tuner="random") for s in range(2)),
        *(made_up_search(tmp_path / f"b{s}", 15, seed=s, tuner="bayesian") for s in range(3)),
    ]


def test_tuners_are_compared_at_equal_trials(searches: list[SearchRecord]) -> None:
    found = compare_searches(searches)
    assert [kind.tuner for kind in found.kinds] == ["bayesian", "random"]
    assert found.equal_trials == 12
    assert [row.trials for row in found.checkpoints] == [5, 10, 12, 15]
    bests = {
        name: [
            max(t.objective for t in s.trials[:12] if t.objective is not None)
            for s in searches
            if s.config.tuner == name
        ]
        for name in ("bayesian", "random")
    }
    row = found.checkpoints[2]
    bayesian, random = row.kinds
    assert bayesian is not None
    assert random is not None
    assert bayesian.mean == pytest.approx(np.mean(bests["bayesian"]))
    assert random.sd == pytest.approx(np.std(bests["random"], ddof=1))
    assert row.differences[0] == pytest.approx(bayesian.mean - random.mean)
    expected = np.sqrt(np.var(bests["bayesian"], ddof=1) / 3 + np.var(bests["random"], ddof=1) / 2)
    assert row.errors[0] == pytest.approx(expected)
    assert found.checkpoints[3].kinds[1] is None  # random search ended before
    assert found.checkpoints[3].differences == (None,)


def test_the_page_warns_of_other_differences(searches: list[SearchRecord], tmp_path: Path) -> None:
    page = tmp_path / "searches.html"
    found = write_searches_report(page, searches)
    text = page.read_text()
    assert found.disagreements == ()
    assert "differ in more than the tuner" not in text
    assert "http" not in text
    assert text.count("data:image/svg+xml") == 2
    assert "bayesian less random" in text
    longer = made_up_search(tmp_path / "longer", 5, tuner="random", epochs=20)
    found = write_searches_report(page, [*searches, longer])
    assert found.disagreements == ("epochs: 8, 20",)
    assert "differ in more than the tuner" in page.read_text()


def test_a_single_search_of_a_tuner_has_no_spread(tmp_path: Path) -> None:
    pair = [made_up_search(tmp_path / t, 6, tuner=t, failing=()) for t in ("hyperband", "bayesian")]
    found = compare_searches(pair)
    row = found.checkpoints[-1]
    assert all(one is not None and one.sd is None for one in row.kinds)
    assert row.errors == (None,)
    assert len(curves_chart(found).axes[0].lines) == 3  # two searches and the dotted line


def test_the_band_ends_with_the_shortest_search_of_its_tuner(tmp_path: Path) -> None:
    pair = [made_up_search(tmp_path / str(n), n, failing=()) for n in (5, 8)]
    mean, sd = mean_and_sd(compare_searches(pair).kinds[0])
    assert np.isfinite(mean).tolist() == [True] * 5 + [False] * 3
    assert np.isfinite(sd).sum() == 5


def test_searches_for_other_things_are_not_compared(tmp_path: Path) -> None:
    first = made_up_search(tmp_path / "a", 3, failing=())
    with pytest.raises(GalaxyEdgeError, match="its metric is rmse"):
        compare_searches([first, made_up_search(tmp_path / "b", 3, failing=(), metric="rmse")])
    with pytest.raises(GalaxyEdgeError, match="max_latency_ms"):
        compare_searches([first, made_up_search(tmp_path / "b", 3, max_latency_ms=9.0)])
    with pytest.raises(GalaxyEdgeError, match="at least two"):
        compare_searches([first])
    with pytest.raises(GalaxyEdgeError, match="no trial yet"):
        compare_searches([first, replace(first, trials=())])
