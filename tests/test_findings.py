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
from nof.method import board, limits
from nof.method.view import open_publication, open_view
from nof.show import limits_charts as limit_charts
from nof.show import limits_findings, trust_charts, trust_findings
from nof.show.display import Chart

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"
CHARTS = ("places", "changes", "timeline", "mergers", "widths", "method")
SHARED = 7  # words in a row: fewer than that are names and turns of phrase


def known(**results):
    """A trust of which only these results of `board` are known."""
    return SimpleNamespace(_kept={(f"nof.method.board.{name}", (), ()): found for name, found in results.items()})


@pytest.fixture(scope="module")
def view(real):
    return open_view(real, QUARTER, TYPE)


@pytest.fixture(scope="module")
def national():
    return open_publication(demo.ensure(common.demo()))


def drawn(view) -> list[Chart]:
    found = []
    for name in CHARTS:
        one = getattr(limit_charts, name)(view)
        found += one if isinstance(one, list) else [one]
    return [one for one in found if one is not None]


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
    charts = dict(zip(CHARTS, drawn(view), strict=True))
    check(list(charts.values()))
    published = view.publication.league
    width = (published["rank_high"] - published["rank_low"] + 1).median()
    assert charts["places"].caption == f"A typical likely range covers {width:.0f} of 61 places"
    segments = view.publication.metrics.query("metric_id == 'OF5000'")
    segments = segments.pivot(index="trust_code", columns="quarter", values="value")
    moved = int((segments["2025-26-q3"] != segments[QUARTER]).sum())
    assert charts["changes"].caption == f"{moved} of 61 trusts changed segment; for none is the change more than noise"
    assert charts["timeline"].caption == f"{len(limits.in_quarter(view))} of 11 metric periods end in Q4 2025/26"
    touched = set(limits.affected(view)["trust_code"])
    assert charts["mergers"].caption.startswith(f"{len(touched)} of 61 trusts are touched by a merger")
    spans = limits.method(view)["rank_worst"] - limits.method(view)["rank_best"] + 1
    assert f"within {spans.median():.0f} of 61 places" in charts["method"].caption
    wide = limits.league(view)["average_high"] - limits.league(view)["average_low"]
    found = limits.league(view)["metrics_scored"].rank().corr(wide.rank())
    assert charts[
        "widths"
    ].caption == f"Few metrics go with a wide likely range (rank correlation {found:.2f})".replace("-", "−")


def test_alt_texts_of_the_real_file_equal_counts_made_another_way(view):
    charts = dict(zip(CHARTS, drawn(view), strict=True))
    table = limits.places(view)
    spans = table["rank_high"] - table["rank_low"] + 1
    assert f"spans {spans.min():.0f}, the longest {spans.max():.0f}." in charts["places"].alt
    assert (
        f"{((table['set_low'] == 1) & (table['set_high'] == 61)).sum()} of the confidence sets" in charts["places"].alt
    )
    away = limits.change(view)["average_after"] - limits.change(view)["average_before"]
    assert f"{(away < 0).sum()} became better and {(away > 0).sum()} worse" in charts["changes"].alt
    assert f"is {limits.periods(view)['age_months'].max():.0f} months old" in charts["timeline"].alt


def test_the_first_quarter_of_the_real_file_has_no_change_to_show(real):
    charts = drawn(open_view(real, "2025-26-q1", TYPE))
    check(charts)
    assert len(charts) == len(CHARTS) - 1


@pytest.mark.parametrize("quarter", ["2025-26-q1", "2025-26-q2"])
def test_a_table_of_two_trusts(tmp_path, quarter):
    charts = drawn(open_view(builders.publication(tmp_path), quarter, "acute"))
    check(charts)
    assert charts[0].caption == "A typical likely range covers 1 of 2 places"


def steps(*rows) -> pd.DataFrame:
    columns = ["segment_before", "segment_after", "more_than_noise", "q_value"]
    return pd.DataFrame(list(rows), columns=columns).assign(average_before=2.0, average_after=2.1)


STAYS, MOVES, SURE, NEWS = (2, 2, False, 0.9), (2, 3, False, 0.9), (2, 3, True, 0.01), (2, 2, True, 0.01)


@pytest.mark.parametrize(("rows", "caption"), [
    ([STAYS, STAYS], "No trust changed segment; no average changed by more than noise"),
    ([STAYS, NEWS], "No trust changed segment; 1 average changed by more than noise"),
    ([NEWS, NEWS], "No trust changed segment; 2 averages changed by more than noise"),
    ([MOVES, STAYS], "1 of 2 trusts changed segment; its change is no more than noise"),
    ([SURE, STAYS], "1 of 2 trusts changed segment; its change is more than noise"),
    ([MOVES, MOVES, STAYS], "2 of 3 trusts changed segment; for none is the change more than noise"),
    ([MOVES, SURE, NEWS], "2 of 3 trusts changed segment; for 1 the change is more than noise"),
    ([(2, 3, False, np.nan)] * 2, "2 of 2 trusts changed segment; too few new data to say whether any change is more than noise"),
    ([(2, 2, False, np.nan)] * 2, "No trust changed segment; too few new data to say whether any change is more than noise"),
    ([(np.nan, np.nan, False, 0.9)] * 2, "Segments are not known; no average changed by more than noise"),
    ([(np.nan, np.nan, True, 0.01)], "Segments are not known; 1 average changed by more than noise"),
])  # fmt: skip
def test_changes_of_segment_in_every_number(rows, caption):
    assert limits_findings.changes_caption(steps(*rows)) == caption


@pytest.mark.parametrize(("within", "count", "caption"), [
    (0, 1, "The one metric period does not end in Q4 2025/26"), (1, 1, "The one metric period ends in Q4 2025/26"),
    (0, 11, "None of the 11 metric periods ends in Q4 2025/26"), (11, 11, "All 11 metric periods end in Q4 2025/26"),
    (1, 11, "1 of 11 metric periods ends in Q4 2025/26"), (6, 11, "6 of 11 metric periods end in Q4 2025/26")])  # fmt: skip
def test_periods_in_every_number(within, count, caption):
    periods = pd.DataFrame({"in_quarter": [True] * within + [False] * (count - within)})
    assert (
        limits_findings.timeline_caption(SimpleNamespace(periods=periods, view=SimpleNamespace(quarter=QUARTER)))
        == caption
    )


@pytest.mark.parametrize(("timings", "caption"), [
    (["before quarter"], "1 of 61 trusts is touched by a merger"),
    (["after quarter"], "1 of 61 trusts is touched by a merger after the quarter"),
    (["before quarter", "in quarter"], "2 of 61 trusts are touched by a merger"),
    (["before quarter", "after quarter"], "2 of 61 trusts are touched by a merger, 1 of them after the quarter")])  # fmt: skip
def test_mergers_in_every_number(timings, caption):
    table = pd.DataFrame(
        {
            "timing": timings,
            "trust_code": list("ABC")[: len(timings)],
            "trust_name": "Fen NHS Trust",
            "event_date": pd.Timestamp("2025-10-01"),
        }
    )
    assert limits_findings.mergers_caption(table, 61) == caption
    alt = limits_findings.mergers_alt(table, Quarter.parse(QUARTER))
    assert ("one event, on 1 October 2025" in alt) == (len(timings) == 1) and "Fen." in alt


def ranges(*spans) -> pd.DataFrame:
    best = np.ones(len(spans))
    return pd.DataFrame(
        {
            "rank_best": best,
            "rank_worst": best + np.array(spans) - 1,
            "rank_low": best,
            "rank_high": best + np.array(spans) - 1,
        }
    )


def test_ranges_in_every_number():
    def caption(*spans):
        return limits_findings.method_caption(SimpleNamespace(method=ranges(*spans)))

    assert caption(1, 1) == caption(np.nan, np.nan) == "No choice of method tried here moves a trust"
    assert (
        caption(1, 1, 3) == "Choices of method do not move the typical trust; one could stand anywhere within 3 places"
    )
    assert caption(2, 3, 3) == "By method alone a typical trust could stand anywhere within 3 of 3 places"
    unknown = limits_findings.places_caption(SimpleNamespace(places=ranges(np.nan, np.nan)))
    assert unknown == "The likely ranges of the 2 places are not known"


@pytest.mark.parametrize(("low", "found", "high", "caption"), [
    (-0.7, -0.5, -0.2, "Few metrics go with a wide likely range (rank correlation −0.50)"),
    (0.2, 0.5, 0.7, "Many metrics go with a wide likely range (rank correlation 0.50)"),
    (-0.2, -0.1, 0.1, "The number of metrics does not clearly go with the width of the likely range (rank correlation −0.10)"),
    (np.nan, np.nan, np.nan, "Whether the number of metrics goes with the width of the likely range cannot be told here")])  # fmt: skip
def test_widths_say_no_more_than_their_interval(low, found, high, caption):
    widths = pd.DataFrame(
        {"spearman": [found], "spearman_low": [low], "spearman_high": [high]}, index=["average_width"]
    )
    league = pd.DataFrame({"metrics_scored": [6, 11]})
    assert limits_findings.widths_caption(SimpleNamespace(widths=widths, league=league)) == caption
    same = SimpleNamespace(widths=widths, league=league.assign(metrics_scored=6))
    assert limits_findings.widths_caption(same).startswith("Every trust is scored on 6 metrics")


# --- one trust ---


def of_trust(own) -> list[Chart]:
    return [one for one in (trust_charts.strip(own), trust_charts.bars(own), trust_charts.trend(own)) if one]


def test_captions_of_a_trust_equal_counts_made_another_way(national):
    for code in ("X0D", "X2G", "X8Q"):
        own = board.trust_of(national, QUARTER, code)
        charts = of_trust(own)
        check(charts)
        others = limits.league(own.view).query("trust_code != @code")["average_score"]
        inside = sum(board.place(own)["average_low"] <= one <= board.place(own)["average_high"] for one in others)
        assert charts[0].caption == f"Its likely range holds the averages of {inside} of the {len(others)} other trusts"
        adds = board.contributions(own)["contribution"].round(2)
        assert charts[1].caption.startswith(f"{(adds > 0).sum()} of {len(adds)} metrics make its average worse")
        scores = board.standings(own)["average_score"]
        assert f"{scores.iloc[0]:.2f} to {scores.iloc[-1]:.2f}; " in charts[2].caption


def test_captions_of_every_trust_of_the_real_file(real):
    published = open_publication(real)
    rows = published.standings
    for code in sorted(rows.loc[rows["quarter"] == QUARTER, "trust_code"])[::4]:
        check(of_trust(board.trust_of(published, QUARTER, code)))


def stand_in(averages: list[float], low: float, high: float) -> SimpleNamespace:
    league = pd.DataFrame({"trust_code": list("ABCDEF")[: len(averages)], "average_score": averages})
    return SimpleNamespace(
        limits=SimpleNamespace(league=league),
        code="A",
        name="Fen NHS Trust",
        trust_type="acute",
        place={"average_score": averages[0], "average_low": low, "average_high": high},
    )


@pytest.mark.parametrize(("averages", "low", "high", "caption"), [
    ([2.0], 1.5, 2.5, "No other acute trust stands in this table"),
    ([2.0, 2.1], 1.5, 2.5, "Its likely range holds the average of the one other trust"),
    ([2.0, 3.1], 1.5, 2.5, "Its likely range holds the average of no other trust"),
    ([2.0, 3.1, 3.2], 1.5, 2.5, "Its likely range holds the averages of none of the 2 other trusts"),
    ([2.0, 2.1, 3.2], 1.5, 2.5, "Its likely range holds the average of 1 of the 2 other trusts"),
    ([2.0, 2.1, 2.2], 1.5, 2.5, "Its likely range holds the averages of all 2 other trusts"),
    ([2.0, 2.1], np.nan, np.nan, "Its average of 2.00 among 1 other; no likely range is known")])  # fmt: skip
def test_a_likely_range_in_every_number(averages, low, high, caption):
    own = stand_in(averages, low, high)
    assert trust_findings.strip_caption(own) == caption
    assert trust_findings.strip_alt(own).startswith(f"Strip of the averages of {len(averages)} acute trust")


@pytest.mark.parametrize(
    ("values", "caption"),
    [
        ([0.0, 0.004], "No metric sets its average apart from a median trust's"),
        ([0.2], "Its one metric makes its average worse than a median trust's"),
        ([-0.2], "Its one metric makes its average better than a median trust's"),
        ([0.2, 0.0], "1 of 2 metrics makes its average worse than a median trust's"),
        ([0.0, -0.2, -0.3], "2 of 3 metrics make its average better than a median trust's"),
        ([0.2, -0.2, -0.3], "1 of 3 metrics makes its average worse than a median trust's, 2 better"),
    ],
)
def test_contributions_in_every_number(values, caption):
    table = pd.DataFrame({"contribution": values, "description": "Sickness absence rate"})
    own = known(contributions=table)
    assert trust_findings.bars_caption(own) == caption
    assert ("Most against it" in trust_findings.bars_alt(own)) == (values[0] > 0.005)


def test_a_trend_names_its_quarters_once_where_the_year_is_one():
    scores = pd.DataFrame([[2.0, 1.5], [2.0, 2.0], [np.nan, 1.0]], ["OF1", "OF2", "OF3"], ["2025-26-q1", QUARTER])
    own = known(
        quarters=list(scores.columns),
        scores=scores,
        standings=pd.DataFrame({"average_score": [2.0, 1.75]}, index=scores.columns),
    )
    assert (
        trust_findings.trend_caption(own)
        == "From Q1 to Q4 2025/26 its average went from 2.00 to 1.75; 1 metric became better, none worse"
    )
    span = ["2024-25-q4", QUARTER]
    still = pd.DataFrame({"average_score": [2.001, 2.001]}, index=span)
    own = known(quarters=span, scores=scores.iloc[2:].set_axis(span, axis=1), standings=still)
    assert trust_findings.trend_caption(own) == "From Q4 2024/25 to Q4 2025/26 its average stayed at 2.00"


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
