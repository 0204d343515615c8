"""What ``tomllib`` leaves out: writing values, and the lines keys stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator


def toml_value(value: object) -> str:
    """Return a bool, number, string or path as a TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\u{ord(c.group()):04x}", escaped) + '"'


_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)
_KEY_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def key_lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the dotted path of every table and key of a TOML text and its line, from 1.

    Keys inside inline tables are not listed; their table is.
    """
    table: tuple[str, ...] = ()
    open_quote: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if open_quote is not None:
            if open_quote in line:
                open_quote = None
            continue
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if key is not None:
            path = table + _key_parts(key.group(1))
            for depth in range(len(table) + 1, len(path)):
                yield path[:depth], number
            yield path, number
        elif header is not None:
            table = _key_parts(header.group(1))
            yield table, number
        for quote in ('"""', "'''"):
            if line.count(quote) % 2:
                open_quote = quote


def _key_parts(dotted: str) -> tuple[str, ...]:
    return tuple("".join(found) for found in _KEY_PART.findall(dotted))
