"""A briefing says when it rests on restated data, says so the same wherever it is made, and else claims nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import builders
import papermill
import pytest
import tiny
from conftest import python_path
from trust_page import Page

from nof import common
from nof.briefing import manifest, plan
from nof.briefing import manifest as carry
from nof.briefing.params import Params
from nof.common import NofError
from nof.method import opening, restated, view
from nof.method.board import trust_of
from nof.method.trust_facts import bearing
from nof.quarterly import fetch
from nof.read.publication import read
from nof.show.restated import restated as told

BOTH = ("Q1 2025/26", "Q2 2025/26")
NONE = "No earlier version"


def files(folder: Path, *, ending: str = "-q2-25-26", quarters=BOTH, types=("acute",), **cells: str) -> Path:
    """Metrics files in a folder; `cells` are written into OF0005 of ZZ1A in Q1 2025/26."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in types:
        rows = builders.metric_rows(kind, quarters)
        for row in rows:
            if (row["Trust_code"], row["Metric_ID"], row["Quarter"]) == ("ZZ1A", "OF0005", BOTH[0]):
                row.update(cells)
        builders.write(folder, builders.metrics_name(kind, ending), builders.table(rows, builders.METRIC_HEADER))
    return folder


def opened(folder: Path):
    return opening.open_publication(folder)


def found(folder: Path) -> restated.Restated:
    return opening.restated_of(opened(folder))


def changes(folder: Path, whole: bool = False) -> list[tuple]:
    """Restated figures: of a publication that is only read, or of the `whole`, opened as a briefing opens it."""
    known = found(folder) if whole else restated.find(folder, read(folder))
    rows = known.difference.figures
    return list(rows[["quarter", "trust_code", "metric_id", "old", "new"]].itertuples(index=False, name=None))


def said(folder: Path, trust_type: str = "acute", quarter: str | None = None) -> tuple[str, object]:
    words, table = told(view.open_view(folder, quarter, trust_type))
    return words.markdown, table


ONE = [("2025-26-q1", "ZZ1A", "OF0005", 0.0, 0.5)]


# ---------------------------------------------------------------- where older files are found


def test_an_older_version_set_aside_in_the_same_folder(tmp_path):
    files(tmp_path, types=("acute", "ambulance"))
    files(tmp_path, ending="-q2-25-26-v2", Value="0.5")
    assert changes(tmp_path, whole=True) == ONE
    text, table = said(tmp_path)
    assert (
        text
        == "**This briefing rests on restated data:** for Q1 2025/26, 1 value differs from the one published before."
    )
    assert table.data()["rows"] == [["Q1 2025/26", "acute", "values", "1", "1", "0.5"]]
    text, table = said(tmp_path, "ambulance")
    assert text.startswith(NONE) and table is None, "of this type no older file is at hand"


def test_an_older_version_of_which_one_quarter_is_still_in_use(tmp_path):
    files(tmp_path, ending="-q2-25-26")
    files(tmp_path, ending="-q3-25-26", quarters=("Q1 2025/26", "Q3 2025/26"), Value="0.5")
    assert changes(tmp_path, whole=True) == ONE
    entry = next(one for one in manifest.inputs(opened(tmp_path), tmp_path) if "q2" in one["file"])
    assert entry["compared"] and not entry["superseded"]


@pytest.fixture(scope="module")
def fetched_twice(tmp_path_factory):
    """A quarter that was published twice, as `nof fetch` lays it down, and what the second fetch told; not to be changed."""
    home = tmp_path_factory.mktemp("twice")
    fetch.take_from(files(home / "one"), None, home / "raw")
    return home, fetch.take_from(files(home / "two", Value="0.5"), None, home / "raw")


@pytest.fixture
def reissued(fetched_twice, tmp_path):
    """A copy to change: the folder of the quarter, and that of the first version."""
    home, done = fetched_twice
    shutil.copytree(home, tmp_path, dirs_exist_ok=True, symlinks=True)
    return tuple(tmp_path / one.relative_to(home) for one in (done.folder, done.previous))


def test_a_quarter_that_was_fetched_again_has_its_earlier_version(fetched_twice):
    _, done = fetched_twice
    assert changes(done.folder) == ONE
    assert changes(done.folder / ".versions" / done.version) == ONE, "where nof refresh reads it"
    assert said(done.previous)[0].startswith(NONE), "the first version restates nothing"


def test_a_file_that_joins_later_does_not_hide_what_was_restated_before(reissued, tmp_path):
    done = fetch.take_from(files(tmp_path / "three", types=("ambulance",)), None, tmp_path / "raw")
    assert done.folder == reissued[0] and changes(done.folder, whole=True) == ONE
    assert said(done.folder, "ambulance")[0].startswith(NONE)


def test_a_cumulative_file_restates_the_folder_of_an_earlier_quarter(tmp_path):
    raw = tmp_path / "raw"
    fetch.take_from(files(tmp_path / "one", ending="-q1-25-26", quarters=BOTH[:1]), None, raw)
    done = fetch.take_from(files(tmp_path / "two", Value="0.5", Rank="2.0"), None, raw)
    assert changes(done.folder, whole=True) == [*ONE, ("2025-26-q1", "ZZ1A", "OF0005", 1.0, 2.0)][::-1]
    text, _ = said(done.folder)
    assert "1 value and 1 rank differ" in text and "New in these files: Q2 2025/26 (acute)." in text
    assert found(done.folder).files["file"].tolist() == [builders.metrics_name(ending="-q1-25-26")]


def test_only_folders_that_fetch_laid_down_count_and_only_earlier_ones(tmp_path):
    by_hand = files(tmp_path / "2025-26-q1", quarters=BOTH[:1])
    here = files(tmp_path / "2025-26-q2", Value="0.5")
    later = files(tmp_path / "2025-26-q3", Value="0.7")
    for folder in (tmp_path / "notes", later):
        folder.mkdir(exist_ok=True)
        (folder / "sources.json").write_text("{}")
    assert said(here)[0].startswith(NONE)
    (by_hand / "sources.json").write_text("{}")
    assert restated.earlier_folders(here) == (by_hand,) and changes(here, whole=True) == ONE


def test_a_league_table_alone_can_be_restated(tmp_path):
    builders.publication(tmp_path)
    rows = builders.league_rows()
    rows[0]["Likely_range_of_rank"] = "1 to 2"
    builders.write(tmp_path, builders.league_name(ending="-q2-25-26-v2"), builders.table(rows, builders.LEAGUE_HEADER))
    rows = found(tmp_path).difference
    assert rows.figures[["column", "old", "new"]].to_numpy().tolist() == [["rank_high", 1.0, 2.0]]
    assert rows.quarters.empty and said(tmp_path)[0].startswith("**This briefing rests on restated data:**")


# ---------------------------------------------------------------- and where none is, or none differs


def test_without_an_older_file_nothing_is_claimed(tmp_path):
    assert said(files(tmp_path))[0].startswith(NONE) and found(tmp_path).difference is None


def test_an_older_file_that_says_the_same_is_said_to_do_so(tmp_path):
    files(tmp_path)
    files(tmp_path, ending="-q2-25-26-v2", Reporting_date="another")
    text, table = said(tmp_path)
    assert text == "No figure published before is restated." and table is None


def test_a_copy_is_no_older_version(tmp_path):
    files(tmp_path)
    shutil.copy(tmp_path / builders.metrics_name(), tmp_path / builders.metrics_name(ending="-q2-25-26-v2"))
    assert said(tmp_path)[0].startswith(NONE)


@pytest.mark.parametrize("fault", ["broken", "illustrative", "outside"])
def test_older_files_that_cannot_be_compared_are_passed_over(reissued, tmp_path, fault):
    folder, previous = reissued
    if fault == "broken":
        next(previous.glob("*.csv")).write_text("<html>")
    if fault == "illustrative":
        (previous / "ILLUSTRATIVE").touch()
    if fault == "outside":  # sources.json is a file that somebody may have written
        about = json.loads((folder / "sources.json").read_text())
        (folder / "sources.json").write_text(json.dumps(about | {"previous": f"../../../{tmp_path.name}/one"}))
    assert said(folder)[0].startswith(NONE)


def test_a_sound_file_beside_an_older_one_with_wrong_rows(tmp_path):
    files(tmp_path, Value="many")
    files(tmp_path, ending="-q2-25-26-v2", Value="0.5")
    assert said(tmp_path)[0].startswith(NONE)


# ---------------------------------------------------------------- whom it concerns


def test_a_trust_is_told_of_its_own_figures_up_to_its_quarter_only(tmp_path):
    files(tmp_path)
    files(tmp_path, ending="-q2-25-26-v2", Value="0.5", Median_value="3.0")
    national = opened(tmp_path)
    found = bearing(trust_of(national, "2025-26-q2", "ZZ1A"))
    assert (found.restated, found.restated_in) == (1, ("Q1 2025/26",))
    told = Page(trust_of(national, "2025-26-q2", "ZZ1A")).words
    assert "> **Restated.** 1 figure of this trust for Q1 2025/26 differs from what was published before" in told
    assert bearing(trust_of(national, "2025-26-q2", "ZZ1B")).restated == 0
    assert "Restated" not in Page(trust_of(national, "2025-26-q2", "ZZ1B")).words
    files(tmp_path / "b", quarters=BOTH)
    rows = builders.metric_rows("acute", BOTH)
    next(row for row in rows if row["Quarter"] == BOTH[1] and row["Metric_ID"] == "OF1005")["Value"] = "1.5"
    builders.write(
        tmp_path / "b", builders.metrics_name(ending="-q2-25-26-v2"), builders.table(rows, builders.METRIC_HEADER)
    )
    found = bearing(trust_of(opened(tmp_path / "b"), "2025-26-q2", "ZZ1A"))
    assert (found.restated, found.restated_in) == (1, ("Q2 2025/26",))
    assert bearing(trust_of(opened(tmp_path / "b"), "2025-26-q1", "ZZ1A")).restated == 0
    assert (
        said(tmp_path / "b", quarter="2025-26-q1")[0] == "The files say the same as those that were published before."
    )


# ---------------------------------------------------------------- runs: key, manifest, carried briefings, other machines


def test_the_older_files_are_inputs_and_part_of_the_run(reissued):
    folder, previous = reissued
    params = Params(quarter="2025-26-q2", data=folder)
    national = opened(folder)
    with_them, inputs = plan.run_key(params, national), manifest.inputs(national, folder)
    assert [one["file"] for one in inputs if one.get("compared")] == [builders.metrics_name()]
    assert inputs[-1]["sha256"] == common.hashlib.sha256(next(previous.glob("*.csv")).read_bytes()).hexdigest()
    shutil.rmtree(previous)
    assert plan.run_key(params, opened(folder)) != with_them
    entries = {"briefings": {"alpha": {}}, "inputs": inputs}
    with pytest.raises(NofError, match="other files"):
        carry._same_inputs(entries, {"inputs": manifest.inputs(opened(folder), folder)}, "2025-26-q2")


def test_a_machine_without_the_files_says_the_same(reissued, tmp_path, monkeypatch):
    folder, _ = reissued
    here, path = said(folder)[0], tmp_path / "packed"
    path.write_bytes(common.packed(folder, opened(folder)))
    shutil.rmtree(folder.parent)
    opening._opened.cache_clear()
    monkeypatch.setenv(common.VARIABLE, str(path))
    common._read.cache_clear()
    assert said(folder)[0] == here and "restated data" in here


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Briefings of a re-issued quarter: by forked copies, by ordinary kernels, and the notebook by papermill alone."""
    home = tmp_path_factory.mktemp("restated")
    raw = home / "raw"
    one, two = home / "one", home / "two"
    one.mkdir()
    builders.publication(one)
    shutil.copytree(one, two)
    files(two, Value="0.5")
    fetch.take_from(one, None, raw)
    folder = fetch.take_from(two, None, raw).folder
    (home / "params.yaml").write_text(
        f"quarter: 2025-26-q2\ndata: {folder}\nbriefings: [league_table]\ntrusts: [ZZ1A]\n"
    )
    own = {"NOF_NOTEBOOKS": str(common.share("notebooks"))}
    for name, how in (("warm", []), ("cold", ["--cold"])):
        code, text = tiny.brief(home, *how, out=home / name, run=tiny.quick, **own)
        assert code == 0, text
    notebook = common.share("notebooks") / "league_table.ipynb"
    given = {"quarter": "2025-26-q2", "data": str(folder), "trust_type": "acute"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", python_path(common.share()))
        papermill.execute_notebook(
            str(notebook), str(home / "alone.ipynb"), given, kernel_name="python3", progress_bar=False
        )
    return home


def outputs(path: Path) -> list[str]:
    """What the cells of a notebook show, as plain text."""
    cells = json.loads(path.read_text())["cells"]
    return [
        "".join(one["data"].get("text/markdown", one["data"].get("text/html", "")))
        for cell in cells
        for one in cell.get("outputs", [])
        if "data" in one
    ]


def test_briefings_say_so_whichever_way_they_are_made(made):
    warm, cold = (tiny.hashes(made / name / "2025-26-q2") for name in ("warm", "cold"))
    assert warm == cold
    shown = outputs(made / "warm" / "2025-26-q2" / "league_table-acute.ipynb")
    assert shown == outputs(made / "alone.ipynb")
    assert any(one.startswith("**This briefing rests on restated data:** for Q1 2025/26") for one in shown)
    assert any("Figures that differ from those published before" in one for one in shown)
    page = (made / "warm" / "2025-26-q2" / "league_table-acute.html").read_text()
    assert "rests on restated data" in page and "Figures that differ" in page
    assert "1 figure of this trust for Q1 2025/26 differs" in (made / "warm/2025-26-q2/trusts/ZZ1A.html").read_text()


def test_the_manifest_names_what_was_compared(made):
    inputs = manifest.read(made / "warm" / "2025-26-q2")["inputs"]
    older = [one for one in inputs if one.get("compared")]
    assert [one["kind"] for one in older] == ["metrics"] and all(one["superseded"] for one in older)
    assert read(made / "one").files["sha256"].isin([one["sha256"] for one in inputs]).all()
