"""From an executed notebook to one self-contained HTML file.

One script, our own, named by its hash in the page's content security policy; no request to any host, which the same
policy forbids; fonts and figures inside, every text escaped. Everything is on the page without the script.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import mistune
from markupsafe import Markup
from mistune.core import BlockState

from nof.briefing import blocks, document, formula
from nof.briefing.blocks import Boxed, Cards, Document, Figure, Prose, Tabular, Verbatim
from nof.briefing.exporter import BriefingExporter
from nof.rules.kinds import kind_of
from nof.show import fonts, style
from nof.show.display import card_html, table_html
from nof.show.words import ILLUSTRATIVE, ILLUSTRATIVE_WORDS, dateline

TEMPLATES = Path(__file__).parent / "templates"
_MIME = {"png": "image/png", "jpg": "image/jpeg"}
_SEARCHED = 8  # rows of a table of trusts from which on a page offers a search
NARROW = 0.6  # of the width of a page: a drawing that is less wide fits a telephone as it is
_LINK = re.compile(r"(https?://|mailto:|#section-)", re.IGNORECASE)


class BriefingHTMLExporter(BriefingExporter):
    """nbconvert exporter: ``jupyter nbconvert --to briefing-html notebook.ipynb``.

    A figure without alt text is named in a warning, and the page says that it has none.
    """

    export_from_notebook = "Briefing (HTML)"
    output_mimetype = "text/html"
    ending = ".html"
    code_if_asked = True

    def rendered(self, doc: Document) -> str:
        """A document as a page."""
        for block in doc.blocks:
            if isinstance(block, Figure) and not block.alt:
                self.log.warning("%s: a figure has no alt text; show it with nof.show.display.Chart", block.cell)
        return render(doc)


def render(doc: Document) -> str:
    """A document as one HTML page; the same document gives the same bytes."""
    meta = doc.meta
    body, noun = _body(doc), kind_of(meta.kinds or ["acute"])
    footer = [meta.source_line, meta.licence_line, meta.independent_line]
    return _template().render(
        meta=meta,
        **on_every_page(),
        css=Markup(_css("<em>" in body)),
        body=Markup(body),
        head_title=_head_title(meta),
        searched=_searched(doc),
        noun=noun,
        headings=_contents(doc),
        footer=[line for line in footer if line],
        dateline=dateline(meta.date),
        illustrative=ILLUSTRATIVE,
        illustrative_words=ILLUSTRATIVE_WORDS,
        font=Markup(f'"{style.FONT}", sans-serif'),
        warning=style.WARNING_INK,
    )


def _head_title(meta: blocks.Meta) -> str:
    """What a browser's tab says: no two pages of a report the same, and made-up data told."""
    whole = ": ".join(filter(None, [meta.title, meta.subtitle]))
    return f"{ILLUSTRATIVE}: {whole}" if meta.illustrative else whole


def _searched(doc: Document) -> bool:
    """Whether there is a table of trusts that is worth searching."""
    return any(len(block.data.get("codes") or ()) >= _SEARCHED for block in doc.blocks if isinstance(block, Tabular))


@cache
def on_every_page() -> dict[str, Any]:
    """The script, its hash for the policy, and the small picture of a tab: for the templates of all pages.

    On one line: the vnu checker gets the hash of a script of several lines wrong.
    """
    text = one_line(re.sub(r"(?m)^\s*//.*$", "", (TEMPLATES / "site.js").read_text(encoding="utf-8")))
    picture = (TEMPLATES / "icon.svg").read_bytes()
    return {
        "script": Markup(text),
        "script_hash": digest(text),
        "icon": f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}",
    }


def one_line(text: str) -> str:
    """Without line breaks and the blanks beside them."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def digest(text: str) -> str:
    """A text's hash, as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("briefing.html.j2")


def warm() -> None:
    """Make the template and the style sheets now, before forking."""
    _template(), _css(False), _css(True)


@lru_cache(maxsize=2)
def _css(italic: bool) -> str:
    faces = [("400", "normal"), ("600", "normal")] + ([("400", "italic")] if italic else [])
    fontface = "\n".join(
        f'@font-face {{ font-family: "{style.FONT}"; font-weight: {weight}; font-style: {slope}; '
        f'src: url("{fonts.face(weight, slope)}") format("woff"); }}'
        for weight, slope in faces
    )
    tones = "\n".join(
        f"td.{name}, th.{name} {{ background: {wash}; color: {style.INK}; }}" for name, wash in style.TONES.items()
    )
    sheets = [(TEMPLATES / f"{name}.css").read_text(encoding="utf-8") for name in ("briefing", "site")]
    return "\n".join([fontface, _variables(), *sheets, tones])


def _variables() -> str:
    """Colours as CSS variables, and again for dark mode and paper."""
    light = {
        "paper": style.PAPER, "ink": style.INK, "quiet": style.QUIET, "rule": style.RULE, "wash": style.WASH,
        "accent": style.ACCENT, "accent-rule": style.ACCENT, "highlight": style.HIGHLIGHT, "focus": "#b35c00",
        "warning-ink": style.WARNING_INK, "warning-wash": style.WARNING_WASH, "card-edge": "transparent", "card-pad": "0",
    }  # fmt: skip
    font = f'--font: "{style.FONT}", system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif;'
    return (
        f":root {{ {font} {_declared(light)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_declared(style.DARK)} }} }}"
    )


def _declared(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def _contents(doc: Document) -> list[dict[str, Any]]:
    """The contents list: headings of the first two levels below the title; none for fewer than three."""
    found = [
        {"id": h["attrs"]["id"], "depth": h["attrs"]["level"] - 1, "text": document.flat(h["children"])}
        for h in doc.headings()
        if h["attrs"]["level"] <= 3
    ]
    return found if len(found) >= 3 else []


def _body(doc: Document) -> str:
    parts: list[str] = []
    _RENDERER.formulas = 0
    counts = {"Figure": 0, "Table": 0}
    ids = _Ids()
    for position, block in enumerate(doc.blocks):
        if isinstance(block, Prose):
            ids.below(block)
            parts.append(_RENDERER.render_tokens(block.tokens, BlockState()))
        elif isinstance(block, Boxed):
            parts.append(_box(block))
        elif isinstance(block, Figure):
            counts["Figure"] += bool(block.caption)
            parts.append(_figure(block, f"Figure {counts['Figure']}", f"f{position}-", ids.take("figure")))
        elif isinstance(block, Tabular):
            counts["Table"] += bool(block.data.get("caption"))
            parts.append(_table(block, f"Table {counts['Table']}", ids.take("table")))
        elif isinstance(block, Cards):
            parts.append(card_html(_cleaned(block.data)))
        elif isinstance(block, Verbatim):
            parts.append(_verbatim(block))
    return "\n".join(parts)


class _Ids:
    """Addresses of figures and tables, by the heading that they stand below: they last as long as it does."""

    def __init__(self) -> None:
        self._section, self._taken = "top", set[str]()

    def below(self, block: Prose) -> None:
        """What follows stands below the last heading of this."""
        for token in block.tokens:
            if token["type"] == "heading":
                self._section = token["attrs"]["id"].removeprefix("section-")

    def take(self, kind: str) -> str:
        """The next address: "table-the-metrics", then "table-the-metrics-2"."""
        base = found = f"{kind}-{self._section}"
        count = 1
        while found in self._taken:
            count += 1
            found = f"{base}-{count}"
        self._taken.add(found)
        return found


def _data_link(csv: str, label: str) -> str:
    """Where `links` puts the way to the figures, if the report has them as a file."""
    return f"<!--data:{csv}:{label}--><!--/data-->" if re.fullmatch("[a-z0-9_]+", csv) else ""


def _box(block: Boxed) -> str:
    inside = _RENDERER.render_tokens(block.tokens, BlockState())
    return f'<div class="box"><p class="remark">{escape(block.remark, quote=False)}</p>\n{inside}</div>'


def _verbatim(block: Verbatim) -> str:
    shown = escape(block.text, quote=False)
    if block.kind == "code":
        return f'<details class="code"><summary>Code</summary><pre>{shown}</pre></details>'
    return f'<pre class="error">{shown}</pre>' if block.kind == "error" else f"<pre>{shown}</pre>"


def _cleaned(value: Any) -> Any:
    """The same data, every text without characters that HTML forbids."""
    if isinstance(value, str):
        return style.clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def _table(block: Tabular, number: str, place: str) -> str:
    data = _cleaned(dict(block.data))
    captioned = bool(data["caption"])
    label = f"{number}: {data['caption']}" if captioned else "Table"
    remarks = "".join(
        f'<p class="remark">{escape(text, quote=False)}</p>' for text in (data.get("key"), data.get("note")) if text
    )
    table = table_html(data, number if captioned else "")
    link = _data_link(block.csv, number if captioned else "this table")
    return f'<div class="table" id="{place}"><div class="scroll"{_scrollable(label)}>{table}</div>{remarks}{link}</div>'


def _scrollable(label: str) -> str:
    """A box that can be scrolled must be reachable by keyboard and have a name of its own."""
    return f' role="region" tabindex="0" aria-label="{escape(label)} (can be scrolled)"'


def _figure(figure: Figure, number: str, prefix: str, place: str) -> str:
    alt = figure.alt or f"Figure without a description, from {figure.cell}"
    caption = figure.caption or ("" if figure.alt else alt)
    heading = f'<span class="number">{number}</span> ' if figure.caption else ""
    shown = f"<figcaption>{heading}{escape(caption, quote=False)}</figcaption>" if caption else ""
    label = f"{number}: {figure.caption}" if figure.caption else f"Figure {prefix.strip('f-')}"
    link = _data_link(figure.csv, number if figure.caption else "this figure")
    if figure.kind != "svg":
        source = f"data:{_MIME[figure.kind]};base64,{base64.b64encode(figure.data).decode()}"
        drawing = f'<img src="{source}" alt="{escape(alt)}">'
        return f'<figure id="{place}">{shown}<div class="drawing">{drawing}</div>{link}</figure>'
    drawing = _inline(figure.data, alt, prefix)
    if figure.narrow:
        second = _inline(figure.narrow, alt, f"{prefix}n-").replace("<svg", '<svg class="narrow"', 1)
        inside = f'<div class="drawing"{_scrollable(label)}>{drawing}{second}</div>'
        return f'<figure id="{place}" class="twice">{shown}{inside}{link}</figure>'
    inside = f'<div class="drawing"{_scrollable(label)}>{drawing}</div>'
    if 'class="small"' in drawing[: drawing.index(">")]:
        return f'<figure id="{place}">{shown}{inside}{link}</figure>'
    instead = f'<p class="instead">{escape(alt, quote=False)}</p>{_larger(label, prefix)}'
    return f'<figure id="{place}" class="wide">{shown}{instead}{inside}{link}</figure>'


def _larger(label: str, prefix: str) -> str:
    """A tick box that only phones show: words stand in the drawing's place until a reader asks to scroll it sideways."""
    shown = f'Show the drawing, to scroll<span class="unseen">: {escape(label, quote=False)}</span>'
    return f'<input type="checkbox" class="larger" id="{prefix}larger"><label for="{prefix}larger">{shown}</label>'


def _inline(svg: bytes, alt: str, prefix: str) -> str:
    """The drawing inside the page, where it has the page's typeface and its text can be found."""
    drawing = style.tidy(svg.decode(), prefix)
    width, height = style.dimensions(drawing)
    kind = ' class="small"' if width < NARROW * style.TEXT_WIDTH_MM * style.POINTS_PER_MM and "n-" not in prefix else ""
    shown = f' style="max-width:{width:.0f}pt"' if kind else ""
    inside = drawing[drawing.index(">") + 1 :] if not drawing.endswith("/>") else "</svg>"
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(alt)}"{kind}{shown}>{inside}'


class _Renderer(mistune.HTMLRenderer):
    """Markdown to HTML in which nothing but Markdown takes effect, and nothing is fetched."""

    formulas = 0  # drawn so far in this page: each has ids of its own

    def paragraph(self, text: str, verdict: bool = False) -> str:
        """A paragraph; the verdict of a briefing is set larger."""
        return f'<p class="verdict">{text}</p>\n' if verdict else f"<p>{text}</p>\n"

    def inline_html(self, html: str) -> str:
        """Raw HTML within a line as its text; a comment as nothing."""
        return "" if html.startswith("<!--") else escape(html, quote=False)

    def block_html(self, html: str) -> str:
        """Raw HTML on its own as its text; a comment as nothing."""
        return "" if html.startswith("<!--") else f"<p>{escape(html.strip(), quote=False)}</p>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link to the web, to a mail address or within the page; the text alone of any other."""
        return f'<a href="{escape(url)}">{text}</a>' if text and _LINK.match(url) else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture within a line as its description."""
        return text

    def inline_math(self, source: str) -> str:
        """A formula within a line, standing on the line."""
        made = formula.drawn(source)
        assert made is not None, "a formula that cannot be drawn is code"
        size = f"height:{made.height / formula.SIZE:.2f}em;vertical-align:{-made.depth / formula.SIZE:.2f}em"
        self.formulas += 1
        inside = re.sub(r'(?<=\bid=")|(?<=href="#)', f"m{self.formulas}-", made.svg[made.svg.index(">") + 1 :])
        return (
            f'<svg class="formula" style="{size}" viewBox="{made.box}" role="img" '
            f'aria-label="Formula: {escape(source)}">{inside.strip()}'
        )

    def block_math(self, source: str) -> str:
        """A formula on its own."""
        return f'<p class="formula">{self.inline_math(source)}</p>\n'

    def linebreak(self) -> str:
        """A break within a paragraph."""
        return "<br>\n"

    def thematic_break(self) -> str:
        """A rule between paragraphs."""
        return "<hr>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code as it stands."""
        return f"<pre>{escape(code.rstrip(), quote=False)}</pre>\n"


def _plain_table(renderer: Any, text: str) -> str:
    return f'<div class="table"><table>{text}</table></div>\n'


def _plain_head(renderer: Any, text: str) -> str:
    return f"<thead><tr>{text}</tr></thead>\n"


def _plain_cell(renderer: Any, text: str, align: str | None = None, head: bool = False) -> str:
    tag, scope = ("th", ' scope="col"') if head else ("td", "")
    right = ' class="right"' if align == "right" else ""
    return f"<{tag}{scope}{right}>{text}</{tag}>"


def _renderer() -> _Renderer:
    renderer = _Renderer(escape=True)
    mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])
    for name, method in (("table", _plain_table), ("table_head", _plain_head), ("table_cell", _plain_cell)):
        renderer.register(name, method)
    return renderer


_RENDERER = _renderer()
