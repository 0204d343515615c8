"""What the labelling window does beyond labelImg, without a display."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotations.labelling import window
from annotations.labelling.session import LabellingSession

PREAMBLE = """
import json, logging, sys
from pathlib import Path
from annotations.labelling.session import LabellingSession
from annotations.labelling.window import open_window

logging.basicConfig()
folder = Path(sys.argv[1])
session = LabellingSession.from_json(sys.argv[2])
(folder.parent / "classes").write_text("galaxy\\n")
app, window = open_window(session, folder.parent / "settings", folder.parent / "classes")
app.processEvents()
from libs.shape import Shape
from PyQt5.QtCore import QPointF, QTimer
from PyQt5.QtWidgets import QApplication

def add_box():
    shape = Shape(label="galaxy")
    for x, y in ((10, 20), (40, 20), (40, 60), (10, 60)):
        shape.add_point(QPointF(x, y))
    shape.close()
    window.canvas.shapes.append(shape)
    window.add_label(shape)
    window.set_dirty()

def files():
    return sorted(path.name for path in folder.iterdir())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for module in ("labelImg", "PyQt5"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (pip install 'galaxy-edge[annotate]')")
    made = tmp_path / "night"
    made.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(made / name), np.full((80, 100, 3), 30, np.uint8))
    return made


def run(folder: Path, script: str) -> tuple[object, str]:
    """What the script prints as JSON in its last line, and its errors."""
    session = LabellingSession(folder, folder)
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script, str(folder), session.to_json()],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder.parent)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_double_click_in_the_list_and_closing_save_first(folder):
    script = """
add_box()
window.file_item_double_clicked(window.file_list_widget.item(1))
after_click = files()
add_box()
window.close()
print(json.dumps([after_click, files()]))
"""
    (after_click, after_close), _ = run(folder, script)
    assert after_click == ["a.png", "a.xml", "b.png"]
    assert after_close == ["a.png", "a.xml", "b.png", "b.xml"]


def test_subfolders_are_not_listed(folder):
    (folder / "other").mkdir()
    cv2.imwrite(str(folder / "other" / "a.png"), np.zeros((9, 9, 3), np.uint8))
    listed, _ = run(folder, "print(json.dumps(window.m_img_list))")
    assert listed == [str(folder / "a.png"), str(folder / "b.png")]


def test_an_error_in_labelimg_is_told_once_and_the_window_goes_on(folder):
    script = """
def fail():
    raise RuntimeError("no such thing")

for _ in range(3):
    QTimer.singleShot(0, fail)
closer = QTimer()
told = []

def close():
    box = QApplication.activeModalWidget()
    if box is not None:
        told.append(box.text())
        box.close()

closer.timeout.connect(close)
closer.start(20)
QTimer.singleShot(400, app.quit)
app.exec_()
add_box()
window.close()
print(json.dumps([told, files()]))
"""
    (told, saved), errors = run(folder, script)
    assert len(told) == 1
    assert "RuntimeError: no such thing" in told[0]
    assert errors.count("labelImg failed in one action and goes on") == 1
    assert "a.xml" in saved


def test_distutils_is_stood_in_for_where_python_has_none(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    for name in ("distutils", "distutils.spawn"):
        monkeypatch.setitem(sys.modules, name, None)
    window._stand_in_for_distutils()
    import distutils.spawn

    assert not hasattr(distutils.spawn, "find_executable")
