"""How far a download may go: which addresses, how long, how much; and what is said where it may not or cannot."""

from __future__ import annotations

import datetime as dt
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from nof.errors import NofError


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


@dataclass(frozen=True)
class Policy:
    """Where we may go: https on the usual port of the hosts named, and nowhere else."""

    hosts: frozenset[str]
    allowance: Allowance | None = None

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
