"""Small made-up publications in NHS England's own layout, each bad input being one change away.

Places, names, codes and figures are invented: no trust has a code that begins with ZZ.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

METRIC_HEADER = [
    "Quarter", "Region", "Trust_type", "Trust_subtype", "Trust_code", "Trust_name", "Domain",
    "Sub-domain", "Metric_ID", "Metric_description", "Reporting_date", "Units", "Value",
    "Median_value", "Lower_quartile", "Upper_quartile", "Rank",
]  # fmt: skip
LEAGUE_HEADER = [
    "Quarter", "Region", "Trust_type", "Trust_subtype", "Trust_code", "Trust_name", "Average_score",
    "Likely_range_of_average_score", "Segment", "Trust_in_financial_deficit", "Rank",
    "Likely_range_of_rank",
]  # fmt: skip
TYPES = {
    "acute": "Acute trust",
    "mental-health-and-community": "Mental health and community trust",
    "ambulance": "Ambulance trust",
}
_DIGIT = {"acute": "1", "mental-health-and-community": "2", "ambulance": "3"}
_NAMES = ("Muddlecombe and Vale NHS Trust", "Ünder Wold, Fen & Mere NHS Foundation Trust")

# Metric, units, value, rank: for the first trust and the second.
_ROWS = {
    "OF0005": ("%", ("0.0", "1.0"), ("9.03", "2.0")),
    "OF1005": ("score", ("1.0", "1.0"), ("4.0", "2.0")),
    "OF0082": ("%", ("4.5", "1.0"), ("5.25", "2.0")),
    "OF1082": ("score", ("1.0", "1.0"), ("4.0", "2.0")),
    "OF4000": ("score", ("1.0", "1.0"), ("4.0", "2.0")),
    "OF5000": ("segment", ("1.0", "1.0"), ("4.0", "2.0")),
    "OF5002": ("score", ("1.0", "1.0"), ("4.0", "2.0")),
    "OF5003": ("segment", ("1.0", ""), ("4.0", "")),
    "OF5004": ("flag", ("0.0", ""), ("1.0", "")),
}
INFECTIONS = {
    "OF0048": [("count", ("3.0", "1.0"), ("7.0", "2.0")), ("rate", ("0.8", "1.0"), ("1.25", "2.0"))],
}


def codes(trust_type: str = "acute") -> list[str]:
    """The two codes of a type, such as ZZ1A and ZZ1B."""
    return [f"ZZ{_DIGIT.get(trust_type, '9')}{letter}" for letter in "AB"]


def _shared(quarter: str, trust_type: str, place: int) -> dict[str, str]:
    return {
        "Quarter": quarter, "Region": "Middle England", "Trust_type": TYPES.get(trust_type, trust_type),
        "Trust_subtype": "Large", "Trust_code": codes(trust_type)[place], "Trust_name": _NAMES[place],
    }  # fmt: skip


def metric_rows(
    trust_type: str = "acute", quarters: tuple[str, ...] = ("Q1 2025/26", "Q2 2025/26")
) -> list[dict[str, str]]:
    """Rows of a metrics file: two trusts, 18 rows a quarter (22 for acute, with the infections)."""
    metrics = [(metric, *cells) for metric, cells in _ROWS.items()]
    if trust_type == "acute":
        metrics += [(metric, *cells) for metric, rows in INFECTIONS.items() for cells in rows]
    return [
        _shared(quarter, trust_type, place) | {
            "Domain": "Summary" if metric > "OF5" else "Access to services", "Sub-domain": "Summary",
            "Metric_ID": metric, "Metric_description": f"Made-up metric {metric[-2:]}",
            "Reporting_date": quarter, "Units": units, "Value": value, "Median_value": "",
            "Lower_quartile": "", "Upper_quartile": "", "Rank": rank,
        }
        for quarter in quarters
        for metric, units, *trusts in metrics
        for place, (value, rank) in enumerate(trusts)
    ]  # fmt: skip


def league_rows(trust_type: str = "acute", quarter: str = "Q2 2025/26") -> list[dict[str, str]]:
    """Rows of a league table file: two trusts."""
    figures = [
        ("1.0", "1.0 to 1.2", "1.0", "No", "1.0", "1 to 1"),
        ("4.0", "3.5 to 4.0", "4.0", "Yes", "2.0", "2 to 2"),
    ]
    return [
        _shared(quarter, trust_type, place) | dict(zip(LEAGUE_HEADER[6:], row, strict=True))
        for place, row in enumerate(figures)
    ]


def table(
    rows: list[dict[str, str]], header: list[str], newline: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """The text of a CSV file; header names that a row lacks give blanks, others are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator=newline, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def metrics_text(trust_type: str = "acute", **options) -> str:
    """A valid metrics file; options of `table`."""
    return table(metric_rows(trust_type), METRIC_HEADER, **options)


def league_text(trust_type: str = "acute", **options) -> str:
    """A valid league table file; options of `table`."""
    return table(league_rows(trust_type), LEAGUE_HEADER, **options)


def metrics_name(trust_type: str = "acute", ending: str = "-q2-25-26") -> str:
    """File name in NHS England's manner."""
    return f"nhs-oversight-framework-{trust_type}-trust-data{ending}.csv"


def league_name(trust_type: str = "acute", ending: str = "-q2-25-26") -> str:
    """File name in NHS England's manner."""
    return f"nhs-oversight-framework-{trust_type}-trust-league-table{ending}.csv"


def write(folder: Path, name: str, text: str | bytes, bom: bool = True) -> Path:
    """Write a file, text as UTF-8 with a byte order mark as NHS England does."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8-sig" if bom else "utf-8"))
    return path


def publication(folder: Path, trust_types: tuple[str, ...] = ("acute",)) -> Path:
    """A whole valid publication: a metrics and a league table file of each type."""
    for trust_type in trust_types:
        write(folder, metrics_name(trust_type), metrics_text(trust_type))
        write(folder, league_name(trust_type), league_text(trust_type))
    return folder
