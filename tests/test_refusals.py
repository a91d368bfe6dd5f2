"""What the system, the network or a caller refuses: one clear error, and nothing of ours left running."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpcore
import pytest

from nof import common as paths
from nof.briefing import cluster, workers
from nof.common import InputError
from nof.explore import exporting
from nof.quarterly.catalogue import Policy
from nof.quarterly.download import _Backend
from nof.read import releases

POSIX = pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals here")


def pause(path: Path) -> None:
    """Say who is here, and stay."""
    path.write_text(str(os.getpid()))
    time.sleep(600)


def one() -> int:
    return 1


# --- processes ---


def test_a_call_that_was_cancelled_while_it_waited_is_never_started(tmp_path):
    executor = workers.Workers(1, 60, tmp_path)
    dropped, kept = executor.submit(pause, tmp_path / "started"), executor.submit(one)
    assert dropped.cancel()
    executor.shutdown()
    assert kept.result() == 1 and not (tmp_path / "started").exists()


def test_a_process_that_the_system_will_not_start_fails_its_own_call_with_the_reason(tmp_path, monkeypatch):
    executor = workers.Workers(1, 60, tmp_path)
    start, calls = executor._context.Process.start, []

    def refused_once(process):
        calls.append(process)
        if len(calls) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(process)

    monkeypatch.setattr(executor._context.Process, "start", refused_once)
    failed, after = executor.submit(one), executor.submit(one)
    executor.shutdown()
    assert "no worker process could be started" in str(failed.exception()) and "temporarily" in str(failed.exception())
    assert isinstance(failed.exception(), workers.WorkerDied) and after.result() == 1


@POSIX
def test_a_shutdown_that_does_not_wait_ends_what_runs_and_drops_what_waits(tmp_path):
    executor = workers.Workers(1, 600, tmp_path)
    executor.submit(pause, tmp_path / "pid")
    waiting = executor.submit(one)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        executor.poll(0.05)
        assert time.monotonic() < deadline
    executor.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_process_that_is_gone_already_has_no_family_to_end(tmp_path):
    executor = workers.Workers(1, 60, tmp_path)
    future = executor.submit(os.getpid)
    executor.shutdown()
    workers.end_family(future.result())  # raises nothing


def test_futures_of_another_executor_are_waited_for_as_usual():
    with ThreadPoolExecutor(1) as executor:
        futures = [executor.submit(one), executor.submit(one)]
        assert [done.result() for done in workers.as_completed(executor, futures)] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "told"),
    [(ImportError("no module named nof"), "is it installed there.*no module named nof"), ({}, "has no workers")],
)
def test_a_cluster_whose_workers_cannot_run_this_is_refused_before_anything_is_sent(answer, told):
    class Client:
        def run(self, *_):
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(cluster.ClusterError, match=told):
        cluster._check(Client())


# --- files ---


def test_an_export_that_cannot_take_its_place_leaves_the_old_one_there(tmp_path, monkeypatch):
    folder, made, old = tmp_path / "tables", tmp_path / "made", tmp_path / "old"
    for one_of, text in ((folder, "before"), (made, "after")):
        one_of.mkdir()
        (one_of / "league.parquet").write_text(text)
    rename = Path.rename

    def refused(path, target):
        if path == made:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError):
        exporting._swap(made, folder, old)
    assert (folder / "league.parquet").read_text() == "before" and not old.exists()


def test_a_folder_that_may_not_be_listed_is_named_with_the_systems_reason(tmp_path, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        releases.headers(tmp_path)


def test_headers_of_a_folder_are_those_of_its_csv_files_of_ours(tmp_path):
    import builders

    builders.publication(tmp_path)
    (tmp_path / "notes.txt").write_text("Quarter,Region")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    found = releases.headers(tmp_path)
    assert set(found["kind"]) == {"metrics", "league"}
    assert found.loc[found["kind"] == "metrics", "column"].tolist() == builders.METRIC_HEADER
    assert found.loc[found["kind"] == "league", "column"].tolist() == builders.LEAGUE_HEADER


def test_an_installed_package_keeps_its_demo_in_the_users_cache_not_in_its_own_folder(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "nof"
    monkeypatch.setattr(paths, "_PACKAGE", package)
    monkeypatch.setattr(paths, "_REPOSITORY", package.parent)
    assert paths.installed() and paths.share("params") == package / "_share" / "params"
    assert paths.demo().name == "demo" and not paths.demo().is_relative_to(package)


# --- the network ---


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://www.england.nhs.uk:port/a.csv", "not an address"),
        ("https://me:secret@www.england.nhs.uk/a.csv", "a user name"),
        ("ftp://www.england.nhs.uk/a.csv", "only https"),
        ("www.england.nhs.uk/a.csv", "without a scheme"),
        ("https://www.england.nhs.uk:8443/a.csv", "is not one of"),
        ("https://example.org/a.csv", "is not one of"),
    ],
)
def test_an_address_outside_the_policy_is_refused_with_the_reason(address, reason):
    policy = Policy(frozenset({"www.england.nhs.uk"}))
    assert reason in policy.refusal(address)
    assert policy.refusal("https://www.england.nhs.uk/a.csv") is None


def test_a_name_that_nobody_knows_is_a_failure_to_connect_with_the_name_in_it(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpcore.ConnectError, match="nowhere.example could not be looked up"):
        _Backend(None, True)._numbers("nowhere.example", 443)
