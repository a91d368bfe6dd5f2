"""A made-up publication of a framework year that has no rules file, for testing what a new year will bring.

As announced for 2026/27 it has integrated care boards as a fourth type and fixed segment thresholds; some metrics are
dropped, some come under other ids, some are new. Names, figures, thresholds and ids are invented: nothing here
says anything about the real framework of 2026/27.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.demo import names
from nof.demo.values import stream
from nof.read.publication import LEAGUE_FIELDS, METRIC_FIELDS, TRUST_FIELDS, Publication
from nof.rules import framework, ranking, scoring
from nof.rules.recompute import league, recompute

YEAR = "demo-2026-27"
BOARDS = "integrated-care-board"
BOARDS_NAME = "Integrated care board"
THRESHOLDS = (2.07, 2.34, 2.66)  # invented
STANDARD = 92.0  # invented

_QUARTERS = {"2025-26-q3": Quarter(2026, 1), "2025-26-q4": Quarter(2026, 2)}
_DROPPED = ("OF0016", "OF1016", "OF0063", "OF1063")
_RENUMBERED = {"OF0010": "OF0210", "OF1010": "OF1210", "OF0041": "OF0241", "OF1041": "OF1241"}
_SUMMARY = r"OF[45]\d{3}"
_KEY = ["quarter", "trust_type", "trust_code"]
# Id, description, domain, who has it (None: every trust), shape, middle, spread: of the metrics that are new.
_ADDED = (
    ("OF0301", "Made-up follow-up appointments kept", "Access to services", None, "ranked", 81.0, 6.0),
    ("OF0302", "Made-up visits within a made-up time", "Patient safety", names.ACUTE, "standard", 88.0, 5.0),
    ("OF0401", "Made-up neighbourhood teams in place", "Access to services", BOARDS, "ranked", 55.0, 12.0),
    ("OF0402", "Made-up prevention offers taken up", "Effectiveness and experience", BOARDS, "ranked", 40.0, 9.0),
    ("OF0403", "Made-up checks done in time", "Patient safety", BOARDS, "standard", 88.0, 5.0),
    ("OF0404", "Made-up spending within plan", "Finance and productivity", BOARDS, "ranked", 99.0, 2.5),
)
_BOARDS = 42  # as many as there were in England in 2025; the names are invented


def build(base: Publication, seed: int) -> Publication:
    """Turn a made-up publication of 2025/26 into one of a year without rules.

    Parameters
    ----------
    base : Publication
        As `demo.build` makes it; its last two quarters become the first two of the new year.
    seed : int
        Decides the figures of the new metrics and of the boards.

    Returns
    -------
    Publication
        Two quarters, four types, league tables of the last; no OF5005 and OF5007 rows.
    """
    trusts = _trusts(base)
    kept, scores = _kept(base)
    values = pd.concat([_values(metric, trusts, seed) for metric in _ADDED], ignore_index=True)
    found = pd.concat([_scored(values, metric) for metric in _ADDED], ignore_index=True)
    scores = pd.concat([scores, found.assign(weight=1.0)], ignore_index=True)
    flags = pd.concat([kept[kept["metric_id"] == "OF5004"], _flags(trusts, seed)])
    told = found.assign(value=scoring.round_half_up(found["score"]), units="score")
    rows = [kept[~kept["metric_id"].str.fullmatch(_SUMMARY)], values, told, flags, _summed(scores, flags)]
    metrics = _labelled(pd.concat(rows, ignore_index=True))
    made = Publication(metrics, trusts, pd.DataFrame(columns=list(LEAGUE_FIELDS)), pd.DataFrame(), illustrative=True)
    return Publication(metrics, trusts, tables(made), pd.DataFrame(), illustrative=True)


def _trusts(base: Publication) -> pd.DataFrame:
    own = base.trusts[base.trusts["quarter"].isin(_QUARTERS)]
    own = own.assign(quarter=own["quarter"].map({old: new.slug for old, new in _QUARTERS.items()}))
    places = list(names.places())[-_BOARDS:]  # from the end: the trusts took theirs from the front
    regions = base.trusts["region"].unique()
    boards = [
        {
            "trust_code": f"XZ{number + 1:02d}",
            "trust_name": f"NHS {place} Integrated Care Board",
            "trust_type": BOARDS,
            "trust_subtype": BOARDS_NAME,
            "region": regions[number % len(regions)],
        }
        for number, place in enumerate(places)
    ]
    parts = [own, *(pd.DataFrame(boards).assign(quarter=quarter.slug) for quarter in _QUARTERS.values())]
    return pd.concat(parts, ignore_index=True)[list(TRUST_FIELDS)]


def _kept(base: Publication) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of metrics that stay, and their unrounded scores with weights, under the new year's quarters and ids."""
    scores = scoring.scores_from_values(base.metrics, framework.load("2025/26"))
    frames = []
    for frame in (base.metrics, scores):
        frame = frame[frame["quarter"].isin(_QUARTERS) & ~frame["metric_id"].isin(_DROPPED)]
        frames.append(
            frame.assign(
                quarter=frame["quarter"].map({old: new.slug for old, new in _QUARTERS.items()}),
                metric_id=frame["metric_id"].replace(_RENUMBERED),
            )
        )
    return frames[0], frames[1][[*_KEY, "metric_id", "domain", "score", "weight"]]


def _values(metric: tuple, trusts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Values of one new metric at 2 decimals, higher being better, with rank, median and quartiles of each type."""
    one, _, domain, whose, _, middle, spread = metric
    rows = trusts[trusts["trust_type"] == whose] if whose else trusts[trusts["trust_type"] != BOARDS]
    noise = stream(seed, one).normal(middle, spread, len(rows))
    rows = rows[_KEY].assign(metric_id=one, units="%", domain=domain, value=np.clip(noise, 0, 100).round(2))
    parts = []
    for _, part in rows.groupby(_KEY[:2]):
        lower, half, upper = scoring.round_half_up(np.quantile(part["value"], [0.25, 0.5, 0.75]))
        parts.append(
            part.assign(
                rank=scoring.competition_rank(part["value"], "high"),
                median=half,
                lower_quartile=lower,
                upper_quartile=upper,
            )
        )
    return pd.concat(parts)


def _scored(values: pd.DataFrame, metric: tuple) -> pd.DataFrame:
    own = values[values["metric_id"] == metric[0]]
    parts = []
    for _, pool in own.groupby("quarter"):
        score = (
            scoring.ranked(pool["value"], "high")
            if metric[4] == "ranked"
            else (scoring.standard(pool["value"], "high", STANDARD))
        )
        parts.append(pool[[*_KEY, "domain", "rank"]].assign(metric_id=metric[0].replace("OF0", "OF1"), score=score))
    return pd.concat(parts)


def _flags(trusts: pd.DataFrame, seed: int) -> pd.DataFrame:
    boards = trusts.loc[trusts["trust_type"] == BOARDS, _KEY]
    flagged = stream(seed, "boards in deficit").random(len(boards)) < 0.4
    return boards.assign(metric_id="OF5004", units="flag", value=flagged.astype(float), domain="Summary")


def _summed(scores: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Averages, segments by fixed thresholds, override, league ranks and domain scores."""
    table = scoring.averages(scores).merge(flags[[*_KEY, "value"]], on=_KEY)
    raw = ranking.segment_of(table["average"], np.array(THRESHOLDS)).astype(float)
    table = ranking.ranked(table.assign(segment=ranking.override(raw, table["value"] == 1, 3)))
    domains = scoring.domain_scores(scores)
    ids = {domain.name: domain.score_id for domain in framework.load("2025/26").domains}
    parts = (
        (table, "OF5000", "segment", table["segment"], table["rank"]),
        (table, "OF5002", "score", table["average_score"], table["rank_by_average"]),
        (table, "OF5003", "segment", raw, np.nan),
        (domains, domains["domain"].map(ids), "score", domains["domain_score"], np.nan),
    )
    return pd.concat(
        [
            part[_KEY].assign(metric_id=one, units=units, value=value, rank=rank, domain=part.get("domain", "Summary"))
            for part, one, units, value, rank in parts
        ]
    )


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a description, a sub-domain and a date where they have none."""
    titles = {one: name for one, name, *_ in _ADDED} | {one.replace("OF0", "OF1"): name for one, name, *_ in _ADDED}
    titles |= {
        "OF5000": "Adjusted segment",
        "OF5002": "Average metric score",
        "OF5003": "Unadjusted segment",
        "OF5004": "Financial override",
    }
    fallback = rows["metric_id"].map(titles).fillna(rows["domain"] + " domain score")
    labels = rows["quarter"].map({quarter.slug: quarter.label for quarter in _QUARTERS.values()})
    rows = rows.assign(
        description=rows["description"].fillna(fallback),
        sub_domain=rows["sub_domain"].fillna(rows["domain"]),
        reporting_date=rows["reporting_date"].fillna(labels),
        file="",
        row=0,
    )
    rows = rows.sort_values(["quarter", "metric_id", "units", "trust_code"], kind="stable", ignore_index=True)
    return rows[list(METRIC_FIELDS)]


def tables(made: Publication) -> pd.DataFrame:
    """League tables of the last quarter: what is published in the rows, with likely ranges."""
    national, latest = recompute(made, level=1), made.latest
    rows = made.metrics[(made.metrics["quarter"] == latest)].set_index(["metric_id", "trust_code"])
    parts = [league(national, latest, name).assign(trust_type=name) for name in made.trust_types]
    table = pd.concat(parts, ignore_index=True)
    for column, one, figure in (
        ("average_score", "OF5002", "value"),
        ("segment", "OF5000", "value"),
        ("rank", "OF5000", "rank"),
    ):
        table[column] = table["trust_code"].map(rows.loc[one, figure])
    return table[list(LEAGUE_FIELDS)]
