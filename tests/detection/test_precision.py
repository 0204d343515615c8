"""16 bits are used where a graphics card is fast at them."""

from __future__ import annotations

import pytest

from edge_runtime.errors import ConfigError

pytest.importorskip("tensorflow", reason="workstation extra not installed")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("choice", "capability", "expected"),
    [
        ("auto", None, "off"),
        ("auto", (6, 1), "off"),
        ("auto", (7, 5), "float16"),
        ("auto", (8, 0), "bfloat16"),
        ("auto", (9, 0), "bfloat16"),
        ("off", (9, 0), "off"),
        ("bfloat16", None, "bfloat16"),
        ("float16", (9, 0), "float16"),
    ],
)
def test_the_format_follows_from_choice_and_card(choice, capability, expected):
    from detection.precision import Device, precision_for

    assert precision_for(choice, Device("card", capability)) == expected


def test_an_unknown_choice_is_refused():
    from detection.precision import Device, precision_for

    with pytest.raises(ConfigError, match="--mixed-precision int4: use auto, off"):
        precision_for("int4", Device("CPU", None))


def test_the_policy_is_put_back():
    import tf_keras

    from detection.precision import computing_in

    def fails() -> None:
        with computing_in("bfloat16"):
            assert tf_keras.mixed_precision.global_policy().name == "mixed_bfloat16"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert tf_keras.mixed_precision.global_policy().name == "float32"
