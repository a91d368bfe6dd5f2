"""Where the briefings of a run are made: in forked copies of this process, by ordinary kernels, or on a cluster."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nof import common
from nof.briefing import plan
from nof.briefing.cluster import connected
from nof.briefing.make import Job
from nof.briefing.workers import Workers, beside, can_fork, frozen, rehearse, warm
from nof.method import board, opening, view
from nof.rules.recompute import National

if TYPE_CHECKING:
    from nof.briefing.params import Options


log = logging.getLogger(__name__)
# Briefings that a process makes: the first costs more than the others, and each adds some megabytes.
TASKS = 10
FEW = 2  # briefings for trusts up to which computing in advance what all trusts share costs more than it saves


class Place(NamedTuple):
    """An executor, and the jobs as they have to be there."""

    executor: Executor
    jobs: list[Job]


@contextmanager
def working(jobs: list[Job], options: Options, scratch: Path, national: National) -> Iterator[Place]:
    """The place to work, with the national results at hand; nothing of it is left afterwards.

    Forked copies of this process have the results in memory. Ordinary kernels are used where fork does not exist, on a
    cluster, or when asked for; they read the results from a file that this run wrote.
    """
    cold = options.cold or bool(options.scheduler) or not can_fork()
    jobs = [replace(job, cold=cold, timeout=options.timeout) for job in jobs]
    _warm(jobs, national)
    if options.scheduler:
        with connected(options.scheduler, common.packed(jobs_folder(jobs), national)) as executor:
            yield Place(executor, jobs)
        return
    if not cold:
        _try(partial(rehearse, plan.first_of_each_type(jobs, national, TASKS)))  # fewer are made by one process
    with _results_for(jobs, scratch, national) if cold else frozen():
        here = Workers(options.jobs, options.timeout, scratch, tasks=TASKS)
        try:
            yield Place(here, jobs)
        finally:
            here.shutdown(wait=False, cancel_futures=True)


def opened(folder: Path, jobs: int) -> National:
    """The publication in a folder, opened in a copy of this process; meanwhile what rendering needs is loaded here.

    Raises
    ------
    InputError
        As `opening.open_publication`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="nof-") as scratch,
        beside(partial(opening.open_publication, folder), jobs, Path(scratch)) as national,
    ):
        _try(warm)
        return national()


def jobs_folder(jobs: list[Job]) -> Path:
    """The folder of the publication that the jobs read."""
    return Path(jobs[0].parameters["data"]).resolve()


def _warm(jobs: list[Job], national: National) -> None:
    """Compute here, once, what every notebook will read, and load what rendering needs."""
    quarter = jobs[0].parameters["quarter"]
    every = [job.parameters for job in jobs]
    boards = [one for one in every if "trust" in one]
    steps: list[Callable[[], object]] = [partial(opening.reconciliation, national)]
    steps += [partial(view.warm, view.view_of(national, quarter, one)) for one in plan.types_of(every, national)]
    steps += [partial(board.warm, national, quarter, plan.types_of(boards, national), len(boards) <= FEW)]
    for step in steps:
        _try(step)


def _try(step: Callable[[], object]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whichever notebook needs it will meet the error itself, and say so
        log.warning("something could not be computed in advance: %s", error)


@contextmanager
def _results_for(jobs: list[Job], scratch: Path, national: National) -> Iterator[None]:
    """Leave the results for kernels that this run starts; see `nof.common`."""
    path = scratch / "results"
    path.write_bytes(common.packed(jobs_folder(jobs), national))
    os.environ[common.VARIABLE] = str(path)
    try:
        yield
    finally:
        del os.environ[common.VARIABLE]
