"""Like with like: ranks within a trust's own subtype, peers of one trust, and differences over shared metrics.

NHS England ranks all trusts of a type in one table, though a community trust is scored on fewer metrics, and partly on
others, than a mental health trust. Ranks: 1 is best; scores: 1.00 is best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.method.association import spearman_interval

LEVEL = 0.95
PEERS = 10
ROUNDING = 1e-7  # a standard error below this is float noise in sums of squares near 1, hence zero


# --- subtypes ---


def subtype_ranks(standing: pd.DataFrame, subtypes: pd.Series) -> pd.DataFrame:
    """Rank of each trust within its subtype beside its rank in the whole table.

    Parameters
    ----------
    standing : DataFrame
        One quarter and trust type on the trust codes, with `rank` (as `recompute.standing`, or a league table).
    subtypes : Series on the trust codes
        Subtype as published; a trust without one has no rank within it.

    Returns
    -------
    DataFrame
        On the trusts: trust_subtype, rank, trusts, rank_in_subtype, trusts_in_subtype, specialist (bool).
    """
    table = pd.DataFrame({"trust_subtype": subtypes.reindex(standing.index), "rank": standing["rank"]})
    groups = table.groupby("trust_subtype")["rank"]
    return table.assign(
        trusts=int(table["rank"].notna().sum()),
        rank_in_subtype=groups.rank(method="min"),
        trusts_in_subtype=groups.transform("count"),
        specialist=is_specialist(table["trust_subtype"]),
    )


def is_specialist(subtypes: pd.Series) -> pd.Series:
    """Whether a subtype, as published, is one of specialist trusts."""
    return subtypes.fillna("").str.contains("specialist", case=False)


def without_specialists(standing: pd.DataFrame, subtypes: pd.Series) -> pd.DataFrame:
    """The league table as it would stand with the specialist trusts in a table of their own.

    The order stays; places are counted anew among the others, and among the specialists.

    Returns
    -------
    DataFrame
        On the trusts: trust_subtype, specialist, rank, rank_apart, trusts_apart, places (rank less rank_apart: how many
        specialist trusts, or for a specialist other trusts, stand before it).
    """
    specialist = is_specialist(subtypes.reindex(standing.index))
    groups = standing["rank"].groupby(specialist)
    apart = groups.rank(method="min")
    return pd.DataFrame(
        {
            "trust_subtype": subtypes.reindex(standing.index),
            "specialist": specialist,
            "rank": standing["rank"],
            "rank_apart": apart,
            "trusts_apart": groups.transform("count"),
            "places": standing["rank"] - apart,
        }
    )


def metrics_by_subtype(league: pd.DataFrame) -> pd.DataFrame:
    """How many metrics each subtype is scored on, and how wide its likely ranges are.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`.

    Returns
    -------
    DataFrame
        On trust_subtype: trusts, metrics_fewest, metrics_median, metrics_most, average_width and rank_width (medians of
        the likely range's width; of the rank in places, both ends counted), average_median, rank_median (may lie
        between two ranks).
    """
    return (
        _widths(league)
        .groupby("trust_subtype")
        .agg(
            trusts=("trust_code", "size"),
            metrics_fewest=("metrics_scored", "min"),
            metrics_median=("metrics_scored", "median"),
            metrics_most=("metrics_scored", "max"),
            average_width=("average_width", "median"),
            rank_width=("rank_width", "median"),
            average_median=("average_score", "median"),
            rank_median=("rank", "median"),
        )
    )


def _widths(league: pd.DataFrame) -> pd.DataFrame:
    return league.assign(
        average_width=league["average_high"] - league["average_low"],
        rank_width=league["rank_high"] - league["rank_low"] + 1,
    )


def width_correlations(league: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Rank correlation of the number of metrics with the width of the likely range (negative: few metrics, wide range).

    A trust's place matters too: ranks cannot spread beyond the ends of the table.

    Returns
    -------
    DataFrame
        On "average_width" and "rank_width": trusts, spearman, spearman_low, spearman_high (Bonett and Wright).
    """
    table, rows = _widths(league), {}
    for name in ("average_width", "rank_width"):
        pair = table[["metrics_scored", name]].dropna()
        rows[name] = (len(pair), *spearman_interval(pair["metrics_scored"], pair[name], level))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["trusts", "spearman", "spearman_low", "spearman_high"])


# --- peers of one trust ---


def peers(
    trust_code: str,
    scores: pd.DataFrame,
    subtypes: pd.Series,
    number: int = PEERS,
    regions: pd.Series | None = None,
) -> pd.DataFrame:
    """The trusts most like one trust in what they are scored on, with every tie in sight. Performance plays no part.

    Of its subtype, in this order: the larger share of metrics in common (shared by both over scored in either:
    Jaccard), the nearer number of metrics, the same region. Trusts that are alike in all three are equally near: they
    make one group, which is never cut, and within which the order (by code) says nothing. The files hold no size or
    case mix by which to tell them apart.

    Parameters
    ----------
    trust_code : str
    scores : DataFrame, trusts by metrics (NaN where not scored)
    subtypes : Series on the trust codes
    number : int
        Peers wanted at least; more where a group would be cut, fewer where the subtype has fewer.
    regions : Series on the trust codes, optional
        Without it the region plays no part.

    Returns
    -------
    DataFrame
        On the trusts, nearest first: trust_subtype, metrics, shared, in_common (0 to 1), same_region (missing where a
        region is not known), group (1 is nearest; trusts of one group are equally near), group_size, tied (whether the
        group has others).

    Raises
    ------
    KeyError
        If the trust has no scores.
    """
    has = scores.notna()
    own, count = has.loc[trust_code], has.sum(axis=1)
    kinds = subtypes.reindex(scores.index)
    places = pd.Series(np.nan, scores.index) if regions is None else regions.reindex(scores.index)
    shared = has.to_numpy(dtype=int) @ own.to_numpy(dtype=int)
    same = places.eq(places[trust_code]).astype("boolean").mask(places.isna() | pd.isna(places[trust_code]))
    table = pd.DataFrame(
        {
            "trust_subtype": kinds,
            "metrics": count,
            "shared": shared,
            "in_common": shared / (count + own.sum() - shared),
            "same_region": same,
        },
        index=scores.index,
    )
    table = table[(kinds == kinds[trust_code]) & (table.index != trust_code)].rename_axis("trust_code")
    keys = [-table["in_common"].round(9), (table["metrics"] - own.sum()).abs(), ~table["same_region"].fillna(False)]
    order = pd.MultiIndex.from_arrays(keys).to_flat_index()
    group = pd.Series(order, index=table.index).rank(method="dense").astype(int) if len(table) else count[:0]
    table = table.assign(group=group, group_size=group.map(group.value_counts()).astype(int))
    table = table.assign(tied=table["group_size"] > 1).sort_values(["group", "trust_code"])
    last = table["group"].iloc[min(number, len(table)) - 1] if len(table) and number > 0 else 0
    return table[table["group"] <= last]


# --- differences between every two trusts ---


class PairedErrors(NamedTuple):
    """Differences between every two trusts; each a frame of trusts by trusts (row less column).

    Attributes
    ----------
    difference, standard_error : DataFrame
        NaN where fewer than two metrics are shared (the difference: fewer than one).
    shared : DataFrame
        Metrics that both have.
    freedom : DataFrame
        Degrees of freedom of the standard error (Kish; with equal weights shared - 1).
    """

    difference: pd.DataFrame
    standard_error: pd.DataFrame
    shared: pd.DataFrame
    freedom: pd.DataFrame


def paired_difference_errors(scores: pd.DataFrame, weights: pd.Series) -> PairedErrors:
    """Difference between every two trusts over the metrics that both have, with its standard error.

    What it estimates is the difference on common ground, like with like; it is not the difference of the published
    averages, which also hold what only one of the two is scored on. The error is that of `weighted_errors` over the
    differences metric by metric, so what the two trusts have in common on a metric cancels.

    Parameters
    ----------
    scores : DataFrame, trusts by metrics (NaN where not scored); weights : Series on the metrics
    """
    weight = weights[scores.columns].to_numpy(dtype=float)
    has = scores.notna().to_numpy(dtype=float)
    # Centring each metric changes no difference, and keeps the sums of squares exact.
    score = (scores - scores.mean()).fillna(0).to_numpy()
    shared, total = has @ has.T, (has * weight) @ has.T
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = _sum_of_differences(score, has, weight) / total
        squares = _sum_of_differences(score**2, has, weight**2, sign=1) - 2 * (score * weight**2) @ score.T
        heavy = (has * weight**2) @ has.T
        squares += difference * (difference * heavy - 2 * _sum_of_differences(score, has, weight**2))
        error = np.sqrt(np.clip(squares, 0, None) * shared / (shared - 1)) / total
        freedom = total**2 / heavy - 1
    error = np.where(shared > 1, np.where(error < ROUNDING, 0.0, error), np.nan)
    np.fill_diagonal(error, 0.0)
    return PairedErrors(
        *(pd.DataFrame(part, scores.index, scores.index) for part in (difference, error, shared.astype(int), freedom))
    )


def _sum_of_differences(score: np.ndarray, has: np.ndarray, weight: np.ndarray, sign: int = -1) -> np.ndarray:
    part = (score * weight) @ has.T
    return part + sign * part.T
