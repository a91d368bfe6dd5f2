"""What a publication gives away of its rules: on the real files the pools and brackets of the method notes, on made-up
years the rules that made them, and briefings' results for a year that has no rules file at all."""

from __future__ import annotations

import re

import builders
import numpy as np
import pandas as pd
import pytest
from conftest import _shared
from typer.testing import CliRunner

from nof import common as paths
from nof import demo
from nof.briefing import plan
from nof.briefing.params import Params
from nof.cli import app
from nof.common import InputError
from nof.demo import next_year as demo_next
from nof.method.view import named_metric_ranking
from nof.read.publication import Publication, read
from nof.rules import draft, framework, inference, ranking, scoring, shapes, unconfirmed
from nof.rules.recompute import league, recompute
from nof.rules.reconcile import compare, equal


@pytest.fixture(scope="module")
def real_publication(request):
    return read(request.getfixturevalue("real"))


@pytest.fixture(scope="module")
def found(real_publication):
    return inference.infer(real_publication)


@pytest.fixture(scope="module")
def this_year():
    publication, _ = demo.build()
    return publication, inference.infer(publication)


@pytest.fixture(scope="module")
def next_year():
    publication, _ = demo.build(demo_next.YEAR)
    return publication, inference.infer(publication)


# --- the real files ---


def test_every_pool_of_the_method_notes_is_found_again(found):
    notes = pd.read_csv(_shared("method") / "verification.csv").dropna(subset="pool_n")
    assert len(notes) == 36  # nine ranked metrics, four quarters
    for row in notes.itertuples():
        quarter = f"2025-26-{row.quarter[:2].lower()}"
        own = found.pools[(found.pools["quarter"] == quarter) & (found.pools["metric_id"] == row.published_id)]
        assert (own["size"].item(), own["published"].item(), own["reproduced"].item()) == (
            row.pool_n,
            row.published,
            row.reproduced,
        ), (row.published_id, quarter)


def test_shapes_pools_and_directions_are_those_of_the_rules_file(found):
    rules = framework.load("2025/26").by_score
    for one, fit in found.metrics.items():
        if one not in ("OF1035", "OF1067"):  # whose values are not published
            assert (fit.shape, fit.pool, fit.better) == (rules[one].shape, rules[one].pool, rules[one].better), one
            assert fit.whole and not fit.rivals, one
    assert {one for one, fit in found.metrics.items() if fit.shape == "not recomputable"} == {"OF1035", "OF1067"}


def test_limits_are_the_brackets_of_the_method_notes_and_no_points(found):
    floor = found.metrics["OF1057"].cut
    assert floor.low < 70 <= floor.high and floor.point is None and not floor.moves
    plan, variance = ([cut for _, cut in found.metrics[one].bands[:-1]] for one in ("OF1079", "OF1081"))
    assert [(cut.low, cut.high) for cut in plan[1:]] == [(-1.12, -0.99), (-2.52, -1.96)]  # notes, section 1.4
    assert [(cut.low, cut.high) for cut in variance[1:]] == [(-0.53, -0.48), (-1.06, -0.80)]
    assert variance[0].point == 0 and plan[0].point is None and plan[0].high == 0


def test_the_combined_finance_score_is_a_table_with_the_unseen_pairs_empty(found):
    fit = found.metrics["OF1080"]
    known = np.array(framework.load("2025/26").by_score["OF1080"].matrix.scores, dtype=float)
    seen = np.array(fit.table)
    assert fit.combines == ("OF1079", "OF1081") and np.isnan(seen).sum() == 5
    assert (seen == known)[~np.isnan(seen)].all()


def test_weights_rounding_domains_override_and_ranks_are_found_again(found):
    assert {one for one, weight in found.weights.items() if weight == 0} == {"OF1079", "OF1081"}
    assert {weight for weight in found.weights.values() if weight} == {1.0}
    assert found.rounded_in == {one: ("2025-26-q1",) for one in ("OF1005", "OF1016", "OF1063")}  # notes, section 2
    assert str(found.average) == str(found.override) == str(found.league_rank) == "244 of 244"
    assert found.no_better_than == 3
    assert found.domains.set_index("score_id")["reproduced"].to_dict() == {
        "OF4000": 234,
        "OF4002": 244,
        "OF4003": 244,
        "OF4004": 244,
        "OF4005": 239,
    }


def test_segment_edges_are_the_brackets_of_the_method_notes(found):
    edges = found.segments.edges.set_index(["quarter", "edge"]).round(4)
    notes = {
        "q1": ((2.0435, 2.0591), (2.3182, 2.3323), (2.6026, 2.6535)),
        "q2": ((2.0600, 2.0706), (2.3377, 2.3530), (2.6440, 2.6896)),
        "q4": ((2.0185, 2.1073), (2.2881, 2.3101), (2.5719, 2.5980)),
    }
    for quarter, brackets in notes.items():
        for edge, bracket in zip(inference.EDGES, brackets, strict=True):
            assert tuple(edges.loc[(f"2025-26-{quarter}", edge), ["above", "below"]]) == pytest.approx(
                bracket, abs=1e-9
            )
    assert found.segments.rule == "quartiles" and not found.segments.proven and found.segments.brackets == ()


def test_one_type_is_not_taken_for_the_national_pool(found):
    assert found.national_pool == ()


def test_the_draft_loads_and_gives_the_published_averages(found, real_publication, tmp_path, monkeypatch):
    text = draft.draft(found)
    (tmp_path / "2025-26.yaml").write_text(text, encoding="utf-8")
    rules = framework.read(tmp_path / "2025-26.yaml")
    assert rules.draft and not rules.has_rules and rules.by_score["OF1057"].between == (69.99, 71.43)
    assert rules.by_score["OF1057"].floor is None and not rules.by_score["OF1057"].recomputable
    assert {one.certainty for one in rules.metrics} == {"inferred", "unknown"}
    assert framework.parse(text, "draft") == draft.framework_of(found), "the text holds what is used"
    assert "DRAFT" in text.splitlines()[0] and "151 of 151" in text and text == draft.draft(found)
    monkeypatch.setattr(paths, "frameworks", lambda: tmp_path)
    framework.load.cache_clear()
    try:
        national = recompute(Publication(**vars_of(real_publication)))
    finally:
        framework.load.cache_clear()
    averages = national.standings.merge(
        real_publication.metrics.query("metric_id == 'OF5002'"), on=["quarter", "trust_code"]
    )
    assert len(averages) == 244 and np.isclose(averages["average_score"], averages["value"]).all()
    assert (national.scores["level"] == 1).all()


def vars_of(publication):
    """The fields of a publication: a copy has no results that were kept with the original."""
    return {
        name: getattr(publication, name)
        for name in ("metrics", "trusts", "league", "files", "warnings", "illustrative")
    }


# --- made-up years, whose rules are known because they made the figures ---


def test_the_rules_that_made_the_demo_are_found_again(this_year):
    publication, found = this_year
    rules = framework.load("2025/26")
    for one, fit in found.metrics.items():
        rule = rules.by_score[one]
        if rule.recomputable:
            assert (fit.shape, fit.better) == (rule.shape, rule.better), one
        assert found.weights[one] == pytest.approx(rule.weight if rule.averaged else 0), one
    assert found.average.whole and found.no_better_than == 3 and found.segments.proven
    assert set(found.national_pool) == set(rules.national_pool) == set(publication.trust_types)


def test_limits_of_the_demo_lie_in_their_brackets(this_year):
    _, found = this_year
    rules = framework.load("2025/26").by_score
    for one in ("OF1020", "OF1048", "OF1057", "OF1088"):
        cut, limit = found.metrics[one].cut, rules[one].standard if rules[one].floor is None else rules[one].floor
        assert cut.low <= limit <= cut.high and cut.point in (None, limit), one
    assert found.metrics["OF1020"].cut.point == 0  # a count: nothing lies between 0 and 1


def test_fixed_thresholds_are_told_from_quartiles_and_bracketed(next_year):
    _, found = next_year
    assert found.segments.rule == "thresholds" and found.segments.pool == "national"
    for (low, high), threshold in zip(found.segments.brackets, demo_next.THRESHOLDS, strict=True):
        assert low <= threshold < high
    rules = framework.parse(draft.draft(found), "draft")
    assert rules.segments.thresholds == () and len(rules.segments.brackets) == 3


def test_new_metrics_and_a_fourth_type_are_read_like_any_other(next_year):
    _, found = next_year
    fits = found.metrics
    assert (fits["OF1401"].shape, fits["OF1401"].pool) == ("ranked", "type")
    assert (fits["OF1301"].shape, fits["OF1301"].pool) == ("ranked", "national")
    for one in ("OF1302", "OF1403"):
        assert fits[one].shape == "standard" and fits[one].cut.low < demo_next.STANDARD <= fits[one].cut.high
    assert found.average.whole and str(found.override) == "494 of 494"


# --- what must not be claimed ---


def made(values, scores, quarter="2026-27-q1"):
    """A metrics frame of one metric, its trusts all of one type."""
    rows = [
        {
            "quarter": quarter,
            "trust_type": "acute",
            "trust_code": f"ZZ{number:03d}",
            "metric_id": one,
            "units": units,
            "value": float(value),
            "rank": np.nan,
            "description": "Made up",
            "domain": "D",
            "sub_domain": "S",
        }
        for number, pair in enumerate(zip(values, scores, strict=True))
        for one, units, value in (("OF0900", "%", pair[0]), ("OF1900", "score", pair[1]))
    ]
    return pd.DataFrame(rows)


def test_scores_that_follow_no_rule_are_not_given_one():
    random = np.random.default_rng(3)
    fit = shapes.fit(made(random.random(40), random.uniform(1, 4, 40).round(2)), "OF1900")
    assert fit.shape == "not recomputable" and not fit.whole


def test_one_score_off_the_grid_is_enough_to_refuse_a_shape():
    values = np.arange(40, dtype=float)
    scores = scoring.round_half_up(scoring.ranked(pd.Series(values), "low"))
    assert shapes.fit(made(values, scores), "OF1900").shape == "ranked"
    scores.iloc[[3, 4]] = scores.iloc[[4, 3]].to_numpy()
    assert shapes.fit(made(values, scores), "OF1900").shape == "not recomputable"


@pytest.mark.parametrize("better", ["low", "high"])
def test_a_hidden_standard_is_bracketed_by_its_neighbours(better):
    values = pd.Series(np.r_[np.arange(0, 30, 1.3), np.arange(50, 60, 0.7)])
    limit = 40.0
    scores = scoring.round_half_up(scoring.standard(values, better, limit))
    fit = shapes.fit(made(values, scores), "OF1900")
    assert (fit.shape, fit.better, fit.whole) == ("standard", better, True)
    assert (fit.cut.low, fit.cut.high, fit.cut.point) == (
        values[values < limit].max(),
        values[values > limit].min(),
        None,
    )


def test_a_limit_that_moves_between_quarters_is_said_to_move():
    values, frames = pd.Series(np.arange(0, 60, 1.25)), []
    for quarter, limit in (("2026-27-q1", 20.0), ("2026-27-q2", 40.0)):
        frames.append(made(values, scoring.round_half_up(scoring.floor(values, "high", limit)), quarter))
    fit = shapes.fit(pd.concat(frames, ignore_index=True), "OF1900")
    assert fit.shape == "floor" and fit.cut.moves and fit.cut.point is None
    assert fit.cut.low < 20 and fit.cut.high >= 40


def test_reversing_all_values_turns_the_direction_only():
    values = pd.Series(np.arange(0, 60, 1.25))
    scores = scoring.round_half_up(scoring.ranked(values, "low"))
    there, back = (shapes.fit(made(sign * values, scores), "OF1900") for sign in (1, -1))
    assert (there.better, back.better) == ("low", "high") and there.pools == back.pools


def segments_of(edges_by_quarter, count=120):
    """Averages and published unadjusted segments of made-up quarters."""
    random, averages, rows = np.random.default_rng(5), [], []
    for quarter, edges in edges_by_quarter.items():
        own = pd.DataFrame(
            {
                "quarter": quarter,
                "trust_type": "acute",
                "trust_code": [f"ZZ{n:03d}" for n in range(count)],
                "average": random.uniform(1.2, 3.6, count),
            }
        )
        edges = ranking.quartile_edges(own["average"]) if edges is None else np.array(edges)
        averages.append(own)
        rows.append(own.assign(metric_id="OF5003", value=ranking.segment_of(own["average"], edges).astype(float)))
    return pd.concat(averages), pd.concat(rows)


@pytest.mark.parametrize(
    ("edges", "whole", "rule"),
    [
        ({"2026-27-q1": (2.0, 2.4, 2.8), "2026-27-q2": (2.0, 2.4, 2.8)}, True, "thresholds"),
        ({"2026-27-q1": None, "2026-27-q2": None}, True, "quartiles"),
        (
            {"2026-27-q1": (2.0, 2.4, 2.8), "2026-27-q2": (2.2, 2.6, 3.0)},
            True,
            "unknown",
        ),  # moves, and not as quartiles do
        ({"2026-27-q1": (2.0, 2.4, 2.8)}, True, "unknown"),
    ],
)  # one quarter cannot tell
def test_segment_rules_are_told_apart(edges, whole, rule):
    assert inference.segment_rule(*segments_of(edges), whole).rule == rule


def test_a_year_without_metric_scores_is_an_error_that_names_the_years(this_year):
    with pytest.raises(InputError, match="2025/26"):
        inference.infer(this_year[0], "2031/32")


# --- a year without a rules file, from end to end ---


def test_a_new_year_is_reproduced_from_its_published_scores(next_year):
    publication, _ = next_year
    table = compare(publication)
    assert equal(table).all() and {"OF5002", "OF5000.rank", "league.segment"} <= set(table["rule"])
    national = recompute(publication)
    assert set(national.scores["level"]) == {1} and national.framework(publication.latest).draft
    boards = league(national, publication.latest, demo_next.BOARDS, draws=200)
    assert len(boards) == 42 and boards[["rank", "rank_low", "rank_high", "segment"]].notna().all().all()


@pytest.fixture(scope="module")
def scores_alone(next_year):
    """The new year without the values, from which no average or segment follows."""
    return without(next_year[0], r"OF0\d{3}")


def without(publication, pattern):
    metrics = publication.metrics[~publication.metrics["metric_id"].str.fullmatch(pattern)]
    return Publication(metrics, publication.trusts, publication.league, publication.files, illustrative=True)


def test_without_unadjusted_segment_and_flag_the_adjusted_segment_is_used(scores_alone):
    publication = scores_alone
    national = recompute(without(publication, "OF500[34]"))
    table = national.standings.merge(publication.metrics.query("metric_id == 'OF5000'"), on=["quarter", "trust_code"])
    assert len(table) == 494 and (table["segment"] == table["value"]).all()
    assert (table["rank_x"] == table["rank_y"]).all()
    assert (
        league(national, publication.latest, demo_next.BOARDS, draws=200)["rank_low"].isna().all()
    )  # edges cannot be told


def test_without_any_segment_ranks_follow_the_average(scores_alone):
    publication = scores_alone
    national = recompute(without(publication, "OF500[034]"))
    assert national.standings["segment"].isna().all()
    assert (national.standings["rank"] == national.standings["rank_by_average"]).all()
    table = league(national, publication.latest, "ambulance", draws=200)
    assert (table["rank_low"] <= table["rank_high"]).all()


def shifted(publication, change):
    """The publication with other published averages than its scores give: no weight of ours fits them all."""
    metrics = publication.metrics
    own = metrics["metric_id"] == "OF5002"
    metrics = metrics.assign(value=metrics["value"].mask(own, change(metrics["value"])))
    return Publication(metrics, publication.trusts, publication.league, publication.files, illustrative=True)


def test_without_confirmed_rules_standings_are_the_published_ones_whatever_a_draft_would_give(scores_alone):
    publication = shifted(scores_alone, lambda value: (value + 0.5).clip(upper=4).round(2))
    national = recompute(publication)
    table = national.standings.set_index(["quarter", "trust_code"])
    for metric_id, columns in {"OF5002": {"value": "average_score", "rank": "rank_by_average"},
                               "OF5000": {"value": "segment", "rank": "rank"},
                               "OF5003": {"value": "segment_unadjusted"}}.items():  # fmt: skip
        published = publication.metrics.query("metric_id == @metric_id").set_index(["quarter", "trust_code"])
        for column, ours in columns.items():
            assert table[ours].eq(published[column].reindex(table.index)).all(), (metric_id, column)
    assert np.allclose(scoring.round_half_up(table["average"]), table["average_score"])
    tried = recompute(publication, level=1).standings
    assert not np.isclose(tried["average_score"], table["average_score"].to_numpy()).all(), "a test that could not fail"


def test_without_confirmed_rules_no_inferred_rule_is_in_force(next_year):
    publication, found = next_year
    rules = recompute(publication).framework(publication.latest)
    assert (
        rules.draft and rules.national_pool == () and rules.segments.rule == "unknown" and not rules.segments.brackets
    )
    assert {(one.shape, one.better, one.pool, one.certainty) for one in rules.metrics} == {
        ("not recomputable", "unknown", "unknown", "unknown")
    }
    assert all(
        one.floor is one.standard is one.between is one.matrix is None and not one.bands for one in rules.metrics
    )
    assert {one.score_id: one.weight if one.averaged else 0 for one in rules.metrics} == pytest.approx(found.weights)
    scores = recompute(publication).scores
    assert (scores["score"] == scores["published"]).all(), "not even the digits that rounding took away"
    whole = draft.rules(publication, "2026/27", tried=True)
    assert {one.certainty for one in whole.metrics} > {"inferred"}, "which the reconciliation tries"


def test_without_confirmed_rules_the_ranking_of_a_metric_is_the_published_one(next_year):
    publication, _ = next_year
    table = named_metric_ranking(recompute(publication), "OF0005")
    published = publication.metrics.query("metric_id == 'OF0005' and quarter == @publication.latest")
    ours, theirs = (one.set_index("trust_code")["rank"].sort_index() for one in (table, published))
    pd.testing.assert_series_equal(ours, theirs)


def test_a_draft_that_nobody_confirmed_is_not_in_force_from_a_file_either(next_year, tmp_path, monkeypatch):
    publication, found = next_year
    (tmp_path / "2026-27.yaml").write_text(draft.draft(found), encoding="utf-8")
    monkeypatch.setattr(paths, "frameworks", lambda: tmp_path)
    framework.load.cache_clear()
    try:
        assert {one.better for one in draft.rules(publication, "2026/27").metrics} == {"unknown"}
    finally:
        framework.load.cache_clear()


def test_every_page_of_such_a_year_says_so(next_year):
    publication, _ = next_year
    national = recompute(publication)
    params = plan.settled(Params(quarter=publication.latest, data="x", trust_types=["ambulance"]), national)
    code = publication.trusts["trust_code"].iloc[0]
    jobs = plan.national_jobs(params, national) + plan.trust_jobs(params, national, [code])
    said = "The rules of 2026/27 are not confirmed: averages, segments and places are as published"
    assert {job.notebook for job in jobs} > {"league_table", "limitations", "metric_rankings", "reconciliation"}
    assert all(said in job.about["source_line"] for job in jobs)
    confirmed = framework.load("2025/26")
    assert unconfirmed.line(confirmed) == ""


def test_a_small_publication_of_a_new_year_and_type_opens(tmp_path):
    for trust_type in ("acute", "Integrated care board"):
        rows = builders.metric_rows(trust_type, ("Q1 2026/27",))
        rows = [
            row | {"Metric_ID": row["Metric_ID"].replace("OF0082", "OF0901").replace("OF1082", "OF1901")}
            for row in rows
        ]
        builders.write(tmp_path, f"x-{trust_type[:3]}-trust-data.csv", builders.table(rows, builders.METRIC_HEADER))
    publication = read(tmp_path)
    national = recompute(publication)
    assert publication.trust_types == ["acute", "integrated-care-board"]
    table = league(national, publication.latest, "integrated-care-board", draws=50)
    assert table["average_score"].tolist() == [1.0, 4.0] and table["segment"].tolist() == [1, 4]


# --- the command ---


def test_the_command_writes_a_draft_that_loads(real, found, tmp_path):
    path = tmp_path / "draft.yaml"
    result = CliRunner().invoke(app, ["rules", "infer", "--data", str(real), "-o", str(path)])
    assert result.exit_code == 0 and "244 of 244" in result.output
    assert framework.read(path).framework_year == "2025/26" and path.read_text(encoding="utf-8") == draft.draft(found)


def test_the_command_shows_the_draft_that_it_would_write(tmp_path):
    command = ["rules", "infer", "--data", str(builders.publication(tmp_path))]
    assert CliRunner().invoke(app, [*command, "-o", str(tmp_path / "draft.yaml")]).exit_code == 0
    shown = re.sub(r"^WARNING.*\n", "", CliRunner().invoke(app, command).output)
    assert shown == (tmp_path / "draft.yaml").read_text(encoding="utf-8")


def test_names_with_yaml_in_them_stay_text(this_year):
    publication, _ = this_year
    odd = "- {a: b} # no\n key: !!python/object 'x'"
    metrics = publication.metrics.query("trust_type == 'ambulance'")
    metrics = metrics.assign(description=metrics["description"].mask(metrics["metric_id"] == "OF1082", odd))
    found = inference.infer(Publication(metrics, publication.trusts, publication.league, publication.files))
    assert framework.parse(draft.draft(found), "draft").by_score["OF1082"].name == odd
