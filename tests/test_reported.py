"""Reported rules of 2026/27: held against every figure that board papers give, and against what a file publishes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from nof import demo
from nof.common import Quarter
from nof.demo import next_year
from nof.read.publication import Publication, read
from nof.rules import draft, framework, novelties, reported, unconfirmed
from nof.rules.ranking import bracketed_edges, override, segment_of
from nof.rules.recompute import recompute

YEAR = framework.load("2026/27")
# The one paper that contradicts itself: its performance report says segment 3, its finance committee segment 4.
CONTRADICTS = "RJE"


@pytest.fixture(scope="module")
def papers(real) -> pd.DataFrame:
    """Statements of board papers on Q1 2026/27, numbers where they are plain ones."""
    table = pd.read_csv(real / "board-papers-nof.csv", dtype=str).fillna("")
    rows = table[table["quarter"].str.match(r"Q1 2026/27|latest|2026/27|.*indicative 2026/27 scoring")]
    plain = {
        name: rows[name].str.extract(r"^(\d(?:\.\d+)?)")[0].astype(float) for name in ("segment", "segment_unadjusted")
    }
    rank = rows["rank"].str.extract(r"^(\d+)(?: \(joint\))?$")[0].astype(float)
    flag = rows["override"].str.startswith("yes")
    return rows.assign(**plain, rank=rank, flag=flag, average=pd.to_numeric(rows["average_score"], errors="coerce"))


def under(rows: pd.DataFrame) -> pd.Series:
    raw = segment_of(rows["average"].to_numpy(), YEAR.segments.edges)
    return pd.Series(override(raw, rows["flag"], YEAR.override.no_better_than), rows.index)


def test_every_average_with_a_segment_fits_the_reported_bands_but_the_paper_that_contradicts_itself(papers, real):
    rows = papers[papers["average"].notna() & papers["segment"].notna()]
    assert (len(rows), rows["org"].nunique()) == (27, 26), "averages with a segment for 2026/27; one is told twice"
    wrong = rows[under(rows) != rows["segment"]]
    assert wrong["org"].tolist() == [CONTRADICTS]
    own = wrong.iloc[0]
    assert own["average"] == 2.79 and under(wrong).iloc[0] == 4 and "domain" in own["other"]
    both = pd.read_csv(real / "board-papers-nof.csv", dtype=str).query("org == @CONTRADICTS")
    assert set(both["segment"].dropna()) == {"3", "4"} and both["file"].nunique() == 1, "the same paper says both"


def test_averages_of_2025_26_fit_the_edges_that_the_real_files_show(real):
    """The same papers on the year before: each average in the segment that the published brackets give it."""
    national = recompute(read(real))
    table = pd.read_csv(real / "board-papers-nof.csv", dtype=str).fillna("")
    rows = table[table["quarter"].str.fullmatch(r"Q[1-4] 2025/26")]
    rows = rows.assign(average=pd.to_numeric(rows["average_score"], errors="coerce"))
    rows = rows.assign(given=pd.to_numeric(rows["segment"], errors="coerce")).dropna(subset=["average", "given"])
    sure = 0
    for row in rows.itertuples():
        part = national.standings[national.standings["quarter"] == Quarter.parse(row.quarter).slug]
        edges = bracketed_edges(part["average"], part["segment_unadjusted"])
        best, worst = (
            segment_of([row.average - 0.005] * 2, edges["below"])[0],
            segment_of([row.average + 0.005], edges["above"])[0],
        )
        raw = {int(best), int(worst)}  # both, where the average stands inside a bracket
        fine = raw | {max(one, 3) for one in raw} | ({5} if row.quarter[:2] in ("Q1", "Q2") else set())
        assert row.given in fine, (row.org, row.quarter, row.average, row.given, raw)
        sure += len(raw) == 1
    assert len(rows) >= 18 and sure >= 12


def test_unadjusted_segments_with_an_override_fit_too(papers):
    flagged = papers[papers["flag"] & papers["segment"].notna() & (papers["org"] != CONTRADICTS)]
    assert len(flagged) >= 9 and (flagged["segment"] >= 3).all()
    raw = flagged[flagged["segment_unadjusted"].notna()]
    assert (np.maximum(raw["segment_unadjusted"], 3) == raw["segment"]).all() and (raw["segment_unadjusted"] < 3).any()


def test_ranks_follow_segment_and_average_wherever_they_can_be_ordered(papers):
    rows = papers[papers["rank"].notna() & papers["segment"].notna() & papers["quarter"].str.startswith("Q1")]
    rows = rows[rows["org"] != CONTRADICTS]
    pool = rows["of"].str.extract(r"^(\d+)")[0]
    compared = 0
    for _, part in rows.groupby(pool):
        for one in part.itertuples():
            for two in part.itertuples():
                if one.segment < two.segment:
                    assert one.rank < two.rank, (one.org, two.org)
                    compared += 1
                elif one.segment == two.segment and one.average < two.average and one.flag == two.flag:
                    assert one.rank <= two.rank, (one.org, two.org)
                    compared += 1
    assert compared > 300


def test_averages_stand_between_the_edges_of_their_own_ranks(papers):
    """In one pool a better average without override never has the worse place: nothing of the bands is used here."""
    rows = papers[papers["rank"].notna() & papers["average"].notna() & ~papers["flag"] & (papers["org"] != CONTRADICTS)]
    rows = rows[rows["quarter"].str.startswith("Q1")]
    for size, part in rows.groupby(rows["of"].str.extract(r"^(\d+)")[0]):
        ordered = part.drop_duplicates("org").sort_values("average")
        assert ordered["rank"].is_monotonic_increasing, size


def test_what_is_not_known_stays_unknown():
    assert YEAR.draft and not YEAR.has_rules and YEAR.national_pool == () and YEAR.by_score == {}
    assert YEAR.segments.certainty == YEAR.override.certainty == "reported"
    assert {one.shape for one in YEAR.metrics} == {"not recomputable"} and {one.score_id for one in YEAR.metrics} == {
        "unknown"
    }
    assert len(YEAR.domains) == 6 and "unknown" not in YEAR.known_ids
    assert all(re.search(r"[A-Z0-9]{3} 2026-|named", one.source) for one in YEAR.metrics), "each says which paper"
    assert reported.in_words(YEAR.segments) == "segment 1 below 1.94, segment 2 to 2.33, segment 3 to 2.77"


# --- what a file publishes ---


def held(pairs, names=("acute",)):
    """`held_against` of averages and segments."""
    rows = [
        {
            "quarter": "2026-27-q1",
            "trust_type": name,
            "trust_code": f"T{place}",
            "average_score": average,
            "segment": own,
        }
        for name in names
        for place, (average, own) in enumerate(pairs)
    ]
    return reported.held_against(pd.DataFrame(rows), YEAR.segments)


FITTING = [(1.93, 1), (1.94, 2), (2.33, 2), (2.34, 3), (2.77, 3), (2.78, 4)]


def test_the_tightest_brackets_agree():
    table = held(FITTING)
    assert table["agrees"].eq(True).all() and (table["below"] - table["above"]).round(2).eq(0.01).all()


@pytest.mark.parametrize(("average", "segment", "edge"), [(1.94, 1, "1/2"), (2.33, 3, "2/3"), (2.78, 3, "3/4")])
def test_one_segment_that_contradicts_is_enough(average, segment, edge):
    table = held([*FITTING, (average, segment)])
    assert table.loc[table["agrees"].eq(False), "edge"].tolist() == [edge]
    said = reported.sentence(table, YEAR.segments)
    assert said.startswith("Published segments contradict the edges reported") and f"{average:.2f}" in said


def test_an_edge_that_no_trust_shows_is_not_said_to_agree():
    table = held([(1.5, 1), (1.6, 1)])
    assert table["agrees"].tolist() == [True, True, True], "one side was seen, and does not contradict"
    assert table["below"].isna().all()
    assert "no published segment" in reported.sentence(table.iloc[:0], YEAR.segments)


@pytest.fixture(scope="module")
def new_year():
    """A made-up 2026/27 with thresholds of its own: 2.07, 2.34 and 2.66."""
    return demo.build(next_year.YEAR)[0]


@pytest.fixture(scope="module")
def other_edges(new_year):
    """The same without the values, from which no segment follows here."""
    metrics = new_year.metrics[~new_year.metrics["metric_id"].str.startswith("OF0")]
    return Publication(metrics, new_year.trusts, new_year.league, new_year.files, illustrative=True)


@pytest.fixture(scope="module")
def year_before():
    return demo.build()[0]


def moved(publication: Publication, thresholds) -> Publication:
    """The publication with its segments cut at other thresholds, and its places."""
    metrics = publication.metrics.copy()
    key = ["quarter", "trust_type", "trust_code"]
    wide = metrics[metrics["metric_id"].isin(["OF5002", "OF5004"])].pivot(
        index=key, columns="metric_id", values="value"
    )
    raw = pd.Series(segment_of(wide["OF5002"], np.array(thresholds)), wide.index).astype(float)
    flagged = pd.Series(override(raw, wide["OF5004"].eq(1), 3), wide.index)
    for one, values in (("OF5003", raw), ("OF5000", flagged)):
        rows = metrics["metric_id"] == one
        metrics.loc[rows, "value"] = values.reindex(pd.MultiIndex.from_frame(metrics.loc[rows, key])).to_numpy()
    return Publication(metrics, publication.trusts, publication.league, publication.files, illustrative=True)


def test_a_file_that_contradicts_the_reported_bands_overrules_them(other_edges):
    national = recompute(other_edges)
    rules = national.framework(other_edges.latest)
    assert rules.draft and rules.segments.rule == "unknown" and rules.segments.overruled == reported.EDGES
    assert "overrule them" in unconfirmed.line(rules) and len(rules.note) < 350
    table = national.standings.merge(other_edges.metrics.query("metric_id == 'OF5003'"), on=["quarter", "trust_code"])
    assert (table["segment_unadjusted"] == table["value"]).all()


def test_a_file_that_bears_them_out_puts_them_in_force(other_edges):
    publication = moved(other_edges, YEAR.segments.edges)
    national = recompute(publication)
    rules = national.framework(publication.latest)
    assert rules.segments == YEAR.segments and rules.segments.certainty == "reported" and not rules.has_rules
    assert "all 494 published segments agree with them" in unconfirmed.line(rules)
    tried = draft.rules(publication, "2026/27", tried=True)
    assert tried.segments.certainty != "reported", "the reconciliation tries what the figures alone give"


def test_without_unadjusted_segments_trusts_without_a_flag_tell(other_edges):
    publication = moved(other_edges, YEAR.segments.edges)
    metrics = publication.metrics[publication.metrics["metric_id"] != "OF5003"]
    bare = Publication(metrics, publication.trusts, publication.league.iloc[:0], publication.files)
    found = reported.published_segments(bare, YEAR)
    assert 200 < len(found) < 494 and reported.held_against(found, YEAR.segments)["agrees"].eq(True).all()


def test_of_a_year_of_which_no_segment_is_published_none_is_computed(other_edges):
    metrics = other_edges.metrics[~other_edges.metrics["metric_id"].str.fullmatch("OF500[034]")]
    bare = Publication(metrics, other_edges.trusts, other_edges.league.iloc[:0], other_edges.files)
    national = recompute(bare)
    assert national.standings["segment"].isna().all()
    assert "no published segment" in national.framework(bare.latest).note


# --- what is new ---


def test_what_a_new_year_brings_is_listed_and_explained(new_year):
    table = novelties.novelties(new_year, "2026/27", framework.load("2025/26"))
    kinds = table.set_index(["what", "id"])
    assert kinds.loc[("trust type", "integrated-care-board"), "status"] == "new"
    new = set(table.loc[(table["what"] == "metric") & (table["status"] == "new"), "id"])
    assert {"OF0210", "OF0241", "OF0301", "OF0404"} <= new and not {"OF0005", "OF1082", "OF1301"} & new
    assert table["explanation"].ne("").all() and table["first_quarter"].notna().all()
    assert not table.duplicated(["what", "id", "name"]).any()


def test_a_strange_id_and_a_renamed_metric_are_taken(new_year, year_before):
    latest = new_year.metrics
    strange = latest[latest["metric_id"] == "OF0005"].assign(metric_id="NOF-7")
    renamed = latest.assign(description=latest["description"].mask(latest["metric_id"] == "OF0082", "Something else"))
    both = Publication(
        pd.concat([year_before.metrics, renamed, strange]), new_year.trusts, new_year.league, new_year.files
    )
    table = novelties.novelties(both, "2026/27", framework.load("2025/26"))
    assert not table.duplicated("id").any() or table["id"].eq("").any()
    table = table.set_index("id")
    assert "it was OF0010" in table.loc["OF0210", "explanation"]
    assert table.loc["NOF-7", "status"] == "strange id" and table.loc["OF0082", "status"] == "renamed"
    assert "Sickness absence rate" in table.loc["OF0082", "explanation"]
    assert table.loc["OF0016", "status"] == "gone" and table.loc["OF0016", "name"] != ""


def test_nothing_is_new_in_the_year_that_the_rules_know(year_before):
    assert novelties.novelties(year_before, "2025/26", framework.load("2025/26")).empty
    assert novelties.novelties(year_before, "2031/32", framework.load("2025/26")).empty
