"""Where NHS England's files are: params/publications.yaml, and what a file's name says of it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from nof import common
from nof.common import InputError, NofError, Problem, Quarter

# --- How far a download may go: which addresses, how long, how much; and what is said where it may not or cannot ---


class SourceUnreachable(NofError):
    """The source did not give us the file: nothing wrong with our input, try again later.

    Attributes
    ----------
    address, reason : str
        What was asked for, and why it did not come.
    """

    def __init__(self, address: str, reason: str):
        self.address, self.reason = address, reason
        super().__init__(f"{address}: {reason}")


class SourceMissing(SourceUnreachable):
    """The host answered that there is nothing at this address (404 or 410)."""


@dataclass(frozen=True)
class Limits:
    """Bounds on one file; times in seconds, sizes in decoded bytes.

    `total` runs from the first connection to the last byte, retries and waits included.
    """

    connect: float = 10
    read: float = 30
    total: float = 300
    attempts: int = 5
    redirects: int = 5
    file_bytes: int = 50_000_000
    page_bytes: int = 5_000_000


@dataclass(frozen=True)
class Clock:
    """Time and sleeping, so that a test need not wait."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Allowance:
    """One loopback server that a test may reach. Nothing outside the tests makes one."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"an allowance is for a loopback address, not {self.host}")

    def covers(self, url: httpx.URL) -> bool:
        """Whether an address is on this server."""
        return (url.host, url.port) == (self.host, self.port)


class Origin(NamedTuple):
    """A web server of the operator's own, named in params/refresh.yaml: it may have a private address."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read "mirror.example", "mirror.example:8443" or "http://127.0.0.1:8000"; ValueError in plain words."""
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if parts.username or parts.path.strip("/") or parts.query or parts.fragment or not parts.hostname:
            raise ValueError(f"not a host: {text!r}; expected a name such as mirror.example or http://127.0.0.1:8000")
        if parts.scheme not in ("http", "https") or (parts.scheme == "http" and not is_loopback(parts.hostname)):
            raise ValueError(f"only https is used, but for this very machine: {text!r}")
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))

    def covers(self, url: httpx.URL) -> bool:
        """Whether an address is on this server."""
        return (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)) == self


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Policy:
    """Where we may go: https on the usual port of the hosts named, the operator's own origins, and nowhere else."""

    hosts: frozenset[str]
    allowance: Allowance | None = None
    origins: frozenset[Origin] = frozenset()

    def refusal(self, address: str) -> str | None:
        """Why an address may not be fetched, or None where it may."""
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError) as error:
            return f"not an address ({error})"
        if url.userinfo:
            return "an address with a user name in it is refused"
        if self.allowance and url.scheme in ("http", "https") and self.allowance.covers(url):
            return None
        if any(one.covers(url) for one in self.origins):
            return None
        if url.scheme != "https":
            return f"only https is used, not {url.scheme or 'an address without a scheme'}"
        if url.host not in self.hosts or url.port not in (None, 443):
            return f"the host {url.netloc.decode()} is not one of {', '.join(sorted(self.hosts)) or '(none)'}"
        return None


@dataclass(frozen=True)
class Errand:
    """What one file is asked for with: its first address, where it may lead, and the moment by which it has to be here."""

    address: str
    policy: Policy
    clock: Clock
    deadline: float

    def left(self) -> float:
        """Seconds until the deadline; below nought when it has passed."""
        return self.deadline - self.clock.monotonic()


# --- Where NHS England's files are: params/publications.yaml, and what a file's name says of it ---


_KINDS = {"data": "metrics", "league-table": "league"}
_NAME = re.compile(
    r"nhs-oversight-framework-(?P<type>[a-z]+(?:-[a-z]+)*?)(?:-trust)?-(?P<kind>data|league-table)"
    r"(?:-q(?P<number>[1-4])(?:-(?P<start>\d\d)-(?P<end>\d\d))?)?(?:-v(?P<version>\d{1,2}))?"
    r"(?:-(?P<upload>\d))?\.csv",  # WordPress adds -1 when a name is uploaded again
    re.IGNORECASE,
)
_HOST = re.compile(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Source:
    """One address of one file. `quarter` is None where the name does not say it."""

    address: str
    name: str
    trust_type: str
    kind: str
    quarter: Quarter | None
    version: tuple[int, int, str]  # -vN, WordPress's counter, year and month of the upload folder
    status: str

    @property
    def slot(self) -> tuple[str, str]:
        """What it would fill: trust type and "metrics" or "league"."""
        return self.trust_type, self.kind


@dataclass(frozen=True)
class Catalogue:
    """params/publications.yaml: which hosts, which pages, which addresses are known."""

    hosts: frozenset[str]
    start: str
    follow: str = "oversight-framework"
    expected: tuple[str, ...] = ("acute", "mental-health-and-community", "ambulance")
    type_names: Mapping[str, str] = field(default_factory=dict)
    names_without_year: str = "2025/26"
    publications: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)

    def source(self, address: str, status: str, quarter: Quarter | None = None) -> Source | None:
        """Read an address as one of NHS England's files, or None if its name is not of that form."""
        path = urlsplit(address).path
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if not match or (match["start"] and (int(match["start"]) + 1) % 100 != int(match["end"])):
            return None
        year = 2000 + int(match["start"]) if match["start"] else int(self.names_without_year[:4])
        named = Quarter(year, int(match["number"])) if match["number"] else None
        folder = re.search(r"/(20\d\d/[01]\d)/", path)
        version = int(match["version"] or 1), int(match["upload"] or 0), folder[1] if folder else ""
        trust_type = self.type_names.get(match["type"].lower(), match["type"].lower())
        return Source(address, match[0], trust_type, _KINDS[match["kind"].lower()], named or quarter, version, status)

    def missing(self, slots: Iterable[tuple[str, str]]) -> list[str]:
        """Which of the files that make a quarter complete are not among the slots."""
        have = set(slots)
        return [f"{t} {kind}" for t in self.expected for kind in _KINDS.values() if (t, kind) not in have]


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and validate params/publications.yaml.

    Raises
    ------
    InputError
        Every problem of the file: unknown or missing key, a host that is no host name, an address
        that is not https on one of the hosts, or whose name is not of NHS England's form.
    """
    path = path or common.share("params", "publications.yaml")
    raw = common.mapping(Path(path))
    problems = list(_shape_problems(raw))
    if problems:
        raise InputError(replace(problem, file=Path(path).name) for problem in problems)
    catalogue = Catalogue(
        frozenset(raw["hosts"]), raw["start"], raw["follow"], tuple(raw["expected"]), raw["type_names"],
        raw["names_without_year"],
    )  # fmt: skip
    publications = _publications(raw["publications"], catalogue, problems)
    if problems:
        raise InputError(replace(problem, file=Path(path).name) for problem in problems)
    return replace(catalogue, publications=publications)


_SHAPE = {
    "hosts": list, "start": str, "follow": str, "expected": list,
    "type_names": dict, "names_without_year": str, "publications": dict,
}  # fmt: skip


def _shape_problems(raw: dict) -> Iterator[Problem]:
    for key in sorted(set(map(str, raw)) ^ set(_SHAPE)):
        yield Problem("", "unknown key" if key not in _SHAPE else "missing key", column=key, expected=", ".join(_SHAPE))
    for key, kind in _SHAPE.items():
        if key in raw and not isinstance(raw[key], kind):
            yield Problem("", "of the wrong kind", column=key, value=str(raw[key]), expected=kind.__name__)
    for key in ("hosts", "expected"):
        given = raw.get(key)
        for item in given if isinstance(given, list) else ():
            if not isinstance(item, str) or (key == "hosts" and not _HOST.fullmatch(item)):
                example = "www.england.nhs.uk" if key == "hosts" else "acute"
                yield Problem(
                    "", "not a name", column=key, value=str(item), expected=f"lower-case text, such as {example}"
                )
    names = raw.get("type_names")
    if isinstance(names, dict) and not all(isinstance(item, str) for pair in names.items() for item in pair):
        yield Problem("", "not names", column="type_names", value=str(names), expected="old name: new name")
    if isinstance(raw.get("names_without_year"), str) and not re.fullmatch(r"20\d\d/\d\d", raw["names_without_year"]):
        yield Problem(
            "", "not a year", column="names_without_year", value=raw["names_without_year"], expected="2025/26"
        )


def _publications(raw: Mapping, catalogue: Catalogue, problems: list[Problem]) -> dict[str, tuple[Source, ...]]:
    policy, read = Policy(catalogue.hosts), {}
    if reason := policy.refusal(catalogue.start):
        problems.append(Problem("", reason, column="start", value=catalogue.start))
    for slug, entries in raw.items():
        try:
            quarter = Quarter.parse(slug)
            read[quarter.slug] = tuple(_entry(entry, catalogue, policy, quarter) for entry in entries)
        except (ValueError, TypeError) as error:
            problems.append(Problem("", str(error), column=f"publications.{slug}"))
    return read


def _entry(entry: Any, catalogue: Catalogue, policy: Policy, quarter: Quarter) -> Source:
    if (
        not isinstance(entry, dict)
        or set(entry) != {"status", "address"}
        or entry["status"] not in ("seen", "unverified")
    ):
        raise ValueError(f"expected status (seen or unverified) and address, found {entry!r}")
    source = catalogue.source(str(entry["address"]), entry["status"], quarter)
    reason = policy.refusal(str(entry["address"])) or (
        "its name is not of NHS England's form" if source is None else None
    )
    if reason or source is None or source.quarter != quarter:
        raise ValueError(f"{entry['address']}: {reason or 'its name says another quarter'}")
    return source
