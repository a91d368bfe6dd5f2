"""A framework year whose rules nobody has confirmed: what NHS England published stands as it is.

A draft that `nof.rules.inference` works out from published figures is for a person to confirm. Until then none of it is in
force but names and, because likely ranges and contributions cannot be told without any, the weights with which published
scores give the published averages. Averages, segments and places are never computed by it, and every page says so.
"""

from __future__ import annotations

import pandas as pd

from nof.rules import ranking, scoring
from nof.rules.framework import Framework, Metric, Segments, Summary

_TRUST = ["quarter", "trust_code"]
_AS_PUBLISHED = "not confirmed: published scores are used as they are"


def in_force(draft: Framework) -> Framework:
    """What of a draft is used before anybody has confirmed it: names, domains, weights, and where the override stops."""
    kept = {
        name: getattr(draft, name) for name in Framework.model_fields
    }  # a model's own copy keeps what it had cached
    return Framework(
        **kept
        | {
            "national_pool": (),
            "segments": Segments(
                rule="unknown", pool="none", source="the published segments are used", certainty="unknown"
            ),
            "metrics": tuple(_weighed(one) for one in draft.metrics),
        }
    )


def _weighed(metric: Metric) -> Metric:
    named = metric.model_dump(
        include={"value_id", "score_id", "name", "domain", "sub_domain", "units", "weight", "averaged"}
    )
    return Metric(
        **named, better="unknown", shape="not recomputable", pool="unknown", source=_AS_PUBLISHED, certainty="unknown"
    )


def as_published(standings: pd.DataFrame, metrics: pd.DataFrame, ids: Summary) -> pd.DataFrame:
    """Standings with the published averages, segments and ranks in place of computed ones, wherever there are any.

    Parameters
    ----------
    standings : DataFrame
        As `ranking.segmented`.
    metrics : DataFrame
        As `Publication.metrics`.
    ids : Summary
        Ids of the rows that sum a trust up.

    Returns
    -------
    DataFrame
        As `ranking.ranked`. `average` (unrounded) stays where it rounds to the published one. Ranks of a quarter and type
        are the published ones if each trust has one.
    """
    keys = pd.MultiIndex.from_frame(standings[_TRUST])

    def published(metric_id: str, column: str = "value") -> pd.Series:
        """A published figure of each standing; NaN where there is none."""
        rows = metrics[metrics["metric_id"] == metric_id].drop_duplicates(_TRUST).set_index(_TRUST)[column]
        return pd.Series(rows.reindex(keys).to_numpy(), standings.index)

    average = published(ids.average)
    agrees = average.isna() | (scoring.round_half_up(standings["average"]) == average)
    placed = ranking.ranked(
        standings.assign(
            average=standings["average"].where(agrees, average),
            average_score=average.fillna(standings["average_score"]),
            segment_unadjusted=published(ids.unadjusted_segment).fillna(standings["segment_unadjusted"]),
            segment=published(ids.adjusted_segment).fillna(standings["segment"]),
        )
    )
    return placed.assign(
        rank=_whole(placed, published(ids.adjusted_segment, "rank"), "rank"),
        rank_by_average=_whole(placed, published(ids.average, "rank"), "rank_by_average"),
    )


def _whole(standings: pd.DataFrame, published: pd.Series, column: str) -> pd.Series:
    """Published ranks of the quarters and types in which none is missing: two kinds of rank are never mixed."""
    told = published.notna().groupby([standings["quarter"], standings["trust_type"]]).transform("all")
    return published.where(told, standings[column])


def line(framework: Framework) -> str:
    """What every page says of a year whose rules nobody has confirmed; empty for any other."""
    if not framework.draft:
        return ""
    return (
        f"The rules of {framework.framework_year} are not confirmed: averages, segments and places are as published; "
        "likely ranges and contributions rest on weights worked out from the published averages."
        f"{f' {framework.note}' if framework.note else ''}"
    )
