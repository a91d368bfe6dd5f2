"""What one run of the job came to: its outcome, its exit code, what it wants of a person; as a page, and for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SUMMARY_PAGE = "summary.html"
DATA = "summary.json"
# What can come of a run, with the exit code that says so.
OUTCOMES = {
    "nothing new": 0,
    "published": 0,
    "at work": 0,
    "failed": 1,
    "stopped": 1,
    "hangs": 1,
    "bad input": 2,
    "source unreachable": 3,
}
WANTED = {
    "nothing new": "Nothing.",
    "published": "Nothing; the briefings can be read.",
    "at work": "Nothing; the run that is at work will finish the job.",
    "failed": "Look at the failures below. Nothing was published and the last report stays; the next run tries again.",
    "stopped": "Look at the reconciliation: the method or the files changed. Nothing was published. When it is "
    "understood, mend the rules or lower reproduce_at_least; the next run goes on from here.",
    "hangs": "Look at the run that holds the lock; end it if it hangs. The next run goes on from there.",
    "bad input": "Mend what is named below (a settings file or a hand-made folder), or tell NHS England if the files "
    "came from there. Nothing was changed.",
    "source unreachable": "Nothing if it happens once: the next run tries again. If it lasts, look at the site with a "
    "browser, download the files by hand and run nof refresh --from FOLDER.",
}


@dataclass
class Summary:
    """What a run did; written as summary.json and summary.html.

    Attributes
    ----------
    outcome : str
        A key of `OUTCOMES`.
    text : str
        The same in a sentence.
    reproduced : dict
        Share (0 to 1) of published figures that came out equal: "all", "newest quarter", and what is "required".
    differences : list of dict
        Counts of what the files say otherwise than the ones before; see `nof.read.difference.overview`.
    published : str
        Folder of the report in the reports folder; empty if this run published nothing.
    """

    run: str
    started: str
    outcome: str = "failed"
    text: str = ""
    seconds: float = 0.0
    quarter: str = ""
    version: str = ""
    previous: str = ""
    changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reproduced: dict[str, float] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    made: int = 0
    kept: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    published: str = ""
    report_run: str = ""
    hook: str = "not run"

    @property
    def exit_code(self) -> int:
        """What a scheduler sees. A hook that failed counts: something was made, and nobody was told."""
        return OUTCOMES[self.outcome] or int(self.hook.startswith("failed"))

    def facts(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"schema": 1, **asdict(self), "exit_code": self.exit_code, "wanted": WANTED[self.outcome]}


def write(out: Path, facts: dict[str, Any]) -> None:
    """Write both forms into the reports folder, each with one rename: a reader finds the old one or the new.

    Parameters
    ----------
    out : Path
        The reports folder.
    facts : dict
        As `Summary.facts`; texts from files are shown as text, folders of this machine are left out.
    """
    from nof.briefing import publish  # here: a run that finds nothing new loads nothing that makes pages
    from nof.briefing.pages import render

    out.mkdir(parents=True, exist_ok=True)
    facts = _shown(facts)
    publish.put(out / SUMMARY_PAGE, render("summary.html.j2", **facts))
    publish.put(out / DATA, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _shown(value: Any) -> Any:
    """The same with every text made fit to be shown to anybody."""
    from nof.briefing.pages import reason

    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return reason(value) if isinstance(value, str) and value else value
