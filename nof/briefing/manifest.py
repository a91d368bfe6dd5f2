"""manifest.json: what a report was made from and what it is, so that anybody can hold it to that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nof import lineage, uncertainty, view
from nof.briefing.provenance import code_state, sha256, versions
from nof.errors import InputError, Problem
from nof.recompute import National

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
    older = json.loads(view.restated_of(national).files.reindex(columns=INPUTS).to_json(orient="records"))
    here = {(one["file"], one["sha256"]): one for one in found}
    for one in older:
        if (entry := here.get((one["file"], one["sha256"]))) is None:  # else it is one that is set aside in the folder
            found.append(entry := {**one, "superseded": True})
        entry["compared"] = True
    own = data / MERGERS
    if own.is_file():
        rows = len(lineage.read_mergers(own))
        found.append(
            {
                "file": own.name,
                "kind": "mergers",
                "trust_type": None,
                "version": 1,
                "sha256": sha256(own),
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
        path.relative_to(folder).as_posix(): sha256(path)
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
        f"changed: {name}" for name in sorted(set(written) & here) if sha256(home / name) != written[name]
    ]
