"""From an executed notebook to a tagged PDF (PDF/UA-1), through Typst.

The Typst compiler is inside the ``typst`` wheel: no system package, no browser, no LaTeX. Its root
is a temporary folder that holds only the template, the figures and one JSON file, so that nothing
else can be read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from nof.briefing import blocks, document
from nof.briefing.blocks import Boxed, Cards, Document, Figure, NewPage, Prose, Tabular, Verbatim
from nof.briefing.columns import BETWEEN_PT, fitted
from nof.briefing.exporter import BriefingExporter
from nof.briefing.markdown_typst import breakable, convert, literal
from nof.common import NofError
from nof.show import style
from nof.show.fonts import drawable, text_width, typst_fonts
from nof.show.words import ILLUSTRATIVE, ILLUSTRATIVE_WORDS, dateline

# --- Tags in a PDF that Typst has no words for: the cells that name their row ---


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


# --- From an executed notebook to a tagged PDF (PDF/UA-1), through Typst ---


TEMPLATE = Path(__file__).parent / "templates" / "briefing.typ"
# A last page that is filled less than this far is set again: tighter where it holds little, else with more room. Not in
# long briefings, where one page in many matters little and setting them twice takes long.
_FILLED, _SPILLED, _FEW_PAGES = 0.55, 0.25, 8
# Where a briefing asks for a new page it gets one, unless that leaves a page less than this full, of the whole sheet.
_THIRD = 0.38  # a third of what lies between the margins, and the upper margin
_LONG_LEAD = 320  # characters: a longer paragraph may part from what it leads to
# Where a briefing has no date: Typst writes none, and the file's internal stamp must still be fixed.
_NO_DATE = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)


class FigureWithoutAltError(NofError):
    """A figure has no alt text, so a PDF that everyone can read cannot be made."""

    def __init__(self, cell: str):
        self.cell = cell
        super().__init__(
            f"{cell}: a figure has no alt text, and an accessible PDF needs one. "
            "Show it with nof.show.display.Chart.from_figure(figure, alt=..., caption=...)"
        )


class TypstFailedError(NofError):
    """Typst refused the document; the message is its own."""


class BriefingPDFExporter(BriefingExporter):
    """nbconvert exporter: ``jupyter nbconvert --to briefing-pdf notebook.ipynb``.

    Raises FigureWithoutAltError, naming the first cell whose figure has no alt text, and TypstFailedError with Typst's own
    message.
    """

    export_from_notebook = "Briefing (PDF)"
    output_mimetype = "application/pdf"
    ending = ".pdf"

    def rendered(self, doc: Document) -> bytes:
        """A document as the bytes of a PDF."""
        return render(doc)


def render(doc: Document) -> bytes:
    """A document as PDF; the same document gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="nof-pdf-") as folder:
        root = Path(folder).resolve()
        body, tables, cards = _body(doc, root)
        source(root, f"{_template()}\n{body}\n#nof-end\n")
        return _packed(_set(root, _stamp(doc.meta), _data(doc.meta, tables, cards)), _row_headers(doc, tables))


class _Pages(NamedTuple):
    """A PDF, its number of pages, how far down its last one the text goes (0 to 1), and each that was ended early."""

    document: bytes
    pages: int
    fill: float
    ended: tuple[float, ...] = ()


def _set(root: Path, stamp: dt.datetime, data: dict[str, Any]) -> bytes:
    """The pages with the new ones that were asked for, where that leaves none nearly empty."""
    parted = _settled(root, stamp, data | {"parted": True})
    if parted.ended and min(*parted.ended, parted.fill) < _THIRD:
        return _settled(root, stamp, data | {"parted": False}).document
    return parted.document


def _settled(root: Path, stamp: dt.datetime, data: dict[str, Any]) -> _Pages:
    """The pages set snugly; where that leaves the last one nearly empty, a little tighter or with more room."""
    snug = _laid_out(root, stamp, data | {"room": "snug"})
    if snug.fill >= _FILLED or not 1 < snug.pages <= _FEW_PAGES:
        return snug
    if snug.fill < _SPILLED:
        tight = _laid_out(root, stamp, data | {"room": "tight"})
        if tight.pages < snug.pages:
            return tight
    roomy = _laid_out(root, stamp, data | {"room": "roomy"})
    return roomy if roomy.pages == snug.pages and roomy.fill > snug.fill else snug


def _laid_out(root: Path, stamp: dt.datetime, data: dict[str, Any]) -> _Pages:
    (root / "data.json").write_text(json.dumps(data), encoding="utf-8")
    made = _compile(root / "main.typ", root, stamp)
    end = json.loads(_compiler().query("<nof-end>", field="value", one=True, root=root))  # of what was compiled last
    breaks = json.loads(_compiler().query("<nof-break>", field="value", root=root))
    return _Pages(made, end["page"], end["at"], tuple(one["at"] for one in breaks))


def _row_headers(doc: Document, tables: list[list[dict]]) -> list[tuple[int, ...]]:
    """For each table in the order of the document, the columns that name the row; none in a table from Markdown."""
    waiting = iter(tables)
    found: list[tuple[int, ...]] = []
    for block in doc.blocks:
        if isinstance(block, Prose | Boxed):
            found += [()] * _tables_in(block.tokens)
        elif isinstance(block, Tabular):
            found += [tuple(x for x, c in enumerate(part["columns"]) if c["row_header"]) for part in next(waiting)]
    return found


def _tables_in(tokens: list[dict[str, Any]]) -> int:
    return sum((token["type"] == "table") + _tables_in(token.get("children") or []) for token in tokens)


def _packed(document: bytes, row_headers: list[tuple[int, ...]]) -> bytes:
    """The same document with row headers, its structure tree in compressed object streams: a quarter of the size."""
    packed = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as pdf:
        name_rows(pdf, row_headers)
        pdf.save(packed, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
    return packed.getvalue()


@lru_cache(maxsize=1)
def _template() -> str:
    return TEMPLATE.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _compiler() -> Any:
    import typst

    return typst.Compiler(font_paths=typst_fonts(), ignore_system_fonts=True)


_STARTED_IN: set[int] = set()


def _compile(main: Path, root: Path, stamp: dt.datetime) -> bytes:
    return typeset(main, root, format="pdf", pdf_standards="ua-1", timestamp=stamp)


def source(root: Path, text: str) -> Path:
    """Write a source where Typst reads it, marked at its end by what it holds.

    The compiler keeps the source before, and takes in what differs. Where the last difference is a character of several
    bytes whose last ones are the same (é and ĩ), it takes that for no difference, and sets the old one (Typst 0.15); so
    that the last difference is one of the mark.
    """
    path = root / "main.typ"
    path.write_text(f"{text}\n// {hashlib.sha256(text.encode()).hexdigest()}\n", encoding="utf-8")
    return path


def typeset(main: Path, root: Path, **how: Any) -> bytes:
    """What Typst makes of a `source`: a PDF, or a picture (`format="png"`).

    Raises
    ------
    TypstFailedError
        Typst could not make it, broke down, or was started in a parent process before it forked.
    """
    import typst

    # Typst's threads do not survive a fork: a child would wait for them for ever.
    if _STARTED_IN and os.getpid() not in _STARTED_IN:
        raise TypstFailedError(
            "Typst was used in the parent process before it forked; make PDFs only in the children, "
            "or only in the parent (nof.show.fonts.warm() is safe before forking)"
        )
    _STARTED_IN.add(os.getpid())
    try:
        return _compiler().compile(main, root=root, **how)
    except typst.TypstError as error:
        hints = " ".join(getattr(error, "hints", None) or [])
        raise TypstFailedError(
            f"Typst could not make the {how['format'].upper()}: {error.message} {hints}".strip()
        ) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        _compiler.cache_clear()  # it would refuse everything from now on
        raise TypstFailedError(f"Typst broke down over the {how['format'].upper()}: {error}") from error


def _stamp(meta: blocks.Meta) -> dt.datetime:
    return dt.datetime.combine(meta.date, dt.time(), tzinfo=dt.UTC) if meta.date else _NO_DATE


def _data(meta: blocks.Meta, tables: list, cards: list) -> dict[str, Any]:
    """What the template reads: plain text, numbers and colours."""
    lang, _, region = meta.lang.partition("-")
    day = meta.date
    said = {
        "title": meta.title,
        "subtitle": meta.subtitle,
        "source": meta.source_line,
        "licence": meta.licence_line,
        "independent": meta.independent_line,
        "run_id": meta.run_id,
        "dateline": dateline(day),
    }
    return {
        "meta": {key: breakable(drawable(text)) for key, text in said.items()}
        | {
            "author": [drawable(meta.independent_line)] if meta.independent_line else [],
            "date": {"year": day.year, "month": day.month, "day": day.day} if day else None,
            "illustrative": meta.illustrative,
            "contents": meta.contents,
            "landscape": meta.landscape,
            "lang": lang,
            "region": region or None,
        },
        "look": _look(),
        "illustrative": ILLUSTRATIVE,
        "illustrative_words": ILLUSTRATIVE_WORDS,
        "title_size": _title_size(drawable(meta.title)),
        "tables": tables,
        "between": BETWEEN_PT,
        "cards": cards,
    }


def _title_size(title: str) -> float:
    """Points at which a title fits one line, down to 17; one that needs two lines is set at 20."""
    fits = style.TEXT_WIDTH_MM * style.POINTS_PER_MM / (1.02 * text_width(title, "700") or 1)
    return round(min(22.0, fits), 1) if fits >= 17 else 20.0


def _look() -> dict[str, Any]:
    return {
        "font": style.FONT,
        "body": style.BODY_PT,
        "small": style.SMALL_PT,
        "ink": style.INK,
        "quiet": style.QUIET,
        "rule": style.RULE,
        "wash": style.WASH,
        "accent": style.ACCENT,
        "warning_ink": style.WARNING_INK,
        "warning_wash": style.WARNING_WASH,
        "highlight": style.HIGHLIGHT,
        "tones": style.TONES,
    }


def _body(doc: Document, root: Path) -> tuple[str, list, list]:
    """Typst source of the blocks, and the tables and cards that it refers to by position."""
    parts: list[str] = []
    tables: list[list[dict]] = []
    cards: list[list[dict]] = []
    for number, (block, following) in enumerate(zip_longest(doc.blocks, doc.blocks[1:])):
        if isinstance(block, Prose):
            parts.append(_prose(block.tokens, isinstance(following, Tabular | Figure)))
        elif isinstance(block, Boxed):
            inside = convert([token for token in block.tokens if token["type"] != "blank_line"])
            parts.append(f"#nof-box({literal(block.remark)})[{inside}]\n")
        elif isinstance(block, Figure):
            parts.append(_figure(block, number, root, doc.meta.landscape))
        elif isinstance(block, Tabular):
            parts.append(f"#nof-table({len(tables)})\n")
            tables.append(fitted(block.data, doc.meta.landscape))
        elif isinstance(block, Cards):
            parts.append(f"#nof-card({len(cards)})\n")
            cards.append(_strip(block.data["items"]))
        elif isinstance(block, NewPage):
            parts.append("#nof-new-page()\n")
        elif isinstance(block, Verbatim):
            call = "nof-error" if block.kind == "error" else "nof-verbatim"
            parts.append(f"#{call}({literal(breakable(drawable(block.text)))})\n")
    return "\n".join(parts), tables, cards


def _prose(tokens: list[dict[str, Any]], leads: bool) -> str:
    """Markdown in Typst; a last paragraph that leads to a figure or table keeps with it."""
    tokens = [token for token in tokens if token["type"] != "blank_line"]
    if not (leads and tokens) or tokens[-1]["type"] != "paragraph" or len(document.flat(tokens[-1:])) > _LONG_LEAD:
        return convert(tokens)
    return f"{convert(tokens[:-1])}#nof-lead[{convert(tokens[-1:])}]\n"


def _card(item: Mapping[str, Any], width: float) -> dict[str, Any]:
    """Texts of one key figure, and the size at which its value fits one line (if 9 points do)."""
    texts = {key: breakable(drawable(style.clean(item.get(key, "")))) for key in ("label", "value", "note")}
    return texts | {"size": round(max(9.0, min(17.0, width / (text_width(texts["value"], "600") or 1))), 1)}


def _strip(items: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    across = min(4, len(items)) or 1
    gaps, insets = 3.0 * style.POINTS_PER_MM * (across - 1), 16.0 * across
    width = (style.TEXT_WIDTH_MM * style.POINTS_PER_MM - gaps - insets) / across
    return [_card(item, width) for item in items]


def _figure(figure: Figure, number: int, root: Path, landscape: bool) -> str:
    if not figure.alt:
        raise FigureWithoutAltError(figure.cell)
    name = f"figure-{number}.{figure.kind}"
    drawing = figure.data
    if figure.kind == "svg":
        drawing = style.tidy(drawing.decode(), text=drawable).encode()
    (root / name).write_bytes(drawing)
    caption = literal(breakable(drawable(figure.caption))) if figure.caption else "none"
    width = width_mm(figure, landscape)
    return f"#nof-figure({literal(name)}, {literal(drawable(figure.alt))}, {caption}, {width:.2f}mm, auto)\n"


def width_mm(figure: Figure, landscape: bool = False) -> float:
    """Width on paper: as asked for, or the text width, less where the page would be too short."""
    width, height = figure.width_mm, figure.height_mm
    if not width or not height:
        points = style.dimensions(figure.data.decode()) if figure.kind == "svg" else _pixels(figure.data)
        width, height = (length / style.POINTS_PER_MM for length in points)
    wide, tall = style.LANDSCAPE_MM if landscape else (style.TEXT_WIDTH_MM, style.TEXT_HEIGHT_MM)
    shrink = min(1.0, wide / width, tall / height)
    return width * shrink


def _pixels(data: bytes) -> tuple[float, float]:
    """Size of a raster picture in points, at 110 pixels to the inch (as notebooks show them)."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        return 72 / 110 * picture.width, 72 / 110 * picture.height
