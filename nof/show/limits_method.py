"""Sentences of the limitations briefing on kinds of trust and on choices of method."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.method import limits
from nof.method.view import View
from nof.read.covariate import read_covariate
from nof.show.display import Words, plain
from nof.show.limits_words import COMMON, advice, width
from nof.show.words import listed, share, trusts

# --- 5. trust types and peers ---


def types(view: View) -> Words:
    """The finding on subtypes and metric counts."""
    table = limits.by_subtype(view).sort_values("rank_median", kind="stable")
    few, many = int(view.league["metrics_scored"].min()), int(view.league["metrics_scored"].max())
    spread = (
        f"trusts are scored on {few} to {many} metrics" if few < many else f"every trust is scored on {few} metrics"
    )
    first = (
        f"**One table, {len(table)} kinds of trust: {spread}.**"
        if len(table) > 1
        else f"**All trusts are of one subtype; {spread}.**"
    )
    return Words(" ".join(filter(None, [first, _places_by_subtype(table), _widths(view), _specialists(view)])))


def _places_by_subtype(table: pd.DataFrame) -> str:
    if len(table) < 2:
        return ""
    rows = [
        f"{plain(row.trust_subtype)} {row.rank_median:g} ({row.trusts} trusts, typically {row.metrics_median:g} metrics)"
        for row in table.itertuples()
    ]
    return (
        f"Median places: {listed(rows)}. They are scored partly on different metrics, so this does not say that one kind is "
        "better run."
    )


def _widths(view: View) -> str:
    row = limits.widths(view).loc["average_width"]
    if not np.isfinite(row["spearman"]):
        return ""
    found = f"{row['spearman']:.2f} (95% interval {row['spearman_low']:.2f} to {row['spearman_high']:.2f})".replace(
        "-", "−"
    )
    if row["spearman_high"] < 0:
        return f"Few metrics go with a wide range: the rank correlation of their number with the width of the likely range is {found}."
    return (
        f"The rank correlation of the number of metrics with the width of the likely range is {found}: in this table their "
        "number does not clearly go with the width."
    )


def _specialists(view: View) -> str:
    table = limits.subtypes(view)
    if not table["specialist"].any() or table["specialist"].all():
        return ""
    others, special = table[~table["specialist"]], table[table["specialist"]]
    quarter = int((special["rank"] <= len(table) / 4).sum())
    shift = (others["rank"] - others["rank_apart"]).median()
    return (
        f"{quarter} of {len(special)} specialist trusts stand in the best quarter; with specialists in a table of their own, "
        f"the typical other trust stands {shift:.0f} places higher."
    )


def types_advice(view: View) -> Words:
    """What follows for comparisons between kinds of trust."""
    return Words(
        advice(
            "Compare a trust first with its own subtype, and on metrics that both have; a place among other "
            "kinds of trust says as much about the metrics that apply as about the trust."
        )
    )


# --- 6. how much the method decides ---


def method(view: View) -> Words:
    """The finding on choices of method."""
    table, choices = limits.method(view), limits.choices(view)
    quarter = len(table) / 4
    both = int(((table["rank_best"] <= quarter) & (table["rank_worst"] > 3 * quarter)).sum())
    most = choices.iloc[0] if len(choices) else None
    strongest = (
        f" On its own, the choice that moves the table most is {plain(most['name'])}: "
        f"{most['places_mean']:.1f} places on average, {most['places_most']:.0f} at most."
        if most is not None
        else ""
    )
    return Words(
        f"**With the metrics as they are and other rules alone, the typical trust's place varies over "
        f"{width(table, 'method_best', 'method_worst'):.0f} of {len(table)} places; with one choice at a time changed, over "
        f"{width(table, 'one_choice_best', 'one_choice_worst'):.0f}; with everything changed, metrics left out as well, over "
        f"{width(table, 'rank_best', 'rank_worst'):.0f}.** The last is over {len(limits.multiverse(view).choices):,} "
        f"combinations of choices. {share(both, len(table))} trusts could be in the best quarter of the table "
        f"under some combinations and in the worst quarter under others.{strongest} The choices: leave out a metric or a domain, leave "
        "out finance, in-quarter data only, equal weight for each domain, median in place of mean, without the override, order "
        "by average only. The combinations are not equally sensible, their share is no "
        f"probability, and some leave few metrics, which alone moves places. Where a choice needs "
        f"new segments, {_rule(view)}."
    )


def _rule(view: View) -> str:
    return {
        "quartiles": "they are quartiles of all trust types anew",
        "thresholds": "the thresholds of the rules stay",
        "counts": "each keeps the number of trusts that it has in this table, as the national pool is not in these files",
        "none": "there are none, so the order is by average",
    }[limits.setting(view).rule]


def shuffled(view: View) -> Words:
    """The finding of the randomisation check."""
    table = limits.shuffled(view)
    if table.empty:
        return Words("")
    wide = table[table["trusts"] >= COMMON * len(view.league)]
    first, last = table.iloc[0], (wide if len(wide) else table).iloc[-1]
    return Words(
        f"**If one metric were pure chance.** Deal the scores on “{plain(first['name'])}” out at random and "
        f"{100 * first['share_moved']:.0f}% of places change, by {first['places']:.1f} places on average over all trusts; for "
        f"“{plain(last['name'])}” it is {100 * last['share_moved']:.0f}% and {last['places']:.1f}. Averages lie close "
        "together, so one score in one metric is enough to move a trust past many others."
    )


def covariate(view: View, path: str = "", column: str = "") -> Words | None:
    """The association of a number for each trust with the average score, with its caveat; None without one.

    Parameters
    ----------
    path, column : str
        A CSV file of trust_code and a number, and the number's column; nothing for none.

    Raises
    ------
    InputError
        A file that cannot be used; every problem is listed.
    """
    if not path:
        return None
    found = limits.association(view, read_covariate(path, column or None))
    if found is None:
        return None
    if not np.isfinite(found.spearman):
        return Words(
            f"**{plain(found.name)}:** {trusts(found.trusts)} of this table stand in that file, too few for an association."
        )
    form = "{:.2f} (95% interval {:.2f} to {:.2f})"
    rank = form.format(found.spearman, found.spearman_low, found.spearman_high).replace("-", "−")
    slope = form.format(found.slope, found.slope_low, found.slope_high).replace("-", "−")
    clear = (
        "No association is clear: the interval holds nought."
        if found.spearman_low <= 0 <= found.spearman_high
        else (
            "A higher number goes with a better (lower) average."
            if found.spearman < 0
            else "A higher number goes with a worse (higher) average."
        )
    )
    return Words(
        f"**{plain(found.name)} and the average score.** Over {trusts(found.trusts)} the rank correlation is {rank}; the "
        f"average changes by {slope} for each unit. {clear} {len(found.missing)} trusts of this table are not in the "
        f"file, {len(found.unmatched)} of the file are not in this table. {found.caveat}"
    )


def method_advice(view: View) -> Words:
    """What follows for a reader of one ranking among many."""
    return Words(
        advice(
            "Trust a place only as far as it survives other choices of method: quote the range of places over "
            "choices beside it, and name the choice that moves the trust most."
        )
    )
