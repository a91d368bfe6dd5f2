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
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nof import common
from nof.common import InputError, Problem
from nof.show import say
from nof.show.display import Words

MOST = 5  # questions asked of one board
_Text = Annotated[str, Field(min_length=1)]
# YAML reads "true" as what it is: a question that is always asked.
_Condition = Annotated[_Text, BeforeValidator(lambda given: str(given).lower() if isinstance(given, bool) else given)]


class Question(BaseModel):
    """One question that may be asked.

    Attributes
    ----------
    id : str
        A name of its own, in small letters.
    when : str
        Condition on facts.
    ask : str
        The question, in Markdown with facts filled in.
    rests_on : str
        The test or figure behind it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    when: _Condition
    ask: _Text
    rests_on: _Text


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
    found, problems = [], []
    for question in read(path):
        try:
            words = say.fill(question.ask, there) if say.holds(question.when, there) else None
            say.reject_unknown(question.ask, there)
        except say.TemplateError as error:
            problems.append(_problem(path, question.id, str(error)))
            continue
        if words is not None:
            text = " ".join(words.markdown.split())
            found.append(Asked(question.id, text, question.rests_on, dict(words.facts)))
    if problems:
        raise InputError(problems)
    return found


def read(path: Path) -> tuple[Question, ...]:
    """The questions of a file, each of which can be asked as far as that can be told without facts.

    Raises
    ------
    InputError
        Naming each question at fault: an unknown or missing key, an id given twice, a text that is no template.
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> tuple[Question, ...]:
    given = common.mapping(path)
    entries = given.get("questions")
    if not isinstance(entries, list) or set(given) != {"questions"}:
        raise InputError(
            Problem(path.name, "expected one key, questions, with a list", value=", ".join(map(str, given)))
        )
    found, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(Question.model_validate(entry))
        except ValidationError as error:
            name = entry.get("id", number) if isinstance(entry, dict) else number
            problems += [
                _problem(path, name, fault["msg"], ".".join(map(str, fault["loc"]))) for fault in error.errors()
            ]
    seen: set[str] = set()
    for question in found:
        if question.id in seen:
            problems.append(_problem(path, question.id, "is given twice", "id"))
        seen.add(question.id)
        for key, check in (("when", say.check_condition), ("ask", say.check)):
            try:
                check(getattr(question, key))
            except say.TemplateError as error:
                problems.append(_problem(path, question.id, str(error), key))
    if problems:
        raise InputError(problems)
    return tuple(found)


def _problem(path: Path, name: Any, message: str, key: str | None = None) -> Problem:
    return Problem(path.name, f"question {name}: {message}", column=key)
