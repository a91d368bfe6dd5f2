"""Tags in a PDF that Typst has no words for: the cells that name their row.

Typst tags the header row of a table, and every cell says by id which header it stands under. A cell that names its row
(a trust, a metric) becomes a header too, with scope Row, and the other cells of its row refer to it: a screen reader
then says "Average score, Ashvale Trust: 2.31" wherever in the table it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from nof.errors import NofError


def name_rows(pdf: Pdf, heads: Sequence[Sequence[int]]) -> None:
    """Make headers of the cells that name their row; changes the document.

    Parameters
    ----------
    pdf : pikepdf.Pdf
        As Typst writes it.
    heads : sequence of sequences of int
        For each table in the order of the document, the positions of the columns that name the row (may be none).

    Raises
    ------
    NofError
        The document holds another number of tables: no row would be named rightly.
    """
    root = pdf.Root.StructTreeRoot
    tables = list(elements(root.K, "/Table"))
    if len(tables) != len(heads):
        raise NofError(f"the PDF was tagged with {len(tables)} tables where {len(heads)} were set")
    made: dict[bytes, Object] = {}
    for number, (table, columns) in enumerate(zip(tables, heads, strict=True), start=1):
        if columns:
            for y, row in enumerate(_rows(table)):
                made |= _name_row(list(row.K), columns, f"R{number}y{y}")
    if made:
        _register(root.IDTree, made)


def elements(node: Object, kind: str) -> Iterator[Object]:
    """Structure elements of one kind in the order of the document, without looking inside them."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Array):
            waiting.extend(reversed(list(node)))
        elif isinstance(node, Dictionary) and "/S" in node:
            if kind == node.S:
                yield node
            elif "/K" in node:
                waiting.append(node.K)


def _rows(table: Object) -> Iterator[Object]:
    for body in table.K:
        if body.S == "/TBody":
            yield from body.K


def _name_row(cells: list[Object], columns: Sequence[int], key: str) -> dict[bytes, Object]:
    """Turn the cells of these columns into headers of their row; gives the new headers by id."""
    named = {x: f"{key}x{x}".encode() for x in columns}
    for x, cell in enumerate(cells):
        facts = _facts(cell)
        if x in named:
            cell.S, cell.ID, facts.Scope = Name.TH, String(named[x]), Name.Row
        else:
            facts.Headers.extend(String(one) for one in named.values())
    return {name: cells[x] for x, name in named.items()}


def _facts(cell: Object) -> Object:
    """What the cell says of its place in the table; a cell with a background says that beside it."""
    held = cell.A
    return next(one for one in held if one.O == "/Table") if isinstance(held, Array) else held


def _register(tree: Object, made: dict[bytes, Object]) -> None:
    """Add ids to the tree by which a reader finds an element; its names must stand in order."""
    names = list(tree.Names)
    known = {bytes(name): element for name, element in zip(names[::2], names[1::2], strict=True)} | made
    tree.Names = Array([one for name in sorted(known) for one in (String(name), known[name])])
