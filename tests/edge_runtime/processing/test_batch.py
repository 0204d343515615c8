"""Files and folders through the whole pipeline of a small bundle."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table
from tiny_bundles import encode_png, square_picture

from edge_runtime.bundle import load_bundle
from edge_runtime.errors import BundleError, GalaxyEdgeError
from edge_runtime.processing.batch import ProcessSummary, process_paths


def write_square(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(square_picture()))
    return path


def write_video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for _ in range(frames):
        writer.write(np.ascontiguousarray(square_picture()[..., ::-1]))
    writer.release()
    return path


def write_fits_with_sky(path: Path, ra_deg: float) -> Path:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = ra_deg, 47.2
    header["CRPIX1"], header["CRPIX2"] = 32.5, 32.5
    header["CD1_1"], header["CD1_2"] = -0.0005, 0.0
    header["CD2_1"], header["CD2_2"] = 0.0, 0.0005
    planes = np.moveaxis(square_picture(), 2, 0)
    fits.PrimaryHDU(np.ascontiguousarray(planes[:, ::-1]), header).writeto(path)
    return path


@pytest.fixture
def failures() -> list[str]:
    return []


def test_a_folder_gives_a_catalogue_detections_and_annotated_pictures(
    tmp_path, tiny_bundle_dir, failures
):
    write_square(tmp_path / "night" / "a.png")
    write_square(tmp_path / "night" / "deeper" / "b.png")
    (tmp_path / "night" / "notes.txt").write_text("clouds")
    output = tmp_path / "out"
    summary = process_paths(
        [tmp_path / "night"], output, bundle_path=tiny_bundle_dir, on_failure=failures.append
    )
    assert failures == []
    assert summary == ProcessSummary(inputs=2, inputs_failed=0, frames=2, detections=2, sightings=2)
    table = Table.read(output / "sightings.ecsv")
    assert list(table["target"]) == ["a.png", "b.png"]
    assert table["x_min"].unit == units.pix
    assert table["ra"].unit == units.deg
    np.testing.assert_allclose(
        [table[name][0] for name in ("x_min", "y_min", "x_max", "y_max")], [18, 18, 38, 38]
    )
    assert table["p_spiral"][0] + sum(
        table[f"p_{name}"][0]
        for name in ("smooth_round", "smooth_inbetween", "smooth_cigar", "edge_on_disk")
    ) == pytest.approx(1, abs=1e-4)
    assert sum(table[f"Class1.{i}"][0] for i in (1, 2, 3)) == pytest.approx(1, abs=1e-4)
    assert bool(np.ma.getmaskarray(table["ra"])[0])
    with (output / "detections.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["a.png", "b.png"]
    assert float(rows[0]["score"]) > 0.9
    picture = cv2.imread(str(output / "annotated" / "a.png"))
    assert picture.shape == (64, 64, 3)
    assert (picture[..., ::-1] != square_picture()).any()


def test_the_catalogue_says_where_it_comes_from(tmp_path, tiny_bundle_dir):
    write_square(tmp_path / "a.png")
    process_paths(
        [tmp_path / "a.png"], tmp_path / "out", bundle_path=tiny_bundle_dir, score_threshold=0.25
    )
    meta = Table.read(tmp_path / "out" / "sightings.ecsv").meta
    bundle = load_bundle(tiny_bundle_dir)
    assert meta["bundle_sha256"] == bundle.sha256
    assert (meta["bundle_name"], meta["bundle_version"]) == ("tiny", "1.2.3")
    assert meta["score_threshold"] == 0.25
    assert meta["software"].startswith("galaxy-edge ")
    assert meta["paths"] == [str(tmp_path / "a.png")]


def test_nothing_found_is_an_empty_table_with_all_columns(tmp_path, tiny_bundle_dir):
    (tmp_path / "dark.png").write_bytes(encode_png(np.full((64, 64, 3), 20, np.uint8)))
    summary = process_paths([tmp_path / "dark.png"], tmp_path / "out", bundle_path=tiny_bundle_dir)
    assert (summary.frames, summary.sightings) == (1, 0)
    table = Table.read(tmp_path / "out" / "sightings.ecsv")
    assert len(table) == 0
    assert {"id", "ra", "dec", "label", "Class11.6"} <= set(table.colnames)


def test_unreadable_inputs_are_named_in_one_line_each_and_passed_over(
    tmp_path, tiny_bundle_dir, failures
):
    good = write_square(tmp_path / "good.png")
    truncated = tmp_path / "half.png"
    truncated.write_bytes(encode_png(square_picture())[:60])
    text = tmp_path / "text.fits"
    text.write_text("not FITS\n" * 50)
    empty_folder = tmp_path / "empty"
    empty_folder.mkdir()
    missing = tmp_path / "missing.png"
    summary = process_paths(
        [truncated, text, empty_folder, missing, good],
        tmp_path / "out",
        bundle_path=tiny_bundle_dir,
        on_failure=failures.append,
    )
    assert (summary.inputs, summary.inputs_failed, summary.sightings) == (5, 4, 1)
    assert len(failures) == 4
    for path in (truncated, text, empty_folder, missing):
        (line,) = [line for line in failures if str(path) in line]
        assert "\n" not in line


def test_a_video_gives_one_sighting_with_its_best_frame(tmp_path, tiny_bundle_dir):
    video = write_video(tmp_path / "clip.avi", frames=9)
    summary = process_paths([video], tmp_path / "out", bundle_path=tiny_bundle_dir)
    assert (summary.frames, summary.detections, summary.sightings) == (9, 9, 1)
    table = Table.read(tmp_path / "out" / "sightings.ecsv")
    assert table["frames"][0] == 9
    (picture,) = (tmp_path / "out" / "annotated").iterdir()
    assert picture.name == f"clip_{table['id'][0][:8]}.png"


def test_pictures_of_the_same_place_in_the_sky_share_a_sighting(tmp_path, tiny_bundle_dir):
    write_fits_with_sky(tmp_path / "a.fits", ra_deg=202.5)
    write_fits_with_sky(tmp_path / "b.fits", ra_deg=202.5)
    write_fits_with_sky(tmp_path / "c.fits", ra_deg=150.0)
    summary = process_paths(
        [tmp_path / name for name in ("a.fits", "b.fits", "c.fits")],
        tmp_path / "out",
        bundle_path=tiny_bundle_dir,
        score_threshold=0.1,
    )
    assert summary.frames == 3
    assert summary.sightings == 2
    table = Table.read(tmp_path / "out" / "sightings.ecsv")
    assert list(table["frames"]) == [2, 1]
    assert table["ra"][0] == pytest.approx(202.5, abs=0.05)


def test_same_names_in_different_folders_get_different_annotated_pictures(
    tmp_path, tiny_bundle_dir
):
    paths = [write_square(tmp_path / folder / "m51.png") for folder in ("a", "b")]
    process_paths(paths, tmp_path / "out", bundle_path=tiny_bundle_dir)
    names = {path.name for path in (tmp_path / "out" / "annotated").iterdir()}
    assert names == {"m51.png", "m51_2.png"}


def test_results_inside_the_input_folder_are_not_processed_again(tmp_path, tiny_bundle_dir):
    night = write_square(tmp_path / "night" / "a.png").parent
    for _ in range(2):
        summary = process_paths([night], night / "out", bundle_path=tiny_bundle_dir)
        assert summary.inputs == 1


def test_a_file_named_twice_is_processed_once(tmp_path, tiny_bundle_dir):
    picture = write_square(tmp_path / "night" / "a.png")
    summary = process_paths(
        [picture, picture.parent, picture], tmp_path / "out", bundle_path=tiny_bundle_dir
    )
    assert summary.inputs == 1


def test_a_missing_bundle_or_unwritable_output_ends_it(tmp_path, tiny_bundle_dir):
    write_square(tmp_path / "a.png")
    with pytest.raises(BundleError, match="nope"):
        process_paths([tmp_path / "a.png"], tmp_path / "out", bundle_path=tmp_path / "nope")
    (tmp_path / "file").write_text("")
    with pytest.raises(GalaxyEdgeError, match="cannot make this folder"):
        process_paths([tmp_path / "a.png"], tmp_path / "file", bundle_path=tiny_bundle_dir)


def test_what_was_found_before_an_interruption_is_written(tmp_path, tiny_bundle_dir):
    night = tmp_path / "night"
    for name in "abc":
        write_square(night / f"{name}.png")

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_paths([night], tmp_path / "out", bundle_path=tiny_bundle_dir, on_progress=interrupt)
    assert len(Table.read(tmp_path / "out" / "sightings.ecsv")) == 2
