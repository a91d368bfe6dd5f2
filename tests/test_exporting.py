"""Tables that one can use: CSV, Excel and Parquet of the same figures, opened again; no label lost."""

from __future__ import annotations

import csv
import datetime as dt

import builders
import duckdb
import openpyxl
import pandas as pd
import pytest
import ready

from nof.common import InputError
from nof.explore import exporting, save
from nof.explore.sql import ALL, labelled, tables


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return builders.publication(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    home = tmp_path_factory.mktemp("out")
    exporting.export(data, csv=home / "csv", xlsx=home / "nof.xlsx", parquet=home / "parquet")
    return home


@pytest.fixture(scope="module")
def held(data):
    return tables(data, ALL)


# --- CSV ---


def test_every_reader_at_hand_reads_past_the_mark(made, held):
    for name, frame in held.items():
        path = made / "csv" / f"{name}.csv"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        names = [str(one) for one in frame.columns]
        assert pd.read_csv(path).columns.tolist() == names
        assert duckdb.read_csv(str(path)).columns == names
        with path.open(encoding="utf-8-sig", newline="") as stream:
            assert next(csv.reader(stream)) == names
        assert len(pd.read_csv(path)) == len(frame)


def test_names_survive_in_csv(made, held):
    names = set(held["trusts"]["trust_name"])
    assert any(not one.isascii() for one in names)
    assert set(pd.read_csv(made / "csv" / "trusts.csv")["trust_name"]) == names


# --- Excel ---


@pytest.fixture(scope="module")
def book(made):
    return openpyxl.load_workbook(made / "nof.xlsx")


def test_every_table_has_a_sheet_with_its_header_frozen(book, held):
    assert book.sheetnames == ["source", "definitions", *(name for name in held if name != "about")]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert all(cell.font.bold for cell in sheet[1])


def test_numbers_are_numbers_and_blanks_are_blank(book, held):
    for name, frame in held.items():
        if name == "about":
            continue
        rows = list(book[name].values)
        assert list(rows[0]) == [str(one) for one in frame.columns] and len(rows) == len(frame) + 1
        for place, column in enumerate(frame.columns):
            cells = [row[place] for row in rows[1:]]
            for cell, value in zip(cells, frame[column], strict=True):
                if pd.isna(value) or value == "":
                    assert cell is None or cell == ""
                elif isinstance(value, str | pd.Timestamp):
                    assert cell == value
                else:
                    assert not isinstance(cell, str) and cell == pytest.approx(value)


def test_the_workbook_says_what_each_column_means_and_where_it_comes_from(book, held):
    told = list(book["definitions"].values)
    assert told[0] == ("table", "column", "type", "unit", "better", "text")
    described = {(row[0], row[1]) for row in told[1:] if row[5] and row[5] != "not described"}
    assert described == {(name, str(one)) for name, frame in held.items() if name != "about" for one in frame.columns}
    source = dict(list(book["source"].values)[1:])
    assert source["source"] == held["about"].set_index("name")["text"]["source"]
    assert book.properties.created == dt.datetime(2025, 9, 30)


def test_text_never_becomes_a_formula_or_a_link(held, tmp_path):
    frame = pd.DataFrame({"trust_name": ["=1+1", "https://example.org/", "+4", "12", "x\x07y"]})
    (tmp_path / "x.xlsx").write_bytes(exporting.workbook({"trusts": frame}, "2025-26-q4"))
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["trusts"]
    assert [cell.data_type for cell in sheet["A"][1:]] == ["s"] * 5
    assert [cell.value for cell in sheet["A"][1:5]] == ["=1+1", "https://example.org/", "+4", "12"]
    assert not any(cell.hyperlink for cell in sheet["A"])


def test_the_same_tables_give_the_same_workbook(held):
    assert exporting.workbook(held, "2025-26-q2") == exporting.workbook(held, "2025-26-q2")


def test_more_rows_than_a_sheet_takes_are_refused(monkeypatch, held):
    monkeypatch.setattr(exporting, "MOST_ROWS", 3)
    with pytest.raises(InputError, match="more rows than a sheet takes"):
        exporting.workbook(held, "2025-26-q2")


# --- the command ---


def test_the_command_writes_what_is_asked_for_and_replaces_nothing_by_itself(data, tmp_path):
    done = ready.nof("export", "--data", data)
    assert done.returncode == 2 and "--csv FOLDER" in done.stderr
    done = ready.nof("export", "--data", data, "--xlsx", tmp_path / "a.xls")
    assert done.returncode == 2 and ".xlsx" in done.stderr
    for _ in range(2):
        done = ready.nof("export", "--data", data, "--xlsx", tmp_path / "a.xlsx", "--csv", tmp_path / "csv")
    assert done.returncode == 2 and "--force" in done.stderr
    assert ready.nof("export", "--data", data, "--xlsx", tmp_path / "a.xlsx", "--force").returncode == 0
    assert openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames[0] == "source"


def test_a_folder_with_something_else_is_never_replaced(data, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "league.parquet").write_text("of another form")
    with pytest.raises(InputError, match="no export of ours"):
        exporting.export(data, csv=tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "league.parquet").read_text() == "of another form"


# --- row labels ---


def test_a_pivoted_frame_keeps_its_row_labels(held, tmp_path):
    wide = held["scores"].pivot(index="trust_code", columns=["quarter", "metric_id"], values="score")
    back = pd.read_csv(save(wide, tmp_path / "wide.csv"))
    assert back["trust_code"].tolist() == wide.index.tolist()
    assert back.columns.tolist() == ["trust_code", *(" / ".join(one) for one in wide.columns)]
    assert pd.read_parquet(save(wide, tmp_path / "wide.parquet")).columns.tolist() == back.columns.tolist()


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        (pd.DataFrame({"a": [1, 2]}), ["a"]),
        (pd.DataFrame({"a": [1, 2, 3]}).iloc[[2, 0]], ["a"]),  # row numbers of a filtered frame are no labels
        (pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), ["label_1", "a"]),
        (pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="id")), ["id", "a"]),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("p", "q")], names=["x", None])),
            ["x", "label_2", "a"],
        ),
        (pd.DataFrame({"id": ["x", "y"]}, index=pd.Index(["x", "y"], name="id")), ["id"]),
    ],
)
def test_labels_and_row_numbers_are_told_apart(frame, columns):
    before = frame.copy()
    found = labelled(frame)
    assert found.columns.tolist() == columns and len(found) == len(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_labels_that_contradict_a_column_are_an_error(tmp_path):
    frame = pd.DataFrame({"id": ["x", "y"]}, index=pd.Index(["y", "x"], name="id"))
    with pytest.raises(InputError, match="name of another column"):
        save(frame, tmp_path / "x.csv")
