"""What a trust may say, what it may not, and answers to what it may be asked, as tables.

The lines stand in data/reference/safe_to_say.yaml in the order in which they are shown; each is decided by a condition on
facts and carries the test that it rests on, with its figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from nof import common
from nof.common import kept
from nof.method.safe_facts import Told
from nof.show import lines, say
from nof.show.display import Column, Table, shown
from nof.show.lines import Entry, Text

FILE = "safe_to_say.yaml"
MOST = {"say": 7, "not": 6, "asked": 5}  # lines of each part: together they fill one page


class Line(Entry):
    """One line that may stand on the sheet.

    Attributes
    ----------
    part : {"say", "not", "asked"}
    text : str
        What may be said, what may not, or what may be asked.
    answer : str
        To what may be asked; empty in the other parts.
    rests_on : str
        The test behind it with its figures; why it may not be said.
    """

    noun: ClassVar[str] = "line"
    templates: ClassVar[tuple[str, ...]] = ("text", "answer", "rests_on")

    part: Literal["say", "not", "asked"]
    text: Text
    answer: str = ""
    rests_on: Text


def may_say(told: Told) -> Table | None:
    """What the tests support; None for a trust without a place."""
    return _table(told, "say", "You may say: what the tests support", "Line", "The test it rests on")


def may_not_say(told: Told) -> Table | None:
    """What the tests do not support; None for a trust without a place."""
    return _table(told, "not", "You may not say: what the tests do not support", "Line", "Why not")


def if_asked(told: Told) -> Table | None:
    """Answers to what a trust may be asked; None for a trust without a place."""
    return _table(
        told, "asked", "If asked: answers that the tests support", "Question and answer", "The test it rests on"
    )


def lines_of(told: Told, path: Path | None = None) -> pd.DataFrame:
    """Every line whose condition holds, in the order of the file.

    Returns
    -------
    DataFrame
        id, part, text, answer, rests_on: plain text. No rows for a trust without a place.

    Raises
    ------
    InputError
        The file cannot be read, or a line of it cannot be filled in; each is named.
    """
    path = path or common.reference(FILE)
    return _filled(told, path, lines.read(path, Line, "lines"))


@kept
def _filled(told: Told, path: Path, entries: tuple[Line, ...]) -> pd.DataFrame:
    columns = ["id", "part", "text", "answer", "rests_on"]
    if told.safe is None:
        return pd.DataFrame(columns=columns)
    facts = [told.safe, told.stands, told.why, told.since, told.way, told.bearing, told.who]
    there = say.Names.of(facts, {"peers": told.peers})
    found = lines.filled(path, entries, there)
    rows = [(one.id, one.part, *(shown(said[name].markdown) for name in one.templates)) for one, said in found]
    return pd.DataFrame(rows, columns=columns)


def _table(told: Told, part: str, caption: str, line: str, test: str) -> Table | None:
    found = lines_of(told)
    found = found[found["part"] == part].head(MOST[part]).reset_index(drop=True)
    found = found.assign(line=(found["text"] + " " + found["answer"]).str.strip())
    columns = (Column("line", line, row_header=True), Column("rests_on", test))
    return Table(found, caption, columns) if len(found) else None
