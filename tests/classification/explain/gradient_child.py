"""Run by ``test_gradients`` under another backend: a network's file and crops to gradients."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from classification.explain.gradcam import gradcam_of
from classification.explain.gradients import value_and_gradient
from classification.explain.keras_network import KerasNetwork
from classification.explain.targets import Target

if __name__ == "__main__":
    network = KerasNetwork.open(Path(sys.argv[1]))
    given = np.load(sys.argv[2])
    values, gradients = value_and_gradient(network.model, given["crops"], given["index"])
    (cam,) = gradcam_of(network, given["crops"][0], [Target("", 41)], layer="depthwise")
    np.savez(
        sys.argv[3],
        values=values,
        gradients=gradients,
        cam=cam.values,
        answers=network.answers(given["crops"]),
    )
