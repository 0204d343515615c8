"""The table of a detector's variants, for programs and for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from detection.parity import Parity
from detection.variants import (
    CALL_THREADS,
    FRAME_SIZE,
    FRAME_THREADS,
    Quality,
    Timing,
    Variant,
)

_COLUMNS = (
    "variant",
    "size, MB",
    "call, 1 thread",
    "2 threads",
    "whole frame",
    "scores, 95 % within",
    "boxes kept",
    "same box",
    "recall 0.3",
    "recall 0.5",
    "AP50",
)


def table(
    variants: Sequence[Variant],
    timings: Mapping[str, Timing],
    parities: Mapping[str, Parity],
    qualities: Mapping[str, Quality],
) -> dict[str, Any]:
    """The table as JSON types, latencies also as ratios to the fastest variant."""
    fastest = {t: min(timing.call_ms[t] for timing in timings.values()) for t in CALL_THREADS}
    fastest_frame = min(timing.frame_ms for timing in timings.values())
    rows = []
    for variant in variants:
        timing = timings[variant.name]
        row: dict[str, Any] = {"variant": variant.name, "size_bytes": len(variant.content)}
        for threads in CALL_THREADS:
            row[f"call_ms_{threads}_threads"] = round(timing.call_ms[threads], 3)
            row[f"call_ratio_{threads}_threads"] = round(
                timing.call_ms[threads] / fastest[threads], 3
            )
        row["frame_ms"] = round(timing.frame_ms, 2)
        row["frame_ratio"] = round(timing.frame_ms / fastest_frame, 3)
        row["parity"] = asdict(parities[variant.name]) if variant.name in parities else None
        row["quality"] = asdict(qualities[variant.name]) if variant.name in qualities else None
        rows.append(row)
    return {
        "variants": rows,
        "frame": {"width_px": FRAME_SIZE[0], "height_px": FRAME_SIZE[1]},
        "views": next(iter(timings.values())).views,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
    }


def markdown(content: Mapping[str, Any]) -> str:
    """The table for people."""
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|" + "---|" * len(_COLUMNS),
    ]
    for row in content["variants"]:
        cells = [row["variant"], f"{row['size_bytes'] / 1e6:.2f}"]
        cells += [
            f"{row[f'call_ms_{t}_threads']:.2f} ms ({row[f'call_ratio_{t}_threads']:.2f})"
            for t in CALL_THREADS
        ]
        cells.append(f"{row['frame_ms']:.1f} ms ({row['frame_ratio']:.2f})")
        parity, quality = row["parity"], row["quality"]
        cells += (
            [
                f"{parity['score_difference_p95']:.4f}",
                f"{parity['kept']:.3f}",
                f"{parity['same_box']:.3f}",
            ]
            if parity
            else ["", "", ""]
        )
        cells += (
            [f"{quality[key]:.3f}" for key in ("recall_iou30", "recall_iou50", "ap50")]
            if quality
            else ["", "", ""]
        )
        lines.append("| " + " | ".join(cells) + " |")
    frame = content["frame"]
    lines.append("")
    lines.append(
        f"Latencies are medians, in brackets the ratio to the fastest variant of the same run, "
        f"on {content['machine']} (load {content['load']}). A whole frame is {frame['width_px']} x "
        f"{frame['height_px']} in {content['views']} views, {FRAME_THREADS} at a time, with "
        "decoding and merging. Parity is with the network before conversion."
    )
    qualities = [row["quality"] for row in content["variants"] if row["quality"]]
    if qualities:
        lines.append(
            f"Recall is at score {qualities[0]['threshold']:g}, on {qualities[0]['frames']} "
            f"annotated frames with {qualities[0]['galaxies']} galaxies, without the veto."
        )
    if content.get("representative"):
        lines.append(f"The ranges of int8 come from {content['representative']}.")
    return "\n".join(lines) + "\n"
