"""What moves from quarter to quarter, and how much of it is more than noise.

A trust's score on a metric is a position, so it moves whenever anyone does. Do trusts keep their places (reliability and
rank correlation: `persistence`; transitions), has this trust changed (`change`), and how many changes of segment would noise
alone give (`pooled_noise`)? Scores run from 1.00 (best) to 4.00 (worst): a negative change is an improvement.

A metric that is published once a year is copied into the quarters between. Such a copy says nothing about stability:
it is left out of reliability and correlation, and adds no evidence to the test of a change.

Sources
-------
Shrout and Fleiss, "Intraclass correlations", Psychological Bulletin 86 (1979): ICC(1,1) and its F interval.
Donner, "A review of inference procedures for the intraclass correlation coefficient in the one-way random effects
model", International Statistical Review 54 (1986): unbalanced groups.
van Houwelingen, Brand and Louis, "Empirical Bayes methods for monitoring health care quality" (2000); Lingsma et al.,
"Comparing and ranking hospitals based on outcome", QJM 103 (2010): rankability.
Paule and Mandel, "Consensus values and weighting factors", Journal of Research of the NBS 87 (1982): tau squared.
Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): false discovery rate.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pandas as pd

# --- The trusts of two quarters side by side, and how they moved between segments ---


def side_by_side(
    standings: pd.DataFrame, before: str, after: str, trust_type: str, not_comparable: Collection[str]
) -> pd.DataFrame:
    """Standings of the trusts in both quarters, side by side on the trust code.

    Returns
    -------
    DataFrame
        On the trusts in both that a merger does not touch: the columns of `National.standings`, each with "_before" and
        "_after".
    """
    ours = standings[(standings["trust_type"] == trust_type) & ~standings["trust_code"].isin(list(not_comparable))]
    first, second = (ours[ours["quarter"] == quarter].set_index("trust_code") for quarter in (before, after))
    return first.merge(second, left_index=True, right_index=True, suffixes=("_before", "_after")).sort_index()


def excluded(
    standings: pd.DataFrame, before: str, after: str, trust_type: str, not_comparable: Collection[str] = ()
) -> pd.DataFrame:
    """Trusts that the comparison of two quarters leaves out; columns trust_code, reason.

    Parameters
    ----------
    standings : DataFrame
        As `recompute.National.standings`.
    before, after, trust_type : str
        Slugs.
    not_comparable : collection of str
        Trusts whose comparison a merger breaks.
    """
    ours = standings[standings["trust_type"] == trust_type]
    first, second = (set(ours.loc[ours["quarter"] == quarter, "trust_code"]) for quarter in (before, after))
    broken = (first | second) & set(not_comparable)
    reasons = [(code, "not comparable: merger") for code in broken]
    reasons += [(code, f"absent in {after}") for code in first - second - broken]
    reasons += [(code, f"absent in {before}") for code in second - first - broken]
    return pd.DataFrame(sorted(reasons), columns=["trust_code", "reason"])


def transitions(
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    adjusted: bool = True,
    not_comparable: Collection[str] = (),
) -> pd.DataFrame:
    """Segments of the trusts in two quarters, after the financial override or (adjusted=False) before it.

    Returns
    -------
    DataFrame
        segment_before, segment_after (1 to 4, every pair), trusts, share (of the trusts that were in segment_before;
        NaN where there were none).
    """
    both = side_by_side(standings, before, after, trust_type, not_comparable)
    name = "segment" if adjusted else "segment_unadjusted"
    steps = pd.MultiIndex.from_product([range(1, 5)] * 2, names=["segment_before", "segment_after"])
    pairs = both[[f"{name}_before", f"{name}_after"]].dropna().astype(int)
    counts = pairs.value_counts().rename_axis(steps.names).reindex(steps, fill_value=0).rename("trusts").reset_index()
    return counts.assign(share=counts["trusts"] / counts.groupby("segment_before")["trusts"].transform("sum"))


# --- One measure of one trust type as a table, trusts by quarters, and which of its quarters are copies ---


# Published scores have 2 decimals, and some quarters go in rounded: less than half a hundredth is no movement.
STILL = 0.005 - 1e-9
AVERAGE = "average"
RANK = "rank"
MOVING = "average of moving metrics"


def panels(scores: pd.DataFrame, standings: pd.DataFrame, trust_type: str) -> dict[str, pd.DataFrame]:
    """Every measure of one trust type as a table of trusts by quarters (NaN where absent).

    Parameters
    ----------
    scores, standings : DataFrame
        As in `recompute.National`.

    Returns
    -------
    dict of DataFrame
        "average" and "rank" (the aggregated metric ranking), "average of moving metrics" (over the metrics that moved
        in every step between quarters: the average without the annual metrics; absent if there are none), and one
        entry a metric id (its score).
    """
    ours = standings[standings["trust_type"] == trust_type]
    counted = scores[(scores["trust_type"] == trust_type) & (scores["weight"] > 0)]
    found = {name: ours.pivot(index="trust_code", columns="quarter", values=name) for name in (AVERAGE, RANK)}
    metrics = {
        metric: part.pivot(index="trust_code", columns="quarter", values="score").reindex(
            columns=found[AVERAGE].columns
        )
        for metric, part in counted.groupby("metric_id")
    }
    lively = [metric for metric, table in metrics.items() if len(releases(table)) == table.shape[1]]
    if lively:
        part = counted[counted["metric_id"].isin(lively)]
        part = part.assign(total=part["score"] * part["weight"]).groupby(["trust_code", "quarter"])
        found[MOVING] = (part["total"].sum() / part["weight"].sum()).unstack("quarter")
    return found | metrics


def releases(panel: pd.DataFrame) -> list[str]:
    """Quarters that bring something new: in a copy, no trust differs from the quarter before.

    Quarters without any value are no release. A trust in one of the two quarters only is no sign of movement.

    Parameters
    ----------
    panel : DataFrame, trusts by quarters
        NaN where absent; quarters in the order of time.
    """
    filled = panel.loc[:, panel.notna().any()]
    kept = list(filled.columns[:1])
    for before, after in pairwise(filled.columns):
        if ((filled[after] - filled[before]).abs() > STILL).any():
            kept.append(after)
    return kept


# --- The standard error of a weighted mean of metric scores, and how far an average is from a segment's edge in it ---


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
