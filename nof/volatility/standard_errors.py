"""The standard error of a weighted mean of metric scores, and how far an average is from a segment's edge in it."""

from __future__ import annotations

import numpy as np
import pandas as pd


def weighted_errors(values: pd.DataFrame, weights: pd.Series) -> pd.DataFrame:
    """Weighted mean of each row with its standard error, the metrics taken as a random sample of metrics.

    The error of a ratio: sqrt(n / (n - 1) sum w^2 (x - mean)^2) / sum w, which with equal weights is sd / sqrt(n); NaN
    for fewer than two metrics. Degrees of freedom are (sum w)^2 / sum w^2 - 1 (Kish), with equal weights n - 1.

    Parameters
    ----------
    values : DataFrame, trusts by metrics (NaN where missing)
    weights : Series on the metrics

    Returns
    -------
    DataFrame
        On the trusts: mean, standard_error, freedom, metrics (how many).
    """
    present, weight = values.notna(), weights[values.columns].to_numpy(dtype=float)
    held = present.to_numpy() * weight
    count, total = present.sum(axis=1).to_numpy(), held.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (values.fillna(0).to_numpy() * held).sum(axis=1) / total
        squares = (held**2 * values.sub(mean, axis=0).fillna(0).to_numpy() ** 2).sum(axis=1)
        error = np.where(count > 1, np.sqrt(squares * count / (count - 1)) / total, np.nan)
        freedom = total**2 / (held**2).sum(axis=1) - 1
    return pd.DataFrame({"mean": mean, "standard_error": error, "freedom": freedom, "metrics": count}, values.index)


def edge_distances(scores: pd.DataFrame, weights: pd.Series, edges: np.ndarray) -> pd.DataFrame:
    """Distance of each trust's average to every segment edge, in standard errors of the average.

    The standard error is the spread of the trust's metric scores over the square root of their number
    (`weighted_errors`): the same view as the likely range, the metrics taken as a random sample.

    Parameters
    ----------
    scores : DataFrame, trusts by metrics; weights : Series on the metrics; edges : array of 3

    Returns
    -------
    DataFrame
        On the trusts: average, standard_error, "1/2", "2/3", "3/4" (positive: on the worse side of that edge; NaN where
        the edge is not known or there is no standard error), nearest_edge, nearest (its distance without sign).
    """
    found = weighted_errors(scores, weights)
    error = found["standard_error"].where(found["standard_error"] > 1e-9).to_numpy()
    finite = np.where(np.isfinite(edges), edges, np.nan)
    away = pd.DataFrame(
        (found["mean"].to_numpy()[:, None] - finite) / error[:, None], found.index, columns=["1/2", "2/3", "3/4"]
    )
    nearest = away.abs().min(axis=1)
    which = away.abs().fillna(np.inf).idxmin(axis=1).where(nearest.notna(), None)
    return (
        found[["mean", "standard_error"]]
        .rename(columns={"mean": "average"})
        .join(away.assign(nearest_edge=which, nearest=nearest))
    )
