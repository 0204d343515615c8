"""``galaxy-edge explain detection``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption, ThreadsOption


def explain_detection(
    image: Annotated[Path, typer.Argument(help="Picture or FITS file.")],
    output: Annotated[
        Path, typer.Option("--output", help="File to write: a page (.html) or a picture (.png).")
    ],
    bundle: BundleOption = None,
    box: Annotated[
        int | None,
        typer.Option("--box", min=1, help="Number of the box, the best score is 1; default 1."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Instead: X,Y in pixels; the smallest box there.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="occlusion or rise; repeatable; left out, both."),
    ] = None,
    masks: Annotated[
        int, typer.Option("--masks", min=10, max=100_000, help="Random masks of rise.")
    ] = 800,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random masks.")] = 0,
    threads: ThreadsOption = 2,
) -> None:
    """Show which pixels the detector needs to find a galaxy.

    Asks the int8 detector on the view (whole frame or tile) that found the box, with parts
    of it covered by empty sky. Takes about ten seconds.

    \b
    Examples:
      galaxy-edge explain detection m51.fits --output why.html
      galaxy-edge explain detection m51.jpg --at 412,300 --method rise --output why.png
    """
    from edge_runtime.cli.output import ProgressBar, log_to_stderr

    log_to_stderr("warning")
    place = _place(at)
    wanted = _methods(method)
    if box is not None and place is not None:
        raise typer.BadParameter("--box and --at: say one of them")
    from detection.explain.found_boxes import find_boxes
    from detection.explain.page import check_output, write_explanation
    from detection.explain.saliency import occlusion_saliency, opened_view, rise_saliency
    from edge_runtime.bundle.loading import load_bundle
    from edge_runtime.pictures import read_picture

    check_output(output)
    opened = load_bundle(bundle)
    boxes = find_boxes(opened, read_picture(image), image.name, threads)
    found = boxes.at(*place) if place is not None else boxes.numbered(box or 1)
    maps = []
    with opened_view(opened, boxes.picture, found, threads) as seen:
        if "occlusion" in wanted:
            with ProgressBar("covering patches") as bar:
                maps.append(occlusion_saliency(seen, progress=bar.update))
        if "rise" in wanted:
            with ProgressBar("random masks") as bar:
                maps.append(rise_saliency(seen, masks=masks, seed=seed, progress=bar.update))
        write_explanation(output, opened, boxes, found, seen, maps)
    typer.echo(f"{image.name}: explained {found}; wrote {output}", err=True)


def _place(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    parts = text.split(",")
    try:
        x, y = (float(part) for part in parts)
    except ValueError as error:
        raise typer.BadParameter(f"--at {text!r} is not X,Y in pixels, such as 412,300") from error
    return x, y


def _methods(names: list[str] | None) -> tuple[str, ...]:
    known = ("occlusion", "rise")
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"--method {unknown[0]!r} is not known; known: {', '.join(known)}")
    return tuple(names) if names else known
