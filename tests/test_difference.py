"""What changed between two publications: found exactly, told in words, and nothing where nothing changed."""

from __future__ import annotations

from itertools import count

import builders
import pandas as pd
import pytest
from typer.testing import CliRunner

from nof import common
from nof.cli import app
from nof.common import InputError
from nof.read import difference
from nof.read.publication import read
from nof.show import restated

TYPES = ("acute", "ambulance")


def folder(tmp_path, name, types=TYPES, change=None, quarters=("Q1 2025/26", "Q2 2025/26"), table=None):
    """A made-up publication in which `change` has rewritten the rows of the first type's metrics file."""
    here = tmp_path / name
    here.mkdir()
    for trust_type in types:
        rows = builders.metric_rows(trust_type, quarters)
        rows = change(rows) if change and trust_type == types[0] else rows
        builders.write(here, builders.metrics_name(trust_type), builders.table(rows, builders.METRIC_HEADER))
        league = builders.league_rows(trust_type, quarters[-1])
        league = table(league) if table and trust_type == types[0] else league
        builders.write(here, builders.league_name(trust_type), builders.table(league, builders.LEAGUE_HEADER))
    return here


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return read(folder(tmp_path_factory.mktemp("made"), "old"))


@pytest.fixture
def compared(tmp_path, before):
    """Compares the publication with one in which `change` has rewritten rows, or with options of `folder`."""
    names = (f"new{number}" for number in count())
    return lambda change=None, **options: difference.compare(
        before, read(folder(tmp_path, next(names), change=change, **options))
    )


def edit(match, **cells):
    """Rows of which those that match (column values) carry other cells."""

    def change(rows):
        hit = [row for row in rows if all(row[name] == value for name, value in match.items())]
        assert hit
        for row in hit:
            row.update(cells)
        return rows

    return change


FIRST = {"Quarter": "Q1 2025/26", "Trust_code": "ZZ1A", "Metric_ID": "OF0005"}


def test_the_same_publication_has_no_difference(compared):
    found = compared()
    assert found.nothing and not found.restated
    assert difference.listing(found).empty and difference.counts(found).empty
    assert "say the same" in restated.difference_words(found).markdown


def test_real_files_are_no_different_from_themselves(real):
    publication = read(real)
    assert difference.compare(publication, read(real)).nothing


@pytest.mark.parametrize(
    ("cells", "metric", "kind", "column", "old", "new"),
    [
        ({"Value": "0.1"}, "OF0005", "value", "value", 0.0, 0.1),
        ({"Value": "1.01"}, "OF1005", "score", "value", 1.0, 1.01),
        ({"Rank": "2.0"}, "OF0005", "rank", "rank", 1.0, 2.0),
        ({"Value": "2.0"}, "OF5003", "segment", "value", 1.0, 2.0),
        ({"Value": "1.0"}, "OF5004", "flag", "value", 0.0, 1.0),
        ({"Median_value": "4.2"}, "OF0005", "comparison", "median", None, 4.2),
    ],
)
def test_each_restated_figure_is_found_with_old_and_new(compared, cells, metric, kind, column, old, new):
    found = compared(edit(FIRST | {"Metric_ID": metric}, **cells))
    assert len(found.figures) == 1 and len(found.kind(kind)) == 1
    row = found.figures.iloc[0]
    assert (row["quarter"], row["trust_type"], row["trust_code"], row["metric_id"], row["column"], row["new"]) == (
        "2025-26-q1",
        "acute",
        "ZZ1A",
        metric,
        column,
        new,
    )
    assert pd.isna(row["old"]) if old is None else (row["old"] == old and row["change"] == pytest.approx(new - old))


def test_the_smallest_difference_counts_and_another_spelling_does_not(compared):
    assert len(compared(edit(FIRST, Value="0.0000001")).figures) == 1
    assert compared(edit(FIRST, Value="0")).nothing


def test_a_value_that_is_withdrawn_counts_as_restated(compared):
    row = compared(edit(FIRST, Value="")).figures.iloc[0]
    assert row["old"] == 0.0 and pd.isna(row["new"]) and pd.isna(row["change"])


def test_a_row_that_is_gone_counts_as_restated_while_its_trust_and_metric_stay(compared):
    found = compared(lambda rows: [row for row in rows if not FIRST.items() <= row.items()])
    assert set(found.figures["metric_id"]) == {"OF0005"} and found.trusts.empty and found.metrics.empty
    assert sorted(found.figures["column"]) == ["rank", "value"] and found.figures["new"].isna().all()


def test_trusts_that_came_or_went_and_their_figures_are_not_restated(compared):

    def without(rows):
        return [row for row in rows if row["Trust_code"] != "ZZ1B"]

    found = compared(without, table=without)
    assert found.trusts[["quarter", "trust_code", "change"]].to_numpy().tolist() == [
        ["2025-26-q1", "ZZ1B", "went"],
        ["2025-26-q2", "ZZ1B", "went"],
    ]
    assert found.kind("value").empty and found.restated
    other = edit({"Trust_code": "ZZ1B"}, Trust_code="ZZ1C")
    back = compared(other, table=other)
    assert sorted(zip(back.trusts["trust_code"], back.trusts["change"], strict=True)) == [
        ("ZZ1B", "went"),
        ("ZZ1B", "went"),
        ("ZZ1C", "came"),
        ("ZZ1C", "came"),
    ]


def test_a_renamed_trust_is_told_and_escaped(compared):
    found = compared(edit({"Trust_code": "ZZ1A", "Quarter": "Q1 2025/26"}, Trust_name="New *Vale* <b>"))
    assert found.renamed[["trust_code", "column", "new"]].to_numpy().tolist() == [
        ["ZZ1A", "trust_name", "New *Vale* <b>"]
    ]
    said = restated.difference_words(found).markdown
    assert r"New \*Vale\* &lt;b&gt;" in said and "is now named" in said


def test_new_and_dropped_metrics_are_listed_by_type(compared):
    found = compared(edit({"Metric_ID": "OF0082"}, Metric_ID="OF0300", Metric_description="Brand new"))
    assert found.metrics[["trust_type", "metric_id", "change"]].to_numpy().tolist() == [
        ["acute", "OF0082", "dropped"],
        ["acute", "OF0300", "new"],
    ]
    assert found.figures.empty
    said = restated.difference_words(found).markdown
    assert "New metrics: OF0300 (Brand new)." in said and "Dropped metrics: OF0082" in said and "No figure" in said


def test_an_added_quarter_restates_nothing(tmp_path, before):
    first = read(folder(tmp_path, "first", quarters=("Q1 2025/26",)))
    found = difference.compare(first, before)
    assert found.quarters.to_numpy().tolist() == [
        ["2025-26-q2", "acute", "added"],
        ["2025-26-q2", "ambulance", "added"],
    ]
    assert found.figures.empty and found.trusts.empty and found.metrics.empty and not found.restated
    back = difference.compare(before, first)
    assert set(back.quarters["change"]) == {"gone"}


def test_a_new_type_is_an_added_quarter_not_new_metrics(tmp_path, before):
    found = difference.compare(read(folder(tmp_path, "one", ("acute",))), before)
    assert set(found.quarters["trust_type"]) == {"ambulance"} and found.metrics.empty and found.trusts.empty


def test_the_league_table_file_is_compared_too(compared):
    def worse(rows):
        rows[0] |= {"Rank": "2.0", "Segment": "2.0", "Likely_range_of_average_score": "1.0 to 1.3"}
        return rows

    there = {"Trust_code": "ZZ1A", "Quarter": "Q2 2025/26", "Metric_ID": "OF5000"}  # the two files must agree
    found = compared(edit(there, Value="2.0"), table=worse)
    league = found.figures[found.figures["metric_id"] == difference.LEAGUE]
    assert sorted(zip(league["kind"], league["column"], strict=True)) == [
        ("rank", "rank"),
        ("score", "average_high"),
        ("segment", "segment"),
    ]
    assert set(found.figures["metric_id"]) == {difference.LEAGUE, "OF5000"}


def test_a_changed_description_or_period_is_told_once_a_metric(compared):
    found = compared(edit({"Metric_ID": "OF0005", "Quarter": "Q2 2025/26"}, Reporting_date="Jun-25"))
    assert found.texts[["quarter", "metric_id", "column", "new"]].to_numpy().tolist() == [
        ["2025-26-q2", "OF0005", "reporting_date", "Jun-25"]
    ]


def test_looking_back_turns_every_change_around(tmp_path, before):
    new = read(folder(tmp_path, "new", change=edit(FIRST, Value="3.5", Rank="2.0")))
    there, back = difference.compare(before, new), difference.compare(new, before)
    assert (there.figures["old"] == back.figures["new"]).all() and (
        there.figures["change"] == -back.figures["change"]
    ).all()


def test_the_section_and_the_table_of_a_briefing_say_how_much(compared):
    found = compared(edit({"Trust_code": "ZZ1A", "Metric_ID": "OF0005"}, Value="2.5"))
    said = restated.difference_words(found).markdown
    assert said.startswith("**This briefing rests on restated data:** for Q1 2025/26 and Q2 2025/26, 2 values differ")
    data = restated.difference_table(found).data()
    assert data["rows"] == [
        ["Q1 2025/26", "acute", "values", "1", "1", "2.5"],
        ["Q2 2025/26", "acute", "values", "1", "1", "2.5"],
    ]


def test_the_command_prints_writes_and_ends_well_with_or_without_differences(tmp_path):
    old = folder(tmp_path, "old")
    new = folder(tmp_path, "new", change=edit(FIRST, Value="3.5", Trust_name="=HYPERLINK()"))
    path = tmp_path / "list.csv"
    result = CliRunner().invoke(app, ["diff", str(old), str(new), "-o", str(path)])
    assert result.exit_code == 0
    rows = pd.read_csv(path)
    assert rows.loc[rows["what"] == "value", ["trust_code", "old", "new"]].to_numpy().tolist() == [
        ["ZZ1A", "0.0", "3.5"]
    ]
    assert "'=HYPERLINK()" in path.read_text() and common.text(
        difference.listing(difference.compare(read(old), read(new)))
    )
    assert CliRunner().invoke(app, ["diff", str(old), str(old)]).exit_code == 0


def first_release(tmp_path):
    """The folder of a quarter as first published: no Quarter column, and a league table that dates itself otherwise."""
    here = folder(tmp_path, "old", quarters=("Q1 2025/26",))
    for path in list(here.glob("*acute*")):
        text = path.read_text(encoding="utf-8-sig")
        if "league" in path.name:
            path.write_text(text.replace("Quarter", "Reporting_date", 1))
        else:
            path.write_text("".join(line.partition(",")[2] for line in text.splitlines(keepends=True)))
        path.rename(path.with_name(path.name.replace("q2", "q1")))
    return here


def test_new_and_dropped_columns_are_listed_by_kind_of_file_and_type(tmp_path, before):
    found = difference.compare(read(first_release(tmp_path)), before)
    assert found.columns.to_numpy().tolist() == [
        ["league", "acute", "Quarter", "new"],
        ["league", "acute", "Reporting_date", "dropped"],
        ["metrics", "acute", "Quarter", "new"],
    ]
    assert not found.restated and not found.nothing
    said = restated.difference_words(found).markdown
    assert "New columns: Quarter." in said and r"Dropped columns: Reporting\_date." in said
    rows = difference.listing(found).query("what.str.startswith('column')")
    assert rows[["what", "trust_type", "metric_id", "old", "new"]].fillna("").to_numpy().tolist() == [
        ["column new", "acute", "league table", "", "Quarter"],
        ["column dropped", "acute", "league table", "Reporting_date", ""],
        ["column new", "acute", "", "", "Quarter"],
    ]
    assert found.of_type("ambulance", "2025-26-q2").columns.empty


def test_a_column_that_nobody_knows_is_listed_before_the_file_is_refused(tmp_path):
    old, new = folder(tmp_path, "old"), folder(tmp_path, "new")
    for path in new.glob("*acute*data*.csv"):
        path.write_bytes(path.read_bytes().replace(b"Units", b"Peer_group"))
    result = CliRunner().invoke(app, ["diff", str(old), str(new)])
    assert isinstance(result.exception, InputError) and "Peer_group" in str(result.exception)
    assert "new column in the metrics files: Peer_group" in result.output
    # Of the metrics files only one lacks it: Units is not dropped while the other has it.
    assert "dropped" not in result.output
    for path in [*old.glob("*ambulance*data*.csv"), *new.glob("*ambulance*data*.csv")]:
        path.unlink()
    assert "dropped column in the metrics files: Units" in CliRunner().invoke(app, ["diff", str(old), str(new)]).output
