"""A made-up publication across the change of method: two quarters of 2025/26, two of 2026/27.

What was reported of 2026/27 (see data/frameworks/2026-27.yaml) shapes it: six domains, thresholds, new metrics by name, 134,
58 and 10 trusts, 42 integrated care boards as a fourth type. The rest is ours, since no file of that year was at hand: its
layout is that of 2025/26, and ids, directions, curves and weights of new metrics are invented. Names, codes and figures are
invented too; nothing here says anything about a real organisation or about the real files.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.demo import names, publication
from nof.demo.names import ACUTE, AMBULANCE, MENTAL_HEALTH
from nof.demo.next_year import BOARDS, BOARDS_NAME, tables
from nof.demo.values import DATES, Model, bespoke_scores, goodness, stream
from nof.demo.values import values as drawn_values
from nof.read.publication import LEAGUE_FIELDS, TRUST_FIELDS, Publication
from nof.rules import framework as rules
from nof.rules import ranking, scoring
from nof.rules.framework import Framework
from nof.rules.recompute import recompute

YEAR = "2026-27"
QUARTERS = (Quarter(2025, 3), Quarter(2025, 4), Quarter(2026, 1), Quarter(2026, 2))
FIRST_NEW = 3  # number of the first quarter under the new method
_OLD, _NEW = ("2025-26-q3", "2025-26-q4"), ("2026-27-q1", "2026-27-q2")
_KEY = ["quarter", "trust_type", "trust_code"]
_BOARDS = 42

# Codes that end on 1 April 2026, and what carries them on: three trusts fewer.
_FORMED, _FORMED_NAME = "X8R", "Zephyr Valley Partnership NHS Foundation Trust"
_MERGERS = (
    ("X7B", _FORMED, "merger"),
    ("X7E", _FORMED, "merger"),
    ("X6S", "X6B", "acquisition"),
    ("X8C", "X6K", "acquisition"),
)
_MERGER_DAY = "2026-04-01"

ACCESS, EXPERIENCE, SAFETY = "Access to services", "Experience of care", "Patient safety"
EFFECT, PEOPLE = "Effectiveness of care and population health", "People"
MONEY = "Finance, productivity and innovation"
DOMAINS = {
    ACCESS: "OF4000",
    EXPERIENCE: "OF4006",
    EFFECT: "OF4007",
    SAFETY: "OF4002",
    PEOPLE: "OF4004",
    MONEY: "OF4003",
}
_DROPPED = ("OF0016", "OF0063", "OF0041", "OF0106", "OF0086", "OF1035")  # made up which
_MOVED = {"Finance and productivity": MONEY, "People and workforce": PEOPLE, "Effectiveness and experience": EFFECT}
_RENUMBERED = {"OF0010": "OF0210", "OF1010": "OF1210"}  # made up: a metric that comes under another id

_EVERY = {ACUTE: 1.0, MENTAL_HEALTH: 1.0, AMBULANCE: 1.0}
_HOSPITALS, _MINDS = {ACUTE: 0.95}, {MENTAL_HEALTH: 0.75}
_COMMUNITY = {ACUTE: 0.5, MENTAL_HEALTH: 0.9}
# Metrics named in board papers: id, name, domain, who has it, which way is good, middle, spread, dates.
_ADDED: tuple[tuple, ...] = (
    ("OF0301", "Readmissions within 30 days", EFFECT, _HOSPITALS, "low", 8.0, 1.2, "quarter"),
    ("OF0302", "Clinical trials set up within 90 days", MONEY, {ACUTE: 0.9, MENTAL_HEALTH: 0.7}, "high", 52.0, 16.0, "quarter"),
    ("OF0303", "Data Quality Maturity Index", MONEY, _EVERY, "high", 90.0, 4.0, "month"),
    ("OF0304", "Flu vaccination of healthcare workers", PEOPLE, _EVERY, "high", 42.0, 8.0, "survey"),
    ("OF0305", "Supported quit attempts, tobacco treatment", EFFECT, {ACUTE: 0.9, MENTAL_HEALTH: 0.8}, "high", 38.0, 11.0, "quarter"),
    ("OF0306", "Percentage waiting over 6 weeks for a diagnostic test", ACCESS, _HOSPITALS, "low", 21.0, 6.5, "month"),
    ("OF0307", "NHS staff survey - advocacy sub-score", EXPERIENCE, _EVERY, "high", 6.7, 0.32, "survey"),
    ("OF0308", "National Education and Training Survey", PEOPLE, {ACUTE: 1.0, MENTAL_HEALTH: 0.9}, "high", 74.0, 4.0, "survey"),
    ("OF0309", "Community services waits within 18 weeks", ACCESS, _COMMUNITY, "high", 69.0, 11.0, "month"),
    ("OF0310", "Children waiting within 18 weeks for community services", EXPERIENCE, {ACUTE: 0.4, MENTAL_HEALTH: 0.7}, "high", 55.0, 13.0, "month"),
    ("OF0311", "Children and young people waiting over 104 weeks", EXPERIENCE, {ACUTE: 0.08, MENTAL_HEALTH: 0.9}, "low", 30.0, 12.0, "quarter"),
    ("OF0312", "Delayed inductions of labour, per 1,000 deliveries", EFFECT, {ACUTE: 0.85}, "low", 60.0, 18.0, "quarter"),
    ("OF0313", "Mean length of stay of older adults, days", EFFECT, _MINDS, "low", 84.0, 15.0, "quarter"),
    ("OF0314", "Intermediate care beds without criteria to reside", EFFECT, _COMMUNITY, "low", 33.0, 8.0, "month"),
    ("OF0315", "National Cost Collection Index", MONEY, _EVERY, "low", 101.0, 9.0, "costs"),
    ("OF0316", "Conveyance to an emergency department", EFFECT, {AMBULANCE: 1.0}, "low", 51.0, 4.0, "quarter"),
    ("OF0317", "Hear and treat", ACCESS, {AMBULANCE: 1.0}, "high", 15.0, 3.0, "quarter"),
)  # fmt: skip
# Of the boards, invented but for the first, which board papers name.
_OF_BOARDS: tuple[tuple, ...] = (
    ("OF0501", "Complaints answered within six months", EXPERIENCE, {}, "high", 61.0, 14.0, "quarter"),
    ("OF0502", "Elective waits within 18 weeks, population", ACCESS, {}, "high", 63.0, 4.5, "month"),
    ("OF0503", "Community waits within 18 weeks, population", ACCESS, {}, "high", 68.0, 8.0, "month"),
    ("OF0504", "Health checks for people with a learning disability", EFFECT, {}, "high", 70.0, 7.0, "year"),
    ("OF0505", "Hypertension treated to target", EFFECT, {}, "high", 66.0, 3.5, "quarter"),
    ("OF0506", "Infections in the community", SAFETY, {}, "low", 41.0, 6.0, "year"),
    ("OF0507", "Antibiotics given, against plan", SAFETY, {}, "low", 98.0, 6.0, "quarter"),
    ("OF0508", "Staff survey engagement, board", PEOPLE, {}, "high", 6.9, 0.25, "survey"),
    ("OF0509", "Variance to the system's plan", MONEY, {}, "high", -0.4, 0.7, "to date"),
    ("OF0510", "Productivity of the system's trusts", MONEY, {}, "high", 1.4, 1.6, "to date range"),
)  # fmt: skip
_YEARLY = ("survey", "costs")
# Reporting_date by the kind of date that nof.demo.values knows, for the four quarters of this publication.
_DATES = {
    "month": ("Dec-25", "Mar-26", "Jun-26", "Sep-26"),
    "quarter": tuple(quarter.label for quarter in QUARTERS),
    "quarter before": tuple(quarter.previous.label for quarter in QUARTERS),
    "year": ("Jan 25 - Dec 25", "Apr 25 - Mar 26", "Jul 25 - Jun 26", "Oct 25 - Sep 26"),
    "year on year": ("Jan 25 - Dec 25 vs Jan 24 - Dec 24", "Apr 25 - Mar 26 vs Apr 24 - Mar 25",
                     "Jul 25 - Jun 26 vs Jul 24 - Jun 25", "Oct 25 - Sep 26 vs Oct 24 - Sep 25"),
    "survey": ("2024", "2025", "2025", "2025"),
    "plan": ("2025/26", "2025/26 plan", "2026/27", "2026/27 plan"),
    "to date": ("Month 9 2025", "Month 12 2025/26", "Month 3 2026", "Month 6 2026"),
    "to date range": ("Year to date 25/26", "Year to date 25/26", "Year to date 26/27", "Year to date 26/27"),
    "costs": ("2024/25",) * 4,
    "award": tuple(f"Latest published if awarded between 13 {start} and 12 {end}" for start, end in (
        ("Feb 24", "Feb 26"), ("May 24", "May 26"), ("Aug 24", "Aug 26"), ("Nov 24", "Nov 26"))),
}  # fmt: skip
# A measurement that spans quarters: which of the four drawn figures stands in each.
_SAME = {"survey": (1, 4, 4, 4), "costs": (2, 2, 2, 2)}


def build(seed: int) -> tuple[Publication, pd.DataFrame]:
    """Make the publication up, in memory.

    Parameters
    ----------
    seed : int
        Another seed gives other figures for the same organisations.

    Returns
    -------
    publication : Publication
        Four quarters, the boards in the last two; the league tables of the last one.
    mergers : DataFrame
        In the columns of data/reference/mergers.csv.
    """
    old, new = rules.load("2025/26"), rules.load("2026/27")
    cast = _cast()
    drawn = _drawn(cast, old, seed)
    early, late = (_quarters(drawn, slugs) for slugs in (_OLD, _NEW))
    first = publication._finished(recompute(early), old)
    trusts = pd.concat([drawn.trusts, _boards()], ignore_index=True)
    second = _second_year(late, trusts[trusts["quarter"].isin(_NEW)], old, new, seed)
    metrics = pd.concat([first, second], ignore_index=True)
    metrics = metrics.sort_values(["quarter", "metric_id", "units", "trust_code"], kind="stable", ignore_index=True)
    made = Publication(metrics, trusts, pd.DataFrame(columns=list(LEAGUE_FIELDS)), pd.DataFrame(), illustrative=True)
    return Publication(metrics, trusts, tables(made), pd.DataFrame(), illustrative=True), _mergers(trusts)


# --- the cast ---


def _cast() -> pd.DataFrame:
    """The trusts of the other demo as they stand at its end, three of them gone from the third quarter on."""
    everyone = names.trusts()
    cast = everyone[everyone["last"] == 4].assign(first=1).drop_duplicates("body", keep="last")
    gone = [old for old, *_ in _MERGERS]
    heir = cast[cast["trust_code"] == _MERGERS[0][0]].assign(
        trust_code=_FORMED, trust_name=_FORMED_NAME, first=FIRST_NEW, last=4
    )
    cast.loc[cast["trust_code"].isin(gone), "last"] = FIRST_NEW - 1
    cast = pd.concat([cast, heir]).sort_values(["body", "first"], kind="stable", ignore_index=True)
    return cast.assign(body=pd.factorize(cast["body"])[0])  # counted from 0 without a gap, as values are drawn


def _boards() -> pd.DataFrame:
    places = list(names.places())[-_BOARDS:]  # from the end: the trusts took theirs from the front
    regions = names.trusts()["region"].unique()
    boards = pd.DataFrame(
        {
            "trust_code": f"XZ{number + 1:02d}",
            "trust_name": f"NHS {place} Integrated Care Board",
            "trust_type": BOARDS,
            "trust_subtype": BOARDS_NAME,
            "region": regions[number % len(regions)],
        }
        for number, place in enumerate(places)
    )
    return pd.concat([boards.assign(quarter=slug) for slug in _NEW], ignore_index=True)[list(TRUST_FIELDS)]


def _mergers(trusts: pd.DataFrame) -> pd.DataFrame:
    told = trusts.drop_duplicates("trust_code", keep="last").set_index("trust_code")["trust_name"]
    rows = [
        (old, told[old], new, told[new], _MERGER_DAY, kind, "made up for the demo publication (illustrative)")
        for old, new, kind in _MERGERS
    ]
    return pd.DataFrame(rows, columns=names.MERGER_COLUMNS)


# --- values of four quarters ---


def _drawn(cast: pd.DataFrame, old: Framework, seed: int) -> Publication:
    """Values, stand-in scores and flags of every trust in all four quarters, by the metrics of 2025/26."""
    bodies = cast.drop_duplicates("body").set_index("body")
    drawn = _new_plans(drawn_values(bodies, old, seed), drawn_values(bodies, old, seed + 1), len(bodies), seed)
    figures, bespoke = (_dated(part) for part in (drawn, bespoke_scores(bodies, seed)))
    values = publication._compared(_placed(figures, cast), old)
    rows = [values, publication._score_rows(values, old), _placed(bespoke, cast), publication._flag_rows(values, old)]
    by_quarter = pd.concat(
        [
            cast[cast["first"].le(number) & cast["last"].ge(number)].assign(quarter=quarter.slug)
            for number, quarter in enumerate(QUARTERS, start=1)
        ],
        ignore_index=True,
    )[list(TRUST_FIELDS)]
    return publication._publication(publication._labelled(pd.concat(rows, ignore_index=True), old), by_quarter)


def _new_plans(figures: pd.DataFrame, others: pd.DataFrame, bodies: int, seed: int) -> pd.DataFrame:
    """Half of the trusts have another plan in the new year, and with it another variance."""
    anew = np.flatnonzero(stream(seed, "new plans").random(bodies) < 0.5)
    key = ["body", "number", "metric_id", "units"]
    found = figures.merge(others[[*key, "value"]], on=key, how="left", suffixes=("", "_other"))
    change = found["metric_id"].isin(["OF0079", "OF0081"]) & found["body"].isin(anew) & (found["number"] >= FIRST_NEW)
    return found.assign(value=found["value"].mask(change, found["value_other"])).drop(columns="value_other")


def _dated(figures: pd.DataFrame) -> pd.DataFrame:
    """Figures under this publication's dates; a survey or a cost collection is the same in all quarters that it spans."""
    named = {(place + 1, text): kind for kind, texts in DATES.items() for place, text in enumerate(texts)}
    told = list(zip(figures["number"], figures["reporting_date"], strict=True))
    kinds = [named[key] for key in told]
    table = figures.assign(
        reporting_date=[_DATES[kind][number - 1] for kind, (number, _) in zip(kinds, told, strict=True)],
        source=[_SAME.get(kind, (1, 2, 3, 4))[number - 1] for kind, (number, _) in zip(kinds, told, strict=True)],
    )
    key = ["body", "metric_id", "units"]
    measured = figures[[*key, "number", "value"]].rename(columns={"number": "source"})
    return table.drop(columns="value").merge(measured, on=[*key, "source"]).drop(columns="source")


def _placed(figures: pd.DataFrame, cast: pd.DataFrame) -> pd.DataFrame:
    """Figures of bodies as figures of trusts: each under the code that the body has in that quarter."""
    rows = figures.merge(cast[["body", "first", "last", "trust_code", "trust_type"]], on="body")
    rows = rows[rows["number"].between(rows["first"], rows["last"])]
    quarter = rows["number"].map({number: one.slug for number, one in enumerate(QUARTERS, start=1)})
    return rows.assign(quarter=quarter).drop(columns=["body", "first", "last", "number"])


def _quarters(whole: Publication, slugs: tuple[str, ...]) -> Publication:
    return publication._publication(
        whole.metrics[whole.metrics["quarter"].isin(slugs)].reset_index(drop=True),
        whole.trusts[whole.trusts["quarter"].isin(slugs)].reset_index(drop=True),
    )


# --- the second year ---


def _second_year(late: Publication, trusts: pd.DataFrame, old: Framework, new: Framework, seed: int) -> pd.DataFrame:
    """Rows of the quarters under the new method."""
    kept, scores = _kept(late, old)
    bodies = [
        (trusts[trusts["trust_type"] != BOARDS], _ADDED, seed),
        (trusts[trusts["trust_type"] == BOARDS], _OF_BOARDS, seed + 1),
    ]
    values = pd.concat([_values(one, own, from_seed) for own, added, from_seed in bodies for one in added])
    added = pd.concat(
        [_scored(part, one) for one in (*_ADDED, *_OF_BOARDS) for part in [values[values["metric_id"] == one[0]]]]
    )
    scores = pd.concat([scores, added], ignore_index=True)
    flags = pd.concat([kept[kept["metric_id"] == old.summary.override_flag], _flags(trusts, old, seed)])
    told = added.assign(value=scoring.round_half_up(added["score"]), units="score")
    rows = [kept[kept["metric_id"].str.match("OF[01]")], values, told, flags, _summed(scores, flags, new)]
    return _labelled(pd.concat(rows, ignore_index=True))


def _kept(late: Publication, old: Framework) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of metrics that go on, and their unrounded scores with weights, under the new year's ids and domains."""
    metrics = late.metrics
    scores = scoring.scores_from_values(metrics, old)
    found = scores.assign(found=scoring.round_half_up(scores["score"]))[[*_KEY, "metric_id", "found"]]
    metrics = metrics.merge(found, on=[*_KEY, "metric_id"], how="left")
    metrics["value"] = metrics["found"].fillna(metrics["value"])
    gone = [*_DROPPED, *(one.replace("OF0", "OF1", 1) for one in _DROPPED)]
    frames = []
    for frame in (metrics, scores):
        frame = frame[~frame["metric_id"].isin(gone)]
        frames.append(
            frame.assign(metric_id=frame["metric_id"].replace(_RENUMBERED), domain=frame["domain"].replace(_MOVED))
        )
    return frames[0].drop(columns="found"), frames[1][[*_KEY, "metric_id", "domain", "score", "weight"]]


def _values(metric: tuple, trusts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Values of one new metric with rank, median and quartiles of each type; quarters resemble each other."""
    one, _, domain, shares, better, middle, spread, dates = metric
    bodies = trusts.drop_duplicates("trust_code").sort_values("trust_code")[["trust_code", "trust_type"]]
    model = Model(dates, "%", 0.3, lambda z, b: z, periods=(0, 0, 0, 0) if dates in _YEARLY else (0, 1, 2, 3))
    sign = 1.0 if better == "high" else -1.0
    figures = scoring.round_half_up(middle + sign * spread * goodness(one, model, len(bodies), seed))
    share = bodies["trust_type"].map(shares).fillna(0.0) if shares else 1.0
    has = stream(seed, one, "applies").random(len(bodies)) < share
    parts = []
    for number, slug in enumerate(_NEW, start=FIRST_NEW):
        own = bodies.assign(quarter=slug, value=np.maximum(figures[:, number - 1], 0.0 if middle > 3 else -9.0) + 0.0)
        parts.append(own.assign(reporting_date=_DATES[dates][number - 1])[has])
    rows = pd.concat(parts).merge(trusts[_KEY], on=_KEY)
    rows = rows.assign(metric_id=one, units="%", domain=domain)
    return pd.concat([_beside(part, better) for _, part in rows.groupby(_KEY[:2])])


def _beside(part: pd.DataFrame, better: str) -> pd.DataFrame:
    lower, half, upper = scoring.round_half_up(np.quantile(part["value"], [0.25, 0.5, 0.75]))
    rank = scoring.competition_rank(part["value"], better)
    return part.assign(rank=rank, median=half, lower_quartile=lower, upper_quartile=upper)


def _scored(values: pd.DataFrame, metric: tuple) -> pd.DataFrame:
    parts = [
        pool[[*_KEY, "domain", "rank", "reporting_date"]].assign(
            metric_id=metric[0].replace("OF0", "OF1", 1), score=scoring.ranked(pool["value"], metric[4]), weight=1.0
        )
        for _, pool in values.groupby("quarter")
    ]
    return pd.concat(parts)


def _flags(trusts: pd.DataFrame, old: Framework, seed: int) -> pd.DataFrame:
    """Override flags of the boards: the same in both quarters but for a few."""
    boards = trusts[trusts["trust_type"] == BOARDS].sort_values(["quarter", "trust_code"])
    lasting, fresh = (stream(seed, "boards in deficit", word).random(_BOARDS) for word in ("lasting", "fresh"))
    flagged = np.concatenate([lasting < 0.35, np.where(fresh < 0.08, lasting >= 0.35, lasting < 0.35)])
    return boards[_KEY].assign(
        metric_id=old.summary.override_flag, units="flag", value=flagged.astype(float), domain="Summary"
    )


def _summed(scores: pd.DataFrame, flags: pd.DataFrame, new: Framework) -> pd.DataFrame:
    """Averages, segments by the reported thresholds, override, league ranks, domain scores and their segments."""
    table = scoring.averages(scores).merge(flags[[*_KEY, "value"]], on=_KEY)
    raw = ranking.segment_of(table["average"], new.segments.edges).astype(float)
    held = ranking.override(raw, table["value"] == 1, new.override.no_better_than)
    table = ranking.ranked(table.assign(segment=held))
    domains = scoring.domain_scores(scores)
    ids = domains["domain"].map(DOMAINS)
    rank = domains.groupby([*_KEY[:2], "domain"])["domain_score"].rank(method="min")
    own = ranking.segment_of(domains["average"], new.segments.edges).astype(float)
    parts = (
        (table, new.summary.adjusted_segment, "segment", table["segment"], table["rank"]),
        (table, new.summary.average, "score", table["average_score"], table["rank_by_average"]),
        (table, new.summary.unadjusted_segment, "segment", raw, np.nan),
        (domains, ids, "score", domains["domain_score"], rank),
        (domains, ids.str.replace("OF40", "OF41"), "segment", own, np.nan),
    )
    return pd.concat(
        part[_KEY].assign(metric_id=one, units=units, value=value, rank=place, domain=part.get("domain", "Summary"))
        for part, one, units, value, place in parts
    )


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with description, sub-domain and date where they have none."""
    titles = {one: name for one, name, *_ in (*_ADDED, *_OF_BOARDS)}
    titles |= {one.replace("OF0", "OF1", 1): name for one, name in titles.items()}
    titles |= {score: f"{name} domain score" for name, score in DOMAINS.items()}
    titles |= {score.replace("OF40", "OF41"): f"{name} domain segment" for name, score in DOMAINS.items()}
    titles |= {"OF5000": "Adjusted segment", "OF5002": "Average metric score", "OF5003": "Unadjusted segment",
               "OF5004": "Financial override"}  # fmt: skip
    labels = {quarter.slug: quarter.label for quarter in QUARTERS}
    return rows.assign(
        description=rows["description"].fillna(rows["metric_id"].map(titles)),
        sub_domain=rows["sub_domain"].fillna(rows["domain"]),
        reporting_date=rows["reporting_date"].fillna(rows["quarter"].map(labels)),
        file="",
        row=0,
    )[list(publication.METRIC_FIELDS)]
