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


def compare(publication: Publication) -> pd.DataFrame:
    """Published and recomputed figures side by side, at level 1 (from scores) and level 2 (from values).

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code (empty for figures of a whole type), rule (the published id, with .rank,
        .median and so on for other columns), level, published, recomputed, difference.
    """
    parts = []
    for level in (1, 2):
        national = recompute(publication, level)
        parts += [part[FIGURES].assign(level=level) for part in _figures(national)]
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
    metrics = national.publication.metrics
    rows = metrics[metrics["metric_id"].isin(metric_ids) & metrics[column].notna()]
    return rows.assign(published=rows[column])[[*KEY, "metric_id", "published"]]


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
    years = table["quarter"].map(lambda quarter: national.framework(quarter).framework_year)
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
    whole = set(_whole_quarters(national))
    for (quarter, metric_id), part in table.groupby(["quarter", "metric_id"]):
        framework = national.framework(quarter)
        if quarter not in whole or framework.segments.rule != "quartiles":
            continue
        edges = ranking.quartile_edges(part["average"][part["trust_type"].isin(framework.national_pool)])
        ids = {domain.score_id: domain.segment_id for domain in framework.domains}
        found = part[KEY].assign(metric_id=ids[metric_id], recomputed=ranking.segment_of(part["average"], edges))
        yield _beside(_published(national, [ids[metric_id]]), found)


def _value_figures(national: National) -> Iterator[pd.DataFrame]:
    """Individual metric ranks, medians and quartiles of each trust type, from published values."""
    pairs = list(_rankings(national))
    if not pairs:
        return
    published, found = (pd.concat(side) for side in zip(*pairs, strict=True))
    both = published.merge(found, on=[*KEY, "metric_id"], suffixes=("", "_found"))
    columns = {"rank": KEY, "median": KEY[:2], "lower_quartile": KEY[:2], "upper_quartile": KEY[:2]}
    for column, key in columns.items():
        part = both.dropna(subset=column).drop_duplicates([*key, "metric_id"])
        if column != "rank":
            part = part.assign(trust_code="")
        yield part.assign(
            rule=part["metric_id"] + f".{column}", published=part[column], recomputed=part[f"{column}_found"]
        )


def _rankings(national: National) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """For each quarter and metric with values: the published rows, and the ranking made from them."""
    for (quarter, metric_id), rows in national.publication.metrics.groupby(["quarter", "metric_id"]):
        metric = national.framework(quarter).by_value.get(metric_id)
        if metric is None or metric.better == "unknown":
            continue
        found = ranking.metric_ranking(rows, metric, quarter)
        if len(found):
            yield scoring.value_rows(rows, metric), found.assign(metric_id=metric_id)


def _league_figures(national: National, quarters: pd.Series) -> Iterator[pd.DataFrame]:
    """The league table file, column by column."""
    published = national.publication.league
    for (quarter, trust_type), part in published.groupby(["quarter", "trust_type"]):
        if quarter not in set(quarters) or trust_type not in set(national.standings["trust_type"]):
            continue
        both = part.merge(league(national, quarter, trust_type), on=KEY, suffixes=("", "_found"))
        for column in ("average_score", "average_low", "average_high", "segment", "rank", "rank_low", "rank_high"):
            yield both.assign(rule=f"league.{column}", published=both[column], recomputed=both[f"{column}_found"])
