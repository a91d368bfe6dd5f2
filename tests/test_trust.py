"""One trust's briefing: its page against counts made another way, the special cases, every trust of the demo and real files."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import builders
import numpy as np
import pandas as pd
import pytest
from trust_page import Page, grade

from nof import common, demo
from nof.briefing.gate import check_html
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.make import Job, executed
from nof.common import InputError, Quarter
from nof.demo import two_years
from nof.method import board, limits, safe_facts
from nof.method.opening import mergers_of, open_publication
from nof.method.view import view_of
from nof.rules import recompute, short_names
from nof.rules.framework import load
from nof.show import national_rows, safe
from nof.show.display import Card, Chart, Table, Words
from nof.show.questions import read as read_questions
from nof.show.trust_tables import signed

Q1, Q3, Q4 = "2025-26-q1", "2025-26-q3", "2025-26-q4"
UNWRITTEN = re.compile(r"\bnan\b|\bNone (?!of)|\binf\b|\bNaN\b|\bNaT\b|\{\{|\{%")


@pytest.fixture(scope="module")
def national():
    made = open_publication(demo.ensure(common.demo()))
    board.warm(made, Q4, made.publication.trust_types)
    return made


@pytest.fixture(scope="module")
def published(real):
    return open_publication(real)


def of_quarter(national, quarter):
    return sorted(national.standings.loc[national.standings["quarter"] == quarter, "trust_code"])


@lru_cache(maxsize=256)  # tests take every eighth trust, or a part of those, so that they share pages
def page_of(national, code, quarter=Q4) -> Page:
    return Page(board.trust_of(national, quarter, code))


def ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# --- every trust ---


def check_all(national, quarter, every=1, also=()):
    codes = of_quarter(national, quarter)
    codes = [code for place, code in enumerate(codes) if place % every == 0 or code in also]
    for code in codes:
        page = page_of(national, code, quarter)
        assert not (found := UNWRITTEN.search(page.text)), (
            code,
            page.text[max(0, found.start() - 90) : found.end() + 30],
        )
        assert len(page.verdict.split()) <= 25, (code, page.verdict)
        assert 0 < (reading := grade(page)) <= 9, (code, reading)
        assert 1 <= len(re.findall(r"^\d\. .*\?$", page.words, re.MULTILINE)) <= 3, code
        assert (
            len(numbers := re.findall(r"(?<![\w.,/])\d[\d.,/]*", re.sub(r"(?m)^\d\. ", "", page.first_page))) <= 60
        ), (code, numbers)
        assert len(page["why"].reasons) <= 3 and page.of(Card)[0].items[0][0] == "Segment"
        assert "no more than noise" not in page.text and "could be any" not in page.text
    return codes


def test_some_demo_trusts_and_those_with_a_story_have_a_page(national):
    """Every trust of the real files follows; `make boards` makes all 205 of these, each through the gate."""
    held = national.standings.query("quarter == @Q4 and in_deficit")["trust_code"]
    merged = mergers_of(national)["successor_code"]
    assert len(check_all(national, Q4, every=12, also={*held[:5], *merged, "X0D", "X2G", "X8Q"})) >= 25


def test_every_real_trust_has_a_page(published):
    assert len(check_all(published, Q4)) == 61


def test_the_first_quarter_says_that_no_change_can_be_shown(national):
    for code in check_all(national, Q1, every=20):
        page = page_of(national, code, Q1)
        assert "hold no quarter before Q1 2025/26" in page.section("How firm")
        assert "last quarter" not in page.text and not page.section("Our doing")
        assert "Q1" in [one.label for one in page.of(Table)[0].columns]


def test_the_measure_of_reading_age_finds_heavy_prose(national):
    page = Page(board.trust_of(national, Q4, "X0D"))
    heavy = "Notwithstanding methodological considerations, comparability of organisational performance deteriorates. "
    page.parts = [Words(heavy * 3)]
    assert grade(page) > 15


# --- statements against frames and counts made another way ---


def test_the_verdict_states_the_league_table(national):
    before = national.standings.query("quarter == @Q3").set_index("trust_code")["segment"]
    for trust_type in national.publication.trust_types:
        league = recompute.league(national, Q4, trust_type).set_index("trust_code")
        for code in league.index[[0, len(league) // 2, -1]]:
            row, page = league.loc[code], page_of(national, code)
            assert f"Ranked {ordinal(int(row['rank']))} of {len(league)}" in page.verdict
            assert page.verdict.startswith(f"**Segment {row['segment']:.0f}")
            if not page["since"].compared:
                continue
            same = before[code] == row["segment"]
            assert ("as last quarter" in page.verdict) == same
            assert (f"was {before[code]:.0f}" in page.verdict) == (not same)


def test_the_published_ranges_are_the_ones_shown(published):
    league = published.publication.league.set_index("trust_code")
    for code in ("RDY", "RYG", "RYY", "RV3", "RWR"):
        page, row = page_of(published, code), league.loc[code]
        low, high = int(row["rank_low"]), int(row["rank_high"])
        assert f"{ordinal(low)} to {ordinal(high)} would be reasonable" in page.verdict
        assert f"NHS England's likely range: place {low} to {high}" in page.of(Chart)[0].alt
        assert page.of(Chart)[0].caption == f"Its likely range covers {high - low + 1} of 61 places"
        assert page["stands"].average_low == row["average_low"] and page["stands"].published


def test_ranges_by_question_are_those_of_the_sets(published):
    view = board.trust_of(published, Q4, "RDY").view
    row = limits.places(view).set_index("trust_code").loc["RDY"]
    alt = page_of(published, "RDY").of(Chart)[0].alt
    assert f"These metrics, another quarter: place {row['these_low']} to {row['these_high']}" in alt
    assert f"Other metrics like these: place {row['other_low']} to {row['other_high']}" in alt
    universe = limits.multiverse(view)
    at = list(universe.summary.index).index("RDY")
    method = limits.method(view).set_index("trust_code").loc["RDY"]
    assert f"Other reasonable rules: place {method['method_best']:.0f} to {method['method_worst']:.0f}" in alt
    assert np.nanmin(universe.ranks[:, at]) == page_of(published, "RDY")["stands"].all_low


def test_the_average_is_its_metrics_and_reasons_are_the_heaviest(national):
    for code in of_quarter(national, Q4)[::20]:
        page = page_of(national, code)
        scores = national.scores.query("trust_code == @code and quarter == @Q4 and weight > 0").set_index("metric_id")
        assert f"{np.average(scores['score'], weights=scores['weight']):.2f}" in page.section("Every metric")
        type_scores = national.scores[
            (national.scores["quarter"] == Q4)
            & (national.scores["trust_type"] == scores["trust_type"].iloc[0])
            & (national.scores["weight"] > 0)
        ]
        middle = type_scores.groupby("metric_id")["score"].median()
        adds = scores["weight"] * (scores["score"] - middle[scores.index]) / scores["weight"].sum()
        heaviest = adds[adds.abs() > 0.005].abs().sort_values(ascending=False).head(3)
        assert [abs(one.adds) for one in page["why"].reasons] == pytest.approx(list(heaviest))
        table = page.of(Table)[0].data()["rows"]
        shown = page["metrics"]["contribution"]
        assert [row[-1] for row in table] == [signed(one) for one in shown]
        assert sorted(shown) == pytest.approx(sorted(adds))
        for reason in page["why"].reasons:
            way = "Pulled down" if reason.adds > 0 else "Helped"
            assert re.search(rf"{way}(?: most)? by {re.escape(reason.name)}:", page.section("Why it stands"))


def test_scores_by_quarter_are_the_scores(national):
    page = page_of(national, "X0J")
    scores = national.scores[(national.scores["trust_code"] == "X0J") & (national.scores["weight"] > 0)]
    one = scores[scores["quarter"] == Q1].iloc[0]
    row = page["metrics"].set_index("metric_id").loc[one["metric_id"]]
    data = page.of(Table)[0].data()
    labels = [column["label"] for column in data["columns"]]
    at = list(page["metrics"]["metric_id"]).index(one["metric_id"])
    assert row[Q1] == one["score"] and f"Q1 {one['score']:.2f}, " in data["rows"][at][labels.index("Q1 to Q4")]
    assert all(data["drawings"][str(labels.index("Q1 to Q4"))])


def told_of(national, trust_type):
    changes = limits.change(view_of(national, Q4, trust_type))
    return changes.loc[changes["more_than_noise"].eq(True), "trust_code"] if len(changes) else []


def test_the_change_is_told_as_the_test_found_it(national, published):
    """Of every real trust, and in the demo of every trust whose change is told and of every eighth beside."""
    seen = set()
    for source, every in ((national, 8), (published, 1)):
        moved = [code for one in source.publication.trust_types for code in told_of(source, one)]
        for code in sorted({*of_quarter(source, Q4)[::every], *moved}):
            own = board.trust_of(source, Q4, code)
            row = board.change(own)
            if row is None or pd.isna(row["q_value"]):
                continue
            page = page_of(source, code)
            firm = page.section("How firm")
            told = bool(row["more_than_noise"])
            assert ("The change can be told from noise" in firm) == told
            assert ("The change cannot be told from noise" in firm) != told
            assert told or f"{row['smallest_change_found']:.2f} points" in firm
            asked = " ".join(one for one in page.words.split("\n") if re.match(r"\d\. ", one))
            assert ("more than noise" in asked) == told
            seen.add(told)
    assert seen == {True, False}


def test_bridgewaters_change_is_news(published):
    page = page_of(published, "RY2")
    assert "by more than noise" in page.verdict and "2.39 to 3.34" in page.section("How firm")


def test_scores_that_moved_against_their_values_are_named(published):
    page = page_of(published, "RX4")
    rows = limits.directions(page["own"].view).query("trust_code == 'RX4'")
    named = [short_names.short_name(one, "2025/26") for one in rows.loc[rows["apart"].fillna(False), "description"]]
    assert sorted(page["since"].apart) == sorted(named) and named
    assert all(one in page.section("How firm") for one in named[:3])


def test_shares_of_redraws_add_up_and_are_named_so(published):
    page = page_of(published, "RDY")
    assert sum(one.share for one in page["stands"].shares) == pytest.approx(1)
    table = next(one for one in page.of(Table) if one.caption.startswith("Share of redraws"))
    assert len(table.frame) == 4 and "chance" not in table.caption.lower()
    assert "close call between segments 1, 2 and 3" in page.section("How firm")


def test_a_gap_is_a_range_where_the_edge_is_a_bracket(published):
    for code, words in (("RX4", "up to {high:.2f}"), ("RDY", "{low:.2f} to {high:.2f}")):
        page = page_of(published, code)
        goal = board.goal(page["own"])
        low, high = goal.average - goal.edge_high, goal.average - goal.edge_low
        section = page.section("What it would take")
        assert f"fall by {words.format(low=low, high=high)} points" in section and "regression to the mean" in section
        shown = "below 0.01" if low < 0.005 else f"{low:.2f}"
        assert page.of(Card)[0].items[2][1] == f"{shown} to {high:.2f}"


def test_steps_shown_are_the_ones_that_close_the_gap(national):
    for code in of_quarter(national, Q4)[::16]:
        page = page_of(national, code)
        shown = [one for one in page.of(Table) if one.caption.startswith("What one metric alone")]
        steps = page["steps"]
        closing = int(steps["closes"].sum()) if len(steps) else 0
        assert len(shown) == (closing > 0)
        if shown:
            assert len(shown[0].frame) == min(closing, 5) and not shown[0].frame["value_needed"].isna().any()


def test_peers_are_of_the_same_subtype_and_compared_on_shared_metrics(national):
    own = board.trust_of(national, Q4, "X0D")
    kinds = national.publication.trusts.query("quarter == @Q4").set_index("trust_code")["trust_subtype"]
    assert board.near(own)["trust_code"].iloc[0] == "X0D"
    assert set(kinds[board.near(own)["trust_code"]]) == {kinds["X0D"]}
    scores, weights = limits.matrix(own.view)
    other = board.near(own).iloc[1]
    both = scores.loc[["X0D", other["trust_code"]]].dropna(axis=1)
    apart = np.average(both.iloc[0] - both.iloc[1], weights=weights[both.columns])
    assert other["difference"] == pytest.approx(apart) and other["shared"] == both.shape[1]
    assert other["low"] < other["difference"] < other["high"]


def test_the_parts_of_a_move_add_up_to_it(published):
    for code in of_quarter(published, Q4)[::12]:
        doing = page_of(published, code)["doing"]
        if doing is not None and doing.can_be_split:
            assert doing.own + doing.override + doing.beyond_us == pytest.approx(doing.before - doing.after)


# --- special cases ---


def test_a_held_trust_hears_of_the_override_first(national):
    held = national.standings.query("quarter == @Q4 and segment > segment_unadjusted")
    assert len(held)
    for code, unadjusted in zip(held["trust_code"], held["segment_unadjusted"], strict=True):
        page = page_of(national, code)
        assert page.verdict.startswith("**Segment 3") and "because of its deficit" in page.verdict
        assert f"its scores alone give {unadjusted:.0f}" in page.verdict and "> **Override.**" in page.words
        assert "deficit" in page.section("Questions to ask").split("\n")[1]
        assert "Inside segment 1" not in page.text and "would carry our scores" not in page.text
        assert "Nothing below changes its segment while the override holds it" in page.words


def test_no_trust_without_a_flag_hears_of_its_own_override(national):
    flagged = set(national.standings.query("quarter == @Q4 and in_deficit")["trust_code"])
    for code in [one for one in of_quarter(national, Q4)[::8] if one not in flagged]:
        page = page_of(national, code)
        assert ("**Override.**" in page.words) == page["since"].by_override, code
        assert "deficit holds" not in page.words and "because of its deficit" not in page.words


def test_remarks_apply_or_are_not_there(national):
    mergers = pd.read_csv(common.demo() / "mergers.csv")
    touched = set(mergers["predecessor_code"]) | set(mergers["successor_code"])
    counts = national.standings.query("quarter == @Q4").set_index("trust_code")["metrics_scored"]
    start = pd.Timestamp(Quarter.parse(Q4).first_day)
    for code in sorted({*of_quarter(national, Q4)[::8], *(touched & set(counts.index))}):
        page = page_of(national, code)
        assert ("> **Merger.**" in page.words) == (code in touched), code
        assert ("**Few metrics.**" in page.words) == (counts[code] <= 0.75 * counts.median()), code
        assert (board.old(page["own"])["last_day"] < start).all()
        assert ("**Old data.**" in page.words) == bool(page["bearing"].old)


def test_a_newly_merged_trust_names_those_it_was_formed_from(national):
    told = page_of(national, "X8Q").words
    assert "It was formed from" in told and "1 October 2025" in told and "its window spans the merger" in told
    assert "its window spans the merger" not in page_of(national, "X0J").words


def test_a_trust_that_is_gone_gets_a_clear_page(national):
    page = page_of(national, "X5Q")
    assert page["stands"] is None and not page.of(Chart) and not page.of(Table) and not page.of(Card)
    assert "is not in the tables of Q4 2025/26; it was last listed in Q2 2025/26" in page.words
    assert "(X2J, place " in page.words and "since 1 October 2025" in page.words and "## " not in page.words
    row = national.standings.query("trust_code == 'X5Q' and quarter == '2025-26-q2'").iloc[0]
    assert f"at place {row['rank']:.0f} of 135 acute trusts, in segment {row['segment']:.0f}" in page.words
    assert "illustrative" in page.words


def test_a_trust_that_is_not_there_yet_gets_a_clear_page(national):
    told = page_of(national, "X8Q", Q1).words
    assert "these files list it from Q3 2025/26" in told and "Its services" not in told


def test_a_trust_gone_without_a_known_merger_is_not_explained(national):
    alone = replace(national)
    vars(alone)["_mergers"] = mergers_of(national).iloc[:0]
    assert "is not said here" in Page(board.Trust(alone, Q4, "X5Q", None)).words


def test_an_unknown_code_is_an_error(national):
    with pytest.raises(InputError, match="ZZZ"):
        board.trust_of(national, Q4, "ZZZ")


def test_segment_5_is_told_where_it_was_published(national):
    assert "> **Segment 5.** NHS England has placed it there" in page_of(national, "X1L", Q1).words
    assert "> **Segment 5.**" not in page_of(national, "X1L").words


def test_a_table_of_two_trusts_with_awkward_names(tmp_path):
    national = open_publication(builders.publication(tmp_path))
    for quarter in national.publication.quarters:
        for code in builders.codes():
            page = page_of(national, code, quarter)
            assert not UNWRITTEN.search(page.text) and "Fen & Mere" not in page.words


# --- short names, questions, figures, the page ---


@pytest.mark.parametrize("year", ["2025/26", "2026/27"])
def test_every_metric_of_the_rules_has_a_short_name(year):
    own = short_names.table().query("year == @year")
    assert set(own["official"]) == {one.name for one in load(year).metrics}
    assert own["short"].str.split().str.len().max() <= 5 and not own["short"].str.contains(r"\.\.\.|%").any()
    assert not own["short"].duplicated().any()


def test_a_name_that_nobody_shortened_stays():
    assert short_names.short_name("A new metric", "2025/26", "OF0999", None) == "A new metric"
    assert short_names.short_name("Renamed", "2025/26", "OF0063") == "stays over 60 days"
    assert short_names.short_name("Renamed", "2027/28", "OF0063") == "Renamed"
    assert short_names.short_name("Sickness absence rate", "2027/28") == "sickness absence"


def test_a_year_with_other_rules_is_no_like_for_like_comparison(tmp_path):
    two = open_publication(demo.ensure(tmp_path / "two", two_years.YEAR))
    rows = two.standings.query("quarter == '2026-27-q1'")
    for trust_type, part in rows.groupby("trust_type"):
        page = page_of(two, part["trust_code"].iloc[0], "2026-27-q1")
        assert not UNWRITTEN.search(page.text), trust_type
        assert ("> **New rules.** Q4 2025/26 belongs to another framework year" in page.words) == page[
            "since"
        ].other_rules
    assert "New rules" in page_of(two, rows["trust_code"].iloc[0], "2026-27-q1").words


def test_every_question_is_asked_of_some_trust(national):
    known = {one.id for one in read_questions(common.share("data", "questions.yaml"))}
    asked = set()
    for code in of_quarter(national, Q4)[::8]:
        told = page_of(national, code)
        facts = [told[name] for name in ("stands", "why", "since", "way", "bearing", "peers")]
        asked |= set(told["helpers"].questions(*facts, most=20).facts["questions"])
    assert {"override-held", "worst", "missing", "old", "best", "peers"} <= asked <= known


# --- safe to say ---


def test_what_may_be_said_never_contradicts_the_briefing(national):
    for code in [*of_quarter(national, Q4)[::40], "X0D", "X8Q"]:
        page, told = page_of(national, code), safe_facts.told(board.trust_of(national, Q4, code))
        lines = safe.lines_of(told)
        said = dict(lines[lines["part"] == "say"][["id", "text"]].to_numpy())
        assert not UNWRITTEN.search(" ".join(lines[["text", "answer", "rests_on"]].to_numpy().ravel())), code
        for name in ("stands", "since", "why", "way", "bearing", "peers"):
            assert getattr(told, name) == page[name], (code, name)
        place = re.search(r"Ranked (\w+) of (\d+)(?:; (\w+) to (\w+) would)?", page.verdict)
        if "place-with-range" in said:
            assert all(one in said["place-with-range"] for one in place.groups()), code
        segment = re.search(r"segment (\d)", " ".join(text for one, text in said.items() if one.startswith("segment")))
        assert page.verdict.startswith(f"**Segment {segment[1]}"), code
        assert ("segment-held" in said) == ("because of its deficit" in page.verdict), code
        assert ("change-told" in said) <= ("The change can be told from noise" in page.section("How firm")), code
        assert ("change-in-places" in set(lines["id"])) <= ("can be told from noise." not in page.section("How firm"))


def test_the_national_rows_are_the_trusts_own_and_those_beside_it(national):
    for code in ("X0D", *of_quarter(national, Q4)[::72]):
        trust = board.trust_of(national, Q4, code)
        table = national_rows.league(trust)
        assert table.frame["trust_code"].iloc[table.emphasis[0]] == code and 4 <= len(table.frame) <= 7
        assert table.frame["rank"].is_monotonic_increasing
        assert national_rows.domains(trust).frame["trust_code"].tolist() == [code]
        rows = national_rows.rankings(trust).frame
        assert set(rows["metric_id"]) == set(board.metrics(trust)["metric_id"])


def test_trusts_are_named_as_told_apart_as_often_as_their_rank_set_says(national):
    for code in of_quarter(national, Q4)[::16]:
        trust = board.trust_of(national, Q4, code)
        (better, worse), row = safe_facts.told_apart(trust), board.place(trust)
        if pd.isna(row["told_apart_these"]):
            assert not better and not worse
            continue
        assert len(better) + len(worse) == row["told_apart_these"] and not {*better} & {*worse} and code not in better
        average = limits.levels(trust.view).estimate
        assert (average[list(better)] > average[code]).all() and (average[list(worse)] < average[code]).all()


def test_figures_say_what_they_show_and_come_out_the_same(national):
    first, second = (page_of(national, "X0J").of(Chart) for _ in range(2))
    assert [one.svg for one in first] == [one.svg for one in second]
    assert all(one.width_mm == 170 for one in first)


def test_nothing_blames_or_praises(national):
    judging = re.compile(r"\b(fail\w*|poor\w*|bad|excellent|outstanding|disappoint\w*|weak\w*|impressive)\b", re.I)
    for code in of_quarter(national, Q4)[::8]:
        assert not judging.search(page_of(national, code).words), code


def test_warming_leaves_nothing_of_the_type_to_compute(national):
    view = board.trust_of(national, Q4, "X0A").view
    assert view is board.trust_of(national, Q4, "X0B").view
    kept = {name.rpartition(".")[2].lstrip("_") for name, *_ in vars(view)["_kept"]}
    assert {shared.__name__ for shared in board.SHARED} <= kept


@pytest.mark.parametrize(("code", "sections"), [("X9E", 6), ("X5Q", 0)])
def test_the_notebook_runs_and_its_page_is_sound(national, tmp_path, code, sections):
    about = {"title": f"Trust {code}", "illustrative": True}
    made = executed(Job(code, "trust_briefing", {"quarter": Q4, "data": str(common.demo()), "trust": code}, about))
    page, _ = BriefingHTMLExporter().from_notebook_node(made)
    place = tmp_path / "page.html"
    place.write_text(page, encoding="utf-8")
    assert check_html(place) == [] and page.count("<h2") >= sections
    assert ("Questions to ask" in page) == bool(sections)
