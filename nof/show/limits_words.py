"""Sentences of the limitations briefing.

Every number is computed; what a number does not mean is said beside it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import limits
from nof.method.limits import Step
from nof.method.view import View
from nof.method.volatility import change_summary
from nof.show.display import Words, plain
from nof.show.words import day, listed, share, short_name, trusts, type_name

FIRST = 5  # "among the best five"
COMMON = 0.5  # share of trusts with a metric from which its absence is worth a remark


# --- small parts ---


def count(number: int) -> str:
    """A number in a sentence; nought is "none"."""
    return f"{number:,}" if number else "none"


def label(quarter: str) -> str:
    """ "Q4 2025/26" for a slug."""
    return Quarter.parse(quarter).label


def advice(text: str) -> str:
    """The sentence that says what follows."""
    return f"**What to do.** {text}"


def _is_are(number: int) -> str:
    return "is" if number == 1 else "are"


def width(table: pd.DataFrame, low: str, high: str) -> float:
    """Median number of places from one column to another, both counted."""
    return float((table[high] - table[low] + 1).median())


# --- 1. uncertainty ---


def uncertainty(view: View) -> Words:
    """The finding on ranks and segments, and what the likely range does and does not measure."""
    table = limits.places(view)
    told = int((table["told_apart"] > 0).sum())
    joint = int(((table["joint_low"] > 1) | (table["joint_high"] < len(table))).sum())
    best = min(FIRST, len(table))
    whose = (
        "as NHS England publishes it" if limits.ranges_published(view) else "as we redraw it by NHS England's method"
    )
    return Words(
        f"**{count(told).capitalize()} of {len(table)} trusts can be told apart from at least one other trust.** The likely range, {whose}, says "
        "how much a trust's average and place would change if other metrics like its own had been counted: how broad its "
        "performance is. It does not hold the sampling error of a metric, the ups and downs between quarters, or differences "
        "in patients.\n\nThe confidence sets ask a stricter question: which places by average (before segments and the "
        "override) fit the evidence, when every other trust is compared on the metrics that both have? At 95% for each trust "
        f"on its own, the typical set covers {width(table, 'set_low', 'set_high'):.0f} of {len(table)} places; asked of all "
        f"trusts at once, {'no set is' if joint == 0 else 'one set is' if joint == 1 else f'{joint} sets are'} narrower than the "
        f"whole table, and {int((table['joint_low'] <= best).sum())} trusts could be among the best {best}. This does not show that the trusts are alike. It shows that so few metrics cannot say how they differ."
    )


def pairing(view: View) -> Words:
    """What pairing on shared metrics changes."""
    found, level = limits.pairing(view), 0.05
    pairs = int(found["pairs"])
    if pairs == 0:
        return Words("No two trusts share enough metrics to be compared.")
    ratio = found["error_ratio"]
    effect = f"{100 * (1 - ratio):.0f}% smaller" if ratio < 1 else f"{100 * (ratio - 1):.0f}% larger"
    return Words(
        f"**What pairing changes.** Two trusts are compared on the metrics that both have (typically "
        f"{found['shared_median']:g}), so what makes a metric hard for everyone cancels. The standard error of a difference is "
        f"then typically {effect} than if the two averages were independent. Taken one by one at 5%, "
        f"{int(found['told_apart_paired']):,} of {pairs:,} pairs differ when paired and {int(found['told_apart_unpaired']):,} "
        f"when not ({int(found['told_apart_both']):,} in both); about {level * pairs:,.0f} would by chance alone. That is why "
        "the confidence sets allow for the number of comparisons."
    )


def segments(view: View) -> Words:
    """How near trusts stand to the edges between segments."""
    near = limits.places(view)["nearest"].dropna()
    if near.empty:
        return Words("The edges between segments are not known for this table.")
    within = int((near <= 1).sum())
    held = int((limits.places(view)["segment"] > limits.places(view)["segment_unadjusted"]).sum())
    note = (
        f" {trusts(held).capitalize()} {_is_are(held)} held at segment 3 by the financial override, which makes a segment "
        "look surer than the scores behind it."
        if held
        else ""
    )
    return Words(
        f"**Distance to an edge.** {share(within, len(near))} trusts stand within one standard error of an edge between "
        f"segments; the median distance is {near.median():.1f} standard errors.{note}"
    )


def uncertainty_advice(view: View) -> Words:
    """What follows for a reader of ranks."""
    return Words(
        advice(
            "Read places in groups: near the top, in the broad middle, near the foot. Do not name a trust “better” than "
            "its neighbour, and read a segment together with the chance of the segments beside it."
        )
    )


# --- 2. volatility ---


def volatility(view: View) -> Words:
    """The finding on movement, in the form of NHS England's note on Q2 2025/26."""
    step = limits.last_step(view)
    if step is None:
        return Words(
            f"**Nothing can be said of movement:** {view.gap or 'no trust can be compared'}. A place that has been seen once "
            "may be chance."
        )
    if step.changes.empty:
        return Words(f"**Nothing can be said of movement:** no trust can be compared with {label(step.before)}.")
    return Words(f"{_sentence(step)}{_noise(step)}{_left_out(view)}\n\n{_uncorrected(step)}")


def _sentence(step: Step) -> str:
    counts = change_summary(step.changes)
    first, override, sure, unsure, inside = (row for row in counts.itertuples())
    return (
        f"**From {label(step.before)} to {label(step.after)}, {first.trusts} of {len(step.changes)} trusts changed "
        f"segment:** {override.trusts} by the financial override ({override.better} up, {override.worse} down), "
        f"{sure.trusts} with a significant change in the average ({sure.better} up, {sure.worse} down), {unsure.trusts} "
        f"not significant; {inside.trusts} more changed significantly inside their segment. "
    )


def _noise(step: Step) -> str:
    if step.noise is None:
        return ""
    found = step.noise
    verdict = "no more than that" if found.observed <= found.high else "more than that"
    return (
        f"If no trust had truly changed, noise of the size seen in single metrics would be expected to change the segment "
        f"of about {found.expected:.0f} of them ({found.low:.0f} to {found.high:.0f} in 95% of simulations); the "
        f"{found.observed} seen are {verdict}. A true change of a single metric counts as noise here, so this figure leans "
        "high. "
    )


def _uncorrected(step: Step) -> str:
    p = step.changes["p_value"].dropna()
    raw, sure = int((p <= 0.05).sum()), int(step.changes["more_than_noise"].sum())
    return (
        f"Our test is a paired t-test over the metrics of both quarters, with the false discovery rate held at 5% over "
        f"{trusts(len(p))}; NHS England's test is not published. Without that correction {raw} would have counted, where "
        f"{0.05 * len(p):.0f} would by chance; with it {count(sure)}. With so few metrics the test finds only large "
        "changes: “not significant” is not “no change”."
    )


def _left_out(view: View) -> str:
    if limits.excluded(view).empty:
        return ""
    names = listed(f"{plain(one.trust_name)} ({one.reason})" for one in limits.excluded(view).itertuples())
    return f"Left out as not comparable: {names}. "


def lasting(view: View) -> Words:
    """Reliability over quarters against breadth within one."""
    parts = [_correlation(view), _reliability(view), _breadth(view)]
    return Words(" ".join(filter(None, parts)) or "One quarter alone does not show how far places last.")


def _correlation(view: View) -> str:
    step, table = limits.last_step(view), limits.correlations(view)
    if step is None:
        return ""
    row = table[
        (table["measure"] == "rank") & (table["quarter_before"] == step.before) & (table["quarter_after"] == step.after)
    ]
    first = table[
        (table["measure"] == "rank")
        & (table["quarter_before"] == table["quarter_before"].min())
        & (table["quarter_after"] == step.after)
    ]
    if row.empty or row["spearman"].isna().all():
        return ""
    far = (
        f", with {label(first['quarter_before'].iloc[0])} {first['spearman'].iloc[0]:.2f}"
        if first["quarter_before"].iloc[0] != step.before
        else ""
    )
    return (
        f"The rank correlation of places with {label(step.before)} is {row['spearman'].iloc[0]:.2f}{far} (1.00 would be the "
        "same order)."
    )


def _reliability(view: View) -> str:
    table = limits.reliability(view)
    if table.empty:
        return ""
    single = table[~table["measure"].str.startswith("average")].dropna(subset="icc")
    wide = single[single["trusts"] >= COMMON * len(view.league)]
    single = wide if len(wide) else single
    moving = table[table["measure"] == "average of moving metrics"]["icc"]
    text = (
        f"Without the annual metrics the reliability of the average is {moving.iloc[0]:.2f}. "
        if (len(moving) and np.isfinite(moving.iloc[0]))
        else ""
    )
    if single.empty:
        return text
    best, worst = single.loc[single["icc"].idxmax()], single.loc[single["icc"].idxmin()]
    return (
        f"{text}Among single metrics reliability runs from {worst['icc']:.2f} (“{plain(worst['name'])}”) to "
        f"{best['icc']:.2f} (“{plain(best['name'])}”)."
    )


def _breadth(view: View) -> str:
    if not np.isfinite(limits.rankability(view)):
        return ""
    return (
        f"Within one quarter the picture differs: {100 * limits.rankability(view):.0f}% of the differences between averages is "
        "more than the spread of a trust's own metric scores would give (its rankability within the quarter; below 50% is "
        "called poor in the literature). A place can be stable because the same few metrics are counted each time."
    )


def volatility_advice(view: View) -> Words:
    """What follows for a reader of movement."""
    step = limits.last_step(view)
    if step is None:
        return Words(advice("Wait for a second quarter before reading anything into a place."))
    return Words(
        advice(
            "Do not praise or blame one quarter's move. Ask whether a change is marked as more than noise in the table of "
            "changes, and whether it goes on in the next quarter."
        )
    )


# --- 3. data lags ---


def lags(view: View) -> Words:
    """The finding on data dates."""
    table, quarter = limits.periods(view), Quarter.parse(view.quarter)
    within, known = int(table["in_quarter"].sum()), table["age_months"].dropna()
    oldest = table.loc[known.idxmax()] if len(known) else None
    old = (
        f" The oldest, “{plain(oldest['description'])}” ({plain(oldest['reporting_date'])}), ends "
        f"{oldest['age_months']:.0f} months before the quarter does."
        if oldest is not None and oldest["age_months"] > 0
        else ""
    )
    unknown = int((table["kind"] == "unknown").sum())
    note = f" The period of {unknown} could not be read." if unknown else ""
    return Words(
        f"**{share(within, len(table))} metrics end in {quarter.label}; the others describe earlier time.**{old}{note} "
        f"{_unmoved(view)}"
    )


def _unmoved(view: View) -> str:
    if limits.unmoved(view) is None:
        return "Without the quarter before nobody can say which metrics have moved."
    if not limits.unmoved(view):
        return "Every metric has a newer period than in the quarter before."
    names = listed(f"“{plain(limits.metric_names(view).get(one, one))}”" for one in limits.unmoved(view))
    count_ = len(limits.unmoved(view))
    return (
        f"{count_} of {limits.periods(view)['metric_id'].nunique()} cover the same period as in the quarter before, so they "
        f"cannot show change: {names}."
    )


def in_quarter(view: View) -> Words:
    """What a ranking from in-quarter metrics would look like."""
    table = limits.in_quarter_ranks(view)
    both = table.dropna(subset=["rank_in_quarter"])
    if both.empty:
        left, every = len(limits.in_quarter(view)), limits.periods(view)["metric_id"].nunique()
        why = (
            "no metric ends in the quarter"
            if left == 0
            else "every metric ends in the quarter"
            if left == every
            else f"only {left} of {every} metrics {'ends' if left == 1 else 'end'} in the quarter, too few to place a trust by"
        )
        return Words(f"A ranking from in-quarter metrics only cannot be shown: {why}.")
    away, thin = both["places"].abs(), len(table) - len(both)
    placed = f" {trusts(thin).capitalize()} would have too few metrics left to be placed." if thin else ""
    return Words(
        f"**The ranking from in-quarter metrics only** ({len(limits.in_quarter(view))} metrics; a trust has "
        f"{both['metrics_in_quarter'].min()} to {both['metrics_in_quarter'].max()} of them) differs from the published one by "
        f"{away.median():.0f} places for the typical trust and by {away.max():.0f} at most.{placed} Part of this is only that "
        "fewer metrics are counted. The combined finance score carries the quarter's date although half of it rests on the "
        "year's plan."
    )


def lags_advice(view: View) -> Words:
    """What follows for a reader of old data."""
    return Words(
        advice(
            "Before acting on a score, look up its period. What was done since then cannot show yet; the "
            "trust's own newer figures may."
        )
    )


# --- 4. mergers ---


def mergers(view: View) -> Words:
    """The finding on mergers."""
    table, kind = limits.affected(view), type_name(view.trust_type)
    if table.empty:
        return Words(
            f"**No known merger touches this table:** none of the {kind} trusts took others over in the two years before the "
            f"quarter's end, or is known to merge later.{_unexplained(view)}"
        )
    past = table[table["timing"] != "after quarter"]["trust_code"].nunique()
    later = table[table["timing"] == "after quarter"]["trust_code"].nunique()
    after = f", and {later} a merger after it" if later else ""
    return Words(
        f"**{past} of {trusts(len(view.league))} carry a merger of the two years before the quarter's end{after}.** {_blanks(view)}{_surveys(view)}{_unexplained(view)}"
    )


def happened(one) -> str:
    """What a merger did to a trust, without its name: "takes over Solent"; `one` is a row of `lineage.affected`."""
    others = listed(short_name(name or code) for name, code in zip(one.other_names, one.other_codes, strict=True))
    if one.kind == "split":
        return f"takes over services of {others}" if one.role == "successor" else f"is split between {others}"
    if one.role == "predecessor":
        return f"goes into {others}"
    return f"is formed from {others}" if one.kind == "merger" else f"takes over {others}"


def _blanks(view: View) -> str:
    table = limits.blanks(view)[limits.blanks(view)["share_with_metric"] >= COMMON]
    rows = [
        f"{plain(one.trust_name)} has no value for “{plain(one.description)}” (window {plain(one.reporting_date)}, merger on "
        f"{day(one.event_date)}; {100 * one.share_with_metric:.0f}% of trusts have one{_merged_too(view, one)})"
        for one in table.itertuples()
    ]
    return (
        f"{listed(rows)}: its average rests on fewer metrics. The files do not say why a value is blank. "
        if rows
        else ""
    )


def _merged_too(view: View, one) -> str:
    """Trusts merged inside the same window that have a value all the same."""
    names = [plain(limits.names(view).get(code, code)) for code in one.merged_with_value]
    return f", {listed(names)} among them, merged inside the same window" if names else ""


def _surveys(view: View) -> str:
    if limits.surveys(view).empty:
        return ""
    groups = limits.surveys(view).groupby(["trust_name", "timing"], sort=False)["description"]
    rows = [
        f"for {plain(name)}, {len(set(part))} survey-based metric{'s' if len(set(part)) > 1 else ''} "
        f"{'end before' if timing == 'before' else 'fall in the year of'} the merger"
        for (name, timing), part in groups
    ]
    return f"Surveys may predate a merger: {listed(rows)}. "


def _unexplained(view: View) -> str:
    table = limits.unexplained(view)
    if table.empty:
        return ""
    rows = [f"{plain(one.trust_name)} {one.change} in {label(one.quarter)}" for one in table.itertuples()]
    return f" **Not explained by a known merger:** {listed(rows)}."


def merged(view: View) -> Words:
    """Positions of trusts that merge after the quarter; `limitations.tables.merged` sets them side by side."""
    if not limits.merged(view):
        return Words("No merger after the quarter is known that would bring trusts of this table together.")
    placed = [found for _, found in limits.merged(view) if found]
    widest = max((found.place_worst - found.place_best + 1 for found in placed), default=0)
    text = (
        f"**Arithmetic, not prediction.** The table sets the trusts that merge after the quarter side by side, with the range "
        f"in which each would have stood as one: up to {widest} places wide, as nobody outside knows how the trusts' data "
        "will be combined. "
        if placed
        else ""
    )
    lost = [
        f"{plain(event['predecessor_name'] or event['predecessor_code'])} into "
        f"{plain(event['successor_name'] or event['successor_code'])} ({day(event['effective_date'])})"
        for event, found in limits.merged(view)
        if found is None
    ]
    return Words(text + (f"Cannot be placed, as not all of them stand in this table: {listed(lost)}." if lost else ""))


def mergers_advice(view: View) -> Words:
    """What follows for comparisons across a merger."""
    if limits.affected(view).empty:
        return Words(advice("Nothing follows for this quarter; look again when a merger is announced."))
    return Words(
        advice(
            "Do not compare a merged trust with its own past across the date of the merger, and count the metrics "
            "behind its average before comparing it with others."
        )
    )
