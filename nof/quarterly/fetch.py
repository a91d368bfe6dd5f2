"""Get a quarter's files from NHS England, check them, and keep every version.

A quarter lives in data/raw/QUARTER/: the current files and sources.json. Each complete set that
was ever current stands in .versions/ID/ beside them, so an older one can be read, compared or
restored as a folder of its own. Nothing in data/raw changes until everything that arrived has
been read and found to be the quarter that was asked for.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

from nof.common import InputError, Problem, Quarter, read_json, sha256, write_json
from nof.quarterly.catalogue import (
    Allowance,
    Catalogue,
    Clock,
    Limits,
    Origin,
    Policy,
    Source,
    SourceMissing,
    SourceUnreachable,
    load_catalogue,
)
from nof.quarterly.discovery import Session, conditions, ranked
from nof.quarterly.download import get
from nof.quarterly.keeping import DATA, Fetched, copy, held_records, record_of, settle, staging_folder

# --- What arrived is looked at before it replaces anything: is it readable, of the quarter asked for, what its name says? ---


class Held(NamedTuple):
    """One file that was read and found good: its name, kind, trust types and quarters (slugs, comma-separated)."""

    file: str
    kind: str
    trust_type: str
    quarters: str


class Contents(NamedTuple):
    """What a folder was found to hold, as far as a fetch asks: its latest quarter, its files, and what was odd."""

    latest: str
    files: tuple[Held, ...]
    warnings: tuple[str, ...]


Check = Callable[[Path], Contents]


def quarter_of(text: str | Quarter) -> Quarter:
    """The quarter that somebody asked for, or InputError."""
    try:
        return text if isinstance(text, Quarter) else Quarter.parse(text)
    except ValueError as error:
        raise InputError(Problem("quarter", str(error))) from error


def examine(staging: Path, quarter: Quarter | None, records: list[dict], check: Check | None) -> Contents:
    """Read what arrived; InputError unless every file is readable, of this quarter, and what its name says.

    Parameters
    ----------
    staging : Path
        Folder of the files.
    quarter : Quarter or None
        None takes any.
    records : list of dict
        What is known of each file: name, and trust_type and kind where its name says them.
    check : callable or None
        Reads a folder and says what it holds; `contents` if None.
    """
    if problems := [p for record in records if (p := _not_csv(staging / record["name"]))]:
        raise InputError(problems)
    found = (check or contents)(staging)
    told = {record["name"]: record for record in records}
    problems = [p for row in found.files for p in _wrong(row, quarter, told.get(row.file, {}))]
    if not problems and quarter and found.latest != quarter.slug:
        problems = [Problem(str(quarter), "wrong quarter", value=found.latest, expected=quarter.slug)]
    if problems:
        raise InputError(problems)
    return found


def contents(folder: Path) -> Contents:
    """Read a folder as `nof.read.publication.read` does, and keep what a fetch asks of it."""
    from nof.read.publication import read  # pandera takes a second to import

    publication = read(folder)
    names = list(Held._fields)
    files = tuple(Held(*map(str, row)) for row in publication.files[names].itertuples(index=False))
    return Contents(publication.latest, files, tuple(publication.warnings))


def _wrong(row: Held, quarter: Quarter | None, told: dict) -> Iterator[Problem]:
    """Where a file is not what it was asked for, or not what its name says."""
    last = max(filter(None, str(row.quarters).split(",")), default="").strip()
    if quarter and last and last != quarter.slug:
        yield Problem(row.file, "wrong quarter", value=last, expected=quarter.slug)
    for column in ("trust_type", "kind"):
        said, found = told.get(column), getattr(row, column)
        if said and said != found:
            message = f"another {column.replace('_', ' ')} than its name says"
            yield Problem(row.file, message, value=found, expected=said)


def _not_csv(path: Path) -> Problem | None:
    with path.open("rb") as file:
        opening = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not opening:
        return Problem(path.name, "an empty file", expected="a CSV file")
    if opening.startswith(b"<"):
        value = opening[:40].decode("utf-8", "replace")
        return Problem(path.name, "a web page, not a CSV file", value=value, expected="a CSV file")
    return None


# --- Files that somebody downloaded by hand, checked and kept like those from the network ---


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
        found = examine(staging, quarter_of(quarter) if quarter else None, records, check)
        wanted = quarter_of(quarter or found.latest)
        records = _without_strangers(found, staging, records)
        held = [r for r in held_records(into / wanted.slug) if r["name"] not in {one["name"] for one in records}]
        for record in held:
            copy(into / wanted.slug / record["name"], staging / record["name"])
        if held:
            found = examine(staging, wanted, records + held, check)
        return replace(settle(into, wanted, staging, records + held, clock), warnings=found.warnings)


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


def _without_strangers(found: Contents, staging: Path, records: list[dict]) -> list[dict]:
    ours = {one.file for one in found.files}
    for record in records:
        if record["name"] not in ours:
            log.info("%s is not one of NHS England's files and is left out", record["name"])
            (staging / record["name"]).unlink()
    return [record for record in records if record["name"] in ours]


# --- Get a quarter's files from NHS England, check them, and keep every version ---


__all__ = [
    "Catalogue",
    "Fetched",
    "How",
    "Source",
    "SourceMissing",
    "SourceUnreachable",
    "fetch_latest",
    "fetch_quarter",
    "load_catalogue",
    "take_from",
]


class How(TypedDict, total=False):
    """How a fetch is done; every key may be left out.

    Attributes
    ----------
    catalogue : Catalogue
        By default params/publications.yaml.
    check : callable
        Reads a folder and says what it holds, or raises InputError; `contents` by default.
    limits, clock, allowance
        Bounds, time, and (tests only) a loopback server that may be reached.
    """

    catalogue: Catalogue | None
    origins: frozenset[Origin]
    check: Check | None
    limits: Limits
    clock: Clock
    allowance: Allowance | None


def fetch_quarter(quarter: str | Quarter, into: Path = DATA, **how: Unpack[How]) -> Fetched:
    """Download the files of one quarter, unless those held are still the published ones.

    Known addresses are tried first; if the catalogue does not know them all, or one is missing,
    NHS England's pages are searched. One conditional request is made for each file already held.

    Parameters
    ----------
    quarter : str or Quarter
        "2025-26-q4" or "Q4 2025/26".
    into : Path
        Folder that holds a folder for each quarter.
    **how
        See `How`.

    Raises
    ------
    SourceUnreachable
        The source did not give complete files; nothing on disk has changed.
    InputError
        The files came but are not what they should be; nothing on disk has changed.
    """
    session, wanted = _session(into, how), quarter_of(quarter)
    return _fetch(session, wanted, session.catalogue.publications.get(wanted.slug, ()), how.get("check"))


def fetch_latest(into: Path = DATA, **how: Unpack[How]) -> Fetched:
    """Download the newest quarter on offer; `.new` of the answer says whether there was anything new.

    Always looks at NHS England's pages, so that a re-issue (-v2) is noticed; with nothing new it
    costs one conditional request for each page and each file held. Parameters and errors as for
    `fetch_quarter`.
    """
    session = _session(into, how)
    found = session.discover()
    quarters = {s.quarter for s in found if s.quarter} | {
        Quarter.parse(slug) for slug in session.catalogue.publications
    }
    if not quarters:
        raise SourceUnreachable(session.catalogue.start, "no link to a file that names its quarter")
    known = {s.address for sources in session.catalogue.publications.values() for s in sources}
    for source in found:
        if source.quarter is None and source.address not in known:
            session.warn(f"{source.address} does not name its quarter, so it may be newer than {max(quarters)}: look")
    return _fetch(session, max(quarters), (), how.get("check"), found)


def _session(into: Path, how: How) -> Session:
    catalogue, into = how.get("catalogue") or load_catalogue(), Path(into)
    pages = read_json(into / ".pages.json")
    pages = {k: v for k, v in pages.items() if isinstance(v, dict) and isinstance(v.get("links"), list)}
    policy = Policy(catalogue.hosts, how.get("allowance"), how.get("origins", frozenset()))
    return Session(catalogue, into, how.get("limits", Limits()), how.get("clock", Clock()), policy, pages=pages)


def _fetch(session: Session, quarter: Quarter, known: tuple[Source, ...], check: Check | None, found=None) -> Fetched:
    with staging_folder(session.into) as staging:
        records = _known_files(session, quarter, known, staging)
        if records is None:
            offered = (
                *session.catalogue.publications.get(quarter.slug, ()),
                *(session.discover() if found is None else found),
            )
            slots = ranked(session.catalogue, offered, quarter)
            if missing := session.catalogue.missing(slots):
                raise SourceUnreachable(
                    session.catalogue.start, f"{quarter} is not complete there: no {', no '.join(missing)}"
                )
            records = [_first(session, candidates, quarter, staging) for candidates in slots.values()]
        held = examine(staging, quarter, records, check)
        fetched = settle(session.into, quarter, staging, records, session.clock)
    write_json(session.into / ".pages.json", session.pages)
    return replace(fetched, warnings=(*session.warnings, *held.warnings))


def _known_files(session: Session, quarter: Quarter, known: tuple[Source, ...], staging: Path) -> list[dict] | None:
    """The files at the catalogue's own addresses; None if it lacks some or one is not there."""
    slots = ranked(session.catalogue, known, quarter)
    if session.catalogue.missing(slots):
        return None
    try:
        return [_one(session, candidates[0], quarter, staging) for candidates in slots.values()]
    except SourceMissing as error:
        session.warn(f"not at its known address, so NHS England's pages are searched: {error}")
        return None


def _first(session: Session, candidates: list[Source], quarter: Quarter, staging: Path) -> dict:
    """The newest candidate that is there."""
    for older, source in enumerate(candidates, start=1):
        try:
            return _one(session, source, quarter, staging)
        except SourceMissing as error:
            if older == len(candidates):
                raise
            session.warn(f"the newest version is not there, so an older one is taken: {error}")
    raise AssertionError("a slot has at least one candidate")


def _one(session: Session, source: Source, quarter: Quarter, staging: Path) -> dict:
    """Bring one file into the staging folder and return its record for sources.json."""
    held = session.into / quarter.slug / source.name
    record = record_of(held)
    same = record.get("address") == source.address and held.is_file() and sha256(held) == record.get("sha256")
    part = staging / f"{source.name}.part"
    with part.open("w+b") as sink:
        got = get(
            source.address,
            sink,
            policy=session.policy,
            limits=session.limits,
            clock=session.clock,
            conditions=conditions(record) if same else None,
        )
    if got.status == 304:
        part.unlink()
        copy(held, staging / source.name)
        return record
    part.replace(staging / source.name)
    log.info("%s: %d bytes", source.name, got.size)
    return {
        "name": source.name,
        "trust_type": source.trust_type,
        "kind": source.kind,
        "status": source.status,
        "address": source.address,
        "final_address": got.final_address,
        "sha256": got.sha256,
        "size": got.size,
        "fetched": session.clock.now().isoformat(timespec="seconds"),
        "headers": dict(got.headers),
    }
