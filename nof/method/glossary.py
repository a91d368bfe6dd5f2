"""Terms from data/reference/glossary.yaml; metrics from the files and the year's rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from nof import common
from nof.common import InputError, Problem, Quarter
from nof.method.facts import Facts, fact
from nof.method.standards import matched
from nof.read.sheets import matching
from nof.rules.framework import Framework, Metric
from nof.rules.recompute import National
from nof.rules.short_names import short_name

FILE = "glossary.yaml"
_Text = Annotated[str, Field(min_length=1)]
COLUMNS = [
    "domain", "metric_id", "short", "official", "units", "better", "period", "standard", "scored", "source", "certainty", "standard_source",
]  # fmt: skip


class Term(BaseModel):
    """A word of the pages, what it means, and the key of its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    term: _Text
    means: _Text
    source: _Text


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    terms: tuple[Term, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Glossary(Facts):
    """What the glossary of a publication holds."""

    quarter: str = fact("Quarter of the publication")
    terms: int = fact("Words that are explained", "words")
    metrics: int = fact("Metrics with a score in the quarter", "metrics")
    unknown: int = fact("Of these, metrics whose rule is not known", "metrics")
    confirmed: bool = fact("Whether the rules of the year are NHS England's own text throughout")


def terms(path: Path | None = None) -> pd.DataFrame:
    """The words in alphabetical order: term, means, source (in full).

    Raises
    ------
    InputError
        The file is not valid, explains a word twice, or names a source that it does not give.
    """
    path = path or common.reference(FILE)
    found = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    rows = sorted(
        ((one.term, one.means, found.sources[one.source]) for one in found.terms), key=lambda row: row[0].lower()
    )
    return pd.DataFrame(rows, columns=["term", "means", "source"])


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> _File:
    found = common.validated(_File, path)
    problems = [
        Problem(path.name, "a source that is not given", value=one.source, column=one.term)
        for one in found.terms
        if one.source not in found.sources
    ]
    names = pd.Series([one.term.lower() for one in found.terms])
    problems += [Problem(path.name, "is explained twice", value=one) for one in names[names.duplicated()]]
    if problems:
        raise InputError(problems)
    return found


def metrics(national: National, quarter: str) -> pd.DataFrame:
    """Every metric that has a score in a quarter, by domain and name.

    Returns
    -------
    DataFrame
        domain, metric_id (of the score), short, official (as in the files), units, better ("low", "high"; "unknown"),
        period (as published; several where types differ), standard (planning standard in words; "" where there is none),
        scored (how, in words), source (of the rule, in full), certainty ("official", ..., "unknown"), standard_source ("" where there is no standard).
    """
    rows = national.publication.metrics
    rows = rows[rows["quarter"] == quarter]
    scores = rows[matching(rows["metric_id"], r"OF1\d{3}")].drop_duplicates("metric_id")
    year, rules = Quarter.parse(quarter).year_label, national.framework(quarter)
    by_id = {one.score_id: one for one in rules.metrics}
    asked = matched(rows, year).set_index("value_id")
    periods = rows.groupby("metric_id")["reporting_date"].unique()
    units = rows.drop_duplicates("metric_id").set_index("metric_id")["units"]
    found = []
    for one in scores.itertuples():
        rule = by_id.get(one.metric_id)
        value = rule.value_id if rule else f"OF0{one.metric_id[3:]}"
        period = periods.get(value, periods[one.metric_id])
        found.append(
            (
                one.domain,
                one.metric_id,
                short_name(one.description, year, value, one.metric_id),
                one.description,
                units.get(value, ""),
                rule.better if rule else "unknown",
                "; ".join(sorted({str(text) for text in period if pd.notna(text)})),
                _standard(asked.loc[value].to_dict()) if value in asked.index else "",
                _scored(rule),
                _source(rule, rules),
                rule.certainty if rule else "unknown",
                asked.loc[value, "source"] if value in asked.index else "",
            )
        )
    return pd.DataFrame(found, columns=COLUMNS).sort_values(["domain", "short"], ignore_index=True)


def glossary_facts(national: National, quarter: str) -> Glossary:
    """Facts on the glossary of a quarter."""
    table = metrics(national, quarter)
    return Glossary(
        quarter=Quarter.parse(quarter).label,
        terms=len(terms()),
        metrics=len(table),
        unknown=int(table["certainty"].eq("unknown").sum()),
        confirmed=bool(table["certainty"].eq("official").all()),
    )


def _standard(row: dict) -> str:
    if pd.isna(row["standard"]):
        return str(row["each"])
    way = "below" if row["below"] else "at least" if row["better"] == "high" else "at most"
    return f"{way} {row['standard']:g}{row['units']}"


def _source(rule: Metric | None, rules: Framework) -> str:
    """A rule's source with the keys of the year's sources written out."""
    if rule is None:
        return "unknown"
    return "; ".join(
        [rule.source, *(text for key, text in rules.sources.items() if key in re.findall(r"\w+", rule.source))]
    )


def _scored(rule: Metric | None) -> str:
    """How a metric becomes a score, in plain words."""
    if rule is None or rule.shape == "not recomputable":
        return "as published; its rule is not known"
    among = "all trusts" if rule.pool == "national" else "trusts of its type"
    if rule.shape == "standard":
        return f"best score at {rule.standard:g} or better, else by place among {among}"
    if rule.shape == "floor":
        return f"worst score beyond {rule.floor:g}, else by place among {among}"
    if rule.shape == "bands":
        return "by bands of its value"
    if rule.shape == "finance matrix":
        return "from the scores of plan and variance together"
    return f"by place among {among}"
