"""`nof refresh`: what each run does, says and leaves behind; killed anywhere, it is completed by the next run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import builders
import pytest
import tiny
from bad_server import body, cached, serving, status

from nof import common
from nof.common import InputError, NofError, write_json
from nof.quarterly import fetch, refresh
from nof.quarterly import settings as events
from nof.quarterly.catalogue import Allowance, Catalogue, Limits
from nof.quarterly.settings import Settings, load
from nof.quarterly.summary import OUTCOMES
from nof.rules import reconcile

START = "/nhs-oversight-framework/segmentation-and-league-tables/"
FAST = Limits(connect=1, read=1, total=2, attempts=1)
TYPES = tuple(builders.TYPES)
CODE = OUTCOMES
SHARE = 0.7  # the builders' made-up figures are not consistent: 78% of them are reproduced


# ---------------------------------------------------------------- settings


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "refresh.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_settings_that_come_with_the_project_can_be_read(tmp_path):
    from nof import common as paths

    given = load(paths.share("params", "refresh.yaml"), reports=tmp_path)
    assert given.reproduce_at_least == 0.9 and given.all_trusts and given.reports == tmp_path
    assert set(given.hook_on) == set(CODE) - {"nothing new", "at work", "hangs"}


@pytest.mark.parametrize("installed", [False, True], ids=["clone", "installed"])
def test_without_a_settings_file_an_installed_package_works_where_it_was_started(tmp_path, monkeypatch, installed):
    from nof import common as paths

    package, elsewhere = tmp_path / "site-packages" / "nof", tmp_path / "elsewhere"
    shutil.copytree(paths.share("params"), package / "_share" / "params")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    if installed:
        monkeypatch.setattr(paths, "_PACKAGE", package)
        monkeypatch.setattr(paths, "_REPOSITORY", package.parent)
    home = elsewhere if installed else paths.share()
    given = load()
    assert (given.raw, given.reports) == (home / "data" / "raw", home / "reports")
    mine = load(settings_file(tmp_path, "raw: raw\nreports: out\n"))
    assert (mine.raw, mine.reports) == (tmp_path / "raw", tmp_path / "out"), "a file of one's own: relative to it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raw: a\nreports: b\nhok: [x]\n", ["hok", "unknown key", "hook_seconds"]),
        ("raw: a\n", ["reports", "required"]),
        ("raw: a\nreports: b\nreproduce_at_least: 90\n", ["reproduce_at_least", "90"]),
        ("raw: a\nreports: b\nhook: curl -d @x https://example.org\n", ["hook", "list"]),
        ("raw: a\nreports: b\nhook_on: [sometimes]\n", ["hook_on.0", "sometimes"]),
        ("raw: a\nraw: c\nreports: b\n", ["'raw'", "twice"]),
        ("raw: &a [x]\nreports: *a\n", ["aliases"]),
        ("raw: 2025-13-45\n", ["is not YAML"]),
        ("raw: !!python/object/apply:os.system [echo]\n", ["is not YAML"]),
        ("- raw\n", ["not a list of keys"]),
        ("[" * 500, ["is not YAML"]),
        ("a" * 2_000_000, ["too large"]),
    ],
    ids=["key", "missing", "share", "shell", "moment", "twice", "alias", "date", "python", "list", "deep", "large"],
)
def test_a_bad_settings_file_is_one_clear_error(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        load(settings_file(tmp_path, text))
    assert all(one in str(caught.value) for one in ["refresh.yaml", *said]), str(caught.value)


def test_yaml_that_would_unfold_to_gigabytes_is_refused_at_once(tmp_path):
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    began = time.perf_counter()
    with pytest.raises(InputError, match="aliases"):
        common.mapping(settings_file(tmp_path, "l0: &l0 [x]\n" + levels))
    assert time.perf_counter() - began < 20  # and not for ever


# ---------------------------------------------------------------- the job, with rendering replaced


class Rendering:
    """Stands in for the making of briefings: leaves a manifest as a real run does."""

    def __init__(self, reports: Path):
        self.reports, self.runs, self.failures = reports, [], {}

    def __call__(self, settings, params):
        from nof.briefing.run import Outcome

        self.runs.append((params.quarter, params.data))
        outcome = Outcome(params.quarter, f"run{len(self.runs)}", made={"alpha": 1.0}, failures=self.failures)
        if not self.failures:
            place = self.reports / params.quarter
            place.mkdir(parents=True, exist_ok=True)
            (place / "manifest.json").write_text(json.dumps({"run_id": f"run{len(self.runs)}"}))
        return outcome


@pytest.fixture
def site():
    with serving() as server:
        server.folder = "/wp-content/uploads/2026/06"
        yield server


def offer(server, ending="-q2-25-26", change=lambda text: text) -> None:
    """Put a quarter's six files on the site."""
    links = []
    for kind in TYPES:
        for name, text in (
            (builders.metrics_name(kind, ending), builders.metrics_text(kind)),
            (builders.league_name(kind, ending), builders.league_text(kind)),
        ):
            path = f"{server.folder}/{name}"
            server.on(path, cached("\ufeff" + change(text)))
            links.append(f'<a href="{path}">{name}</a>')
    server.on(START, cached("".join(links)))


FIGURES: dict[tuple, object] = {}
COMPARE = reconcile.compare


def compared_once(publication, national=None):
    """The real comparison, made once for the same files: most of these tests read the same ones."""
    key = tuple(sorted(publication.files["sha256"]))
    if key not in FIGURES:
        FIGURES[key] = COMPARE(publication)
    return FIGURES[key]


@pytest.fixture
def job(site, tmp_path, monkeypatch):
    """Settings in a temporary folder, a site to ask, and rendering replaced."""
    offer(site)
    catalogue = Catalogue(frozenset(), site.url(START))
    allowed = Allowance("127.0.0.1", site.server_port)
    latest = functools.partial(fetch.fetch_latest, catalogue=catalogue, limits=FAST, allowance=allowed)
    monkeypatch.setattr(fetch, "fetch_latest", latest)
    found = Settings(raw=tmp_path / "raw", reports=tmp_path / "reports", reproduce_at_least=SHARE)
    monkeypatch.setattr(refresh, "_brief", rendering := Rendering(found.reports))
    monkeypatch.setattr(refresh, "_in_place", lambda *_: False)
    monkeypatch.setattr(reconcile, "compare", compared_once)
    found.__dict__["rendering"] = rendering
    return found


def lines(settings) -> list[dict]:
    return [json.loads(line) for line in (settings.state / events.FILE).read_text().splitlines()]


def summary_of(settings) -> dict:
    return json.loads((settings.reports / "summary.json").read_text())


def test_something_new_is_published_once_and_then_there_is_nothing_new(job, site, capfd):
    first = refresh.refresh(job)
    assert (first.outcome, first.exit_code, first.quarter) == ("published", 0, "2025-26-q2"), first
    assert 1 > first.reproduced["newest quarter"] > SHARE and len(first.changed) == 6
    bodies = len(site.requests)
    second = refresh.refresh(job)
    assert (second.outcome, second.exit_code, len(job.rendering.runs)) == ("nothing new", 0, 1)
    assert all("If-None-Match" in headers for _, headers in site.requests[bodies:])
    assert "nothing new: 2025-26-q2 is published from the current files" in capfd.readouterr().err
    assert summary_of(job)["outcome"] == "published", "a look with nothing new leaves the last summary"
    last = lines(job)[-1]
    assert (last["event"], last["outcome"], last["exit_code"]) == ("finished", "nothing new", 0)
    assert len({line["run"] for line in lines(job)}) == 2


def test_briefings_are_made_from_a_version_that_nothing_changes(job):
    refresh.refresh(job)
    ((_, data),) = job.rendering.runs
    assert data.parent.name == ".versions" and len(list(data.glob("*.csv"))) == 6


def test_a_reissue_is_rendered_anew_and_the_summary_says_what_it_restates(job, site):
    refresh.refresh(job)
    offer(site, "-q2-25-26-v2", change=lambda text: text.replace(",9.03,", ",9.04,"))
    done = refresh.refresh(job)
    assert done.outcome == "published" and len(job.rendering.runs) == 2 and done.previous
    assert any("values" in str(row.values()) for row in done.differences), done.differences
    assert "v2" in "".join(summary_of(job)["changed"])


@pytest.mark.parametrize("again", [False, True])
def test_the_same_files_are_rendered_again_only_when_asked_or_when_settings_ask_for_more(job, again):
    refresh.refresh(job)
    refresh.refresh(job, again=again)
    assert len(job.rendering.runs) == 1 + again
    fewer = job.model_copy(update={"all_trusts": False})
    refresh.refresh(fewer)
    assert len(job.rendering.runs) == 2 + again


def test_a_report_that_is_gone_is_made_again(job):
    refresh.refresh(job)
    shutil.rmtree(job.reports)
    assert refresh.refresh(job).outcome == "published" and len(job.rendering.runs) == 2


def test_failures_publish_nothing_and_the_next_run_tries_again(job):
    job.rendering.failures = {"beta-acute": "boom <script>alert(1)</script>"}
    done = refresh.refresh(job)
    assert (done.outcome, done.exit_code, done.published) == ("failed", 1, "")
    page = (job.reports / "summary.html").read_text()
    assert "beta-acute" in page and "<script>alert" not in page
    job.rendering.failures = {}
    assert refresh.refresh(job).outcome == "published"
    assert summary_of(job)["failures"] == {}


def test_too_few_figures_reproduced_stop_before_anything_is_rendered(job):
    strict = job.model_copy(update={"reproduce_at_least": 0.99})
    done = refresh.refresh(strict)
    assert (done.outcome, done.exit_code, job.rendering.runs) == ("stopped", 1, [])
    assert "99.0% are required" in done.text and not (job.reports / "2025-26-q2").exists()
    assert refresh.refresh(job).outcome == "published", "a person lowered the share"


def test_old_quarters_cannot_hide_a_newest_one_that_is_not_reproduced(job, monkeypatch):
    from nof.briefing import run

    shares = run.shares_reproduced
    monkeypatch.setattr(run, "shares_reproduced", lambda *given: shares(*given) | {"all": 1.0})
    strict = job.model_copy(update={"reproduce_at_least": 0.95})
    assert refresh.refresh(strict).outcome == "stopped"  # 94.4% of the newest quarter, see the builders


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(503), "source unreachable"),
        (status(404), "source unreachable"),
        (body("<html>Sorry</html>"), "source unreachable"),
    ],
    ids=["503", "404", "no links"],
)
def test_a_site_that_gives_nothing_is_exit_code_3_and_changes_nothing(job, site, answer, outcome):
    refresh.refresh(job)
    before = tiny.hashes(job.raw / "2025-26-q2")
    site.on(START, answer)
    done = refresh.refresh(job)
    assert (done.outcome, done.exit_code) == (outcome, CODE[outcome])
    assert tiny.hashes(job.raw / "2025-26-q2") == before and len(job.rendering.runs) == 1
    assert summary_of(job)["outcome"] == outcome
    offer(site)
    assert refresh.refresh(job).outcome == "nothing new"
    assert summary_of(job)["outcome"] == "nothing new", "an alarm that is over does not stay in the summary"


@pytest.mark.parametrize("bad", ["<html>Please wait</html>", "Quarter,Region\nQ2", ""], ids=["page", "half", "empty"])
def test_files_that_are_not_what_they_should_be_are_exit_code_2(job, site, bad):
    site.on(f"{site.folder}/{builders.metrics_name('ambulance')}", body(bad))
    done = refresh.refresh(job)
    assert (done.outcome, done.exit_code) == ("bad input", 2)
    assert done.problems and "ambulance" in str(done.problems) and not (job.raw / "2025-26-q2").exists()


def test_a_fault_of_our_own_is_logged_whole_and_is_exit_code_1(job, monkeypatch):
    monkeypatch.setattr(refresh, "_render", lambda *_: 1 / 0)
    done = refresh.refresh(job)
    assert (done.outcome, done.exit_code) == ("failed", 1) and "ZeroDivisionError" in done.text
    assert any("1 / 0" in line.get("traceback", "") for line in lines(job))


def test_files_from_a_folder_take_the_same_way(job, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    builders.publication(given, TYPES)
    assert refresh.refresh(job, given).outcome == "published"
    assert refresh.refresh(job, given).outcome == "nothing new"
    assert refresh.refresh(job, tmp_path / "absent").exit_code == CODE["bad input"]
    (given / "ILLUSTRATIVE").touch()
    assert refresh.refresh(job, given).exit_code == CODE["bad input"]


def test_folders_that_cannot_be_written_are_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    done = refresh.refresh(Settings(raw=tmp_path / "file" / "raw", reports=tmp_path))
    assert done.exit_code == 1 and "raw" in done.text


# ---------------------------------------------------------------- two at once


def test_the_second_of_two_says_so_and_leaves(job, capfd):
    with refresh.exclusive(job.raw):
        done = refresh.refresh(job)
    assert (done.outcome, done.exit_code, job.rendering.runs) == ("at work", 0, [])
    assert f"another run (process {os.getpid()}) has been at work" in capfd.readouterr().err
    assert not (job.reports / "summary.json").exists(), "the summary is the other run's"
    assert refresh.refresh(job).outcome == "published"


def test_a_run_that_holds_the_lock_for_too_long_is_an_alarm(job):
    with refresh.exclusive(job.raw):
        write_json(job.state / "running.json", {"pid": 1, "since": time.time() - 7 * 3600})
        assert (refresh.refresh(job).outcome, CODE["hangs"]) == ("hangs", 1)


def test_a_lock_of_a_run_that_was_killed_is_nobodys(job):
    job.state.mkdir(parents=True)
    (job.state / "lock").touch()
    (job.state / "running.json").write_text('{"pid": 1, "since": 0}')
    assert refresh.refresh(job).outcome == "published"


# ---------------------------------------------------------------- the hook


def hook(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_hook_gets_the_path_of_the_summary_and_no_shell(job, tmp_path):
    note = tmp_path / "told"
    tell = hook(
        f"import json, sys; open({str(note)!r}, 'a').write(sys.argv[1] + json.load(open(sys.argv[2]))['outcome'] + '|')"
    )
    told = job.model_copy(update={"hook": [*tell, "$(touch /nowhere); `id`"]})
    assert refresh.refresh(told).hook == "told"
    refresh.refresh(told)
    assert note.read_text() == "$(touch /nowhere); `id`published|", "told once, and not of nothing new"
    assert summary_of(job)["hook"] == "told"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere/at/all"], "cannot be run"),
        (hook("raise SystemExit(7)"), "ended with code 7"),
        (hook("import time; time.sleep(60)"), "took more than 0.3 seconds"),
        (["\0"], "cannot be run"),
    ],
    ids=["missing", "fails", "hangs", "no name"],
)
def test_a_hook_that_fails_leaves_the_report_and_the_next_run_tells_again(job, words, said):
    done = refresh.refresh(job.model_copy(update={"hook": words, "hook_seconds": 0.3}))
    assert done.outcome == "published" and said in done.hook and done.exit_code == 1
    assert (job.reports / "2025-26-q2").exists() and said in (job.reports / "summary.html").read_text()
    assert refresh.refresh(job.model_copy(update={"hook": hook("pass")})).hook == "told"
    assert refresh.refresh(job).outcome == "nothing new"


# ---------------------------------------------------------------- the log


def test_a_name_cannot_write_a_line_of_its_own_into_the_log(tmp_path, capfd):
    with events.recorded(tmp_path, "run"):
        events.event("note", 'x\n2026-01-01 info: published\r\x1b[2J\u2028{"event": "published"}', name="a\nb")
    (line,) = (tmp_path / events.FILE).read_text().splitlines()
    assert json.loads(line)["event"] == "note" and json.loads(line)["name"] == "a\nb"
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_the_log_does_not_grow_for_ever_and_a_full_disk_does_not_end_the_run(tmp_path, monkeypatch, capfd):
    (tmp_path / events.FILE).write_bytes(b"x" * (events.LARGEST + 1))
    with events.recorded(tmp_path, "run", quiet=True):
        events.event("note", "small")
    assert (tmp_path / events.FILE).stat().st_size < 1000 and (tmp_path / f"{events.FILE}.1").exists()
    assert capfd.readouterr().err == ""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / events.FILE).symlink_to("/dev/full")
    with events.recorded(tmp_path / "full", "run"):
        events.event("note", "one")
        events.event("note", "two")
    assert capfd.readouterr().err.count("cannot be written") == 1


# ---------------------------------------------------------------- from end to end, killed and not

# One warm process forks a copy for each run, so that the imports are paid once. A copy that is to be killed has one
# function replaced by the kill; the faults of the notebook "beta" are those of tests/tiny.py.
DRIVER = """
import json, os, shutil, signal, sys, traceback
from pathlib import Path
import nof.quarterly.fetch, nof.quarterly.keeping, nof.quarterly.refresh, nof.method.opening, nof.read.difference
import papermill
from nof.rules import reconcile
from nof.method import limits
from nof.briefing import cluster, index, make, manifest, pdf, place, plan, publish, run, tables
from nof.quarterly.settings import load

home = Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import loaded, tiny
STAGES = {
    "before anything is kept": (nof.quarterly.fetch, "settle", 1), "half of the files in place": (nof.quarterly.keeping, "copy", 2),
    "before sources.json": (nof.quarterly.keeping, "write_json", 2), "before reading": (nof.quarterly.refresh, "_render", 1),
    "before the manifest": (manifest, "write", 1), "before the swap": (publish, "put_in_place", 1),
    "in the middle of the swap": (publish, "_point", 1), "before latest points to it": (publish, "point_latest", 1),
    "before the page of all reports": (index, "write_root", 1), "before the summary": (nof.quarterly.refresh, "_write", 1),
    "before the hook": (nof.quarterly.refresh, "_told", 1), "before it is remembered": (nof.quarterly.refresh, "write_json", 2),
}

def child(work):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        os._exit(work())
    except BaseException:
        traceback.print_exc()
        os._exit(99)

def job():
    return nof.quarterly.refresh.refresh(load(home / "refresh.yaml"), home / "data").exit_code

def killed(module, name, nth):
    calls, real = [], getattr(module, name)
    def instead(*args, **options):
        calls.append(1)
        if len(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    setattr(module, name, instead)
    return job()

def state():
    report, raw = home / "reports" / tiny.QUARTER, home / "raw"
    return {
        "report": tiny.hashes(report), "latest": (home / "reports" / "latest").resolve() == report.resolve(),
        "root": (home / "reports" / "index.html").exists(), "staging": (home / "reports" / ".staging").exists(),
        "kept reports": len(list((home / "reports" / ".published" / tiny.QUARTER).iterdir())),
        "files": {p.name: tiny.hashes(raw / tiny.QUARTER)[p.name] for p in (raw / tiny.QUARTER).glob("*.csv")},
        "version": json.loads((raw / tiny.QUARTER / "sources.json").read_text())["version"],
        "state": json.loads((raw / ".refresh" / f"{tiny.QUARTER}.json").read_text()),
        "outcome": json.loads((home / "reports" / "summary.json").read_text())["outcome"],
        "told": (home / "told").exists() and (home / "told").read_text().count("x") > 0,
        "previous": json.loads((raw / tiny.QUARTER / "sources.json").read_text())["previous"],
    }

def warm():
    nof.method.opening.reconciliation(nof.method.opening.open_publication(home / "data"))
    manifest.code_state(), manifest.versions(), cluster, place, limits, papermill

def replay():
    # From now on the briefings and figures of the first run are taken as they are: what counts here is the rest.
    kept, place = home / "kept", home / "reports" / "2025-26-q2"
    shutil.copytree(place.resolve(), kept)
    entries = json.loads((kept / "manifest.json").read_text())["briefings"]
    def make_all(*given):
        area = next(one for one in given if isinstance(one, publish.Area))
        for name in (file for entry in entries.values() for file in entry["files"]):
            shutil.copyfile(kept / name, area.report / name)
        given[-1]()  # the tables, as below
        return run._Done(entries, dict.fromkeys(entries, 1.0), {}, 0.0)
    run._make_all = make_all
    tables.write = lambda folder, *_: shutil.copytree(kept / "tables", folder, dirs_exist_ok=True)
    figures = nof.method.opening.compared(nof.method.opening.open_publication(home / "data"))
    reconcile.compare = lambda *_: figures

def clean():
    for name in ("raw", "reports"):
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "told").unlink(missing_ok=True)

def one(first):
    clean()
    codes = [child(first), child(job)]
    return {"codes": codes, "state": state()}

warm()
found = {"not killed": one(job)}
os.environ["NOF_TEST_FAULT"] = "kill-parent:" + str(home / "once")
found["while notebooks run"] = one(job)
os.environ["NOF_TEST_FAULT"] = ""
replay()
found["replayed"] = one(job)
for stage, where in STAGES.items():
    found[stage] = one(lambda: killed(*where))
(home / "found.json").write_text(json.dumps(found))
"""
STAGES = (
    "while notebooks run",
    "before anything is kept",
    "half of the files in place",
    "before sources.json",
    "before reading",
    "before the manifest",
    "before the swap",
    "in the middle of the swap",
    "before latest points to it",
    "before the page of all reports",
    "before the summary",
    "before the hook",
    "before it is remembered",
)


def endings(home: Path) -> dict:
    """What every stage's killed run, and the run after it, left behind."""
    tiny.place(home)
    told = hook(f"open({str(home / 'told')!r}, 'a').write('x')")
    text = "raw: raw\nreports: reports\nbriefings: [beta]\nall_trusts: false\njobs: 1\n"
    text += f"hook: {json.dumps(told)}\n"
    settings_file(home, text)
    (home / "driver.py").write_text(textwrap.dedent(DRIVER))
    done = subprocess.run(
        [sys.executable, home / "driver.py", home, Path(__file__).parent],
        env=tiny.environment(home),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((home / "found.json").read_text())


needs_fork = pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="fork and SIGKILL are of Linux")


@needs_fork
def test_killed_anywhere_and_run_again_it_ends_in_the_same_state(tmp_path):
    """One test for all stages: they share a warm process."""
    found = endings(tmp_path / "home")
    whole = found["not killed"]["state"]
    assert found["not killed"]["codes"] == found["replayed"]["codes"] == [0, 0]
    assert whole["outcome"] == "published" and whole["told"] and whole["latest"] and whole["kept reports"] == 1
    assert {"beta-acute.html", "beta-acute.pdf", "manifest.json", "index.html"} <= set(whole["report"])
    assert found["replayed"]["state"] == whole, "what the stages are compared with is what a whole run leaves"
    assert set(STAGES) == set(found) - {"not killed", "replayed"}
    assert {stage: found[stage]["codes"] for stage in STAGES} == dict.fromkeys(STAGES, [-9, 0])
    other = {stage: sorted(key for key in whole if found[stage]["state"][key] != whole[key]) for stage in STAGES}
    assert other == {stage: [] for stage in STAGES}


@needs_fork
def test_the_commands_exit_codes(tmp_path):
    home = tmp_path
    env = tiny.environment(home)
    refresh_it = [sys.executable, "-c", tiny.MAIN, "refresh"]

    def code(*words):
        return subprocess.run([*refresh_it, *map(str, words)], env=env, capture_output=True, text=True, cwd=home)

    bad = code(settings_file(home, "raw: raw\nreport: reports\n"))
    assert bad.returncode == 2 and "unknown key" in bad.stderr and "Traceback" not in bad.stderr
    empty = code(settings_file(home, "raw: raw\nreports: reports\n"), "--from", home / "absent")
    assert empty.returncode == 2 and "holds no CSV file" in empty.stderr
    with refresh.exclusive(home / "raw"):
        busy = code(home / "refresh.yaml", "--from", home / "absent")
    assert busy.returncode == 0 and "at work" in busy.stderr
    assert subprocess.run([*refresh_it[:-1], "fetch"], env=env, capture_output=True, cwd=home).returncode == 2
    with pytest.raises(NofError), refresh.exclusive(home / "raw"), refresh.exclusive(home / "raw"):
        pass


def test_with_nothing_new_neither_pandas_nor_notebooks_are_loaded(tmp_path):
    """What keeps such a look under a second or two: counted in modules, since time varies with the machine."""
    found = fetch.take_from(builders.publication(_made(tmp_path / "given")), None, tmp_path / "raw")
    write_json(_made(tmp_path / "reports" / found.quarter) / "manifest.json", {"run_id": "r"})
    settings = Settings(raw=tmp_path / "raw", reports=tmp_path / "reports")
    settings.state.mkdir()
    write_json(
        settings.state / f"{found.quarter}.json",
        {"version": found.version, "asked": settings.asked, "report_run": "r"},
    )
    refresh.Remembering(settings.state / "checked.json")(found.folder)
    settings_file(tmp_path, "raw: raw\nreports: reports\n")
    script = (
        "import sys\nfrom nof.cli import main\ntry:\n    main()\nfinally:\n"
        "    print([one for one in ('pandas', 'numpy', 'nbclient', 'typst', 'matplotlib') if one in sys.modules])"
    )
    code, text = tiny.nof(tmp_path, "refresh", tmp_path / "refresh.yaml", "--from", tmp_path / "given", script=script)
    assert code == 0 and "nothing new" in text and text.strip().endswith("[]"), text


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
