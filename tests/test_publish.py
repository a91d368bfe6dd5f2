"""Staging, the swap, the lock, the manifest: on plain folders, without a run."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from nof.briefing import gate, manifest, publish
from nof.briefing import manifest as carry
from nof.common import InputError, NofError, sha256

QUARTER = "2025-26-q2"


def publish_text(out, text, quarter=QUARTER, run="run"):
    """Publish a report of one file."""
    with publish.locked(out, quarter), publish.staging(out, quarter, run) as area:
        (area.report / "page.html").write_text(text)
        (area.scratch / "secret").write_text("not for readers")
        place = publish.put_in_place(area.report, out, quarter, run)
    publish.point_latest(out)
    return place


def test_a_report_is_put_in_place_and_its_predecessor_is_kept_but_no_older_one(tmp_path):
    for number in range(4):
        place = publish_text(tmp_path, str(number))
        assert (place / "page.html").read_text() == str(number)
        assert sorted(path.name for path in place.iterdir()) == ["page.html"]
    kept = {(path / "page.html").read_text() for path in (tmp_path / ".published" / QUARTER).iterdir()}
    assert kept == {"2", "3"}
    assert not (tmp_path / ".staging").exists()


def test_latest_is_the_newest_quarter_whatever_was_made_last(tmp_path):
    for quarter in ("2025-26-q4", "2025-26-q1", "2024-25-q4"):
        publish_text(tmp_path, quarter, quarter)
    (tmp_path / "zebra").mkdir()
    publish.point_latest(tmp_path)
    assert (tmp_path / "latest" / "page.html").read_text() == "2025-26-q4"


def test_the_old_report_is_read_until_the_new_one_is_there(tmp_path):
    """A reader who looks all the time never finds a gap or half a report."""
    place, seen, stop = publish_text(tmp_path, "0"), set(), threading.Event()

    def look():
        while not stop.is_set():
            try:
                seen.add((tmp_path / QUARTER / "page.html").read_text())
            except OSError as error:
                seen.add(repr(error))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 30):
        publish_text(tmp_path, str(number))
    stop.set()
    reader.join()
    assert seen <= {str(number) for number in range(30)} and (place / "page.html").read_text() == "29"


def test_where_there_are_no_links_the_folder_itself_is_put_in_place(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no links here")

    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    monkeypatch.setattr(publish, "NEEDS_LINKS", False)
    for text in ("first", "second", "third"):
        place = publish_text(tmp_path, text)
        assert (place / "page.html").read_text() == (tmp_path / "latest" / "page.html").read_text() == text
        assert not place.is_symlink()


def test_a_run_killed_between_two_moves_on_such_a_system_is_mended_by_the_next(tmp_path):
    aside = tmp_path / ".published" / QUARTER / publish.MOVED
    aside.mkdir(parents=True)
    (aside / "page.html").write_text("the last good one")
    with publish.locked(tmp_path, QUARTER), publish.staging(tmp_path, QUARTER, "run"):
        assert (tmp_path / QUARTER / "page.html").read_text() == "the last good one"


def test_a_folder_made_by_hand_makes_room_for_a_report(tmp_path):
    (tmp_path / QUARTER).mkdir()
    (tmp_path / QUARTER / "page.html").write_text("by hand")
    assert (publish_text(tmp_path, "new") / "page.html").read_text() == "new"
    assert (tmp_path / ".published" / QUARTER / publish.MOVED / "page.html").read_text() == "by hand"


def test_a_second_run_of_a_quarter_is_told_so_and_another_quarter_is_free(tmp_path):
    with publish.locked(tmp_path, QUARTER):
        with pytest.raises(publish.Busy, match="another run is making 2025-26-q2"), publish.locked(tmp_path, QUARTER):
            pass
        with publish.locked(tmp_path, "2025-26-q3"):
            pass


def test_leftovers_of_killed_runs_are_swept_but_not_the_work_of_a_living_one(tmp_path):
    for name in (f"{QUARTER}-dead", "2025-26-q1-dead", "2025-26-q3-alive"):
        (tmp_path / ".staging" / name / "report").mkdir(parents=True)
    staged = publish.staging(tmp_path, QUARTER, "run")
    with publish.locked(tmp_path, "2025-26-q3"), publish.locked(tmp_path, QUARTER), staged:
        assert {path.name for path in (tmp_path / ".staging").iterdir()} == {f"{QUARTER}-run", "2025-26-q3-alive"}


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_a_ctrl_c_in_the_middle_of_the_swap_comes_too_late():
    with publish.uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)


def test_verify_names_what_is_missing_changed_or_unknown(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    manifest.write(tmp_path, {"run_id": "r"})
    assert manifest.verify(tmp_path) == []
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("other")
    (tmp_path / "d").write_text("new")
    assert manifest.verify(tmp_path) == ["missing: a", "not in the manifest: d", "changed: b"]


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"outputs": 3}'])
def test_verify_needs_a_manifest(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="manifest.json"):
        manifest.verify(tmp_path)


def entry(folder, name, run="r1", key="k"):
    """A published briefing and its manifest entry."""
    (folder / f"{name}.html").write_text(name)
    return {"key": key, "run": run, "files": {f"{name}.html": sha256(folder / f"{name}.html")}}


def origin(run, sha="s1"):
    inputs = [{"sha256": sha, "superseded": False}]
    return {"run_id": run, "inputs": inputs, "illustrative": False, "code": {"hash": run}}


@pytest.fixture
def last(tmp_path):
    """A report of run r1 with the briefings one, two, and trusts/R1A; something failed in it."""
    folder = tmp_path / "last"
    (folder / "trusts").mkdir(parents=True)
    briefings = {name: entry(folder, name) for name in ("one", "two", "trusts/R1A")}
    manifest.write(folder, {**origin("r1"), "briefings": briefings, "failures": {"three": "why"}})
    return folder


@pytest.mark.parametrize(
    ("run", "wanted", "subset", "force", "kept"),
    [
        ("r1", {"one": "k", "two": "k"}, False, False, {"one", "two", "trusts/R1A"}),  # nothing changed
        ("r1", {"one": "k", "two": "k"}, False, True, {"trusts/R1A"}),  # --force
        ("r1", {"one": "other", "two": "k"}, False, False, {"two", "trusts/R1A"}),  # one changed
        ("r2", {"one": "other", "two": "other"}, False, False, set()),  # new code or files: nothing old stays
        ("r2", {"one": "other"}, True, False, {"two", "trusts/R1A"}),  # --only with new code: the rest stays
        ("r2", {"four": "x"}, True, True, {"one", "two", "trusts/R1A"}),  # --trust: the rest stays
    ],
)
def test_what_is_carried_over(tmp_path, last, run, wanted, subset, force, kept):
    folder = tmp_path / "new"
    found = carry.over(last, folder, wanted, origin(run), subset=subset, force=force)
    assert set(found.entries) == kept
    assert {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.html")} == kept
    assert set(found.origins) == ({"r1"} if run == "r2" and kept else set())
    assert set(found.failures) == ({"three"} if subset else set())


def test_a_part_of_a_report_from_other_files_is_refused(tmp_path, last):
    with pytest.raises(NofError, match="made from other files"):
        carry.over(last, tmp_path / "new", {"one": "k"}, origin("r2", "s2"), subset=True, force=False)


def test_what_was_damaged_is_not_carried_over_and_copies_cannot_reach_back(tmp_path, last):
    (last / "one.html").write_text("damaged")
    (last / "trusts" / "R1A.html").unlink()
    found = carry.over(last, tmp_path / "new", {"one": "k", "two": "k"}, origin("r1"), subset=False, force=False)
    assert set(found.entries) == {"two"} and not (tmp_path / "new" / "one.html").exists()
    (tmp_path / "new" / "two.html").write_text("written again")
    assert (last / "two.html").read_text() == "two"


@pytest.mark.parametrize(("run", "damage", "kept"), [("r1", "", True), ("r2", "", False), ("r1", "damaged", False)])
def test_the_same_run_keeps_its_tables_and_another_makes_them_again(tmp_path, last, run, damage, kept):
    assert not carry.tables(last, tmp_path / "new", run)  # there are none yet
    (last / "tables").mkdir()
    for name in ("one", "two"):
        (last / "tables" / f"{name}.csv").write_text(name)
    manifest.write(last, {**origin("r1"), "briefings": {}})
    (last / "tables" / "two.csv").write_text(damage or "two")
    assert carry.tables(last, tmp_path / "new", run) is kept
    assert sorted(path.name for path in (tmp_path / "new").rglob("*.csv")) == (["one.csv", "two.csv"] if kept else [])


@pytest.mark.parametrize("text", ["{", '{"run_id": "r1", "briefings": {"one": {"key": "k", "files": ["one.html"]}}}'])
def test_a_manifest_that_cannot_be_used_carries_nothing_over(tmp_path, last, text):
    (last / "manifest.json").write_text(text)
    found = carry.over(last, tmp_path / "new", {"one": "k"}, origin("r1"), subset=False, force=False)
    assert found.entries == {}


def test_the_gate_names_what_is_missing_changed_or_empty(tmp_path):
    for ending in gate.ENDINGS:
        (tmp_path / f"one{ending}").write_text("x")
    good = {"files": {f"one{ending}": sha256(tmp_path / f"one{ending}") for ending in gate.ENDINGS}}
    assert gate.problems(tmp_path, {"one": good}) == []
    (tmp_path / "one.pdf").write_text("")
    (tmp_path / "one.html").unlink()
    found = gate.problems(tmp_path, {"one": good, "two": {"files": {}}})
    assert found == [
        "one.html is missing",
        "one.pdf is not what was made (0 bytes on the disk)",
        "two: no html file",
        "two: no ipynb file",
        "two: no pdf file",
        "one.pdf is empty",
    ]


def test_a_link_in_place_of_the_staging_folder_leads_to_no_deletion(tmp_path):
    """What is behind it belongs to somebody else."""
    mine = tmp_path / "mine" / f"{QUARTER}-abc" / "thesis"
    mine.mkdir(parents=True)
    out = tmp_path / "reports"
    out.mkdir()
    (out / ".staging").symlink_to(tmp_path / "mine", target_is_directory=True)
    with publish.locked(out, QUARTER), publish.staging(out, QUARTER, "run") as area:
        assert area.report.is_dir() and not (tmp_path / "mine" / f"{QUARTER}-run").exists()
    assert mine.is_dir() and not (out / ".staging").exists()


def test_only_what_has_the_name_of_a_run_is_swept_away(tmp_path):
    for name in ("notes", f"{QUARTER}-left", "readme.txt"):
        (tmp_path / ".staging" / name).mkdir(parents=True)
    (tmp_path / ".staging" / f"{QUARTER}-linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere").mkdir()
    with publish.locked(tmp_path, QUARTER), publish.staging(tmp_path, QUARTER, "run"):
        left = {path.name for path in (tmp_path / ".staging").iterdir()}
    assert left == {"notes", "readme.txt", f"{QUARTER}-linked", f"{QUARTER}-run"} and (tmp_path / "elsewhere").is_dir()


def test_a_reports_folder_that_a_run_makes_can_be_read_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with publish.locked(tmp_path / "reports", QUARTER):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o755
