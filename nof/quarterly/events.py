"""What an unattended run says: one JSON line an event in a file, and the same in words on standard error."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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
