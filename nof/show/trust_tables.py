"""Card and tables of one trust's briefing: frames and facts go in."""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method.board import NEAR
from nof.method.trust_facts import Since, Standing, Way
from nof.show import inline
from nof.show.display import Card, Column, Table
from nof.show.grammar import begun, better
from nof.show.tables import segment_tone

STEPS = 5  # steps shown
SET_ROWS = 4  # rows of sets shown, so one set or two


def signed(value: float) -> str:
    """A number with its sign, a real minus; nought has none."""
    text = f"{value:+.2f}"
    return "0.00" if text[1:] == "0.00" else text.replace("-", "−")


def number(value: float, units: object = "", signs: bool = False) -> str | None:
    """A value, with its unit if that is short: "5.47%"; a change has its sign and no unit; None where missing."""
    if pd.isna(value):
        return None
    text = signed(value) if signs else f"{value:,.2f}".replace("-", "−")
    text = text.removesuffix(".00") if units == "count" else text
    return f"{text}%" if units == "%" and not signs else text


def named(description: str, units: object) -> str:
    """A metric with its unit, unless the unit stands beside each value; the first letter is a capital."""
    text = begun(description)
    return text if not isinstance(units, str) or units in ("%", "", "count", "rate") else f"{text} ({units})"


def _numbers(table: pd.DataFrame, column: str, signs: bool = False) -> list[str | None]:
    return [number(value, units, signs) for value, units in zip(table[column], table["units"], strict=True)]


def _named(table: pd.DataFrame, names: dict[str, str]) -> list[str]:
    texts = [names.get(one, text) for one, text in zip(table["metric_id"], table["description"], strict=True)]
    return [named(text, units) for text, units in zip(texts, table["units"], strict=True)]


def points(low: float, high: float) -> str:
    """Points of the average, as a range where its ends differ; never nought for something."""

    def shown(value: float) -> str:
        """Two decimals, or that it is less than they show."""
        return f"{value:.2f}" if value >= 0.005 else "below 0.01"

    return shown(high) if shown(low) == shown(high) else f"{shown(low)} to {shown(high)}"


# --- the first page ---


def card(stands: Standing | None, since: Since | None, way: Way | None) -> Card | None:
    """Three figures: segment, average, and how far the next segment is or what holds this one."""
    if stands is None or since is None or way is None:
        return None
    return Card((_segment(stands, since), _average(since, stands), _next(stands, way)))


def _segment(stands: Standing, since: Since) -> tuple[str, str, str]:
    if stands.segment is None:
        return "Segment", "not known", ""
    value = f"{stands.segment} ({stands.unadjusted} by its scores)" if stands.held else f"{stands.segment} of 4"
    then = "" if since.segment_before is None else f"{since.segment_before} last quarter"
    return "Segment", value, then


def _average(since: Since, stands: Standing) -> tuple[str, str, str]:
    note = "1.00 best, 4.00 worst"
    if since.change is not None:
        way = better(since.change) if since.change else "the same"
        note = f"{note}; {since.average_before:.2f} last quarter" + (f", so {way}" if since.change else "")
    return "Average score", f"{stands.average:.2f}", note


def _next(stands: Standing, way: Way) -> tuple[str, str, str]:
    if stands.held:
        return "What holds it", "the deficit", f"scores alone give segment {stands.unadjusted}"
    if way.target and way.gap_low is not None and way.gap_high is not None:
        held = "; the deficit would still hold it" if stands.blocked else ""
        return f"To segment {way.target}", points(way.gap_low, way.gap_high), f"points of the average{held}"
    if way.in_first and way.cushion_low is not None and way.cushion_high is not None:
        return "Inside segment 1 by", points(way.cushion_low, way.cushion_high), "points of the average"
    return "To the next segment", "not known", "the edge is not in these files"


# --- the metrics ---


def metrics(table: pd.DataFrame, quarters: list[str]) -> Table | None:
    """Each metric: value, period, standard, where it stands among its type, scores by quarter, and what it adds.

    Parameters
    ----------
    table : DataFrame
        As `board.metrics`.
    quarters : list of str
        As `board.quarters`: slugs, the last is this quarter's.
    """
    if table.empty:
        return None
    labels = _labels(quarters)
    span = " to ".join(dict.fromkeys((labels[quarters[0]], labels[quarters[-1]])))
    shown = table.assign(
        name=[named(text, units) for text, units in zip(table["name"], table["units"], strict=True)],
        shown=_numbers(table, "value"),
        asked=[_standard(row) for row in table.to_dict("records")],
        place=[None if pd.isna(a) else f"{a:.0f} of {b}" for a, b in zip(table["rank"], table["ranked"], strict=True)],
        by_quarter=[
            tuple((label, None if pd.isna(row[slug]) else row[slug]) for slug, label in labels.items())
            for row in table.to_dict("records")
        ],
        adds=[signed(one) for one in table["contribution"]],
    )
    standard = (Column("asked", "Planning standard"),) if table["standard"].notna().any() else ()
    return Table(
        shown,
        "Every metric in its average, the one that worsens it most first",
        (
            Column("name", "Metric", row_header=True),
            Column("shown", "Value", align="right"),
            Column("period", "Period"),
            *standard,
            Column("spine", "Among its type", "best to worst", format=inline.spine_words, draw=inline.spine),
            Column("place", "Place", align="right"),
            Column("by_quarter", span, "scores", format=_scores_told, draw=_sparkline),
            Column("score", "Score", align="right", format=".2f"),
            Column("adds", "Adds", align="right"),
        ),
        key="Among its type: the line runs from the best trust to the worst, the tick is the typical one, the shaded band the "
        f"middle half, the dot this trust. {span}: scores by quarter, 1.00 at the upper line, 4.00 at the lower.",
        note="Place: by value, 1 is best. Period: what the latest value measures. Adds: points that the metric adds to the average against a trust with the median "
        "score; a plus makes it worse." + (" A planning standard is not how the framework scores." if standard else ""),
    )


def _labels(quarters: list[str]) -> dict[str, str]:
    """What each quarter is called: "Q1", with its year where there are several."""
    parsed = {one: Quarter.parse(one) for one in quarters}
    one_year = len({one.year for one in parsed.values()}) == 1
    return {slug: f"Q{one.number}" if one_year else one.label for slug, one in parsed.items()}


def _scores_told(scores: tuple[tuple[str, float | None], ...]) -> str:
    """Scores by quarter in words: "Q1 2.10, Q2 none"."""
    return ", ".join(f"{label} {'none' if one is None else f'{one:.2f}'}" for label, one in scores)


def _sparkline(scores: tuple[tuple[str, float | None], ...]) -> str:
    return inline.sparkline([one for _, one in scores])


def _standard(row: dict) -> str | None:
    """A planning standard and whether it is met: "at least 65%: not met"."""
    if pd.isna(row["standard"]):
        return None
    limit = number(row["standard"], row["units"])
    text = (limit or "").replace(".00", "")
    way = "below" if row["standard_below"] else "at least" if row["standard_better"] == "high" else "at most"
    verdict = "" if row["standard_met"] == "unknown" else f": {row['standard_met']}"
    return f"{way} {text}{verdict}"


# --- how firm ---


def segments(chances: pd.DataFrame | None, edges: pd.DataFrame, stands: Standing | None) -> Table | None:
    """Each segment's averages, with edges as brackets, and the share of redraws that land in it; None where not known.

    Parameters
    ----------
    chances, edges : DataFrame
        As `board.chances` and `board.edges`.
    stands : Standing or None
    """
    if chances is None or stands is None:
        return None
    ends = [_edge(row.edge_low, row.edge_high) for row in edges.itertuples()]
    spans = [f"up to {ends[0]}", *(f"above {low}, up to {high}" for low, high in zip(ends[:-1], ends[1:], strict=True)),
             f"above {ends[-1]}"]  # fmt: skip
    shown = chances.rename_axis("segment").reset_index().assign(averages=spans)
    after = (Column("after", "With the override", align="right", format=_percent),) if stands.flagged else ()
    own = stands.segment
    return Table(
        shown,
        "Share of redraws of its own metric scores that land in each segment",
        (
            Column("segment", "Segment", format="d", row_header=True, tone=segment_tone),
            Column("averages", "Average score"),
            Column("by_average", "By its scores", align="right", format=_percent),
            *after,
        ),
        emphasis=(own - 1,) if own is not None and own <= len(shown) else (),
    )


def _edge(low: float, high: float) -> str:
    if pd.isna(low) or pd.isna(high):
        return "an edge not known"
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f}–{high:.2f}"


def _percent(share: float) -> str:
    """A share as a percentage; a small one is not nought, a large one not all."""
    return "below 1%" if 0 < share < 0.01 else "above 99%" if 0.99 < share < 1 else f"{100 * share:.0f}%"


# --- what it would take ---


def steps(table: pd.DataFrame, way: Way | None, names: dict[str, str]) -> Table | None:
    """What one metric alone would have to become; None where no metric can do it.

    Parameters
    ----------
    table : DataFrame
        As `board.steps`.
    way : Way or None
    names : dict
        As `board.names`.
    """
    if table.empty or way is None or not table["closes"].any():
        return None
    table = table[table["closes"].astype(bool)].head(STEPS)
    shown = table.assign(
        name=_named(table, names),
        now=_numbers(table, "value"),
        needed=_numbers(table, "value_needed"),
        by=_numbers(table, "change", True),
        often=[_often(row) for row in table.to_dict("records")],
        usually=[None if pd.isna(one) else f"{one:.2f}" for one in table["usual"]],
    )
    return Table(
        shown,
        f"What one metric alone would have to become for segment {way.target}",
        (
            Column("name", "Metric", row_header=True),
            Column("now", "Now", align="right"),
            Column("needed", "Needed", align="right"),
            Column("by", "Change", align="right"),
            Column("usually", "Usual move", align="right"),
            Column("often", "Made from nearby", align="right"),
        ),
        note="Usual move: the median size of a change in a quarter among trusts of this type. Made from nearby: of the "
        "trust-quarters that started within one usual move of its value, how many bettered their score by as much as "
        "this trust needs; two counts where the edge is known only as a bracket.",
    )


def _often(row: dict) -> str | None:
    if pd.isna(row["nearby_made"]) or not row["nearby"]:
        return None
    ends = sorted({int(row["nearby_made_hardest"]), int(row["nearby_made_easiest"])})
    return f"{' to '.join(map(str, ends))} of {row['nearby']:.0f}"


def sets(table: pd.DataFrame, names: dict[str, str]) -> Table | None:
    """The smallest sets of metrics that would close the gap together; None where none does, or one metric is enough.

    Parameters
    ----------
    table : DataFrame
        As `board.sets`.
    names : dict
        As `board.names`.
    """
    if table.empty or not table["closes"].iloc[0] or table["size"].iloc[0] == 1:
        return None
    count = int(table["set"].max())
    several = min(count, max(SET_ROWS // int(table["size"].iloc[0]), 1))
    table = table[table["set"] <= several]
    shown = table.assign(
        name=_named(table, names),
        now=_numbers(table, "value"),
        needed=_numbers(table, "value_needed"),
        by=_numbers(table, "change", True),
        gained=[f"{one:.2f}" for one in table["gain"]],
    )
    which = "set with the shortest steps" if several == 1 else f"{several} sets with the shortest steps"
    return Table(
        shown,
        "The smallest set that would do it" if count == 1 else f"The {which}, of {count}",
        (
            Column("set", "Set", align="right", format=".0f"),
            Column("name", "Metric", row_header=True),
            Column("now", "Now", align="right"),
            Column("needed", "Needed", align="right"),
            Column("by", "Change", align="right"),
            Column("in_usual", "Usual moves", align="right", format=".1f"),
            Column("gained", "Average falls by", align="right"),
        ),
    )


# --- like for like ---


def near(table: pd.DataFrame) -> Table | None:
    """The trust beside its like-for-like peers; None where it has none.

    Parameters
    ----------
    table : DataFrame
        As `board.near_rows`.
    """
    if len(table) < 2:
        return None
    span = [
        None
        if pd.isna(row.low)
        else f"{signed(row.low)} to {signed(row.high)}" + ("" if row.alone else " (all of them)")
        for row in table.itertuples()
    ]
    shown = table.assign(
        place=[None if pd.isna(low) else f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
               for low, high in zip(table["rank_low"], table["rank_high"], strict=True)],
        apart=[None if pd.isna(one) else signed(one) for one in table["difference"]],
        span=span,
    )  # fmt: skip
    return Table(
        shown,
        "The trusts most like it in what they are scored on",
        (
            Column("name", "Trust", row_header=True),
            Column("place", "Place", align="right"),
            Column("average", "Average", align="right", format=".2f"),
            Column("segment", "Segment", align="right", format=".0f", tone=segment_tone),
            Column("shared", "Shared metrics", align="right", format=".0f"),
            Column("apart", "Difference", align="right"),
            Column("span", "95% range", align="right"),
        ),
        emphasis=(0,),
        note="Same subtype; then most metrics in common, the nearer number of metrics, the same region. Performance plays "
        "no part. Trusts alike in all of these are equally near: more than "
        f"{NEAR} of them are one row, with medians. Difference: over shared metrics; a minus means that this trust "
        "scores better.",
    )
