"""Rows of classical methods on simple features."""

from __future__ import annotations

import time

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10, GalaxySet
from classification.baselines import VOTES, Baseline
from classification.reproduction.plans import RowPlan
from classification.reproduction.results import Figures, TrainedPart
from classification.reproduction.settings import RowSettings
from classification.scoring import score
from classification.simple_features import FEATURE_NAMES, galaxy_features

_TARGETS = (VOTES, CLASS5, GALAXY10, ELLIPTICAL)


def baseline_parts(
    plan: RowPlan, galaxies: GalaxySet, settings: RowSettings
) -> tuple[TrainedPart, ...]:
    """One estimator for each target, all on the same features."""
    train, test = galaxies.where("train"), galaxies.where("test", ("kaggle", "gz2"))
    started = time.monotonic()
    train_features = galaxy_features(train)
    preparing_s = time.monotonic() - started
    test_features = galaxy_features(test)
    parts = []
    for target in _TARGETS:
        started = time.monotonic()
        baseline = Baseline(plan.name, target, settings.seed)
        count = baseline.fit(train, train_features)
        parts.append(
            TrainedPart(
                target=target,
                recipe=f"{plan.title}: {len(FEATURE_NAMES)} features",
                training_pictures=count,
                training_s=time.monotonic() - started + preparing_s,
                figures=Figures.of(score(baseline.predict(test, test_features), test)),
            )
        )
        preparing_s = 0.0  # once for all
    return tuple(parts)
