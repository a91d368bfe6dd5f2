"""Places, consoles, disks and notebooks as operators have them: one clear error or the usual report, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbformat
import pytest
import tiny

brief = partial(tiny.brief, run=tiny.quick)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, mounts and limits are those of POSIX")

CHILDREN = """import subprocess, sys
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)"""
LOTS = 'print("all work and no play " * 3_000_000)'
LITTLE_MEMORY = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000,) * 2)\n"
FEW_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A working place with a report in it, made once."""
    return tiny.published(tmp_path_factory.mktemp("odd"))


@pytest.fixture
def home(published, tmp_path) -> Iterator[Path]:
    """The place of this test, with the report in it; afterwards nothing of it may still run."""
    with tiny.copied(published, tmp_path / "home") as place:
        yield place


def report(home: Path) -> dict[str, str]:
    return tiny.hashes(home / "reports" / tiny.QUARTER)


def with_cell(home: Path, cell: str) -> None:
    """Another notebook "beta": it does what the cell says."""
    usual = ["quarter", "data", "trust_type"]
    nbformat.write(tiny.notebook("Beta", usual, cell, tiny.SHOW), home / "notebooks" / "beta.ipynb")


@contextmanager
def disk(place: Path, options: str) -> Iterator[Path]:
    """A small disk of its own; the test is skipped where none may be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


# --- where it runs ---


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": "/nowhere/at/all", "NOF_CACHE": "/proc/nothing"},
    ],
    ids=["a console of ASCII alone", "no home"],
)
def test_a_place_with_spaces_and_letters_of_others_gives_the_same_bytes(published, tmp_path, surroundings):
    home = tmp_path / "Ïmprövement – 改善 (2)"
    shutil.copytree(published, home, symlinks=True)
    shutil.rmtree(home / "reports")
    code, text = tiny.brief(home, **surroundings)
    assert code == 0, text
    assert report(home) == report(published)


@pytest.mark.parametrize("what", ["a file", "below a device", "a folder for a lock"])
def test_a_place_where_no_report_can_be_is_one_clear_error(home, what):
    before, out = report(home), home / "elsewhere"
    if what == "a file":
        out.write_text("somebody's")
    elif what == "below a device":
        out = Path("/dev/null/x")
    else:
        out.mkdir()
        (out / f".{tiny.QUARTER}.lock").mkdir()
    code, text = brief(home, out=out)
    assert code in (1, 2) and "Traceback" not in text and len(text.splitlines()) <= 4, text
    assert report(home) == before
    assert what != "a file" or out.read_text() == "somebody's"


# --- names and links among the files ---


def test_a_link_to_itself_and_a_name_that_no_console_can_show_are_said_in_words(home):
    loop = home / "data" / "nhs-oversight-framework-ambulance-trust-data-q2-25-26.csv"
    loop.symlink_to(loop)
    code, text = tiny.quick(home, "check", "--data", home / "data")
    assert code == 2 and "Traceback" not in text and loop.name in text, text
    loop.unlink()
    os.rename(
        next((home / "data").glob("*trust-data*.csv")),
        os.fsencode(home / "data") + b"/nhs-oversight-framework-acute-trust-data-q2-25-26-\xff\x1b[31m.csv",
    )
    code, text = tiny.quick(home, "check", "--data", home / "data")
    assert code in (0, 2) and "Traceback" not in text and "\x1b[31m" not in text, text


def test_what_a_cell_holds_is_quoted_as_it_is(home):
    path = next((home / "data").glob("*trust-data*.csv"))
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    lines[1] = lines[1].replace(lines[1].split(",")[lines[0].split(",").index("Value")], ":x:", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    code, text = tiny.quick(home, "check", "--data", home / "data")
    assert code == 2 and ":x:" in text and "❌" not in text, text


# --- disks, memory, files ---


def test_a_disk_without_room_for_another_file_keeps_the_report(home, tmp_path):
    files = sum(1 for _ in (home / "reports").resolve().rglob("*")) + 12
    with disk(tmp_path / "disk", f"size=200m,nr_inodes={files}") as full:
        shutil.copytree(home / "reports", full / "reports", symlinks=True)
        before = tiny.hashes(full / "reports" / tiny.QUARTER)
        code, text = brief(home, "--force", out=full / "reports")
        assert code == 1 and "No space left on device" in text and "Traceback" not in text, text
        assert tiny.hashes(full / "reports" / tiny.QUARTER) == before
        assert not (full / "reports" / ".staging").exists()


def test_a_cache_without_room_changes_nothing(home, tmp_path):
    before = report(home)
    with disk(tmp_path / "disk", "size=64k") as full:
        code, text = brief(home, "--force", NOF_CACHE=str(full))
    assert code == 0 and report(home) == before, text


def test_a_full_temporary_folder_is_said_and_loses_nothing(home, tmp_path):
    before = report(home)
    with disk(tmp_path / "disk", "size=16k") as full:
        (full / "fill").write_bytes(bytes(12_000))
        code, text = brief(home, "--force", TMPDIR=str(full))
    assert (code == 0 or (code == 1 and "space" in text)) and "Traceback" not in text, text
    assert report(home) == before


@pytest.mark.parametrize("limit", [LITTLE_MEMORY, FEW_FILES], ids=["1 GB of addresses", "24 open files"])
def test_little_memory_or_few_files_lose_nothing(home, limit):
    before = report(home)
    code, text = tiny.brief(home, "--force", script=limit + tiny.MAIN)
    assert code in (0, 1) and (
        code == 0 or "not published" in text or "nof: " in text.lower() or "error" in text.lower()
    ), text
    assert report(home) == before
    assert not (home / "reports" / ".staging").exists()


# --- notebooks that do what nobody expects ---


@pytest.mark.parametrize("cold", [(), ("--cold", "--only", "beta")], ids=["warm", "cold"])
def test_children_of_a_notebook_end_with_it(home, cold):
    with_cell(home, CHILDREN)
    code, text = brief(home, "--force", *cold)
    assert code == 0, text
    assert tiny.until(lambda: not tiny.processes(home), 5), "children live on after the run"


def test_a_page_without_end_is_refused(home):
    before = report(home)
    with_cell(home, LOTS)
    code, text = brief(home, "--force")
    assert code == 1 and "FAILED beta-acute" in text and "MB" in text, text
    assert report(home) == before
