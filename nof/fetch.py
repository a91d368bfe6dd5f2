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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from nof.catalogue import Catalogue, Source, load_catalogue
from nof.download import Allowance, Clock, Limits, Policy, SourceMissing, SourceUnreachable, get
from nof.errors import InputError, Problem
from nof.keeping import Fetched, held_records, link, read_json, record_of, settle, sha256, staging_folder, write_json
from nof.quarter import Quarter

__all__ = [
    "Catalogue", "Fetched", "Source", "SourceMissing", "SourceUnreachable",
    "fetch_latest", "fetch_quarter", "load_catalogue", "take_from",
]

log = logging.getLogger(__name__)

DATA = Path("data/raw")
_BY_HAND = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,150}\.csv", re.IGNORECASE)
_PAGES = 30  # linked pages read at most: the real page links to about ten on the subject

Check = Callable[[Path], Any]


# ---------------------------------------------------------------- discovery


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value.strip() for name, value in attrs if tag == "a" and name == "href" and value]


def _links(html: str, base: str) -> list[str]:
    """Absolute addresses of a page's links, in order; those that climb out of a folder are dropped."""
    parser = _Anchors()
    parser.feed(html)
    found = []
    for href in dict.fromkeys(parser.found):
        if ".." in re.split(r"[/\\]", unquote(unquote(href))):
            log.warning("link %r on %s has .. in it and is not followed", href, base)
            continue
        try:
            found.append(urldefrag(urljoin(base, href)).url)
        except ValueError:
            log.warning("link %r on %s is no address", href, base)
    return found


@dataclass
class _Session:
    """What one fetch carries about: where to look, how, and what it noticed."""

    catalogue: Catalogue
    into: Path
    limits: Limits
    clock: Clock
    policy: Policy
    warnings: list[str] = field(default_factory=list)
    pages: dict[str, dict] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        log.warning(text)
        self.warnings.append(text)

    def page(self, address: str) -> list[str]:
        """The links of a page; asked for conditionally, so an unchanged page is not sent again."""
        known = self.pages.get(address, {})
        known = known if known.get("follow") == self.catalogue.follow else {}  # other links were kept then
        sink = BytesIO()
        got = get(address, sink, policy=self.policy, limits=self.limits, clock=self.clock,
                  conditions=_conditions(known), size_limit=self.limits.page_bytes)
        if got.status != 304:
            links = _links(sink.getvalue().decode("utf-8", "replace"), got.final_address)
            wanted = [link for link in links if self.catalogue.follow in link or link.lower().endswith(".csv")]
            self.pages[address] = {"follow": self.catalogue.follow, "headers": dict(got.headers), "links": wanted}
        return self.pages[address]["links"]

    def discover(self) -> tuple[Source, ...]:
        """Every file of NHS England's naming that the start page or a page it links to offers."""
        links = self.page(self.catalogue.start)
        site = urlsplit(self.catalogue.start).netloc
        onward = [link for link in links if urlsplit(link).netloc == site and self.catalogue.follow in urlsplit(link).path
                  and "." not in link.rpartition("/")[2] and link.rstrip("/") != self.catalogue.start.rstrip("/")]
        for page in onward[:_PAGES]:
            try:
                links = links + self.page(page)
            except SourceUnreachable as error:
                self.warn(f"a linked page could not be read: {error}")
        sources = (self.catalogue.source(link, "linked") for link in dict.fromkeys(links))
        return tuple(source for source in sources if source and self._allowed(source))

    def _allowed(self, source: Source) -> bool:
        if reason := self.policy.refusal(source.address):
            self.warn(f"link to {source.address} not followed: {reason}")
        return not self.policy.refusal(source.address)


def _conditions(record: Mapping) -> dict[str, str]:
    headers = record.get("headers") or {}
    pairs = {"If-None-Match": headers.get("etag"), "If-Modified-Since": headers.get("last-modified")}
    return {name: value for name, value in pairs.items() if value}


def _ranked(catalogue: Catalogue, sources: Iterable[Source], quarter: Quarter) -> dict[tuple[str, str], list[Source]]:
    """Candidates for each file of a quarter, newest version first.

    A name that says no quarter counts only where no name says this one, and never if the catalogue
    gives its address to another quarter; what is in it is checked after download in any case.
    """
    elsewhere = {s.address for slug, known in catalogue.publications.items() if slug != quarter.slug for s in known}
    fitting = [s for s in sources if s.quarter == quarter or (s.quarter is None and s.address not in elsewhere)]
    slots: dict[tuple[str, str], list[Source]] = {}
    for source in sorted(fitting, key=lambda s: (s.quarter is not None, s.version), reverse=True):
        if source.address not in [other.address for other in slots.setdefault(source.slot, [])]:
            slots[source.slot].append(source)
    return slots


# ---------------------------------------------------------------- fetching


def fetch_quarter(
    quarter: str | Quarter,
    into: Path = DATA,
    *,
    catalogue: Catalogue | None = None,
    check: Check | None = None,
    limits: Limits = Limits(),
    clock: Clock = Clock(),
    allowance: Allowance | None = None,
) -> Fetched:
    """Download the files of one quarter, unless those held are still the published ones.

    Known addresses are tried first; if the catalogue does not know them all, or one is missing,
    NHS England's pages are searched. One conditional request is made for each file already held.

    Parameters
    ----------
    quarter : str or Quarter
        "2025-26-q4" or "Q4 2025/26".
    into : Path
        Folder that holds a folder for each quarter.
    catalogue : Catalogue, optional
        By default params/publications.yaml.
    check : callable, optional
        Reads a folder and returns a Publication, or raises InputError; `nof.publication.read` by default.
    limits, clock, allowance
        Bounds, time, and (tests only) a loopback server that may be reached.

    Raises
    ------
    SourceUnreachable
        The source did not give complete files; nothing on disk has changed.
    InputError
        The files came but are not what they should be; nothing on disk has changed.
    """
    session = _session(into, catalogue, limits, clock, allowance)
    wanted = _quarter(quarter)
    return _fetch(session, wanted, session.catalogue.publications.get(wanted.slug, ()), check)


def fetch_latest(
    into: Path = DATA,
    *,
    catalogue: Catalogue | None = None,
    check: Check | None = None,
    limits: Limits = Limits(),
    clock: Clock = Clock(),
    allowance: Allowance | None = None,
) -> Fetched:
    """Download the newest quarter on offer; `.new` of the answer says whether there was anything new.

    Always looks at NHS England's pages, so that a re-issue (-v2) is noticed; with nothing new it
    costs one conditional request for each page and each file held. Parameters and errors as for
    `fetch_quarter`.
    """
    session = _session(into, catalogue, limits, clock, allowance)
    found = session.discover()
    quarters = {s.quarter for s in found if s.quarter} | {Quarter.parse(slug) for slug in session.catalogue.publications}
    if not quarters:
        raise SourceUnreachable(session.catalogue.start, "no link to a file that names its quarter")
    known = {s.address for sources in session.catalogue.publications.values() for s in sources}
    for source in found:
        if source.quarter is None and source.address not in known:
            session.warn(f"{source.address} does not name its quarter, so it may be newer than {max(quarters)}: look")
    return _fetch(session, max(quarters), (), check, found)


def _session(into, catalogue, limits, clock, allowance) -> _Session:
    catalogue = catalogue or load_catalogue()
    into = Path(into)
    pages = read_json(into / ".pages.json")
    pages = {k: v for k, v in pages.items() if isinstance(v, dict) and isinstance(v.get("links"), list)}
    return _Session(catalogue, into, limits, clock, Policy(catalogue.hosts, allowance), pages=pages)


def _quarter(text: str | Quarter) -> Quarter:
    try:
        return text if isinstance(text, Quarter) else Quarter.parse(text)
    except ValueError as error:
        raise InputError(Problem("quarter", str(error))) from error


def _fetch(session: _Session, quarter: Quarter, known: tuple[Source, ...], check: Check | None, found=None) -> Fetched:
    with staging_folder(session.into) as staging:
        records = _known_files(session, quarter, known, staging)
        if records is None:
            offered = (*session.catalogue.publications.get(quarter.slug, ()), *(session.discover() if found is None else found))
            slots = _ranked(session.catalogue, offered, quarter)
            if missing := session.catalogue.missing(slots):
                raise SourceUnreachable(session.catalogue.start, f"{quarter} is not complete there: no {', no '.join(missing)}")
            records = [_first(session, candidates, quarter, staging) for candidates in slots.values()]
        publication = _examine(staging, quarter, records, check)
        fetched = settle(session.into, quarter, staging, records, session.clock)
    write_json(session.into / ".pages.json", session.pages)
    return replace(fetched, warnings=(*session.warnings, *publication.warnings))


def _known_files(session: _Session, quarter: Quarter, known: tuple[Source, ...], staging: Path) -> list[dict] | None:
    """The files at the catalogue's own addresses; None if it lacks some or one is not there."""
    slots = _ranked(session.catalogue, known, quarter)
    if session.catalogue.missing(slots):
        return None
    try:
        return [_one(session, candidates[0], quarter, staging) for candidates in slots.values()]
    except SourceMissing as error:
        session.warn(f"not at its known address, so NHS England's pages are searched: {error}")
        return None


def _first(session: _Session, candidates: list[Source], quarter: Quarter, staging: Path) -> dict:
    """The newest candidate that is there."""
    for older, source in enumerate(candidates, start=1):
        try:
            return _one(session, source, quarter, staging)
        except SourceMissing as error:
            if older == len(candidates):
                raise
            session.warn(f"the newest version is not there, so an older one is taken: {error}")
    raise AssertionError("a slot has at least one candidate")


def _one(session: _Session, source: Source, quarter: Quarter, staging: Path) -> dict:
    """Bring one file into the staging folder and return its record for sources.json."""
    held = session.into / quarter.slug / source.name
    record = record_of(held)
    same = record.get("address") == source.address and held.is_file() and sha256(held) == record.get("sha256")
    part = staging / f"{source.name}.part"
    with part.open("w+b") as sink:
        got = get(source.address, sink, policy=session.policy, limits=session.limits, clock=session.clock,
                  conditions=_conditions(record) if same else None)
    if got.status == 304:
        part.unlink()
        link(held, staging / source.name)
        return record
    part.replace(staging / source.name)
    log.info("%s: %d bytes", source.name, got.size)
    return {
        "name": source.name, "trust_type": source.trust_type, "kind": source.kind, "status": source.status,
        "address": source.address, "final_address": got.final_address, "sha256": got.sha256, "size": got.size,
        "fetched": session.clock.now().isoformat(timespec="seconds"), "headers": dict(got.headers),
    }


def take_from(folder: Path, quarter: str | Quarter | None, into: Path = DATA, *, check: Check | None = None,
              limits: Limits = Limits(), clock: Clock = Clock()) -> Fetched:
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
    given = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv") if folder.is_dir() else []
    problems = [p for path in given if (p := _hand_problem(path, limits))]
    if not given:
        problems = [Problem(str(folder), "holds no CSV file")]
    elif (folder / "ILLUSTRATIVE").exists():
        problems = [Problem(str(folder), "holds made-up data, which is not taken in as published")]
    if problems:
        raise InputError(problems)
    with staging_folder(into) as staging:
        records = [_by_hand(path, staging, clock) for path in given]
        publication = _examine(staging, _quarter(quarter) if quarter else None, records, check)
        wanted = _quarter(quarter or publication.latest)
        records = _without_strangers(publication, staging, records)
        held = [r for r in held_records(into / wanted.slug) if r["name"] not in {r["name"] for r in records}]
        for record in held:
            link(into / wanted.slug / record["name"], staging / record["name"])
        if held:
            publication = _examine(staging, wanted, records + held, check)
        return replace(settle(into, wanted, staging, records + held, clock), warnings=publication.warnings)


def _hand_problem(path: Path, limits: Limits) -> Problem | None:
    if not _BY_HAND.fullmatch(path.name):
        return Problem(path.name, "a name that is refused", expected="letters, digits, spaces and . _ ( ) -")
    if not path.is_file():
        return Problem(path.name, "not a file")
    if path.stat().st_size > limits.file_bytes:
        return Problem(path.name, "too large", value=f"{path.stat().st_size:,} bytes", expected=f"at most {limits.file_bytes:,}")
    return None


def _by_hand(path: Path, staging: Path, clock: Clock) -> dict:
    shutil.copyfile(path, staging / path.name)
    sha, size = sha256(staging / path.name), (staging / path.name).stat().st_size
    return {"name": path.name, "status": "by hand", "address": None, "sha256": sha, "size": size,
            "fetched": clock.now().isoformat(timespec="seconds"), "headers": {}}


def _without_strangers(publication: Any, staging: Path, records: list[dict]) -> list[dict]:
    ours = set(publication.files["file"])
    for record in records:
        if record["name"] not in ours:
            log.info("%s is not one of NHS England's files and is left out", record["name"])
            (staging / record["name"]).unlink()
    return [record for record in records if record["name"] in ours]


# ---------------------------------------------------------------- checking


def _examine(staging: Path, quarter: Quarter | None, records: list[dict], check: Check | None) -> Any:
    """Read what arrived; InputError unless every file is readable, of this quarter, and what its name says."""
    if problems := [p for record in records if (p := _not_csv(staging / record["name"]))]:
        raise InputError(problems)
    if check is None:
        from nof.publication import read  # noqa: PLC0415 - pandera takes a second to import

        check = read
    publication = check(staging)
    told = {record["name"]: record for record in records}
    problems = []
    for row in publication.files.itertuples():
        last = max(filter(None, str(row.quarters).split(",")), default="").strip()
        if quarter and last and last != quarter.slug:
            problems.append(Problem(row.file, "wrong quarter", value=last, expected=quarter.slug))
        for column in ("trust_type", "kind"):
            said, found = told.get(row.file, {}).get(column), getattr(row, column)
            if said and said != found:
                message = f"another {column.replace('_', ' ')} than its name says"
                problems.append(Problem(row.file, message, value=found, expected=said))
    if not problems and quarter and publication.latest != quarter.slug:
        problems = [Problem(str(quarter), "wrong quarter", value=publication.latest, expected=quarter.slug)]
    if problems:
        raise InputError(problems)
    return publication


def _not_csv(path: Path) -> Problem | None:
    with path.open("rb") as file:
        opening = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not opening:
        return Problem(path.name, "an empty file", expected="a CSV file")
    if opening.startswith(b"<"):
        value = opening[:40].decode("utf-8", "replace")
        return Problem(path.name, "a web page, not a CSV file", value=value, expected="a CSV file")
    return None
