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

period   the time that a Reporting_date names
styles   how its words become days: a new style is a line there
metrics  the age of the data behind each metric of a table
"""

from nof.timeliness.metrics import in_quarter_metrics, metric_periods, unknown_styles, unmoved
from nof.timeliness.period import AWARD, OPEN_AWARD, PLAN, Period
from nof.timeliness.styles import LONGEST, parse

__all__ = [
    "AWARD",
    "LONGEST",
    "OPEN_AWARD",
    "PLAN",
    "Period",
    "in_quarter_metrics",
    "metric_periods",
    "parse",
    "unknown_styles",
    "unmoved",
]
