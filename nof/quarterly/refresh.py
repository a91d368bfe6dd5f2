"""The unattended job: look for a new publication, and if there is one make its briefings and say what came of it.

Nothing is remembered that could disagree with the disk: a quarter is finished when the report in place was made from
the files that are current, and somebody has been told. Until then each run does what is still missing, so a run that
was killed at any point is completed by the next. With nothing new, neither pandas nor the notebooks are loaded.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from nof.common import InputError, NofError, read_json, sha256, write_json
from nof.quarterly import settings as events
from nof.quarterly.fetch import Contents, Held, contents
from nof.quarterly.keeping import Fetched
from nof.quarterly.settings import STATE, Settings
from nof.quarterly.summary import DATA, Summary, write

if TYPE_CHECKING:
    from nof.briefing.params import Params
    from nof.briefing.run import Outcome
    from nof.rules.recompute import National


# --- Files that were read and found good before need not be read again to learn that nothing is new ---


class Remembering:
    """Says what a folder holds, as `fetch.contents` does, without reading again what the same version of us has passed.

    It is what makes a look with nothing new take under a second.
    """

    def __init__(self, path: Path):
        self.path = path

    def __call__(self, folder: Path) -> Contents:
        hashes = {one.name: sha256(one) for one in sorted(folder.glob("*")) if one.suffix.lower() == ".csv"}
        key = hashlib.sha256(json.dumps([hashes, _checking_code()]).encode()).hexdigest()
        kept = read_json(self.path)
        if kept.get("key") == key:
            return Contents(kept["latest"], tuple(Held(*one) for one in kept["files"]), tuple(kept["warnings"]))
        found = contents(folder)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"key": key, **found._asdict()})
        return found


def _checking_code() -> str:
    """Hash of the library's modules: after an upgrade everything is checked again."""
    own = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256("".join(sha256(path) for path in own).encode()).hexdigest()


TRIED = 2  # times that a hook which fails is run


class AtWork(NofError):
    """Another run holds the lock; `hangs` if it has for too long."""

    hangs = False


class _Stopped(NofError):
    """Too few published figures are reproduced."""


# ---------------------------------------------------------------- the run


def refresh(settings: Settings, source: Path | None = None, *, again: bool = False, quiet: bool = False) -> Summary:
    """Do the whole job once.

    Parameters
    ----------
    settings : Settings
    source : Path, optional
        A folder of files that somebody downloaded; by default NHS England's site is asked for the newest quarter.
    again : bool
        Make the report also if nothing is new (after an upgrade, say); what is still right is kept.
    quiet : bool
        Only warnings and errors go to standard error.

    Returns
    -------
    Summary
        Never raises for what can go wrong with files, the network, notebooks or the hook: that is in the summary, whose
        `exit_code` is for the scheduler.
    """
    began = time.perf_counter()
    now = dt.datetime.now(dt.UTC)
    summary = Summary(run=f"{now:%Y%m%dT%H%M%S%f}-{os.getpid()}", started=now.isoformat(timespec="seconds"))
    _have_a_home(settings.state)
    with events.recorded(settings.state, summary.run, quiet=quiet):
        try:
            with exclusive(settings.raw, settings.hung_after_hours):
                _guarded(settings, source, again, summary)
                summary.seconds = round(time.perf_counter() - began, 1)
                _finish(settings, summary)
        except AtWork as busy:
            summary.outcome, summary.text = "hangs" if busy.hangs else "at work", str(busy)
            _say(summary)
        except (NofError, OSError) as error:  # the folders themselves cannot be written
            summary.outcome, summary.text = "failed", str(error)
            _say(summary)
    return summary


def _have_a_home(folder: Path) -> None:
    """Libraries ask for the user's home as they are loaded; a user without a name or HOME (in a container) has none."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(folder)


@contextmanager
def exclusive(raw: Path, hung_after_hours: float = 6) -> Iterator[None]:
    """Only one run at a time may change a folder of downloads; the system frees the lock of a run that was killed.

    Raises
    ------
    AtWork
        Another run holds the lock.
    """
    state = raw / STATE
    state.mkdir(parents=True, exist_ok=True)
    lock, about = filelock.FileLock(state / "lock"), state / "running.json"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise _at_work(about, hung_after_hours) from None
    try:
        write_json(about, {"pid": os.getpid(), "since": time.time()})
        yield
    finally:
        about.unlink(missing_ok=True)
        lock.release()


def _at_work(about: Path, hours: float) -> AtWork:
    held = read_json(about)
    since = held.get("since")
    age = time.time() - since if isinstance(since, int | float) else 0.0
    who = f"another run (process {held.get('pid', 'unknown')})"
    error = AtWork(f"{who} has been at work for {age / 60:.0f} minutes; this one leaves")
    error.hangs = age > hours * 3600
    return error


def _guarded(settings: Settings, source: Path | None, again: bool, summary: Summary) -> None:
    """The work, with everything that can go wrong put into the summary."""
    from nof.quarterly.catalogue import SourceUnreachable

    try:
        _work(settings, source, again, summary)
    except InputError as error:
        summary.outcome, summary.text = (
            "bad input",
            f"{len(error.problems):,} problem{'s' * (len(error.problems) != 1)} in what was given",
        )
        summary.problems = [str(one) for one in error.problems]
    except SourceUnreachable as error:
        summary.outcome, summary.text = "source unreachable", str(error)
    except _Stopped as error:
        summary.outcome, summary.text = "stopped", str(error)
    except NofError as error:
        summary.outcome, summary.text = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - nobody is there to see a traceback: it goes to the log
        events.event("error", f"a fault of our own: {error!r}", 40, traceback=traceback.format_exc())
        summary.outcome, summary.text = "failed", f"a fault of our own, see the log: {type(error).__name__}: {error}"


def _work(settings: Settings, source: Path | None, again: bool, summary: Summary) -> None:
    events.event("started", "looking for something new" if source is None else f"taking files from {source.name}")
    fetched = _fetched(settings, source)
    summary.quarter, summary.version, summary.changed = fetched.quarter, fetched.version, list(fetched.changed)
    summary.warnings = list(fetched.warnings)
    counts = f"{len(fetched.changed)} files changed, {len(fetched.unchanged)} as before"
    events.event(
        "fetched",
        f"{fetched.quarter}: {counts}",
        quarter=fetched.quarter,
        version=fetched.version,
        changed=fetched.changed,
    )
    if not again and _finished(settings, fetched):
        summary.outcome = "nothing new"
        summary.text = f"nothing new: {fetched.quarter} is published from the current files"
        return
    _render(settings, fetched, summary)


def _fetched(settings: Settings, source: Path | None) -> Fetched:
    from nof.quarterly import fetch

    check = Remembering(settings.state / "checked.json")
    if source is None:
        return fetch.fetch_latest(settings.raw, check=check, **settings.sources())
    return fetch.take_from(source, None, settings.raw, check=check)


def _finished(settings: Settings, fetched: Fetched) -> bool:
    """Whether a run came to its end with these files and settings, and its report is still the one in place."""
    done = read_json(_state(settings, fetched.quarter))
    report = read_json(settings.reports / fetched.quarter / "manifest.json")
    return (
        bool(done)
        and done.get("version") == fetched.version
        and done.get("asked") == settings.asked
        and done.get("report_run") == report.get("run_id")
    )


def _state(settings: Settings, quarter: str) -> Path:
    return settings.state / f"{quarter}.json"


# ---------------------------------------------------------------- rendering


def _render(settings: Settings, fetched: Fetched, summary: Summary) -> None:
    from nof.method import opening

    folder = _fixed(fetched)
    national = opening.open_publication(folder)
    summary.previous, summary.differences = _differences(national)
    summary.warnings += [
        one
        for one in opening.findings_of(national).query("severity == 'shown'")["message"]
        if one not in summary.warnings
    ]
    summary.reproduced = _hold(settings, national, fetched.quarter)
    params = settings.params(fetched.quarter, folder)
    if not _in_place(settings, params, national):
        _take_over(_brief(settings, params), summary)
    if summary.failures:
        summary.outcome = "failed"
        summary.text = f"{len(summary.failures)} briefings could not be made; nothing was published"
        return
    summary.report_run = read_json(settings.reports / fetched.quarter / "manifest.json")["run_id"]
    summary.outcome, summary.published = "published", fetched.quarter
    summary.text = f"published: {fetched.quarter}, {summary.made} briefings made, {summary.kept} unchanged and kept"


def _fixed(fetched: Fetched) -> Path:
    """The kept version of the files: unlike the quarter's own folder, nothing changes it while briefings are made."""
    kept = fetched.folder / ".versions" / fetched.version
    return kept if kept.is_dir() else fetched.folder


def _hold(settings: Settings, national: National, quarter: str) -> dict[str, float]:
    """The share of published figures that come out equal; too few stop the run."""
    from nof.briefing import run
    from nof.method import opening

    required = settings.reproduce_at_least
    shares = run.shares_reproduced(national, quarter)
    said = f"{shares['all']:.1%} of published figures reproduced, {shares['newest quarter']:.1%} of the newest quarter"
    events.event("reconciled", said, **shares)
    odd = opening.findings_of(national).query("severity == 'shown'")
    for one in odd.itertuples():
        events.event("odd in the files", one.message, 30, code=one.code, file=one.file)
    try:
        run.hold(national, quarter, required)
    except run.NotReproduced as error:
        raise _Stopped(str(error)) from error
    return {**shares, "required": required}


def _brief(settings: Settings, params: Params) -> Outcome:
    from nof.briefing.run import Options, brief

    given = settings.model_dump(include={"jobs", "timeout"}, exclude_none=True)

    def progress(name: str, done: int, total: int) -> None:
        """Log each finished briefing as an event."""
        events.event("briefing", f"{done} of {total}: {name}", briefing=name, done=done, total=total)

    return brief(params, Options(settings.reports, all_trusts=settings.all_trusts, **given), progress)


def _take_over(outcome: Outcome, summary: Summary) -> None:
    summary.made, summary.kept, summary.failures = len(outcome.made), len(outcome.kept), dict(outcome.failures)
    for name, why in outcome.failures.items():
        events.event("briefing failed", f"{name}: {why}", 40, briefing=name)


def _in_place(settings: Settings, params: Params, national: National) -> bool:
    """Whether the report that is to be made is there already: an earlier run was killed after it had published.

    What that run may have left undone (the link to the latest report, the page of all reports) is done here. To make
    the report again instead would push the one before it out of reports/.published.
    """
    from nof.briefing import index, manifest, plan, publish

    params = plan.settled(params, national)
    run = plan.run_key(params, national)
    codes = [*params.trusts, *(plan.all_trusts(params, national) if settings.all_trusts else [])]
    jobs = plan.national_jobs(params, national) + plan.trust_jobs(params, national, codes)
    place = settings.reports / params.quarter
    facts = manifest.read(place)
    keys = {name: entry.get("key") for name, entry in facts.get("briefings", {}).items()}
    same = facts.get("run_id") == run and not facts.get("failures")
    if not same or any(keys.get(job.name) != plan.job_key(job, run) for job in jobs) or manifest.verify(place):
        return False
    with publish.locked(settings.reports, params.quarter), publish.staging(settings.reports, params.quarter, "sweep"):
        pass
    with publish.shared_pages(settings.reports):
        publish.point_latest(settings.reports)
        index.write_root(settings.reports)
    return True


def _differences(national: National) -> tuple[str, list[dict[str, Any]]]:
    """What these files say otherwise than those published before them; see `nof.method.restated`."""
    from nof.method import opening
    from nof.read import difference

    found = opening.restated_of(national)
    if found.difference is None:
        return "", []
    before = ", ".join(found.places)
    rows = json.loads(difference.overview(found.difference).to_json(orient="records"))
    count = len(found.difference.figures)
    said = f"{count:,} figure{'s differ' if count != 1 else ' differs'} from {before}"
    events.event("compared", said, restated=found.difference.restated, differences=rows)
    return before, rows


# ---------------------------------------------------------------- telling


def _finish(settings: Settings, summary: Summary) -> None:
    """Write the summary, run the hook, and only then remember that this is done."""
    stale = read_json(settings.reports / DATA).get("exit_code", 0) != 0
    if summary.outcome != "nothing new" or stale:
        _write(settings, summary)
    if settings.hook and summary.outcome in settings.hook_on:
        summary.hook = _told(settings)
        _write(settings, summary)
    if summary.published and summary.exit_code == 0:
        write_json(
            _state(settings, summary.quarter),
            {"version": summary.version, "asked": settings.asked, "report_run": summary.report_run},
        )
    _say(summary)


def _write(settings: Settings, summary: Summary) -> None:
    write(settings.reports, summary.facts())


def _told(settings: Settings) -> str:
    """Run the hook, twice if it fails; what came of it."""
    path, told = str(settings.reports / DATA), ""
    for _ in range(TRIED):
        told = _hook([*settings.hook, path], settings.hook_seconds)
        if not told.startswith("failed"):
            break
        events.event("hook", told, 30)
    return told


def _hook(words: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"failed: {Path(words[0]).name} took more than {seconds:g} seconds"
    except (OSError, ValueError) as error:
        return f"failed: {Path(words[0]).name} cannot be run ({error.__class__.__name__})"
    return "told" if done.returncode == 0 else f"failed: {Path(words[0]).name} ended with code {done.returncode}"


def _say(summary: Summary) -> None:
    level = 20 if summary.exit_code == 0 else 40
    for problem in summary.problems:
        events.event("problem", problem, level)
    for warning in summary.warnings if summary.outcome != "nothing new" else ():
        events.event("warning", warning, 30)
    names = ("outcome", "quarter", "seconds", "made", "kept", "hook", "exit_code")
    shown = {name: getattr(summary, name) for name in names}
    text = summary.text if summary.text.startswith(summary.outcome) else f"{summary.outcome}: {summary.text}"
    text += "" if summary.hook in ("not run", "told") else f"; hook {summary.hook}"
    events.event("finished", text, level, **shown)
