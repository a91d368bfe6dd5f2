"""Checks of what the rank sets are given: labels, finite numbers, errors above 0, levels between 0 and 1."""

from __future__ import annotations

import numpy as np
import pandas as pd


def oriented(value: np.ndarray, best: str) -> np.ndarray:
    """Turn values so that larger is better."""
    if best not in ("low", "high"):
        raise ValueError(f'best must be "low" or "high", not {best!r}')
    return value if best == "high" else -value


def checked_values(values: pd.Series, name: str) -> np.ndarray:
    """The numbers of a Series of two units or more, labels unique, nothing missing; else a ValueError."""
    if not isinstance(values, pd.Series):
        raise ValueError(f"{name} must be a pandas Series")  # noqa: TRY004
    if len(values) < 2:
        raise ValueError(f"{name} has {len(values)} value(s); a rank needs two or more")
    if not values.index.is_unique:
        raise ValueError(f"{name} has labels that repeat")
    return _finite(values.to_numpy(dtype=float, na_value=np.nan), name)


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has missing or infinite values")
    return array


def checked_errors(errors: pd.Series, labels: pd.Index, name: str) -> np.ndarray:
    """Standard errors or margins in the order of `labels`, all above 0; else a ValueError."""
    checked_values(errors, name)
    if len(errors) != len(labels) or not errors.index.isin(labels).all():
        raise ValueError(f"{name} and estimate do not have the same labels")
    array = errors.reindex(labels).to_numpy(dtype=float)
    if (array <= 0).any():
        raise ValueError(f"{name} must be above 0 everywhere")
    return array


def checked_matrix(matrix: pd.DataFrame, labels: pd.Index, name: str, symmetric: bool = True) -> np.ndarray:
    """A symmetric matrix (or one that its mirror image reverses) in the order of `labels`, rounding evened out.

    Raises
    ------
    ValueError
        No DataFrame, other labels, a number missing, or the two halves do not agree.
    """
    if not isinstance(matrix, pd.DataFrame):
        raise ValueError(f"{name} must be a DataFrame with the labels of estimate")  # noqa: TRY004
    for axis in matrix.axes:
        if len(axis) != len(labels) or not axis.is_unique or not axis.isin(labels).all():
            raise ValueError(f"{name} and estimate do not have the same labels")
    array = _finite(matrix.loc[labels, labels].to_numpy(dtype=float), name)
    mirrored = array.T if symmetric else -array.T
    if not np.allclose(array, mirrored, rtol=1e-6, atol=1e-9 * np.abs(array).max()):
        raise ValueError(f"{name} is not {'symmetric' if symmetric else 'the reverse of its mirror image'}")
    return (array + mirrored) / 2


def checked_level(level: float, name: str = "level") -> float:
    """A level between 0 and 1, both left out; else a ValueError."""
    if not 0 < level < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {level}")
    return level


def checked_k(k: int, units: np.ndarray) -> int:
    """A number of units from 1 to all of them; else a ValueError."""
    if not 1 <= k <= units.size:
        raise ValueError(f"k must be between 1 and the number of units, {units.size}, not {k}")
    return k
