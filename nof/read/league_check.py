"""The league table against the metrics file, against itself, and the files against their names."""

from __future__ import annotations

import re

import pandas as pd

from nof.common import Quarter
from nof.read.findings import found, together
from nof.read.limits import limits

_PAIR = ["quarter", "trust_type", "trust_code"]
# Ids of the rows that the league table repeats; both framework years so far have them (docs/testing.md).
AVERAGE, SEGMENT, FLAG, FINAL = "OF5002", "OF5000", "OF5004", "OF5005"
_TINY = 1e-9
_TYPE_WORDS = {
    "acute": r"(?<!non)(?<!non-)acute", "ambulance": r"ambulance", "mental-health-and-community": r"mental-health|non-acute",
}  # fmt: skip


def against_metrics(metrics: pd.DataFrame, league: pd.DataFrame) -> pd.DataFrame:
    """Average, segment, deficit and rank of the league table, which repeats rows of the metrics file.

    Parameters
    ----------
    metrics, league : DataFrame
        Rows as read, with names, file and row.
    """
    summary = metrics[metrics["metric_id"].isin([AVERAGE, SEGMENT, FLAG, FINAL])]
    wide = {
        name: summary.loc[summary["metric_id"] == metric, [*_PAIR, column]].rename(columns={column: name})
        for name, metric, column in (
            ("own_average", AVERAGE, "value"), ("own_segment", SEGMENT, "value"), ("own_rank", SEGMENT, "rank"),
            ("own_flag", FLAG, "value"), ("own_final", FINAL, "value"),
        )
    }  # fmt: skip
    both = league
    for table in wide.values():
        both = both.merge(table.drop_duplicates(_PAIR), on=_PAIR, how="left")
    flag = both["in_deficit"].map({True: 1.0, False: 0.0}).astype(float)
    both = both.assign(
        flag=both["in_deficit"].map({True: "Yes", False: "No"}),
        own_says=both["own_flag"].map({1.0: "Yes", 0.0: "No"}),
    )
    final = _unlike(both["segment"], both["own_final"].fillna(both["own_segment"]))
    where = "the {} row of the metrics file says so"
    return together([
        found("league_average", both[_unlike(both["average_score"], both["own_average"])],
              "the average score is not that of the metrics file", "Average_score", "average_score",
              "{own_average}: " + where.format(AVERAGE)),
        found("league_segment", both[_unlike(both["segment"], both["own_segment"]) & final],
              "the segment is not that of the metrics file", "Segment", "segment",
              "{own_segment}: " + where.format(SEGMENT)),
        found("league_deficit", both[_unlike(flag, both["own_flag"])],
              "the deficit is not that of the metrics file", "Trust_in_financial_deficit", "flag",
              "{own_says}: " + where.format(FLAG)),
        found("league_rank", both[_unlike(both["rank"], both["own_rank"])],
              "the rank is not that of the metrics file", "Rank", "rank", "{own_rank}: " + where.format(SEGMENT)),
        found("range_average", both[_outside(both, "average_score", "average") & ~_unlike(
            both["average_score"], both["own_average"])],
              "the likely range does not hold the average score of {average_score}", "Likely_range_of_average_score",
              "average_low", "a range around the average; its low end is shown"),
        found("range_rank", both[_outside(both, "rank", "rank") & ~_unlike(both["rank"], both["own_rank"])],
              "the likely range does not hold the rank of {rank}", "Likely_range_of_rank", "rank_low",
              "a range around the rank; its low end is shown"),
        _blank_ranges(league),
    ])  # fmt: skip


def _unlike(left: pd.Series, right: pd.Series) -> pd.Series:
    return left.notna() & right.notna() & ((left - right).abs() > _TINY)


def _outside(table: pd.DataFrame, column: str, limit: str) -> pd.Series:
    value = table[column]
    return (value < table[f"{limit}_low"] - _TINY) | (value > table[f"{limit}_high"] + _TINY)


def _blank_ranges(league: pd.DataFrame) -> pd.DataFrame:
    ends = league[["average_low", "average_high", "rank_low", "rank_high"]]
    return found("ranges_missing", league[ends.isna().any(axis=1)], "no likely range is published",
                 "Likely_range_of_average_score", expected="a range such as 1.2 to 1.89")  # fmt: skip


def ranks_beyond(metrics: pd.DataFrame, league: pd.DataFrame) -> pd.DataFrame:
    """Ranks and limits of ranks that are far above the number of trusts that there are, now or a quarter ago."""
    counts = pd.concat([metrics[_PAIR], league[_PAIR]]).drop_duplicates().groupby(["trust_type", "quarter"]).size()
    most = counts.groupby("trust_type").max() * limits().limit("rank_beyond")
    parts = []
    for table, columns in ((league, ("rank", "rank_high")), (metrics, ("rank",))):
        top = table["trust_type"].map(most).astype(float)
        for column in columns:
            name = "Likely_range_of_rank" if column == "rank_high" else "Rank"
            far = table[column] > top
            parts.append(found("rank_beyond", table[far].assign(top=top[far]),
                               "there are not so many trusts", name, column, "at most {top}"))  # fmt: skip
    return together(parts)


def quarters_agree(metrics: pd.DataFrame, league: pd.DataFrame) -> pd.DataFrame:
    """A type's newest league table against its newest quarter, and types without a league table."""
    newest = metrics.groupby("trust_type").agg(quarter=("quarter", "max"), file=("file", "last")).reset_index()
    tables = league.groupby("trust_type").agg(listed=("quarter", "max"), table=("file", "last")).reset_index()
    both = newest.merge(tables, on="trust_type", how="left")
    without = both[both["listed"].isna()]
    other = both[both["listed"].notna() & (both["listed"] != both["quarter"])]
    told = other.assign(file=other["table"], newest=other["quarter"].map(_label), quarter=other["listed"])
    told = told.assign(shown=told["quarter"].map(_label))
    return together([
        found("no_league_table", without[["trust_type", "quarter"]].assign(file=without["file"]),
              "no league table found for {trust_type}; likely ranges are recomputed, none is as published",
              expected="a file named like this one, with league-table in place of data"),
        found("league_quarter", told, "the league table is of another quarter than the metrics file of its type",
              "Quarter", "shown", "{newest}, the newest quarter of the metrics file"),
    ])  # fmt: skip


def _label(quarter: str) -> str:
    return Quarter.parse(quarter).label


def names_agree(frame: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Trust type and quarter in the name of each file that is used, against what it holds.

    Parameters
    ----------
    frame : DataFrame
        Rows of metrics and league tables: file, trust_type, quarter.
    files : DataFrame
        file, named_quarter (slug or None).
    """
    held = frame.groupby("file").agg(
        quarter=("quarter", "max"), types=("trust_type", lambda s: ", ".join(sorted(s.unique())))
    )
    table = files.merge(held.reset_index(), on="file")
    plain = table["file"].str.lower().str.replace(r"[^a-z0-9]+", "-", regex=True)
    named = plain.map(lambda name: [slug for slug, words in _TYPE_WORDS.items() if re.search(words, name)])
    wrong = [
        len(told) == 1 and told[0] not in types.split(", ") for told, types in zip(named, table["types"], strict=True)
    ]
    types = table.assign(trust_type=table["types"], named=named.map(lambda told: ", ".join(told)))[wrong]
    late = table[table["named_quarter"].notna() & (table["named_quarter"] != table["quarter"])]
    late = late.assign(named=late["named_quarter"].map(_label), inside=late["quarter"].map(_label))
    return together([
        found("type_in_name", types, "the file is named for another trust type than its rows", "Trust_type", "types",
              "{named}, as the name of the file says"),
        found("quarter_in_name", late, "the newest quarter in the file is not the one in its name", "Quarter", "inside",
              "{named}, as the name of the file says"),
    ])  # fmt: skip
