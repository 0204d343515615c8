"""The table says what was measured, as ratios to the fastest of the same run."""

from __future__ import annotations

import pytest

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = pytest.mark.slow  # imports the Model Garden


@pytest.fixture(scope="module")
def content():
    from detection.parity import Parity
    from detection.variant_table import table
    from detection.variants import Quality, Timing, Variant

    made = [Variant("float32", b"f" * 4_000_000, {}), Variant("int8", b"i" * 1_000_000, {})]
    timings = {
        "float32": Timing({1: 12.0, 2: 8.0}, 90.0, 9),
        "int8": Timing({1: 4.0, 2: 4.0}, 30.0, 9),
    }
    parities = {"int8": Parity(60, 1.0, 0.1, 0.0, 0.01, 0.0234, 0.1, 80, 0.975, 0.9, 0.05)}
    qualities = {"int8": Quality(0.91, 0.82, 0.7, 0.765, 0.3, 61, 106)}
    return table(made, timings, parities, qualities) | {"representative": "240 pictures"}


def test_latencies_are_also_ratios_to_the_fastest(content):
    slow, fast = content["variants"]
    assert (slow["call_ms_1_threads"], slow["call_ratio_1_threads"]) == (12.0, 3.0)
    assert slow["call_ratio_2_threads"] == 2.0
    assert (slow["frame_ms"], slow["frame_ratio"]) == (90.0, 3.0)
    assert {fast[f"{key}_ratio"] for key in ("frame",)} == {1.0}


def test_what_was_not_measured_is_empty(content):
    slow, fast = content["variants"]
    assert slow["parity"] is None
    assert slow["quality"] is None
    assert fast["parity"]["kept"] == 0.975
    assert fast["quality"]["galaxies"] == 106


def test_people_read_the_same_numbers(content):
    from detection.variant_table import markdown

    lines = markdown(content).splitlines()
    assert lines[2] == (
        "| float32 | 4.00 | 12.00 ms (3.00) | 8.00 ms (2.00) | 90.0 ms (3.00) |  |  |  |  |  |  |"
    )
    assert lines[3] == (
        "| int8 | 1.00 | 4.00 ms (1.00) | 4.00 ms (1.00) | 30.0 ms (1.00) "
        "| 0.0234 | 0.975 | 0.900 | 0.910 | 0.820 | 0.765 |"
    )
    text = "\n".join(lines)
    assert "1920 x 1080 in 9 views" in text
    assert "at score 0.3, on 61 annotated frames with 106 galaxies" in text
    assert "ranges of int8 come from 240 pictures" in text
