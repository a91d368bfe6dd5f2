"""Change the rules one place at a time and count the changes that no test notices (`make mutants`).

mutmut does the work, in a copy of what the tests need, so that nothing is left behind in the repository. Its settings
are in pyproject.toml; how to read what it says, and the mutants that survive for a reason, are in docs/testing.md.

    python tools/mutants.py [FOLDER]    the copy goes to FOLDER (kept, so that a second run is short) or a temporary one
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = [
    "nof",
    "tests",
    "data/frameworks",
    "data/reference",
    "data/questions.yaml",
    "notebooks",
    "params",
    "helpers.py",
    "pyproject.toml",
]
NOTICED = ("killed", "timeout", "segfault")
IGNORED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


def copy_into(folder: Path) -> None:
    """Bring the copy up to date; the real files, where they are beside the repository, stand beside mutmut's tree too."""
    for name in NEEDED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=IGNORED)
        else:
            shutil.copy(source, target)
    shared = ROOT.parent / "shared"
    if shared.is_dir() and not (folder / "shared").exists():
        (folder / "shared").symlink_to(shared)


def mutmut(folder: Path, *words: str, capture: bool = False) -> str:
    """Run a command of mutmut in the copy; its output if that is wanted."""
    run = subprocess.run(
        [sys.executable, "-m", "mutmut", *words],
        cwd=folder,
        check=True,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    return run.stdout or ""


def verdicts(folder: Path) -> dict[str, str]:
    """What became of each mutant."""
    lines = (
        line.strip().rsplit(": ", 1) for line in mutmut(folder, "results", "--all", "true", capture=True).splitlines()
    )
    return dict(line for line in lines if len(line) == 2)


def report(found: dict[str, str]) -> int:
    """Print a line a module; 1 if in one of them fewer than nine of ten were noticed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, verdict in found.items():
        counts[name.split(".x")[0]][verdict] += 1
    poor = 0
    for module, count in sorted(counts.items()):
        noticed = sum(count[one] for one in NOTICED) / count.total()
        poor |= noticed < 0.9
        print(f"{module}: {count.total()} mutants, {noticed:.1%} noticed ({dict(count)})")
    return int(poor)


def main(folder: Path) -> int:
    """Run it all; the exit code of `report`."""
    copy_into(folder)
    mutmut(folder, "run")
    found = verdicts(folder)
    for name in (name for name, verdict in found.items() if verdict not in NOTICED):
        print(mutmut(folder, "show", name, capture=True))
    return report(found)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        place = Path(sys.argv[1])
        place.mkdir(parents=True, exist_ok=True)
        sys.exit(main(place))
    with tempfile.TemporaryDirectory(prefix="nof-mutants-") as made:
        sys.exit(main(Path(made)))
