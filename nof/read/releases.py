"""Which files of a folder are NHS England's, and which of several releases counts.

The edge that opens files; what stands in them is checked by `nof.read.checks`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from nof.common import InputError, Problem, Quarter
from nof.read import checks, sheets

log = logging.getLogger(__name__)

# A guard, not a rule of NHS England: ten years of the largest kind of file would have about 55 MB (bench/growth.py).
MAX_BYTES = 150_000_000
_LONGEST_HEADER = 100_000  # bytes of the first line that are looked at; NHS England's has 230

# A file so named claims to be one of ours, so a header that is not ours is an error.
_OUR_NAME = re.compile(r"trust[-_ ]data|league[-_ ]table", re.IGNORECASE)
_DELIMITERS = {";": "semicolons", "\t": "tabs"}
_COMPANIONS = ("mergers.csv",)  # read by others, for what they are
_HIGHEST_VERSION = 20  # NHS England's re-issues are named -v2; a number far above is a date or a slip
_VERSION = re.compile(r"[-_ ]v(\d{1,4})(?=[-_ .(]|$)", re.IGNORECASE)
_QUARTER_IN_NAME = re.compile(
    r"(?<![a-z0-9])q([1-4])[-_ ]+(?:20)?(\d\d)[-_ ](\d\d)(?!\d)|(?<!\d)20(\d\d)[-_ ](\d\d)[-_ ]q([1-4])(?!\d)",
    re.IGNORECASE | re.ASCII,
)


def in_order(trust_types: Iterable[str]) -> list[str]:
    """Trust types in the order that the field knows, others after them."""
    known = list(checks.KNOWN_TYPES)
    return sorted(trust_types, key=lambda name: (known.index(name) if name in known else len(known), name))


def joined(values: Iterable[str]) -> str:
    """Different values, sorted, with commas."""
    return ",".join(sorted(value for value in set(values) if value))


@dataclass
class Source:
    """One file of ours while the folder is being settled."""

    file: str
    kind: str
    version: int
    sha256: str
    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dated: bool = True
    used: pd.DataFrame | None = None
    header: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    def releases(self) -> dict[str, str]:
        """The newest quarter held, by trust type: what makes two files the same release."""
        rows = self.frame.loc[(self.frame["quarter"] != "") & (self.frame["trust_type"] != "")]
        return rows.groupby("trust_type")["quarter"].max().to_dict()

    def same_contents(self, other: Source) -> bool:
        """Equal bytes, or equal rows where both files are sound (line ends and quotes may differ)."""
        if self.sha256 == other.sha256:
            return True
        mine, theirs = (source.frame.drop(columns=["file", "row"]) for source in (self, other))
        return not (self.problems or other.problems) and mine.equals(theirs)


# ---------------------------------------------------------------- finding files


def open_all(folder: Path) -> tuple[list[Source], list[Problem]]:
    """Every file of ours in a folder, each as a tidy frame with its problems.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    sources : list of Source
        In the order of names, quarters and releases not settled yet; each carries its own problems and warnings.
    problems : list of Problem
        Of files that could not be read at all, or of a folder without any file of ours. Other files are left alone.

    Raises
    ------
    InputError
        There is no such folder, or it cannot be listed.
    """
    sources, problems = [], []
    for path in _listing(folder):
        try:
            found = _open(path)
        except InputError as error:
            problems += error.problems
            continue
        except Exception as error:  # noqa: BLE001 - a file that nobody thought of is refused by name
            what = f"cannot be read, for a reason that was not foreseen: {type(error).__name__}: {error}"
            problems.append(Problem(path.name, what, expected="a CSV file as NHS England publishes it"))
            continue
        if found is None:
            log.info("left alone, not a file of the NHS Oversight Framework: %s", path.name)
        else:
            log.info("%s: %s file, version %d, %d rows", found.file, found.kind, found.version, len(found.frame))
            sources.append(found)
    if not sources and not problems:
        expected = "CSV files of the NHS Oversight Framework (*-trust-data*.csv, *-trust-league-table*.csv)"
        problems.append(Problem(str(folder), "no file of the NHS Oversight Framework here", expected=expected))
    return sources, problems


def left_alone(folder: Path, sources: Iterable[Source]) -> list[tuple[str, str]]:
    """Files of a folder that were not read though they could be meant: every other CSV file, and what is named like ours.

    Returns
    -------
    list of (str, str)
        Name and reason, in the order of names.
    """
    taken, found = {one.file for one in sources}, []
    for path in _listing(folder):
        table = path.suffix.lower() == ".csv" and path.name not in _COMPANIONS
        if path.name in taken or path.name.startswith(".") or not (table or _OUR_NAME.search(path.name)):
            continue
        why = "no header of the NHS Oversight Framework" if table else "named like a file of ours, but not .csv"
        found.append((path.name, why))
    return found


def headers(folder: Path) -> pd.DataFrame:
    """Columns of the files of ours in a folder, also of those that will be refused for them: kind, column."""
    found = []
    for path in _listing(folder):
        if path.suffix.lower() == ".csv" and path.is_file():
            with path.open("rb") as stream:
                text, _ = sheets.decode(path.name, stream.readline(_LONGEST_HEADER))
            header, _, _, _ = sheets.sheet(path.name, text, sheets.delimiter_of(text))
            found += [(kind, column) for kind in [checks.kind_of(header)] if kind for column in header]
    return pd.DataFrame(found, columns=["kind", "column"]).drop_duplicates(ignore_index=True)


def _listing(folder: Path) -> list[Path]:
    if not folder.is_dir():
        message = "this is a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(Problem(str(folder), message, expected="a folder of NHS England's CSV files"))
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise InputError(Problem(str(folder), f"cannot be read: {error.strerror}")) from error


def _open(path: Path) -> Source | None:
    """One file as a source; None when it is not ours; InputError when nothing in it can be read."""
    file, ours = path.name, bool(_OUR_NAME.search(path.name))
    if path.suffix.lower() != ".csv" or file.startswith(".") or not path.is_file():
        return None
    if not ours and path.stat().st_size > MAX_BYTES:
        return None
    data = _bytes(path)
    problems = sheets.byte_problems(file, data)
    if problems:
        if ours:
            raise InputError(problems)
        return None
    text, problems = sheets.decode(file, data)
    delimiter = sheets.delimiter_of(text)
    header, cells, found, passed_over = sheets.sheet(file, text, delimiter)
    kind = checks.kind_of(header)
    if kind is None:
        if ours:
            value, expected = ",".join(header)[:80], ",".join(checks.METRIC_COLUMNS)
            wrong = Problem(file, "the first row is not NHS England's header", 1, None, value, expected)
            raise InputError([*problems, *found, wrong])
        return None
    if delimiter != ",":
        passed_over = [f"{_DELIMITERS[delimiter]} between the cells, as Excel saves them", *passed_over]
    sha256 = hashlib.sha256(data).hexdigest()
    version = max((int(number) for number in _VERSION.findall(path.stem)), default=1)
    if version > _HIGHEST_VERSION:
        expected = f"a version up to -v{_HIGHEST_VERSION}; rename or remove the file if this is no version"
        problems.append(Problem(file, "the number after v cannot be a version", value=f"v{version}", expected=expected))
    raw = Source(
        file, kind, version, sha256, cells, problems + found, header=tuple(header), passed_over=tuple(passed_over)
    )
    return _source(raw, header, text)


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            value, expected = f"{size / 1e6:,.1f} MB", f"{MAX_BYTES / 1e6:,.0f} MB or less"
            raise InputError(Problem(path.name, "the file is too large", value=value, expected=expected))
        return path.read_bytes()
    except OSError as error:
        raise InputError(Problem(path.name, f"cannot be read: {error.strerror}")) from error


def _source(raw: Source, header: list[str], text: str) -> Source:
    """Put the tidy frame, problems and warnings of a file in place of its cells."""
    names, problems = checks.settle_header(raw.file, header, raw.kind)
    cells = raw.frame.set_axis(names, axis="columns")
    frame, found = checks.tidy(raw.file, raw.kind, cells.loc[:, ~cells.columns.duplicated()])
    if frame.empty and not raw.problems:
        problems.append(Problem(raw.file, "the file has no rows below its header", 1))
    warnings = [
        f"{raw.file}: trust type {name!r} is not one of {', '.join(checks.KNOWN_TYPES)}"
        for name in in_order({*frame["trust_type"].unique()} - {*checks.KNOWN_TYPES, ""})
    ]
    if not text.endswith(("\n", "\r")):
        warnings.append(f"{raw.file}: no line end after the last row; the file may be cut short")
    dated = raw.kind == "league" or "Quarter" in names
    problems = raw.problems + problems + found
    return replace(raw, frame=frame, problems=problems, warnings=warnings, dated=dated)


# ---------------------------------------------------------------- settling quarters and releases


def date_undated(sources: list[Source]) -> list[Problem]:
    """Give a quarter to metrics files without a Quarter column (first release, Q1 2025/26).

    Parameters
    ----------
    sources : list of Source
        Those without a quarter are changed in place.

    Returns
    -------
    list of Problem
        A file whose quarter cannot be told, or could be one of several.
    """
    problems = []
    for source in [source for source in sources if not source.dated]:
        rows = source.frame.loc[source.frame["metric_id"] == "OF5000", "reporting_date"]
        named, dated = quarter_in_name(source.file), {slug for slug in map(_slug, rows.unique()) if slug}
        tables = [other.frame for other in sources if other.kind == "league"]
        same_type = [table[table["trust_type"].isin(source.frame["trust_type"])] for table in tables]
        leagues = {slug for table in same_type for slug in table["quarter"] if slug}
        possible = ({named} | dated if named else dated) or leagues
        if len(possible) == 1:
            source.frame["quarter"] = possible.pop()
            source.warnings.append(
                f"{source.file}: no Quarter column; taken to be {source.frame['quarter'].iloc[0]}"
                if len(source.frame) else f"{source.file}: no Quarter column"
            )  # fmt: skip
        else:
            problems.append(Problem(
                source.file, "no Quarter column, and the quarter cannot be told", 1, "Quarter",
                ", ".join(sorted(possible)) or None,
                "one quarter, from the file name (q1-25-26), Reporting_date of the OF5000 rows or the league table",
            ))  # fmt: skip
    return problems


def _slug(text: str) -> str | None:
    try:
        return Quarter.parse(text).slug
    except ValueError:
        return None


def quarter_in_name(file: str) -> str | None:
    """Slug of the quarter that the name of a file tells; None where it tells none."""
    found = _QUARTER_IN_NAME.search(file)
    if not found:
        return None
    number, start, end = found[1] or found[6], found[2] or found[4], found[3] or found[5]
    return _slug(f"Q{number} 20{start}/{end}")


def choose_releases(sources: list[Source]) -> tuple[list[Problem], list[str]]:
    """Set `used` on every source: its rows that no newer release or version replaces.

    Parameters
    ----------
    sources : list of Source
        Changed in place.

    Returns
    -------
    problems : list of Problem
        Files that claim to be the same release and say different things.
    notes : list of str
        What was set aside, and for which file.
    """
    problems, notes = [], []
    best: dict[tuple, Source] = {}  # of one kind, type and release: the highest version
    for source in sorted(sources, key=lambda source: -source.version):
        for trust_type, release in source.releases().items():
            rival = best.setdefault((source.kind, trust_type, release), source)
            if rival is source or source.version < rival.version:
                continue
            if rival.same_contents(source):
                notes.append(f"{source.file}: same contents as {rival.file}")
            else:
                problems.append(_clash(source, rival, trust_type, release))
    # Each release holds all quarters so far, so several may hold one quarter: the newest counts.
    holder: dict[tuple, Source] = {}
    for (kind, trust_type, _), source in sorted(best.items(), key=lambda item: item[0][2]):
        rows = source.frame[source.frame["trust_type"] == trust_type]
        holder |= {(kind, trust_type, quarter): source for quarter in rows["quarter"].unique() if quarter}
    for source in sources:
        notes += _keep(source, holder)
    return problems, notes


def _clash(source: Source, rival: Source, trust_type: str, release: str) -> Problem:
    return Problem(
        source.file, f"same trust type, quarter and version as {rival.file}, other contents",
        column="Trust_type", value=f"{trust_type}, {release}, version {source.version}",
        expected="one file, or a newer one named -v2",
    )  # fmt: skip


def _keep(source: Source, holder: dict[tuple, Source]) -> list[str]:
    """Keep the rows of the quarters that this source holds; say which others another file gives."""
    pairs = pd.MultiIndex.from_frame(source.frame[["trust_type", "quarter"]])
    rivals = {pair: holder.get((source.kind, *pair)) for pair in pairs.unique()}
    source.used = source.frame[pairs.map(lambda pair: rivals[pair] is source).to_numpy(dtype=bool)]
    lost: dict[str, list[str]] = {}
    for (_, quarter), rival in rivals.items():
        if rival is not None and rival is not source:
            lost.setdefault(rival.file, []).append(quarter)
    return [
        f"{source.file}: set aside for {joined(found)}; {file} is newer or the same" for file, found in lost.items()
    ]


def superseded(sources: list[Source]) -> list[Source]:
    """The rows of sound files that a newer release replaces, as sources of their own; `used` has to be set."""
    used = [source for source in sources if source.used is not None and not source.used.empty]
    older = []
    for source in sources:
        rest = source.frame if source.used is None else source.frame.drop(index=source.used.index)
        copied = any(source is not one and source.kind == one.kind and source.same_contents(one) for one in used)
        if not (rest.empty or source.problems or copied):
            older.append(replace(source, frame=rest, used=None, warnings=[]))
    return older


def set_aside(source: Source) -> list[str]:
    """A wrong row in a file that is not used is worth a line, not an error."""
    count = len(source.problems)
    return [f"{source.file}: not used, and has {count:,} problems, first: {source.problems[0]}"] if count else []
