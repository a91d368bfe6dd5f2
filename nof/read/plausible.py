"""Figures on their own: impossible for their unit, out of scale, stale, mirrored, or beside medians that disagree."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.read.findings import found, together
from nof.read.limits import Bound, limits

_KEY = ["quarter", "trust_type", "metric_id", "units"]
_SERIES = ["trust_type", "metric_id", "units"]
_FEW = 10  # trusts from which on a whole metric says something about its scale
_MONTHS = {name: place for place, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip


def bounds(metrics: pd.DataFrame) -> pd.DataFrame:
    """Values, medians and quartiles that their metric or unit cannot have."""
    kinds = metrics.drop_duplicates(["metric_id", "units"])[["metric_id", "units", "description"]]
    held = [_bound(*row) for row in kinds.itertuples(index=False)]
    kinds = kinds.drop(columns="description").assign(
        least=[one.low for one in held], top=[one.high for one in held], why=[one.why for one in held]
    )
    rows = metrics[["metric_id", "units"]].merge(kinds, on=["metric_id", "units"], how="left").set_index(metrics.index)
    metrics = metrics.assign(least=rows["least"], top=rows["top"], why=rows["why"])
    parts = []
    for name, column in _FIGURES.items():
        wrong = (metrics[name] < metrics["least"]) | (metrics[name] > metrics["top"])
        parts.append(
            found("bounds", metrics[wrong], "a figure that cannot be: {why}", column, name, "{least} to {top}")
        )
    return together(parts)


_FIGURES = {
    "value": "Value", "median": "Median_value", "lower_quartile": "Lower_quartile", "upper_quartile": "Upper_quartile",
}  # fmt: skip


def _bound(metric: str, unit: str, description: str) -> Bound:
    words = description.casefold()
    for one in limits().bounds:
        named = one.metric is None or one.metric == metric
        in_unit = one.unit is None or one.unit == unit.casefold()
        said = not one.words or words.startswith(one.words)
        ours = not one.scores or not metric.startswith("OF0")
        if named and in_unit and said and ours:
            return one
    raise KeyError("checks.yaml has no bound for any figure")


def spelling(metrics: pd.DataFrame, league: pd.DataFrame) -> pd.DataFrame:
    """Figures with more than two decimals, and metrics whose values came as whole numbers all at once."""
    parts = []
    for table, names in ((metrics, _FIGURES), (league, {"average_score": "Average_score"})):
        for name, column in names.items():
            cents = table[name] * 100
            fine = (cents - cents.round()).abs() > 1e-6 * np.maximum(cents.abs(), 1)
            parts.append(found("decimals", table[fine], "more than two decimals", column, name, "two decimals at most"))
    return together([*parts, _whole_numbers(metrics)])


def _whole_numbers(metrics: pd.DataFrame) -> pd.DataFrame:
    rows = _values(metrics)
    rows = rows[rows["units"].str.casefold() != "count"]
    groups = rows.assign(whole=rows["value"] % 1 == 0).groupby(_KEY)["whole"].agg(["mean", "size"]).reset_index()
    limit = limits().limit("rounded")
    fine = groups[groups["mean"] < limit][_SERIES].drop_duplicates()
    odd = groups[(groups["mean"] >= limit) & (groups["size"] >= _FEW)].merge(fine, on=_SERIES)
    return found(
        "rounded", _first_rows(rows, odd), "every value is a whole number, which other quarters' are not", "Value"
    )


def _values(metrics: pd.DataFrame) -> pd.DataFrame:
    return metrics[metrics["metric_id"].str.startswith("OF0") & metrics["value"].notna()]


def _first_rows(rows: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """The first row of each group of a metric, without a trust: what is odd is odd of all."""
    if groups.empty:
        return rows.iloc[:0]
    facts = groups[[name for name in groups.columns if name not in rows.columns or name in _KEY]]
    first = rows.drop_duplicates(_KEY).merge(facts, on=_KEY)
    return first.assign(trust_code="", trust_name="")


def scales(metrics: pd.DataFrame) -> pd.DataFrame:
    """Whole metrics that moved by a large factor, came as shares, or are far from what was seen."""
    rows = _values(metrics)
    rows = rows.assign(size=rows["value"].abs())
    groups = rows.groupby(_KEY)
    stats = groups["value"].agg(["median", "max", "size"]).assign(scale=groups["size"].quantile(0.75)).reset_index()
    stats = stats[stats["size"] >= _FEW].sort_values("quarter").rename(columns={"median": "middle"})
    then = stats.groupby(_SERIES)[["scale", "middle"]].shift().add_suffix("_then")
    both = pd.concat([stats, then], axis=1)
    factor = (both["scale"] / both["scale_then"]).where((both["scale_then"] > 0) & (both["scale"] > 0))
    far = np.maximum(factor, 1 / factor) >= limits().limit("scale")
    low, high = (
        both["metric_id"].map({one: ends[place] for one, ends in limits().usual.items()}).astype(float)
        for place in (0, 1)
    )
    ten = limits().limit("scale_usual")
    unusual = ((both["middle"].abs() < low / ten) | (both["middle"].abs() > high * ten)) & ~far
    percent = both.merge(
        rows.drop_duplicates(["metric_id", "units"])[["metric_id", "units", "description"]], on=["metric_id", "units"]
    )
    shares = percent["units"].eq("%") & percent["description"].str.casefold().str.startswith(
        ("percentage", "proportion")
    )
    shares &= (percent["max"] <= limits().limit("scale_share")) & (percent["max"] > 0)
    return together([
        found("scale", _first_rows(rows, both[far]), "the whole metric moved: its median is {middle}, {middle_then} the quarter held before",
              "Value", "middle", "the scale of the quarter held before"),
        found("scale_usual", _first_rows(rows, both.assign(low=low, high=high)[unusual]),
              "the whole metric is out of scale: the median of its values is {middle}", "Value", "middle",
              "a median of {low} to {high}, as in NHS England's files of 2025/26, or not ten times off"),
        found("scale_share", _first_rows(rows, percent[shares]), "no value is above 1: shares in place of percentages?",
              "Value", "max", "0 to 100"),
    ])  # fmt: skip


def moves(metrics: pd.DataFrame) -> pd.DataFrame:
    """Single values that stand or moved far out; whole metrics that came back unchanged or with the sign turned."""
    rows = _values(metrics)
    if rows.empty:
        return together([])
    series = rows.groupby([*_SERIES, "trust_code"]).ngroup().to_numpy()
    quarters, place = np.unique(rows["quarter"].to_numpy(dtype=object), return_inverse=True)
    wide = np.full((series.max() + 1, len(quarters) + 1), np.nan)  # nothing stands before the first quarter
    wide[series, place + 1] = rows["value"]
    rows = rows.assign(then=wide[series, place], before=np.array(["", *quarters], dtype=object)[place])
    return together([_far_out(rows), _jumps(rows), _mirrored_or_stale(rows)])


def _far_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Values several times as large as the next largest of their metric."""
    table = rows.assign(size=rows["value"].abs()).sort_values("size", ascending=False)
    sizes = table.groupby(_KEY)["size"]
    second = sizes.shift(-1)  # of the largest: the next
    far = (sizes.cumcount() == 0) & (sizes.transform("count") >= _FEW) & (second > 0)
    far &= (table["size"] >= limits().limit("spread") * second) & (table["units"].str.casefold() != "count")
    return found("spread", table[far].assign(next=second[far]), "several times as far out as any other trust's value", "Value",
                 "value", "{next} at most is what the others have")  # fmt: skip


def _jumps(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby(_KEY)
    edges = groups["value"].quantile([0.25, 0.75]).unstack()
    reach = (edges[0.75] - edges[0.25]).to_numpy()[groups.ngroup()]
    steady = (reach > 0) & ~rows["metric_id"].isin(limits().known.erratic)
    far = steady & ((rows["value"] - rows["then"]).abs() > limits().limit("jump") * reach)
    return found("jump", rows[far].sort_values("quarter", kind="stable"),
                 "far from the trust's own value of the quarter held before", "Value", "value",
                 "about {then}, the value before")  # fmt: skip


def _mirrored_or_stale(rows: pd.DataFrame) -> pd.DataFrame:
    first = rows.drop_duplicates(_KEY)
    dates = dict(zip(first[_KEY].itertuples(index=False, name=None), first["reporting_date"], strict=True))
    both = rows[rows["then"].notna()]
    groups = both.groupby(_KEY)
    ranks, amounts = groups[["then", "value"]].rank().to_numpy(), both[["then", "value"]].to_numpy()
    befores, turned, same = both["before"].to_numpy(), [], []
    for place, own in groups.indices.items():
        if len(own) < _FEW:
            continue
        spread = np.ptp(amounts[own], axis=0) > 0
        if spread.all() and np.corrcoef(ranks[own].T)[0, 1] <= limits().limit("sign"):
            turned.append(place)
        told = [dates.get((quarter, *place[1:]), "") for quarter in (befores[own[0]], place[0])]
        new = period_end(told[0]) != period_end(told[1])
        if new and spread[1] and (amounts[own, 0] == amounts[own, 1]).mean() >= limits().limit("stale"):
            same.append(place)
    odd = [pd.DataFrame(places, columns=_KEY) for places in (turned, same)]
    return together([
        found("sign", _first_rows(rows, odd[0]), "the order of the values is that of the quarter held before turned round",
              "Value", None, "the same sign and direction"),
        found("stale", _first_rows(rows, odd[1]), "nearly all values are those of the quarter held before, though the period is new",
              "Value", None, "values of {reporting_date}"),
    ])  # fmt: skip


def medians(metrics: pd.DataFrame) -> pd.DataFrame:
    """Medians and quartiles that differ between rows of one metric, or are not in order."""
    parts = []
    for name in ("median", "lower_quartile", "upper_quartile"):
        differ = metrics.groupby(_KEY)[name].transform("nunique") > 1
        rows = metrics[differ]
        usual = rows.groupby(_KEY)[name].transform(lambda cells: cells.mode().iloc[0])
        odd = rows[(rows[name] != usual) & rows[name].notna()]
        parts.append(found("medians_differ", odd.assign(usual=usual), "not as in the other rows of its metric, type and quarter",
                           _FIGURES[name], name, "{usual}"))  # fmt: skip
    turned = (metrics["lower_quartile"] > metrics["median"]) | (metrics["median"] > metrics["upper_quartile"])
    parts.append(found("quartile_order", metrics[turned], "lower quartile, median and upper quartile are not in this order",
                       "Median_value", "median", "between {lower_quartile} and {upper_quartile}", most=0))  # fmt: skip
    return together(parts)


def periods(metrics: pd.DataFrame) -> pd.DataFrame:
    """Reporting dates that end before those of the quarter before, or years before their quarter."""
    rows = metrics[metrics["metric_id"].str.startswith("OF0")].drop_duplicates(_KEY).copy()
    if rows.empty:
        return together([])
    rows["end"] = rows["reporting_date"].map(period_end)
    rows = rows.sort_values("quarter")
    rows["then"] = rows.groupby(_SERIES)["end"].shift()
    rows["then_said"] = rows.groupby(_SERIES)["reporting_date"].shift()
    last = rows["quarter"].map(
        lambda slug: _when(Quarter.parse(slug).last_day.year, Quarter.parse(slug).last_day.month)
    )
    old, ahead = rows["end"] < last - limits().limit("period_back"), rows["end"] > last + 1
    back = rows["end"] < rows["then"] - 1e-6
    told = rows.assign(trust_code="", trust_name="", then_said=rows["then_said"].fillna(""))
    return together([
        found("period_back", told[back], "the period ends before that of the quarter held before", "Reporting_date",
              "reporting_date", "after {then_said}"),
        found("period_back", told[old & ~back], "the period ends years before the quarter", "Reporting_date", "reporting_date"),
        found("period_back", told[ahead & ~back], "the period ends after the quarter", "Reporting_date", "reporting_date"),
    ])  # fmt: skip


def _when(year: int, month: int) -> float:
    return year + month / 12


def period_end(text: str) -> float:
    """When a reporting date ends, in years, as far as its words tell; NaN where they do not.

    >>> period_end("Mar-26") == period_end("26-Mar") == period_end("Q4 2025/26") == period_end("Month 12 2025/26")
    True
    """
    words = text.casefold()
    month = re.findall(r"\b([a-z]{3})[a-z]*[- ]+(\d{2}|\d{4})\b", words) + [
        (name, year) for year, name in re.findall(r"\b(\d{2})-([a-z]{3})\b", words)
    ]
    ends = [_when(_year(year), _MONTHS[name]) for name, year in month if name in _MONTHS]
    if ends:
        return max(ends)
    quarter = re.search(r"q([1-4])\s+(\d{4})[-/]\d{2}", words)
    if quarter:
        day = Quarter(int(quarter[2]), int(quarter[1])).last_day
        return _when(day.year, day.month)
    counted = re.search(r"month\s+(\d{1,2})\s+(\d{4})", words)
    if counted and 1 <= int(counted[1]) <= 12:
        return _when(int(counted[2]), 3 + int(counted[1]))
    financial = re.search(r"(\d{4}|\b\d{2})/(\d{2})\b", words)
    if financial and "to date" not in words:
        return _when(_year(financial[2]), 3)
    year_alone = re.fullmatch(r"(20\d{2})", words.strip())
    return _when(int(year_alone[1]), 12) if year_alone else float("nan")


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)
