"""Who and what is there: trusts, rows, metrics and quarters that vanished, appeared, or stand under another name."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.read.findings import found, together
from nof.read.limits import limits

_GROUP = ["quarter", "trust_type"]
_TRUST = ["quarter", "trust_type", "trust_code"]
_SUMMARY = r"OF5\d{3}"
_ID = re.compile(r"OF\d{4}")


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
        rows = table.merge(shared, on=_GROUP).drop_duplicates(_TRUST)
        sides[name] = rows.set_index(_TRUST)
    alone = {name: sides[name][~sides[name].index.isin(sides[other].index)].reset_index()
             for name, other in (("league", "metrics"), ("metrics", "league"))}  # fmt: skip
    unread = league.merge(metrics[_GROUP].drop_duplicates(), on=_GROUP, how="left", indicator=True)
    unread = unread[unread["_merge"] == "left_only"]
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
    parts = [found("name_of_another", rows.merge(kinds[stolen], on=key), "the name is that of another trust, {owner}",
                   "Trust_code", "trust_code", "{owner}, or the name of {trust_code}")]  # fmt: skip
    rest = kinds[~stolen]
    for name, column in columns.items():
        usual = rest.groupby(["quarter", "trust_code"])[name].transform("first")  # the most frequent comes first
        other = rest.assign(usual=usual)[usual != rest[name]]
        parts.append(found("name_differs", rows.merge(other, on=key), "differs from the trust's other rows", column, name,
                           "{usual}, as elsewhere"))  # fmt: skip
    return together(parts)


def _most(texts: pd.Series) -> str:
    """The text that most rows have."""
    return texts.iloc[0] if texts.nunique() < 2 else texts.value_counts().index[0]


def without_summary(metrics: pd.DataFrame) -> pd.DataFrame:
    """Codes that have none of the summary rows which nearly all others of their type and quarter have."""
    trusts = metrics[_TRUST].drop_duplicates()
    summed = metrics.loc[metrics["metric_id"].str.fullmatch(_SUMMARY), _TRUST].drop_duplicates().assign(summed=True)
    table = trusts.merge(summed, how="left", on=_TRUST).assign(summed=lambda t: t["summed"].eq(True))
    share = table.groupby(_GROUP)["summed"].transform("mean")
    alone = table[~table["summed"] & (share >= limits().limit("no_summary"))]
    rows = metrics.drop_duplicates(_TRUST).merge(alone[_TRUST], on=_TRUST)
    return found("no_summary", rows, "a trust without average and segment", "Trust_code", "trust_code",
                 "the code of a trust that has them, as every other")  # fmt: skip


def rows_missing(metrics: pd.DataFrame) -> pd.DataFrame:
    """Summary rows and domain segments that a trust lacks though nearly all others have them, and scores beside values."""
    given = metrics[metrics["value"].notna() | metrics["metric_id"].str.fullmatch(_SUMMARY)]
    own = given[given["metric_id"].str.fullmatch(_SUMMARY)]
    return together([
        _lacking_summary(metrics, own),
        _pairs(given, r"OF0\d{3}", r"OF1\d{3}", "score_missing", "no score beside its value", "a row {other}"),
        _pairs(given, r"OF1\d{3}", r"OF0\d{3}", "value_missing", "no value beside its score", "a row {other} with a value"),
        _pairs(given, r"OF40\d{2}", r"OF41\d{2}", "row_missing", "no segment beside the domain score", "a row {other}"),
        _pairs(given, r"OF41\d{2}", r"OF40\d{2}", "row_missing", "no domain score beside the segment", "a row {other}"),
        _blank(metrics),
    ])  # fmt: skip


def _lacking_summary(metrics: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    trusts = metrics.drop_duplicates(_TRUST)[[*_TRUST, "trust_name", "file"]]
    counts = own.groupby([*_GROUP, "metric_id"])["trust_code"].nunique().rename("held").reset_index()
    total = trusts.groupby(_GROUP).size().rename("trusts").reset_index()
    usual = counts.merge(total, on=_GROUP)
    usual = usual[(usual["held"] < usual["trusts"]) & (usual["held"] >= 0.5 * usual["trusts"])]
    wanted = trusts.merge(usual[[*_GROUP, "metric_id"]], on=_GROUP)
    there = own[[*_TRUST, "metric_id"]].drop_duplicates()
    lacking = wanted.merge(there, how="left", indicator=True).query("_merge == 'left_only'")
    return found("row_missing", lacking, "the row is missing", "Metric_ID",
                 expected="a row, as other trusts of the quarter have it")  # fmt: skip


def _pairs(given: pd.DataFrame, one: str, other: str, code: str, what: str, expected: str) -> pd.DataFrame:
    """Rows of one kind of id without their partner, where nearly all rows of the metric and quarter have theirs."""
    rows = given[given["metric_id"].str.fullmatch(one)].drop_duplicates([*_TRUST, "metric_id"])
    digit, place = (other[3], 3) if one.startswith("OF4") else (other[2], 2)
    partner = rows["metric_id"].str[:place] + digit + rows["metric_id"].str[place + 1 :]
    rows = rows.assign(other=partner)
    there = given.loc[given["metric_id"].str.fullmatch(other), [*_TRUST, "metric_id"]].drop_duplicates()
    both = rows.merge(there.rename(columns={"metric_id": "other"}), how="left", on=[*_TRUST, "other"], indicator=True)
    paired = both["_merge"] == "both"
    share = paired.groupby([both[name] for name in (*_GROUP, "metric_id")]).transform("mean")
    limit = limits().limit(code)
    return found(code, both[~paired & (share >= limit)], what, "Metric_ID", None, expected)


def _blank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Cells that are blank though the row, or the rest of its metric, says that a figure belongs there."""
    limit, key = limits().limit("rank_missing"), [*_GROUP, "metric_id", "units"]
    ranked = metrics["rank"].notna()
    valued = metrics["value"].notna()
    usual = (ranked & valued).groupby([metrics[name] for name in key]).transform("sum") / valued.groupby(
        [metrics[name] for name in key]
    ).transform("sum").clip(lower=1)
    parts = [
        found("value_missing", metrics[~valued & ranked], "no value though a rank is given", "Value", None, "a number"),
        found("rank_missing", metrics[valued & ~ranked & (usual >= limit)], "no rank though a value is given", "Rank",
              None, "a rank, as other trusts have it"),
    ]  # fmt: skip
    for name, column in (
        ("median", "Median_value"),
        ("lower_quartile", "Lower_quartile"),
        ("upper_quartile", "Upper_quartile"),
    ):
        there = metrics[name].notna()
        share = there.groupby([metrics[key_] for key_ in key]).transform("mean")
        blank = metrics[~there & (share >= 0.5) & valued]
        parts.append(
            found("median_missing", blank, "blank though other rows of the metric have it", column, None, "a number")
        )
    return together(parts)


def changed_since_before(metrics: pd.DataFrame) -> pd.DataFrame:
    """What a quarter lacks, or has otherwise, against the quarter before it: metrics, columns, words, sizes."""
    parts = []
    for _, rows in metrics.groupby("trust_type"):
        quarters = sorted(rows["quarter"].unique())
        for before, after in zip(quarters, quarters[1:], strict=False):
            old, new = (rows[rows["quarter"] == one] for one in (before, after))
            if Quarter.parse(before).year_label == Quarter.parse(after).year_label:
                parts += [_metrics_changed(old, new, after), _columns_lost(old, new), _words_changed(old, new)]
    return together(parts)


def _metrics_changed(old: pd.DataFrame, new: pd.DataFrame, quarter: str) -> pd.DataFrame:
    counts = pd.DataFrame({
        "then": old.groupby("metric_id")["trust_code"].nunique(), "now": new.groupby("metric_id")["trust_code"].nunique(),
    }).fillna(0)  # fmt: skip
    facts = pd.concat([new, old]).drop_duplicates("metric_id").set_index("metric_id")["description"]
    counts = counts.join(facts).reset_index(names="metric_id")
    counts = counts.assign(quarter=quarter, trust_type=new["trust_type"].iloc[0], file=new["file"].iloc[0])
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


_COLUMNS = {
    "rank": ("rank_missing", "Rank"), "median": ("median_missing", "Median_value"),
    "lower_quartile": ("median_missing", "Lower_quartile"), "upper_quartile": ("median_missing", "Upper_quartile"),
    "value": ("value_missing", "Value"),
}  # fmt: skip


def _columns_lost(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Columns of a metric that are blank for every trust though the quarter before had them."""
    parts = []
    counts = [table.groupby("metric_id")[list(_COLUMNS)].count() for table in (old, new)]
    for name, (code, column) in _COLUMNS.items():
        then, now = (table[name] for table in counts)
        lost = now.index[(now == 0) & (then.reindex(now.index).fillna(0) > 0)]
        rows = new[new["metric_id"].isin(lost)]
        parts.append(
            found(
                code,
                rows,
                "blank for every trust, though the quarter held before had it",
                column,
                None,
                "a number",
                most=0,
            )
        )
    return together(parts)


def _words_changed(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for name, code, column in (
        ("units", "unit_changed", "Units"), ("description", "meaning_changed", "Metric_description"),
        ("domain", "domain_changed", "Domain"),
    ):  # fmt: skip
        then = old.drop_duplicates(["metric_id", name]).groupby("metric_id")[name].agg(list)
        kinds = new[["metric_id", name]].drop_duplicates()
        kinds = kinds[kinds["metric_id"].isin(then.index)].assign(then=lambda kinds: kinds["metric_id"].map(then))  # noqa: B023
        other = [_plain(text) not in map(_plain, told) for text, told in zip(kinds[name], kinds["then"], strict=True)]
        told = kinds[np.array(other, dtype=bool)].assign(
            then=lambda kinds: kinds["then"].map(lambda texts: " or ".join(sorted(texts)))
        )
        rows = new.merge(told, on=["metric_id", name]) if len(told) else new.iloc[:0]
        parts.append(found(code, rows, "not as in the quarter held before", column, name, "{then}", most=0))
    return together(parts)


def _plain(text: str) -> str:
    """A text without what no reader sees as a difference."""
    text = re.sub(r"\s+", " ", text.casefold().replace("\N{EN DASH}", "-")).strip()
    return {"percent": "%", "percentage": "%", "per cent": "%"}.get(text, text)


def words_differ(metrics: pd.DataFrame) -> pd.DataFrame:
    """Words that should be one for a metric and quarter, and are not: unit, domain, description, reporting date."""
    key, parts = [*_GROUP, "metric_id"], []
    for name, code, column in (
        ("domain", "domain_differs", "Domain"), ("description", "meaning_changed", "Metric_description"),
        ("reporting_date", "period_differs", "Reporting_date"),
    ):  # fmt: skip
        kinds = metrics[[*key, name]].drop_duplicates()
        several = kinds[kinds.duplicated(key)][key].drop_duplicates()
        rows = metrics.merge(several, on=key) if len(several) else metrics.iloc[:0]
        usual = rows.groupby(key)[name].transform(_most)
        parts.append(found(code, rows[usual != rows[name]].assign(usual=usual), "not as in the metric's other rows", column,
                           name, "{usual}, as elsewhere"))  # fmt: skip
    parts.append(_units_differ(metrics))
    return together(parts)


def _units_differ(metrics: pd.DataFrame) -> pd.DataFrame:
    """A unit that few trusts of a metric have (a count and a rate beside each other are had by all)."""
    key = [*_GROUP, "metric_id"]
    several = metrics[metrics.groupby(key)["units"].transform("nunique") > 1]
    trusts = several.groupby(key)["trust_code"].transform("nunique")
    holders = several.groupby([*key, "units"])["trust_code"].transform("nunique")
    usual = several.groupby(key)["units"].transform(_most)
    odd = several[holders < limits().limit("unit_differs") * trusts]
    return found(
        "unit_differs",
        odd.assign(usual=usual[odd.index]),
        "not the unit of the metric's other rows",
        "Units",
        "units",
        "{usual}",
    )


def units_known(metrics: pd.DataFrame, year: str = "2025-26") -> pd.DataFrame:
    """Units that are not those which NHS England's own files of a year have for the id."""
    kinds = metrics.loc[metrics["quarter"].str.startswith(year), ["metric_id", "units"]].drop_duplicates()
    told = {
        one: next((unit.unit for unit in limits().units if re.fullmatch(unit.ids, one)), "")
        for one in kinds["metric_id"]
    }
    kinds = kinds.assign(usual=kinds["metric_id"].map(told))
    odd = kinds[(kinds["usual"] != "") & (kinds["units"] != "") & (kinds["units"].map(_plain) != kinds["usual"])]
    rows = metrics[metrics["quarter"].str.startswith(year)].merge(odd, on=["metric_id", "units"])
    return found("unit_differs", rows, "not the unit of this metric", "Units", "units", "{usual}", most=0)


def blanks(metrics: pd.DataFrame) -> pd.DataFrame:
    """Words that are blank, where the reader has no rule of its own: region, domain, description, unit."""
    return together([
        found("name_blank", metrics[metrics[name] == ""], "blank", column, name, "text, as in every other row")
        for name, column in (("region", "Region"), ("trust_subtype", "Trust_subtype"), ("domain", "Domain"),
                             ("description", "Metric_description"), ("units", "Units"))
    ])  # fmt: skip


def forms(metrics: pd.DataFrame) -> pd.DataFrame:
    """Ids that are not written as most others are (OF and four digits)."""
    usual = metrics["metric_id"].str.fullmatch(_ID)
    meant = metrics["metric_id"].str.upper().str.fullmatch(_ID)  # of0082: written otherwise, whatever the others are
    odd = ~usual if len(metrics) and usual.mean() >= limits().limit("id_form") else meant & ~usual
    return found("id_form", metrics[odd], "not a metric id", "Metric_ID", "metric_id", "OF and four digits, as OF0005")


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
    """Trusts that vanished, appeared, merged, or changed their name, sub-type or type since the quarter before.

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
    gone = (
        old[~old.index.isin(new.index) & old["trust_type"].isin(new["trust_type"])]
        .reset_index()
        .assign(quarter=quarter)
    )
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
    came = (
        new[~new.index.isin(old.index) & new["trust_type"].isin(old["trust_type"])]
        .reset_index()
        .assign(quarter=quarter)
    )
    merged = came["trust_code"].isin(_by(quarter, mergers)["successor_code"])
    return together([
        found("trust_merged", came[merged], "newly listed, after a merger"),
        found("trust_appeared", came[~merged],
              "newly listed, and no merger is known that would explain it (data/reference/mergers.csv)"),
    ])  # fmt: skip


def _otherwise(old: pd.DataFrame, new: pd.DataFrame, quarter: str) -> pd.DataFrame:
    known = {(one.trust_code, one.quarter, one.before, one.after) for one in limits().known.reclassed}
    both = new.join(old[["trust_name", "trust_subtype", "trust_type"]].add_suffix("_then"), how="inner").reset_index()
    both = both.assign(quarter=quarter)
    parts = []
    for name, code, column in (("trust_name", "trust_renamed", "Trust_name"), ("trust_subtype", "trust_reclassed", "Trust_subtype"),
                               ("trust_type", "type_changed", "Trust_type")):  # fmt: skip
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
        into = over.groupby("predecessor_code")["successor_code"].agg(" and ".join)
        ended = rows[rows["trust_code"].isin(into.index)]
        parts.append(found("merged_code", ended.assign(into=ended["trust_code"].map(into)),
                           "had merged into {into} before the quarter began", "Trust_code", "trust_code", "{into}"))  # fmt: skip
    return together(parts)
