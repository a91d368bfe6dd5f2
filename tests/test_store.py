"""Results kept on disk: the same figures as without them, given up in silence where they cannot be relied on."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import builders
import pandas as pd
import pytest
import tiny

from nof.method import change as changing
from nof.method import limits, movement, opening, sensitivity, steps, view
from nof.method import places as placing
from nof.read import store

needs_modes = pytest.mark.skipif(os.name != "posix" or os.geteuid() is None, reason="file modes are of POSIX systems")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A cache of one's own in which everything is worth keeping."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(store, "WORTH", -1.0)
    opening._opened.cache_clear()
    yield tmp_path / "cache"
    opening._opened.cache_clear()


def publication(folder: Path) -> Path:
    folder.mkdir()
    return builders.publication(folder, ("acute", "ambulance"))


def opened(folder: Path) -> dict[str, pd.DataFrame]:
    """Everything that is computed where a publication is opened, as a new process would have it."""
    opening._opened.cache_clear()
    national = opening.open_publication(folder)
    parts = {name: getattr(national.publication, name) for name in opening._FRAMES}
    return parts | {
        "scores": national.scores, "standings": national.standings, "compared": opening.compared(national),
        "told": opening.findings_of(national), "league": view.view_of(national, "2025-26-q2", "acute").league,
        "warnings": pd.DataFrame({"warning": national.publication.warnings}),
    }  # fmt: skip


def refuse(*given, **named):
    raise AssertionError("computed again")


def test_what_was_kept_is_what_is_computed_and_nothing_is_computed_again(place, tmp_path, monkeypatch):
    folder = publication(tmp_path / "data")
    first = opened(folder)
    assert len(store.entries()) == 1
    monkeypatch.setattr(opening, "_recomputed", refuse)
    monkeypatch.setattr(opening.reconcile, "compare", refuse)
    again = opened(folder)
    assert first.keys() == again.keys()
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name], check_exact=True, obj=name)


@pytest.mark.parametrize("change", ["a value", "another file", "the code"])
def test_what_figures_rest_on_is_in_the_key(place, tmp_path, monkeypatch, change):
    folder = publication(tmp_path / "data")
    before = store.key(folder)
    if change == "a value":
        path = folder / builders.metrics_name("acute")
        path.write_bytes(path.read_bytes().replace(b"9.03", b"9.04"))
    elif change == "another file":
        (folder / "notes.xlsx").write_bytes(b"")
    else:
        monkeypatch.setattr(store, "_code", lambda: "another")
    assert store.key(folder) not in (before, None)


@pytest.mark.parametrize("damage", ["cut", "other bytes", "no list", "list of nothing", "gone"])
def test_what_is_damaged_is_computed_again_in_silence(place, tmp_path, caplog, damage):
    folder = publication(tmp_path / "data")
    first = opened(folder)
    (entry,) = place.iterdir()
    scores, about = entry / "scores.parquet", entry / store.ABOUT
    if damage == "cut":
        scores.write_bytes(scores.read_bytes()[:100])
    elif damage == "other bytes":
        scores.write_bytes((entry / "standings.parquet").read_bytes())
    elif damage == "no list":
        about.write_text("{")
    elif damage == "list of nothing":
        about.write_text(json.dumps({"files": {}, "told": {}}))
    else:
        scores.unlink()
    caplog.clear()
    again = opened(folder)
    pd.testing.assert_frame_equal(first["scores"], again["scores"], check_exact=True)
    assert not [one for one in caplog.records if "kept" in one.getMessage()]
    assert store.fetch(entry.name) is not None, "kept anew"


@needs_modes
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_read(place, tmp_path, mode):
    folder = publication(tmp_path / "data")
    opened(folder)
    (entry,) = place.iterdir()
    place.chmod(mode)
    assert store.fetch(entry.name) is None and store.entries() == []
    place.chmod(0o700)
    assert store.fetch(entry.name) is not None


def test_a_link_to_somewhere_else_is_no_cache(place, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "elsewhere")
    opened(publication(tmp_path / "data"))
    assert not any((tmp_path / "elsewhere").iterdir())


def test_an_empty_variable_keeps_nothing(place, tmp_path, monkeypatch):
    monkeypatch.setenv(store.VARIABLE, "")
    opened(publication(tmp_path / "data"))
    assert store.folder() is None and not place.exists()


def test_only_what_parquet_gives_back_as_it_was_is_kept(place):
    assert not store.put("a", {"odd": pd.DataFrame({"x": ["a", None]}, dtype=object)}, {})
    assert store.put("b", {"plain": pd.DataFrame({"x": [0.1, float("nan")]})}, {"n": 1})
    assert store.fetch("a") is None and store.fetch("b").about == {"n": 1}


def test_a_file_is_made_once_and_again_where_it_was_damaged(place):
    made = []

    def make():
        made.append(1)
        return {"x": b"bytes"}

    assert [store.made("from this", make) for _ in range(2)] == [{"x": b"bytes"}] * 2 and len(made) == 1
    assert store.made("from that", make) == {"x": b"bytes"} and len(made) == 2
    for path in place.rglob("x"):
        path.write_bytes(b"other")
    assert store.made("from this", make) == {"x": b"bytes"} and len(made) == 3


def test_the_longest_unused_goes_first(place, monkeypatch):
    frame = pd.DataFrame({"x": range(1000)})
    for name in "abc":
        store.put(name, {"x": frame}, {})
        os.utime(place / name, (ord(name), ord(name)))
    size = store.entries()[0][1]
    store.fetch("a")
    monkeypatch.setattr(store, "MOST_BYTES", 3 * size)
    store.put("d", {"x": frame}, {})
    assert [name for name, _ in store.entries()] == ["c", "a", "d"]


def test_two_at_once_do_not_disturb_each_other(place):
    frame, wrong = pd.DataFrame({"x": range(5000)}), []

    def work():
        for _ in range(20):
            store.put("one", {"x": frame}, {})
            entry = store.fetch("one")
            if entry is not None and not entry.frames["x"].equals(frame):
                wrong.append(entry)

    threads = [threading.Thread(target=work) for _ in range(2)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert not wrong and store.fetch("one") is not None
    assert [path.name for path in place.iterdir()] == ["one"], "nothing half made is left"


def test_a_disk_that_takes_nothing_changes_nothing(place, tmp_path, monkeypatch):
    def full(*given, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert not store.put("a", {"x": pd.DataFrame({"x": [1]})}, {})
    assert list(place.iterdir()) == []


def test_the_command_shows_and_clears(place, tmp_path):
    opened(publication(tmp_path / "data"))
    options = {store.VARIABLE: str(place)}
    code, text = tiny.nof(tmp_path, "cache", **options)
    assert code == 0 and "1 entry" in text
    code, text = tiny.nof(tmp_path, "cache", "--clear", **options)
    assert code == 0 and "1 removed" in text and "0 entries" in text and store.entries() == []


def frames_of(folder: Path) -> dict[str, pd.DataFrame]:
    """What is asked of a view and kept on its own, as a new process would have it."""
    opening._opened.cache_clear()
    national = opening.open_publication(folder)
    shown = view.view_of(national, "2025-26-q2", "acute")
    return {
        "league": shown.league, "places": limits.places(shown), "narrower": limits.places(shown, 0.8),
        "change": limits.change(shown), "method": limits.method(shown), "chances": limits.chances_by_average(shown),
        "movement": movement.movement(national, "2025-26-q1", "2025-26-q2", "acute"),
        "score changes": limits.score_changes(shown), "moves": steps.moves(national, "acute"),
    }  # fmt: skip


def test_a_frame_asked_of_a_view_is_kept_with_what_it_was_asked_with(place, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAME_WORTH", -1.0)
    folder = publication(tmp_path / "data")
    first = frames_of(folder)
    kept = len(store.entries())
    assert kept == 1 + len(first), "one of the publication, one a frame: another level is another frame"
    for module, name in ((placing, "places"), (changing, "change_tests"), (sensitivity, "multiverse")):
        monkeypatch.setattr(module, name, refuse)
    again = frames_of(folder)
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name], check_exact=True, obj=name)
    assert len(store.entries()) == kept


def test_files_are_kept_as_they_were_made(place, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAME_WORTH", -1.0)
    shown = view.view_of(opening.open_publication(publication(tmp_path / "data")), "2025-26-q2", "acute")
    assert store.files(shown, "tables", lambda: {"a": b"1", "b": b""}) == {"a": b"1", "b": b""}
    assert store.files(shown, "tables", refuse) == {"a": b"1", "b": b""}
    assert store.files(shown, "others", lambda: {"c": b"2"}) == {"c": b"2"}


def test_results_that_come_from_no_folder_are_kept_in_the_process_alone(place, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAME_WORTH", -1.0)
    national = opening._recomputed(publication(tmp_path / "data"))
    shown = view.view_of(national, "2025-26-q2", "acute")
    assert limits.places(shown) is limits.places(shown) and store.entries() == []
