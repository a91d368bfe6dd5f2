"""What has to be true of a briefing, and of a whole report, before anybody may read it."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import nbformat

from nof.briefing.check import check_html, check_pdf
from nof.briefing.make import BriefingFailed, Job, Made, make
from nof.briefing.provenance import sha256

ENDINGS = (".html", ".ipynb", ".pdf")
_SHOWN = 5  # problems named in one message


def checked(job: Job) -> Made:
    """Make a briefing and look at what came out; anything wrong with it is a failure.

    Raises
    ------
    BriefingFailed
        The notebook did not run through, or its notebook, HTML or PDF is not fit to be sent.
    """
    made = make(job)
    problems = [f"ipynb {one}" for one in check_notebook(made.files[".ipynb"])]
    with tempfile.TemporaryDirectory(prefix="nof-check-") as folder:
        for ending, check in ((".html", check_html), (".pdf", check_pdf)):
            path = Path(folder) / f"page{ending}"
            path.write_bytes(made.files[ending])
            problems += [f"{ending[1:].upper()} {problem}" for problem in check(path)]
    if problems:
        raise BriefingFailed("; ".join(problems[:_SHOWN]))
    return made


def check_notebook(content: bytes) -> list[str]:
    """Problems of an executed notebook: not readable, a code cell that was not run, an error left in its outputs."""
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # noqa: BLE001 - json, unicode or schema: nbformat raises many kinds
        return [f"cannot be read: {type(error).__name__}"]
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            problems.append(f"cell {number} was not run")
        if any(_is_error(one) for one in cell.outputs):
            problems.append(f"cell {number} shows an error")
    return problems


def _is_error(output: nbformat.NotebookNode) -> bool:
    left = "Traceback (most recent call last)" in output.get("text", "")
    return output.output_type == "error" or left


def hashes(made: Made) -> dict[str, str]:
    """SHA-256 of a briefing's files by name, as they left the worker."""
    return {f"{made.name}{ending}": hashlib.sha256(content).hexdigest() for ending, content in made.files.items()}


def problems(folder: Path, entries: dict[str, dict]) -> list[str]:
    """What is wrong with a report that is about to be published: a line for each file missing, empty or changed.

    Parameters
    ----------
    folder : Path
        The finished report.
    entries : dict
        Per briefing, `files`: the hash of each as it was checked (when made, or when it was last published).
    """
    found = []
    for name, entry in entries.items():
        found += [f"{name}: no {ending[1:]} file" for ending in ENDINGS if f"{name}{ending}" not in entry["files"]]
        for file, expected in entry["files"].items():
            path = folder / file
            if not path.is_file():
                found.append(f"{file} is missing")
            elif sha256(path) != expected:
                found.append(f"{file} is not what was made ({path.stat().st_size} bytes on the disk)")
    found += [
        f"{path.relative_to(folder).as_posix()} is empty"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size == 0
    ]
    return found
