"""The time that a Reporting_date names, set against a quarter."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

from nof.quarter import Quarter, quarter_of

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
