"""`nof prune`: what may go and, above all, what may not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
import ready
import tiny

from nof.briefing import publish
from nof.common import NofError
from nof.quarterly import refresh, retention

QUARTERS = ["2024-25-q3", "2024-25-q4", "2025-26-q1", "2025-26-q2"]
WORDS = {"old": "a" * 12, "middle": "b" * 12, "new": "c" * 12}


def report(reports: Path, quarter: str, inputs: str = "", run: str = "run") -> None:
    """A published report of one page that rests on files of one hash."""
    with publish.locked(reports, quarter), publish.staging(reports, quarter, run) as area:
        (area.report / "page.html").write_text(f"{quarter} {run}" * 1000)
        facts = {"run_id": run, "inputs": [{"sha256": inputs}]}
        (area.report / "manifest.json").write_text(json.dumps(facts))
        publish.put_in_place(area.report, reports, quarter, run)
    publish.point_latest(reports)


def version(raw: Path, quarter: str, name: str, made: str, current: bool = False) -> str:
    """A kept version of a quarter's files; the hash of its one file."""
    folder = raw / quarter / ".versions" / WORDS[name]
    folder.mkdir(parents=True)
    (folder / "file.csv").write_text(name * 1000)
    sha = hashlib.sha256(name.encode()).hexdigest()
    about = {"version": WORDS[name], "made": made, "files": [{"name": "file.csv", "sha256": sha}]}
    (folder / "sources.json").write_text(json.dumps(about))
    if current:
        os.link(folder / "file.csv", raw / quarter / "file.csv")
        (raw / quarter / "sources.json").write_text(json.dumps(about))
    return sha


@pytest.fixture
def places(tmp_path):
    reports, raw = tmp_path / "reports", tmp_path / "raw"
    reports.mkdir()
    for quarter in QUARTERS:
        report(reports, quarter)
    for name, made in (("old", "2026-01-01"), ("middle", "2026-02-01"), ("new", "2026-03-01")):
        version(raw, QUARTERS[-1], name, made, current=name == "new")
    return reports, raw


def names(found: list[retention.Removal]) -> list[str]:
    return [one.path.name for one in found]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (1, [*QUARTERS[:3], WORDS["middle"], WORDS["old"]]),
        (2, [*QUARTERS[:2], WORDS["old"]]),
        (3, QUARTERS[:1]),
        (8, []),
    ],
)
def test_the_newest_stay(places, keep, expected):
    assert names(retention.removals(*places, keep)) == expected


def test_nothing_is_ever_kept_at_zero(places):
    with pytest.raises(ValueError, match="1 or more"):
        retention.removals(*places, 0)


def test_what_goes_goes_whole_and_what_stays_can_be_read(places):
    reports, raw = places
    retention.remove(reports, retention.removals(reports, raw, 2))
    assert [one for one in QUARTERS if (reports / one).exists() or (reports / one).is_symlink()] == QUARTERS[2:]
    assert sorted(one.name for one in (reports / ".published").iterdir()) == QUARTERS[2:]
    assert (reports / "latest" / "page.html").read_text().startswith(QUARTERS[-1])
    assert QUARTERS[0] not in (reports / "index.html").read_text()
    assert sorted(one.name for one in (raw / QUARTERS[-1] / ".versions").iterdir()) == [WORDS["middle"], WORDS["new"]]
    assert retention.removals(reports, raw, 2) == [], "a second time there is nothing to do"


def test_current_files_stay_even_if_their_version_is_the_oldest(places, tmp_path):
    reports, raw = places
    version(raw, QUARTERS[0], "new", "2020-01-01", current=True)
    version(raw, QUARTERS[0], "old", "2021-01-01")
    assert WORDS["new"] not in names(
        [one for one in retention.removals(reports, raw, 1) if QUARTERS[0] in str(one.path)]
    )
    retention.remove(reports, retention.removals(reports, raw, 1))
    assert (raw / QUARTERS[0] / "file.csv").exists()


def test_files_that_a_report_rests_on_stay_and_those_of_the_one_kept_for_a_roll_back_too(places):
    reports, raw = places
    shas = {name: hashlib.sha256(name.encode()).hexdigest() for name in WORDS}
    report(reports, QUARTERS[-1], shas["old"], run="first")
    report(reports, QUARTERS[-1], shas["middle"], run="second")
    assert names(retention.removals(reports, raw, 1)) == QUARTERS[:3]
    report(reports, QUARTERS[-1], shas["new"], run="third")
    assert names(retention.removals(reports, raw, 1)) == [*QUARTERS[:3], WORDS["old"]]


def test_older_files_that_a_report_was_compared_with_stay_whichever_quarter_they_are_of(places):
    reports, raw = places
    earlier = [
        version(raw, QUARTERS[2], name, made) for name, made in (("old", "2025-01-01"), ("middle", "2025-02-01"))
    ]
    version(raw, QUARTERS[2], "new", "2025-03-01", current=True)
    shas = {name: hashlib.sha256(name.encode()).hexdigest() for name in WORDS}
    assert earlier == [shas["old"], shas["middle"]]
    report(reports, QUARTERS[3], shas["new"], run="alone")
    gone = [one.path for one in retention.removals(reports, raw, 1) if ".versions" in one.path.parts]
    assert [one.name for one in gone if QUARTERS[2] in one.parts] == [WORDS["middle"], WORDS["old"]]
    place = (reports / QUARTERS[3]).resolve() / "manifest.json"
    inputs = [{"sha256": shas["new"]}, {"sha256": shas["middle"], "superseded": True, "compared": True}]
    place.write_text(json.dumps(json.loads(place.read_text()) | {"inputs": inputs}))
    gone = [one.path for one in retention.removals(reports, raw, 1) if ".versions" in one.path.parts]
    assert [one.name for one in gone if QUARTERS[2] in one.parts] == [WORDS["old"]]


def test_nothing_outside_is_followed_or_touched(places, tmp_path):
    reports, raw = places
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "file").write_text("dear")
    (raw / QUARTERS[-1] / ".versions" / ("0" * 12)).symlink_to(treasure)
    (raw / QUARTERS[-1] / ".versions" / "by-hand").mkdir()
    (reports / "2023-24-q1").symlink_to(treasure)
    (reports / "my notes").mkdir()
    retention.remove(reports, retention.removals(reports, raw, 1))
    assert (treasure / "file").read_text() == "dear" and (reports / "my notes").is_dir()
    assert (raw / QUARTERS[-1] / ".versions" / "by-hand").is_dir()
    assert not (reports / "2023-24-q1").is_symlink(), "the link itself is an old report's place"
    with pytest.raises(NofError, match="is a link"):
        (tmp_path / "link").symlink_to(treasure)
        retention._gone(tmp_path / "link")


def test_a_quarter_that_is_being_made_is_left_alone(places):
    reports, raw = places
    with publish.locked(reports, QUARTERS[0]), pytest.raises(publish.Busy):
        retention.remove(reports, retention.removals(reports, raw, 1))
    assert (reports / QUARTERS[0] / "page.html").exists()


def test_a_size_is_what_would_be_freed(places):
    sizes = {one.path.name: one.size for one in retention.removals(*places, 1)}
    assert sizes[QUARTERS[0]] == sum(len(one.read_bytes()) for one in (places[0] / QUARTERS[0]).iterdir())
    assert sizes[WORDS["old"]] > 3000


def command(home: Path, *words: str) -> subprocess.CompletedProcess:
    (home / "refresh.yaml").write_text("raw: raw\nreports: reports\n")
    return ready.nof("prune", home / "refresh.yaml", *words, cwd=home, env=os.environ | {"COLUMNS": "200"})


def test_the_command_and_its_dry_run(places, tmp_path):
    reports, _ = places
    before = tiny.hashes(tmp_path)
    dry = command(tmp_path, "--keep", "3", "--dry-run")
    assert dry.returncode == 0 and "would go: 2024-25-q3" in dry.stdout and "1 would go" in dry.stdout
    assert {
        name: sha
        for name, sha in tiny.hashes(tmp_path).items()
        if name.startswith("r") and ".refresh" not in name and "yaml" not in name
    } == {name: sha for name, sha in before.items() if name.startswith("r")}
    assert command(tmp_path, "--keep", "0").returncode == 2
    with refresh.exclusive(tmp_path / "raw"):
        busy = command(tmp_path, "--keep", "3")
    assert busy.returncode == 1 and "at work" in busy.stderr and (reports / QUARTERS[0]).exists()
    assert command(tmp_path, "--keep", "3").returncode == 0 and not (reports / QUARTERS[0]).exists()
