"""Set up: install what requirements.lock names into .venv (`make` calls this), or with --here into this very Python.

Nothing is resolved: the lock names every package with its version and hashes, and that is what is installed, whatever
the index has come to hold since. pip fetches one wheel, uv as the lock pins it, and uv installs the rest. Where uv has
no wheel, or cannot use the index that pip is set to, pip installs the same lock with --no-deps. What an interrupted
set-up left behind is cleared by the next one.

Only the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK, VENV, OWN = ROOT / "requirements.lock", ROOT / ".venv", ROOT / "nof"
BEGUN, READY = ".begun", ".ready"
PROJECT = ["--no-deps", "--no-index", "--no-build-isolation", "--editable"]


# ---------------------------------------------------------------- the lock


def blocks(lock: str) -> list[str]:
    """The lock's text cut into its requirements, each with its hashes; a package may stand twice, for two Pythons."""
    return re.findall(r"^[A-Za-z0-9][^\n]*(?:\n[ \t]+[^\n]*)*\n?", lock, re.MULTILINE)


def of_uv(block: str) -> bool:
    """Whether a requirement of the lock is uv itself."""
    return block.startswith("uv==")


# ---------------------------------------------------------------- pip's settings for uv


def settings_of_pip(python: Path) -> dict[str, str]:
    """What pip is set to, from its files and variables: option to value, the last word of pip's own order."""
    said = _ask(python, "-m", "pip", "config", "list")
    lines = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.*)$", said, re.MULTILINE)
    found: dict[str, str] = {}
    for part in ("global", "install", ":env:"):
        found |= {name: str(ast.literal_eval(value)) for where, name, value in lines if where == part}
    return found


HANDED_ON = {  # pip's option: uv's variable, the variables that settle the same for uv, and what stands between values
    "index-url": ("UV_DEFAULT_INDEX", ("UV_INDEX_URL",), None),
    "extra-index-url": ("UV_INDEX", ("UV_EXTRA_INDEX_URL",), " "),
    "find-links": ("UV_FIND_LINKS", (), ","),
    "trusted-host": ("UV_INSECURE_HOST", (), " "),
    "cert": ("SSL_CERT_FILE", (), None),
    "client-cert": ("SSL_CLIENT_CERT", (), None),
    "proxy": ("ALL_PROXY", ("HTTPS_PROXY", "https_proxy", "all_proxy"), None),
    "keyring-provider": ("UV_KEYRING_PROVIDER", (), None),
    "timeout": ("UV_HTTP_TIMEOUT", (), None),
}


def for_uv(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that let uv reach the index that pip is set to; what is set for uv itself is left as it is.

    uv reads neither pip's files nor its variables. Asking every index, as pip does, is safe here: hashes decide.
    """
    given: dict[str, str] = {}
    for option, (variable, others, between) in HANDED_ON.items():
        value = pip.get(option, "").strip()
        if value and not any(environment.get(name) for name in (variable, *others)):
            given[variable] = between.join(value.split()) if between else value
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        given["UV_NO_INDEX"] = "1"
    if bundle := environment.get("REQUESTS_CA_BUNDLE"):
        given.setdefault("SSL_CERT_FILE", environment.get("SSL_CERT_FILE") or bundle)
    if "UV_INDEX_STRATEGY" not in environment:
        given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return given


# ---------------------------------------------------------------- the environment


def environment_python(folder: Path) -> Path:
    """Where a virtual environment has its Python."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    """Where a virtual environment of this Python keeps its packages."""
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "installed_base": str(folder)}))


def made(folder: Path) -> Path:
    """The virtual environment's Python; an environment that is half made, or of another Python, is made anew."""
    python = environment_python(folder)
    version = _ask(python, "-c", "import sys, pip; print(tuple(sys.version_info[:2]))").strip()
    if not (folder / BEGUN).exists() and version == str(tuple(sys.version_info[:2])):
        (folder / BEGUN).touch()
        return python
    folder.mkdir(exist_ok=True)
    (folder / BEGUN).touch()  # made first and removed last: while it stands, the folder is not to be relied on
    for path in folder.iterdir():
        if path.name != BEGUN:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _run([sys.executable, "-m", "venv", str(folder)])
    return python


def _ask(python: Path, *words: str) -> str:
    """What a Python says, or nothing if it cannot."""
    try:
        done = subprocess.run([str(python), *words], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


# ---------------------------------------------------------------- the two installers


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment)


def _works(command: list[str], environment: Mapping[str, str] | None = None) -> bool:
    return subprocess.run(command, env=environment).returncode == 0


class Installer:
    """Installs a lock into one Python: with uv where that can be, else with pip."""

    def __init__(self, python: Path, lock: str, own: bool) -> None:
        self.python, self.blocks, self.own = python, blocks(lock), own
        self.folder = tempfile.TemporaryDirectory(prefix="set-up-")
        # --user, if pip is set to it, is refused in a virtual environment.
        self.environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
        self.pip = [str(python), "-m", "pip"]
        self.uv = [str(python), "-m", "uv", "--quiet", "--no-progress"]
        self.uv_environment = self.environment | for_uv(settings_of_pip(python), os.environ)

    def locked(self, name: str, some: list[str]) -> str:
        """A file with some requirements of the lock."""
        path = Path(self.folder.name) / name
        path.write_text("\n".join(block.rstrip() for block in some) + "\n", encoding="utf-8")
        return str(path)

    def pip_installs(self, file: str, *more: str) -> list[str]:
        """pip's command for the requirements of a file: as locked, and nothing that they ask for."""
        return [*self.pip, "install", "--quiet", "--no-deps", "--require-hashes", *more, "-r", file]

    def has_uv(self) -> bool:
        """Fetch uv itself, the one package for which pip is always asked."""
        wanted = self.locked("uv.txt", [block for block in self.blocks if of_uv(block)])
        return _works(self.pip_installs(wanted, "--only-binary=:all:"), self.environment)

    def with_uv(self) -> bool:
        """Let uv install the lock; in an environment of our own it also removes what is no longer locked."""
        wanted = self.locked("all.txt", self.blocks)
        verb = ["sync", wanted] if self.own else ["install", "--no-deps", "-r", wanted]
        words = ["--python", str(self.python), "--require-hashes", "--no-build", "--compile-bytecode"]
        return _works([*self.uv, "pip", *verb, *words], self.uv_environment)

    def install(self) -> None:
        """Packages, then the project itself, then the check that all of it fits together."""
        if self.has_uv() and self.with_uv():
            tool, check, checked = self.uv, ["pip", "check"], ["--python", str(self.python)]
            _run([*tool, "pip", "install", *checked, *PROJECT, str(ROOT)], self.uv_environment)
            _run([*tool, *check, *checked], self.uv_environment)
        else:
            print(
                "set-up: not through uv (its words are above); pip installs the same lock, which takes longer",
                flush=True,
            )
            wanted = self.locked("rest.txt", [block for block in self.blocks if not of_uv(block)])
            _run(self.pip_installs(wanted), self.environment)
            _run([*self.pip, "install", "--quiet", *PROJECT, str(ROOT)], self.environment)
            _run([*self.pip, "check"], self.environment)
        # Where Python may not write it (PYTHONDONTWRITEBYTECODE, a folder of others), each start would compile anew.
        if OWN.is_dir():
            _run([str(self.python), "-m", "compileall", "-q", str(OWN)])


def set_up_venv() -> None:
    """Make or mend .venv. A failure that changed nothing (no network) leaves a working environment as it was."""
    stood = site_packages(VENV).stat().st_mtime_ns if site_packages(VENV).is_dir() else None
    (VENV / READY).unlink(missing_ok=True)
    python = made(VENV)
    try:
        Installer(python, LOCK.read_text(encoding="utf-8"), own=True).install()
    except subprocess.CalledProcessError:
        if site_packages(VENV).stat().st_mtime_ns == stood:
            (VENV / BEGUN).unlink()
        raise
    (VENV / READY).touch()
    (VENV / BEGUN).unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--here", action="store_true", help="into the Python that runs this (conda, a container)")
    here = parser.parse_args().here
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever `python3` is on a machine comes here first
        print(f"set-up: Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12")
        return 2
    try:
        if here:
            Installer(Path(sys.executable), LOCK.read_text(encoding="utf-8"), own=False).install()
        else:
            set_up_venv()
    except subprocess.CalledProcessError as error:
        print(f"set-up: this failed, its words are above: {' '.join(map(str, error.cmd))}")
        print("set-up: run it again when that is mended")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
