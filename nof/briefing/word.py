"""From an executed notebook to a Word document that a board's secretary can edit: headings, tables and pictures as Word's own.

Headings are Word's headings, table headers repeat on each page, pictures carry their alt text, and the document says its
title and language. The same notebook gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docx
from docx.document import Document as Word
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from nof.briefing import blocks, document, formula
from nof.briefing.blocks import Boxed, Cards, Document, Figure, Prose, Tabular, Verbatim
from nof.briefing.exporter import BriefingExporter
from nof.briefing.pdf import FigureWithoutAltError, source, typeset, width_mm
from nof.show import style
from nof.show.fonts import drawable
from nof.show.words import ILLUSTRATIVE, ILLUSTRATIVE_WORDS, dateline

PPI = 200  # of a picture
FONT = "Arial"  # on every machine that has Word; the house typeface is not
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip entry can hold
_NO_DATE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_LINK = re.compile(r"(https?://|mailto:)[^\s\"<>\\]+", re.IGNORECASE)


class BriefingDocxExporter(BriefingExporter):
    """nbconvert exporter: ``jupyter nbconvert --to briefing-docx notebook.ipynb``.

    Raises FigureWithoutAltError, naming the first cell whose figure has no alt text.
    """

    export_from_notebook = "Briefing (Word)"
    output_mimetype = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    ending = ".docx"

    def rendered(self, doc: Document) -> bytes:
        """A document as the bytes of a Word file."""
        return render(doc)


def render(doc: Document) -> bytes:
    """A document as a Word file."""
    return _Writer(doc).bytes()


class _Writer:
    """Writes the blocks of one document one after another."""

    def __init__(self, doc: Document):
        self.doc, self.word = doc, docx.Document()
        self.counts = {"Figure": 0, "Table": 0}
        self._set_up(self.word)
        self._front()
        for block in doc.blocks:
            self._block(block)

    def bytes(self) -> bytes:
        """The file, without a time of making in it."""
        made, settled = io.BytesIO(), io.BytesIO()
        self.word.save(made)
        with zipfile.ZipFile(made) as old, zipfile.ZipFile(settled, "w") as new:
            for name in old.namelist():
                entry = zipfile.ZipInfo(name, _TIME)
                entry.create_system = 3
                new.writestr(entry, old.read(name), zipfile.ZIP_DEFLATED)
        return settled.getvalue()

    # ---- the document as a whole ----

    def _set_up(self, word: Word) -> None:
        meta, core = self.doc.meta, word.core_properties
        day = dt.datetime.combine(meta.date, dt.time(), tzinfo=dt.UTC) if meta.date else _NO_DATE
        core.title, core.subject, core.language = meta.title, meta.subtitle, meta.lang
        core.author, core.last_modified_by, core.comments = meta.independent_line, "", ""
        core.created = core.modified = day
        page = word.sections[0]
        page.orientation, sheet = (
            (WD_ORIENT.LANDSCAPE, (297, 210)) if meta.landscape else (WD_ORIENT.PORTRAIT, (210, 297))
        )
        page.page_width, page.page_height = map(Mm, sheet)
        page.left_margin = page.right_margin = Mm((210 - style.TEXT_WIDTH_MM) / 2)
        page.top_margin = page.bottom_margin = Mm(18)
        self._styles(word, meta.lang)
        if meta.illustrative:
            header = page.header.paragraphs[0]
            header.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            self._run(header, ILLUSTRATIVE, bold=True, colour=style.WARNING_INK)
        lines = [
            meta.source_line,
            meta.licence_line,
            meta.independent_line,
            f"Run {meta.run_id}" if meta.run_id else "",
        ]
        footer = page.footer.paragraphs[0]
        self._run(footer, "  ·  ".join(filter(None, lines)) + "  ·  Page ", small=True)
        _field(footer, "PAGE")

    @staticmethod
    def _styles(word: Word, lang: str) -> None:
        normal = word.styles["Normal"]
        normal.font.name, normal.font.size = FONT, Pt(10)
        normal.paragraph_format.space_after = Pt(6)
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), lang)
        normal.element.get_or_add_rPr().append(language)
        for level in range(1, 7):
            head = word.styles[f"Heading {level}"]
            head.font.name, head.font.size = FONT, Pt({1: 20, 2: 14, 3: 12}.get(level, 10.5))
            head.font.color.rgb = _colour(style.INK if level == 1 else style.ACCENT)
            head.element.rPr.rFonts.attrib.clear()
            head.element.rPr.rFonts.set(qn("w:ascii"), FONT)
            head.element.rPr.rFonts.set(qn("w:hAnsi"), FONT)
        caption = word.styles["Caption"]
        caption.font.name, caption.font.size, caption.font.color.rgb = FONT, Pt(9.5), _colour(style.INK)
        caption.paragraph_format.keep_with_next = True

    def _front(self) -> None:
        meta = self.doc.meta
        self.word.add_heading(meta.title, 1)
        for text in (meta.subtitle, dateline(meta.date)):
            if text:
                self._run(self.word.add_paragraph(), text, colour=style.QUIET)
        if meta.illustrative:
            warning = self.word.add_paragraph()
            _shade(warning._p.get_or_add_pPr(), style.WARNING_WASH)
            self._run(warning, f"{ILLUSTRATIVE}. ", bold=True, colour=style.WARNING_INK)
            self._run(warning, ILLUSTRATIVE_WORDS, colour=style.WARNING_INK)

    # ---- blocks ----

    def _block(self, block: blocks.Block) -> None:
        if isinstance(block, Prose):
            self._tokens(block.tokens)
        elif isinstance(block, Boxed):
            self._run(self.word.add_paragraph(), block.remark, italic=True, colour=style.QUIET)
            self._tokens(block.tokens, style="Intense Quote")
        elif isinstance(block, Figure):
            self._figure(block)
        elif isinstance(block, Tabular):
            self._table(block.data)
        elif isinstance(block, Cards):
            self._cards(block.data)
        elif isinstance(block, Verbatim):
            for line in block.text.splitlines():
                self._run(self.word.add_paragraph(), line, mono=True)

    def _caption(self, kind: str, text: str) -> None:
        if text:
            self.counts[kind] += 1
            self._run(self.word.add_paragraph(style="Caption"), f"{kind} {self.counts[kind]}  {text}")

    def _figure(self, figure: Figure) -> None:
        if not figure.alt:
            raise FigureWithoutAltError(figure.cell)
        self._caption("Figure", figure.caption)
        picture = (
            self.word.add_paragraph()
            .add_run()
            .add_picture(io.BytesIO(_pixels(figure)), width=Mm(width_mm(figure, self.doc.meta.landscape)))
        )
        described = picture._inline.docPr
        described.set("descr", figure.alt)
        described.set("name", f"Figure {self.counts['Figure']}")

    def _cards(self, data: Mapping[str, Any]) -> None:
        rows = [[item["label"], item["value"], item.get("note") or ""] for item in data["items"]]
        columns = [
            {"label": text, "align": "left", "row_header": not n} for n, text in enumerate(("Figure", "Value", ""))
        ]
        columns[2]["label"] = "Beside it"
        self._table({"caption": "", "columns": columns, "rows": rows})

    def _table(self, data: Mapping[str, Any]) -> None:
        columns, rows = data["columns"], data["rows"]
        self._caption("Table", data.get("caption") or "")
        table = self.word.add_table(len(rows) + 1, len(columns), style="Table Grid")
        if data.get("caption"):
            described = OxmlElement("w:tblCaption")
            described.set(qn("w:val"), style.clean(data["caption"]))
            table._tbl.tblPr.append(described)
        tones = {int(key): value for key, value in (data.get("tones") or {}).items()}
        strong = set(data.get("emphasis") or ())
        for y, row in enumerate(table.rows):
            _keep_whole(row)
            for x, cell in enumerate(row.cells):
                head = y == 0
                text = _head(columns[x]) if head else rows[y - 1][x]
                fill = style.WASH if head else style.TONES.get((tones.get(x) or [None] * len(rows))[y - 1] or "")
                self._cell(cell, text, head or y - 1 in strong, columns[x]["align"] == "right")
                if fill:
                    _shade(cell._tc.get_or_add_tcPr(), fill)
        _repeated(table.rows[0])
        for text in (data.get("key"), data.get("note")):
            if text:
                self._run(self.word.add_paragraph(), text, small=True, colour=style.QUIET)
        if not (data.get("key") or data.get("note")):
            self.word.add_paragraph().paragraph_format.space_after = Pt(2)

    def _cell(self, cell: Any, text: str, bold: bool, right: bool) -> None:
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(1)
        if right:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._run(paragraph, text, bold=bold, small=True)

    # ---- Markdown ----

    def _tokens(self, tokens: list[dict[str, Any]], style: str = "Normal", depth: int = 0) -> None:
        for token in tokens:
            kind = token["type"]
            if kind == "heading":
                self._heading(token)
            elif kind in ("paragraph", "block_text"):
                self._inline(self.word.add_paragraph(style=style), token["children"])
            elif kind == "list":
                self._list(token, depth)
            elif kind == "block_quote":
                self._tokens(token["children"], "Intense Quote", depth)
            elif kind == "table":
                self._plain_table(token)
            elif kind == "block_code":
                self._run(self.word.add_paragraph(), token["raw"].rstrip(), mono=True)
            elif kind == "block_math":
                self._formula(self.word.add_paragraph(), token["raw"])
            elif kind == "block_html" and not token["raw"].startswith("<!--"):
                self._run(self.word.add_paragraph(), token["raw"].strip())

    def _heading(self, token: dict[str, Any]) -> None:
        head = self.word.add_paragraph(style=f"Heading {min(token['attrs']['level'], 6)}")
        anchor = token["attrs"].get("id", "")
        if anchor:
            _bookmark(head, anchor)
        self._inline(head, token["children"])

    def _list(self, token: dict[str, Any], depth: int) -> None:
        ordered = bool(token["attrs"].get("ordered"))
        name = f"List {'Number' if ordered else 'Bullet'}{f' {min(depth, 2) + 1}' if depth else ''}"
        number = _restarted(self.word, name, int(token["attrs"].get("start", 1))) if ordered else None
        for item in token["children"]:
            for position, part in enumerate(item["children"]):
                if part["type"] not in ("block_text", "paragraph"):
                    self._tokens([part], "List Continue", depth + 1)
                    continue
                paragraph = self.word.add_paragraph(style=name if position == 0 else "List Continue")
                if number is not None and position == 0:
                    given = paragraph._p.get_or_add_pPr().get_or_add_numPr()
                    given.get_or_add_numId().val = number
                    given.get_or_add_ilvl().val = 0
                self._inline(paragraph, part["children"])

    def _plain_table(self, token: dict[str, Any]) -> None:
        head, *body = token["children"]
        columns = [
            {
                "label": document.flat(cell["children"]),
                "align": cell["attrs"].get("align") or "left",
                "row_header": False,
            }
            for cell in head["children"]
        ]
        rows = [
            [document.flat(cell["children"]) for cell in row["children"]] for part in body for row in part["children"]
        ]
        self._table({"caption": "", "columns": columns, "rows": rows})

    def _inline(self, paragraph: Any, tokens: list[dict[str, Any]], **look: Any) -> None:
        for token in tokens:
            kind, inside = token["type"], token.get("children") or []
            if kind == "strong":
                self._inline(paragraph, inside, **look | {"bold": True})
            elif kind == "emphasis":
                self._inline(paragraph, inside, **look | {"italic": True})
            elif kind == "strikethrough":
                self._inline(paragraph, inside, **look | {"struck": True})
            elif kind == "codespan":
                self._run(paragraph, token["raw"], **look | {"mono": True})
            elif kind == "inline_math":
                self._formula(paragraph, token["raw"])
            elif kind == "link":
                self._link(paragraph, inside, token["attrs"]["url"], look)
            elif kind in ("softbreak", "linebreak"):
                paragraph.add_run().add_break() if kind == "linebreak" else paragraph.add_run(" ")
            elif kind == "inline_html" and token["raw"].startswith("<!--"):
                continue
            elif inside:
                self._inline(paragraph, inside, **look)
            else:
                self._run(paragraph, token.get("raw", ""), **look)

    @staticmethod
    def _formula(paragraph: Any, source: str) -> None:
        made = formula.drawn(source)
        assert made is not None, "a formula that cannot be drawn is code"
        run = paragraph.add_run()
        described = run.add_picture(io.BytesIO(formula.png(source)), height=Pt(made.height))._inline.docPr
        described.set("descr", style.clean(f"Formula: {source}"))

    def _link(self, paragraph: Any, inside: list[dict[str, Any]], url: str, look: dict[str, Any]) -> None:
        if not (_LINK.fullmatch(url) or url.startswith("#section-")):
            self._inline(paragraph, inside, **look)
            return
        link = OxmlElement("w:hyperlink")
        if url.startswith("#"):
            link.set(qn("w:anchor"), url[1:][:40])
        else:
            link.set(qn("r:id"), paragraph.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
        before = len(paragraph.runs)
        self._inline(paragraph, inside, **look | {"colour": style.ACCENT, "underlined": True})
        runs = paragraph.runs[before:]
        paragraph._p.append(link)
        for run in runs:
            link.append(run._r)

    @staticmethod
    def _run(
        paragraph: Any,
        text: str,
        *,
        bold: bool = False,
        italic: bool = False,
        struck: bool = False,
        mono: bool = False,
        small: bool = False,
        underlined: bool = False,
        colour: str | None = None,
    ) -> None:
        run = paragraph.add_run(style.clean(text))
        run.bold, run.italic, run.underline = bold or None, italic or None, underlined or None
        run.font.strike = struck or None
        if mono:
            run.font.name = "Courier New"
        if small:
            run.font.size = Pt(8.5)
        if colour:
            run.font.color.rgb = _colour(colour)


# ---- what python-docx has no words for ----


def _colour(text: str) -> RGBColor:
    return RGBColor.from_string(text.lstrip("#").upper())


def _head(column: Mapping[str, Any]) -> str:
    return f"{column['label']} ({column['unit']})" if column.get("unit") else column["label"]


def _shade(properties: Any, fill: str) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", fill.lstrip("#").upper())):
        shade.set(qn(f"w:{name}"), value)
    properties.append(shade)


def _repeated(row: Any) -> None:
    """A header row: read as one by a screen reader, and repeated on each page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _keep_whole(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _field(paragraph: Any, name: str) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    paragraph._p.append(field)


def _bookmark(paragraph: Any, name: str) -> None:
    """A place that a link within the document can lead to; Word takes 40 characters of a name."""
    number = str(len(paragraph.part.element.findall(f".//{qn('w:bookmarkStart')}")) + 1)
    for tag in ("w:bookmarkStart", "w:bookmarkEnd"):
        mark = OxmlElement(tag)
        mark.set(qn("w:id"), number)
        if tag == "w:bookmarkStart":
            mark.set(qn("w:name"), name[:40])
        paragraph._p.append(mark)


def _restarted(word: Word, style_name: str, start: int) -> int:
    """A numbering of its own for one list, so that it does not go on from the list before."""
    numbering = word.part.numbering_part.numbering_definitions._numbering
    own = word.styles[style_name].element.pPr.numPr.numId.val
    abstract = next(one.abstractNumId.val for one in numbering.num_lst if one.numId == own)
    made = numbering.add_num(abstract)
    made.add_lvlOverride(ilvl=0).add_startOverride(start)
    return made.numId


def _pixels(figure: Figure) -> bytes:
    """A picture as PNG or JPEG; a drawing is set by Typst, whose fonts draw its text."""
    if figure.kind != "svg":
        return figure.data
    width = width_mm(figure)
    with tempfile.TemporaryDirectory(prefix="nof-word-") as folder:
        root = Path(folder)
        (root / "figure.svg").write_bytes(style.tidy(figure.data.decode(), text=drawable).encode())
        page = f'#set page(width: auto, height: auto, margin: 0pt)\n#image("figure.svg", width: {width:.2f}mm)\n'
        return typeset(source(root, page), root, format="png", ppi=PPI)
