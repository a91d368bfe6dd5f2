"""deploy/: each file as far as it can be tried here; and the lock file: whole, hashed, nothing that is not needed."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import builders
import pytest
import tiny
import yaml
from conftest import ROOT
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

DEPLOY = ROOT / "deploy"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


# ---------------------------------------------------------------- each file


def unit(name: str) -> dict[str, list[str]]:
    lines = [line for line in (DEPLOY / name).read_text().splitlines() if "=" in line and not line.startswith("#")]
    found: dict[str, list[str]] = {}
    for line in lines:
        key, _, value = line.partition("=")
        found.setdefault(key, []).append(value)
    return found


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed here")
    stand_in = tmp_path / "bin" / "nof"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    for name in ("nof-refresh.service", "nof-refresh.timer"):
        text = (DEPLOY / name).read_text().replace("/opt/nof/.venv/bin/nof", str(stand_in))
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "nof-refresh.timer", tmp_path / "nof-refresh.service"],
        capture_output=True,
        text=True,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "nof-refresh" in line]
    assert done.returncode == 0 and ours == [], done.stderr
    when = unit("nof-refresh.timer")["OnCalendar"][0]
    assert subprocess.run(["systemd-analyze", "calendar", when], capture_output=True).returncode == 0


def test_the_service_is_confined_and_cannot_run_for_ever():
    service = unit("nof-refresh.service")
    for key, value in {
        "Type": "oneshot",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "User": "nof",
    }.items():
        assert service[key] == [value]
    assert service["TimeoutStartSec"] == ["3h"] and not {"Restart", "ExecStartPost"} & set(service)


CRON = re.compile(r"(?P<minute>\S+) (?P<hour>\S+) (?P<day>\S+) (?P<month>\S+) (?P<weekday>\S+) (?P<command>/\S.*)")
RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def crontab() -> list[re.Match]:
    lines = [line for line in (DEPLOY / "crontab.txt").read_text().splitlines() if line and line[0] not in "#MP"]
    return [CRON.fullmatch(line) for line in lines]


def test_crontab_lines_are_crontab_lines():
    found = crontab()
    assert len(found) == 2 and all(found)
    for match in found:
        for field, (low, high) in RANGES.items():
            numbers = [int(one) for one in re.findall(r"\d+", match[field])]
            assert re.fullmatch(r"\*|\d+(-\d+)?(,\d+(-\d+)?)*", match[field]) and all(
                low <= one <= high for one in numbers
            )
        assert "%" not in match["command"], "cron takes a percent sign for a new line"


def workflow() -> dict:
    return yaml.safe_load((DEPLOY / "github-actions.yml").read_text())


def test_the_workflow_is_yaml_and_gives_away_nothing():
    found = workflow()
    on = found[True]  # YAML takes the word "on" for true
    assert re.fullmatch(r"\d+ \d+ \* \* [\d-]+", on["schedule"][0]["cron"]) and found["permissions"] == {
        "contents": "read"
    }
    assert found["concurrency"]["cancel-in-progress"] is False
    for job in found["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert "${{" not in step.get("run", ""), "an expression in a shell line is code from outside"
            assert re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@v\d", step.get("uses", "actions/x@v1"))


def commands() -> list[list[str]]:
    """Every nof command line of deploy/ and docs/operations.md."""
    texts = [unit("nof-refresh.service")["ExecStart"][0], *(match["command"] for match in crontab())]
    texts += [step["run"] for step in workflow()["jobs"]["refresh"]["steps"] if "bin/nof" in step.get("run", "")]
    for path in (ROOT / "docs" / "operations.md", DEPLOY / "windows-task-scheduler.md"):
        texts += re.findall(
            r"(?m)^ {4}(?:sudo -u nof )?((?:\S*/)?nof (?:refresh|prune|fetch|verify|diff|reconcile|check|brief)\b.*)$",
            path.read_text(),
        )
        texts += re.findall(r"nof\.exe ([a-z]+[^\"]*)", path.read_text())
    return [re.sub(r"^\S*bin/nof |^nof ", "", text).split() for text in texts]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_that_is_written_down_exists_with_these_options(words):
    from nof.cli import app

    shown = CliRunner().invoke(app, [words[0], "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    for option in (word for word in words[1:] if word.startswith("--")):
        assert re.search(rf"{option}\b", shown.output), option


# ---------------------------------------------------------------- where there is no home, no terminal, nobody's name


def nobody() -> list[str]:
    """Words before a command that run it as a user without name or home, where we may; it can still read our code."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return []
    more = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    words = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", *more]
    return words if subprocess.run([*words, "true"], capture_output=True).returncode == 0 else []


@pytest.mark.skipif(os.name != "posix", reason="a stripped environment as cron and systemd give it")
def test_the_job_runs_without_home_name_or_terminal():
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which only its owner may enter
        Path(folder).chmod(0o755)
        runs_stripped(tiny.place(Path(folder) / "place"))


def runs_stripped(home: Path) -> None:
    settings = "raw: raw\nreports: reports\nbriefings: [alpha]\nall_trusts: false\n"
    (home / "refresh.yaml").write_text(settings)
    words = nobody()
    if words:
        for path in [home, *home.rglob("*")]:
            os.chown(path, 54321, 54321)
    env = {"PATH": "/usr/bin:/bin", "NOF_NOTEBOOKS": str(home / "notebooks")}
    env |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    job = ["refresh", home / "refresh.yaml", "--from", home / "data", "--quiet"]
    command = [*words, sys.executable, "-c", tiny.MAIN, *job]

    def run():
        return subprocess.run(
            command, env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=0o077,
            start_new_session=True, timeout=180,
        )  # fmt: skip

    first = run()
    assert first.returncode == 0, first.stderr[-3000:]
    assert first.stdout == "" and "error" not in first.stderr
    report = home / "reports" / tiny.QUARTER
    mode = (report / "alpha-acute.pdf").stat().st_mode & 0o777
    assert mode == 0o644, "readers are others, whatever the umask"
    assert json.loads((home / "reports" / "summary.json").read_text())["outcome"] == "published"
    second = run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", ""), "with nothing to do cron sends no mail"
    assert builders.metrics_name() in {path.name for path in (home / "raw" / tiny.QUARTER).iterdir()}


# ---------------------------------------------------------------- the lock


def blocks() -> dict[str, str]:
    found = re.split(
        r"\n(?=[A-Za-z0-9])", "\n".join(line for line in LOCK.splitlines() if not line.startswith("#")).strip()
    )
    return {canonicalize_name(re.match(r"[A-Za-z0-9._-]+", block)[0]): block for block in found}


def test_lock_each_package_has_one_version_and_hashes_and_no_address():
    for name, block in blocks().items():
        assert re.match(r"[A-Za-z0-9._-]+(?:\[[a-z0-9,-]+\])?==[0-9][^\s;\\]*( ; [^\\]*)?\s*\\?\n", block), name
        hashes = re.findall(r"--hash=(\w+):([0-9a-f]+)", block)
        assert hashes and all(kind == "sha256" and len(value) == 64 for kind, value in hashes), name
        assert not re.search(
            r"://|git\+|file:|-e ", "\n".join(line for line in block.splitlines() if "#" not in line)
        ), name


def test_lock_what_is_installed_is_what_is_locked():
    for name, block in blocks().items():
        line = block.splitlines()[0].rstrip("\\ ")
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate():
            assert wanted.specifier.contains(metadata.version(name), prereleases=True), line


def test_lock_holds_nothing_that_nobody_needs():
    """Every locked package is reachable from pyproject.toml: through the metadata of what is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for group in project["optional-dependencies"].values() for one in group]
    waiting = [(Requirement(one), "") for one in [*project["dependencies"], *extras]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({**default_environment(), "extra": extra}):
            continue
        name = canonicalize_name(wanted.name)
        for one in ("", *wanted.extras):
            if (name, one) not in seen:
                seen.add((name, one))
                waiting += [(Requirement(text), one) for text in metadata.requires(name) or []]
    here = {
        name
        for name, block in blocks().items()
        if (marker := Requirement(block.splitlines()[0].rstrip("\\ ")).marker) is None or marker.evaluate()
    }
    assert here - {name for name, _ in seen} == set()
    assert {name for name, _ in seen} - set(blocks()) == set(), "needed, but not locked"


def test_notes_name_no_file_that_is_not_there():
    for path in (ROOT / "docs" / "operations.md", ROOT / "SECURITY.md", DEPLOY / "windows-task-scheduler.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
        for target in re.findall(r"`((?:deploy|params|tests|tools|docs)/[\w./-]+)`", path.read_text()):
            assert (ROOT / target).exists(), f"{path.name}: {target}"


def test_operations_explains_every_outcome_and_exit_code():
    from nof.quarterly.summary import OUTCOMES

    text = Path(ROOT / "docs" / "operations.md").read_text()
    for outcome, code in OUTCOMES.items():
        assert re.search(rf"(?m)^\| {code} \| {outcome} \|", text), outcome
