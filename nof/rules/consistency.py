"""Published figures held against what follows from other published figures: values, ranks, medians, scores, sums, segments.

Nearly every slip in a file contradicts something that stands beside it. What differs for a known reason (DEVIATIONS.md) is
data: data/reference/checks.yaml, `documented`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.read.findings import found, guarded, together
from nof.read.limits import limits
from nof.read.publication import Publication
from nof.read.sheets import matching
from nof.rules import draft, reconcile, scoring
from nof.rules.framework import Framework

_KEY = ["quarter", "trust_type", "trust_code"]
_GROUP = ["quarter", "trust_type", "metric_id"]
_TINY = 1e-9
_ENOUGH = 20  # scores from which on a grid tells its size
_SCORE = r"OF1\d{3}"
_COLUMNS = {
    "": "Value", "rank": "Rank", "median": "Median_value", "lower_quartile": "Lower_quartile",
    "upper_quartile": "Upper_quartile", "grid": "Value",
}  # fmt: skip
_LEAGUE_COLUMNS = {
    "average_score": "Average_score", "average_low": "Likely_range_of_average_score",
    "average_high": "Likely_range_of_average_score", "segment": "Segment", "rank": "Rank",
    "rank_low": "Likely_range_of_rank", "rank_high": "Likely_range_of_rank",
}  # fmt: skip


def find(publication: Publication, compared: pd.DataFrame | None = None) -> pd.DataFrame:
    """Figures of a publication that contradict other figures of it.

    Parameters
    ----------
    publication : Publication
    compared : DataFrame, optional
        `reconcile.compare(publication)`, where it is at hand already.

    Returns
    -------
    DataFrame
        See `nof.read.findings.together`.
    """
    metrics = named(publication)
    rules = {quarter: draft.rules(publication, Quarter.parse(quarter).year_label) for quarter in publication.quarters}
    parts = [
        guarded(check, *given)
        for check, *given in (
            (_not_reproduced, publication, metrics, rules, compared), (_domains, metrics, rules),
            (_pairs, metrics, rules), (_segments, metrics, rules), (_grids, metrics, rules),
        )
    ]  # fmt: skip
    return together(parts)


def named(publication: Publication) -> pd.DataFrame:
    """Rows of the metrics files with the name of their trust."""
    names = publication.trusts[["quarter", "trust_code", "trust_name"]]
    return publication.metrics.merge(names, on=["quarter", "trust_code"], how="left")


# ---------------------------------------------------------------- what is recomputed


def _not_reproduced(
    publication: Publication, metrics: pd.DataFrame, rules: dict[str, Framework], compared: pd.DataFrame | None
) -> pd.DataFrame:
    """Figures that are recomputed otherwise, less the documented differences."""
    compared = reconcile.compare(publication) if compared is None else compared
    table = reconcile.mismatches(compared).drop_duplicates([*_KEY, "rule"])
    if table.empty:
        return together([])
    drafted = table["quarter"].map({quarter: one.draft or not one.metrics for quarter, one in rules.items()})
    table = table[~drafted.astype(bool)]  # rules that nobody has confirmed accuse nobody
    if table.empty:
        return together([])
    table = table[~_documented(table, metrics, rules)]
    parts = table["rule"].str.extract(r"^([^.]+)(?:\.(.+))?$").fillna("")
    table = table.assign(metric_id=parts[0], figure=parts[1], gap=table["difference"].abs())
    return together([*_of_metrics(table[table["metric_id"] != "league"], metrics),
                     *_of_league(table[table["metric_id"] == "league"], publication)])  # fmt: skip


_SAYS = "{told} does not follow from the other figures"


def _of_metrics(table: pd.DataFrame, metrics: pd.DataFrame) -> Iterator[pd.DataFrame]:
    whole = table["trust_code"] == ""
    first = metrics.drop_duplicates(_GROUP)[[*_GROUP, "file", "row", "description"]]
    rows = metrics.drop_duplicates([*_KEY, "metric_id"])[
        [*_KEY, "metric_id", "file", "row", "description", "trust_name"]
    ]
    both = [table[whole].merge(first, on=_GROUP), table[~whole].merge(rows, on=[*_KEY, "metric_id"])]
    for part in both:
        for figure, some in part.sort_values("gap", ascending=False).groupby("figure"):
            told = {"": "the published figure", "grid": "the score"}.get(figure, f"the {figure.replace('_', ' ')}")
            yield found("not_reproduced", some.assign(told=told), _SAYS, _COLUMNS.get(figure, "Value"), "published",
                        "{recomputed}, recomputed")  # fmt: skip


def _of_league(table: pd.DataFrame, publication: Publication) -> Iterator[pd.DataFrame]:
    names = publication.trusts[["quarter", "trust_code", "trust_name"]]
    files = publication.files[publication.files["kind"] == "league"]
    newest = files[~files["superseded"]] if len(files) else files
    place = {(kind, quarter): row.file for row in newest.itertuples() for kind in row.trust_type.split(",")
             for quarter in row.quarters.split(",")}  # fmt: skip
    keys = zip(table["trust_type"], table["quarter"], strict=True)
    told = table.assign(file=[place.get(key, "") for key in keys], metric_id="").merge(names, how="left")
    for figure, some in told.sort_values("gap", ascending=False).groupby("figure"):
        yield found("not_reproduced", some.assign(told=f"the {figure.replace('_', ' ')} in the league table"), _SAYS,
                    _LEAGUE_COLUMNS.get(figure, ""), "published", "{recomputed}, recomputed")  # fmt: skip


def _documented(table: pd.DataFrame, metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.Series:
    """Which differences have a known reason."""
    known = pd.Series(False, table.index)
    for one in limits().documented:
        named_so = matching(table["rule"], one.rule)
        if one.ties:
            known |= named_so & _among_ties(table[named_so], metrics, rules).reindex(table.index, fill_value=False)
        else:
            near = named_so & (table["difference"].abs() <= one.within + _TINY)
            known |= near & _with_few(table, metrics, rules, one.few) if one.few else near
    return known


def _with_few(table: pd.DataFrame, metrics: pd.DataFrame, rules: dict[str, Framework], few: int) -> pd.Series:
    """Whether some ranked metric of the type and quarter has fewer scores than that."""
    ranked = {(quarter, name) for quarter, rule in rules.items() for name, one in rule.by_score.items() if one.ranked}
    scores = metrics[matching(metrics["metric_id"], _SCORE)]
    counts = scores[pd.MultiIndex.from_frame(scores[["quarter", "metric_id"]]).isin(ranked)].groupby(_GROUP).size()
    least = counts.groupby(level=[0, 1]).min()
    return pd.Series(least.reindex(pd.MultiIndex.from_frame(table[_GROUP[:2]])).to_numpy() < few, table.index)


def _among_ties(table: pd.DataFrame, metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.Series:
    """Whether a published rank is one of those that trusts with the same published value share."""
    wanted = table.assign(metric_id=table["rule"].str.removesuffix(".rank")).reset_index()
    pairs = wanted[["quarter", "metric_id"]].drop_duplicates()
    known = [rules[quarter].by_value.get(metric) for quarter, metric in pairs.itertuples(index=False)]
    pairs = pairs.assign(
        unit=[one.units if one else None for one in known],
        high=[one is not None and one.better == "high" for one in known],
    )
    rows = metrics[metrics["value"].notna()].merge(pairs, on=["quarter", "metric_id"])
    rows = rows[rows["unit"].isna() | (rows["unit"].astype("str").str.casefold() == rows["units"].str.casefold())]
    signed = rows["value"].where(~rows["high"].astype(bool), -rows["value"])
    grouped = signed.groupby([rows[name] for name in _GROUP])
    span = rows.assign(best=grouped.rank(method="min"), worst=grouped.rank(method="max"))
    both = (
        wanted[["index", *_KEY, "metric_id", "published"]]
        .merge(span[[*_KEY, "metric_id", "best", "worst"]], on=[*_KEY, "metric_id"])
        .set_index("index")
    )
    return both["published"].between(both["best"], both["worst"])


# ---------------------------------------------------------------- order


def value_and_score(metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.DataFrame:
    """Values beside their scores.

    Returns
    -------
    DataFrame
        Rows of the scores (quarter ... row) with signed (the value, smaller is better; NaN where the direction is not
        known), value, value_rank, score, shape.
    """
    scores = metrics[matching(metrics["metric_id"], _SCORE) & metrics["value"].notna()].copy()
    scores["value_id"] = [_value_id(rules[q], one) for q, one in scores[["quarter", "metric_id"]].to_numpy()]
    values = metrics[metrics["value"].notna() & metrics["metric_id"].isin(scores["value_id"].unique())]
    wanted = {(q, one.value_id): one.units for q, rule in rules.items() for one in rule.metrics if one.units}
    units = [wanted.get(tuple(key)) for key in values[["quarter", "metric_id"]].to_numpy()]
    alone = values.groupby([*_KEY, "metric_id"])["units"].transform("nunique") == 1
    right = [one is None and only or one is not None and one.casefold() == own.casefold()
             for one, only, own in zip(units, alone.to_numpy(), values["units"].to_numpy(), strict=True)]  # fmt: skip
    values = values[np.array(right, dtype=bool)].rename(
        columns={"metric_id": "value_id", "value": "amount", "rank": "value_rank"}
    )
    both = scores.merge(values[[*_KEY, "value_id", "amount", "value_rank"]], on=[*_KEY, "value_id"])
    both = both.rename(columns={"value": "score"})
    known = [rules[q].by_score.get(one) for q, one in both[["quarter", "metric_id"]].to_numpy()]
    sign = np.array([{"low": 1.0, "high": -1.0}.get(one.better if one else "", np.nan) for one in known], dtype=float)
    return both.assign(signed=both["amount"] * sign, shape=[one.shape if one else "unknown" for one in known])


def _value_id(rules: Framework, score: str) -> str:
    rule = rules.by_score.get(score)
    known = rule is not None and rule.value_id in rules.by_value
    return rule.value_id if known and rule is not None else score[:2] + "0" + score[3:]


def _pairs(metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.DataFrame:
    """Everything that a value and its score say of each other."""
    pairs = value_and_score(metrics, rules)
    return together([_order(pairs), _ties(pairs), _own_ranks(pairs)])


def _order(pairs: pd.DataFrame) -> pd.DataFrame:
    """Scores and ranks against the order of the values of one type: better values never score worse."""
    known = pairs[pairs["signed"].notna()]
    ranked = known[known["shape"] != "finance matrix"]
    odd = [_against(part, "signed", "score") for _, part in ranked.groupby(_GROUP)]
    return together([
        found("order", _joined(odd, ranked), "the score is not in the order of the values", "Value", "score",
              "a score in the order of the values; its own value is {amount}"),
    ])  # fmt: skip


def _joined(parts: list[pd.DataFrame], like: pd.DataFrame) -> pd.DataFrame:
    held = [part for part in parts if len(part)]
    return pd.concat(held) if held else like.iloc[:0]


def _against(part: pd.DataFrame, by: str, column: str) -> pd.DataFrame:
    """The fewest rows, taken greedily, without which a column rises with another."""
    x, y = part[by].to_numpy(), part[column].to_numpy()
    if _rises(x, y):
        return part.iloc[:0]
    clash = (x[:, None] < x[None, :]) & (y[:, None] > y[None, :] + _TINY)
    clash |= clash.T
    out: list[int] = []
    while clash.any() and len(out) < len(part):
        worst = int(clash.sum(axis=1).argmax())
        out.append(worst)
        clash[worst, :] = clash[:, worst] = False
    return part.iloc[out]


def _rises(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether no smaller x has a larger y; blanks say nothing."""
    known = ~(np.isnan(x) | np.isnan(y))
    order = np.lexsort((y[known], x[known]))
    x, y = x[known][order], y[known][order]
    highest = np.maximum.accumulate(y)
    below = np.searchsorted(x, x, side="left") - 1  # the last place with a smaller x
    return bool((y[below >= 0] >= highest[below[below >= 0]] - _TINY).all())


def _ties(pairs: pd.DataFrame) -> pd.DataFrame:
    """Trusts of one type with the same value and rank, whose scores differ."""
    rows = pairs[pairs["value_rank"].notna()]
    key = [*_GROUP, "amount", "value_rank"]
    differ = rows.groupby(key)["score"].transform("nunique") > 1
    usual = rows[differ].groupby(key)["score"].transform(lambda cells: cells.mode().iloc[0])
    odd = rows[differ][rows.loc[differ, "score"] != usual]
    return found("ties", odd.assign(usual=usual), "another score than trusts with the same value and rank", "Value", "score",
                 "{usual}")  # fmt: skip


def _own_ranks(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rank beside a score, which repeats that of its value."""
    differ = pairs["rank"].notna() & pairs["value_rank"].notna() & (pairs["rank"] != pairs["value_rank"])
    return found("own_rank", pairs[differ], "the rank beside the score is not that beside the value", "Rank", "rank",
                 "{value_rank}, as beside the value")  # fmt: skip


def _segments(metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.DataFrame:
    """Segments against the averages, and domain segments against the domain scores, of all types at hand."""
    parts = []
    for quarter, rows in metrics[metrics["value"].notna()].groupby("quarter"):
        rule = rules[quarter]
        scored = {rule.summary.unadjusted_segment: rule.summary.average}
        scored |= {one.segment_id: one.score_id for one in rule.domains}
        segments = rows[rows["metric_id"].isin(scored)].assign(of=lambda held: held["metric_id"].map(scored))  # noqa: B023
        scores = rows.loc[rows["metric_id"].isin(scored.values()), [*_KEY, "metric_id", "value"]]
        scores = scores.rename(columns={"metric_id": "of", "value": "score"})
        both = segments.merge(scores, on=[*_KEY, "of"])
        for segment in scored:
            odd = _against(both[both["metric_id"] == segment], "score", "value")
            parts.append(found("order", odd, "the segment is not in the order of the scores", "Value", "value",
                               "a segment in the order of the scores; its own score is {score}"))  # fmt: skip
    return together(parts)


# ---------------------------------------------------------------- domains and pools


def _domains(metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.DataFrame:
    """Domains that the rules do not know, or that they do not give to the metric."""
    parts = []
    for quarter, rows in metrics.groupby("quarter"):
        rule = rules[quarter]
        if rule.draft or not rule.domains:
            continue
        known = [one.name for one in rule.domains]
        own = {one.score_id: one.name for one in rule.domains} | {one.segment_id: one.name for one in rule.domains}
        own |= {one: metric.domain for table in (rule.by_score, rule.by_value) for one, metric in table.items()}
        words = rows["domain"].map({text: _plain(text) for text in rows["domain"].unique()})
        strange = ~words.isin([_plain(one) for one in [*known, "Summary"]]) & rows["metric_id"].isin(rule.known_ids)
        parts.append(found("domain_unknown", rows[strange], "not a domain of the framework", "Domain", "domain",
                           " or ".join(known)))  # fmt: skip
        told = rows["metric_id"].map(own).fillna("")
        other = (told != "") & (told.map({text: _plain(text) for text in told.unique()}) != words) & ~strange
        parts.append(found("domain_changed", rows.assign(usual=told)[other], "not the domain that the rules give to the metric",
                           "Domain", "domain", "{usual}", most=0))  # fmt: skip
    return together(parts)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.casefold()).strip()


def _grids(metrics: pd.DataFrame, rules: dict[str, Framework]) -> pd.DataFrame:
    """Scores that no ranking pool gives, or one of another size than in the other quarters."""
    years, tables = {one.framework_year: one for one in rules.values()}, []
    for year, rows in metrics.groupby(
        metrics["quarter"].map({name: one.framework_year for name, one in rules.items()})
    ):
        if not years[year].draft and years[year].metrics:
            tables.append(scoring.pools(scoring.published_scores(rows, years[year]), years[year]))
    if not tables:
        return together([])
    sizes = pd.concat(tables)
    sizes = sizes.assign(size=sizes["size"].astype(float), usual=0.0)
    sizes["usual"] = sizes.groupby(["metric_id", "pool"])["size"].transform("median")
    seen = sizes.groupby(["metric_id", "pool"])["size"].transform("count")
    largest = sizes.groupby(["metric_id", "pool"])["published"].transform("max")
    none = sizes["size"].isna() & (largest < 200)  # above, any score may fall on the grid
    enough = sizes["published"] >= _ENOUGH
    off = ((sizes["size"] / sizes["usual"] - 1).abs() > limits().limit("grid")) & enough
    first = metrics.drop_duplicates(["quarter", "metric_id"])[
        ["quarter", "metric_id", "file", "trust_type", "description"]
    ]
    lost, other = (sizes[chosen].merge(first, on=["quarter", "metric_id"]) for chosen in (none, off & (seen > 2)))
    return together([
        found("grid", lost, "the scores are not those of any one ranking", "Value", None, "scores evenly spaced from 1 to 4"),
        found("grid", other, "the scores are those of a ranking of {size} trusts", "Value", None,
              "about {usual} trusts, as in the other quarters"),
    ])  # fmt: skip
