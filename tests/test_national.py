"""What the national briefings show of NHS England's own files, against counts made another way."""

from __future__ import annotations

import re

import page_facts
import pandas as pd
import pytest

from nof.common import InputError
from nof.method import league_facts, reconcile_facts
from nof.method.opening import compared, open_publication
from nof.method.view import View, open_view
from nof.show import charts, reconcile, tables, words
from nof.show import charts as sections
from nof.show.display import Chart, Table, Words

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"


@pytest.fixture(scope="module")
def view(real) -> View:
    return View(open_publication(real), QUARTER, TYPE)


@pytest.fixture(scope="module")
def beside(view) -> pd.DataFrame:
    return compared(view.national)


def rows(table: Table) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in table.data()["rows"]]


def test_each_metric_has_a_heading_a_distribution_where_it_has_values_and_a_ranking(view):
    shown = list(sections.metric_sections(view))
    headings = [one for one in shown if isinstance(one, Words)]
    drawn, ranked = ([one for one in shown if isinstance(one, kind)] for kind in (Chart, Table))
    published = view.publication.metrics.query("quarter == @QUARTER")
    with_values = sum((published["metric_id"] == "OF0" + one[3:]).any() for one in view.metrics["metric_id"])
    assert len(headings) == len(ranked) == len(view.metrics) and len(drawn) == with_values < len(view.metrics)
    assert [one.markdown for one in headings][:1] == ["### Community waits over 52 weeks"]
    assert all(one.markdown.startswith("### ") for one in headings)


def test_a_distribution_says_its_quartiles_as_published_and_names_the_ends(view):
    """Of OF0082, sickness absence: quartiles within the trust type are in NHS England's own columns."""
    published = view.publication.metrics.query("quarter == @QUARTER and metric_id == 'OF0082'")
    chart = charts.distribution(view.ranking("OF1082"), "Sickness absence", "low")
    lower, upper = published["lower_quartile"].iloc[0], published["upper_quartile"].iloc[0]
    told = [float(one) for one in re.findall(r"\d+\.\d\d", chart.caption)]
    assert told == pytest.approx([lower, upper], abs=0.011) and "half of 61 trusts" in chart.caption
    assert f"{published['value'].min():,.2f} to {published['value'].max():,.2f}" in chart.alt


@pytest.mark.parametrize(
    ("better", "told"), [("low", "lower is better"), ("high", "higher is better"), ("unknown", "direction not known")]
)
def test_the_axis_of_a_distribution_says_which_end_is_better(view, better, told):
    ranking = view.ranking("OF1082").assign(units="%")
    assert told in charts._direction(better) and charts.distribution(ranking, "Sickness", better).alt


def test_a_table_from_published_scores_is_asked_for_by_its_level(real, view):
    """Level 1 takes the published scores, level 2 those from values where the rules allow; both say so."""
    published = open_view(real, QUARTER, TYPE, 1)
    assert set(published.scores["level"]) == {1} and set(view.scores["level"]) == {1, 2}
    assert league_facts.basis(published).from_values == 0 < league_facts.basis(view).from_values
    assert open_view(real, QUARTER, TYPE, 1).national is published.national, "recomputed once"
    with pytest.raises(InputError, match="expected 1 or 2"):
        open_view(real, QUARTER, TYPE, 0.8)


def test_the_list_of_metrics_and_the_map_of_scores_are_whole(view):
    listed = tables.metric_list(view.metrics)
    assert (
        len(listed.frame) == len(view.metrics) == 11
    )  # method notes: twelve, of which the CQC rating is in no Q4 score
    scores = tables.score_map(view.score_map, view.metrics)
    heads = {column.name: column.label for column in scores.columns}
    assert len(scores.frame) == 61 and set(view.metrics["metric_id"]) <= set(heads)
    assert heads["OF1063"] == "Stays over 60 days" and all(not label.startswith("OF") for label in heads.values())


def test_reconciliation_counts_every_figure_once_and_never_rounds_up_to_all(view, beside):
    table = reconcile.reconciliation_table(beside).frame
    assert table["published"].sum() == len(beside)
    equal = (beside["difference"].abs() <= 0.005 + 1e-9).sum()
    assert table["reproduced"].sum() == equal
    assert reconcile._share(99.97) == "99.9" and reconcile._share(100) == "100.0"
    found = reconcile_facts.reconciliation(view.national, beside, QUARTER)
    card = dict((label, value) for label, value, _ in reconcile.card(found).items)
    assert card["Figures compared"] == f"{len(beside):,}" and card["Equal as published"] == f"{equal:,}"


def test_each_rule_that_is_not_reproduced_has_one_row_with_its_largest_difference(beside):
    missed = beside[beside["difference"].abs() > 0.005 + 1e-9]
    table = reconcile.mismatch_table(beside, 5)
    sizes = (table.frame["recomputed"] - table.frame["published"]).abs().tolist()
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 5 and sizes[0] == missed["difference"].abs().max()
    rules = len(missed.drop_duplicates(["rule", "level"]))
    assert table.caption == f"{rules} rules with {len(missed):,} differences: the 5 with the largest"
    whole = reconcile.mismatch_table(beside, 1000).frame
    assert whole["missed"].sum() == len(missed) and not whole.duplicated(["rule", "level"]).any()
    assert (whole["missed"] <= whole["compared"]).all()
    assert reconcile.mismatch_table(missed.head(1)).caption == "One rule with 1 difference"
    assert reconcile.mismatch_table(beside.drop(missed.index)) is None


def test_the_pools_shown_are_those_of_the_method_notes(view):
    shown = reconcile.pool_table(view.national).frame.set_index("metric_id")
    assert shown.loc["OF1005", ["2025-26-q1", "2025-26-q4"]].tolist() == [121, 120]
    assert shown.loc["OF1082", QUARTER] == 205 and shown.loc["OF1061", "pool"] == "mental health and community"


def test_the_rules_shown_are_all_that_are_known_and_a_year_without_any_says_so(view):
    framework = view.framework
    assert len(reconcile.rules_table(framework).frame) == len(framework.metrics)
    assert reconcile.rules_table(framework.model_copy(update={"metrics": ()})) is None
    explained = set(reconcile.sources_table(framework).frame["short"])
    assert {"CSV", "SPEC", "MAN"} <= explained == set(framework.sources)


def test_the_reconciliation_says_what_it_rests_on_and_why_figures_differ(view, beside):
    found = reconcile_facts.reconciliation(view.national, beside, QUARTER)
    said = page_facts.said("reconciliation", "found", found, {"framework": view.framework})
    assert "The national ranking pool is not whole" in said and "Q1 2025/26" in said and "NHS England's files" in said
    assert "mental health and community trusts" in said and "Nothing is left over" not in said
    assert f"{found.in_full} of {found.rules} rules are reproduced without exception" in said
    missed = beside[beside["difference"].abs() > 0.005 + 1e-9]
    equal = reconcile_facts.reconciliation(view.national, beside.drop(missed.index), QUARTER)
    said = page_facts.said("reconciliation", "found", equal, {"framework": view.framework})
    assert "Every figure that can be recomputed comes out equal" in said and "Nothing is left over" in said
    assert "No pool can be told" in page_facts.said("reconciliation", "", {"pools": None})
    assert "No pool can be told" not in page_facts.said("reconciliation", "", {"pools": object()})


def test_the_basis_says_how_many_figures_come_out_equal_and_what_the_files_lack(view):
    base = league_facts.basis(view)
    own = page_facts.said("league_table", "base", base)
    total, equal = view.reproduced
    assert words.share(equal, total) in own and "61 mental health and community trusts" in own
    assert "31 March 2026" in own and "national quartiles, which one trust type's file cannot give" in own
    assert own == page_facts.said("metric_rankings", "base", base), "one text wherever it stands"


def test_a_type_without_specialists_has_no_table_without_them(view):
    assert tables.top_without_specialists(view.league) is None
    marked = view.league.assign(trust_subtype=["Acute Specialist"] + ["Acute Large"] * 60)
    table = tables.top_without_specialists(marked, 10)
    assert len(table.frame) == 10 and view.league["trust_name"].iloc[0] not in table.frame["trust_name"].tolist()
