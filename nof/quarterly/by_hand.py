"""Files that somebody downloaded by hand, checked and kept like those from the network."""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from nof.errors import InputError, Problem
from nof.quarter import Quarter
from nof.quarterly.arrivals import Check, examine, quarter_of
from nof.quarterly.bounds import Clock, Limits
from nof.quarterly.keeping import DATA, Fetched, held_records, link, settle, sha256, staging_folder

log = logging.getLogger(__name__)

_BY_HAND = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,150}\.csv", re.IGNORECASE)


def take_from(
    folder: Path,
    quarter: str | Quarter | None,
    into: Path = DATA,
    *,
    check: Check | None = None,
    limits: Limits = Limits(),
    clock: Clock = Clock(),
) -> Fetched:
    """Take files that somebody downloaded by hand, checked and kept like those from the network.

    Files of the quarter that are held already stay beside those given, unless one has the same name.
    CSV files in the folder that are not NHS England's are left out, if `check` lets them pass.

    Parameters
    ----------
    folder : Path
        Where they are.
    quarter : str, Quarter or None
        Which quarter they should be; None takes the latest that they hold.
    into, check, limits, clock
        As for `fetch_quarter`.

    Raises
    ------
    InputError
        No CSV there, a name or size that is refused, made-up data, or a file that `check` refuses.
    """
    folder, into = Path(folder), Path(into)
    given = _given(folder, limits)
    with staging_folder(into) as staging:
        records = [_by_hand(path, staging, clock) for path in given]
        publication = examine(staging, quarter_of(quarter) if quarter else None, records, check)
        wanted = quarter_of(quarter or publication.latest)
        records = _without_strangers(publication, staging, records)
        held = [r for r in held_records(into / wanted.slug) if r["name"] not in {one["name"] for one in records}]
        for record in held:
            link(into / wanted.slug / record["name"], staging / record["name"])
        if held:
            publication = examine(staging, wanted, records + held, check)
        return replace(settle(into, wanted, staging, records + held, clock), warnings=publication.warnings)


def _given(folder: Path, limits: Limits) -> list[Path]:
    """The CSV files of a folder; InputError where one of them, or the folder, is not to be taken."""
    given = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv") if folder.is_dir() else []
    problems = [p for path in given if (p := _hand_problem(path, limits))]
    if not given:
        problems = [Problem(str(folder), "holds no CSV file")]
    elif (folder / "ILLUSTRATIVE").exists():
        problems = [Problem(str(folder), "holds made-up data, which is not taken in as published")]
    if problems:
        raise InputError(problems)
    return given


def _hand_problem(path: Path, limits: Limits) -> Problem | None:
    if not _BY_HAND.fullmatch(path.name):
        return Problem(path.name, "a name that is refused", expected="letters, digits, spaces and . _ ( ) -")
    if not path.is_file():
        return Problem(path.name, "not a file")
    if path.stat().st_size > limits.file_bytes:
        return Problem(
            path.name, "too large", value=f"{path.stat().st_size:,} bytes", expected=f"at most {limits.file_bytes:,}"
        )
    return None


def _by_hand(path: Path, staging: Path, clock: Clock) -> dict:
    shutil.copyfile(path, staging / path.name)
    sha, size = sha256(staging / path.name), (staging / path.name).stat().st_size
    return {
        "name": path.name,
        "status": "by hand",
        "address": None,
        "sha256": sha,
        "size": size,
        "fetched": clock.now().isoformat(timespec="seconds"),
        "headers": {},
    }


def _without_strangers(publication: Any, staging: Path, records: list[dict]) -> list[dict]:
    ours = set(publication.files["file"])
    for record in records:
        if record["name"] not in ours:
            log.info("%s is not one of NHS England's files and is left out", record["name"])
            (staging / record["name"]).unlink()
    return [record for record in records if record["name"] in ours]
