"""Questions that a board might ask: each a condition on facts, a text, and the test that it rests on.

They stand in data/questions.yaml, in the order in which they are asked. A condition is a Jinja2 expression that gives true
or false; a text is filled in like any sentence (`nof.show.say`). A name that is not among the facts stops the run, also in
a question that would not be asked.

    questions:
      - id: override-held
        when: held and segment_unadjusted < segment
        ask: The override holds us in {{ segment | segment }}. What would have to be true of our finances for it to go?
        rests_on: the financial override, as published
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nof import common
from nof.show import lines, say
from nof.show.display import Words
from nof.show.lines import Entry, Text

MOST = 5  # questions asked of one board


class Question(Entry):
    """One question that may be asked.

    Attributes
    ----------
    ask : str
        The question, in Markdown with facts filled in.
    rests_on : str
        The test or figure behind it.
    """

    noun: ClassVar[str] = "question"
    templates: ClassVar[tuple[str, ...]] = ("ask",)

    ask: Text
    rests_on: Text


@dataclass(frozen=True)
class Asked:
    """A question whose condition holds: its id, its text with the facts filled in, and what it rests on."""

    id: str
    text: str
    rests_on: str
    facts: dict[str, Any] = field(default_factory=dict, compare=False)


def questions(*facts: Any, most: int = MOST, path: Path | None = None, **names: Any) -> Words:
    """The questions that the facts raise, as a numbered list; blank where they raise none.

    Parameters
    ----------
    *facts : Facts or mapping
        Where the names of conditions and texts are looked for, first come first.
    most : int
        Questions asked at most: the first of the file whose condition holds.
    path : Path, optional
        Another file than data/questions.yaml.
    **names
        Names beside those of the facts.

    Raises
    ------
    InputError
        The file cannot be read, or a question of it cannot be asked; each is named.
    """
    found = asked(*facts, path=path, **names)[:most]
    told = {
        "filled": [one for each in found for one in each.facts["filled"]],
        "read": {name: source for each in found for name, source in each.facts["read"].items()},
        "beside": sorted({name for each in found for name in each.facts["beside"]}),
        "questions": [each.id for each in found],
    }
    text = "\n".join(f"{number}. {each.text}" for number, each in enumerate(found, 1))
    return Words(text, told if found else {})


def asked(*facts: Any, path: Path | None = None, **names: Any) -> list[Asked]:
    """Every question whose condition holds, in the order of the file; arguments and errors as of `questions`."""
    path = path or common.share("data", "questions.yaml")
    there = say.Names.of(list(facts), names)
    return [
        Asked(one.id, " ".join(said["ask"].markdown.split()), one.rests_on, dict(said["ask"].facts))
        for one, said in lines.filled(path, read(path), there)
    ]


def read(path: Path) -> tuple[Question, ...]:
    """The questions of a file; errors as of `lines.read`."""
    return lines.read(path, Question, "questions")
