"""What figures say of themselves: captions state a finding and alt texts add to it, checked against counts made here."""

from __future__ import annotations

import re
from types import SimpleNamespace

import builders
import numpy as np
import pandas as pd
import pytest

from nof import common, demo
from nof.common import Quarter
from nof.method import board, limits, trust_facts
from nof.method import limits_facts as facts
from nof.method.movement_facts import OurDoing
from nof.method.opening import open_publication
from nof.method.view import open_view
from nof.show import limits_charts as limit_charts
from nof.show import limits_findings, trust_charts
from nof.show.display import Chart

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"
SHARED = 7  # words in a row: fewer than that are names and turns of phrase


@pytest.fixture(scope="module")
def view(real):
    return open_view(real, QUARTER, TYPE)


@pytest.fixture(scope="module")
def national():
    return open_publication(demo.ensure(common.demo()))


def sure_of(view) -> facts.Places:
    return facts.places(limits.places(view), limits.ranges_published(view), limits.narrowness(view))


def moves_of(view) -> facts.Moves:
    step, directions = limits.last_step(view), limits.directions(view)
    return facts.moves(step, limits.excluded(view), limits.names(view), directions, view.gap)


def ages_of(view):
    asked = (limits.unmoved, limits.in_quarter, limits.in_quarter_ranks, limits.metric_names)
    return facts.ages(view.quarter, limits.periods(view), *(one(view) for one in asked))


def mergers_of(view):
    asked = (limits.affected, limits.blanks, limits.surveys, limits.unexplained, limits.merged)
    return facts.mergers(len(view.league), *(one(view) for one in asked))


def method_of(view):
    asked = (limits.method, limits.typical_spans, limits.choices, limits.decisions, limits.cliffs)
    return facts.method(*(one(view) for one in asked), limits.setting(view).rule)


def drawn(view) -> dict[str, Chart]:
    """The figures of the limitations briefing by name, the first panel of each."""
    found = {
        "places": limit_charts.places(limits.places(view), sure_of(view))[0],
        "changes": limit_charts.changes(limits.change(view), moves_of(view), view.edges),
        "timeline": limit_charts.timeline(limits.periods(view), view.quarter, ages_of(view)),
        "mergers": limit_charts.mergers(limits.affected(view), limits.periods(view), view.quarter, mergers_of(view)),
        "method": limit_charts.method(limits.method(view), method_of(view))[0],
    }
    return {name: chart for name, chart in found.items() if chart is not None}


def in_a_row(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[\w.,’'−-]+", text.lower())
    return {tuple(words[at : at + SHARED]) for at in range(len(words) - SHARED + 1)}


def check(charts) -> None:
    """A number or a word for none and all; caption and alt text differ; no caption twice; nothing left unformatted."""
    assert len({one.caption for one in charts}) == len(charts)
    for one in charts:
        assert re.search(r"\d|\b(No|All|None|Every|Whether|not)\b", one.caption), one.caption
        assert not in_a_row(one.caption) & in_a_row(one.alt), (one.caption, one.alt)
        assert one.caption[0].isupper() or one.caption[0].isdigit()
        told = f"{one.caption} {one.alt}"
        assert not re.search(
            r"\bnan\b|\binf\b|NaT|\bNone (?!of)|\b1 (trusts|metrics|periods|averages|events)\b|  ", told
        ), told
        assert not one.caption.endswith(".") and one.alt.endswith("."), told


# --- the limits of a table ---


def test_captions_of_the_real_file_equal_counts_made_another_way(view):
    charts = drawn(view)
    check(list(charts.values()))
    published = view.publication.league
    width = (published["rank_high"] - published["rank_low"] + 1).median()
    assert charts["places"].caption == f"A typical likely range covers {width:.0f} of 61 places"
    segments = view.publication.metrics.query("metric_id == 'OF5000'")
    segments = segments.pivot(index="trust_code", columns="quarter", values="value")
    moved = int((segments["2025-26-q3"] != segments[QUARTER]).sum())
    assert charts["changes"].caption == (
        f"{moved} of 61 trusts changed segment; 1 change of an average can be told from noise"
    )
    assert charts["timeline"].caption == f"{len(limits.in_quarter(view))} of 11 metric periods end in Q4 2025/26"
    touched = set(limits.affected(view)["trust_code"])
    assert charts["mergers"].caption.startswith(f"{len(touched)} of 61 trusts are touched by a merger")
    spans = limits.multiverse(view).ranks
    everything = np.median(np.nanmax(spans, axis=0) - np.nanmin(spans, axis=0) + 1)
    assert f"{everything:.0f} if metrics are left out as well" in charts["method"].caption


def test_alt_texts_of_the_real_file_equal_counts_made_another_way(view):
    charts = drawn(view)
    table = limits.places(view)
    spans = table["rank_high"] - table["rank_low"] + 1
    assert f"spans {spans.min():.0f}, the longest {spans.max():.0f}." in charts["places"].alt
    told = int((table["told_apart_other_joint"] > 0).sum())
    assert f"on other metrics like these {told} of 61" in charts["places"].alt
    away = limits.change(view)["average_after"] - limits.change(view)["average_before"]
    assert f"{(away < 0).sum()} became better and {(away > 0).sum()} worse" in charts["changes"].alt
    assert f"is {limits.periods(view)['age_months'].max():.0f} months old" in charts["timeline"].alt


def test_the_first_quarter_of_the_real_file_has_no_change_to_show(real):
    charts = drawn(open_view(real, "2025-26-q1", TYPE))
    check(list(charts.values()))
    assert "changes" not in charts


@pytest.mark.parametrize("quarter", ["2025-26-q1", "2025-26-q2"])
def test_a_table_of_two_trusts(tmp_path, quarter):
    charts = drawn(open_view(builders.publication(tmp_path), quarter, "acute"))
    check(list(charts.values()))
    assert charts["places"].caption == "A typical likely range covers 1 of 2 places"


@pytest.mark.parametrize(("segments", "moved", "tested", "told", "caption"), [
    (True, 0, 2, 0, "No trust changed segment; no changes of an average can be told from noise"),
    (True, 0, 2, 1, "No trust changed segment; 1 change of an average can be told from noise"),
    (True, 1, 2, 0, "1 of 2 trusts changed segment; no changes of an average can be told from noise"),
    (True, 2, 2, 2, "2 of 2 trusts changed segment; 2 changes of an average can be told from noise"),
    (True, 2, 0, 0, "2 of 2 trusts changed segment; too few new data to tell any change from noise"),
    (False, 0, 2, 1, "Segments are not known; 1 change of an average can be told from noise"),
])  # fmt: skip
def test_changes_of_segment_in_every_number(segments, moved, tested, told, caption):
    found = SimpleNamespace(trusts=2, segments=segments, moved=moved, tested=tested, told=told)
    assert limits_findings.changes_caption(found) == caption


@pytest.mark.parametrize(("within", "count", "caption"), [
    (0, 1, "The one metric period does not end in Q4 2025/26"), (1, 1, "The one metric period ends in Q4 2025/26"),
    (0, 11, "None of the 11 metric periods ends in Q4 2025/26"), (11, 11, "All 11 metric periods end in Q4 2025/26"),
    (1, 11, "1 of 11 metric periods ends in Q4 2025/26"), (6, 11, "6 of 11 metric periods end in Q4 2025/26")])  # fmt: skip
def test_periods_in_every_number(within, count, caption):
    found = SimpleNamespace(within=within, periods=count, quarter="Q4 2025/26")
    assert limits_findings.timeline_caption(found) == caption


@pytest.mark.parametrize(("touched", "later", "caption"), [
    (1, 0, "1 of 61 trusts is touched by a merger"), (1, 1, "1 of 61 trusts is touched by a merger after the quarter"),
    (2, 0, "2 of 61 trusts are touched by a merger"),
    (2, 1, "2 of 61 trusts are touched by a merger, 1 of them after the quarter")])  # fmt: skip
def test_mergers_in_every_number(touched, later, caption):
    assert limits_findings.mergers_caption(SimpleNamespace(touched=touched, later=later, trusts=61)) == caption


def test_one_merger_and_several_in_words():
    row = {"timing": "before quarter", "trust_name": "Fen NHS Trust", "event_date": pd.Timestamp("2025-10-01")}
    for rows, start in (
        (1, "Timeline with one event, on 1 October 2025"),
        (2, "Timeline with 2 events on 1 October 2025"),
    ):
        alt = limits_findings.mergers_alt(pd.DataFrame([row] * rows), Quarter.parse(QUARTER))
        assert alt.startswith(start) and "Fen." in alt


def test_spans_of_the_method_in_words():
    def caption(by_method, one_choice, everything):
        found = SimpleNamespace(trusts=61, by_method=by_method, one_choice=one_choice, everything=everything)
        return limits_findings.method_caption(found)

    assert caption(None, None, None) == caption(1.0, 1.0, 1.0) == "No choice tried here moves the typical trust"
    assert caption(7.0, 20.0, 42.0) == (
        "A typical trust's place spans 7 of 61 places by method, 20 by one choice at a time, 42 if metrics are left out as well"
    )
    unknown = SimpleNamespace(range_width=None, trusts=2)
    assert limits_findings.places_caption(unknown) == "The likely ranges of the 2 places are not known"


# --- one trust ---


def drawn_of(own) -> list[Chart]:
    """The figures of a trust's briefing."""
    stands = trust_facts.standing(
        board.place(own), board.method(own), board.goal(own), board.chances(own), board.trusts(own)
    )
    return [one for one in (trust_charts.ranges(stands),) if one]


def test_captions_of_a_trust_equal_counts_made_another_way(national):
    for code in ("X0D", "X2G", "X8Q"):
        own = board.trust_of(national, QUARTER, code)
        charts = drawn_of(own)
        check(charts)
        row = own.view.league.set_index("trust_code").loc[code]
        count = f"{row['rank_high'] - row['rank_low'] + 1:.0f} of {len(own.view.league)} places"
        assert charts[0].caption == f"Its likely range covers {count}"


def test_captions_of_every_trust_of_the_real_file(real):
    published = open_publication(real)
    rows = published.standings
    for code in sorted(rows.loc[rows["quarter"] == QUARTER, "trust_code"])[::4]:
        check(drawn_of(board.trust_of(published, QUARTER, code)))


def test_a_trust_that_nothing_moved_has_no_chart_of_causes():
    none = dict.fromkeys(("own", "override", "others", "trusts", "metrics", "edges", "rules"), 0.0)
    still = OurDoing("2025-26-q3", QUARTER, 20.0, 20.0, 0.0, True, "", True, **none, told_apart=0.5)
    assert trust_charts.movement(still) is None and trust_charts.movement(None) is None
    assert trust_charts.ranges(None) is None


def test_a_difference_that_does_not_add_up_to_the_eye_says_that_it_was_taken_before_rounding():
    """Of the made-up publication, whose pool is whole: its edges are known, so a gap is one figure."""
    national = open_publication(demo.ensure(common.demo()))
    quarter, seen = national.publication.latest, set()
    rows = national.standings
    for code in sorted(rows.loc[rows["quarter"] == quarter, "trust_code"]):
        told = board.goal(board.trust_of(national, quarter, code)).sentences
        for found in re.finditer(
            r"from (\d\.\d\d) to (\d\.\d\d): by (\d\.\d\d)( \(before rounding\))?", " ".join(told)
        ):
            high, low, gap = (round(100 * float(one)) for one in found.groups()[:3])
            assert (high - low != gap) == bool(found[4]) and abs(high - low - gap) <= 1, found[0]
            seen.add(bool(found[4]))
    assert seen == {True, False}
