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

import calendar
import datetime as dt
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from nof.common import Quarter, quarter_of

# --- The time that a Reporting_date names, set against a quarter ---


PLAN, AWARD, OPEN_AWARD = "plan", "award window", "award window, end not given"
UNKNOWN = "unknown"
NEVER_IN_QUARTER = (PLAN, AWARD, OPEN_AWARD, UNKNOWN)


@dataclass(frozen=True)
class Period:
    """The time that a Reporting_date names.

    Attributes
    ----------
    first_day, last_day : datetime.date or None
        Both days belong to the period. None where the text does not say.
    kind : str
        "month", "quarter", "calendar year", "financial year", "plan", "year to date", "span",
        "year on year", "award window" or "award window, end not given".
    text : str
        The Reporting_date as published.
    compared_with : Period or None
        The earlier period of a year-on-year metric.
    """

    first_day: dt.date | None
    last_day: dt.date | None
    kind: str
    text: str
    compared_with: Period | None = None

    @property
    def days(self) -> tuple:
        """What has to differ for a metric to have moved."""
        earlier = self.compared_with.days if self.compared_with else ()
        return (self.first_day, self.last_day, *earlier)

    def age_months(self, quarter: Quarter | str) -> float:
        """Months from the period's last day to the quarter's; NaN where the end is unknown."""
        if self.last_day is None:
            return float("nan")
        return _month_number(quarter_of(quarter).last_day) - _month_number(self.last_day)

    def share_in_quarter(self, quarter: Quarter | str) -> float:
        """Share of the period's days inside the quarter, 0 to 1; NaN where an end is unknown."""
        if self.last_day is None or self.first_day is None:
            return float("nan")
        quarter = quarter_of(quarter)
        first, last = max(self.first_day, quarter.first_day), min(self.last_day, quarter.last_day)
        return max((last - first).days + 1, 0) / ((self.last_day - self.first_day).days + 1)

    def in_quarter(self, quarter: Quarter | str) -> bool:
        """Whether the period ends inside the quarter (never for plans and award windows)."""
        if self.last_day is None or self.kind in NEVER_IN_QUARTER:
            return False
        quarter = quarter_of(quarter)
        return quarter.first_day <= self.last_day <= quarter.last_day


def _month_number(day: dt.date) -> float:
    # A month's last day closes the month whatever its length, so that month ends differ by
    # whole numbers.
    return day.year * 12 + day.month + day.day / calendar.monthrange(day.year, day.month)[1]


# --- Reading a Reporting_date: each style that NHS England has used, and how its words become days ---


# Reporting_date is text from outside. The longest seen is 60 characters; anything much longer is
# not a date, and a bound keeps the cost of reading it small.
LONGEST = 120
# Written out, since calendar.month_name follows the machine's language.
_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MONTHS = {form: n for n, name in enumerate(_NAMES, 1) for form in (name, name[:3])} | {"sept": 9}


def parse(text: object, quarter: Quarter | str) -> Period | None:
    """Read a Reporting_date.

    Parameters
    ----------
    text : object
        As published. Anything is accepted: the text comes from outside.
    quarter : Quarter or str
        The quarter whose table it stands in; only "Year to date 25/26" needs it.

    Returns
    -------
    Period or None
        None for a style not known here. Never an exception, and never a guess.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    clean = " ".join(text.lower().replace("\N{EN DASH}", "-").split())
    quarter = quarter_of(quarter)
    for pattern, read in _STYLES:
        match = pattern.fullmatch(clean)
        if match:
            try:
                return read(match, text, quarter)
            except (ValueError, KeyError):  # a 13th month, "Foo-25", an end before the start
                return None
    return None


def _full_year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _financial_year(match: re.Match) -> int:
    start = _full_year(match["year"])
    if _full_year(match["end"]) != start + 1:
        raise ValueError("a financial year ends in the year after it begins")
    return start


def _first(match: re.Match, suffix: str) -> dt.date:
    return dt.date(_full_year(match["year" + suffix]), MONTHS[match["month" + suffix]], 1)


def _month_end(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _exact(match: re.Match, suffix: str) -> dt.date:
    return _first(match, suffix).replace(day=int(match["day" + suffix]))


def _period(first: dt.date, last: dt.date | None, kind: str, text: str, against: Period | None = None) -> Period:
    if last is not None and last < first:
        raise ValueError("a period ends after it begins")
    return Period(first, last, kind, text, against)


def _read_month(match: re.Match, text: str, _: Quarter) -> Period:
    first = _first(match, "1")
    return _period(first, _month_end(first), "month", text)


def _read_calendar_year(match: re.Match, text: str, _: Quarter) -> Period:
    # "2024": the survey year. Staff survey and community survey are fielded within it.
    year = int(match["year"])
    return _period(dt.date(year, 1, 1), dt.date(year, 12, 31), "calendar year", text)


def _read_quarter(match: re.Match, text: str, _: Quarter) -> Period:
    named = Quarter(_financial_year(match), int(match["number"]))
    return _period(named.first_day, named.last_day, "quarter", text)


def _read_financial_year(match: re.Match, text: str, _: Quarter) -> Period:
    year = _financial_year(match)
    kind = PLAN if match["plan"] else "financial year"
    return _period(dt.date(year, 4, 1), dt.date(year + 1, 3, 31), kind, text)


def _read_month_number(match: re.Match, text: str, _: Quarter) -> Period:
    # Month n of the financial year, so the year to date: Q1 says "Month 3 2025", Q4 "Month 12
    # 2025/26". With one year alone, months 10 to 12 could be of either of two years: not read.
    number = int(match["number"])
    year = _financial_year(match) if match["end"] else _full_year(match["year"])
    if not 1 <= number <= (12 if match["end"] else 9):
        raise ValueError("no such month, or one of two")
    last = dt.date(year + (number > 9), (number + 2) % 12 + 1, 1)
    return _period(dt.date(year, 4, 1), _month_end(last), "year to date", text)


def _read_year_to_date(match: re.Match, text: str, quarter: Quarter) -> Period:
    # It gives no end. In a table of the same year that is the quarter's last day; in a table of
    # another year the text does not tell.
    year = _financial_year(match)
    last = quarter.last_day if quarter.year == year else None
    return _period(dt.date(year, 4, 1), last, "year to date", text)


def _read_span(match: re.Match, text: str, _: Quarter) -> Period:
    first, last = _first(match, "1"), _month_end(_first(match, "2"))
    if match["month3"] is None:
        return _period(first, last, "span", text)
    against = _period(_first(match, "3"), _month_end(_first(match, "4")), "span", text)
    return _period(first, last, "year on year", text, against)


def _read_award(match: re.Match, text: str, _: Quarter) -> Period:
    if match["month3"] is None:
        return _period(_exact(match, "1"), _exact(match, "2"), AWARD, text)
    # "post August 2023" begins when August has ended; where it stops is not said.
    first = _month_end(_first(match, "3")) + dt.timedelta(days=1)
    return _period(first, None, OPEN_AWARD, text)


_YEAR = "20[0-9]{2}|[0-9]{2}"
_FINANCIAL = f"(?P<year>{_YEAR})[/-](?P<end>{_YEAR})"
_M1, _M2, _M3, _M4 = (f"(?P<month{n}>[a-z]{{3,9}})[ -](?P<year{n}>{_YEAR})" for n in (1, 2, 3, 4))
_D1, _D2 = f"(?P<day1>[0-9]{{1,2}}) {_M1}", f"(?P<day2>[0-9]{{1,2}}) {_M2}"
_STYLES = tuple(
    (re.compile(pattern, re.ASCII), read)
    for pattern, read in (
        (_M1, _read_month),
        ("(?P<year>20[0-9]{2})", _read_calendar_year),
        (f"q(?P<number>[1-4]) {_FINANCIAL}", _read_quarter),
        (f"{_FINANCIAL}(?P<plan> plan)?", _read_financial_year),
        (f"month (?P<number>[0-9]{{1,2}}) {_FINANCIAL}", _read_month_number),
        ("month (?P<number>[0-9]{1,2}) (?P<year>20[0-9]{2})(?P<end>)", _read_month_number),
        (f"year to date {_FINANCIAL}", _read_year_to_date),
        (f"{_M1} - {_M2}(?: vs {_M3} - {_M4})?", _read_span),
        (f"latest published if awarded (?:between {_D1} and {_D2}|post {_M3})", _read_award),
    )
)


# --- The age of the data behind each metric of a table, and which metrics brought nothing new ---


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


def unmoved(metrics: pd.DataFrame, quarter: Quarter | str, metric_ids: Iterable[str] | None = None) -> pd.DataFrame:
    """Count the metrics whose period is that of the quarter before.

    Parameters
    ----------
    metrics, quarter
        As for `metric_periods`.
    metric_ids : iterable of str, optional
        Score ids that enter the average (from the framework). By default every OF1xxx id, which
        counts the two finance scores OF1079 and OF1081 that are shown but not averaged.

    Returns
    -------
    DataFrame
        One row per trust_type: trust_type, metrics (number compared), unmoved (number; NA where
        there is no quarter before), unmoved_ids (tuple).
    """
    periods = _scored(metric_periods(metrics, quarter), metric_ids)
    rows = []
    for trust_type, of_type in periods.groupby("trust_type", sort=False):
        known = of_type[of_type["moved"].notna()]
        stayed = tuple(sorted(set(known.loc[~known["moved"].astype(bool), "metric_id"])))
        rows.append((trust_type, known["metric_id"].nunique(), len(stayed) if len(known) else None, stayed))
    frame = pd.DataFrame(rows, columns=["trust_type", "metrics", "unmoved", "unmoved_ids"])
    return frame.astype({"unmoved": "Int64"})


def in_quarter_metrics(
    metrics: pd.DataFrame, quarter: Quarter | str, metric_ids: Iterable[str] | None = None
) -> frozenset[str]:
    """Ids of the scored metrics whose data end in the quarter, for a ranking from these alone.

    A metric is in only if it is in quarter on every row of the quarter. The label is taken as
    published: the combined finance score OF1080 carries the quarter's own date, although half
    of it rests on the year's plan.

    Parameters
    ----------
    metrics, quarter, metric_ids
        As for `unmoved`.
    """
    periods = _scored(metric_periods(metrics, quarter), metric_ids)
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
