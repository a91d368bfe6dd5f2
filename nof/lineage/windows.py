"""What a merger does to the data behind a metric: blank values, and surveys from before it."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from nof.lineage.mergers import by_day
from nof.lineage.touched import events_of
from nof.quarter import Quarter, quarter_of
from nof.timeliness import AWARD, OPEN_AWARD, Period, metric_periods


def blank_because_of_merger(
    metrics: pd.DataFrame,
    quarter: Quarter | str,
    mergers: pd.DataFrame | None = None,
    periods: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find metrics that a merged trust lacks where the metric's window spans its merger.

    The files do not say why a metric is blank; this is the coincidence of three things in the
    data: the trust took others over on a day, the metric's window (both years of a year-on-year
    metric) holds time from both sides of that day, and the trust has no value while others of
    its type do. Windows of award dates are left out: they are not measured over.

    Parameters
    ----------
    metrics : DataFrame
        ``Publication.metrics``, with every quarter of the publication.
    quarter : Quarter or str
    mergers : DataFrame, optional
        From `read_mergers`.
    periods : DataFrame, optional
        From `nof.timeliness.metric_periods` for that quarter; computed if not given.

    Returns
    -------
    DataFrame
        trust_code, metric_id (the score's id only where no value row is published), description,
        reporting_date, event_date, other_codes, other_names, share_with_metric (of the trusts of
        the type, 0 to 1), has_it_in (tuple of the other quarters in which the trust has it: if
        empty, the metric may not apply to the trust at all).
    """
    quarter = quarter_of(quarter)
    periods = metric_periods(metrics, quarter) if periods is None else periods
    current = metrics[metrics["quarter"] == quarter.slug]
    trusts = current[["trust_type", "trust_code"]].drop_duplicates()
    number = trusts.groupby("trust_type").size().rename("trusts_of_type")
    taken_over = events_of(mergers).query("role == 'successor'").drop(columns="trust_name")
    cases = trusts.merge(taken_over, on="trust_code").merge(_windows(periods), on="trust_type")
    cases = cases.merge(number, on="trust_type")
    spanning = cases[(cases["window_first_day"] < cases["event_date"]) & (cases["event_date"] <= cases["last_day"])]
    held = metrics.groupby(["trust_code", "metric_id"])["quarter"].agg(set)
    has_it_in = [
        tuple(sorted(held.get(pair, ()))) for pair in zip(spanning["trust_code"], spanning["metric_id"], strict=True)
    ]
    found = spanning.assign(
        has_it_in=pd.Series(has_it_in, spanning.index, dtype=object),
        share_with_metric=spanning["trusts"] / spanning["trusts_of_type"],
    )
    blank = pd.Series([quarter.slug not in each for each in has_it_in], found.index, dtype=bool)
    return found.loc[
        blank,
        [
            "trust_code",
            "metric_id",
            "description",
            "reporting_date",
            "event_date",
            "other_codes",
            "other_names",
            "share_with_metric",
            "has_it_in",
        ],
    ].reset_index(drop=True)


def _windows(periods: pd.DataFrame) -> pd.DataFrame:
    """Individual metrics with the first day of all their data; a score only without its value."""
    number = periods["metric_id"].str[3:]
    is_value, is_score = (periods["metric_id"].str.startswith(each) for each in ("OF0", "OF1"))
    wanted = is_value | (is_score & ~number.isin(number[is_value]))
    windows = periods[wanted & ~periods["kind"].isin([AWARD, OPEN_AWARD])]
    return windows.assign(window_first_day=windows["compared_first_day"].fillna(windows["first_day"]))


def survey_timing(code: str, period: Period, on: dt.date, mergers: pd.DataFrame | None = None) -> str:
    """Where a survey's period lies to the last merger into a trust by the given day.

    Returns "before" (it ended before the merged trust existed), "spans" (the survey year holds
    the merger; whether fieldwork came before it is not published), "after", "no merger", or
    "unknown" where the period's end is not known. For a table, `on` is the quarter's last day.
    """
    events = by_day(mergers, on)
    dates = events.loc[events["successor_code"] == code, "effective_date"]
    if dates.empty:
        return "no merger"
    if period.last_day is None or period.first_day is None:
        return "unknown"
    if pd.Timestamp(period.last_day) < dates.max():
        return "before"
    return "spans" if pd.Timestamp(period.first_day) < dates.max() else "after"
