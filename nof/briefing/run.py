"""From a params file to a published report: plan, make, check, put in place."""

from __future__ import annotations

import errno
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from nof import common, demo
from nof.briefing import gate, index, manifest, plan, publish, workers
from nof.briefing.make import Job, Made
from nof.briefing.params import Options, Params, load
from nof.briefing.workers import working
from nof.common import NofError
from nof.method import limits, view
from nof.rules import recompute, reconcile

# --- A run as an operator sees it: a progress bar, what was made, how long it took, what failed ---


NAMED = 20  # briefings listed one by one in the summary


def run(path: Path, data: Path | None, console: Console, *, out_dir: Path, **options: Any) -> bool:
    """Make what a params file asks for; True if it was published with no more failures than were accepted."""
    params = load(common.params(path), data=None if data is None else data.resolve())
    params = params.model_copy(update={"data": demo.at_hand(params.data)})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C does
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    # No refresh thread: this process forks, and a thread does not survive that.
    with ProgressBar(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("reading the publication", total=None)
        bar.refresh()

        def progress(name: str, done: int, total: int) -> None:
            """Move the bar on by one briefing."""
            bar.update(task, description=f"made {name}", completed=done, total=total, refresh=True)

        outcome = brief(params, Options(out=out_dir, **options), progress)
    _tell(outcome, console)
    return outcome.published and outcome.accepted


def _tell(outcome: Outcome, console: Console) -> None:
    def say(text: str, **style: Any) -> None:
        """Print as it is, without markup."""
        console.print(text, markup=False, highlight=False, soft_wrap=True, **style)

    for name, seconds in outcome.made.items() if len(outcome.made) <= NAMED else ():
        say(f"  {name}: {seconds:.1f} s")
    for name, why in outcome.failures.items():
        say(f"  FAILED {name}: {why}", style="red")
    say(
        f"{len(outcome.made)} made, {len(outcome.kept)} unchanged and kept, {len(outcome.failures)} failed, "
        f"{outcome.seconds:.0f} s, at most {outcome.peak_mb:.0f} MB a worker, run {outcome.run}"
    )
    if outcome.published:
        say(f"published: {outcome.place}")
    else:
        say(
            f"not published; the last report stays as it was (--publish-partial {len(outcome.failures)} would publish "
            "without what failed)",
            style="red",
        )


# --- From a params file to a published report: plan, make, check, put in place ---


log = logging.getLogger(__name__)
TRIES = 2
SHORT = 10  # characters of the run id in footers and folder names
Progress = Callable[[str, int, int], None]


@dataclass
class Outcome:
    """What a run did.

    Attributes
    ----------
    made, kept : dict and list
        Seconds by name of what was made, and the names of what was still right and kept.
    failures : dict
        Error text by name.
    accepted : bool
        There were no failures, or exactly as many as the operator had accepted.
    place : Path, optional
        Where the report is read; None if it was not published.
    seconds, peak_mb : float
        Of the whole run, and of the largest worker.
    """

    quarter: str
    run: str
    made: dict[str, float] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    accepted: bool = False
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
    NofError
        The report could not be written or did not pass the checks; the earlier one is untouched.
    """
    started = time.perf_counter()
    workers.one_allocator()
    national = view.open_publication(params.data)
    params = plan.settled(params, national)
    run = plan.run_key(params, national)
    about = {"run_id": run[:SHORT]}
    jobs = [replace(job, about=job.about | about) for job in _jobs(params, options, national)]
    outcome = Outcome(params.quarter, run[:SHORT])
    with _disk_explained(), publish.locked(options.out, params.quarter):
        with publish.staging(options.out, params.quarter, run[:SHORT]) as area:
            _build(area, jobs, run, params, options, national, outcome, progress)
            if outcome.accepted:
                outcome.place = publish.put_in_place(area.report, options.out, params.quarter, run[:SHORT])
        if outcome.published:
            with publish.uninterrupted(), publish.shared_pages(options.out):
                publish.point_latest(options.out)
                index.write_root(options.out)
    outcome.seconds = time.perf_counter() - started
    return outcome


@contextmanager
def _disk_explained() -> Iterator[None]:
    """A full disk, or one that must not be written to, is something an operator can mend."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        where = f" ({error.filename})" if error.filename else ""
        why = f"{error.strerror}{where}"
        raise NofError(f"the report cannot be written: {why}; the last one stays as it was") from error


def _jobs(params: Params, options: Options, national: recompute.National) -> list[Job]:
    jobs = plan.national_jobs(params, national, options.only) if options.only or not options.subset else []
    codes = [*options.trusts, *([] if options.subset else params.trusts)]
    if options.all_trusts:
        codes += plan.all_trusts(params, national)
    return jobs + plan.trust_jobs(params, national, codes)


def _build(
    area: publish.Area,
    jobs: list[Job],
    run: str,
    params: Params,
    options: Options,
    national: recompute.National,
    outcome: Outcome,
    progress: Progress,
) -> None:
    """Everything up to the moment of publishing: the report stands in the area, whole and checked."""
    origin = manifest.origin(run, national, params.data)
    wanted = {job.name: plan.job_key(job, run) for job in jobs}
    last = manifest.over(
        options.out / params.quarter, area.report, wanted, origin, subset=options.subset, force=options.force
    )
    todo = [job for job in jobs if job.name not in last.entries]
    outcome.kept = [name for name in wanted if name in last.entries]
    entries = {**last.entries, **_make_all(todo, run, options, area, outcome, progress, national)}
    outcome.accepted = len(outcome.failures) in (0, options.publish_partial)
    if outcome.accepted:
        failures = {**last.failures, **outcome.failures}
        if options.force or not manifest.tables(options.out / params.quarter, area.report, run):
            _tables(area.report / "tables", params, national)
        index.write_quarter(area.report, national, params, run[:SHORT], entries, failures)
        shown = json.loads(params.model_dump_json(exclude={"data"}))
        manifest.write(
            area.report,
            {
                **origin,
                "quarter": params.quarter,
                "parameters": shown,
                "briefings": entries,
                "failures": failures,
                "earlier_runs": last.origins,
            },
        )
        _pass_or_stop(area.report, entries)


def _pass_or_stop(report: Path, entries: dict[str, dict]) -> None:
    problems = gate.problems(report, entries)
    if problems:
        raise NofError("the report did not pass the checks and was not published:\n" + "\n".join(problems[:20]))


def _make_all(
    jobs: list[Job],
    run: str,
    options: Options,
    area: publish.Area,
    outcome: Outcome,
    progress: Progress,
    national: recompute.National,
) -> dict[str, dict]:
    """Run the jobs, each tried twice; write what succeeds into the report."""
    entries: dict[str, dict] = {}
    if not jobs:
        return entries
    with working(jobs, options, area.scratch, national) as place:
        waiting = place.jobs
        for tries_left in reversed(range(TRIES)):
            again = []
            futures = {place.executor.submit(gate.checked, job): job for job in waiting}
            for future in workers.as_completed(place.executor, futures):
                job, why = futures[future], _failure(future)
                if why is None:
                    entries[job.name] = _accept(future.result(), job, run, area.report, outcome)
                elif tries_left:
                    log.warning("%s failed and is tried once more: %s", job.name, why)
                    again.append(job)
                    continue
                else:
                    outcome.failures[job.name] = why
                progress(job.name, len(entries) + len(outcome.failures), len(jobs))
            waiting = again
    return entries


def _failure(future: Any) -> str | None:
    if future.cancelled():
        return "the scheduler dropped it"
    error = future.exception()
    return None if error is None else str(error) if isinstance(error, NofError) else f"{type(error).__name__}: {error}"


def _accept(made: Made, job: Job, run: str, report: Path, outcome: Outcome) -> dict[str, Any]:
    """Write a briefing's files; what the manifest says of it."""
    for ending, content in made.files.items():
        path = report / f"{made.name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    outcome.made[made.name] = round(made.seconds, 3)
    outcome.peak_mb = max(outcome.peak_mb, made.peak_mb)
    return {
        "key": plan.job_key(job, run),
        "run": run,
        "files": gate.hashes(made),
        "title": job.about["title"],
        "subtitle": job.about["subtitle"],
        "notebook": job.notebook,
        "trust_type": job.parameters.get("trust_type"),
        "trust": job.parameters.get("trust"),
    }


def _tables(folder: Path, params: Params, national: recompute.National) -> None:
    """The figures of the briefings as CSV files."""
    folder.mkdir(exist_ok=True)
    for trust_type in params.trust_types or []:
        shown = view.view_of(national, params.quarter, trust_type)
        rankings = [shown.ranking(one).assign(metric_id=one) for one in shown.metrics["metric_id"]]
        frames = {"league_table": shown.league, "domain_scores": shown.domains}
        if rankings:
            frames["metric_rankings"] = pd.concat(rankings)
        frames |= limits.tables(shown)
        for name, frame in frames.items():
            (folder / f"{name}-{trust_type}.csv").write_text(common.text(frame), encoding="utf-8")
    compared = view.compared(national.publication)
    (folder / "reconciliation.csv").write_text(common.text(view.reconciliation(national.publication)), encoding="utf-8")
    (folder / "mismatches.csv").write_text(common.text(reconcile.mismatches(compared)), encoding="utf-8")


def share_reproduced(national: recompute.National) -> float:
    """Share of the published figures that come out equal, from 0 to 1."""
    summary = view.reconciliation(national.publication)
    return float(summary["reproduced"].sum() / max(summary["published"].sum(), 1))
