"""The drill in its short form: slips at random on the demo, none of them silent; and that the drill can see a silent one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from nof import demo
from nof.method import opening
from nof.read import findings

TOOL = Path(__file__).parent.parent / "tools" / "drill.py"
SEED, COUNT = 20251125, 8


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("drill", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drill(tool, tmp_path_factory):
    data = demo.ensure(tmp_path_factory.mktemp("demo") / "demo")
    return tool.Drill(data, "mental-health-and-community", tmp_path_factory.mktemp("work"))


def test_no_slip_is_silent(tool, drill):
    table, silent = tool.run(drill, SEED, COUNT)
    assert not silent
    assert table.to_numpy().sum() == COUNT
    assert table[["refused", "shown"]].to_numpy().sum() > COUNT / 2


def test_the_same_seed_is_the_same_slip(tool, drill):
    name = sorted(tool.KINDS)[0]
    assert drill.outcome(name, 7) == drill.outcome(name, 7)


def test_the_drill_sees_a_slip_that_no_check_would_name(tool, drill, monkeypatch):
    monkeypatch.setattr(opening, "findings_of", lambda national: findings.none())
    monkeypatch.setattr("nof.read.publication._scrutinised", lambda _, *frames: (*frames[:2], findings.none()))
    assert drill.outcome("values of two trusts exchanged", 1)[0] == "silent"


def test_saving_a_file_in_another_way_changes_no_figure(tool, drill):
    assert {drill.outcome("saved in another way", seed)[0] for seed in range(3)} <= {"without effect"}
