"""``galaxy-edge config``: write, check and show configurations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Write, check and show configuration files.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a commented configuration file with every key at its default.

    \b
    Example:
      galaxy-edge config init galaxy-edge.toml
    """
    from edge_runtime.config import default_config_toml
    from edge_runtime.errors import ConfigError

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(default_config_toml())
    except FileExistsError as error:
        raise ConfigError(f"{path}: exists already; --force replaces it") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error
    typer.echo(f"wrote {path}", err=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="File to check.")],
) -> None:
    """Check a configuration file; exit code 2 and the line where it is wrong.

    \b
    Example:
      galaxy-edge config check galaxy-edge.toml
    """
    from edge_runtime.config import load_config
    from edge_runtime.daemon import check_config

    check_config(load_config(path, os.environ))
    typer.echo(f"{path}: correct")


@app.command()
def show(
    path: Annotated[
        Path | None, typer.Argument(help="File to read; left out, the defaults.")
    ] = None,
) -> None:
    """Show the configuration in effect as TOML, without the password.

    \b
    Example:
      galaxy-edge config show galaxy-edge.toml
    """
    from edge_runtime.config import config_toml, load_config

    typer.echo(config_toml(load_config(path, os.environ)), nl=False)
