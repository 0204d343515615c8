"""Opening a bundle: from a folder or zip to checked bytes in memory."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edge_runtime.bundle.archive import MAX_ENTRIES, MAX_FILE_BYTES, MAX_TOTAL_BYTES, read_archive
from edge_runtime.bundle.schema import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    SELFTEST_FOLDER,
    Manifest,
    check_file_name,
    parse_manifest,
)
from edge_runtime.errors import BundleError

if TYPE_CHECKING:
    from edge_runtime.litert import LiteRtModel

DEFAULT_BUNDLE = Path(__file__).resolve().parent.parent / "models" / "default"
# Prose for people: may accompany a bundle without being part of its identity.
PROSE_FILES = frozenset({"MODEL_CARD.md", "README.md", "README", "LICENSE", "LICENCE"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle.

    Attributes
    ----------
    path : Path
        Folder or zip it came from.
    manifest : Manifest
        Content of ``bundle.json``.
    sha256 : str
        Hash of ``bundle.json``. It includes the hashes of all files and so
        identifies the whole bundle.
    contents : mapping of str to bytes
        Every file of the manifest. These are the bytes whose hashes were
        checked; models are created from them and never from disk again.
    """

    path: Path
    manifest: Manifest
    sha256: str
    contents: Mapping[str, bytes] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """Name in the manifest."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Semantic version in the manifest."""
        return self.manifest.version

    @property
    def sky_pixel(self) -> int:
        """Level of empty sky in conditioned pictures, 0 to 255."""
        return round(self.manifest.conditioning.sky_level * 255)

    def read(self, name: str) -> bytes:
        """Return the content of one file of the manifest.

        Raises
        ------
        BundleError
            The manifest lists no such file.
        """
        try:
            return self.contents[name]
        except KeyError:
            raise BundleError(f"{self.path}: the bundle has no file {name!r}") from None

    def open_detector(self, threads: int = 1) -> LiteRtModel:
        """Return the detector, with the normalisation of the manifest.

        Raises
        ------
        BundleError
            The model is damaged or does not fit the manifest.
        """
        spec = self.manifest.detector
        model = self._open(spec.file, threads, spec.input_size_px, spec.input_mean, spec.input_std)
        if spec.format == "tflite_detection_postprocess" and len(model.outputs) != 4:
            raise BundleError(
                f"{self.path}: {spec.file} has {len(model.outputs)} outputs; "
                "TFLite_Detection_PostProcess has four (boxes, classes, scores, count)"
            )
        return model

    def open_classifier(self, threads: int = 1) -> LiteRtModel:
        """Return the classifier, with the normalisation of the manifest.

        Raises
        ------
        BundleError
            The model is damaged or does not fit the manifest.
        """
        spec = self.manifest.classifier
        model = self._open(spec.file, threads, spec.input_size_px, spec.input_mean, spec.input_std)
        for key in (spec.outputs.votes, spec.outputs.classes, spec.outputs.galaxy):
            model.output_index(key)
        return model

    def _open(
        self,
        file: str,
        threads: int,
        size_px: int,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> LiteRtModel:
        from edge_runtime.litert import LiteRtModel

        name = f"{self.path}: {file}"
        model = LiteRtModel(
            self.read(file), threads=threads, input_mean=mean, input_std=std, name=name
        )
        if model.input.shape != (1, size_px, size_px, 3):
            raise BundleError(
                f"{name} takes pictures of shape {model.input.shape[1:]}, "
                f"the manifest says {(size_px, size_px, 3)} (input_size_px)"
            )
        return model


def load_bundle(path: Path | None = None, *, verify: bool = True) -> Bundle:
    """Load a bundle into memory and check it.

    Parameters
    ----------
    path : Path, optional
        Folder or ``.zip``; default is the bundle shipped with galaxy-edge.
    verify : bool
        Compare the SHA-256 of every file with the manifest. Only a developer
        editing a bundle in place has a reason to say no.

    Returns
    -------
    Bundle
        Its files are in memory; the folder may be replaced afterwards.

    Raises
    ------
    BundleError
        Missing, damaged, hostile, of a newer schema, or with files the
        manifest does not list; the message names the file and the key.
    """
    path = DEFAULT_BUNDLE if path is None else Path(path)
    if path.is_dir():
        found = read_folder(path)
    elif path.exists():
        found = read_archive(path)
    else:
        raise BundleError(f"{path}: there is no bundle here; give a folder or a .zip file")
    if MANIFEST_NAME not in found:
        raise BundleError(f"{path}: {MANIFEST_NAME} is missing; this is not a bundle")
    raw_manifest = found.pop(MANIFEST_NAME)
    manifest = parse_manifest(raw_manifest, f"{path}/{MANIFEST_NAME}")
    contents: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        if name not in found:
            raise BundleError(f"{path}: {name} is missing; install the bundle again")
        content = found.pop(name)
        if verify and (actual := hashlib.sha256(content).hexdigest()) != expected:
            raise BundleError(
                f"{path}: {name} is damaged or was changed (SHA-256 {actual[:12]}…, the manifest "
                f"says {expected[:12]}…); install the bundle again"
            )
        contents[name] = content
    unknown = sorted(set(found) - PROSE_FILES)
    if unknown:
        raise BundleError(
            f"{path}: {unknown[0]} is not listed in {MANIFEST_NAME}; remove it"
            + (f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else "")
        )
    return Bundle(
        path=path,
        manifest=manifest,
        sha256=hashlib.sha256(raw_manifest).hexdigest(),
        contents=MappingProxyType(contents),
    )


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read the files of a bundle folder, each one once."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name != SELFTEST_FOLDER]
        selftest = folder / SELFTEST_FOLDER
        if selftest.is_symlink():
            raise BundleError(f"{selftest}: is a link; bundles contain plain files")
        if selftest.is_dir():
            names += [f"{SELFTEST_FOLDER}/{entry.name}" for entry in os.scandir(selftest)]
    except OSError as error:
        raise BundleError(f"{folder}: cannot read the bundle ({error.strerror})") from error
    if len(names) > MAX_ENTRIES:
        raise BundleError(f"{folder}: {len(names)} files; a bundle has at most {MAX_ENTRIES}")
    contents: dict[str, bytes] = {}
    total = 0
    for name in sorted(names):
        try:
            check_file_name(name)
        except ValueError as error:
            raise BundleError(f"{folder}: {error}") from error
        limit = MAX_MANIFEST_BYTES if name == MANIFEST_NAME else MAX_FILE_BYTES
        contents[name] = _read_file(folder / name, limit)
        total += len(contents[name])
        if total > MAX_TOTAL_BYTES:
            raise BundleError(f"{folder}: more than {MAX_TOTAL_BYTES} bytes; not a bundle")
    return contents


def _read_file(path: Path, limit: int) -> bytes:
    """Read a plain file of at most ``limit`` bytes; links and devices are refused."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BundleError(f"{path}: not a plain file; bundles contain plain files")
            content = stream.read(limit + 1)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BundleError(f"{path}: is a link; bundles contain plain files") from error
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise BundleError(f"{path}: more than {limit} bytes; too large for a bundle")
    return content
