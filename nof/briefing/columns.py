"""Fits a table to the page: type size, column widths, and parts where it is too wide.

Numbers never wrap; names may, onto a second line. Type shrinks in small steps; then heads that are wider than their
numbers stand upright; then a table is split into parts that each repeat the columns which name the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nof.briefing.markdown_typst import breakable
from nof.show import style
from nof.show.fonts import drawable, text_width
from nof.show.style import clean, dimensions, tidy

PAGE_PT = style.TEXT_WIDTH_MM * style.POINTS_PER_MM
BETWEEN_PT = 24.0  # between two columns of a sheet on its side
_SHORT, _EASY = 12, 8.0  # rows of a table that stays in one column, the smallest type of one that runs in two
# Type size, points at either side of a cell, and the share of what names would like that they must
# get: first smaller type with names in one line, then names in two or three lines.
_TRIALS = (
    *((size, inset, 1.0) for size in style.TABLE_PT if size >= 8 for inset in (5.0, 4.0)),
    *((size, inset, share) for share in (0.7, 0.0) for size in style.TABLE_PT for inset in (4.0, 3.0)),
)
_LAST_INSET = 3.0
_SLACK = 0.25  # ems: kerning and rounding
_LEVEL = 5  # letters of a head of one word that never stands upright
_TWO_LINES = 2.3  # ems across two lines of an upright head
_WIDEST_NAME = 24.0  # ems: a name column asks for no more than this and wraps beyond it


def fitted(data: Mapping[str, Any], landscape: bool = False) -> list[dict[str, Any]]:
    """The parts of a table as `fit` has them, for a sheet that stands or lies on its side.

    On its side, a long table that needs half of the sheet runs in two columns there (`beside`).
    """
    if not landscape:
        return fit(data)
    page = style.LANDSCAPE_MM[0] * style.POINTS_PER_MM
    half = fit(data, (page - BETWEEN_PT) / 2) if len(data["rows"]) > _SHORT else []
    if len(half) == 1 and half[0]["size"] >= _EASY:
        return [half[0] | {"beside": True}]
    return fit(data, page)


def fit(data: Mapping[str, Any], page: float = PAGE_PT) -> list[dict[str, Any]]:
    """The parts of a table, each with its type size, cell inset and column widths in points.

    Parameters
    ----------
    data : mapping
        As ``nof.show.display.Table.data()`` gives it.
    page : float
        Width at hand, in points.
    """
    texts = _prepared(data)
    drawn = {j: _drawing_width(drawings) for j, drawings in texts["drawings"].items()}
    spans = [
        _span(column, [] if j in drawn else [row[j] for row in texts["rows"]], drawn.get(j, 0.0))
        for j, column in enumerate(texts["columns"])
    ]
    narrow = [_upright(column, [row[j] for row in texts["rows"]]) for j, column in enumerate(texts["columns"])]
    stood = [one or span for one, span in zip(narrow, spans, strict=True)]
    for heads in (spans, stood):
        for size, inset, share in _TRIALS:
            widths = _widths(heads, size, inset, page, share)
            if widths:
                up = [one is not span for one, span in zip(heads, spans, strict=True)]
                return [_part(texts, range(len(spans)), widths, size, inset, up)]
    return _split(texts, spans, page)


def _prepared(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose every text can be drawn and broken."""
    columns = [
        {
            "label": _set(c["label"]),
            "unit": _set(c.get("unit") or ""),
            "align": c["align"],
            "row_header": bool(c.get("row_header")),
        }
        for c in data["columns"]
    ]
    rows = [[_set(cell) for cell in row] for row in data["rows"]]
    extras = {key: _set(data.get(key) or "") for key in ("caption", "note", "key")}
    tones = {
        int(j): {str(i): name for i, name in enumerate(names) if name in style.TONES}
        for j, names in (data.get("tones") or {}).items()
    }
    drawings = {
        int(j): {str(i): tidy(one, text=drawable) for i, one in enumerate(drawn) if one is not None}
        for j, drawn in (data.get("drawings") or {}).items()
    }
    emphasis = list(data.get("emphasis") or ())
    return {"columns": columns, "rows": rows, "tones": tones, "drawings": drawings, "emphasis": emphasis, **extras}


def _set(text: Any) -> str:
    return breakable(drawable(clean(text)))


class _Span(NamedTuple):
    """Least, desired and full width of a column in ems, and the points that a drawing in it takes."""

    least: float
    wanted: float
    full: float
    drawing: float = 0.0

    def at(self, size: float) -> tuple[float, float, float]:
        """The three widths in points at a type size."""
        return (
            max(self.least * size, self.drawing),
            max(self.wanted * size, self.drawing),
            max(self.full * size, self.drawing),
        )


def _drawing_width(drawings: Mapping[str, str]) -> float:
    """Points that the widest of some drawings takes."""
    return max((dimensions(one)[0] for one in drawings.values()), default=0.0)


def _span(column: Mapping[str, Any], cells: list[str], drawing: float) -> _Span:
    """Widths of a column: words never break, numbers never wrap."""
    head = _widest([*_words(column["label"]), column["unit"]])
    full = _widest(set(cells))
    if column["align"] == "right":
        return _Span(*(max(head, full) + _SLACK,) * 3, drawing)
    least = max(head, _widest({word for cell in set(cells) for word in _words(cell)}))
    wanted = min(full, _WIDEST_NAME)
    return _Span(max(least, 0.45 * wanted) + _SLACK, max(least, wanted) + _SLACK, max(least, full) + _SLACK, drawing)


def _upright(column: Mapping[str, Any], cells: list[str]) -> _Span | None:
    """Widths of a column of numbers whose head stands upright in two lines; None for columns whose head stays level."""
    if column["align"] != "right" or (len(_words(column["label"])) == 1 and len(column["label"]) <= _LEVEL):
        return None
    return _Span(*(max(_widest(set(cells)), _TWO_LINES) + _SLACK,) * 3)


def _tall(column: Mapping[str, Any]) -> float:
    """Ems that a head takes in two lines, or a line and its unit."""
    words = column["label"].split()
    lines = [(" ".join(words[:k]), " ".join(words[k:])) for k in range(1, len(words))] or [(column["label"], "")]
    shortest = min(map(_widest, lines)) if not column["unit"] else _widest([column["label"], column["unit"]])
    return shortest + 2 * _SLACK


def _widest(texts: Iterable[str]) -> float:
    return max((text_width(text, "600") for text in texts), default=0.0)


def _words(text: str) -> list[str]:
    return text.replace("\u200b", " ").split()


def _widths(spans: list[_Span], size: float, inset: float, page: float, needed: float) -> list[float] | None:
    """Column widths in points, or None if names would get less than the share needed."""
    room = page - 2 * inset * len(spans)
    points = [span.at(size) for span in spans]
    least, wanted = (sum(one[k] for one in points) for k in (0, 1))
    if least > room:
        return None
    # What is left goes to the columns that would like more, in proportion to what they lack.
    share = min(1.0, (room - least) / (wanted - least)) if wanted > least else 1.0
    if share < needed:
        return None
    widths = [low + share * (high - low) + 2 * inset for low, high, _ in points]
    return _spread(widths, [full + 2 * inset for _, _, full in points], page)


def _spread(widths: list[float], full: list[float], page: float) -> list[float]:
    """Give names the rest of their width, then stretch a table that nearly fills the page."""
    lacking = [max(0.0, most - width) for width, most in zip(widths, full, strict=True)]
    part = min(1.0, max(0.0, page - sum(widths)) / (sum(lacking) or 1.0))
    widths = [width + part * lack for width, lack in zip(widths, lacking, strict=True)]
    total = sum(widths)
    if total < 0.55 * page:
        return widths
    return [width + (page - total) / len(widths) for width in widths]


def _split(texts: dict[str, Any], spans: list[_Span], page: float) -> list[dict[str, Any]]:
    """Parts with as many columns as fit, each beginning with the columns that name the row."""
    size, inset = style.TABLE_PT[-1], _LAST_INSET
    names = [j for j, column in enumerate(texts["columns"]) if column["row_header"]]
    cost = [min(span.at(size)[0] + 2 * inset, page / 2) for span in spans]
    rooms = page - sum(cost[j] for j in names)
    if rooms < page / 4:  # the names alone fill the page: do not repeat them
        names, rooms = [], page
    groups = _groups([j for j in range(len(spans)) if j not in names], cost, rooms)
    parts = []
    for number, group in enumerate(groups, start=1):
        chosen = names + group
        widths = [cost[j] for j in chosen]
        part = _part(texts, chosen, _spread(widths, widths, page), size, inset)
        part["caption"] = f"{texts['caption']} (part {number} of {len(groups)})".strip()
        if number < len(groups):
            part["note"] = part["key"] = ""
        parts.append(part)
    return parts


def _groups(columns: list[int], cost: list[float], room: float) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    used = 0.0
    for j in columns:
        if groups[-1] and used + cost[j] > room:
            groups.append([])
            used = 0.0
        groups[-1].append(j)
        used += cost[j]
    return groups


def _part(
    texts: dict[str, Any], chosen: Any, widths: list[float], size: float, inset: float, upright: Sequence[bool] = ()
) -> dict[str, Any]:
    chosen = list(chosen)
    stands = upright or [False] * len(chosen)
    columns = [
        texts["columns"][j] | {"width": round(w, 2), "upright": up}
        for j, w, up in zip(chosen, widths, stands, strict=True)
    ]
    return {
        "caption": texts["caption"],
        "note": texts["note"],
        "key": texts["key"],
        "columns": columns,
        "rows": [[row[j] for j in chosen] for row in texts["rows"]],
        "tones": {str(k): texts["tones"][j] for k, j in enumerate(chosen) if j in texts["tones"]},
        "drawings": {str(k): texts["drawings"][j] for k, j in enumerate(chosen) if j in texts["drawings"]},
        "emphasis": texts["emphasis"],
        "size": size,
        "inset": inset,
        "tall": round(size * max((_tall(one) for one in columns if one["upright"]), default=0.0), 2),
        "beside": False,  # in two columns of the page
    }
