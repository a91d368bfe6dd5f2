"""One briefing: a notebook run by papermill, rendered as HTML and PDF. Takes a job, gives bytes; writes no file."""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import papermill
import psutil
from nbconvert.exporters.exporter import Exporter

from nof import common
from nof.briefing import binder
from nof.briefing.engine import register
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.parts import parts
from nof.briefing.pdf import BriefingPDFExporter
from nof.common import NofError

MOST_SHOWN = 20_000_000  # characters of what a cell shows; a long table of a real publication has one
HOME = str(common.helpers())  # so that a notebook finds our helpers.py wherever it is run


class BriefingFailed(NofError):
    """A notebook that did not run through, or a page that could not be made."""


@dataclass(frozen=True)
class Sheet:
    """A further page made with a briefing, by the same process: what it computed is at hand.

    Attributes
    ----------
    ending : str
        What is added to the briefing's name, as "-safe-to-say".
    notebook : str
        Name of the notebook in notebooks/; it takes the briefing's own parameters.
    parameters : dict
        What it takes beside them; what is None it does not take.
    about : dict
        What differs from what the briefing says of itself.
    formats : tuple of str, optional
        Forms of this page; None: those of the briefing. A page without any goes into the binder alone.
    title : str
        Its bookmark in the binder.
    """

    ending: str
    notebook: str
    about: dict[str, Any] = field(default_factory=dict, hash=False)
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    formats: tuple[str, ...] | None = None
    title: str = ""


@dataclass(frozen=True)
class Job:
    """One briefing to make.

    Attributes
    ----------
    name : str
        Path of the result without its ending, as "league_table-acute" or "trusts/R1A".
    notebook : str
        Name of the notebook in notebooks/.
    parameters : dict
        What papermill hands to the notebook.
    about : dict
        What the briefing says of itself; see `nof.briefing.document.Meta`.
    cold : bool
        Run in an ordinary kernel although a warm copy of this process could.
    timeout : float, optional
        Seconds that one cell may take in an ordinary kernel (a warm copy is timed as a whole, by its executor).
    beside : tuple of Sheet
        Further pages that belong to it.
    formats : tuple of {"html", "pdf", "docx"}
        Its forms beside the executed notebook.
    binder : str
        Subtitle of the one PDF of all these pages; empty where none is to be made.
    """

    name: str
    notebook: str
    parameters: dict[str, Any] = field(hash=False)
    about: dict[str, Any] = field(hash=False)
    cold: bool = False
    timeout: float | None = None
    beside: tuple[Sheet, ...] = ()
    formats: tuple[str, ...] = ("html", "pdf")
    binder: str = ""


@dataclass(frozen=True)
class Made:
    """A finished briefing: bytes by file ending (with that of a sheet before it), its parts by path inside a report, and
    what it took (seconds, megabytes).
    """

    name: str
    files: dict[str, bytes]
    seconds: float
    peak_mb: float
    parts: dict[str, bytes] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, bytes]:
        """Bytes of every file by its path inside a report."""
        return {f"{self.name}{ending}": content for ending, content in self.files.items()} | self.parts


def make(job: Job) -> Made:
    """Run the notebook and render it.

    Raises
    ------
    BriefingFailed
        Naming the cell and its error.
    """
    started = time.perf_counter()
    files, shown = rendered(job)
    pages = [("Briefing", files[".ipynb"])]
    for sheet, alone in sheets(job):
        page, own = rendered(alone)
        pages.append((sheet.title, page[".ipynb"]))
        if sheet.formats != ():
            files |= {f"{sheet.ending}{ending}": content for ending, content in page.items()}
            shown |= own
    if job.binder:
        files[binder.ENDING] = binder.bound(pages, job.binder)
    return Made(job.name, files, time.perf_counter() - started, peak_memory_mb(), shown)


def sheets(job: Job) -> Iterator[tuple[Sheet, Job]]:
    """Each further page of a briefing, and the job that makes this page alone."""
    for sheet in job.beside:
        given = job.parameters | sheet.parameters
        yield (
            sheet,
            replace(
                job,
                name=f"{job.name}{sheet.ending}",
                notebook=sheet.notebook,
                parameters={key: one for key, one in given.items() if one is not None},
                about=job.about | sheet.about,
                formats=job.formats if sheet.formats is None else sheet.formats,
                beside=(),
                binder="",
            ),
        )


def rendered(job: Job) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """One page of a briefing: bytes by file ending, and its parts by path; errors as of `make`."""
    notebook = executed(job)
    resources = {"metadata": {"name": Path(job.name).name, "path": str(common.notebooks())}}
    files = {".ipynb": nbformat.writes(notebook).encode()}
    try:
        for form in job.formats:
            content, _ = exporter(form).from_notebook_node(notebook, dict(resources))
            files[f".{form}"] = content.encode() if isinstance(content, str) else content
    except NofError as error:
        raise BriefingFailed(str(error)) from error
    return files, parts(notebook, job.name, job.parameters)


def executed(job: Job) -> nbformat.NotebookNode:
    """The notebook with outputs, and nothing in it that differs from run to run."""
    source = common.notebooks() / f"{job.notebook}.ipynb"
    reject_unknown_parameters(source, job.parameters)
    how = _ordinary_kernel(job) if job.cold else {"engine_name": register()}
    try:
        with even_ground(job.cold):
            notebook = papermill.execute_notebook(
                source,
                None,
                dict(job.parameters),
                progress_bar=False,
                log_output=False,
                kernel_name="python3",
                cwd=source.parent,
                **how,
            )
    except papermill.PapermillExecutionError as error:
        raise BriefingFailed(f"cell {error.cell_index}: {error.ename}: {error.evalue}") from error
    except Exception as error:  # a kernel that was killed, did not start, or took too long; whatever nbclient raises
        raise BriefingFailed(f"{job.notebook}.ipynb: {type(error).__name__}: {_first_line(error)}") from error
    _hold_size(notebook)
    _forget_place(notebook, job.parameters)
    _forget_width(notebook)
    return settled(notebook, job.about)


def _hold_size(notebook: nbformat.NotebookNode) -> None:
    """Refuse what no page can hold, before it is set: a notebook that prints without end, say."""
    for number, cell in enumerate(notebook.cells, start=1):
        size = sum(
            len(output.get("text", ""))
            + sum(len(one) for one in output.get("data", {}).values() if isinstance(one, str))
            for output in cell.get("outputs", [])
        )
        if size > MOST_SHOWN:
            told = f"{size / 1e6:.0f} MB, and a page takes at most {MOST_SHOWN / 1e6:.0f} MB of a cell"
            raise BriefingFailed(f"cell {number} shows {told}")


def _forget_place(notebook: nbformat.NotebookNode, parameters: dict[str, Any]) -> None:
    """Where the operator keeps the files is nobody's business, and differs from machine to machine."""
    line = f"data = {json.dumps(Path(parameters.get('data', '')).name)}"
    for cell in notebook.cells:
        if "injected-parameters" in (cell.metadata.get("tags") or []):
            cell.source = re.sub(r"^data = .*$", lambda _: line, cell.source, flags=re.MULTILINE)


def _forget_width(notebook: nbformat.NotebookNode) -> None:
    """A frame's plain text is folded to the width of whatever terminal there was; its table is what readers see."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data.pop("text/plain", None)


def _ordinary_kernel(job: Job) -> dict[str, Any]:
    """papermill's own engine; the kernel keeps its notices (that it listens on this machine, say) to itself."""
    return {
        "engine_name": None,
        "execution_timeout": job.timeout and int(job.timeout + 1),
        "extra_arguments": ["--IPKernelApp.log_level=40"],
    }


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


@contextmanager
def even_ground(cold: bool = False) -> Iterator[None]:
    """The same start for every notebook: our own helpers.py, a fixed hash seed, the defaults of matplotlib and pandas.

    In this process another notebook may have run before: what it set, and what it drew by chance, must not shape this one.
    """
    if cold:
        with _environment(
            PYTHONHASHSEED=os.environ.get("PYTHONHASHSEED", "0"),
            PYTHONPATH=os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")])),
        ):
            yield
        return
    import matplotlib

    matplotlib.rcdefaults()  # a matplotlibrc in the operator's working directory must not shape a briefing
    pd.reset_option("^display")
    chance = random.getstate(), np.random.get_state()
    try:
        with _our_helpers(), np.printoptions():
            yield
    finally:
        random.setstate(chance[0])
        np.random.set_state(chance[1])


@contextmanager
def _our_helpers() -> Iterator[None]:
    sys.path.insert(0, HOME)
    try:
        yield
    finally:
        sys.path.remove(HOME)


def import_helpers() -> None:
    """Import everything that a notebook may ask helpers for, so that forked copies have it."""
    with _our_helpers():
        helpers = importlib.import_module("helpers")
    for name in helpers.__all__:
        getattr(helpers, name)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def reject_unknown_parameters(source: Path, given: dict[str, Any]) -> None:
    """papermill only logs a parameter that the notebook does not have; here it is an error."""
    known = _parameters_of(source, source.stat().st_mtime_ns if source.is_file() else 0)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BriefingFailed(f"{source.name} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}")


@lru_cache(maxsize=16)
def _parameters_of(source: Path, changed: int) -> frozenset[str]:
    return frozenset(papermill.inspect_notebook(str(source)))


def settled(notebook: nbformat.NotebookNode, about: dict[str, Any]) -> nbformat.NotebookNode:
    """Take out what papermill and kernels leave behind: times, random ids, what libraries say to an operator."""
    run = 0
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        tags = cell.metadata.get("tags") or []
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code" and cell.execution_count is not None:
            run += 1
            _settle_outputs(cell, run)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": dict(notebook.metadata.get("kernelspec", {})),
            "language_info": {"name": "python"},
            "briefing": {**(notebook.metadata.get("briefing") or {}), **about},  # how it is set, what it says of itself
        }
    )
    return notebook


def _settle_outputs(cell: Any, count: int) -> None:
    cell.outputs = [one for one in cell.outputs if not _operators_business(one)]
    for one in (cell, *(one for one in cell.outputs if one.output_type == "execute_result")):
        one.execution_count = count


def _operators_business(output: Any) -> bool:
    """A warning on standard error is no part of a briefing; a traceback there stays, so that the checks find it."""
    return (
        output.output_type == "stream"
        and output.name == "stderr"
        and "Traceback (most recent call last)" not in output.text
    )


@lru_cache(maxsize=3)
def exporter(form: str) -> Exporter:
    """The exporter of a form ("html", "pdf", "docx"), one a process: making one costs more than using it."""
    if form == "docx":  # only where it is asked for: most runs need no Word
        from nof.briefing.word import BriefingDocxExporter

        return BriefingDocxExporter()
    return {"html": BriefingHTMLExporter, "pdf": BriefingPDFExporter}[form]()


def peak_memory_mb() -> float:
    """Largest resident memory so far of this process, or of a kernel that it started, in megabytes."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    both = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(both) * unit / 1e6
