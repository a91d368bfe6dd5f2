"""What the first briefing of a process pays for all the others, done once before processes are forked.

Late imports, templates, the caches of matplotlib and pandas: together about as much work as a briefing. Library code
alone runs here, no notebook of the suite's: one that hangs or dies must take a worker with it, never the run. Typst is
left out: it starts threads, and a process with threads should not fork.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import nbformat
import papermill
import pyarrow

from nof.board import sections
from nof.briefing import engine, fonts, html, make

FEW = 2  # briefings for trusts up to which rehearsing one costs more than it saves


def one_allocator() -> None:
    """Have Arrow, in which pandas keeps text, take memory from the system's allocator, so that `frozen` can return it.

    Its own pool keeps what it was ever given, and every copy of this process would count it.
    """
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def warm() -> None:
    """What every briefing needs, whatever its notebook: fonts, the page's template and style, the library itself."""
    fonts.warm()
    html.warm()
    make.import_helpers()


def rehearse(jobs: list[make.Job]) -> None:
    """Show the sections of the first trust among the jobs as a notebook would, render them, and keep nothing."""
    jobs = [job for job in jobs if "trust" in job.parameters]
    if len(jobs) <= FEW:
        return
    given = jobs[0].parameters
    cells = [
        "from nof.board import sections, trust",
        f"board = trust.open_trust({given['data']!r}, {given['quarter']!r}, {given['trust']!r})",
        *(f"sections.{section.__name__}(board)" for section in sections.ALL),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    with make.even_ground():
        done = papermill.execute_notebook(
            notebook, None, progress_bar=False, kernel_name="python3", engine_name=engine.register()
        )
    make.html_exporter().from_notebook_node(make.settled(done, jobs[0].about))


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
