"""``galaxy-edge bench``: how fast this machine is."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption, JsonOption, ThreadsOption

_LARGEST_SIDE_PX = 20_000


def bench(
    resolution: Annotated[
        str, typer.Option("--resolution", help="Size of the frames, WIDTHxHEIGHT in pixels.")
    ] = "1920x1080",
    bundle: BundleOption = None,
    threads: ThreadsOption = 2,
    json: JsonOption = None,
) -> None:
    """Measure frame rate, time of each stage, memory and cold start.

    Takes a minute or two; other programs on the machine spoil the numbers.

    \b
    Example:
      galaxy-edge bench --resolution 1920x1080 --json bench.json
    """
    width, height = parse_resolution(resolution)
    from edge_runtime.benchmark import run_bench
    from edge_runtime.cli.output import log_to_stderr, write_json

    log_to_stderr("info")
    write_json(run_bench((width, height), bundle_path=bundle, threads=threads), json)


def parse_resolution(text: str) -> tuple[int, int]:
    """Return width and height in pixels of a text such as ``1920x1080``.

    Raises
    ------
    typer.BadParameter
        The text is something else, or a side is not 32 to 20,000 pixels.
    """
    found = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text.strip())
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(32 <= side <= _LARGEST_SIDE_PX for side in sides):
        raise typer.BadParameter(
            f"{text!r} is not WIDTHxHEIGHT with sides of 32 to {_LARGEST_SIDE_PX} pixels, "
            "for example 1920x1080"
        )
    return sides
