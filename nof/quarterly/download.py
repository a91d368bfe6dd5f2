"""One file over the network, safely: from a named host only, within limits, whole or not at all.

Every hop of a redirect is judged by the same rules as the first address, names are resolved
here and only public numbers are connected to (see `nof.quarterly.transport`), one deadline covers connecting,
headers, body, waits and retries together, and the size limit counts bytes after decompression. Only
looking a name up is left to the operating system's own time limit.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import httpcore
import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from nof.errors import NofError
from nof.quarterly.bounds import Clock, Errand, Limits, Policy, SourceMissing, SourceUnreachable
from nof.quarterly.transport import Transport

log = logging.getLogger(__name__)

USER_AGENT = "nof/0.1 (reads NHS England's published league tables once a quarter; python-httpx)"
_CHUNK = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_BACK_OFF = wait_exponential_jitter(initial=1, max=30)


class _Again(SourceUnreachable):
    """A failure that may pass; `wait` is what Retry-After asked for, in seconds."""

    def __init__(self, address: str, reason: str, wait: float | None = None):
        super().__init__(address, reason)
        self.wait = wait


@dataclass(frozen=True)
class Received:
    """What came back. `status` is 200, or 304 when nothing has changed and there is no body."""

    address: str
    final_address: str
    status: int
    headers: Mapping[str, str]
    size: int = 0
    sha256: str = ""


def get(
    address: str,
    sink: BinaryIO,
    *,
    policy: Policy,
    limits: Limits = Limits(),
    clock: Clock = Clock(),
    conditions: Mapping[str, str] | None = None,
    size_limit: int | None = None,
) -> Received:
    """Fetch one address into an open file, trying again where that may help.

    Parameters
    ----------
    address : str
        Where from.
    sink : binary file
        Open for writing and seekable; emptied at each attempt. Holds the decoded body after success.
    policy, limits, clock
        Where we may go, for how long and how much, and what time it is.
    conditions : mapping, optional
        If-None-Match and If-Modified-Since headers of an earlier answer.
    size_limit : int, optional
        Decoded bytes; `limits.file_bytes` by default.

    Raises
    ------
    SourceMissing
        404 or 410.
    SourceUnreachable
        Everything else, with the reason and the number of attempts.
    """
    errand = Errand(address, policy, clock, clock.monotonic() + limits.total)
    job = _Job(errand, limits, dict(conditions or {}), size_limit or limits.file_bytes)
    retrying = Retrying(
        retry=retry_if_exception_type(_Again),
        wait=_wait,
        stop=lambda state: _stop(state, job),
        sleep=clock.sleep,
        before_sleep=lambda state: log.warning(
            "%s; trying again in %.0f s", state.outcome.exception(), state.upcoming_sleep
        ),
        reraise=True,
    )
    try:
        return retrying(job.attempt, sink)
    except _Again as error:
        tries = retrying.statistics.get("attempt_number", 1)
        asked = f"; it asks to wait {error.wait:.0f} s" if error.wait else ""
        reason = f"{error.reason}{asked}; gave up after {tries} of {limits.attempts} attempts"
        raise SourceUnreachable(error.address, reason) from error


def _wait(state: RetryCallState) -> float:
    asked = getattr(state.outcome.exception(), "wait", None)
    return _BACK_OFF(state) if asked is None else asked


def _stop(state: RetryCallState, job: _Job) -> bool:
    # A wait that ends after the deadline is not begun: the file could not arrive any more.
    return stop_after_attempt(job.limits.attempts)(state) or state.upcoming_sleep >= job.errand.left()


@dataclass(frozen=True)
class _Job:
    """One file's worth of attempts."""

    errand: Errand
    limits: Limits
    conditions: Mapping[str, str]
    size_limit: int

    @property
    def address(self) -> str:
        """What was asked for first, which errors name."""
        return self.errand.address

    def attempt(self, sink: BinaryIO) -> Received:
        """One attempt, following redirects by hand so that each is judged before it is asked."""
        seen, url = [], self.address
        while url not in seen:
            seen.append(url)
            if len(seen) > self.limits.redirects + 1:
                raise SourceUnreachable(self.address, f"more than {self.limits.redirects} redirects")
            if reason := self.errand.policy.refusal(url):
                told = "" if len(seen) == 1 else f"redirected to {url!r}: "
                raise SourceUnreachable(self.address, told + reason)
            answer = self._ask(url, sink)
            if isinstance(answer, Received):
                return answer
            url = answer
        raise SourceUnreachable(self.address, "its redirects go round in a circle")

    def _ask(self, url: str, sink: BinaryIO) -> Received | str:
        """The answer to one request, or the address it redirects to."""
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Connection": "close", **self.conditions}
        timeout = httpx.Timeout(self.limits.read, connect=self.limits.connect)
        transport = Transport(url, self.errand)
        with (
            self._explained(),
            httpx.Client(transport=transport, timeout=timeout) as client,
            client.stream("GET", url, headers=headers, follow_redirects=False) as response,
        ):
            if response.status_code in _REDIRECTS:
                return str(response.url.join(response.headers.get("location", "")))
            self._judge(response)
            kept = {name: value for name, value in response.headers.items() if name != "set-cookie"}
            if response.status_code == 304:
                return Received(self.address, url, 304, kept)
            size, sha = self._copy(response, sink)
            return Received(self.address, url, 200, kept, size, sha)

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200 or (status == 304 and self.conditions):
            return
        reason = f"the server answered {status} {response.reason_phrase}".strip()
        if status in (404, 410):
            raise SourceMissing(self.address, reason)
        if status in _TRY_AGAIN:
            raise _Again(self.address, reason, _retry_after(response.headers.get("retry-after"), self.errand.clock))
        raise SourceUnreachable(self.address, reason)

    def _copy(self, response: httpx.Response, sink: BinaryIO) -> tuple[int, str]:
        sink.seek(0)
        sink.truncate()
        size, digest = 0, hashlib.sha256()
        for piece in _decoded(response):
            size += len(piece)
            if size > self.size_limit:
                raise SourceUnreachable(self.address, f"more than the limit of {self.size_limit:,} bytes")
            digest.update(piece)
            sink.write(piece)
        return size, digest.hexdigest()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the network libraries raise into our own words, by whether waiting can help."""
        try:
            yield
        except NofError:
            raise
        except (
            httpx.InvalidURL,
            httpx.RemoteProtocolError,
        ) as error:  # httpx itself raises the second for Location only
            raise SourceUnreachable(self.address, f"redirected to something that is no address ({error})") from error
        except (
            httpx.HTTPError,
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
            zlib.error,
        ) as error:
            if self.errand.left() <= 0:
                raise SourceUnreachable(
                    self.address, f"took longer than the {self.limits.total:g} s allowed"
                ) from error
            if isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise SourceUnreachable(self.address, f"its certificate could not be verified ({error})") from error
            kind = _CUT if "without sending" in str(error) else _KINDS.get(type(error), "the connection failed")
            raise _Again(self.address, f"{kind} ({error})") from error


_CUT = "the connection was cut, only part of the file came"  # h11: "peer closed connection without sending ..."
_KINDS = {
    httpcore.RemoteProtocolError: "the answer is not proper HTTP",
    httpcore.ReadError: "the connection was cut",
    httpcore.ReadTimeout: "no answer in time",
    httpcore.ConnectTimeout: "no connection in time",
    httpx.DecodingError: "only part of the file came, or it is damaged",
    zlib.error: "its compression is damaged",
}


def _retry_after(header: str | None, clock: Clock) -> float | None:
    """Seconds asked for by Retry-After, given as seconds or as a date; None where it says neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds())
    except (TypeError, ValueError):
        return None


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """The body in small pieces. httpx's own decoder would unpack a whole bomb before we could count."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from response.iter_raw(_CHUNK)
        return
    if encoding not in ("gzip", "x-gzip"):
        raise SourceUnreachable(str(response.url), f"sent in the encoding {encoding!r}, which was not asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for raw in response.iter_raw(_CHUNK):
        while raw:
            yield unpacker.decompress(raw, _CHUNK)
            raw = unpacker.unconsumed_tail
    while rest := unpacker.decompress(b"", _CHUNK):  # what zlib still holds back
        yield rest
    if not unpacker.eof or unpacker.unused_data:
        raise httpx.DecodingError("the compressed body does not end where it should")
