"""Every figure that can be recomputed, beside what NHS England published."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from nof.read.publication import Publication
from nof.rules import ranking, scoring
from nof.rules.framework import Framework
from nof.rules.recompute import National, league, recompute

KEY = ["quarter", "trust_type", "trust_code"]
FIGURES = [*KEY, "rule", "published", "recomputed"]
COMPARED = [*KEY, "rule", "level", "published", "recomputed"]
SUMMARY = ["quarter", "trust_type", "rule", "level", "published", "reproduced", "largest_difference"]
# Figures are published at 2 decimals. A median of published (rounded) values can fall on a half, which either neighbour
# may stand for, so half a hundredth itself still counts as equal; all other figures are rounded before they are compared.
_HALF_A_HUNDREDTH = 0.005 + 1e-9


def compare(publication: Publication, national: National | None = None) -> pd.DataFrame:
    """Published and recomputed figures side by side, at level 1 (from scores) and level 2 (from values).

    Parameters
    ----------
    publication : Publication
    national : National, optional
        `recompute(publication)` at level 2, where it is at hand already.

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code (empty for figures of a whole type), rule (the published id, with .rank,
        .median and so on for other columns), level, published, recomputed, difference.
    """
    parts = []
    for one in (recompute(publication, 1), national or recompute(publication, 2)):
        parts += [part[FIGURES].assign(level=one.level) for part in _figures(one)]
    table = pd.concat(parts, ignore_index=True)[COMPARED].dropna(subset=["published", "recomputed"])
    return table.assign(difference=(table["recomputed"] - table["published"]).round(6))


def summarise(compared: pd.DataFrame) -> pd.DataFrame:
    """How many figures were reproduced, for each quarter, trust type, rule and level."""
    table = compared.assign(gap=compared["difference"].abs(), same=equal(compared))
    groups = table.groupby(["quarter", "trust_type", "rule", "level"], sort=True)
    counts = groups.agg(published=("published", "size"), reproduced=("same", "sum"), largest_difference=("gap", "max"))
    return counts.reset_index()[SUMMARY]


def mismatches(compared: pd.DataFrame) -> pd.DataFrame:
    """Figures that were not reproduced, each with the published and the recomputed one."""
    return compared[~equal(compared)].reset_index(drop=True)


def equal(compared: pd.DataFrame) -> pd.Series:
    """Whether a recomputed figure equals the published one as published (2 decimals)."""
    return compared["difference"].abs() <= _HALF_A_HUNDREDTH


def untested(national: National, quarter: str) -> list[str]:
    """Ids of the scores that a rule is known for, but that these files cannot try: their ranking pool is not whole.

    Such scores are used as published, so a wrong rule would change nothing that `compare` counts.
    """
    rules = national.framework(quarter).by_score
    rows = national.scores[(national.scores["quarter"] == quarter) & (national.scores["weight"] > 0)]
    tried = set(rows.loc[rows["level"] == 2, "metric_id"])
    known = {one for one in rows["metric_id"].unique() if one in rules and rules[one].shape != "not recomputable"}
    return sorted(known - tried)


def _figures(national: National) -> Iterator[pd.DataFrame]:
    yield from _score_figures(national)
    whole = _comparable(national)
    yield from _summary_figures(national, whole)
    yield from _domain_figures(national, whole)
    yield from _league_figures(national, whole)
    if national.level == 2:
        yield from _value_figures(national)


def _comparable(national: National) -> pd.Series:
    """Quarters in which sums of scores can be called recomputed at this level (level 2 needs the whole pool)."""
    return pd.Series(national.publication.quarters) if national.level == 1 else _whole_quarters(national)


def _whole_quarters(national: National) -> pd.Series:
    """Quarters in which every trust type of the national pool is at hand."""
    quarters = pd.Series(national.publication.quarters)
    types = national.publication.trusts.groupby("quarter")["trust_type"].agg(set)
    whole = [bool(pool := national.framework(q).national_pool) and set(pool) <= types[q] for q in quarters]
    return quarters[whole]


def _published(national: National, metric_ids, column: str = "value") -> pd.DataFrame:
    rows = national.published(metric_ids, [*KEY, "metric_id", column])
    return rows[rows[column].notna()].rename(columns={column: "published"})


def _beside(published: pd.DataFrame, recomputed: pd.DataFrame, suffix: str = "") -> pd.DataFrame:
    both = published.merge(recomputed, on=[*KEY, "metric_id"])
    return both.assign(rule=both["metric_id"] + suffix)


def _score_figures(national: National) -> Iterator[pd.DataFrame]:
    scores = national.scores
    if national.level == 1:
        yield _grid_figures(scores, national)
        return
    done = scores[scores["level"] == 2]
    yield done.assign(rule=done["metric_id"], recomputed=scoring.round_half_up(done["score"]))


def _grid_figures(scores: pd.DataFrame, national: National) -> pd.DataFrame:
    """Scores that fall on the grid of one ranking pool: consistent with the rule, though not recomputed from values."""
    parts = []
    for quarter, part in scores.groupby("quarter"):
        framework = national.framework(quarter)
        sizes = scoring.pools(part, framework).dropna(subset="size")
        onto = part[part["metric_id"].isin(sizes["metric_id"])]
        parts.append(onto.assign(rule=onto["metric_id"] + ".grid", recomputed=scoring.round_half_up(onto["score"])))
    return pd.concat(parts)


def _summary_figures(national: National, quarters: pd.Series) -> Iterator[pd.DataFrame]:
    table = national.standings[national.standings["quarter"].isin(quarters)]
    for _, (framework, part) in _by_framework(national, table).items():
        ids = framework.summary
        yield _standing(national, part, ids.average, "average_score")
        yield _standing(national, part, ids.average, "rank_by_average", "rank")
        yield _standing(national, part, ids.adjusted_segment, "segment")
        yield _standing(national, part, ids.adjusted_segment, "rank", "rank")
        own = part[part["edges_from"] == "recomputed"]
        yield _standing(national, own, ids.unadjusted_segment, "segment_unadjusted")


def _by_framework(national: National, table: pd.DataFrame) -> dict[str, tuple[Framework, pd.DataFrame]]:
    years = table["quarter"].map({one: national.framework(one).framework_year for one in table["quarter"].unique()})
    return {year: (national.framework(part["quarter"].iloc[0]), part) for year, part in table.groupby(years)}


def _standing(national: National, table: pd.DataFrame, metric_id: str, column: str, of: str = "value") -> pd.DataFrame:
    recomputed = table[[*KEY]].assign(metric_id=metric_id, recomputed=table[column])
    return _beside(_published(national, [metric_id], of), recomputed, "" if of == "value" else f".{of}")


def _domain_figures(national: National, quarters: pd.Series) -> Iterator[pd.DataFrame]:
    table = national.domains[national.domains["quarter"].isin(quarters)].dropna(subset="metric_id")
    table = table.assign(recomputed=table["domain_score"])
    yield _beside(_published(national, table["metric_id"].unique()), table)
    groups = [table[column] for column in ("quarter", "trust_type", "metric_id")]
    ranks = table.assign(recomputed=table["domain_score"].groupby(groups).rank(method="min"))
    yield _beside(_published(national, table["metric_id"].unique(), "rank"), ranks, ".rank")
    yield from _domain_segments(national, table)


def _domain_segments(national: National, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Domain segments, where the whole national pool is at hand: quartiles of the domain score.

    A type may have no score in a domain (ambulance trusts have none for access), so the pool is judged by the quarter.
    """
    whole, parts = set(_whole_quarters(national)), []
    for (quarter, metric_id), part in table.groupby(["quarter", "metric_id"]):
        framework = national.framework(quarter)
        if quarter not in whole or framework.segments.rule != "quartiles":
            continue
        edges = ranking.quartile_edges(part["average"][part["trust_type"].isin(framework.national_pool)])
        ids = {domain.score_id: domain.segment_id for domain in framework.domains}
        segments = ranking.segment_of(part["average"], edges)
        parts.append(part[KEY].assign(metric_id=ids[metric_id], recomputed=segments))
    if parts:
        found = pd.concat(parts)
        both = _beside(_published(national, found["metric_id"].unique()), found)
        yield both.sort_values(["quarter", "metric_id"], kind="stable")


def _value_figures(national: National) -> Iterator[pd.DataFrame]:
    """Individual metric ranks, medians and quartiles of each trust type, from published values."""
    both = _ranked(national)
    columns = {"rank": KEY, "median": KEY[:2], "lower_quartile": KEY[:2], "upper_quartile": KEY[:2]}
    for column, key in columns.items() if len(both) else ():
        part = both.dropna(subset=column).drop_duplicates([*key, "metric_id"])
        if column != "rank":
            part = part.assign(trust_code="")
        yield part.assign(
            rule=part["metric_id"] + f".{column}", published=part[column], recomputed=part[f"{column}_found"]
        )


def _ranked(national: National) -> pd.DataFrame:
    """Rows with a value whose direction is known, with the rank, median and quartiles that follow: columns in _found.

    As `ranking.metric_ranking` gives them one metric at a time; here all at once.
    """
    parts = []
    for quarter in national.publication.quarters:
        rules = national.framework(quarter).by_value.values()
        known = {one.value_id: one for one in rules if one.better != "unknown"}
        rows = national.published(known)
        rows = rows[(rows["quarter"] == quarter) & rows["value"].notna()]
        units = rows["metric_id"].map({name: (one.units or "").casefold() for name, one in known.items()})
        rows = rows[(units == "") | (units == rows["units"].str.casefold())]
        sign = rows["metric_id"].map({name: 1.0 if one.better == "low" else -1.0 for name, one in known.items()})
        parts.append(rows.assign(signed=rows["value"] * sign.astype(float)))
    rows = pd.concat(parts).sort_values(["quarter", "metric_id"], kind="stable").reset_index(drop=True)
    groups = rows.groupby(["quarter", "trust_type", "metric_id"])
    found = {"rank_found": groups["signed"].rank(method="min")}
    for name, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
        found[f"{name}_found"] = groups["value"].transform("quantile", share)
    return rows.assign(**found)


def _league_figures(national: National, quarters: pd.Series) -> Iterator[pd.DataFrame]:
    """The league table file, column by column."""
    published = national.publication.league
    for (quarter, trust_type), part in published.groupby(["quarter", "trust_type"]):
        if quarter not in set(quarters) or trust_type not in set(national.standings["trust_type"]):
            continue
        both = part.merge(league(national, quarter, trust_type), on=KEY, suffixes=("", "_found"))
        for column in ("average_score", "average_low", "average_high", "segment", "rank", "rank_low", "rank_high"):
            yield both.assign(rule=f"league.{column}", published=both[column], recomputed=both[f"{column}_found"])
