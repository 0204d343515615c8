"""Whether one model is better than another, on the same pictures or folds.

All tests are two-sided and paired. They need SciPy, which the base install does
not bring.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.errors import GalaxyEdgeError


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Outcome of a paired test.

    Attributes
    ----------
    difference : float
        Mean of second minus first.
    statistic : float
        Of the test; 0 where there is no difference at all.
    p_value : float
        0 to 1.
    pairs : int
        Pairs compared.
    """

    difference: float
    statistic: float
    p_value: float
    pairs: int


def wilcoxon_signed_rank(first: ArrayLike, second: ArrayLike) -> PairedTest:
    """Wilcoxon signed-rank test (Wilcoxon 1945) over pictures or folds.

    Parameters
    ----------
    first, second : array_like, shape (N,)
        A figure of each model on the same pictures or folds. Pairs without a
        difference are left out, as in the original test.

    Returns
    -------
    PairedTest
        With p-value 1 where no pair differs.

    Raises
    ------
    ValueError
        The lengths differ, or a value is not finite.
    GalaxyEdgeError
        SciPy is not installed.
    """
    differences = _differences(first, second)
    if not differences.any():
        return PairedTest(0.0, 0.0, 1.0, len(differences))
    result = _scipy_stats().wilcoxon(differences, zero_method="wilcox")
    return PairedTest(
        float(differences.mean()), float(result.statistic), float(result.pvalue), len(differences)
    )


def corrected_resampled_t(
    first: ArrayLike, second: ArrayLike, *, test_to_train: float | None = None
) -> PairedTest:
    """Corrected resampled t-test (Nadeau & Bengio 2003, Machine Learning 52, 239).

    Folds share training data, so their figures are not independent, and the
    ordinary t-test finds differences that are none. The variance of the mean is
    multiplied by (1/k + n_test/n_train) in place of 1/k.

    Parameters
    ----------
    first, second : array_like, shape (k,)
        A figure of each model on the same k folds, at least two.
    test_to_train : float, optional
        Size of a test fold over the size of its training part; that of k-fold
        cross-validation, 1 / (k - 1), where not given.

    Raises
    ------
    ValueError
        The lengths differ, there are fewer than two folds, or a value is not
        finite.
    GalaxyEdgeError
        SciPy is not installed.
    """
    differences = _differences(first, second)
    folds = len(differences)
    if folds < 2:
        raise ValueError(f"a test over folds needs at least two, got {folds}")
    ratio = 1.0 / (folds - 1) if test_to_train is None else test_to_train
    mean = float(differences.mean())
    spread = float(np.sqrt((1.0 / folds + ratio) * differences.var(ddof=1)))
    if spread == 0.0:
        return PairedTest(mean, 0.0 if mean == 0.0 else np.inf, 1.0 if mean == 0.0 else 0.0, folds)
    statistic = mean / spread
    p_value = 2.0 * float(_scipy_stats().t.sf(abs(statistic), df=folds - 1))
    return PairedTest(mean, statistic, p_value, folds)


def _scipy_stats() -> Any:
    try:
        return importlib.import_module("scipy.stats")
    except ImportError as error:
        raise GalaxyEdgeError(
            "paired tests need SciPy, which is not installed; "
            "pip install 'galaxy-edge[workstation]'"
        ) from error


def _differences(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError(f"a paired test needs two lists of one length, got {a.shape}, {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a paired test needs finite values")
    return np.asarray(b - a)
