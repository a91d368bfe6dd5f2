"""Days on which NHS England published a quarter's tables, as named documents report them: data/reference/publications.yaml."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from nof import common
from nof.common import InputError, Problem, Quarter

FILE = "publications.yaml"


class Published(BaseModel):
    """The day of one quarter's tables, and the document that reports it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: dt.date
    source: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    published: dict[str, Published]

    @model_validator(mode="after")
    def _each_has_a_quarter_that_had_ended_and_a_source(self) -> _File:
        for quarter, one in self.published.items():
            if one.day <= Quarter.parse(quarter).last_day:
                raise ValueError(f"{quarter} had not ended on {one.day}")
            if one.source not in self.sources:
                raise ValueError(f"{quarter} names a source that is not listed: {one.source}")
        return self


@lru_cache(maxsize=1)
def _days() -> _File:
    try:
        return _File.model_validate(common.mapping(common.reference(FILE)))
    except ValidationError as error:
        raise InputError(
            Problem(FILE, fault["msg"], column=".".join(map(str, fault["loc"])) or None) for fault in error.errors()
        ) from error


def published_on(quarter: Quarter) -> dt.date | None:
    """The day on which a quarter's tables were published; None where no document at hand says so.

    Raises
    ------
    InputError
        The file is not valid; every fault is named with its place.
    """
    found = _days().published.get(quarter.slug)
    return found.day if found else None
