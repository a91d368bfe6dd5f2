"""What a page shows, as files of its own: each table as CSV, each figure of a trust's briefing as SVG and PNG."""

from __future__ import annotations

import csv
import html
import re
import zipfile

import accessible
import pandas as pd
import pytest

from nof.briefing import parts
from nof.briefing.blocks import Figure, Tabular
from nof.explore import save
from nof.read.covariate import read_covariate
from nof.show.display import Column, Table


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return accessible.rendered(base.parent if base.name.startswith("popen-") else base)


def test_a_table_as_csv_has_ids_units_and_numbers_as_numbers():
    frame = pd.DataFrame({"trust_code": ["R1", "R2"], "units": ["%", None], "who": ["=A", "B"], "moved": ["+1,204.5", "−3"],
                          "share": [1 / 3, None], "day": pd.to_datetime(["2026-03-31", None]), "of": [("a", "b"), ()]})  # fmt: skip
    shown = [Column("who", "Trust", row_header=True), Column("moved", "Moved", unit="places"), Column("share", "Part")]
    table = Table(frame, "T", (*shown, Column("day", "Part"), Column("of", "Of", format=str)))
    assert table.csv() == (
        "trust_code,units,Trust,Moved (places),Part (share),Part (day),Of\n"
        "R1,%,'=A,1204.5,0.3333333333,2026-03-31,a; b\n"
        "R2,,B,-3,,,\n"
    )


def test_columns_are_put_before_those_that_a_table_has():
    text = 'quarter,name\n2025-26-q3,"a\nb"\n'
    assert (
        parts.with_columns(text, {"quarter": "x", "trust_type": "acute"})
        == f'trust_type,{text.splitlines()[0]}\nacute,2025-26-q3,"a\nb"\n'
    )


def test_our_own_reader_takes_a_file_with_the_mark(tmp_path):
    path = save(pd.DataFrame({"trust_code": ["R1A", "R1B"], "beds": [1200.0, 300.0]}), tmp_path / "beds.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_covariate(path).to_dict() == {"R1A": 1200.0, "R1B": 300.0}


@pytest.mark.parametrize("name", accessible.BRIEFINGS)
def test_every_table_shown_has_its_csv_file_with_the_same_rows(report, name):
    place = accessible.PAGES[name].removeprefix(f"{accessible.QUARTER}/")
    shown = [block.data for block in accessible.source(report, name).blocks if isinstance(block, Tabular)]
    files = sorted((report / accessible.QUARTER / "tables" / place).glob("*.csv"))
    assert len(files) == len(shown) > 0
    about = {"quarter", "briefing_of"} if place.startswith("trusts/") else {"quarter"}
    for path, data in zip(files, shown, strict=True):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "the mark that Excel wants"
        rows = list(csv.reader(path.open(encoding="utf-8-sig", newline="")))
        assert len(rows) - 1 == len(data["rows"]) > 0, path.name
        assert {one["label"] for one in data["columns"]} <= {
            re.sub(r" \([^()]*\)$", "", head) for head in rows[0]
        } | set(rows[0])
        assert about <= set(rows[0]) and all(len(row) == len(rows[0]) for row in rows)
        header = next((at for at, one in enumerate(data["columns"]) if one["row_header"]), None)
        if header is not None:
            at = rows[0].index(data["columns"][header]["label"])
            assert [row[at].lstrip("'") for row in rows[1:]] == [row[header] for row in data["rows"]], path.name
    if not place.startswith("trusts/"):
        return
    ids = [csv.reader(path.open(encoding="utf-8-sig")) for path in files]
    assert "metric_id" in next(ids[0]), "the table of metrics names their ids"


@pytest.mark.parametrize("code", accessible.TRUSTS.values())
def test_the_zip_of_a_trust_holds_its_tables_and_figures(report, code):
    home = report / accessible.QUARTER
    figures = [block for block in accessible.source(report, f"trust_{'acute' if code == 'X0G' else 'ambulance'}").blocks
               if isinstance(block, Figure)]  # fmt: skip
    with zipfile.ZipFile(home / "trusts" / f"{code}.zip") as held:
        names = [one.removeprefix(f"{code}/") for one in held.namelist()]
        tables = [one for one in names if one.startswith("tables/")]
        pictures = [one for one in names if one.startswith("figures/")]
        own, sheets = (list((home / "tables" / "trusts").glob(f"{one}/*.csv")) for one in (code, f"{code}-*"))
        assert len([one for one in tables if one.count("/") == 1]) == len(own) > 0
        assert len([one for one in tables if one.startswith("tables/safe-to-say/")]) == len(sheets) > 0
        assert sorted(one.rsplit(".", 1)[1] for one in pictures) == ["png"] * len(figures) + ["svg"] * len(figures)
        pages = {f"{one}.{form}" for one in (code, f"{code}-safe-to-say") for form in ("html", "pdf", "ipynb")}
        assert {*pages, "README.txt", *tables, *pictures} == set(names)
        for one in pictures:
            data = held.read(f"{code}/{one}")
            if one.endswith(".png"):  # pixels across: 200 to an inch
                wide = figures[int(one[8:10]) - 1].width_mm
                assert int.from_bytes(data[16:20]) == pytest.approx(wide / 25.4 * 200, abs=2)
            else:
                assert figures[int(one[8:10]) - 1].alt in html.unescape(data.decode()), "the alt text goes along"
    with zipfile.ZipFile(home / f"nof-{accessible.QUARTER}.zip") as whole:
        inside = [one.split("/", 1)[1] for one in whole.namelist()]
        assert f"tables/trusts/{code}" in {one.rsplit("/", 1)[0] for one in inside}
        assert not [one for one in inside if one.startswith("figures/")], "figures are in the pages already"
