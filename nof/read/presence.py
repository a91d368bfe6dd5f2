"""Who and what is there: trusts, rows, metrics and quarters that vanished, appeared, or stand under another name."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.read import wording
from nof.read.findings import among, found, together
from nof.read.limits import limits
from nof.read.sheets import matching

_GROUP = ["quarter", "trust_type"]
_TRUST = ["quarter", "trust_type", "trust_code"]
_SUMMARY = r"OF5\d{3}"


def quarters_missing(metrics: pd.DataFrame) -> pd.DataFrame:
    """Quarters that no row holds though an earlier and a later one are there."""
    rows = []
    for trust_type, part in metrics.groupby("trust_type"):
        held = sorted(part["quarter"].unique())
        for before, after in zip(held, held[1:], strict=False):
            gap = Quarter.parse(before).next
            while gap.slug < after:
                rows.append((part["file"].iloc[-1], trust_type, gap.slug, gap.label, Quarter.parse(before).label))
                gap = gap.next
    table = pd.DataFrame(rows, columns=["file", "trust_type", "quarter", "gap", "before"])
    return found("quarter_missing", table, "{gap} is not in these files; the last one held before it is {before}",
                 "Quarter", expected="every quarter in between")  # fmt: skip


def stray_quarters(frame: pd.DataFrame) -> pd.Series:
    """Which rows carry a newest quarter that next to no other row of their type has: a label that slipped.

    Returns
    -------
    Series of bool
        On the index of `frame`.
    """
    sizes = frame.groupby(["trust_type", "quarter"]).size()
    stray = []
    for trust_type, counts in sizes.groupby(level=0):
        counts = counts.droplevel(0).sort_index()
        while len(counts) > 1 and counts.iloc[-1] < limits().limit("stray_quarter") * counts.iloc[-2]:
            stray.append((trust_type, counts.index[-1]))
            counts = counts.iloc[:-1]
    pairs = pd.MultiIndex.from_frame(frame[["trust_type", "quarter"]])
    return pd.Series(pairs.isin(stray), frame.index)


def trusts_in_both(metrics: pd.DataFrame, league: pd.DataFrame) -> pd.DataFrame:
    """Trusts that only one of league table and metrics file holds."""
    shared = league[_GROUP].drop_duplicates().merge(metrics[_GROUP].drop_duplicates())
    sides = {}
    for name, table in (("league", league), ("metrics", metrics)):
        sides[name] = table.drop_duplicates(_TRUST).merge(shared, on=_GROUP).set_index(_TRUST)
    alone = {name: sides[name][~sides[name].index.isin(sides[other].index)].reset_index()
             for name, other in (("league", "metrics"), ("metrics", "league"))}  # fmt: skip
    held = pd.MultiIndex.from_frame(metrics[_GROUP].drop_duplicates())
    unread = league[~pd.MultiIndex.from_frame(league[_GROUP]).isin(held)]
    return together([
        found("only_in_league", alone["league"], "not in the metrics file", "Trust_code", "trust_code"),
        found("only_in_metrics", alone["metrics"], "not in the league table", "Trust_code", "trust_code"),
        found("only_in_league", unread.drop_duplicates(_GROUP)[[*_GROUP, "file"]],
              "no metrics file holds this trust type and quarter"),
    ])  # fmt: skip


def names(rows: pd.DataFrame) -> pd.DataFrame:
    """Names that stand under two codes, or differ from row to row; codes without any summary row.

    Parameters
    ----------
    rows : DataFrame
        Rows of metrics files and league tables together.
    """
    columns = {"trust_name": "Trust_name", "trust_subtype": "Trust_subtype", "region": "Region"}
    key = ["quarter", "trust_type", "trust_code", *columns]
    kinds = rows.groupby(key, sort=False).size().rename("times").reset_index().sort_values("times", ascending=False)
    by_name = (
        kinds.groupby(["quarter", "trust_type", "trust_name", "trust_code"], sort=False)["times"].sum().reset_index()
    )
    by_name = by_name.sort_values("times", ascending=False, kind="stable").drop_duplicates(
        ["quarter", "trust_type", "trust_name"]
    )
    owner = by_name.set_index(["quarter", "trust_type", "trust_name"])["trust_code"]
    kinds["owner"] = owner.reindex(pd.MultiIndex.from_frame(kinds[["quarter", "trust_type", "trust_name"]])).to_numpy()
    stolen = (kinds["owner"] != kinds["trust_code"]) & (kinds["trust_name"] != "")
    parts = [found("name_of_another", among(rows, kinds[stolen], key), "the name is that of another trust, {owner}",
                   "Trust_code", "trust_code", "{owner}, or the name of {trust_code}")]  # fmt: skip
    rest = kinds[~stolen]
    for name, column in columns.items():
        usual = rest.groupby(["quarter", "trust_code"])[name].transform("first")  # the most frequent comes first
        other = rest.assign(usual=usual)[usual != rest[name]]
        parts.append(found("name_differs", among(rows, other, key), "differs from the trust's other rows", column, name,
                           "{usual}, as elsewhere"))  # fmt: skip
    return together(parts)


def without_summary(metrics: pd.DataFrame) -> pd.DataFrame:
    """Codes that have none of the summary rows which nearly all others of their type and quarter have."""
    trusts = metrics[_TRUST].drop_duplicates()
    summed = metrics.loc[matching(metrics["metric_id"], _SUMMARY), _TRUST].drop_duplicates().assign(summed=True)
    table = trusts.merge(summed, how="left", on=_TRUST).assign(summed=lambda t: t["summed"].eq(True))
    share = table.groupby(_GROUP)["summed"].transform("mean")
    alone = table[~table["summed"] & (share >= limits().limit("no_summary"))]
    rows = among(metrics, alone[_TRUST], _TRUST).drop_duplicates(_TRUST)
    return found("no_summary", rows, "a trust without average and segment", "Trust_code", "trust_code",
                 "the code of a trust that has them, as every other")  # fmt: skip


def rows_missing(metrics: pd.DataFrame) -> pd.DataFrame:
    """Summary rows and domain segments that a trust lacks though nearly all others have them, and scores beside values."""
    summary = matching(metrics["metric_id"], _SUMMARY)
    given = metrics[metrics["value"].notna() | summary]
    given = given.assign(trust=given.groupby(_TRUST, sort=False).ngroup()).drop_duplicates(["trust", "metric_id"])
    return together([
        _lacking_summary(metrics, metrics[summary]),
        _pairs(given, r"OF0\d{3}", r"OF1\d{3}", "score_missing", "no score beside its value", "a row {other}"),
        _pairs(given, r"OF1\d{3}", r"OF0\d{3}", "value_missing", "no value beside its score", "a row {other} with a value"),
        _pairs(given, r"OF40\d{2}", r"OF41\d{2}", "row_missing", "no segment beside the domain score", "a row {other}"),
        _pairs(given, r"OF41\d{2}", r"OF40\d{2}", "row_missing", "no domain score beside the segment", "a row {other}"),
        _blank(metrics),
    ])  # fmt: skip


def _lacking_summary(metrics: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    trusts = metrics[[*_TRUST, "trust_name", "file"]].drop_duplicates(_TRUST)
    there = own[[*_TRUST, "metric_id"]].drop_duplicates()
    counts = there.groupby([*_GROUP, "metric_id"]).size().rename("held").reset_index()
    usual = counts.merge(trusts.groupby(_GROUP).size().rename("trusts").reset_index(), on=_GROUP)
    usual = usual[(usual["held"] < usual["trusts"]) & (usual["held"] >= 0.5 * usual["trusts"])]
    wanted = trusts.merge(usual[[*_GROUP, "metric_id"]], on=_GROUP)
    lacking = wanted.merge(there, how="left", indicator=True).query("_merge == 'left_only'")
    return found("row_missing", lacking, "the row is missing", "Metric_ID",
                 expected="a row, as other trusts of the quarter have it")  # fmt: skip


def _pairs(given: pd.DataFrame, one: str, other: str, code: str, what: str, expected: str) -> pd.DataFrame:
    """Rows of one kind of id without their partner, where nearly all rows of the metric and quarter have theirs.

    `given` has a row a trust (a number for each quarter and code) and metric.
    """
    digit, place = (other[3], 3) if one.startswith("OF4") else (other[2], 2)
    metric, ids = pd.factorize(given["metric_id"])
    names = [name[:place] + digit + name[place + 1 :] if re.fullmatch(one, name) else None for name in ids]
    partner = pd.Index(ids).get_indexer(pd.Index(names, dtype=object))  # its number, or -1
    trust, mine = given["trust"].to_numpy() * len(ids), np.array([name is not None for name in names])[metric]
    paired = np.isin(trust + partner[metric], trust + metric) & (partner[metric] >= 0)
    if (paired | ~mine).all():
        return together([])
    rows, paired = given[mine].assign(other=np.array(names, dtype=object)[metric][mine]), pd.Series(paired[mine])
    share = paired.groupby([rows[name].to_numpy() for name in (*_GROUP, "metric_id")]).transform("mean")
    return found(code, rows[(~paired & (share >= limits().limit(code))).to_numpy()], what, "Metric_ID", None, expected)


def _blank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Cells that are blank though the row, or the rest of its metric, says that a figure belongs there."""
    medians = {"median": "Median_value", "lower_quartile": "Lower_quartile", "upper_quartile": "Upper_quartile"}
    ranked, valued = metrics["rank"].notna(), metrics["value"].notna()
    there = metrics[list(medians)].notna().assign(both=ranked & valued, valued=valued)
    metric = metrics.groupby([*_GROUP, "metric_id", "units"], sort=False).ngroup()
    shares = there.groupby(metric).transform("mean")
    usual = shares["both"] >= limits().limit("rank_missing") * shares["valued"]
    summed = matching(metrics["metric_id"], wording.SUMS) & (shares["valued"] >= limits().limit("value_missing"))
    parts = [
        found("value_missing", metrics[~valued & ranked], "no value though a rank is given", "Value", None, "a number"),
        found("value_missing", metrics[~valued & ~ranked & summed], "no value though nearly all other trusts have one", "Value",
              None, "a number, as other trusts have it"),
        found("rank_missing", metrics[valued & ~ranked & usual], "no rank though a value is given", "Rank", None,
              "a rank, as other trusts have it"),
    ]  # fmt: skip
    for name, column in medians.items():
        blank = metrics[~there[name] & (shares[name] >= 0.5) & valued]
        parts.append(
            found("median_missing", blank, "blank though other rows of the metric have it", column, None, "a number")
        )
    return together(parts)


_COLUMNS = {
    "rank": ("rank_missing", "Rank"), "median": ("median_missing", "Median_value"),
    "lower_quartile": ("median_missing", "Lower_quartile"), "upper_quartile": ("median_missing", "Upper_quartile"),
    "value": ("value_missing", "Value"),
}  # fmt: skip


class _Held(NamedTuple):
    """A quarter of a trust type: its rows; by metric how many trusts and cells it has; by column and metric its words."""

    rows: pd.DataFrame
    counts: pd.DataFrame
    words: wording.Words


def _held(rows: pd.DataFrame) -> _Held:
    trusts = rows[["metric_id", "trust_code"]].drop_duplicates().groupby("metric_id").size()
    counts = rows.groupby("metric_id")[list(_COLUMNS)].count().assign(trusts=trusts)
    return _Held(rows, counts, wording.words_of(rows))


def changed_since_before(metrics: pd.DataFrame) -> pd.DataFrame:
    """What a quarter lacks, or has otherwise, against the quarter before it: metrics, columns, words, sizes."""
    held = {place: _held(rows) for place, rows in metrics.groupby(["trust_type", "quarter"])}
    parts = []
    for (trust_type, before), (other, after) in pairwise(held):
        if trust_type == other and Quarter.parse(before).year_label == Quarter.parse(after).year_label:
            old, new = held[trust_type, before], held[trust_type, after]
            parts += [_metrics_changed(old, new, trust_type, after), _columns_lost(old, new)]
            parts.append(wording.changed(old.words, new.words, new.rows))
    return together(parts)


def _metrics_changed(old: _Held, new: _Held, trust_type: str, quarter: str) -> pd.DataFrame:
    counts = pd.DataFrame({"then": old.counts["trusts"], "now": new.counts["trusts"]}).fillna(0)
    texts = old.words["description"] | new.words["description"]
    counts = counts.assign(description=[texts[metric][0] for metric in counts.index]).reset_index(names="metric_id")
    counts = counts.assign(quarter=quarter, trust_type=trust_type, file=new.rows["file"].iloc[0])
    ended = {one.metric for one in limits().known.ended if quarter > one.last}
    gone, few = counts["now"] == 0, counts["then"] < limits().limit("metric_vanished")
    quiet = counts["metric_id"].isin(ended) | few
    less = (
        (counts["now"] > 0)
        & (counts["now"] < limits().limit("metric_shrank") * counts["then"])
        & (counts["then"] >= 10)
    )
    return together([
        found("metric_vanished", counts[gone & ~quiet], "not in this quarter; trusts that had it the quarter held before: {then}"),
        found("metric_left", counts[gone & quiet], "not in this quarter; trusts that had it the quarter held before: {then}"),
        found("metric_appeared", counts[counts["then"] == 0], "new in this quarter; trusts that have it: {now}"),
        found("metric_shrank", counts[less], "trusts that have it: {now}; the quarter held before: {then}"),
    ])  # fmt: skip


def _columns_lost(old: _Held, new: _Held) -> pd.DataFrame:
    """Columns of a metric that are blank for every trust though the quarter before had them."""
    then = old.counts.reindex(new.counts.index).fillna(0)
    parts = []
    for name, (code, column) in _COLUMNS.items():
        lost = new.counts.index[(new.counts[name] == 0) & (then[name] > 0)]
        rows = new.rows[new.rows["metric_id"].isin(lost)] if len(lost) else new.rows.iloc[:0]
        what = "blank for every trust, though the quarter held before had it"
        parts.append(found(code, rows, what, column, None, "a number", most=0))
    return together(parts)


def twice(metrics: pd.DataFrame) -> pd.DataFrame:
    """Two scores, segments or flags of one trust in one quarter, under different units."""
    rows = metrics[~metrics["metric_id"].str.startswith("OF0")]
    again = rows[rows.duplicated(["quarter", "trust_code", "metric_id"])]
    first = rows.drop_duplicates(["quarter", "trust_code", "metric_id"]).set_index(
        ["quarter", "trust_code", "metric_id"]
    )["row"]
    keys = pd.MultiIndex.from_frame(again[["quarter", "trust_code", "metric_id"]])
    return found("two_rows", again.assign(first=first.reindex(keys).to_numpy()),
                 "a second row for the same trust, metric and quarter", "Units", "units", "one row; the first is row {first}")  # fmt: skip


def trusts_changed(trusts: pd.DataFrame, mergers: pd.DataFrame) -> pd.DataFrame:
    """Trusts that vanished, appeared, merged, or changed their name, sub-type, type or region since the quarter before.

    Parameters
    ----------
    trusts : DataFrame
        `Publication.trusts`.
    mergers : DataFrame
        predecessor_code, successor_code, successor_name, effective_date.
    """
    quarters, parts = sorted(trusts["quarter"].unique()), []
    for before, after in zip(quarters, quarters[1:], strict=False):
        old, new = (trusts[trusts["quarter"] == one].set_index("trust_code") for one in (before, after))
        parts += [_gone(old, new, after, mergers), _came(old, new, after, mergers), _otherwise(old, new, after)]
    return together([*parts, _ended_codes(trusts, mergers)])


def _by(quarter: str, mergers: pd.DataFrame) -> pd.DataFrame:
    """Mergers by the end of the quarter after: tables are published then, in the codes of that time."""
    return mergers[mergers["effective_date"] <= pd.Timestamp(Quarter.parse(quarter).next.last_day)]


def _gone(old: pd.DataFrame, new: pd.DataFrame, quarter: str, mergers: pd.DataFrame) -> pd.DataFrame:
    gone = old[~old.index.isin(new.index) & old["trust_type"].isin(new["trust_type"])]
    if gone.empty:
        return together([])
    gone = gone.reset_index().assign(quarter=quarter)
    events = _by(quarter, mergers).groupby("predecessor_code")["successor_code"].agg(" and ".join)
    gone = gone.assign(into=gone["trust_code"].map(events))
    heir = new.reset_index().drop_duplicates("trust_name").set_index("trust_name")["trust_code"]
    gone = gone.assign(heir=gone["trust_name"].map(heir))
    merged, renamed = gone["into"].notna(), gone["into"].isna() & gone["heir"].notna()
    return together([
        found("trust_merged", gone[merged], "no longer listed: merged into {into}"),
        found("trust_vanished", gone[renamed], "no longer listed; its name stands under the code {heir} now"),
        found("trust_vanished", gone[~merged & ~renamed],
              "no longer listed, and no merger is known that would explain it (data/reference/mergers.csv)"),
    ])  # fmt: skip


def _came(old: pd.DataFrame, new: pd.DataFrame, quarter: str, mergers: pd.DataFrame) -> pd.DataFrame:
    came = new[~new.index.isin(old.index) & new["trust_type"].isin(old["trust_type"])]
    if came.empty:
        return together([])
    came = came.reset_index().assign(quarter=quarter)
    merged = came["trust_code"].isin(_by(quarter, mergers)["successor_code"])
    return together([
        found("trust_merged", came[merged], "newly listed, after a merger"),
        found("trust_appeared", came[~merged],
              "newly listed, and no merger is known that would explain it (data/reference/mergers.csv)"),
    ])  # fmt: skip


def _otherwise(old: pd.DataFrame, new: pd.DataFrame, quarter: str) -> pd.DataFrame:
    known = {(one.trust_code, one.quarter, one.before, one.after) for one in limits().known.reclassed}
    both = new.join(old[["trust_name", "trust_subtype", "trust_type", "region"]].add_suffix("_then"), how="inner")
    both = both.reset_index()
    both = both.assign(quarter=quarter)
    parts = []
    for name, code, column in (("trust_name", "trust_renamed", "Trust_name"), ("trust_subtype", "trust_reclassed", "Trust_subtype"),
                               ("trust_type", "type_changed", "Trust_type"), ("region", "region_changed", "Region")):  # fmt: skip
        other = both[both[name] != both[f"{name}_then"]]
        if name == "trust_subtype":
            marks = zip(other["trust_code"], other["quarter"], other[f"{name}_then"], other[name], strict=True)
            other = other[np.array([mark not in known for mark in marks], dtype=bool)]
        parts.append(found(code, other, "not as in the quarter held before", column, name, f"{{{name}_then}}"))
    return together(parts)


def _ended_codes(trusts: pd.DataFrame, mergers: pd.DataFrame) -> pd.DataFrame:
    """Trusts that are listed though they had merged before the quarter began."""
    parts = []
    for quarter, rows in trusts.groupby("quarter"):
        over = mergers[mergers["effective_date"] <= pd.Timestamp(Quarter.parse(quarter).first_day)]
        ended = rows[rows["trust_code"].isin(over["predecessor_code"])]
        if ended.empty:
            continue
        into = over.groupby("predecessor_code")["successor_code"].agg(" and ".join)
        parts.append(found("merged_code", ended.assign(into=ended["trust_code"].map(into)),
                           "had merged into {into} before the quarter began", "Trust_code", "trust_code", "{into}"))  # fmt: skip
    return together(parts)
