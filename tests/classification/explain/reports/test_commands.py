from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from looking_networks import galaxy_crop, small_network
from typer.testing import CliRunner, Result

pytest.importorskip("sep", reason="workstation extra not installed")

from classification.explain.galaxy_mask import NoGalaxyError
from classification.explain.picture_galaxy import find_galaxy
from classification.heads import softmax
from classification.network import CARD_FILE, NETWORK_FILE, NetworkCard
from classification.preparation import Preparation
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.cli.app import app
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.sighting import CLASS5

RUNNER = CliRunner()
COUNT = 5


def call(*arguments: object) -> Result:
    return RUNNER.invoke(app, ["explain", *map(str, arguments)], env={"COLUMNS": "160"})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training folder with an untaught network of the five classes."""
    folder = tmp_path_factory.mktemp("trained") / "small-run"
    folder.mkdir()
    small_network(len(CLASS5)).source.save(folder / NETWORK_FILE)
    NetworkCard(
        "small", "small", softmax(5), "class5", CLASS5, Preparation(None, 32), "cross_entropy"
    ).save(folder / CARD_FILE)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("galaxies")
    with (folder / "labels.csv").open("w", newline="") as stream:
        header = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
        writer = csv.DictWriter(stream, header, restval="")
        writer.writeheader()
        for i in range(2 * COUNT):
            crop = galaxy_crop(96, semi_major=24, angle_rad=0.5 * i, seed=i)
            cv2.imwrite(str(folder / f"{i}.png"), crop[:, :, ::-1])
            writer.writerow(
                {
                    "file": f"{i}.png",
                    "source": "kaggle",
                    "frame_scale": "0.46",
                    "split": "test" if i < COUNT else "train",
                    "class5": CLASS5[i % 5],
                }
            )
    return folder / "labels.csv"


@pytest.mark.parametrize("command", ["galaxies", "picture"])
def test_the_help_has_an_example(command):
    done = call(command, "--help")
    assert done.exit_code == 0
    assert f"galaxy-edge explain {command}" in done.output
    assert "--methods" in done.output


@pytest.mark.slow
def test_a_set_is_explained_and_a_second_call_asks_nothing_again(run, data, tmp_path):
    output = tmp_path / "explained"
    arguments = ("galaxies", "--data", data, "--network", run, "--output", output)
    few = ("--count", COUNT, "--methods", "occlusion", "--stable", 1, "--checked", 0)
    done = call(*arguments, *few)
    assert done.exit_code == 0, done.output
    assert f"wrote {output / 'index.html'}" in done.output
    assert "small-run: DO NOT TRUST" in done.output
    pages = sorted((output / "galaxies").glob("*.html"))
    assert len(pages) == COUNT
    assert "1 R90" in pages[0].read_text(encoding="utf-8")
    assert "Closest training pictures" in pages[0].read_text(encoding="utf-8")
    numbers = json.loads((output / "index.json").read_text(encoding="utf-8"))
    assert numbers["networks"]["small-run"]["galaxies"] == COUNT
    kept = {file: file.stat().st_mtime_ns for file in (output / "kept").iterdir()}
    assert len(kept) == COUNT
    assert call(*arguments, *few, "--no-pages").exit_code == 0
    assert kept == {file: file.stat().st_mtime_ns for file in (output / "kept").iterdir()}
    other = call(*arguments, "--count", COUNT, "--methods", "lime")
    assert isinstance(other.exception, GalaxyEdgeError)
    assert "use another --output" in str(other.exception)


def field(folder: Path) -> Path:
    """A wide picture with a galaxy at 148, 88."""
    sky = np.random.default_rng(0).normal(20, 2, (220, 260, 3))
    sky[40:136, 100:196] = galaxy_crop(96, semi_major=24, seed=3)
    picture = folder / "field.png"
    cv2.imwrite(str(picture), np.clip(sky, 0, 255).astype(np.uint8))
    return picture


def test_a_picture_is_explained_in_the_box_that_is_named(run, tmp_path):
    output = tmp_path / "field.html"
    done = call(
        "picture", field(tmp_path), "--network", run, "--output", output, "--methods", "occlusion",
        "--target", "spiral", "--pixel-scale", 0.5, "--box", "124,76,172,100",
    )  # fmt: skip
    assert done.exit_code == 0, str(done.exception)
    text = output.read_text(encoding="utf-8")
    assert "class5:spiral" in text
    assert "148, 88, by the box that was named" in text
    assert ">10″<" in text  # the crop is 26″ wide
    assert "No training pictures were named" in text
    assert "What its layers see" in text


def test_the_size_of_a_galaxy_whose_centre_is_named_is_found(tmp_path):
    found = find_galaxy(field(tmp_path), load_bundle(None), centre_px=(148.0, 88.0))
    assert found.x_px == pytest.approx(148, abs=4)
    assert found.y_px == pytest.approx(88, abs=4)
    assert 40 < found.side_px < 80
    with pytest.raises(NoGalaxyError, match="no galaxy at 60,170"):
        find_galaxy(field(tmp_path), load_bundle(None), centre_px=(60.0, 170.0))
    with pytest.raises(ConfigError, match="is outside"):
        find_galaxy(field(tmp_path), load_bundle(None), centre_px=(300.0, 20.0))


def test_an_unknown_layer_is_told_with_those_there_are(run, tmp_path):
    picture = tmp_path / "galaxy.png"
    cv2.imwrite(str(picture), galaxy_crop(96, semi_major=24))
    arguments = (
        "picture", picture, "--network", run, "--output", tmp_path / "x.html",
        "--box", "24,36,72,60", "--methods",
    )  # fmt: skip
    for asked in (("gradcam", "--gradcam-layer", "conv9"), ("occlusion", "--layers", "conv9")):
        done = call(*arguments, *asked)
        assert isinstance(done.exception, GalaxyEdgeError)
        assert "no layer is called 'conv9'; there are" in str(done.exception)


def test_a_picture_without_a_galaxy_is_told(run, tmp_path):
    picture = tmp_path / "sky.png"
    sky = np.random.default_rng(0).normal(20, 2, (200, 200, 3)).clip(0, 255)
    cv2.imwrite(str(picture), sky.astype(np.uint8))
    arguments = ("picture", picture, "--network", run, "--output", tmp_path / "sky.html")
    done = call(*arguments)
    assert isinstance(done.exception, NoGalaxyError)
    assert "finds no galaxy in this picture; name its place" in str(done.exception)
    done = call(*arguments, "--box", "80,80,120,120")
    assert isinstance(done.exception, NoGalaxyError)
    assert "sky.png: no galaxy in the middle" in str(done.exception)
    assert not (tmp_path / "sky.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--box", "1,2,3"), "--box takes 4 numbers"),
        (("--centre", "here"), "--centre takes 2 numbers"),
        (("--box", "900,900,950,950"), "is no box in"),
        (("--methods", "magic"), "no method is called 'magic'"),
        (("--format", "docx"), "unknown format 'docx'"),
    ],
)
def test_wrong_usage_says_what_to_do(run, tmp_path, arguments, message):
    picture = tmp_path / "galaxy.png"
    cv2.imwrite(str(picture), galaxy_crop(96, semi_major=24))
    done = call("picture", picture, "--network", run, "--output", tmp_path / "x.html", *arguments)
    assert isinstance(done.exception, ConfigError)
    assert message in str(done.exception)


def test_a_network_of_another_kind_is_refused(data, tmp_path):
    detector = Path(__file__).parents[4] / "edge_runtime/models/default/detector.tflite"
    done = call("galaxies", "--data", data, "--network", detector, "--output", tmp_path / "x")
    assert isinstance(done.exception, GalaxyEdgeError)
    assert "is no classifier of galaxies" in str(done.exception)
