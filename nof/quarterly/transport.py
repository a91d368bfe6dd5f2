"""Connections that go where they were allowed to go, and that nobody can keep open beyond the deadline."""

from __future__ import annotations

import functools
import ipaddress
import socket
import ssl
import urllib.request
from collections.abc import Iterator

import httpcore
import httpx

from nof.quarterly.bounds import Errand, SourceUnreachable


class Transport(httpx.BaseTransport):
    """httpx over a connection pool whose connections are guarded (see `_Backend`)."""

    def __init__(self, url: str, errand: Errand):
        parts = httpx.URL(url)
        proxy = _proxy(parts) if not (errand.policy.allowance and errand.policy.allowance.covers(parts)) else None
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
        exempt = not self._guard or (allowance is not None and (host, port) == (allowance.host, allowance.port))
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
