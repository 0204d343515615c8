"""JSON files of which it is known on what line each entry of a list begins."""

from __future__ import annotations

import bisect
import json
import re
from pathlib import Path
from typing import Any

from annotations.formats.dataset import AnnotationError

_SPACE = re.compile(r"[ \t\n\r]*")
_LARGEST_FILE_BYTES = 2**31


class LocatedJson:
    """The object in a JSON file and the lines of its lists' entries.

    Parameters
    ----------
    path : Path
        Holds one object at the top.

    Attributes
    ----------
    path : Path
    content : dict

    Raises
    ------
    AnnotationError
        The file cannot be read or is not such JSON; the message names the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {}
        self._starts: dict[str, list[int]] = {}
        self._decoder = json.JSONDecoder()
        try:
            if path.stat().st_size > _LARGEST_FILE_BYTES:
                raise AnnotationError(f"{path}: larger than {_LARGEST_FILE_BYTES >> 30} GiB")
            self._text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise AnnotationError(f"{path}: not a text file ({error.reason})") from error
        self._line_ends = [found.start() for found in re.finditer("\n", self._text)]
        try:
            self._read_object()
        except json.JSONDecodeError as error:
            raise AnnotationError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from error
        except RecursionError as error:
            raise AnnotationError(f"{path}: not valid JSON (nested too deeply)") from error

    def line(self, key: str, index: int) -> str:
        """Place of an entry of the list under a key: ``"line 12"``."""
        return f"line {bisect.bisect_left(self._line_ends, self._starts[key][index]) + 1}"

    def entries(self, key: str) -> list[dict[str, Any]]:
        """List of objects under a key.

        Raises
        ------
        AnnotationError
            There is no such list, or an entry of it is no object.
        """
        entries = self.content.get(key)
        if not isinstance(entries, list):
            raise AnnotationError(f"{self.path}: has no list {key!r}")
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                place = self.line(key, index).removeprefix("line ")
                raise AnnotationError(f"{self.path}:{place}: entry of {key!r} is no object")
        return entries

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _expect(self, marks: str, at: int) -> str:
        mark = self._text[at : at + 1]
        if not mark or mark not in marks:
            wanted = " or ".join(repr(each) for each in marks)
            raise json.JSONDecodeError(f"expecting {wanted}", self._text, at)
        return mark

    def _value(self, at: int) -> tuple[Any, int]:
        return self._decoder.raw_decode(self._text, at)

    def _read_object(self) -> None:
        at = self._skip(0)
        self._expect("{", at)
        at = self._skip(at + 1)
        if self._text[at : at + 1] == "}":
            at += 1
        else:
            mark = ","
            while mark == ",":
                self._expect('"', at)
                key, at = self._value(at)
                at = self._skip(at)
                self._expect(":", at)
                at = self._skip(at + 1)
                if self._text[at : at + 1] == "[":
                    self.content[key], at = self._read_list(key, at)
                else:
                    self.content[key], at = self._value(at)
                at = self._skip(at)
                mark = self._expect(",}", at)
                at = self._skip(at + 1)
        if self._skip(at) != len(self._text):
            raise json.JSONDecodeError("more after the object", self._text, at)

    def _read_list(self, key: str, at: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        starts = self._starts[key] = []
        at = self._skip(at + 1)
        if self._text[at : at + 1] == "]":
            return values, at + 1
        mark = ","
        while mark == ",":
            starts.append(at)
            value, at = self._value(at)
            values.append(value)
            at = self._skip(at)
            mark = self._expect(",]", at)
            at = self._skip(at + 1)
        return values, at
