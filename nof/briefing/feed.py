"""feed.xml: an Atom feed (RFC 4287) with an entry for a publication, one for what it restates, and one a trust.

Ids are name-based UUIDs: the same quarter and trust keep theirs in every run, and a re-issue that restates other figures
has an entry of its own. Nothing in NHS England's files says when they were published, and a report knows no clock, so
`updated` is the last day of the quarter that an entry is about.
"""

from __future__ import annotations

import hashlib
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nof.briefing.digest import Digest
from nof.common import Quarter, write_text
from nof.show.words import INDEPENDENT

FILE = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"
NAMESPACE = uuid.UUID("8b1f6f8e-5f1c-5d2a-9f0e-3f0a2c6b7d11")  # of this project's ids; drawn once, never to change


def entry_id(*parts: str) -> str:
    """A stable id: the same parts give the same urn:uuid."""
    return uuid.uuid5(NAMESPACE, "/".join(parts)).urn


def feed(found: dict[str, Any], made: list[Digest], pages: dict[str, str], place: str = "") -> str:
    """The feed of a publication.

    Parameters
    ----------
    found : dict
        As `changes.changes`.
    made : list of Digest
    pages : dict
        Path of each trust's page inside the report, by code; the others link to the index.
    place : str
        What comes before a path inside the report, as "2025-26-q4/" from the reports folder.
    """
    quarter = Quarter.parse(found["quarter"])
    day = f"{quarter.last_day.isoformat()}T00:00:00Z"
    kind = "illustrative" if found["illustrative"] else "published"
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en-GB"})
    title = f"NHS trust league tables{' (made-up data)' if found['illustrative'] else ''}"
    _head(root, title, entry_id("feed", kind), day, f"{place}index.html")
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=FILE)
    ET.SubElement(ET.SubElement(root, "author"), "name").text = INDEPENDENT
    if found["licence"]:
        ET.SubElement(root, "rights").text = _legal(found["licence"])
    _entry(
        root,
        f"League tables of {quarter.label}",
        entry_id(kind, quarter.slug),
        day,
        f"{place}index.html",
        _counts(found),
    )
    if found["restated"]:
        digest = hashlib.sha256(repr(found["restated"]).encode()).hexdigest()
        lines = [
            f"{one['quarter']}, {one['trust_type']}: {one['figures']} of kind {one['what']} ({one['level']})"
            for one in found["restated"]
        ]
        _entry(root, f"Restated with {quarter.label}", entry_id(kind, quarter.slug, "restated", digest), day, f"{place}changes.json", lines)  # fmt: skip
    for one in made:
        page = f"{place}{quote(pages.get(one.trust_code, 'index.html'))}"
        _entry(root, one.title, entry_id(kind, quarter.slug, one.trust_code), day, page, list(one.lines))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _head(parent: ET.Element, title: str, name: str, day: str, page: str) -> None:
    ET.SubElement(parent, "title").text = _legal(title)
    ET.SubElement(parent, "id").text = name
    ET.SubElement(parent, "updated").text = day
    ET.SubElement(
        parent, "link", rel="alternate", type="text/html" if page.endswith(".html") else "application/json", href=page
    )


def _entry(root: ET.Element, title: str, name: str, day: str, page: str, lines: list[str]) -> None:
    entry = ET.SubElement(root, "entry")
    _head(entry, title, name, day, page)
    ET.SubElement(entry, "content", type="text").text = _legal("\n".join(lines))


def _counts(found: dict[str, Any]) -> list[str]:
    said = {"trusts": "changes of trusts", "restated": "kinds of restated figures", "rules": "changes of rules"}
    lines = [
        f"{said[name]}: {one['major']} major, {one['minor']} minor"
        for name, one in found["counts"].items()
        if name != "restated" or found["compared_with"]
    ]
    unknown = [] if found["compared_with"] else ["restated figures: not known, no older file is at hand"]
    return [found["source"], *lines, *unknown]


def _legal(text: str) -> str:
    """Without characters that XML has no place for."""
    return "".join(
        one
        for one in text
        if one in "\t\n\r" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one > "\uffff"
    )


def write(folder: Path, text: str) -> None:
    """Write feed.xml into a folder."""
    write_text(folder / FILE, text)
