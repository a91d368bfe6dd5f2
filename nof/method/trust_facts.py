"""The facts of each section, made from these frames.

The facts of one trust's briefing: how it stands, why, since when, how firmly, and what it would take.

Each function takes frames and rows of `nof.method.board` and gives None for a trust without a place in the table. Scores,
averages, ranks and segments: 1 is best. Names are as in the files, or short ones (data/reference/short_names.yaml).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.method import board
from nof.method.facts import Facts, fact
from nof.method.next_segment import NextSegment
from nof.method.opening import restated_of
from nof.method.ranges import PUBLISHED
from nof.method.reporting_dates import PLAN
from nof.method.trust import Trust
from nof.method.trust_way import SHOWN, Peers, Step, Way, number, peers, way, whole
from nof.method.trust_who import Who, who
from nof.rules.short_names import short_name

__all__ = [
    "Bearing",
    "Peers",
    "Reason",
    "Since",
    "Standing",
    "Step",
    "Way",
    "Who",
    "Why",
    "bearing",
    "peers",
    "since",
    "standing",
    "way",
    "who",
    "why",
]

SETTLED = 0.95  # share of redraws from which a segment counts as settled
REASONS = 3


# --- how it stands ---


class Share(NamedTuple):
    """Share of the redraws of a trust's own scores that land in a segment."""

    segment: int
    share: float


def _place(definition: str, source: str = "") -> Any:
    return fact(definition, "place", direction="1 is best", source=source)


THESE = "these metrics in another quarter (Mogstad and others, 2024)"
OTHER = "other metrics like these (Mogstad and others, 2024)"


@dataclass(frozen=True)
class Standing(Facts):
    """How a trust stands in its table, and how far each question leaves its place open."""

    trusts: int = fact("Trusts in the table", "trusts")
    rank: int | None = _place("Place in the table")
    rank_low: int | None = _place("Better end of the likely range of the place")
    rank_high: int | None = _place("Worse end of it")
    published: bool = fact("Whether the likely range is NHS England's own figure")
    by_average: int | None = _place("Place by average alone, before any override")
    average: float = fact("Average score", "points", direction="1.00 is best", digits=2)
    average_low: float | None = fact("Better end of its likely range", "points", digits=2)
    average_high: float | None = fact("Worse end of its likely range", "points", digits=2)
    metrics: int = fact("Metrics it is scored on", "metrics")
    few: float | None = fact("Median number of metrics over all trusts, where this trust has few beside it", "metrics")
    segment: int | None = fact("Segment after the override", direction="1 is best")
    unadjusted: int | None = fact("Segment by its scores alone", direction="1 is best")
    final_segment: int | None = fact("Segment that NHS England set after looking at capability, where it differs")
    held: bool = fact("Whether the financial override holds it in a worse segment")
    flagged: bool = fact("Whether it carries the flag of the override")
    blocked: bool = fact("Whether a better average would change its segment only without the flag")
    these_low: int | None = _place("Best place by average it could hold", THESE)
    these_high: int | None = _place("Worst place by average it could hold", THESE)
    other_low: int | None = _place("Best place by average it could hold", OTHER)
    other_high: int | None = _place("Worst place by average it could hold", OTHER)
    told_these: int | None = fact("Others it can be told apart from, on these metrics in another quarter", "trusts")
    told_other: int | None = fact("Others it can be told apart from, on other metrics like these", "trusts")
    method_low: int | None = _place("Best place where the method alone changes")
    method_high: int | None = _place("Worst place where the method alone changes")
    one_low: int | None = _place("Best place where any one choice changes")
    one_high: int | None = _place("Worst place where any one choice changes")
    all_low: int | None = _place("Best place with everything changed, metrics left out as well")
    all_high: int | None = _place("Worst place with everything changed")
    choices: int | None = fact("Combinations of choices that were tried", "rankings")
    shares: tuple[Share, ...] = fact("Share of redraws in each segment by scores alone")
    own_share: float | None = fact("Share of redraws in its own segment, override kept", "share of 1")
    own_share_low: float | None = fact("The same, least over the brackets of the edges", "share of 1")
    own_share_high: float | None = fact("The same, most over the brackets of the edges", "share of 1")
    expected_low: int | None = _place("Better end of the interval of its next place by average")
    expected_high: int | None = _place("Worse end of it")
    expected: float | None = fact("Expected place by average in another quarter", "place", digits=0)
    best_quarter: float | None = fact("Chance of the best quarter of the table", "share of 1")
    worst_quarter: float | None = fact("Chance of the worst quarter of the table", "share of 1")

    @property
    def others(self) -> int:
        """Other trusts in the table."""
        return self.trusts - 1

    @property
    def settled(self) -> bool:
        """Whether nearly all redraws keep the segment."""
        return self.own_share is not None and self.own_share >= SETTLED

    @property
    def likely(self) -> tuple[int, ...]:
        """Segments, by scores alone, that at least a quarter of redraws land in."""
        return tuple(one.segment for one in self.shares if one.share >= 0.25)


def standing(
    place: Mapping | None,
    method: Mapping | None,
    goal: NextSegment | None,
    chances: pd.DataFrame | None,
    trusts: int,
    few: float | None = None,
    final_segment: int | None = None,
) -> Standing | None:
    """Facts on the place.

    Parameters
    ----------
    place, method : mapping or None
        As `board.place` and `board.method`.
    goal : NextSegment or None
        As `board.goal`.
    chances : DataFrame or None
        As `board.chances`.
    trusts : int
        Trusts in the table.
    few : float, optional
        As `board.few`.
    final_segment : int, optional
        As `board.final_segment`.
    """
    if place is None or goal is None or method is None:
        return None
    places = ("rank", "rank_low", "rank_high", "these_low", "these_high", "other_low", "other_high")
    tried = bool(pd.notna(method["rank_best"]) and method["rank_best"] < method["rank_worst"])
    spans = {
        f"{short}_{end}": whole(method[f"{name}_{far}"]) if tried else None
        for short, name in (("method", "method"), ("one", "one_choice"), ("all", "everything"))
        for end, far in (("low", "best"), ("high", "worst"))
    }
    others = bool(place["others"])
    return Standing(
        trusts=trusts,
        published=place["range_source"] == PUBLISHED,
        by_average=whole(place["place_by_average"]),
        **{name: whole(place[name]) for name in places},
        average_low=number(place["average_low"]),
        average_high=number(place["average_high"]),
        average=float(place["average_score"]),
        metrics=int(place["metrics_scored"]),
        few=few,
        segment=goal.segment,
        unadjusted=goal.segment_unadjusted,
        final_segment=final_segment,
        held=bool(goal.held and goal.segment is not None),
        flagged=goal.in_deficit,
        blocked=goal.blocked and not goal.held,
        told_these=whole(place["told_apart_these"]) if others else None,
        told_other=whole(place["told_apart_other"]) if others else None,
        **spans,
        choices=whole(method["choices"]) if tried else None,
        shares=()
        if chances is None
        else tuple(Share(int(one), float(share)) for one, share in chances["by_average"].items()),
        own_share=number(place["redraw_own"]),
        own_share_low=number(place["redraw_own_low"]),
        own_share_high=number(place["redraw_own_high"]),
        expected=number(place["expected_rank"]),
        expected_low=whole(place["expected_low"]),
        expected_high=whole(place["expected_high"]),
        best_quarter=number(place["chance_best_quarter"]),
        worst_quarter=number(place["chance_worst_quarter"]),
    )


# --- why it stands there ---


class Reason(NamedTuple):
    """A metric and what it adds to the average, against the median trust with it: above 0 is worse."""

    name: str
    adds: float
    value: float | None
    units: str
    typical: float | None
    score: float
    typical_score: float
    period: str | None


@dataclass(frozen=True)
class Why(Facts):
    """What sets a trust's average apart from a median trust's."""

    metrics: int = fact("Metrics in the average", "metrics")
    average: float = fact("Average, unrounded", "points", digits=2)
    typical: float = fact("Average of a trust with the median score on each of the same metrics", "points", digits=2)
    reasons: tuple[Reason, ...] = fact("Metrics that weigh most either way, the heaviest first")
    worst: Reason | None = fact("Metric that worsens the average most")
    best: Reason | None = fact("Metric that betters the average most")
    worse: int = fact("Metrics that make it worse", "metrics")
    better: int = fact("Metrics that make it better", "metrics")
    by_worse: float = fact("By how much in all", "points of the average", digits=2)
    by_better: float = fact("By how much in all", "points of the average", digits=2)


_OF_REASON = ["name", "contribution", "value", "units", "median", "score", "median_score", "period"]


def why(metrics: pd.DataFrame) -> Why | None:
    """Facts on the average, from `board.metrics`."""
    if metrics.empty:
        return None
    adds, weight = metrics["contribution"], metrics["weight"]
    felt = metrics.loc[adds.abs() > SHOWN, _OF_REASON]
    order = felt.iloc[np.argsort(-felt["contribution"].abs(), kind="stable")]
    reasons = tuple(_reason(row) for row in order.head(REASONS).to_dict("records"))
    worse, better = felt[felt["contribution"] > 0], felt[felt["contribution"] < 0]
    average = float(np.average(metrics["score"], weights=weight))
    return Why(
        metrics=len(metrics),
        average=average,
        typical=float(average - adds.sum()),
        reasons=reasons,
        worst=_reason(worse.iloc[0].to_dict()) if len(worse) else None,
        best=_reason(better.iloc[-1].to_dict()) if len(better) else None,
        worse=len(worse),
        better=len(better),
        by_worse=float(worse["contribution"].sum()),
        by_better=float(-better["contribution"].sum()),
    )


def _reason(row: Mapping) -> Reason:
    units = row["units"] if isinstance(row["units"], str) else ""
    period = row["period"] if isinstance(row["period"], str) and row["period"] else None
    return Reason(
        row["name"], float(row["contribution"]), number(row["value"]), units, number(row["median"]),
        float(row["score"]), float(row["median_score"]), period,
    )  # fmt: skip


# --- what changed ---


@dataclass(frozen=True)
class Since(Facts):
    """What changed since the quarter before, and whether that can be told from noise."""

    gap: str = fact("Why there is no quarter before; empty where there is one")
    before: str | None = fact("Quarter before")
    compared: bool = fact("Whether the two quarters can be compared")
    other_rules: bool = fact("Whether the quarter before belongs to another framework year, with other rules")
    merged: bool = fact("Whether a merger lies between them")
    average_before: float | None = fact("Average then", "points", direction="1.00 is best", digits=2)
    average_after: float | None = fact("Average now", "points", direction="1.00 is best", digits=2)
    rank_before: int | None = _place("Place then")
    rank_after: int | None = _place("Place now")
    segment_before: int | None = fact("Segment then", direction="1 is best")
    segment_after: int | None = fact("Segment now", direction="1 is best")
    by_override: bool = fact("Whether the override alone changed the segment")
    tested: bool = fact("Whether there were new data to test the change of the average on")
    told: bool = fact("Whether the change can be told from noise")
    smallest: float | None = fact(
        "Smallest change of the average that the test would find in four of five cases", "points", digits=2
    )
    metrics_tested: int | None = fact("Metrics with new data", "metrics")
    scores_better: int = fact("Metric scores that became better", "scores")
    scores_worse: int = fact("Metric scores that became worse", "scores")
    apart: tuple[str, ...] = fact("Metrics whose score went one way and whose own figure went the other")

    @property
    def change(self) -> float | None:
        """Change of the average as shown, to two decimals; below 0 is better."""
        if self.average_before is None or self.average_after is None:
            return None
        return round(round(self.average_after, 2) - round(self.average_before, 2), 2)

    @property
    def same_segment(self) -> bool:
        """Whether the segment is that of the quarter before."""
        return self.segment_before is not None and self.segment_before == self.segment_after


def since(
    change: Mapping | None,
    before: Mapping | None,
    place: Mapping | None,
    directions: pd.DataFrame,
    names: Mapping[str, str],
    previous: str | None,
    gap: str = "",
    why_not: str | None = None,
    quarter: str = "",
) -> Since | None:
    """Facts on the change since the quarter before.

    Parameters
    ----------
    change, before, place : mapping or None
        As `board.change`, `board.before` and `board.place`.
    directions : DataFrame
        As `board.directions`.
    names : mapping
        Short names on metric ids.
    previous : str or None
        Slug of the quarter before.
    gap, why_not : str
        As `View.gap` and `board.why_not_compared`.
    quarter : str
        Slug of this quarter.
    """
    if place is None:
        return None
    row, then = change or {}, (before or {}) if change else {}
    known = directions.dropna(subset="score_better") if len(directions) else directions
    better = int(known["score_better"].astype(bool).sum()) if len(known) else 0
    both = known[known["apart"].fillna(False).astype(bool)]["metric_id"] if len(known) else []
    return Since(
        gap=gap if previous is None else "",
        before=None if previous is None else Quarter.parse(previous).label,
        compared=change is not None,
        other_rules=bool(previous and quarter and Quarter.parse(previous).year != Quarter.parse(quarter).year),
        merged="merger" in (why_not or ""),
        average_before=number(row.get("average_before")),
        average_after=number(row.get("average_after")),
        rank_before=whole(then.get("rank")),
        rank_after=whole(place["rank"]) if change else None,
        segment_before=whole(row.get("segment_before")),
        segment_after=whole(row.get("segment_after")),
        by_override=bool(row.get("by_override", False)),
        tested=number(row.get("q_value")) is not None,
        told=bool(row.get("more_than_noise", False)),
        smallest=number(row.get("smallest_change_found")),
        metrics_tested=whole(row.get("metrics_tested")),
        scores_better=better,
        scores_worse=len(known) - better,
        apart=tuple(names.get(one, one) for one in both),
    )


# --- what else bears on it ---


class Old(NamedTuple):
    """A metric with no data from the quarter itself, and the period that it describes."""

    name: str
    period: str


class Missing(NamedTuple):
    """A metric that most trusts of the type are scored on and this one is not."""

    name: str
    trusts: int
    merger: bool


class Merger(NamedTuple):
    """A merger that touches the trust."""

    others: tuple[str, ...]
    day: dt.date
    successor: bool
    kind: str
    timing: str


@dataclass(frozen=True)
class Bearing(Facts):
    """What else bears on the result: mergers, restated figures, old data, metrics that are not there."""

    mergers: tuple[Merger, ...] = fact("Mergers that touch the trust")
    surveys: tuple[str, ...] = fact("Surveys that end before, or span, the last merger into the trust")
    restated: int = fact("Figures of the trust that differ from what was published before", "figures")
    restated_in: tuple[str, ...] = fact("Quarters that these stand in")
    old: tuple[Old, ...] = fact("Metrics with no data from the quarter itself, the oldest first")
    metrics: int = fact("Metrics in the average", "metrics")
    unmoved: int = fact("Metrics with the same period as in the quarter before", "metrics")
    missing: tuple[Missing, ...] = fact("Metrics that most of the type are scored on and the trust is not")


@kept
def bearing(trust: Trust) -> Bearing | None:
    """Facts on the data, from the frames of mergers, periods and missing metrics."""
    if trust.view is None:
        return None
    year = Quarter.parse(trust.quarter).year_label
    short = board.metrics(trust).set_index("metric_id")["name"]
    own = board.contributions(trust)
    ids = {one.description: (one.value_id, one.metric_id) for one in own.itertuples()}
    old = board.old(trust)
    old = old[old["kind"] != PLAN].sort_values("age_months", ascending=False)
    restated = restated_of(trust.national).of_trust(trust.code, trust.quarter)
    return Bearing(
        mergers=tuple(
            Merger(tuple(one.other_names), one.event_date.date(), one.role == "successor", one.kind, one.timing)
            for one in board.events(trust).itertuples()
        ),
        surveys=tuple(
            sorted({short_name(one, year, *ids.get(one, ())) for one in board.surveys(trust)}, key=str.casefold)
        ),
        restated=len(restated),
        restated_in=tuple(Quarter.parse(one).label for one in sorted(restated["quarter"].unique())),
        old=tuple(Old(short[one.metric_id], str(one.reporting_date)) for one in old.itertuples()),
        metrics=len(short),
        unmoved=len(board.unmoved(trust)),
        missing=tuple(
            Missing(short_name(one.description, year, one.metric_id), int(one.trusts), bool(one.merger))
            for one in board.missing(trust).itertuples()
        ),
    )
