"""The same inputs give the same bytes: on another kind of day, elsewhere, and in ordinary kernels."""

from __future__ import annotations

import pytest
import tiny

# A matplotlibrc in the working directory is read by matplotlib: it must not shape a briefing.
HOSTILE = "savefig.dpi: 33\nfont.size: 22\nlines.linewidth: 9\naxes.facecolor: red\n"
ELSEWHERE = {
    "PYTHONHASHSEED": "7",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
HERE = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
SPAWN = "from nof.briefing import workers; workers.can_fork = lambda: False\n"
# Runs of this file are compared with each other: someone at work on the code meanwhile must not come between them.
STILL = """from nof.briefing import manifest
manifest.code_hash = lambda: "0" * 64
manifest._git = lambda *words: None
"""
UMASK = "import os; os.umask(0o077)\n"
CHART = """import helpers

view = helpers.open_view(data, quarter, trust_type)
helpers.show(*helpers.charts.caterpillar(view.league), helpers.tables.league_table(view.league))"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working place whose notebook draws and tabulates."""
    import nbformat

    home = tiny.place(tmp_path_factory.mktemp("same"))
    drawn = tiny.notebook("Alpha", ["quarter", "data", "trust_type"], CHART)
    nbformat.write(drawn, home / "notebooks" / "alpha.ipynb")
    (home / "notebooks" / "beta.ipynb").unlink()
    return home


@pytest.fixture(scope="module")
def bytes_here(home):
    code, text = tiny.brief(home, out=home / "here", script=STILL + tiny.MAIN, **HERE)
    assert code == 0, text
    return tiny.hashes(home / "here" / tiny.QUARTER)


def test_another_hash_seed_time_zone_locale_umask_and_working_directory(home, bytes_here, tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    code, text = tiny.brief(home, out=home / "elsewhere", cwd=tmp_path, script=STILL + UMASK + tiny.MAIN, **ELSEWHERE)
    assert code == 0, text
    assert tiny.hashes(home / "elsewhere" / tiny.QUARTER) == bytes_here


@pytest.mark.parametrize(("words", "script"), [(("--cold",), ""), ((), SPAWN)], ids=["cold", "without fork"])
def test_ordinary_kernels_give_the_same_bytes_as_forked_copies(home, bytes_here, words, script):
    out = home / f"kernels{len(script)}"
    code, text = tiny.brief(home, *words, out=out, script=STILL + script + tiny.MAIN, run=tiny.quick, **HERE)
    assert code == 0, text
    assert tiny.hashes(out / tiny.QUARTER) == bytes_here


def test_a_second_run_and_another_number_of_jobs_give_the_same_bytes(home, bytes_here):
    again = {"script": STILL + tiny.MAIN, "run": tiny.quick, **HERE}
    code, text = tiny.brief(home, "--force", "--jobs", 1, out=home / "here", **again)
    assert code == 0, text
    assert tiny.hashes(home / "here" / tiny.QUARTER) == bytes_here
