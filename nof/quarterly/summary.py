"""The page of one run of the job, and the same for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nof.briefing import publish
from nof.briefing.pages import reason, render

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
    publish.put(out / SUMMARY_PAGE, render("summary.html.j2", **facts))
    publish.put(out / DATA, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _shown(value: Any) -> Any:
    """The same with every text made fit to be shown to anybody."""
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return reason(value) if isinstance(value, str) and value else value
