"""`nof brief` and `nof verify` from end to end, on a tiny publication with tiny notebooks."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial

import pytest
import tiny
from pypdf import PdfReader

brief = partial(tiny.brief, run=tiny.quick)
CODES = {"done": 0, "failed": 1, "bad input": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A working place with a report in it, and what the run said."""
    home = tiny.place(tmp_path_factory.mktemp("brief"))
    code, text = brief(home, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert code == 0, text
    return home, text


@pytest.fixture
def home(made, tmp_path):
    """A copy of that place for a test that changes it."""
    return shutil.copytree(made[0], tmp_path / "home", symlinks=True)


@pytest.fixture
def report(made):
    return made[0] / "reports" / tiny.QUARTER


def test_every_briefing_in_three_forms_and_the_tables(report):
    expected = {f"{name}-acute{ending}" for name in ("alpha", "beta") for ending in (".html", ".pdf", ".ipynb")}
    tables = {
        f"tables/{name}.csv"
        for name in (
            "league_table-acute",
            "domain_scores-acute",
            "metric_rankings-acute",
            "reconciliation",
            "mismatches",
        )
    }
    assert expected | tables | {"index.html", "manifest.json"} <= set(tiny.hashes(report))
    assert (report.parent / "latest").resolve() == report.resolve()
    assert not (report.parent / ".staging").exists()


def test_the_summary_says_what_was_made_and_how_long_it_took(made):
    text = made[1]
    assert re.search(r"alpha-acute: \d+\.\d s", text)
    assert re.search(r"2 made, 0 unchanged and kept, 0 failed, \d+ s, at most \d+ MB a worker, run [0-9a-f]{10}", text)


def test_the_run_id_stands_in_every_footer(report):
    run = json.loads((report / "manifest.json").read_text())["run_id"][:10]
    for name in ("alpha-acute", "beta-acute"):
        assert run in (report / f"{name}.html").read_text(encoding="utf-8")
        assert all(run in page.extract_text() for page in PdfReader(report / f"{name}.pdf").pages)


def test_the_manifest_says_what_the_report_rests_on(report):
    facts = json.loads((report / "manifest.json").read_text())
    assert {one["file"] for one in facts["inputs"]} == {path.name for path in (report.parents[1] / "data").iterdir()}
    assert all(len(one["sha256"]) == 64 and one["rows"] > 0 for one in facts["inputs"])
    assert facts["parameters"]["quarter"] == tiny.QUARTER and facts["parameters"]["trust_types"] == ["acute"]
    assert set(facts["code"]) == {"commit", "clean", "hash", "lock"}
    assert {"python", "pandas", "typst", "papermill"} <= set(facts["versions"])
    assert facts["seeds"]["draws"] > 0
    assert facts["outputs"] == {name: value for name, value in tiny.hashes(report).items() if name != "manifest.json"}


def test_published_files_can_be_read_by_everybody_whatever_the_umask(home):
    code, text = tiny.brief(home, "--force", script="import os; os.umask(0o077)\n" + tiny.MAIN)
    assert code == 0, text
    found = (home / "reports" / tiny.QUARTER).resolve()
    assert {path.stat().st_mode & 0o777 for path in found.rglob("*")} == {0o644, 0o755}
    assert found.stat().st_mode & 0o777 == 0o755


def test_what_did_not_change_is_kept_and_what_was_damaged_is_made_again(home):
    before = tiny.hashes(home / "reports" / tiny.QUARTER)
    (home / "reports" / tiny.QUARTER / "beta-acute.pdf").write_bytes(b"%PDF-")
    assert tiny.quick(home, "verify", home / "reports" / tiny.QUARTER) == (
        CODES["failed"],
        "changed: beta-acute.pdf\nnot as published: 1\n",
    )
    code, text = brief(home)
    assert code == 0 and "1 made, 1 unchanged and kept" in text
    assert tiny.hashes(home / "reports" / tiny.QUARTER) == before
    assert tiny.quick(home, "verify", home / "reports" / "latest")[0] == 0


def test_other_inputs_mean_that_everything_is_made_again(home):
    for path in (home / "data").glob("*league*"):
        path.unlink()
    code, text = brief(home, "--only", "alpha")
    assert code == CODES["failed"] and "was made from other files" in text
    code, text = brief(home)
    assert code == 0 and "2 made, 0 unchanged" in text


def test_a_subset_leaves_the_rest_of_the_report_as_it_is(home):
    report = home / "reports" / tiny.QUARTER
    before = tiny.hashes(report)
    code, text = brief(home, "--trust", "ZZ1A", "--trust", "ZZ1A")
    assert code == 0 and "1 made, 0 unchanged" in text
    after = tiny.hashes(report)
    assert {"trusts/ZZ1A.html", "trusts/ZZ1A.pdf"} <= set(after)
    kept = [name for name in before if name.startswith(("alpha", "beta", "tables")) and not name.endswith(".html")]
    assert kept and {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert 'href="trusts/ZZ1A.html"' in (report / "alpha-acute.html").read_text(encoding="utf-8"), (
        "only its links differ"
    )
    code, text = brief(home, "--only", "alpha", "--force")
    assert code == 0 and "1 made" in text and "trusts/ZZ1A.html" in tiny.hashes(report)
    code, text = brief(home, "--only", "alpha", "--only", "beta", "--trust", "ZZ1A,zz1a", "--force")
    assert code == 0 and "3 made" in text
    code, text = brief(home, "--all-trusts")
    assert code == 0 and "1 made, 3 unchanged and kept" in text and "trusts/ZZ1B.pdf" in tiny.hashes(report)


def test_a_kept_briefing_goes_on_to_say_which_code_made_it(home):
    path = home / "notebooks" / "alpha.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("# Alpha", "# Alpha again"), encoding="utf-8")
    old = json.loads((home / "reports" / tiny.QUARTER / "manifest.json").read_text())
    code, text = brief(home, "--only", "alpha")
    facts = json.loads((home / "reports" / tiny.QUARTER / "manifest.json").read_text())
    assert code == 0, text
    assert facts["briefings"]["beta-acute"]["run"] == old["run_id"] != facts["run_id"]
    assert facts["earlier_runs"][old["run_id"]]["code"]["hash"] == old["code"]["hash"] != facts["code"]["hash"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "gamma"], ["gamma", "one of alpha, beta"]),
        (["--trust", "ZZ1C"], ["ZZ1C", "expected ZZ1A or ZZ1B"]),
        (["--jobs", "0"], ["--jobs"]),
    ],
    ids=["briefing", "trust", "jobs"],
)
def test_what_is_not_there_is_an_error_that_lists_what_is(made, words, said):
    code, text = brief(made[0], *words)
    assert code == CODES["bad input"] and all(one in text for one in said), text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("quarter: 2031-32-q1\ndata: data\n", ["2031-32-q1", "one of 2025-26-q1, 2025-26-q2"]),
        ("quarter: soon\ndata: data\n", ["soon", "one of 2025-26-q1, 2025-26-q2"]),
        ("quarter: 2025-26-q2\ndata: data\ntrust_types: [ambulance]\n", ["ambulance", "one of acute"]),
        ("quarter: 2025-26-q2\ndata: data\nbriefing: [alpha]\n", ["briefing", "unknown key", "did you mean briefings"]),
        ("quarter: 2025-26-q2\ndata: nowhere\n", ["nowhere"]),
    ],
    ids=["quarter", "no quarter", "type", "key", "folder"],
)
def test_a_bad_params_file_is_an_error_that_lists_what_is_known(made, tmp_path, lines, said):
    (tmp_path / "data").symlink_to(made[0] / "data")
    (tmp_path / "params.yaml").write_text(lines, encoding="utf-8")
    code, text = tiny.quick(made[0], "brief", tmp_path / "params.yaml", "--out", tmp_path / "reports")
    assert code == CODES["bad input"] and all(one in text for one in said), text
    assert not (tmp_path / "reports" / ".staging").exists()


def test_verify_needs_a_report(tmp_path, made):
    code, text = tiny.quick(made[0], "verify", tmp_path)
    assert code == CODES["bad input"] and "manifest.json" in text


def test_a_published_notebook_does_not_tell_where_the_operator_keeps_files(report):
    for path in report.resolve().rglob("*"):
        if path.suffix in (".ipynb", ".html", ".json", ".csv"):
            assert str(report.parents[1]) not in path.read_text(encoding="utf-8"), path.name


def test_made_up_data_and_real_ones_have_places_of_their_own(home, tmp_path):
    for made_up in (False, True):
        if made_up:
            (home / "data" / "ILLUSTRATIVE").write_text("made up")
        code, text = tiny.quick(home, "brief", home / "params.yaml", "--only", "alpha", cwd=tmp_path)
        assert code == 0, text
    assert (tmp_path / "reports" / tiny.QUARTER / "alpha-acute.html").is_file()
    assert (tmp_path / "reports" / "demo" / tiny.QUARTER / "alpha-acute.html").is_file()
    places = (tmp_path / one / tiny.QUARTER / "manifest.json" for one in ("reports", "reports/demo"))
    told = [json.loads(path.read_text(encoding="utf-8")) for path in places]
    assert [one["illustrative"] for one in told] == [False, True]
