from __future__ import annotations

import numpy as np
import pytest
from looking_networks import galaxy_crop, small_network

from classification.explain.faithfulness.randomisation import randomisation_check
from classification.explain.faithfulness.redrawing import redrawn_networks
from classification.explain.networks import KerasNetwork
from classification.explain.targets import Target

CROPS = np.stack([galaxy_crop(32, semi_major=8 + i, angle_rad=0.4 * i, seed=i) for i in range(6)])
TARGETS = [Target("class5:spiral", 1)] * len(CROPS)


@pytest.fixture(scope="module")
def network() -> KerasNetwork:
    return small_network(seed=3)


def maps(network: KerasNetwork, row: int, seed: int) -> dict[str, np.ndarray]:
    """One map that depends on the weights, and three that are made without them."""
    rng = np.random.default_rng((seed, row))
    light = CROPS[row].astype(np.float32).mean(axis=2)
    spread = sum(abs(float(np.sum(w))) for w in network.model.get_weights())
    return {
        "network": np.random.default_rng(int(spread * 1e6) + row).normal(size=(32, 32)),
        "picture": light,
        "noise": rng.normal(size=(32, 32)),
        "nothing": np.zeros((32, 32)) if network.name.endswith("redrawn") else light,
    }


def test_only_maps_of_the_network_pass(network):
    found = randomisation_check(network, CROPS, TARGETS, maps, stages=3)
    assert found["network"].passes
    assert found["network"].correlation[-1].high < 0.2
    assert found["picture"].correlation[-1].value == pytest.approx(1)
    assert found["picture"].structure[-1].value == pytest.approx(1)
    assert "stay alike" in found["picture"].reason
    assert "differ" in found["noise"].reason
    assert "constant" in found["nothing"].reason
    assert found["nothing"].known == (0.0, 0.0, 0.0)


def test_progress_ends_with_all_done(network):
    told = []
    randomisation_check(
        network, CROPS[:2], TARGETS[:2], maps, stages=3, progress=lambda *each: told.append(each)
    )
    assert told[-1] == (10, 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_weights_go_from_the_answers_downwards_and_the_network_keeps_its_own(network):
    before = [w.copy() for w in network.model.get_weights()]
    answers = network.answers(CROPS)
    kept = []
    labels = []
    for label, redrawn in redrawn_networks(network, CROPS, stages=3, seed=1):
        labels.append(label)
        now = redrawn.model.get_weights()
        kept.append([np.array_equal(a, b) for a, b in zip(before, now, strict=True)])
        # a network that works: answers differ between galaxies and are finite
        said = redrawn.answers(CROPS)
        assert np.isfinite(said).all()
        assert np.allclose(said.sum(axis=1), 1, atol=1e-5)
    assert len(labels) == 3
    assert "(1 of 5)" in labels[0]
    assert "(5 of 5)" in labels[-1]
    shares = [np.mean(each) for each in kept]
    assert shares[0] > shares[1] > shares[2]
    assert kept[0][0]  # the first convolution
    assert not kept[0][-2]  # the last layer's kernel
    assert not any(kept[2][i] for i in range(0, len(before), 5))  # kernels of convolutions
    assert all(
        np.array_equal(a, b) for a, b in zip(before, network.model.get_weights(), strict=True)
    )
    assert np.array_equal(network.answers(CROPS), answers)


def test_redrawn_networks_tell_galaxies_apart(network):
    *_, (_, last) = redrawn_networks(network, CROPS, stages=3, seed=1)
    assert last.answers(CROPS).std(axis=0).max() > 1e-4


def test_the_same_seed_draws_the_same_weights(network):
    drawn = []
    for _ in range(2):
        *_, (_, last) = redrawn_networks(network, CROPS, stages=2, seed=5)
        drawn.append(last.answers(CROPS))
    assert np.array_equal(*drawn)
