import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_runtime.cli.app import app

RUNNER = CliRunner()


def call(*arguments: str) -> Result:
    return RUNNER.invoke(app, ["train", "classifier", *arguments], env={"COLUMNS": "160"})


def test_the_recipes_are_listed() -> None:
    done = call("--list-presets")
    assert done.exit_code == 0
    for name in ("parallel-cnn-2024", "gama-elliptical", "compact-votes"):
        assert name in done.output


def test_the_help_has_an_example() -> None:
    done = call("--help")
    assert done.exit_code == 0
    assert "galaxy-edge train classifier --preset parallel-cnn-2024" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--preset is needed"),
        (("--preset", "parallel-cnn-2024"), "--data is needed"),
        (("--preset", "alexnet", "--data", "x", "--output", "y"), "unknown preset 'alexnet'"),
        (
            ("--preset", "parallel-cnn-2024", "--data", "x", "--output", "y", "--balance", "smote"),
            "unknown balance 'smote'",
        ),
        (
            ("--preset", "vit-2024", "--data", "x", "--output", "y", "--weights", "imagenet"),
            "vit-2024 has no backbone",
        ),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    done = call(*arguments)
    assert done.exit_code != 0
    assert message in str(done.exception)
    assert type(done.exception).__name__ == "ConfigError"


@pytest.mark.slow
def test_a_network_is_trained_from_a_label_file(tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    arguments = (
        *("--preset", "compact-votes", "--data", str(tiny_data / "galaxies" / "labels.csv")),
        *("--output", str(output), "--epochs", "1", "--input-size", "32", "--batch", "8"),
        *("--limit", "8", "--learning-rate", "0.0005", "--memory-mb", "0"),
        *("--mixed-precision", "float32"),
    )
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    assert "trained compact-votes: best of 1 epochs is 0" in done.stderr
    card = json.loads((output / "network.json").read_text())
    assert card["preparation"].pop("crop_frame_px") == pytest.approx(205.0)
    assert card["preparation"] == {"size_px": 32, "interpolation": "auto"}
    assert card["training_pictures"] == 8
    assert card["recipe"]["optimizer"]["learning_rate"] == 0.0005
    assert len(list((output / "cache").glob("*.npy"))) == 2
    again = call(*arguments)
    assert again.exit_code == 0
    assert "was trained to its end before" in again.stderr
