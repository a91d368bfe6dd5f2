"""The demo publication: consistent to the last digit, like the real files in form and content, and plainly not real."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from scipy import stats

from nof import demo
from nof.common import InputError
from nof.demo import names as demo_names
from nof.demo import values as demo_values
from nof.method import lineage, succession, timeliness
from nof.read import publication, store
from nof.read.mergers import read_mergers
from nof.rules import framework, reconcile, scoring

Q1, Q2, Q3, Q4 = (quarter.slug for quarter in demo_values.QUARTERS)
TYPES = list(demo_names.TYPE_NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo.ensure(tmp_path_factory.mktemp("demo") / "made")


@pytest.fixture(scope="module")
def read(folder):
    return publication.read(folder)


@pytest.fixture(scope="module")
def compared(read):
    return reconcile.compare(read)


def wide(read, metric_id: str, units: str | None = None) -> pd.DataFrame:
    rows = read.metrics[read.metrics["metric_id"] == metric_id]
    rows = rows if units is None else rows[rows["units"] == units]
    return rows.pivot(index="trust_code", columns="quarter", values="value")


# --- consistent to the last digit ---


def test_every_published_figure_is_reproduced_at_both_levels(compared):
    # Averages of rounded scores are what a reader's calculator gives, not what the method gives: they may differ.
    compared = compared[~compared["rule"].str.endswith(".from_rounded_scores")]
    assert len(compared) > 60_000
    assert set(compared["level"]) == {1, 2}
    wrong = reconcile.mismatches(compared)
    assert wrong.empty, wrong.to_string()


def test_every_score_of_a_known_rule_is_among_the_reproduced(compared):
    known = {metric.score_id for metric in framework.load("2025/26").metrics if metric.recomputable}
    second = set(compared.loc[compared["level"] == 2, "rule"])
    assert known <= second
    assert {"OF4100", "OF4105", "OF5003", "OF5000.rank", "league.average_low", "league.rank_high"} <= second


def test_scores_agree_with_another_implementation(read):
    rows = read.metrics[read.metrics["quarter"] == Q4]
    sickness = rows[rows["metric_id"] == "OF0082"].set_index("trust_code")["value"]
    rank = stats.rankdata(sickness, method="min")
    expected = pd.Series(1 + 3 * (rank - 1) / (len(sickness) - 1), sickness.index)
    published = rows[rows["metric_id"] == "OF1082"].set_index("trust_code")["value"]
    assert len(sickness) == 205
    assert ((published - expected).abs() <= 0.005 + 1e-9).all()


def test_an_average_agrees_with_a_calculator(folder):
    path = folder / "nhs-oversight-framework-acute-trust-data-q4-25-26.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Trust_code"] == "X0B" and row["Quarter"] == "Q4 2025/26"]
    score = {row["Metric_ID"]: float(row["Value"]) for row in rows}
    infections = [score.pop(one) / 3 for one in ("OF1020", "OF1048", "OF1088")]
    shown_only = ("OF1079", "OF1081")
    others = [number for one, number in score.items() if re.fullmatch("OF1...", one) and one not in shown_only]
    assert len(others) >= 10
    assert score["OF5002"] == pytest.approx((sum(infections) + sum(others)) / (1 + len(others)), abs=0.01)


def test_values_are_published_as_they_were_scored(read):
    values = read.metrics["value"].dropna()
    assert (values == scoring.round_half_up(values)).all()


# --- the form of the real files ---


def test_files_look_like_the_real_ones(folder, real):
    for kind in ("data", "league-table"):
        name = f"nhs-oversight-framework-mental-health-and-community-trust-{kind}-q4-25-26.csv"
        ours, theirs = (place.joinpath(name).read_bytes() for place in (folder, real))
        assert ours.split(b"\r\n")[0] == theirs.split(b"\r\n")[0]
        assert ours.startswith(b"\xef\xbb\xbf")
        assert ours.count(b"\n") == ours.count(b"\r\n")
        first = next(csv.DictReader(ours.decode("utf-8-sig").splitlines()))
        assert re.fullmatch(r"\d+\.0", first["Rank"])


def test_same_columns_styles_and_ids_as_the_real_ones(read, real):
    theirs = publication.read(real).metrics
    ours = read.metrics[read.metrics["trust_type"] == "mental-health-and-community"]
    keys = ["quarter", "metric_id", "units", "reporting_date"]
    assert set(theirs["metric_id"]) == set(ours["metric_id"])
    one, other = (frame.loc[frame["metric_id"] != "OF1067", keys] for frame in (ours, theirs))
    assert set(one.itertuples(index=False)) == set(other.itertuples(index=False))


def test_reading_gives_no_warning(read):
    assert read.warnings == ()
    assert read.illustrative
    assert timeliness.unknown_styles(read.metrics) == ()
    assert scoring.unknown_metrics(read.metrics, framework.load("2025/26")) == []


def test_counts(read):
    counts = read.trusts.groupby(["quarter", "trust_type"]).size().unstack()[TYPES]
    assert counts.loc[Q4].tolist() == [134, 61, 10]
    assert counts.loc[Q1].tolist() == [135, 62, 10]
    assert read.league.groupby("trust_type").size()[TYPES].tolist() == [134, 61, 10]
    assert set(read.league["quarter"]) == {Q4}
    subtypes = read.trusts[read.trusts["quarter"] == Q4].groupby("trust_subtype").size()
    assert subtypes[["Mental Health and Learning Disability", "Community", "Care Trust"]].tolist() == [44, 14, 3]


# --- plainly not real ---


def test_no_code_or_name_is_real(read, real):
    with (real / "ods-etr-trusts-2025-12.csv").open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.reader(file))
    assert not set(read.trusts["trust_code"]) & {row[0] for row in listed}
    assert not set(read.trusts["trust_code"].str[0]) & {row[0][0] for row in listed}
    words = set(re.findall("[a-z]+", " ".join(" ".join(row[:10]) for row in listed).lower()))
    assert len(words) > 500
    assert not {place.lower() for place in demo_names.places()} & words


def test_codes_and_names_are_well_formed(read):
    assert read.trusts["trust_code"].str.fullmatch("X[0-9][A-Z]").all()
    latest = read.trusts[read.trusts["quarter"] == Q4]
    assert latest["trust_name"].is_unique
    assert (latest["trust_name"].str.len() >= 70).sum() >= 3
    assert latest["trust_name"].str.contains("&.*'").sum() == 1


def test_the_folder_says_what_it_is(folder):
    assert (folder / demo.MARK).read_text(encoding="utf-8").startswith("Illustrative data. Nothing in this folder")


# --- what real data contain ---


def test_trusts_have_different_numbers_of_metrics(read):
    scores = scoring.published_scores(read.metrics, framework.load("2025/26"))
    scores = scores[(scores["quarter"] == Q4) & (scores["weight"] > 0)]
    sizes = scores.groupby("trust_code").size()
    subtype = read.trusts[read.trusts["quarter"] == Q4].set_index("trust_code")["trust_subtype"]
    medians = sizes.groupby(subtype).median()
    assert medians["Community"] in (7, 8)
    assert medians["Mental Health and Learning Disability"] in (10, 11)
    assert sizes[subtype == "Specialist"].min() < sizes[subtype == "Teaching"].min()


def test_ties_at_zero_and_elsewhere(read):
    waits = wide(read, "OF0005")[Q4].dropna()
    assert (waits == 0).sum() >= 20
    staff = wide(read, "OF0061")[Q4]
    assert staff.duplicated().sum() >= 20


def test_deficits_trigger_the_override(read):
    flag, raw, adjusted = (wide(read, one)[Q4].dropna() for one in ("OF5004", "OF5003", "OF5000"))
    moved = (flag == 1) & (raw < 3)
    assert set(raw[moved]) == {1, 2}
    assert (adjusted[moved] == 3).all()
    assert (adjusted[~moved] == raw[~moved]).all()
    money = wide(read, "OF0079") + wide(read, "OF0081")
    surplus = (wide(read, "OF5004") == 1) & (money > 0)
    assert surplus.all(axis=1).sum() == 1


def test_no_finance_score_rests_on_the_unknown_cell(read):
    plan, variance, combined = (wide(read, one) for one in ("OF1079", "OF1081", "OF1080"))
    assert not ((plan == 2) & (variance == 3)).any(axis=None)
    assert (combined.notna() == plan.notna()).all(axis=None)


def test_suppressed_values_have_a_row_and_no_score(read):
    blank = read.metrics[read.metrics["value"].isna()]
    assert len(blank) >= 5
    assert blank["metric_id"].str.startswith("OF0").all()
    keys = set(read.metrics[["quarter", "trust_code", "metric_id"]].itertuples(index=False, name=None))
    assert all((row.quarter, row.trust_code, "OF1" + row.metric_id[3:]) not in keys for row in blank.itertuples())


def test_infections_have_a_count_and_a_rate(read):
    for metric_id in ("OF0020", "OF0048", "OF0088"):
        counts, rates = wide(read, metric_id, "count"), wide(read, metric_id, "rate")
        assert counts.index.equals(rates.index)
        assert (counts.dropna() % 1 == 0).all(axis=None)


def test_final_segment_in_the_first_two_quarters_only(read):
    final = wide(read, "OF5005")
    assert list(final.columns) == [Q1, Q2]
    assert ((final == 5).sum() == 1).all()
    assert (final[final == 5].notna() == (wide(read, "OF5007") == 1)).all(axis=None)


def test_pools_hold_several_types(read):
    for metric_id in ("OF0005", "OF0016", "OF0041", "OF0057"):
        rows = read.metrics[(read.metrics["metric_id"] == metric_id) & (read.metrics["quarter"] == Q4)]
        assert set(rows["trust_type"]) == {"acute", "mental-health-and-community"}


def test_mergers_explain_every_code_that_comes_or_goes(read, folder):
    mergers = read_mergers(folder / demo.MERGERS)
    assert succession.unexplained(read.trusts, mergers).empty
    without = succession.unexplained(read.trusts, mergers.iloc[:0])
    assert sorted(without["trust_code"]) == ["X5Q", "X7D", "X8P", "X8Q"]
    assert set(lineage.blank_because_of_merger(read.metrics, Q3, mergers)["metric_id"]) == {"OF0041"}


def test_one_trust_is_renamed(read):
    names = read.trusts.groupby("trust_code")["trust_name"].agg(lambda names: len(set(names)))
    assert names[names > 1].index.tolist() == ["X2D"]


def test_quarters_resemble_each_other_as_real_ones_do(read):
    average = wide(read, "OF5002")
    assert average.min(axis=None) < 1.6
    assert 3.0 < average.max(axis=None) < 3.7
    for before, after in ((Q1, Q2), (Q2, Q3), (Q3, Q4)):
        assert 0.85 < average[before].corr(average[after], method="spearman") < 0.97  # 0.86 to 0.94 in the real file


# --- the same bytes, made when needed ---


def test_same_bytes_in_another_process(folder):
    code = (
        "import hashlib; from nof import demo; made = demo.files(*demo.build());"
        "print(*(n + ' ' + hashlib.sha256(b).hexdigest() for n, b in made.items()), sep='\\n')"
    )
    elsewhere = os.environ | {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env=elsewhere, capture_output=True, text=True, check=True).stdout
    hashes = dict(line.split() for line in told.splitlines())
    assert len(hashes) == 7
    for name, expected in hashes.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name


def test_another_seed_gives_other_figures():
    bodies = demo_names.trusts().drop_duplicates("body").set_index("body")
    one, other = (demo_values.values(bodies, framework.load("2025/26"), seed) for seed in (1, 2))
    assert not one.equals(other)
    assert one.equals(demo_values.values(bodies, framework.load("2025/26"), 1))


@pytest.fixture
def quick(monkeypatch, folder):
    """Writes copies of files made before, and counts how often; nothing is kept between."""
    monkeypatch.setenv(store.VARIABLE, "")
    made = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    calls = []
    monkeypatch.setattr(demo.folder, "build", lambda *given: (calls.append(given), given))
    monkeypatch.setattr(demo.folder, "files", lambda *given: made)
    return calls


def test_ensure_makes_it_once(quick, tmp_path):
    demo.ensure(tmp_path / "new" / "demo")
    demo.ensure(tmp_path / "new" / "demo")
    assert len(quick) == 1
    assert not [path for path in (tmp_path / "new" / "demo").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("spoil", ["stamp", "file", "mergers"])
def test_ensure_makes_it_again(quick, tmp_path, spoil):
    (tmp_path / "README.md").write_text("kept")
    demo.ensure(tmp_path)
    if spoil == "stamp":
        mark = tmp_path / demo.MARK
        mark.write_text(mark.read_text().replace("Stamp: ", "Stamp: 0"))
    else:
        next(tmp_path.glob("*table*.csv" if spoil == "file" else demo.MERGERS)).unlink()
    demo.ensure(tmp_path)
    assert len(quick) == 2
    assert len(list(tmp_path.glob("*.csv"))) == 7
    assert (tmp_path / "README.md").read_text() == "kept"


def test_a_broken_run_is_noticed_and_never_unlabelled(quick, tmp_path, monkeypatch):
    put, done = demo.folder._put, []

    def failing(staging, folder, name, data):
        if len(done) == 3:
            raise OSError("no space left on device")
        done.append(name)
        put(staging, folder, name, data)

    monkeypatch.setattr(demo.folder, "_put", failing)
    with pytest.raises(OSError, match="no space"):
        demo.ensure(tmp_path)
    assert done[0] == demo.MARK
    monkeypatch.setattr(demo.folder, "_put", put)
    demo.ensure(tmp_path)
    assert len(quick) == 2


def test_files_of_an_older_demo_go(quick, tmp_path):
    demo.ensure(tmp_path)
    old = tmp_path / "nhs-oversight-framework-acute-trust-data-q3-25-26.csv"
    old.write_text("old")
    demo.ensure(tmp_path)
    assert not old.exists()


def test_it_never_writes_among_real_files(quick, tmp_path):
    (tmp_path / "nhs-oversight-framework-acute-trust-data-q4-25-26.csv").write_text("real")
    with pytest.raises(InputError, match="not a demo's"):
        demo.ensure(tmp_path)
    assert not quick


def test_an_unknown_framework_is_an_error(tmp_path):
    with pytest.raises(InputError, match="expected one of 2025-26"):
        demo.ensure(tmp_path / "x", framework_year="1999-00")
    assert not (tmp_path / "x").exists()


def test_the_stamp_knows_framework_and_seed():
    assert len({demo.stamp(), demo.stamp(seed=1)}) == 2
