"""Commands of other installed packages, found by entry point and loaded when called.

A name with a dot is a command in a group: ``data.convert`` is ``galaxy-edge
data convert``. The group may be one that exists, as ``evaluate`` does.
"""

from __future__ import annotations

import ast
import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from edge_runtime.errors import GalaxyEdgeError

GROUP = "galaxy_edge.commands"
"""Entry-point group: ``name = "module:object [extra]"``.

The object is a ``typer.Typer`` or a function with typer annotations; the extra,
where there is one, is named to the user when an import of the module fails.
The first line of its docstring is its line in the list of commands.
"""

_OWN_PACKAGES = ("edge_runtime", "detection", "classification", "tuning", "annotations")


class PluginGroup(TyperGroup):
    """A command group that also offers the commands of the entry-point group."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = {name.partition(".")[0] for name in _plugins()}
        return [*super().list_commands(ctx), *sorted(names - set(self.commands))]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        known: Any = super().get_command(ctx, cmd_name)
        plugins = _plugins()
        inner = {
            name.partition(".")[2]: LazyCommand(plugins[name])
            for name in sorted(plugins)
            if name.startswith(f"{cmd_name}.")
        }
        if isinstance(known, TyperGroup):
            known.commands = {**inner, **known.commands}
            return known
        if known is not None:
            return known  # type: ignore[no-any-return]
        if cmd_name in plugins:
            return LazyCommand(plugins[cmd_name])
        if not inner:
            return None
        return TyperGroup(
            name=cmd_name,
            commands={**inner},
            help=f"Commands: {', '.join(inner)}.",
            no_args_is_help=True,
            rich_markup_mode=None,
        )


def _plugins() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP)}


class LazyCommand(TyperCommand):
    """A command that loads its module when it is called, not when it is listed."""

    def __init__(self, entry_point: EntryPoint) -> None:
        needs = f" (needs the {extra_of(entry_point)} extra)" if extra_of(entry_point) else ""
        general = f"Command of {entry_point.module.partition('.')[0]}{needs}."
        super().__init__(
            entry_point.name.rpartition(".")[2],
            callback=None,
            help=docstring_summary(entry_point) or general,
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
            rich_markup_mode=None,
        )
        self.entry_point = entry_point

    def invoke(self, ctx: Any) -> object:
        command = load_command(self.entry_point)
        with command.make_context(self.name, list(ctx.args), parent=ctx.parent) as inner:
            try:
                return command.invoke(inner)
            except ModuleNotFoundError as error:
                if explained := _missing_library(self.entry_point, error):
                    raise explained from error
                raise


def extra_of(entry_point: EntryPoint) -> str:
    """Return the extra an entry point names, or an empty string."""
    return entry_point.extras[0] if entry_point.extras else ""


def docstring_summary(entry_point: EntryPoint) -> str:
    """First line of a command's docstring, read from its source without importing it.

    Empty where there is no source file or no docstring.
    """
    top, *rest = entry_point.module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return ""
    path = Path(spec.origin)
    if rest:
        path = path.parent.joinpath(*rest).with_suffix(".py")
        if not path.is_file():
            path = path.with_suffix("") / "__init__.py"
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError):
        return ""  # calling the command says what is wrong
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == entry_point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def load_command(entry_point: EntryPoint) -> TyperCommand | TyperGroup:
    """Import a command.

    Raises
    ------
    GalaxyEdgeError
        A library that the command needs is not installed; the message says
        which extra to install.
    """
    try:
        loaded = entry_point.load()
    except ModuleNotFoundError as error:
        if explained := _missing_library(entry_point, error):
            raise explained from error
        raise
    if not isinstance(loaded, typer.Typer):
        function = loaded
        loaded = typer.Typer(rich_markup_mode=None, add_completion=False)
        loaded.command(entry_point.name.rpartition(".")[2])(function)
    return get_command(loaded)  # type: ignore[return-value]


def _missing_library(entry_point: EntryPoint, error: ModuleNotFoundError) -> GalaxyEdgeError | None:
    """Return the error for the user, or None where the module is one of this project."""
    missing = (error.name or "").partition(".")[0]
    if not missing or missing in _OWN_PACKAGES:
        return None
    extra = extra_of(entry_point)
    package = f"galaxy-edge[{extra}]" if extra else missing
    name = entry_point.name.replace(".", " ")
    return GalaxyEdgeError(
        f"'galaxy-edge {name}' needs {missing}, which is not installed; "
        f"install it with: pip install '{package}'"
    )
