"""A trust's rows of the national tables, with those beside it in the league table."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from nof.method import board
from nof.method.trust import Trust
from nof.show import tables
from nof.show.display import Column, Table
from nof.show.trust_tables import named, number

BESIDE = 3  # trusts shown on either side of it


def league(trust: Trust) -> Table | None:
    """Its row of the league table between its neighbours; None for a trust without a place."""
    if trust.view is None:
        return None
    whole = trust.view.league.reset_index(drop=True)
    at = int(whole.index[whole["trust_code"] == trust.code][0])
    part = whole.iloc[max(at - BESIDE, 0) : at + BESIDE + 1].reset_index(drop=True)
    own = int(part.index[part["trust_code"] == trust.code][0])
    return replace(tables.league_table(part, "In the league table, with those beside it"), emphasis=(own,))


def domains(trust: Trust) -> Table | None:
    """Its domain scores; None for a trust without a place."""
    if trust.view is None:
        return None
    own = trust.view.domains[trust.view.domains["trust_code"] == trust.code].reset_index(drop=True)
    return replace(tables.domain_heat_map(own), caption="In the table of domain scores")


def rankings(trust: Trust) -> Table | None:
    """Its rows of the metric rankings, one a metric; None for a trust without a place."""
    metrics = board.metrics(trust)
    if metrics.empty:
        return None
    shown = metrics.assign(
        name=[named(text, units) for text, units in zip(metrics["name"], metrics["units"], strict=True)],
        own=[number(one, units) for one, units in zip(metrics["value"], metrics["units"], strict=True)],
        place=[
            None if pd.isna(rank) else f"{rank:.0f} of {of}"
            for rank, of in zip(metrics["rank"], metrics["ranked"], strict=True)
        ],
    ).sort_values("name", ignore_index=True)
    return Table(
        shown,
        "In the metric rankings",
        (
            Column("name", "Metric", row_header=True),
            Column("place", "Rank", align="right"),
            Column("own", "Value", align="right"),
            Column("score", "Score", align="right", format=".2f"),
            Column("period", "Period"),
        ),
        note="A rank of a metric is by its value among the trusts of the type, 1 is best. A score of 1.00 is best.",
    )
