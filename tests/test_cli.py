"""The nof command, as a shell would see it: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import io
import re
import shutil

import pandas as pd
import pytest
from builders import publication
from ready import nof, started

COLUMNS = (
    "quarter,trust_type,rank,trust_code,trust_name,trust_subtype,region,average_score,average_low,average_high,"
    "segment_unadjusted,segment,in_deficit,rank_low,rank_high,metrics_scored,range_source,"
    "average_low_published,average_high_published,rank_low_published,rank_high_published,"
    "average_low_recomputed,average_high_recomputed,rank_low_recomputed,rank_high_recomputed"
)


def test_league_writes_the_columns_in_order_and_says_where_segments_come_from(real, tmp_path):
    path = tmp_path / "league.csv"
    done = nof("league", "--data", real, "--type", "mental-health-and-community", "-o", path)
    assert done.returncode == 0, done.stderr
    assert "published" in done.stderr and "national quartiles" in done.stderr
    table = pd.read_csv(path)
    assert ",".join(table.columns) == COLUMNS and len(table) == 61
    assert table.loc[0, ["quarter", "trust_code", "average_score", "rank"]].tolist() == ["2025-26-q4", "RYY", 1.53, 1]
    # NHS England's own likely range (as its league table prints it), ours beside it.
    assert table.loc[0, ["average_low", "average_high", "range_source"]].tolist() == [1.2, 1.89, "published"]
    assert table.loc[0, ["average_low_recomputed", "average_high_recomputed"]].tolist() == [1.21, 1.9]
    assert table.set_index("trust_code").loc["RV3", ["rank_low", "rank_high"]].tolist() == [1, 9]


def test_without_summary_rows_and_league_table_the_answer_is_the_same(real, tmp_path):
    arguments = ("--type", "mental-health-and-community")
    metrics = next(real.glob("*trust-data-q4*.csv"))
    frame = pd.read_csv(metrics, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    gone = frame["Metric_ID"].str.fullmatch("OF4.*|OF5000|OF5002")
    frame[~gone].to_csv(tmp_path / metrics.name, index=False, encoding="utf-8-sig")
    whole, poorer = nof("league", "--data", real, *arguments), nof("league", "--data", tmp_path, *arguments)
    assert gone.sum() > 1000 and whole.returncode == poorer.returncode == 0
    first, second = (pd.read_csv(io.StringIO(one.stdout)) for one in (whole, poorer))
    assert second["range_source"].eq("recomputed").all() and len(second) == 61
    ends = ["average_low", "average_high", "rank_low", "rank_high"]
    assert second[ends].equals(second[[f"{one}_recomputed" for one in ends]].set_axis(ends, axis=1))
    same = [one for one in first if one not in ends and not one.endswith("_published") and one != "range_source"]
    pd.testing.assert_frame_equal(first[same], second[same])


def test_a_league_table_of_ones_own_rules(real, tmp_path):
    """Without the finance domain RDY goes from 24 to 21; OF1079 and OF1081 only make OF1080, without which it stays."""
    arguments = ("league", "--data", real, "--type", "mental-health-and-community")
    done = nof(*arguments, "--leave-out", "OF1080,of1086", "-o", tmp_path / "own.csv")
    assert done.returncode == 0 and "not NHS England's rules: without OF1080, OF1086" in done.stderr
    table = pd.read_csv(tmp_path / "own.csv").set_index("trust_code")
    assert table.loc["RDY", ["place_published", "place", "moved"]].tolist() == [24, 21, 3]
    assert len(table) == 61 and table["rules"].eq("not NHS England's rules: without OF1080, OF1086").all()
    done = nof(*arguments, "--leave-out", "OF1079,OF1081")
    assert "made from OF1079 and OF1081" in done.stderr
    assert pd.read_csv(io.StringIO(done.stdout)).set_index("trust_code").loc["RDY", "place"] == 24
    done = nof(*arguments, "--weights", "OF1005=2", "--statistic", "median", "--no-override", "--subtype", "community")
    assert done.returncode == 0 and done.stdout.count("\n") == 15 and "Community trusts only" in done.stderr
    first = nof(*arguments, "--level", 1)
    assert first.returncode == 0 and first.stdout.count("\n") == 62 and "not NHS England's rules" not in first.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--leave-out", "OF1999"), "is not in the average"),
        (("--weights", "OF1005"), "expected as OF1005=2"),
        (("--weights", "OF1005=-1"), "a number of 0 or more"),
        (("--statistic", "mode"), "mean or median"),
        (("--subtype", "Huge"), "is not in this table"),
        (("--level", "3"), "--level"),
    ],
)
def test_rules_that_cannot_be_used_are_exit_code_2(real, words, said):
    done = nof("league", "--data", real, "--type", "mental-health-and-community", *words)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_an_earlier_quarter_and_a_metric_ranking(real):
    done = nof("metric", "--data", real, "--metric", "OF0063", "--quarter", "Q1 2025/26")
    assert done.returncode == 0 and done.stdout.count("\n") == 48 and "2025-26-q1" in done.stdout


def test_reconcile_says_its_share_and_fails_below_the_one_asked_for(real, tmp_path):
    done = nof("reconcile", "--data", real, "-o", tmp_path / "all.csv", "--at-least", "0.97")
    assert done.returncode == 0 and "9,135 of 9,373 published figures come out equal (97.5%)" in done.stderr
    assert "cannot test" in done.stderr and "OF1057" in done.stderr and "OF1061" not in done.stderr
    done = nof("reconcile", "--data", real, "-o", tmp_path / "all.csv", "--at-least", "0.98")
    assert done.returncode == 1 and "fewer than 98.0%" in done.stderr


def test_version_help_and_words_in_small_letters(tmp_path):
    done = started("--version")
    assert done.returncode == 0 and re.fullmatch(r"nof \d+\.\d+\.\d+", done.stdout.strip())
    assert "--quarter" in started("league", "-h").stdout
    folder = publication(tmp_path)
    small = nof("metric", "--data", folder, "--metric", "of0082")
    assert small.returncode == 0 and small.stdout == nof("metric", "--data", folder, "--metric", "OF0082").stdout


def test_names_are_whole_where_no_terminal_is(tmp_path):
    done = nof("check", "--data", publication(tmp_path))
    assert "2025-26-q1" in done.stdout and "2025-26-q2" in done.stdout and "…" not in done.stdout


def test_reconcile_writes_both_files(real, tmp_path):
    done = nof("reconcile", "--data", real, "-o", tmp_path / "all.csv", "--mismatches", tmp_path / "not.csv")
    assert done.returncode == 0, done.stderr
    summary, missed = pd.read_csv(tmp_path / "all.csv"), pd.read_csv(tmp_path / "not.csv")
    assert list(summary.columns) == [
        "quarter",
        "trust_type",
        "rule",
        "level",
        "published",
        "reproduced",
        "largest_difference",
    ]
    assert (summary["published"] - summary["reproduced"]).sum() == len(missed)


def test_check_says_what_was_found(real):
    done = started("check", "--data", real, env={"COLUMNS": "200", "PATH": "/usr/bin"})
    assert done.returncode == 0 and "8771" in done.stdout and "mental-health-and-community" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("league", "--type", "acut"), "one of mental-health-and-community"),
        (("league", "--type", "mental-health-and-community", "--quarter", "2024-25-q1"), "one of 2025-26-q1"),
        (("league", "--type", "mental-health-and-community", "--quarter", "soon"), "is not a quarter"),
        (("metric", "--metric", "OF9999"), "one of OF0005"),
    ],
)
def test_what_does_not_exist_is_named_beside_what_does(real, words, said):
    done = nof(words[0], "--data", real, *words[1:])
    assert done.returncode == 2 and said in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("league",), ("no-such-command",), ("league", "--type", "acute", "--data", "x", "--huh")]
)
def test_a_mistake_in_the_command_line_exits_2_without_a_traceback(words):
    done = nof(*words)
    assert done.returncode == 2 and done.stderr and "Traceback" not in done.stderr


def test_a_bad_file_exits_2_and_lists_every_problem(tmp_path):
    publication(tmp_path, ["acute"])
    path = next(tmp_path.glob("*trust-data*"))
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    lines[3] = lines[3].replace("Q", "X", 1)
    path.write_text("".join([*lines, lines[-1]]), encoding="utf-8-sig")
    done = nof("check", "--data", tmp_path)
    assert done.returncode == 2 and "row 4" in done.stderr and f"row {len(lines) + 1}" in done.stderr


def test_an_output_that_cannot_be_written_is_said(real, tmp_path):
    done = nof("league", "--data", real, "--type", "mental-health-and-community", "-o", tmp_path / "no" / "x.csv")
    assert done.returncode == 2 and "cannot be written" in done.stderr


def test_text_that_looks_like_a_formula_is_written_as_text(real, tmp_path):
    metrics = next(real.glob("*trust-data-q4*.csv"))
    text = metrics.read_text(encoding="utf-8-sig").replace("Oxleas NHS Foundation Trust", "=HYPERLINK(1)")
    (tmp_path / metrics.name).write_text(text, encoding="utf-8-sig")
    done = nof("league", "--data", tmp_path, "--type", "mental-health-and-community")
    assert done.returncode == 0 and ",'=HYPERLINK(1)," in done.stdout


def test_demo_writes_the_illustrative_publication(tmp_path):
    done = started("demo", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "demo").glob("*.csv"))) >= 6 and (tmp_path / "demo" / "ILLUSTRATIVE").is_file()
    shutil.rmtree(tmp_path / "demo")
