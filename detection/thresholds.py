"""The score threshold for a stated rate of false positives.

``python -m detection.thresholds --bundle DIR --empty FRAMES.txt --rate 0.05``
prints it for a bundle.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.pictures import read_picture
from edge_runtime.pipeline import Pipeline

log = logging.getLogger(__name__)

LOWEST, HIGHEST = 0.05, 0.95
FALSE_POSITIVES_PER_EMPTY_FRAME = 0.05
"""Rate that the thresholds of bundles are chosen for."""

_STEP = 0.001  # thresholds in a bundle have three decimals
_OUTSIDE = 0.025  # on each side of an interval of 95 %


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold and what it rests on.

    Attributes
    ----------
    threshold : float
        Detections of at least this score count.
    wanted_rate : float
        False positives an empty frame asked for.
    rate : float
        On the frames the choice was made on; at most ``wanted_rate`` unless
        the threshold is at its upper limit.
    rate_interval : tuple of float
        95 % interval of the rate at this threshold on other frames of the kind,
        from resampled frames.
    threshold_interval : tuple of float
        95 % interval of the threshold that other such frames would have given.
    frames : int
        Empty frames that the estimate rests on.
    detections : int
        Their detections of any score.
    """

    threshold: float
    wanted_rate: float
    rate: float
    rate_interval: tuple[float, float]
    threshold_interval: tuple[float, float]
    frames: int
    detections: int

    def describe(self) -> str:
        """One sentence for model cards."""
        low, high = self.rate_interval
        return (
            f"threshold {self.threshold:.3f}: {self.rate:.3f} false positives a frame "
            f"(95 % interval {low:.3f} to {high:.3f}) on {self.frames} frames without a galaxy"
        )


def empty_frame_scores(
    bundle: Bundle,
    frames: Sequence[Path],
    *,
    lowest: float = LOWEST,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[NDArray[np.float32]]:
    """Scores of everything the whole chain finds on frames without a galaxy.

    Parameters
    ----------
    bundle : Bundle
    frames : sequence of Path
        Pictures without a galaxy: every detection is a false positive.
    lowest : float
        Detections below are left out.

    Returns
    -------
    list of ndarray, shape (N,), float32
        One for each frame.

    Raises
    ------
    FrameError
        A picture cannot be read.
    """
    pipeline = Pipeline(bundle, threads, score_threshold=lowest)
    scores = []
    try:
        for done, path in enumerate(frames, start=1):
            found = pipeline.process(read_picture(path)).detections
            scores.append(np.array([d.score for d in found], dtype=np.float32))
            if progress is not None:
                progress(done, len(frames))
    finally:
        pipeline.close()
    return scores


def choose_threshold(
    scores: Sequence[ArrayLike],
    rate: float,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    resamples: int = 2000,
    seed: int = 0,
) -> ThresholdChoice:
    """Lowest threshold with at most ``rate`` false positives an empty frame.

    One frame with many false positives, or one lucky detection that happens to
    lie at the limit, must not decide. So the threshold is sought on many
    resamples of the frames (drawn with replacement, a frame's detections
    staying together), and their median is taken where it is above the
    threshold of the frames as they are. The rate therefore holds on the frames
    themselves too.

    Parameters
    ----------
    scores : sequence of array_like, shape (N,)
        Scores of the detections of each empty frame; frames without any count.
    rate : float
        False positives an empty frame, 0 or above.
    lowest, highest : float
        Limits of the threshold.
    resamples : int
    seed : int
        Of the resamples; the same arguments give the same result.

    Raises
    ------
    GalaxyEdgeError
        There is no frame, or ``rate`` is below 0 or not a number.
    """
    if not rate >= 0.0 or math.isinf(rate):
        raise GalaxyEdgeError(f"a rate of {rate} false positives a frame cannot be asked for")
    frames = [np.asarray(values, dtype=np.float64).ravel() for values in scores]
    if not frames:
        raise GalaxyEdgeError("no frame without a galaxy to choose the threshold on")
    if not all(np.isfinite(values).all() for values in frames):
        raise GalaxyEdgeError("a score is not a number")
    owner = np.repeat(np.arange(len(frames)), [len(values) for values in frames])
    flat = np.concatenate(frames)
    order = np.argsort(-flat, kind="stable")
    flat, owner = flat[order], owner[order]

    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(frames), np.full(len(frames), 1.0 / len(frames)), size=resamples)
    allowed = math.floor(rate * len(frames) + 1e-9)

    def lowest_with_rate(weights: NDArray[np.int64]) -> float:
        """Just above the first score that would bring one too many."""
        too_many = np.flatnonzero(np.cumsum(weights[owner]) > allowed)
        if too_many.size == 0:
            return lowest
        first = (math.floor(float(flat[too_many[0]]) / _STEP + 1e-9) + 1) * _STEP
        return float(np.clip(round(first, 3), lowest, highest))

    as_they_are = lowest_with_rate(np.ones(len(frames), dtype=np.int64))
    others = np.array([lowest_with_rate(weights) for weights in drawn])
    smooth = math.ceil(float(np.median(others)) / _STEP - 1e-9) * _STEP if resamples else 0.0
    threshold = round(max(as_they_are, smooth), 3)

    above = np.array([np.count_nonzero(values >= threshold) for values in frames])
    rates = drawn @ above / len(frames) if resamples else np.array([above.mean()])
    low, high = np.quantile(rates, [_OUTSIDE, 1.0 - _OUTSIDE])
    if not above.any():
        # resampling nothing gives nothing; the Poisson limit of none seen does not
        high = -math.log(_OUTSIDE) / len(frames)
    spread = np.quantile(others, [_OUTSIDE, 1.0 - _OUTSIDE]) if resamples else [threshold] * 2
    return ThresholdChoice(
        threshold=threshold,
        wanted_rate=rate,
        rate=float(above.mean()),
        rate_interval=(float(low), float(high)),
        threshold_interval=(round(float(spread[0]), 3), round(float(spread[1]), 3)),
        frames=len(frames),
        detections=len(flat),
    )


def main() -> None:
    """Command line."""
    from edge_runtime.cli.evaluate import empty_frames

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="folder or zip; default: the shipped one")
    parser.add_argument(
        "--empty", type=Path, nargs="+", required=True, help="folders, pictures, or lists (.txt)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=FALSE_POSITIVES_PER_EMPTY_FRAME,
        help="false positives a frame",
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    scores = empty_frame_scores(load_bundle(given.bundle), empty_frames(given.empty))
    choice = choose_threshold(scores, given.rate, seed=given.seed)
    log.info("%s", choice.describe())
    print(json.dumps(asdict(choice), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
