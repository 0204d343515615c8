from dataclasses import asdict

import pytest

from annotations.galaxies.schemes import SCHEMES
from classification.losses import create_loss
from classification.models import model_names
from classification.optimizers import create_optimizer
from classification.presets import preset, preset_names
from edge_runtime.errors import ConfigError

PUBLISHED = (
    "parallel-cnn-2024",
    "parallel-cnn-2024-constrained",
    "vit-2024",
    "vgg16-2024",
    "resnet50-2024",
    "galaxy-zoo-challenge-cnn",
    "inception-v3-challenge",
    "multi-view-2015",
    "galaxy10-scratch",
    "galaxy10-tuned",
    "gama-elliptical",
    "compact-votes",
)


def test_all_papers_have_a_preset() -> None:
    assert set(PUBLISHED) <= set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_fits_together(name: str) -> None:
    recipe = preset(name)
    assert recipe.name == name
    assert recipe.summary
    assert recipe.reference
    assert recipe.architecture in model_names()
    create_loss(recipe.loss.name, **recipe.loss.options)
    create_optimizer(recipe.optimizer, epochs=recipe.epochs, steps=10)
    width = 37 if recipe.target == "votes" else len(SCHEMES[recipe.target].names)
    assert recipe.head.width == (1 if recipe.target == "elliptical" else width)
    assert asdict(recipe)["preparation"]["size_px"] == recipe.preparation.size_px


def test_the_parallel_network_is_trained_as_published() -> None:
    recipe = preset("parallel-cnn-2024")
    assert (recipe.preparation.crop_frame_px, recipe.preparation.size_px) == (210, 64)
    assert recipe.preparation.interpolation == "bicubic"
    motion = recipe.augmentation.motion
    assert (motion.zoom, motion.rotation_deg, motion.shift) == (0.1, 25, 0.05)
    assert (motion.fill, motion.flips) == ("nearest", False)
    assert (recipe.optimizer.name, recipe.optimizer.learning_rate) == ("adam", 1e-3)
    assert recipe.early_stopping is not None
    assert recipe.early_stopping.patience == 50
    assert str(recipe.head) == "sigmoid-37"
    constrained = preset("parallel-cnn-2024-constrained").loss
    assert (constrained.name, constrained.options) == (
        "constrained_mse",
        {"constraint_weight": 0.001},
    )


def test_crops_are_those_of_the_papers() -> None:
    crops = {
        name: (preset(name).preparation.crop_frame_px, preset(name).preparation.size_px)
        for name in PUBLISHED
    }
    assert crops["vit-2024"] == (256, 64)
    assert crops["galaxy-zoo-challenge-cnn"] == (207, 69)
    assert crops["galaxy10-scratch"] == (207, 69)
    assert crops["gama-elliptical"] == (None, 128)
    assert preset("gama-elliptical").balance.method == "weights"


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'alexnet'; known: parallel-cnn-2024"):
        preset("alexnet")
