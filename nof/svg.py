"""SVG drawings made small, safe and free of clashes, so that several fit in one page.

Only drawing elements and attributes that are named here survive: no script, no event handler, no
reference to anything outside the drawing.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from nof.errors import NofError

SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    "svg g path rect circle ellipse line polyline polygon text tspan defs use symbol clipPath mask "
    "linearGradient radialGradient stop pattern image style".split()
)
_ATTRIBUTES = frozenset(
    "id d x y x1 y1 x2 y2 cx cy r rx ry dx dy fx fy width height viewBox points transform style "
    "clip-path clip-rule clipPathUnits mask fill fill-opacity fill-rule stroke stroke-width "
    "stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin "
    "stroke-miterlimit opacity font-size font-family font-weight font-style text-anchor "
    "dominant-baseline gradientUnits gradientTransform patternUnits patternTransform "
    "patternContentUnits offset stop-color stop-opacity preserveAspectRatio href".split()
)
_GEOMETRY = frozenset("d x y x1 y1 x2 y2 cx cy r width height points transform".split())
_LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")
_NO_TURN = re.compile(r"rotate\(-?0(?: [^)]*)?\)")
_LOCAL = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_ELSEWHERE = re.compile(r"url\((?!\s*['\"]?\s*#)|@import|expression\(|javascript:", re.IGNORECASE)
# Characters that would be invalid in HTML or XML, or that reorder the text around them.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*")


def clean(text: Any) -> str:
    """Text without characters that no document may hold; each becomes U+FFFD."""
    return _UNFIT.sub("\ufffd", str(text))


def tidy(svg: str, prefix: str = "", text: Callable[[str], str] = str) -> str:
    """Rewrite an SVG drawing with only what it needs.

    Parameters
    ----------
    svg : str
        The drawing, as matplotlib or anything else wrote it.
    prefix : str
        Put before every id, so that drawings in one page do not clash.
    text : callable
        Applied to every piece of text (to replace characters that a font lacks).

    Returns
    -------
    str
        An ``<svg>`` element without XML prologue, with coordinates cut to 0.01 points.

    Raises
    ------
    NofError
        If it is not well-formed SVG, or defines entities.
    """
    if "<!ENTITY" in svg:
        raise NofError("an SVG drawing that defines entities is refused")
    try:
        root = ET.fromstring(clean(svg))
    except ET.ParseError as error:
        raise NofError(f"a figure is not well-formed SVG: {error}") from None
    if _name(root) != "svg":
        raise NofError(f"a figure is not SVG: it begins with <{_name(root)}>")
    _filter(root, text)
    _rename(root, prefix)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def dimensions(svg: str) -> tuple[float, float]:
    """Width and height in points, from the viewBox or the size; 482 by 300 where neither is given."""
    head = svg[svg.find("<svg") :].split(">", 1)[0]
    box = re.search(r'viewBox="([-\d.eE]+)[ ,]+([-\d.eE]+)[ ,]+([\d.eE]+)[ ,]+([\d.eE]+)"', head)
    if box:
        return float(box[3]) or 482.0, float(box[4]) or 300.0
    sizes = [re.search(rf'\s{side}="([\d.]+)', head) for side in ("width", "height")]
    width, height = (float(s[1]) if s and float(s[1]) else d for s, d in zip(sizes, (482.0, 300.0), strict=True))
    return width, height


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _filter(element: ET.Element, text: Callable[[str], str]) -> None:
    """Drop what is not on the lists, from this element down."""
    element.tag = f"{{{SVG}}}{_name(element)}"
    element.attrib = dict(filter(None, map(_attribute, element.attrib.items())))
    for child in list(element):
        if _name(child) not in _ELEMENTS or (_name(child) == "style" and _ELSEWHERE.search(child.text or "")):
            element.remove(child)
        else:
            _filter(child, text)
            child.tail = text(child.tail) if child.tail and child.tail.strip() else None
    if element.text:
        element.text = text(element.text) if element.text.strip() else None


def _attribute(item: tuple[str, str]) -> tuple[str, str] | None:
    """The attribute as it may stay, or None."""
    name, value = item
    name = "href" if name == _XLINK else name
    if name not in _ATTRIBUTES or (name != "href" and _ELSEWHERE.search(value)):
        return None
    if name == "href" and not (value.startswith("#") or _PICTURE.fullmatch(value)):
        return None
    if name in _GEOMETRY:
        value = _NO_TURN.sub("", " ".join(_LONG_NUMBER.sub(r"\1", value).split()))
    return (name, value) if value else None


def _rename(root: ET.Element, prefix: str) -> None:
    """Keep only ids that something refers to, and put the prefix before them."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href":
                used.add(value[1:])
            elif "url(" in value:
                used.update(_LOCAL.findall(value))
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id" and value in used:
                element.set(name, prefix + value)
            elif name == "id":
                del element.attrib[name]
            elif name == "href" and value.startswith("#"):
                element.set(name, f"#{prefix}{value[1:]}")
            elif "url(" in value:
                element.set(name, _LOCAL.sub(rf"url(#{prefix}\1)", value))
