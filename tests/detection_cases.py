"""Pictures with boxes put by hand, shared by the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_runtime.evaluation.matching import ScoredPicture

Box = tuple[float, float, float, float]
A: Box = (0, 0, 10, 10)
B: Box = (20, 20, 40, 40)
FAR: Box = (100, 100, 120, 120)


def picture(
    boxes: Sequence[Box],
    found: Sequence[Box] = (),
    scores: Sequence[float] = (),
    difficult: Sequence[bool] | None = None,
) -> ScoredPicture:
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    return ScoredPicture(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(difficult if difficult is not None else [False] * len(boxes), dtype=bool),
        np.array(found, np.float32).reshape(-1, 4)[order],
        np.array(scores, np.float32)[order],
    )


def random_pictures(count: int, seed: int, *, difficult_share: float = 0.0) -> list[ScoredPicture]:
    """Galaxies of all sizes, each found loosely, tightly, twice or not, and false detections."""
    generator = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        galaxies = int(generator.integers(0, 5))
        corners = generator.uniform(0, 400, (galaxies, 2))
        boxes = np.hstack([corners, corners + generator.uniform(8, 200, (galaxies, 2))])
        near = boxes[generator.random(galaxies) < 0.8].repeat(2, axis=0)
        near = near + generator.normal(0, 6, near.shape)
        wrong = generator.uniform(0, 400, (3, 2))
        found = np.vstack([near, np.hstack([wrong, wrong + generator.uniform(10, 90, (3, 2))])])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        pictures.append(
            picture(
                boxes.tolist(),
                found.tolist(),
                generator.permutation(len(found)).astype(float) / 97 + generator.random() / 1e3,
                (generator.random(galaxies) < difficult_share).tolist(),
            )
        )
    return pictures
