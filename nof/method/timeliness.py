"""How old the data behind a quarter's table are: what each Reporting_date means.

NHS England names "different data dates" as a limit of its league tables. Here each
Reporting_date is read as a `Period` and set against the quarter. Definitions:

age
    Months from the last day of the period to the last day of the quarter. Month ends count as
    whole months (30 September to 31 December is 3.0). Negative where the period ends after the
    quarter: such a period looks forward, as a plan for the whole year does in Q1.
in quarter
    The period ends inside the quarter, and it is neither a plan (made before the year) nor a
    window of award dates (the date of each trust's award is not published). A year that ends
    in the quarter counts, although three quarters of it are older: see share_in_quarter.
moved
    The period itself differs from that of the quarter before in the data. A change of wording
    alone ("2025/26", then "2025/26 plan") is not a move.

The styles read are those of the four quarters of 2025/26; any other is reported, never guessed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pandas as pd

from nof.common import Quarter, quarter_of
from nof.method.reporting_dates import LONGEST, UNKNOWN, Period, parse

log = logging.getLogger(__name__)


def metric_periods(metrics: pd.DataFrame, quarter: Quarter | str) -> pd.DataFrame:
    """Set the period of each metric against the quarter.

    Parameters
    ----------
    metrics : DataFrame
        ``Publication.metrics``: at least quarter, trust_type, trust_code, metric_id,
        description, reporting_date, units, value.
    quarter : Quarter or str

    Returns
    -------
    DataFrame
        One row per trust_type, metric_id and reporting_date of that quarter: trust_type,
        metric_id, description, reporting_date, kind, first_day, last_day, compared_first_day,
        compared_last_day (the earlier period of a year-on-year metric), age_months, in_quarter,
        share_in_quarter (0 to 1), trusts (number with the metric), compared_quarter (the quarter
        before in the data), moved (NA without one), values_unchanged (share of the trusts with
        a value in both quarters whose value is identical), trusts_compared. A style not known
        here has kind "unknown" and is logged as a warning.
    """
    quarter = quarter_of(quarter)
    current = metrics[metrics["quarter"] == quarter.slug]
    rows = []
    for trust_type, of_type in current.groupby("trust_type", sort=False):
        before = _previous(metrics[metrics["trust_type"] == trust_type], quarter)
        same, earlier = _unchanged(of_type, before), dict(list(before.groupby("metric_id")))
        rows += [
            _row(of_metric, earlier.get(key[0], before.iloc[:0]), quarter) | same.get(key, _NOT_COMPARED)
            for key, of_metric in of_type.groupby(_DATED, dropna=False)
        ]
    for text in unknown_styles(current):
        log.warning("Reporting_date of a style not known here: %s", text)
    return _frame(rows)


def dated(rows: pd.DataFrame, quarter: str | None = None) -> pd.DataFrame:
    """Rows with the first and the last day of the period that each one's Reporting_date names.

    Parameters
    ----------
    rows : DataFrame
        With reporting_date, and with quarter (slugs) unless one is given for all.
    quarter : str, optional
        Slug of the quarter of publication of every row.

    Returns
    -------
    DataFrame
        The rows, and first_day and last_day (dates; NaT where the text does not say) after reporting_date.
    """
    slugs = rows["quarter"] if quarter is None else pd.Series(quarter, rows.index)
    pairs = list(zip(rows["reporting_date"], slugs, strict=True))
    known = {pair: parse(*pair) for pair in dict.fromkeys(pairs)}
    found = [known[pair] for pair in pairs]
    table, place = rows.copy(), rows.columns.get_loc("reporting_date") + 1
    for offset, name in enumerate(("first_day", "last_day")):
        days = pd.to_datetime(pd.Series([getattr(one, name, None) for one in found], rows.index, dtype=object))
        days = days.dt.as_unit("ms")  # what Parquet keeps: the same from a file and from here
        table.insert(place + offset, name, days)
    return table


def unknown_styles(metrics: pd.DataFrame) -> tuple[str, ...]:
    """Reporting_date texts that cannot be read, quoted and cut to a safe length, for warnings.

    Parameters
    ----------
    metrics : DataFrame
        ``Publication.metrics``: at least reporting_date and quarter.
    """
    pairs = metrics[["reporting_date", "quarter"]].drop_duplicates()
    unread = {_quoted(text) for text, quarter in pairs.itertuples(index=False) if parse(text, quarter) is None}
    return tuple(sorted(unread))


def unmoved(
    metrics: pd.DataFrame,
    quarter: Quarter | str,
    metric_ids: Iterable[str] | None = None,
    periods: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Count the metrics whose period is that of the quarter before.

    Parameters
    ----------
    metrics, quarter
        As for `metric_periods`.
    metric_ids : iterable of str, optional
        Score ids that enter the average (from the framework). By default every OF1xxx id, which
        counts the two finance scores OF1079 and OF1081 that are shown but not averaged.
    periods : DataFrame, optional
        From `metric_periods` for that quarter, where they are at hand.

    Returns
    -------
    DataFrame
        One row per trust_type: trust_type, metrics (number compared), unmoved (number; NA where
        there is no quarter before), unmoved_ids (tuple).
    """
    table = _scored(_moves(metrics, quarter) if periods is None else periods, metric_ids)
    rows = []
    for trust_type, of_type in table.groupby("trust_type", sort=False):
        known = of_type[of_type["moved"].notna()]
        stayed = tuple(sorted(set(known.loc[~known["moved"].astype(bool), "metric_id"])))
        rows.append((trust_type, known["metric_id"].nunique(), len(stayed) if len(known) else None, stayed))
    frame = pd.DataFrame(rows, columns=["trust_type", "metrics", "unmoved", "unmoved_ids"])
    return frame.astype({"unmoved": "Int64"})


def _moves(metrics: pd.DataFrame, quarter: Quarter | str) -> pd.DataFrame:
    """Of `metric_periods` what says whether data are new: trust_type, metric_id, moved."""
    quarter = quarter_of(quarter)
    dates = metrics[["quarter", "trust_type", *_DATED]].drop_duplicates()
    rows = []
    for trust_type, of_type in dates.groupby("trust_type", sort=False):
        earlier = dict(list(_previous(of_type, quarter).groupby("metric_id")))
        for one in of_type[of_type["quarter"] == quarter.slug].itertuples(index=False):
            before = earlier.get(one.metric_id, of_type.iloc[:0])
            rows.append((trust_type, one.metric_id, _moved(one.reporting_date, quarter, before)))
    return pd.DataFrame(rows, columns=["trust_type", "metric_id", "moved"])


def in_quarter_metrics(
    metrics: pd.DataFrame,
    quarter: Quarter | str,
    metric_ids: Iterable[str] | None = None,
    periods: pd.DataFrame | None = None,
) -> frozenset[str]:
    """Ids of the scored metrics whose data end in the quarter, for a ranking from these alone.

    A metric is in only if it is in quarter on every row of the quarter. The label is taken as
    published: the combined finance score OF1080 carries the quarter's own date, although half
    of it rests on the year's plan.

    Parameters
    ----------
    metrics, quarter, metric_ids, periods
        As for `unmoved`.
    """
    periods = _scored(metric_periods(metrics, quarter) if periods is None else periods, metric_ids)
    every = periods.groupby("metric_id")["in_quarter"].all()
    return frozenset(every.index[every])


def _quoted(text: object) -> str:
    # repr neutralises control characters, which a hostile file could send to a terminal
    shown = repr(text)
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "..."


def _scored(periods: pd.DataFrame, metric_ids: Iterable[str] | None) -> pd.DataFrame:
    if metric_ids is None:
        return periods[periods["metric_id"].str.startswith("OF1")]
    return periods[periods["metric_id"].isin(list(metric_ids))]


def _previous(metrics: pd.DataFrame, quarter: Quarter) -> pd.DataFrame:
    """Rows of the last quarter before this one that the data hold."""
    earlier = metrics[metrics["quarter"] < quarter.slug]
    return earlier[earlier["quarter"] == earlier["quarter"].max()]


def _row(now: pd.DataFrame, before: pd.DataFrame, quarter: Quarter) -> dict:
    first = now.iloc[0]
    text = first["reporting_date"]
    period = parse(text, quarter) or Period(None, None, UNKNOWN, text)
    earlier = period.compared_with
    return {
        "trust_type": first["trust_type"],
        "metric_id": first["metric_id"],
        "description": first["description"],
        "reporting_date": text,
        "kind": period.kind,
        "first_day": period.first_day,
        "last_day": period.last_day,
        "compared_first_day": earlier and earlier.first_day,
        "compared_last_day": earlier and earlier.last_day,
        "age_months": period.age_months(quarter),
        "in_quarter": period.in_quarter(quarter),
        "share_in_quarter": period.share_in_quarter(quarter),
        "trusts": now["trust_code"].nunique(),
        "compared_quarter": before["quarter"].iloc[0] if len(before) else None,
        "moved": _moved(text, quarter, before),
    }


def _moved(text: str, quarter: Quarter, before: pd.DataFrame) -> bool | None:
    if before.empty:
        return None
    old = set(before["reporting_date"])
    period = parse(text, quarter)
    if period is None:
        return text not in old
    old_periods = [parse(each, before["quarter"].iloc[0]) for each in old]
    return all(each is None or each.days != period.days for each in old_periods)


_DATED = ["metric_id", "reporting_date"]
_NOT_COMPARED = {"values_unchanged": float("nan"), "trusts_compared": 0}


def _unchanged(now: pd.DataFrame, before: pd.DataFrame) -> dict[tuple, dict[str, float]]:
    """For each metric and reporting date, the share of values that are those of the quarter before, and of how many trusts."""
    keys = ["metric_id", "trust_code", "units"]
    then = before[[*keys, "value"]].rename(columns={"value": "before"})
    both = now[[*keys, "reporting_date", "value"]].merge(then, on=keys).dropna(subset=["value", "before", *keys])
    groups = both.assign(same=both["value"] == both["before"]).groupby(_DATED, dropna=False)
    found = groups.agg(values_unchanged=("same", "mean"), trusts_compared=("trust_code", "nunique"))
    return dict(zip(found.index, found.to_dict("records"), strict=True))


def _frame(rows: list[dict]) -> pd.DataFrame:
    columns = [
        "trust_type",
        "metric_id",
        "description",
        "reporting_date",
        "kind",
        "first_day",
        "last_day",
        "compared_first_day",
        "compared_last_day",
        "age_months",
        "in_quarter",
        "share_in_quarter",
        "trusts",
        "compared_quarter",
        "moved",
        "values_unchanged",
        "trusts_compared",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    for column in columns:
        if column.endswith("_day"):
            frame[column] = pd.to_datetime(frame[column])
    return frame.astype({"moved": "boolean", "in_quarter": bool, "age_months": float})
