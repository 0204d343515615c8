"""Commands of other installed packages, found by entry point and loaded when called."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from edge_runtime.errors import GalaxyEdgeError

GROUP = "galaxy_edge.commands"
"""Entry-point group: ``name = "module:object [extra]"``.

The object is a ``typer.Typer`` or a function with typer annotations; the extra,
where there is one, is named to the user when an import of the module fails.
"""

_OWN_PACKAGES = ("edge_runtime", "detection", "classification", "tuning", "annotations")


class PluginGroup(TyperGroup):
    """A command group that also offers the commands of the entry-point group."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(set(self._plugins()) - set(self.commands))]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        known = super().get_command(ctx, cmd_name)
        if known is not None:
            return known  # type: ignore[return-value]
        entry_point = self._plugins().get(cmd_name)
        if entry_point is None:
            return None
        return LazyCommand(entry_point)

    @staticmethod
    def _plugins() -> dict[str, EntryPoint]:
        return {found.name: found for found in entry_points(group=GROUP)}


class LazyCommand(TyperCommand):
    """A command that loads its module when it is called, not when it is listed."""

    def __init__(self, entry_point: EntryPoint) -> None:
        needs = f" (needs the {extra_of(entry_point)} extra)" if extra_of(entry_point) else ""
        super().__init__(
            entry_point.name,
            callback=None,
            help=f"Command of {entry_point.module.partition('.')[0]}{needs}.",
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
            rich_markup_mode=None,
        )
        self.entry_point = entry_point

    def invoke(self, ctx: Any) -> object:
        command = load_command(self.entry_point)
        with command.make_context(self.name, list(ctx.args), parent=ctx.parent) as inner:
            return command.invoke(inner)


def extra_of(entry_point: EntryPoint) -> str:
    """Return the extra an entry point names, or an empty string."""
    return entry_point.extras[0] if entry_point.extras else ""


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
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in _OWN_PACKAGES:
            raise
        extra = extra_of(entry_point)
        package = f"galaxy-edge[{extra}]" if extra else missing
        raise GalaxyEdgeError(
            f"'galaxy-edge {entry_point.name}' needs {missing}, which is not installed; "
            f"install it with: pip install '{package}'"
        ) from error
    if not isinstance(loaded, typer.Typer):
        function = loaded
        loaded = typer.Typer(rich_markup_mode=None, add_completion=False)
        loaded.command(entry_point.name)(function)
    return get_command(loaded)  # type: ignore[return-value]
