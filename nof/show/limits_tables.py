"""Tables of the limitations briefing, folded to what a reader needs.

The whole frames are CSV files beside the report.
"""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method import limits
from nof.method.change import FALSE_DISCOVERIES, change_summary
from nof.method.sensitivity import NOTHING
from nof.method.view import View
from nof.show.display import Column, Table
from nof.show.limits_words import happened
from nof.show.tables import segment_tone
from nof.show.words import day

ENDS = 5  # rows at each end of a folded table
MIDDLE = 5
MOST = 10
FILES = "All trusts: tables/{} beside this briefing."
# Counts for all 205 trusts as NHS England published them; method note, section 6, source Q2C.
PUBLISHED_STEP = ("2025-26-q1", "2025-26-q2")
PUBLISHED_CHANGES = (
    "NHS England's own counts for all trusts of all types, Q1 to Q2 2025/26: 38 changed segment, 6 by the "
    "override, 8 by a significant change, 24 not significant, and 9 changed significantly within their "
    "segment. Its test is not published, so its counts and ours are alike in form only."
)


def _file(view: View, name: str) -> str:
    return FILES.format(f"limits_{name}-{view.trust_type}.csv")


def _trust() -> Column:
    return Column("trust_name", "Trust", row_header=True)


def _number(name: str, label: str, form: str = ".0f", unit: str = "") -> Column:
    return Column(name, label, unit, align="right", format=form)


def _span(table: pd.DataFrame, low: str, high: str) -> list[str | None]:
    return [
        None if pd.isna(a) or pd.isna(b) else f"{a:.0f} to {b:.0f}"
        for a, b in zip(table[low], table[high], strict=True)
    ]


def folded(table: pd.DataFrame, ends: int = ENDS, middle: int = MIDDLE) -> pd.DataFrame:
    """The first, the middle and the last rows; all of them where there are few."""
    if len(table) <= 2 * ends + middle + 2:
        return table
    start = (len(table) - middle) // 2
    return pd.concat([table.head(ends), table.iloc[start : start + middle], table.tail(ends)])


def places(view: View) -> Table:
    """How sure the first, the middle and the last places are."""
    table = folded(limits.places(view))
    shown = table.assign(
        likely=_span(table, "rank_low", "rank_high"),
        sets=_span(table, "set_low", "set_high"),
        told=[f"{told} of {others}" for told, others in zip(table["told_apart"], table["others"], strict=True)],
        percent=100 * table["chance_own"],
    )
    what = "All trusts" if len(table) == len(limits.places(view)) else "The first, the middle and the last places"
    return Table(
        shown,
        f"{what}, and how sure they are",
        (
            _number("rank", "Place"),
            _trust(),
            Column("likely", "Likely range of place", align="right"),
            Column("sets", "Confidence set", "by average", align="right"),
            Column("told", "Told apart from", align="right"),
            Column("segment", "Segment", align="right", format=".0f", tone=segment_tone),
            _number("percent", "Its chance", unit="%"),
            Column("nearest_edge", "Nearest edge", align="right"),
            _number("nearest", "Distance", ".1f", "standard errors"),
        ),
        note=f"Chance: share of redraws of the trust's own metric scores that give this segment. Distance: of the average to "
        f"the nearest edge between segments before the override. {_file(view, 'places')}",
    )


# --- 2. volatility ---


def changes(view: View) -> Table | None:
    """Changes of segment in the form of NHS England's note on Q2 2025/26, for every step."""
    if not limits.steps(view):
        return None
    columns, frame = [Column("group", "Trusts that", row_header=True)], pd.DataFrame({"group": list(_GROUPS.values())})
    for step in limits.steps(view):
        label = f"{Quarter.parse(step.before).label[:2]} to {Quarter.parse(step.after).label}"
        frame[label] = [*_counts(step.changes), _noise(step)]
        columns.append(Column(label, label, align="right"))
    real = not view.publication.illustrative and any(
        (one.before, one.after) == PUBLISHED_STEP for one in limits.steps(view)
    )
    return Table(
        frame,
        "Changes of segment, and what lies behind them",
        tuple(columns),
        note=(
            f"In brackets: better, worse. Significant: paired t-test over the metrics of both quarters, false discovery rate of "
            f"{100 * FALSE_DISCOVERIES:.0f}% over the trusts of a step. {PUBLISHED_CHANGES if real else ''}"
        ).strip(),
    )


_GROUPS = {
    "changed segment": "changed segment",
    "by the financial override": "of these, by the financial override",
    "by a significant change": "of these, with a significant change in the average",
    "change not significant": "of these, without a significant change",
    "significant, same segment": "changed significantly, same segment",
    "uncorrected": "p below 0.05 without regard to how many are tested",
    "noise": "would change segment by noise alone (95% of simulations)",
}


def _counts(table: pd.DataFrame) -> list[str]:
    counts = change_summary(table)
    shown = [f"{row.trusts} ({row.better}, {row.worse})" for row in counts.itertuples()]
    return [*shown, f"{int(table['p_value'].le(0.05).sum())} of {int(table['p_value'].notna().sum())}"]


def _noise(step) -> str | None:
    found = step.noise
    return None if found is None else f"{found.expected:.0f} ({found.low:.0f} to {found.high:.0f})"


def transitions(view: View) -> Table | None:
    """Segments of the quarter before against those of this one."""
    if limits.transitions(view) is None or limits.transitions(view)["trusts"].sum() == 0:
        return None
    wide = (
        limits.transitions(view).pivot(index="segment_before", columns="segment_after", values="trusts").reset_index()
    )
    before, after = (Quarter.parse(one).label for one in limits.last_step(view)[:2])
    return Table(
        wide.assign(all=wide[[1, 2, 3, 4]].sum(axis=1)),
        f"From segment to segment, {before} to {after}",
        (
            Column("segment_before", f"Segment in {before}", format=".0f", row_header=True),
            *(_number(segment, f"to {segment}") for segment in (1, 2, 3, 4)),
            _number("all", "All"),
        ),
        note="Trusts in both quarters, after the financial override.",
    )


def reliability(view: View) -> Table | None:
    """Reliability of the average and of each metric score over the quarters."""
    table = limits.reliability(view)
    if table.empty:
        return None
    names = {"average": "Average score", "average of moving metrics": "Average of the metrics that moved every quarter"}
    order = table["measure"].isin(names)
    table = pd.concat([table[order], table[~order].sort_values("icc", ascending=False, na_position="last")])
    span = [
        None if pd.isna(row.icc) else f"{row.icc_low:.2f} to {row.icc_high:.2f}".replace("-", "−")
        for row in table.itertuples()
    ]
    return Table(
        table.assign(name=table["name"].replace(names), span=span),
        "How far trusts keep their places over quarters",
        (
            Column("name", "Measure", row_header=True),
            _number("trusts", "Trusts"),
            _number("releases", "Quarters with new data"),
            _number("icc", "Reliability", ".2f"),
            Column("span", "95% interval", align="right"),
            _number("icc_with_copies", "With copies", ".2f"),
        ),
        note="1.00: all differences between trusts last; 0.00: none do. Reliability is the share of the variance that lies "
        "between trusts, ICC(1,1), which takes quarters near and far as alike. “With copies”: what the quarters would suggest if a figure published once a year counted each quarter.",
    )


# --- 3. data lags ---


def periods(view: View) -> Table:
    """The period and age of each metric."""
    table = limits.periods(view)
    moved = table["moved"].map({True: "yes", False: "no"})
    shown = table.assign(
        within=table["in_quarter"].map({True: "yes", False: "no"}),
        moved=moved,
        same=100 * table["values_unchanged"],
        share=100 * table["share_in_quarter"],
    )
    return Table(
        shown,
        "The period behind each metric",
        (
            Column("description", "Metric", row_header=True),
            Column("reporting_date", "Period"),
            _number("age_months", "Age", unit="months"),
            Column("within", "Ends in quarter"),
            _number("share", "Of it in the quarter", unit="%"),
            Column("moved", "Moved since quarter before"),
            _number("same", "Same score", unit="% of trusts"),
        ),
        note="Age: from the period's last day to the quarter's. “Same score”: trusts whose published score on this metric is "
        "the same as in the quarter before.",
    )


def in_quarter(view: View) -> Table | None:
    """The trusts that a ranking from in-quarter metrics only would move most."""
    table = limits.in_quarter_ranks(view).dropna(subset=["rank_in_quarter"])
    if table.empty:
        return None
    most = table.reindex(table["places"].abs().sort_values(ascending=False, kind="stable").index).head(MOST)
    return Table(
        most.sort_values("rank", kind="stable"),
        f"In-quarter data only: the {len(most)} largest differences",
        (
            _trust(),
            _number("rank", "Place as published"),
            _number("rank_in_quarter", "Place, in-quarter data"),
            _number("places", "Places", "+.0f"),
            _number("metrics_in_quarter", "Metrics left"),
        ),
        note=f"A plus means a better place. Segments and override as in the method section. {_file(view, 'in_quarter_ranking')}",
    )


# --- 4. mergers ---


def mergers(view: View) -> Table | None:
    """The trusts that a merger touches, and the comparisons that it breaks."""
    table = limits.affected(view)
    if table.empty:
        return None
    rows = list(table.itertuples())
    table = table.assign(
        when=[day(one.event_date) for one in rows],
        what=[happened(one) for one in rows],
        broken=[_broken(view, one) for one in rows],
    )
    return Table(
        table,
        "Trusts that a merger touches",
        (
            _trust(),
            Column("what", "What happened"),
            Column("when", "Date"),
            Column("timing", "Timing"),
            Column("broken", "Not comparable"),
        ),
        note="“Not comparable”: steps between quarters of these files across which the code stands for different organisations. "
        "Before the quarter: data from before that day, such as the earlier year of a year-on-year metric, come from before "
        "the merger. After it: the table shows the trusts as they were. NHS England gives earlier quarters today's codes and "
        "names.",
    )


def _broken(view: View, one) -> str:
    steps = [
        f"{Quarter.parse(step.before).label} with {Quarter.parse(step.after).label}"
        for step in limits.steps(view)
        if one.trust_code in limits.broken(view, step.before, step.after)
    ]
    return "; ".join(steps) or "no step"


def merged(view: View) -> Table | None:
    """Arithmetic: where trusts that merge after the quarter would have stood as one."""
    rows: list[tuple] = []
    for event, position in limits.merged(view):
        if position is None:
            continue
        for one in position.predecessors.itertuples():
            rows.append((one.trust_name, one.place_by_average, one.average_score, one.metrics_scored, None))
        name = f"as one: {event['successor_name'] or event['successor_code']}"
        rows.append(
            (
                name,
                None,
                None,
                position.either,
                f"{position.place_best} to {position.place_worst} of {position.of}; average "
                f"{position.average_best:.2f} to {position.average_worst:.2f}",
            )
        )
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=["trust_name", "place", "average", "metrics", "range"])
    return Table(
        frame,
        "Arithmetic, not prediction: trusts that merge after the quarter",
        (
            _trust(),
            _number("place", "Place by average"),
            _number("average", "Average", ".2f"),
            _number("metrics", "Metrics"),
            Column("range", "Range of the place as one", align="right"),
        ),
        note="Each shared metric is taken to score between the scores of the two; segments and override are left out. How NHS "
        "England will combine the trusts' data is not published.",
    )


# --- 5. trust types ---


def subtypes(view: View) -> Table:
    """Metrics, ranges and places by subtype."""
    table = limits.by_subtype(view).assign(
        metrics=[f"{row.metrics_fewest:.0f} to {row.metrics_most:.0f}" for row in limits.by_subtype(view).itertuples()]
    )
    return Table(
        table,
        "Subtypes of the trusts in this table",
        (
            Column("trust_subtype", "Subtype", row_header=True),
            _number("trusts", "Trusts"),
            Column("metrics", "Metrics scored", align="right"),
            _number("metrics_median", "Median metrics", ".1f"),
            _number("average_width", "Width of likely range", ".2f", "average"),
            _number("rank_width", "Width of likely range", "g", "places"),
            _number("average_median", "Median average", ".2f"),
            _number("rank_median", "Median place", "g"),
        ),
        note="Widths are medians. Places cannot spread beyond the ends of the table, so the width of the average says more.",
    )


def best_of_subtypes(view: View, count: int = 3) -> Table | None:
    """The best placed trusts of each subtype; None where there is one subtype."""
    table = limits.subtypes(view)
    if table["trust_subtype"].nunique() < 2:
        return None
    best = table[table["rank_in_subtype"] <= count].sort_values(["trust_subtype", "rank"], kind="stable")
    best = (
        best.groupby("trust_subtype")
        .head(count)
        .assign(
            within=lambda one: [f"{row.rank_in_subtype:.0f} of {row.trusts_in_subtype:.0f}" for row in one.itertuples()]
        )
    )
    apart = () if not table["specialist"].any() else (_number("rank_apart", "Place, specialists apart"),)
    return Table(
        best,
        f"The first {count} of each subtype",
        (
            Column("trust_subtype", "Subtype"),
            _trust(),
            Column("within", "Place in subtype", align="right"),
            _number("rank", "Place in the table"),
            *apart,
            _number("metrics_scored", "Metrics"),
        ),
        note=(
            "“Specialists apart”: specialist trusts counted in a table of their own, the others in theirs. "
            if apart
            else ""
        )
        + _file(view, "subtypes"),
    )


# --- 6. method ---


def choices(view: View) -> Table | None:
    """The single choices that move the table most; None where no trust has enough metrics for another choice."""
    table = limits.choices(view).head(MOST)
    if table.empty:
        return None
    return Table(
        table.assign(name=table["name"].str.replace("^.", lambda found: found[0].upper(), regex=True)),
        f"The {len(table)} choices that move most, each on its own",
        (
            Column("name", "Choice", row_header=True),
            _number("trusts_moved", "Trusts moved"),
            _number("places_mean", "Places on average", ".1f"),
            _number("places_most", "Places at most"),
            _number("segments_changed", "Segments changed"),
        ),
        note=f"All else as published. {_file(view, 'choices')}",
    )


def moved_most(view: View) -> Table:
    """The trusts whose place depends most on the method."""
    table = limits.method(view).assign(width=limits.method(view)["rank_worst"] - limits.method(view)["rank_best"])
    most = table.sort_values(["width", "rank_published"], ascending=[False, True], kind="stable").head(MOST)
    shown = most.assign(
        all=_span(most, "rank_best", "rank_worst"),
        nine=_span(most, "rank_low", "rank_high"),
        moves_most=most["moves_most"].replace(NOTHING, "none moves it"),
    )
    return Table(
        shown,
        f"The {len(most)} trusts whose place depends most on the method",
        (
            _trust(),
            _number("rank_published", "Place"),
            Column("all", "All choices", align="right"),
            Column("nine", "Nine in ten", align="right"),
            Column("moves_most", "Single choice that moves it most"),
            _number("places", "Places", "+.0f"),
        ),
        note=f"Places: a minus is a move up the table. {_file(view, 'method')}",
    )


def shuffled(view: View) -> Table:
    """The randomisation check."""
    shown = limits.shuffled(view).assign(percent=100 * limits.shuffled(view)["share_moved"]).head(MOST)
    return Table(
        shown,
        f"If one metric were pure chance: the {len(shown)} that move most",
        (
            Column("name", "Metric shuffled", row_header=True),
            _number("trusts", "Trusts scored on it"),
            _number("percent", "Places that change", unit="%"),
            _number("places", "Places moved", ".1f", "mean"),
            _number("places_most", "Largest move", ".0f", "mean"),
        ),
        note="The scores of one metric are dealt out anew, at random, among the trusts scored on it; everything else stays. "
        + _file(view, "shuffled").replace("All trusts", "All metrics"),
    )
