"""Which decision moves places: one bar a group of choices, for a board."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.method.decision import Decision
from nof.show import style
from nof.show.charts import figure
from nof.show.display import Chart, plain

# What a group is called beside its bar, with what it holds.
TOLD = {
    "scoring and weights": ("How metrics are scored and weighed", "rank or value, weights, mean or median, override"),
    "which metrics": ("Which metrics count", "one left out"),
    "date of the data": ("How old the data may be", "all metrics, or those with data of the quarter only"),
}
_LABELS = 62  # millimetres for the names
_ROW_MM = 12.0


def decision_chart(found: Decision, trust_code: str | None = None, name: str = "") -> Chart | None:
    """One bar a group: what it moves on its own, and with the others.

    Parameters
    ----------
    found : Decision
    trust_code : str, optional
        One trust's places instead of the whole type's.
    name : str
        Of the trust, for the caption.

    Returns
    -------
    Chart or None
        None where no share can be told: places never move, or too few metrics are left.
    """
    table = _shares(found, trust_code)
    if table.empty:
        return None
    whose = f"{plain(name or trust_code)}’s place" if trust_code else "places"
    combinations = found.combinations if trust_code is None else int(table["combinations"].iloc[0])
    with style.applied():
        drawing = figure(12 + _ROW_MM * len(table))
        left, wide = _LABELS / style.TEXT_WIDTH_MM, 1 - (_LABELS + 14) / style.TEXT_WIDTH_MM
        height = 12 + _ROW_MM * len(table)
        axes = drawing.add_axes((left, 9 / height, wide, 1 - 11 / height))
        rows = np.arange(len(table))[::-1]
        axes.barh(rows, 100 * table["total"], height=0.62, color=style.SOFT, lw=0)
        axes.barh(rows, 100 * table["first_order"], height=0.62, color=style.ACCENT, lw=0)
        for row, one in zip(rows, table.itertuples(), strict=True):
            title, what = TOLD[one.group]
            axes.annotate(title, (0, row), (-6, 4), textcoords="offset points", ha="right", va="center", fontsize=8)
            axes.annotate(
                what, (0, row), (-6, -6), textcoords="offset points", ha="right", va="center", fontsize=6.2,
                color=style.QUIET,
            )  # fmt: skip
            axes.annotate(
                f"{100 * one.first_order:.0f} to {100 * one.total:.0f}%", (100 * one.total, row), (4, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axes.set(xlim=(0, 100), ylim=(-0.6, len(table) - 0.4), yticks=[])
        axes.set_xlabel("Share of the movement, %: dark on its own, light with the others", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        return Chart.from_figure(
            drawing,
            alt=_alt(table, whose, combinations),
            caption=f"What moves {whose} most: {TOLD[table['group'].iloc[0]][0][0].lower()}"
            f"{TOLD[table['group'].iloc[0]][0][1:]}",
        )


def _shares(found: Decision, trust_code: str | None) -> pd.DataFrame:
    """Groups with a share, the largest first."""
    table = found.groups if trust_code is None else found.trusts[found.trusts["trust_code"] == trust_code]
    return table.dropna(subset="total").sort_values("total", ascending=False, kind="stable")


def _alt(table: pd.DataFrame, whose: str, combinations: int) -> str:
    shares = "; ".join(
        f"{TOLD[one.group][0].lower()} {100 * one.first_order:.0f}% on its own, {100 * one.total:.0f}% together with the "
        "other choices"
        for one in table.itertuples()
    )
    first = TOLD[table["group"].iloc[0]][0].lower()
    return (
        f"Bar chart over {combinations:,} combinations of choices. What moves {whose} most is {first}. Shares of the "
        f"movement: {shares}. Shares overlap, since choices act together."
    )
