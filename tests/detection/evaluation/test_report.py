"""The page about a detector, from the command line down."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from square_frames import write_square_frames
from tiny_bundles import make_tiny_bundle
from typer.testing import CliRunner

from detection.evaluation.report import report_detector
from edge_runtime.cli.app import app
from edge_runtime.errors import GalaxyEdgeError


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Path, Path]:
    return write_square_frames(tmp_path / "frames")


def test_page_shows_figures_curves_and_errors_without_network(
    frames: tuple[Path, Path], tmp_path: Path
):
    page = tmp_path / "report.html"
    bundle = make_tiny_bundle(tmp_path / "tiny")
    report = report_detector(*frames, [], page, bundles=[bundle])
    (figures,) = report.figures
    assert (figures.galaxies, figures.galaxy_frames, figures.empty_frames) == (4, 3, 4)
    assert figures.in_force.recall_iou30.value == 0.75
    assert figures.in_force.false_positives_per_empty_frame.value == 0.25
    assert [point.rate for point in figures.at_rates] == [0.3, 0.15, 0.05]
    assert figures.at_rates[0].threshold == 0.0  # a quarter a frame is within 0.3
    assert figures.at_rates[2].recall_iou30.value == 0.0
    assert figures.errors == {
        "missed": 1,
        "false on empty frame": 1,
        "false on galaxy frame": 0,
        "loose": 0,
        "duplicate": 0,
    }
    text = page.read_text()
    assert "0.752" in text  # AP50: 76 of the 101 recalls
    assert text.count("data:image/svg+xml") == 7
    assert set(re.findall(r"<code>(\w+\.png)</code>", text)) == {"square1.png", "decoy4.png"}
    assert text.index("square1.png") < text.index("decoy4.png")  # worst first
    sources = re.findall(r'(?:src|href)="([^"]*)', text)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "<script" not in text
    numbers = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert numbers["detectors"][0]["by_size"][-1]["high"] is None


def test_comparison_of_a_bundle_with_one_that_sees_nothing(
    frames: tuple[Path, Path], tmp_path: Path
):
    good = make_tiny_bundle(tmp_path / "good")
    blind = make_tiny_bundle(tmp_path / "blind", score_threshold=1.0, version="1.2.4")
    page = tmp_path / "report.html"
    report = report_detector(*frames, [], page, bundles=[good, blind], most_frames=1)
    assert report.comparison is not None
    assert report.comparison.ap50.difference == 0.0  # the same scores, another threshold
    # three squares lost, one decoy the better: F1 of 2/3, 1, 1 and 0 becomes 0, 0, 0 and 1
    assert report.comparison.frame_f1.difference == pytest.approx((1 - 8 / 3) / 7)
    assert report.comparison.frame_f1.pairs == 7
    text = page.read_text()
    assert "bootstrap over frames" in text
    assert re.findall(r"<code>(\w+\.png)</code>", text) == ["square1.png"] * 2  # one frame each


def test_report_needs_a_galaxy(tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1)
    content = json.loads(annotations.read_text())
    annotations.write_text(json.dumps(content | {"annotations": []}))
    bundle = make_tiny_bundle(tmp_path / "tiny")
    with pytest.raises(GalaxyEdgeError, match="at least one frame with a galaxy"):
        report_detector(images, annotations, [], tmp_path / "r.html", bundles=[bundle])
    assert not (tmp_path / "r.html").exists()


def test_commands_write_page_and_table(frames: tuple[Path, Path], tmp_path: Path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    given = ["--images", str(frames[0]), "--annotations", str(frames[1]), "--bundle", str(bundle)]
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    result = CliRunner().invoke(
        app,
        ["report", "detector", *given, "--output", str(page), "--json", str(numbers)],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    assert json.loads(numbers.read_text())["detectors"][0]["galaxies"] == 4
    assert page.stat().st_size > 10_000
    table, extra = tmp_path / "table.md", tmp_path / "frames" / "images" / "sky5.png"
    result = CliRunner().invoke(
        app,
        ["report", "ablation", *given, "--empty", str(extra), "--markdown", str(table)],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    assert "| with sep proposals |" in table.read_text()
