"""Each task in a process of its own, forked from this one with everything already loaded, behind concurrent.futures.

A fork costs a few milliseconds, memory stays flat because the process ends with its task, and a killed or hanging task
takes nobody with it. Where fork does not exist, the standard library's process pool takes its place.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from nof.errors import NofError


class WorkerDied(NofError):
    """A worker process ended without a result: killed, out of memory, or past its time limit."""


def can_fork() -> bool:
    """Whether this system can fork a warm process."""
    return "fork" in multiprocessing.get_all_start_methods() and os.name == "posix"


def executor(jobs: int, timeout: float) -> Executor:
    """Forked workers where fork exists, else a pool of fresh processes."""
    if can_fork():
        return ForkExecutor(jobs, timeout)
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


@dataclass
class _Task:
    future: Future
    call: tuple[Callable, tuple, dict]
    process: Any = None
    pipe: Connection | None = None
    ends: float = field(default=float("inf"))


class ForkExecutor(Executor):
    """Runs each call in a forked child, at most `jobs` at a time, each for at most `timeout` seconds.

    Parameters
    ----------
    jobs : int
        Children at a time.
    timeout : float
        Seconds after which a child is killed; its future raises `WorkerDied`.
    """

    def __init__(self, jobs: int, timeout: float):
        self._jobs, self._timeout = max(1, jobs), timeout
        self._waiting: deque[_Task] = deque()
        self._running: list[_Task] = []
        self._context = multiprocessing.get_context("fork")

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Queue a call; it starts when `gather` or `shutdown` has room for it."""
        task = _Task(Future(), (fn, args, kwargs))
        self._waiting.append(task)
        return task.future

    def poll(self, seconds: float = 0.2) -> None:
        """Start what there is room for, and collect what has ended, waiting at most `seconds`."""
        while self._waiting and len(self._running) < self._jobs:
            self._start(self._waiting.popleft())
        ready = wait([task.pipe for task in self._running], timeout=seconds) if self._running else []
        now = time.monotonic()
        for task in list(self._running):
            if task.pipe in ready:
                self._collect(task)
            elif now > task.ends:
                self._kill(task)
                task.future.set_exception(WorkerDied(f"stopped after {self._timeout:.0f} seconds"))

    def _start(self, task: _Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        task.pipe, child_end = self._context.Pipe(duplex=False)
        task.process = self._context.Process(target=_child, args=(child_end, task.call), daemon=False)
        task.process.start()
        child_end.close()
        task.ends = time.monotonic() + self._timeout
        self._running.append(task)

    def _collect(self, task: _Task) -> None:
        try:
            worked, value = task.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            worked, value = False, None
        self._kill(task)
        if value is None and not worked:
            value = WorkerDied(f"the worker process ended early (exit code {task.process.exitcode})")
        task.future.set_result(value) if worked else task.future.set_exception(value)

    def _kill(self, task: _Task) -> None:
        """End the child and every process that it started (an ordinary kernel, say)."""
        self._running.remove(task)
        task.process.join(timeout=5 if task.pipe.closed else 0.5)
        try:
            os.killpg(task.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            if task.process.is_alive():
                task.process.kill()
        task.process.join()
        task.pipe.close()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what is queued, or drop it and end what runs."""
        if cancel_futures or not wait:
            for task in self._waiting:
                task.future.cancel()
            self._waiting.clear()
            for task in list(self._running):
                self._kill(task)
        while self._waiting or self._running:
            self.poll()


def _child(pipe: Connection, call: tuple[Callable, tuple, dict]) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children itself
    _end_with_parent()
    fn, args, kwargs = call
    try:
        answer = (True, fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent must hear of it
        answer = (False, _portable(error))
    try:
        pipe.send(answer)
    except (BrokenPipeError, OSError):
        pass
    pipe.close()


def _portable(error: Exception) -> Exception:
    """The error itself where it can travel between processes, else its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001
        return NofError(f"{type(error).__name__}: {error}")
    return error


def _end_with_parent() -> None:
    """A child whose parent was killed must not live on: it looks every second."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=look, daemon=True).start()
