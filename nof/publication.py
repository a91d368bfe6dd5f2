"""Read a folder of NHS England's CSV files into one checked `Publication` of tidy frames.

The edge of the house: this module opens the files, chooses which of several releases counts, and
hands everything else to `nof.checks`. Files of the wrong kind are left alone; files of the right
kind with anything wrong raise one error that lists every problem.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from nof import checks
from nof.errors import InputError, Problem
from nof.quarter import Quarter

log = logging.getLogger(__name__)

# Fifteen times the largest file expected (about 35,000 rows); a guard, not a rule of NHS England.
MAX_BYTES = 50_000_000

METRIC_FIELDS = (
    "quarter", "trust_type", "trust_code", "metric_id", "description", "domain", "sub_domain",
    "reporting_date", "units", "value", "median", "lower_quartile", "upper_quartile", "rank",
    "file", "row",
)  # fmt: skip
TRUST_FIELDS = ("quarter", "trust_code", "trust_name", "trust_type", "trust_subtype", "region")
LEAGUE_FIELDS = (
    "quarter", "trust_type", "trust_code", "average_score", "average_low", "average_high",
    "segment", "in_deficit", "rank", "rank_low", "rank_high",
)  # fmt: skip

# A file so named claims to be one of ours, so a header that is not ours is an error.
_OUR_NAME = re.compile(r"trust[-_ ]data|league[-_ ]table", re.IGNORECASE)
_VERSION = re.compile(r"[-_ ]v(\d{1,4})(?=[-_ .(]|$)", re.IGNORECASE)
_QUARTER_IN_NAME = re.compile(
    r"(?<![a-z0-9])q([1-4])[-_ ]+(?:20)?(\d\d)[-_ ](\d\d)(?!\d)|(?<!\d)20(\d\d)[-_ ](\d\d)[-_ ]q([1-4])(?!\d)",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, eq=False)
class Publication:
    """What NHS England published, read and checked.

    Attributes
    ----------
    metrics : DataFrame
        One row per quarter, trust_code, metric_id and units: quarter (slug), trust_type (slug),
        description, domain, sub_domain, reporting_date, value, median, lower_quartile,
        upper_quartile, rank (floats, NaN where blank), file, row (line of the file on which the
        row starts, the header being line 1). Scores run from 1.00 (best) to 4.00.
    trusts : DataFrame
        One row per quarter and trust_code in `metrics`: trust_name, trust_type, trust_subtype, region.
    league : DataFrame
        One row per quarter and trust_code, as published: average_score with its likely range
        average_low to average_high, segment, in_deficit, rank (1 is best), rank_low, rank_high.
        No rows where no league table file was found.
    files : DataFrame
        One row per file of ours: file, kind ("metrics" or "league"), trust_type, version, sha256,
        rows, quarters (comma joined), superseded (True where a newer file is used instead).
    warnings : tuple of str
        What a reader should know but can do without.
    illustrative : bool
        True when the folder holds a file named ILLUSTRATIVE: made-up data.
    """

    metrics: pd.DataFrame
    trusts: pd.DataFrame
    league: pd.DataFrame
    files: pd.DataFrame
    warnings: tuple[str, ...] = ()
    illustrative: bool = False

    @property
    def quarters(self) -> list[str]:
        """Slugs of the quarters held, oldest first."""
        return sorted(self.metrics["quarter"].unique())

    @property
    def latest(self) -> str:
        """Slug of the newest quarter held."""
        return self.quarters[-1]

    @property
    def trust_types(self) -> list[str]:
        """Slugs of the trust types held: acute, mental health and community, ambulance, others."""
        return _in_order(self.metrics["trust_type"].unique())

    def summary(self) -> pd.DataFrame:
        """What was found, for `nof check`.

        Returns
        -------
        DataFrame
            A row per trust type and kind of file: trust_type, kind, quarters (comma joined slugs),
            trusts, metrics (different ids; 0 for a league table), rows, blank_values (rows
            published without a value).
        """
        frames = {"metrics": self.metrics, "league": self.league}
        rows = [
            _summary_row(kind, frame[frame["trust_type"] == trust_type], trust_type)
            for trust_type in _in_order({*self.trust_types, *self.league["trust_type"]})
            for kind, frame in frames.items()
        ]
        return pd.DataFrame([row for row in rows if row["rows"]]).reset_index(drop=True)


def _summary_row(kind: str, frame: pd.DataFrame, trust_type: str) -> dict:
    value = "value" if kind == "metrics" else "average_score"
    return {
        "trust_type": trust_type, "kind": kind, "quarters": _joined(frame["quarter"]),
        "trusts": frame["trust_code"].nunique(),
        "metrics": frame["metric_id"].nunique() if kind == "metrics" else 0,
        "rows": len(frame), "blank_values": int(frame[value].isna().sum()),
    }  # fmt: skip


def _in_order(trust_types: Iterable[str]) -> list[str]:
    known = list(checks.KNOWN_TYPES)
    return sorted(trust_types, key=lambda name: (known.index(name) if name in known else len(known), name))


def _joined(values: Iterable[str]) -> str:
    return ",".join(sorted(value for value in set(values) if value))


@dataclass
class _Source:
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

    def releases(self) -> dict[str, str]:
        """The newest quarter held, by trust type: what makes two files the same release."""
        rows = self.frame.loc[(self.frame["quarter"] != "") & (self.frame["trust_type"] != "")]
        return rows.groupby("trust_type")["quarter"].max().to_dict()

    def same_contents(self, other: _Source) -> bool:
        """Equal bytes, or equal rows where both files are sound (line ends and quotes may differ)."""
        if self.sha256 == other.sha256:
            return True
        mine, theirs = (source.frame.drop(columns=["file", "row"]) for source in (self, other))
        return not (self.problems or other.problems) and mine.equals(theirs)


def read(folder: str | os.PathLike) -> Publication:
    """Read and check every NHS Oversight Framework file of a folder.

    Parameters
    ----------
    folder : path
        Holds the metrics CSVs, and league table CSVs if there are any, of one or more trust types.
        Files are known by their header. Other files are left alone, with a line in the log.

    Returns
    -------
    Publication
        Where several releases hold the same trust type and quarter, the newest counts, and of one
        release the highest version ("-v2"); the others are named in `warnings` and `files`.

    Raises
    ------
    InputError
        With every problem of every file: see `nof.checks`.
    """
    folder = Path(folder)
    sources, problems = _open_all(folder)
    if sources and not problems and all(source.kind == "league" for source in sources):
        expected = "a metrics file (columns Metric_ID, Value and so on)"
        problems.append(Problem(str(folder), "only league table files were found", expected=expected))
    problems += _date_undated(sources)
    clashes, notes = _choose_releases(sources)
    problems += clashes
    for source in sources:
        if source.used is not None and source.used.empty and not source.frame.empty and source.releases():
            notes += _set_aside(source)
        else:
            problems += source.problems
            notes += source.warnings
    metrics, league = (_stack(sources, kind) for kind in ("metrics", "league"))
    problems += _two_types(metrics, league)
    if problems:
        raise checks.PublicationError(problems)
    notes += _contradictions(metrics, league) + _league_gaps(metrics, league)
    for note in notes:
        log.warning("%s", note)
    return Publication(
        metrics=metrics[list(METRIC_FIELDS)],
        trusts=_trusts(metrics),
        league=league[list(LEAGUE_FIELDS)].astype({"in_deficit": bool}),
        files=_files(sources),
        warnings=tuple(notes),
        illustrative=(folder / "ILLUSTRATIVE").exists(),
    )


# ---------------------------------------------------------------- finding files


def _open_all(folder: Path) -> tuple[list[_Source], list[Problem]]:
    sources, problems = [], []
    for path in _listing(folder):
        try:
            found = _open(path)
        except InputError as error:
            problems += error.problems
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


def _listing(folder: Path) -> list[Path]:
    if not folder.is_dir():
        message = "this is a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(Problem(str(folder), message, expected="a folder of NHS England's CSV files"))
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise InputError(Problem(str(folder), f"cannot be read: {error.strerror}")) from error


def _open(path: Path) -> _Source | None:
    """One file as a source; None when it is not ours; InputError when nothing in it can be read."""
    file, ours = path.name, bool(_OUR_NAME.search(path.name))
    if path.suffix.lower() != ".csv" or file.startswith(".") or not path.is_file():
        return None
    data = _bytes(path)
    problems = checks.byte_problems(file, data)
    if problems:
        raise InputError(problems)
    text, problems = checks.decode(file, data)
    header, cells, found = checks.split(file, text)
    kind = checks.kind_of(header)
    if kind is None:
        if ours:
            value, expected = ",".join(header)[:80], ",".join(checks.METRIC_COLUMNS)
            wrong = Problem(file, "the first row is not NHS England's header", 1, None, value, expected)
            raise InputError([*problems, *found, wrong])
        return None
    sha256 = hashlib.sha256(data).hexdigest()
    version = max((int(number) for number in _VERSION.findall(path.stem)), default=1)
    return _source(_Source(file, kind, version, sha256, cells, problems + found), header, text)


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            value, expected = f"{size / 1e6:,.1f} MB", f"{MAX_BYTES / 1e6:,.0f} MB or less"
            raise InputError(Problem(path.name, "the file is too large", value=value, expected=expected))
        return path.read_bytes()
    except OSError as error:
        raise InputError(Problem(path.name, f"cannot be read: {error.strerror}")) from error


def _source(raw: _Source, header: list[str], text: str) -> _Source:
    """Put the tidy frame, problems and warnings of a file in place of its cells."""
    names, problems = checks.settle_header(raw.file, header, raw.kind)
    cells = raw.frame.set_axis(names, axis="columns")
    frame, found = checks.tidy(raw.file, raw.kind, cells.loc[:, ~cells.columns.duplicated()])
    if frame.empty and not raw.problems:
        problems.append(Problem(raw.file, "the file has no rows below its header", 1))
    warnings = [
        f"{raw.file}: trust type {name!r} is not one of {', '.join(checks.KNOWN_TYPES)}"
        for name in _in_order(set(frame["trust_type"]) - {*checks.KNOWN_TYPES, ""})
    ]
    if not text.endswith(("\n", "\r")):
        warnings.append(f"{raw.file}: no line end after the last row; the file may be cut short")
    dated = raw.kind == "league" or "Quarter" in names
    problems = raw.problems + problems + found
    return replace(raw, frame=frame, problems=problems, warnings=warnings, dated=dated)


# ---------------------------------------------------------------- settling quarters and releases


def _date_undated(sources: list[_Source]) -> list[Problem]:
    """Give a quarter to metrics files without a Quarter column (first release, Q1 2025/26)."""
    problems = []
    for source in [source for source in sources if not source.dated]:
        rows = source.frame.loc[source.frame["metric_id"] == "OF5000", "reporting_date"]
        named, dated = _quarter_in_name(source.file), {slug for slug in map(_slug, rows.unique()) if slug}
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


def _quarter_in_name(file: str) -> str | None:
    found = _QUARTER_IN_NAME.search(file)
    if not found:
        return None
    number, start, end = found[1] or found[6], found[2] or found[4], found[3] or found[5]
    return _slug(f"Q{number} 20{start}/{end}")


def _choose_releases(sources: list[_Source]) -> tuple[list[Problem], list[str]]:
    """Set `used` on every source: its rows that no newer release or version replaces."""
    problems, notes = [], []
    best: dict[tuple, _Source] = {}  # of one kind, type and release: the highest version
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
    holder: dict[tuple, _Source] = {}
    for (kind, trust_type, _), source in sorted(best.items(), key=lambda item: item[0][2]):
        rows = source.frame[source.frame["trust_type"] == trust_type]
        holder |= {(kind, trust_type, quarter): source for quarter in rows["quarter"].unique() if quarter}
    for source in sources:
        notes += _keep(source, holder)
    return problems, notes


def _clash(source: _Source, rival: _Source, trust_type: str, release: str) -> Problem:
    return Problem(
        source.file, f"same trust type, quarter and version as {rival.file}, other contents",
        column="Trust_type", value=f"{trust_type}, {release}, version {source.version}",
        expected="one file, or a newer one named -v2",
    )  # fmt: skip


def _keep(source: _Source, holder: dict[tuple, _Source]) -> list[str]:
    """Keep the rows of the quarters that this source holds; say which others another file gives."""
    pairs = pd.MultiIndex.from_frame(source.frame[["trust_type", "quarter"]])
    rivals = {pair: holder.get((source.kind, *pair)) for pair in pairs.unique()}
    source.used = source.frame[pairs.map(lambda pair: rivals[pair] is source).to_numpy(dtype=bool)]
    lost: dict[str, list[str]] = {}
    for (_, quarter), rival in rivals.items():
        if rival is not None and rival is not source:
            lost.setdefault(rival.file, []).append(quarter)
    return [
        f"{source.file}: set aside for {_joined(found)}; {file} is newer or the same" for file, found in lost.items()
    ]


def _set_aside(source: _Source) -> list[str]:
    """A wrong row in a file that is not used is worth a line, not an error."""
    count = len(source.problems)
    return [f"{source.file}: not used, and has {count:,} problems, first: {source.problems[0]}"] if count else []


# ---------------------------------------------------------------- across files


def _stack(sources: list[_Source], kind: str) -> pd.DataFrame:
    used = [source.used for source in sources if source.kind == kind and source.used is not None]
    empty, _ = checks.tidy("", kind, pd.DataFrame())
    return pd.concat(used, ignore_index=True) if used else empty


def _two_types(metrics: pd.DataFrame, league: pd.DataFrame) -> list[Problem]:
    columns = ["quarter", "trust_code", "trust_type"]
    rows = pd.concat([frame[[*columns, "file", "row"]] for frame in (metrics, league)])
    kinds = rows[rows["trust_code"] != ""].drop_duplicates(columns)
    first = kinds.drop_duplicates(columns[:2]).set_index(columns[:2])["trust_type"]
    return [
        Problem(
            row.file, "a trust in two types in one quarter", row.row, "Trust_type",
            f"{row.trust_code}: {row.trust_type}",
            f"{first[row.quarter, row.trust_code]} in {row.quarter}, as elsewhere",
        )
        for row in kinds[kinds.duplicated(columns[:2])].itertuples()
    ]  # fmt: skip


def _trusts(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per quarter and trust; where rows contradict each other the first counts."""
    return metrics[list(TRUST_FIELDS)].drop_duplicates(["quarter", "trust_code"]).reset_index(drop=True)


def _contradictions(metrics: pd.DataFrame, league: pd.DataFrame) -> list[str]:
    notes, key = [], ["quarter", "trust_code"]
    rows = pd.concat([frame[[*TRUST_FIELDS, "file", "row"]] for frame in (metrics, league)])
    for name in ("trust_name", "trust_subtype", "region"):
        different = rows.drop_duplicates([*key, name])
        first = different.drop_duplicates(key).set_index(key)[name]
        for row in different[different.duplicated(key)].itertuples():
            kept = first[row.quarter, row.trust_code]
            notes.append(
                f"{row.file}, row {row.row}: {name} of {row.trust_code} in {row.quarter} is "
                f"{getattr(row, name)!r}; {kept!r}, found first, is used"
            )
    return notes


def _league_gaps(metrics: pd.DataFrame, league: pd.DataFrame) -> list[str]:
    """Trusts and quarters that only one of league table and metrics file holds."""
    notes = []
    for (trust_type, quarter), table in league.groupby(["trust_type", "quarter"]):
        rows = metrics[(metrics["trust_type"] == trust_type) & (metrics["quarter"] == quarter)]
        file, listed, measured = table["file"].iloc[0], set(table["trust_code"]), set(rows["trust_code"])
        if not measured:
            notes.append(f"{file}: no metrics file holds {trust_type} in {quarter}")
            continue
        for codes, where in ((listed - measured, "the metrics file"), (measured - listed, "the league table")):
            if codes:
                notes.append(f"{file}: {trust_type}, {quarter}: not in {where}: {', '.join(sorted(codes))}")
    return notes


def _files(sources: list[_Source]) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "file": source.file, "kind": source.kind,
            "trust_type": ",".join(_in_order(set(source.frame["trust_type"]) - {""})),
            "version": source.version, "sha256": source.sha256, "rows": len(source.frame),
            "quarters": _joined(source.frame["quarter"]), "superseded": bool(source.used.empty),
        }
        for source in sources
    ])  # fmt: skip
