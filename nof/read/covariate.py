"""Reading the file of a covariate: a number for each trust code."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from nof.common import InputError, Problem

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
    header, rows = _table(path)
    code = next((name for name in _CODES if name in header), None)
    if code is None:
        raise InputError(
            Problem(
                path.name, "has no column of trust codes", row=1, value=", ".join(header), expected=" or ".join(_CODES)
            )
        )
    name = _number_column(path.name, [one for one in header if one != code], column)
    problems = list(_covariate_problems(path.name, rows, code, name))
    if problems:
        raise InputError(problems)
    return pd.Series(
        {row[code].strip(): float(row[name]) for _, row in rows if row[name].strip()}, name=name, dtype=float
    ).rename_axis("trust_code")


def _table(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        expected = "a CSV file in UTF-8"
        raise InputError(Problem(path.name, "cannot be read", value=str(path), expected=expected)) from error
    reader = csv.DictReader(text.splitlines(), restval="")
    header = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = header
    rows = [(reader.line_num, row) for row in reader if any(str(cell).strip() for cell in row.values())]
    if not rows:
        raise InputError(Problem(path.name, "has no rows", expected="a header and a row for each trust"))
    return header, rows


def _number_column(file: str, others: list[str], column: str | None) -> str:
    expected = f"one of {', '.join(others)}" if others else "a column of numbers"
    if column is None and len(others) == 1:
        return others[0]
    if column is None:
        raise InputError(Problem(file, "say which column holds the numbers", row=1, expected=expected))
    if column not in others:
        raise InputError(Problem(file, "has no such column", row=1, value=column, expected=expected))
    return column


def _covariate_problems(file: str, rows: list[tuple[int, dict[str, str]]], code: str, name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, row in rows:
        key, text = row[code].strip(), row[name].strip()
        if not key:
            yield Problem(file, "has no trust code", row=number, column=code, value="", expected="a code such as R0A")
        elif key in seen:
            yield Problem(
                file,
                f"stands on row {seen[key]} already",
                row=number,
                column=code,
                value=key,
                expected="one row for each trust",
            )
        seen.setdefault(key, number)
        if text and not _is_number(text):
            yield Problem(
                file,
                "is not a number",
                row=number,
                column=name,
                value=text,
                expected="a plain number such as 3.41, or a blank",
            )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text))) and "_" not in text
    except ValueError:
        return False
