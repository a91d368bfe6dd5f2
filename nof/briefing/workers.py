"""Tasks in processes forked from this one with everything already loaded, behind concurrent.futures.

A process takes one task at a time, and ends after a few: memory stays flat, and a killed or hanging task takes nobody with
it. Where fork does not exist the process is a fresh one: slower, but the rest is the same.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import as_completed as any_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import nbformat
import psutil
import pyarrow

from nof.briefing import html, make
from nof.common import NofError
from nof.show import charts, fonts, style

# --- What the first briefing of a process pays for all the others, done once before processes are forked ---


def lean() -> None:
    """Have a run keep no more memory than it needs, and not look for garbage among what stays: call it once, at the start.

    Arrow, in which pandas keeps text, takes memory from the system's allocator, so that `frozen` can return it: its own pool
    keeps what it was ever given, and every copy of this process would count it.
    """
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    gc.freeze()


def warm() -> None:
    """What every briefing needs, whatever its notebook: fonts, the page's template and style, the library itself."""
    fonts.warm()
    html.warm()
    with style.applied():
        charts.figure(10)  # matplotlib is loaded when something is drawn
    make.import_helpers()
    nbformat.validate(nbformat.v4.new_notebook())  # its schema is compiled once, not by every copy of this process
    importlib.import_module("scipy.special")  # which scipy itself loads when it is first used


def rehearse(jobs: Iterable[make.Job]) -> None:
    """Run what briefings are made of, and keep no page of it: what they share is computed and compiled then."""
    for job in jobs:
        make.exporter("html").from_notebook_node(make.executed(job))
        for _, alone in make.sheets(job):
            make.executed(alone)


@contextmanager
def frozen() -> Iterator[None]:
    """Keep what is loaded out of the collector's sight while copies of this process run.

    A collection in a copy would touch, and so duplicate, every page of memory that it shares with this process.
    """
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc: what was freed goes back to the system, and is in no copy
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


# --- Tasks in processes forked from this one, behind concurrent.futures ---


SCRATCH = "NOF_SCRATCH"  # in the environment of every process of ours: the run's own folder for temporary files
T = TypeVar("T")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
ENDING = 5.0  # seconds that a process may take to end once it has given its result
GROWTH = 150e6  # bytes more than at its start from which on a process takes no further task


class WorkerDied(NofError):
    """A worker process ended without a result: killed, out of memory, or past its time limit."""


def can_fork() -> bool:
    """Whether this system can fork a warm process (macOS can, but its own libraries do not survive it)."""
    return "fork" in multiprocessing.get_all_start_methods() and os.name == "posix" and sys.platform != "darwin"


class _Task(NamedTuple):
    future: Future
    call: tuple[Callable, tuple, dict]


@dataclass(eq=False)
class _Process:
    """A process, the task that it is at, and when it has to be done with it."""

    process: Any
    pipe: Connection
    task: _Task
    ends: float


class Workers(Executor):
    """Runs calls in processes, at most `jobs` at a time, each call for at most `timeout` seconds.

    Nothing happens between calls of `poll` (there is no thread: a process with threads should not fork);
    `as_completed` calls it.

    Parameters
    ----------
    jobs : int
        Processes at a time.
    timeout : float
        Seconds after which a process is killed; the future of its call raises `WorkerDied`.
    scratch : Path
        Where processes keep their temporary files.
    method : str, optional
        "fork" or "spawn"; fork where the system has it.
    tasks : int
        Calls that a process takes, one after another, before a fresh one takes its place; one that met an error, or that has
        grown by `GROWTH`, takes no more. A call that cannot be pickled gets a process of its own.
    """

    def __init__(self, jobs: int, timeout: float, scratch: Path, method: str | None = None, tasks: int = 1):
        self._jobs, self._timeout, self._scratch, self._tasks = max(1, jobs), timeout, scratch, tasks
        self._waiting: deque[_Task] = deque()
        self._running: list[_Process] = []
        self._context = multiprocessing.get_context(method or ("fork" if can_fork() else "spawn"))

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Queue a call; it starts when `poll` finds room for it."""
        task = _Task(Future(), (fn, args, kwargs))
        self._waiting.append(task)
        return task.future

    def poll(self, seconds: float = 0.2) -> None:
        """Start what there is room for, and collect what has ended, waiting at most `seconds`."""
        while len(self._running) < self._jobs and (task := self._next()):
            self._start(task)
        ready = wait([one.pipe for one in self._running], timeout=seconds) if self._running else []
        for one in list(self._running):
            if one.pipe in ready:
                self._collect(one)
            elif time.monotonic() > one.ends:
                self._stop(one)
                one.task.future.set_exception(WorkerDied(f"stopped after {self._timeout:g} seconds (--timeout)"))

    def _next(self) -> _Task | None:
        """The next call that nobody has cancelled."""
        while self._waiting:
            task = self._waiting.popleft()
            if task.future.set_running_or_notify_cancel():
                return task
        return None

    def _start(self, task: _Task) -> None:
        near_end, far_end = self._context.Pipe()
        process = self._context.Process(target=_work, args=(far_end, task.call, str(self._scratch), self._tasks))
        one = _Process(process, near_end, task, float("inf"))
        self._running.append(one)
        try:
            process.start()
        except OSError as error:  # no memory, or no more processes allowed
            self._stop(one)
            task.future.set_exception(WorkerDied(f"no worker process could be started: {error}"))
            return
        finally:
            far_end.close()
        one.ends = time.monotonic() + self._timeout

    def _collect(self, one: _Process) -> None:
        """Pass on what a process gives, and have it go on with the next call, or end."""
        future = one.task.future
        try:
            worked, value, goes_on = one.pipe.recv()
        except Exception:  # noqa: BLE001 - nothing came, or half of something: the process was killed
            worked, value, goes_on = False, None, False
        following = self._next() if goes_on else None
        if following is None or not self._hand(one, following):
            self._stop(one, ENDING if worked or value is not None else 0)
            if following is not None:
                self._start(following)
        if value is None and not worked:
            value = WorkerDied(f"the worker process ended early (exit code {one.process.exitcode})")
        future.set_result(value) if worked else future.set_exception(value)

    def _hand(self, one: _Process, task: _Task) -> bool:
        """Give a process that has done its call another; False where it has ended, or the call cannot travel."""
        try:
            one.pipe.send(task.call)
        except Exception:  # noqa: BLE001 - a fork needs no pickle, whose errors are of many kinds
            return False
        one.task, one.ends = task, time.monotonic() + self._timeout
        return True

    def _stop(self, one: _Process, patience: float = 0) -> None:
        """End the process and every process that it started (an ordinary kernel, say), the sooner the less patience."""
        self._running.remove(one)
        if patience:
            with suppress(OSError):  # it has ended by itself
                one.pipe.send(None)
            one.process.join(patience)
        if one.process.pid is not None:
            if one.process.is_alive():
                end_family(one.process.pid)
            one.process.join()
        one.pipe.close()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what is queued, or drop it and end what runs; nothing of ours runs afterwards."""
        if cancel_futures or not wait:
            for task in self._waiting:
                task.future.cancel()
            self._waiting.clear()
            for one in list(self._running):
                self._stop(one)
        while self._waiting or self._running:
            self.poll()
        end_orphans(self._scratch)


@contextmanager
def beside(task: Callable[[], T], jobs: int, scratch: Path) -> Iterator[Callable[[], T]]:
    """Have a task done in a copy of this process while the body runs; what is yielded waits for what comes of it.

    It is done here, when asked for, where only one process was asked for, this system cannot fork, or the copy was killed or
    met what nobody foresaw (so that a traceback leads to where it was). What nobody asks for is dropped.
    """
    if jobs < 2 or not can_fork():
        yield task
        return
    own = Workers(1, float("inf"), scratch)  # as long as it would take here
    ended = own.submit(task)

    def outcome() -> T:
        """What the copy gives, or what the task gives here."""
        for one in as_completed(own, [ended]):
            error = one.exception()
            if error is None or (isinstance(error, NofError) and not isinstance(error, WorkerDied)):
                return one.result()
        return task()

    try:
        own.poll(0)
        yield outcome
    finally:
        own.shutdown(wait=False, cancel_futures=True)


def as_completed(executor: Executor, futures: Iterable[Future]) -> Iterator[Future]:
    """Futures as they finish, whichever executor they belong to."""
    if not isinstance(executor, Workers):
        yield from any_completed(futures)
        return
    ended: deque[Future] = deque()
    left = 0
    for one in futures:
        one.add_done_callback(ended.append)
        left += 1
        del one  # so that no name here keeps what was made
    while left:
        executor.poll()
        while ended:
            left -= 1
            yield ended.popleft()


def end_family(pid: int) -> None:
    """Kill a process and all that it started, also what has a session of its own."""
    try:
        head = psutil.Process(pid)
        head.suspend()  # so that it starts nothing more
        family = [*head.children(recursive=True), head]
    except psutil.Error:
        return
    for one in family:
        _kill(one)


def end_orphans(scratch: Path) -> None:
    """Kill kernels whose worker was killed before them: they carry the run's own folder in their environment."""
    for one in psutil.process_iter():
        try:
            ours = one.pid != os.getpid() and one.environ().get(SCRATCH) == str(scratch)
        except (psutil.Error, OSError):
            continue
        if ours:
            _kill(one)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.kill()


def _work(pipe: Connection, call: tuple[Callable, tuple, dict] | None, scratch: str, tasks: int) -> None:
    """The life of a worker process: a call, an answer, and so on until it has done its share or there is no more to do."""
    settled, me = _answer((_settle, (scratch,), {})), psutil.Process()
    most = me.memory_info().rss + GROWTH
    while call is not None:
        worked, value = _answer(call) if settled[0] else settled
        tasks -= 1
        goes_on = worked and tasks > 0 and me.memory_info().rss < most
        with suppress(OSError):
            pipe.send((worked, value, goes_on))
        call = pipe.recv() if goes_on else None
    pipe.close()


def _answer(call: Any) -> tuple[bool, Any]:
    fn, args, kwargs = call
    try:
        return True, fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - whatever it was, the parent must hear of it
        return False, _portable(error)


def _settle(scratch: str) -> None:
    """Make this process and what it starts leave no trace outside the run's folder, and not outlive the run."""
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    own = tempfile.mkdtemp(dir=scratch)
    os.environ |= {SCRATCH: scratch, "TMPDIR": own, "TEMP": own, "TMP": own} | own_ground(own)
    tempfile.tempdir = None


def own_ground(folder: str) -> dict[str, str]:
    """Environment in which a kernel keeps its files in a folder, and reads no profile of the user's."""
    return {"IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}


def _portable(error: BaseException) -> Exception:
    """The error itself where it can travel between processes, else its text."""
    if isinstance(error, Exception):
        try:
            pickle.loads(pickle.dumps(error))
            return error
        except Exception:  # noqa: BLE001
            pass
    return NofError(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    """A worker whose parent was killed must not live on: the system ends it, or it looks every second itself."""
    parent = multiprocessing.parent_process()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent is None or not parent.is_alive():
            os._exit(1)
        return

    def look() -> None:
        """End with the parent."""
        parent.join()
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
