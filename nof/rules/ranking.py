"""From averages to segments and ranks: the aggregated metric ranking (AMR) and individual metric rankings (IMR)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.rules.framework import Framework, Metric
from nof.rules.scoring import competition_rank, round_half_up, value_rows

TRUST = ["quarter", "trust_code"]
_TINY = 1e-9


def flags(metrics: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """What only NHS England can say of a trust: unadjusted segment (OF5003), override flag (OF5004), adjusted one (OF5000).

    Returns
    -------
    DataFrame
        Indexed by quarter and trust_code; segment_unadjusted and segment_published (float, NaN where not published),
        in_deficit (bool), flag_published (whether the flag is there at all).
    """
    ids = framework.summary
    wanted = {
        ids.unadjusted_segment: "segment_unadjusted",
        ids.override_flag: "in_deficit",
        ids.adjusted_segment: "segment_published",
    }
    rows = metrics[metrics["metric_id"].isin(wanted)].drop_duplicates([*TRUST, "metric_id"])
    wide = rows.pivot(index=TRUST, columns="metric_id", values="value").reindex(columns=list(wanted))
    wide = wide.rename(columns=wanted)
    return wide.assign(in_deficit=wide["in_deficit"].eq(1), flag_published=wide["in_deficit"].notna())


def quartile_edges(averages: pd.Series) -> np.ndarray:
    """The three edges between segments 1 to 4 as quartiles of the averages of the whole pool (linear interpolation).

    Which percentile rule NHS England uses is not published; see DEVIATIONS.md.
    """
    return np.quantile(averages.dropna().to_numpy(), [0.25, 0.5, 0.75])


def bracketed_edges(averages: pd.Series, segments: pd.Series) -> pd.DataFrame:
    """Where the edges must lie, given published segments: between the worst average below and the best above.

    Returns
    -------
    DataFrame
        One row an edge (index "1/2", "2/3", "3/4"): above (highest average in the better segments), below (lowest in
        the worse ones), edge (their middle; NaN on the side that no trust shows).
    """
    known = segments.dropna()
    rows = {}
    for better in (1, 2, 3):
        inside, outside = averages[known.index[known <= better]], averages[known.index[known > better]]
        rows[f"{better}/{better + 1}"] = (inside.max(), outside.min())
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["above", "below"])
    return frame.assign(edge=_middle(frame))


def _middle(frame: pd.DataFrame) -> pd.Series:
    """Middle of each bracket; an edge with one side only lies beyond every average on that side."""
    middle = frame[["above", "below"]].mean(axis=1)
    return middle.mask(frame["above"].isna(), -np.inf).mask(frame["below"].isna(), np.inf)


def segment_of(average, edges: np.ndarray):
    """Segment 1 (best) to 4 of an average, given the three edges; an average on an edge is in the better segment."""
    return 1 + (np.asarray(average)[..., None] > np.asarray(edges) + _TINY).sum(axis=-1)


def override(segment, in_deficit, no_better_than: int):
    """Segment after the financial override: a flagged trust can be no better than `no_better_than`."""
    return np.where(in_deficit, np.maximum(segment, no_better_than), segment)


def league_rank(segment: pd.Series, average_score: pd.Series) -> pd.Series:
    """Rank within one trust type by adjusted segment, then by the average at 2 decimals; ties share the best rank."""
    return competition_rank(segment * 1000 + round_half_up(average_score), "low")


def segmented(averages: pd.DataFrame, metrics: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Averages with segments before and after the override, and where the unadjusted one came from.

    The unadjusted segment is recomputed where the rule and the whole national pool are at hand, else it is the
    published OF5003.

    Returns
    -------
    DataFrame
        `averages` with segment_unadjusted, segment, in_deficit, and edges_from ("recomputed" or "published").
    """
    table = averages.merge(flags(metrics, framework).reset_index(), on=TRUST, how="left")
    published, flagged = table.pop("segment_published"), table.pop("flag_published").eq(True)
    table["in_deficit"] = table["in_deficit"].eq(True)
    parts = [_segment_quarter(part, framework) for _, part in table.groupby("quarter")]
    table = pd.concat(parts) if parts else table.assign(edges_from="published")
    adjusted = pd.Series(
        override(table["segment_unadjusted"], table["in_deficit"], framework.override.no_better_than), table.index
    )
    # A year may leave out the unadjusted segment or the flag: then only the published adjusted segment tells.
    told = adjusted.where(flagged & adjusted.notna(), published.fillna(adjusted))
    return table.assign(segment=told)


def _segment_quarter(part: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    edges = known_edges(part, framework)
    if edges is None:
        return part.assign(edges_from="published")
    return part.assign(segment_unadjusted=segment_of(part["average"], edges).astype(float), edges_from="recomputed")


def known_edges(part: pd.DataFrame, framework: Framework) -> np.ndarray | None:
    """Edges that the rules give for one quarter's averages, or None where they or the pool are not at hand."""
    rule = framework.segments
    if rule.rule == "thresholds" and rule.thresholds:
        return rule.edges
    whole = framework.pool_at_hand(part["trust_type"])
    if rule.rule == "quartiles" and rule.pool == "national" and whole:
        return quartile_edges(part["average"][part["trust_type"].isin(framework.national_pool)])
    return None


def edges_for(part: pd.DataFrame, framework: Framework) -> np.ndarray:
    """Three edges to judge one quarter's averages by: the recomputed ones, else the middles of the brackets.

    Parameters
    ----------
    part : DataFrame
        One quarter of `segmented`.
    """
    edges = known_edges(part, framework)
    if edges is not None:
        return edges
    return bracketed_edges(part["average"], part["segment_unadjusted"])["edge"].to_numpy()


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Adds `rank` (the league rank) and `rank_by_average`, both within quarter and trust type."""
    groups = [table["quarter"], table["trust_type"]]
    nowhere = table["segment"].isna().groupby(groups).transform("all")  # no segments at all: by average alone
    key = table["segment"].mask(nowhere, 0) * 1000 + table["average_score"]
    return table.assign(
        rank=key.groupby(groups).rank(method="min"),
        rank_by_average=table["average_score"].groupby(groups).rank(method="min"),
    )


def metric_ranking(metrics: pd.DataFrame, metric: Metric, quarter: str) -> pd.DataFrame:
    """The individual metric ranking: each trust type on its own, ties share the best rank.

    Returns
    -------
    DataFrame
        quarter, trust_type, rank, trust_code, value, units, median, lower_quartile, upper_quartile (of the type, linear
        interpolation), reporting_date; best first.
    """
    rows = value_rows(metrics, metric)
    rows = rows[rows["quarter"] == quarter]
    parts = [_ranked_type(part, metric.better) for _, part in rows.groupby("trust_type")]
    columns = [
        "quarter",
        "trust_type",
        "rank",
        "trust_code",
        "value",
        "units",
        "median",
        "lower_quartile",
        "upper_quartile",
        "reporting_date",
    ]
    return pd.concat(parts)[columns].reset_index(drop=True) if parts else rows.reindex(columns=columns)


def _ranked_type(part: pd.DataFrame, better: str) -> pd.DataFrame:
    lower, middle, upper = np.quantile(part["value"], [0.25, 0.5, 0.75])
    told = part.assign(
        rank=competition_rank(part["value"], better), median=middle, lower_quartile=lower, upper_quartile=upper
    )
    return told.sort_values(["rank", "trust_code"])
