"""Bundles in .zip files, which are hostile until checked."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from edge_runtime.bundle.schema import SELFTEST_FOLDER, check_file_name
from edge_runtime.errors import BundleError

MAX_ENTRIES = 300
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 128 * 1024 * 1024
MAX_DIRECTORY_BYTES = 256 * 1024

_END_RECORD = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_MAX_COMMENT_BYTES = 65535
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_ENCRYPTED = 0x1
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # also NotImplementedError: a compression that zipfile lacks
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
)


def read_archive(path: Path) -> dict[str, bytes]:
    """Read every file of a zipped bundle into memory; nothing is written.

    Parameters
    ----------
    path : Path
        The ``.zip`` file. Its files lie at the top or in ``selftest/``.

    Returns
    -------
    dict of str to bytes
        Content by name.

    Raises
    ------
    BundleError
        Not a zip file, damaged, encrypted, too large, declared larger or
        smaller than it is, with too many entries, duplicate names, links or
        names that lead elsewhere.
    """
    try:
        with path.open("rb") as stream:
            _check_directory_size(stream.fileno(), path)
            with zipfile.ZipFile(stream) as archive:
                return _read_entries(archive, path)
    except OSError as error:
        raise BundleError(f"{path}: cannot read the bundle ({error.strerror or error})") from error
    except _ZIP_ERRORS as error:
        raise BundleError(f"{path}: not a zip file, or damaged ({str(error)[:200]})") from error


def extract_archive(path: Path, target: Path) -> Path:
    """Unpack a zipped bundle into a new folder that appears complete or not at all.

    Parameters
    ----------
    path : Path
        The ``.zip`` file.
    target : Path
        Folder to create; must not exist.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    BundleError
        As for ``read_archive``; or the target exists or cannot be written.
    """
    contents = read_archive(path)
    write_folder(contents, target)
    return target


def write_folder(contents: Mapping[str, bytes], target: Path) -> None:
    """Write files into a new folder, readable by the owner only until complete.

    Raises
    ------
    BundleError
        The target exists, cannot be written, or a name is not allowed.
    """
    try:
        for name in contents:
            check_file_name(name)
    except ValueError as error:
        raise BundleError(f"{target}: {error}") from error
    if target.exists() or target.is_symlink():
        raise BundleError(f"{target}: exists already; choose another folder or remove it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for name, content in sorted(contents.items()):
                file = scratch / name
                file.parent.mkdir(exist_ok=True)
                with file.open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            scratch.chmod(0o755)
            scratch.rename(target)
            _sync_folder(target.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise BundleError(
            f"{target}: cannot write the bundle ({error.strerror or error})"
        ) from error


def write_archive(contents: Mapping[str, bytes], path: Path) -> None:
    """Write files into a zip; the same files give the same bytes.

    Raises
    ------
    BundleError
        The file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in sorted(contents.items()):
                entry = zipfile.ZipInfo(check_file_name(name), _FIXED_TIME)
                entry.create_system = 3
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        os.replace(scratch, path)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot write the bundle ({error})") from error
    finally:
        scratch.unlink(missing_ok=True)


def _check_directory_size(descriptor: int, path: Path) -> None:
    """Refuse a table of contents that would fill the memory when it is parsed."""
    size = os.fstat(descriptor).st_size
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise BundleError(f"{path}: not a regular file")
    if size > MAX_TOTAL_BYTES + MAX_DIRECTORY_BYTES:
        raise BundleError(f"{path}: {size} bytes are too large for a bundle")
    length = min(size, _END_RECORD_BYTES + _MAX_COMMENT_BYTES)
    tail = os.pread(descriptor, length, size - length)
    # zipfile looks for a record without a comment first, then for the last one.
    start = len(tail) - _END_RECORD_BYTES
    if start < 0 or not tail.startswith(_END_RECORD, start) or tail[-2:] != b"\0\0":
        start = tail.rfind(_END_RECORD)
    if start < 0 or start + _END_RECORD_BYTES > len(tail):
        raise BundleError(f"{path}: not a zip file, or cut short")
    locator_at = size - len(tail) + start - _ZIP64_LOCATOR_BYTES
    if locator_at >= 0 and os.pread(descriptor, 4, locator_at) == _ZIP64_LOCATOR:
        raise BundleError(f"{path}: zip64 is not accepted; bundles are far smaller than 4 GB")
    directory_bytes = int.from_bytes(tail[start + 12 : start + 16], "little")
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise BundleError(f"{path}: too many files for a bundle (at most {MAX_ENTRIES})")


def _read_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise BundleError(f"{path}: {len(entries)} files; a bundle has at most {MAX_ENTRIES}")
    _check_entries(entries, path)
    contents: dict[str, bytes] = {}
    total = 0
    for entry in entries:
        if entry.is_dir():
            continue
        with archive.open(entry) as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        total += len(content)
        if len(content) > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            raise BundleError(f"{path}: {entry.filename} unpacks to more than is allowed")
        if len(content) != entry.file_size:
            raise BundleError(
                f"{path}: {entry.filename} has {len(content)} bytes, declared {entry.file_size}"
            )
        contents[entry.filename] = content
    return contents


def _check_entries(entries: list[zipfile.ZipInfo], path: Path) -> None:
    """Decide from the table of contents alone whether to unpack at all."""
    seen: set[str] = set()
    total = 0
    for entry in entries:
        name = entry.filename
        shown = repr(name[:120])
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.orig_filename != name:
            raise BundleError(f"{path}: the file name {shown} contains control characters")
        if name.lower() in seen:
            raise BundleError(f"{path}: {shown} occurs twice")
        seen.add(name.lower())
        if entry.flag_bits & _ENCRYPTED:
            raise BundleError(f"{path}: {shown} is encrypted; bundles must not be")
        if entry.is_dir():
            if name != f"{SELFTEST_FOLDER}/" or entry.file_size:
                raise BundleError(
                    f"{path}: folder {shown} is not allowed; put the files at the top of the zip"
                )
            continue
        if kind not in (0, stat.S_IFREG):
            raise BundleError(f"{path}: {shown} is a link or special file")
        try:
            check_file_name(name)
        except ValueError as error:
            raise BundleError(f"{path}: {error}") from error
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(f"{path}: {shown} uses a compression other than deflate")
        total += entry.file_size
        if entry.file_size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            raise BundleError(
                f"{path}: {shown} would unpack to {entry.file_size} bytes, {total} in all; "
                f"at most {MAX_FILE_BYTES} and {MAX_TOTAL_BYTES} are allowed"
            )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
