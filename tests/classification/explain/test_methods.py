"""Every method says of known networks what is true of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from known_networks import (
    CORNER,
    SIZE_PX,
    bright_crop,
    corner_network,
    linear_network,
    linear_weights,
    small_edge_model,
)

from classification.explain.attribution import Attribution
from classification.explain.baselines import BASELINES, baseline_picture, sky_level
from classification.explain.explained_galaxy import QUICK
from classification.explain.gradcam import gradcam_for_questions
from classification.explain.keras_network import KerasNetwork
from classification.explain.occlusion import occlusion_of
from classification.explain.registry import method, method_names
from classification.explain.superpixels import galaxy_superpixels
from classification.explain.targets import Target, named, strongest
from edge_runtime.errors import ConfigError, GalaxyEdgeError

GALAXY = Target("galaxy", 0)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return bright_crop()


@pytest.fixture(scope="module")
def edge() -> KerasNetwork:
    return KerasNetwork(small_edge_model())


@pytest.mark.parametrize("name", method_names())
def test_a_network_that_sees_one_corner_is_explained_by_that_corner(
    name: str, crop: np.ndarray
) -> None:
    found = method(name).explain(corner_network(), crop, GALAXY)
    assert found.positive[CORNER].sum() > 0
    seen = np.abs(found.values)[CORNER].sum() / np.abs(found.values).sum()
    # patches and enlarged channels reach over the corner's edge; gradients do not
    assert seen > {"gradcam": 0.8, "occlusion": 0.75, "lime": 0.6}.get(name, 0.999)
    top = np.unravel_index(np.argmax(found.values), found.values.shape)
    assert max(top) < SIZE_PX // 2


@pytest.mark.parametrize("name", list(QUICK))
def test_methods_take_their_options_for_quick_maps(name: str, crop: np.ndarray) -> None:
    found = method(name).explain(corner_network(), crop, GALAXY, **QUICK[name])
    exact = method(name).explain(corner_network(), crop, GALAXY)
    assert found.details["calls"] <= exact.details["calls"]
    assert np.corrcoef(found.values.ravel(), exact.values.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("name", method_names())
def test_calls_and_seconds_are_told_and_progress_ends(name: str, crop: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    found = method(name).explain(
        corner_network(), crop, GALAXY, progress=lambda done, total: told.append((done, total))
    )
    assert found.method == name
    assert found.target is GALAXY
    assert found.details["calls"] >= 1
    assert 0 < found.details["seconds"] < 60
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("name", method_names())
def test_the_same_seed_gives_the_same_map(name: str, edge: KerasNetwork) -> None:
    crop = bright_crop(32)
    options = {"lime": {"samples": 60}, "smoothgrad": {"samples": 4}}.get(name, {})
    target = strongest(edge, crop)
    maps = [method(name).explain(edge, crop, target, seed=4, **options).values for _ in "ab"]
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_of_a_linear_network_are_weight_times_difference(
    baseline: str, crop: np.ndarray
) -> None:
    found = method("integrated_gradients").explain(
        linear_network(), crop, GALAXY, baseline=baseline
    )
    exact = (linear_weights() * (crop - baseline_picture(crop, baseline))).sum(axis=2)
    np.testing.assert_allclose(found.values, exact, rtol=1e-4, atol=1e-7)
    assert found.details["completeness_error"] < 1e-3
    assert found.details["steps"] == 64  # a straight line needs no halving


def test_integrated_gradients_halve_the_steps_of_a_sharp_rise(crop: np.ndarray) -> None:
    """A sigmoid as steep as a step: few equal steps would miss it."""
    sky = baseline_picture(crop, "sky")
    middle = sky + 0.43 * (crop - sky)
    network = linear_network("sigmoid", scale=1000.0, middle=middle)
    rough = method("integrated_gradients").explain(network, crop, GALAXY, steps=8, most_steps=8)
    found = method("integrated_gradients").explain(network, crop, GALAXY, steps=8)
    assert abs(found.details["difference"]) > 0.4
    assert rough.details["completeness_error"] > 0.05
    assert found.details["completeness_error"] <= 0.005
    assert 8 < found.details["steps"] < 512
    ends = network.answers(np.stack([crop, np.rint(baseline_picture(crop, "sky"))]))[:, 0]
    assert found.values.sum() == pytest.approx(float(ends[0] - ends[1]), rel=0.01)


def test_smoothgrad_of_a_linear_score_is_weight_times_light(crop: np.ndarray) -> None:
    network = linear_network("sigmoid", scale=10.0)
    found = method("smoothgrad").explain(network, crop, GALAXY, samples=3)
    exact = 10.0 * (linear_weights() * (crop - sky_level(crop))).sum(axis=2)
    np.testing.assert_allclose(found.values, exact, rtol=1e-3, atol=1e-5)
    paper = method("smoothgrad").explain(network, crop, GALAXY, samples=3, sensitivity=True)
    np.testing.assert_allclose(
        paper.values, 10.0 * np.abs(linear_weights()).max(axis=2), rtol=1e-3, atol=1e-6
    )


def test_smoothgrad_is_not_lost_where_the_answer_is_certain(crop: np.ndarray) -> None:
    network = corner_network()
    dense = network.source.layers[-1]
    dense.set_weights([dense.get_weights()[0] * 6, np.array([0.0], np.float32)])
    answer = float(network.answers(crop[None])[0, 0])
    assert answer > 0.999
    assert method("smoothgrad").explain(network, crop, GALAXY).values.sum() > 1.0


def test_occlusion_of_a_linear_network_is_what_the_covered_light_adds(crop: np.ndarray) -> None:
    found = method("occlusion").explain(
        linear_network(), crop, GALAXY, patch=1 / SIZE_PX, stride=1 / SIZE_PX
    )
    sky = np.rint(sky_level(crop))
    exact = (linear_weights() * (crop - sky)).sum(axis=2)
    np.testing.assert_allclose(found.values, exact, atol=5e-7)
    assert found.details["calls"] == SIZE_PX**2 + 1


def test_lime_finds_the_weights_of_a_linear_network(crop: np.ndarray) -> None:
    found = method("lime").explain(linear_network(), crop, GALAXY, samples=300, pieces=20)
    labels = galaxy_superpixels(crop, 20).labels
    light = (linear_weights() * (crop - np.rint(sky_level(crop)))).sum(axis=2)
    exact = np.bincount(labels.ravel(), light.ravel())
    pieces = np.bincount(labels.ravel(), found.values.ravel())
    assert found.details["fit"] > 0.98
    assert found.details["pieces"] == labels.max() + 1
    assert np.corrcoef(exact, pieces)[0, 1] > 0.995
    assert found.values.sum() == pytest.approx(exact.sum(), rel=0.15)


def test_gradcam_by_hand(edge: KerasNetwork) -> None:
    """Behind mean pooling and a dense layer the weights of the channels are the layer's own."""
    crop = bright_crop(32)
    target = named(edge, "galaxy")
    found = method("gradcam").explain(edge, crop, target, layer="add")
    channels = edge.source.get_layer("add")
    shown = keras.Model(edge.source.input, channels.output)(crop[None].astype(np.float32))
    kernel = edge.source.get_layer("galaxy").get_weights()[0][:, 0]
    exact = (np.asarray(shown)[0] * kernel).sum(axis=2) / 16**2
    # enlarging by two leaves the mean of each four pixels near the channel's value
    coarse = found.values.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    assert np.corrcoef(coarse.ravel(), exact.ravel())[0, 1] > 0.95
    assert found.values.sum() / 4 == pytest.approx(exact.sum(), rel=0.05)
    cut = method("gradcam").explain(edge, crop, target, layer="add", positive_only=True)
    assert cut.values.min() == 0.0


def test_gradcam_defaults_to_the_last_convolution_and_differs_by_layer(edge: KerasNetwork) -> None:
    crop = bright_crop(32)
    target = strongest(edge, crop)
    maps = {
        layer: method("gradcam").explain(edge, crop, target, layer=layer).values
        for layer in (None, "add", "stem_relu", "depthwise")
    }
    np.testing.assert_array_equal(maps[None], maps["add"])
    assert not np.allclose(maps["add"], maps["stem_relu"])


def test_gradcam_answers_all_questions_as_it_answers_one(edge: KerasNetwork) -> None:
    crop = bright_crop(32)
    found = gradcam_for_questions(edge, crop)
    assert len(found) == 11
    one = method("gradcam").explain(edge, crop, found[3].target)
    scale = np.abs(one.values).max()
    np.testing.assert_allclose(found[3].values, one.values, atol=1e-4 * scale)


def test_occlusion_of_several_answers_asks_no_more_than_of_one(
    edge: KerasNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop = bright_crop(32)
    targets = [Target("", 41), Target("", 3), Target("", 42)]
    alone = [method("occlusion").explain(edge, crop, target).values for target in targets]
    asked = []
    answers = edge.answers
    monkeypatch.setattr(edge, "answers", lambda crops: asked.append(len(crops)) or answers(crops))
    together = occlusion_of(edge, crop, targets)
    assert sum(asked) == together[0].details["calls"]
    assert [found.target for found in together] == targets
    for found, values in zip(together, alone, strict=True):
        np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize("layer", ["convolution9", "pool", "galaxy"])
def test_an_unknown_layer_lists_the_layers(edge: KerasNetwork, layer: str) -> None:
    crop = bright_crop(32)
    with pytest.raises(GalaxyEdgeError, match=f"'{layer}'.*stem.*stem_relu.*depthwise"):
        method("gradcam").explain(edge, crop, strongest(edge, crop), layer=layer)


def test_wrong_options_are_refused(crop: np.ndarray) -> None:
    network = corner_network()
    for name, options, message in (
        ("occlusion", {"patch": 0.0}, "0 < stride <= patch"),
        ("occlusion", {"patch": 0.1, "stride": 0.2}, "0 < stride <= patch"),
        ("occlusion", {"size": 3}, "no option 'size'; it has: patch, stride, fill"),
        ("occlusion", {"fill": "white"}, "unknown baseline 'white'; known: sky"),
        ("integrated_gradients", {"steps": 0}, "1 <= steps"),
        ("integrated_gradients", {"baseline": "white"}, "unknown baseline"),
        ("smoothgrad", {"samples": 0}, "samples >= 1"),
        ("lime", {"samples": 3}, "samples >= 10"),
        ("lime", {"left": 1.0}, "0 < left < 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            method(name).explain(network, crop, GALAXY, **options)
    with pytest.raises(ConfigError, match="no method is called 'saliency'; there are gradcam"):
        method("saliency")


def test_wrong_crops_are_refused(crop: np.ndarray) -> None:
    network = corner_network()
    explain = method("occlusion").explain
    for wrong, message in (
        (np.zeros((20, 20, 3), np.uint8), r"takes crops of shape \(N, 16, 16, 3\)"),
        (crop[..., 0], "takes crops of shape"),
        (crop.astype(np.int32), "uint8 or float32, not int32"),
        (crop.astype(np.float32) * 2, "pixels are 0 to 255"),
        (np.full(crop.shape, np.nan, np.float32), "pixels are 0 to 255"),
        (crop.astype(np.float32) / 255, "not of 0 to 1"),
    ):
        with pytest.raises(GalaxyEdgeError, match=message):
            explain(network, wrong, GALAXY)
    with pytest.raises(GalaxyEdgeError, match="has 1 answers; spiral is of another network"):
        explain(network, crop, Target("spiral", 41))


def test_an_attribution_is_square_and_finite() -> None:
    for values in (np.zeros((3, 4), np.float32), np.zeros((3, 3)), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="attribution"):
            Attribution("none", GALAXY, values)
    with pytest.raises(ValueError, match="not finite"):
        Attribution("none", GALAXY, np.full((3, 3), np.inf, np.float32))
