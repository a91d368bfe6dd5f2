"""The limitations briefing: its numbers against counts made here another way, and every case that the data can bring."""

from __future__ import annotations

import re
import shutil

import builders
import nbformat
import numpy as np
import pandas as pd
import pytest

from nof import demo
from nof.common import notebooks
from nof.method import limits, peers, rank_sets
from nof.method import limits as limit_parts
from nof.method.view import open_view
from nof.read import mergers
from nof.show import limits_charts as limit_charts
from nof.show import limits_front as limit_front
from nof.show import limits_method as limit_method_words
from nof.show import limits_tables as limit_tables
from nof.show import limits_words as limit_words
from nof.show.display import Chart, Table, Words

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"
WORDS = [
    (limit_front, ("cannot", "can", "board_advice", "notes")),
    (
        limit_words,
        (
            "uncertainty",
            "pairing",
            "segments",
            "uncertainty_advice",
            "volatility",
            "lasting",
            "volatility_advice",
            "lags",
            "in_quarter",
            "lags_advice",
            "mergers",
            "merged",
            "mergers_advice",
        ),
    ),
    (limit_method_words, ("types", "types_advice", "method", "shuffled", "covariate", "method_advice")),
]
CHARTS = ("places", "changes", "timeline", "mergers", "widths", "method")
TABLES = (
    "places",
    "changes",
    "transitions",
    "reliability",
    "periods",
    "in_quarter",
    "mergers",
    "merged",
    "subtypes",
    "best_of_subtypes",
    "choices",
    "moved_most",
    "shuffled",
)


@pytest.fixture(scope="module")
def view(real):
    return open_view(real, QUARTER, TYPE)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """Folder of the demo publication."""
    return demo.ensure(tmp_path_factory.mktemp("demo"))


def everything(view):
    """All that the notebook shows."""
    shown = [getattr(module, name)(view) for module, names in WORDS for name in names]
    shown += [limit_front.card(view)]
    for name in CHARTS:
        found = getattr(limit_charts, name)(view)
        shown += found if isinstance(found, list) else [found]
    return [one for one in [*shown, *(getattr(limit_tables, name)(view) for name in TABLES)] if one is not None]


def text(shown) -> str:
    parts = []
    for one in shown:
        if isinstance(one, Words):
            parts.append(one.markdown)
        elif isinstance(one, Chart):
            parts.append(one.alt)
        else:
            parts.append(str(one.data()))
    return "\n".join(parts)


def check(shown) -> None:
    """No number that is not one, no name of a column or metric where a reader expects words, alt text everywhere."""
    every = text(shown)
    assert not re.search(r"\bnan\b|\bNone\b(?! of)|<NA>|\binf\b", every), re.search(
        r".{40}(\bnan\b|<NA>|\binf\b).{40}", every
    )
    prose = "\n".join(one.markdown for one in shown if isinstance(one, Words))
    assert not re.search(r"OF\d{4}|mental-health-and|_", prose)
    assert all(one.alt for one in shown if isinstance(one, Chart))
    for one in shown:
        if isinstance(one, Table):
            assert one.data()["rows"], one.caption


# --- the real file ---


def test_the_real_file_gives_every_part(view):
    shown = everything(view)
    assert len([one for one in shown if isinstance(one, Chart)]) == len(CHARTS)
    check(shown)


def test_places_hold_published_ranges_and_sets(view):
    table = limits.places(view).set_index("trust_code")
    assert limits.ranges_published(view)
    # Published: Kent Community Health, place 1 with 1 to 11 and an average between 1.20 and 1.89.
    assert tuple(table.loc["RYY", ["rank_low", "rank_high", "average_low", "average_high"]]) == (1, 11, 1.2, 1.89)
    assert (
        table["set_low"].le(table["place_by_average"]).all() and table["set_high"].ge(table["place_by_average"]).all()
    )
    assert (table["joint_low"] <= table["set_low"]).all() and (table["joint_high"] >= table["set_high"]).all()
    np.testing.assert_allclose(table[[f"chance_{one}" for one in (1, 2, 3, 4)]].sum(axis=1), 1)
    assert (table.loc[table["in_deficit"], ["chance_1", "chance_2"]] == 0).all(axis=None)


def test_statements_equal_counts_made_another_way(view, real):
    published = open_view(real, QUARTER, TYPE).publication.league
    middle = published["average_score"].median()
    holds = int(((published["average_low"] <= middle) & (published["average_high"] >= middle)).sum())
    width = (published["rank_high"] - published["rank_low"] + 1).median()
    said = limit_front.cannot(view).markdown
    assert f"covers {width:.0f} of the 61 places" in said
    assert f"{holds} of 61 ({100 * holds / 61:.0f}%) trusts cannot be told apart from the median trust" in said
    segments = open_view(real, QUARTER, TYPE).publication.metrics.query("metric_id == 'OF5000'")
    segments = segments.pivot(index="trust_code", columns="quarter", values="value")
    moved = int((segments["2025-26-q3"] != segments["2025-26-q4"]).sum())
    assert f"{moved} of 61 trusts changed segment since Q3 2025/26" in said


def test_told_apart_counts_pairs_by_hand(view):
    """Holm by hand for one trust: two-sided in effect, 120 one-sided tests of paired t statistics."""
    scores, _ = limits.matrix(view)
    told = limits.places(view).set_index("trust_code")["told_apart"]
    from scipy import stats

    for code in (told.idxmax(), told.idxmin()):
        p = []
        for other in scores.index.drop(code):
            gap = (scores.loc[code] - scores.loc[other]).dropna()
            better = stats.ttest_1samp(gap, 0, alternative="less").pvalue
            p += [better, 1 - better]
        ordered = np.sort(p)
        steps = 0.05 / np.arange(len(p), 0, -1)
        passed = (ordered <= steps).cumprod().sum()
        assert passed == told[code]


def test_mergers_of_the_real_file(view):
    assert set(limits.affected(view)["trust_code"]) == {"RW1", "G6V2S", "RNK", "RY2", "RY3", "RYV"}
    assert set(limits.blanks(view)["trust_code"]) == {"G6V2S"}
    assert [found is None for _, found in limits.merged(view)] == [False, True, False]
    assert "Arithmetic, not prediction" in limit_words.merged(view).markdown


def test_lags_of_the_real_file(view):
    assert limits.unmoved(view) == ("OF1086",)
    assert set(limits.in_quarter(view)) == {"OF1005", "OF1016", "OF1041", "OF1057", "OF1063", "OF1080"}
    both = limits.in_quarter_ranks(view).dropna(subset=["rank_in_quarter"])
    assert (both["rank"] - both["rank_in_quarter"] == both["places"]).all()


def test_covariate_is_set_beside_the_average(real, tmp_path):
    league = open_view(real, QUARTER, TYPE).league
    path = tmp_path / "numbers.csv"
    pd.DataFrame({"trust_code": league["trust_code"], "dose": league["average_score"] * 2}).to_csv(path, index=False)
    said = limit_method_words.covariate(open_view(real, QUARTER, TYPE), str(path)).markdown
    assert "dose and the average score" in said and "61 trusts" in said and "not a cause" in said


def test_covariate_of_another_type_says_that_nothing_matches(real):
    path = str(real / "digital-maturity-2025-acute.csv")
    found = limit_method_words.covariate(open_view(real, QUARTER, TYPE), path, "dma_overall")
    assert "too few" in found.markdown


def test_tables_are_whole_and_fit_for_csv(view):
    from nof import common

    tables = limits.tables(view)
    assert {"limits_places", "limits_changes", "limits_method", "limits_choices"} <= set(tables)
    assert len(tables["limits_places"]) == len(tables["limits_method"]) == 61
    for name, frame in tables.items():
        assert common.text(frame).count("\n") == len(frame) + 1, name


# --- less than everything ---


def test_a_first_quarter_says_that_movement_cannot_be_judged(real):
    view = open_view(real, "2025-26-q1", TYPE)
    assert limits.last_step(view) is None and limits.unmoved(view) is None and limits.change(view).empty
    shown = everything(view)
    check(shown)
    assert limit_charts.changes(view) is None and limit_tables.changes(view) is None
    assert "no quarter before" in limit_words.volatility(view).markdown
    assert "no movement can be judged" in limit_front.cannot(view).markdown
    assert "NHS England publishes" not in limit_words.uncertainty(view).markdown  # its league file holds Q4 only


def test_an_earlier_quarter_knows_nothing_of_later_ones(real):
    view = open_view(real, "2025-26-q2", TYPE)
    assert [step[:2] for step in limits.steps(view)] == [("2025-26-q1", "2025-26-q2")]
    assert limits.metrics(view)["quarter"].max() == "2025-26-q2"
    assert max(panel.columns.max() for panel in limits.panels(view).values()) == "2025-26-q2"


@pytest.mark.parametrize("trust_type", ["acute", TYPE, "ambulance"])
def test_the_demo_gives_every_part_for_each_type(made_up, trust_type):
    view = open_view(made_up, QUARTER, trust_type)
    shown = everything(view)
    check(shown)
    heights = [one.height_mm for one in shown if isinstance(one, Chart)]
    assert max(heights) <= 250


def test_the_demo_marks_what_its_merger_breaks(made_up):
    view = open_view(made_up, QUARTER, TYPE)
    assert "X8Q" in limits.broken(view, "2025-26-q2", "2025-26-q3")
    row = limit_tables.mergers(view).frame.set_index("trust_code").loc["X8Q"]
    assert row["broken"] == "Q2 2025/26 with Q3 2025/26"
    assert limits.unexplained(view).empty  # its own mergers.csv explains the codes
    third = open_view(made_up, "2025-26-q3", TYPE)
    assert "X8Q" in set(limits.excluded(third)["trust_code"]) and "X8Q" not in set(limits.change(third)["trust_code"])
    assert "not comparable: merger" in limit_words.volatility(third).markdown


def test_without_its_mergers_the_demo_warns_of_codes(made_up, tmp_path):
    shutil.copytree(made_up, tmp_path / "demo")
    (tmp_path / "demo" / "mergers.csv").unlink()
    view = open_view(tmp_path / "demo", QUARTER, TYPE)
    assert {"X7D", "X8P", "X8Q"} <= set(limits.unexplained(view)["trust_code"])
    assert "Not explained by a known merger" in limit_words.mergers(view).markdown


def test_two_trusts_with_two_metrics(tmp_path):
    view = open_view(builders.publication(tmp_path), "2025-26-q2", "acute")
    check(everything(view))
    assert limits.places(view)["told_apart"].eq(0).all()


def test_one_quarter_of_two_trusts(tmp_path):
    view = open_view(builders.publication(tmp_path), "2025-26-q1", "acute")
    check(everything(view))


def test_mergers_of_the_folder_come_beside_the_known(made_up, tmp_path):
    both, own = mergers.known_mergers(made_up), mergers.known_mergers(tmp_path)
    assert len(both) > len(own) and both["effective_date"].is_monotonic_increasing


# --- paired sets on made-up scores ---


def frame(rows: dict[str, list[float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=[f"OF{number}" for number in range(1001, 1001 + len(next(iter(rows.values()))))]).T


def test_a_constant_difference_or_one_shared_metric_never_tells_apart():
    scores = frame({"A": [1, 1, 1, np.nan], "B": [4, 4, 4, np.nan], "C": [np.nan, np.nan, 2, 3]})
    paired = peers.paired_difference_errors(scores, pd.Series(1.0, scores.columns))
    sets = limit_parts.place_sets(scores.mean(axis=1), paired)
    assert sets["lower"].eq(1).all() and sets["upper"].eq(3).all()


def test_clear_differences_tell_apart_and_mirror():
    scores = pd.DataFrame(
        np.random.default_rng(1).normal(0, 0.05, (4, 12)) + np.array([[1], [2], [3], [4]]),
        list("ABCD"),
        [f"OF{number}" for number in range(12)],
    )
    ones = pd.Series(1.0, scores.columns)
    sets = limit_parts.place_sets(scores.mean(axis=1), peers.paired_difference_errors(scores, ones), simultaneous=True)
    assert list(sets["lower"]) == list(sets["upper"]) == [1, 2, 3, 4]
    mirrored = limit_parts.place_sets(
        -scores.mean(axis=1), peers.paired_difference_errors(-scores, ones), simultaneous=True
    )
    assert list(mirrored["lower"]) == [4, 3, 2, 1]


def test_differences_equal_to_those_of_the_estimates_change_nothing():
    random = np.random.default_rng(2)
    scores = pd.DataFrame(random.normal(0, 1, (8, 10)) + np.linspace(0, 3, 8)[:, None])
    estimate, ones = scores.mean(axis=1), pd.Series(1.0, scores.columns)
    paired = peers.paired_difference_errors(scores, ones)
    options = {"difference_error": paired.standard_error, "degrees_of_freedom": paired.freedom.clip(lower=1)}
    for best in ("low", "high"):
        plain = rank_sets.rank_confidence_sets(estimate, None, best=best, **options)
        given = rank_sets.rank_confidence_sets(estimate, None, best=best, difference=paired.difference, **options)
        pd.testing.assert_frame_equal(plain, given)
        shuffled = estimate.sample(frac=1, random_state=3)
        again = rank_sets.rank_confidence_sets(shuffled, None, best=best, difference=paired.difference, **options)
        pd.testing.assert_frame_equal(again.loc[given.index], given)


def test_differences_need_their_errors_and_must_mirror():
    estimate = pd.Series([1.0, 2.0, 3.0])
    gap = pd.DataFrame(np.subtract.outer(estimate.to_numpy(), estimate.to_numpy()))
    error = pd.DataFrame(1.0 - np.eye(3))
    with pytest.raises(ValueError, match="needs difference_error"):
        rank_sets.rank_confidence_sets(estimate, estimate, difference=gap)
    with pytest.raises(ValueError, match="mirror image"):
        rank_sets.rank_confidence_sets(
            estimate, None, difference=gap.abs(), difference_error=error, degrees_of_freedom=5
        )


def paired_coverage(simultaneous: bool, runs: int = 300) -> float:
    """Share of runs in which the sets hold the true places: trusts scored on different metrics that differ in level."""
    random = np.random.default_rng(20)
    truth = np.array([0, 0, 0, 0.4, 0.8, 1.2, 2.0, 2.0])
    first = 1 + (truth[None, :] < truth[:, None]).sum(axis=1)
    last = len(truth) - (truth[None, :] > truth[:, None]).sum(axis=1)
    hits = []
    for _ in range(runs):
        scores = pd.DataFrame(truth[:, None] + random.normal(0, 1, 11) + random.normal(0, 1, (8, 11)))
        scores = scores.mask(random.random(scores.shape) < 0.2)
        paired = peers.paired_difference_errors(scores, pd.Series(1.0, scores.columns))
        sets = limit_parts.place_sets(scores.mean(axis=1), paired, simultaneous)
        covered = (sets["lower"] <= first) & (sets["upper"] >= last)
        hits.append(covered.all() if simultaneous else covered.mean())
    return float(np.mean(hits))


@pytest.mark.parametrize("simultaneous", [False, True])
def test_paired_sets_cover_at_least_their_level(simultaneous, record_property):
    found = paired_coverage(simultaneous)
    record_property("coverage", found)
    print(f"coverage of paired sets, simultaneous={simultaneous}: {found:.4f}")
    assert found >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5


# --- the notebook ---


def test_the_notebook_has_the_parameters_of_its_neighbours_and_no_outputs():
    notebook = nbformat.read(notebooks() / "limitations.ipynb", as_version=4)
    nbformat.validate(notebook)
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert {"quarter", "data", "trust_type"} <= set(re.findall(r"^(\w+) =", parameters.source, re.MULTILINE))
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert all(cell.source.count("\n") < 12 and "def " not in cell.source for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
