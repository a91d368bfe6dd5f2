"""Nothing wrong in silence: NHS England's own files, changed in one way at a time, and what the checks make of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import mutations
import pandas as pd
import pytest

from nof import demo
from nof.common import InputError
from nof.method import opening
from nof.read.findings import COLUMNS, SEVERITIES, concerning, counts, found, guarded, listing, together, words
from nof.read.limits import limits
from nof.rules.recompute import National

CODES = set(limits().checks)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    """Each folder is opened once: what would be written for a second time takes a sixth of the time."""
    monkeypatch.setenv("NOF_CACHE", "")


@pytest.fixture(scope="module")
def names(real) -> tuple[str, str]:
    (metrics,), (league,) = real.glob("*trust-data-q4*.csv"), real.glob("*league-table-q4*.csv")
    return metrics.name, league.name


@pytest.fixture
def files(real, names, tmp_path) -> mutations.Files:
    for name in names:
        shutil.copyfile(real / name, tmp_path / name)
    return mutations.Files(tmp_path, *names)


@pytest.fixture(scope="module")
def clean(real, names, tmp_path_factory) -> National:
    folder = tmp_path_factory.mktemp("clean")
    for name in names:
        shutil.copyfile(real / name, folder / name)
    return opening.open_publication(folder)


def judged(folder: Path) -> tuple[str, list[str]]:
    """What comes of a folder, and what is said of it."""
    try:
        told = opening.findings_of(opening.open_publication(folder))
    except InputError as error:
        return "refused", str(error).splitlines()
    shown = told.loc[told["severity"] == "shown", "message"].tolist()
    return ("shown" if shown else "accepted"), shown


@pytest.mark.parametrize("name", mutations.CASES)
def test_what_comes_of_a_change(files, clean, name):
    change, outcome, said = mutations.CASES[name]
    change(files)
    came, messages = judged(files.folder)
    assert came == outcome, messages[:5]
    assert any(said in message for message in messages) or outcome == "accepted", messages[:5]
    if outcome == "accepted":
        metrics = opening.open_publication(files.folder).publication.metrics
        where = ["file", "row", "reporting_date"]  # a spreadsheet writes Jun-25 as 25-Jun
        pd.testing.assert_frame_equal(metrics.drop(columns=where), clean.publication.metrics.drop(columns=where))


def test_the_real_files_are_without_fault(clean):
    told = opening.findings_of(clean)
    assert counts(told) == {"refused": 0, "shown": 0, "noted": len(told)}
    # Each note is true: what stops within the year, or is called otherwise from then on, as data/reference/checks.yaml says.
    assert told[["code", "metric_id", "quarter"]].to_numpy().tolist() == [
        ["period_form", "OF0082", "2025-26-q2"],
        ["metric_left", "OF5005", "2025-26-q3"], ["metric_left", "OF5007", "2025-26-q3"],
        ["sub_domain_changed", "OF4002", "2025-26-q3"], ["period_form", "OF1067", "2025-26-q3"],
        ["metric_left", "OF1067", "2025-26-q4"],
        ["period_form", "OF0079", "2025-26-q4"], ["period_form", "OF0081", "2025-26-q4"],
    ]  # fmt: skip


@pytest.fixture(scope="module", params=demo.FRAMEWORKS)
def made_up(request, tmp_path_factory) -> Path:
    """Made before anything is kept from being kept: it takes twenty seconds to make up two years."""
    return demo.ensure(tmp_path_factory.mktemp("made") / "demo", request.param)


def test_the_demo_is_without_fault(made_up):
    told = opening.findings_of(opening.open_publication(made_up))
    assert counts(told) | {"noted": 0} == {"refused": 0, "shown": 0, "noted": 0}, told["message"].tolist()


def test_a_message_names_trust_metric_file_row_column_and_value(files, names):
    files.set("Value", "71.2", code="RYY", metric="OF0061")
    came, (message,) = judged(files.folder)
    assert came == "refused"
    for part in (
        names[0],
        "row ",
        "column Value",
        "Kent Community Health",
        "RYY",
        "OF0061",
        "Q4 2025/26",
        "'71.2'",
        "0 to 10",
    ):
        assert part in message


def test_a_cell_that_cannot_be_read_names_its_trust_and_metric(files):
    files.set("Value", "91.56", code="RYY", metric="OF1082")
    came, (message,) = judged(files.folder)
    assert came == "refused"
    assert all(part in message for part in ("Kent Community Health", "(RYY)", "OF1082 Sickness absence rate", "91.56"))


# ---------------------------------------------------------------- the frame itself

ROWS = pd.DataFrame({
    "file": "a.csv", "row": [2, 3, 4], "trust_code": ["R1", "R2", "R3"], "trust_name": ["One", "Two", "Three"],
    "trust_type": "acute", "metric_id": "OF0082", "quarter": "2025-26-q4", "value": [1.0, 2.0, 3.0],
})  # fmt: skip


def test_rows_of_one_kind_are_told_one_by_one_up_to_a_number():
    one_by_one = found("spread", ROWS, "is odd", "Value", "value", "about {row}")
    assert one_by_one["message"].tolist() == [
        f"a.csv, row {row}, column Value: {name} (R{row - 1}), OF0082, Q4 2025/26: is odd (found '{row - 1}'); expected about {row}"
        for row, name in ((2, "One"), (3, "Two"), (4, "Three"))
    ]
    (told,) = found("spread", ROWS, "is odd", most=2).itertuples()
    assert "3 rows are so, this is the first" in told.message
    assert (told.trust_code, told.severity) == ("", "shown")


def test_findings_stand_in_one_frame_the_worst_first():
    table = together(
        [found("spread", ROWS[:1], "a"), found("passed_over", ROWS[:1], "b"), found("bounds", ROWS[:1], "c")]
    )
    assert tuple(table.columns) == COLUMNS
    assert tuple(table["severity"]) == ("refused", "shown", "noted")
    assert list(counts(table).values()) == [1, 1, 1]
    assert together([]).empty and tuple(together([]).columns) == COLUMNS


def test_a_page_shows_what_concerns_it():
    table = together([found("spread", ROWS, "a"), found("passed_over", pd.DataFrame({"file": ["b.csv"]}), "b")])
    assert concerning(table, "2025-26-q4", "acute", "R1")["trust_code"].tolist() == ["R1"]
    assert concerning(table, "2025-26-q3").empty
    assert concerning(table, metric_id="OF1082").shape[0] == 3
    assert concerning(table, metric_id="OF1005").empty
    assert words(table, most=2)[-1] == "and 2 more"
    assert listing(table)["quarter"].tolist() == ["Q4 2025/26"] * 3 + [""]


def test_an_exception_in_a_check_is_a_refusal_with_its_place():
    def broken(_: pd.DataFrame) -> pd.DataFrame:
        raise ZeroDivisionError("of {nothing}")

    (told,) = guarded(broken, ROWS).itertuples()
    assert (told.severity, told.code, told.file) == ("refused", "not_foreseen", "a.csv")
    assert "ZeroDivisionError" in told.message


def test_every_check_of_the_data_file_is_used_and_says_what_was_seen():
    root = Path(__file__).parent.parent / "nof"
    text = "".join(path.read_text(encoding="utf-8") for path in root.glob("*/*.py"))
    assert {one.severity for one in limits().checks.values()} == set(SEVERITIES)
    unused = {code for code in CODES if f'"{code}"' not in text}
    assert not unused
    assert all(len(one.evidence) > 5 for one in limits().checks.values())
