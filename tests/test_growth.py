"""bench/growth.py makes publications of other sizes; each has to be one that opens, or nothing is measured."""

from __future__ import annotations

import ast
import importlib
import importlib.util

import pytest
from conftest import ROOT

from nof.demo.folder import build
from nof.method import opening


@pytest.fixture
def growth(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    spec = importlib.util.spec_from_file_location("bench_growth", ROOT / "bench" / "growth.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fewer_and_more_trusts_and_other_quarters_open(growth, tmp_path):
    few = growth.with_trusts(build()[0], 9)
    sizes = {"few": few, "more": growth.with_trusts(few, 30), "one": growth.with_quarters(few, 1)}
    sizes["long"] = growth.with_quarters(few, 6)
    opened = {
        name: opening.open_publication(growth.written(one, tmp_path / name)).publication for name, one in sizes.items()
    }
    counts = {name: one.trusts.groupby("quarter")["trust_code"].nunique().max() for name, one in opened.items()}
    assert counts["one"] == counts["long"] == counts["few"] < counts["more"]
    assert len(opened["one"].quarters) == 1 and len(opened["long"].quarters) == 6
    assert all(one.illustrative for one in opened.values())


@pytest.mark.parametrize("path", [*ROOT.glob("bench/*.py"), *ROOT.glob("tools/*.py")], ids=lambda path: path.stem)
def test_what_a_script_imports_of_ours_is_there(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nof":
            module = importlib.import_module(node.module)
            for one in node.names:
                assert hasattr(module, one.name) or importlib.import_module(f"{node.module}.{one.name}")
