"""The root of the command line: all commands, and how errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from edge_runtime import __version__
from edge_runtime.cli import bench, bundle, config, devices, evaluate, process, run
from edge_runtime.cli.plugins import PluginGroup
from edge_runtime.errors import ConfigError, GalaxyEdgeError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    cls=PluginGroup,
    help="Find galaxies in a telescope's camera feed and say what kind they are.\n\n"
    "\b\nExample:\n  galaxy-edge run                  observe a simulated sky\n"
    "  galaxy-edge process night1/ --output results",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"galaxy-edge {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    del version


app.command("run")(run.run)
app.command("process")(process.process)
app.add_typer(evaluate.app, name="evaluate")
app.command("bench")(bench.bench)
app.add_typer(bundle.app, name="bundle")
app.add_typer(config.app, name="config")
app.command("devices")(devices.devices)


def main() -> NoReturn:
    """Run the command line and end the process with its exit code.

    0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted. Errors
    meant for the user are one line (or one line for each problem) on standard
    error; anything else is a bug and shows its traceback.
    """
    try:
        app(prog_name="galaxy-edge")
    except GalaxyEdgeError as error:
        for line in str(error).splitlines() or [type(error).__name__]:
            typer.echo(f"error: {line}", err=True)
        sys.exit(EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(0)
