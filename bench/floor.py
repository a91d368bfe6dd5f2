"""The floor for bench/single.py: the same cells, figures and pages in one process, with no notebook run at all."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from nof import common
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.pdf import BriefingPDFExporter
from nof.method import opening
from nof.show import charts
from nof.show.say import Names, fill


def shown(source: str, names: dict) -> list:
    """Run a cell's code; the outputs that its last value or `show` gives."""
    import ast

    if source.startswith("%%say"):
        head, _, template = source.partition("\n")
        return [bundle(fill(template, Names.of(eval(f"[{head.removeprefix('%%say')}]", names), names)))]
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    names["_shown"] = kept = []
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return [bundle(one) for one in [*kept, value] if hasattr(one, "_repr_mimebundle_")]


def bundle(one) -> nbformat.NotebookNode:
    """What a kernel would have sent for an object."""
    found = one._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def main(data: str, quarter: str, folder: str, *trusts: str) -> None:
    """Make each trust's HTML and PDF."""
    opening.open_publication(Path(data))
    names: dict = {}
    charts.display = lambda one: names["_shown"].append(one)  # what a cell shows is kept, not printed
    html, pdf = BriefingHTMLExporter(), BriefingPDFExporter()
    source = nbformat.read(common.notebooks() / "trust_briefing.ipynb", 4)
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for trust in trusts:
        notebook = nbformat.from_dict(source)
        names.clear()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = shown(cell.source, names), 1
                if "parameters" in cell.metadata.get("tags", []):
                    names |= {"quarter": quarter, "data": data, "trust": trust}
        if not sum(len(cell.get("outputs", [])) for cell in notebook.cells):
            raise RuntimeError(f"{trust}: nothing was shown, so this is no floor")
        (out / f"{trust}.html").write_text(html.from_notebook_node(notebook)[0])
        (out / f"{trust}.pdf").write_bytes(pdf.from_notebook_node(notebook)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
