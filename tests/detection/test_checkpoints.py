"""Detectors start from other checkpoints, as far as these fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import ConfigError, GalaxyEdgeError

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PREDICTOR = "_classifier"


def detector(family: str = "ssd_mobilenet", *, classes: int = 1, head_convs: int | None = None):
    from detection import task
    from detection.checkpoints import _build
    from detection.registry import experiment_of

    params = experiment_of(family).task
    params.model.input_size = [64, 64, 3]
    params.model.num_classes = classes
    if head_convs is not None:
        params.model.head.num_convs = head_convs
    network = task.GalaxyDetection(params).build_model()
    _build(network)
    return network


def values(part) -> list[np.ndarray]:
    return [v.numpy() for v in part.variables]


def equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory):
    """A detector of COCO's 91 classes and its checkpoint, as a Model Garden trainer saves it."""
    import tensorflow as tf

    network = detector(classes=91)
    rng = np.random.default_rng(1)
    for variable in network.variables:
        variable.assign(rng.normal(size=variable.shape).astype(np.float32))
    saved = tf.train.Checkpoint(
        global_step=tf.Variable(7), model=network, **network.checkpoint_items
    )
    return network, Path(saved.save(str(tmp_path_factory.mktemp("coco") / "ckpt")))


@pytest.fixture(scope="module")
def galaxies():
    return detector()


def test_91_classes_are_loaded_but_for_the_class_predictor(coco, galaxies, caplog):
    from detection.checkpoints import load_initial

    theirs, path = coco
    predictor = values(galaxies.head._classifier)
    with caplog.at_level("INFO", logger="detection"):
        loaded = load_initial(galaxies, path.parent)
    assert loaded.classes == 91
    assert loaded.class_predictor is False
    assert loaded.variables == len(galaxies.variables) - len(predictor)
    assert "its class predictor is for 91 classes and was left out" in caplog.text
    assert equal(values(galaxies.head._classifier), predictor)
    assert equal(values(galaxies.backbone), values(theirs.backbone))
    assert equal(values(galaxies.decoder), values(theirs.decoder))
    assert equal(values(galaxies.head._box_regressor), values(theirs.head._box_regressor))
    assert equal(values(galaxies.head._cls_convs[1]), values(theirs.head._cls_convs[1]))


def test_as_many_classes_are_loaded_whole(coco):
    from detection.checkpoints import load_initial

    theirs, path = coco
    network = detector(classes=91)
    loaded = load_initial(network, str(path) + ".index")
    assert loaded.class_predictor is True
    assert loaded.variables == len(network.variables)
    assert equal(values(network), values(theirs))


def test_the_backbone_alone_leaves_the_rest(coco):
    from detection.checkpoints import load_initial

    theirs, path = coco
    network = detector(head_convs=3)
    decoder, head = values(network.decoder), values(network.head)
    loaded = load_initial(network, path, "backbone")
    assert loaded.modules == ("backbone",)
    assert equal(values(network.backbone), values(theirs.backbone))
    assert equal(values(network.decoder), decoder)
    assert equal(values(network.head), head)


def test_the_inner_parts_can_be_loaded_from_a_model_saved_alone(galaxies, tmp_path):
    import tensorflow as tf

    from detection.checkpoints import load_initial

    path = tf.train.Checkpoint(model=galaxies).save(str(tmp_path / "model"))
    network = detector(head_convs=3)
    loaded = load_initial(network, path, "backbone,decoder")
    assert loaded.modules == ("backbone", "decoder")
    assert equal(values(network.decoder), values(galaxies.decoder))


def test_a_head_with_other_layers_is_refused_by_name(coco):
    from detection.checkpoints import load_initial

    _, path = coco
    network = detector(head_convs=3)
    before = values(network)
    with pytest.raises(GalaxyEdgeError, match="of another architecture") as caught:
        load_initial(network, path)
    assert "head/_cls_convs/2/depthwise_kernel (3, 3, 64, 1) is missing" in str(caught.value)
    assert "--init-modules backbone" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert equal(values(network), before)


def test_more_layers_than_here_are_refused_too(tmp_path):
    import tensorflow as tf

    from detection.checkpoints import load_initial

    larger = detector(head_convs=3)
    path = tf.train.Checkpoint(model=larger, **larger.checkpoint_items).save(str(tmp_path / "big"))
    with pytest.raises(GalaxyEdgeError, match=r"head/_cls_convs/2/\w+ is in the checkpoint only"):
        load_initial(detector(), path)


@pytest.mark.parametrize("family", ["efficientdet_d0", "mobiledet"])
def test_another_family_is_refused(coco, family):
    from detection.checkpoints import load_initial

    _, path = coco
    network = detector(family)
    before = values(network)
    with pytest.raises(GalaxyEdgeError, match="of another architecture, nothing was loaded"):
        load_initial(network, path, "backbone")
    assert equal(values(network), before)


def test_places_without_a_checkpoint_are_refused(tmp_path):
    from detection.checkpoints import resolve_checkpoint

    with pytest.raises(GalaxyEdgeError, match="the folder holds no checkpoint"):
        resolve_checkpoint(tmp_path)
    with pytest.raises(GalaxyEdgeError, match="no checkpoint to start from"):
        resolve_checkpoint(tmp_path / "ckpt-5")


def test_a_damaged_checkpoint_is_refused(coco, galaxies, tmp_path):
    from detection.checkpoints import load_initial

    _, path = coco
    for file in path.parent.glob(path.name + ".*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    data = tmp_path / f"{path.name}.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    before = values(galaxies)
    with pytest.raises(GalaxyEdgeError, match="damaged checkpoint"):
        load_initial(galaxies, tmp_path / path.name)
    assert equal(values(galaxies), before)


def test_a_checkpoint_without_objects_is_refused(galaxies, tmp_path):
    import tensorflow as tf

    from detection.checkpoints import load_initial

    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "old"),
        tensor_names=["FeatureExtractor/Conv/weights"],
        shape_and_slices=[""],
        tensors=[tf.zeros([3])],
    )
    with pytest.raises(GalaxyEdgeError, match="TF Object Detection API cannot be loaded"):
        load_initial(galaxies, tmp_path / "old")


def test_an_unknown_part_is_refused():
    from detection.checkpoints import parse_modules

    assert parse_modules("all") == ("backbone", "decoder", "head")
    assert parse_modules("backbone, decoder") == ("backbone", "decoder")
    with pytest.raises(ConfigError, match="'neck' is no part of a detector"):
        parse_modules("backbone,neck")
