"""Tables of the limitations briefing, folded to what a reader needs: frames go in.

The whole frames are CSV files beside the report.
"""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method.change import FALSE_DISCOVERIES, change_summary
from nof.method.limits_data_facts import Method
from nof.method.limits_facts import Moves, Places
from nof.method.limits_moves import Step
from nof.method.sensitivity import NOTHING
from nof.show.display import Card, Column, Table
from nof.show.grammar import begun
from nof.show.limits_data_tables import (
    MOST,
    file_of,
    folded,
    happened,
    in_quarter,
    merged,
    mergers,
    number_column,
    periods,
    span_of,
    subtypes,
    trust_column,
)
from nof.show.tables import segment_tone

__all__ = [
    "card",
    "changes",
    "choices",
    "cliffs",
    "components",
    "happened",
    "in_quarter",
    "merged",
    "mergers",
    "moved_most",
    "periods",
    "places",
    "reliability",
    "spans",
    "subtypes",
    "transitions",
]
# Counts for all 205 trusts as NHS England published them; method note, section 6, source Q2C.
PUBLISHED_STEP = ("2025-26-q1", "2025-26-q2")
PUBLISHED_CHANGES = (
    "NHS England's own counts for all trusts of all types, Q1 to Q2 2025/26: 38 changed segment, 6 by the "
    "override, 8 by a significant change, 24 not significant, and 9 changed significantly within their "
    "segment. Its test is not published, so its counts and ours are alike in form only."
)


def card(sure: Places, moves: Moves, method: Method) -> Card:
    """Four figures that say how far the table carries."""

    def width(places: float | None) -> str:
        """Places, and out of how many."""
        return "not known" if places is None else f"{places:.0f} of {sure.trusts}"

    told = (
        (f"{moves.told} of {moves.trusts}", f"trusts since {moves.before}")
        if moves.after
        else ("not known", "no earlier quarter")
    )
    return Card(
        (
            ("A typical place spans", width(sure.range_width), "places, by the likely range"),
            ("In another quarter", width(sure.these_width), "places, on these metrics"),
            ("Change told from noise", *told),
            ("Method alone moves", width(method.by_method), "places, for a typical trust"),
        )
    )


def places(table: pd.DataFrame, trust_type: str) -> Table:
    """How sure the first, the middle and the last places are; `table` as `limits.places`."""
    part = folded(table)
    shown = part.assign(
        likely=span_of(part, "rank_low", "rank_high"),
        these=span_of(part, "these_low", "these_high"),
        other=span_of(part, "other_low", "other_high"),
        expected=span_of(part, "expected_low", "expected_high"),
        percent=100 * part["redraw_own"],
    )
    what = "All trusts" if len(part) == len(table) else "The first, the middle and the last places"
    return Table(
        shown,
        f"{what}, and how sure they are",
        (
            number_column("rank", "Place"),
            trust_column(),
            Column("likely", "Likely range", align="right"),
            Column("these", "These metrics, another quarter", align="right"),
            Column("other", "Other metrics like these", align="right"),
            Column("expected", "Next quarter", align="right"),
            Column("segment", "Segment", align="right", format=".0f", tone=segment_tone),
            number_column("percent", "Redraws in it", unit="%"),
            Column("nearest_edge", "Nearest edge", align="right"),
            number_column("nearest", "Distance", ".1f", "standard errors"),
        ),
        note="The two sets: places by average that the data allow at 95%, each trust on its own, by the question that is asked. "
        "Next quarter: where a model of all quarters expects its place by average. Redraws: share of redraws of the trust's "
        f"own metric scores that give this segment. Distance: of the average to the nearest edge between segments before the "
        f"override. {file_of(trust_type, 'places')}",
    )


def components(table: pd.DataFrame, trust_type: str) -> Table | None:
    """Variance of metric scores by source; None where sources cannot be told apart. `table` as `limits.components`."""
    if table["variance"].isna().all():
        return None
    shown = table.assign(
        name=table["source"].map(_SOURCES),
        percent=100 * table["share"],
        interval=[None if pd.isna(one.low) else f"{one.low:.3f} to {one.high:.3f}" for one in table.itertuples()],
    )
    return Table(
        shown,
        "Where the differences between metric scores come from",
        (
            Column("name", "Source", row_header=True),
            number_column("percent", "Share", unit="%"),
            number_column("variance", "Variance", ".3f"),
            Column("interval", "95% interval", align="right"),
            number_column("levels", "Rests on"),
        ),
        note="Of all quarters of this type; annual figures that are shown again count once. Where no interval stands, redrawing "
        f"trusts says nothing of it. {file_of(trust_type, 'components').replace('All trusts', 'In full')}",
    )


_SOURCES = {
    "trust": "Trust: better or worse throughout",
    "metric": "Metric: hard or easy for all",
    "quarter": "Quarter: better or worse for all",
    "trust x metric": "Trust on one metric rather than another",
    "trust x quarter": "Trust in one quarter rather than another",
    "metric x quarter": "Metric in one quarter rather than another",
    "remainder": "One score in one quarter",
}


# --- 2. volatility ---


def changes(steps: tuple[Step, ...], illustrative: bool) -> Table | None:
    """Changes of segment in the form of NHS England's note on Q2 2025/26, for every step; `steps` as `limits.steps`."""
    if not steps:
        return None
    columns, frame = [Column("group", "Trusts that", row_header=True)], pd.DataFrame({"group": list(_GROUPS.values())})
    for step in steps:
        label = f"{Quarter.parse(step.before).label[:2]} to {Quarter.parse(step.after).label}"
        frame[label] = [*_counts(step.changes), _noise(step)]
        columns.append(Column(label, label, align="right"))
    real = not illustrative and any((one.before, one.after) == PUBLISHED_STEP for one in steps)
    return Table(
        frame,
        "Changes of segment, and what lies behind them",
        tuple(columns),
        note=(
            "In brackets: better, worse. Told from noise: the trust's changes against those of all trusts on the same metrics, "
            f"false discovery rate of {100 * FALSE_DISCOVERIES:.0f}% over the trusts of a step. What cannot be told from noise "
            f"may still be real. {PUBLISHED_CHANGES if real else ''}"
        ).strip(),
    )


_GROUPS = {
    "changed segment": "changed segment",
    "by the financial override": "of these, by the financial override",
    "by a significant change": "of these, with a change of the average told from noise",
    "change not significant": "of these, with none that can be told from noise",
    "significant, same segment": "kept their segment, with a change told from noise",
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


def transitions(table: pd.DataFrame | None, moves: Moves) -> Table | None:
    """Segments of the quarter before against those of this one; `table` as `limits.transitions`."""
    if table is None or table["trusts"].sum() == 0:
        return None
    wide = table.pivot(index="segment_before", columns="segment_after", values="trusts").reset_index()
    return Table(
        wide.assign(all=wide[[1, 2, 3, 4]].sum(axis=1)),
        f"From segment to segment, {moves.before} to {moves.after}",
        (
            Column("segment_before", f"Segment in {moves.before}", format=".0f", row_header=True),
            *(number_column(segment, f"to {segment}") for segment in (1, 2, 3, 4)),
            number_column("all", "All"),
        ),
        note="Trusts in both quarters, after the financial override.",
    )


def reliability(table: pd.DataFrame) -> Table | None:
    """Reliability of the average and of each metric score over the quarters; `table` as `limits.reliability`."""
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
            number_column("trusts", "Trusts"),
            number_column("releases", "Quarters with new data"),
            number_column("icc", "Reliability", ".2f"),
            Column("span", "95% interval", align="right"),
            number_column("icc_with_copies", "With copies", ".2f"),
        ),
        note="1.00: all differences between trusts last; 0.00: none do. Reliability is the share of the variance that lies "
        "between trusts, ICC(1,1); it takes quarters as exchangeable, while neighbouring ones agree more. “With "
        "copies”: what the quarters would suggest if a figure published once a year counted each quarter.",
    )


# --- 6. method ---


def spans(table: pd.DataFrame) -> Table:
    """The three spans of a typical trust's place, never added up; `table` as `limits.typical_spans`."""
    return Table(
        table.assign(what=table["what"].map(begun)),
        "How far the typical trust's place moves, by what may change",
        (
            Column("what", "What may change", row_header=True),
            number_column("combinations", "Rankings"),
            number_column("typical", "Typical trust", unit="places"),
            number_column("narrowest", "Firmest", unit="places"),
            number_column("widest", "Least firm", unit="places"),
        ),
        note="Both ends counted: one place means that the place never moves.",
    )


def choices(table: pd.DataFrame, trust_type: str) -> Table | None:
    """The single choices that move the table most; None where no trust has enough metrics for another choice."""
    table = table.head(MOST)
    if table.empty:
        return None
    return Table(
        table.assign(name=table["name"].map(begun)),
        f"The {len(table)} choices that move most, each on its own",
        (
            Column("name", "Choice", row_header=True),
            number_column("trusts_moved", "Trusts moved"),
            number_column("places_mean", "Places on average", ".1f"),
            number_column("places_most", "Places at most"),
            number_column("segments_changed", "Segments changed"),
        ),
        note=f"All else as published. {file_of(trust_type, 'choices')}",
    )


def moved_most(table: pd.DataFrame, trust_type: str) -> Table:
    """The trusts whose place depends most on the choices; `table` as `limits.method`."""
    table = table.assign(width=table["everything_worst"] - table["everything_best"])
    most = table.sort_values(["width", "rank_published"], ascending=[False, True], kind="stable").head(MOST)
    shown = most.assign(
        alone=span_of(most, "method_best", "method_worst"),
        one=span_of(most, "one_choice_best", "one_choice_worst"),
        all=span_of(most, "everything_best", "everything_worst"),
        moves_most=most["moves_most"].replace(NOTHING, "none moves it"),
    )
    return Table(
        shown,
        f"The {len(most)} trusts whose place depends most on the choices",
        (
            trust_column(),
            number_column("rank_published", "Place"),
            Column("alone", "Method alone", align="right"),
            Column("one", "One choice", align="right"),
            Column("all", "Everything", align="right"),
            Column("moves_most", "Single choice that moves it most"),
            number_column("places", "Places", "+.0f"),
        ),
        note=f"Places: a minus is a move up the table. {file_of(trust_type, 'method')}",
    )


def cliffs(table: pd.DataFrame, trust_type: str) -> Table | None:
    """Scores that jumped, the smallest move of the value first; None where none did. `table` as `limits.cliffs`."""
    if table.empty:
        return None
    part = table.head(MOST)
    return Table(
        part.assign(why=part["kind"].map(_CLIFFS).fillna(part["kind"])),
        f"Scores that jumped into this quarter: the {len(part)} on the smallest moves of the value",
        (
            trust_column(),
            Column("description", "Metric"),
            number_column("value_before", "Value before", ".2f"),
            number_column("value", "Value now", ".2f"),
            number_column("score_before", "Score before", ".2f"),
            number_column("score", "Score now", ".2f"),
            Column("why", "Why"),
        ),
        note="A score of 1.00 is best. A jump is a whole point or more. "
        + file_of(trust_type, "cliffs").replace("All trusts", "All of them"),
    )


_CLIFFS = {
    "standard": "a standard crossed",
    "floor": "a floor crossed",
    "band": "another band",
    "tie": "a tie shared or left",
    "steep": "many trusts close together",
}
