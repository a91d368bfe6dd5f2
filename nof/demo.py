"""A made-up publication in NHS England's own layout, consistent to the last digit.

Values are drawn and rounded first. Everything else in the six files (ranks, medians, scores, domains, segments, league
ranks, likely ranges) is computed from the rounded values by the project's own rules, so no rule is written twice. The
trusts have a lasting quality of their own, so that quarters resemble each other as real ones do.

Every figure is invented; every number in this module shapes invented data and stands for nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from nof import demo_names, demo_next, demo_values, paths, ranking, scoring
from nof import framework as rules
from nof.checks import METRIC_COLUMNS
from nof.demo_names import ACUTE, MENTAL_HEALTH
from nof.demo_values import QUARTERS
from nof.errors import InputError, Problem
from nof.framework import Framework, Metric
from nof.publication import LEAGUE_FIELDS, METRIC_FIELDS, TRUST_FIELDS, Publication
from nof.quarter import Quarter
from nof.recompute import National, league, recompute

log = logging.getLogger(__name__)

SEED = 20_250_401
FRAMEWORKS = ("2025-26", demo_next.YEAR)  # framework years that a demo can be made of
MARK = "ILLUSTRATIVE"
MERGERS = "mergers.csv"

_KEY = ["quarter", "trust_type", "trust_code"]
# A row without a value: suppressed for low numbers. Trust code, metric, quarters.
_SUPPRESSED = (("X6E", "OF0016", (2, 3)), ("X3A", "OF0048", (1, 2, 3, 4)), ("X0Y", "OF0010", (4,)))
_SUMMARY_NAMES = {  # as NHS England describes these rows
    "adjusted_segment": "Adjusted segment", "average": "Average metric score",
    "unadjusted_segment": "Unadjusted segment", "override_flag": "Financial override",
    "final_segment": "Final segment score override",
    "recovery_support_flag": "Is the organisation in the Recovery Support Programme?",
}  # fmt: skip
_TEXT = f"""Illustrative data. Nothing in this folder describes a real organisation.

nof/demo.py made these files: invented trusts with invented figures, in the layout that NHS England uses for the files
of its NHS Oversight Framework. Do not quote a figure from them. {MERGERS} lists the invented mergers of the year.
"""
_TYPE_NAMES = demo_names.TYPE_NAMES | {demo_next.BOARDS: demo_next.BOARDS_NAME}
# What decides the bytes of the files, beside the rules file.
_SOURCES = ("demo", "demo_names", "demo_next", "demo_values", "scoring", "ranking", "uncertainty", "recompute")

# --- from values to a whole publication ---


def _placed(figures: pd.DataFrame, cast: pd.DataFrame) -> pd.DataFrame:
    """Figures of bodies as figures of trusts: each under the code that the body has in that quarter."""
    rows = figures.merge(cast[["body", "first", "last", "trust_code", "trust_type"]], on="body")
    rows = rows[rows["number"].between(rows["first"], rows["last"])]
    spans = (rows["metric_id"] == "OF0041") & rows["trust_code"].isin(demo_names.SPANS_MERGER)
    rows = rows[~(spans & (rows["number"] >= demo_names.MERGER_QUARTER))]
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
    supported = lowest.index[(lowest["min"] > 0) & (lowest["size"] == 4)][0]
    flagged = (money["value"] < 0) | (money["trust_code"] == supported)
    return money.assign(metric_id=framework.summary.override_flag, units="flag", value=flagged.astype(float))


def _domain_rows(national: National, framework: Framework) -> pd.DataFrame:
    """Domain scores with their rank in the type, and domain segments: national quartiles of the unrounded score."""
    table = national.domains.dropna(subset="metric_id")
    rank = table.groupby(["quarter", "trust_type", "metric_id"])["domain_score"].rank(method="min")
    scores = table.assign(value=table["domain_score"], rank=rank, units="score")
    segments = pd.concat([
        part.assign(value=ranking.segment_of(part["average"], ranking.quartile_edges(part["average"])), units="segment")
        for _, part in table.groupby(["quarter", "metric_id"])
    ])
    ids = {domain.score_id: domain.segment_id for domain in framework.domains}
    return pd.concat([scores, segments.assign(metric_id=segments["metric_id"].map(ids))])


def _summary_rows(national: National, framework: Framework) -> pd.DataFrame:
    """Adjusted segment with the league rank, average with its own rank, unadjusted segment; segment 5 in Q1 and Q2."""
    table, ids = national.standings, framework.summary
    early = table[table["quarter"].isin([QUARTERS[0].slug, QUARTERS[1].slug])]
    acute = early[early["trust_type"] == ACUTE].sort_values(["quarter", "average"])
    support = early["trust_code"] == acute["trust_code"].iloc[-1]
    columns = (
        (table, ids.adjusted_segment, "segment", table["segment"], table["rank"]),
        (table, ids.average, "score", table["average_score"], table["rank_by_average"]),
        (table, ids.unadjusted_segment, "segment", table["segment_unadjusted"], np.nan),
        (early, ids.final_segment, "segment", early["segment"].mask(support, 5), np.nan),
        (early, ids.recovery_support_flag, "flag", support.astype(float), np.nan),
    )
    return pd.concat([part[_KEY].assign(metric_id=metric_id, units=units, value=value, rank=rank)
                      for part, metric_id, units, value, rank in columns])


def _labels(framework: Framework) -> pd.DataFrame:
    """Description, domain and sub-domain of every id, without the rules file's remarks in brackets."""
    rows = [(one, metric.name.split(" (")[0], metric.domain, metric.sub_domain.split(" (")[0])
            for metric in framework.metrics for one in (metric.value_id, metric.score_id) if one.startswith("OF")]
    for domain in framework.domains:
        rows += [(one, f"{domain.name} domain {kind}", domain.name, f"{domain.name} domain {kind}")
                 for one, kind in ((domain.score_id, "score"), (domain.segment_id, "segment"))]
    ids = framework.summary.model_dump()
    rows += [(ids[key], name, "Summary", "Summary") for key, name in _SUMMARY_NAMES.items()]
    return pd.DataFrame(rows, columns=["metric_id", "description", "domain", "sub_domain"])


def _draft(cast: pd.DataFrame, framework: Framework, seed: int) -> Publication:
    """A publication with values, flags and stand-in scores: all that the rules need."""
    bodies = cast.drop_duplicates("body").set_index("body")
    values = _compared(_placed(demo_values.values(bodies, framework, seed), cast), framework)
    bespoke = _placed(demo_values.bespoke_scores(bodies, seed), cast)
    rows = [values, _score_rows(values, framework), bespoke, _flag_rows(values, framework)]
    return _publication(_labelled(pd.concat(rows, ignore_index=True), framework), _by_quarter(cast))


def _by_quarter(cast: pd.DataFrame) -> pd.DataFrame:
    parts = [cast[cast["first"].le(quarter.number) & cast["last"].ge(quarter.number)].assign(quarter=quarter.slug)
             for quarter in QUARTERS]
    return pd.concat(parts, ignore_index=True)[list(TRUST_FIELDS)]


def _labelled(rows: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Rows with description, domain and sub-domain; a figure without a date of its own is the quarter's."""
    rows = rows.drop(columns=["description", "domain", "sub_domain"], errors="ignore")
    rows = rows.merge(_labels(framework), on="metric_id", how="left")
    dates = rows["reporting_date"].replace("", None)
    rows["reporting_date"] = dates.fillna(rows["quarter"].map({quarter.slug: quarter.label for quarter in QUARTERS}))
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


def build(framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> tuple[Publication, pd.DataFrame]:
    """Make the publication up, in memory.

    Parameters
    ----------
    framework_year : str
        One of `FRAMEWORKS`.
    seed : int
        Another seed gives other figures for the same trusts.

    Returns
    -------
    publication : Publication
        Four quarters; the league tables of the last one; no files.
    mergers : DataFrame
        In the columns of data/reference/mergers.csv.

    Raises
    ------
    InputError
        No such demo framework.
    """
    if framework_year not in FRAMEWORKS:
        raise InputError(Problem("framework", "no demo publication of this framework year", value=framework_year,
                                 expected=f"one of {', '.join(FRAMEWORKS)}"))
    if framework_year == demo_next.YEAR:
        base, merged = build(FRAMEWORKS[0], seed + 1)
        return demo_next.build(base, seed), merged
    framework, cast = rules.load(framework_year.replace("-", "/")), demo_names.trusts()
    national = recompute(_draft(cast, framework, seed))
    tables = pd.concat([league(national, QUARTERS[-1].slug, name).assign(trust_type=name)
                        for name in demo_names.TYPE_NAMES], ignore_index=True)
    metrics = _finished(national, framework)
    return _publication(metrics, national.publication.trusts, tables[list(LEAGUE_FIELDS)]), demo_names.mergers(cast)


# --- to files ---


def _text(numbers: pd.Series) -> pd.Series:
    """Numbers as NHS England's files write them: "9.03", "0.7", "33.0", blank."""
    return numbers.map({number: "" if np.isnan(number) else repr(float(number)) for number in numbers.unique()})


def _metrics_file(metrics: pd.DataFrame) -> pd.DataFrame:
    numbers = ("value", "median", "lower_quartile", "upper_quartile", "rank")
    told = metrics.assign(**{name: _text(metrics[name]) for name in numbers})
    return _as_published(told, METRIC_COLUMNS)


def _league_file(table: pd.DataFrame) -> pd.DataFrame:
    text = {name: _text(table[name].astype(float))
            for name in ("average_score", "average_low", "average_high", "segment", "rank")}
    ranks = [f"{low:.0f} to {high:.0f}" for low, high in zip(table["rank_low"], table["rank_high"], strict=True)]
    figures = {
        "Average_score": text["average_score"],
        "Likely_range_of_average_score": text["average_low"] + " to " + text["average_high"],
        "Segment": text["segment"], "Trust_in_financial_deficit": table["in_deficit"].map({True: "Yes", False: "No"}),
        "Rank": text["rank"], "Likely_range_of_rank": ranks,
    }  # fmt: skip
    shared = {name: column for name, column in METRIC_COLUMNS.items() if column in TRUST_FIELDS}
    return _as_published(table, shared).assign(**figures)


def _as_published(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Columns under NHS England's names, with quarters and trust types in its words."""
    labels = {slug: Quarter.parse(slug).label for slug in frame["quarter"].unique()}
    told = frame.assign(quarter=frame["quarter"].map(labels), trust_type=frame["trust_type"].map(_TYPE_NAMES))
    return pd.DataFrame({name: told[column] for name, column in columns.items()})


def _csv(frame: pd.DataFrame, bom: bool = True) -> bytes:
    """As NHS England writes it: UTF-8 with a byte order mark, CRLF."""
    return frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig" if bom else "utf-8")


def files(publication: Publication, mergers: pd.DataFrame) -> dict[str, bytes]:
    """The files of a publication made by `build`, by name."""
    made, last = {}, Quarter.parse(publication.latest)
    ending = f"q{last.number}-{last.year_label[2:].replace('/', '-')}.csv"
    names = publication.trusts[list(TRUST_FIELDS)]
    for name in publication.trust_types:
        metrics, table = (part[part["trust_type"] == name].merge(names, on=_KEY, how="left")
                          for part in (publication.metrics, publication.league))
        kind = name if name == demo_next.BOARDS else f"{name}-trust"
        made[f"nhs-oversight-framework-{kind}-data-{ending}"] = _csv(_metrics_file(metrics))
        made[f"nhs-oversight-framework-{kind}-league-table-{ending}"] = _csv(_league_file(table))
    return made | {MERGERS: _csv(mergers, bom=False)}


def stamp(framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> str:
    """What the files depend on: a hash of the generator's and the rules' source, the framework year and the seed."""
    here = Path(__file__).parent
    sources = [here / f"{name}.py" for name in _SOURCES] + [paths.frameworks() / f"{FRAMEWORKS[0]}.yaml"]
    digest = hashlib.sha256(f"{framework_year} {seed}".encode())
    for source in sources:
        digest.update(source.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def write(folder: str | os.PathLike, framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> Path:
    """Make the demo publication up and write it: six files in NHS England's layout, mergers.csv, and ILLUSTRATIVE.

    The same arguments give the same bytes. Every file is written elsewhere in the folder and moved into place whole;
    the label comes first and its stamp last, so no figure stands unlabelled and a broken run is seen.

    Parameters
    ----------
    folder : path
        Made if absent. Files of an earlier demo in it are replaced; other files stay.
    framework_year, seed
        As for `build`.

    Raises
    ------
    InputError
        The folder holds files of the NHS Oversight Framework that are not a demo's, or the framework is not known.
    """
    folder = Path(folder)
    _refuse_real(folder)
    made = files(*build(framework_year, seed))
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".demo-", dir=folder))
    try:
        _put(staging, folder, MARK, _TEXT.encode())  # first of all: no figure is ever there without its label
        for name, data in made.items():
            _put(staging, folder, name, data)
        for old in set(_ours(folder)) - set(made):
            (folder / old).unlink(missing_ok=True)
        _put(staging, folder, MARK, f"{_TEXT}\nStamp: {stamp(framework_year, seed)}\n".encode())
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _put(staging: Path, folder: Path, name: str, data: bytes) -> None:
    (staging / name).write_bytes(data)
    os.replace(staging / name, folder / name)


def _ours(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("nhs-oversight-framework-*.csv"))


def _refuse_real(folder: Path) -> None:
    found = _ours(folder) if not (folder / MARK).exists() else []
    if found:
        raise InputError(Problem(str(folder), "the folder holds files that are not a demo's", value=found[0],
                                 expected=f"a folder of its own for the demo, or one with a file {MARK}"))


def ensure(folder: str | os.PathLike, framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> Path:
    """Write the demo publication unless it is there, whole and made by this version of the generator.

    Returns
    -------
    Path
        The folder, for `nof.publication.read`.
    """
    folder = Path(folder)
    if not _is_current(folder, framework_year, seed):
        log.info("making the demo publication in %s", folder)
        write(folder, framework_year, seed)
    return folder


def at_hand(folder: Path) -> Path:
    """The folder to read: the project's own demo publication is made on first use, any other folder is as it is."""
    own = {paths.share("data", "demo").resolve(), paths.demo().resolve()}
    return ensure(paths.demo()) if folder.resolve() in own else folder


def _is_current(folder: Path, framework_year: str, seed: int) -> bool:
    mark = folder / MARK
    if framework_year not in FRAMEWORKS or not mark.is_file():
        return False
    types = demo_names.TYPE_NAMES if framework_year == FRAMEWORKS[0] else _TYPE_NAMES
    whole = len(_ours(folder)) == 2 * len(types) and (folder / MERGERS).is_file()
    return whole and f"Stamp: {stamp(framework_year, seed)}" in mark.read_text(encoding="utf-8")
