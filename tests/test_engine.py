"""A forked warm copy shows what an ordinary kernel shows: the oracle is the kernel itself."""

from __future__ import annotations

import json

import nbformat
import pytest
import tiny

from nof.briefing import gate, make

CELLS = (
    "import sys\nfrom nof.show.display import Words\nprint('one')\nprint('two', end='')",
    "Words('*shown*')",
    "from IPython.display import display, clear_output",
    "print('before')\ndisplay(Words('between'))\nprint('after')\n5 + 5",
    "None",
    "'quiet';",
    "x = 3\nx",
    "print('a warning', file=sys.stderr)\n_ + 1",
    "display('gone')\nclear_output()\n'kept'",
    "import asyncio\nawait asyncio.sleep(0)\n__name__",
    "{'b': 2, 'a': given}",
    "",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NOF_NOTEBOOKS", str(tmp_path))
    return tmp_path


def job(folder, *cells, cold=False, **parameters):
    nbformat.write(tiny.notebook("Cells", ["given"], *cells), folder / "cells.ipynb")
    return make.Job("cells", "cells", {"given": "here"} | parameters, {"title": "Cells"}, cold, timeout=60)


def test_outputs_are_those_of_an_ordinary_kernel(folder):
    warm, cold = (nbformat.writes(make.executed(job(folder, *CELLS, cold=cold))) for cold in (False, True))
    assert warm == cold
    outputs = [cell.outputs for cell in nbformat.reads(warm, as_version=4).cells if cell.cell_type == "code"]
    kinds = [[one.output_type for one in shown] for shown in outputs]
    assert ["stream", "display_data", "stream", "execute_result"] in kinds
    shown = str(outputs)
    assert "a warning" not in shown and "here" in shown and "gone" not in shown and "kept" in shown


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_an_error_names_cell_and_cause_and_stops_the_notebook(folder, cold):
    broken = job(folder, "1 / 0", f"open({str(folder / 'reached')!r}, 'w')", cold=cold)
    with pytest.raises(make.BriefingFailed, match=r"cell \d: ZeroDivisionError: division by zero"):
        make.executed(broken)
    assert not (folder / "reached").exists()


@pytest.mark.parametrize("cell", ["this is no python", "raise SystemExit(1)", "import no_such_package"])
def test_whatever_goes_wrong_in_a_cell_is_a_failed_briefing(folder, cell):
    with pytest.raises(make.BriefingFailed):
        make.executed(job(folder, cell))


def test_a_parameter_that_the_notebook_does_not_have_is_an_error(folder):
    with pytest.raises(make.BriefingFailed, match="cells.ipynb has no parameter colour; it has given"):
        make.executed(job(folder, "1", colour="red"))


def test_the_engine_puts_back_what_it_replaces(folder):
    import sys

    before = sys.modules["__main__"], sys.displayhook, sys.stdout, list(sys.path)
    make.executed(job(folder, "left_over = 1"))
    assert (sys.modules["__main__"], sys.displayhook, sys.stdout, list(sys.path)) == before
    with pytest.raises(make.BriefingFailed, match="NameError"):
        make.executed(job(folder, "left_over"))


CHANCE = "import random\nimport numpy as np\nrandom.random(), np.random.rand()"
SETTING = "import matplotlib as mpl\nimport numpy as np\nimport pandas as pd"
SHOWN = "pd.Series([1 / 3] * 9), np.array([1 / 3]), mpl.rcParams['font.size']"
SET = "pd.options.display.max_rows = 3\nnp.set_printoptions(precision=1)\nmpl.rcParams['font.size'] = 40"


def test_what_one_notebook_sets_or_draws_by_chance_does_not_shape_the_next(folder):
    def shown(*cells):
        return [cell.get("outputs") for cell in make.executed(job(folder, *cells)).cells][-2:]

    alone = shown(SETTING, CHANCE, SHOWN)
    assert shown(SETTING, CHANCE, SET, SHOWN)[-1] != alone[-1]
    assert shown(SETTING, CHANCE, SHOWN) == alone


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[]), "cell 0 shows an error"),
        (
            nbformat.v4.new_output("stream", name="stderr", text="Traceback (most recent call last)"),
            "cell 0 shows an error",
        ),
        (nbformat.v4.new_output("stream", name="stdout", text="fine"), None),
    ],
)
def test_the_gate_finds_an_error_left_in_a_notebook(output, said):
    cell = nbformat.v4.new_code_cell("1", execution_count=1, outputs=[output])
    found = gate.check_notebook(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode())
    assert found == ([said] if said else [])


def test_the_gate_finds_a_notebook_that_was_not_run_or_cannot_be_read():
    unrun = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    assert gate.check_notebook(nbformat.writes(unrun).encode()) == ["cell 0 was not run"]
    assert gate.check_notebook(b"{}") and gate.check_notebook(b"\xff")
    unrun.cells[0].outputs = [{"output_type": "no such kind"}]
    assert gate.check_notebook(json.dumps(unrun).encode()) == ["cannot be read: NotebookValidationError"]


def test_an_error_that_a_notebook_lets_pass_keeps_its_page_from_being_sent(folder):
    notebook = tiny.notebook("Cells", ["given"], "1 / 0")
    notebook.cells[-1].metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, folder / "cells.ipynb")
    with pytest.raises(make.BriefingFailed):
        gate.checked(make.Job("cells", "cells", {"given": "x"}, {"title": "Cells"}, cold=True, timeout=60))
