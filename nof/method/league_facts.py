"""The facts of each section, made from frames: basis, league, moves, metrics.

The facts of a league table's briefing, each section's made once from frames; captions, cards and sentences read them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from nof.common import Quarter
from nof.method.facts import Facts, fact
from nof.method.view import View, odd
from nof.read import findings

LIKELY = "NHS England's 95% interval"
SCALE = "1.00 is best"


@dataclass(frozen=True)
class Basis(Facts):
    """What a briefing rests on: publication, date, level of recomputation, figures reproduced."""

    illustrative: bool = fact("Whether the publication is made up")
    quarter: str = fact("Quarter of the publication, slug")
    ended: dt.date = fact("Last day of the quarter")
    trust_type: str = fact("Type of the organisations, slug")
    trusts: int = fact("Organisations in the table", "trusts")
    compared: int = fact("Published figures of the type and quarter that can be recomputed", "figures")
    equal: int = fact("Of these, how many come out equal as published", "figures")
    scores: int = fact("Metric scores behind the averages", "scores")
    from_values: int = fact("Of these, how many were recomputed from published values (level 2)", "scores")
    framework_year: str = fact("Framework year of the rules")
    draft: bool = fact("Whether nobody has confirmed the rules of the year")
    weights_fit: bool = fact("Whether inferred weights give every published average; of interest in a draft only")
    edges: str = fact("Where the edges between segments come from: recomputed, quartiles elsewhere, or not published")
    odd: tuple[str, ...] = fact("What is odd in the files of the type and quarter, in sentences")


def edges_from(view: View) -> str:
    """Where the edges between segments come from: "recomputed", "quartiles elsewhere" (national quartiles, which one
    type's file cannot give), or "not published"."""
    own = view.national.standings
    own = own[(own["quarter"] == view.quarter) & (own["trust_type"] == view.trust_type)]
    if (own["edges_from"] == "recomputed").all():
        return "recomputed"
    quartiles = view.framework.segments.rule == "quartiles" and not view.framework.draft
    return "quartiles elsewhere" if quartiles else "not published"


def basis(view: View) -> Basis:
    """The facts of what a view rests on."""
    counted = view.scores[view.scores["weight"] > 0]
    compared, equal = view.reproduced
    return Basis(
        illustrative=view.publication.illustrative,
        quarter=view.quarter,
        ended=Quarter.parse(view.quarter).last_day,
        trust_type=view.trust_type,
        trusts=len(view.league),
        compared=compared,
        equal=equal,
        scores=len(counted),
        from_values=int((counted["level"] == 2).sum()),
        framework_year=view.framework.framework_year,
        draft=view.framework.draft,
        weights_fit=view.framework.average.certainty == "inferred",
        edges=edges_from(view),
        odd=tuple(findings.words(odd(view))),
    )


class Placed(NamedTuple):
    """One trust of a table: name, place and its likely range, average, number of metrics."""

    name: str
    place: float
    low: float
    high: float
    average: float
    average_low: float
    average_high: float
    metrics: int


@dataclass(frozen=True)
class League(Facts):
    """What a league table says: its ends, its segments, the override, how wide the likely ranges are."""

    trusts: int = fact("Trusts with a place", "trusts")
    fewest: int = fact("Metrics of the trust scored on fewest", "metrics")
    most: int = fact("Metrics of the trust scored on most", "metrics")
    segment_1: int = fact("Trusts in segment 1", "trusts")
    segment_4: int = fact("Trusts in segment 4", "trusts")
    flagged: int = fact("Trusts that reported a deficit or received deficit support", "trusts")
    held: int | None = fact(
        "Trusts that the financial override holds at segment 3; None where it cannot be told", "trusts"
    )
    best_held: Placed | None = fact("The best of these by average score")
    best_held_segment: float | None = fact("Its segment before the override")
    ranges_known: bool = fact("Whether every place has a likely range", source=LIKELY)
    width: float = fact("Median number of places that a likely range covers", "places", digits=0, source=LIKELY)
    wide: int = fact("Trusts whose likely range covers a quarter of the table or more", "trusts", source=LIKELY)
    first: Placed = fact("The trust in first place")
    last: Placed = fact("The trust in last place")
    best: tuple[Placed, ...] = fact("The best places, best first")
    worst: tuple[Placed, ...] = fact("The last places, the very last at the end")
    could_lead: int = fact("Trusts that could be among the best places by their likely range", "trusts", source=LIKELY)
    specialists: int = fact("Specialist trusts in the table", "trusts")


def league(table: pd.DataFrame, ends: int = 5) -> League:
    """The facts of a league table.

    Parameters
    ----------
    table : DataFrame
        As `View.league`, best first.
    ends : int
        Places at each end that are named, or fewer where the two ends of the table would overlap.
    """
    ends = max(min(ends, len(table) // 2), 1)
    segments = table["segment"].value_counts()
    width = table["rank_high"] - table["rank_low"] + 1
    known = bool(table["rank_low"].notna().all())
    before = table["segment_unadjusted"].notna().any()
    held = table[table["segment"] > table["segment_unadjusted"]].sort_values("average_score")
    placed = [
        Placed(
            row.trust_name, row.rank, row.rank_low, row.rank_high, row.average_score, row.average_low,
            row.average_high, int(row.metrics_scored),
        )
        for row in table.itertuples()
    ]  # fmt: skip
    best_held = int(table.index.get_loc(held.index[0])) if len(held) else None
    return League(
        trusts=len(table),
        fewest=int(table["metrics_scored"].min()),
        most=int(table["metrics_scored"].max()),
        segment_1=int(segments.get(1, 0)),
        segment_4=int(segments.get(4, 0)),
        flagged=int(table["in_deficit"].sum()),
        held=len(held) if before else None,
        best_held=None if best_held is None else placed[best_held],
        best_held_segment=None if best_held is None else float(held["segment_unadjusted"].iloc[0]),
        ranges_known=known,
        width=float(width.median()),
        wide=int((width >= len(table) / 4).sum()),
        first=placed[0],
        last=placed[-1],
        best=tuple(placed[:ends]),
        worst=tuple(placed[-ends:]),
        could_lead=int((table["rank_low"] <= ends).sum()),
        specialists=int(table["trust_subtype"].str.contains("specialist", case=False, na=False).sum()),
    )


@dataclass(frozen=True)
class Moves(Facts):
    """How places changed since the quarter before."""

    before: str | None = fact("Quarter before, slug; None where these files do not hold it")
    gap: str = fact("Why the quarter before is not at hand, a clause; empty where it is")
    up: int = fact("Trusts in a better place than before", "trusts")
    down: int = fact("Trusts in a worse place than before", "trusts")
    same: int = fact("Trusts in the same place", "trusts")
    typical: float = fact("Median number of places moved", "places", digits=0)
    changed: int | None = fact(
        "Trusts in another segment than before; None where the segments of either quarter are not known", "trusts"
    )
    new: tuple[str, ...] = fact("Trusts that were not in the table before")
    broken: tuple[str, ...] = fact("Trusts that cannot be compared, because of a merger between the two quarters")


def moves(table: pd.DataFrame, before: str | None, gap: str = "") -> Moves:
    """The facts of `View.movement`.

    Parameters
    ----------
    table : DataFrame
        As `View.movement`.
    before : str or None
        Slug of the quarter before.
    gap : str
        As `View.gap`.
    """
    both = table.dropna(subset=["places"])
    new = table["rank_before"].isna() & ~table["not_comparable"]
    up, down = int((both["places"] > 0).sum()), int((both["places"] < 0).sum())
    known = both.dropna(subset=["segment", "segment_before"])
    return Moves(
        before=before,
        gap=gap,
        up=up,
        down=down,
        same=len(both) - up - down,
        typical=float(both["places"].abs().median()),
        changed=int((known["segment"] != known["segment_before"]).sum()) if len(known) else None,
        new=tuple(table.loc[new, "trust_name"]),
        broken=tuple(table.loc[table["not_comparable"], "trust_name"]),
    )


@dataclass(frozen=True)
class Metrics(Facts):
    """The metrics that enter the average of a type."""

    metrics: int = fact("Metrics that enter the average", "metrics")
    known: int = fact("Of these, how many have a rule that gives every published score", "metrics")
    fewest: int = fact("Trusts scored on the metric that fewest are scored on", "trusts")
    fewest_metric: str = fact("That metric")
    standards: int = fact(
        "Metrics with a national planning standard", "metrics", source="data/reference/standards.yaml"
    )


def metrics(table: pd.DataFrame, standards: pd.DataFrame) -> Metrics:
    """The facts of `View.metrics`.

    Parameters
    ----------
    table : DataFrame
        As `View.metrics`.
    standards : DataFrame
        As `standards.meeting`, of the same type and quarter.
    """
    fewest = table.loc[table["trusts"].idxmin()]
    return Metrics(
        metrics=len(table),
        known=int((table["shape"] != "not recomputable").sum()),
        fewest=int(fewest["trusts"]),
        fewest_metric=fewest["description"],
        standards=int((standards["trusts"] > 0).sum()),
    )
