from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_galaxies import galaxies

from annotations.galaxies.dataset import ELLIPTICAL
from annotations.galaxies.schemes import ELLIPTICAL_NAMES
from classification.elliptical import derive_elliptical, elliptical_from_class5
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5


def test_round_and_in_between_are_elliptical_and_cigars_unclear() -> None:
    kinds = ["smooth_round", "smooth_inbetween", "smooth_cigar", "edge_on_disk", "spiral"]
    labelled = galaxies([CLASS5.index(kind) for kind in kinds] + [-1])
    derived = derive_elliptical(labelled).labels(ELLIPTICAL)
    assert derived.names == ELLIPTICAL_NAMES
    yes, no = (ELLIPTICAL_NAMES.index(name) for name in ("elliptical", "other"))
    assert derived.index.tolist() == [yes, yes, -1, no, no, -1]
    with_cigars = derive_elliptical(labelled, cigars=True).labels(ELLIPTICAL)
    assert with_cigars.index.tolist() == [yes, yes, yes, no, no, -1]


def test_probabilities_leave_the_cigars_out() -> None:
    said = np.array([[0.3, 0.1, 0.2, 0.1, 0.1], [0, 0, 1, 0, 0]], np.float32)
    found = elliptical_from_class5(said, CLASS5)
    assert found[0, ELLIPTICAL_NAMES.index("elliptical")] == pytest.approx(2 / 3)
    assert found[1] == pytest.approx([0.5, 0.5])


def test_a_set_without_the_five_classes_is_refused() -> None:
    with pytest.raises(GalaxyEdgeError, match="has no classes 'class5'"):
        derive_elliptical(replace(galaxies([0]), classes={}))
