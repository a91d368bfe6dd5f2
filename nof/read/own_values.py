"""Reading a trust's own newer values: a CSV file with the header metric_id,value,period."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from nof.common import InputError, Problem
from nof.read import companion
from nof.read.checks import number

HEADER = ("metric_id", "value", "period")
LARGEST = 1_000_000  # bytes; a trust has some twenty metrics
_MONTH = r"(20\d\d)-(0[1-9]|1[0-2])"
_PERIOD = re.compile(rf"{_MONTH}(?: to {_MONTH})?", re.ASCII)
PERIODS = "a period as 2026-07 or 2026-07 to 2026-09"
HUNDRED = 100.0  # a share where a percentage is published, or the other way round


def read_own_values(path: str | Path, taken: pd.DataFrame) -> pd.DataFrame:
    """Read and check a trust's own values.

    Parameters
    ----------
    path : str or Path
        CSV file in UTF-8. A metric without a row is held; a blank value is a fault, not a held metric.
    taken : DataFrame
        What can be taken, a row a metric: metric_id (of the value, as OF0005), description, units, lowest, highest (that
        a value can be; NaN: no limit), seen_low, seen_high (that any trust published), published_period (as published),
        published_month (its last month as "2026-03"; missing where the text does not tell). See `nowcast.taken`.

    Returns
    -------
    DataFrame
        metric_id, value, period, newer (whether the period ends later than the published one; also where the
        published period does not tell its end).

    Raises
    ------
    InputError
        With every problem: file, row, column, value, and what was expected.
    """
    path = Path(path)
    cells = _cells(path)
    known = taken.set_index("metric_id")
    problems = [one for row, line in _rows(cells) for one in _problems(path.name, line, row, known)]
    problems += _twice(path.name, cells)
    if problems:
        raise InputError(sorted(problems, key=lambda one: one.row or 0))
    metric_id = cells["metric_id"].str.upper()
    months = metric_id.map(known["published_month"])
    ends = cells["period"].map(last_month)
    return pd.DataFrame(
        {
            "metric_id": metric_id,
            "value": cells["value"].map(number).astype(float),
            "period": cells["period"],
            "newer": months.isna() | (ends > months.fillna("")),
        }
    ).reset_index(drop=True)


def last_month(period: str) -> str:
    """The last month of a period: "2026-09" of "2026-07 to 2026-09"."""
    return period.split(" to ")[-1]


def _cells(path: Path) -> pd.DataFrame:
    """The three columns as text, by line; rows without anything in them are no rows."""
    cells = companion.cells(path, LARGEST)
    if sorted(cells.columns) != sorted(HEADER):
        raise InputError(_header_problem(path.name, list(cells.columns)))
    if cells.empty:
        raise InputError(
            Problem(path.name, "holds no values", row=1, expected="a row for each metric with a newer value")
        )
    return cells.assign(period=cells["period"].str.split().str.join(" "))


def _header_problem(file: str, header: list[str]) -> Problem:
    return Problem(file, "has another header", 1, value=",".join(header)[:80], expected=",".join(HEADER))


def _rows(cells: pd.DataFrame) -> Iterator[tuple[dict[str, str], int]]:
    for line, row in zip(cells.index, cells.to_dict("records"), strict=True):
        yield row, int(line)


def _problems(file: str, line: int, row: dict[str, str], known: pd.DataFrame) -> Iterator[Problem]:
    metric_id = row["metric_id"].upper()
    if metric_id not in known.index:
        yield Problem(
            file, "is no metric with a published value", line, "metric_id", row["metric_id"], _near(metric_id, known)
        )
        return
    metric = known.loc[metric_id]
    yield from _value_problems(file, line, row["value"], metric)
    match = _PERIOD.fullmatch(row["period"])
    if match is None:
        yield Problem(file, "is not a period", line, "period", row["period"], PERIODS)
    elif row["period"][:7] > last_month(row["period"]):
        yield Problem(file, "ends before it begins", line, "period", row["period"], PERIODS)
    elif pd.notna(metric["published_month"]) and last_month(row["period"]) < metric["published_month"]:
        expected = f"{metric['published_month']} or later: {metric['published_period']} is published"
        yield Problem(file, "is older than the published period", line, "period", row["period"], expected)


def _value_problems(file: str, line: int, text: str, metric: pd.Series) -> Iterator[Problem]:
    if not text:
        yield Problem(file, "a value is missing", line, "value", text, "a number; leave the row out to hold the metric")
        return
    try:
        value = number(text)
    except ValueError:
        yield Problem(
            file, "is not a number", line, "value", text, f"a plain number in {metric['units']}, without units"
        )
        return
    seen = f"a value in {metric['units']}; published ones run from {metric['seen_low']:g} to {metric['seen_high']:g}"
    if value < metric["lowest"] or value > metric["highest"]:  # no limit: NaN, which nothing is below or above
        yield Problem(file, "cannot be in this unit", line, "value", text, seen)
    elif _wrong_unit(value, metric):
        yield Problem(file, "looks like another unit", line, "value", text, seen)


def _wrong_unit(value: float, metric: pd.Series) -> bool:
    """Whether a value lies outside all published ones and would fit a hundredfold or hundredth, or lies very far out."""
    low, high = metric["seen_low"], metric["seen_high"]
    if low <= value <= high:
        return False
    fits = any(low <= one <= high and one != value for one in (value * HUNDRED, value / HUNDRED))
    far = max(low - value, value - high) > high - low  # beyond by more than all trusts lie apart
    return bool((fits and value != 0) or (far and high > low))


def _near(metric_id: str, known: pd.DataFrame) -> str:
    """What was meant: the value behind a score's id, else the nearest three."""
    value_id = f"{metric_id[:2]}0{metric_id[3:]}"
    near = [value_id] if value_id in known.index else difflib.get_close_matches(metric_id, known.index, 3, 0.0)
    return f"the id of a value, as {', '.join(near)}"


def _twice(file: str, cells: pd.DataFrame) -> list[Problem]:
    ids = cells["metric_id"].str.upper()
    first = {one: line for line, one in reversed(list(zip(cells.index, ids, strict=True)))}
    return [
        Problem(file, f"stands on row {first[one]} already", int(line), "metric_id", one, "one row for each metric")
        for line, one in zip(cells.index, ids, strict=True)
        if first[one] != line
    ]
