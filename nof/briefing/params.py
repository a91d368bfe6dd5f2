"""One YAML file says what a run makes: quarter, data, trust types, briefings."""

from __future__ import annotations

import datetime as dt
import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nof import common
from nof.common import InputError, Problem, Quarter

_Field = Annotated[str, Field(max_length=120, pattern=r"^[^\x00-\x1f]*$")]  # one line of a front sheet
TIMEOUT = 900.0  # seconds for one briefing; the slowest takes well under a minute


class BoardPaper(BaseModel):
    """The front sheet of a board paper; what is not given becomes a line to write on.

    Attributes
    ----------
    meeting, author, purpose : str, optional
        As they shall stand there: "Board of directors, public session", "For assurance".
    date : date, optional
        Day of the meeting.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    meeting: _Field | None = None
    date: dt.date | None = None
    author: _Field | None = None
    purpose: _Field | None = None


class Params(BaseModel):
    """What a run makes.

    Attributes
    ----------
    quarter : str
        Slug, as "2025-26-q4".
    data : Path
        Folder of the publication.
    trust_types : list of str, optional
        Slugs; all that the folder holds if not given.
    briefings : list of str, optional
        Names of national notebooks; all if not given.
    trusts : list of str
        Codes of trusts that get a briefing of their own.
    formats : list of {"html", "pdf", "docx"}
        Forms of each briefing; web page and PDF are always made, a Word document where it is named.
    commentary : Path, optional
        Folder of the trusts' own commentaries, CODE.md; see `nof.briefing.commentary`.
    own_values : Path, optional
        CSV file with newer values of the one trust in `trusts`, which gets a nowcast (see `nof.method.nowcast`).
    board_paper : BoardPaper, optional
        Where it is given, even empty, each trust also gets a paper for its board, as PDF and as a Word document.
    binder : bool
        Whether each trust also gets one PDF of all its pages, with bookmarks.
    reproduce_at_least : float
        Share of published figures (0 to 1) below which an unattended run stops before it publishes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarter: str
    data: Path
    trust_types: list[str] | None = None
    briefings: list[str] | None = None
    trusts: list[str] = []
    formats: list[Literal["html", "pdf", "docx"]] = ["html", "pdf"]
    commentary: Path | None = None
    own_values: Path | None = None
    board_paper: BoardPaper | None = None
    binder: bool = False
    reproduce_at_least: float = 0.9

    @field_validator("quarter")
    @classmethod
    def _in_one_spelling(cls, given: str) -> str:
        """The slug; what is no quarter is left to `plan.settled`, which knows the ones that there are."""
        try:
            return Quarter.parse(given).slug
        except ValueError:
            return given

    @field_validator("formats")
    @classmethod
    def _with_what_is_always_made(cls, given: list[str]) -> list[str]:
        return [one for one in ("html", "pdf", "docx") if one in {*given, "html", "pdf"}]

    @field_validator("trust_types", "briefings", "trusts")
    @classmethod
    def _each_once(cls, given: list[str] | None) -> list[str] | None:
        return None if given is None else list(dict.fromkeys(given))

    @field_validator("briefings")
    @classmethod
    def _are_notebooks(cls, given: list[str] | None) -> list[str] | None:
        unknown = sorted(set(given or []) - set(national_briefings()))
        if unknown:
            raise ValueError(f"no such briefing: {', '.join(unknown)}; known are {', '.join(national_briefings())}")
        return given

    @model_validator(mode="after")
    def _own_values_have_their_trust(self) -> Params:
        if self.own_values is not None and len(self.trusts) != 1:
            raise ValueError(f"own_values are those of one trust, but trusts names {len(self.trusts)}")
        return self

    @field_validator("reproduce_at_least")
    @classmethod
    def _is_a_share(cls, given: float) -> float:
        if not 0 <= given <= 1:
            raise ValueError("expected a share from 0 to 1")
        return given


TRUST_NOTEBOOK = "trust_briefing"
SAFE_NOTEBOOK = "safe_to_say"
PAPER_NOTEBOOK = "board_paper"
ROWS_NOTEBOOK = "national_rows"
GLOSSARY_NOTEBOOK = "glossary"
NOWCAST_NOTEBOOK = "nowcast"
# Notebooks that are no national briefing: four run for each trust, one for a trust's own values, one is for exploring.
NOT_NATIONAL = (TRUST_NOTEBOOK, SAFE_NOTEBOOK, PAPER_NOTEBOOK, ROWS_NOTEBOOK, NOWCAST_NOTEBOOK, "explore")


def national_briefings() -> list[str]:
    """Names of the national notebooks, in the order in which a reader would want them."""
    first = ["league_table", "limitations", "metric_rankings", "reconciliation", "glossary"]
    found = {path.stem for path in common.notebooks().glob("*.ipynb")} - set(NOT_NATIONAL)
    return [name for name in first if name in found] + sorted(found - set(first))


def load(path: Path, **changes: Any) -> Params:
    """Read and check a params file; paths in it are relative to it.

    Parameters
    ----------
    path : Path
    **changes
        Values that replace those of the file (None: keep the file's).

    Raises
    ------
    InputError
        The file is missing, is not YAML, has an unknown key or a bad value; every fault is listed.
    """
    given = common.mapping(path)
    for key in ("data", "commentary", "own_values"):
        if isinstance(given.get(key), str):
            given[key] = (path.resolve().parent / Path(given[key]).expanduser()).resolve()
    given |= {key: value for key, value in changes.items() if value is not None}
    try:
        return Params.model_validate(given)
    except ValidationError as error:
        raise InputError(_problem(path.name, fault) for fault in error.errors()) from error


def _problem(name: str, fault: Any) -> Problem:
    key = ".".join(str(step) for step in fault["loc"])
    known = list(Params.model_fields)
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return Problem(name, f"unknown key{hint}", column=key, expected=f"one of {', '.join(known)}")
    message = fault["msg"].removeprefix("Value error, ")
    found = fault["input"] if isinstance(fault["input"], str | int | float | list) else None
    return Problem(name, message, column=key or None, value=None if found is None else str(found))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """How a run works, as against what it makes.

    Attributes
    ----------
    out : Path
        The reports folder.
    only : tuple of str
        Names of the national notebooks to make alone; the rest of the report stays as it is.
    trusts : tuple of str
        Codes of the trusts to make alone; the rest of the report stays as it is.
    all_trusts : bool
        Make every trust's briefing too.
    jobs : int
        Briefings at a time.
    cold, force, show_code : bool
        Ordinary kernels; make everything again though nothing changed; HTML pages with the code above its results.
    publish_partial : int
        Exactly so many failures are accepted.
    timeout : float
        Seconds that one briefing may take.
    scheduler : str, optional
        Address of a Dask scheduler whose workers make the briefings.
    """

    out: Path
    only: tuple[str, ...] = ()
    trusts: tuple[str, ...] = ()
    all_trusts: bool = False
    jobs: int = field(default_factory=cores)
    cold: bool = False
    force: bool = False
    show_code: bool = False
    publish_partial: int = 0
    timeout: float = TIMEOUT
    scheduler: str | None = None

    @property
    def subset(self) -> bool:
        """Only a part of the report is asked for."""
        return bool(self.only or self.trusts)
