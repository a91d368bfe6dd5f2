"""Sentences that state computed numbers, in plain English. Nothing here is typed by hand but the grammar."""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.show.display import Card, Words, plain
from nof.show.grammar import bodies, day, listed, places, share, short_name, trusts, type_name  # noqa: F401

SEGMENT_MEANING = "Segment 1 is the best and 4 the worst; a score of 1.00 is the best and 4.00 the worst."
LIKELY_RANGE = (
    "The likely range is NHS England's 95% interval. It shows how much a trust's average depends on which of its own "
    "metrics are counted; it leaves out the sampling error of each metric and the ups and downs between quarters."
)


def source_line(illustrative: bool, quarter: str) -> str:
    """Where the figures come from."""
    if illustrative:
        return "Illustrative data: a made-up publication. No figure and no trust in it is real."
    return (
        f"Source: NHS England, NHS Oversight Framework trust data and league tables, {Quarter.parse(quarter).label}; "
        "recomputed."
    )


LICENCE_LINE = "Contains public sector information licensed under the Open Government Licence v3.0. Crown copyright."


def opening(view) -> Words:
    """What a briefing rests on: publication, date, level of recomputation, figures reproduced.

    Parameters
    ----------
    view : View
    """
    quarter = Quarter.parse(view.quarter)
    kind = bodies(view.trust_type).removesuffix("s")
    what = (
        "an **illustrative publication, made up for this demonstration**"
        if view.publication.illustrative
        else (f"NHS England's {kind} files")
    )
    compared, equal = view.reproduced
    return Words(
        f"**What this rests on.** {what[0].upper() + what[1:]} for {quarter.label} (the quarter that ended on "
        f"{day(quarter.last_day)}), {trusts(len(view.league), view.trust_type)}. {levels(view)} "
        f"{edges_note(view)}Of the published figures for this quarter and trust type that can be recomputed, "
        f"{share(equal, compared)} come out equal as published; the reconciliation briefing lists the rest."
    )


def levels(view) -> str:
    """How many scores were recomputed from values and how many taken as published.

    Parameters
    ----------
    view : View
    """
    counted = view.scores[view.scores["weight"] > 0]
    from_values, total = int((counted["level"] == 2).sum()), len(counted)
    if view.framework.draft:
        worked_out = view.framework.average.certainty == "inferred"
        which = (
            "was worked out from the published averages, all of which it gives, and confirmed by nobody."
            if worked_out
            else "could not be worked out from the published averages in full."
        )
        return (
            f"The rules of {view.framework.framework_year} are not confirmed, so averages, segments and places are the "
            f"published ones, and so are all {total:,} metric scores behind them (level 1). Which scores enter the "
            f"average, and with which weight, {which} Likely ranges rest on those weights."
        )
    if from_values == 0:
        return f"All {total:,} metric scores behind the averages are the published ones (level 1)."
    return (
        f"{share(from_values, total)} of the metric scores behind the averages were recomputed from published values "
        "(level 2); the others are the published scores (level 1), because their rule is not published or their "
        "national ranking pool is not in these files."
    )


def edges_note(view) -> str:
    """Says where the segments come from when the national pool is not at hand.

    Parameters
    ----------
    view : View

    Returns
    -------
    str
        With a space at its end; empty where the edges were recomputed.
    """
    own = view.national.standings
    own = own[(own["quarter"] == view.quarter) & (own["trust_type"] == view.trust_type)]
    if (own["edges_from"] == "recomputed").all():
        return ""
    if view.framework.segments.rule != "quartiles" or view.framework.draft:
        return (
            "The edges between segments are not published, so each organisation's segment before the financial override "
            "is the published one. "
        )
    return (
        "The edges between segments are national quartiles, which one trust type's file cannot give, so each trust's "
        "segment before the financial override is the published one. "
    )


def headline_card(league: pd.DataFrame) -> Card:
    """Key figures of a league table.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`; so in all sentences on a league table.
    """
    segments = league["segment"].value_counts()
    width = (league["rank_high"] - league["rank_low"] + 1).median()
    held = int((league["segment"] > league["segment_unadjusted"]).sum())
    return Card(
        (
            (
                "Trusts ranked",
                f"{len(league)}",
                f"{int(league['metrics_scored'].min())} to {int(league['metrics_scored'].max())} metrics each",
            ),
            ("In segment 1", f"{int(segments.get(1, 0))}", f"and {int(segments.get(4, 0))} in segment 4"),
            (
                "Held at segment 3",
                "not known" if league["segment_unadjusted"].isna().all() else f"{held}",
                "by the financial override",
            ),
            (
                "A typical rank spans",
                "not known" if pd.isna(width) else f"{width:.0f} places",
                "median width of the likely range",
            ),
        )
    )


def headline(league: pd.DataFrame) -> Words:
    """The first sentence a reader should take away.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`, best first.
    """
    first, last = league.iloc[0], league.iloc[-1]
    if league["rank_low"].isna().any():
        return Words(
            f"**{plain(first['trust_name'])}** stands first with an average score of {first['average_score']:.2f}, "
            f"**{plain(last['trust_name'])}** last with {last['average_score']:.2f}. Likely ranges of the places cannot be "
            f"told, because the segments before the override are not published. {SEGMENT_MEANING}"
        )
    width = league["rank_high"] - league["rank_low"] + 1
    wide = int((width >= len(league) / 4).sum())
    return Words(
        f"**{plain(first['trust_name'])}** stands first with an average score of {first['average_score']:.2f}, but its "
        f"likely range runs from place {first['rank_low']:.0f} to {first['rank_high']:.0f}. "
        f"**{plain(last['trust_name'])}** stands last with {last['average_score']:.2f} (place {last['rank_low']:.0f} to "
        f"{last['rank_high']:.0f}). For {share(wide, len(league))} of the trusts the likely range of the rank covers a "
        f"quarter of the table or more. {SEGMENT_MEANING}"
    )


def override_note(league: pd.DataFrame) -> Words:
    """How the financial override moves segments.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`.
    """
    if league["segment_unadjusted"].isna().all():
        return Words("The segments before the financial override are not published, so what it changed cannot be told.")
    held = league[league["segment"] > league["segment_unadjusted"]]
    flagged = int(league["in_deficit"].sum())
    if held.empty:
        return Words(
            f"{trusts(flagged).capitalize()} reported a deficit or received deficit support; the financial "
            "override changed no segment."
        )
    best = held.sort_values("average_score").iloc[0]
    return Words(
        f"{trusts(flagged)} reported a deficit or received deficit support. The financial override holds {len(held)} of "
        f"them at segment 3 that would have been in segment 1 or 2: the best of these by average score is "
        f"{plain(best['trust_name'])}, {best['average_score']:.2f}, which would have been in segment "
        f"{best['segment_unadjusted']:.0f} and stands at place {best['rank']:.0f}."
    )


def ends(league: pd.DataFrame, count: int = 5) -> Words:
    """The best and the worst places, each with its likely range.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`, best first.
    count : int
        Places at each end.
    """

    def lines(part: pd.DataFrame) -> str:
        """One item a trust, as Markdown."""
        return "\n".join(
            f"- {plain(row.trust_name)}: place {places(row.rank, row.rank_low, row.rank_high)}, average "
            f"{row.average_score:.2f}, {row.metrics_scored} metrics"
            for row in part.itertuples()
        )

    best, worst = league.head(count), league.tail(count)
    reach = int((league["rank_low"] <= count).sum())
    could = (
        f"{trusts(reach)} could be among the best {count} by the likely range of the rank, a trust"
        if league["rank_low"].notna().all()
        else "a trust"
    )
    return Words(
        f"The {count} best placed:\n\n{lines(best)}\n\nThe {count} last placed:\n\n{lines(worst)}\n\n"
        f"Read these with care: {could} "
        "scored on few metrics has a wider range, and trusts in deficit cannot rise above segment 3 whatever their "
        "other scores."
    )


def movement(moved: pd.DataFrame, before: str | None, gap: str = "") -> Words:
    """How the places changed since the quarter before, and how far that is to be trusted.

    Parameters
    ----------
    moved : DataFrame
        As `View.movement`.
    before : str or None
        Slug of the quarter before; None where the publication does not hold it.
    gap : str
        Why it does not, as `View.gap` says it.
    """
    if before is None:
        why = gap or "these files do not hold the quarter before"
        return Words(f"No movement can be shown: {why}.")
    both = moved.dropna(subset=["places"])
    new, broken = moved[moved["rank_before"].isna() & ~moved["not_comparable"]], moved[moved["not_comparable"]]
    up, down = int((both["places"] > 0).sum()), int((both["places"] < 0).sum())
    changed = int((both["segment"] != both["segment_before"]).sum())
    typical = f"{both['places'].abs().median():.0f}"
    added = f" Not in the table before: {listed(plain(n) for n in new['trust_name'])}." if len(new) else ""
    if len(broken):
        added += f" Not comparable, because of a merger between the two: {listed(map(plain, broken['trust_name']))}."
    return Words(
        f"Since {Quarter.parse(before).label}, {trusts(up)} moved up, {down} moved down and {len(both) - up - down} kept "
        f"their place; the typical move is {typical} {'place' if typical == '1' else 'places'}. {trusts(changed).capitalize()} changed segment.{added} "
        "A move of a few places is well inside the likely range of a rank."
    )


def how_to_read() -> Words:
    """The method in short."""
    return Words(
        "Each metric is scored from 1.00 (best) to 4.00 (worst) by a trust's position among all trusts that are measured "
        "on it, nationally for most metrics. The average of a trust's scores puts it in segment 1 to 4: by national "
        "quartiles in 2025/26, by defined thresholds from 2026/27 on. A trust in deficit can be no better than segment 3. Trusts of one type are then ordered by segment and "
        "average: the aggregated metric ranking.\n\n" + LIKELY_RANGE
    )


def metrics_headline(metrics: pd.DataFrame) -> Words:
    """How many metrics there are and what is known of them.

    Parameters
    ----------
    metrics : DataFrame
        As `View.metrics`.
    """
    known = int((metrics["shape"] != "not recomputable").sum())
    fewest = metrics.loc[metrics["trusts"].idxmin()]
    return Words(
        f"**{len(metrics)} metrics** enter the average of this trust type. A rule that gives every published score is known for {known} of them; the "
        f"others are used from their published score only. Not every trust is measured on every metric: the fewest, "
        f"{trusts(int(fewest['trusts']))}, are scored on “{plain(fewest['description'])}”."
    )
