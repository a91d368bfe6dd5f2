"""Where a trust's average comes from: what each metric adds to it, and how its values usually move."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter, kept
from nof.method import reporting_dates, spine
from nof.read.sheets import matching
from nof.rules import framework as rules
from nof.rules import recompute
from nof.rules.framework import Framework
from nof.rules.recompute import National

YEARLY = ("calendar year", "financial year", reporting_dates.PLAN)
CONTRIBUTION_COLUMNS = [
    "metric_id", "value_id", "description", "domain", "value", "units", "median", "lower_quartile", "upper_quartile",
    "rank", "ranked", "score", "weight", "median_score", "contribution", "reporting_date", "spine",
]  # fmt: skip


# --- the trust's metrics ---


def contributions(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """What each scored metric adds to a trust's average, against a median trust of its type.

    A contribution is weight x (score - median score) / sum of the trust's weights. The contributions sum to the
    average less the weighted mean of the median scores on the same metrics.

    Parameters
    ----------
    national : National
    quarter : str
        Slug, as "2025-26-q4".
    trust_code : str

    Returns
    -------
    DataFrame
        A row for each metric in the average, the one that worsens it most first: metric_id (of the score), value_id
        (None where no value is published), description, domain, value (in `units`), median, lower_quartile,
        upper_quartile (of the type, as published), rank (in the type, by value; 1 is best), ranked (how many of the
        type have one), score (1.00 is best), weight, median_score (of the type's trusts with that metric),
        contribution (points of the average; above 0 is worse than the median), reporting_date, spine (a `spine.Spine`).

    Raises
    ------
    InputError
        No such trust in that quarter.
    """
    trust_type = type_of(national, quarter, trust_code)
    own = of_type(national, quarter, trust_type)
    own = own[own["trust_code"] == trust_code].reset_index(drop=True)
    spines = spine.spines(own, _scales(national, quarter, trust_type))
    return own.assign(spine=own["metric_id"].map(spines))[CONTRIBUTION_COLUMNS]


@kept
def _scales(national: National, quarter: str, trust_type: str) -> dict[str, spine.Scale]:
    return spine.scales(of_type(national, quarter, trust_type))


@kept
def of_type(national: National, quarter: str, trust_type: str) -> pd.DataFrame:
    """As `contributions`, without the spine, of every trust of a type: trust_code names whose row it is."""
    rows = recompute.select(scored(national, quarter), quarter, trust_type)
    rows = rows.join(_middles(national, quarter, trust_type), on="metric_id")
    total = rows.groupby("trust_code")["weight"].transform("sum")
    rows = rows.assign(contribution=rows["weight"] * (rows["score"] - rows["median_score"]) / total)
    return rows.sort_values(["contribution", "metric_id"], ascending=[False, True])


@kept
def _middles(national: National, quarter: str, trust_type: str) -> pd.DataFrame:
    """Median score of each metric in a type, and how many of the type have a rank."""
    by_metric = recompute.select(scored(national, quarter), quarter, trust_type).groupby("metric_id")
    return pd.DataFrame({"median_score": by_metric["score"].median(), "ranked": by_metric["rank"].count()})


def type_of(national: National, quarter: str, trust_code: str) -> str:
    """Type slug of a trust in a quarter.

    Raises
    ------
    InputError
        It has no average in that quarter.
    """
    known = _types(national, quarter)
    if trust_code not in known:
        raise InputError(
            Problem(
                "trust",
                f"has no metric score in {quarter}",
                value=trust_code,
                expected=f"one of {len(known)} trust codes of that quarter",
            )
        )
    return known[trust_code]


@kept
def _types(national: National, quarter: str) -> dict[str, str]:
    rows = national.standings[national.standings["quarter"] == quarter]
    return dict(zip(rows["trust_code"], rows["trust_type"], strict=True))


@kept
def scored(national: National, quarter: str) -> pd.DataFrame:
    """Every score that enters an average in a quarter, of all trust types, beside the value that earned it.

    Returns
    -------
    DataFrame
        `National.scores` of the quarter with weight above 0, and value_id, value, units, median, lower_quartile,
        upper_quartile, rank, reporting_date (NaN or None where no value is published) and description. Kept for the
        next who asks: not to be changed.
    """
    scores = national.scores[(national.scores["quarter"] == quarter) & (national.scores["weight"] > 0)]
    framework = national.framework(quarter)
    ids = {one: published_value_id(one, framework) for one in scores["metric_id"].unique()}
    rows = scores.assign(value_id=scores["metric_id"].map(ids))
    rows = rows.merge(values(national.publication, quarter), on=["trust_code", "value_id"], how="left")
    texts = _texts(national.publication, quarter)
    dated = rows["reporting_date"].fillna(rows["metric_id"].map(texts["reporting_date"]))
    return rows.assign(description=rows["metric_id"].map(texts["description"]), reporting_date=dated)


def scored_of(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """The rows of `scored` of one trust."""
    return scored(national, quarter).iloc[_rows_of(national, quarter).get(trust_code, [])]


@kept
def _rows_of(national: National, quarter: str) -> dict[str, np.ndarray]:
    return scored(national, quarter).groupby("trust_code").indices


def published_value_id(score_id: str, framework: Framework) -> str | None:
    """Id of the value behind a score; by NHS England's pattern where the rules do not know the metric.

    Returns
    -------
    str or None
        None where the rules say that no value is published.
    """
    metric = framework.by_score.get(score_id)
    if metric is None or metric.value_id == rules.UNKNOWN:
        return rules.value_id(score_id)
    return None if metric.value_id == rules.NOT_PUBLISHED else metric.value_id


@lru_cache(maxsize=64)
def values(publication, quarter: str) -> pd.DataFrame:
    """One published value for each trust and metric of a quarter: the units that are scored.

    A metric published in two units (a count beside a rate) of which the rules name neither is left out: which of them
    is scored is not known.

    Returns
    -------
    DataFrame
        trust_code, value_id, value, units, median, lower_quartile, upper_quartile, rank, reporting_date.
    """
    rows = publication.metrics
    rows = rows[(rows["quarter"] == quarter) & matching(rows["metric_id"], r"OF0\d{3}")]
    framework = rules.load(Quarter.parse(quarter).year_label)
    named = {one.value_id: one.units.casefold() for one in framework.metrics if one.units}
    wanted = rows["metric_id"].map(named)
    rows = rows[wanted.isna() | (rows["units"].str.casefold() == wanted)]
    rows = rows.drop_duplicates(["trust_code", "metric_id"], keep=False).rename(columns={"metric_id": "value_id"})
    return rows[
        [
            "trust_code",
            "value_id",
            "value",
            "units",
            "median",
            "lower_quartile",
            "upper_quartile",
            "rank",
            "reporting_date",
        ]
    ]


@lru_cache(maxsize=64)
def _texts(publication, quarter: str) -> pd.DataFrame:
    rows = publication.metrics[publication.metrics["quarter"] == quarter]
    return rows.drop_duplicates("metric_id").set_index("metric_id")[["description", "reporting_date"]]


# --- what trusts usually do in a quarter ---


@lru_cache(maxsize=4)
def history(publication) -> pd.DataFrame:
    """Every change of a published value from one quarter to the next within a framework year.

    Changes across the turn of the year are left out: definitions may differ and year-to-date figures start anew.

    Returns
    -------
    DataFrame
        quarter (the later one), trust_type, trust_code, value_id, units, change (in `units`), moved (whether the
        period behind the value is a new one: a staff survey counts once a year).
    """
    rows = publication.metrics
    rows = rows[matching(rows["metric_id"], r"OF0\d{3}") & rows["value"].notna()]
    rows = rows.rename(columns={"metric_id": "value_id"})
    following = {one: _next_in_year(one) for one in publication.quarters}
    before = rows.assign(quarter=rows["quarter"].map(following))
    keys = ["quarter", "trust_code", "value_id", "units"]
    pairs = rows.merge(before[[*keys, "value", "reporting_date"]], on=keys, suffixes=("", "_before"))
    dates = pairs[["quarter", "reporting_date", "reporting_date_before"]]
    new = {key: _is_new(*key) for key in dates.drop_duplicates().itertuples(index=False, name=None)}
    moved = [new[key] for key in dates.itertuples(index=False, name=None)]
    pairs = pairs.assign(change=pairs["value"] - pairs["value_before"], moved=np.array(moved, dtype=bool))
    return pairs[["quarter", "trust_type", "trust_code", "value_id", "units", "change", "moved"]]


def _next_in_year(quarter: str) -> str | None:
    now = Quarter.parse(quarter)
    return now.next.slug if now.next.year == now.year else None


def _is_new(quarter: str, now: str, before: str) -> bool:
    previous = Quarter.parse(quarter)
    previous = Quarter(previous.year, previous.number - 1)
    periods = reporting_dates.parse(now, quarter), reporting_dates.parse(before, previous)
    return now != before if None in periods else periods[0].days != periods[1].days


def improvements(national: National, trust_type: str, value_id: str, units: str, sign: int) -> np.ndarray:
    """Improvements (above 0 is better) of a metric in one quarter, one for each trust-quarter with new data.

    Parameters
    ----------
    units : str
        As published: a metric may come as a count and as a rate.
    sign : int
        1 where low values are better, -1 where high ones are.

    Returns
    -------
    array
        In `units`; empty where there is no earlier quarter in the framework year.
    """
    return -sign * _changes(national.publication).get((trust_type, value_id, units), np.array([]))


@lru_cache(maxsize=4)
def _changes(publication) -> dict[tuple[str, str, str], np.ndarray]:
    past = history(publication)
    groups = past[past["moved"]].groupby(["trust_type", "value_id", "units"])["change"]
    return {key: group.to_numpy() for key, group in groups}


def updates(reporting_date: object, quarter: str) -> str:
    """How often a metric's data are renewed: "quarterly", "yearly", "when awarded" or "unknown".

    Parameters
    ----------
    reporting_date : object
        As published; what cannot be read is "unknown".
    quarter : str
        Slug of the quarter in whose table it stands.
    """
    period = reporting_dates.parse(reporting_date, quarter)
    if period is None:
        return "unknown"
    if period.kind in (reporting_dates.AWARD, reporting_dates.OPEN_AWARD):
        return "when awarded"
    return "yearly" if period.kind in YEARLY else "quarterly"
