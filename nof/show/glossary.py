"""Tables of the glossary: the words, and the metrics of each domain."""

from __future__ import annotations

import pandas as pd

from nof.show.display import Column, Table
from nof.show.grammar import begun

_BETTER = {"low": "lower is better", "high": "higher is better", "unknown": "not known"}


def words(terms: pd.DataFrame) -> Table:
    """Every word with its meaning and source, from `glossary.terms`."""
    return Table(
        terms.assign(term=terms["term"].map(begun)),
        "Words on the pages",
        (Column("term", "Word", row_header=True), Column("means", "What it means"), Column("source", "Source")),
    )


def metrics(table: pd.DataFrame) -> list[Table]:
    """A table a domain of its metrics, from `glossary.metrics`."""
    return [_domain(str(name), part.reset_index(drop=True)) for name, part in table.groupby("domain", sort=False)]


def _domain(name: str, part: pd.DataFrame) -> Table:
    shown = part.assign(
        metric=[f"{begun(one.short)} ({one.metric_id})" for one in part.itertuples()],
        unit=[
            "; ".join(filter(None, (str(one.units or ""), _BETTER[one.better])))
            for one in part.fillna({"units": ""}).itertuples()
        ],
        how=[f"{begun(one.scored)}{_sure(one.certainty)}" for one in part.itertuples()],
        asked=[text or "none known" for text in part["standard"]],
    )
    asked = sorted(set(part["standard_source"]) - {""})
    return Table(
        shown,
        name,
        (
            Column("metric", "Metric", row_header=True),
            Column("official", "Official name"),
            Column("unit", "Unit, direction"),
            Column("period", "Period"),
            Column("asked", "Planning standard"),
            Column("how", "How it is scored"),
        ),
        note=" ".join(
            ["Names, units and periods: the files of the quarter.", *(f"Planning standards: {one}." for one in asked)]
        ),
    )


def _sure(certainty: str) -> str:
    return "" if certainty == "unknown" else f" ({certainty})"
