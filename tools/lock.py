"""Write requirements.lock from pyproject.toml, or with --check say whether it still fits.

One universal lock: every platform, Python 3.11 and newer, with hashes. What is locked stays locked unless
pyproject.toml no longer allows it; `--upgrade` takes the newest of everything.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
COMMAND = [
    "-m",
    "uv",
    "pip",
    "compile",
    "pyproject.toml",
    "--all-extras",
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--quiet",
]


def compile_into(path: Path, *more: str) -> None:
    """Let uv resolve pyproject.toml into a file, keeping the versions that stand there."""
    subprocess.run([sys.executable, *COMMAND, *more, "--output-file", str(path)], cwd=ROOT, check=True)


def check() -> int:
    """0 if the lock fits pyproject.toml, else 1 with what to do."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / LOCK.name
        shutil.copy(LOCK, fresh)
        compile_into(fresh)
        if fresh.read_text() == LOCK.read_text():
            return 0
    print("requirements.lock no longer fits pyproject.toml: run `make lock` and commit what it writes")
    return 1


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check())
    compile_into(LOCK, *[word for word in sys.argv[1:] if word == "--upgrade"])
