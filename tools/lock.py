"""Write requirements.lock and tests/fuzz.lock from pyproject.toml, or with --check say whether they still fit.

Universal locks: every platform, Python 3.11 and newer, with hashes. What is locked stays locked unless pyproject.toml
no longer allows it; `--upgrade` takes the newest of everything. `tools/install.py` installs what they name.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"requirements.lock": ["pyproject.toml", "--all-extras"], "tests/fuzz.lock": ["--group", "fuzz"]}
COMMAND = [
    "-m",
    "uv",
    "pip",
    "compile",
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-strip-extras",  # so that a pip that resolves finds what is asked for with an extra, too
    "--no-emit-index-url",
    "--quiet",
]


def compile_into(path: Path, of: list[str], *more: str) -> None:
    """Let uv resolve what pyproject.toml asks for into a file, keeping the versions that stand there."""
    subprocess.run([sys.executable, *COMMAND, *of, *more, "--output-file", str(path)], cwd=ROOT, check=True)


def check() -> int:
    """0 if the locks fit pyproject.toml, else 1 with what to do."""
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, of in LOCKS.items():
            fresh = Path(folder) / Path(name).name
            shutil.copy(ROOT / name, fresh)
            compile_into(fresh, of)
            if fresh.read_text() != (ROOT / name).read_text():
                print(f"{name} no longer fits pyproject.toml: run `make lock` and commit what it writes")
                code = 1
    return code


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check())
    for name, of in LOCKS.items():
        compile_into(ROOT / name, of, *[word for word in sys.argv[1:] if word == "--upgrade"])
