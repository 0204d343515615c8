"""labelImg for real: a box is drawn with the mouse, saved, and read back."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from virtual_display import DEADLINE_S, Display, virtual_display, wait_for

from annotations.formats.problems import ProblemList
from annotations.formats.voc import read_voc

GREEN, ORANGE = (0, 200, 80), (240, 140, 0)
BOX = (150, 90, 260, 190)  # of the coloured area in each picture
OTHER_BOX = (120, 80, 230, 170)
TOLERANCE_PX = 3  # the mouse moves by whole pixels of the screen

Edges = tuple[int, int, int, int]


def picture(path: Path, colour: tuple[int, int, int], box: Edges) -> None:
    """A dark picture with one coloured area."""
    pixels = np.full((300, 400, 3), 18, np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = colour[::-1]
    cv2.imwrite(str(path), pixels)


def area_of(screen: np.ndarray, colour: tuple[int, int, int]) -> Edges | None:
    """Edges of the area of a colour on the screen, where there is one."""
    low, high = np.subtract(colour, 12).clip(0), np.add(colour, 12)
    like = cv2.inRange(np.ascontiguousarray(screen), low, high) > 0
    rows, columns = np.flatnonzero(like.sum(axis=1) > 20), np.flatnonzero(like.sum(axis=0) > 20)
    if len(rows) == 0 or len(columns) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def read_boxes(path: Path) -> list[tuple[str, Edges]]:
    """Names and boxes of a Pascal VOC file."""
    boxes = []
    for found in ElementTree.parse(path).getroot().iter("object"):
        edges = [int(found.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]
        boxes.append((found.findtext("name"), tuple(edges)))
    return boxes


class LabelImg:
    """A running labelImg, driven by mouse and keyboard."""

    def __init__(self, display: Display, folder: Path, *options: str) -> None:
        self.display = display
        self.log = folder.parent / "log.txt"
        state = {"XDG_STATE_HOME": str(folder.parent / "state"), "HOME": str(folder.parent)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_runtime.cli", "annotate", str(folder), *options],
                env={**display.environment, **state},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        [self.window] = self._wait("the window", lambda: display.windows("labelImg"))

    def _wait(self, what, condition):
        def still_running():
            code = self.process.poll()
            assert code is None, f"labelImg ended with {code}: {self.log.read_text()}"
            assert "Traceback" not in self.log.read_text(), self.log.read_text()
            return condition()

        return wait_for(what, still_running)

    def area(self, colour: tuple[int, int, int], wanted=lambda _: True) -> Edges:
        """Where the coloured area is shown, once it is as wanted and at rest."""
        before: list[Edges | None] = [None]

        def seen():
            found = area_of(self.display.screen(), colour)
            settled = found is not None and found == before[0] and wanted(found)
            before[0] = found
            return found if settled else None

        return self._wait(f"an area of colour {colour}", seen)

    def keys(self, *names: str) -> None:
        self.display.do("windowfocus", "--sync", self.window)
        for name in names:
            self.display.do("key", "--clearmodifiers", name)

    def draw_box(self, edges: Edges) -> None:
        """Press w, draw, and accept the label that is offered."""
        self.keys("w")
        x, y = edges[0] + 15, edges[1] + 15
        self.display.move((x, y))
        self._wait("the cross-hair", lambda: self._dark((x + 20, y)))
        self.display.drag(edges[:2], edges[2:])
        [dialog] = self._wait("the dialog", self.dialogs)
        self.display.do("windowfocus", "--sync", dialog)
        self.display.do("key", "Return")
        self._wait("the dialog to close", lambda: not self.dialogs())

    def _dark(self, position: tuple[int, int]) -> bool:
        """Whether the cross-hair, which boxes are drawn with, goes through here."""
        x, y = position
        return self.display.screen()[y : y + 2, x].max(axis=1).min() < 90

    def dialogs(self) -> set[str]:
        """Windows besides the main one."""
        return set(self.display.windows("labelImg")) - {self.window}

    def saved(self, path: Path, differs_from: object = None) -> list[tuple[str, Edges]]:
        """Boxes of a label file once it is there, and other than before."""

        def boxes():
            try:
                found = read_boxes(path)
            except (OSError, ElementTree.ParseError):  # not yet written, or half
                return None
            return found if found and found != differs_from else None

        return self._wait(f"{path.name}", boxes)

    def close(self) -> int:
        """Close as a user does, and return the exit code."""
        if self.process.poll() is None:
            self.keys("ctrl+q")
        return self.process.wait(timeout=DEADLINE_S)


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    for module in ("labelImg", "PyQt5"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (pip install 'galaxy-edge[annotate]')")
    with virtual_display(tmp_path_factory.mktemp("framebuffer")) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "night"
    made.mkdir()
    picture(made / "a.png", GREEN, BOX)
    picture(made / "b.png", ORANGE, OTHER_BOX)
    return made


@pytest.fixture
def labelimg(display: Display, folder: Path) -> Iterator[LabelImg]:
    running = LabelImg(display, folder)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(timeout=DEADLINE_S)


def test_box_drawn_with_the_mouse_is_saved_where_it_was_drawn(labelimg, folder):
    labelimg.draw_box(labelimg.area(GREEN))
    labelimg.keys("d")
    labelimg.area(ORANGE)
    [(name, edges)] = labelimg.saved(folder / "a.xml")
    assert name == "galaxy"
    assert edges == pytest.approx(BOX, abs=TOLERANCE_PX)
    size = ElementTree.parse(folder / "a.xml").getroot().find("size")
    assert [size.findtext(key) for key in ("width", "height", "depth")] == ["400", "300", "3"]
    assert not (folder / "b.xml").exists()
    problems = ProblemList()
    [read] = read_voc(folder, problems).pictures
    assert not problems.found
    assert read.path == folder / "a.png"
    assert [(box.label, box.xyxy_px) for box in read.boxes] == [("galaxy", edges)]
    assert labelimg.close() == 0
    assert "Traceback" not in labelimg.log.read_text()
    assert not (folder.parent / ".labelImgSettings.pkl").exists()
    assert (folder.parent / "state" / "galaxy-edge" / "labelimg.pkl").is_file()


def test_zooming_scrolling_panning_and_moving_a_box_work(labelimg, folder, display):
    area = labelimg.area(GREEN)
    labelimg.draw_box((area[0] - 15, area[1] - 15, area[2] + 15, area[3] + 15))
    labelimg.keys("ctrl+s", "ctrl+shift+p")  # the latter shows the names of the boxes
    [(_, drawn)] = labelimg.saved(folder / "a.xml")
    dark = (area[0] - 60, area[1] - 60)
    display.move(dark)

    display.do("keydown", "ctrl", "click", "--repeat", 10, 4, "keyup", "ctrl")
    zoomed = labelimg.area(GREEN, lambda now: width(now) > 1.4 * width(area))
    display.do("click", 5)
    scrolled = labelimg.area(GREEN, lambda now: now != zoomed)
    assert scrolled[1] < zoomed[1]
    assert scrolled[0] == zoomed[0]
    dark = (scrolled[0] - 80, scrolled[1] - 60)
    display.drag(dark, (dark[0] + 120, dark[1] + 90))
    panned = labelimg.area(GREEN, lambda now: now != scrolled)
    # a value that got lost on the way would send the picture to one of its ends
    assert 3 <= panned[0] - scrolled[0] <= 60
    assert 3 <= panned[1] - scrolled[1] <= 60

    screen_px = width(panned) / (BOX[2] - BOX[0])
    middle = ((panned[0] + panned[2]) / 2, (panned[1] + panned[3]) / 2)
    display.drag(middle, (middle[0] - 60, middle[1] - 90))
    labelimg.keys("ctrl+s")
    [(_, moved)] = labelimg.saved(folder / "a.xml", differs_from=[("galaxy", drawn)])
    shift = np.subtract(moved, drawn)
    assert shift == pytest.approx(np.array([-60, -90, -60, -90]) / screen_px, abs=TOLERANCE_PX)
    assert "Traceback" not in labelimg.log.read_text()


def test_boxes_in_yolo_format_go_to_the_output_with_their_classes(display, folder):
    (folder.parent / "classes").write_text("nebula\ngalaxy\n", encoding="utf-8")
    output = folder.parent / "labels"
    options = ["--format", "yolo", "--output", str(output), "--classes"]
    running = LabelImg(display, folder, *options, str(folder.parent / "classes"))
    try:
        running.draw_box(running.area(GREEN))
        running.process.terminate()  # saves as well
        assert running.process.wait(timeout=DEADLINE_S) == 0
        [line] = (output / "a.txt").read_text().splitlines()
    finally:
        running.close()
    number, *numbers = line.split()
    assert number == "0"
    x, y, wide, high = np.array(numbers, float) * [400, 300, 400, 300]
    edges = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    assert edges == pytest.approx(BOX, abs=TOLERANCE_PX)
    assert (output / "classes.txt").read_text() == "nebula\ngalaxy\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.png"]


def width(edges: Edges) -> int:
    return edges[2] - edges[0]
