"""What a run is to make: the list of jobs, and the key that says whether one has to be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from nof import paths, words
from nof.briefing.make import Job
from nof.briefing.params import Params, national_briefings
from nof.errors import InputError, Problem
from nof.quarter import Quarter
from nof.recompute import National, choose_quarter, choose_type
from nof.words import LICENCE_LINE, source_line

# Notebooks that look at the whole publication, not at one trust type.
WHOLE = ("reconciliation",)
TRUST_NOTEBOOK = "trust_briefing"
TITLES = {"league_table": "League table", "metric_rankings": "Metric rankings", "reconciliation": "Reconciliation",
          "limitations": "What a rank cannot tell you"}


def national_jobs(params: Params, national: National, only: str | None = None) -> list[Job]:
    """Jobs of the national briefings: one for each notebook and trust type.

    Raises
    ------
    InputError
        A quarter, trust type or briefing that does not exist; the known ones are listed.
    """
    quarter = choose_quarter(national.publication, params.quarter)
    types = [choose_type(national.publication, one) for one in params.trust_types or national.publication.trust_types]
    wanted = params.briefings or national_briefings()
    if only is not None and only not in wanted:
        raise InputError(Problem("--only", "no such briefing", value=only, expected=f"one of {', '.join(wanted)}"))
    names = [name for name in wanted if only in (None, name)]
    return [job for name in names for job in _notebook_jobs(name, quarter, types, params, national)]


def _notebook_jobs(name: str, quarter: str, types: list[str], params: Params, national: National) -> Iterable[Job]:
    title = TITLES.get(name, name.replace("_", " ").capitalize())
    if name in WHOLE:
        about = _about(title, Quarter.parse(quarter).label, quarter, national)
        yield Job(name, name, {"quarter": quarter, "data": str(params.data)}, about)
        return
    for trust_type in types:
        subtitle = f"{words.type_name(trust_type).capitalize()} trusts, {Quarter.parse(quarter).label}"
        parameters = {"quarter": quarter, "data": str(params.data), "trust_type": trust_type}
        yield Job(f"{name}-{trust_type}", name, parameters, _about(title, subtitle, quarter, national))


def trust_jobs(params: Params, national: National, codes: Iterable[str]) -> list[Job]:
    """Jobs of the briefings for single trusts."""
    quarter = choose_quarter(national.publication, params.quarter)
    trusts = national.publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
    names = trusts.set_index("trust_code")["trust_name"]
    jobs = []
    for code in codes:
        if code not in names.index:
            raise InputError(Problem("--trust", "no such trust in this publication", value=code,
                                     expected=f"a trust code such as {', '.join(names.index[:3])}"))
        parameters = {"quarter": quarter, "data": str(params.data), "trust": code}
        jobs.append(Job(f"trusts/{code}", TRUST_NOTEBOOK, parameters,
                        _about(names[code], f"Briefing for the board, {Quarter.parse(quarter).label}", quarter, national)))
    return jobs


def all_trusts(params: Params, national: National) -> list[str]:
    """Codes of every trust of the quarter, and of those that have gone since the quarter before."""
    trusts = national.publication.trusts
    before = Quarter.parse(params.quarter).previous.slug
    rows = trusts[trusts["quarter"].isin([params.quarter, before])]
    rows = rows[rows["trust_type"].isin(params.trust_types or national.publication.trust_types)]
    return sorted(rows["trust_code"].unique())


def _about(title: str, subtitle: str, quarter: str, national: National) -> dict[str, Any]:
    illustrative = national.publication.illustrative
    return {"title": title, "subtitle": subtitle, "illustrative": illustrative, "lang": "en-GB",
            "date": Quarter.parse(quarter).last_day.isoformat(), "source_line": source_line(illustrative, quarter),
            "licence_line": "" if illustrative else LICENCE_LINE,
            "independent_line": "Independent analysis, not NHS England"}


def run_key(params: Params, national: National) -> str:
    """What the whole run rests on, as a hash: the files, the parameters, the code and the rules."""
    files = national.publication.files
    inputs = sorted(files.loc[~files["superseded"], "sha256"])
    chosen = {"quarter": params.quarter, "types": params.trust_types, "illustrative": national.publication.illustrative}
    return _digest([inputs, chosen, code_hash()])


def job_key(job: Job, run: str) -> str:
    """What one briefing rests on, as a hash; the folder's own path is left out, its content is in `run`."""
    parameters = {name: value for name, value in job.parameters.items() if name != "data"}
    about = {name: value for name, value in job.about.items() if name != "run_id"}
    return _digest([run, job.notebook, parameters, about])


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of everything of ours that shapes a briefing: library, notebooks, templates, rules, reference data."""
    folders = (Path(paths.__file__).parent, paths.notebooks(), paths.frameworks(), paths.reference(""))
    endings = {".py", ".ipynb", ".yaml", ".csv", ".css", ".j2", ".typ"}
    files = sorted({(path.relative_to(folder).as_posix(), path) for folder in folders if folder.is_dir()
                    for path in folder.rglob("*") if path.suffix in endings and ".ipynb_checkpoints" not in path.parts})
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
