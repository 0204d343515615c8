"""``galaxy-edge data inspect`` on sets of single galaxies."""

import html.parser
import json
from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import write_gama, write_labels
from scipy.stats import norm
from typer.testing import CliRunner

from annotations.formats.dataset import AnnotationError
from annotations.galaxy_charts import density, parse_pairs
from edge_runtime.cli.app import app


def galaxy_edge(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


class Page(html.parser.HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.alt: list[str] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
            self.alt.append(dict(attributes)["alt"])

    def handle_data(self, data):
        self.text += data


@pytest.mark.slow
def test_numbers_and_page_of_a_set_with_votes(tmp_path: Path) -> None:
    path = write_labels(tmp_path, count=12)
    done = galaxy_edge(
        "data", "inspect", path, "--html", tmp_path / "p.html", "--json", tmp_path / "n.json",
        "--pairs", "Class1.1,Class7.1,Class6.1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers["format"] == "labels"
    assert numbers["galaxies"] == 13
    assert numbers["by_split"] == {"train": 7, "val": 3, "test": 3}
    assert numbers["classes"]["class5"]["counts"]["spiral"] == {"train": 3, "val": 0, "test": 3}
    assert numbers["classes"]["class5"]["unknown"] == 1
    assert numbers["votes"]["galaxies"] == 12
    correlation = np.array(numbers["votes"]["correlation"], dtype=float)
    assert correlation.shape == (37, 37)
    assert np.allclose(np.diag(correlation), 1)
    assert correlation[13, 14] == pytest.approx(-1, abs=1e-3)  # odd and not odd
    page = Page(tmp_path / "p.html")
    assert all(uri.startswith("data:image/") for uri in page.pictures)
    assert sum(alt.startswith("Histograms of the votes") for alt in page.alt) == 11
    assert "Heat map of the correlation of the 37 votes" in page.alt
    assert "kaggle/105" in page.alt
    assert "class5: class 'edge_on_disk' has no galaxy" in page.text


def test_a_set_without_votes_has_a_page_too(tmp_path: Path) -> None:
    write_gama(tmp_path / "GALAXIES")
    done = galaxy_edge("data", "inspect", tmp_path, "--html", tmp_path / "p.html")
    assert done.exit_code == 0, done.output
    page = Page(tmp_path / "p.html")
    assert "Galaxies of each class of elliptical" in page.alt
    assert "Correlation" not in page.text
    assert "4" in page.text


def test_errors_end_with_exit_code_1_and_say_where(tmp_path: Path) -> None:
    write_gama(tmp_path, (0, 1, 1, 0, "?"))
    damaged = tmp_path / "DATA" / "250001_giH.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    (tmp_path / "DATA" / "250002_giH.png").unlink()
    done = galaxy_edge("data", "inspect", tmp_path, "--html", tmp_path / "p.html")
    assert done.exit_code == 1
    assert f"{damaged}: error: truncated PNG" in done.output
    assert "2class_list.csv:4: error: its picture" in done.output
    assert "2class_list.csv:6: error: TARGET is '?'" in done.output
    assert "3 errors" in done.output
    assert "3 errors" in Page(tmp_path / "p.html").text


def test_the_format_can_be_named(tmp_path: Path) -> None:
    path = write_labels(tmp_path)
    renamed = path.rename(tmp_path / "mine.csv")
    assert galaxy_edge("data", "inspect", renamed, "--from", "labels").exit_code == 0
    done = galaxy_edge("data", "inspect", renamed, "--from", "gama")
    assert isinstance(done.exception, AnnotationError)
    assert galaxy_edge("data", "inspect", renamed, "--images", tmp_path).exit_code == 2


def test_pairs_must_be_votes() -> None:
    assert parse_pairs("Class1.1, Class2.1") == ("Class1.1", "Class2.1")
    with pytest.raises(AnnotationError, match=r"unknown vote 'Class1\.9'"):
        parse_pairs("Class1.1,Class1.9")
    for text in ("Class1.1", "Class1.1,Class1.1"):
        with pytest.raises(AnnotationError, match="name 2 to 8 different votes"):
            parse_pairs(text)


def test_the_density_is_that_of_the_votes() -> None:
    at = np.linspace(0, 1, 2001)
    values = np.clip(np.random.default_rng(0).normal(0.5, 0.1, 20_000), 0, 1)
    curve = density(values, at)
    assert curve is not None
    assert np.abs(curve - norm.pdf(at, 0.5, 0.1)).max() < 0.25
    # folded back at the border, nothing is lost
    low = np.abs(np.random.default_rng(1).normal(0, 0.1, 5000)).clip(0, 1)
    folded = density(low, at)
    assert folded is not None
    assert np.trapezoid(folded, at) == pytest.approx(1, abs=1e-3)
    assert density(np.zeros(50), at) is None


@pytest.mark.slow
def test_the_page_of_the_real_table_stays_small(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "galaxies" / "labels.csv"
    done = galaxy_edge(
        "data", "inspect", path, "--html", tmp_path / "p.html", "--json", tmp_path / "n.json"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p.html").stat().st_size < 10e6
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers["pictures"]["unreadable"] == 0
    assert numbers["pictures"]["duplicates_across_splits"] == 0
    assert numbers["votes"]["rows_that_miss_a_sum"] == 8
