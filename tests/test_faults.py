"""What happens when things go wrong in the middle: the last report stays, and the next run leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import tiny

from nof.briefing import manifest

brief = partial(tiny.brief, run=tiny.quick)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and forks are those of POSIX")

COLD = ("--cold", "--only", "beta")  # a kernel takes seconds to start, and each has its own
KILL = "import os, signal; die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
# Where the run is killed: the step that it does not live to take.
STAGES = {
    "in the middle of making": "from nof.briefing import run; run._accept = die\n",
    "before anything is put in place": "from nof.briefing import publish; publish.put_in_place = die\n",
    "between the rename and the link": "from nof.briefing import publish; publish._point = die\n",
    "between the new link and its rename": "os.replace = die\n",
    "between the report and latest": "from nof.briefing import publish; publish.point_latest = die\n",
}
AS_STARTED = "in the middle of making"  # in a process of its own; the others in copies of one
FULL = """import errno, pathlib
write = pathlib.Path.write_bytes
def full(path, content):
    if path.suffix == ".pdf" and "report" in path.parts:
        with path.open("wb") as stream:
            stream.write(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
    return write(path, content)
pathlib.Path.write_bytes = full
"""
TRUNCATES = FULL.replace('raise OSError(errno.ENOSPC, "No space left on device", str(path))', "return 100")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A working place with a report in it, made once."""
    return tiny.published(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def home(published, tmp_path):
    """The place of this test, with the report in it; afterwards nothing of it may still run."""
    with tiny.copied(published, tmp_path / "home") as place:
        yield place


def report(home: Path) -> dict[str, str]:
    return tiny.hashes(home / "reports" / tiny.QUARTER)


def next_run_is_clean(home: Path, *words: object) -> None:
    """After a fault: a run works, and nothing of the earlier one is left."""
    code, text = brief(home, *words)
    assert code == 0, text
    reports = home / "reports"
    assert not (reports / ".staging").exists()
    assert not list(reports.glob(".*.new"))
    assert len(list((reports / ".published" / tiny.QUARTER).iterdir())) <= 2
    assert (reports / "latest").resolve() == (reports / tiny.QUARTER).resolve()
    assert manifest.verify(reports / tiny.QUARTER) == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_leaves_a_whole_report_and_the_next_run_tidies_up(home, stage):
    before, place = report(home), (home / "reports" / tiny.QUARTER).resolve()
    run = tiny.nof if stage == AS_STARTED else tiny.quick
    code, text = tiny.brief(home, "--force", script=KILL + STAGES[stage] + tiny.MAIN, run=run)
    assert code == -signal.SIGKILL, text
    assert tiny.hashes(place) == before, "the earlier report was touched"
    assert manifest.verify(home / "reports" / tiny.QUARTER) == [], "what readers see is not whole"
    assert tiny.until(lambda: not tiny.processes(home), 5), "workers outlived the run"
    next_run_is_clean(home)


@pytest.mark.parametrize("cold", [(), COLD], ids=["worker", "kernel"])
def test_a_killed_worker_or_kernel_is_tried_again(home, tmp_path, cold):
    code, text = brief(home, "--force", *cold, fault=f"kill:{tmp_path / 'once'}")
    assert code == 0, text
    assert "beta-acute failed and is tried once more" in text
    assert not (home / "reports" / ".staging").exists()


def test_a_killed_worker_takes_its_ordinary_kernel_with_it(home, tmp_path):
    code, text = brief(home, "--force", *COLD, fault=f"kill-parent:{tmp_path / 'once'}")
    assert code == 0, text
    assert "the worker process ended early (exit code -9)" in text


@pytest.mark.parametrize("cold", [(), COLD], ids=["warm", "cold"])
def test_a_notebook_that_hangs_is_ended_and_the_report_stays(home, cold):
    before = report(home)
    code, text = brief(home, "--force", "--timeout", 6 if cold else 2, "--jobs", 2, *cold, fault="hang")
    assert code == 1, text
    assert "FAILED beta-acute: stopped after" in text and "not published" in text
    assert report(home) == before
    assert not (home / "reports" / ".staging").exists()


def test_one_failure_stops_publication_unless_it_is_accepted_by_number(home):
    before = report(home)
    code, text = brief(home, "--force", "--publish-partial", 2, fault="fail")
    assert code == 1 and "FAILED beta-acute: cell 3: ValueError: made to fail" in text, text
    assert "tried once more" in text and "not published" in text and report(home) == before
    code, text = brief(home, "--force", "--publish-partial", 1, fault="fail")
    assert code == 0 and "1 failed" in text and "published:" in text, text
    assert "beta-acute.html" not in report(home) and "alpha-acute.html" in report(home)
    assert "made to fail" in (home / "reports" / tiny.QUARTER / "index.html").read_text(encoding="utf-8")
    assert manifest.verify(home / "reports" / tiny.QUARTER) == []


@pytest.mark.parametrize("script", [FULL, TRUNCATES], ids=["refused", "cut short in silence"])
def test_a_full_disk(home, script):
    before = report(home)
    code, text = brief(home, "--force", script=script + tiny.MAIN)
    assert code == 1, text
    assert ("No space left on device" in text) if script == FULL else ("is not what was made" in text)
    assert "Traceback" not in text
    assert report(home) == before
    assert not (home / "reports" / ".staging").exists()


def test_a_disk_that_is_really_full(home, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    room = sum(path.stat().st_size for path in (home / "reports").resolve().rglob("*") if path.is_file()) + 150_000
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copytree(home / "reports", disk / "reports", symlinks=True)
        before = tiny.hashes(disk / "reports" / tiny.QUARTER)
        code, text = brief(home, "--force", out=disk / "reports")
        assert code == 1 and "No space left on device" in text, text
        assert tiny.hashes(disk / "reports" / tiny.QUARTER) == before
        assert not (disk / "reports" / ".staging").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(("how", "cold"), [(signal.SIGINT, ()), (signal.SIGTERM, COLD)], ids=["warm", "cold"])
def test_stopping_a_run_by_hand(home, tmp_path, how, cold):
    before, begun = report(home), tmp_path / "begun"
    run = tiny.start(
        home, "brief", home / "params.yaml", "--out", home / "reports", "--force", *cold, fault=f"hang:{begun}"
    )
    assert tiny.until(begun.exists)
    run.send_signal(how)
    text, _ = run.communicate(timeout=20)
    assert run.returncode == 130 and "stopped; nothing was published" in text, text
    assert not tiny.processes(home)
    assert report(home) == before
    assert not (home / "reports" / ".staging").exists()


def test_two_runs_of_one_quarter_at_once(home, tmp_path):
    before, begun = report(home), tmp_path / "begun"
    first = tiny.start(home, "brief", home / "params.yaml", "--out", home / "reports", "--force", fault=f"hang:{begun}")
    assert tiny.until(begun.exists)
    code, text = brief(home, "--force")
    assert code == 1 and f"another run is making {tiny.QUARTER} in reports/" in text, text
    assert (home / "reports" / ".staging").exists(), "the second run swept the first one's work away"
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=20)
    assert report(home) == before
    next_run_is_clean(home)
