"""The documentation, held to be true: every command and code block runs, every link leads somewhere, lists agree.

A page is tried from top to bottom in a working copy of its own. A block that is not run says why in a comment above it,
and its commands are still checked for their targets, subcommands and options.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
import yaml
from clone import Clone, thin_demo
from conftest import ROOT
from PIL import Image

import helpers
from nof.cli import app

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKED = [*PAGES, ROOT / "DEVIATIONS.md", ROOT / "CHANGELOG.md", *ROOT.glob("SECURITY.md")]
ELSEWHERE = {"operations.md"}  # its commands need a server; tests/test_deploy.py tries what can be tried of them
NOT_RUN = {
    "README.md": 2,
    "CONTRIBUTING.md": 1,
    "tutorial.md": 1,
    "new-quarter.md": 2,
    "new-framework-year.md": 1,
    "schedule-it.md": 1,
    "on-a-cluster.md": 1,
    "hand-it-to-a-colleague.md": 1,
    "publication-day.md": 1,
}
FENCE = re.compile(r"^(?:<!-- (not run|file): (.+?) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RAP = {"baseline": 5, "silver": 9, "gold": 4}


class Block(NamedTuple):
    """A fenced block: its language, its text, and what the comment above it says."""

    language: str
    text: str
    mark: str
    note: str


def blocks(path: Path) -> list[Block]:
    return [
        Block(language, text, mark, note)
        for mark, note, language, text in FENCE.findall(path.read_text(encoding="utf-8"))
    ]


def tried(path: Path) -> list[Block]:
    """Blocks of a page to run; `text` shows what somebody sees, and is no code."""
    return [one for one in blocks(path) if one.language != "text" and one.mark != "not run"]


def try_block(clone: Clone, block: Block) -> subprocess.CompletedProcess | None:
    """Do with a block what its reader would do."""
    if block.mark == "file":
        (clone.home / block.note).write_text(block.text, encoding="utf-8")
        yaml.safe_load(block.text)
        return None
    if block.language == "sh":
        return clone.run("bash", "-euo", "pipefail", "-c", block.text)
    assert block.language == "diff", f"a block in {block.language or 'no language'} that nobody tries"
    (clone.home / "change.diff").write_text(block.text, encoding="utf-8")
    return clone.run("git", "apply", "change.diff")


def passed(done: subprocess.CompletedProcess | None, text: str) -> None:
    assert done is None or done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("path", [page for page in PAGES if tried(page)], ids=lambda path: path.stem)
def test_every_block_of_a_page_runs(path, tmp_path):
    clone = Clone(tmp_path / "clone")
    mine = thin_demo(clone.home / "my-downloads")  # stands for files that somebody downloaded
    (mine / "ILLUSTRATIVE").unlink()
    said = []  # Python blocks of a page build on each other, as in one session: each runs after those before it
    for block in tried(path):
        if block.language == "python":
            said.append(block.text)
            continue
        if said:
            passed(clone.run(".venv/bin/python", "-c", "\n".join(said)), "\n".join(said))
            said = []
        passed(try_block(clone, block), block.text)
    if said:
        passed(clone.run(".venv/bin/python", "-c", "\n".join(said)), "\n".join(said))


def test_what_is_not_run_says_why_and_is_little():
    found = {path.name: [one for one in blocks(path) if one.mark == "not run"] for path in PAGES}
    assert {name: len(kept) for name, kept in found.items() if kept} == NOT_RUN
    assert all(len(one.note) > 15 for kept in found.values() for one in kept)


def test_no_code_stands_outside_a_fence():
    for path in PAGES:
        if path.name in ELSEWHERE:
            continue
        text = FENCE.sub("", path.read_text(encoding="utf-8"))
        assert not re.search(r"\n\n(?: {4}|\t)(?![-*\d])\S", text), f"{path.name}: an indented block"
        assert "```" not in text, f"{path.name}: a fence that is not recognised"


def commands() -> dict[str, set[str]]:
    """Every nof command with its options."""
    found, pending = {}, [("", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        inner = getattr(command, "commands", {})
        pending += [(f"{name} {word}".strip(), one) for word, one in inner.items()]
        if not inner:
            found[name] = {option for one in command.params for option in one.opts if option.startswith("-")} | {
                "--help"
            }
    return found


def test_what_is_not_run_names_only_what_exists(tmp_path):
    known = commands()
    lines = [line for path in PAGES for one in blocks(path) if one.mark == "not run" for line in one.text.splitlines()]
    for line in (re.sub(r"\s+#.*", "", line) for line in lines):
        words = line.split()
        if words[0] == "make":
            done = subprocess.run(
                ["make", "-n", "-o", ".venv/.ready", *words[1:]], cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
        if words[0].endswith("/nof"):
            name = " ".join(words[1:3]) if " ".join(words[1:3]) in known else words[1]
            assert {word for word in words if word.startswith("--")} <= known[name], line
    assert len(lines) > 10


def anchors(path: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).strip().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{path.name}: {target}"


def test_every_page_is_linked_from_the_readme_or_from_a_page_that_is():
    text = "\n".join(path.read_text(encoding="utf-8") for path in LINKED)
    for path in PAGES[2:]:
        assert path.name in text, path


def test_the_picture_is_small_and_made_up_data_is_called_so():
    found = sorted((ROOT / "docs" / "pictures").glob("*"))
    assert found and all(path.suffix == ".png" and path.stat().st_size < 200_000 for path in found)
    assert all(Image.open(path).width >= 700 for path in found)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count("docs/pictures/") == 1 and "No figure in the picture is real" in readme


def test_the_rap_table_has_its_18_items_each_with_a_file():
    rows = re.findall(
        r"^\| (baseline|silver|gold) \| (.+?) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert {level: sum(row[0] == level for row in rows) for level in RAP} == RAP
    assert all("](" in row[2] or row[2].startswith("git") for row in rows)


def tool(name: str):
    """A script of tools/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == tool("reference").page(), "run make reference"
    assert all(f"### nof {name}\n" in page for name in commands())


def test_the_tables_of_what_was_measured_are_up_to_date():
    for page, text in tool("bench_table").pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name}: run tools/bench_table.py"


def test_the_growth_tables_take_their_figures_from_the_results(tmp_path):
    made = tool("bench_table")
    assert "Not measured yet" in made.grown(tmp_path)
    part = {
        "sizes": {"4": {"read": 1.5, "peak MB": 400}, "1000": {"read": 3.25, "peak MB": 1800}},
        "exponents": {"read": 0.14, "peak MB": 0.27},
    }
    (tmp_path / "growth.json").write_text(
        json.dumps(
            {
                "date": "2026-01-31",
                "machine": "2 cores",
                "quarters": part | {"trusts": 205},
                "trusts": part | {"quarters": 4},
            }
        )
    )
    page = made.grown(tmp_path)
    assert "| quarters of history, 205 trusts | 4 | 1,000 | exponent |" in page
    assert page.count("| read | 1.50 | 3.25 | 0.14 |") == 2 and "| peak MB | 400 | 1,800 | 0.27 |" in page


def test_the_benchmark_table_takes_its_figures_from_the_results(tmp_path):
    made = tool("bench_table")
    result = {
        "publication": "demo",
        "trusts": 205,
        "date": "2026-01-31",
        "machine": "2 cores",
        "with_pdf": True,
        "seconds": {"stock": 24.0, "floor": 8.0, "ours, nothing kept": 6.0, "ours, results kept": 3.0},
        "rounds": {"stock": [24, 24, 25]},
        "all trusts": {"ours": {"seconds": 99.6, "cpu_seconds": 180.0, "peak_mb": 432}},
    }
    (tmp_path / "single-demo.json").write_text(json.dumps(result))
    (tmp_path / "other.json").write_text("{}")
    page = made.filled("a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n", made.table(made.results(tmp_path)))
    row = "| demo, 205 trusts | 24.0 | 8.0 | 6.0 | 3.0 | 4.0, 8.0 | 0.75 | 205 in 100 s, 432 MB a worker |"
    assert row in page and "medians of 3 rounds" in page
    assert "old" not in page and "2 cores" in page and page.startswith("a\n") and page.endswith("b\n")
    assert "Not measured yet" in made.table([])


def test_helpers_reads_like_a_table_of_contents():
    public = {name for name in dir(helpers) if not name.startswith("_")}
    assert public == set(helpers.__all__) and len(helpers.__all__) == len(public)
    lines = [line for line in helpers.__doc__.splitlines() if line.startswith("    ")]
    wanted = [(name, (inspect.getdoc(getattr(helpers, name)) or "").split("\n")[0]) for name in helpers.__all__]
    assert [tuple(line.split(maxsplit=1)) for line in lines] == wanted
    assert all(len(line) <= 120 for line in lines)


def test_pre_commit_names_no_host():
    given = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {one["repo"] for one in given["repos"]} == {"local"}
    hooks = [hook for one in given["repos"] for hook in one["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff", "nbstripout"} and {hook["language"] for hook in hooks} == {
        "system"
    }
