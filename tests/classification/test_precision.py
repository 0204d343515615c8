import keras
import pytest

from classification.precision import choose_precision, device_name, dtype_policy, precision_of_gpu
from edge_runtime.errors import ConfigError


def test_a_named_precision_is_taken() -> None:
    assert choose_precision("mixed_bfloat16") == "mixed_bfloat16"
    with pytest.raises(ConfigError, match="unknown precision 'half'; known: auto, float32"):
        choose_precision("half")


def test_gpus_train_in_bfloat16_where_all_of_them_can() -> None:
    assert precision_of_gpu([8.0, 9.0]) == "mixed_bfloat16"
    assert precision_of_gpu([7.5, 9.0]) == "mixed_float16"
    assert precision_of_gpu([]) == "mixed_float16"


def test_a_policy_holds_for_its_block_alone() -> None:
    with dtype_policy("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_the_device_has_a_name() -> None:
    assert device_name()
