"""How firm a trust's result is, and what its board might ask: only what applies to this trust, by rule."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from nof.method import board, lineage
from nof.method.board import Trust
from nof.method.timeliness import PLAN
from nof.show.display import Words, plain
from nof.show.restated import caveat
from nof.show.trust_findings import SHOWN
from nof.show.trust_words import NAMED, label, metric, percent, points, with_unit
from nof.show.words import day, listed, trusts

ASKED = 5  # most questions
SURE = 0.95  # chance from which a segment counts as settled


# --- how firm ---


def firm(trust: Trust) -> Words:
    """What the evidence can bear for this trust: a line for each remark that applies."""
    found = [
        _chance(trust),
        _apart(trust),
        _noise(trust),
        _method(trust),
        _few(trust),
        _old(trust),
        _unmoved(trust),
        _missing(trust),
        *_mergers(trust),
        _surveys(trust),
        _edges(trust),
        _unequal(trust),
        caveat(trust),
    ]
    return Words("\n".join(f"- {one}" for one in found if one))


def _chance(trust: Trust) -> str:
    own = board.place(trust)
    if pd.isna(own["redraw_own"]):
        return ""
    after = " after the override" if own["in_deficit"] else ""
    sure = "" if own["redraw_own"] >= SURE else ", so the segment is not settled"
    return (
        f"**Segment.** If its metric scores were drawn again, its segment{after} would be {own['segment']:.0f} in "
        f"{percent(own['redraw_own'])} of the draws{sure}."
    )


def _apart(trust: Trust) -> str:
    own = board.place(trust)
    if not own["others"]:
        return ""
    told = int(own["told_apart_other"])
    where = "could be any" if told == 0 else f"lies between {own['other_low']:.0f} and {own['other_high']:.0f}"
    return (
        f"**Place.** Compared with each other trust on the metrics that both have, and allowing for so many "
        f"comparisons, it "
        f"can be told apart from {told or 'none'} of the {int(own['others'])} others. At 95% its place by "
        f"average {where}."
    )


def _noise(trust: Trust) -> str:
    row = board.change(trust)
    if row is None or pd.isna(row["q_value"]):
        return ""
    return (
        f"**Change.** Tested on the {row['metrics_tested']:.0f} metrics that could move since "
        f"{label(board.previous(trust))}, beside "
        f"all trusts of its type: {'more' if row['more_than_noise'] else 'no more'} than noise."
    )


def _method(trust: Trust) -> str:
    row = board.method(trust)
    if pd.isna(row["rank_best"]) or row["rank_best"] == row["rank_worst"]:
        return ""
    return (
        f"**Method.** With its metrics as they are and other rules alone, its place would lie between "
        f"{row['method_best']:.0f} and {row['method_worst']:.0f}; with any one choice changed, between "
        f"{row['one_choice_best']:.0f} and {row['one_choice_worst']:.0f}; with everything changed, metrics left out as "
        f"well ({row['choices']:,} combinations), between {row['rank_best']:.0f} and {row['rank_worst']:.0f}."
    )


def _few(trust: Trust) -> str:
    middle = board.few(trust)
    if middle is None:
        return ""
    return (
        f"**Few metrics.** It is scored on {board.place(trust)['metrics_scored']:.0f} metrics; the median trust of all "
        f"types on {middle:g}. Each metric weighs more, and the likely range is wider."
    )


def _old(trust: Trust) -> str:
    table = board.old(trust)[board.old(trust)["kind"] != PLAN].sort_values("age_months", ascending=False)
    if table.empty:
        return ""
    named = [f"{plain(row.description)} ({plain(row.reporting_date)})" for row in table.head(NAMED).itertuples()]
    more = f", and {len(table) - NAMED} more" if len(table) > NAMED else ""
    return (
        f"**Old data.** {len(table)} of its {len(board.contributions(trust))} metrics hold no data from the quarter "
        f"itself: {_joined(named, more)}."
    )


def _joined(names: list[str], more: str) -> str:
    return ", ".join(names) + more if more else listed(names)


def _unmoved(trust: Trust) -> str:
    still = board.unmoved(trust)
    if not still:
        return ""
    many = f"{len(still)} of its {len(board.contributions(trust))} metrics {'covers' if len(still) == 1 else 'cover'}"
    return f"**Nothing new.** {many} the same period as in the quarter before."


def _missing(trust: Trust) -> str:
    table = board.missing(trust)
    if table.empty:
        return ""
    named = [
        f"{plain(row.description)} ({trusts(row.trusts)} of {board.trusts(trust)} have it"
        + ("; its window spans the merger)" if row.merger else ")")
        for row in table.head(NAMED).itertuples()
    ]
    more = f", and {len(table) - NAMED} more" if len(table) > NAMED else ""
    return (
        f"**Not scored.** Most of its type are scored on what it is not: {_joined(named, more)}. The files do "
        f"not say whether a metric does not apply or was not sent."
    )


def _mergers(trust: Trust) -> Iterator[str]:
    for row in board.events(trust).itertuples():
        names = listed(plain(one) for one in row.other_names)
        when = day(row.event_date)
        if row.role == "successor":
            what = (
                f"The trust was formed from {names}"
                if row.kind == "merger"
                else f"Services of {names} came to the trust"
                if row.kind == "split"
                else f"{names} became part of the trust"
            )
        else:
            what = f"The trust {'was split between' if row.kind == 'split' else 'became part of'} {names}"
        then = {
            lineage.BEFORE: "Data from before that day are those of its predecessors.",
            lineage.IN: "The quarter holds time from both sides of that day.",
            lineage.AFTER: "The tables show it as it was before.",
        }[row.timing]
        yield f"**Merger.** {what} on {when}. {then}"


def _surveys(trust: Trust) -> str:
    names = board.surveys(trust)
    return (
        (
            f"**Surveys and the merger.** {listed([plain(one) for one in names[:NAMED]])} "
            f"{'describes' if len(names) == 1 else 'describe'} time before the merger, or a year that holds "
            f"it."
        )
        if names
        else ""
    )


def _edges(trust: Trust) -> str:
    """Said only where the distance to the edge is smaller than what is not known of it."""
    goal = board.goal(trust)
    open_by = goal.edge_high - goal.edge_low
    if goal.target is None or not open_by > 2 * SHOWN or goal.gap > open_by / 2:
        return ""
    return (
        f"**Edge.** How far it is from segment {goal.target} is less than what these files leave open about the "
        f"edge ({goal.edge_low:.2f} to {goal.edge_high:.2f})."
    )


def _unequal(trust: Trust) -> str:
    """Said only where the summary figures themselves differ; the others are counted in the opening."""
    names = listed(board.unequal(trust))
    return (
        (
            f"**Recomputed.** {names[0].upper()}{names[1:]} as published "
            f"{'is' if len(board.unequal(trust)) == 1 else 'are'} not what these "
            "files give when recomputed; the reconciliation briefing has both."
        )
        if board.unequal(trust)
        else ""
    )


# --- what a board might ask ---


def questions(trust: Trust) -> Words:
    """Questions drawn from the data by rule, at most five, the ones that bear most on the result first."""
    found = [
        *_about_override(trust),
        *_about_worst(trust),
        *_about_step(trust),
        *_about_change(trust),
        *_about_missing(trust),
        *_about_merger(trust),
        *_about_old(trust),
        *_about_best(trust),
        *_about_peers(trust),
    ]
    return Words("\n".join(f"{number}. {one}" for number, one in enumerate(found[:ASKED], 1)))


def _about_override(trust: Trust) -> Iterator[str]:
    goal = board.goal(trust)
    if goal.held:
        yield (
            f"The override holds us in segment {goal.segment} where our average alone gives "
            f"{goal.segment_unadjusted}. What would "
            "have to be true of our finances for it to be lifted, and in which quarter's tables could that show "
            "first?"
        )
    elif goal.blocked:
        yield (
            f"While our deficit flag stands, no average can take us above segment {goal.segment}. Which of our "
            f"plans aim at the average, and which at the flag?"
        )


def _about_worst(trust: Trust) -> Iterator[str]:
    table = board.contributions(trust)[board.contributions(trust)["contribution"] > SHOWN]
    for row in table.head(1).to_dict("records"):
        yield (
            f"{metric(row)} weighs most against our average. Does our own, newer information show the same, and "
            f"what lies behind it?"
        )


def _about_step(trust: Trust) -> Iterator[str]:
    table = (
        board.steps(trust)[board.steps(trust)["closes"].astype(bool)] if len(board.steps(trust)) else board.steps(trust)
    )
    for row in table.head(1).to_dict("records"):
        if pd.isna(row["change"]):
            continue
        known = not pd.isna(row["nearby"]) and row["nearby"] > 0
        if known and not row["nearby_made"]:  # nobody who started nearby did it: no question to put to a board
            continue
        often = (
            f" (of trusts that started nearby, the score moved as far in {row['nearby_made']:.0f} of {row['nearby']:.0f} "
            "trust-quarters)"
            if known
            else ""
        )
        yield (
            f"{plain(row['description'])} going from {with_unit(row['value'], row['units'])} to "
            f"{with_unit(row['value_needed'], row['units'])}{often} would carry our average into segment "
            f"{board.goal(trust).target}. Would that be good for patients in itself, and is it among our plans?"
        )


def _about_change(trust: Trust) -> Iterator[str]:
    row = board.change(trust)
    if row is None or pd.isna(row["q_value"]):
        return
    if row["more_than_noise"]:
        yield (
            f"Our average changed from {row['average_before']:.2f} to {row['average_after']:.2f}, more than noise "
            f"would. Do we know which services did that, and will it last?"
        )
    elif (
        not row["by_override"]
        and board.before(trust)
        and abs(board.before(trust)["rank"] - board.place(trust)["rank"]) >= 1
    ):
        yield (
            f"Our place went from {board.before(trust)['rank']:.0f} to {board.place(trust)['rank']:.0f}, yet our average "
            f"changed by no more than noise. Are we treating the move as news?"
        )


def _about_missing(trust: Trust) -> Iterator[str]:
    for row in board.missing(trust).head(1).itertuples():
        yield (
            f"We have no score for {plain(row.description)}, as {trusts(row.trusts)} of our type do. Does it not "
            f"apply to us, or were the data not sent?"
        )


def _about_merger(trust: Trust) -> Iterator[str]:
    for row in board.events(trust).head(1).itertuples():
        others = listed(plain(one) for one in row.other_names)
        yield (
            f"Which of these figures still describe the trusts before the merger with {others}, and what do we "
            f"know of the trust as it is now?"
            if row.timing != lineage.AFTER
            else f"What would these figures have been together with {others}?"
        )


def _about_old(trust: Trust) -> Iterator[str]:
    table = board.old(trust)[board.old(trust)["kind"] != PLAN].sort_values("age_months", ascending=False)
    for row in table.head(1).itertuples():
        yield (
            f"{plain(row.description)} describes {plain(row.reporting_date)}. What do our own figures say for the "
            f"time since?"
        )


def _about_best(trust: Trust) -> Iterator[str]:
    table = board.contributions(trust)[board.contributions(trust)["contribution"] < -SHOWN]
    for row in table.tail(1).to_dict("records"):
        yield f"{metric(row)} does most in our favour. What does it depend on, and what could put it at risk?"


def _about_peers(trust: Trust) -> Iterator[str]:
    table = board.near(trust).iloc[1:].dropna(subset="difference")
    ahead = table[table["difference"] > SHOWN].sort_values("difference", ascending=False)
    for row in ahead.head(1).itertuples():
        among = f" of the {len(table)} trusts nearest to us in what we are scored on" if len(table) > 1 else ""
        yield (
            f"On the {row.shared:.0f} metrics that we share, {plain(row.trust_name)}{among} scores "
            f"{points(row.difference)} better. Is there anything there that would apply to us?"
        )
