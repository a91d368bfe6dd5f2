"""Planning standards of NHS England beside a trust's values: what a board measures itself against.

They are not how the framework scores. The national number of the planning guidance is compared; what the guidance asks of
each trust by where it started is told in words, since no file holds the starting points. Standards fall due at the end of
the year (`by`), so a value of an earlier quarter is on its way, not late.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from nof import common
from nof.common import InputError, Problem, Quarter
from nof.read.sheets import matching

MET, NOT_MET, UNKNOWN = "met", "not met", "unknown"
FILE = "standards.yaml"
AGAINST_COLUMNS = [
    "quarter", "trust_type", "trust_code", "value_id", "description", "name", "value", "units", "standard", "better",
    "below", "verdict", "by", "each", "at_least", "own_verdict", "source", "matched",
]  # fmt: skip


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Data):
    """Words of a published name: every one of `all`, none of `none`, in any case."""

    all: tuple[str, ...]
    none: tuple[str, ...] = ()

    def match(self, description: str) -> bool:
        """Whether a published name is meant."""
        text = description.casefold()
        return all(one.casefold() in text for one in self.all) and not any(one.casefold() in text for one in self.none)


class Year(_Data):
    """A standard in one financial year.

    Attributes
    ----------
    national : float, optional
        The number for England, in the units of the standard; None where the guidance gives none.
    below : bool
        Whether the number itself does not meet it.
    each, at_least
        What is asked of each trust, in words, and the least that is asked of any.
    by : str, optional
        Month in which it falls due.
    """

    national: float | None = None
    below: bool = False
    each: str = ""
    at_least: float | None = None
    by: str = ""
    source: str


class Standard(_Data):
    """A planning standard: which metric it belongs to and what it asks in each year."""

    name: str
    ids: dict[str, tuple[str, ...]] = {}
    named: Words | None = None
    better: Literal["low", "high"]
    units: str
    years: dict[str, Year]


class Standards(_Data):
    """The file of planning standards."""

    heading: str
    sources: dict[str, str]
    standards: tuple[Standard, ...] = Field(min_length=1)


def read_standards(path: Path) -> Standards:
    """Read and check a file of planning standards.

    Raises
    ------
    InputError
        The file is not valid, or names a source that it does not give.
    """
    found = common.validated(Standards, path)
    missing = {year.source for one in found.standards for year in one.years.values()} - found.sources.keys()
    if missing:
        raise InputError(Problem(path.name, "a source that is not given", value=", ".join(sorted(missing))))
    return found


@lru_cache(maxsize=1)
def standards() -> Standards:
    """The project's own: data/reference/standards.yaml."""
    return read_standards(common.reference(FILE))


def matched(metrics: pd.DataFrame, year: str, known: Standards | None = None) -> pd.DataFrame:
    """Which published metrics have a planning standard in a year.

    A standard whose words fit several metrics of the year is left out: which of them is meant is not known.

    Parameters
    ----------
    metrics : DataFrame
        `Publication.metrics`, or rows of it.
    year : str
        As "2026/27".

    Returns
    -------
    DataFrame
        value_id, description, name (of the standard), matched ("id" or "name"), standard (national number; NaN where the
        guidance gives none), units, better, below, by, each, at_least, source (in full).
    """
    known = standards() if known is None else known
    values = metrics[matching(metrics["metric_id"], r"OF0\d{3}")]
    names = values.drop_duplicates("metric_id", keep="last").set_index("metric_id")["description"]
    rows = [row for one in known.standards for row in _rows(one, year, names, known.sources)]
    columns = [
        "value_id", "description", "name", "matched", "standard", "units", "better", "below", "by", "each", "at_least",
        "source",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"standard": float, "at_least": float})


def _rows(one: Standard, year: str, names: pd.Series, sources: dict[str, str]) -> Sequence[tuple]:
    told = one.years.get(year)
    if told is None:
        return []
    by_id = [value_id for value_id in one.ids.get(year, ()) if value_id in names.index]
    by_name = [value_id for value_id, name in names.items() if one.named and one.named.match(str(name))]
    ids = by_id or (by_name if len(by_name) == 1 else [])
    return [
        (
            value_id, names[value_id], one.name, "id" if by_id else "name", told.national, one.units, one.better,
            told.below, told.by, told.each, told.at_least, sources[told.source],
        )
        for value_id in ids
    ]  # fmt: skip


def against_standards(metrics: pd.DataFrame, quarter: str, known: Standards | None = None) -> pd.DataFrame:
    """Every published value of a quarter that has a planning standard, beside it.

    Parameters
    ----------
    metrics : DataFrame
        `Publication.metrics`.
    quarter : str
        Slug; its year decides the standard.
    known : Standards, optional
        The project's own if not given.

    Returns
    -------
    DataFrame
        A row a trust and metric: quarter, trust_type, trust_code, value_id, description, name, value, units, standard,
        better, below (whether the number itself misses it), verdict ("met", "not met" or "unknown": no value, no national
        number, or other units), by, each, at_least, own_verdict (of what each trust is asked: "not met" where even the
        least is missed, else "unknown", since starting points are not published; "" where nothing is asked), source,
        matched.
    """
    rows = metrics[metrics["quarter"] == quarter]
    found = matched(rows, Quarter.parse(quarter).year_label, known)
    rows = rows.drop(columns="description").rename(columns={"metric_id": "value_id"})
    table = rows.merge(found.rename(columns={"units": "_units"}), on="value_id")
    alike = table["units"].str.casefold().str.strip() == table["_units"].str.casefold()
    usable = alike & table["value"].notna()
    table["verdict"] = _verdict(table, table["standard"], usable)
    own = _verdict(table, table["at_least"], usable).replace(MET, UNKNOWN)
    table["own_verdict"] = own.where(table["each"] != "", "")
    return table[AGAINST_COLUMNS].sort_values(["trust_type", "value_id", "trust_code"], ignore_index=True)


def _verdict(table: pd.DataFrame, limit: pd.Series, usable: pd.Series) -> pd.Series:
    sign = table["better"].map({"high": 1.0, "low": -1.0}).astype(float)
    ahead = sign * (table["value"] - limit)
    below = table["below"].astype(bool)
    met = (ahead > 0) | (ahead.eq(0) & ~below)
    found = met.map({True: MET, False: NOT_MET}).astype(object)
    return found.where(usable & limit.notna(), UNKNOWN)


def meeting(table: pd.DataFrame) -> pd.DataFrame:
    """How many trusts meet each standard.

    Parameters
    ----------
    table : DataFrame
        As `against_standards`.

    Returns
    -------
    DataFrame
        quarter, trust_type, value_id, name, standard, units, trusts (with a verdict), met, not_met, unknown.
    """
    keys = ["quarter", "trust_type", "value_id", "name", "standard", "units"]
    counts = table.assign(
        met=table["verdict"].eq(MET), not_met=table["verdict"].eq(NOT_MET), unknown=table["verdict"].eq(UNKNOWN)
    )
    found = counts.groupby(keys, dropna=False)[["met", "not_met", "unknown"]].sum().astype(int).reset_index()
    return found.assign(trusts=found["met"] + found["not_met"])[[*keys, "trusts", "met", "not_met", "unknown"]]
