"""A params file: every fault listed, nothing guessed."""

from __future__ import annotations

import pytest

from nof.briefing import params
from nof.common import InputError


@pytest.fixture(autouse=True)
def two_notebooks(tmp_path, monkeypatch):
    """A folder with two national notebooks and two that are none."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("reconciliation", "league_table", "trust_briefing", "explore"):
        (folder / f"{name}.ipynb").write_text("{}")
    monkeypatch.setenv("NOF_NOTEBOOKS", str(folder))


def load(tmp_path, text, **changes):
    path = tmp_path / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return params.load(path, **changes)


def test_paths_are_relative_to_the_file_and_the_rest_has_defaults(tmp_path):
    found = load(tmp_path, "quarter: Q4 2025/26\ndata: files\n")
    assert found.data == (tmp_path / "files").resolve()
    assert found.quarter == "2025-26-q4" and found.trust_types is None and found.briefings is None
    assert found.trusts == []


def test_the_command_line_replaces_what_the_file_says(tmp_path):
    assert load(tmp_path, "quarter: 2025-26-q4\ndata: files\n", data=tmp_path / "other").data == tmp_path / "other"


def test_a_thing_named_twice_is_made_once(tmp_path):
    found = load(tmp_path, "quarter: 2025-26-q4\ndata: d\ntrusts: [RDY, RDY]\ntrust_types: [acute, acute]\n")
    assert found.trusts == ["RDY"] and found.trust_types == ["acute"]


def test_national_briefings_are_those_a_reader_wants_first_first():
    assert params.national_briefings() == ["league_table", "reconciliation"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "quarter: 2025-26-q4\ndata: d\nbreifings: []\n",
            ["unknown key", "did you mean briefings", "column breifings"],
        ),
        ("quarter: 2025-26-q4\ndata: d\nbriefings: [leauge]\n", ["briefing: leauge", "league_table, reconciliation"]),
        ("quarter: 2025-26-q4\ndata: d\ntrust_types: acute\n", ["column trust_types", "list"]),
        ("quarter: 2025-26-q4\ndata: d\nreproduce_at_least: 90\n", ["share from 0 to 1", "90"]),
        ("data: d\n", ["column quarter", "required"]),
        ("quarter: [", ["is not YAML"]),
        ("- quarter\n", ["is not a list of keys and values"]),
        (b"quarter: \xff\xfe\n", ["is not YAML"]),
        ("", ["is not a list of keys and values"]),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert all(one.lower() in str(caught.value).lower() for one in ["params.yaml", *said]), caught.value


def test_every_fault_is_listed_not_just_the_first(tmp_path):
    with pytest.raises(InputError) as caught:
        load(tmp_path, "quarter: 2025-26-q4\ncolour: red\nsize: 3\n")
    assert len(caught.value.problems) == 3  # two unknown keys, and no data


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        params.load(tmp_path / "none.yaml")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "p.yaml"
    path.write_text("quarter: 2025-26-q4\ndata: ~/data\n")
    assert params.load(path).data == (tmp_path / "home" / "data").resolve()


def test_web_page_and_pdf_are_always_made_and_word_where_it_is_named(tmp_path):
    path = tmp_path / "p.yaml"
    for given, made in (("", ["html", "pdf"]), ("formats: [docx]\n", ["html", "pdf", "docx"])):
        path.write_text(f"quarter: 2025-26-q4\ndata: d\n{given}")
        assert params.load(path).formats == made
    path.write_text("quarter: 2025-26-q4\ndata: d\nformats: [doc]\n")
    with pytest.raises(InputError, match="formats.0"):
        params.load(path)
