"""Our notebooks as a reader, an analyst and an editor of words need them: short cells, no functions, numbers from facts.

The rules on words hold for each notebook that holds its words, from the moment it does (`page_facts.is_converted`).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise

import nbformat
import page_facts
import pytest
import tiny
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell

from nof import common, demo
from nof.briefing import document, html, make
from nof.show.display import Words
from nof.show.say import say

NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
CONVERTED = [name for name, notebook in NOTEBOOKS.items() if page_facts.is_converted(notebook)]
LINES = 15  # of a cell of code
# Numbers that a sentence may hold as words: no result of a quarter's files is among them.
WORDS = [
    r"20\d\d/\d\d",  # a financial year
    r"\bQ[1-4]\b",
    r"[(,;] ?(?:19|20)\d\d(?=[);,])",  # the year of a work that is cited: (Brennan, 2001)
    r"\bOF\d{4}\b",  # a metric's id
    r"\b[14]\.00\b",  # the ends of the scale
    r"\b95% (?:interval|confidence)",  # NHS England's likely range
    r"\b[Ss]egments? [1-5](?:(?:,| to| or| and) [1-5])*\b(?!\.\d)",
    r"\b[Ll]evel [12]\b",
    r"\bscored? (?:from |of )?[1-4](?: to [1-4])?\b(?!\.\d)",
    r"^\s*(?:#+ )?\d+[.)] ",  # the number of a section or of a list's item
]
_WORDS = re.compile("|".join(WORDS), re.MULTILINE)
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b|\bcolou?r\s*=|\brgb\(")
PATH = re.compile(r"(?:^|[\"'])(?:\.{0,2}/|~|[A-Za-z]:\\)")
MARKUP = re.compile(r"</?[a-zA-Z!]|\bstyle\s*=|&\w+;")


def code(source: str) -> ast.Module:
    """The Python of a cell; of a cell of words, what stands on its first line."""
    if source.startswith("%%say"):
        return ast.parse(f"[{source.partition(chr(10))[0].removeprefix('%%say')}]")
    assert not source.startswith(("%", "!")), "no magic but %%say"
    return ast.parse(source)


def faults(notebook) -> list[str]:
    """What is wrong with a notebook of ours, whether it holds its words yet or not."""
    found = [] if notebook.cells[0].cell_type == "markdown" else ["does not begin with words"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    found += [] if len(tagged) == 1 else [f"has {len(tagged)} cells of parameters"]
    ids = [cell.get("id") for cell in notebook.cells]
    found += [] if len(set(ids)) == len(ids) else ["gives an id twice"]
    for cell in cells:
        found += [f"{cell.source.splitlines()[0] if cell.source else 'empty'!r}: {fault}" for fault in _of_code(cell)]
    for above, cell in pairwise(cells):
        if document.DESK in cell.metadata.get("tags", []) and not _names(above, ast.Store) & _names(cell, ast.Load):
            found.append(f"{cell.source.splitlines()[0]!r}: looks at a frame that the cell above it does not make")
    return found


def _names(cell, use: type[ast.expr_context]) -> set[str]:
    return {one.id for one in ast.walk(code(cell.source)) if isinstance(one, ast.Name) and isinstance(one.ctx, use)}


def _of_code(cell):
    if cell.outputs or cell.execution_count is not None:
        yield "stores outputs"
    if not cell.source.startswith("%%say") and len(cell.source.splitlines()) > LINES:
        yield f"is longer than {LINES} lines"
    for node in ast.walk(code(cell.source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield "defines a function or a class"
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        if set(names) - {"helpers"}:
            yield f"imports {', '.join(map(str, names))}; helpers is all that a notebook imports"


def faults_of_words(notebook) -> list[str]:
    """What is wrong with a notebook that holds its words: what nobody who rewords it should meet, and typed numbers."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", []):
            continue
        texts = [cell.source] if cell.cell_type == "markdown" else page_facts.templates(cell)
        strings = [] if cell.cell_type == "markdown" else _strings(cell.source)
        for what, mark, where in (
            ("a colour", COLOUR, [cell.source]),
            ("HTML or CSS", MARKUP, [*map(page_facts.literal, texts), *strings]),
            ("a path", PATH, strings),
        ):
            found += [f"cell {number}: holds {what}: {hit[0]!r}" for text in where if (hit := mark.search(text))]
        for text in texts:
            typed = page_facts.NUMBER.findall(_WORDS.sub(" ", page_facts.literal(text)))
            found += [f"cell {number}: the number {one} is typed; let a fact give it" for one in typed]
    return found


def _strings(source: str) -> list[str]:
    return [
        node.value for node in ast.walk(code(source)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_short_cells_of_calls(name):
    assert faults(NOTEBOOKS[name]) == []


@pytest.mark.parametrize("name", CONVERTED)
def test_a_notebook_holds_words_and_no_typed_results(name):
    assert faults_of_words(NOTEBOOKS[name]) == []


# ---------------------------------------------------------------- the rules themselves


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (new_code_cell("def f():\n    pass"), "defines a function"),
        (new_code_cell("key = lambda row: row"), "defines a function"),
        (new_code_cell("%%say (lambda: {})()\nx"), "defines a function"),
        (new_code_cell("import pandas"), "imports pandas"),
        (new_code_cell("from nof.show import say"), "imports nof.show"),
        (new_code_cell("x = 1\n" * 16), "is longer than 15 lines"),
        (new_code_cell("x", execution_count=3), "stores outputs"),
        (new_code_cell("x = 1", metadata={"tags": ["parameters"]}), "has 2 cells of parameters"),
        (
            new_code_cell("places.head()", metadata={"tags": ["look"]}),
            "looks at a frame that the cell above it does not make",
        ),
    ],
)
def test_a_cell_that_breaks_a_rule_is_found(cell, fault):
    good = tiny.notebook("Fine", ["given"], "import helpers", "%%say\nwords\n" + "more\n" * 20)
    assert faults(good) == []
    good.cells.append(cell)
    assert any(fault in one for one in faults(good))


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (new_markdown_cell("Of 61 trusts many lie together."), "the number 61 is typed"),
        (new_code_cell("%%say sure\nFor {{ apart }} of 61 trusts."), "the number 61 is typed"),
        (new_code_cell('show(say("""Level is 0.9.""", sure))'), "the number 0.9 is typed"),
        (new_code_cell("%%say sure\nAt 90% they can."), "the number 90 is typed"),
        (new_markdown_cell("Since 31 March the rules changed."), "the number 31 is typed"),
        (new_markdown_cell("<b>bold</b>"), "holds HTML or CSS"),
        (new_code_cell('show(chart, color="red")'), "holds a colour"),
        (new_code_cell('chart("#12ab34")'), "holds a colour"),
        (new_code_cell('read("../data/x.csv")'), "holds a path"),
        (new_code_cell('read("/tmp/x.csv")'), "holds a path"),
    ],
)
def test_words_that_break_a_rule_are_found(cell, fault):
    good = tiny.notebook("Fine", ["given"])
    good.cells += [
        new_markdown_cell("## 1. Sure?\n\nSegments 1 to 4, segment 3, a score of 1.00, Q4 2025/26, OF0082, level 2 (Laird and Louis, 1989).\n\n1. x"),
        new_code_cell("%%say sure\n{% if gap > 0.1 %}The 95% interval holds {{ gap | number(2) }}; two < three.{% endif %}"),
        new_code_cell('show(charts.places(places, panel_rows=67), tables.league(league, caption="The first 5 / 10"))'),
    ]  # fmt: skip
    assert faults_of_words(good) == []
    good.cells.append(cell)
    assert any(fault in one for one in faults_of_words(good))


# ---------------------------------------------------------------- numbers on a page


def shown(source: str, *words: Words):
    cell = new_code_cell(source)
    for one in words:
        data, metadata = one._repr_mimebundle_()
        cell.outputs.append(nbformat.v4.new_output("display_data", data, metadata=metadata))
    return cell


def executed(*cells):
    made = tiny.notebook("Page", [])
    made.cells[1].source = "level = 0.95"
    made.cells += cells
    return made


def found(*cells, page: str = "") -> list[tuple[str, str]]:
    return [(one.number, one.why) for one in page_facts.numbers_without_facts(executed(*cells), page)]


FACTS = {"apart": 12, "trusts": 61, "names": ["Ash 7", "Birch"], "rows": [{"rank": 3}, {"rank": 33}]}


def test_numbers_of_facts_parameters_and_templates_have_their_source():
    template = "## 2. Apart\n\n{{ apart | of(trusts) }} at {{ level | percent }} since 2025/26, {{ names | listed }}: {% for r in rows %}{{ r.rank }} {% endfor %}"
    assert found(shown(f"%%say facts\n{template}", say(template, FACTS, level=0.95))) == []
    assert found(new_markdown_cell("Since 2025/26.")) == []


@pytest.mark.parametrize(
    ("cell", "number", "why"),
    [
        (shown("words.headline(league)", Words("12 of 61")), "12", "was written by a function"),
        (
            shown("n = 5", say("{{ apart }} of {{ n }}", FACTS, n=5)),
            "5",
            "comes from the variable n, which is no fact and no parameter",
        ),
        (
            shown("%%say facts\n{{ apart }} here", say("{{ apart }} of 61 here", FACTS)),
            "61",
            "stands neither in the facts nor in the template",
        ),
        (
            shown("%%say facts\n{{ apart }}5 here", say("{{ apart }}5 here", FACTS)),
            "125",
            "stands partly in a fact and partly in the words",
        ),
    ],
)
def test_a_number_from_nowhere_is_found(cell, number, why):
    assert (number, why) in found(cell)


def test_a_number_that_only_the_page_holds_is_found_outside_tables_figures_and_boxes():
    cell = shown("%%say facts\n{{ apart }}", say("{{ apart }}", FACTS))
    notebook = executed(cell)
    page = html.BriefingHTMLExporter().from_notebook_node(notebook)[0]
    assert found(cell, page=page) == []
    wrong = page.replace("<p>12</p>", "<p>12</p><p>13</p><table><tr><td>14</td></tr></table><ul><li>15</li></ul>")
    assert [one for one, _ in found(cell, page=wrong)] == ["13", "15"]


def test_words_of_a_notebook_and_of_functions_are_weighed():
    ours = shown("%%say facts\none two three", say("one two three", FACTS))
    notebook = executed(ours, shown("words.f()", Words("four")))
    notebook.cells = notebook.cells[2:]
    assert page_facts.share_from_the_notebook(notebook) == 0.75


# ---------------------------------------------------------------- our own pages


@dataclass(frozen=True)
class Made:
    notebook: nbformat.NotebookNode
    page: str


@pytest.fixture(scope="session")
def pages():
    """Each converted notebook, executed on the demo publication, with its page; each is made when first asked for."""
    kept: dict[str, Made] = {}
    folder = demo.ensure(common.share("data", "demo"))

    def page(name: str) -> Made:
        if name not in kept:
            wanted = page_facts.parameters(NOTEBOOKS[name])
            given = {"quarter": "2025-26-q4", "data": str(folder), "trust_type": "acute", "trust": "X0A"}
            given = {key: value for key, value in given.items() if key in wanted}
            notebook = make.executed(make.Job(name, name, given, {"title": name}))
            kept[name] = Made(notebook, make.exporter("html").from_notebook_node(notebook)[0])
        return kept[name]

    return page


@pytest.mark.parametrize("name", CONVERTED)
def test_each_number_of_a_pages_prose_comes_from_facts(name, pages):
    made = pages(name)
    assert page_facts.numbers_without_facts(made.notebook, made.page) == []


@pytest.mark.parametrize("name", CONVERTED)
def test_three_quarters_of_a_pages_prose_stand_in_the_notebook(name, pages):
    assert page_facts.share_from_the_notebook(pages(name).notebook) >= 0.75
