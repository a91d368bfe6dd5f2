"""A real HTTP server on loopback that serves pages and files, and misbehaves when told to.

Each path has a list of answers; each request takes the next one, and the last is repeated. An
answer is a function of the request handler, so that it can do whatever a bad server would.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the next answer of its path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 - the name http.server asks for
        server: BadServer = self.server
        server.requests.append((self.path, dict(self.headers.items())))
        answers = server.answers.get(self.path, [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client hung up, as it should on a bad answer
            answer(self)

    def do_CONNECT(self) -> None:  # noqa: N802
        """What a proxy is asked; this one refuses."""
        self.server.requests.append((self.path, dict(self.headers.items())))
        self.close_connection = True
        self.head(403, Content_Length=0)

    def head(self, code: int, **headers: object) -> None:
        """Status line and headers; underscores in names stand for hyphens."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Always the same, so that two runs can be compared to the byte."""
        return "Thu, 18 Jun 2026 09:00:00 GMT"

    def log_message(self, *args: object) -> None:
        """Silence: the tests look at `requests`."""


class BadServer(ThreadingHTTPServer):
    """The server; `url(path)` is an address on it, `requests` what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None = None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def url(self, path: str) -> str:
        """Address of a path on this server."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        """Set what a path answers; returns its address."""
        self.answers[path] = list(answers)
        return self.url(path)

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked == path for asked, _ in self.requests)

    def handle_error(self, request: object, client_address: object) -> None:
        """Silence: failed handshakes are what some tests are about."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[BadServer]:
    """A running server, stopped at the end."""
    with BadServer(context) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


# ---------------------------------------------------------------- good answers


def body(content: str | bytes, **headers: object) -> Answer:
    """The whole content, with its right length."""
    data = content.encode() if isinstance(content, str) else content

    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=len(data), **headers)
        handler.wfile.write(data)

    return answer


def cached(content: str | bytes, validator: str = "etag") -> Answer:
    """The content with an ETag or a date, and 304 to whoever names it."""
    data = content.encode() if isinstance(content, str) else content
    tag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
    name, asked = {
        "etag": ("ETag", "If-None-Match"),
        "last-modified": ("Last-Modified", "If-Modified-Since"),
    }[validator]
    value = tag if validator == "etag" else "Thu, 18 Jun 2026 08:30:00 GMT"

    def answer(handler: Handler) -> None:
        if handler.headers.get(asked) == value:
            handler.head(304, **{name: value})
        else:
            body(data, **{name: value})(handler)

    return answer


def gzipped(content: str | bytes, cut: int = 0) -> Answer:
    """The content compressed; with `cut`, that many bytes short but the length says so too."""
    data = gzip.compress(content.encode() if isinstance(content, str) else content)
    return body(data[: len(data) - cut], Content_Encoding="gzip")


# ---------------------------------------------------------------- bad answers


def status(code: int, **headers: object) -> Answer:
    """A bare status."""
    return lambda handler: handler.head(code, Content_Length=0, **headers)


def redirect(to: str, code: int = 302) -> Answer:
    """A redirect to any text at all."""
    return status(code, Location=to)


def drip(seconds: float = 0.05, headers_too: bool = False) -> Answer:
    """One byte at a time, for ever: each in time, the whole never."""

    def answer(handler: Handler) -> None:
        if headers_too:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        else:
            handler.head(200, Content_Length=10_000_000)
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(seconds)

    return answer


def silence(seconds: float = 5) -> Answer:
    """No answer at all."""
    return lambda handler: time.sleep(seconds)


def cut(content: str, keep: int, reset: bool = False) -> Answer:
    """The right length announced, the connection cut (or reset) after `keep` bytes."""

    def answer(handler: Handler) -> None:
        data = content.encode()
        handler.head(200, Content_Length=len(data))
        handler.wfile.write(data[:keep])
        handler.wfile.flush()
        if reset:
            linger = b"\x01\0\0\0\0\0\0\0"  # close with a reset, not with a farewell
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()

    return answer


def wrong_length(content: str, by: int) -> Answer:
    """A length that is off by so many bytes."""

    def answer(handler: Handler) -> None:
        data = content.encode()
        handler.head(200, Content_Length=len(data) + by)
        handler.wfile.write(data)

    return answer


def endless() -> Answer:
    """A body without length or end."""

    def answer(handler: Handler) -> None:
        handler.head(200)
        while True:
            handler.wfile.write(b"0" * 65536)

    return answer


def bomb(megabytes: int) -> Answer:
    """A small gzip body that unpacks to many megabytes, all in one piece."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    data = b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()
    return body(data, Content_Encoding="gzip")
