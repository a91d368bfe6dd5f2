"""What is odd in a publication: one frame of findings, each with its place, whose it is, what stands there and what was expected.

The checks themselves stand in `nof.read.presence`, `nof.read.wording`, `nof.read.plausible` and `nof.read.league_check`,
and, for what needs recomputed figures, in `nof.rules.consistency`; how much each matters is data
(data/reference/checks.yaml).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import pandas as pd

from nof.common import Problem, Quarter
from nof.read.limits import Limits, limits

SEVERITIES = ("refused", "shown", "noted")  # worst first
COLUMNS = (
    "severity", "code", "file", "row", "column", "trust_code", "trust_name", "trust_type", "metric_id", "quarter",
    "found", "expected", "whose", "what", "message",
)  # fmt: skip
MOST = 5  # rows of one kind, metric and quarter that are named one by one; more are told as one finding
LINES = 12  # findings that a page lists; the rest are counted, and stand in the table
_GROUP = ["file", "quarter", "trust_type", "metric_id"]
_TEXT = ("file", "trust_code", "trust_name", "trust_type", "metric_id", "quarter", "description")


@lru_cache(maxsize=1)
def none() -> pd.DataFrame:
    """A frame of findings without one; not to be changed."""
    return pd.DataFrame({name: pd.Series(dtype="Int64" if name == "row" else "str") for name in COLUMNS})


def together(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Findings of several checks in one frame, the worst first, each once.

    Returns
    -------
    DataFrame
        severity ("refused", "shown" or "noted"), code (a key of checks.yaml), file, row (line of the file, NA where the
        finding is not about one), column, trust_code, trust_name, trust_type, metric_id, quarter (slug), found,
        expected, whose, what (texts, empty where there is nothing to say), message (all of it in one sentence).
    """
    held = [part for part in parts if len(part)]
    if not held:
        return none().copy()
    table = pd.concat(held, ignore_index=True).drop_duplicates(["code", "message"])
    order = table["severity"].map({name: place for place, name in enumerate(SEVERITIES)})
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def found(
    code: str,
    rows: pd.DataFrame,
    what: str,
    column: str = "",
    value: str | None = None,
    expected: str | None = "",
    *,
    most: int = MOST,
    held: Limits | None = None,
) -> pd.DataFrame:
    """Findings of one check: one for each row, or one for a metric and quarter where there are more than `most`.

    Parameters
    ----------
    code : str
        Key of checks.yaml; decides the severity.
    rows : DataFrame
        What is odd, with those that apply of file, row, trust_code, trust_name, trust_type, metric_id, description,
        quarter.
    what : str
        What is odd about a row, in words; may name columns of `rows` in braces.
    column : str
        Column of the published file.
    value, expected : str, optional
        What stands there and what should: a column of `rows`, or (expected) words with columns in braces.

    Returns
    -------
    DataFrame
        See `together`.
    """
    if rows.empty:
        return none()
    severity = (held or limits()).checks[code].severity
    table = rows.assign(**{name: "" for name in _TEXT if name not in rows.columns})
    table = table.assign(row=table["row"] if "row" in table.columns else pd.NA)
    told = []
    for _, part in table.groupby(_GROUP, sort=False, dropna=False):
        many = len(part) > most
        for row in (part.iloc[:1] if many else part).to_dict("records"):
            told.append(_one(row, len(part) if many else 1, severity, code, what, column, value, expected or ""))
    return pd.DataFrame(told, columns=list(COLUMNS)).astype({"row": "Int64"})


def among(rows: pd.DataFrame, odd: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """The rows that are of some odd kind, with its columns; nothing is looked for where nothing is odd."""
    return rows.merge(odd, on=on) if len(odd) else rows.iloc[:0]


def _one(
    row: dict[str, Any], count: int, severity: str, code: str, what: str, column: str, value: str | None, expected: str
) -> dict[str, Any]:
    cells = {name: _text(cell) for name, cell in row.items()}
    here = cells[value] if value is not None else ""
    wanted = expected.format_map(cells)
    said = what.format_map(cells) + (f"; {count} rows are so, this is the first" if count > 1 else "")
    told = {
        **{name: cells[name] for name in _TEXT if name != "description"},
        "severity": severity, "code": code, "row": row["row"], "column": column,
        "trust_code": cells["trust_code"] if count == 1 else "",
        "trust_name": cells["trust_name"] if count == 1 else "",
        "found": here, "expected": wanted, "whose": whose(cells) or "", "what": said,
    }  # fmt: skip
    return told | {"message": str(_problem(told))}


def whose(cells: dict[str, str]) -> str | None:
    """Trust, metric and quarter of a row in words, as far as they are known.

    >>> whose({"trust_name": "A Trust", "trust_code": "RXX", "metric_id": "OF0082", "quarter": "2025-26-q4"})
    'A Trust (RXX), OF0082, Q4 2025/26'
    """
    name, code = cells.get("trust_name", ""), cells.get("trust_code", "")
    trust = f"{name} ({code})" if name and code else name or code
    metric = " ".join(part for part in (cells.get("metric_id", ""), cells.get("description", "")) if part)
    return ", ".join(part for part in (trust, metric, label(cells.get("quarter", ""))) if part) or None


def label(quarter: str) -> str:
    """A quarter as NHS England writes it; text that names none as it is."""
    try:
        return Quarter.parse(quarter).label
    except ValueError:
        return quarter


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return "" if pd.isna(cell) else f"{cell:.10g}"
    return "" if cell is None or cell is pd.NA else str(cell)


def guarded(check: Callable[..., pd.DataFrame], *given: Any) -> pd.DataFrame:
    """The findings of one check; an exception that was not foreseen is a finding of its own, and refused."""
    try:
        return check(*given)
    except Exception as error:  # noqa: BLE001 - a file that no check was written for must not end in a traceback
        name = check.__name__.strip("_").replace("_", " ")
        files = ""
        if given and isinstance(given[0], pd.DataFrame) and "file" in given[0].columns:
            files = ", ".join(sorted(given[0]["file"].unique()))
        what = f"could not be held against itself ({name}): {type(error).__name__}: {error}".replace("{", "(")
        return found("not_foreseen", pd.DataFrame({"file": [files]}), what.replace("}", ")"))


def problems(table: pd.DataFrame) -> list[Problem]:
    """The refused findings, as the problems that an error lists."""
    refused = table[table["severity"] == "refused"]
    return [_problem(row) for row in refused.to_dict("records")]


def _problem(row: dict[str, Any]) -> Problem:
    line = None if pd.isna(row["row"]) else int(row["row"])
    place = row["file"] or "the publication"
    told = [row[name] or None for name in ("column", "found", "expected", "whose")]
    return Problem(place, row["what"], line, *told)


def concerning(
    table: pd.DataFrame,
    quarter: str | None = None,
    trust_type: str | None = None,
    trust_code: str | None = None,
    metric_id: str | None = None,
) -> pd.DataFrame:
    """The findings that a page has to show: of its quarter, type, trust and metric, and those that are about all of them.

    Parameters
    ----------
    table : DataFrame
        See `together`.
    quarter, trust_type, trust_code, metric_id : str, optional
        What the page is about. A metric takes its value's and its score's findings.
    """
    kept = table[table["severity"] != "noted"]
    for column, wanted in (("quarter", quarter), ("trust_type", trust_type), ("trust_code", trust_code)):
        kept = kept if wanted is None else kept[kept[column].isin(["", wanted])]
    if metric_id is not None:
        kept = kept[kept["metric_id"].isin(["", f"OF0{metric_id[3:]}", f"OF1{metric_id[3:]}", metric_id])]
    return kept.reset_index(drop=True)


def words(table: pd.DataFrame, most: int = LINES) -> list[str]:
    """The findings of a page, one sentence each, at most so many, and how many more there are.

    An empty list where there is nothing to say.
    """
    lines = table["message"].tolist()
    rest = len(lines) - most
    return [*lines[:most], *([f"and {rest:,} more"] if rest > 0 else [])]


def counts(table: pd.DataFrame) -> dict[str, int]:
    """How many findings there are of each severity, for the manifest and the index."""
    held = table["severity"].value_counts()
    return {name: int(held.get(name, 0)) for name in SEVERITIES}


def listing(table: pd.DataFrame) -> pd.DataFrame:
    """The findings as a table that a person reads: what, where, whose, found, expected."""
    return pd.DataFrame({
        "severity": table["severity"], "file": table["file"], "row": table["row"],
        "trust": table["trust_name"].where(table["trust_name"] != "", table["trust_code"]),
        "metric": table["metric_id"], "quarter": table["quarter"].map(label), "found": table["found"],
        "expected": table["expected"], "what": table["message"],
    })  # fmt: skip
