"""A complete bundle from a retrained detector and the classifier of an existing bundle."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.bundle.combining import (
    build_combined,
    combine,
    combined_manifest,
    read_new_detector,
)
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.verifying import VerifyReport, verify_bundle
from tuning.winner.bundle import BundleName, Origin

_log = logging.getLogger(__name__)


def build_detector_bundle(
    output: Path,
    detector: Path,
    base: Bundle,
    data: Path,
    origin: Origin,
    called: BundleName,
    *,
    overwrite: bool = False,
) -> VerifyReport:
    """Put a new detector into a bundle with the classifier of another one.

    The score threshold is chosen anew on the validation frames without a galaxy.

    Parameters
    ----------
    output : Path
        Folder to create.
    detector : Path
        Int8 file with its description beside it, as a trial writes them.
    base : Bundle
        Gives the classifier, the conditioning and the self-test frames.
    data : Path
        Folder with ``frames``.
    origin : Origin
    called : BundleName
    overwrite : bool
        Replace a bundle that is there.

    Returns
    -------
    VerifyReport
        Of the finished bundle.

    Raises
    ------
    GalaxyEdgeError
        A file is missing or damaged, or the detector does not fit.
    """
    from annotations.empty_frames import empty_frame_split
    from detection.thresholds import (
        FALSE_POSITIVES_PER_EMPTY_FRAME,
        LOWEST,
        choose_threshold,
        empty_frame_scores,
    )

    made = read_new_detector(detector)
    told = {
        "data": f"{origin.description}; {made.provenance.get('data', '')}",
        "seeds": origin.seeds,
        "code_version": origin.code_version,
        "command": origin.command,
        "licence": origin.licence,
    }
    made = replace(made, provenance={**made.provenance, **told})
    content = combined_manifest(
        made,
        base,
        name=called.name,
        version=called.version,
        created=datetime.now(UTC).replace(microsecond=0),
        score_threshold=LOWEST,
    )
    scores = empty_frame_scores(combine(made, base, content), empty_frame_split(data)[1])
    choice = choose_threshold(scores, FALSE_POSITIVES_PER_EMPTY_FRAME)
    _log.info("%s", choice.describe())
    content["score_threshold"] = choice.threshold
    build_combined(output, made, base, content, overwrite=overwrite)
    return verify_bundle(output)
