"""manifest.json: what a report was made from and what it is, so that anybody can hold it to that."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from nof import common
from nof.briefing import parts
from nof.common import InputError, NofError, Problem
from nof.method import opening
from nof.read import mergers
from nof.rules import uncertainty
from nof.rules.recompute import National

# --- What a report rests on besides its inputs: code, lock file, versions of packages ---


# Packages whose version can change what a reader sees.
PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbclient",
    "nbconvert",
    "ipykernel",
    "ipython",
    "mistune",
    "typst",
    "pydantic",
    "pandera",
    "python-docx",
)
ENDINGS = {".py", ".ipynb", ".yaml", ".csv", ".css", ".j2", ".typ", ".js", ".html", ".json"}


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of everything of ours that shapes a briefing: library, notebooks, templates, rules, questions, reference data."""
    package = Path(common.__file__).parent
    digest = hashlib.sha256()
    for label, folder in (
        ("nof", package),
        ("notebooks", common.notebooks()),
        ("frameworks", common.frameworks()),
        ("reference", common.reference("")),
    ):
        for name, path in _sources(folder, skip=package / "_share"):
            digest.update(f"{label}/{name}\0".encode() + path.read_bytes() + b"\0")
    for path in (common.helpers() / "helpers.py", common.share("data", "questions.yaml")):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _sources(folder: Path, skip: Path) -> list[tuple[str, Path]]:
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix in ENDINGS and ".ipynb_checkpoints" not in path.parts and skip not in path.parents
    ]
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a report."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def identity() -> dict[str, str]:
    """What two machines must agree on to make the same briefings: code and versions."""
    return {"code": code_hash(), **versions()}


def code_state() -> dict[str, Any]:
    """Which code made a report: git commit and whether the tree was clean (None in an installed package)."""
    lock = common.share("requirements.lock")
    commit = _git("rev-parse", "HEAD")
    clean = None if commit is None else not _git("status", "--porcelain")
    return {
        "commit": commit,
        "clean": clean,
        "hash": code_hash(),
        "lock": common.sha256(lock) if lock.is_file() else None,
    }


def _git(*words: str) -> str | None:
    """What git says of our own repository; None where we are not in one (or only inside somebody else's)."""
    root = common.share()
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


# --- manifest.json: what a report was made from and what it is, so that anybody can hold it to that ---


MANIFEST = "manifest.json"
MERGERS = "mergers.csv"  # a publication's own table of mergers, see `lineage.known_mergers`
INPUTS = ["file", "kind", "trust_type", "version", "sha256", "rows", "quarters", "superseded"]


def origin(run: str, national: National, data: Path) -> dict[str, Any]:
    """What one run rests on: inputs, code, versions, seeds."""
    return {
        "run_id": run,
        "illustrative": national.publication.illustrative,
        "inputs": inputs(national, data),
        "code": code_state(),
        "versions": versions(),
        "seeds": {"likely range of the rank": uncertainty.SEED, "draws": uncertainty.DRAWS},
    }


def inputs(national: National, data: Path) -> list[dict[str, Any]]:
    """Every file that was read: name, kind, SHA-256, rows.

    Also the folder's own table of mergers, if it has one, and the older files that tell what is restated: those have
    `compared`, wherever they stand.
    """
    found = json.loads(national.publication.files[INPUTS].to_json(orient="records"))
    older = json.loads(opening.restated_of(national).files.reindex(columns=INPUTS).to_json(orient="records"))
    here = {(one["file"], one["sha256"]): one for one in found}
    for one in older:
        if (entry := here.get((one["file"], one["sha256"]))) is None:  # else it is one that is set aside in the folder
            found.append(entry := {**one, "superseded": True})
        entry["compared"] = True
    own = data / MERGERS
    if own.is_file():
        rows = len(mergers.read_mergers(own))
        found.append(
            {
                "file": own.name,
                "kind": "mergers",
                "trust_type": None,
                "version": 1,
                "sha256": common.sha256(own),
                "rows": rows,
                "quarters": "",
                "superseded": False,
            }
        )
    return found


def shaping(inputs: list[dict[str, Any]]) -> list[str]:
    """Hashes of the inputs that shape what a reader sees: those in use, and those that they are compared with."""
    return sorted(
        f"{one['sha256']}{' compared' if one.get('compared') else ''}"
        for one in inputs
        if one.get("compared") or not one.get("superseded")
    )


def write(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest, with the SHA-256 of every other file of the folder."""
    outputs = {
        path.relative_to(folder).as_posix(): common.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    text = json.dumps({**facts, "outputs": outputs}, indent=1, sort_keys=True, default=str)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a report; empty where there is none that can be read."""
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def verify(folder: Path) -> list[str]:
    """Hash a report's files again; a line for each that is missing, changed or unknown.

    Raises
    ------
    InputError
        There is no manifest to hold the report to.
    """
    written = read(folder).get("outputs")
    if not isinstance(written, dict):
        raise InputError(
            Problem(
                str(folder),
                f"has no readable {MANIFEST}, so nothing can be verified",
                expected="the folder of a report, as reports/2025-26-q4",
            )
        )
    home = folder.resolve()
    here = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()} - {MANIFEST}
    problems = [f"missing: {name}" for name in sorted(set(written) - here)]
    problems += [f"not in the manifest: {name}" for name in sorted(here - set(written))]
    return problems + [
        f"changed: {name}" for name in sorted(set(written) & here) if common.sha256(home / name) != written[name]
    ]


# --- What of the last report still holds, and is carried over instead of being made again ---


log = logging.getLogger(__name__)


class Carried(NamedTuple):
    """What a new report takes over from the last.

    Attributes
    ----------
    entries : dict
        Per briefing, its manifest entry.
    origins : dict
        Per earlier run, what its briefings rest on.
    failures : dict
        Error text by name: what failed then and is not tried now.
    """

    entries: dict[str, dict]
    origins: dict[str, dict]
    failures: dict[str, str]


def over(
    last: Path, folder: Path, wanted: dict[str, str], origin: dict[str, Any], *, subset: bool, force: bool
) -> Carried:
    """Copy into a new report what still holds of the last one.

    A briefing that is wanted is carried over if its key is the same. One that is not wanted stays if it belongs to the
    same run (same files, code and parameters); in a run of a subset it also stays if only our code has changed, and
    the manifest goes on to say which code made it. Files are copied, never linked: no later write can reach into a
    published report.

    Parameters
    ----------
    last : Path
        The report in place; need not exist.
    folder : Path
        The report being built.
    wanted : dict
        Keys of the briefings of this run, by name.
    origin : dict
        What this run rests on, as `manifest.origin`.
    subset : bool
        The run was asked for a part of the report only; the rest stays as it is.
    force : bool
        Make everything that is wanted again.

    Raises
    ------
    NofError
        A subset was asked for, but the rest of the report in place rests on other files.
    """
    facts = read(last)
    origins = {**facts.get("earlier_runs", {}), facts["run_id"]: _origin(facts)} if "run_id" in facts else {}
    run, briefings = origin["run_id"], facts.get("briefings", {})
    if subset and any(name not in wanted for name in briefings):
        _same_inputs(facts, origin, last.name)
    entries = {}
    for name, entry in briefings.items():
        holds = not force and entry.get("key") == wanted[name] if name in wanted else subset or entry.get("run") == run
        if holds and isinstance(entry.get("files"), dict) and _bring(last, folder, entry["files"]):
            entries[name] = entry
    used = {entry["run"] for entry in entries.values()} - {run}
    failures = {name: why for name, why in facts.get("failures", {}).items() if subset and name not in wanted}
    return Carried(entries, {one: origins[one] for one in sorted(used) if one in origins}, failures)


def tables(last: Path, folder: Path, run: str) -> bool:
    """Copy the CSV tables of the last report if the same run key made them; whether they are all there now."""
    facts = read(last)
    files = {name: digest for name, digest in facts.get("outputs", {}).items() if name.startswith("tables/")}
    return facts.get("run_id") == run and bool(files) and _bring(last, folder, files)


def _origin(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts.get(name) for name in ("inputs", "code", "versions", "seeds", "illustrative")}


def _same_inputs(facts: dict[str, Any], origin: dict[str, Any], quarter: str) -> None:
    """A report must not show figures from two versions of NHS England's files side by side."""
    if _used(facts) != _used(origin):
        raise NofError(
            f"the report of {quarter} in place was made from other files than these, so a part of it cannot "
            "be made anew; make all of it (without --only and --trust), or put it elsewhere (--out FOLDER)"
        )


def _used(facts: dict[str, Any]) -> tuple[list[str], bool]:
    return shaping(facts.get("inputs") or []), bool(facts.get("illustrative"))


def _bring(last: Path, folder: Path, files: dict[str, str]) -> bool:
    """Copy a briefing's files; False if one of them is no longer what was published."""
    for name, expected in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(last / name, target)
        except FileNotFoundError:
            return _forget(folder, files, name, "is missing")
        if common.sha256(target) != expected:
            return _forget(folder, files, name, "was changed since")
    return True


def _forget(folder: Path, files: dict[str, str], name: str, why: str) -> bool:
    log.warning("%s of the last report %s; it is not carried over", name, why)
    for one in files:
        (folder / one).unlink(missing_ok=True)
    return False


# --- Zip files of a report: one for each trust, and one of everything ---


# The earliest time that a zip entry can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16  # an ordinary file that everyone may read
# Measured on our briefings: level 1 takes about half the time of the usual 6, for zips a tenth larger.
_LEVEL = 1
_PACKED = (".pdf", ".docx", ".png")  # already compressed: doing so again took a third of the time, for zips 2% smaller


def write_trusts(folder: Path, entries: Mapping[str, dict], note: str, pages: Mapping[str, str]) -> dict[str, str]:
    """Write trusts/CODE.zip for each trust that has a briefing.

    Parameters
    ----------
    folder : Path
        The report being built.
    entries : mapping
        Briefings by name, as in the manifest; those without a trust are left alone.
    note : str
        Source, licence and run, which go into each zip as README.txt.
    pages : mapping
        Web pages by name, as they should stand alone, in the place of those of the report.

    Returns
    -------
    dict
        Path of the zip inside the report, by trust code.
    """
    made = {}
    for name, entry in sorted(entries.items()):
        if entry.get("trust"):
            held = {parts.inside(file, name): folder / file for file in entry["files"]}
            held |= {
                Path(page).name + ".html": text.encode()
                for page, text in pages.items()
                if f"{page}.html" in entry["files"]
            }
            _write(folder / f"{name}.zip", Path(name).name, held | {"README.txt": note.encode()})
            made[entry["trust"]] = f"{name}.zip"
    return made


def write_everything(folder: Path, quarter: str, note: str, pages: Mapping[str, str]) -> Path:
    """Write one zip of all files of a report but its zips and its figures, which are in the pages.

    Parameters
    ----------
    pages : mapping
        Web pages by path, as they should stand in the zip, where there are no further zips and quarters to link to; among
        them the index.

    Returns
    -------
    Path
        The zip.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip")
    inside = {path.relative_to(folder).as_posix(): path for path in found}
    inside = {file: path for file, path in inside.items() if not file.startswith(f"{parts.FIGURES}/")}
    place = folder / f"nof-{quarter}.zip"
    _write(
        place,
        place.stem,
        inside | {file: page.encode() for file, page in pages.items()} | {"README.txt": note.encode()},
    )
    return place


def _write(place: Path, top: str, inside: Mapping[str, Path | bytes]) -> None:
    """A zip with everything under one folder; a file is read only when its turn comes."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, content in sorted(inside.items()):
            entry = zipfile.ZipInfo(f"{top}/{name}", _TIME)
            entry.create_system, entry.external_attr = 3, _MODE  # as on Unix, whatever the system
            data = content if isinstance(content, bytes) else content.read_bytes()
            how = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, how, _LEVEL)
