"""The part of ``galaxy-edge data inspect`` for pictures of single galaxies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from annotations.formats.problems import Problem

if TYPE_CHECKING:
    from annotations.galaxy_inspection import GalaxySummary


def inspect_galaxy_set(
    source: Path, format_name: str, html: Path | None, json: Path | None, pairs: str
) -> None:
    """Read, check and count a set; exit code 1 where there are errors.

    Parameters
    ----------
    source : Path
    format_name : str
        One of ``GALAXY_FORMATS``.
    html, json : Path, optional
        Files to write.
    pairs : str
        Votes to show against each other; empty for the usual ones.
    """
    from annotations.formats.problems import ProblemList
    from annotations.galaxies.registry import galaxy_format, read_galaxies
    from annotations.galaxy_charts import DEFAULT_PAIRS, parse_pairs
    from annotations.galaxy_inspection import inspect_galaxies
    from edge_runtime.cli.output import ProgressBar, write_json

    columns = parse_pairs(pairs) if pairs else DEFAULT_PAIRS
    problems = ProblemList()
    with ProgressBar("reading the labels"):
        galaxies = read_galaxies(source, problems, format_name=format_name)
    with ProgressBar("checking pictures") as progress:
        summary = inspect_galaxies(galaxies, source, problems, progress.update)
    if json is not None:
        write_json(
            {
                "source": str(source),
                "format": format_name,
                **summary.as_json(),
                "problems": [_as_json(problem) for problem in problems.found],
            },
            json,
        )
    if html is not None:
        from annotations.galaxy_inspection_page import write_galaxy_page

        with ProgressBar("drawing the page"):
            write_galaxy_page(html, source, galaxies, summary, problems.found, pairs=columns)
        typer.echo(f"wrote {html}", err=True)
    _print_summary(f"{source} ({galaxy_format(format_name).title})", summary)
    for problem in problems.found:
        typer.echo(str(problem))
    errors = len(problems.errors)
    typer.echo(f"{errors} errors, {len(problems.found) - errors} warnings")
    if errors:
        raise typer.Exit(1)


def _as_json(problem: Problem) -> dict[str, str]:
    return {
        "severity": problem.severity,
        "path": str(problem.path),
        "place": problem.place,
        "message": problem.message,
    }


def _print_summary(title: str, summary: GalaxySummary) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(title), soft_wrap=True)
    facts = Table(show_header=False)
    facts.add_row("galaxies", str(summary.galaxies))
    facts.add_row("with the 37 votes", str(summary.votes.galaxies if summary.votes else 0))
    for kind, counts in (("source", summary.by_source), ("split", summary.by_split)):
        for name, count in counts.items():
            facts.add_row(Text(f"{kind} {name}"), str(count))
    console.print(facts)
    for scheme in summary.schemes:
        table = Table(title=scheme.name, title_justify="left")
        table.add_column("class")
        for split in (*summary.splits, "all"):
            table.add_column(split, justify="right")
        for label, parts in scheme.counts.items():
            cells = (*parts.values(), scheme.totals[label])
            table.add_row(Text(label), *(str(count) for count in cells))
        table.add_section()
        table.add_row("no class", *[""] * len(summary.splits), str(scheme.unknown))
        console.print(table)
