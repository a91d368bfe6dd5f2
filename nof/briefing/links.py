"""The way from each page of a report to the others: its index, its siblings, its files, its data, the quarters beside it.

A briefing is made without knowing what else there will be. When everything is made, `link` writes the way into each page,
only to files that are there; linking again gives the same page, so that a page may be carried over. A published report is
never changed afterwards: the way to a later quarter stands on pages made while that quarter was there, and the page of all
quarters leads to every one. PDFs and Word files travel by mail, without the files beside them: they carry no such links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nof import common
from nof.briefing import manifest, plan
from nof.briefing.params import NOWCAST_NOTEBOOK, TRUST_NOTEBOOK, national_briefings
from nof.common import Quarter, names_a_quarter, write_text
from nof.read.publication import Publication
from nof.show.words import bodies

INDEX = "index.html"
DICTIONARY = "data-dictionary.html"
_OWN = {TRUST_NOTEBOOK: "Briefing", NOWCAST_NOTEBOOK: "Before publication day"}
_FORMS = {".pdf": "PDF", ".docx": "Word"}
_PLACE = re.compile(r"<!--site-(top|foot)-->.*?<!--/site-\1-->", re.DOTALL)
_DATA = re.compile(r"<!--data:([a-z0-9_]+):([A-Za-z0-9 ]*)-->.*?<!--/data-->", re.DOTALL)
# Cells hold escaped text only, so the cell that names a row can be found without reading the page as HTML.
_NAMED = re.compile(
    r'(<tr[^>]* data-trust="([^"]+)"[^>]*>(?:<td[^>]*>[^<]*</td>)*<th scope="row"[^>]*>)(?:<a [^>]*>)?([^<]*)(?:</a>)?(?=</th>)'
)


@dataclass(frozen=True)
class Neighbour:
    """The nearest quarter before or after that is in the site: which way, its slug, the files of its report."""

    way: str  # "Previous quarter" or "Next quarter"
    slug: str
    files: frozenset[str]

    def address(self, page: str) -> str | None:
        """From the folder of quarters to the same page of that quarter, else to its index; None where it has neither."""
        return next((f"{self.slug}/{one}" for one in (page, INDEX) if one in self.files), None)


@dataclass(frozen=True)
class Site:
    """What there is to link to.

    Attributes
    ----------
    label : str
        The quarter: "Q4 2025/26".
    files : frozenset of str
        Paths inside the report.
    entries : mapping
        Briefings by name, as in the manifest.
    types : mapping
        Trust type by trust code.
    neighbours : tuple of Neighbour
    outside : bool
        Whether pages may lead out of the report: not in a zip.
    """

    label: str
    files: frozenset[str]
    entries: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, str]
    neighbours: tuple[Neighbour, ...] = ()
    outside: bool = True

    @cached_property
    def owners(self) -> dict[str, str]:
        """Every web page that is there by name, with the briefing that it belongs to.

        A trust's briefing has sheets beside it, as "trusts/R1A-safe-to-say".
        """
        return {
            page: name
            for name, entry in self.entries.items()
            for page in (name, *(one.removesuffix(".html") for one in entry["files"] if one.endswith(".html")))
            if f"{page}.html" in self.files
        }

    @cached_property
    def pages(self) -> dict[str, str]:
        """A trust's own web page by its code."""
        trusts = {one["trust"]: name for name, one in self.entries.items() if one.get("trust")}
        return {code: f"{name}.html" for code, name in trusts.items() if f"{name}.html" in self.files}

    @cached_property
    def of_trust(self) -> dict[str, list[str]]:
        """The names of each trust's pages by its code, in order."""
        found: dict[str, list[str]] = {}
        for one in sorted(self.owners):
            if one.startswith("trusts/"):
                found.setdefault(_code(one), []).append(one)
        return found

    @cached_property
    def beside(self) -> list[tuple[str, str, str | None]]:
        """Name, notebook and trust type of each page that is no trust's, in the order in which a reader would want them."""
        order = national_briefings()
        found = [
            (one, str(entry.get("notebook")), entry.get("trust_type"))
            for one, owner in self.owners.items()
            if not one.startswith("trusts/") and (entry := self.entries[owner])
        ]
        return sorted(found, key=lambda page: (order.index(page[1]) if page[1] in order else len(order), page[0]))


def site(
    folder: Path,
    quarter: str,
    entries: Mapping[str, Mapping[str, Any]],
    publication: Publication,
    neighbours: Iterable[Neighbour] = (),
) -> Site:
    """What a report has, before its index and its zips are written."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    types = publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
    return Site(
        Quarter.parse(quarter).label,
        frozenset(files | {INDEX}),
        entries,
        dict(zip(types["trust_code"], types["trust_type"], strict=True)),
        tuple(neighbours),
    )


def neighbours(out: Path, quarter: str, illustrative: bool) -> tuple[Neighbour, ...]:
    """The nearest quarters before and after that have a report; made-up and real quarters are not joined."""
    found: dict[str, frozenset[str]] = {}
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        facts = manifest.read(path) if names_a_quarter(path.name) and path.name != quarter else {}
        if facts and (facts.get("illustrative") is True) == illustrative and isinstance(facts.get("outputs"), dict):
            found[path.name] = frozenset(facts["outputs"])
    before, after = [one for one in found if one < quarter][-1:], [one for one in found if one > quarter][:1]
    ways = [("Previous quarter", before), ("Next quarter", after)]
    return tuple(Neighbour(way, slug, found[slug]) for way, slugs in ways for slug in slugs)


def link(folder: Path, there: Site) -> None:
    """Write the way into every page of a report; the entries get the new hashes of their pages."""
    for name, owner in there.owners.items():
        page = folder / f"{name}.html"
        write_text(page, linked(page.read_text(encoding="utf-8"), name, there))
        there.entries[owner]["files"][f"{name}.html"] = common.sha256(page)


def linked(page: str, name: str, there: Site) -> str:
    """A briefing's page with the way to the others.

    Parameters
    ----------
    page : str
        HTML, linked before or not.
    name : str
        The briefing's name, as "league_table-acute" or "trusts/R1A".
    there : Site
    """
    up = "../" * name.count("/")

    def way(match: re.Match) -> str:
        """The navigation at the top or at the foot."""
        return f"<!--site-{match[1]}-->{_navigation(list(_ways(name, there)), match[1])}<!--/site-{match[1]}-->"

    def data(match: re.Match) -> str:
        """Where the figures of a figure or table are, if they are anywhere."""
        file = _table(match[1], _type(name, there), there)
        words = f'Data<span class="unseen"> of {match[2]}</span> (CSV)'
        shown = f'<p class="data-link"><a href="{up}{quote(file)}">{words}</a></p>' if file else ""
        return f"<!--data:{match[1]}:{match[2]}-->{shown}<!--/data-->"

    def named(match: re.Match) -> str:
        """A row's name, as a link to that trust's briefing."""
        own = there.pages.get(match[2])
        leads = own is not None and own != f"{name}.html"
        return match[1] + (f'<a href="{up}{quote(str(own))}">{match[3]}</a>' if leads else match[3])

    return _NAMED.sub(named, _DATA.sub(data, _PLACE.sub(way, page)))


def in_zip(there: Site) -> Site:
    """What can be reached from a page in a zip: nothing outside."""
    return replace(there, neighbours=(), outside=False)


def alone(page: str, name: str, there: Site) -> str:
    """A linked page that goes with its own other forms only, beside it in one folder."""
    files = frozenset(Path(one).name for one in there.entries[there.owners[name]]["files"])
    return linked(page, Path(name).name, Site(there.label, files, {}, {}, outside=False))


def _type(name: str, there: Site) -> str | None:
    entry = there.entries.get(name, {})
    found = entry.get("trust_type") or there.types.get(str(entry.get("trust") or ""))
    return found or (there.types.get(_code(name)) if name.startswith("trusts/") else None)


def _code(name: str) -> str:
    return name.removeprefix("trusts/").split("-")[0]


def _table(table: str, trust_type: str | None, there: Site) -> str | None:
    names = [f"tables/{table}-{trust_type}.csv", f"tables/{table}.csv"]
    return next((one for one in names if one in there.files), None)


def _ways(name: str, there: Site) -> Iterator[tuple[str, str | None]]:
    """Words and address of each link of the navigation; no address for the page itself."""
    up, trust = "../" * name.count("/"), _code(name) if name.startswith("trusts/") else ""
    if INDEX in there.files:
        yield f"All of {there.label}", f"{up}{INDEX}"
    for other, words in _siblings(name, there):
        mark = f"?trust={quote(trust)}" if trust and not other.startswith("trusts/") else ""
        yield words, None if other == name else f"{up}{quote(other)}.html{mark}"
    own = Path(name)
    for ending, words in _FORMS.items():
        if f"{name}{ending}" in there.files:
            yield f"This page as {words}", quote(f"{own.name}{ending}")
    if DICTIONARY in there.files:
        yield "What the data mean", f"{up}{DICTIONARY}"
    if there.outside:
        for one in there.neighbours:
            if address := one.address(f"{name}.html"):
                yield f"{one.way}, {Quarter.parse(one.slug).label}", f"{up}../{quote(address)}"
        yield "All quarters", f"{up}../{INDEX}"


def _siblings(name: str, there: Site) -> Iterator[tuple[str, str]]:
    """The briefings beside a page, itself among them: of the same trust, and national ones of its trust type."""
    if name.startswith("trusts/"):
        own = there.of_trust.get(_code(name), [])
        for one in own if len(own) > 1 else ():
            owner = there.owners[one]
            what = str(there.entries[owner].get("notebook")) if one == owner else one.removeprefix(owner).lstrip("-")
            yield one, _OWN.get(what, what.replace("_", " ").replace("-", " ").capitalize())
    kind = _type(name, there)
    for one, notebook, trust_type in there.beside:
        if kind is None or trust_type in (kind, None):
            title = plan.TITLES.get(notebook, notebook.replace("_", " ").capitalize())
            yield one, title if kind or not trust_type else f"{title}, {bodies(trust_type)}"


def _navigation(ways: Sequence[tuple[str, str | None]], place: str) -> str:
    if not ways:
        return ""
    items = "".join(
        f'<li><a href="{address}">{escape(words)}</a></li>'
        if address
        else f'<li><span aria-current="page">{escape(words)}</span></li>'
        for words, address in ways
    )
    label = "This report" if place == "top" else "This report, at the foot"
    return f'<nav class="site" aria-label="{label}"><ul>{items}</ul></nav>'
