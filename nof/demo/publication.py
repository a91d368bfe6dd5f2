"""From made-up values to a whole publication: everything but the values follows by the project's own rules.

Values are drawn and rounded first. Ranks, medians, scores, domains, segments, league ranks and likely ranges are
computed from the rounded values, so no rule is written twice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.demo import names
from nof.demo.names import ACUTE, MENTAL_HEALTH
from nof.demo.next_year import YEAR as NEXT_YEAR
from nof.demo.values import QUARTERS, bespoke_scores
from nof.demo.values import values as drawn_values
from nof.read.publication import LEAGUE_FIELDS, METRIC_FIELDS, TRUST_FIELDS, Publication
from nof.rules import framework as rules
from nof.rules import ranking, scoring
from nof.rules.framework import Framework, Metric
from nof.rules.recompute import National, league, recompute

SEED = 20_250_401
FRAMEWORKS = ("2025-26", NEXT_YEAR, "2026-27")  # framework years that a demo can be made of
_KEY = ["quarter", "trust_type", "trust_code"]
# A row without a value: suppressed for low numbers. Trust code, metric, quarters.
_SUPPRESSED = (("X6E", "OF0016", (2, 3)), ("X3A", "OF0048", (1, 2, 3, 4)), ("X0Y", "OF0010", (4,)))
_SUMMARY_NAMES = {  # as NHS England describes these rows
    "adjusted_segment": "Adjusted segment", "average": "Average metric score",
    "unadjusted_segment": "Unadjusted segment", "override_flag": "Financial override",
    "final_segment": "Final segment score override",
    "recovery_support_flag": "Is the organisation in the Recovery Support Programme?",
}  # fmt: skip


def one_year(seed: int) -> tuple[Publication, pd.DataFrame]:
    """The four quarters of 2025/26, in memory; see `demo.build`."""
    framework_year = FRAMEWORKS[0]
    framework, cast = rules.load(framework_year.replace("-", "/")), names.trusts()
    national = recompute(_draft(cast, framework, seed))
    tables = pd.concat(
        [league(national, QUARTERS[-1].slug, name).assign(trust_type=name) for name in names.TYPE_NAMES],
        ignore_index=True,
    )
    metrics = _finished(national, framework)
    return _publication(metrics, national.publication.trusts, tables[list(LEAGUE_FIELDS)]), names.mergers(cast)


def _draft(cast: pd.DataFrame, framework: Framework, seed: int) -> Publication:
    """A publication with values, flags and stand-in scores: all that the rules need."""
    bodies = cast.drop_duplicates("body").set_index("body")
    values = _compared(_placed(drawn_values(bodies, framework, seed), cast), framework)
    bespoke = _placed(bespoke_scores(bodies, seed), cast)
    rows = [values, _score_rows(values, framework), bespoke, _flag_rows(values, framework)]
    return _publication(_labelled(pd.concat(rows, ignore_index=True), framework), _by_quarter(cast))


def _placed(figures: pd.DataFrame, cast: pd.DataFrame) -> pd.DataFrame:
    """Figures of bodies as figures of trusts: each under the code that the body has in that quarter."""
    rows = figures.merge(cast[["body", "first", "last", "trust_code", "trust_type"]], on="body")
    rows = rows[rows["number"].between(rows["first"], rows["last"])]
    spans = (rows["metric_id"] == "OF0041") & rows["trust_code"].isin(names.SPANS_MERGER)
    rows = rows[~(spans & (rows["number"] >= names.MERGER_QUARTER))]
    for code, metric_id, quarters in _SUPPRESSED:
        hit = (rows["trust_code"] == code) & (rows["metric_id"] == metric_id) & rows["number"].isin(quarters)
        rows["value"] = rows["value"].mask(hit)
    quarter = rows["number"].map({one.number: one.slug for one in QUARTERS})
    return rows.assign(quarter=quarter).drop(columns=["body", "first", "last", "number"])


def _compared(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Values with rank, median and quartiles within each trust type, at 2 decimals."""
    parts = []
    for (quarter, metric_id, units), part in values.groupby(["quarter", "metric_id", "units"], sort=True):
        metric = framework.by_value[metric_id].model_copy(update={"units": units})
        parts.append(ranking.metric_ranking(part, metric, quarter).assign(metric_id=metric_id))
    found, middles = pd.concat(parts), ["median", "lower_quartile", "upper_quartile"]
    found[middles] = scoring.round_half_up(found[middles])
    by_type = ["quarter", "trust_type", "metric_id", "units"]
    rows = values.merge(found[[*by_type, "trust_code", "rank"]], how="left", on=[*by_type, "trust_code"])
    return rows.merge(found[[*by_type, *middles]].drop_duplicates(by_type), on=by_type)


def _score_rows(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """A score row (OF1xxx) beside each value row; 1.00 stands in where the rules are still to be applied.

    Where the rule is not known, the made-up score is the place among all values, on the scale from 1.00 to 4.00.
    """
    parts = [_scores_of(values, metric) for metric in framework.by_value.values()]
    combined = next(metric for metric in framework.metrics if metric.matrix)
    variance = next(part for part in parts if (part["metric_id"] == combined.matrix.variance).any())
    parts.append(variance.assign(metric_id=combined.score_id, reporting_date="", rank=np.nan))
    return pd.concat(parts).drop(columns=["median", "lower_quartile", "upper_quartile"])


def _scores_of(values: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    rows = scoring.value_rows(values, metric)
    rows = rows.assign(metric_id=metric.score_id, units="score")
    if metric.recomputable:
        return rows.assign(value=1.0)
    pools = [scoring.ranked(pool, metric.better) for _, pool in rows.groupby("quarter")["value"]]
    return rows.assign(value=scoring.round_half_up(pd.concat(pools)))


def _flag_rows(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """The override flag (OF5004): a deficit all told, and one trust with a surplus that receives deficit support."""
    money = values[values["metric_id"].isin(["OF0079", "OF0081"])].groupby(_KEY)["value"].sum().reset_index()
    money["value"] = scoring.round_half_up(money["value"])
    lowest = money[money["trust_type"] == MENTAL_HEALTH].groupby("trust_code")["value"].agg(["min", "size"])
    supported = lowest.index[(lowest["min"] > 0) & (lowest["size"] == 4)][:1]  # in a small cast there may be none
    flagged = (money["value"] < 0) | money["trust_code"].isin(supported)
    return money.assign(metric_id=framework.summary.override_flag, units="flag", value=flagged.astype(float))


def _by_quarter(cast: pd.DataFrame) -> pd.DataFrame:
    parts = [
        cast[cast["first"].le(quarter.number) & cast["last"].ge(quarter.number)].assign(quarter=quarter.slug)
        for quarter in QUARTERS
    ]
    return pd.concat(parts, ignore_index=True)[list(TRUST_FIELDS)]


def _labels(framework: Framework) -> pd.DataFrame:
    """Description, domain and sub-domain of every id, without the rules file's remarks in brackets."""
    rows = [
        (one, metric.name.split(" (")[0], metric.domain, metric.sub_domain.split(" (")[0])
        for metric in framework.metrics
        for one in (metric.value_id, metric.score_id)
        if one.startswith("OF")
    ]
    for domain in framework.domains:
        rows += [
            (one, f"{domain.name} domain {kind}", domain.name, f"{domain.name} domain {kind}")
            for one, kind in ((domain.score_id, "score"), (domain.segment_id, "segment"))
        ]
    ids = framework.summary.model_dump()
    rows += [(ids[key], name, "Summary", "Summary") for key, name in _SUMMARY_NAMES.items()]
    return pd.DataFrame(rows, columns=["metric_id", "description", "domain", "sub_domain"])


def _labelled(rows: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Rows with description, domain and sub-domain; a figure without a date of its own is the quarter's."""
    rows = rows.drop(columns=["description", "domain", "sub_domain"], errors="ignore")
    rows = rows.merge(_labels(framework), on="metric_id", how="left")
    dates = rows["reporting_date"].replace("", None)
    labels = {slug: Quarter.parse(slug).label for slug in rows["quarter"].unique()}
    rows["reporting_date"] = dates.fillna(rows["quarter"].map(labels))
    rows = rows.sort_values(["quarter", "metric_id", "units", "trust_code"], kind="stable", ignore_index=True)
    return rows.assign(file="", row=0)[list(METRIC_FIELDS)]


def _publication(metrics: pd.DataFrame, trusts: pd.DataFrame, tables: pd.DataFrame | None = None) -> Publication:
    tables = pd.DataFrame(columns=list(LEAGUE_FIELDS)) if tables is None else tables
    return Publication(metrics=metrics, trusts=trusts, league=tables, files=pd.DataFrame(), illustrative=True)


def _finished(national: National, framework: Framework) -> pd.DataFrame:
    """The draft's rows with the rules applied, and the domain and summary rows that follow."""
    draft, scores = national.publication.metrics, national.scores
    found = scores.assign(found=scoring.round_half_up(scores["score"]))[["quarter", "trust_code", "metric_id", "found"]]
    rows = draft.merge(found, on=["quarter", "trust_code", "metric_id"], how="left")
    rows["value"] = rows["found"].fillna(rows["value"])
    known = {metric.score_id for metric in framework.metrics if metric.recomputable}
    if (scores["level"] != 2)[scores["metric_id"].isin(known)].any():
        raise AssertionError("a stand-in score was left where the rules should have given one")
    added = [_domain_rows(national, framework), _summary_rows(national, framework)]
    return _labelled(pd.concat([rows.drop(columns="found"), *added], ignore_index=True), framework)


def _domain_rows(national: National, framework: Framework) -> pd.DataFrame:
    """Domain scores with their rank in the type, and domain segments: national quartiles of the unrounded score."""
    table = national.domains.dropna(subset="metric_id")
    rank = table.groupby(["quarter", "trust_type", "metric_id"])["domain_score"].rank(method="min")
    scores = table.assign(value=table["domain_score"], rank=rank, units="score")
    segments = pd.concat(
        [
            part.assign(
                value=ranking.segment_of(part["average"], ranking.quartile_edges(part["average"])), units="segment"
            )
            for _, part in table.groupby(["quarter", "metric_id"])
        ]
    )
    ids = {domain.score_id: domain.segment_id for domain in framework.domains}
    return pd.concat([scores, segments.assign(metric_id=segments["metric_id"].map(ids))])


def _summary_rows(national: National, framework: Framework) -> pd.DataFrame:
    """Adjusted segment with the league rank, average with its own rank, unadjusted segment; segment 5 in Q1 and Q2."""
    table, ids = national.standings, framework.summary
    early = table[table["quarter"].isin([QUARTERS[0].slug, QUARTERS[1].slug])]
    acute = early[early["trust_type"] == ACUTE].sort_values(["quarter", "average"])
    support = early["trust_code"].isin(acute["trust_code"].tail(1))
    columns = (
        (table, ids.adjusted_segment, "segment", table["segment"], table["rank"]),
        (table, ids.average, "score", table["average_score"], table["rank_by_average"]),
        (table, ids.unadjusted_segment, "segment", table["segment_unadjusted"], np.nan),
        (early, ids.final_segment, "segment", early["segment"].mask(support, 5), np.nan),
        (early, ids.recovery_support_flag, "flag", support.astype(float), np.nan),
    )
    return pd.concat(
        [
            part[_KEY].assign(metric_id=metric_id, units=units, value=value, rank=rank)
            for part, metric_id, units, value, rank in columns
        ]
    )
