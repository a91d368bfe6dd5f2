"""From a params file to a published report: plan, make, check, put in place."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from nof import csvs, recompute, reconcile, view
from nof.briefing import index, plan, publish, workers
from nof.briefing.check import check_html, check_pdf
from nof.briefing.make import BriefingFailed, Job, Made, make
from nof.briefing.params import Params
from nof.errors import NofError

log = logging.getLogger(__name__)
TRIES = 2
TIMEOUT = 900.0  # seconds for one briefing; the slowest takes well under a minute
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """How a run works, as against what it makes.

    Attributes
    ----------
    out : Path
        The reports folder.
    only : str, optional
        Name of the one national notebook to make; the rest of the report stays as it is.
    trusts : tuple of str, optional
        Codes of the trusts to make alone; the rest of the report stays as it is.
    all_trusts : bool
        Make every trust's briefing beside the national ones.
    jobs : int
        Briefings at a time.
    cold, force : bool
        Ordinary kernels; make everything again though nothing changed.
    publish_partial : int
        Exactly so many failures are accepted.
    executor : Executor, optional
        Where to run (a Dask cluster, say); forked local processes if not given.
    """

    out: Path
    only: str | None = None
    trusts: tuple[str, ...] = ()
    all_trusts: bool = False
    jobs: int = os.cpu_count() or 1
    cold: bool = False
    force: bool = False
    publish_partial: int = 0
    timeout: float = TIMEOUT
    executor: Executor | None = None


@dataclass
class Outcome:
    """What a run did.

    Attributes
    ----------
    made, kept : dict and list
        Seconds by name of what was made, and the names of what was still right and kept.
    failures : dict
        Error text by name.
    place : Path, optional
        Where the report is read; None if it was not published.
    """

    quarter: str
    run: str
    made: dict[str, float] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    place: Path | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0

    @property
    def published(self) -> bool:
        """Whether the report was put in place."""
        return self.place is not None


def brief(params: Params, options: Options, progress: Progress = lambda name, done, total: None) -> Outcome:
    """Make what the parameters ask for and publish it, all or nothing.

    Raises
    ------
    InputError
        The publication or a parameter cannot be used; nothing was touched.
    Busy
        Another run is making the same quarter.
    """
    started = time.perf_counter()
    national = view.open_publication(params.data)
    run = plan.run_key(params, national)
    jobs = [replace(job, about=job.about | {"run_id": run[:10]}, cold=options.cold)
            for job in _jobs(params, options, national)]
    outcome = Outcome(params.quarter, run[:10])
    with publish.locked(options.out, params.quarter), publish.staging(options.out, params.quarter, run[:10]) as folder:
        entries = _carry_over(jobs, run, options, params.quarter, folder, outcome)
        todo = [job for job in jobs if job.name not in entries]
        entries |= _make_all(todo, run, options, folder, outcome, progress, national)
        if len(outcome.failures) == options.publish_partial:
            _finish(folder, params, national, run, entries, outcome)
            outcome.place = publish.put_in_place(folder, options.out, params.quarter)
            index.write_root(options.out)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _jobs(params: Params, options: Options, national: recompute.National) -> list[Job]:
    if options.trusts:
        return plan.trust_jobs(params, national, options.trusts)
    jobs = plan.national_jobs(params, national, options.only)
    if options.only:
        return jobs
    codes = plan.all_trusts(params, national) if options.all_trusts else params.trusts
    return jobs + plan.trust_jobs(params, national, codes)


def _carry_over(jobs: list[Job], run: str, options: Options, quarter: str, folder: Path, outcome: Outcome) -> dict:
    """Bring over from the last report what still holds, as links to the same bytes (or copies)."""
    last = options.out / quarter
    briefings = publish.read_manifest(last).get("briefings", {})
    outputs = publish.read_manifest(last).get("outputs", {})
    wanted = {job.name: plan.job_key(job, run) for job in jobs}
    partial = bool(options.only or options.trusts)
    entries = {}
    for name, entry in briefings.items():
        same = entry["key"] == wanted[name] and not options.force if name in wanted else partial or entry["run"] == run
        if same and _bring(last, folder, entry["files"], outputs):
            entries[name] = entry
            outcome.kept += [name] if name in wanted else []
    return entries


def _bring(last: Path, folder: Path, files: list[str], outputs: dict[str, str]) -> bool:
    intact = all((last / name).is_file() and publish.sha256(last / name) == outputs.get(name) for name in files)
    for name in files if intact else []:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(last.resolve() / name, folder / name)
        except OSError:
            shutil.copy2(last / name, folder / name)
    return intact


def _make_all(jobs: list[Job], run: str, options: Options, folder: Path, outcome: Outcome, progress: Progress,
              national: recompute.National) -> dict:
    """Run the jobs, each tried twice; write what succeeds into the folder."""
    entries: dict[str, dict] = {}
    if not jobs:
        return entries
    _warm(jobs, national)
    executor = options.executor or workers.executor(options.jobs, options.timeout)
    try:
        waiting = [(job, TRIES) for job in jobs]
        while waiting:
            again = []
            for job, left, future in _finished(executor, waiting):
                error = future.exception()
                if error is None:
                    entries[job.name] = _accept(future.result(), job, run, folder, outcome)
                    progress(job.name, len(entries) + len(outcome.failures), len(jobs))
                elif left > 1:
                    log.warning("%s failed and is tried once more: %s", job.name, error)
                    again.append((job, left - 1))
                else:
                    outcome.failures[job.name] = str(error)
                    progress(job.name, len(entries) + len(outcome.failures), len(jobs))
            waiting = again
    finally:
        if options.executor is None:
            executor.shutdown(wait=False, cancel_futures=True)
    return entries


def _finished(executor: Executor, waiting: list[tuple[Job, int]]) -> Iterator[tuple[Job, int, Future]]:
    futures = {executor.submit(checked, job): (job, left) for job, left in waiting}
    if isinstance(executor, workers.ForkExecutor):
        while futures:
            executor.poll()
            for future in [one for one in futures if one.done()]:
                yield (*futures.pop(future), future)
    else:
        for future in as_completed(futures):
            yield (*futures[future], future)


def _warm(jobs: list[Job], national: recompute.National) -> None:
    """Compute here, once, what the forked copies will all read."""
    if any(not job.cold for job in jobs) and workers.can_fork():
        from nof.briefing import fonts

        view.reconciliation(national.publication)
        fonts.warm()


def checked(job: Job) -> Made:
    """Make a briefing and look at what came out; anything wrong with it is a failure."""
    made = make(job)
    with tempfile.TemporaryDirectory(prefix="nof-check-") as folder:
        problems = []
        for ending, check in ((".html", check_html), (".pdf", check_pdf)):
            path = Path(folder) / f"page{ending}"
            path.write_bytes(made.files[ending])
            problems += [f"{ending[1:].upper()} {problem}" for problem in check(path)]
    if problems:
        raise BriefingFailed(f"{job.name}: {'; '.join(problems[:5])}")
    return made


def _accept(made: Made, job: Job, run: str, folder: Path, outcome: Outcome) -> dict:
    files = []
    for ending, content in made.files.items():
        path = folder / f"{made.name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files.append(path.relative_to(folder).as_posix())
    outcome.made[made.name] = round(made.seconds, 3)
    outcome.peak_mb = max(outcome.peak_mb, made.peak_mb)
    return {"key": plan.job_key(job, run), "run": run, "files": files, "title": job.about["title"],
            "subtitle": job.about["subtitle"], "notebook": job.notebook,
            "trust_type": job.parameters.get("trust_type"), "trust": job.parameters.get("trust")}


def _finish(folder: Path, params: Params, national: recompute.National, run: str, entries: dict, outcome: Outcome) -> None:
    """Tables as CSV, the index page, and the manifest that proves them all."""
    _tables(folder / "tables", params, national)
    index.write_quarter(folder, national, params, run[:10], entries, outcome.failures)
    shown = json.loads(params.model_dump_json(exclude={"data"}))
    publish.write_manifest(folder, run=run, parameters=shown, publication=national.publication, briefings=entries,
                           failures=outcome.failures)


def _tables(folder: Path, params: Params, national: recompute.National) -> None:
    folder.mkdir(exist_ok=True)
    for trust_type in params.trust_types or national.publication.trust_types:
        shown = view.View(national, params.quarter, trust_type)
        rankings = [shown.ranking(one).assign(metric_id=one) for one in shown.metrics["metric_id"]]
        frames = {"league_table": shown.league, "metric_rankings": pd.concat(rankings), "domain_scores": shown.domains}
        for name, frame in frames.items():
            (folder / f"{name}-{trust_type}.csv").write_text(csvs.text(frame), encoding="utf-8")
    compared = view.compared(national.publication)
    (folder / "reconciliation.csv").write_text(csvs.text(view.reconciliation(national.publication)), encoding="utf-8")
    (folder / "mismatches.csv").write_text(csvs.text(reconcile.mismatches(compared)), encoding="utf-8")


def share_reproduced(national: recompute.National) -> float:
    """Share of the published figures that come out equal, from 0 to 1."""
    summary = view.reconciliation(national.publication)
    return float(summary["reproduced"].sum() / max(summary["published"].sum(), 1))

