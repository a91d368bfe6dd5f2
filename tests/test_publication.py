"""Reading publications: the real files, every drift between releases, every bad input."""

from __future__ import annotations

import csv
import dataclasses
import io
import logging
import math
import os
import random
import tempfile
from pathlib import Path

import builders as b
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nof.common import InputError
from nof.read import checks, releases, sheets
from nof.read.publication import LEAGUE_FIELDS, METRIC_FIELDS, TRUST_FIELDS, read

MHC = "mental-health-and-community"


def values(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame without the place where each row was found."""
    return frame.drop(columns=["file", "row"], errors="ignore").reset_index(drop=True)


def assert_same(one, other):
    for name in ("metrics", "trusts", "league"):
        pd.testing.assert_frame_equal(values(getattr(one, name)), values(getattr(other, name)))


def problems_of(folder):
    with pytest.raises(InputError) as caught:
        read(folder)
    assert caught.value.problems
    return caught.value.problems


@pytest.fixture
def folder(tmp_path):
    """A valid publication of acute trusts."""
    return b.publication(tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What that publication reads as."""
    return read(b.publication(tmp_path_factory.mktemp("plain")))


def rewrite(folder, kind="metrics", change=None, header=None, **options):
    """Write one file of the folder anew after changing its rows in place; return its name."""
    rows = b.metric_rows() if kind == "metrics" else b.league_rows()
    usual = b.METRIC_HEADER if kind == "metrics" else b.LEAGUE_HEADER
    if change:
        rows = change(rows) or rows
    name = b.metrics_name() if kind == "metrics" else b.league_name()
    b.write(folder, name, b.table(rows, header or usual, **options))
    return name


# ---------------------------------------------------------------- the real files


def test_real_counts(real):
    found = read(real)
    assert len(found.metrics) == 8771
    assert found.metrics["trust_code"].nunique() == 61
    assert found.quarters == ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
    assert found.latest == "2025-26-q4"
    assert found.trust_types == [MHC]
    assert len(found.trusts) == 244
    assert len(found.league) == 61
    assert found.warnings == ()
    assert not found.illustrative
    assert found.league.notna().all(axis=None)
    assert (found.league["average_low"] <= found.league["average_score"]).all()
    assert (found.league["average_score"] <= found.league["average_high"]).all()
    assert (found.league["rank_low"] <= found.league["rank_high"]).all()


def test_real_league_agrees_with_real_metrics(real):
    found = read(real)
    latest = found.metrics[found.metrics["quarter"] == found.latest]
    league = found.league.set_index("trust_code")
    for metric, column, published in (
        ("OF5002", "value", "average_score"), ("OF5000", "value", "segment"),
        ("OF5000", "rank", "rank"), ("OF5004", "value", "in_deficit"),
    ):  # fmt: skip
        rows = latest[latest["metric_id"] == metric].set_index("trust_code")[column]
        assert (rows == league.loc[rows.index, published]).sum() == 61


def test_real_rows_are_lines_of_the_file(real):
    found = read(real)
    for name, rows in found.metrics.groupby("file"):
        lines = (real / name).read_text(encoding="utf-8-sig").splitlines()
        for row in rows.sample(50, random_state=1).itertuples():
            assert row.trust_code in lines[row.row - 1]
            assert row.metric_id in lines[row.row - 1]


def test_real_summary(real):
    summary = read(real).summary()
    metrics = summary.set_index("kind").loc["metrics"]
    assert (metrics["trusts"], metrics["metrics"], metrics["rows"]) == (61, 41, 8771)
    assert list(summary["kind"]) == ["metrics", "league"]


def test_real_values_equal_a_plain_reading(real):
    """pandas' own CSV reader as the independent check."""
    found = read(real)
    raw = pd.read_csv(next(real.glob("*trust-data*.csv")), encoding="utf-8-sig")
    pairs = {"Value": "value", "Median_value": "median", "Lower_quartile": "lower_quartile",
             "Upper_quartile": "upper_quartile", "Rank": "rank"}  # fmt: skip
    for published, ours in pairs.items():
        pd.testing.assert_series_equal(raw[published].astype(float), found.metrics[ours], check_names=False)
    assert list(raw["Metric_ID"]) == list(found.metrics["metric_id"])


# ---------------------------------------------------------------- shape of the result


def test_contract_of_the_frames(folder):
    found = read(folder)
    assert tuple(found.metrics.columns) == METRIC_FIELDS
    assert tuple(found.trusts.columns) == TRUST_FIELDS
    assert tuple(found.league.columns) == LEAGUE_FIELDS
    assert not found.metrics.duplicated(["quarter", "trust_code", "metric_id", "units"]).any()
    assert not found.trusts.duplicated(["quarter", "trust_code"]).any()
    assert found.league["in_deficit"].tolist() == [False, True]
    assert found.league["in_deficit"].dtype == bool
    for name in ("value", "median", "rank"):
        assert found.metrics[name].dtype == float
    assert found.league[["average_low", "average_high"]].to_numpy().tolist() == [[1.0, 1.2], [3.5, 4.0]]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.illustrative = True


def test_files_frame(folder):
    files = read(folder).files
    assert sorted(files["kind"]) == ["league", "metrics"]
    row = files.set_index("kind").loc["metrics"]
    assert (row["trust_type"], row["version"], row["rows"]) == ("acute", 1, 44)
    assert row["quarters"] == "2025-26-q1,2025-26-q2"
    assert len(row["sha256"]) == 64
    assert not files["superseded"].any()


def test_three_types_in_order(tmp_path):
    found = read(b.publication(tmp_path, ("ambulance", MHC, "acute")))
    assert found.trust_types == ["acute", MHC, "ambulance"]
    assert list(found.summary()["trust_type"]) == ["acute"] * 2 + [MHC] * 2 + ["ambulance"] * 2
    assert found.summary()["rows"].sum() == 44 + 36 + 36 + 6


def test_one_file_of_all_types(tmp_path):
    rows = [row for trust_type in b.TYPES for row in b.metric_rows(trust_type)]
    b.write(tmp_path, "all.csv", b.table(rows, b.METRIC_HEADER))
    found = read(tmp_path)
    assert found.trust_types == ["acute", MHC, "ambulance"]
    assert found.files["trust_type"].tolist() == ["acute,mental-health-and-community,ambulance"]


def test_illustrative(folder, plain):
    assert not plain.illustrative
    (folder / "ILLUSTRATIVE").touch()
    assert read(folder).illustrative


def test_no_league_file_is_fine(folder, plain):
    (folder / b.league_name()).unlink()
    found = read(folder)
    assert len(found.league) == 0
    assert tuple(found.league.columns) == LEAGUE_FIELDS
    assert (found.league.dtypes == plain.league.dtypes).all()
    assert len(found.metrics) == 44


def test_summary_rows_may_be_absent(folder):
    rewrite(folder, change=lambda rows: [row for row in rows if row["Metric_ID"] < "OF4"])
    (folder / b.league_name()).unlink()
    assert set(read(folder).metrics["metric_id"]) == {"OF0005", "OF1005", "OF0082", "OF1082", "OF0048"}


def test_string_path(folder, plain):
    assert_same(read(str(folder)), plain)


# ---------------------------------------------------------------- drift between releases


@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_bom_line_ends_and_quotes_do_not_matter(tmp_path, plain, bom, newline, quoting):
    for text, name in ((b.metrics_text, b.metrics_name()), (b.league_text, b.league_name())):
        b.write(tmp_path, name, text(newline=newline, quoting=quoting), bom=bom)
    found = read(tmp_path)
    assert_same(found, plain)
    assert found.metrics["row"].tolist() == list(range(2, 46))


def test_whole_numbers_without_point(folder, plain):
    def shorten(rows):
        for row in rows:
            row.update({name: row[name].removesuffix(".0") for name in ("Value", "Rank", "Segment") if name in row})

    rewrite(folder, change=shorten)
    rewrite(folder, "league", change=shorten)
    assert_same(read(folder), plain)


@pytest.mark.parametrize("blank", ["NA", " ", '""'])
def test_blank_and_na(folder, plain, blank):
    text = b.metrics_text()
    changed = text.replace(",,,,", f",{blank},{blank},{blank},").replace(",\r\n", f",{blank}\r\n")
    assert changed.count(blank) > 40
    b.write(folder, b.metrics_name(), changed)
    assert_same(read(folder), plain)


def test_blank_value_is_kept_as_unknown(folder):
    rewrite(folder, change=lambda rows: rows[0].update(Value="NA"))
    found = read(folder)
    assert found.metrics["value"].isna().sum() == 1
    assert found.summary()["blank_values"].tolist() == [1, 0]


def test_column_order_is_free(folder, plain):
    rewrite(folder, header=b.METRIC_HEADER[::-1])
    rewrite(folder, "league", header=sorted(b.LEAGUE_HEADER))
    assert_same(read(folder), plain)


def test_names_of_files_are_free(folder, plain):
    (folder / b.metrics_name()).rename(folder / "one.CSV")
    (folder / b.league_name()).rename(folder / "two.csv")
    assert_same(read(folder), plain)


def first_release(folder, name="nhs-oversight-framework-acute-trust-data.csv", league=True, change=None):
    """The layout of Q1 2025/26: no Quarter, and Reporting_date in the league table."""
    rows = b.metric_rows(quarters=("Q1 2025/26",))
    rows = (change(rows) or rows) if change else rows
    b.write(folder, name, b.table(rows, [column for column in b.METRIC_HEADER if column != "Quarter"]))
    if league:
        header = ["Reporting_date", *b.LEAGUE_HEADER[1:]]
        rows = [row | {"Reporting_date": "Q1 2025/26"} for row in b.league_rows()]
        b.write(folder, "nhs-oversight-framework-acute-trust-league-table.csv", b.table(rows, header))


def without_of5000(rows):
    return [row for row in rows if row["Metric_ID"] != "OF5000"]


def test_first_release_dated_by_its_summary_rows(tmp_path):
    first_release(tmp_path)
    found = read(tmp_path)
    assert found.quarters == ["2025-26-q1"]
    assert found.league["quarter"].unique().tolist() == ["2025-26-q1"]
    assert any("no Quarter column" in warning for warning in found.warnings)


@pytest.mark.parametrize("ending", ["-q1-25-26", "-q1-2025-26", "_Q1_25_26", "-2025-26-q1", "-q1-25-26-v2"])
def test_first_release_dated_by_its_name(tmp_path, ending):
    first_release(tmp_path, b.metrics_name(ending=ending), league=False, change=without_of5000)
    assert read(tmp_path).quarters == ["2025-26-q1"]


def test_first_release_dated_by_its_league_table(tmp_path):
    first_release(tmp_path, change=without_of5000)
    assert read(tmp_path).quarters == ["2025-26-q1"]


def test_first_release_that_nothing_dates(tmp_path):
    first_release(tmp_path, "acute-q1.csv", league=False, change=without_of5000)
    (problem,) = problems_of(tmp_path)
    assert (problem.file, problem.column) == ("acute-q1.csv", "Quarter")


def test_first_release_dated_in_two_ways(tmp_path):
    first_release(tmp_path, b.metrics_name(ending="-q2-25-26"), league=False)
    (problem,) = problems_of(tmp_path)
    assert problem.value == "2025-26-q1, 2025-26-q2"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acute trust", "acute"), ("Acute hospital trust", "acute"), ("acute trusts", "acute"), ("ACUTE", "acute"),
        ("Non-acute hospital trust", MHC), ("Non-acute hospital", MHC), ("non acute hospital trusts", MHC),
        ("Mental health and community trust", MHC), ("Mental Health & Community", MHC),
        ("Ambulance trust", "ambulance"), ("Ambulance NHS Trust", "ambulance"),
        ("Integrated care board", "integrated-care-board"), ("Care trust", "care-trust"),
    ],
)  # fmt: skip
def test_trust_type_names(folder, name, slug):
    for kind in ("metrics", "league"):
        rewrite(folder, kind, change=lambda rows: [row.update(Trust_type=name) for row in rows] and None)
    found = read(folder)
    assert found.trust_types == [slug]
    assert set(found.league["trust_type"]) == set(found.trusts["trust_type"]) == {slug}
    assert any(f"trust type {slug!r} is not one of" in note for note in found.warnings) == (
        slug not in {*b.TYPES, "integrated-care-board"}
    )
    told = set(found.findings["code"])
    assert ("type_in_name" in told) == (slug != "acute")  # the files are named for acute trusts


def reissue(folder, name="-q2-25-26-v2", value="2.0"):
    rows = b.metric_rows()
    assert rows[2]["Metric_ID"] == "OF1005"
    rows[2]["Value"] = value
    return b.write(folder, b.metrics_name(ending=name), b.table(rows, b.METRIC_HEADER))


def test_newest_version_wins(folder, caplog):
    reissue(folder, "-q2-25-26-v10", "3.0")
    reissue(folder, "-q2-25-26-v2")
    with caplog.at_level(logging.WARNING, logger="nof"):
        found = read(folder)
    assert found.metrics.loc[2, "value"] == 3.0
    assert len(found.metrics) == 44
    files = found.files.set_index("file")
    old = [b.metrics_name(), b.metrics_name(ending="-q2-25-26-v2")]
    assert sorted(files.index[files["superseded"]]) == sorted(old)
    assert files["version"].to_dict() == {
        b.metrics_name(): 1, b.metrics_name(ending="-q2-25-26-v2"): 2,
        b.metrics_name(ending="-q2-25-26-v10"): 10, b.league_name(): 1,
    }  # fmt: skip
    for name in old:
        assert any(name in warning for warning in found.warnings)
        assert name in caplog.text


def test_wrong_row_in_a_set_aside_version_is_a_warning(folder):
    rewrite(folder, change=lambda rows: rows[2].update(Value="7.0"))
    reissue(folder)
    found = read(folder)
    assert any("1 problems" in warning and "7.0" in warning for warning in found.warnings)


def test_wrong_row_in_the_newest_version_is_an_error(folder):
    path = reissue(folder, value="7.0")
    (problem,) = problems_of(folder)
    assert problem.file == path.name


def test_later_release_wins_where_both_hold_a_quarter(folder):
    """The metrics file holds all quarters so far: an older release beside it is set aside."""
    rows = b.metric_rows(quarters=("Q1 2025/26",))
    rows[2]["Value"] = "2.0"
    older = b.metrics_name(ending="-q1-25-26")
    b.write(folder, older, b.table(rows, b.METRIC_HEADER))
    found = read(folder)
    assert found.metrics.loc[2, "value"] == 1.0
    assert len(found.metrics) == 44
    assert found.files.set_index("file").loc[older, "superseded"]
    assert any(older in warning for warning in found.warnings)


def test_older_release_gives_the_quarters_that_the_later_lacks(folder, plain):
    for quarter, ending in (("Q1 2025/26", "-q1-25-26"), ("Q2 2025/26", "-q2-25-26")):
        rows = b.metric_rows(quarters=(quarter,))
        b.write(folder, b.metrics_name(ending=ending), b.table(rows, b.METRIC_HEADER))
    found = read(folder)
    assert_same(found, plain)
    assert found.warnings == ()


def test_league_tables_of_two_quarters(folder):
    rows = b.league_rows(quarter="Q1 2025/26")
    b.write(folder, b.league_name(ending="-q1-25-26"), b.table(rows, b.LEAGUE_HEADER))
    found = read(folder)
    assert sorted(found.league["quarter"]) == ["2025-26-q1"] * 2 + ["2025-26-q2"] * 2
    assert found.warnings == ()


def test_copy_with_the_same_contents_is_noted(folder, plain):
    b.write(folder, "copy.csv", b.metrics_text(newline="\n"), bom=False)
    found = read(folder)
    assert_same(found, plain)
    assert any("same contents" in warning for warning in found.warnings)
    assert found.files["superseded"].sum() == 1


def test_counts_beside_rates(folder):
    found = read(folder)
    rows = found.metrics[found.metrics["metric_id"] == "OF0048"]
    assert rows.groupby(["quarter", "trust_code"])["units"].apply(sorted).tolist() == [["count", "rate"]] * 4


def test_names_may_hold_anything(folder):
    odd = '<b>"Quoted", \r\nover two lines</b> =cmd() $x$ \u202e'

    def change(rows):
        for row in rows[::2]:
            row["Trust_name"] = odd

    rewrite(folder, change=change)
    (folder / b.league_name()).unlink()
    found = read(folder)
    assert odd in set(found.trusts["trust_name"])
    assert found.metrics["row"].tolist()[:4] == [2, 4, 5, 7]  # rows of the first trust take two lines


def test_row_number_after_multi_line_fields(folder):
    def change(rows):
        for row in rows[:3]:
            row["Metric_description"] = "a\nb\nc"
        rows[3]["Value"] = "nine"

    name = rewrite(folder, change=change)
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row) == (name, 11)
    lines = (folder / name).read_text(encoding="utf-8-sig").splitlines()
    assert "nine" in lines[10]


# ---------------------------------------------------------------- other files


def test_other_files_are_left_alone(folder, plain, caplog):
    b.write(folder, "README.md", "# notes")
    b.write(folder, "sources.json", "{}")
    b.write(folder, "digital-maturity.csv", "org_code,org_name,dma_overall\nZZ1A,A,2.4\n")
    b.write(folder, "etr.csv", '"ZZ1A","A","Y56"\n"ZZ1B","B"\n')
    b.write(folder, "old.csv", "code,name\nZZ1A,Caf\xe9\n".encode("cp1252"))
    b.write(folder, "list.csv", "Quarter,Region,Trust_type,Trust_subtype,Trust_code,Trust_name,Rank\n")
    b.write(folder, "._" + b.metrics_name(), b"\0\0")
    b.write(folder, "data.xlsx", b"PK\x03\x04\0")
    b.write(folder, b.metrics_name() + ".part", b.metrics_text()[:900])
    (folder / "nested.csv").mkdir()
    (folder / "gone.csv").symlink_to(folder / "nothing")
    with caplog.at_level(logging.INFO, logger="nof"):
        found = read(folder)
    assert_same(found, plain)
    assert found.warnings == ()
    assert len(found.files) == 2
    for name in ("README.md", "sources.json", "digital-maturity.csv", "list.csv", "old.csv"):
        assert f"left alone, not a file of the NHS Oversight Framework: {name}" in caplog.text


# ---------------------------------------------------------------- bad input: the folder


def test_no_such_folder(tmp_path):
    (problem,) = problems_of(tmp_path / "nowhere")
    assert "no such folder" in str(problem)
    assert "nowhere" in problem.file


def test_a_file_instead_of_a_folder(folder):
    (problem,) = problems_of(folder / b.metrics_name())
    assert "not a folder" in problem.message


def test_empty_folder(tmp_path):
    (problem,) = problems_of(tmp_path)
    assert "no file of the NHS Oversight Framework" in problem.message


def test_folder_of_other_files(tmp_path):
    b.write(tmp_path, "other.csv", "a,b\n1,2\n")
    (problem,) = problems_of(tmp_path)
    assert "no file of the NHS Oversight Framework" in problem.message


def test_only_a_league_table(folder):
    (folder / b.metrics_name()).unlink()
    (problem,) = problems_of(folder)
    assert "only league table" in problem.message


# ---------------------------------------------------------------- bad input: the whole file


NO_TEXT = [
    (b"", "empty"), (b"\xef\xbb\xbf\r\n \n", "empty"),
    (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"), (b"\r\n<html lang='en'>", "HTML"),
    (b"PK\x03\x04rest", "binary"), (b"%PDF-1.7", "binary"), (b"Quarter,\0\0\0", "binary"),
    (b.metrics_text().encode("utf-16-le"), "binary"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), NO_TEXT)
def test_no_text_file(folder, data, words):
    b.write(folder, b.metrics_name(), data)
    (problem,) = problems_of(folder)
    assert problem.file == b.metrics_name()
    assert words in problem.message
    assert problem.row == 1


@pytest.mark.parametrize("data", [data for data, _ in NO_TEXT])
def test_a_file_of_others_is_left_alone_and_named(folder, plain, data):
    b.write(folder, "download.csv", data)
    found = read(folder)
    pd.testing.assert_frame_equal(found.metrics, plain.metrics)
    (note,) = found.findings[found.findings["code"] == "passed_over"].itertuples()
    assert (note.severity, note.file) == ("noted", "download.csv")


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16"), (",", "utf-16")])
def test_what_excel_saves_elsewhere_is_read(folder, plain, delimiter, encoding):
    rows = csv.reader(io.StringIO(b.metrics_text(), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    b.write(folder, b.metrics_name(), text.getvalue().encode(encoding))
    pd.testing.assert_frame_equal(read(folder).metrics, plain.metrics)


def test_decimal_commas_are_refused(folder):
    rows = b.metric_rows()
    rows[1]["Value"] = "9,03"
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, b.METRIC_HEADER, delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    b.write(folder, b.metrics_name(), text.getvalue().encode())
    (problem,) = problems_of(folder)
    assert (problem.row, problem.column, problem.value) == (3, "Value", "9,03")


def test_rows_of_commas_and_an_empty_column_are_passed_over(folder, plain):
    lines = [f"{line}," for line in b.metrics_text().splitlines()]
    text = "\r\n".join([*lines, "," * len(b.METRIC_HEADER), "," * len(b.METRIC_HEADER), ""])
    b.write(folder, b.metrics_name(), text.encode())
    found = read(folder)
    pd.testing.assert_frame_equal(found.metrics, plain.metrics)
    told = " ".join(found.findings.loc[found.findings["code"] == "passed_over", "message"])
    assert "2 rows of empty cells" in told
    assert "empty column" in told


def test_cp1252(folder):
    b.write(folder, b.metrics_name(), b.metrics_text().encode("cp1252"))
    (problem,) = problems_of(folder)
    # The name with an umlaut belongs to the second trust, on line 3.
    assert (problem.file, problem.row, problem.value) == (b.metrics_name(), 3, "byte 0xdc")
    assert "UTF-8" in problem.expected


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_line_of_a_bad_byte(start, newline):
    data = start + newline.join(["a,b", "c,d", "é,f", ""]).encode("cp1252")
    text, (problem,) = sheets.decode("x.csv", data)
    assert problem.row == 3
    assert text.startswith("a,b")


def test_too_large(folder, monkeypatch):
    monkeypatch.setattr(releases, "MAX_BYTES", 1000)
    problems = problems_of(folder)
    assert [problem.file for problem in problems] == [b.metrics_name()]
    assert "too large" in problems[0].message


def test_too_large_is_seen_before_reading(folder):
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(releases.MAX_BYTES + 1)  # sparse: no such bytes are written
    assert "huge.csv" in set(read(folder).findings["file"])  # a file of others: left alone, and said so
    (folder / "huge.csv").rename(folder / "huge-trust-data.csv")
    (problem,) = problems_of(folder)
    assert (problem.file, problem.value, problem.expected) == ("huge-trust-data.csv", "150.0 MB", "150 MB or less")


def test_header_only(folder):
    b.write(folder, b.metrics_name(), b.table([], b.METRIC_HEADER))
    (problem,) = problems_of(folder)
    assert "no rows" in problem.message


def test_header_lost(folder):
    b.write(folder, b.metrics_name(), b.metrics_text().split("\n", 1)[1])
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row) == (b.metrics_name(), 1)
    assert "header" in problem.message


def test_other_separator(folder):
    b.write(folder, b.metrics_name(), b.metrics_text().replace(",", "|"))
    (problem,) = problems_of(folder)
    assert "header" in problem.message


# ---------------------------------------------------------------- bad input: columns


@pytest.mark.parametrize("column", [name for name in b.METRIC_HEADER if name != "Quarter"])
def test_missing_metrics_column(folder, column):
    name = rewrite(folder, header=[held for held in b.METRIC_HEADER if held != column])
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column, problem.message) == (name, 1, column, "missing column")


@pytest.mark.parametrize("column", b.LEAGUE_HEADER)
def test_missing_league_column(folder, column):
    name = rewrite(folder, "league", header=[held for held in b.LEAGUE_HEADER if held != column])
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column, problem.message) == (name, 1, column, "missing column")


@pytest.mark.parametrize(
    ("kind", "column", "wrong"),
    [
        ("metrics", "Trust_code", "Trust_cod"), ("metrics", "Sub-domain", "Sub_domain"),
        ("metrics", "Value", "value"), ("metrics", "Quarter", "Quater"),
        ("metrics", "Units", "Unit"), ("league", "Trust_in_financial_deficit", "In_financial_deficit"),
        ("league", "Quarter", "Quarters"),
    ],
)  # fmt: skip
def test_misspelt_column_names_the_nearest(folder, kind, column, wrong):
    header = b.METRIC_HEADER if kind == "metrics" else b.LEAGUE_HEADER
    rows = b.metric_rows() if kind == "metrics" else b.league_rows()
    name = b.metrics_name() if kind == "metrics" else b.league_name()
    rows = [row | {wrong: row[column]} for row in rows]
    b.write(folder, name, b.table(rows, [wrong if held == column else held for held in header]))
    unknown, missing = problems_of(folder)
    assert (unknown.message, unknown.column) == ("unknown column", wrong)
    assert column in unknown.expected
    assert (missing.message, missing.column) == ("missing column", column)
    assert wrong in missing.expected


def test_unknown_extra_column(folder):
    rewrite(folder, header=[*b.METRIC_HEADER, "Upper_quartil"])
    (problem,) = problems_of(folder)
    assert problem.column == "Upper_quartil"
    assert "Upper_quartile" in problem.expected


def test_extra_column_like_no_other(folder):
    rewrite(folder, header=[*b.METRIC_HEADER, "zzz"])
    (problem,) = problems_of(folder)
    assert problem.column == "zzz"
    assert "Metric_ID" in problem.expected


def test_column_twice(folder):
    text = b.metrics_text().replace("Median_value", "Value", 1)
    b.write(folder, b.metrics_name(), text)
    assert {problem.message for problem in problems_of(folder)} == {"the column stands twice", "missing column"}


def test_rows_are_checked_beneath_a_wrong_header(folder):
    def change(rows):
        for row in rows:
            row["Valu"] = row["Value"]
        rows[2]["Valu"] = "7"

    rewrite(folder, change=change, header=["Valu" if name == "Value" else name for name in b.METRIC_HEADER])
    messages = [problem.message for problem in problems_of(folder)]
    assert messages == ["unknown column", "missing column", "a score outside 1 to 4"]


# ---------------------------------------------------------------- bad input: cut short


def cut(folder, end):
    data = b.metrics_text().encode("utf-8")[:end]
    b.write(folder, b.metrics_name(), data)
    return data


def test_cut_in_the_last_row(folder):
    cut(folder, -20)
    (problem,) = problems_of(folder)
    assert problem.row == 45
    assert "cut short" in problem.message
    assert "17 fields" in problem.expected


def test_cut_in_the_last_number(folder):
    data = cut(folder, -3)
    assert data.endswith(b"2.")
    (problem,) = problems_of(folder)
    assert (problem.row, problem.column, problem.value) == (45, "Rank", "2.")


def test_cut_in_a_quote(folder):
    b.write(folder, b.metrics_name(), b.metrics_text(quoting=csv.QUOTE_ALL)[:-5])
    (problem,) = problems_of(folder)
    assert problem.row == 45
    assert "quote" in problem.message


def test_no_last_line_end_is_a_warning(folder, plain):
    cut(folder, -2)
    found = read(folder)
    assert_same(found, plain)
    assert any("no line end" in warning for warning in found.warnings)


def test_broken_quote_in_the_middle(folder):
    text = b.metrics_text().replace("Middle England", '"Middle England', 1)
    b.write(folder, b.metrics_name(), text)
    assert any("quote" in problem.message and problem.row == 2 for problem in problems_of(folder))


@pytest.mark.parametrize(("old", "new", "fields"), [("Large,", "", 16), ("Large,", "La,rge,", 18)])
def test_wrong_number_of_fields(folder, old, new, fields):
    b.write(folder, b.metrics_name(), b.metrics_text().replace(old, new, 1))
    (problem,) = problems_of(folder)
    assert (problem.row, problem.value, problem.expected) == (2, f"{fields} fields", "17 fields")


# ---------------------------------------------------------------- bad input: values

# Row of the builder (0 is line 2), column, value, words of the message. In the builder's acute
# file row 0 is OF0005, 2 OF1005 (score), 10 OF5000 (segment), 12 OF5002 (score), 16 OF5004 (flag).
BAD_METRICS = [
    *[(0, "Value", text, "not a number") for text in
      ("nine", "9.03%", "1,234", "NaN", "nan", "inf", "-Infinity", "1e999", "0x1F", "1_000", "٣", "-", "*", "9.")],
    (0, "Rank", "first", "not a number"), (0, "Median_value", "#N/A", "not a number"),
    (0, "Lower_quartile", "x", "not a number"), (0, "Upper_quartile", "inf", "not a number"),
    (0, "Rank", "0", "a rank below 1"),
    *[(2, "Value", text, "a score outside 1 to 4") for text in ("0", "0.99", "4.01", "-1", "400")],
    (12, "Value", "4.5", "a score outside 1 to 4"), (8, "Value", "0.5", "a score outside 1 to 4"),
    *[(10, "Value", text, "a segment outside 1 to 5") for text in ("0", "6", "2.5", "-1")],
    (16, "Value", "2", "not a flag"), (16, "Value", "0.5", "not a flag"),
    *[(0, "Quarter", text, "not a quarter") for text in ("Q5 2025/26", "Jun-25", "Q1 2025/27", "2025/26")],
    *[(0, column, text, "missing value") for text in ("", "NA", " ") for column in
      ("Quarter", "Trust_code", "Trust_name", "Metric_ID", "Trust_type")],
    (0, "Trust_type", "???", "not a trust type"),
    *[(0, "Trust_code", text, "not a trust code") for text in
      ("zz1a", "Z1", "Z" * 11, "ZZ 1", "../x", "<b>", "ZZ1A\nB", "=1+1", "ÅÅÅ")],
    (0, "Metric_ID", "OF 5/../", "not a metric id"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column", "value", "words"), BAD_METRICS)
def test_bad_metrics_value(folder, row, column, value, words):
    name = rewrite(folder, change=lambda rows: rows[row].update({column: value}))
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column) == (name, row + 2, column)
    assert problem.message == words
    assert problem.value == ("" if words == "missing value" else value)
    assert problem.expected


BAD_LEAGUE = [
    *[("Likely_range_of_average_score", text, "not a likely range") for text in
      ("1.89 to 1.2", "1.2-1.89", "1.2", "1.2 to", "a to b", "1.2 to NaN", "1.2 to 1.5 to 1.7")],
    ("Likely_range_of_average_score", "0.5 to 2", "a limit below 1"),
    ("Likely_range_of_average_score", "2 to 4.5", "a limit above 4"),
    ("Likely_range_of_rank", "11 to 1", "not a likely range"), ("Likely_range_of_rank", "0 to 1", "a rank below 1"),
    ("Trust_in_financial_deficit", "Maybe", "not a flag"), ("Trust_in_financial_deficit", "", "missing value"),
    ("Segment", "6", "a segment outside 1 to 5"), ("Segment", "0", "a segment outside 1 to 5"),
    ("Segment", "two", "not a number"), ("Average_score", "4.2", "a score outside 1 to 4"),
    ("Average_score", "", "missing value"), ("Rank", "0", "a rank below 1"), ("Rank", "1st", "not a number"),
    ("Quarter", "Q9 2025/26", "not a quarter"), ("Trust_code", "", "missing value"),
    ("Trust_code", "x", "not a trust code"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value", "words"), BAD_LEAGUE)
def test_bad_league_value(folder, column, value, words):
    name = rewrite(folder, "league", change=lambda rows: rows[1].update({column: value}))
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column, problem.message) == (name, 3, column, words)
    assert problem.value == value


def test_value_called_a_score_is_no_score_of_the_framework(folder):
    rewrite(folder, change=lambda rows: rows[0].update(Metric_ID="OF0777", Units="score", Value="9.03"))
    assert read(folder).metrics.loc[0, "value"] == 9.03


def test_likely_range_may_be_blank(folder):
    rewrite(folder, "league", change=lambda rows: rows[0].update(Likely_range_of_rank="NA"))
    assert read(folder).league["rank_low"].isna().tolist() == [True, False]


def test_duplicate_row(folder):
    name = rewrite(folder, change=lambda rows: [*rows, rows[3]])
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column) == (name, 46, "Metric_ID")
    assert problem.value == "Q1 2025/26 / ZZ1B / OF1005 / score"
    assert "row 5" in problem.expected


def test_duplicate_row_with_another_value(folder):
    rewrite(folder, change=lambda rows: [*rows, rows[3] | {"Value": "1.5", "Quarter": "Q1 2025-26"}])
    (problem,) = problems_of(folder)
    assert problem.message.startswith("duplicate row")


def test_every_further_duplicate_names_the_first(folder):
    rewrite(folder, change=lambda rows: [*rows, rows[0], rows[1], rows[0]])
    assert [(problem.row, problem.expected[-5:]) for problem in problems_of(folder)] == [
        (46, "row 2"), (47, "row 3"), (48, "row 2"),
    ]  # fmt: skip


def test_duplicate_league_row(folder):
    rewrite(folder, "league", change=lambda rows: [*rows, rows[0]])
    (problem,) = problems_of(folder)
    assert (problem.row, problem.column, problem.value) == (4, "Trust_code", "Q2 2025/26 / ZZ1A")


def test_two_files_with_other_contents(folder):
    reissue(folder, "-q2-25-26-copy")
    (problem,) = problems_of(folder)
    assert {problem.file, problem.message.split(" as ")[1].split(",")[0]} == {
        b.metrics_name(), b.metrics_name(ending="-q2-25-26-copy"),
    }  # fmt: skip


def test_two_old_versions_do_not_clash(folder):
    reissue(folder, "-q2-25-26-copy")
    reissue(folder, "-q2-25-26-v2", "3.0")
    found = read(folder)
    assert found.metrics.loc[2, "value"] == 3.0
    assert found.files["superseded"].sum() == 2


def test_trust_in_two_types(folder):
    rows = b.metric_rows(MHC)
    rows[5]["Trust_code"] = "ZZ1A"
    b.write(folder, b.metrics_name(MHC), b.table(rows, b.METRIC_HEADER))
    (problem,) = problems_of(folder)
    assert (problem.file, problem.row, problem.column) == (b.metrics_name(MHC), 7, "Trust_type")
    assert "ZZ1A" in problem.value
    assert "acute" in problem.expected


def test_trust_in_two_types_within_one_file(folder):
    rewrite(folder, change=lambda rows: rows[4].update(Trust_type="Ambulance trust"))
    assert [(problem.row, problem.column) for problem in problems_of(folder)] == [(6, "Trust_type")]


# ---------------------------------------------------------------- warnings across files


def test_league_trust_without_metrics(folder):
    rewrite(folder, "league", change=lambda rows: [*rows, rows[0] | {"Trust_code": "ZZ1X", "Trust_name": "X"}])
    found = read(folder)
    assert any("X (ZZ1X)" in note and "not in the metrics file" in note for note in found.warnings)
    assert "ZZ1X" not in set(found.trusts["trust_code"])


def test_trust_missing_from_the_league_table(folder):
    rewrite(folder, "league", change=lambda rows: rows[:1])
    assert any("(ZZ1B)" in note and "not in the league table" in note for note in read(folder).warnings)


def test_league_quarter_without_metrics(folder):
    rewrite(folder, "league", change=lambda rows: [row.update(Quarter="Q3 2025/26") for row in rows] and None)
    (problem,) = problems_of(folder)
    assert "another quarter" in problem.message
    assert (problem.value, problem.column) == ("Q3 2025/26", "Quarter")


@pytest.mark.parametrize("column", ["Trust_name", "Region", "Trust_subtype"])
def test_contradicting_rows_of_a_trust(folder, plain, column):
    name = rewrite(folder, change=lambda rows: rows[4].update({column: "Other"}))
    found = read(folder)
    pd.testing.assert_frame_equal(found.trusts, plain.trusts)
    (warning,) = found.warnings
    assert f"{name}, row 6" in warning
    assert "'Other'" in warning


def test_renamed_between_quarters_is_no_contradiction(folder):
    def change(rows):
        for row in rows:
            if row["Quarter"] == "Q1 2025/26":
                row["Trust_name"] += " (old name)"

    rewrite(folder, change=change)
    found = read(folder)
    assert found.warnings == ()
    assert found.trusts["trust_name"].str.endswith("(old name)").sum() == 2


# ---------------------------------------------------------------- all problems, and their text


def test_all_problems_of_all_files(folder):
    def change(rows):
        rows[0]["Value"] = "nine"
        rows[2]["Value"] = "9"
        rows[4]["Trust_code"] = ""
        rows[6]["Quarter"] = "Q9"

    metrics = rewrite(folder, change=change)
    league = rewrite(folder, "league", change=lambda rows: rows[0].update(Segment="9", Likely_range_of_rank="x"))
    b.write(folder, "page.csv", b"<html>")
    found = {(problem.file, problem.row, problem.column) for problem in problems_of(folder)}
    assert found == {
        (metrics, 2, "Value"), (metrics, 4, "Value"), (metrics, 6, "Trust_code"), (metrics, 8, "Quarter"),
        (league, 2, "Segment"), (league, 2, "Likely_range_of_rank"),
    }  # fmt: skip


def test_text_is_capped_and_problems_are_not(folder):
    name = rewrite(folder, change=lambda rows: [row.update(Value="x") for row in rows] and None)
    with pytest.raises(InputError) as caught:
        read(folder)
    assert len(caught.value.problems) == 44
    lines = str(caught.value).splitlines()
    assert len(lines) == checks.SHOWN_PER_KIND + 1
    assert lines[0].startswith(f"{name}, row 2, column Value: Muddlecombe and Vale NHS Trust (ZZ1A), OF0005")
    assert "not a number (found 'x'); expected a plain decimal" in lines[0]
    assert lines[-1] == f"{name}, column Value: not a number: 39 more"


# ---------------------------------------------------------------- anything at all

# What a file is made of is tried often on what opens it (milliseconds), less often on a whole folder, whose checks of
# values take fifty times as long whatever the file holds. NOF_FUZZ=50 tries fifty times as much of both.
MORE = max(1, int(os.environ.get("NOF_FUZZ", "1")))


def tries(number):
    """So many examples, times NOF_FUZZ."""
    return settings(max_examples=number * MORE, deadline=None, suppress_health_check=[HealthCheck.too_slow])


PIECES = st.sampled_from([
    b'"', b",", b"\r", b"\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"NA", b"NaN", b"inf", b"1e999", b"-", b"Q9", b"<",
    b"\xc3", b" to ", b"9" * 40, b"\x1a", b"Quarter", b"OF5000", b"Acute trust", b"Integrated care board",
])  # fmt: skip
SHORT = ("Q2 2025/26",)  # one quarter of the smallest type: 18 rows


def small(kind):
    """A valid file, as bytes."""
    text = (
        b.table(b.metric_rows("ambulance", SHORT), b.METRIC_HEADER) if kind == "metrics" else b.league_text("ambulance")
    )
    return text.encode("utf-8-sig")


def files_with(data, kind):
    """A folder of a metrics and a league table file, one of them being `data`."""
    found = {b.metrics_name("ambulance"): small("metrics"), b.league_name("ambulance"): small("league")}
    return found | {(b.metrics_name if kind == "metrics" else b.league_name)("ambulance"): data}


def outcome(given_files):
    """Read a folder of these files; the result is a Publication or an InputError that has problems."""
    with tempfile.TemporaryDirectory() as place:
        for name, data in given_files.items():
            (Path(place) / name).write_bytes(data)
        try:
            found = read(place)
        except InputError as error:
            assert error.problems
            assert str(error)
            return None
    assert not found.metrics.duplicated(["quarter", "trust_code", "metric_id", "units"]).any()
    assert found.metrics["trust_code"].str.fullmatch("[A-Z0-9]{3,10}").all()
    return found


def opens(data):
    """Bytes to cells, and what their header is taken for: never more cells than bytes, problems that can be said."""
    if problems := sheets.byte_problems("a.csv", data):
        assert all(map(str, problems))
        return
    text, problems = sheets.decode("a.csv", data)
    header, cells, more = sheets.split("a.csv", text)
    assert cells.size <= max(len(data), 1) and cells.shape[1] == len(header) and all(map(str, problems + more))
    if kind := checks.kind_of(header):
        names, problems = checks.settle_header("a.csv", header, kind)
        assert len(names) == len(header) and all(map(str, problems))


@st.composite
def changed(draw, kind):
    """A valid file of which a few stretches are replaced."""
    data = small(kind)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 60)))
        data = data[:start] + draw(PIECES | st.binary(max_size=8)) + data[end:]
    return data


KINDS = st.sampled_from(["metrics", "league"])


@tries(300)
@given(data=st.binary(max_size=400) | KINDS.flatmap(changed))
def test_fuzz_what_opens_a_file(data):
    opens(data)


@tries(25)
@given(data=st.binary(max_size=400))
def test_fuzz_any_bytes(data):
    outcome({b.metrics_name(): data})


@tries(30)
@given(data=st.data(), kind=KINDS)
def test_fuzz_changed_bytes(data, kind):
    outcome(files_with(data.draw(changed(kind)), kind))


CELL = st.text(max_size=12) | st.floats().map(str)


def places(kind):
    """Row, column and text of a cell to change."""
    rows, header = (17, b.METRIC_HEADER) if kind == "metrics" else (1, b.LEAGUE_HEADER)
    return st.lists(st.tuples(st.integers(0, rows), st.sampled_from(header), CELL), min_size=1, max_size=5)


@tries(400)
@given(text=CELL)
def test_fuzz_every_reader_of_a_cell(text):
    for reader in (*checks._READERS.values(), checks._A_NUMBER):
        try:
            found = reader.read(text.strip())
        except (ValueError, KeyError):
            continue
        assert not isinstance(found, float) or math.isfinite(found)


@tries(40)
@given(data=st.data(), kind=KINDS)
def test_fuzz_changed_cells(data, kind):
    rows = b.metric_rows("ambulance", SHORT) if kind == "metrics" else b.league_rows("ambulance")
    for row, column, value in data.draw(places(kind)):
        rows[row][column] = value
    header = b.METRIC_HEADER if kind == "metrics" else b.LEAGUE_HEADER
    outcome(files_with(b.table(rows, header).encode("utf-8", "replace"), kind))


@pytest.fixture(scope="module")
def in_order():
    return outcome(files_with(small("metrics"), "metrics"))


@tries(10)
@given(seed=st.integers(0, 2**32))
def test_order_of_rows_does_not_matter(in_order, seed):
    rows = b.metric_rows("ambulance", SHORT)
    random.Random(seed).shuffle(rows)
    found = outcome(files_with(b.table(rows, b.METRIC_HEADER).encode(), "metrics"))
    key = ["quarter", "trust_code", "metric_id", "units"]
    pd.testing.assert_frame_equal(values(found.metrics.sort_values(key)), values(in_order.metrics.sort_values(key)))
