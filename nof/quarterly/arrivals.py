"""What arrived is looked at before it replaces anything: is it readable, of the quarter asked for, what its name says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nof.errors import InputError, Problem
from nof.quarter import Quarter

Check = Callable[[Path], Any]


def quarter_of(text: str | Quarter) -> Quarter:
    """The quarter that somebody asked for, or InputError."""
    try:
        return text if isinstance(text, Quarter) else Quarter.parse(text)
    except ValueError as error:
        raise InputError(Problem("quarter", str(error))) from error


def examine(staging: Path, quarter: Quarter | None, records: list[dict], check: Check | None) -> Any:
    """Read what arrived; InputError unless every file is readable, of this quarter, and what its name says.

    Parameters
    ----------
    staging : Path
        Folder of the files.
    quarter : Quarter or None
        None takes any.
    records : list of dict
        What is known of each file: name, and trust_type and kind where its name says them.
    check : callable or None
        Reads a folder and returns a Publication; `nof.publication.read` if None.
    """
    if problems := [p for record in records if (p := _not_csv(staging / record["name"]))]:
        raise InputError(problems)
    publication = (check or _read)(staging)
    told = {record["name"]: record for record in records}
    problems = [p for row in publication.files.itertuples() for p in _wrong(row, quarter, told.get(row.file, {}))]
    if not problems and quarter and publication.latest != quarter.slug:
        problems = [Problem(str(quarter), "wrong quarter", value=publication.latest, expected=quarter.slug)]
    if problems:
        raise InputError(problems)
    return publication


def _read(folder: Path) -> Any:
    from nof.publication import read  # pandera takes a second to import

    return read(folder)


def _wrong(row: Any, quarter: Quarter | None, told: dict) -> Iterator[Problem]:
    """Where a file is not what it was asked for, or not what its name says."""
    last = max(filter(None, str(row.quarters).split(",")), default="").strip()
    if quarter and last and last != quarter.slug:
        yield Problem(row.file, "wrong quarter", value=last, expected=quarter.slug)
    for column in ("trust_type", "kind"):
        said, found = told.get(column), getattr(row, column)
        if said and said != found:
            message = f"another {column.replace('_', ' ')} than its name says"
            yield Problem(row.file, message, value=found, expected=said)


def _not_csv(path: Path) -> Problem | None:
    with path.open("rb") as file:
        opening = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not opening:
        return Problem(path.name, "an empty file", expected="a CSV file")
    if opening.startswith(b"<"):
        value = opening[:40].decode("utf-8", "replace")
        return Problem(path.name, "a web page, not a CSV file", value=value, expected="a CSV file")
    return None
