"""Get a quarter's files from NHS England, check them, and keep every version.

A quarter lives in data/raw/QUARTER/: the current files and sources.json. Each complete set that
was ever current stands in .versions/ID/ beside them, so an older one can be read, compared or
restored as a folder of its own. Nothing in data/raw changes until everything that arrived has
been read and found to be the quarter that was asked for.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from nof.quarter import Quarter
from nof.quarterly.arrivals import Check, examine, quarter_of
from nof.quarterly.bounds import Allowance, Clock, Limits, Policy, SourceMissing, SourceUnreachable
from nof.quarterly.by_hand import take_from
from nof.quarterly.catalogue import Catalogue, Source, load_catalogue
from nof.quarterly.discovery import Session, conditions, ranked
from nof.quarterly.download import get
from nof.quarterly.keeping import DATA, Fetched, link, read_json, record_of, settle, sha256, staging_folder, write_json

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

log = logging.getLogger(__name__)


class How(TypedDict, total=False):
    """How a fetch is done; every key may be left out.

    Attributes
    ----------
    catalogue : Catalogue
        By default params/publications.yaml.
    check : callable
        Reads a folder and returns a Publication, or raises InputError; `nof.publication.read` by default.
    limits, clock, allowance
        Bounds, time, and (tests only) a loopback server that may be reached.
    """

    catalogue: Catalogue | None
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
    policy = Policy(catalogue.hosts, how.get("allowance"))
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
        publication = examine(staging, quarter, records, check)
        fetched = settle(session.into, quarter, staging, records, session.clock)
    write_json(session.into / ".pages.json", session.pages)
    return replace(fetched, warnings=(*session.warnings, *publication.warnings))


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
        link(held, staging / source.name)
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
