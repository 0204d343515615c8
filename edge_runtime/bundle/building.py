"""Putting a bundle together: hashes, checks, and a folder that appears at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from edge_runtime.bundle.archive import write_archive, write_folder
from edge_runtime.bundle.loading import Bundle, load_bundle, read_folder
from edge_runtime.bundle.schema import (
    MANIFEST_NAME,
    SCHEMA_VERSION,
    Manifest,
    describe_errors,
)
from edge_runtime.errors import BundleError

DETECTOR_NAME = "detector.tflite"
CLASSIFIER_NAME = "classifier.tflite"
MODEL_CARD_NAME = "MODEL_CARD.md"


def build_bundle(
    output_dir: Path,
    *,
    detector_path: Path,
    classifier_path: Path,
    manifest: Mapping[str, Any],
    selftest_frames: Mapping[str, bytes] | None = None,
    model_card: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a bundle folder, complete or not at all.

    The same arguments give the same bytes, so a bundle can be reproduced:
    nothing is taken from the clock or the machine.

    Parameters
    ----------
    output_dir : Path
        Folder to create.
    detector_path, classifier_path : Path
        The ``.tflite`` files.
    manifest : mapping
        Content of ``bundle.json`` but for ``schema_version``, ``files`` and
        the two ``file`` keys, which are filled in.
    selftest_frames : mapping of str to bytes, optional
        Encoded pictures by name, as named in the manifest's ``selftest``.
    model_card : str, optional
        Text of ``MODEL_CARD.md``; it is not part of the bundle's identity.
    overwrite : bool
        Replace an existing bundle folder.

    Returns
    -------
    Path
        ``output_dir``.

    Raises
    ------
    BundleError
        A file cannot be read, a key is wrong, a model does not fit its
        geometry, or the folder exists.
    """
    models = {DETECTOR_NAME: _read(detector_path), CLASSIFIER_NAME: _read(classifier_path)}
    bundle = assemble_bundle(output_dir, {**models, **(selftest_frames or {})}, manifest)
    return write_bundle(bundle, output_dir, model_card=model_card, overwrite=overwrite)


def assemble_bundle(
    path: Path, contents: Mapping[str, bytes], manifest: Mapping[str, Any]
) -> Bundle:
    """Put a bundle together in memory and check that its models fit.

    Parameters
    ----------
    path : Path
        Where it is going to be, or a name for messages.
    contents : mapping of str to bytes
        ``detector.tflite``, ``classifier.tflite`` and self-test frames.
    manifest : mapping
        As in `build_bundle`.

    Raises
    ------
    BundleError
        A key is wrong or a model does not fit its geometry.
    """
    checked = _complete_manifest(manifest, contents, path)
    bundle = Bundle(
        path=path,
        manifest=checked,
        sha256=hashlib.sha256(checked.to_json()).hexdigest(),
        contents=MappingProxyType(dict(contents)),
    )
    bundle.open_detector()
    bundle.open_classifier()
    return bundle


def write_bundle(
    bundle: Bundle, output_dir: Path, *, model_card: str | None = None, overwrite: bool = False
) -> Path:
    """Write a bundle folder, complete or not at all; see `build_bundle`.

    Raises
    ------
    BundleError
        The folder exists or cannot be written.
    """
    contents = {**bundle.contents, MANIFEST_NAME: bundle.manifest.to_json()}
    if model_card is not None:
        contents[MODEL_CARD_NAME] = model_card.encode()
    if overwrite and output_dir.is_dir():
        _replace_folder(contents, output_dir)
    else:
        write_folder(contents, output_dir)
    return output_dir


def pack_bundle(folder: Path, archive: Path) -> Path:
    """Write a checked bundle folder as a ``.zip``; the same folder gives the same bytes.

    Raises
    ------
    BundleError
        The folder is no valid bundle, or the zip cannot be written.
    """
    load_bundle(folder)
    write_archive(read_folder(folder), archive)
    load_bundle(archive)
    return archive


def _complete_manifest(
    manifest: Mapping[str, Any], contents: Mapping[str, bytes], where: Path
) -> Manifest:
    document = dict(manifest)
    document["schema_version"] = SCHEMA_VERSION
    document["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())
    }
    for key, name in (("detector", DETECTOR_NAME), ("classifier", CLASSIFIER_NAME)):
        part = document.get(key)
        if isinstance(part, Mapping):
            document[key] = {**part, "file": name}
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        raise BundleError(f"{where}/{MANIFEST_NAME}: {describe_errors(error)}") from error


def _replace_folder(contents: Mapping[str, bytes], target: Path) -> None:
    """Exchange a folder: the new one is complete before the old one goes."""
    marker = uuid.uuid4().hex[:8]
    fresh = target.with_name(f".{target.name}-new-{marker}")
    old = target.with_name(f".{target.name}-old-{marker}")
    write_folder(contents, fresh)
    try:
        os.rename(target, old)
        try:
            os.rename(fresh, target)
        except OSError:
            os.rename(old, target)
            raise
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise BundleError(f"{target}: cannot be replaced ({error.strerror})") from error
    shutil.rmtree(old, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot read the model ({error.strerror})") from error
