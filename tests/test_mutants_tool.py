"""The tool behind `make mutants`: what it copies, and how it counts."""

from __future__ import annotations

import importlib.util
import tomllib

import pytest
from conftest import ROOT


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tools" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdicts(killed: int, survived: int) -> dict[str, str]:
    names = [f"nof.rules.scoring.x_spread__mutmut_{number}" for number in range(killed + survived)]
    return dict(zip(names, ["killed"] * (killed - 1) + ["timeout"] + ["survived"] * survived, strict=True))


@pytest.mark.parametrize(("killed", "survived", "code"), [(9, 1, 0), (89, 11, 1)])
def test_fewer_than_nine_noticed_of_ten_fail(tool, capsys, killed, survived, code):
    assert tool.report(verdicts(killed, survived)) == code
    assert f"nof.rules.scoring: {killed + survived} mutants" in capsys.readouterr().out


def test_one_poor_module_is_not_made_up_for_by_another(tool):
    poor = {"nof.rules.ranking.x_override__mutmut_1": "survived"}
    assert tool.report(verdicts(99, 1) | poor) == 1 and tool.report(verdicts(99, 1)) == 0


def test_results_are_read_line_by_line(tool, monkeypatch, tmp_path):
    monkeypatch.setattr(
        tool,
        "mutmut",
        lambda *_, **__: "    nof.rules.scoring.x_spread__mutmut_1: killed\n\n    nof.a.x_b__mutmut_2: no tests\n",
    )
    assert tool.verdicts(tmp_path) == {
        "nof.rules.scoring.x_spread__mutmut_1": "killed",
        "nof.a.x_b__mutmut_2": "no tests",
    }


def test_the_copy_holds_all_that_the_settings_name_and_is_brought_up_to_date(tool, tmp_path):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    tool.copy_into(tmp_path)
    (tmp_path / "nof" / "old.py").write_text("")
    tool.copy_into(tmp_path)
    wanted = settings["only_mutate"] + settings["also_copy"] + settings["pytest_add_cli_args_test_selection"]
    assert [name for name in wanted if not (tmp_path / name).exists()] == [] and not (
        tmp_path / "nof" / "old.py"
    ).exists()
    scoring = "nof/rules/scoring.py"
    assert (tmp_path / scoring).read_bytes() == (ROOT / scoring).read_bytes()
