"""What can be set on an axis: the average, the place, each published value and each metric score."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nof import common
from nof.common import InputError, Problem
from nof.method import opening, view
from nof.method.contributions import published_value_id, values
from nof.method.view import View
from nof.rules import recompute, scoring
from nof.rules.recompute import National

Data = str | Path | National | None
DEMO = "../data/demo"  # from the notebooks
COLUMNS = ["measure", "kind", "name", "units", "better", "domain", "metric_id"]


class Measure(NamedTuple):
    """One row of `measures`: `kind` is "summary", "value" or "score"; `better` is "low", "high" or "unknown"."""

    measure: str
    kind: str
    name: str
    units: str
    better: str
    domain: str
    metric_id: str

    @property
    def label(self) -> str:
        """Name with its unit, for an axis or a list."""
        return f"{self.name} ({self.units})" if self.units else self.name


_SUMMARY = (
    Measure("average_score", "summary", "Average score", "1.00 is best", "low", "", ""),
    Measure("rank", "summary", "Place in the league table", "1 is best", "low", "", ""),
)


def named(data: str | Path | None) -> str:
    """The folder as it was named; if none was, the one that the environment variable NOF_DATA names, else the demo."""
    return str(data or os.environ.get("NOF_DATA") or DEMO)


def folder_of(data: str | Path | None) -> Path:
    """The folder that a notebook means: from where it runs, or else from where the project's notebooks stand.

    The made-up demo is written there first if it is the folder that is meant and is not there yet.
    """
    path = Path(named(data))
    if not path.is_absolute() and not path.is_dir():
        beside = common.notebooks() / path
        path = beside if beside.is_dir() or beside.resolve() == _demo() else path
    if path.resolve() == _demo():
        from nof import demo  # here: making it up takes libraries that reading does without

        demo.ensure(_demo())
    return path


def _demo() -> Path:
    return common.share("data", "demo").resolve()


def opened(data: Data) -> National:
    """The results of a publication; `data` is its folder (None: as `named` says), or the results themselves."""
    return data if isinstance(data, National) else opening.open_publication(folder_of(data))


def view_of(data: Data, quarter: str | None, trust_type: str | None) -> View:
    """One trust type (the first by default) in one quarter (the latest by default).

    Raises
    ------
    InputError
        No such quarter or trust type, or no scores of the type in the quarter; what there is is listed.
    """
    national = opened(data)
    publication = national.publication
    kind = recompute.choose_type(publication, trust_type or publication.trust_types[0])
    chosen = view.view_of(national, recompute.choose_quarter(publication, quarter), kind)
    if chosen.scores.empty:
        raise InputError(
            Problem(
                "quarter",
                f"holds no scores of {kind}",
                value=chosen.quarter,
                expected=f"one of {', '.join(quarters(national, kind))}",
            )
        )
    return chosen


def quarters(national: National, trust_type: str) -> list[str]:
    """Quarters in which a trust type has a league table, oldest first."""
    standings = national.standings
    return sorted(standings.loc[standings["trust_type"] == trust_type, "quarter"].unique())


def codes_in_order(view: View) -> list[str]:
    """Trust codes in the order of the league table, which is not drawn for it."""
    own = recompute.select(view.national.standings, view.quarter, view.trust_type)
    return own.sort_values(["rank", "average_score", "trust_code"])["trust_code"].tolist()


def measures(data: Data, quarter: str | None = None, trust_type: str | None = None) -> pd.DataFrame:
    """What can be ranked, drawn against each other or followed over the quarters.

    Returns
    -------
    DataFrame
        measure (what the other functions take: "average_score", "rank", the id of a value as OF0005 or of its score as
        OF1005), kind ("summary", "value" or "score"), name, units, better ("low", "high" or "unknown"), domain,
        metric_id (of the score; empty for a summary).
    """
    return pd.DataFrame(list(known(view_of(data, quarter, trust_type)).values()), columns=COLUMNS)


def measure_of(view: View, measure: str) -> Measure:
    """One measure; an unknown one is an error that lists the known."""
    found = known(view)
    if measure not in found:
        raise InputError(
            Problem(
                "measure",
                "is not known of this trust type and quarter",
                value=measure,
                expected=f"one of {', '.join(found)}",
            )
        )
    return found[measure]


def score_id(view: View, metric: str) -> str:
    """The score id behind a metric, named by the id of its value or of its score."""
    found = measure_of(view, metric)
    if not found.metric_id:
        raise InputError(Problem("metric", "is not a metric", value=metric, expected="an id as OF0005 or OF1005"))
    return found.metric_id


def of_metric(view: View, metric_id: str, kind: str) -> Measure:
    """The measure of a score id: its "value" or its "score"."""
    return next(one for one in known(view).values() if (one.metric_id, one.kind) == (metric_id, kind))


def known(view: View) -> dict[str, Measure]:
    """The measures of a view by their name; see `measures`."""
    kept = vars(view).get("_measures")  # kept with the view, as its own frames are
    if kept is None:
        kept = {one.measure: one for one in (*_SUMMARY, *_of_metrics(view))}
        vars(view)["_measures"] = kept
    return kept


def _of_metrics(view: View) -> Iterator[Measure]:
    units = _values(view).groupby("value_id")["units"].first()
    for metric in view.metrics.itertuples():
        value = published_value_id(metric.metric_id, view.framework)
        about = (metric.domain, metric.metric_id)
        if value in units.index:
            yield Measure(value, "value", metric.description, str(units[value] or ""), metric.better, *about)
        yield Measure(metric.metric_id, "score", metric.description, "score, 1.00 is best", "low", *about)


@common.kept
def _values(view: View) -> pd.DataFrame:
    """The published values of the view's trusts, in the units that are scored."""
    rows = values(view.publication, view.quarter)
    return rows[rows["trust_code"].isin(view.scores["trust_code"]) & rows["value"].notna()]


@common.kept
def measured(view: View, measure: str) -> pd.Series:
    """One number for each trust of the view, indexed by trust code.

    Parameters
    ----------
    measure : str
        See `measures`.

    Returns
    -------
    Series
        In the measure's own units; trusts without a figure are left out or NaN.

    Raises
    ------
    InputError
        The measure is not known of this trust type and quarter.
    """
    found = measure_of(view, measure)
    if found.kind == "summary":
        return recompute.standing(view.national, view.quarter, view.trust_type)[measure]
    if found.kind == "score":
        own = view.scores[view.scores["metric_id"] == found.metric_id].set_index("trust_code")
        return scoring.round_half_up(own["score"])
    rows = _values(view)
    return rows[rows["value_id"] == measure].set_index("trust_code")["value"]
