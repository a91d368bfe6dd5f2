"""One trust's briefing: its sentences against the frames, the special cases, every trust of the demo and real files."""

from __future__ import annotations

import re
from dataclasses import replace

import builders
import numpy as np
import pandas as pd
import pytest

from nof import common, demo
from nof.briefing.gate import check_html
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.make import Job, executed
from nof.common import InputError, Quarter
from nof.method import board, limits
from nof.method.view import mergers_of, open_publication
from nof.rules import recompute
from nof.show import trust as trust_sections
from nof.show import trust_charts, trust_firm, trust_reach, trust_tables, trust_words
from nof.show.display import Card, Chart, Table, Words, plain
from nof.show.trust_findings import signed

Q1, Q4 = "2025-26-q1", "2025-26-q4"
PARTS = [
    trust_words.headline,
    trust_words.card,
    trust_words.opening,
    trust_words.score,
    trust_words.near,
    trust_reach.reach,
    trust_reach.together,
    trust_reach.others,
    trust_firm.firm,
    trust_firm.questions,
    trust_tables.segments,
    trust_tables.metrics,
    trust_tables.quarters,
    trust_tables.domains,
    trust_tables.steps,
    trust_tables.sets,
    trust_tables.near,
]


@pytest.fixture(scope="module")
def national():
    made = open_publication(demo.ensure(common.demo()))
    board.warm(made, Q4, made.publication.trust_types)
    return made


@pytest.fixture(scope="module")
def published(real):
    return open_publication(real)


def text(shown) -> str:
    """Everything that a reader would read of one part."""
    if shown is None:
        return ""
    if isinstance(shown, Words):
        return shown.markdown
    if isinstance(shown, Card):
        return " ".join(" ".join(item) for item in shown.items)
    if isinstance(shown, Chart):
        return f"{shown.alt} {shown.caption}"
    data = shown.data()
    return " ".join([data["caption"], data["note"], *(cell for row in data["rows"] for cell in row)])


def whole(own) -> str:
    return "\n".join(text(part(own)) for part in PARTS)


def of_quarter(national, quarter):
    return sorted(national.standings.loc[national.standings["quarter"] == quarter, "trust_code"])


# --- every trust ---


def check_all(national, quarter):
    codes = of_quarter(national, quarter)
    for code in codes:
        own = board.trust_of(national, quarter, code)
        told = whole(own)
        assert not re.search(r"\bnan\b|\bNone (?!of)|\binf\b|\bNaN\b", told), (code, told)
        assert len(re.findall(r"^\d\. ", trust_firm.questions(own).markdown, re.MULTILINE)) in range(1, 6)
    return codes


def test_every_demo_trust_has_frames_and_words(national):
    assert len(check_all(national, Q4)) == 205


def test_every_real_trust_has_frames_and_words(published):
    assert len(check_all(published, Q4)) == 61


def test_the_first_quarter_has_no_trend_and_says_so(national):
    for code in of_quarter(national, Q1)[::12]:
        own = board.trust_of(national, Q1, code)
        assert trust_charts.trend(own) is None and trust_tables.quarters(own) is None
        assert isinstance(trust_tables.domains(own), Table)
        assert "hold no quarter before Q1 2025/26" in trust_words.headline(own).markdown
        assert (
            "hold no quarter before" in text(trust_words.card(own))
            and "**Change.**" not in trust_firm.firm(own).markdown
        )


# --- sentences against frames ---


def test_the_headline_states_the_league_table(national):
    for trust_type in national.publication.trust_types:
        league = recompute.league(national, Q4, trust_type).set_index("trust_code")
        for code in league.index[[0, len(league) // 2, -1]]:
            row, told = league.loc[code], trust_words.headline(board.trust_of(national, Q4, code)).markdown
            assert f"place {row['rank']:.0f} of {len(league)} " in told and plain(row["trust_name"]) in told
            assert f"Its average score is {row['average_score']:.2f}" in told
            assert f"segment {row['segment']:.0f}" in told


def test_the_published_ranges_are_the_ones_shown(published):
    league = published.publication.league.set_index("trust_code")
    for code in ("RDY", "RYG", "RYY"):
        told, row = text(trust_words.card(board.trust_of(published, Q4, code))), league.loc[code]
        assert f"likely range {row['rank_low']:.0f} to {row['rank_high']:.0f}" in told
        assert f"likely range {row['average_low']:.2f} to {row['average_high']:.2f}" in told


def test_contributions_lead_from_the_median_to_the_average(national):
    for code in of_quarter(national, Q4)[::20]:
        own = board.trust_of(national, Q4, code)
        table = board.contributions(own)
        weighed = np.average(table["median_score"], weights=table["weight"])
        assert board.median_average(own) == pytest.approx(weighed, abs=1e-9)
        assert f"would have {weighed:.2f} on the same metrics" in trust_words.score(own).markdown
        adds = [row[-1] for row in trust_tables.metrics(own).data()["rows"]]
        assert adds == [signed(one) for one in table["contribution"]]


def test_scores_by_quarter_are_the_scores(national):
    own = board.trust_of(national, Q4, "X0J")
    scores = national.scores[(national.scores["trust_code"] == "X0J") & (national.scores["weight"] > 0)]
    assert board.scores(own).count().to_dict() == scores.groupby("quarter").size().to_dict()
    one = scores[(scores["quarter"] == Q1)].iloc[0]
    assert board.scores(own).loc[one["metric_id"], Q1] == one["score"]
    shown = trust_tables.quarters(own).data()["rows"]
    assert shown[0][1:5] == [f"{one:.2f}" for one in board.standings(own)["average_score"]]


def test_the_change_is_the_one_that_volatility_found(national):
    seen = set()
    for code in of_quarter(national, Q4):
        own = board.trust_of(national, Q4, code)
        if board.change(own) is not None and not pd.isna(board.change(own)["q_value"]):
            told = trust_words.headline(own).markdown
            assert ("**more than the noise**" in told) == bool(board.change(own)["more_than_noise"])
            assert ("**no more than the noise**" in told) != bool(board.change(own)["more_than_noise"])
            seen.add(bool(board.change(own)["more_than_noise"]))
    assert False in seen


def test_steps_shown_are_the_ones_that_close_the_gap(national):
    for code in of_quarter(national, Q4)[::9]:
        own, shown = board.trust_of(national, Q4, code), None
        shown = trust_tables.steps(own)
        closing = int(board.steps(own)["closes"].sum()) if len(board.steps(own)) else 0
        assert (shown is None) == (closing == 0)
        if shown is not None:
            assert len(shown.frame) == min(closing, trust_tables.STEPS)
            assert not trust_tables.steps(own).frame["value_needed"].isna().any()


def test_peers_are_of_the_same_subtype_and_compared_on_shared_metrics(national):
    own = board.trust_of(national, Q4, "X0D")
    kinds = national.publication.trusts.query("quarter == @Q4").set_index("trust_code")["trust_subtype"]
    assert board.near(own)["trust_code"].iloc[0] == "X0D" and set(kinds[board.near(own)["trust_code"]]) == {
        kinds["X0D"]
    }
    scores, weights = limits.matrix(own.view)
    other = board.near(own).iloc[1]
    both = scores.loc[["X0D", other["trust_code"]]].dropna(axis=1)
    apart = np.average(both.iloc[0] - both.iloc[1], weights=weights[both.columns])
    assert other["difference"] == pytest.approx(apart) and other["shared"] == both.shape[1]
    assert other["low"] < other["difference"] < other["high"]


# --- special cases ---


def test_a_held_trust_hears_of_the_override_first(national):
    held = national.standings.query("quarter == @Q4 and segment > segment_unadjusted")["trust_code"]
    assert len(held)
    for code in held:
        own = board.trust_of(national, Q4, code)
        place = board.place(own)
        first = trust_reach.reach(own).markdown
        assert first.startswith("**The financial override holds this trust in segment 3")
        assert f"would put it in segment {place['segment_unadjusted']:.0f}" in first
        assert trust_reach.reach_heading(own).startswith("What holds it in segment 3")
        assert "override" in trust_firm.questions(own).markdown.split("\n")[0]


def test_no_trust_without_a_flag_hears_of_the_override_in_its_text(national):
    free = national.standings.query("quarter == @Q4 and not in_deficit")["trust_code"]
    for code in free[::11]:
        own = board.trust_of(national, Q4, code)
        told = "\n".join(text(part(own)) for part in PARTS if part is not trust_words.card)
        lifted = board.change(own) is not None and bool(board.change(own)["by_override"])
        assert ("override" in told.lower()) == lifted, code


def test_caveats_apply_or_are_not_there(national):
    mergers = pd.read_csv(common.demo() / "mergers.csv")
    touched = set(mergers["predecessor_code"]) | set(mergers["successor_code"])
    counts = national.standings.query("quarter == @Q4").set_index("trust_code")["metrics_scored"]
    published = national.publication.metrics.query("quarter == @Q4")
    dates = published.drop_duplicates(["trust_code", "metric_id"]).set_index(["trust_code", "metric_id"])
    start = pd.Timestamp(Quarter.parse(Q4).first_day)
    for code in of_quarter(national, Q4):
        own = board.trust_of(national, Q4, code)
        told = trust_firm.firm(own).markdown
        assert ("**Merger.**" in told) == (code in touched), code
        assert ("**Few metrics.**" in told) == (counts[code] <= 0.75 * counts.median()), code
        for metric_id in board.missing(own)["metric_id"]:
            value = dates["value"].get((code, metric_id), np.nan)
            assert np.isnan(value) or metric_id not in board.contributions(own)["metric_id"].tolist()
        assert (board.old(own)["last_day"] < start).all()
        assert set(board.old(own)["metric_id"]) <= set(board.contributions(own)["metric_id"])
        assert ("**Old data.**" in told) == bool(len(board.old(own)[board.old(own)["kind"] != "plan"]))


def test_a_newly_merged_trust_names_those_it_was_formed_from(national):
    told = trust_firm.firm(board.trust_of(national, Q4, "X8Q")).markdown
    assert "was formed from" in told and "1 October 2025" in told and "its window spans the merger" in told
    assert "its window spans the merger" not in trust_firm.firm(board.trust_of(national, Q4, "X0J")).markdown


def test_a_trust_that_is_gone_gets_a_clear_page(national):
    own = board.trust_of(national, Q4, "X5Q")
    assert not board.stands(own)
    told = trust_words.absent(own).markdown
    assert "is not in the tables of Q4 2025/26" in told and "last listed in Q2 2025/26" in told
    assert "(X2J, place " in told and "since 1 October 2025" in told
    row = national.standings.query("trust_code == 'X5Q' and quarter == '2025-26-q2'").iloc[0]
    assert f"place {row['rank']:.0f} of 135 acute trusts, in segment {row['segment']:.0f}" in told
    assert "illustrative" in trust_words.opening(own).markdown


def test_a_trust_that_is_not_there_yet_gets_a_clear_page(national):
    told = trust_words.absent(board.trust_of(national, Q1, "X8Q")).markdown
    assert "these files list it from Q3 2025/26" in told and "Its services" not in told


def test_a_trust_gone_without_a_known_merger_is_not_explained(national):
    alone = replace(national)
    vars(alone)["_mergers"] = mergers_of(national).iloc[:0]
    unknown = board.Trust(alone, Q4, "X5Q", None)
    assert "is not said here" in trust_words.absent(unknown).markdown


def test_an_unknown_code_is_an_error(national):
    with pytest.raises(InputError, match="ZZZ"):
        board.trust_of(national, Q4, "ZZZ")


def test_segment_5_is_told_where_it_was_published(national):
    own = board.trust_of(national, Q1, "X1L")
    assert board.final_segment(own) == 5 and "placed it in segment 5" in trust_words.headline(own).markdown
    assert board.final_segment(board.trust_of(national, Q4, "X1L")) is None


def test_a_table_of_two_trusts_with_awkward_names(tmp_path):
    national = open_publication(builders.publication(tmp_path))
    for quarter in national.publication.quarters:
        for code in builders.codes():
            own = board.trust_of(national, quarter, code)
            told = whole(own)
            assert plain(board.name(own)) in trust_words.headline(own).markdown and not re.search(r"\bnan\b", told)
            assert "Fen & Mere" not in trust_words.headline(own).markdown
            assert trust_charts.strip(own).alt and trust_charts.bars(own).alt


# --- figures and sections ---


def test_figures_say_what_they_show_and_come_out_the_same(national):
    own = board.trust_of(national, Q4, "X0J")
    for draw in (trust_charts.strip, trust_charts.bars, trust_charts.trend):
        first, second = draw(own), draw(own)
        assert first.svg == second.svg and first.width_mm == 170
    assert f"stands at {board.place(own)['average_score']:.2f}" in trust_charts.strip(own).alt
    assert board.contributions(own)["description"].iloc[0] in trust_charts.bars(own).alt
    first = board.standings(own)["average_score"].iloc[0]
    assert f"its average went from {first:.2f}" in trust_charts.trend(own).caption


def test_a_trust_without_a_place_shows_one_section_only(national, monkeypatch):
    shown = []
    monkeypatch.setattr(trust_sections, "show", lambda *parts: shown.append(parts))
    sections = [
        trust_sections.trust_start,
        trust_sections.trust_score,
        trust_sections.trust_reach,
        trust_sections.trust_firm,
        trust_sections.trust_peers,
        trust_sections.trust_questions,
    ]
    for section in sections:
        section(board.trust_of(national, Q4, "X5Q"))
    assert len(shown) == 1
    for section in sections:
        section(board.trust_of(national, Q4, "X0J"))
    assert len(shown) == 1 + len(sections)


def test_nothing_blames_or_praises(national):
    judging = re.compile(r"\b(fail\w*|poor\w*|bad|excellent|outstanding|disappoint\w*|weak\w*|impressive)\b", re.I)
    for code in of_quarter(national, Q4)[::7]:
        own = board.trust_of(national, Q4, code)
        told = "\n".join(text(part(own)) for part in PARTS[:10])
        assert not judging.search(told), code


def test_warming_leaves_nothing_of_the_type_to_compute(national):
    view = board.trust_of(national, Q4, "X0A").view
    assert view is board.trust_of(national, Q4, "X0B").view
    kept = {name for name, *_ in vars(view)["_kept"]}
    assert {f"nof.method.limits.{shared.__name__}" for shared in board.SHARED} <= kept


@pytest.mark.parametrize(("code", "sections"), [("X9E", 5), ("X5Q", 0)])
def test_the_notebook_runs_and_its_page_is_sound(national, tmp_path, code, sections):
    about = {"title": f"Trust {code}", "illustrative": True}
    made = executed(Job(code, "trust_briefing", {"quarter": Q4, "data": str(common.demo()), "trust": code}, about))
    page, _ = BriefingHTMLExporter().from_notebook_node(made)
    place = tmp_path / "page.html"
    place.write_text(page, encoding="utf-8")
    assert check_html(place) == [] and page.count("<h2") >= sections
    assert ("Questions a board might ask" in page) == bool(sections)
