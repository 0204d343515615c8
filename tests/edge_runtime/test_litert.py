import contextlib
import threading

import numpy as np
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

import edge_runtime.litert as litert
from edge_runtime.errors import BundleError
from edge_runtime.litert import LiteRtModel, probe_model

NORMALISED = {"input_mean": tiny_models.MEAN, "input_std": tiny_models.STD}
DETECTOR = tiny_models.retinanet_detector(concatenated=False)


def picture(seed=0, size=tiny_models.DETECTOR_SIZE_PX):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_describes_input_and_outputs():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    assert model.input.shape == (1, 64, 64, 3)
    assert model.input.dtype == np.int8
    assert model.input.scale == pytest.approx(1 / 127.5)
    assert [(o.key, o.shape, o.scale) for o in model.outputs] == [
        ("cls_3", (1, 8, 8, 1), 0.25),
        ("cls_4", (1, 4, 4, 1), 0.25),
        ("box_3", (1, 8, 8, 4), 1 / 64),
        ("box_4", (1, 4, 4, 4), 1 / 64),
    ]


def test_quantised_and_float_models_agree_within_a_quantisation_step():
    exact = LiteRtModel(
        tiny_models.retinanet_detector(quantised=False, concatenated=False), **NORMALISED
    )
    coarse = LiteRtModel(DETECTOR, **NORMALISED)
    for a, b in zip(exact.run(picture()), coarse.run(picture()), strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=0.25)


@pytest.mark.parametrize("quantised", [True, False])
def test_bytes_and_floats_give_the_same_answer_with_or_without_batch(quantised):
    model = LiteRtModel(tiny_models.retinanet_detector(quantised=quantised), **NORMALISED)
    pixels = picture(1)
    expected = model.run(pixels)
    for variant in (pixels[None], pixels.astype(np.float32), pixels[None].astype(np.float32)):
        for a, b in zip(expected, model.run(variant), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_float_model_gets_exactly_the_normalised_pixels():
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    model = LiteRtModel(tiny_models.classifier(quantised=False), input_mean=mean, input_std=std)
    pixels = picture(2, tiny_models.CLASSIFIER_SIZE_PX)
    red, _, blue = ((pixels - np.array(mean)) / std).mean(axis=(0, 1))
    classes = model.run(pixels)[model.output_index("classes")][0]
    np.testing.assert_allclose(classes, [4 * red, 0, 0, 0, 4 * blue], rtol=1e-5)


def test_non_contiguous_pictures_are_read_right():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    pixels = picture(3)
    flipped = pixels[:, ::-1, ::-1]
    for a, b in zip(model.run(flipped), model.run(flipped.copy()), strict=True):
        np.testing.assert_array_equal(a, b)


def test_quantised_inputs_saturate_instead_of_wrapping():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    shape = model.input.shape[1:]
    white = model.run(np.full(shape, 255, np.uint8))
    black = model.run(np.zeros(shape, np.uint8))
    for value, expected in ((1e9, white), (np.inf, white), (-1e9, black), (-np.inf, black)):
        for a, b in zip(model.run(np.full(shape, value, np.float32)), expected, strict=True):
            # -128 is one step darker than black, which is stored as -127.
            np.testing.assert_allclose(a, b, atol=0.25)


def test_nan_counts_as_the_mean():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    shape = model.input.shape[1:]
    nan = model.run(np.full(shape, np.nan, np.float32))
    grey = model.run(np.full(shape, 127.5, np.float32))
    for a, b in zip(nan, grey, strict=True):
        np.testing.assert_array_equal(a, b)


def test_raw_outputs_stay_valid_and_compare_with_a_stored_threshold():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    raw = model.run_raw(picture(4))
    kept = [output.values.copy() for output in raw]
    model.run(255 - picture(4))
    for output, values in zip(raw, kept, strict=True):
        assert output.values.dtype == np.int8
        np.testing.assert_array_equal(output.values, values)
    logits = raw[0]
    for threshold in np.linspace(-9, 9, 41):
        np.testing.assert_array_equal(
            logits.values >= logits.spec.stored_threshold(threshold), logits.real() >= threshold
        )


def test_outputs_are_found_by_key_name_and_position():
    model = LiteRtModel(tiny_models.classifier(), **NORMALISED)
    assert model.output_index("votes") == 1
    assert model.output_index(2) == 2
    with pytest.raises(BundleError, match=r"no output 'stars'; outputs are 0: galaxy \(1, 1\)"):
        model.output_index("stars")


def test_a_wrong_shape_is_told():
    model = LiteRtModel(DETECTOR, **NORMALISED)
    with pytest.raises(ValueError, match=r"shape \(64, 65, 3\), expected \(1, 64, 64, 3\)"):
        model.run(np.zeros((64, 65, 3), np.uint8))


def test_the_standard_postprocess_operation_runs():
    model = LiteRtModel(tiny_models.postprocess_detector(), **NORMALISED)
    pixels = np.full((64, 64, 3), 20, np.uint8)
    pixels[20:36, 20:36] = 250
    boxes, classes, scores, count = model.run(pixels)
    assert [o.key for o in model.outputs] == ["boxes", "classes", "scores", "count"]
    # Rows from ``count`` on are memory that the operation never wrote.
    assert count[0] == 5
    np.testing.assert_allclose(boxes[0, 0] * 64, [18, 18, 38, 38], atol=1e-3)
    assert classes[0, 0] == 0
    assert scores[0, 0] > 0.99
    np.testing.assert_allclose(scores[0, 1:5], 0.403, atol=1e-3)


def test_instances_in_several_threads_do_not_disturb_each_other():
    pictures = [picture(seed) for seed in range(4)]
    expected = [LiteRtModel(DETECTOR, **NORMALISED).run(p)[0] for p in pictures]
    agreed = []

    def work(number):
        model = LiteRtModel(DETECTOR, **NORMALISED)
        answers = [model.run(pictures[number])[0] for _ in range(50)]
        agreed.append(all(np.array_equal(answer, expected[number]) for answer in answers))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agreed == [True] * 4


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes, no TFL3"),
        (b"\x1c\0\0\0TFL", "7 bytes, no TFL3"),
        (b"<html>not a model</html>", "no TFL3 identifier"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(100), "root table outside"),
        (b"\x1c\0\0\0TFL3" + bytes(1000), "refuses this model"),
        (DETECTOR[: len(DETECTOR) // 2], "refuses this model"),
    ],
)
def test_what_is_no_model_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=rf"broken\.tflite: .*{reason}"):
        LiteRtModel(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"gone\.tflite: cannot read the model \(No such file"):
        LiteRtModel(tmp_path / "gone.tflite")


# Damaged files can crash the native runtime, so these tests let a child process see them.


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_damaged_models_raise_nothing_but_bundle_errors(data):
    content = bytearray(DETECTOR)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(8, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BundleError):
        probe_model(bytes(content))


@pytest.mark.parametrize(
    ("position", "flip"),
    [
        (16, 16),  # LiteRT 2.3: segmentation fault in the flatbuffer's header
        (2587, 16),  # a tensor of 2**28 rows: hung while it was allocated
        (3167, 1),
    ],
)
def test_flips_known_to_crash_or_hang_the_runtime_become_errors(position, flip):
    content = bytearray(tiny_models.retinanet_detector())
    content[position] ^= flip
    with pytest.raises(BundleError, match=r"^flipped: "):
        probe_model(bytes(content), "flipped", timeout_s=20)


def test_random_bytes_behind_the_identifier_are_refused():
    rng = np.random.default_rng(0)
    for _ in range(3):
        body = rng.integers(0, 256, 4000, dtype=np.uint8).tobytes()
        with pytest.raises(BundleError, match=r"refuses this model|crashes"):
            probe_model(b"\x20\0\0\0TFL3" + body)


def test_a_tensor_of_absurd_size_is_refused_before_it_is_allocated():
    graph = tiny_models.Graph(quantised=False)
    image = graph.tensor("image", (1, 2**15, 2**15, 3), np.float32)
    graph.input = image
    content = graph.build({"out": graph.average_pool(image, 2, 2)})
    with pytest.raises(BundleError, match=r"tensor image has the shape \(1, 32768, 32768, 3\)"):
        LiteRtModel(content)


def test_a_model_is_tried_out_in_a_child_process():
    probe_model(DETECTOR)
    with pytest.raises(BundleError, match=r"^odd: the TensorFlow Lite runtime refuses"):
        probe_model(DETECTOR[:-600], "odd")


def test_a_child_that_crashes_or_hangs_becomes_an_error(monkeypatch):
    monkeypatch.setattr(litert, "_PROBE", "import os; os.abort()")
    with pytest.raises(BundleError, match=r"crashes the TensorFlow Lite runtime \(signal 6\)"):
        probe_model(DETECTOR)
    monkeypatch.setattr(litert, "_PROBE", "import threading; threading.Event().wait()")
    with pytest.raises(BundleError, match=r"takes more than 0.3 s"):
        probe_model(DETECTOR, timeout_s=0.3)
    monkeypatch.setattr(litert, "_PROBE", "raise OSError('no memory left')")
    with pytest.raises(BundleError, match=r"cannot be tried out \(OSError: no memory left\)"):
        probe_model(DETECTOR)


def test_a_missing_runtime_names_the_package_to_install(monkeypatch):
    monkeypatch.setattr(litert, "RUNTIMES", ("no_such_runtime.interpreter",))
    with pytest.raises(BundleError, match="pip install ai-edge-litert"):
        LiteRtModel(DETECTOR)


def test_bad_normalisation_is_refused():
    with pytest.raises(BundleError, match="input_std must be above 0"):
        LiteRtModel(DETECTOR, input_std=(1.0, 0.0, 1.0))
    with pytest.raises(BundleError, match="input_mean must be 3 finite numbers"):
        LiteRtModel(DETECTOR, input_mean=(1.0, 2.0))
    with pytest.raises(ValueError, match="threads"):
        LiteRtModel(DETECTOR, threads=0)
