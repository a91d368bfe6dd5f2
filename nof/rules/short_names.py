"""Short names of metrics for boards: data/reference/short_names.yaml, beside the official names of the rules."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, RootModel

from nof import common

FILE = "short_names.yaml"
COLUMNS = ["year", "short", "official", "ids"]


class Name(BaseModel):
    """A metric's short name, its official one, and its ids where the rules know them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    short: Annotated[str, Field(min_length=1)]
    official: Annotated[str, Field(min_length=1)]
    ids: tuple[str, ...] = ()


class _File(RootModel):
    root: dict[str, tuple[Name, ...]]


@lru_cache(maxsize=1)
def names() -> dict[str, tuple[Name, ...]]:
    """The short names by framework year.

    Raises
    ------
    InputError
        The file is not valid; every fault is named with its place.
    """
    return common.validated(_File, common.reference(FILE)).root


@lru_cache(maxsize=4)
def _index(year: str) -> tuple[dict[str, str], dict[str, str]]:
    """By official name and by id, of one year."""
    own = names().get(year, ())
    return {one.official.casefold(): one.short for one in own}, {key: one.short for one in own for key in one.ids}


def short_name(description: str, year: str, *ids: str | None) -> str:
    """The short name of a metric, or its description where there is none.

    Parameters
    ----------
    description : str
        As the file has it.
    year : str
        As "2025/26": an id means what it means in its year only.
    *ids : str
        Of the value, of the score.
    """
    text, (_, by_id) = str(description).casefold(), _index(year)
    for one in (year, *names()):  # a name says the same in every year, an id does not
        if text in _index(one)[0]:
            return _index(one)[0][text]
    return next((by_id[one] for one in ids if one in by_id), str(description))


def table() -> pd.DataFrame:
    """All of them: year, short, official, ids (joined with a blank)."""
    rows = [(year, one.short, one.official, " ".join(one.ids)) for year, own in names().items() for one in own]
    return pd.DataFrame(rows, columns=COLUMNS)
