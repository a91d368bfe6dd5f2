"""What of the last report still holds, and is carried over instead of being made again."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from nof.briefing import manifest
from nof.briefing.provenance import sha256
from nof.errors import NofError

log = logging.getLogger(__name__)


class Carried(NamedTuple):
    """What a new report takes over from the last.

    Attributes
    ----------
    entries : dict
        Per briefing, its manifest entry.
    origins : dict
        Per earlier run, what its briefings rest on.
    failures : dict
        Error text by name: what failed then and is not tried now.
    """

    entries: dict[str, dict]
    origins: dict[str, dict]
    failures: dict[str, str]


def over(
    last: Path, folder: Path, wanted: dict[str, str], origin: dict[str, Any], *, subset: bool, force: bool
) -> Carried:
    """Copy into a new report what still holds of the last one.

    A briefing that is wanted is carried over if its key is the same. One that is not wanted stays if it belongs to the
    same run (same files, code and parameters); in a run of a subset it also stays if only our code has changed, and
    the manifest goes on to say which code made it. Files are copied, never linked: no later write can reach into a
    published report.

    Parameters
    ----------
    last : Path
        The report in place; need not exist.
    folder : Path
        The report being built.
    wanted : dict
        Keys of the briefings of this run, by name.
    origin : dict
        What this run rests on, as `manifest.origin`.
    subset : bool
        The run was asked for a part of the report only; the rest stays as it is.
    force : bool
        Make everything that is wanted again.

    Raises
    ------
    NofError
        A subset was asked for, but the rest of the report in place rests on other files.
    """
    facts = manifest.read(last)
    origins = {**facts.get("earlier_runs", {}), facts["run_id"]: _origin(facts)} if "run_id" in facts else {}
    run, briefings = origin["run_id"], facts.get("briefings", {})
    if subset and any(name not in wanted for name in briefings):
        _same_inputs(facts, origin, last.name)
    entries = {}
    for name, entry in briefings.items():
        holds = not force and entry.get("key") == wanted[name] if name in wanted else subset or entry.get("run") == run
        if holds and isinstance(entry.get("files"), dict) and _bring(last, folder, entry["files"]):
            entries[name] = entry
    used = {entry["run"] for entry in entries.values()} - {run}
    failures = {name: why for name, why in facts.get("failures", {}).items() if subset and name not in wanted}
    return Carried(entries, {one: origins[one] for one in sorted(used) if one in origins}, failures)


def tables(last: Path, folder: Path, run: str) -> bool:
    """Copy the CSV tables of the last report if the same run key made them; whether they are all there now."""
    facts = manifest.read(last)
    files = {name: digest for name, digest in facts.get("outputs", {}).items() if name.startswith("tables/")}
    return facts.get("run_id") == run and bool(files) and _bring(last, folder, files)


def _origin(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts.get(name) for name in ("inputs", "code", "versions", "seeds", "illustrative")}


def _same_inputs(facts: dict[str, Any], origin: dict[str, Any], quarter: str) -> None:
    """A report must not show figures from two versions of NHS England's files side by side."""
    if _used(facts) != _used(origin):
        raise NofError(
            f"the report of {quarter} in place was made from other files than these, so a part of it cannot "
            "be made anew; make all of it (without --only and --trust)"
        )


def _used(facts: dict[str, Any]) -> tuple[list[str], bool]:
    return manifest.shaping(facts.get("inputs") or []), bool(facts.get("illustrative"))


def _bring(last: Path, folder: Path, files: dict[str, str]) -> bool:
    """Copy a briefing's files; False if one of them is no longer what was published."""
    for name, expected in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(last / name, target)
        except FileNotFoundError:
            return _forget(folder, files, name, "is missing")
        if sha256(target) != expected:
            return _forget(folder, files, name, "was changed since")
    return True


def _forget(folder: Path, files: dict[str, str], name: str, why: str) -> bool:
    log.warning("%s of the last report %s; it is not carried over", name, why)
    for one in files:
        (folder / one).unlink(missing_ok=True)
    return False
