"""Read a folder of NHS England's CSV files into one checked `Publication` of tidy frames.

`nof.read.releases` opens the files and chooses which release counts, `nof.read.checks` looks at each. Files of the
wrong kind are left alone; files of the right kind with anything wrong raise one error that lists every problem.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from nof.common import InputError, Problem
from nof.read import checks, findings, presence, scrutiny
from nof.read.releases import (
    Source,
    choose_releases,
    date_undated,
    in_order,
    joined,
    left_alone,
    open_all,
    quarter_in_name,
    set_aside,
    superseded,
)

log = logging.getLogger(__name__)

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
        rows, quarters (comma joined), superseded (True where a newer file is used instead), header (names of its
        columns as published, comma joined).
    warnings : tuple of str
        What a reader should know but can do without.
    illustrative : bool
        True when the folder holds a file named ILLUSTRATIVE: made-up data.
    findings : DataFrame
        What is odd in the rows, none of it refused; see `nof.read.findings.together`. What needs recomputed figures to be
        seen is not in it: see `nof.rules.consistency`.
    """

    metrics: pd.DataFrame
    trusts: pd.DataFrame
    league: pd.DataFrame
    files: pd.DataFrame
    warnings: tuple[str, ...] = ()
    illustrative: bool = False
    findings: pd.DataFrame = field(default_factory=findings.none)

    @cached_property
    def quarters(self) -> list[str]:
        """Slugs of the quarters held, oldest first."""
        return sorted(self.metrics["quarter"].unique())

    @property
    def latest(self) -> str:
        """Slug of the newest quarter held."""
        return self.quarters[-1]

    @cached_property
    def trust_types(self) -> list[str]:
        """Slugs of the trust types held: acute, mental health and community, ambulance, others."""
        return in_order(self.metrics["trust_type"].unique())

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
            for trust_type in in_order({*self.trust_types, *self.league["trust_type"]})
            for kind, frame in frames.items()
        ]
        return pd.DataFrame([row for row in rows if row["rows"]]).reset_index(drop=True)


def _summary_row(kind: str, frame: pd.DataFrame, trust_type: str) -> dict:
    value = "value" if kind == "metrics" else "average_score"
    return {
        "trust_type": trust_type, "kind": kind, "quarters": joined(frame["quarter"].unique()),
        "trusts": frame["trust_code"].nunique(),
        "metrics": frame["metric_id"].nunique() if kind == "metrics" else 0,
        "rows": len(frame), "blank_values": int(frame[value].isna().sum()),
    }  # fmt: skip


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
        With every problem of every file: see `nof.read.checks`.
    """
    folder = Path(folder)
    try:
        return _read(folder)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a folder that nobody thought of is refused, not a traceback
        what = f"cannot be read, for a reason that was not foreseen: {type(error).__name__}: {error}"
        raise InputError(Problem(str(folder), what, expected="NHS England's CSV files as published")) from error


def _read(folder: Path) -> Publication:
    sources, problems = open_all(folder)
    if sources and not problems and all(source.kind == "league" for source in sources):
        expected = "a metrics file (columns Metric_ID, Value and so on)"
        problems.append(Problem(str(folder), "only league table files were found", expected=expected))
    problems += date_undated(sources)
    clashes, notes = choose_releases(sources)
    problems += clashes
    for source in sources:
        if source.used is not None and source.used.empty and not source.frame.empty and source.releases():
            notes += set_aside(source)
        else:
            problems += source.problems
            notes += source.warnings
    metrics, league = (_stack(sources, kind) for kind in ("metrics", "league"))
    problems += _two_types(metrics, league)
    if problems:
        raise checks.PublicationError(problems)
    metrics, league, found = _scrutinised(sources, metrics, league, left_alone(folder, sources))
    odd = found[found["severity"] != "noted"]
    made = replace(_publication(folder, sources, metrics, league, [*notes, *odd["message"]]), findings=found)
    warn(made)
    return made


def warn(publication: Publication) -> None:
    """Put what a reader should know of a publication into the log."""
    for note in publication.warnings:
        log.warning("%s", note)


def _scrutinised(
    sources: list[Source], metrics: pd.DataFrame, league: pd.DataFrame, told: list[tuple[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows that count and what is odd in them; refused findings end the reading."""
    parts, kept = [], []
    for frame in (metrics, league):
        stray = presence.stray_quarters(frame)
        parts.append(findings.found(
            "stray_quarter", frame[stray], "passed over: next to no other row is of this quarter", "Quarter", "quarter"
        ))  # fmt: skip
        kept.append(frame[~stray].reset_index(drop=True))
    files = pd.DataFrame([(one.file, quarter_in_name(one.file)) for one in sources], columns=["file", "named_quarter"])
    parts += [
        scrutiny.scrutinise(kept[0], kept[1], files),
        scrutiny.lost_since(sources),
        scrutiny.passed_over([*told, *((one.file, said) for one in sources for said in one.passed_over)]),
    ]
    found = findings.together(parts)
    refused = findings.problems(found)
    if refused:
        raise checks.PublicationError(refused)
    return *kept, found


def read_set_aside(folder: str | os.PathLike) -> Publication | None:
    """What a folder's older releases say of the quarters for which `read` takes a newer one.

    Files that are not sound, and copies of a newer one, are left out.

    Returns
    -------
    Publication or None
        Of each quarter the newest release but one; None where no older release is left.
    """
    folder = Path(folder)
    sources, _ = open_all(folder)
    date_undated(sources)
    choose_releases(sources)
    older = superseded(sources)
    clashes, _ = choose_releases(older)
    if clashes or not older:
        return None
    return _publication(folder, older, _stack(older, "metrics"), _stack(older, "league"))


def _publication(
    folder: Path, sources: list[Source], metrics: pd.DataFrame, league: pd.DataFrame, notes: Iterable[str] = ()
) -> Publication:
    return Publication(
        metrics=metrics[list(METRIC_FIELDS)],
        trusts=_trusts(metrics),
        league=league[list(LEAGUE_FIELDS)].astype({"in_deficit": bool}),
        files=_files(sources),
        warnings=tuple(notes),
        illustrative=(folder / "ILLUSTRATIVE").exists(),
    )


# ---------------------------------------------------------------- across files


def _stack(sources: list[Source], kind: str) -> pd.DataFrame:
    used = [source.used for source in sources if source.kind == kind and source.used is not None]
    return pd.concat(used, ignore_index=True) if used else checks.tidy("", kind, pd.DataFrame())[0]


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


def _files(sources: list[Source]) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "file": source.file, "kind": source.kind,
            "trust_type": ",".join(in_order({*source.frame["trust_type"].unique()} - {""})),
            "version": source.version, "sha256": source.sha256, "rows": len(source.frame),
            "quarters": joined(source.frame["quarter"].unique()), "superseded": bool(source.used.empty),
            "header": ",".join(source.header),
        }
        for source in sources
    ])  # fmt: skip
