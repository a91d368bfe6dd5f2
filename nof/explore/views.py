"""Every view of the analyst's notebook as a plain function: it works the same in a script.

Each takes the folder of a publication (or its results, from `helpers.open_publication`), a quarter and a trust type,
and gives a DataFrame; the functions whose name ends in `_chart` take the same and draw it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter, kept, nearest
from nof.explore import drawings
from nof.explore.measuring import Data, known, measure_of, measured, of_metric, opened, quarters, score_id, view_of
from nof.method.timeliness import dated
from nof.method.view import View
from nof.rules import recompute, scoring, uncertainty
from nof.rules.recompute import National
from nof.show.display import Chart
from nof.show.words import bodies

Several = str | Sequence[str] | None
FEWEST, MOST = 2, 5  # trusts side by side: more than five lines cannot be told apart by shape and colour
_ABOUT = ["trust_code", "trust_name", "trust_subtype", "region"]


# --- choosing trusts ---


def trusts(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    subtype: Several = None,
    region: Several = None,
) -> pd.DataFrame:
    """The trusts of a type in a quarter: trust_code, trust_name, trust_subtype, region; by name.

    Parameters
    ----------
    subtype, region : str or list of str, optional
        Only these; every trust if not given.

    Raises
    ------
    InputError
        A subtype or region that no trust of the type has; the known ones are listed.
    """
    view = view_of(data, quarter, trust_type)
    return _trusts(view, subtype, region)


def _trusts(view: View, subtype: Several, region: Several, codes: Several = None) -> pd.DataFrame:
    rows = view.publication.trusts
    rows = rows[(rows["quarter"] == view.quarter) & rows["trust_code"].isin(view.scores["trust_code"])]
    for column, wanted in (("trust_subtype", subtype), ("region", region), ("trust_code", codes)):
        rows = rows[_among(rows[column], wanted, column.removeprefix("trust_"))] if wanted is not None else rows
    return rows.sort_values(["trust_name", "trust_code"])[_ABOUT].reset_index(drop=True)


def _among(column: pd.Series, wanted: Several, name: str) -> pd.Series:
    asked = [wanted] if isinstance(wanted, str) else list(wanted)
    known = sorted(column.dropna().unique())
    unknown = [one for one in asked if one not in known]
    if unknown:
        codes = name in ("code", "trust")  # too many to list
        raise InputError(
            Problem(
                name,
                "is not among the trusts chosen so far",
                value=unknown[0],
                expected=nearest(unknown[0], known, "trust codes") if codes else f"one of {', '.join(known)}",
            )
        )
    return column.isin(asked)


def _about(view: View, what: str) -> str:
    """Caption of a chart: what it shows, of whom and when, and that made-up data are made up."""
    made_up = " (illustrative data)" if view.publication.illustrative else ""
    return f"{what}: {bodies(view.trust_type)}, {Quarter.parse(view.quarter).label}{made_up}"


# --- the league table and one metric ---


def league(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    *,
    subtype: Several = None,
    region: Several = None,
    trusts: Several = None,
) -> pd.DataFrame:
    """The league table with likely ranges; the places are those in the whole table of the type.

    Returns
    -------
    DataFrame
        As `recompute.league`, best first.
    """
    view = view_of(data, quarter, trust_type)
    kept = _trusts(view, subtype, region, trusts)["trust_code"]
    return view.league[view.league["trust_code"].isin(kept)].reset_index(drop=True)


def ranking(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    metric: str = "",
    *,
    subtype: Several = None,
    region: Several = None,
    trusts: Several = None,
) -> pd.DataFrame:
    """The individual metric ranking: value, rank and score of each trust on one metric.

    Parameters
    ----------
    metric : str
        Id of the value (OF0005) or of its score (OF1005); see `measures`.

    Returns
    -------
    DataFrame
        rank (in the whole type; 1 is best), trust_code, trust_name, trust_subtype, region, value (NaN where only a
        score is published), units, score (1.00 is best), median, lower_quartile, upper_quartile (of the whole type),
        reporting_date, first_day, last_day (of the period that the value measures); best first.
    """
    view = view_of(data, quarter, trust_type)
    rows = view.ranking(score_id(view, metric)).drop(columns="trust_name")
    table = rows.merge(_trusts(view, subtype, region, trusts), on="trust_code")
    columns = [
        "rank",
        *_ABOUT,
        "value",
        "units",
        "score",
        "median",
        "lower_quartile",
        "upper_quartile",
        "reporting_date",
    ]
    return dated(table.sort_values(["rank", "score", "trust_code"])[columns].reset_index(drop=True), view.quarter)


def ranking_chart(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    metric: str = "",
    *,
    subtype: Several = None,
    region: Several = None,
    highlight: Sequence[str] = (),
) -> Chart:
    """One metric drawn: every trust in order, with the median of the whole type.

    Parameters
    ----------
    highlight : list of str
        Codes of trusts to name. Where only a score is published, the scores are drawn.
    """
    view = view_of(data, quarter, trust_type)
    rows = ranking(data, quarter, trust_type, metric, subtype=subtype, region=region)
    kind = "value" if rows["value"].notna().any() else "score"
    shown = of_metric(view, score_id(view, metric), kind)
    return drawings.strip(rows, kind, shown, tuple(highlight), _about(view, shown.name))


# --- two measures against each other ---


def scatter(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    x: str = "",
    y: str = "average_score",
    *,
    subtype: Several = None,
    region: Several = None,
    trusts: Several = None,
) -> pd.DataFrame:
    """Any two measures side by side, for the trusts that have both.

    Parameters
    ----------
    x, y : str
        "average_score", "rank", or the id of a value or a score; see `measures`.

    Returns
    -------
    DataFrame
        trust_code, trust_name, trust_subtype, region, segment, x, y; by x.
    """
    view = view_of(data, quarter, trust_type)
    table = _trusts(view, subtype, region, trusts).set_index("trust_code")
    segment = recompute.standing(view.national, view.quarter, view.trust_type)["segment"]
    table = table.join(segment).join(measured(view, x).rename("x")).join(measured(view, y).rename("y"))
    table = table.dropna(subset=["x", "y"]).reset_index()
    return table.sort_values(["x", "y", "trust_code"]).reset_index(drop=True)


def scatter_chart(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    x: str = "",
    y: str = "average_score",
    *,
    subtype: Several = None,
    region: Several = None,
    highlight: Sequence[str] = (),
) -> Chart:
    """`scatter` drawn: a mark for each trust, shaped and coloured by segment; `highlight` names trusts (codes)."""
    view = view_of(data, quarter, trust_type)
    rows = scatter(data, quarter, trust_type, x, y, subtype=subtype, region=region)
    across, up = measure_of(view, x), measure_of(view, y)
    return drawings.scatter(rows, across, up, tuple(highlight), _about(view, f"{up.name} by {_lower(across.name)}"))


def _lower(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


# --- the same trusts over the quarters ---


def trajectories(
    data: Data, trust_type: str | None = None, trusts: Several = (), measure: str = "average_score"
) -> pd.DataFrame:
    """One measure of some trusts in every quarter of the publication.

    Parameters
    ----------
    trusts : list of str
        Codes; at most five.
    measure : str
        As in `measures`, of any quarter. The average and the place come with their likely ranges (those of the place
        take a second or two for each quarter of a large type, once).

    Returns
    -------
    DataFrame
        quarter (of publication), trust_code, trust_name, value, low, high (likely range; NaN for a metric),
        reporting_date, first_day, last_day (of the period that a metric's figure measures, as published and as days; of
        the average and the place none: their metrics are of several periods). A quarter in which a trust has no figure
        has no row.
    """
    codes, views = _few(trusts, 1), _every_quarter(data, trust_type)
    _among(pd.concat([view.scores["trust_code"] for view in views]), codes, "trust")
    parts = [_at(view, codes, measure) for view in views if measure in known(view)]
    if not parts:
        measure_of(views[-1], measure)  # says which there are
    table = pd.concat(parts)
    return table.sort_values(["trust_code", "quarter"]).reset_index(drop=True)


def _every_quarter(data: Data, trust_type: str | None) -> list[View]:
    publication = opened(data).publication
    kind = recompute.choose_type(publication, trust_type or publication.trust_types[0])
    return [view_of(data, one, kind) for one in quarters(opened(data), kind)]


def _at(view: View, codes: list[str], measure: str) -> pd.DataFrame:
    table = _trusts(view, None, None).set_index("trust_code")[["trust_name"]]
    table = table[table.index.isin(codes)].join(measured(view, measure).rename("value")).dropna(subset="value")
    table = table.join(_ranges(view, list(table.index), measure)).join(_said(view, measure)).reset_index()
    columns = ["quarter", "trust_code", "trust_name", "value", "low", "high", "reporting_date"]
    return dated(table.assign(quarter=view.quarter)[columns])


@kept
def _said(view: View, measure: str) -> pd.Series:
    """The period of each trust's figure, as published; nothing for the average and the place."""
    found = known(view)[measure]
    metric_id = found.metric_id if found.kind == "score" else measure
    rows = recompute.select(view.publication.metrics, view.quarter, view.trust_type)
    rows = rows[rows["metric_id"] == metric_id] if found.metric_id else rows.iloc[:0]
    return rows.drop_duplicates("trust_code").set_index("trust_code")["reporting_date"]


def _ranges(view: View, codes: list[str], measure: str) -> pd.DataFrame:
    """Likely ranges, NHS England's own where it published one: of the place from the league table, of the average else
    from each trust's own scores."""
    if measure == "rank":
        return view.league.set_index("trust_code")[["rank_low", "rank_high"]].set_axis(["low", "high"], axis=1)
    if measure != "average_score" or not codes:
        return pd.DataFrame(np.nan, index=codes, columns=["low", "high"])
    scores, weights = scoring.matrix(view.scores)
    ours = uncertainty.likely_ranges(scores.loc[codes], weights)
    published = published_ranges(view.national, view.quarter).reindex(ours.index)
    return published.fillna(ours).set_axis(["low", "high"], axis=1)


def published_ranges(national: National, quarter: str) -> pd.DataFrame:
    """NHS England's likely ranges of averages on the trust codes: average_low, average_high."""
    rows = national.publication.league
    return rows[rows["quarter"] == quarter].set_index("trust_code")[["average_low", "average_high"]]


def trajectories_chart(
    data: Data, trust_type: str | None = None, trusts: Several = (), measure: str = "average_score"
) -> Chart:
    """`trajectories` drawn: a line for each trust, with likely ranges where they are known; better is up."""
    rows = trajectories(data, trust_type, trusts, measure)
    view = next(one for one in _every_quarter(data, trust_type)[::-1] if measure in known(one))
    shown = known(view)[measure]
    made_up = " (illustrative data)" if view.publication.illustrative else ""
    along = "by the period that it measures" if drawings.periods_apart(rows) else "quarter by quarter"
    return drawings.lines(rows, shown, quarters(view.national, view.trust_type), f"{shown.name}, {along}{made_up}")


def _few(asked: Several, fewest: int) -> list[str]:
    codes = list(dict.fromkeys([asked] if isinstance(asked, str) else asked or ()))
    if not fewest <= len(codes) <= MOST:
        raise InputError(Problem("trusts", f"{len(codes)} chosen", expected=f"{fewest} to {MOST} trust codes"))
    return codes


# --- two to five trusts side by side ---


def compare(
    data: Data, quarter: str | None = None, trust_type: str | None = None, trusts: Several = ()
) -> pd.DataFrame:
    """Two to five trusts of one type side by side: place, average, segment, domains, and every metric.

    Returns
    -------
    DataFrame
        kind ("league", "domain" or "metric"), id, name, units (of the values of a metric), period (of a metric's data,
        as published), then for each trust a column
        with its code (place, average, segment, domain score or metric score; 1.00 is best) and one with its code and
        " value" (the value behind a metric score; NaN elsewhere and where none is published).
    """
    view, codes = view_of(data, quarter, trust_type), _few(trusts, FEWEST)
    _among(_trusts(view, None, None)["trust_code"], codes, "trust")
    league = view.league.set_index("trust_code").loc[codes]
    rows = [{"kind": "league", "id": one, "name": name} | league[one].to_dict() for one, name in _LEAGUE_ROWS.items()]
    domains = view.domains.set_index("trust_code").loc[codes].drop(columns=["trust_name", "rank", "segment"])
    rows += [{"kind": "domain", "id": one, "name": one} | domains[one].to_dict() for one in domains.columns]
    rows += _metric_rows(view, codes)
    columns = ["kind", "id", "name", "units", "period", *codes, *(f"{code} value" for code in codes)]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return table[table[codes].notna().any(axis=1)].reset_index(drop=True)


_LEAGUE_ROWS = {
    "rank": "Place in the league table",
    "rank_low": "Likely range of the place, from",
    "rank_high": "Likely range of the place, to",
    "average_score": "Average score",
    "average_low": "Likely range of the average, from",
    "average_high": "Likely range of the average, to",
    "segment": "Segment",
    "segment_unadjusted": "Segment before the financial override",
}


def _metric_rows(view: View, codes: list[str]) -> Iterator[dict]:
    for metric_id in view.metrics["metric_id"]:
        both = {one.kind: one for one in known(view).values() if one.metric_id == metric_id}
        said = "; ".join(_said(view, metric_id).reindex(codes).dropna().unique())
        row = {"kind": "metric", "id": metric_id, "name": both["score"].name, "period": said or None} | (
            measured(view, metric_id).reindex(codes).to_dict()
        )
        if "value" in both:
            found = measured(view, both["value"].measure).reindex(codes)
            row |= {"units": both["value"].units} | found.add_suffix(" value").to_dict()
        yield row


def compare_chart(data: Data, quarter: str | None = None, trust_type: str | None = None, trusts: Several = ()) -> Chart:
    """`compare` drawn: each metric a row, each trust a mark at its score."""
    view = view_of(data, quarter, trust_type)
    rows = compare(data, quarter, trust_type, trusts)
    names = _trusts(view, None, None).set_index("trust_code")["trust_name"]
    codes = _few(trusts, FEWEST)
    return drawings.side_by_side(
        rows[rows["kind"] == "metric"],
        {code: names[code] for code in codes},
        _about(view, "Metric scores side by side"),
    )
