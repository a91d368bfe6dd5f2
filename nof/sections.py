"""Several things from one cell: runs of headings, figures and tables."""

from __future__ import annotations

from collections.abc import Iterator

from IPython.display import display

from nof import charts, tables
from nof.display import Card, Chart, Table, Words, plain
from nof.view import View


def metric_sections(view: View) -> Iterator[Chart | Table | Words]:
    """For each scored metric: a heading, the distribution of its values, and the ranking."""
    for metric in view.metrics.itertuples():
        ranking = view.ranking(metric.metric_id)
        yield Words(
            f"### {plain(metric.description)}\n\n{plain(metric.domain)}; period: {plain(metric.reporting_date)}; "
            f"{metric.trusts} trusts."
        )
        if ranking["value"].notna().any():
            yield charts.distribution(ranking, metric.description, metric.better)
        yield tables.metric_ranking(ranking, metric.description)


def show(*shown: Card | Chart | Table | Words | None) -> None:
    """Show several things from one notebook cell, in order; None is passed over."""
    for one in shown:
        if one is not None:
            display(one)
