"""The geometry of a detector comes from its training folder, or is refused with a reason."""

from __future__ import annotations

import pytest

from detection.geometry import INPUT_MEAN, INPUT_STD, read_geometry
from edge_runtime.errors import GalaxyEdgeError

SETTINGS = """
task:
  model:
    num_classes: 1
    input_size: [256, 256, 3]
    min_level: 3
    max_level: 5
    anchor: {num_scales: 2, aspect_ratios: [0.5, 1.0], anchor_size: 3.0}
trainer: {train_steps: 100}
"""


def write(folder, text):
    (folder / "params.yaml").write_text(text)
    return folder


def test_geometry_is_that_of_the_settings(tmp_path):
    geometry = read_geometry(write(tmp_path, SETTINGS))
    assert geometry.input_size_px == 256
    assert geometry.anchors.model_dump() == {
        "min_level": 3,
        "max_level": 5,
        "num_scales": 2,
        "aspect_ratios": (0.5, 1.0),
        "anchor_size": 3.0,
    }


def test_another_input_size_must_be_a_multiple_of_the_coarsest_cell(tmp_path):
    folder = write(tmp_path, SETTINGS)
    assert read_geometry(folder, 96).input_size_px == 96
    with pytest.raises(GalaxyEdgeError, match=r"300 px does not fit.* 32 px; .* such as 288"):
        read_geometry(folder, 300)
    with pytest.raises(GalaxyEdgeError, match="such as 32"):
        read_geometry(folder, 8)


def test_a_folder_without_settings_is_named(tmp_path):
    with pytest.raises(GalaxyEdgeError, match=r"params.yaml: cannot be read .No such file"):
        read_geometry(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task:", "task: [", "damaged, not YAML"),
        ("task:", "other:", "no 'task'"),
        ("    num_classes: 1\n", "", "KeyError: 'num_classes'"),
        ("num_classes: 1", "num_classes: 3", "num_classes is 3; the edge decodes"),
        ("[256, 256, 3]", "[256, 128, 3]", "256 x 128 x 3; the edge shows"),
        ("max_level: 5", "max_level: 2", "max_level 2 is below min_level 3"),
    ],
)
def test_wrong_settings_are_named(tmp_path, old, new, message):
    assert old in SETTINGS
    with pytest.raises(GalaxyEdgeError, match=message):
        read_geometry(write(tmp_path, SETTINGS.replace(old, new, 1)))


@pytest.mark.slow
def test_normalisation_is_the_model_gardens():
    pytest.importorskip("official", reason="workstation extra not installed")
    from official.vision.ops import preprocess_ops

    assert pytest.approx([255.0 * v for v in preprocess_ops.MEAN_NORM]) == INPUT_MEAN
    assert pytest.approx([255.0 * v for v in preprocess_ops.STDDEV_NORM]) == INPUT_STD
