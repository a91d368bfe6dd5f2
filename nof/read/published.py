"""Days on which NHS England published a quarter's tables, as named documents report them: data/reference/publications.yaml."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, model_validator

from nof import common
from nof.common import Quarter

FILE = "publications.yaml"


class Published(BaseModel):
    """The day of one quarter's tables, and the document that reports it: in the file by its key, here in words."""

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
                raise ValueError(f"{quarter} names a source that is not given: {one.source}")
        return self


@lru_cache(maxsize=1)
def _known() -> dict[str, Published]:
    file = common.validated(_File, common.reference(FILE))
    return {slug: Published(day=one.day, source=file.sources[one.source]) for slug, one in file.published.items()}


def published(quarter: Quarter) -> Published | None:
    """When a quarter's tables were published, and who reports it; None where no document at hand does.

    Raises
    ------
    InputError
        The file is not valid; every fault is named with its place.
    """
    return _known().get(quarter.slug)
