from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import read_labels
from classification.edge_network.evaluation import keras_predictor
from classification.edge_network.export import tflite_predictor
from classification.edge_network.negatives import read_empty_frames
from classification.edge_network.representative import representative_crops
from classification.export import write_float, write_int8
from classification.models import create_model
from edge_runtime.decision_tree import constraint_violation, votes_from_logits
from edge_runtime.litert import LiteRtModel


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Smooth random pictures, as networks see them, (40, 64, 64, 3) uint8."""
    rng = np.random.default_rng(11)
    coarse = rng.uniform(0, 255, (40, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, crops: np.ndarray):
    keras.utils.set_random_seed(4)
    model = create_model("residual", stage_filters=(24, 32, 48))
    path = write_int8(model, crops, tmp_path_factory.mktemp("export") / "classifier.tflite")
    return model, path


def test_the_file_takes_raw_bytes_and_gives_three_float_outputs(pair) -> None:
    interpreter = Interpreter(model_path=str(pair[1]))
    entry = interpreter.get_input_details()[0]
    assert entry["dtype"] == np.uint8
    assert entry["shape"].tolist() == [1, 64, 64, 3]
    scale, zero = entry["quantization"]
    assert scale == pytest.approx(1.0, abs=1e-6)
    assert zero == 0
    outputs = interpreter.get_output_details()
    assert sorted(int(o["shape"][-1]) for o in outputs) == [1, 5, 37]
    assert all(o["dtype"] == np.float32 for o in outputs)


def test_weights_and_activations_are_int8(pair) -> None:
    interpreter = Interpreter(model_path=str(pair[1]))
    interpreter.allocate_tensors()
    kinds = {np.dtype(t["dtype"]).name for t in interpreter.get_tensor_details() if t["dtype"]}
    assert kinds <= {"int8", "uint8", "int32", "float32"}
    # Input and outputs aside, nothing is computed in float.
    floats = [t for t in interpreter.get_tensor_details() if t["dtype"] == np.float32]
    assert len(floats) == 3


def test_int8_logits_stay_close_to_those_of_keras(pair, crops: np.ndarray) -> None:
    model, path = pair
    exact = keras_predictor(model)(crops.astype(np.float32))
    quantised = tflite_predictor(path)(crops.astype(np.float32))
    for name, logits in exact.items():
        spread = np.ptp(logits)
        # weights are random: their sums cancel, and rounding shows more than after training
        assert np.abs(quantised[name] - logits).mean() < 0.05 * spread, name
    votes = votes_from_logits(quantised["votes"])
    assert np.abs(votes - votes_from_logits(exact["votes"])).max() < 0.05
    assert constraint_violation(votes).max() < 1e-5


def test_representative_crops_of_another_size_are_refused(pair, crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="64, 64, 3"):
        write_int8(pair[0], crops[:, :32, :32], "unused.tflite")
    with pytest.raises(ValueError, match="uint8"):
        write_int8(pair[0], crops.astype(np.float32), "unused.tflite")


def test_representative_crops_are_training_pictures_plain_and_augmented(tiny_data: Path) -> None:
    table = read_labels(tiny_data / "galaxies" / "labels.csv")
    frames = read_empty_frames(empty_frame_split(tiny_data)[0])
    crops = representative_crops(table, frames, 64, 30, seed=0)
    assert crops.shape == (30, 64, 64, 3)
    assert crops.dtype == np.uint8


def test_float_file_agrees_with_keras(tmp_path: Path, crops: np.ndarray) -> None:
    model = create_model("residual", input_size_px=64)
    path = write_float(model, tmp_path / "float.tflite")
    edge = LiteRtModel(path)
    expected = keras_predictor(model)(crops[:3].astype(np.float32))
    for i, crop in enumerate(crops[:3]):
        found = edge.run(crop)
        for name in ("votes", "class5", "galaxy"):
            logits = found[edge.output_index(name)].ravel()
            assert logits == pytest.approx(np.ravel(expected[name][i]), abs=1e-3)
