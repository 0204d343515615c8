"""Export of a trained classifier to an int8 TFLite file.

The file takes uint8 crops (scale 1, zero point 0, values 0 to 255 as they come from
the frame) and gives three float32 tensors of logits, told apart by their width: 37
votes, 5 classes, 1 galaxy or not. Weights are int8 per channel, activations int8;
only the dequantised outputs are float. The decision tree is applied behind it in float.

Run as ``python -m classification.edge_network.export``; ``--help`` has an example.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from classification.edge_network.evaluation import Logits, Predict, Scores
from classification.export import write_float, write_int8

_log = logging.getLogger(__name__)

SAMPLES = 600
"""Training crops that set the ranges of an int8 network."""

OUTPUT_WIDTHS = {37: "votes", 5: "class5", 1: "galaxy"}


def tflite_predictor(path: Path | str, threads: int = 1) -> Predict:
    """A ``Predict`` that runs an exported file, one crop a call as the edge does.

    Parameters
    ----------
    path : path
        A file written by ``write_int8``.
    threads : int
        Threads of the interpreter.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    outputs = {
        OUTPUT_WIDTHS[int(detail["shape"][-1])]: detail["index"]
        for detail in interpreter.get_output_details()
    }

    def predict(crops: NDArray[np.float32]) -> Logits:
        logits: dict[str, list[NDArray[np.float32]]] = {name: [] for name in outputs}
        for crop in np.clip(np.rint(crops), 0, 255).astype(np.uint8):
            interpreter.set_tensor(entry["index"], crop[None])
            interpreter.invoke()
            for name, index in outputs.items():
                logits[name].append(interpreter.get_tensor(index)[0])
        return {name: np.stack(rows) for name, rows in logits.items()}

    return predict


def export_scored(
    model_path: Path,
    data: Path,
    output: Path,
    *,
    float_output: Path | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Scores]:
    """Export a trained network and score it on the validation split.

    Parameters
    ----------
    model_path : Path
        ``.keras`` file.
    data : Path
        Folder with ``galaxies/labels.csv`` and ``frames/no_galaxy``.
    output : Path
        Int8 file to write.
    float_output : Path, optional
        Float file to write too.
    samples, seed : int
        Training crops that set the ranges, and the seed of their draw.

    Returns
    -------
    dict of str to Scores
        ``float``, of the network as Keras runs it, and ``int8``, of the file.

    Raises
    ------
    GalaxyEdgeError
        A file is missing or damaged.
    """
    from annotations.empty_frames import empty_frame_split
    from annotations.galaxy_zoo import read_labels
    from classification.edge_network.evaluation import evaluate, keras_predictor
    from classification.edge_network.negatives import read_empty_frames
    from classification.edge_network.representative import representative_crops
    from classification.edge_network.validation import validation_set

    model = keras.models.load_model(model_path, compile=False)
    size_px = int(model.input_shape[1])
    table = read_labels(data / "galaxies" / "labels.csv")
    train_paths, validation_paths = empty_frame_split(data)
    crops = representative_crops(table, read_empty_frames(train_paths[::4]), size_px, samples, seed)
    write_int8(model, crops, output)
    if float_output is not None:
        write_float(model, float_output)
    validation = validation_set(table, read_empty_frames(validation_paths), size_px)
    return {
        name: evaluate(predict, validation.crops, validation.table, validation.veto)
        for name, predict in (
            ("float", keras_predictor(model)),
            ("int8", tflite_predictor(output)),
        )
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: export a model and score it, float and int8, on the validation split."""
    parser = argparse.ArgumentParser(
        prog="python -m classification.edge_network.export",
        description="Export a classifier to int8 TFLite and score both on the validation split.",
        epilog="Example: python -m classification.edge_network.export --model best.keras "
        "--data ../shared/data --output classifier.tflite --json metrics.json",
    )
    parser.add_argument("--model", type=Path, required=True, help="trained .keras file")
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--output", type=Path, required=True, help=".tflite file to write")
    parser.add_argument("--float-output", type=Path, help="float32 .tflite file to write too")
    parser.add_argument("--json", type=Path, help="file for the scores")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="crops that set the ranges")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    found = export_scored(
        given.model,
        given.data,
        given.output,
        float_output=given.float_output,
        samples=given.samples,
        seed=given.seed,
    )
    scores = {name: values.as_dict() for name, values in found.items()}
    for name, values in scores.items():
        _log.info("%s: %s", name, values)
    if given.json is not None:
        given.json.write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()
