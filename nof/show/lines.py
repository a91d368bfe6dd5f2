"""Texts with conditions, kept as data: a list of entries, each with an id, a condition on facts and templates to fill in.

A condition is a Jinja2 expression that gives true or false; a text is filled in like any sentence (`nof.show.say`). A name
that is not among the facts stops the run, also in an entry whose condition does not hold. `nof.show.questions` and
`nof.show.safe` say what their entries are.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nof import common
from nof.common import InputError, Problem
from nof.show import say

Text = Annotated[str, Field(min_length=1)]
# YAML reads "true" as what it is: an entry that always holds.
Condition = Annotated[Text, BeforeValidator(lambda given: str(given).lower() if isinstance(given, bool) else given)]


class Entry(BaseModel):
    """One entry of a file.

    Attributes
    ----------
    id : str
        A name of its own, in small letters.
    when : str
        Condition on facts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    noun: ClassVar[str] = "entry"
    templates: ClassVar[tuple[str, ...]] = ()

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    when: Condition


Kind = TypeVar("Kind", bound=Entry)


def read(path: Path, kind: type[Kind], key: str) -> tuple[Kind, ...]:
    """The entries of a file, each of which can be used as far as that can be told without facts.

    Parameters
    ----------
    path : Path
    kind : type
        The class of its entries; says which fields are templates and what an entry is called in an error.
    key : str
        The one key of the file, with a list.

    Raises
    ------
    InputError
        Naming each entry at fault: an unknown or missing key, an id given twice, a text that is no template.
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0, kind, key)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, kind: type[Kind], key: str) -> tuple[Kind, ...]:
    given = common.mapping(path)
    entries = given.get(key)
    if not isinstance(entries, list) or set(given) != {key}:
        raise InputError(Problem(path.name, f"expected one key, {key}, with a list", value=", ".join(map(str, given))))
    found, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(kind.model_validate(entry))
        except ValidationError as error:
            name = entry.get("id", number) if isinstance(entry, dict) else number
            problems += [
                problem(path, kind, name, fault["msg"], ".".join(map(str, fault["loc"]))) for fault in error.errors()
            ]
    seen: set[str] = set()
    for one in found:
        if one.id in seen:
            problems.append(problem(path, kind, one.id, "is given twice", "id"))
        seen.add(one.id)
        for field in ("when", *kind.templates):
            check = say.check_condition if field == "when" else say.check
            try:
                check(getattr(one, field))
            except say.TemplateError as error:
                problems.append(problem(path, kind, one.id, str(error), field))
    if problems:
        raise InputError(problems)
    return tuple(found)


def filled(path: Path, entries: tuple[Kind, ...], there: say.Names) -> list[tuple[Kind, dict[str, say.Words]]]:
    """The entries whose condition holds, in the order of the file, each with its templates filled in.

    Raises
    ------
    InputError
        Naming each entry with a name that is nowhere, also one whose condition does not hold.
    """
    found: list[tuple[Kind, dict[str, say.Words]]] = []
    problems = []
    for one in entries:
        try:
            holds = say.holds(one.when, there)
            for field in one.templates:
                say.reject_unknown(getattr(one, field), there)
            if holds:
                found.append((one, {field: say.fill(getattr(one, field), there) for field in one.templates}))
        except say.TemplateError as error:
            problems.append(problem(path, type(one), one.id, str(error)))
    if problems:
        raise InputError(problems)
    return found


def problem(path: Path, kind: type[Entry], name: Any, message: str, key: str | None = None) -> Problem:
    """What is wrong with one entry."""
    return Problem(path.name, f"{kind.noun} {name}: {message}", column=key)
