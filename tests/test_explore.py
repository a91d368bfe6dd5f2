"""The analyst's notebook without a browser: views, the code they show, controls, exports, SQL, a still run."""

from __future__ import annotations

import dataclasses
import html as escaping
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import builders
import html5lib
import numpy as np
import pandas as pd
import pytest
import ready
from conftest import ROOT, python_path

from nof import common, demo, explore
from nof.common import InputError
from nof.explore import drawings, exporting, measuring, present, sql, supposing, views, widgets
from nof.explore import panels as html
from nof.explore import sql as exports
from nof.explore.exporting import copy_notebooks
from nof.explore.own_rules import Asked, own_league
from nof.method.choices import own_rules
from nof.method.opening import open_publication
from nof.method.view import View
from nof.method.whatif import whatif
from nof.show.display import Chart

QUARTER, ACUTE, MENTAL = "2025-26-q4", "acute", "mental-health-and-community"
HOSTILE = '<img src=x onerror=alert(1)> *\'); raise SystemExit("""``` NHS Trust'


@pytest.fixture(scope="module")
def made_up() -> str:
    """Folder of the demo publication."""
    return str(demo.ensure(common.demo()))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> str:
    """A publication whose names, subtypes, regions and metrics hold markup and quotes."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = builders.metric_rows()
    for row in rows:
        row |= {
            "Trust_name": f"{row['Trust_code']} {HOSTILE}",
            "Region": HOSTILE,
            "Trust_subtype": HOSTILE,
            "Metric_description": HOSTILE,
        }
    builders.write(folder, builders.metrics_name(), builders.table(rows, builders.METRIC_HEADER))
    return str(folder)


@pytest.fixture
def live(monkeypatch):
    """As if somebody sat at a front end."""
    monkeypatch.setattr(widgets, "attended", lambda: True)
    monkeypatch.setattr(widgets, "display", lambda *_, **__: None)


def test_a_metric_ranking_does_not_draw_the_league_table(made_up):
    view = View(open_publication(made_up), QUARTER, "ambulance")
    table = view.ranking("OF1082")
    assert "league" not in vars(view)
    names = view.league.set_index("trust_code")["trust_name"]
    pd.testing.assert_series_equal(table.set_index("trust_code")["trust_name"], names.reindex(table["trust_code"]))


def desk(data: str, *names: str) -> widgets.Desk:
    found = widgets.Desk(data)
    for name in names or (*present.VIEWS, "exports"):
        getattr(found, name)()
    return found


def same(one: object, other: object) -> bool:
    return one.equals(other) if isinstance(one, pd.DataFrame) else one == other


def code_of(page: str) -> str:
    """What a reader copies from a panel."""
    return "".join(html5lib.parseFragment(page, namespaceHTMLElements=False).find(".//pre").itertext())


# --- views ---


def choices(data: str) -> list[present.Choice]:
    start = present.default(data)
    table = views.trusts(data, start.quarter, start.trust_type)
    filtered = dataclasses.replace(start, region=table["region"].iloc[0], subtype=table["trust_subtype"].iloc[0])
    metric = supposing.what_if_metrics(data, start.quarter, start.trust, {})["metric_id"].iloc[0]
    other = Asked(leave_out=(metric,), override=False, statistic="median")
    changed = dataclasses.replace(start, measure=start.metric, y=start.x, changes=((metric, None),), rules=other)
    return [start, filtered, changed]


@pytest.mark.parametrize("name", present.VIEWS)
def test_the_copied_lines_give_the_same_frame_and_figure(name, made_up, hostile):
    for data in (made_up, hostile):
        for choice in choices(data):
            shown = present.VIEWS[name](choice)
            space: dict = {}
            exec(code_of(html.panel(shown, "x-")), space)  # noqa: S102 as the analyst would
            assert same(space["frame"], shown.frame) and len(shown.frame)
            assert (shown.chart is None) == ("chart" not in space) and (
                shown.chart is None or space["chart"] == shown.chart
            )


def test_a_filter_keeps_the_places_of_the_whole_table(made_up):
    whole = views.league(made_up, QUARTER, ACUTE)
    region = whole["region"].iloc[-1]
    part = views.league(made_up, QUARTER, ACUTE, region=region)
    assert 0 < len(part) < len(whole)
    pd.testing.assert_frame_equal(part, whole[whole["region"] == region].reset_index(drop=True))
    several = views.league(made_up, QUARTER, ACUTE, region=[region, whole["region"].iloc[0]])
    assert set(several["region"]) == {region, whole["region"].iloc[0]}
    assert views.league(made_up, QUARTER, ACUTE, trusts=list(part["trust_code"])).equals(part)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda data: views.league(data, QUARTER, ACUTE, region="Nowhere"), "one of East"),
        (lambda data: views.ranking(data, QUARTER, ACUTE, "OF9999"), "one of average_score"),
        (lambda data: views.ranking(data, QUARTER, ACUTE, "rank"), "is not a metric"),
        (lambda data: views.compare(data, QUARTER, ACUTE, ["X0J"]), "2 to 5"),
        (lambda data: views.compare(data, QUARTER, ACUTE, ["X0J", "none"]), "is not among"),
        (lambda data: views.trajectories(data, ACUTE, []), "1 to 5"),
        (lambda data: views.trajectories(data, ACUTE, ["X0J"], "OF9999"), "one of average_score"),
        (lambda data: views.league(data, "2019-20-q1", ACUTE), "one of 2025-26-q1"),
        (lambda data: views.league(data, QUARTER, "none"), "one of acute"),
    ],
)
def test_what_does_not_exist_is_named_beside_what_does(call, said, made_up):
    with pytest.raises(InputError, match=said):
        call(made_up)


def test_rankings_take_the_id_of_a_value_or_of_its_score(real):
    by_value = views.ranking(real, QUARTER, MENTAL, "OF0063")
    assert by_value.equals(views.ranking(real, QUARTER, MENTAL, "OF1063"))
    assert by_value["rank"].iloc[0] == 1 and by_value["value"].is_monotonic_increasing
    chart = views.ranking_chart(real, QUARTER, MENTAL, "OF0063", highlight=["RYY"])
    below = (by_value["value"] < by_value["median"]).sum()
    assert f"{below} of {len(by_value)}" in chart.alt and "illustrative" not in chart.caption


def test_scatter_and_trajectories_hold_what_the_league_table_holds(real):
    league = views.league(real, QUARTER, MENTAL).set_index("trust_code")
    rows = views.scatter(real, QUARTER, MENTAL, "rank", "average_score").set_index("trust_code")
    assert rows["x"].to_dict() == league["rank"].to_dict() and rows["y"].to_dict() == league["average_score"].to_dict()
    for measure, names in (
        ("average_score", ["average_score", "average_low", "average_high"]),
        ("rank", ["rank", "rank_low", "rank_high"]),
    ):
        found = views.trajectories(real, MENTAL, ["RYY", "RXY"], measure)
        last = found[found["quarter"] == QUARTER].set_index("trust_code")[["value", "low", "high"]]
        np.testing.assert_array_equal(last.to_numpy(), league.loc[last.index, names].to_numpy())
        assert set(found["quarter"]) == {f"2025-26-q{number}" for number in (1, 2, 3, 4)}


def test_figures_stand_at_the_period_that_they_measure(real):
    """NHS England's Q4 2025/26 file gives sickness absence of the quarter before."""
    found = views.trajectories(real, MENTAL, ["RDY"], "OF0082")
    raw = measuring.opened(real).publication.metrics.query("trust_code == 'RDY' and metric_id == 'OF0082'")
    assert found["reporting_date"].tolist() == raw.sort_values("quarter")["reporting_date"].tolist()
    last = found.set_index("quarter").loc[QUARTER]
    assert last["last_day"] == pd.Timestamp("2025-12-31")
    assert drawings.measured_at(found, "2025-26-q1").iloc[-1] == 2.0, "under Q3, not Q4"
    chart = views.trajectories_chart(real, MENTAL, ["RDY"], "OF0082")
    assert (
        "not at the quarter of publication" in chart.alt
        and f"Q4 2025/26 publishes {last['reporting_date']}" in chart.alt
    )
    summary = views.trajectories(real, MENTAL, ["RDY"], "average_score")
    assert summary["last_day"].isna().all() and drawings.measured_at(summary, "2025-26-q1").tolist() == [0, 1, 2, 3]
    assert "quarter of publication" not in views.trajectories_chart(real, MENTAL, ["RDY"], "average_score").alt
    # Marks of one quarter stand above each other, but where ranges would hide each other.
    assert drawings.asides(found, 3).tolist() == [0, 0, 0] and drawings.asides(summary, 3).tolist() == [-0.07, 0, 0.07]
    side = views.compare(real, QUARTER, MENTAL, ["RDY", "RYY"]).set_index("id")
    assert side.loc["OF1082", "period"] == last["reporting_date"]
    ranking = views.ranking(real, QUARTER, MENTAL, "OF0082")
    assert ranking["last_day"].unique().tolist() == [pd.Timestamp("2025-12-31")]
    for name in ("metrics", "scores"):
        rows = sql.tables(real)[name].query("quarter == @QUARTER and trust_code == 'RDY' and metric_id == 'OF1082'")
        assert rows["last_day"].tolist() == [pd.Timestamp("2025-12-31")], name


@pytest.mark.parametrize("count", [-6, -1, 0, 3, 9])
def test_a_quarter_so_many_after_another(count):
    found = start = common.Quarter(2025, 1)
    for _ in range(abs(count)):
        found = found.next if count > 0 else found.previous
    assert drawings.quarter_on(start, count) == found


def test_a_trust_without_a_figure_has_no_line(made_up):
    some = views.ranking(made_up, QUARTER, ACUTE, "OF0057")["trust_code"].iloc[0]
    every = views.trusts(made_up, QUARTER, ACUTE)["trust_code"]
    held = {
        code
        for one in ("q1", "q2", "q3", "q4")
        for code in views.ranking(made_up, f"2025-26-{one}", ACUTE, "OF0057")["trust_code"]
    }
    none = next(one for one in every if one not in held)
    assert set(views.trajectories(made_up, ACUTE, [some, none], "OF0057")["trust_code"]) == {some}
    assert "none of these trusts" in views.trajectories_chart(made_up, ACUTE, [none], "OF0057").alt


def test_the_scatter_states_the_rank_correlation(made_up):
    chart = views.scatter_chart(made_up, QUARTER, ACUTE, "rank", "rank")
    assert "a strong relation, rank correlation 1.00" in chart.alt
    rows = views.scatter(made_up, QUARTER, ACUTE, "OF0082", "average_score")
    found = rows["x"].corr(rows["y"], method="spearman")
    assert (
        f"rank correlation {found:.2f}" in views.scatter_chart(made_up, QUARTER, ACUTE, "OF0082", "average_score").alt
    )


def test_compare_holds_scores_and_values(real):
    table = views.compare(real, QUARTER, MENTAL, ["RYY", "RXY"]).set_index("id")
    own = views.ranking(real, QUARTER, MENTAL, "OF1082").set_index("trust_code")
    assert table.loc["OF1082", "RYY"] == own.loc["RYY", "score"]
    assert table.loc["OF1082", "RXY value"] == own.loc["RXY", "value"]
    assert table.loc["rank", "RYY"] == 1 and table.loc["average_score", "RYY"] == 1.53


def test_what_if_is_the_library_beside_the_trust_as_it_stands(real):
    standing = views.league(real, QUARTER, MENTAL).set_index("trust_code").loc["RYY"]
    table = supposing.what_if(real, QUARTER, "RYY", {"OF1082": None}).set_index("case")
    now, then = table.loc["as it stands"], table.loc["changed"]
    assert (now["average_score"], now["rank"], now["average_low"]) == tuple(
        standing[["average_score", "rank", "average_low"]]
    )
    found = whatif(measuring.opened(real), QUARTER, "RYY", {"OF1082": None})
    assert then["average"] == found.average and then["rank"] == found.rank and then["metrics"] == now["metrics"] - 1
    assert "from 1.53" in supposing.what_if_chart(real, QUARTER, "RYY", {"OF1082": None}).alt


def test_other_rules_rank_every_trust_anew_and_say_so(real):
    frame = own_league(real, QUARTER, MENTAL, leave_out=["OF1084"], weights={"OF1082": 2}, level=1)
    table, rules = own_rules(measuring.opened(real), QUARTER, MENTAL, leave_out=["OF1084"], weights={"OF1082": 2})
    assert frame["rules"].unique().tolist() == [rules.told] and rules.told.startswith(
        "not NHS England's rules: without"
    )
    assert len(frame) == len(table) and (frame["moved"] == frame["place_published"] - frame["place"]).all()
    assert (frame["moved"] != 0).sum() > 10
    region = views.league(real, QUARTER, MENTAL)["region"].iloc[0]
    part = own_league(real, QUARTER, MENTAL, region=region, leave_out=["OF1084"], weights={"OF1082": 2}, level=1)
    kept = frame[frame["trust_code"].isin(part["trust_code"])].reset_index(drop=True)
    assert 0 < len(part) < len(frame) and part.equals(kept), "a filter keeps the places of the whole table"
    with pytest.raises(InputError, match="expected 1 or 2"):
        own_league(real, QUARTER, MENTAL, level=3)


def test_the_desk_opens_under_the_rules_that_are_named(made_up):
    given = {"leave_out": ["OF1085"], "statistic": "median", "override": False, "trust_subtype": "Teaching", "level": 1}
    found = explore.desk(made_up, QUARTER, ACUTE, weights={"OF1082": 2}, **given)
    shown = present.VIEWS["rules"](found.choice("rules"))
    told = "without OF1085; OF1082 with weight 2; median of the metric scores instead of their mean; "
    page = html5lib.parseFragment(html.panel(shown, "x-"), namespaceHTMLElements=False)
    said = "".join(page.itertext())
    assert f"not NHS England's rules: {told}without the financial override; Teaching trusts only" in said
    assert "Metric scores as published (level 1)" in said
    assert shown.frame["trust_subtype"].unique().tolist() == ["Teaching"]
    with pytest.raises(InputError, match="is not in the average"):
        explore.desk(made_up, QUARTER, ACUTE, leave_out=["OF9999"])


def test_measures_are_each_of_them_good_for_an_axis(made_up):
    found = measuring.measures(made_up, QUARTER, "ambulance")
    assert found["measure"].is_unique and {"summary", "value", "score"} == set(found["kind"])
    for measure in found["measure"]:
        assert len(views.scatter(made_up, QUARTER, "ambulance", measure, "rank")) > 0, measure


# --- untrusted text ---


def test_no_markup_from_a_file_takes_effect(hostile, live):
    found = desk(hostile)
    pages = [panel.body.value for panel in found.panels.values()]
    assert len(pages) == 7 and all(HOSTILE.split(" *")[0] not in page for page in pages)
    seen = 0
    for page in pages:
        tree = html5lib.parseFragment(page, namespaceHTMLElements=False)
        assert not [node.tag for node in tree.iter() if node.tag in ("img", "script", "iframe", "a")]
        assert not [name for node in tree.iter() for name in node.attrib if name.lower().startswith("on")]
        seen += "<img src=x onerror=alert(1)>" in "".join(tree.itertext())
    assert seen == 7
    assert not found.controls.trust_type.description_allow_html and found.controls.metric.options[0][0].endswith(
        HOSTILE
    )


def test_an_error_is_shown_as_text():
    page = html.message("<b>no</b>")
    assert "<b>" not in page and escaping.escape("<b>no</b>") in page


# --- controls ---


def test_controls_follow_the_publication_and_each_other(made_up, live):
    found = desk(made_up)
    league, controls = found.panels["league"], found.controls
    assert "<strong>134</strong> acute trusts" in league.body.value
    controls.quarter.value = "2025-26-q1"
    assert "<strong>135</strong> acute trusts, Q1" in league.body.value
    controls.region.value = "London"
    controls.trust_type.value = "ambulance"
    assert "ambulance trusts, London, Q1 2025/26" in league.body.value
    assert set(controls.choice.trusts) <= set(views.trusts(made_up, "2025-26-q1", "ambulance")["trust_code"])
    assert controls.metric.value in measuring.measures(made_up, "2025-26-q1", "ambulance")["measure"].tolist()
    assert found.levers.trust in set(views.trusts(made_up, "2025-26-q1", "ambulance")["trust_code"])
    assert [name for name, panel in found.panels.items() if panel.shown is None] == []


def test_a_view_is_worked_out_again_only_for_what_it_depends_on(made_up, live, monkeypatch):
    found = desk(made_up, "league", "ranking")
    asked = []
    for name, view in present.VIEWS.items():
        monkeypatch.setitem(
            present.VIEWS, name, lambda choice, name=name, view=view: asked.append(name) or view(choice)
        )
    found.controls.metric.value = "OF1082"
    assert asked == ["ranking"]


def test_trusts_are_added_and_removed_five_at_most(made_up, live):
    found = desk(made_up, "compare")
    controls = found.controls
    for label in list(controls.add.options)[:8]:
        controls.add.value = label
    assert (
        len(controls.choice.trusts) == views.MOST == len(controls.chips.children) and "at most" in controls.hint.value
    )
    while controls.choice.trusts:
        controls.chips.children[0].click()
    assert "Pick 2 to 5 trusts" in found.panels["compare"].body.value and controls.hint.value == ""
    controls.add.value = "no such trust"
    assert controls.choice.trusts == ()


def test_a_failure_is_shown_in_place_of_the_old_view(made_up, live, monkeypatch):
    found = desk(made_up, "league")

    def broken(choice):
        raise ZeroDivisionError("<i>")

    monkeypatch.setitem(present.VIEWS, "league", broken)
    found.controls.quarter.value = "2025-26-q1"
    assert "This view failed (ZeroDivisionError: &lt;i&gt;)" in found.panels["league"].body.value


def slide(levers, share: float) -> None:
    """Move the slider to a share of its way (bench/what_if.py says how long that takes)."""
    levers.slider.value = levers.slider.min + share * (levers.slider.max - levers.slider.min)


@pytest.mark.parametrize("trust_type", [ACUTE, MENTAL])
def test_what_if_follows_the_slider(trust_type, request, live):
    data = request.getfixturevalue("made_up" if trust_type == ACUTE else "real")
    found = desk(str(data), "what_if")
    panel, levers = found.panels["what_if"], found.levers
    assert "held where they stand" in levers.box.children[-1].value
    levers.metric.value = "OF1082"
    before = panel.body.value
    for number in range(25):
        slide(levers, number / 25)
    assert panel.body.value != before and panel.shown.frame["average"].nunique() == 2
    levers.leave.value = True
    assert dict(levers.changes) == {"OF0082": None} and levers.slider.disabled
    levers.leave.value = False
    levers.metric.value = "OF1080"  # no published value leads to its score: the score itself moves
    slide(levers, 1.0)
    assert dict(levers.changes)["OF1080"] == 4.0 and "OF0082" in dict(levers.changes)
    levers.again.click()
    assert levers.changes == () and "As it stands" in panel.body.value


def test_other_rules_follow_their_controls(made_up, live):
    found = desk(made_up, "rules", "league")
    panel, rules = found.panels["rules"], found.rule_controls
    assert "These are NHS England's rules" in html_text(panel) and len(panel.shown.frame) == 134
    rules.metric.value = "OF1085"
    rules.out.click()
    rules.metric.value, rules.weight.value = "OF1082", 2
    rules.weigh.click()
    rules.override.value = False
    assert "not NHS England's rules: without OF1085; OF1082 with weight 2; without the financial override" in html_text(
        panel
    )
    given = {"leave_out": ["OF1085"], "weights": {"OF1082": 2}, "override": False}
    assert panel.shown.frame.equals(own_league(made_up, QUARTER, ACUTE, **given))
    assert [one.description for one in rules.chips.children] == ["without OF1085  ✕", "OF1082 with weight 2  ✕"]
    found.controls.trust_type.value = "ambulance"
    held = set(View(open_publication(made_up), QUARTER, "ambulance").scores["metric_id"])
    assert {name for name, _ in rules.asked.weights} | set(rules.asked.leave_out) <= held and not rules.asked.override
    rules.again.click()
    assert rules.asked == Asked() and rules.override.value and rules.chips.children == ()
    assert (
        widgets.name_for("rules", found.choice("rules"), True, "csv") == "illustrative-rules-ambulance-2025-26-q4.csv"
    )


def html_text(panel: widgets.Panel) -> str:
    return "".join(html5lib.parseFragment(panel.body.value, namespaceHTMLElements=False).itertext())


def test_controls_only_where_somebody_can_move_them(monkeypatch):
    class Shell:
        kernel = None

    monkeypatch.setattr(widgets, "get_ipython", lambda: None)
    assert not widgets.attended()
    monkeypatch.setattr(widgets, "get_ipython", Shell)
    assert not widgets.attended()
    for answers in (True, False):
        parent = {"content": {"allow_stdin": answers}}
        Shell.kernel = type("Kernel", (), {"get_parent": lambda self, parent=parent: parent})()
        assert widgets.attended() is answers


def test_a_saved_notebook_keeps_a_still_picture(made_up, live, monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", lambda data, metadata=None, raw=False: shown.append((data, metadata)))
    desk(made_up, "league", "scatter")
    assert "application/vnd.nof.table+json" in shown[0][0] and "image/svg+xml" in shown[1][0]
    assert all("application/vnd.jupyter.widget-view+json" in data for data, _ in shown) and shown[1][1]["nof"]["alt"]


# --- exports ---


def test_results_are_saved_as_each_kind_of_file(made_up, tmp_path):
    frame, chart = views.league(made_up, QUARTER, ACUTE), views.scatter_chart(made_up, QUARTER, ACUTE, "OF0082")
    for name in ("a.csv", "a.parquet"):
        exports.save(frame, tmp_path / "new" / name)
    assert (tmp_path / "new" / "a.csv").read_text(encoding="utf-8-sig") == common.text(frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "new" / "a.parquet"), frame, check_dtype=False)
    drawing = ET.parse(exports.save(chart, tmp_path / "a.svg")).getroot()
    assert [node.text for node in drawing if node.tag.endswith(("title", "desc"))] == [chart.caption, chart.alt]
    picture = exports.save(chart, tmp_path / "a.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and int.from_bytes(picture[16:20]) == pytest.approx(170 / 25.4 * 200, abs=2)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.png", "a.svg", "new"], "no half-written file is left"


@pytest.mark.parametrize(("kind", "name"), [("frame", "a.svg"), ("chart", "a.csv"), ("frame", "a"), ("frame", "a.exe")])
def test_an_ending_that_does_not_suit_is_refused(kind, name, tmp_path):
    result = pd.DataFrame({"a": [1]}) if kind == "frame" else Chart("<svg/>", "x", "x", 10, 10)
    with pytest.raises(InputError, match="a name ending in"):
        exports.save(result, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("league", "../../etc/passwd"), "league-etc-passwd.csv"),
        (("x\x00y", "", "é/ü"), "x-y.csv"),
        (("...",), "export.csv"),
        (("a" * 500,), "a" * 120 + ".csv"),
    ],
)
def test_file_names_hold_letters_digits_and_hyphens(parts, name):
    assert exports.file_name(*parts, suffix=".csv") == name


def test_buttons_write_beside_the_notebook_and_say_so(made_up, live, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = widgets.Exports(widgets.Desk(made_up))
    panel.desk.live = False  # what it starts with
    assert panel.buttons["png"].disabled
    panel.buttons["csv"].click()
    path = tmp_path / "exports" / f"illustrative-league-acute-{QUARTER}.csv"
    kept = path.read_bytes()
    path.unlink()
    exec(code_of(panel.said.value), {})  # noqa: S102 the code under the button does the same
    assert path.read_bytes() == kept
    panel.view.value = "trajectories"
    panel.buttons["svg"].click()
    assert len(list((tmp_path / "exports").glob("illustrative-trajectories-acute*.svg"))) == 1


# --- SQL ---


def test_the_views_hold_the_frames_and_nothing_can_leave(real, tmp_path):
    import duckdb

    connection = sql.connect(real)
    held = sql.tables(real)
    listed = connection.sql("select name, rows from tables").fetchall()
    assert dict(listed) == {name: len(frame) for name, frame in held.items()} and set(held) == set(sql.TABLES)
    first = connection.sql("select trust_code, average_score from league where rank = 1").fetchall()
    assert first == [("RYY", 1.53)]
    for query in (
        f"copy metrics to '{tmp_path / 'x.csv'}'",
        "select * from read_csv('/etc/hostname')",
        f"attach '{tmp_path / 'x.db'}'",
        "set enable_external_access = true",
        "install httpfs",
        "insert into metrics select * from metrics",
        "drop table metrics",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(query)
    assert not list(tmp_path.iterdir())


def test_quarters_of_the_league_view(made_up):
    assert sql.tables(made_up)["league"]["quarter"].unique().tolist() == [QUARTER]
    assert sql.tables(made_up, "2025-26-q1")["league"]["quarter"].unique().tolist() == ["2025-26-q1"]
    with pytest.raises(InputError, match="is not in this publication"):
        sql.connect(made_up, "2019-20-q1")


def test_the_command_writes_parquet_files_that_say_the_same(real, tmp_path):
    folder = tmp_path / "new" / "tables"
    done = ready.nof("export", "--data", real, "--parquet", folder)
    assert done.returncode == 0, done.stderr
    held = sql.tables(real, sql.ALL)
    assert sorted(Path(line).stem for line in done.stdout.splitlines()) == sorted(held), "each file is named"
    assert sorted(one.stem for one in folder.iterdir()) == sorted(held)
    for name, frame in held.items():
        pd.testing.assert_frame_equal(pd.read_parquet(folder / f"{name}.parquet"), frame, check_dtype=False)
    assert held["league"]["quarter"].nunique() == 4
    done = ready.nof("export", "--data", real, "--parquet", folder)
    assert done.returncode == 2 and "--force" in done.stderr
    (folder / "about.parquet").write_text("old")
    assert ready.nof("export", "--data", real, "--parquet", folder, "--force").returncode == 0
    assert len(pd.read_parquet(folder / "about.parquet")) and [one.name for one in folder.parent.iterdir()] == [
        "tables"
    ]


def test_nothing_that_is_no_export_is_ever_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    data = builders.publication(tmp_path / "data")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(InputError):
            exporting.export(data, parquet=place, force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_an_export_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    data = builders.publication(tmp_path / "data")
    exporting.export(data, parquet=tmp_path / "out")
    before = {one.name: one.read_bytes() for one in (tmp_path / "out").iterdir()}
    written = []

    def failing(frame):
        written.append(frame)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        return b"new"

    monkeypatch.setattr(sql, "parquet", failing)
    with pytest.raises(Exception, match="No space left"):
        exporting.export(data, parquet=tmp_path / "out", force=True)
    assert {one.name: one.read_bytes() for one in (tmp_path / "out").iterdir()} == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "out"]


# --- the notebook without widgets ---


def jupyter(module: str, *words: object, cwd) -> None:
    environment = os.environ | {"PYTHONPATH": python_path(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr


def test_papermill_alone_gives_a_still_notebook(made_up, tmp_path):
    jupyter(
        "papermill",
        ROOT / "notebooks" / "explore.ipynb",
        tmp_path / "out.ipynb",
        "-p",
        "data",
        made_up,
        "-p",
        "trust_type",
        "ambulance",
        "-p",
        "quarter",
        "2025-26-q3",
        cwd=tmp_path,
    )
    outputs = [
        one for cell in json.loads((tmp_path / "out.ipynb").read_text())["cells"] for one in cell.get("outputs", [])
    ]
    kinds = [kind for one in outputs for kind in one.get("data", {})]
    assert {one["output_type"] for one in outputs} <= {"display_data", "execute_result"}, "nothing on standard error"
    assert not [kind for kind in kinds if "widget" in kind]
    assert kinds.count("image/svg+xml") == 5 and kinds.count("application/vnd.nof.table+json") == 7
    said = " ".join(str(one["data"].get("text/markdown")) for one in outputs)
    assert "ambulance trusts, Q3 2025/26" in said and "helpers.explore.what\\_if" not in said
    assert "helpers.explore.league(" in said


def test_nbconvert_gives_a_briefing(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "demo").mkdir(parents=True)
    builders.publication(tmp_path / "data" / "demo")
    copy = tmp_path / "notebooks" / "explore.ipynb"
    copy.write_bytes((ROOT / "notebooks" / "explore.ipynb").read_bytes())
    jupyter("nbconvert", "--to", "briefing-html", "--execute", copy, "--output-dir", tmp_path, cwd=tmp_path)
    page = html5lib.parse((tmp_path / "explore.html").read_text(encoding="utf-8"), namespaceHTMLElements=False)
    assert len(page.findall(".//table")) >= 6 and len(page.findall(".//figure")) >= 5
    assert "helpers.explore.league('../data/demo', '2025-26-q2', 'acute')" in "".join(page.itertext())
    assert "Muddlecombe and Vale" in "".join(page.itertext()) and "VBox" not in "".join(page.itertext())


def test_the_default_folder_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert measuring.folder_of("../data/demo").resolve() == (ROOT / "data" / "demo").resolve()
    assert measuring.folder_of(tmp_path) == tmp_path and measuring.folder_of("nowhere").name == "nowhere"


def test_the_desk_opens_what_is_named_outside(made_up, monkeypatch):
    monkeypatch.setenv("NOF_DATA", made_up)
    assert measuring.folder_of(None) == Path(made_up) and explore.desk().start.data == made_up
    assert measuring.folder_of("elsewhere").name == "elsewhere", "what is named in the notebook goes first"
    monkeypatch.delenv("NOF_DATA")
    assert measuring.named(None) == "../data/demo"


def test_the_notebooks_can_be_taken_along(tmp_path):
    made = copy_notebooks(tmp_path / "mine")
    assert {one.name for one in made} == {*(path.name for path in (ROOT / "notebooks").glob("*.ipynb")), "helpers.py"}
    assert all(one.read_bytes() for one in made) and len(copy_notebooks(tmp_path / "mine")) == len(made), (
        "twice is no harm"
    )
    (tmp_path / "mine" / "explore.ipynb").write_text("mine")
    with pytest.raises(InputError, match="explore.ipynb.*says something else"):
        copy_notebooks(tmp_path / "mine")
    assert (tmp_path / "mine" / "explore.ipynb").read_text() == "mine"
    copy_notebooks(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "explore.ipynb").read_bytes() == (ROOT / "notebooks" / "explore.ipynb").read_bytes()
