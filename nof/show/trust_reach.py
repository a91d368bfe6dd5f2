"""What it would take a trust to reach the next segment, in sentences."""

from __future__ import annotations

import pandas as pd

from nof.method import board
from nof.method.board import Trust
from nof.show.display import Words, plain
from nof.show.trust_findings import SHOWN
from nof.show.trust_words import NAMED, label, points, with_unit
from nof.show.words import listed


def reach_heading(trust: Trust) -> str:
    """Heading of the section on the next segment."""
    goal = board.goal(trust)
    if goal.held:
        return f"What holds it in segment {goal.segment}, and what else it would take"
    if goal.target:
        return f"What it would take to reach segment {goal.target}"
    return (
        "What keeps it in segment 1" if goal.segment_unadjusted == 1 else "What it would take to reach the next segment"
    )


def reach(trust: Trust) -> Words:
    """The gap, the override first; what one metric or several could do."""
    told = list(board.goal(trust).sentences)
    told[0] = f"**{told[0]}**"
    if board.goal(trust).held and board.goal(trust).target:
        told[1] = "If it were lifted: " + told[1][0].lower() + told[1][1:]
    return Words(" ".join([*told, _alone(trust)]).strip())


def _alone(trust: Trust) -> str:
    table = board.steps(trust)
    if table.empty:
        return ""
    closes = table["closes"].astype(bool)
    unknown = table["why_not"].str.startswith("not available")
    short = int((~closes & ~unknown).sum())
    parts = [
        f"{'None' if not closes.any() else 'One' if closes.sum() == 1 else int(closes.sum())} of its "
        f"{len(table)} metrics could close the gap alone"
    ]
    if short and closes.any():
        parts.append(f"{short} could not, whatever their value")
    if unknown.any():
        parts.append(f"for {int(unknown.sum())} the way from value to score is not published")
    return "; ".join(parts) + "." + _most_often(table[closes])


def _most_often(closing: pd.DataFrame) -> str:
    """How often trusts that started nearby bettered their score as far as the likeliest step asks."""
    known = closing[closing["nearby"] > 0].dropna(subset="nearby_made")
    if known.empty:
        return ""
    row = known.iloc[0]
    if not known["nearby_made"].any():
        return (
            " No trust of its type that started nearby bettered its score so far from one quarter to the next in these "
            "files."
        )
    ends = sorted({int(row["nearby_made_hardest"]), int(row["nearby_made_easiest"])})
    bracket = f" ({ends[0]} to {ends[-1]} over the bracket of the edge)" if len(ends) > 1 else ""
    back = (
        f" Over all trusts start and change correlate at {row['start_change']:.2f}, as regression to the mean would have "
        "it, so what trusts far behind did is no guide."
        if row["start_change"] < 0
        else ""
    ).replace("-", "−")
    return (
        f" Of the trusts that started nearby, the score moved that far most often on {plain(row['description'])}: in "
        f"{row['nearby_made']:.0f} of {row['nearby']:.0f} trust-quarters{bracket}.{back}"
    )


def together(trust: Trust) -> Words | None:
    """What a few metrics could do together with steps that trusts do make."""
    table = board.sets(trust)
    if table.empty:
        return None
    first = table[table["set"] == 1]
    told = (
        "A realistic step is here one that was made, or bettered, in a quarter of the trust-quarters of its type, "
        "wherever they started."
    )
    if not bool(first["closes"].iloc[0]):
        return _nearest(first, told)
    if len(first) == 1:
        return _one_enough(table[table["size"] == 1], told)
    return Words(
        f"**The smallest sets that close the gap with realistic steps take {len(first)} metrics together.** "
        f"{told} All metrics of a set go the same share of theirs."
    )


def _one_enough(table: pd.DataFrame, told: str) -> Words:
    """Where a realistic step of one metric closes the gap: the shortest ones, in usual moves."""
    names = listed(plain(one) for one in table["description"].head(NAMED))
    which = (
        "That metric is"
        if len(table) == 1
        else f"The {len(table)} metrics for which that holds begin with"
        if (len(table) > NAMED)
        else "Those metrics are"
    )
    return Words(
        f"**One metric with a realistic step would be enough.** {told} {which} {names}"
        f"{', the shortest steps in usual moves first' if len(table) > 1 else ''}."
    )


def _nearest(first: pd.DataFrame, told: str) -> Words:
    """The set that comes nearest, where none closes the gap."""
    left = points(float(first["gap_left"].iloc[0]))
    moves = listed(
        f"{plain(row['description'])} (from {with_unit(row['value'], row['units'])} to "
        f"{with_unit(row['value_needed'], row['units'])})"
        for row in first.to_dict("records")
    )
    start = (
        f"No set of up to {len(first)} metrics closes the gap with realistic steps"
        if len(first) > 1
        else "Realistic steps do not close the gap"
    )
    return Words(f"**{start}.** {told} What comes nearest is {moves}: {left} of the gap would stay open.")


def others(trust: Trust) -> Words | None:
    """How the edge moved: quartiles of all trusts move with the others; of another rule nothing is said but where it lay."""
    goal, moved = board.goal(trust), board.others(trust)
    known = moved.frame.dropna(subset="edge")
    if goal.segment_unadjusted is None or known.empty:
        return None
    still = (
        (
            "This holds the other trusts where they stand: arithmetic on published scores, neither a target nor a "
            "forecast."
        )
        if len(board.steps(trust))
        else ""
    )
    quartiles = trust.national.framework(trust.quarter).segments.rule == "quartiles"
    rule = "is a quartile of all trusts, so it moves with the others" if quartiles else "follows a rule not known here"
    if len(known) < 2:
        return Words(f"{still} The edge {rule}; these files show it in one quarter only.".strip())
    first, last = label(known["quarter"].iloc[0]), label(known["quarter"].iloc[-1])
    edge = goal.target or 1
    low, high = f"{moved.lowest:.2f}", f"{moved.highest:.2f}"
    lay = f"lay between {low} and {high}" if low != high else f"stayed at {low}"
    inexact = (known["edge_high"] - known["edge_low"]).ge(SHOWN).any()
    told = " (these files show it within brackets only; their ends are given)" if inexact else ""
    span = f"The edge between segments {edge} and {edge + 1} {rule}: from {first} to {last} it {lay}{told}."
    return Words(" ".join(filter(None, [still, span, _at_edges(trust)])))


def _at_edges(trust: Trust) -> str:
    hard, easy = board.others(trust).gap_at_lowest, board.others(trust).gap_at_highest
    if hard - easy < SHOWN:
        return ""
    if hard <= 0:
        return (
            "With its average of today the trust would be on the better side of all of these, "
            f"by {points(-hard)} at least."
        )
    if easy > 0:
        return f"Its gap would be {points(easy)} at the easiest of these and {points(hard)} at the hardest."
    return (
        f"With its average of today the trust would be over the easiest of these and {points(hard)} short of the "
        f"hardest."
    )
