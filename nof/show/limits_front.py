"""The first page of the limitations briefing, and its last: how it was done."""

from __future__ import annotations

import pandas as pd

from nof.method import limits
from nof.method.change import change_summary
from nof.method.ranges import narrowness
from nof.method.view import View
from nof.show.display import Card, Words
from nof.show.limits_words import advice, count, label, width
from nof.show.words import share, trusts

SURE = 0.95  # chance from which a segment counts as settled
HALF = 0.5
NOT_KNOWN = "not known"


def card(view: View) -> Card:
    """Four figures that say how far the table carries."""
    table, method, step = limits.places(view), limits.method(view), limits.last_step(view)
    known = table["rank_low"].notna().all()
    items = [
        (
            "A typical place spans",
            f"{width(table, 'rank_low', 'rank_high'):.0f} of {len(table)}" if known else NOT_KNOWN,
            "places, by the likely range",
        ),
        (
            "Range holds the middle",
            f"{int(table['holds_middle'].sum())} of {len(table)}",
            "trusts, by the likely range",
        ),
        (
            "Change beyond noise",
            f"{int(step.changes['more_than_noise'].sum())} of {len(step.changes)}" if step else NOT_KNOWN,
            f"trusts since {label(step.before)}" if step else view.gap.split(";")[0] or "not compared",
        ),
        (
            "Method alone moves",
            f"{width(method, 'rank_best', 'rank_worst'):.0f} of {len(method)}",
            "places, for a typical trust",
        ),
    ]
    return Card(tuple(items))


def cannot(view: View) -> Words:
    """What the table cannot support: one statement a limit, with its numbers."""
    parts = [
        f"{_place_statement(view)} {_pair_statement(view)}",
        _segment_statement(view),
        _movement_statement(view),
        _now_statement(view),
        _method_statement(view),
    ]
    return Words("\n".join(f"{number}. {part}" for number, part in enumerate(parts, 1)))


def _place_statement(view: View) -> str:
    table = limits.places(view)
    middle = int(table["holds_middle"].sum())
    wide = (
        f"The likely range of a typical trust's place covers {width(table, 'rank_low', 'rank_high'):.0f} of the "
        f"{len(table)} places. "
        if table["rank_low"].notna().all()
        else ""
    )
    return (
        f"**“We are number {max(len(table) // 3, 1)}.”** {wide}{share(middle, len(table))} trusts cannot be told apart from the "
        f"median trust: the likely range of their average holds the median average of "
        f"{table['average_score'].median():.2f}."
    )


def _pair_statement(view: View) -> str:
    table = limits.places(view)
    none, most = int((table["told_apart"] == 0).sum()), int(table["told_apart"].max())
    found = (
        f"{share(none, len(table))} trusts can be told apart from no other trust, and none from more than {most}"
        if most
        else "no trust can be told apart from any other"
    )
    return (
        f"Compared with each of the {len(table) - 1} others on the metrics that both have, and allowing for so many "
        f"comparisons, {found}."
    )


def _segment_statement(view: View) -> str:
    chance = limits.places(view)["chance_own"]
    if chance.isna().all():
        return "**“We are in segment 2.”** No segments are known for this table, so nothing can be said of them."
    weak, sure = int((chance < HALF).sum()), int((chance >= SURE).sum())
    return (
        f"**“We are in segment 2.”** Redrawn from their own metric scores, {share(weak, len(chance))} trusts land outside "
        f"their segment more often than in it; {count(sure)} land in it at least {100 * SURE:.0f}% of the time."
    )


def _movement_statement(view: View) -> str:
    step = limits.last_step(view)
    if step is None:
        return f"**“We have moved up.”** No movement can be judged: {view.gap or 'no trust can be compared'}."
    counts = change_summary(step.changes)["trusts"]
    noise = (
        f"; if no trust had changed, noise alone would still be expected to move about {step.noise.expected:.0f} "
        f"({step.noise.low:.0f} to {step.noise.high:.0f}; a figure that leans high)"
        if step.noise
        else ""
    )
    sure = int(step.changes["more_than_noise"].sum())
    return (
        f"**“We have moved up.”** {counts['changed segment']} of {trusts(len(step.changes))} changed segment since "
        f"{label(step.before)}{noise}. The change of the average is more than noise for {count(sure)} of the "
        f"{len(step.changes)}."
    )


def _now_statement(view: View) -> str:
    table = limits.periods(view)
    still = (
        f" {len(limits.unmoved(view))} did not move since the quarter before."
        if limits.unmoved(view)
        else " All have moved since the quarter before."
        if limits.unmoved(view) is not None
        else ""
    )
    return (
        f"**“This is how we are doing now.”** {int(table['in_quarter'].sum())} of {len(table)} metrics end in "
        f"{label(view.quarter)}; the others describe earlier time.{still}{_lag_effect(view)}"
    )


def _lag_effect(view: View) -> str:
    away = limits.in_quarter_ranks(view)["places"].abs().dropna()
    return (
        f" Ranked on the in-quarter metrics only, the typical trust would stand {away.median():.0f} places away from where "
        f"it stands, one trust {away.max():.0f}."
        if len(away)
        else ""
    )


def _method_statement(view: View) -> str:
    table, half = limits.method(view), len(limits.method(view)) / 2
    stay = int(((table["rank_worst"] <= half) | (table["rank_best"] > half)).sum())
    return (
        f"**“That is simply where we stand.”** With the same metrics put together by other rules, the typical trust could "
        f"have stood anywhere within {width(table, 'method_best', 'method_worst'):.0f} of {len(table)} places; with any one "
        f"choice changed, within {width(table, 'one_choice_best', 'one_choice_worst'):.0f}; with every choice changed at once, "
        f"metrics left out as well, within {width(table, 'rank_best', 'rank_worst'):.0f}. "
        f"{count(stay).capitalize()} of {len(table)} trusts stay in the same half of the table under all "
        f"{len(limits.multiverse(view).choices):,} combinations."
    )


def can(view: View) -> Words:
    """What the table can support."""
    parts = [
        _ends_statement(view),
        _lasting_statement(view),
        "**Questions.** Which metrics pull the average up or down, and whether their data are old, are facts of the "
        "file; a place is a summary of them, and the weaker evidence.",
    ]
    return Words("\n".join(f"- {part}" for part in filter(None, parts)))


def _ends_statement(view: View) -> str | None:
    table, half = limits.places(view), len(limits.places(view)) / 2
    if table["rank_low"].isna().any():
        return None
    top, bottom = table["rank_high"] <= half, table["rank_low"] > half
    firm = limits.method(view).set_index("trust_code").reindex(table["trust_code"])
    firm = ((firm["rank_worst"] <= half).to_numpy() & top) | ((firm["rank_best"] > half).to_numpy() & bottom)
    either = int((top | bottom).sum())
    kept = (
        f" For {count(int(firm.sum()))} of these {either} the half does not depend on the method either."
        if either > 1
        else ""
    )
    return (
        f"**Broad ends, not places.** The likely range of the place lies wholly in the better half of the table for "
        f"{trusts(int(top.sum()))} and wholly in the worse half for {int(bottom.sum())}.{kept}"
    )


def _lasting_statement(view: View) -> str | None:
    table = limits.reliability(view).set_index("measure") if len(limits.reliability(view)) else limits.reliability(view)
    if "average" not in table.index or pd.isna(table.loc["average", "icc"]):
        return None
    row = table.loc["average"]
    return (
        f"**Differences that last over quarters.** Over {int(row['quarters'])} quarters {100 * row['icc']:.0f}% "
        f"({100 * row['icc_low']:.0f} to {100 * row['icc_high']:.0f}) of the variance of averages lies between trusts. "
        "The broad order lasts, then; part of this is that annual figures and overlapping windows are shown again, and "
        "lasting is not the same as being broadly good."
    )


def board_advice(view: View) -> Words:
    """What a board can do with the table."""
    step = limits.last_step(view)
    moved = view.movement["places"].abs().median()
    wait = (
        f" The typical trust moved {moved:.0f} places since {label(step.before)}." if step and pd.notna(moved) else ""
    )
    return Words(
        advice(
            "Quote a place only with its likely range. Judge a trust by its own metrics and by the trusts of its subtype. Take a "
            f"move between two quarters as news only where the change is more than noise, or where it lasts.{wait}"
        )
    )


# --- notes ---


def notes(view: View) -> Words:
    """How it was done, with sources, and what is left out."""
    n = int(view.league["metrics_scored"].median())
    too_narrow = ""
    if n > 1:
        found = narrowness([n]).loc[n]
        too_narrow = (
            f" With {n} metrics (the median here) it is about {100 * found['narrower']:.0f}% narrower than a t interval, and "
            f"a range that promises 95% covers about {100 * found['coverage']:.0f}%."
        )
    return Words(
        "- **Likely range**: 95% interval of a bootstrap over a trust's own metric scores; NHS England's rule as inferred from its "
        f"figures.{too_narrow}\n"
        "- **Confidence sets**: after Mogstad, Romano, Shaikh and Wilhelm (Review of Economic Studies, 2024), with t-tests of "
        "paired differences and Holm's procedure in place of their normal draws, which claim too much from so few metrics. "
        "Metrics count as a sample of those that could have been chosen.\n"
        "- **Chance of a segment**: share of the redraws behind the likely range; edges and deficit flags stay.\n"
        "- **Reliability**: ICC(1,1), Shrout and Fleiss (1979); **rankability**: van Houwelingen and others (2000), Lingsma and "
        "others (2010). A true change of a trust counts as noise here, a repeated figure does not count.\n"
        "- **More than noise**: Benjamini and Hochberg (1995). **Noise alone**: both averages scatter around the trust's mean, "
        "with the pooled scatter of single metrics' changes; edges and flags stay.\n"
        "- **Method**: a multiverse (Steegen and others, 2016); a trust needs three metrics for a place.\n"
        "- **Not in any figure here**: the sampling error of each metric (numerators and denominators are not in the files), "
        "case mix, and the quality of the data."
    )
