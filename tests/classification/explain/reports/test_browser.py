from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from classification.explain.reports.browser import BROWSERS, check_format, convert
from edge_runtime.errors import ConfigError, GalaxyEdgeError

needs_browser = pytest.mark.skipif(
    not any(shutil.which(each) for each in BROWSERS), reason="no Chromium is installed"
)


def page(folder: Path, height_px: int) -> Path:
    path = folder / "page.html"
    path.write_text(
        "<!doctype html><body style='margin:0;background:#fff'>"
        f"<div style='height:{height_px}px;width:200px;background:#0072B2'></div>",
        encoding="utf-8",
    )
    return path


def test_html_needs_no_browser():
    assert check_format("html", ()) == ""


def test_without_a_browser_the_error_names_it():
    with pytest.raises(ConfigError, match=r"--format pdf needs a browser.*install chromium"):
        check_format("pdf", ("a-browser-that-is-not-there",))


def test_an_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="unknown format 'docx'; known: html, pdf, png"):
        check_format("docx")


@needs_browser
def test_pages_become_pdf_and_png(tmp_path):
    source = page(tmp_path, 700)
    pdf = convert(source, "pdf", check_format("pdf"))
    assert pdf.read_bytes().startswith(b"%PDF")
    png = convert(source, "png", check_format("png"))
    picture = cv2.imread(str(png))
    assert 700 <= picture.shape[0] <= 760  # the room below is cut off
    assert tuple(picture[350, 100][::-1]) == (0x00, 0x72, 0xB2)


def test_a_browser_that_fails_is_told(tmp_path):
    with pytest.raises(GalaxyEdgeError, match=r"page\.html: .*wrote no pdf"):
        convert(page(tmp_path, 10), "pdf", str(shutil.which("true")))
