"""One trust in one quarter, as its board's briefing sees it: frames that are computed when first asked for.

What holds for a whole type (the league table, its limits) is computed once for a publication and kept with it, so that
205 briefings forked from one process share it: see `warm`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from nof.common import InputError, Problem, Quarter, kept
from nof.method import improvement, limits, lineage, peers
from nof.method.contributions import contributions as contributions_of
from nof.method.improvement import Movement, NextSegment
from nof.method.steps import step_chances
from nof.method.view import View, compared, mergers_of, open_publication, view_of
from nof.rules import reconcile
from nof.rules.recompute import National, choose_quarter, select

# --- What the briefings of all trusts share, computed once for a publication ---


@kept
def score_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.scores`."""
    return national.scores.groupby("trust_code").indices


@kept
def domain_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.domains`."""
    return national.domains.groupby("trust_code").indices


@kept
def published_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `Publication.metrics`."""
    return national.publication.metrics.groupby("trust_code").indices


@kept
def compared_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in the reconciliation."""
    return compared(national.publication).groupby("trust_code").indices


@kept
def type_medians(national: National, trust_type: str) -> pd.DataFrame:
    """Median score of a type: metrics (and "average") by quarters."""
    rows = national.scores[(national.scores["trust_type"] == trust_type) & (national.scores["weight"] > 0)]
    table = rows.groupby(["metric_id", "quarter"])["score"].median().unstack("quarter")
    ours = national.standings[national.standings["trust_type"] == trust_type]
    table.loc["average"] = ours.groupby("quarter")["average"].median()
    return table


@kept
def domain_medians(national: National, trust_type: str, quarter: str) -> pd.Series:
    """Median domain score of a type in a quarter, on the domains."""
    return select(national.domains, quarter, trust_type).groupby("domain")["domain_score"].median()


# --- One trust in one quarter, as its board's briefing sees it: frames that are computed when first asked for ---


NEAR = 5  # like-for-like peers shown
LEVEL = 0.95
COMMON = 0.5  # share of the type's trusts with a metric above which its absence is worth a remark
FEW = 0.75  # of the median number of metrics over all trusts, at or below which a trust is scored on few
QUARTERS = 8  # most quarters that a trend shows
SUMMARY = {
    "OF5000.rank": "its place",
    "OF5000": "its segment",
    "OF5002": "its average",
    "OF5003": "its segment before the override",
}
# What a briefing asks of the limits of its trust's type, computed before the first one is made.
SHARED = (
    limits.places,
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


@dataclass(frozen=True, eq=False)
class Trust:
    """One trust in one quarter: what every function of this module is asked of, and where results are kept.

    Attributes
    ----------
    national : National
    quarter, code : str
        Slug, and trust code.
    view : View or None
        The table of its type; None where the trust has no place in the quarter's table.
    """

    national: National
    quarter: str
    code: str
    view: View | None = field(repr=False)


# --- who it is ---


def stands(trust: Trust) -> bool:
    """Whether the trust has a place in this quarter's table."""
    return trust.view is not None


def label(trust: Trust) -> str:
    """The quarter in words: "Q4 2025/26"."""
    return Quarter.parse(trust.quarter).label


@kept
def listed(trust: Trust) -> pd.DataFrame:
    """The trust's rows of `Publication.trusts`, oldest first."""
    trusts = trust.national.publication.trusts
    return trusts[trusts["trust_code"] == trust.code].sort_values("quarter")


@kept
def name(trust: Trust) -> str:
    """Its name in this quarter, or else in the nearest one that has it."""
    upto = listed(trust)[listed(trust)["quarter"] <= trust.quarter]
    return (upto.iloc[-1] if len(upto) else listed(trust).iloc[0])["trust_name"]


def trust_type(trust: Trust) -> str:
    """Slug of its type."""
    return listed(trust)["trust_type"].iloc[-1] if trust.view is None else trust.view.trust_type


@kept
def place(trust: Trust) -> dict:
    """Its row of `Limits.places`: rank, average, likely ranges, segments, confidence set, chances."""
    return _one(limits.places(trust.view), trust.code)


def trusts(trust: Trust) -> int:
    """Trusts in its table."""
    return len(trust.view.league)


def held(trust: Trust) -> bool:
    """The financial override holds it in a worse segment than its average gives."""
    return bool(place(trust)["segment"] > place(trust)["segment_unadjusted"])


@kept
def final_segment(trust: Trust) -> int | None:
    """Segment that NHS England set after looking at capability (OF5005), where that differs from the league's."""
    rows = _published(trust)
    found = rows.loc[rows["metric_id"] == "OF5005", "value"].dropna()
    own = place(trust)["segment"]
    return int(found.iloc[0]) if len(found) and found.iloc[0] != own else None


@kept
def _published(trust: Trust) -> pd.DataFrame:
    rows = trust.national.publication.metrics
    rows = rows.iloc[published_rows(trust.national).get(trust.code, [])]
    return rows[rows["quarter"] == trust.quarter]


@kept
def recomputed(trust: Trust) -> pd.DataFrame:
    """Its published figures beside ours, each once: rows of `reconcile.compare`, and equal (bool)."""
    rows = compared(trust.national.publication)
    rows = rows.iloc[compared_rows(trust.national).get(trust.code, [])]
    rows = rows[(rows["quarter"] == trust.quarter) & ~rows["rule"].str.endswith(".grid")]
    return rows.assign(equal=reconcile.equal(rows)).sort_values("level").drop_duplicates("rule", keep="last")


def figures(trust: Trust) -> tuple[int, int]:
    """How many published figures of this trust and quarter were recomputed, and how many came out equal."""
    return len(recomputed(trust)), int(recomputed(trust)["equal"].sum())


def unequal(trust: Trust) -> list[str]:
    """Which of place, average and segments are not what was published, in words."""
    missed = set(recomputed(trust).loc[~recomputed(trust)["equal"], "rule"])
    return [name for rule, name in SUMMARY.items() if rule in missed]


# --- where the score comes from ---


@kept
def contributions(trust: Trust) -> pd.DataFrame:
    """As `contributions.contributions`."""
    return contributions_of(trust.national, trust.quarter, trust.code)


@kept
def median_average(trust: Trust) -> float:
    """Average that the median trust of the type would have on this trust's metrics."""
    return float(goal(trust).average - contributions(trust)["contribution"].sum())


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
def medians(trust: Trust) -> pd.DataFrame:
    """The median score of the type's trusts on the same metrics and quarters, and on "average"."""
    table = type_medians(trust.national, trust_type(trust))
    return table.reindex(index=["average", *scores(trust).index], columns=quarters(trust))


@kept
def domains(trust: Trust) -> pd.DataFrame:
    """Domain scores by quarter, on the domains, and "median": of the type in this quarter."""
    rows = trust.national.domains.iloc[domain_rows(trust.national).get(trust.code, [])]
    wide = rows.pivot(index="domain", columns="quarter", values="domain_score").reindex(columns=quarters(trust))
    middle = domain_medians(trust.national, trust_type(trust), trust.quarter)
    return wide.assign(median=middle.reindex(wide.index)).dropna(subset=[trust.quarter])


# --- what changed ---


@kept
def change(trust: Trust) -> dict | None:
    """Its row of `volatility.changes` since the quarter before; None where there is none to compare with."""
    table = limits.change(trust.view)
    return _one(table, trust.code) if len(table) and trust.code in set(table["trust_code"]) else None


def previous(trust: Trust) -> str | None:
    """Slug of the quarter before, where the publication holds it."""
    return trust.view.previous_quarter


@kept
def before(trust: Trust) -> dict | None:
    """Its standing in the quarter before."""
    rows = standings(trust)
    return rows.loc[previous(trust)].to_dict() if previous(trust) in rows.index else None


@kept
def why_not_compared(trust: Trust) -> str | None:
    """Why the quarter before is no comparison; None where it is one, or where there is no such quarter."""
    table = limits.excluded(trust.view)
    found = table.loc[table["trust_code"] == trust.code, "reason"]
    return found.iloc[0] if len(found) else None


# --- what it would take ---


@kept
def goal(trust: Trust) -> NextSegment:
    """As `improvement.next_segment`."""
    return improvement.next_segment(trust.national, trust.quarter, trust.code)


@kept
def steps(trust: Trust) -> pd.DataFrame:
    """As `improvement.steps`, with the columns of `steps.step_chances` from gain_needed on: those that can do it first,
    and among them the one whose score trusts that started nearby have bettered that far most often."""
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
    """As `improvement.smallest_sets`."""
    return improvement.smallest_sets(trust.national, trust.quarter, trust.code)


@kept
def others(trust: Trust) -> Movement:
    """As `improvement.movement_of_others`."""
    return improvement.movement_of_others(trust.national, trust.quarter, trust.code)


# --- how firm it is ---


@kept
def chances(trust: Trust) -> pd.DataFrame | None:
    """Chance of each segment (the index) by the average and after the override; None where not known."""
    drawn = trust.view.redrawn
    if drawn is None:
        return None
    by_average = limits.chances_by_average(trust.view)
    after = [place(trust)[f"redraw_{segment}"] for segment in (1, 2, 3, 4)]
    return pd.DataFrame({"by_average": by_average.loc[trust.code], "after": after}, index=[1, 2, 3, 4])


@kept
def method(trust: Trust) -> dict:
    """Its row of `Limits.method`: the range of its places with the three spans of `choices.spans`."""
    return _one(limits.method(trust.view), trust.code)


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
def subtype(trust: Trust) -> dict:
    """Its row of `Limits.subtypes`: rank within its subtype."""
    return _one(limits.subtypes(trust.view), trust.code)


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
    league = trust.view.league.set_index("trust_code")
    table = peers.peers(trust.code, limits.matrix(trust.view)[0], league["trust_subtype"], NEAR, league["region"])
    paired = limits.paired(trust.view)
    difference, error, freedom = (
        part.loc[trust.code, table.index] for part in (paired.difference, paired.standard_error, paired.freedom)
    )
    with np.errstate(invalid="ignore"):
        reach = error.where((error > 0) & (freedom > 0)) * stats.t.ppf((1 + LEVEL) / 2, freedom)
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
        The trust first: name, trusts (in the row), same_region, rank_low and rank_high (best and worst place), average
        (median), shared (metrics), difference (median; as `near`), low and high (of a single trust its 95% range; of a
        group the least and the greatest difference), alone (a single trust).
    """
    rows = []
    for group, part in near(trust).groupby(near(trust)["group"].fillna(0), sort=True):
        whole = group > 0 and len(part) > NEAR
        for _, one in [(group, part)] if whole else part.groupby(np.arange(len(part))):
            ends = one["difference"] if whole else one.iloc[0]
            rows.append(
                {
                    "name": f"{len(one)} trusts, equally near" if whole else one["trust_name"].iloc[0],
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


# --- where there is no place in the table ---


@kept
def last_stood(trust: Trust) -> dict | None:
    """Its standing in the last quarter before this one in which it had a place, and how many trusts there were."""
    rows = trust.national.standings
    own = rows[(rows["trust_code"] == trust.code) & (rows["quarter"] < trust.quarter)].sort_values("quarter")
    if own.empty:
        return None
    row = own.iloc[-1].to_dict()
    return row | {"trusts": len(select(rows, row["quarter"], row["trust_type"]))}


@kept
def first_listed_after(trust: Trust) -> str | None:
    """The first later quarter in which it is listed, if it is in no earlier one."""
    after = listed(trust)[listed(trust)["quarter"] > trust.quarter]
    upto = listed(trust)[listed(trust)["quarter"] <= trust.quarter]
    return after["quarter"].iloc[0] if len(after) and upto.empty else None


@kept
def carried_by(trust: Trust) -> pd.DataFrame:
    """The trusts that carry its services on the quarter's last day: trust_code, trust_name, rank (NaN where they
    have no place), trust_type. No rows where no merger is known."""
    on = Quarter.parse(trust.quarter).last_day
    codes = sorted(lineage.lineage(trust.code, on, mergers_of(trust.national)) - {trust.code})
    rows = trust.national.standings
    places = rows[rows["quarter"] == trust.quarter].set_index("trust_code")[["rank", "trust_type"]]
    known = mergers_of(trust.national).drop_duplicates("successor_code").set_index("successor_code")["successor_name"]
    trusts = trust.national.publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
    names = trusts.set_index("trust_code")["trust_name"].reindex(codes).fillna(known.reindex(codes))
    return names.to_frame().join(places).rename_axis("trust_code").reset_index()


@kept
def ended(trust: Trust) -> pd.Timestamp | None:
    """The day on which a merger ended it, where one is known by the quarter's last day."""
    on = pd.Timestamp(Quarter.parse(trust.quarter).last_day)
    rows = mergers_of(trust.national)[
        (mergers_of(trust.national)["predecessor_code"] == trust.code)
        & (mergers_of(trust.national)["effective_date"] <= on)
    ]
    return rows["effective_date"].max() if len(rows) else None


def _one(table: pd.DataFrame, code: str) -> dict:
    """The row of one trust."""
    return table.iloc[int(np.flatnonzero(table["trust_code"].to_numpy() == code)[0])].to_dict()


def trust_of(national: National, quarter: str, code: str) -> Trust:
    """One trust, whether it has a place in the quarter's table or not.

    Raises
    ------
    InputError
        A code that the publication holds in no quarter.
    """
    known = set(national.publication.trusts["trust_code"])
    if code not in known:
        raise InputError(
            Problem("trust", "is not in this publication", value=code, expected=f"one of its {len(known)} trust codes")
        )
    rows = national.standings[national.standings["quarter"] == quarter]
    kinds = rows.loc[rows["trust_code"] == code, "trust_type"]
    return Trust(national, quarter, code, view_of(national, quarter, kinds.iloc[0]) if len(kinds) else None)


def open_trust(data: str | Path, quarter: str | None, trust: str) -> Trust:
    """Open one trust in one quarter of the publication in a folder."""
    national = open_publication(data)
    return trust_of(national, choose_quarter(national.publication, quarter), trust)


def warm(national: National, quarter: str, trust_types: Iterable[str]) -> None:
    """Compute everything that the briefings of a type's trusts share, once, before processes are forked."""
    for trust_type in trust_types:
        standing = select(national.standings, quarter, trust_type)
        if standing.empty:
            continue
        trust = trust_of(national, quarter, standing["trust_code"].iloc[0])
        for shared in SHARED:
            shared(trust.view)
        for own in (contributions, steps, sets, others, chances, medians, domains, recomputed, near):
            own(trust)
