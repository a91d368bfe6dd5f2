"""A publication as files in NHS England's own layout: names, columns, spelling of numbers, bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.checks import METRIC_COLUMNS
from nof.demo.names import TYPE_NAMES
from nof.demo.next_year import BOARDS, BOARDS_NAME
from nof.publication import TRUST_FIELDS, Publication
from nof.quarter import Quarter

MERGERS = "mergers.csv"
_KEY = ["quarter", "trust_type", "trust_code"]
EVERY_TYPE = TYPE_NAMES | {BOARDS: BOARDS_NAME}  # as NHS England writes the types in its files


def files(publication: Publication, mergers: pd.DataFrame) -> dict[str, bytes]:
    """The files of a publication made by `build`, by name."""
    made, last = {}, Quarter.parse(publication.latest)
    ending = f"q{last.number}-{last.year_label[2:].replace('/', '-')}.csv"
    names = publication.trusts[list(TRUST_FIELDS)]
    for name in publication.trust_types:
        metrics, table = (
            part[part["trust_type"] == name].merge(names, on=_KEY, how="left")
            for part in (publication.metrics, publication.league)
        )
        kind = name if name == BOARDS else f"{name}-trust"
        made[f"nhs-oversight-framework-{kind}-data-{ending}"] = _csv(_metrics_file(metrics))
        made[f"nhs-oversight-framework-{kind}-league-table-{ending}"] = _csv(_league_file(table))
    return made | {MERGERS: _csv(mergers, bom=False)}


def _metrics_file(metrics: pd.DataFrame) -> pd.DataFrame:
    numbers = ("value", "median", "lower_quartile", "upper_quartile", "rank")
    told = metrics.assign(**{name: _text(metrics[name]) for name in numbers})
    return _as_published(told, METRIC_COLUMNS)


def _league_file(table: pd.DataFrame) -> pd.DataFrame:
    text = {
        name: _text(table[name].astype(float))
        for name in ("average_score", "average_low", "average_high", "segment", "rank")
    }
    ranks = [f"{low:.0f} to {high:.0f}" for low, high in zip(table["rank_low"], table["rank_high"], strict=True)]
    figures = {
        "Average_score": text["average_score"],
        "Likely_range_of_average_score": text["average_low"] + " to " + text["average_high"],
        "Segment": text["segment"], "Trust_in_financial_deficit": table["in_deficit"].map({True: "Yes", False: "No"}),
        "Rank": text["rank"], "Likely_range_of_rank": ranks,
    }  # fmt: skip
    shared = {name: column for name, column in METRIC_COLUMNS.items() if column in TRUST_FIELDS}
    return _as_published(table, shared).assign(**figures)


def _as_published(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Columns under NHS England's names, with quarters and trust types in its words."""
    labels = {slug: Quarter.parse(slug).label for slug in frame["quarter"].unique()}
    told = frame.assign(quarter=frame["quarter"].map(labels), trust_type=frame["trust_type"].map(EVERY_TYPE))
    return pd.DataFrame({name: told[column] for name, column in columns.items()})


def _text(numbers: pd.Series) -> pd.Series:
    """Numbers as NHS England's files write them: "9.03", "0.7", "33.0", blank."""
    return numbers.map({number: "" if np.isnan(number) else repr(float(number)) for number in numbers.unique()})


def _csv(frame: pd.DataFrame, bom: bool = True) -> bytes:
    """As NHS England writes it: UTF-8 with a byte order mark, CRLF."""
    return frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig" if bom else "utf-8")
