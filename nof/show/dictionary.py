"""The data dictionary: what each column of each CSV file means, read from data/reference/columns.yaml."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from nof import common

FILE = "columns.yaml"
COLUMNS = ["table", "column", "type", "unit", "better", "text"]


class Described(BaseModel):
    """One column: its type in Table Schema's words, its unit, which way is good, and what it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["string", "integer", "number", "boolean", "date"]
    text: str
    unit: str = ""
    better: str = ""


class Listed(BaseModel):
    """One table: what it is, columns that mean something of their own in it, and what names from the data mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    columns: dict[str, Described] = {}
    others: Described | None = None


class Dictionary(BaseModel):
    """The whole dictionary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, Described]
    tables: dict[str, Listed]

    def column(self, table: str, name: str) -> Described | None:
        """What a column of a table holds; None where the dictionary does not know it."""
        own = self.tables.get(table)
        found = (own.columns if own else {}).get(name) or self.columns.get(name)
        return found or (own.others if own else None)

    def undescribed(self, table: str, frame_columns: Any) -> list[str]:
        """Columns of a table that the dictionary does not know."""
        return [str(name) for name in frame_columns if self.column(table, str(name)) is None]


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """The dictionary, read once.

    Raises
    ------
    InputError
        The file is not valid; every fault is named with its place.
    """
    return common.validated(Dictionary, common.reference(FILE))


def table_of(stem: str, types: list[str]) -> tuple[str, str | None]:
    """A file's table and trust type: "league_table-acute" is ("league_table", "acute")."""
    found = next((one for one in sorted(types, key=len, reverse=True) if stem.endswith(f"-{one}")), None)
    return (stem.removesuffix(f"-{found}"), found) if found else (stem, None)


def definitions(tables: dict[str, list[str]]) -> pd.DataFrame:
    """The dictionary of some tables as a frame.

    Parameters
    ----------
    tables : dict
        Column names by table.

    Returns
    -------
    DataFrame
        table, column, type, unit, better (which way is good), text; "not described" where the dictionary has nothing.
    """
    rows = []
    for table, names in tables.items():
        for name in names:
            one = dictionary().column(table, name)
            facts = (one.type, one.unit, one.better, one.text) if one else ("string", "", "", "not described")
            rows.append((table, name, *facts))
    return pd.DataFrame(rows, columns=COLUMNS)


def resource_name(stem: str) -> str:
    """A name that Data Package takes: small letters, digits, and . _ - only."""
    return re.sub(r"[^a-z0-9._-]+", "-", stem.casefold()).strip("-")
