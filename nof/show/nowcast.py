"""A trust's own newer values in the last published table: frames, facts, chart, tables.

A nowcast drawn and tabled: where the trust stood, where its own values put it, and where it may come to stand.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.method.nowcast import HELD, Nowcast
from nof.method.nowcast_facts import ALL, NowcastFacts, backtest, backtest_facts, nowcast_facts, open_nowcast
from nof.rules.scoring import round_half_up
from nof.show import grammar, style
from nof.show.charts import figure
from nof.show.display import Chart, Column, Table
from nof.show.trust_tables import named, number
from nof.show.words import type_name

__all__ = ["backtest_facts", "backtest_table", "nowcast_chart", "nowcast_facts", "nowcast_table", "open_nowcast"]

WIDE, TALL = style.TEXT_WIDTH_MM, 30.0
BEST, WORST = 1.0, 4.0


def nowcast_chart(found: Nowcast) -> Chart:
    """Every trust's published average on one line, with this trust's before and now, and the range if all move."""
    facts = nowcast_facts(found)
    reach = [facts.average_before, facts.average, facts.average_low, facts.average_high]
    known = [one for one in reach if one is not None]
    first = max(BEST, np.floor(min(found.averages.min(), *known) * 10) / 10)
    last = min(WORST, np.ceil(max(found.averages.max(), *known) * 10) / 10)
    scale = (WIDE - 4) / (last - first)

    with style.applied():
        drawing = figure(TALL)
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDE)
        axes.set_ylim(TALL, 0)
        axes.set_axis_off()
        _bands(axes, found.edges, first, last, scale)
        axes.vlines(2 + (found.averages - first) * scale, 9, 14, color=style.QUIET, lw=0.7)
        _marks(axes, facts, lambda score: 2 + (score - first) * scale)
        for score, align in ((first, "left"), (last, "right")):
            axes.text(2 + (score - first) * scale, 28, f"{score:.1f}", ha=align, fontsize=6.4, color=style.QUIET)
        return Chart.from_figure(drawing, alt=_alt(facts), caption=_caption(facts))


def _bands(axes, edges: np.ndarray, first: float, last: float, scale: float) -> None:
    if not np.isfinite(edges).all():
        return
    bounds = 2 + (np.clip([first, *edges, last], first, last) - first) * scale
    for segment, (left, right) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), 1):
        if right > left:
            axes.fill_between(
                [left, right], 6.5, 16, facecolor=style.SEGMENT_WASH[segment], edgecolor=style.QUIET, lw=0.7
            )
            name = f"Segment {segment}" if right - left > 16 else str(segment)
            axes.text((left + right) / 2, 4, name, ha="center", va="center", fontsize=7, color=style.QUIET)


def _marks(axes, facts: NowcastFacts, across) -> None:
    """A hollow diamond as published, a filled one with own values, and the range if all move as a line."""
    if facts.average_low is not None and facts.average_high is not None:
        axes.plot([across(facts.average_low), across(facts.average_high)], [19, 19], color=style.INK, lw=2.2)
    for score, face in ((facts.average_before, style.PAPER), (facts.average, style.INK)):
        axes.plot([across(score), across(score)], [7.5, 19], color=style.INK, lw=1.0)
        axes.plot(across(score), 19, marker="D", ms=6.0, mfc=face, mec=style.INK)
    said = f"own values {facts.average:.2f}; published {facts.average_before:.2f} (hollow)"
    axes.text(min(max(across(facts.average), 40), WIDE - 40), 24.4, said, ha="center", va="center", fontweight=600)


def _caption(facts: NowcastFacts) -> str:
    if facts.average == facts.average_before:
        return "Own values leave the average where it was published"
    word = grammar.better(facts.change)
    return f"Own values put the average {abs(facts.change):.2f} {word} than published, if all others stand still"


def _alt(facts: NowcastFacts) -> str:
    text = (
        f"The averages of {facts.trusts} {type_name(facts.trust_type)} trusts as marks on one line from better to worse. "
        f"{facts.trust_name}: published {facts.average_before:.2f}, with its own values {facts.average:.2f}"
    )
    if facts.average_low is None or facts.average_high is None:
        return f"{text}; no range, since no two quarters in a row are held."
    return f"{text}, {facts.average_low:.2f} to {facts.average_high:.2f} if all trusts move as in earlier quarters."


def nowcast_table(found: Nowcast) -> Table:
    """Each metric of the average: published and own value with their periods, and the score of each."""
    table = found.metrics
    own = table["state"] != HELD
    shown = pd.DataFrame(
        {
            "metric_id": table["metric_id"],
            "name": [named(text, units) for text, units in zip(table["description"], table["units"], strict=True)],
            "before": _values(table, "published_value"),
            "then": table["published_period"],
            "value": [text or why for text, why in zip(_values(table, "value"), _why(table), strict=True)],
            "when": table["period"].where(own, None),
            "score_before": round_half_up(table["published_score"]),
            "score": round_half_up(table["score"]),
        }
    )
    return Table(
        shown,
        "The metrics behind the average, as published and with own values",
        (
            Column("name", "Metric", row_header=True),
            Column("before", "Published", align="right"),
            Column("then", "Its period"),
            Column("value", "Own", align="right"),
            Column("when", "Its period"),
            Column("score_before", "Score before", align="right", format=".2f"),
            Column("score", "Score now", align="right", format=".2f"),
        ),
        note="1.00 is best. Held: the score stays as it was published. A combined finance score follows from plan and "
        "variance, which have bands of their own.",
    )


def _values(table: pd.DataFrame, column: str) -> list[str | None]:
    return [number(value, units) for value, units in zip(table[column], table["units"], strict=True)]


def _why(table: pd.DataFrame) -> list[str]:
    return [
        f"held: {why}" if state == HELD else "see its parts"
        for state, why in zip(table["state"], table["why"], strict=True)
    ]


def backtest_table(trust_type: str) -> Table | None:
    """How far off such answers were, a row a step; None where no real files of the type were at hand."""
    table = backtest(trust_type)
    if table.empty:
        return None
    shown = table.assign(
        name=["All" if one == ALL else str(grammar.quarter(one)) for one in table["step"]],
        learned=["" if row.step == ALL else f"{row.learned} steps" for row in table.itertuples()],
    )
    return Table(
        shown,
        f"How far off a nowcast was: {type_name(trust_type)} trusts, played again",
        (
            Column("name", "Published", row_header=True),
            Column("learned", "Range from"),
            Column("trusts", "Answers", align="right", format=".0f"),
            Column("average_error", "Average off by", align="right", format=".2f"),
            Column("average_naive", "as last quarter", align="right", format=".2f"),
            Column("average_inside", "in range", align="right", format=".0%"),
            Column("place_error", "Place off by", align="right", format=".1f"),
            Column("place_naive", "as last quarter", align="right", format=".1f"),
            Column("place_inside", "in range", align="right", format=".0%"),
        ),
        note="Each trust's next published values were taken as its own values. Off by: mean of absolute differences. In "
        "range: how often the range held the published figure; it was never drawn from the step it is tested on.",
    )
