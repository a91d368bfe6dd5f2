"""An executed notebook as a plain list of blocks, which both exporters set in their own way.

Everything that is particular to notebooks ends here: which of an output's forms counts, where alt
text is kept, what a stock pandas table holds. Raw HTML is never passed on; it becomes text.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import mistune

from nof.briefing.vocabulary import in_its_words
from nof.common import NofError
from nof.show import words
from nof.show.display import CARD_MIME, SVG_MIME, TABLE_MIME
from nof.show.style import clean

# --- The fixed words of a briefing, the same in HTML and PDF ---


INDEPENDENT = "Independent analysis, not NHS England"
ILLUSTRATIVE = "Illustrative data"
ILLUSTRATIVE_WORDS = "Made-up organisations and made-up figures, for showing what a briefing looks like. Nothing here describes a real one."


def dateline(day: dt.date | None) -> str:
    """The day that a briefing's figures run to, whatever the machine's language: "Figures to 31 March 2026"."""
    return f"Figures to {words.day(day)}" if day else ""


COMMENTARY = "The trust's own commentary"
COMMENTARY_WORDS = "Written by the trust. It is no part of this analysis, and nothing in it was checked here."


# --- An executed notebook as a plain list of blocks, which both exporters set in their own way ---


_RASTER = {"image/png": "png", "image/jpeg": "jpg"}
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
DATA_TAG = "data:"  # a cell tagged "data:league_table" shows what is in tables/league_table-TYPE.csv
_NEW_PAGE = "new-page"  # the tag of a cell that should begin a page of a PDF
DESK = "look"  # the tag of a cell that shows a frame to whoever works in the notebook; no export holds it
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Meta:
    """What a briefing says about itself; from ``nb.metadata["briefing"]``."""

    title: str
    subtitle: str = ""
    illustrative: bool = False
    source_line: str = ""
    licence_line: str = ""
    independent_line: str = ""
    run_id: str = ""
    date: dt.date | None = None
    lang: str = "en-GB"
    contents: bool = False
    kinds: tuple[str, ...] = ()  # slugs, where a briefing is not about trusts


@dataclass(frozen=True)
class Prose:
    """Markdown, parsed: a list of mistune's tokens."""

    tokens: list[dict[str, Any]]


@dataclass(frozen=True)
class Boxed:
    """Markdown of somebody else's, set in a marked box below a remark that says so."""

    remark: str
    tokens: list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A picture; ``alt`` is empty where its author gave none."""

    kind: str
    data: bytes
    alt: str
    caption: str
    cell: str
    width_mm: float | None = None
    height_mm: float | None = None
    csv: str = ""  # name of the file in tables/ that holds its figures, without trust type and ending
    narrow: bytes = b""


@dataclass(frozen=True)
class Tabular:
    """A table as ``nof.show.display.Table.data()`` gives it, and the name of the file in tables/ with its figures."""

    data: Mapping[str, Any]
    csv: str = ""


@dataclass(frozen=True)
class Cards:
    """A strip of key figures as ``nof.show.display.Card.data()`` gives it."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Verbatim:
    """Text as it stands: code, printed output or an error."""

    text: str
    kind: str  # "code", "output" or "error"


@dataclass(frozen=True)
class NewPage:
    """Where a cell tagged `new-page` asks for one; paper alone has pages."""


Block = Prose | Boxed | Figure | Tabular | Cards | Verbatim | NewPage


@dataclass(frozen=True)
class Document:
    """A briefing: what it says about itself, and its blocks in order."""

    meta: Meta
    blocks: list[Block] = field(default_factory=list)

    def headings(self) -> Iterator[dict[str, Any]]:
        """The heading tokens in order; each has attrs level (2 or more) and id."""
        yield from _headings(self.blocks)


def read(notebook: Mapping[str, Any], name: str = "", include_code: bool = False) -> Document:
    """Turn an executed notebook (version 4) into a document.

    Headings are brought into order: the title is the only one of level 1, and no level is skipped.
    """
    notebook = in_its_words(notebook, (notebook.get("metadata", {}).get("briefing") or {}).get("kinds") or ())
    blocks = [
        block
        for number, cell in enumerate(notebook.get("cells", ()), start=1)
        for block in _cell(cell, number, include_code)
    ]
    about = notebook.get("metadata", {}).get("briefing") or {}
    meta = _meta(about, _first_title(blocks), name)
    blocks += _commentary(about.get("commentary"), blocks)
    blocks = _order_headings(blocks, meta.title)
    _mark_verdict(blocks)
    return Document(meta, blocks)


def _mark_verdict(blocks: list[Block]) -> None:
    """A briefing that opens with one bold sentence or two has its message there: both exporters set it larger."""
    opening = [one for one in blocks[:1] if isinstance(one, Prose)]
    tokens = [token for one in opening for token in one.tokens if token["type"] != "blank_line"]
    if tokens and tokens[0]["type"] == "paragraph" and [one["type"] for one in tokens[0]["children"]] == ["strong"]:
        tokens[0]["attrs"] = {"verdict": True}


def _commentary(given: Any, blocks: list[Block]) -> list[Block]:
    """The trust's own words below a heading of the highest level that the document has."""
    text = given.get("text") if isinstance(given, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        return []
    tokens = parse_markdown(text)
    _sink_headings(tokens)
    level = min((heading["attrs"]["level"] for heading in list(_headings(blocks))[1:]), default=2)
    title = {"type": "heading", "attrs": {"level": level}, "children": [{"type": "text", "raw": COMMENTARY}]}
    return [Prose([title]), Boxed(COMMENTARY_WORDS, tokens)]


def flat(tokens: list[dict[str, Any]]) -> str:
    """The plain text of inline tokens."""
    parts = []
    for token in tokens:
        if token["type"] in ("softbreak", "linebreak"):
            parts.append(" ")
        elif not (token["type"] == "inline_html" and token["raw"].startswith("<!--")):
            parts.append(token.get("raw") or flat(token.get("children") or []))
    return "".join(parts)


def parse_markdown(text: str) -> list[dict[str, Any]]:
    """Markdown (with tables and strikethrough) as tokens; entities decoded, text cleaned."""
    parsed: Any = _PARSER.parse(clean(text))[0]
    tokens: list[dict[str, Any]] = parsed
    _decode(tokens)
    for token in tokens:
        _sink_headings(token.get("children") or [])
    return [token for token in tokens if token["type"] != "heading" or flat(token["children"]).strip()]


_PARSER = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough"])


def _decode(tokens: list[dict[str, Any]]) -> None:
    from html import unescape

    for token in tokens:
        if token["type"] == "text" and "&" in token["raw"]:
            token["raw"] = clean(_ENTITY.sub(lambda match: unescape(match[0]), token["raw"]))
        _decode(token.get("children") or [])


def _sink_headings(tokens: list[dict[str, Any]]) -> None:
    """A heading inside a list or a quotation is no part of the outline: it becomes bold text."""
    for token in tokens:
        if token["type"] == "heading":
            strong = {"type": "strong", "children": token["children"]}
            token.update(type="paragraph", children=[strong])
            del token["attrs"]
        _sink_headings(token.get("children") or [])


def _meta(given: Mapping[str, Any], heading: str, name: str) -> Meta:
    def line(key: str, default: str = "") -> str:
        """One value as a single line of clean text."""
        return " ".join(clean(given.get(key) or default).split())

    lang = line("lang", "en-GB")
    return Meta(
        title=line("title", heading or name or "Untitled briefing"),
        subtitle=line("subtitle"),
        illustrative=bool(given.get("illustrative", False)),
        source_line=line("source_line"),
        licence_line=line("licence_line"),
        # A notebook that is no briefing of ours says nothing about NHS England.
        independent_line=line("independent_line", INDEPENDENT if given else ""),
        run_id=line("run_id"),
        date=_date(given.get("date")),
        lang=lang if re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", lang) else "en-GB",
        contents=bool(given.get("contents", False)),
        kinds=tuple(map(str, given.get("kinds") or ())),
    )


def _date(value: Any) -> dt.date | None:
    if not value:
        return None
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise NofError(f"briefing metadata: date {value!r} is not an ISO date such as 2026-03-31") from None


# ---- cells and outputs ----


def _cell(cell: Mapping[str, Any], number: int, include_code: bool) -> Iterator[Block]:
    tags = cell.get("metadata", {}).get("tags") or ()
    if DESK in tags:
        return
    shown = list(_shown(cell, number, include_code))
    yield from [NewPage(), *shown] if shown and _NEW_PAGE in tags else shown


def _shown(cell: Mapping[str, Any], number: int, include_code: bool) -> Iterator[Block]:
    source = _joined(cell.get("source", ""))
    first = source.strip().split("\n", 1)[0][:60]
    place = f"cell {number}" + (f" ({first})" if first else "")
    if cell["cell_type"] == "markdown":
        yield from _markdown(source, place, cell.get("attachments") or {})
    elif cell["cell_type"] == "code":
        if include_code and source.strip():
            yield Verbatim(clean(source), "code")
        for output in cell.get("outputs", ()):
            yield from _with_data(_output(output, place), cell.get("metadata", {}).get("tags") or ())


def _with_data(blocks: Iterator[Block], tags: Iterable[str]) -> Iterator[Block]:
    """Figures and tables with the name of the file that the cell's tag gives."""
    csv = next((tag.removeprefix(DATA_TAG) for tag in tags if tag.startswith(DATA_TAG)), "")
    for block in blocks:
        yield replace(block, csv=csv) if csv and isinstance(block, Figure | Tabular) else block


def _markdown(text: str, place: str, attachments: Mapping[str, Any] | None = None) -> Iterator[Block]:
    """Prose, with a picture that stands alone in its paragraph as a figure of its own."""
    kept: list[dict[str, Any]] = []
    for token in parse_markdown(text):
        figure = _lone_picture(token, place, attachments or {})
        if figure is None:
            kept.append(token)
            continue
        if kept:
            yield Prose(kept)
        yield figure
        kept = []
    if any(token["type"] != "blank_line" for token in kept):
        yield Prose(kept)


def _lone_picture(token: dict[str, Any], place: str, attachments: Mapping[str, Any]) -> Figure | None:
    children = token.get("children") or []
    if token["type"] != "paragraph" or len(children) != 1 or children[0]["type"] != "image":
        return None
    url = children[0]["attrs"]["url"]
    bundle = attachments.get(url.removeprefix("attachment:"), {})
    inline = re.fullmatch(r"data:(image/(?:png|jpeg));base64,(.*)", url, re.DOTALL)
    bundle = {inline[1]: inline[2]} if inline else bundle
    alt = flat(children[0].get("children") or [])
    return next((_raster(bundle, mime, {"alt": alt}, place) for mime in _RASTER if mime in bundle), None)


def _output(output: Mapping[str, Any], place: str) -> Iterator[Block]:
    kind = output["output_type"]
    if kind == "stream":
        yield from _verbatim(_joined(output.get("text", "")), "output")
    elif kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        yield from _verbatim("\n".join(lines), "error")
    else:
        yield from _bundle(output.get("data", {}), output.get("metadata", {}), place)


def _bundle(data: Mapping[str, Any], metadata: Mapping[str, Any], place: str) -> Iterator[Block]:
    """The best form of a displayed object; text where nothing else is understood."""
    facts = _facts(metadata)
    if TABLE_MIME in data:
        yield Tabular(data[TABLE_MIME])
    elif CARD_MIME in data:
        yield Cards(data[CARD_MIME])
    elif SVG_MIME in data:
        drawing = _joined(data[SVG_MIME]).encode()
        yield _figure("svg", drawing, facts, place)
    elif any(mime in data for mime in _RASTER):
        yield next(_raster(data, mime, facts, place) for mime in _RASTER if mime in data)
    elif "text/markdown" in data:
        yield from _markdown(_joined(data["text/markdown"]), place)
    elif "text/html" in data and (tables := _html_tables(_joined(data["text/html"]))):
        yield from map(Tabular, tables)
    elif "text/plain" in data:
        yield from _verbatim(_joined(data["text/plain"]), "output")


def _facts(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Alt text and caption, where this project or others put them."""
    for place in (metadata.get("nof"), metadata.get(SVG_MIME), metadata.get("image/png"), metadata):
        if isinstance(place, Mapping) and place.get("alt"):
            return place
    return {}


def _figure(kind: str, data: bytes, facts: Mapping[str, Any], place: str) -> Figure:
    alt, caption = (" ".join(clean(facts.get(key) or "").split()) for key in ("alt", "caption"))
    narrow = facts.get("narrow") if kind == "svg" else ""
    second = _joined(narrow).encode() if narrow else b""
    return Figure(kind, data, alt, caption, place, facts.get("width_mm"), facts.get("height_mm"), narrow=second)


def _raster(bundle: Mapping[str, Any], mime: str, facts: Mapping[str, Any], place: str) -> Figure:
    try:
        data = base64.b64decode(_joined(bundle[mime]))
    except (binascii.Error, ValueError):
        raise NofError(f"{place}: its {mime} output is not valid base64") from None
    return _figure(_RASTER[mime], data, facts, place)


def _verbatim(text: str, kind: str) -> Iterator[Verbatim]:
    text = clean(_ANSI.sub("", text)).strip("\n")
    if text.strip():
        yield Verbatim(text, kind)


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _html_tables(html: str) -> list[dict[str, Any]]:
    """The tables of an HTML output (such as pandas writes) as plain data."""
    from bs4 import BeautifulSoup

    return [_html_table(table) for table in BeautifulSoup(html, "html.parser").find_all("table")]


def _html_table(table: Any) -> dict[str, Any]:
    grid = [[cell for cell in row.find_all(["th", "td"]) for _ in range(_span(cell))] for row in table.find_all("tr")]
    grid = [row for row in grid if row]
    width = max(map(len, grid), default=0)
    headed = bool(grid) and all(cell.name == "th" for cell in grid[0])
    text = [[clean(cell.get_text(" ", strip=True)) for cell in row] + [""] * (width - len(row)) for row in grid]
    body = text[headed:]
    columns = [
        {
            "label": text[0][j] if headed else "",
            "unit": "",
            "align": "right" if _numeric([row[j] for row in body]) else "left",
            "row_header": any(row[j].name == "th" for row in grid[headed:] if j < len(row)),
        }
        for j in range(width)
    ]
    caption = clean(table.caption.get_text(" ", strip=True)) if table.caption else ""
    return {"caption": caption, "columns": columns, "rows": body, "tones": {}, "note": "", "key": "", "emphasis": []}


def _span(cell: Any) -> int:
    text = cell.get("colspan", "1")
    return min(int(text), 100) if text.isdigit() and int(text) else 1


def _numeric(texts: list[str]) -> bool:
    return any(texts) and all(re.fullmatch(r"[-−+]?[\d,]*\.?\d+(e[-+]?\d+)?%?|NaN|<NA>|–|", t) for t in texts)


# ---- headings ----


def _headings(blocks: list[Block]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if isinstance(block, Prose):
            yield from (token for token in block.tokens if token["type"] == "heading")


def _first_title(blocks: list[Block]) -> str:
    first = next(_headings(blocks), None)
    return flat(first["children"]).strip() if first and first["attrs"]["level"] == 1 else ""


def _order_headings(blocks: list[Block], title: str) -> list[Block]:
    """Drop a first heading that repeats the title; shift and close up the levels of the rest."""
    blocks = _without_title(blocks, title)
    headings = list(_headings(blocks))
    shift = 1 if any(heading["attrs"]["level"] == 1 for heading in headings) else 0
    above = 1
    taken: set[str] = set()
    for heading in headings:
        above = min(heading["attrs"]["level"] + shift, above + 1, 6)
        heading["attrs"] = {"level": above, "id": _anchor(flat(heading["children"]), taken)}
    return blocks


def _without_title(blocks: list[Block], title: str) -> list[Block]:
    first = next(_headings(blocks), None)
    if not first or first["attrs"]["level"] != 1 or " ".join(flat(first["children"]).split()) != title:
        return blocks
    return [
        replace(block, tokens=[token for token in block.tokens if token is not first])
        if isinstance(block, Prose)
        else block
        for block in blocks
    ]


def _anchor(text: str, taken: set[str]) -> str:
    base = anchor = "section-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x")
    count = 1
    while anchor in taken:
        count += 1
        anchor = f"{base}-{count}"
    taken.add(anchor)
    return anchor
