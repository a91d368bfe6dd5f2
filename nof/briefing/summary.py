"""summary.json and summary.html: what the last run of the unattended job did, and what it wants of a person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nof.briefing import index, publish

SUMMARY_PAGE = "summary.html"
DATA = "summary.json"


def write(out: Path, facts: dict[str, Any]) -> None:
    """Write both forms into the reports folder, each with one rename: a reader finds the old one or the new.

    Parameters
    ----------
    out : Path
        The reports folder.
    facts : dict
        As `refresh.Summary.facts`; texts from files are shown as text, folders of this machine are left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    facts = _shown(facts)
    _put(out / SUMMARY_PAGE, index.render("summary.html.j2", **facts))
    _put(out / DATA, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _shown(value: Any) -> Any:
    """The same with every text made fit to be shown to anybody."""
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return index.reason(value) if isinstance(value, str) and value else value


def _put(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.chmod(publish.FILE_MODE)
    os.replace(fresh, path)
