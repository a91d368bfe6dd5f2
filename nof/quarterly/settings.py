"""What an unattended run says: one JSON line an event in a file, and the same in words on standard error."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nof import common
from nof.common import InputError, Problem

if TYPE_CHECKING:
    from nof.briefing.params import Params


# --- What the unattended job does: params/refresh.yaml, read and checked ---


STATE = ".refresh"  # in the folder of downloads: the lock, the log, and what was finished
Moment = Literal["nothing new", "published", "failed", "stopped", "bad input", "source unreachable"]


class Settings(BaseModel):
    """What the job does; see params/refresh.yaml for the meaning of each key."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    raw: Path
    reports: Path
    trust_types: list[str] | None = None
    briefings: list[str] | None = None
    trusts: list[str] = []
    all_trusts: bool = True
    reproduce_at_least: Annotated[float, Field(ge=0, le=1)] = 0.9
    jobs: Annotated[int, Field(ge=1)] | None = None
    timeout: Annotated[float, Field(ge=1)] | None = None
    hook: list[str] = []
    hook_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    hook_on: list[Moment] = ["published", "failed", "stopped", "bad input", "source unreachable"]
    hung_after_hours: Annotated[float, Field(gt=0)] = 6
    hosts: list[str] = []
    start: str | None = None

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, given: list[str]) -> list[str]:
        from nof.quarterly.catalogue import Origin

        for text in given:
            Origin.parse(text)
        return given

    @model_validator(mode="after")
    def _start_is_on_a_host(self) -> Settings:
        if self.start is not None:
            from nof.quarterly.catalogue import Origin, Policy

            reason = Policy(frozenset(), origins=frozenset(map(Origin.parse, self.hosts))).refusal(self.start)
            if reason:
                raise ValueError(f"start: {self.start}: {reason}; name its host under hosts")
        return self

    def sources(self) -> dict[str, Any]:
        """Where downloads may come from, as arguments of `fetch.fetch_latest`: the catalogue, and hosts of one's own.

        With a `start` of one's own, the addresses that the catalogue knows are not asked: they are elsewhere.
        """
        if not self.hosts:
            return {}
        from nof.quarterly.catalogue import Origin, load_catalogue

        origins = frozenset(map(Origin.parse, self.hosts))
        if self.start is None:
            return {"origins": origins}
        return {"origins": origins, "catalogue": replace(load_catalogue(), start=self.start, publications={})}

    @property
    def state(self) -> Path:
        """The folder of the lock, the log and the state."""
        return self.raw / STATE

    def params(self, quarter: str, data: Path) -> Params:
        """The parameters of the run that renders a quarter."""
        from nof.briefing.params import Params

        given = self.model_dump(include={"trust_types", "briefings", "trusts", "reproduce_at_least"})
        return Params(quarter=quarter, data=data, **given)

    @property
    def asked(self) -> str:
        """Hash of what shapes a report, so that a change of settings makes it anew."""
        shaping = self.model_dump_json(include={"trust_types", "briefings", "trusts", "all_trusts"})
        return hashlib.sha256(shaping.encode()).hexdigest()[:12]


def load(path: Path | None = None, **changes: Any) -> Settings:
    """Read and check a settings file.

    Parameters
    ----------
    path : Path, optional
        Paths in it are relative to it. By default the project's own params/refresh.yaml; where that lies inside an
        installed package, its paths are taken as if it lay in the params folder of the working directory: downloads go
        to data/raw there and reports to reports, never into the package.
    **changes
        Values that replace those of the file (None: keep the file's).

    Raises
    ------
    InputError
        The file is missing, is not YAML, has an unknown key or a bad value; every fault is listed.
    """
    home = Path.cwd() / "params" if path is None and common.installed() else None
    path = path or common.share("params", "refresh.yaml")
    given = common.mapping(path)
    for key in ("raw", "reports"):
        if isinstance(given.get(key), str):
            given[key] = ((home or path.resolve().parent) / Path(given[key]).expanduser()).resolve()
    given |= {key: value for key, value in changes.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise InputError(_problem(path.name, fault) for fault in error.errors()) from error


def _problem(name: str, fault: Any) -> Problem:
    key = ".".join(str(step) for step in fault["loc"])[:100]
    if fault["type"] == "extra_forbidden":
        return Problem(name, "unknown key", column=key, expected=f"one of {', '.join(Settings.model_fields)}")
    found = None if fault["type"] == "missing" else str(fault["input"])[:100]
    return Problem(name, fault["msg"], column=key or None, value=found)


# --- What an unattended run says: one JSON line an event in a file, and the same in words on standard error ---


FILE = "events.jsonl"
LARGEST = 5_000_000  # bytes; then the file becomes events.jsonl.1, and the one before that goes
_LONGEST = 4_000  # characters of one text
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_log = logging.getLogger(__name__)


def event(name: str, text: str, level: int = logging.INFO, /, **facts: Any) -> None:
    """Say that something happened.

    Parameters
    ----------
    name : str
        Short and always the same, for whoever filters: "fetched", "published".
    text : str
        The same for a person.
    level : int
        Of the `logging` module.
    **facts
        Values for the JSON line.
    """
    _log.log(level, "%s", text, extra={"event": name, "facts": facts})


class _Json(logging.Formatter):
    def __init__(self, run: str):
        super().__init__()
        self.run = run

    def format(self, record: logging.LogRecord) -> str:
        """One event as a line."""
        line = {
            "time": _time(record),
            "run": self.run,
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "note"),
            "text": record.getMessage()[:_LONGEST],
            "logger": record.name,
        }
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)[-_LONGEST:]
        return json.dumps(line, ensure_ascii=True, default=str)


class _Words(logging.Formatter):
    """One line each, whatever the text holds: a name from a file cannot write a second line."""

    def format(self, record: logging.LogRecord) -> str:
        """One event as a line."""
        text = _CONTROL.sub(" ", record.getMessage())[:_LONGEST]
        said = f"{_time(record)} {record.levelname.lower()}: {text}"
        return f"{said}\n{self.formatException(record.exc_info)}" if record.exc_info else said


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")


class _File(logging.FileHandler):
    """A log that cannot be written (a full disk, say) must not end the run that it tells of."""

    failed = False

    def close(self) -> None:
        """Close the file; a full disk is no reason to fail."""
        with suppress(OSError):  # what is left in the buffer of a full disk
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name logging asks for
        """Say once that the file cannot be written."""
        if not self.failed:
            self.failed = True
            sys.stderr.write(f"{FILE} cannot be written: {sys.exc_info()[1]}\n")


@contextmanager
def recorded(folder: Path, run: str, *, quiet: bool = False) -> Iterator[None]:
    """While this lasts, all that the library logs goes to folder/events.jsonl and to standard error.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    run : str
        Stands in each line, so that lines of one run can be told from another's.
    quiet : bool
        Standard error gets warnings and errors only (cron sends every line as a mail).
    """
    ours = logging.getLogger("nof")
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(_Words())
    handlers[0].setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        handlers.append(_file(folder, run))
    except OSError as error:
        sys.stderr.write(f"{FILE} cannot be written: {error}\n")
    before = ours.level, ours.propagate
    ours.setLevel(logging.INFO)
    ours.propagate = False
    for handler in handlers:
        ours.addHandler(handler)
    try:
        yield
    finally:
        ours.setLevel(before[0])
        ours.propagate = before[1]
        for handler in handlers:
            ours.removeHandler(handler)
            handler.close()


def _file(folder: Path, run: str) -> logging.Handler:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    if path.exists() and path.stat().st_size > LARGEST:
        os.replace(path, path.with_name(f"{FILE}.1"))
    handler = _File(path, encoding="utf-8")
    handler.setFormatter(_Json(run))
    return handler
