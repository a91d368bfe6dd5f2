"""Tables of the limitations briefing on the age of the data, mergers and kinds of trust; see `nof.show.limits_tables`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from nof.common import Quarter
from nof.method.lineage import MergedPosition
from nof.show.display import Column, Table
from nof.show.words import day, listed, short_name

ENDS = 5  # rows at each end of a folded table
MIDDLE = 5
MOST = 10
FILES = "All trusts: tables/{} beside this briefing."


def file_of(trust_type: str, name: str) -> str:
    """The file with all rows of a table of this briefing."""
    return FILES.format(f"limits_{name}-{trust_type}.csv")


def trust_column() -> Column:
    """The column that names a row."""
    return Column("trust_name", "Trust", row_header=True)


def number_column(name: str, label: str, form: str = ".0f", unit: str = "") -> Column:
    """A column of numbers, at the right; whole ones unless said."""
    return Column(name, label, unit, align="right", format=form)


def span_of(table: pd.DataFrame, low: str, high: str) -> list[str | None]:
    """Two columns as "3 to 8"; None where one of them is not known."""
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


# --- 3. data lags ---


def periods(table: pd.DataFrame) -> Table:
    """The period and age of each metric; `table` as `limits.periods`."""
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
            number_column("age_months", "Age", unit="months"),
            Column("within", "Ends in quarter"),
            number_column("share", "Of it in the quarter", unit="%"),
            Column("moved", "Moved since quarter before"),
            number_column("same", "Same score", unit="% of trusts"),
        ),
        note="Age: from the period's last day to the quarter's. “Same score”: trusts whose published score on this metric is "
        "the same as in the quarter before.",
    )


def in_quarter(table: pd.DataFrame, trust_type: str) -> Table | None:
    """The trusts that a ranking from in-quarter metrics only would move most; `table` as `limits.in_quarter_ranks`."""
    table = table.dropna(subset=["rank_in_quarter"])
    if table.empty:
        return None
    most = table.reindex(table["places"].abs().sort_values(ascending=False, kind="stable").index).head(MOST)
    return Table(
        most.sort_values("rank", kind="stable"),
        f"In-quarter data only: the {len(most)} largest differences",
        (
            trust_column(),
            number_column("rank", "Place as published"),
            number_column("rank_in_quarter", "Place, in-quarter data"),
            number_column("places", "Places", "+.0f"),
            number_column("metrics_in_quarter", "Metrics left"),
        ),
        note=f"A plus means a better place. Segments and override as in the method section. {file_of(trust_type, 'in_quarter_ranking')}",
    )


# --- 4. mergers ---


def happened(one: Any) -> str:
    """What a merger did to a trust, without its name: "takes over Solent"; `one` is a row of `lineage.affected`."""
    others = listed(short_name(name or code) for name, code in zip(one.other_names, one.other_codes, strict=True))
    if one.kind == "split":
        return f"takes over services of {others}" if one.role == "successor" else f"is split between {others}"
    if one.role == "predecessor":
        return f"goes into {others}"
    return f"is formed from {others}" if one.kind == "merger" else f"takes over {others}"


def mergers(table: pd.DataFrame, broken: dict[tuple[str, str], tuple[str, ...]]) -> Table | None:
    """The trusts that a merger touches, and the comparisons that it breaks.

    Parameters
    ----------
    table : DataFrame
        As `limits.affected`.
    broken : dict
        For each step (before, after) the trusts whose comparison a merger breaks; as `limits.broken_steps`.
    """
    if table.empty:
        return None
    rows = list(table.itertuples())
    table = table.assign(
        when=[day(one.event_date) for one in rows],
        what=[happened(one) for one in rows],
        broken=[_broken(broken, one.trust_code) for one in rows],
    )
    return Table(
        table,
        "Trusts that a merger touches",
        (
            trust_column(),
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


def _broken(broken: dict[tuple[str, str], tuple[str, ...]], code: str) -> str:
    steps = [
        f"{Quarter.parse(before).label} with {Quarter.parse(after).label}"
        for (before, after), codes in broken.items()
        if code in codes
    ]
    return "; ".join(steps) or "no step"


def merged(found: tuple[tuple[pd.Series, MergedPosition | None], ...]) -> Table | None:
    """Arithmetic: where trusts that merge after the quarter would have stood as one; `found` as `limits.merged`."""
    rows: list[tuple] = []
    for event, position in found:
        if position is None:
            continue
        for one in position.predecessors.itertuples():
            rows.append(
                (one.trust_code, one.trust_name, one.place_by_average, one.average_score, one.metrics_scored, None)
            )
        name = f"as one: {event['successor_name'] or event['successor_code']}"
        rows.append(
            (
                event["successor_code"],
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
    frame = pd.DataFrame(rows, columns=["trust_code", "trust_name", "place", "average", "metrics", "range"])
    return Table(
        frame,
        "Arithmetic, not prediction: trusts that merge after the quarter",
        (
            trust_column(),
            number_column("place", "Place by average"),
            number_column("average", "Average", ".2f"),
            number_column("metrics", "Metrics"),
            Column("range", "Range of the place as one", align="right"),
        ),
        note="Each shared metric is taken to score between the scores of the two; segments and override are left out. How NHS "
        "England will combine the trusts' data is not published.",
    )


# --- 5. trust types ---


def subtypes(table: pd.DataFrame, trust_type: str) -> Table:
    """Metrics, ranges and places by subtype; `table` as `limits.by_subtype`."""
    table = table.assign(
        metrics=[f"{row.metrics_fewest:.0f} to {row.metrics_most:.0f}" for row in table.itertuples()],
        rank_median=[f"{row.rank_median:g}" for row in table.itertuples()],
        rank_width=[None if pd.isna(row.rank_width) else f"{row.rank_width:g}" for row in table.itertuples()],
    )
    return Table(
        table,
        "Subtypes of the trusts in this table",
        (
            Column("trust_subtype", "Subtype", row_header=True),
            number_column("trusts", "Trusts"),
            Column("metrics", "Metrics scored", align="right"),
            number_column("metrics_median", "Median metrics", ".1f"),
            number_column("average_width", "Width of likely range", ".2f", "average"),
            Column("rank_width", "Width of likely range", "places", align="right"),
            number_column("average_median", "Median average", ".2f"),
            Column("rank_median", "Median place", align="right"),
        ),
        note="Widths are medians, both ends counted in places. Places cannot spread beyond the ends of the table, so the width "
        f"of the average says more. {file_of(trust_type, 'subtypes')}",
    )
