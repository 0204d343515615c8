"""A bundle with its self-test and its speed as measured here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_runtime.bundle.building import assemble_bundle, write_bundle
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.selftest import record_selftest
from edge_runtime.bundle.verifying import measure_reference


def build_measured(
    output_dir: Path,
    models: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    frames: Mapping[str, bytes],
    *,
    model_card: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a bundle; what it finds in frames, and how fast it is here, is recorded.

    Parameters
    ----------
    output_dir : Path
        Folder to create.
    models : mapping of str to bytes
        ``detector.tflite`` and ``classifier.tflite``.
    manifest : mapping
        As in ``build_bundle``, without ``selftest`` and ``reference_latency``.
    frames : mapping of str to bytes
        Encoded pictures for the self-test, by their names in the bundle.
    model_card : str, optional
        Text of ``MODEL_CARD.md``.
    overwrite : bool
        Replace an existing bundle folder.

    Returns
    -------
    Path
        ``output_dir``.

    Raises
    ------
    BundleError
        A key is wrong, a model does not fit its geometry, or the folder exists.
    """
    bare = assemble_bundle(output_dir, models, manifest)
    measured = {
        "selftest": [test.model_dump() for test in record_selftest(bare, frames)],
        "reference_latency": measure_reference(bare).model_dump(),
    }
    bundle = assemble_bundle(output_dir, {**models, **frames}, {**manifest, **measured})
    return write_bundle(bundle, output_dir, model_card=model_card, overwrite=overwrite)


def selftest_frames_of(bundle: Bundle) -> dict[str, bytes]:
    """The frames of a bundle's self-test by name."""
    return {test.frame: bundle.read(test.frame) for test in bundle.manifest.selftest}
