"""The same briefings on a Dask cluster: workers elsewhere make them, the caller gathers and publishes."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from nof import common
from nof.briefing.manifest import identity
from nof.briefing.workers import own_ground
from nof.common import NofError

CONNECTING = 15  # seconds to wait for the scheduler
_ONE_AT_A_TIME = threading.Lock()  # papermill changes the working directory, which belongs to the whole process


class ClusterError(NofError):
    """The cluster cannot be used: not there, without workers, or with other code than ours."""


class ClusterExecutor(Executor):
    """Hands calls to a Dask cluster; its futures are those of concurrent.futures.

    Parameters
    ----------
    client : distributed.Client
    packed : bytes
        The national results, see `nof.common.packed`.
    """

    def __init__(self, client: Any, packed: bytes):
        self._inner = client.get_executor(pure=False)
        self._expected = identity()
        # A task, not scattered data: when the worker that holds it is killed, the cluster can make it again.
        self._packed = client.submit(bytes, packed, pure=False)

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Queue a call on the cluster."""
        return self._inner.submit(_remotely, fn, args, kwargs, self._expected, self._packed)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what is queued, or drop it."""
        self._inner.shutdown(wait=wait and not cancel_futures)


@contextmanager
def connected(address: str, packed: bytes) -> Iterator[ClusterExecutor]:
    """A cluster whose workers can make our briefings.

    Raises
    ------
    ClusterError
        No scheduler answers, there are no workers, or one of them has other code or versions; each is named.
    """
    with _client(address) as client:
        _check(client)
        executor = ClusterExecutor(client, packed)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--scheduler needs the package distributed: pip install 'nof[dask]'") from None
    try:
        client = Client(address, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:  # distributed's TimeoutError is an OSError
        raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield client


def _check(client: Any) -> None:
    try:
        answers = client.run(identity)
    except Exception as error:  # noqa: BLE001 - whatever a worker without our package answers
        why = f"{type(error).__name__}: {error}"
        raise ClusterError(f"the workers cannot run nof; is it installed there? ({why})") from error
    if not answers:
        raise ClusterError("the scheduler has no workers")
    wrong = [f"worker {name}: {what}" for name, found in sorted(answers.items()) if (what := differences(found))]
    if wrong:
        listed = "\n".join(wrong)
        raise ClusterError(f"not every worker has what this run has, so the briefings would differ:\n{listed}")


def differences(found: dict[str, str], expected: dict[str, str] | None = None) -> str:
    """What one identity has and another has not, in words; empty if they are the same."""
    expected = identity() if expected is None else expected
    return "; ".join(
        f"{name} {found.get(name, 'missing')[:12]} instead of {expected.get(name, 'none')[:12]}"
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    )


def _remotely(fn: Callable, args: tuple, kwargs: dict, expected: dict[str, str], packed: bytes) -> Any:
    """What a worker does: look whether it is the right one, lay out the results, make the call."""
    wrong = differences(identity(), expected)
    if wrong:  # a worker that came after the check
        raise ClusterError(f"this worker has other code or versions: {wrong}")
    with _ONE_AT_A_TIME:
        path = _laid_out(packed)
        os.environ |= own_ground(str(path.parent)) | {common.VARIABLE: str(path)}
        return fn(*args, **kwargs)


_KEPT: dict[str, tempfile.TemporaryDirectory] = {}


def _laid_out(packed: bytes) -> Path:
    """The file in which kernels of this worker find the results; written once."""
    name = sha256(packed).hexdigest()
    if name not in _KEPT:
        _KEPT.clear()
        _KEPT[name] = tempfile.TemporaryDirectory(prefix="nof-results-")
        (Path(_KEPT[name].name) / name).write_bytes(packed)
    return Path(_KEPT[name].name) / name
