"""One briefing: a notebook run by papermill, rendered as HTML and PDF. Takes a job, gives bytes; writes no file."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import papermill

from nof import paths
from nof.briefing import engine
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.pdf import BriefingPDFExporter
from nof.errors import NofError

COLD = "papermill's own engine: an ordinary kernel"


class BriefingFailed(NofError):
    """A notebook that did not run through, or a page that could not be made."""


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
    """

    name: str
    notebook: str
    parameters: dict[str, Any] = field(hash=False)
    about: dict[str, Any] = field(hash=False)
    cold: bool = False


@dataclass(frozen=True)
class Made:
    """A finished briefing: bytes by file ending, and what it took."""

    name: str
    files: dict[str, bytes]
    seconds: float
    peak_mb: float


def make(job: Job) -> Made:
    """Run the notebook and render it.

    Raises
    ------
    BriefingFailed
        Naming the cell and its error.
    """
    started = time.perf_counter()
    notebook = executed(job)
    resources = {"metadata": {"name": Path(job.name).name}}
    try:
        page, _ = html_exporter().from_notebook_node(notebook, resources)
        document, _ = pdf_exporter().from_notebook_node(notebook, resources)
    except NofError as error:
        raise BriefingFailed(f"{job.name}: {error}") from error
    files = {".ipynb": nbformat.writes(notebook).encode(), ".html": page.encode(), ".pdf": document}
    return Made(job.name, files, time.perf_counter() - started, peak_memory_mb())


def executed(job: Job) -> nbformat.NotebookNode:
    """The notebook with outputs, and nothing in it that differs from run to run."""
    source = paths.notebooks() / f"{job.notebook}.ipynb"
    reject_unknown_parameters(source, job.parameters)
    chosen = {"engine_name": None} if job.cold else {"engine_name": engine.register()}
    before = {name: os.environ.get(name) for name in ("PYTHONHASHSEED",)}
    os.environ.setdefault("PYTHONHASHSEED", "0")
    try:
        notebook = papermill.execute_notebook(source, None, dict(job.parameters), progress_bar=False, log_output=False,
                                              kernel_name="python3", cwd=source.parent, **chosen)
    except papermill.PapermillExecutionError as error:
        raise BriefingFailed(f"{job.name}: cell {error.cell_index}: {error.ename}: {error.evalue}") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    return settled(notebook, job.about)


def reject_unknown_parameters(source: Path, given: dict[str, Any]) -> None:
    """papermill only logs a parameter that the notebook does not have; here it is an error."""
    known = papermill.inspect_notebook(str(source))
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BriefingFailed(f"{source.name} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}")


def settled(notebook: nbformat.NotebookNode, about: dict[str, Any]) -> nbformat.NotebookNode:
    """Take out times, random ids and paths that papermill and kernels leave behind."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        tags = cell.metadata.get("tags") or []
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    notebook.metadata = nbformat.from_dict({"kernelspec": dict(notebook.metadata.get("kernelspec", {})),
                                            "language_info": {"name": "python"}, "briefing": about})
    return notebook


@lru_cache(maxsize=1)
def html_exporter() -> BriefingHTMLExporter:
    """One exporter a process: making one costs more than using it."""
    return BriefingHTMLExporter()


@lru_cache(maxsize=1)
def pdf_exporter() -> BriefingPDFExporter:
    """One exporter a process."""
    return BriefingPDFExporter()


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
