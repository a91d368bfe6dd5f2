"""What NHS England's two files must look like, and everything that can be wrong with one.

Pure functions: text and frames in, frames and problems out; nothing here opens a file. Each file
becomes a frame of text indexed by line number, then a tidy frame; every fault met on the way is a
`Problem` with its line, column and value, and none of them stops the search for the next.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter
from nof.read.sheets import each, matching

# Text printed for one kind of problem of one file; all of them stay in `.problems`.
SHOWN_PER_KIND = 5

_SHARED = {
    "Quarter": "quarter", "Region": "region", "Trust_type": "trust_type", "Trust_subtype": "trust_subtype",
    "Trust_code": "trust_code", "Trust_name": "trust_name",
}  # fmt: skip
# Column names: NHS England's files for Q4 2025/26, 17 and 12 columns.
METRIC_COLUMNS = _SHARED | {
    "Domain": "domain", "Sub-domain": "sub_domain", "Metric_ID": "metric_id",
    "Metric_description": "description", "Reporting_date": "reporting_date", "Units": "units",
    "Value": "value", "Median_value": "median", "Lower_quartile": "lower_quartile",
    "Upper_quartile": "upper_quartile", "Rank": "rank",
}  # fmt: skip
LEAGUE_COLUMNS = _SHARED | {
    "Average_score": "average_score", "Likely_range_of_average_score": "average", "Segment": "segment",
    "Trust_in_financial_deficit": "in_deficit", "Rank": "rank", "Likely_range_of_rank": "rank",
}  # fmt: skip
COLUMNS = {"metrics": METRIC_COLUMNS, "league": LEAGUE_COLUMNS}
_NUMBERS = {
    "metrics": ("Value", "Median_value", "Lower_quartile", "Upper_quartile", "Rank"),
    "league": ("Average_score", "Segment", "Rank"),
}
_KEYS = {
    "metrics": ("Quarter", "Trust_code", "Metric_ID", "Units"),
    "league": ("Quarter", "Trust_code"),
}

# Trust type names seen so far (methodology notes, section 7), without "trust" and punctuation.
_TRUST_TYPES = {
    "acute": "acute", "acute-hospital": "acute", "ambulance": "ambulance",
    "mental-health-and-community": "mental-health-and-community",
    "non-acute-hospital": "mental-health-and-community", "non-acute": "mental-health-and-community",
}  # fmt: skip
KNOWN_TYPES = ("acute", "mental-health-and-community", "ambulance", "integrated-care-board")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_RANGE = re.compile(r"(\S+)\s+to\s+(\S+)", re.IGNORECASE)


class PublicationError(InputError):
    """Every problem of a folder; its text shows the first few of each kind."""

    def __str__(self) -> str:
        kinds: dict[tuple, list[Problem]] = {}
        for problem in self.problems:
            kinds.setdefault((problem.file, problem.message, problem.column), []).append(problem)
        lines = []
        for (file, message, column), found in kinds.items():
            lines += [str(problem) for problem in found[:SHOWN_PER_KIND]]
            rest = len(found) - SHOWN_PER_KIND
            place = f"{file}, column {column}" if column else file
            lines += [f"{place}: {message}: {rest:,} more"] if rest > 0 else []
        return "\n".join(lines)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def kind_of(header: Sequence[str]) -> str | None:
    """ "metrics" or "league" when the header shares most columns with that file, else None."""
    found = {_plain(name) for name in header}
    shares = {}
    for kind, columns in COLUMNS.items():
        own = {_plain(name) for name in columns.keys() - _SHARED.keys() - {"Rank"}}
        every = {_plain(name) for name in columns}
        if len(found & own) >= 2 and 2 * len(found & every) > len(every):
            shares[kind] = len(found & own) / len(own)
    return max(shares, key=shares.__getitem__) if shares else None


def settle_header(file: str, header: Sequence[str], kind: str) -> tuple[list[str], list[Problem]]:
    """The header under today's names, and a problem for each missing, unknown or repeated column.

    An unknown column stands in for the missing one it most resembles, so that the rows beneath can
    still be checked; it stays a problem.
    """
    names, known, problems = list(header), COLUMNS[kind], []
    # First release, Q1 2025/26: the league table dates itself in "Reporting_date".
    if kind == "league" and "Quarter" not in names and "Reporting_date" in names:
        names[names.index("Reporting_date")] = "Quarter"
    missing = [name for name in known if name not in names]
    if kind == "metrics" and "Quarter" in missing:  # first release again: it held one quarter
        missing.remove("Quarter")
    for place, name in enumerate(header):
        if names[place] not in known:
            near = _nearest(name, missing) or _nearest(name, known)
            hint = f"the nearest known column is {near}" if near else f"one of {', '.join(known)}"
            problems.append(Problem(file, "unknown column", 1, name, expected=hint))
            if near in missing or (near == "Quarter" and near not in names):
                names[place] = near
                missing = [left for left in missing if left != near]
                problems.append(_missing(file, near, name))
        elif name in header[:place]:
            problems.append(Problem(file, "the column stands twice", 1, name, expected="once"))
    problems += [_missing(file, name, None) for name in missing]
    return names, problems


def _missing(file: str, name: str, found: str | None) -> Problem:
    expected = f"{name} (the nearest found is {found!r})" if found else name
    return Problem(file, "missing column", 1, name, expected=expected)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    lower = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.strip().casefold(), lower, n=1, cutoff=0.6)
    return lower[close[0]] if close else None


# ---------------------------------------------------------------- rows


@dataclass(frozen=True)
class _Reader:
    """How the text of a column becomes a value; `read` raises ValueError when it cannot."""

    read: Callable[[str], object]
    blank: object
    message: str
    expected: str


def number(text: str) -> float:
    """A plain finite number; ValueError for anything else."""
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _range(text: str) -> tuple[float, float]:
    match = _RANGE.fullmatch(text)
    low, high = (number(match[1]), number(match[2])) if match else (1.0, 0.0)
    if low > high:
        raise ValueError(text)
    return low, high


def _yes_no(text: str) -> bool:
    return {"yes": True, "no": False}[text.casefold()]


def slug_of_type(name: str) -> str:
    """The slug of a trust type; names of earlier releases give today's.

    >>> slug_of_type("Non-acute hospital trust")
    'mental-health-and-community'
    """
    words = re.sub(r"[^a-z0-9]+", "-", name.casefold().replace("&", " and ")).strip("-")
    slug = _TRUST_TYPES.get(re.sub(r"-(nhs-)?trusts?$", "", words), words)
    if not 0 < len(slug) <= 60:
        raise ValueError(name)
    return slug


_NAN = float("nan")
_A_NUMBER = _Reader(number, _NAN, "not a number", "a plain decimal number, blank or NA")
_A_RANGE = _Reader(_range, (_NAN, _NAN), "not a likely range", 'the form "1.2 to 1.89", low first')
_A_FLAG = _Reader(_yes_no, None, "not a flag", "Yes or No")
_A_QUARTER = _Reader(lambda text: Quarter.parse(text).slug, "", "not a quarter", "the form Q4 2025/26")
_A_TYPE = _Reader(slug_of_type, "", "not a trust type", "a name such as Acute trust")
_READERS = {
    "Quarter": _A_QUARTER, "Trust_type": _A_TYPE, "Trust_in_financial_deficit": _A_FLAG,
    "Likely_range_of_average_score": _A_RANGE, "Likely_range_of_rank": _A_RANGE,
}  # fmt: skip
_REQUIRED = ("Quarter", "Trust_type", "Trust_code", "Trust_name", "Metric_ID", "Trust_in_financial_deficit",
             "Average_score", "Segment")  # fmt: skip


def _read_column(file: str, cells: pd.Series, reader: _Reader) -> tuple[np.ndarray, list[Problem]]:
    wrong = object()

    def attempt(text: str) -> object:
        """The value of a text, or the mark of a fault."""
        try:
            return reader.read(text) if text else reader.blank
        except (ValueError, KeyError):
            return wrong

    values = each(cells.to_numpy(), attempt)
    bad = np.fromiter((value is wrong for value in values), bool, len(values))
    column, problems = str(cells.name), []
    for row, text in cells[bad].items():
        problems.append(Problem(file, reader.message, int(row), column, text, reader.expected))
    for place in np.flatnonzero(bad):
        values[place] = reader.blank
    return values, problems


def tidy(file: str, kind: str, cells: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn the cells of one file into a tidy frame, and list every problem of its rows.

    Parameters
    ----------
    file : str
        Name that the problems carry.
    kind : {"metrics", "league"}
        Which contract applies.
    cells : DataFrame
        Text, columns named as NHS England names them, index the line in the file. Columns that the
        contract knows and the file lacks count as blank and give no problem here.

    Returns
    -------
    frame : DataFrame
        Columns as `nof.read.publication.Publication` describes, with trust name, sub-type and region, and
        `file` and `row`. What could not be read is blank or NaN.
    problems : list of Problem
    """
    held = set(cells.columns)
    cells = cells.reindex(columns=list(COLUMNS[kind]), fill_value="")
    frame, problems = pd.DataFrame(index=cells.index), []
    for published, name in COLUMNS[kind].items():
        reader = _A_NUMBER if published in _NUMBERS[kind] else _READERS.get(published)
        if reader is None:
            frame[name] = cells[published].astype("str")
            continue
        values, found = _read_column(file, cells[published], reader)
        problems += found
        if reader is _A_RANGE:
            frame[f"{name}_low"], frame[f"{name}_high"] = np.array([*values, (0.0, 0.0)], dtype=float)[:-1].T
        else:
            frame[name] = values.astype(float) if reader is _A_NUMBER else values
    problems += _row_problems(file, kind, cells[[name for name in cells.columns if name in held]], frame)
    problems = [_named(problem, cells) for problem in problems]
    for name in ("quarter", "trust_type"):
        frame[name] = frame[name].astype("str")
    frame = frame.assign(file=file, row=frame.index.to_numpy())
    return frame.reset_index(drop=True), sorted(problems, key=lambda problem: problem.row or 0)


def _named(problem: Problem, cells: pd.DataFrame) -> Problem:
    """A problem of a row, with the trust and metric that the row is about."""
    if problem.row is None or problem.row not in cells.index:
        return problem
    row = cells.loc[problem.row]
    trust = " ".join(
        part for part in (row["Trust_name"], f"({row['Trust_code']})" if row["Trust_code"] else "") if part
    )
    metric = " ".join(row[name] for name in ("Metric_ID", "Metric_description") if row.get(name))
    return replace(problem, whose=", ".join(part for part in (trust, metric, row["Quarter"]) if part) or None)


def _row_problems(file: str, kind: str, cells: pd.DataFrame, frame: pd.DataFrame) -> list[Problem]:
    problems = []
    for name in [name for name in _REQUIRED if name in cells.columns]:
        rows = cells.index[cells[name] == ""]
        problems += [Problem(file, "missing value", int(row), name, "", f"a {name}") for row in rows]
    broken = _broken_rules(kind, frame)
    for row, number in zip(broken["index"], broken["check"], strict=True):
        rule = _RULES[int(number)]
        problems.append(Problem(file, rule.message, int(row), rule.column, cells.at[row, rule.column], rule.expected))
    return problems + _duplicates(file, kind, cells, frame)


def _duplicates(file: str, kind: str, cells: pd.DataFrame, frame: pd.DataFrame) -> list[Problem]:
    names = [name for name in _KEYS[kind] if name in cells.columns]
    if len(names) < len(_KEYS[kind]) - ("Quarter" not in names):
        return []  # a key column is missing, which is reported already
    keys = frame[[COLUMNS[kind][name] for name in names]]
    again = keys.duplicated()
    if not again.any():
        return []
    first = pd.Series(frame.index, frame.index).groupby([keys[name] for name in keys]).transform("first")
    last = "Metric_ID" if kind == "metrics" else "Trust_code"
    message = "duplicate row for " + ", ".join(name.replace("_", " ").lower() for name in names)
    return [
        Problem(
            file, message, int(row), last, " / ".join(cells.loc[row, names]),
            f"one row; the first is row {first[row]}",
        )
        for row in frame.index[again]
    ]  # fmt: skip


# ---------------------------------------------------------------- rules on values


class _Rule(NamedTuple):
    """What a broken check is called: the published column, the fault, and what was expected."""

    column: str
    message: str
    expected: str


_RULES: list[_Rule] = []  # pandera keeps a text with a check: the rule's place in this list


class _Column(NamedTuple):
    """A column of a contract, in which blanks pass: its type, and its checks with the places of their rules."""

    dtype: type
    checks: tuple[tuple[Callable, int], ...]


def _check(check: Callable, column: str, message: str, expected: str) -> tuple[Callable, int]:
    _RULES.append(_Rule(column, message, expected))
    return check, len(_RULES) - 1


def _column(dtype: type, *checks: tuple[Callable, int]) -> _Column:
    return _Column(dtype, checks)


def _segment(column: str) -> _Column:
    return _column(
        float,
        _check(lambda s: s.isin(range(1, 6)), column, "a segment outside 1 to 5", "a whole number from 1 (best) to 5"),
    )


_CODE = _column(
    str,
    _check(
        lambda s: matching(s, r"[A-Z0-9]{3,10}"),
        "Trust_code",
        "not a trust code",
        "3 to 10 capital letters and digits",
    ),
)
_RANK = _column(
    float,
    _check(lambda s: s >= 1, "Rank", "a rank below 1", "1 (best) or more"),
    _check(lambda s: s % 1 == 0, "Rank", "not a whole number", "a whole number, 1 (best) or more"),
)
# The ids tell what a row is, also where Units is blank or says something else (2025/26; see data/frameworks/).
_SCORES, _SEGMENTS, _QUARTILES, _FLAGS = r"OF1\d{3}|OF40\d{2}|OF5002", r"OF500[05]", r"OF41\d{2}|OF5003", r"OF500[47]"
_CONTRACTS = {
    "metrics": {
        "trust_code": _CODE,
        "metric_id": _column(
            str,
            _check(
                lambda s: matching(s, r"[A-Za-z0-9_.-]{1,20}"),
                "Metric_ID",
                "not a metric id",
                "an id such as OF0005",
            ),
        ),
        "score": _column(
            float,
            _check(lambda s: s.between(1, 4), "Value", "a score outside 1 to 4", "1.00 (best) to 4.00"),
        ),
        "segment": _segment("Value"),
        "quartile": _column(
            float,
            _check(
                lambda s: s.isin(range(1, 5)),
                "Value",
                "a segment outside 1 to 4",
                "a whole number from 1 (best) to 4",
            ),
        ),
        "flag": _column(float, _check(lambda s: s.isin((0, 1)), "Value", "not a flag", "0 or 1")),
        "rank": _RANK,
    },
    "league": {
        "trust_code": _CODE,
        "average_score": _column(
            float,
            _check(lambda s: s.between(1, 4), "Average_score", "a score outside 1 to 4", "1.00 (best) to 4.00"),
        ),
        "average_low": _column(
            float,
            _check(lambda s: s >= 1, "Likely_range_of_average_score", "a limit below 1", "1.00 (best) to 4.00"),
        ),
        "average_high": _column(
            float,
            _check(lambda s: s <= 4, "Likely_range_of_average_score", "a limit above 4", "1.00 (best) to 4.00"),
        ),
        "segment": _segment("Segment"),
        "rank": _RANK,
        "rank_low": _column(
            float,
            _check(lambda s: s >= 1, "Likely_range_of_rank", "a rank below 1", "1 (best) or more"),
        ),
    },
}


@lru_cache
def _contract(kind: str) -> Any:
    """The contract of a kind of file for pandera, which is loaded here: what is kept on disk was held to it already."""
    import pandera.pandas as pa

    def column(one: _Column) -> Any:
        """A column with its checks, each named by the place of its rule."""
        return pa.Column(one.dtype, [pa.Check(check, error=str(place)) for check, place in one.checks], nullable=True)

    return pa.DataFrameSchema({name: column(one) for name, one in _CONTRACTS[kind].items()})


def _broken_rules(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Lines and rules that the contract of the values finds broken (columns index, check)."""
    if kind == "metrics":
        units, ids = frame["units"].str.casefold(), frame["metric_id"]
        # OF0xxx rows are values, which may be called a score by whoever collects them; the scores
        # of the framework are OF1xxx, OF4xxx and OF5002.
        score = (units == "score") & ~ids.str.startswith("OF0") | matching(ids, _SCORES)
        quartile = matching(ids, _QUARTILES)
        frame = frame.assign(
            score=frame["value"].where(score),
            segment=frame["value"].where(((units == "segment") | matching(ids, _SEGMENTS)) & ~quartile),
            quartile=frame["value"].where(quartile),
            flag=frame["value"].where((units == "flag") | matching(ids, _FLAGS)),
        )
    # A missing code or id is reported as missing, not as badly formed.
    given = {name: frame[name].where(frame[name] != "") for name in ("trust_code", "metric_id") if name in frame}
    frame = frame.assign(**given)
    from pandera.errors import SchemaErrors

    try:
        _contract(kind).validate(frame, lazy=True)
    except SchemaErrors as errors:
        return errors.failure_cases[["index", "check"]]
    return pd.DataFrame({"index": [], "check": []})
