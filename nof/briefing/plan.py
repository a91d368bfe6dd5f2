"""What a run is to make: the list of jobs, and the key that says whether one has to be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from nof import common
from nof.briefing import manifest
from nof.briefing.commentary import commentaries
from nof.briefing.make import Job, Sheet
from nof.briefing.manifest import identity
from nof.briefing.params import (
    GLOSSARY_NOTEBOOK,
    NOWCAST_NOTEBOOK,
    PAPER_NOTEBOOK,
    ROWS_NOTEBOOK,
    SAFE_NOTEBOOK,
    TRUST_NOTEBOOK,
    Params,
    national_briefings,
)
from nof.briefing.vocabulary import kinds_said
from nof.common import InputError, Problem, Quarter
from nof.method import nowcast
from nof.read.own_values import read_own_values
from nof.rules import unconfirmed
from nof.rules.recompute import National, choose_quarter, choose_type
from nof.show import words

# Notebooks that look at the whole publication, not at one trust type.
WHOLE = ("reconciliation", "glossary")
TITLES = {
    "league_table": "League table",
    "metric_rankings": "Metric rankings",
    "limitations": "What a rank cannot tell you",
    "reconciliation": "Reconciliation with the published figures",
    "glossary": "Glossary",
}


def settled(params: Params, national: National) -> Params:
    """The same parameters, with a quarter and trust types that the publication holds.

    Raises
    ------
    InputError
        A quarter or trust type that it does not hold; the known ones are listed.
    """
    publication = national.publication
    types = publication.trust_types if params.trust_types is None else params.trust_types
    return params.model_copy(
        update={
            "quarter": choose_quarter(publication, params.quarter),
            "trust_types": [choose_type(publication, one) for one in types],
        }
    )


def national_jobs(params: Params, national: National, only: Collection[str] = ()) -> list[Job]:
    """Jobs of the national briefings: one for each notebook and trust type. Takes settled parameters.

    Raises
    ------
    InputError
        A briefing that does not exist; the known ones are listed.
    """
    wanted = national_briefings() if params.briefings is None else params.briefings
    for name in sorted(set(only) - set(wanted)):
        raise InputError(Problem("--only", "no such briefing", value=name, expected=f"one of {', '.join(wanted)}"))
    names = [name for name in wanted if not only or name in only]
    return [job for name in names for job in _notebook_jobs(name, params, national)]


def _notebook_jobs(name: str, params: Params, national: National) -> Iterable[Job]:
    title = TITLES.get(name, name.replace("_", " ").capitalize())
    label = Quarter.parse(params.quarter).label
    parameters = {"quarter": params.quarter, "data": str(params.data)}
    if name in WHOLE:
        yield Job(
            name,
            name,
            parameters,
            _about(title, label, params.quarter, national, national.publication.trust_types),
            formats=tuple(params.formats),
        )
        return
    for trust_type in params.trust_types or []:
        subtitle = f"{words.bodies(trust_type).capitalize()}, {label}"
        yield Job(
            f"{name}-{trust_type}",
            name,
            parameters | {"trust_type": trust_type},
            _about(title, subtitle, params.quarter, national, [trust_type]),
            formats=tuple(params.formats),
        )


def trust_jobs(params: Params, national: National, codes: Iterable[str]) -> list[Job]:
    """Jobs of the briefings for single trusts. Takes settled parameters.

    Raises
    ------
    InputError
        A trust that the publication does not hold, each listed with the known ones; a commentary that cannot be shown.
    """
    names, codes = _names(national), list(dict.fromkeys(codes))
    _reject_unknown(codes, names)
    subtitle = f"Briefing for the board, {Quarter.parse(params.quarter).label}"
    own = {code: {"commentary": one} for code, one in commentaries(params.commentary, names.index).items()}
    return [
        Job(
            f"trusts/{code}",
            TRUST_NOTEBOOK,
            {"quarter": params.quarter, "data": str(params.data), "trust": code},
            _about(names[code], subtitle, params.quarter, national, _types(national, code)) | own.get(code, {}),
            beside=_sheets(params),
            formats=tuple(params.formats),
            binder=f"Binder, {Quarter.parse(params.quarter).label}" if params.binder else "",
        )
        for code in codes
    ]


def _sheets(params: Params) -> tuple[Sheet, ...]:
    """The further pages of a trust, of the notebooks that there are; a commentary belongs to its briefing alone."""
    label = Quarter.parse(params.quarter).label
    plain = {"commentary": None}
    found = [
        Sheet("-safe-to-say", SAFE_NOTEBOOK, plain | {"subtitle": f"Safe to say, {label}"}, title="Safe to say"),
    ]
    if params.board_paper is not None:
        fields = params.board_paper.model_dump(mode="json")
        found.append(
            Sheet(
                "-board-paper",
                PAPER_NOTEBOOK,
                plain | {"subtitle": f"Paper for the board, {label}"},
                {name: text or "" for name, text in fields.items()},
                ("pdf", "docx"),
                "Paper for the board",
            )
        )
    if params.binder:
        found.append(Sheet("-rows", ROWS_NOTEBOOK, plain, formats=(), title="Its rows in the national tables"))
        found.append(Sheet("-glossary", GLOSSARY_NOTEBOOK, plain, {"trust": None}, (), "Glossary"))
    return tuple(one for one in found if (common.notebooks() / f"{one.notebook}.ipynb").is_file())


def nowcast_jobs(params: Params, national: National) -> list[Job]:
    """The job of a trust's own newer values, if there are any; they are read and checked here, before anything runs.

    Raises
    ------
    InputError
        A trust that the publication does not hold, or own values that cannot be used.
    """
    if params.own_values is None:
        return []
    (code,) = params.trusts
    names = _names(national)
    _reject_unknown([code], names)
    read_own_values(params.own_values, nowcast.taken(national, params.quarter, code))
    subtitle = f"Before publication day: own values beside {Quarter.parse(params.quarter).label}"
    parameters = {"quarter": params.quarter, "data": str(params.data), "trust": code}
    return [
        Job(
            f"trusts/{code}-nowcast",
            NOWCAST_NOTEBOOK,
            parameters | {"own_values": str(params.own_values)},
            _about(names[code], subtitle, params.quarter, national, _types(national, code)),
            formats=tuple(params.formats),
        )
    ]


def _types(national: National, code: str) -> list[str]:
    rows = national.publication.trusts
    return rows.loc[rows["trust_code"] == code, "trust_type"].tail(1).tolist()


def _names(national: National) -> pd.Series:
    trusts = national.publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
    return trusts.set_index("trust_code")["trust_name"].sort_index()


def _reject_unknown(codes: list[str], names: pd.Series) -> None:
    problems = [
        Problem(
            "trust",
            "is not in this publication",
            value=code,
            expected=common.nearest(code, names.index, "trust codes"),
        )
        for code in codes
        if code not in names.index
    ]
    if codes and not (common.notebooks() / f"{TRUST_NOTEBOOK}.ipynb").is_file():
        problems.append(Problem("notebooks", f"no {TRUST_NOTEBOOK}.ipynb, so no briefing for a trust can be made"))
    if problems:
        raise InputError(problems)


def all_trusts(params: Params, national: National) -> list[str]:
    """Codes of every trust of the quarter, and of those that have gone since the quarter before."""
    trusts = national.publication.trusts
    before = Quarter.parse(params.quarter).previous.slug
    rows = trusts[trusts["quarter"].isin([params.quarter, before]) & trusts["trust_type"].isin(params.trust_types)]
    return sorted(rows["trust_code"].unique())


def types_of(looked_at: Iterable[Mapping[str, Any]], national: National) -> list[str]:
    """Trust types that jobs' parameters or briefings' entries name, or that the trusts they name belong to."""
    kinds = _kinds(national)
    found = {one.get("trust_type") or kinds.get(one.get("trust")) for one in looked_at}
    return sorted(one for one in found if one)


def first_of_each_type(jobs: Iterable[Job], national: National, more_than: int) -> list[Job]:
    """The first trust's briefing of each trust type with more than so many among the jobs."""
    kinds = _kinds(national)
    of_type: dict[str, list[Job]] = {}
    for job in jobs:
        if (kind := kinds.get(job.parameters.get("trust"))) is not None:
            of_type.setdefault(kind, []).append(job)
    return [alike[0] for alike in of_type.values() if len(alike) > more_than]


def _kinds(national: National) -> pd.Series:
    """Each trust's type by its code, as last published."""
    return national.publication.trusts.drop_duplicates("trust_code", keep="last").set_index("trust_code")["trust_type"]


def _about(title: str, subtitle: str, quarter: str, national: National, types: Iterable[str]) -> dict[str, Any]:
    kinds = kinds_said(types)
    illustrative = national.publication.illustrative
    return {
        "title": title,
        "subtitle": subtitle,
        "illustrative": illustrative,
        "lang": "en-GB",
        "date": Quarter.parse(quarter).last_day.isoformat(),
        "source_line": f"{words.source_line(illustrative, quarter)} {unconfirmed.line(national.framework(quarter))}".strip(),
        "licence_line": "" if illustrative else words.LICENCE_LINE,
        "independent_line": words.INDEPENDENT,
        **({"kinds": kinds} if kinds else {}),
    }


def run_key(params: Params, national: National) -> str:
    """What the whole run rests on, as a hash: files, parameters that shape every briefing, code, rules, versions."""
    chosen = {"quarter": params.quarter, "types": params.trust_types, "illustrative": national.publication.illustrative}
    return _digest([manifest.shaping(manifest.inputs(national, params.data)), chosen, identity()])


def job_key(job: Job, run: str) -> str:
    """What one briefing rests on, as a hash; paths are left out, what they hold counts."""
    parameters = {name: value for name, value in job.parameters.items() if name != "data"}
    if "own_values" in parameters:
        parameters["own_values"] = common.sha256(Path(parameters["own_values"]))
    about = {name: value for name, value in job.about.items() if name != "run_id"}
    beside = [[one.ending, one.notebook, one.about, one.parameters, one.formats, one.title] for one in job.beside]
    return _digest([run, job.notebook, parameters, about, job.formats, job.binder, beside])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
