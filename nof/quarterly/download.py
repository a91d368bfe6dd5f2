"""One file over the network, safely: from a named host only, within limits, whole or not at all.

Every hop of a redirect is judged by the same rules as the first address, names are resolved
here and only public numbers are connected to (see `nof.quarterly.download`), one deadline covers connecting,
headers, body, waits and retries together, and the size limit counts bytes after decompression. Only
looking a name up is left to the operating system's own time limit.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import logging
import socket
import ssl
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import httpcore
import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from nof.common import NofError
from nof.quarterly.catalogue import Clock, Errand, Limits, Policy, SourceMissing, SourceUnreachable, is_loopback

# --- Connections that go where they were allowed to go, and that nobody can keep open beyond the deadline ---


class Transport(httpx.BaseTransport):
    """httpx over a connection pool whose connections are guarded (see `_Backend`)."""

    def __init__(self, url: str, errand: Errand):
        parts = httpx.URL(url)
        direct = (errand.policy.allowance and errand.policy.allowance.covers(parts)) or is_loopback(parts.host)
        proxy = None if direct else _proxy(parts)
        backend = _Backend(errand, guard=proxy is None)
        self._pool = httpcore.ConnectionPool(ssl_context=_tls(), proxy=proxy, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the guarded pool (called by httpx)."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connections (called by httpx)."""
        self._pool.close()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Verifies certificates; honours SSL_CERT_FILE for a network with an authority of its own."""
    return httpx.create_ssl_context()


def _proxy(url: httpx.URL) -> httpcore.Proxy | None:
    """The proxy that the environment names for a host. It resolves the name, so the guard is its own."""
    address = urllib.request.getproxies().get(url.scheme)
    if not address or urllib.request.proxy_bypass(url.host):
        return None
    proxy = httpx.Proxy(address)
    return httpcore.Proxy(str(proxy.url), auth=proxy.raw_auth)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream):
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class _Backend(httpcore.NetworkBackend):
    """Connects to the very number that was judged, so that a name cannot change in between."""

    def __init__(self, errand: Errand, guard: bool):
        self._errand, self._guard, self._plain = errand, guard, httpcore.SyncBackend()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        """Connect to an allowed address only."""
        numbers = self._numbers(host, port)
        for number in numbers:
            try:
                limit = _limit(timeout, self._errand)
                return _Stream(
                    self._plain.connect_tcp(number, port, limit, local_address, socket_options), self._errand
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _numbers(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} could not be looked up: {error}") from error
        numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowance = self._errand.policy.allowance
        own = {(one.host, one.port) for one in self._errand.policy.origins}
        own |= {(allowance.host, allowance.port)} if allowance else set()
        exempt = not self._guard or (host, port) in own
        if not exempt and not all(_public(number) for number in numbers):
            raise SourceUnreachable(self._errand.address, f"{host} leads to a private address ({', '.join(numbers)})")
        return numbers


def _public(number: str) -> bool:
    address = ipaddress.ip_address(number.partition("%")[0])
    return address.is_global and not address.is_multicast


def _limit(timeout: float | None, errand: Errand) -> float:
    left = errand.left()
    if left <= 0:
        raise httpcore.ReadTimeout("out of time")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection that a server cannot keep open by sending a byte now and then, headers included."""

    def __init__(self, stream: httpcore.NetworkStream, errand: Errand):
        self._stream, self._errand = stream, errand

    def read(self, max_bytes, timeout=None):
        """Read within what is left of the time."""
        return self._stream.read(max_bytes, _limit(timeout, self._errand))

    def write(self, buffer, timeout=None):
        """Write within what is left of the time."""
        self._stream.write(buffer, _limit(timeout, self._errand))

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        """Encrypt the connection within what is left of the time."""
        return _Stream(
            self._stream.start_tls(ssl_context, server_hostname, _limit(timeout, self._errand)), self._errand
        )

    def get_extra_info(self, info):
        """What the connection tells of itself."""
        return self._stream.get_extra_info(info)

    def close(self):
        """Close the connection."""
        self._stream.close()


# --- One file over the network, safely: from a named host only, within limits, whole or not at all ---


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
