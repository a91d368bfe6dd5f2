"""Reading the file of a covariate: a number for each trust code."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from nof.common import InputError, Problem
from nof.read import companion
from nof.read.checks import number
from nof.read.mergers import known

log = logging.getLogger(__name__)

_CODES = ("trust_code", "org_code")


def read_covariate(path: str | Path, column: str | None = None) -> pd.Series:
    """Read a CSV with a column trust_code (or org_code) and one of numbers.

    Parameters
    ----------
    path : path of the file
    column : str, optional
        Column of the numbers; may be left out if the file has one column beside the code.

    Returns
    -------
    Series on the trust codes, with the column's name; rows with a blank number are left out.

    Raises
    ------
    InputError
        For a file, column, code or number that cannot be used; lists every problem.
    """
    path = Path(path)
    rows = companion.cells(path)
    if rows.empty:
        raise InputError(Problem(path.name, "has no rows", expected="a header and a row for each trust"))
    header = list(rows.columns)
    code = next((name for name in _CODES if name in header), None)
    if code is None:
        expected = " or ".join(_CODES)
        raise InputError(
            Problem(path.name, "has no column of trust codes", 1, value=", ".join(header), expected=expected)
        )
    name = _number_column(path.name, [one for one in header if one != code], column)
    problems = list(_covariate_problems(path.name, rows, code, name))
    if problems:
        raise InputError(problems)
    given = rows[rows[name] != ""]
    for note in merged(path.name, rows[code]):
        log.warning("%s", note)
    return pd.Series(given[name].map(number).to_numpy(float), index=given[code].to_numpy(), name=name).rename_axis(
        "trust_code"
    )


def merged(file: str, codes: pd.Series, mergers: pd.DataFrame | None = None) -> list[str]:
    """A sentence on each code that ended in a merger: whose figure it is now, and that nothing is added up.

    Parameters
    ----------
    codes : Series
        Trust codes on the lines of the file.
    mergers : DataFrame, optional
        As `read_mergers`; the project's own if not given.
    """
    ended = known(mergers)
    into = ended.groupby("predecessor_code")["successor_code"].agg(" and ".join)
    since = ended.groupby("predecessor_code")["effective_date"].max()
    return [
        f"{file}, row {line}: {code} merged into {into[code]} on {since[code]:%Y-%m-%d}; its number is not added to that of "
        f"{into[code]}, and counts for quarters before that day only"
        for line, code in codes.items()
        if code in into.index
    ]


def _number_column(file: str, others: list[str], column: str | None) -> str:
    expected = f"one of {', '.join(others)}" if others else "a column of numbers"
    if column is None and len(others) == 1:
        return others[0]
    if column is None:
        raise InputError(Problem(file, "say which column holds the numbers", row=1, expected=expected))
    if column not in others:
        raise InputError(Problem(file, "has no such column", row=1, value=column, expected=expected))
    return column


def _covariate_problems(file: str, rows: pd.DataFrame, code: str, name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, key, text in zip(rows.index, rows[code], rows[name], strict=True):
        if not key:
            yield Problem(file, "has no trust code", int(line), code, "", "a code such as R0A")
        elif key in seen:
            yield Problem(file, f"stands on row {seen[key]} already", int(line), code, key, "one row for each trust")
        seen.setdefault(key, int(line))
        if text and not _is_number(text):
            expected = "a plain number such as 3.41, without thousands commas or a percent sign, or a blank"
            yield Problem(file, "is not a number", int(line), name, text, expected, key or None)


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True
