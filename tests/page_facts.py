"""Whether each number of a page's prose comes from the facts, or stands in the notebook as words somebody wrote.

`nof.show.say` leaves with each output which texts it filled in and whose facts they are. What is left of the output are
the words of the template; a number among them must stand in the template as it is read. A sentence that some function
composed leaves no such record, so its numbers come from nowhere.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import mistune
import nbformat
import yaml
from conftest import ROOT

from nof.briefing import document
from nof.show.say import environment, say

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_MARKER = re.compile(r"^\s*\d+[.)] ", re.MULTILINE)  # the number of a list's item


class Unfounded(NamedTuple):
    """A number of a page's prose that no fact gave: where it stands, the number, and what is wrong with it."""

    place: str
    number: str
    why: str


def is_converted(notebook: Any) -> bool:
    """Whether a notebook holds its words."""
    return any(cell.cell_type == "code" and cell.source.lstrip().startswith("%%say") for cell in notebook.cells)


def templates(cell: Any) -> list[str]:
    """The texts of a code cell that `say` fills in: the body of `%%say`, or the strings in calls of say(...)."""
    if cell.source.startswith("%%say"):
        return [cell.source.partition("\n")[2]]
    if cell.source.startswith("%%"):
        return []
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    said = [
        call.args[0]
        for call in calls
        if getattr(call.func, "id", getattr(call.func, "attr", "")) == "say" and call.args
    ]
    return [node.value for node in said if isinstance(node, ast.Constant)]


def literal(template: str) -> str:
    """The words of a template: without its expressions, blocks and comments."""
    return "".join(value for _, kind, value in environment().lex(template) if kind == "data")


def parameters(notebook: Any) -> set[str]:
    """Names that the parameters cell sets."""
    cells = [cell for cell in notebook.cells if "parameters" in (cell.metadata.get("tags") or [])]
    return {
        node.targets[0].id
        for cell in cells
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def numbers_without_facts(notebook: Any, page: str = "") -> list[Unfounded]:
    """Numbers in the prose of an executed notebook, and of the page made of it, that come from nowhere.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.
    page : str
        The HTML page of it; its paragraphs and items hold no number that the notebook's prose does not.
    """
    given, found, prose = parameters(notebook), [], []
    for number, cell in enumerate(notebook.cells):
        place = f"cell {number}"
        if document.DESK in (cell.metadata.get("tags") or []):
            continue
        if cell.cell_type == "markdown":
            prose.append(cell.source)
            continue
        written = Counter(NUMBER.findall(" ".join(map(literal, templates(cell) if cell.source else []))))
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                prose.append(output.data["text/markdown"])
                found += _of_output(place, output, written, given)
    return found + list(_only_on_the_page(page, prose))


def _of_output(place: str, output: Any, written: Counter, given: set[str]) -> Iterator[Unfounded]:
    told = output.metadata.get("nof", {})
    text = output.data["text/markdown"]
    if "filled" not in told:
        yield from (Unfounded(place, number, "was written by a function") for number in NUMBER.findall(text))
        return
    for name in sorted(set(told["beside"]) - given):
        for root, value in told["filled"]:
            if root.split(".")[0] == name and NUMBER.search(value):
                yield Unfounded(place, value, f"comes from the variable {name}, which is no fact and no parameter")
    if "questions" in told:
        written = written + _questions(told["questions"])
    mask = _filled(text, told["filled"])
    for match in NUMBER.finditer(_MARKER.sub(lambda m: " " * len(m[0]), text) if "questions" in told else text):
        inside = mask[match.start() : match.end()]
        if all(inside):
            continue
        if any(inside):
            yield Unfounded(place, match[0], "stands partly in a fact and partly in the words")
        elif not written[match[0]]:
            yield Unfounded(place, match[0], "stands neither in the facts nor in the template")


def _filled(text: str, filled: list[list[str]]) -> list[bool]:
    """For each character whether it was filled in; what was filled in stands in the order of the record."""
    mask, start = [False] * len(text), 0
    for name, value in filled:
        value = " ".join(value.split()) if value not in text else value
        at = text.find(value, start) if value else start
        assert at >= 0, f"what was filled in for {name} is not in the text: {value!r}"
        mask[at : at + len(value)] = [True] * len(value)
        start = at + len(value)
    return mask


def _questions(ids: list[str]) -> Counter:
    entries = yaml.safe_load((ROOT / "data" / "questions.yaml").read_text(encoding="utf-8"))["questions"]
    return Counter(NUMBER.findall(" ".join(literal(one["ask"]) for one in entries if one["id"] in ids)))


def _only_on_the_page(page: str, prose: list[str]) -> Iterator[Unfounded]:
    """Numbers of the page's paragraphs and items that no prose of the notebook holds."""
    from bs4 import BeautifulSoup

    if not page:
        return
    main = BeautifulSoup(page, "html.parser").find("main")
    for other in main.select("figure, table, dl, .remark, .box, pre, details"):
        other.decompose()
    shown = BeautifulSoup("\n".join(map(str, map(mistune.html, prose))), "html.parser")
    there = set(NUMBER.findall(shown.get_text(" ")))
    for block in main.select("p, li, h2, h3, h4"):
        for number in NUMBER.findall(block.get_text(" ")):
            if number not in there:
                yield Unfounded("the page", number, f"stands in no prose of the notebook: {block.get_text()[:60]}")


def share_from_the_notebook(notebook: Any) -> float:
    """Share of the words of a page's prose that stand in the notebook: Markdown cells and what `say` filled in."""
    ours = others = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            ours += len(cell.source.split())
        for output in cell.get("outputs", []):
            words = len(output.get("data", {}).get("text/markdown", "").split())
            if "filled" in output.get("metadata", {}).get("nof", {}):
                ours += words
            else:
                others += words
    return ours / max(ours + others, 1)


def said(notebook: str, names: str, *facts: Any) -> str:
    """The words of those cells of a notebook that begin with `%%say names`, with these facts."""
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    texts = [cell.source.partition("\n") for cell in cells if cell.source.startswith("%%say")]
    return "\n\n".join(
        say(text, list(facts)).markdown for head, _, text in texts if head.removeprefix("%%say").strip() == names
    )
