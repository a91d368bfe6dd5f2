"""A trust's own values of one quarter scored among the other trusts' values of another.

Most scores count places, so a score can move although the value behind it did not. Scoring this quarter's own value
among last quarter's others, and the reverse, tells the two apart, wherever the rule and the whole pool are at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from nof.rules import scoring
from nof.rules.framework import Framework, Metric

OWN_AFTER, OWN_BEFORE = "own_after", "own_before"
_RULE = ("shape", "better", "pool", "standard", "floor", "between", "bands", "matrix", "weight", "averaged")


def same_rules(before: Framework, after: Framework) -> frozenset[str]:
    """Score ids that two framework years score by the same rule, and of which both rules are known.

    A metric whose rule is unknown in either year is not among them, even under the same id: that it is scored as before
    would be a guess. Within one year every metric is.
    """
    if before is after or before == after:
        return frozenset(before.by_score)
    return frozenset(
        one
        for one in before.by_score.keys() & after.by_score.keys()
        if before.by_score[one].recomputable
        and after.by_score[one].recomputable
        and all(getattr(before.by_score[one], name) == getattr(after.by_score[one], name) for name in _RULE)
    )


def crossed_scores(
    metrics: pd.DataFrame, before: str, after: str, framework: Framework, wanted: Collection[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Scores of own values among the other trusts' values of the other quarter.

    Parameters
    ----------
    metrics : DataFrame
        `Publication.metrics`.
    before, after : str
        Slugs.
    framework : Framework
        Rules under which both quarters' values are scored.
    wanted : collection of str, optional
        Score ids to look at; all that can be scored from values, if not given.

    Returns
    -------
    dict of DataFrame
        Trusts by score ids, NaN where a trust has no value in both quarters or the pool is not at hand: "own_after" (own
        value of `after` among the others' of `before`) and "own_before" (own value of `before` among those of `after`).
    """
    rows = metrics[metrics["quarter"].isin([before, after])]
    found: dict[str, dict[str, pd.Series]] = {OWN_AFTER: {}, OWN_BEFORE: {}}
    for metric in framework.by_value.values():
        if not metric.recomputable or wanted is not None and metric.score_id not in wanted:
            continue
        own = scoring.value_rows(rows, metric)
        parts = [_pool(part, metric, before, after) for part in _pools(own, rows, metric, framework)]
        for name in found:
            if parts:
                found[name][metric.score_id] = pd.concat([part[name] for part in parts])
    for scores in found.values():
        scores.update(_combined(scores, framework))
    return {name: pd.DataFrame(scores) for name, scores in found.items()}


def _pools(own: pd.DataFrame, rows: pd.DataFrame, metric: Metric, framework: Framework) -> Iterator[pd.DataFrame]:
    if metric.pool == "type":
        yield from (part for _, part in own.groupby("trust_type"))
    elif metric.pool != "national":
        yield own
    elif all(framework.pool_at_hand(part.unique()) for _, part in rows.groupby("quarter")["trust_type"]):
        yield own[own["trust_type"].isin(framework.national_pool)]


def _pool(rows: pd.DataFrame, metric: Metric, before: str, after: str) -> pd.DataFrame:
    """Both crossed scores of the trusts of one pool."""
    wide = rows.drop_duplicates(["quarter", "trust_code"]).pivot(index="trust_code", columns="quarter", values="value")
    wide = wide.reindex(columns=[before, after])
    both = wide.dropna()
    return pd.DataFrame(
        {
            OWN_AFTER: among(both[after], wide[before].dropna(), metric),
            OWN_BEFORE: among(both[before], wide[after].dropna(), metric),
        }
    )


def among(own: pd.Series, others: pd.Series, metric: Metric) -> pd.Series:
    """Score of each trust's value among the others' values, its own among them left out.

    Parameters
    ----------
    own : Series
        On trust codes.
    others : Series
        On trust codes; holds every trust of `own`.
    metric : Metric
        Its rule is known.
    """
    if not metric.ranked:
        return scoring.banded(own, metric.bands)
    sign = 1.0 if metric.better == "low" else -1.0
    mine, theirs, self_then = sign * own.to_numpy(), sign * others.to_numpy(), sign * others[own.index].to_numpy()
    limit = {"standard": metric.standard, "floor": metric.floor}.get(metric.shape)

    def in_ranking(values: np.ndarray) -> np.ndarray:
        """Whether a value takes part in the ranking beside the fixed score."""
        if limit is None:
            return np.ones(len(values), bool)
        return values > sign * limit if metric.shape == "standard" else values <= sign * limit

    ranked = np.sort(theirs[in_ranking(theirs)])
    stood = in_ranking(self_then)
    better = np.searchsorted(ranked, mine, side="left") - (stood & (self_then < mine))
    pool = np.maximum(len(ranked) - stood, 0) + 1
    low, high = scoring.SPAN[metric.shape]
    score = low + (high - low) * better / np.maximum(pool - 1, 1)
    fixed = scoring.FIXED.get(metric.shape, np.nan)
    return pd.Series(np.where(in_ranking(mine), score, fixed), own.index)


def _combined(scores: dict[str, pd.Series], framework: Framework) -> dict[str, pd.Series]:
    """Combined finance scores out of the banded scores of the same quarter: no other trust takes part in them."""
    found = {}
    for metric in framework.metrics:
        if metric.matrix is not None and {metric.matrix.plan, metric.matrix.variance} <= scores.keys():
            plan, variance = scores[metric.matrix.plan], scores[metric.matrix.variance]
            found[metric.score_id] = scoring.combined(plan, variance.reindex(plan.index), metric.matrix)
    return found
