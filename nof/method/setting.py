"""All that is needed to rank one trust type in one quarter again, under other weights, metrics and rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.rules.ranking import known_edges, segment_of
from nof.rules.recompute import National, select, standing
from nof.rules.scoring import matrix, round_half_up

_CHUNK_CELLS = 2_000_000  # choices x trusts x metrics held at once (16 MB)


@dataclass(frozen=True)
class Setting:
    """All that is needed to rank one trust type in one quarter again.

    Attributes
    ----------
    scores : DataFrame, trusts by metrics
        Metric scores (NaN where not scored): of the whole pool where segments are its quartiles, else of the type.
    weights, domains : Series on the metrics
    standing : DataFrame on the trusts of the type
        in_deficit, rank, segment (as published or recomputed).
    rule : {"quartiles", "counts", "thresholds", "none"}
        How averages are cut into segments under another choice. "quartiles": anew, over the whole national pool.
        "counts": the pool is not at hand, so as many trusts of the type in each segment as published (edges kept
        where they are would put everyone in a worse segment whenever a choice raises all averages). "thresholds":
        fixed by the rules. "none": no segment is known, so ranks go by average only.
    cuts : array of 3
        Trusts in segment 1, 1 to 2, 1 to 3 ("counts"), or the thresholds.
    no_better_than : int
        Segment that the override allows at best.
    finance : dict
        Name of each way to leave finance out, and the metrics that go.
    """

    scores: pd.DataFrame
    weights: pd.Series
    domains: pd.Series
    standing: pd.DataFrame
    rule: str
    cuts: np.ndarray
    no_better_than: int
    finance: dict[str, tuple[str, ...]]

    @property
    def members(self) -> np.ndarray:
        """Positions in `scores` of the trusts that are ranked."""
        return self.scores.index.get_indexer(self.standing.index)


def setting(national: National, quarter: str, trust_type: str) -> Setting:
    """The setting of one trust type and quarter, with the rule for segments that the data at hand allow.

    Parameters
    ----------
    quarter, trust_type : str
        Slugs.

    Returns
    -------
    Setting
        For `multiverse`.
    """
    framework, table = national.framework(quarter), standing(national, quarter, trust_type)
    everyone = national.standings[national.standings["quarter"] == quarter]
    rule, cuts = _rule(table, known_edges(everyone, framework), framework.segments.rule)
    types = framework.national_pool if rule == "quartiles" else (trust_type,)
    counted = national.scores[(national.scores["quarter"] == quarter) & national.scores["trust_type"].isin(types)]
    scores, weights = matrix(counted)
    domains = counted.groupby("metric_id")["domain"].first()[scores.columns]
    ids = tuple(one.score_id for one in framework.metrics if one.matrix is not None and one.score_id in scores)
    own = select(counted, quarter, trust_type)["metric_id"].unique()
    return Setting(
        scores,
        weights[scores.columns],
        domains,
        table,
        rule,
        cuts,
        framework.override.no_better_than,
        _finance(domains[domains.index.isin(own)], ids),
    )


def _rule(table: pd.DataFrame, edges: np.ndarray | None, rule: str) -> tuple[str, np.ndarray]:
    if edges is not None:
        return ("thresholds" if rule == "thresholds" else "quartiles"), edges
    if table["segment_unadjusted"].isna().any():
        return "none", np.array([])
    return "counts", np.array([(table["segment_unadjusted"] <= one).sum() for one in (1, 2, 3)])


def _finance(domains: pd.Series, ids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    ways = {"without the finance score": ids} if ids else {}
    wide = domains.index[domains.str.contains("finance", case=False)]
    return ways | ({"without the finance domain": tuple(wide)} if len(wide) else {})


def averages_under(here: Setting, kept: np.ndarray, by_domain: np.ndarray, median: np.ndarray) -> np.ndarray:
    """Average of each trust of the pool under each choice of metrics, weights and statistic.

    Parameters
    ----------
    kept : array of bool, shape (choices, metrics)
    by_domain : array of bool, shape (choices,)
        Equal weight per domain, shared in a domain as the metrics' weights are; else each metric's own weight.
    median : array of bool, shape (choices,)
        Weighted median instead of the mean.

    Returns
    -------
    array, shape (choices, trusts of `here.scores`)
        1.00 is best; NaN where no score is left.
    """
    score = here.scores.to_numpy()
    held = ~np.isnan(score) * here.weights.to_numpy(dtype=float)
    blocks = pd.get_dummies(here.domains).to_numpy(dtype=float)
    step = max(_CHUNK_CELLS // score.size, 1)
    parts = []
    for start in range(0, len(kept), step):
        piece = slice(start, start + step)
        weight = kept[piece, None, :] * held
        with np.errstate(invalid="ignore", divide="ignore"):
            shared = np.nan_to_num(weight / ((weight @ blocks) @ blocks.T))
        weight = np.where(by_domain[piece, None, None], shared, weight)
        parts.append(np.where(median[piece, None], weighted_medians(score, weight), _means(score, weight)))
    return np.concatenate(parts)


def _means(score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.nan_to_num(score) * weight).sum(axis=-1) / weight.sum(axis=-1)


def weighted_medians(score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted median along the last axis: the middle between the lower and the upper one.

    The lower median is the first score at which half the weight is reached, the upper the first at which it is passed;
    with equal weights their middle is the ordinary median. NaN where there is no weight.

    Parameters
    ----------
    score : array, shape (trusts, metrics)
        NaN where missing; its weight is then 0.
    weight : array, shape (..., trusts, metrics)
        0 or more.

    Returns
    -------
    array, shape (..., trusts)
    """
    order = np.argsort(score, axis=-1)
    sorted_score = np.take_along_axis(score, order, axis=-1)
    reached = np.cumsum(np.take_along_axis(weight, np.broadcast_to(order, weight.shape), axis=-1), axis=-1)
    half = reached[..., -1:] / 2
    everyone = np.broadcast_to(sorted_score, weight.shape)
    lower, upper = ((reached >= half - 1e-9).argmax(axis=-1), (reached > half + 1e-9).argmax(axis=-1))
    middle = sum(np.take_along_axis(everyone, one[..., None], axis=-1)[..., 0] for one in (lower, upper)) / 2
    return np.where(half[..., 0] > 0, middle, np.nan)


def segments_under(here: Setting, averages: np.ndarray) -> np.ndarray:
    """Unadjusted segments of the ranked trusts under each choice, by the rule of the setting.

    Parameters
    ----------
    averages : array, shape (choices, trusts of `here.scores`)

    Returns
    -------
    array, shape (choices, `here.members`)
        1 (best) to 4; NaN without an average or where the rule is "none".
    """
    own = averages[:, here.members]
    if here.rule == "none":
        return np.full(own.shape, np.nan)
    if here.rule == "thresholds":
        edges = np.broadcast_to(here.cuts, (len(own), 3))
    elif here.rule == "quartiles":
        edges, some = np.full((len(averages), 3), np.nan), ~np.isnan(averages).all(axis=1)
        edges[some] = np.nanquantile(averages[some], [0.25, 0.5, 0.75], axis=1).T
    else:
        edges = _edges_by_count(own, here.cuts)
    return np.where(np.isnan(own), np.nan, segment_of(own, edges[:, None, :]))


def _edges_by_count(averages: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Edges that leave the published number of trusts in each segment (in proportion where some have no average)."""
    ranked = (~np.isnan(averages)).sum(axis=1)
    ordered = np.column_stack([np.full(len(averages), -np.inf), np.sort(averages, axis=1)])
    places = np.rint(cuts * ranked[:, None] / averages.shape[1]).astype(int)
    return np.take_along_axis(ordered, places, axis=1)


def league_ranks(segments: np.ndarray, averages: np.ndarray) -> np.ndarray:
    """Competition rank in each row by segment, then by the average at 2 decimals; NaN without an average.

    Parameters
    ----------
    segments, averages : arrays, shape (choices, trusts)
        1 and 1.00 are best; 0 for every segment ranks by average alone.

    Returns
    -------
    array, shape (choices, trusts)
        1 is best; ties all take the best rank among them.
    """
    key = segments * 1000 + round_half_up(averages) * 100
    return pd.DataFrame(np.where(np.isnan(averages), np.nan, np.rint(key))).rank(axis=1, method="min").to_numpy()
