"""The same briefings on a real Dask cluster of several processes, one of which is killed in the middle."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
import tiny

from nof.briefing import cluster

distributed = pytest.importorskip("distributed", reason="the optional extra dask is not installed")
brief = partial(tiny.brief, run=tiny.quick)


@pytest.fixture
def home(tmp_path):
    return tiny.place(tmp_path / "home")


@pytest.fixture
def workers_at(monkeypatch):
    """Start a cluster of processes with an environment of their own; gives its address."""
    running = []

    def start(home, count=2, **environment):
        for name, value in tiny.environment(home, **environment).items():
            monkeypatch.setenv(name, value)
        running.append(
            distributed.LocalCluster(
                n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
            )
        )
        return running[-1].scheduler_address

    yield start
    for one in running:
        one.close()


def test_all_briefings_arrive_though_a_worker_is_killed(home, workers_at, tmp_path):
    code, text = brief(home, "--all-trusts", out=home / "here")
    assert code == 0, text
    address = workers_at(home, fault=f"kill-parent:{tmp_path / 'once'}")
    code, text = brief(home, "--all-trusts", "--scheduler", address)
    assert code == 0 and "4 made" in text and "0 failed" in text, text
    assert (tmp_path / "once").exists(), "no worker was killed: the test proves nothing"
    here, there = (tiny.hashes(home / name / tiny.QUARTER) for name in ("here", "reports"))
    briefings = [name for name in here if name.endswith((".pdf", ".ipynb")) or name.startswith(("alpha", "trusts/"))]
    assert {name: there.get(name) for name in briefings} == {name: here[name] for name in briefings}


def test_a_worker_with_other_code_is_refused_by_name(home, workers_at, tmp_path):
    other = shutil.copytree(home, tmp_path / "other")
    path = other / "notebooks" / "alpha.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("# Alpha", "# Beta"), encoding="utf-8")
    code, text = brief(home, "--scheduler", workers_at(other, count=1))
    assert code == 1 and "not every worker has what this run has" in text and "worker tcp://" in text, text
    assert "code" in text and not (home / "reports" / ".staging").exists()


def test_no_scheduler(home, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTING", 1)
    wanted = pytest.raises(cluster.ClusterError, match="no Dask scheduler answers at tcp://127.0.0.1:9")
    with wanted, cluster.connected("tcp://127.0.0.1:9", b""):
        pass


def test_differences_are_named():
    assert cluster.differences({"code": "a" * 64, "pandas": "3.0"}, {"code": "a" * 64, "pandas": "3.1"}) == (
        "pandas 3.0 instead of 3.1"
    )
    assert cluster.differences({"code": "a"}, {"code": "a"}) == ""
    assert cluster.differences({}, {"typst": "0.15"}) == "typst missing instead of 0.15"


def test_a_worker_that_came_late_with_other_code_refuses_the_call():
    with pytest.raises(cluster.ClusterError, match="this worker has other code"):
        cluster._remotely(print, (), {}, {"code": "another"}, b"")
