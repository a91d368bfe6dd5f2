"""The time that a Reporting_date names: each style that NHS England has used, and how its words become days."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

from nof.common import Quarter, quarter_of

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
