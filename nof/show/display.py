"""What a notebook shows: a chart, a table, words or a strip of key figures.

Each knows how JupyterLab shows it, and carries what the HTML and PDF exporters need beside it: alt
text, caption, units, which cells are headers. A notebook cell ends with one call that returns one.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape, unescape
from typing import Any

import pandas as pd

from nof.common import NofError, harmless
from nof.show import style

SVG_MIME = "image/svg+xml"
TABLE_MIME = "application/vnd.nof.table+json"
CARD_MIME = "application/vnd.nof.card+json"
CSV_MIME = "text/csv"
# Columns that say what a row is about: a table as CSV has them, shown or not.
KEYS = ("quarter", "trust_type", "trust_code", "trust_name", "metric_id", "value_id", "units", "reporting_date")
MISSING = "–"
MISSING_NOTE = f"{MISSING} means not available."
# Written to begin any Markdown, HTML or formula syntax; an escaped one is only itself.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$@^=:\"])")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~$@^=:\"])")


def plain(text: object) -> str:
    """Text as Markdown that shows exactly that text: no markup in it takes effect.

    For names and descriptions from files, which may hold Markdown, HTML, or formula characters.
    Line breaks become spaces.
    """
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", escape(flat, quote=False))


def shown(markdown: str) -> str:
    """The text that `plain` was made from, and that filled-in Markdown without other markup shows; in one line."""
    return " ".join(unescape(_ESCAPED.sub(r"\1", markdown)).split())


# A number as a page shows it: a sign that is a real minus, commas between thousands. A spreadsheet takes it for text.
_NUMBER = re.compile(r"[+−-]?\d{1,3}(?:,?\d{3})*(?:\.\d+)?")


@dataclass(frozen=True)
class Chart:
    """A figure with what a reader who cannot see it needs.

    Attributes
    ----------
    svg : str
        The drawing; its text is text, in the house typeface.
    alt : str
        What the figure shows, stating the finding. Never empty.
    caption : str
        Title above the figure.
    width_mm, height_mm : float
        Size on paper, in millimetres.
    narrow : str
        The same drawn again for a telephone, or "".
    """

    svg: str
    alt: str
    caption: str
    width_mm: float
    height_mm: float
    narrow: str = ""

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise NofError(f"the figure {self.caption!r} has no alt text: say what it shows")

    def __repr__(self) -> str:
        return f"Chart({self.caption!r}, {self.width_mm:.0f} by {self.height_mm:.0f} mm)"

    @classmethod
    def from_figure(cls, figure: Any, *, alt: str, caption: str) -> Chart:
        """Draw a matplotlib figure at its own size and close it; the same figure gives the same bytes."""
        import matplotlib

        stream = io.StringIO()
        try:
            with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nof"}):
                figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        finally:
            if pyplot := sys.modules.get("matplotlib.pyplot"):  # which keeps what was drawn with it
                pyplot.close(figure)
        width, height = (25.4 * float(inches) for inches in figure.get_size_inches())
        return cls(style.tidy(stream.getvalue()), alt, caption, round(width, 2), round(height, 2))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        facts = {
            "alt": self.alt,
            "caption": self.caption,
            "width_mm": self.width_mm,
            "height_mm": self.height_mm,
        } | ({"narrow": self.narrow} if self.narrow else {})
        # As a picture with its alt text, too: for a page that JupyterLab or nbconvert makes of an SVG has none.
        drawing = base64.b64encode(self.svg.encode()).decode()
        picture = f'<img src="data:{SVG_MIME};base64,{drawing}" alt="{escape(self.alt)}">'
        return {SVG_MIME: self.svg, "text/html": picture, "text/plain": f"{self.caption}\n{self.alt}"}, {"nof": facts}


@dataclass(frozen=True)
class Column:
    """How one column of a frame is shown.

    Attributes
    ----------
    name : str
        Column of the frame.
    label, unit : str
        What stands in the header; the unit in lighter type after the label.
    align : {"left", "right"}
        Numbers go right.
    format : str, callable or None
        A format specification such as ",.2f", a callable from value to text, or None for the
        value as it is. Missing values become an en dash.
    row_header : bool
        Whether the cells name their row (a trust's name), for screen readers.
    tone : callable or None
        From value to a key of ``style.TONES`` (a cell background) or None. Colour may only repeat
        what the cell's text says.
    draw : callable or None
        From value to a small SVG drawing that stands in the cell; the cell's text is its description.
    """

    name: str
    label: str
    unit: str = ""
    align: str = "left"
    format: str | Callable[[Any], str] | None = None
    row_header: bool = False
    tone: Callable[[Any], str | None] | None = None
    draw: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        if self.align not in ("left", "right"):
            raise NofError(f"column {self.name!r}: align is left or right, not {self.align!r}")


@dataclass(frozen=True)
class Table:
    """A captioned table of a frame's columns, in the frame's order.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row of it is one row of the table.
    caption : str
        Title above the table.
    columns : tuple of Column
        What is shown, in order.
    note, key : str
        Text below the table: a remark, and what letters and colours mean.
    emphasis : tuple of int
        Positions of the rows that the briefing is about, set in bold on a tint.
    """

    frame: pd.DataFrame = field(repr=False)
    caption: str
    columns: tuple[Column, ...]
    note: str = ""
    key: str = ""
    emphasis: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Table({self.caption!r}, {len(self.frame)} rows, {len(self.columns)} columns)"

    def data(self) -> dict[str, Any]:
        """The table as text, ready for JSON: caption, columns, rows, tones, drawings, note, key, emphasis.

        Where each row is a trust, `codes` says which.
        """
        absent = [c.name for c in self.columns if c.name not in self.frame.columns]
        if absent:
            raise NofError(f"table {self.caption!r}: no column {', '.join(absent)} in the frame")
        cells = [_cells(self.frame[c.name].tolist(), c) for c in self.columns]
        missing = any(MISSING in column for column in cells)
        return {
            "caption": self.caption,
            "columns": [
                {"label": c.label, "unit": c.unit, "align": c.align, "row_header": c.row_header} for c in self.columns
            ],
            "rows": [list(row) for row in zip(*cells, strict=True)],
            "tones": _tones(self.frame, self.columns),
            "drawings": _drawings(self.frame, self.columns),
            "note": " ".join(filter(None, [self.note, MISSING_NOTE if missing else ""])),
            "key": self.key,
            "emphasis": list(self.emphasis),
            **self._codes(),
        }

    def _codes(self) -> dict[str, list[str]]:
        """Code of each row's trust, where a trust names the row."""
        by_trust = any(c.row_header and c.label == "Trust" for c in self.columns) and "trust_code" in self.frame.columns
        return {"codes": [str(code) for code in self.frame["trust_code"]]} if by_trust else {}

    def csv(self) -> str:
        """The table as CSV: the same rows, values unrounded; ids, names and units that the frame has go first."""
        shown = {column.name for column in self.columns}
        keys = [name for name in KEYS if name in self.frame.columns and name not in shown]
        heads = [f"{c.label} ({c.unit})" if c.unit else c.label for c in self.columns]
        heads = [
            f"{head} ({c.name})" if heads.count(head) > 1 else head for head, c in zip(heads, self.columns, strict=True)
        ]
        names = [*keys, *(c.name for c in self.columns)]
        columns = [[_csv_cell(one) for one in self.frame[name].tolist()] for name in names]
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*keys, *heads])
        writer.writerows(zip(*columns, strict=True))
        return stream.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        data = self.data()
        return {
            TABLE_MIME: data,
            CSV_MIME: self.csv(),
            "text/html": f"<style>{_LAB_CSS}</style>{table_html(data)}",
            "text/plain": f"{self.caption} ({len(self.frame)} rows)",
        }


def _csv_cell(value: Any) -> str:
    if isinstance(value, tuple | list):
        return harmless("; ".join(map(str, value)))
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, dt.datetime):
        value = value.date()
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return value.replace(",", "").replace("−", "-").removeprefix("+")
    return f"{value:.10g}" if isinstance(value, float) else harmless(str(value))


@dataclass(frozen=True)
class Words:
    """Sentences in Markdown. Names from files go through :func:`plain` first.

    Attributes
    ----------
    markdown : str
    facts : dict
        Of sentences that `nof.show.say` filled in: what stands in them of which facts; see `nof.show.say.told_of`.
    """

    markdown: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"Words({_clipped(self.markdown)!r}, {len(self.markdown.split())} words)"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"text/markdown": self.markdown, "text/plain": self.markdown}
        return data, {"nof": dict(self.facts)} if self.facts else {}


@dataclass(frozen=True)
class Card:
    """A strip of key figures: each a label, a value and a note (text, the note may be empty)."""

    items: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        shown = "; ".join(f"{label}: {value}" for label, value, _ in self.items)
        return f"Card({_clipped(shown)!r}, {len(self.items)} figures)"

    def data(self) -> dict[str, Any]:
        """The strip as text, ready for JSON."""
        names = ("label", "value", "note")
        return {"items": [dict(zip(names, map(str, item), strict=True)) for item in self.items]}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        data = self.data()
        lines = [f"{label}: {value} {note}".rstrip() for label, value, note in self.items]
        return {
            CARD_MIME: data,
            "text/html": f"<style>{_LAB_CSS}</style>{card_html(data)}",
            "text/plain": "\n".join(lines),
        }


def _clipped(text: str, size: int = 60) -> str:
    """The beginning of a text on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= size else f"{flat[: size - 1]}…"


def table_html(data: Mapping[str, Any], number: str = "") -> str:
    """An accessible HTML table: caption, scope on column and row headers, numbers to the right."""
    number = f'<span class="number">{escape(number)}</span> ' if number else ""
    title = f'<caption><span class="title">{number}{escape(data["caption"])}</span></caption>'
    caption = title if data["caption"] else ""
    heads = "".join(_head(column) for column in data["columns"])
    tones = {int(key): value for key, value in (data.get("tones") or {}).items()}
    drawings = {int(key): value for key, value in (data.get("drawings") or {}).items()}
    columns = [
        _drawn(column, list(texts), drawings[j]) if j in drawings else _column(column, list(texts), tones.get(j))
        for j, (column, texts) in enumerate(zip(data["columns"], _transposed(data), strict=True))
    ]
    codes, emphasis = data.get("codes") or (), set(data.get("emphasis") or ())
    rows = [
        f"<tr{_classes('emphasis' if i in emphasis else '')}{_of_trust(codes, i)}>{''.join(cells)}</tr>"
        for i, cells in enumerate(zip(*columns, strict=True))
    ]
    return (
        f'<table class="nof">{caption}\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
    )


def _of_trust(codes: Sequence[str], row: int) -> str:
    """The trust that a row is about, for links and for marking it."""
    return f' data-trust="{escape(str(codes[row]))}"' if row < len(codes) else ""


def card_html(data: Mapping[str, Any]) -> str:
    """A strip of key figures as an HTML description list."""
    items = "".join(
        f'<div><dt>{escape(item["label"])}</dt><dd class="value">{escape(item["value"])}</dd>'
        + (f'<dd class="note">{escape(item["note"])}</dd>' if item.get("note") else "")
        + "</div>"
        for item in data["items"]
    )
    return f'<dl class="nof-card">{items}</dl>'


def _transposed(data: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return list(zip(*data["rows"], strict=True)) or [()] * len(data["columns"])


def _head(column: Mapping[str, Any]) -> str:
    if not column["label"]:  # an empty header cell would be announced as one: pandas' index has none
        return "<td></td>"
    classes = _classes("right" if column["align"] == "right" else "", "names" if column.get("row_header") else "")
    unit = f'<br><span class="unit">{escape(column["unit"])}</span>' if column.get("unit") else ""
    return f'<th scope="col"{classes}>{escape(column["label"])}{unit}</th>'


def _opener(column: Mapping[str, Any]) -> tuple[str, str]:
    """Beginning of a cell's tag, and its classes."""
    tag = '<th scope="row"' if column.get("row_header") else "<td"
    return tag, "right" if column["align"] == "right" else ""


def _column(column: Mapping[str, Any], texts: list[str], tones: list[str | None] | None) -> list[str]:
    """The cells of one column as HTML."""
    tag, right = _opener(column)
    close = "</th>" if column.get("row_header") else "</td>"
    shown = [f"{tag}{_classes(right)}>"] * len(texts)
    if tones:
        # Only a known tone becomes a class: the table may come from any notebook.
        known = {name: f"{tag}{_classes(right, name)}>" for name in style.TONES}
        shown = [known.get(tone or "", shown[0]) for tone in tones]
    return [f"{start}{escape(text, quote=False)}{close}" for start, text in zip(shown, texts, strict=True)]


def _drawn(column: Mapping[str, Any], texts: list[str], drawings: list[str | None]) -> list[str]:
    """The cells of one column of small drawings as HTML; one without a drawing shows its text."""
    tag, right = _opener(column)
    start, close = f"{tag}{_classes(right, 'drawn')}>", "</th>" if column.get("row_header") else "</td>"
    return [
        f"{start}{escape(text, quote=False) if drawing is None else _small(drawing, text)}{close}"
        for text, drawing in zip(texts, drawings, strict=True)
    ]


@lru_cache(maxsize=1024)  # the page has what the notebook showed
def _small(drawing: str, text: str) -> str:
    """A small drawing at its own size, with its description."""
    tidied = style.tidy(drawing)
    width, height = style.dimensions(tidied)
    size = f'width="{width:g}pt" height="{height:g}pt"'
    return tidied.replace("<svg", f'<svg role="img" aria-label="{escape(text)}" {size}', 1)


def _classes(*names: str) -> str:
    joined = " ".join(filter(None, names))
    return f' class="{joined}"' if joined else ""


def _cells(values: list[Any], column: Column) -> list[str]:
    write = _writer(column.format)
    return [MISSING if _absent(value) else write(value) for value in values]


def _absent(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _writer(form: str | Callable[[Any], str] | None) -> Callable[[Any], str]:
    """From value to text; a minus sign is a real one, as wide as a plus."""
    if form is None:
        return str
    if callable(form):
        return lambda value: str(form(value))
    spec = form if "{" in form else "{:" + form + "}"
    whole = spec.endswith(("d}", "d"))  # a column with gaps holds 3 as 3.0
    return lambda value: _signed(spec.format(int(value) if whole and value == int(value) else value))


def _signed(text: str) -> str:
    """A real minus sign; none before a number that rounds to nought."""
    if text[:1] in "+-" and not text.strip("+-0.,% "):
        text = text[1:]
    return text.replace("-", "−")


def _tones(frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, list[str | None]]:
    """Background of each cell, for the columns that have any."""
    return {
        str(j): [None if _absent(value) else column.tone(value) for value in frame[column.name].tolist()]
        for j, column in enumerate(columns)
        if column.tone is not None
    }


def _drawings(frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, list[str | None]]:
    """Small drawing of each cell, for the columns that have any."""
    return {
        str(j): [None if _absent(value) else column.draw(value) for value in frame[column.name].tolist()]
        for j, column in enumerate(columns)
        if column.draw is not None
    }


_LAB_CSS = (
    "table.nof caption{text-align:left;font-weight:600;caption-side:top;padding:.4em 0}"
    "table.nof th,table.nof td{text-align:left;font-weight:400}"
    "table.nof thead th{font-weight:600;vertical-align:bottom}"
    "table.nof .right{text-align:right;font-variant-numeric:tabular-nums}"
    "table.nof .unit{font-weight:400;opacity:.8}"
    "table.nof tr.emphasis>*{font-weight:600}"
    + "".join(f"table.nof .{name}{{background:{wash};color:{style.INK}}}" for name, wash in style.TONES.items())
    + "dl.nof-card{display:flex;flex-wrap:wrap;gap:1em}dl.nof-card dd{margin:0}"
    "dl.nof-card .value{font-size:1.6em;font-weight:600}"
)
