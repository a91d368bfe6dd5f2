"""`make` on a clean machine: what is locked is installed, whatever the index has come to hold since.

No network: an index of small wheels on this machine's own address. In it a locked package that is required with an extra
has a newer release, which is what broke the set-up that let pip resolve. uv and the project's build come from the
environment that the tests run in, made into wheels again.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import wheels
from conftest import ROOT
from packaging.version import Version

BUILD = ("hatchling", "editables", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
OLD_RECIPE = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.lock"]
PROJECT = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "place"\n'
PROJECT += 'version = "1"\ndependencies = ["alpha"]\n[tool.hatch.build.targets.wheel]\nonly-include = ["place.py"]\n'
CLOCK = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "PYTHONPATH")  # see `make ahead`
# The pip that came with the first Python 3.11; .ci/run fetches it. Python 3.11.7 brings 23.2.1.
OLDEST = sorted((ROOT / ".pips").glob("pip-*.whl"))

spec = importlib.util.spec_from_file_location("install", ROOT / "tools" / "install.py")
install = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)


@pytest.fixture(scope="module")
def stock(tmp_path_factory) -> Path:
    """A folder of wheels: three small packages, a newer release of one, uv, and what builds the project."""
    folder = tmp_path_factory.mktemp("stock")
    more = {"needs": ('gamma; extra == "more"',), "extras": ("more",)}
    wheels.wheel(folder, "alpha", "1.0", ("beta[more]>=1",))
    wheels.wheel(folder, "beta", "1.0", **more)
    wheels.wheel(folder, "beta", "2.0", **more)
    wheels.wheel(folder, "gamma", "1.0")
    for name in ("uv", *BUILD):
        wheels.repacked(folder, name)
    return folder


@pytest.fixture
def index(stock):
    made = wheels.Index(stock)
    yield made
    made.close()


class Place:
    """A clone in small: the Makefile and the set-up of this one, a lock of small packages, a project of one module."""

    def __init__(self, home: Path, index: wheels.Index) -> None:
        self.home, self.index = home, index
        (home / "tools").mkdir()
        for name in ("Makefile", "tools/install.py"):
            shutil.copy(ROOT / name, home / name)
        (home / "pyproject.toml").write_text(PROJECT)
        (home / "place.py").write_text("import alpha\n")
        self.lock()

    def lock(self, without: str = "none", wrong: str = "none") -> None:
        """Write the lock: of each package the oldest wheel, but for one left out, or with a hash that is not its own."""
        found: dict[str, str] = {}
        for path in sorted(self.index.folder.iterdir()):
            found.setdefault(path.name.split("-")[0], wheels.locked(path))
        if wrong in found:
            found[wrong] = re.sub(r"sha256:\w{8}", "sha256:" + "0" * 8, found[wrong])
        (self.home / "requirements.lock").write_text("".join(text for name, text in found.items() if name != without))

    @property
    def python(self) -> Path:
        return install.environment_python(self.home / ".venv")

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine's settings; the index is pip's variable, and every other address leads nowhere."""
        given = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", *CLOCK) if name in os.environ}
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        given |= nowhere | {
            "NO_PROXY": "127.0.0.1",
            "HOME": str(self.home),
            "UV_NO_CONFIG": "1",
            "UV_HTTP_RETRIES": "0",
        }
        given |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.index.address, "PIP_RETRIES": "0"}
        return given | {"UV_CACHE_DIR": str(self.home / "cache"), "PIP_CACHE_DIR": str(self.home / "pip-cache")}

    def run(self, *words: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            list(map(str, words)), cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=300
        )

    def make(self) -> subprocess.CompletedProcess:
        return self.run("make", f"PYTHON={sys.executable}", ".venv/.ready")

    def versions(self) -> dict[str, str]:
        """What is installed there, by name."""
        code = "import importlib.metadata as m; [print(d.name.lower(), d.version) for d in m.distributions()]"
        return dict(line.split() for line in self.run(self.python, "-c", code).stdout.splitlines())

    def is_ready(self) -> bool:
        marks = {path.name for path in (self.home / ".venv").iterdir()} & {".ready", ".begun"}
        assert marks != {".ready", ".begun"}
        return marks == {".ready"}


SMALL = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0", "place": "1"}


@pytest.fixture
def place(tmp_path, index) -> Place:
    return Place(tmp_path, index)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A virtual environment with nothing but pip in it, which takes most of a small set-up to make."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def begun(place, environment) -> Place:
    """A place in which the environment is made already, and nothing is installed."""
    shutil.copytree(environment, place.home / ".venv", symlinks=True)
    return place


@pytest.mark.parametrize("pip", [None, *OLDEST], ids=lambda path: path.name[:8] if path else "bundled")
def test_a_newer_release_breaks_the_old_recipe_and_not_this_one(begun, pip):
    if pip:
        assert begun.run(begun.python, "-m", "pip", "install", "--no-index", pip).returncode == 0
    told = begun.run(begun.python, "-m", "pip", "--version").stdout.split()[1]
    old = begun.run(begun.python, *OLD_RECIPE)
    if Version(told) < Version("24"):
        assert old.returncode == 1 and "beta[more]>=1" in old.stderr, old.stderr
    begun.index.asked.clear()
    new = begun.make()
    assert new.returncode == 0, new.stdout + new.stderr
    assert begun.versions().items() >= SMALL.items() and begun.is_ready()
    by_uv = {path.split("/")[-1] for path, who in begun.index.asked if who.startswith("uv/")}
    by_pip = {path.strip("/").split("/")[-1].split("-")[0] for path, who in begun.index.asked if who.startswith("pip/")}
    assert "alpha-1.0-py3-none-any.whl" in by_uv, "uv took pip's own variable for its index"
    assert by_pip == {"uv"}, "pip fetches uv and nothing else"
    assert not [path for path, _ in begun.index.asked if "beta-2.0" in path]
    assert list(install.site_packages(begun.home / ".venv").rglob("alpha*.pyc")), "compiled once, not at every start"


def test_nothing_is_done_twice_and_what_is_no_longer_locked_goes(begun):
    assert begun.make().returncode == 0
    begun.index.asked.clear()
    assert "up to date" in begun.make().stdout and begun.index.asked == []
    (begun.home / "requirements.lock").write_text(
        (begun.home / "requirements.lock").read_text() + wheels.locked(wheels.wheel(begun.home, "delta", "1.0"))
    )
    failed = begun.make()
    assert failed.returncode and not begun.is_ready(), "delta is not on the index"
    begun.run(begun.python, "-m", "pip", "install", "--no-index", begun.home / "delta-1.0-py3-none-any.whl")
    begun.lock()
    assert begun.make().returncode == 0 and "delta" not in begun.versions()


def test_where_uv_has_no_wheel_pip_installs_the_same_lock(begun, tmp_path_factory):
    bare = tmp_path_factory.mktemp("bare")
    for path in begun.index.folder.iterdir():
        if not path.name.startswith("uv-"):
            os.link(path, bare / path.name)
    begun.index.folder = bare
    done = begun.make()
    assert done.returncode == 0 and "not through uv" in done.stdout, done.stdout + done.stderr
    assert begun.versions().items() >= SMALL.items() and "uv" not in begun.versions() and begun.is_ready()


def test_a_lock_with_a_hole_ends_in_words_and_not_in_an_environment(begun):
    begun.lock(without="beta")
    done = begun.make()
    assert done.returncode == 2 and "beta" in done.stdout + done.stderr and not begun.is_ready()


def test_a_wheel_that_is_not_the_one_locked_is_not_installed(begun):
    begun.lock(wrong="alpha")
    done = begun.make()
    assert done.returncode == 2 and "hash" in (done.stdout + done.stderr).lower()
    assert "alpha" not in begun.versions() and not begun.is_ready()


@pytest.mark.skipif(os.name != "posix", reason="ends a group of processes")
def test_a_set_up_that_is_killed_is_mended_by_the_next(begun):
    reached, go_on = threading.Event(), threading.Event()

    def stall(path: str) -> None:
        if "gamma" in path:
            reached.set()
            go_on.wait(60)

    begun.index.before = stall
    words = ["make", f"PYTHON={sys.executable}", ".venv/.ready"]
    running = subprocess.Popen(
        words, cwd=begun.home, env=begun.environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    assert reached.wait(120)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    go_on.set()
    assert not begun.is_ready()
    (begun.home / ".venv" / "left behind").touch()
    assert begun.make().returncode == 0
    assert begun.versions().items() >= SMALL.items() and begun.is_ready()
    assert not (begun.home / ".venv" / "left behind").exists()


def test_a_half_made_environment_is_made_anew(place):
    place.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    assert place.make().returncode == 0 and place.versions().items() >= SMALL.items() and place.is_ready()


def test_without_a_network_a_working_environment_stays(begun):
    assert begun.make().returncode == 0
    text = (begun.home / "requirements.lock").read_text()
    (begun.home / "requirements.lock").write_text(text.replace("beta==1.0", "beta==2.0"))
    shutil.rmtree(begun.home / "cache")
    begun.index.close()
    failed = begun.make()
    assert failed.returncode == 2 and not begun.is_ready()
    assert begun.versions().items() >= SMALL.items()
    (begun.home / "requirements.lock").write_text(text)
    assert begun.versions()["place"] == "1", "nothing was cleared for it"


def test_into_the_python_that_runs_it_nothing_else_is_removed(place, environment):
    shutil.copytree(environment, place.home / "own", symlinks=True)
    python = install.environment_python(place.home / "own")
    place.run(python, "-m", "pip", "install", "--no-index", wheels.wheel(place.home, "delta", "1.0"))
    done = place.run(python, "tools/install.py", "--here")
    assert done.returncode == 0, done.stdout + done.stderr
    told = place.run(python, "-c", "import alpha, beta, gamma, delta, place; print(beta.version)").stdout
    assert told.strip() == "1.0" and not (place.home / ".venv").exists()


@pytest.mark.parametrize(
    ("pip", "set_for_uv", "expected"),
    [
        ({"index-url": "A"}, {}, {"UV_DEFAULT_INDEX": "A"}),
        ({"index-url": "A"}, {"UV_DEFAULT_INDEX": "B"}, {}),
        ({"index-url": "A"}, {"UV_INDEX_URL": "B"}, {}),
        ({"extra-index-url": "A\nB"}, {}, {"UV_INDEX": "A B"}),
        ({"find-links": "A B"}, {}, {"UV_FIND_LINKS": "A,B"}),
        ({"cert": "c.pem"}, {}, {"SSL_CERT_FILE": "c.pem"}),
        ({"cert": "c.pem"}, {"SSL_CERT_FILE": "mine.pem"}, {}),
        ({}, {"REQUESTS_CA_BUNDLE": "c.pem"}, {"SSL_CERT_FILE": "c.pem"}),
        ({"proxy": "P"}, {}, {"ALL_PROXY": "P"}),
        ({"proxy": "P"}, {"https_proxy": "Q"}, {}),
        ({"trusted-host": "h"}, {}, {"UV_INSECURE_HOST": "h"}),
        ({"no-index": "true"}, {}, {"UV_NO_INDEX": "1"}),
    ],
)
def test_what_pip_is_set_to_reaches_uv_unless_uv_is_set_itself(pip, set_for_uv, expected):
    given = install.for_uv(pip, set_for_uv)
    assert given.pop("UV_INDEX_STRATEGY") == "unsafe-best-match" and given == expected


def test_a_file_of_settings_is_read_and_a_variable_goes_before_it(tmp_path, monkeypatch):
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = from-file\ntimeout = 7\n[install]\ntimeout = 9\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_INDEX_URL", "from-variable")
    told = install.settings_of_pip(Path(sys.executable))
    assert (told["index-url"], told["timeout"]) == ("from-variable", "9")


def test_every_requirement_of_the_lock_is_in_a_block_of_its_own():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = install.blocks(text)
    assert len(blocks) == text.count("==") - len(re.findall(r";.*==", text)) and "".join(blocks) == text
    assert len([block for block in blocks if install.of_uv(block)]) == 1
