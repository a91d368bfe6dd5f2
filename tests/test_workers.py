"""Processes that each do one thing: results, errors, death, time limits, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial

import psutil
import pytest

from nof import common
from nof.briefing import workers
from nof.common import InputError, Problem

METHODS = ["fork", "spawn"] if workers.can_fork() else ["spawn"]
IMPORTABLE = {"fork": 20, "spawn": 60}  # seconds that a task may take: a fresh process has to import everything


def double(number):
    return 2 * number


def fail(kind):
    raise {
        "input": InputError(Problem("a.csv", "is bad", row=3)),
        "value": ValueError("no"),
        "closure": type("Local", (Exception,), {})("cannot travel"),
        "exit": SystemExit(3),
    }[kind]


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_with_child(path):
    """Start a process in a session of its own, as a kernel is, and hang."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    path.write_text(str(child.pid))
    time.sleep(600)


def surroundings():
    return os.getpid(), tempfile.gettempdir(), os.environ["IPYTHONDIR"]


def run(executor, *calls):
    """Submit calls and wait for all."""
    futures = [executor.submit(*call) for call in calls]
    assert {id(one) for one in workers.as_completed(executor, futures)} == {id(one) for one in futures}
    executor.shutdown()
    return futures


def leave(path, but_die_in=None):
    """Write which process this is; end at once where it is not the one named."""
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if but_die_in is not None and os.getpid() != but_die_in:
        die()


@pytest.mark.skipif(not workers.can_fork(), reason="this system cannot fork")
def test_a_task_beside_is_done_while_the_body_runs(tmp_path):
    seen = tmp_path / "seen"
    with workers.beside(partial(leave, seen), 2, tmp_path) as outcome:
        started = time.monotonic()
        while not seen.exists() and time.monotonic() - started < IMPORTABLE["fork"]:
            time.sleep(0.01)
        assert seen.exists()
        outcome()
    assert int(seen.read_text()) != os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_beside_gives_comes_here(tmp_path, jobs):
    with workers.beside(partial(double, 21), jobs, tmp_path) as outcome:
        assert outcome() == 42


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_beside_is_done_here_where_no_copy_may_or_can_do_it(tmp_path, jobs):
    with workers.beside(partial(leave, tmp_path / "seen", os.getpid()), jobs, tmp_path) as outcome:
        outcome()
    pids = [int(line) for line in (tmp_path / "seen").read_text().split()]
    assert pids[-1] == os.getpid()
    assert len(pids) == (2 if jobs == 2 and workers.can_fork() else 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_beside_raises_is_raised_where_it_is_asked_for(tmp_path, jobs):
    with workers.beside(partial(fail, "input"), jobs, tmp_path) as outcome, pytest.raises(InputError, match=r"a\.csv"):
        outcome()
    with pytest.raises(KeyError), workers.beside(partial(fail, "input"), jobs, tmp_path):
        raise KeyError("the body's own")


def test_what_nobody_foresaw_is_met_here_with_its_own_traceback(tmp_path):
    with workers.beside(partial(fail, "value"), 2, tmp_path) as outcome, pytest.raises(ValueError) as met:
        outcome()
    assert met.traceback[-1].name == "fail"


@pytest.mark.parametrize("method", METHODS)
def test_results_and_errors_come_back_as_they_are(tmp_path, method):
    executor = workers.Workers(3, IMPORTABLE[method], tmp_path, method)
    good, bad, value, closure, leaves, after = run(
        executor, (double, 21), (fail, "input"), (fail, "value"), (fail, "closure"), (fail, "exit"), (double, 4)
    )
    assert (good.result(), after.result()) == (42, 8)
    assert isinstance(bad.exception(), InputError) and bad.exception().problems[0].row == 3
    assert str(bad.exception()) == str(Problem("a.csv", "is bad", row=3))
    assert isinstance(value.exception(), ValueError)
    assert "Local: cannot travel" in str(closure.exception()) and "SystemExit: 3" in str(leaves.exception())


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_process_takes_nobody_with_it(tmp_path, method):
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("there is no SIGKILL here")
    dead, alive = run(workers.Workers(1, IMPORTABLE[method], tmp_path, method), (die,), (double, 3))
    assert isinstance(dead.exception(), workers.WorkerDied) and "exit code -9" in str(dead.exception())
    assert alive.result() == 6


def test_a_task_past_its_time_is_ended_with_all_that_it_started(tmp_path):
    pid = tmp_path / "pid"
    limit = 3 if workers.can_fork() else 30
    hung, alive = run(workers.Workers(1, limit, tmp_path), (sleep_with_child, pid), (double, 3))
    assert f"stopped after {limit} seconds" in str(hung.exception()) and alive.result() == 6
    assert not psutil.pid_exists(int(pid.read_text())) or psutil.Process(int(pid.read_text())).status() == "zombie"


def test_dropping_what_is_queued_ends_what_runs(tmp_path):
    pid = tmp_path / "pid"
    executor = workers.Workers(1, 600, tmp_path)
    first, second = executor.submit(sleep_with_child, pid), executor.submit(double, 1)
    while not pid.exists() or not pid.read_text():
        executor.poll(0.05)
    executor.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled() and not first.done()
    assert not psutil.pid_exists(int(pid.read_text())) or psutil.Process(int(pid.read_text())).status() == "zombie"


def test_each_task_has_a_process_and_a_place_for_its_files_of_its_own(tmp_path):
    first, second = (one.result() for one in run(workers.Workers(2, 60, tmp_path), (surroundings,), (surroundings,)))
    assert len({first[0], second[0], os.getpid()}) == 3
    assert all(str(tmp_path) in place for place in (*first[1:], *second[1:]))


def who_and(number):
    return os.getpid(), number


@pytest.mark.parametrize("method", METHODS)
def test_a_process_takes_some_tasks_one_after_another(tmp_path, method):
    executor = workers.Workers(1, IMPORTABLE[method], tmp_path, method, tasks=3)
    done = [one.result() for one in run(executor, *((who_and, number) for number in range(7)))]
    assert [number for _, number in done] == list(range(7))
    assert [[one for one, _ in done].count(pid) for pid in dict.fromkeys(pid for pid, _ in done)] == [3, 3, 1]
    assert not any(psutil.pid_exists(pid) for pid, _ in done)


@pytest.mark.parametrize(("bad", "said"), [((fail, "value"), "no"), ((die,), "exit code -9")], ids=["error", "killed"])
def test_a_process_that_met_an_error_takes_no_further_task(tmp_path, bad, said):
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("there is no SIGKILL here")
    before, failed, after = run(
        workers.Workers(1, IMPORTABLE["spawn"], tmp_path, tasks=9), (who_and, 1), bad, (who_and, 2)
    )
    assert said in str(failed.exception())
    assert before.result()[0] != after.result()[0] and after.result()[1] == 2


KEPT = []


def grow_and(number):
    KEPT.append(b"x" * int(workers.GROWTH if number == 1 else 1))
    return who_and(number)


def test_a_process_that_has_grown_takes_no_further_task(tmp_path):
    executor = workers.Workers(1, IMPORTABLE["spawn"], tmp_path, tasks=9)
    first, second, third = (one.result() for one in run(executor, *((grow_and, number) for number in (1, 2, 3))))
    assert first[0] != second[0] == third[0]


@pytest.mark.skipif(not workers.can_fork(), reason="this system cannot fork")
def test_a_task_that_cannot_travel_gets_a_process_of_its_own(tmp_path):
    results = run(workers.Workers(1, 60, tmp_path, tasks=9), (who_and, 1), (lambda: who_and(2),), (who_and, 3))
    assert [one.result()[1] for one in results] == [1, 2, 3]
    assert len({one.result()[0] for one in results}) == 2  # the third goes on where the second was done


def test_each_task_of_a_process_has_its_own_time(tmp_path):
    limit = 3 if workers.can_fork() else 30
    executor = workers.Workers(1, limit, tmp_path, tasks=9)
    results = run(executor, *((time.sleep, limit / 2),) * 3, (time.sleep, 10 * limit), (double, 2))
    assert [one.exception() for one in results[:3]] == [None] * 3
    assert isinstance(results[3].exception(), workers.WorkerDied) and results[4].result() == 4


WITHOUT = """
import os, signal, sys
import psutil  # its own Linux part imports resource
sys.modules["resource"] = None
for name in ("fork", "killpg", "setpgid", "sched_getaffinity"):
    if hasattr(os, name): delattr(os, name)
del signal.SIGKILL
import multiprocessing
multiprocessing.get_all_start_methods = lambda: ["spawn"]
import nof.cli, nof.briefing.run, nof.briefing.workers
from nof.briefing import params, workers
assert not workers.can_fork() and params.cores() >= 1
"""


def test_everything_can_be_imported_where_posix_is_not():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_results_are_used_for_the_very_content_they_were_made_from(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    (tmp_path / "results").write_bytes(common.packed(folder, {"answer": 42}))
    assert common.shared(folder) is None  # no run has left any
    monkeypatch.setenv(common.VARIABLE, str(tmp_path / "results"))
    assert common.shared(folder) == {"answer": 42}
    (folder / "a.csv").write_text("2")
    with pytest.raises(common.NofError, match="changed since the run began"):
        common.shared(folder)
    (folder / "a.csv").write_text("1")
    (folder / "b.csv").write_text("")
    with pytest.raises(common.NofError, match="changed since the run began"):
        common.shared(folder)
    (folder / "b.csv").unlink()
    assert common.shared(folder) == {"answer": 42}
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert common.shared(folder) == {"answer": 42}  # a worker that has no such folder
    assert common.shared(tmp_path / "other") is None
