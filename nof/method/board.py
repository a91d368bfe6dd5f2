"""What a board's briefing shows of one trust: frames that are computed when first asked for.

Who it is and what a trust without a place gets: `nof.method.trust`. Where a trust has no place in the quarter's table
there is nothing to show: its frames have no rows, its rows are None.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy

from nof.common import Quarter, kept
from nof.method import improvement, limits, next_segment, peers
from nof.method.contributions import contributions as contributions_of
from nof.method.improvement import Movement
from nof.method.movement_facts import OurDoing, beside_standards, our_doing
from nof.method.next_segment import NextSegment
from nof.method.steps import step_chances
from nof.method.trust import (
    Trust,
    carried_by,
    compared_rows,
    ended,
    figures,
    final_segment,
    first_listed_after,
    held,
    label,
    last_stood,
    listed,
    name,
    open_trust,
    place,
    published_rows,
    recomputed,
    row_of,
    score_rows,
    stands,
    trust_of,
    trust_type,
    trusts,
    unequal,
)
from nof.method.trust_way import NEAR
from nof.rules.recompute import National, select
from nof.rules.short_names import short_name

LEVEL = 0.95
COMMON = 0.5  # share of the type's trusts with a metric above which its absence is worth a remark
FEW = 0.75  # of the median number of metrics over all trusts, at or below which a trust is scored on few
QUARTERS = 8  # most quarters that a trend shows
__all__ = [
    "before",
    "carried_by",
    "chances",
    "change",
    "compared_rows",
    "contributions",
    "directions",
    "edges",
    "gap",
    "names",
    "segment_rule",
    "ended",
    "events",
    "few",
    "figures",
    "final_segment",
    "first_listed_after",
    "goal",
    "held",
    "label",
    "last_stood",
    "listed",
    "method",
    "metrics",
    "missing",
    "movement",
    "name",
    "NEAR",
    "near",
    "near_rows",
    "old",
    "open_trust",
    "others",
    "periods",
    "place",
    "previous",
    "published_rows",
    "quarters",
    "recomputed",
    "row_of",
    "score_rows",
    "scores",
    "sets",
    "standings",
    "stands",
    "steps",
    "subtype",
    "surveys",
    "Trust",
    "trust_of",
    "trust_type",
    "trusts",
    "unequal",
    "unmoved",
    "warm",
    "why_not_compared",
]
# What a briefing asks of the limits of its trust's type, computed before the first one is made.
SHARED = (
    limits.places,
    limits.levels,
    limits.change,
    limits.excluded,
    limits.periods,
    limits.unmoved,
    limits.affected,
    limits.blanks,
    limits.surveys,
    limits.subtypes,
    limits.method,
    limits.paired,
)
LONG = (limits.places, limits.change)  # of these what takes longest, and stands in the tables as well


# --- where the score comes from ---


@kept
def contributions(trust: Trust) -> pd.DataFrame:
    """As `contributions.contributions`."""
    return contributions_of(trust.national, trust.quarter, trust.code)


@kept
def quarters(trust: Trust) -> list[str]:
    """The quarters up to this one in which the trust has a score, oldest first, at most `QUARTERS`."""
    held = _every_score(trust)["quarter"].unique()
    return sorted(one for one in held if one <= trust.quarter)[-QUARTERS:]


@kept
def standings(trust: Trust) -> pd.DataFrame:
    """Its rows of `National.standings`, on the quarters of `quarters`."""
    rows = trust.national.standings
    return rows[rows["trust_code"] == trust.code].set_index("quarter").reindex(quarters(trust))


@kept
def _every_score(trust: Trust) -> pd.DataFrame:
    return trust.national.scores.iloc[score_rows(trust.national).get(trust.code, [])]


@kept
def scores(trust: Trust) -> pd.DataFrame:
    """Metric scores by quarter: metrics in the order of `contributions` by quarters, NaN where not scored."""
    rows = _every_score(trust)[_every_score(trust)["weight"] > 0]
    wide = rows.pivot(index="metric_id", columns="quarter", values="score")
    return wide.reindex(index=contributions(trust)["metric_id"], columns=quarters(trust))


@kept
def metrics(trust: Trust) -> pd.DataFrame:
    """One row for each metric in the average, as a board reads it, the one that worsens it most first.

    Returns
    -------
    DataFrame
        The columns of `contributions` and: name (short, as in a sentence), period (as published), standard (planning
        standard; NaN where there is none), standard_better ("low" or "high"), standard_below (the number itself misses it), standard_met ("met", "not met", "unknown";
        NaN where there is none), and one column a quarter (its slug) with the score. No rows for a trust without a place.
    """
    if trust.view is None:
        return pd.DataFrame()
    year = Quarter.parse(trust.quarter).year_label
    table = contributions(trust)
    short = [short_name(row.description, year, row.value_id, row.metric_id) for row in table.itertuples(index=False)]
    asked = beside_standards(trust.view)
    asked = asked[(asked["trust_code"] == trust.code) & asked["standard"].notna()].drop_duplicates("value_id")
    asked = asked[["value_id", "standard", "better", "below", "verdict"]].set_axis(
        ["value_id", "standard", "standard_better", "standard_below", "standard_met"], axis=1
    )
    table = table.assign(name=short, period=table["reporting_date"]).merge(asked, on="value_id", how="left")
    return table.join(scores(trust), on="metric_id")


# --- what changed ---


@kept
def change(trust: Trust) -> dict | None:
    """Its row of `limits.change` since the quarter before; None where there is none to compare with."""
    if trust.view is None:
        return None
    table = limits.change(trust.view)
    return row_of(table, trust.code) if len(table) and trust.code in set(table["trust_code"]) else None


def previous(trust: Trust) -> str | None:
    """Slug of the quarter before, where the publication holds it."""
    return None if trust.view is None else trust.view.previous_quarter


def gap(trust: Trust) -> str:
    """Why there is no quarter before to compare with, as `View.gap`; empty where there is one."""
    return "" if trust.view is None or previous(trust) is not None else trust.view.gap


def names(trust: Trust) -> dict[str, str]:
    """Short names of its metrics, by the id of the score."""
    return {} if trust.view is None else dict(metrics(trust).set_index("metric_id")["name"])


def segment_rule(trust: Trust) -> str:
    """How segments are cut in the quarter, as in the framework's rules: "quartiles", "thresholds", "unknown"."""
    return trust.national.framework(trust.quarter).segments.rule


@kept
def edges(trust: Trust) -> pd.DataFrame:
    """The edges between segments in this quarter, as brackets where they are not known: rows of `limits.edges`."""
    if trust.view is None:
        return pd.DataFrame()
    table = limits.edges(trust.view)
    return table[table["quarter"] == trust.quarter]


def directions(trust: Trust) -> pd.DataFrame:
    """Which way each of its scores and values went since the quarter before: its rows of `limits.directions`."""
    if trust.view is None:
        return pd.DataFrame()
    table = limits.directions(trust.view)
    return table[table["trust_code"] == trust.code]


def movement(trust: Trust) -> OurDoing | None:
    """Its change of place since the quarter before by cause; see `movement_facts.our_doing`. None without that quarter."""
    if trust.view is None or previous(trust) is None:
        return None
    return our_doing(trust.national, previous(trust), trust.quarter, trust_type(trust), trust.code)


@kept
def before(trust: Trust) -> dict | None:
    """Its standing in the quarter before; None where it has none, or has no place now."""
    if trust.view is None:
        return None
    rows = standings(trust)
    return rows.loc[previous(trust)].to_dict() if previous(trust) in rows.index else None


@kept
def why_not_compared(trust: Trust) -> str | None:
    """Why the quarter before is no comparison; None where it is one, or where there is no such quarter."""
    if trust.view is None:
        return None
    table = limits.excluded(trust.view)
    found = table.loc[table["trust_code"] == trust.code, "reason"]
    return found.iloc[0] if len(found) else None


# --- what it would take ---


@kept
def goal(trust: Trust) -> NextSegment | None:
    """As `next_segment.next_segment`; None for a trust without a place."""
    if trust.view is None:
        return None
    return next_segment.next_segment(trust.national, trust.quarter, trust.code)


@kept
def steps(trust: Trust) -> pd.DataFrame:
    """As `improvement.steps`, with the columns of `steps.step_chances` from gain_needed on: those that can do it first,
    and among them the one whose score trusts that started nearby have bettered that far most often."""
    if trust.view is None:
        return pd.DataFrame()
    table = improvement.steps(trust.national, trust.quarter, trust.code)
    often = step_chances(trust.national, trust.quarter, trust.code)
    often = often[["metric_id", *often.columns[often.columns.get_loc("gain_needed") :]]]
    table = table.merge(often, on="metric_id", how="left")
    made = (table["nearby_made"] / table["nearby"].where(table["nearby"] > 0)).astype(float)
    table = table.assign(closes=table["closes"].astype(bool), made=made)
    table = table.sort_values(["closes", "made", "metric_id"], ascending=[False, False, True], ignore_index=True)
    return table.drop(columns="made")


@kept
def sets(trust: Trust) -> pd.DataFrame:
    """As `improvement.smallest_sets`; no rows for a trust without a place."""
    if trust.view is None:
        return pd.DataFrame()
    return improvement.smallest_sets(trust.national, trust.quarter, trust.code)


@kept
def others(trust: Trust) -> Movement | None:
    """As `improvement.movement_of_others`; None for a trust without a place."""
    if trust.view is None:
        return None
    return improvement.movement_of_others(trust.national, trust.quarter, trust.code)


# --- how firm it is ---


@kept
def chances(trust: Trust) -> pd.DataFrame | None:
    """Share of redraws in each segment (the index) by the average and after the override; None where not known."""
    if trust.view is None:
        return None
    by_average = limits.chances_by_average(trust.view)
    if by_average is None:
        return None
    after = [place(trust)[f"redraw_{segment}"] for segment in (1, 2, 3, 4)]
    return pd.DataFrame({"by_average": by_average.loc[trust.code], "after": after}, index=[1, 2, 3, 4])


@kept
def method(trust: Trust) -> dict | None:
    """Its row of `limits.method`: the range of its places with the three spans of `choices.spans`."""
    if trust.view is None:
        return None
    return row_of(limits.method(trust.view), trust.code)


@kept
def periods(trust: Trust) -> pd.DataFrame:
    """The period of each of its own metrics: rows of `Limits.periods`, the oldest last."""
    table = limits.periods(trust.view)
    own = table[table["metric_id"].isin(contributions(trust)["metric_id"])]
    return own.drop_duplicates("metric_id", keep="last")


def old(trust: Trust) -> pd.DataFrame:
    """Its metrics whose data end before the quarter begins."""
    first = pd.Timestamp(Quarter.parse(trust.quarter).first_day)
    return periods(trust)[periods(trust)["last_day"] < first]


@kept
def unmoved(trust: Trust) -> tuple[str, ...]:
    """Descriptions of its metrics whose period is that of the quarter before."""
    still = limits.unmoved(trust.view) or ()
    own = contributions(trust).set_index("metric_id")["description"]
    return tuple(own[one] for one in own.index if one in still)


@kept
def missing(trust: Trust) -> pd.DataFrame:
    """Metrics that most of its type are scored on and it is not: metric_id, description, trusts, and merger (bool:
    its window spans a merger of the trust)."""
    metrics = trust.view.metrics
    most = metrics[
        (metrics["trusts"] > COMMON * trusts(trust)) & ~metrics["metric_id"].isin(contributions(trust)["metric_id"])
    ]
    blank = limits.blanks(trust.view)
    numbers = set(blank.loc[blank["trust_code"] == trust.code, "metric_id"].str[3:]) if len(blank) else set()
    return most[["metric_id", "description", "trusts"]].assign(merger=most["metric_id"].str[3:].isin(numbers))


def few(trust: Trust) -> float | None:
    """Median number of metrics over all trusts, if this trust is scored on few beside that."""
    if trust.view is None:
        return None
    rows = trust.national.standings
    middle = float(rows.loc[rows["quarter"] == trust.quarter, "metrics_scored"].median())
    return middle if place(trust)["metrics_scored"] <= FEW * middle else None


def events(trust: Trust) -> pd.DataFrame:
    """Mergers that touch the trust; see `lineage.affected`."""
    table = limits.affected(trust.view)
    return table[table["trust_code"] == trust.code]


def surveys(trust: Trust) -> tuple[str, ...]:
    """Surveys that end before, or span, the last merger into the trust."""
    table = limits.surveys(trust.view)
    return tuple(table.loc[table["trust_code"] == trust.code, "description"])


# --- like for like ---


@kept
def subtype(trust: Trust) -> dict | None:
    """Its row of `limits.subtypes`: rank within its subtype. None for a trust without a place."""
    if trust.view is None:
        return None
    return row_of(limits.subtypes(trust.view), trust.code)


@kept
def near(trust: Trust) -> pd.DataFrame:
    """The peers most like it in what they are scored on: at least `NEAR`, and all that are as near as the last of them.

    Returns
    -------
    DataFrame
        The trust first, then its peers, nearest first: trust_code, trust_name, rank, average_score, segment,
        metrics, shared, in_common, same_region, group, group_size, tied (see `peers.peers`: trusts of one group are
        equally near, and their order says nothing), difference (this trust less the peer, on shared metrics; negative: this trust is
        better), low and high (95% range of the difference; NaN where it cannot be told).
    """
    if trust.view is None:
        return pd.DataFrame()
    league = trust.view.league.set_index("trust_code")
    table = peers.peers(trust.code, limits.matrix(trust.view)[0], league["trust_subtype"], NEAR, league["region"])
    paired = limits.paired(trust.view)
    difference, error, freedom = (
        part.loc[trust.code, table.index] for part in (paired.difference, paired.standard_error, paired.freedom)
    )
    with np.errstate(invalid="ignore"):
        reach = error.where((error > 0) & (freedom > 0)) * scipy.special.stdtrit(freedom, (1 + LEVEL) / 2)
    table = table.assign(difference=difference, low=difference - reach, high=difference + reach)
    own = pd.DataFrame({"metrics": [int(place(trust)["metrics_scored"])]}, index=[trust.code])
    shown = league[["trust_name", "rank", "average_score", "segment"]]
    return pd.concat([own, table]).join(shown).rename_axis("trust_code").reset_index()


@kept
def near_rows(trust: Trust) -> pd.DataFrame:
    """`near` as it is shown: a group of more than `NEAR` equally near trusts is one row.

    Returns
    -------
    DataFrame
        The trust first: name, trust_code (of a group all, joined by "; "), trusts (in the row), same_region, rank_low and rank_high (best and worst place), average
        (median), shared (metrics), difference (median; as `near`), low and high (of a single trust its 95% range; of a
        group the least and the greatest difference), alone (a single trust).
    """
    if trust.view is None:
        return pd.DataFrame()
    rows = []
    for group, part in near(trust).groupby(near(trust)["group"].fillna(0), sort=True):
        whole = group > 0 and len(part) > NEAR
        for _, one in [(group, part)] if whole else part.groupby(np.arange(len(part))):
            ends = one["difference"] if whole else one.iloc[0]
            rows.append(
                {
                    "name": f"{len(one)} trusts, equally near" if whole else one["trust_name"].iloc[0],
                    "trust_code": "; ".join(one["trust_code"]),
                    "trusts": len(one),
                    "same_region": one["same_region"].iloc[0],
                    "rank_low": one["rank"].min(),
                    "rank_high": one["rank"].max(),
                    "average": one["average_score"].median(),
                    "segment": one["segment"].iloc[0] if one["segment"].nunique() == 1 else np.nan,
                    "shared": one["shared"].iloc[0],
                    "difference": one["difference"].median(),
                    "low": ends.min() if whole else ends["low"],
                    "high": ends.max() if whole else ends["high"],
                    "alone": not whole,
                }
            )
    return pd.DataFrame(rows)


def warm(national: National, quarter: str, trust_types: Iterable[str], few: bool = False) -> None:
    """Compute what the briefings of a type's trusts share, once, before processes are forked.

    Parameters
    ----------
    few : bool
        There are hardly any: only what is in `LONG`.
    """
    for one in trust_types:
        standing = select(national.standings, quarter, one)
        if standing.empty:
            continue
        trust = trust_of(national, quarter, standing["trust_code"].iloc[0])
        for shared in LONG if few else SHARED:
            shared(trust.view)
        for own in () if few else (metrics, steps, sets, others, chances, recomputed, near, movement):
            own(trust)
