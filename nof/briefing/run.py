"""From a params file to a published report: plan, make, check, put in place."""

from __future__ import annotations

import errno
import json
import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from nof import common, demo
from nof.briefing import gate, index, links, machines, manifest, plan, publish, tables, workers
from nof.briefing.make import Job, Made
from nof.briefing.params import TRUST_NOTEBOOK, Options, Params, load
from nof.briefing.place import opened, working
from nof.common import NofError
from nof.method import opening
from nof.read import findings
from nof.rules import recompute

# --- A run as an operator sees it: a progress bar, what was made, how long it took, what failed ---


NAMED = 20  # briefings listed one by one in the summary
REPORTS = Path("reports")  # where the command stands
LIMITATIONS = "limitations"  # the briefing on what a rank hides


def run(
    path: Path,
    data: Path | None,
    console: Console,
    *,
    out_dir: Path | None = None,
    changes: dict[str, Any] | None = None,
    **options: Any,
) -> bool:
    """Make what a params file asks for; True if it was published with no more failures than were accepted.

    Without `out_dir` real reports go into reports/ and those of made-up data into reports/demo/: neither replaces the other.
    """
    params = load(common.params(path), data=None if data is None else data.resolve(), **(changes or {}))
    params = params.model_copy(update={"data": demo.at_hand(params.data)})
    made_up = (params.data / demo.MARK).is_file()
    place = out_dir or (REPORTS / "demo" if made_up else REPORTS)
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

        outcome = brief(params, Options(out=place, **options), progress)
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


@dataclass(frozen=True)
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


class _Run(NamedTuple):
    """What one run was asked for: settled parameters, how to work, the national results, and its identity."""

    params: Params
    options: Options
    national: recompute.National
    key: str

    @property
    def short(self) -> str:
        """Its identity as readers see it."""
        return self.key[:SHORT]


class _Done(NamedTuple):
    """What came of the jobs: manifest entries and seconds by name, failures by name, and the largest worker."""

    entries: dict[str, dict[str, Any]]
    seconds: dict[str, float]
    failures: dict[str, str]
    peak_mb: float


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
    workers.lean()
    national = opened(params.data, options.jobs)
    params = plan.settled(params, national)
    hold(national, params.quarter, params.reproduce_at_least)
    run = _Run(params, options, national, plan.run_key(params, national))
    about = {"run_id": run.short} | ({"show_code": True} if options.show_code else {})
    jobs = [replace(job, about=job.about | about) for job in _jobs(run)]
    wanted = {job.name: plan.job_key(job, run.key) for job in jobs}
    origin = manifest.origin(run.key, national, params.data)
    in_place = options.out / params.quarter  # the report that readers see until the new one stands
    read_once = opening.pinned(params.data, national)
    with read_once, _disk_explained(), publish.locked(options.out, params.quarter):
        with publish.staging(options.out, params.quarter, run.short) as area:
            last = manifest.over(in_place, area.report, wanted, origin, subset=options.subset, force=options.force)
            asked = [{"notebook": job.notebook, **job.parameters} for job in jobs]
            beside = partial(_fill_tables, area.report, run, [*last.entries.values(), *asked])
            done = _make_all([job for job in jobs if job.name not in last.entries], run, area, progress, beside)
            place = None
            if accepted := len(done.failures) in (0, options.publish_partial):
                _fill(area.report, run, origin, last, done)
                place = publish.put_in_place(area.report, options.out, params.quarter, run.short)
        if place is not None:
            with publish.uninterrupted(), publish.shared_pages(options.out):
                publish.point_latest(options.out)
                index.write_root(options.out)
    return Outcome(
        params.quarter,
        run.short,
        made=done.seconds,
        kept=[name for name in wanted if name in last.entries],
        failures=done.failures,
        accepted=accepted,
        place=place,
        seconds=time.perf_counter() - started,
        peak_mb=done.peak_mb,
    )


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


def _jobs(run: _Run) -> list[Job]:
    params, options, national = run.params, run.options, run.national
    jobs = plan.national_jobs(params, national, options.only) if options.only or not options.subset else []
    codes = [*options.trusts, *([] if options.subset else params.trusts)]
    if options.all_trusts:
        codes += plan.all_trusts(params, national)
    own = [] if options.subset else plan.nowcast_jobs(params, national)
    return jobs + plan.trust_jobs(params, national, codes) + own


def _make_all(jobs: list[Job], run: _Run, area: publish.Area, progress: Progress, beside: Callable[[], None]) -> _Done:
    """Run the jobs, each tried twice; write what succeeds into the report, and meanwhile the tables beside them."""
    entries: dict[str, dict] = {}
    seconds: dict[str, float] = {}
    failures: dict[str, str] = {}
    peak_mb = 0.0
    if not jobs:
        beside()
        return _Done(entries, seconds, failures, peak_mb)
    aside = workers.beside(beside, run.options.jobs, area.scratch)
    with working(jobs, run.options, area.scratch, run.national) as place, aside as tables_written:
        waiting = place.jobs
        for tries_left in reversed(range(TRIES)):
            again = []
            futures = {place.executor.submit(gate.checked, job): job for job in waiting}
            for future in workers.as_completed(place.executor, futures):
                job = futures.pop(future)  # which keeps what was made no longer than it takes to write it
                why = _failure(future)
                if why is None:
                    made = future.result()
                    entries[job.name] = _accept(made, job, run.key, area.report)
                    seconds[job.name] = round(made.seconds, 3)
                    peak_mb = max(peak_mb, made.peak_mb)
                elif tries_left:
                    log.warning("%s failed and is tried once more: %s", job.name, why)
                    again.append(job)
                    continue
                else:
                    failures[job.name] = why
                progress(job.name, len(entries) + len(failures), len(jobs))
            waiting = again
        tables_written()
    return _Done(entries, seconds, failures, peak_mb)


def _failure(future: Any) -> str | None:
    if future.cancelled():
        return "the scheduler dropped it"
    error = future.exception()
    return None if error is None else str(error) if isinstance(error, NofError) else f"{type(error).__name__}: {error}"


def _accept(made: Made, job: Job, key: str, report: Path) -> dict[str, Any]:
    """Write a briefing's files; what the manifest says of it."""
    for file, content in made.paths.items():
        path = report / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    own = job.about.get("commentary")
    return {
        "key": plan.job_key(job, key),
        "run": key,
        "files": gate.hashes(made),
        "title": job.about["title"],
        "subtitle": job.about["subtitle"],
        "notebook": job.notebook,
        "trust_type": job.parameters.get("trust_type"),
        "trust": job.parameters.get("trust") if job.notebook == TRUST_NOTEBOOK else None,
    } | ({"commentary": {key: own[key] for key in ("file", "sha256")}} if own else {})


def _fill(report: Path, run: _Run, origin: dict[str, Any], last: manifest.Carried, done: _Done) -> None:
    """Everything beside briefings and tables: index, manifest; then the checks that a report has to pass."""
    params, entries = run.params, {**last.entries, **done.entries}
    failures = {**last.failures, **done.failures}
    machines.write(report, run.national, params, _types(run, entries.values()), run.short, entries)
    _hold(report, entries)
    beside = links.neighbours(run.options.out, params.quarter, run.national.publication.illustrative)
    index.write_quarter(report, run.national, params, run.short, entries, failures, beside)
    shown = json.loads(params.model_dump_json(exclude={"data", "commentary", "own_values"}))
    if params.own_values is not None:
        shown["own_values"] = {"file": params.own_values.name, "sha256": common.sha256(params.own_values)}
    manifest.write(
        report,
        {
            **origin,
            "quarter": params.quarter,
            "parameters": shown,
            "briefings": entries,
            "failures": failures,
            "findings": _findings(run.national),
            "earlier_runs": last.origins,
        },
    )
    _hold(report, entries)


def _hold(report: Path, entries: dict[str, dict]) -> None:
    """Stop where a file is not what was made, or is missing."""
    if problems := gate.problems(report, entries):
        raise NofError("the report did not pass the checks and was not published:\n" + "\n".join(problems[:20]))


def _types(run: _Run, looked_at: Iterable[Mapping[str, Any]]) -> list[str]:
    """Trust types whose tables and digests the report holds: all, or those of its briefings where a part was asked for."""
    if not run.options.subset:
        return run.params.trust_types or []
    return plan.types_of(looked_at, run.national)


def _fill_tables(report: Path, run: _Run, looked_at: list[Mapping[str, Any]]) -> None:
    """The tables beside the briefings that a report is going to have."""
    carried = not run.options.force and manifest.tables(run.options.out / run.params.quarter, report, run.key)
    hides = not run.options.subset or any(one["notebook"] in (LIMITATIONS, TRUST_NOTEBOOK) for one in looked_at)
    tables.write(report / "tables", run.national, run.params.quarter, _types(run, looked_at), carried, hides)


def _findings(national: recompute.National) -> dict[str, Any]:
    """What is odd in the files, as the manifest keeps it: how many of each severity, and what was shown."""
    told = opening.findings_of(national)
    shown = told.loc[told["severity"] == "shown", "message"]
    return {"counts": findings.counts(told), "shown": shown.tolist()}


class NotReproduced(NofError):
    """Too few published figures come out equal: nothing is made of such files."""


def shares_reproduced(national: recompute.National, quarter: str) -> dict[str, float]:
    """Share of the published figures that come out equal, from 0 to 1: of all of them ("all"), and of one quarter's.

    Parameters
    ----------
    quarter : str
        Slug; its share has the key "newest quarter", as `nof refresh` names it.
    """
    summary = opening.reconciliation(national)
    newest = summary[summary["quarter"] == quarter]
    parts = {"all": summary, "newest quarter": newest}
    return {name: float(part["reproduced"].sum() / max(part["published"].sum(), 1)) for name, part in parts.items()}


def hold(national: recompute.National, quarter: str, required: float) -> dict[str, float]:
    """The shares of figures that come out equal, where they are enough; a share without any figure is not held.

    Raises
    ------
    NotReproduced
        One of them is below what is required.
    """
    shares = shares_reproduced(national, quarter)
    summary = opening.reconciliation(national)
    compared = {"all": len(summary) > 0, "newest quarter": bool((summary["quarter"] == quarter).any())}
    if any(share < required for name, share in shares.items() if compared[name]):
        raise NotReproduced(
            f"{shares['all']:.1%} of the published figures are reproduced ({shares['newest quarter']:.1%} of {quarter}), "
            f"and {required:.1%} are required (reproduce_at_least); nothing was published"
        )
    return shares
