"""The table of mergers: read, checked, and cut at a day."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import pandas as pd

from nof import common
from nof.common import InputError, Problem
from nof.read import companion

COLUMNS = (
    "predecessor_code",
    "predecessor_name",
    "successor_code",
    "successor_name",
    "effective_date",
    "kind",
    "source",
)
KINDS = ("merger", "acquisition", "split")
MAY_BE_BLANK = ("predecessor_name", "successor_name", "kind")


def read_mergers(path: str | Path | None = None) -> pd.DataFrame:
    """Read and check the table of mergers.

    Parameters
    ----------
    path : str or Path, optional
        By default data/reference/mergers.csv, also from an installed package.

    Returns
    -------
    DataFrame
        predecessor_code, predecessor_name, successor_code, successor_name, effective_date
        (datetime64), kind, source; in the order of dates.

    Raises
    ------
    InputError
        Missing file or column, a bad date or kind, a blank code, a repeated pair, or codes that
        succeed each other in a circle.
    """
    path = Path(path) if path is not None else common.reference("mergers.csv")
    rows = _rows(path)
    problems = [each for number, row in rows for each in _row_problems(path.name, number, row)]
    problems = problems or _pair_problems(path.name, rows) or _cycle_problems(path.name, rows)
    if problems:
        raise InputError(problems)
    frame = pd.DataFrame([row for _, row in rows], columns=list(COLUMNS))
    frame["effective_date"] = pd.to_datetime(frame["effective_date"], format="%Y-%m-%d")
    return frame.sort_values("effective_date", kind="stable", ignore_index=True)


def known_mergers(folder: str | Path) -> pd.DataFrame:
    """The project's table of mergers, and that of the publication's own folder if it has one (the demo does).

    Returns
    -------
    DataFrame
        As `read_mergers`, each pair of codes once.

    Raises
    ------
    InputError
        As `read_mergers`, for either file.
    """
    own = Path(folder) / "mergers.csv"
    tables = [read_mergers(), *([read_mergers(own)] if own.is_file() else [])]
    both = pd.concat(tables, ignore_index=True).drop_duplicates(["predecessor_code", "successor_code"])
    return both.sort_values("effective_date", kind="stable", ignore_index=True)


def _rows(path: Path) -> list[tuple[int, dict]]:
    cells = companion.cells(path)
    missing = [name for name in COLUMNS if name not in cells.columns]
    if missing:
        raise InputError([Problem(path.name, "column is missing", row=1, column=name) for name in missing])
    return list(zip(map(int, cells.index), cells[list(COLUMNS)].to_dict("records"), strict=True))


def _row_problems(file: str, number: int, row: dict) -> list[Problem]:
    def problem(column: str, message: str, expected: str) -> Problem:
        """One fault of this row."""
        return Problem(file, message, number, column, row[column], expected)

    found = [problem(name, "is blank", "a value") for name in COLUMNS if not row[name] and name not in MAY_BE_BLANK]
    if row["effective_date"] and not _is_date(row["effective_date"]):
        found.append(problem("effective_date", "is not a date", "a day written 2024-10-01"))
    if row["kind"] and row["kind"] not in KINDS:
        found.append(problem("kind", "is not known", " or ".join(KINDS)))
    return found


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False


def _pair_problems(file: str, rows: list[tuple[int, dict]]) -> list[Problem]:
    seen: set[tuple[str, str]] = set()
    found = []
    for number, row in rows:
        pair = (row["predecessor_code"], row["successor_code"])
        if pair in seen:
            found.append(
                Problem(file, "pair stands twice", number, "successor_code", " into ".join(pair), "each pair once")
            )
        seen.add(pair)
    return found


def _cycle_problems(file: str, rows: list[tuple[int, dict]]) -> list[Problem]:
    following: dict[str, set[str]] = {}
    for _, row in rows:
        following.setdefault(row["predecessor_code"], set()).add(row["successor_code"])
    return [
        Problem(
            file,
            "codes succeed each other in a circle",
            number,
            "predecessor_code",
            row["predecessor_code"],
            "a code that ended does not come back",
        )
        for number, row in rows
        if row["predecessor_code"] in reach(following, row["predecessor_code"])
    ]


def reach(following: dict[str, set[str]], code: str) -> set[str]:
    """Every code that can be come to from this one, in any number of steps.

    Parameters
    ----------
    following : dict
        The codes that come right after each code.
    """
    reached: set[str] = set()
    waiting = list(following.get(code, ()))
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            waiting.extend(following.get(here, ()))
    return reached


@cache
def _own_mergers() -> pd.DataFrame:
    return read_mergers()


def known(mergers: pd.DataFrame | None) -> pd.DataFrame:
    """The table of mergers given, or the project's own."""
    return _own_mergers() if mergers is None else mergers


def by_day(mergers: pd.DataFrame | None, on: dt.date) -> pd.DataFrame:
    """The mergers that have taken place by the end of a day.

    Parameters
    ----------
    mergers : DataFrame or None
        As `read_mergers`; the project's own if None.
    on : datetime.date
        A merger that takes effect on that day counts.
    """
    mergers = known(mergers)
    return mergers[mergers["effective_date"] <= pd.Timestamp(on)]
