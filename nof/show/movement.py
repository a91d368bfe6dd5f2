"""Our doing, or the others'? One small chart of a trust's move; a table of segments under other bands; a table of standards."""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method.movement import CAUSES
from nof.method.movement_facts import CAUSE_NAMES, OurDoing
from nof.method.two_methods import SEGMENTS, UnderBands
from nof.show import style
from nof.show.charts import sheet
from nof.show.display import Chart, Column, Table
from nof.show.grammar import begun, count, number, signed

_STEP, _TOP, _ZERO_LEFT = 5.2, 4.5, 84.0


def doing(facts: OurDoing) -> Chart:
    """What moved a trust, as one bar a cause; causes that moved nothing are named in the caption.

    Parameters
    ----------
    facts : OurDoing
        Of a move that could be split.
    """
    parts = {CAUSE_NAMES[cause]: getattr(facts, cause) for cause in CAUSES if getattr(facts, cause)}
    rows = [*parts.items(), ("together", facts.change)]
    left = min(0.0, *(value for _, value in rows))
    right = max(0.0, *(value for _, value in rows))
    scale = (style.TEXT_WIDTH_MM - 14 - _ZERO_LEFT) / max(right - left, 1e-9)
    zero = _ZERO_LEFT - left * scale
    height = _TOP + _STEP * len(rows) + 1

    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    with sheet(height) as (drawing, mm):
        drawing.add_artist(Line2D([zero, zero], [_TOP - 1, height - 1], color=style.QUIET, lw=0.7, transform=mm))
        for word, x, align in (("down ", zero - 1, "right"), (" up the table", zero + 1, "left")):
            if (left < 0) if align == "right" else (right > 0):
                drawing.text(x, 2, word, va="center", ha=align, fontsize=7, color=style.QUIET, transform=mm)
        for place, (name, value) in enumerate(rows):
            y, whole = _TOP + _STEP * (place + 0.5), name == "together"
            end = zero + value * scale
            corner, colour = (zero, y - 0.3 * _STEP), style.INK if whole else style.ACCENT
            drawing.add_artist(Rectangle(corner, value * scale, 0.6 * _STEP, color=colour, lw=0, transform=mm))
            drawing.text(0, y, begun(name), va="center", fontsize=7.4, fontweight=600 if whole else 400, transform=mm)
            side = 1 if value >= 0 else -1
            shown = signed(value, 0 if whole else 1)
            align = "left" if side > 0 else "right"
            drawing.text(end + side, y, shown, va="center", ha=align, fontsize=7.4, transform=mm)
        return Chart.from_figure(drawing, alt=_alt(facts, parts), caption=_caption(facts))


def _span(facts: OurDoing) -> str:
    return f"{Quarter.parse(facts.quarter_before).label} to {Quarter.parse(facts.quarter_after).label}"


def _caption(facts: OurDoing) -> str:
    still = [CAUSE_NAMES[cause] for cause in CAUSES if not getattr(facts, cause)]
    nothing = (
        f" Nothing came from {', '.join(still[:-1])}{' or ' if len(still) > 1 else ''}{still[-1]}." if still else ""
    )
    return (
        f"What moved the trust from place {number(facts.before)} to {number(facts.after)}, {_span(facts)}, in places; the "
        f"parts add up.{nothing} Each part is the mean over all orders in which the causes can happen."
    )


def _alt(facts: OurDoing, parts: dict[str, float]) -> str:
    told = "; ".join(f"{name} {signed(value, 1)}" for name, value in parts.items()) or "no cause"
    return f"Bars of the causes of a move of {signed(facts.change, 0)} places, {_span(facts)}: {told}."


def transition_table(table: pd.DataFrame, facts: UnderBands) -> Table:
    """Segments as they stand against those under another year's bands.

    Parameters
    ----------
    table : DataFrame
        As `two_methods.transition`.
    facts : UnderBands
        Of the same trusts.
    """
    rows = table.reset_index().set_axis(["segment", *(f"under_{one}" for one in SEGMENTS)], axis=1)
    rows["segment"] = "Segment " + rows["segment"].astype(str)
    columns = [Column("segment", "As it stands", row_header=True)]
    columns += [Column(f"under_{one}", f"Segment {one}", align="right", format=".0f") for one in SEGMENTS]
    caption = (
        f"Segments as they stand (rows) and under the bands of {facts.year} (columns; {facts.certainty}): "
        f"{facts.change} of {count(facts.trusts, 'trust')} would stand in another one"
    )
    note = (
        f"Bands of {facts.year}, {facts.certainty}: {facts.bands}. After the financial override, flags as they stand."
    )
    return Table(rows, caption, tuple(columns), note=note)


def under_bands_table(table: pd.DataFrame, facts: UnderBands, most: int = 200) -> Table | None:
    """Trusts in another segment under another year's bands; None where there are none.

    Parameters
    ----------
    table : DataFrame
        As `movement_facts.beside_bands`.
    facts : UnderBands
        Of the same trusts.
    most : int
        Rows at most, best average first.
    """
    rows = table[table["changes"] & table["segment_under"].notna()].sort_values("average_score", kind="stable")
    if rows.empty:
        return None
    return Table(
        rows.head(most),
        f"Trusts that would stand in another segment under the bands of {facts.year} ({facts.certainty})",
        (
            Column("trust_name", "Trust", row_header=True),
            Column("average_score", "Average score", align="right", format=".2f"),
            Column("segment", "Segment as it stands", align="right", format=".0f"),
            Column("segment_under", f"Under the bands of {facts.year}", align="right", format=".0f"),
            Column("unadjusted_under", "Before the financial override", align="right", format=".0f"),
        ),
        note="It says where an average falls on another scale, not which segment the trust will be in.",
    )


def novelties_table(table: pd.DataFrame) -> Table | None:
    """What is new, renamed or gone in a framework year; None where nothing is.

    Parameters
    ----------
    table : DataFrame
        As `movement_facts.novelties_of`.
    """
    if table.empty:
        return None
    rows = table.assign(
        what=table["what"].str.capitalize(), first_quarter=[Quarter.parse(one).label for one in table["first_quarter"]]
    )
    return Table(
        rows,
        "What the files hold that the year before did not, and what went",
        (
            Column("what", "What"),
            Column("id", "Id"),
            Column("name", "Name as published", row_header=True),
            Column("status", "Status"),
            Column("first_quarter", "First seen"),
            Column("explanation", "What is done with it"),
        ),
    )
