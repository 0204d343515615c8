"""CSV tables read row by row: plain, gzipped, or inside a zip file."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.pictures import open_zip


@dataclass(frozen=True, slots=True)
class TablePath:
    """Where a table lies.

    Attributes
    ----------
    path : Path
        CSV file, gzipped CSV file, or a zip file.
    member : str
        Name of the table in the zip file; empty for other files.
    """

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)


class _Hashing(io.RawIOBase):
    """Passes bytes on and adds them to a hash."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self.digest.update(data)
        return len(data)


@dataclass(slots=True)
class Table:
    """A CSV file that is open, and read once from top to bottom.

    Used in a ``with`` block.

    Attributes
    ----------
    where : TablePath
    header : tuple of str
        Names of the columns.
    """

    where: TablePath
    header: tuple[str, ...] = ()
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _raw: _Hashing | None = field(default=None, repr=False)
    _text: io.TextIOWrapper | None = field(default=None, repr=False)

    def __enter__(self) -> Table:
        try:
            self._raw = _Hashing(self._open())
            self._text = io.TextIOWrapper(
                io.BufferedReader(self._raw, 2**16), encoding="utf-8-sig", newline=""
            )
            self.header = tuple(next(self._lines(), (0, []))[1])
        except BaseException:
            self._stack.close()
            raise
        if not self.header:
            self._stack.close()
            raise AnnotationError(f"{self.where}: is empty")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def digest(self) -> str:
        """SHA-256 of what has been read so far; of the file after the last row."""
        assert self._raw is not None
        return self._raw.digest.hexdigest()

    def places(self, columns: Sequence[str]) -> list[int]:
        """Where columns are, by their names in any case.

        Raises
        ------
        AnnotationError
            One is missing.
        """
        at = {name.strip().casefold(): place for place, name in enumerate(self.header)}
        missing = [name for name in columns if name.casefold() not in at]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise AnnotationError(
                f"{self.where}: line 1: missing column{'s' if len(missing) > 1 else ''} "
                f"{', '.join(missing[:3])}{more}"
            )
        return [at[name.casefold()] for name in columns]

    def rows(
        self, columns: Sequence[str], problems: ProblemList
    ) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row.

        Parameters
        ----------
        columns : sequence of str
            The cells to return, in this order, without spaces around them.
        problems : ProblemList
            Takes an error for each row of another length, which is passed over.

        Raises
        ------
        AnnotationError
            A column is missing, or the file is damaged.
        """
        places = self.places(columns)
        for line, cells in self._lines():
            if not cells:
                continue  # an empty line
            if len(cells) != len(self.header):
                problems.error(
                    Path(str(self.where)),
                    f"line {line}",
                    f"has {len(cells)} cells where the header has {len(self.header)}",
                )
                continue
            yield line, [cells[place].strip() for place in places]

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        assert self._text is not None
        reader = csv.reader(self._text)
        first = 1 if self.header else 0
        try:
            for cells in reader:
                yield reader.line_num + first, cells
        except UnicodeDecodeError as error:
            raise AnnotationError(
                f"{self.where}: is not UTF-8 text; save it as UTF-8 CSV"
            ) from error
        except csv.Error as error:
            raise AnnotationError(
                f"{self.where}: line {reader.line_num + first}: is no CSV ({error})"
            ) from error
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise AnnotationError(f"{self.where}: damaged ({error}); download it again") from error

    def _open(self) -> IO[bytes]:
        path, member = self.where.path, self.where.member
        try:
            if member:
                archive = self._stack.enter_context(open_zip(path))
                return self._stack.enter_context(archive.open(member))
            if path.suffix.lower() == ".gz":
                return self._stack.enter_context(gzip.open(path, "rb"))
            return self._stack.enter_context(path.open("rb"))
        except OSError as error:
            raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise AnnotationError(f"{self.where}: cannot be read ({error})") from error


def header_of(path: Path) -> tuple[str, ...]:
    """Names of the columns of a CSV file; empty where it cannot be read as one."""
    try:
        with Table(TablePath(path)) as table:
            return table.header
    except AnnotationError:
        return ()


def table_in_zip(path: Path, name: str) -> TablePath | None:
    """Find a table in a zip file by its name, in whichever folder; None where there is none."""
    with open_zip(path) as archive:
        found = [
            member
            for member in archive.namelist()
            if member.rsplit("/", 1)[-1] == name and not member.startswith("__MACOSX/")
        ]
    return TablePath(path, min(found, key=len)) if found else None
