"""``galaxy-edge data convert`` and ``data inspect`` as users meet them."""

from __future__ import annotations

import html.parser
import json

import pytest
from labelled_sets import small_set
from typer.testing import CliRunner

from annotations.conversion import write_set
from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.formats.registry import read_set
from edge_runtime.cli.app import app


@pytest.fixture
def coco(tmp_path):
    folder = tmp_path / "coco"
    folder.mkdir()
    write_set(small_set(tmp_path), folder, "coco")
    return folder


def galaxy_edge(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", ["convert", "inspect"])
def test_help_has_an_example(command):
    done = galaxy_edge("data", command, "--help")
    assert done.exit_code == 0
    assert f"galaxy-edge data {command}" in done.output.split("Example:")[1]


def test_convert_says_what_it_wrote_and_what_is_lost(coco, tmp_path):
    done = galaxy_edge("data", "convert", coco, tmp_path / "yolo", "--to", "yolo")
    assert done.exit_code == 0, done.output
    assert "YOLO text has no place for 2 difficult flags" in done.stderr
    assert f"wrote {tmp_path / 'yolo'}: 3 pictures, 4 boxes" in done.stderr
    assert (tmp_path / "yolo" / "images" / "night1" / "M31_1.jpg").is_file()
    assert (tmp_path / "yolo" / "labels" / "classes.txt").read_text() == "star cluster\ngalaxy\n"


def test_strict_refuses_to_lose_anything(coco, tmp_path):
    done = galaxy_edge("data", "convert", coco, tmp_path / "yolo", "--to", "yolo", "--strict")
    assert isinstance(done.exception, AnnotationError)
    assert "YOLO text has no place for 2 difficult flags" in str(done.exception)
    assert not (tmp_path / "yolo").exists()
    done = galaxy_edge("data", "convert", coco, tmp_path / "voc", "--to", "voc", "--strict")
    assert done.exit_code == 0


def test_convert_to_a_single_coco_file(coco, tmp_path):
    galaxy_edge("data", "convert", coco, tmp_path / "voc", "--to", "voc")
    done = galaxy_edge("data", "convert", tmp_path / "voc", tmp_path / "l.json", "--to", "coco")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "l.json").read_text() == (coco / "annotations.json").read_text()


def test_a_split_keeps_groups_together_in_complete_sets(coco, tmp_path):
    done = galaxy_edge(
        *("data", "convert", coco, tmp_path / "yolo", "--to", "yolo"),
        *("--split", "train=0.5,val=0.5", "--group-by", r"(M\d+)_"),
    )
    assert done.exit_code == 0, done.output
    names = {}
    for part in ("train", "val"):
        if any((tmp_path / "yolo" / part / "images").rglob("*.jpg")):
            held = read_set(tmp_path / "yolo" / part, ProblemList())
            names[part] = {picture.name for picture in held.pictures}
    assert sorted(map(len, names.values())) in ([3], [1, 2])
    together = [{"night1/M31_1.jpg", "night1/M31_2.jpg"} <= held for held in names.values()]
    assert any(together)
    assert "train: train/images" in (tmp_path / "yolo" / "data.yaml").read_text()


def test_labels_from_a_file_are_the_only_ones(coco, tmp_path):
    (tmp_path / "labels.txt").write_text("galaxy\n")
    done = galaxy_edge("data", "inspect", coco, "--labels", tmp_path / "labels.txt")
    assert done.exit_code == 1
    assert "unknown class 'star cluster'; known are galaxy" in done.stdout


def test_inspect_counts_and_measures(coco, tmp_path):
    done = galaxy_edge("data", "inspect", coco, "--json", tmp_path / "numbers.json")
    assert done.exit_code == 0, done.output
    assert "0 errors, 0 warnings" in done.stdout
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["format"] == "coco"
    assert (numbers["pictures"], numbers["empty_pictures"], numbers["groups"]) == (3, 1, 1)
    assert (numbers["boxes"], numbers["difficult"], numbers["crowd"]) == (4, 2, 2)
    assert numbers["boxes_by_label"] == {"star cluster": 1, "galaxy": 3}
    assert numbers["pictures_by_label"] == {"star cluster": 1, "galaxy": 2}
    assert numbers["picture_sizes"] == {"160 × 90": 2, "48 × 64": 1}
    assert numbers["side_px"]["max"] == pytest.approx(120)
    assert numbers["side_share"]["max"] == pytest.approx(1)
    assert numbers["aspect"]["min"] == pytest.approx(6.4 / 76)
    assert numbers["histograms"]["aspect (width / height)"]["0.333 – 0.5"] == 0
    assert all(sum(bins.values()) == 4 for bins in numbers["histograms"].values())
    assert numbers["problems"] == []


def test_inspect_lists_problems_with_their_lines_and_fails(coco, tmp_path):
    path = coco / "annotations.json"
    text = path.read_text().replace('"bbox": [10, 10, 10, 20]', '"bbox": [10, 10, 0, 20]')
    path.write_text(text)
    line = text[: text.index("[10, 10, 0, 20]")].count("\n") + 1
    done = galaxy_edge("data", "inspect", coco, "--json", tmp_path / "numbers.json")
    assert done.exit_code == 1
    assert f"{path}:{line}: error: annotation 7: box (10, 10, 10, 30) has no area" in done.stdout
    assert "1 errors, 0 warnings" in done.stdout
    (problem,) = json.loads((tmp_path / "numbers.json").read_text())["problems"]
    assert (problem["severity"], problem["place"]) == ("error", f"line {line}")


def test_inspect_doubts_same_pictures_and_boxes_drawn_twice(coco):
    path = coco / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"].append({**content["annotations"][3], "id": 50})
    content["categories"].append({"id": 3, "name": "comet"})
    path.write_text(json.dumps(content))
    images = coco / "images" / "night1"
    (images / "M31_2.jpg").write_bytes((images / "M31_1.jpg").read_bytes())
    done = galaxy_edge("data", "inspect", coco)
    assert done.exit_code == 0
    assert "class 'comet' has no box" in done.stdout
    assert "M51_1.jpg: boxes 0 and 1 cover the same object" in done.stdout
    assert "night1/M31_2.jpg is the same picture as night1/M31_1.jpg" in done.stdout
    assert "0 errors, 3 warnings" in done.stdout


class Page(html.parser.HTMLParser):
    """What a page loads and shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.sources += [value for key, value in attrs if key in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", ["coco", "tfrecord"])
def test_the_page_shows_pictures_and_needs_nothing_else(name, coco, tmp_path):
    source = coco
    if name == "tfrecord":
        source = tmp_path / "records"
        galaxy_edge("data", "convert", coco, source, "--to", "tfrecord")
    done = galaxy_edge("data", "inspect", source, "--html", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    page = Page((tmp_path / "page.html").read_text())
    assert page.scripts == 0
    assert len([uri for uri in page.sources if uri.startswith("data:image/jpeg;base64,")]) == 3
    assert len([uri for uri in page.sources if uri.startswith("data:image/svg+xml;base64,")]) == 3
    assert len(page.sources) == 6
    assert "night1/M31_1.jpg · M31 · 160 × 90 px · 3 boxes" in page.text


def test_the_page_escapes_what_files_say(coco, tmp_path):
    path = coco / "annotations.json"
    path.write_text(path.read_text().replace('"name": "galaxy"', '"name": "<script>alert(1)"'))
    done = galaxy_edge("data", "inspect", coco, "--html", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    page = Page((tmp_path / "page.html").read_text())
    assert page.scripts == 0
    assert "<script>alert(1)" in page.text
