"""Pictures of galaxies in folders, zip files and HDF5 data sets, read one at a time."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.formats.pictures import encoded_header

if TYPE_CHECKING:
    import h5py

LARGEST_FILE_BYTES = 64 * 2**20
LARGEST_SIDE_PX = 8192
_HDF5_SHAPE = "(N, height, width, 3)"


def decode_picture(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG or TIFF picture to 8 bits.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        For messages.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
        As stored; an EXIF rotation is ignored.

    Raises
    ------
    AnnotationError
        The bytes are no picture, half a picture, a damaged or a huge one.
    """
    header = encoded_header(data, name)
    if max(header.width, header.height) > LARGEST_SIDE_PX:
        raise AnnotationError(
            f"{name}: {header.width} × {header.height} px are too many for a picture of one "
            f"galaxy; the longest side may have {LARGEST_SIDE_PX}"
        )
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise AnnotationError(f"{name}: damaged {header.format} ({error.err})") from error
    if decoded is None:
        raise AnnotationError(f"{name}: damaged {header.format}, or of an unknown kind")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class FolderPictures:
    """Picture files in a folder.

    Attributes
    ----------
    folder : Path
    files : tuple of str
        Relative to ``folder``.
    """

    folder: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        """Path of a picture."""
        return str(self.folder / self.files[index])

    def encoded(self, index: int) -> bytes:
        """Bytes of a picture's file.

        Raises
        ------
        AnnotationError
            It cannot be read.
        """
        path = self.folder / self.files[index]
        try:
            return path.read_bytes()
        except OSError as error:
            raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error

    def read(self, index: int) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        return decode_picture(self.encoded(index), self.name(index))


class _PerProcess:
    """Holds what must not be shared with a forked or pickled copy of its owner."""

    __slots__ = ("lock", "process", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process = -1
        self.value: object = None

    def __reduce__(self) -> tuple[type[_PerProcess], tuple[()]]:
        return _PerProcess, ()


@dataclass(frozen=True, slots=True)
class ZipPictures:
    """Picture files in a zip file, which is not unpacked.

    Attributes
    ----------
    path : Path
        The zip file.
    members : tuple of str
        Pictures in it.
    """

    path: Path
    members: tuple[str, ...]
    _open: _PerProcess = field(default_factory=_PerProcess, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        """Zip file and member."""
        return f"{self.path}/{self.members[index]}"

    def encoded(self, index: int) -> bytes:
        """Bytes of a picture's file.

        Raises
        ------
        AnnotationError
            The member is missing, damaged or huge.
        """
        with self._open.lock:  # one file position for all threads
            archive = self._archive()
            return read_member(archive, self.members[index], self.path)

    def read(self, index: int) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        return decode_picture(self.encoded(index), self.name(index))

    def _archive(self) -> zipfile.ZipFile:
        held = self._open
        if held.process != os.getpid():  # a fork shares the position in the file
            held.value, held.process = open_zip(self.path), os.getpid()
        assert isinstance(held.value, zipfile.ZipFile)
        return held.value


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file.

    Raises
    ------
    AnnotationError
        It cannot be read, or is none.
    """
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    except zipfile.BadZipFile as error:
        raise AnnotationError(
            f"{path}: is no zip file, or was cut off ({error}); download it again"
        ) from error


def read_member(archive: zipfile.ZipFile, member: str, path: Path) -> bytes:
    """Read one file out of a zip file.

    Parameters
    ----------
    archive : ZipFile
    member : str
    path : Path
        Of the zip file, for messages.

    Raises
    ------
    AnnotationError
        The member is missing, damaged or larger than ``LARGEST_FILE_BYTES``.
    """
    try:
        info = archive.getinfo(member)
        if info.file_size > LARGEST_FILE_BYTES:
            raise AnnotationError(
                f"{path}/{member}: {info.file_size / 2**20:.0f} MiB are too large for a picture"
            )
        return archive.read(info)
    except KeyError as error:
        raise AnnotationError(f"{path}: holds no file {member}") from error
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise AnnotationError(f"{path}/{member}: damaged ({error})") from error
    except RuntimeError as error:  # what zipfile raises for encrypted members
        raise AnnotationError(f"{path}/{member}: cannot be unpacked ({error})") from error


@dataclass(frozen=True, slots=True)
class Hdf5Pictures:
    """Rows of an HDF5 data set.

    Attributes
    ----------
    path : Path
        HDF5 file.
    dataset : str
        Name of a data set of shape (N, H, W, 3), uint8.
    rows : ndarray, shape (N,), int64
        Rows of it, in order.
    """

    path: Path
    dataset: str
    rows: NDArray[np.int64]
    _open: _PerProcess = field(default_factory=_PerProcess, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        """File, data set and row."""
        return f"{self.path}/{self.dataset}[{self.rows[index]}]"

    def encoded(self, index: int) -> bytes:
        """Pixels of a picture as bytes."""
        return self.read(index).tobytes()

    def read(self, index: int) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        with self._open.lock:
            try:
                pixels = self._held()[int(self.rows[index])]
            except (OSError, IndexError, ValueError) as error:
                raise AnnotationError(f"{self.name(index)}: cannot be read ({error})") from error
        return np.asarray(pixels, dtype=np.uint8)

    def _held(self) -> h5py.Dataset:
        import h5py

        held = self._open
        if held.process != os.getpid():
            file = open_hdf5(self.path)
            check_picture_dataset(file, self.dataset, self.path)
            held.value, held.process = file[self.dataset], os.getpid()
        assert isinstance(held.value, h5py.Dataset)
        return held.value


def open_hdf5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises
    ------
    AnnotationError
        It cannot be read, is none, or is cut off.
    """
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise AnnotationError(
            f"{path}: cannot be read as HDF5 ({error}); download it again"
        ) from error


def check_picture_dataset(file: h5py.File, dataset: str, path: Path) -> tuple[int, int, int]:
    """Check that a data set holds 8-bit colour pictures.

    Returns
    -------
    tuple of int
        Number of pictures, height and width in pixels.

    Raises
    ------
    AnnotationError
        It is missing or of another shape or type.
    """
    import h5py

    held = file.get(dataset)
    if not isinstance(held, h5py.Dataset):
        raise AnnotationError(f"{path}: has no data set {dataset!r}; it has: {', '.join(file)}")
    if held.ndim != 4 or held.shape[3] != 3 or held.dtype != np.uint8:
        raise AnnotationError(
            f"{path}: {dataset!r} is {held.dtype} of shape {held.shape}, "
            f"not uint8 of shape {_HDF5_SHAPE}"
        )
    return int(held.shape[0]), int(held.shape[1]), int(held.shape[2])
