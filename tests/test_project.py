"""The project itself: one place for versions, notebooks without outputs, no address of an index."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import grimp
import pytest
import yaml
from conftest import ROOT

import helpers
from nof import explore

LOCK = (ROOT / "requirements.lock").read_text()


def locked() -> set[str]:
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[A-Za-z0-9,_-]+\])?==", LOCK, re.MULTILINE)}


def test_the_lock_holds_every_dependency_with_hashes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for group in project["optional-dependencies"].values() for one in group]
    wanted = {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in project["dependencies"] + extras}
    assert wanted <= locked()
    blocks = re.split(r"\n(?=[A-Za-z])", LOCK.strip())
    assert len(blocks) > 100 and all("--hash=sha256:" in block for block in blocks)


def test_conda_takes_every_version_from_the_lock_and_resolves_nothing():
    text = (ROOT / "environment.yml").read_text()
    asked = yaml.safe_load(text)["dependencies"]
    assert all(isinstance(one, str) for one in asked), "a pip section resolves: it cannot be told --no-deps"
    assert "python tools/install.py --here" in text
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    bounds = [re.fullmatch(rf"python{python},<3\.\d+", one) for one in asked if one.startswith("python")]
    assert len(bounds) == 1 and bounds[0], "from the oldest Python allowed to the newest tried"
    assert not [one for one in asked if "=" in one and not one.startswith("python")], "versions belong in the lock"


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def test_no_index_address_and_no_real_file_is_committed():
    files = tracked()
    if not files:
        pytest.skip("not a git checkout")
    marks = re.compile("--(?:extra-)?index" + "-url|/sim" + "ple/|files[.]python" + "hosted")
    for name in files:
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 5_000_000 and path.name != "test_project.py":
            assert not marks.search(path.read_text(encoding="utf-8", errors="ignore")), name
    assert not [
        name
        for name in files
        if name.endswith(".csv") and not name.startswith(("data/reference/", "tests/golden/", "params/own-values-demo"))
    ]


def test_helpers_is_a_short_list_of_names_without_logic():
    source = (ROOT / "helpers.py").read_text()
    assert len(source.splitlines()) <= 150
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    assert all(isinstance(node, kinds) for node in ast.parse(source).body)


@pytest.mark.parametrize(
    "code", ["import helpers", "import sys; sys.argv = ['nof', '--help']; from nof.cli import main; main()"]
)
def test_what_draws_or_renders_is_loaded_by_who_needs_it(code):
    heavy = (
        "matplotlib",
        "PIL",
        "IPython.core.interactiveshell",
        "duckdb",
        "scipy.stats",
        "typst",
        "pikepdf",
        "nbconvert",
        "nof.demo.values",
        "nof.method.opening",
        "nof.explore",
    )
    if "--help" in code:
        heavy += "pandas", "numpy"
    probe = f"import atexit, sys; atexit.register(lambda: print('LOADED', [one for one in {heavy} if one in sys.modules])); {code}"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stdout[-300:] + done.stderr


def test_a_name_is_imported_when_it_is_first_used_and_once():
    probe = (
        "import helpers, sys; before = 'nof.method.opening' in sys.modules; found = helpers.open_publication; "
        "print(before, found.__module__, vars(helpers)['open_publication'] is found, set(helpers.__all__) <= set(dir(helpers)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "nof.method.opening", "True", "True"], done.stderr
    with pytest.raises(AttributeError, match="module 'helpers' has no attribute 'open_vieww'"):
        _ = helpers.open_vieww
    assert all(hasattr(module, name) for module in (helpers, explore) for name in module.__all__)


def test_a_room_imports_only_rooms_before_it():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "1 kept, 0 broken" in done.stdout, done.stdout


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph("nof", exclude_type_checking_imports=True, cache_dir=None)
    own = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}

    def reached(start: str) -> set[str]:
        """Every module that one imports, directly or not."""
        seen, waiting = set(), [start]
        while waiting:
            for name in own[waiting.pop()] - seen:
                seen.add(name)
                waiting.append(name)
        return seen

    assert len(own) > 50 and [name for name in own if name in reached(name)] == []
