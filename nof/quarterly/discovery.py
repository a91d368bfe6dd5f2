"""What NHS England's pages offer: their links, read as files, newest version first."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from nof.common import Quarter
from nof.quarterly.catalogue import Catalogue, Clock, Limits, Policy, Source, SourceUnreachable
from nof.quarterly.download import get

log = logging.getLogger(__name__)

_PAGES = 30  # linked pages read at most: the real page links to about ten on the subject


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of a link."""
        self.found += [value.strip() for name, value in attrs if tag == "a" and name == "href" and value]


def _links(html: str, base: str) -> list[str]:
    """Absolute addresses of a page's links, in order; those that climb out of a folder are dropped."""
    parser = _Anchors()
    parser.feed(html)
    found = []
    for href in dict.fromkeys(parser.found):
        if ".." in re.split(r"[/\\]", unquote(unquote(href))):
            log.warning("link %r on %s has .. in it and is not followed", href, base)
            continue
        try:
            found.append(urldefrag(urljoin(base, href)).url)
        except ValueError:
            log.warning("link %r on %s is no address", href, base)
    return found


@dataclass
class Session:
    """What one fetch carries about: where to look, how, and what it noticed."""

    catalogue: Catalogue
    into: Path
    limits: Limits
    clock: Clock
    policy: Policy
    warnings: list[str] = field(default_factory=list)
    pages: dict[str, dict] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Note something that a person should know."""
        log.warning(text)
        self.warnings.append(text)

    def page(self, address: str) -> list[str]:
        """The links of a page; asked for conditionally, so an unchanged page is not sent again."""
        known = self.pages.get(address, {})
        known = known if known.get("follow") == self.catalogue.follow else {}  # other links were kept then
        sink = BytesIO()
        got = get(
            address,
            sink,
            policy=self.policy,
            limits=self.limits,
            clock=self.clock,
            conditions=conditions(known),
            size_limit=self.limits.page_bytes,
        )
        if got.status != 304:
            links = _links(sink.getvalue().decode("utf-8", "replace"), got.final_address)
            wanted = [link for link in links if self.catalogue.follow in link or link.lower().endswith(".csv")]
            self.pages[address] = {"follow": self.catalogue.follow, "headers": dict(got.headers), "links": wanted}
        return self.pages[address]["links"]

    def discover(self) -> tuple[Source, ...]:
        """Every file of NHS England's naming that the start page or a page it links to offers."""
        links = self.page(self.catalogue.start)
        site = urlsplit(self.catalogue.start).netloc
        onward = [
            link
            for link in links
            if urlsplit(link).netloc == site
            and self.catalogue.follow in urlsplit(link).path
            and "." not in link.rpartition("/")[2]
            and link.rstrip("/") != self.catalogue.start.rstrip("/")
        ]
        for page in onward[:_PAGES]:
            try:
                links = links + self.page(page)
            except SourceUnreachable as error:
                self.warn(f"a linked page could not be read: {error}")
        sources = (self.catalogue.source(link, "linked") for link in dict.fromkeys(links))
        return tuple(source for source in sources if source and self._allowed(source))

    def _allowed(self, source: Source) -> bool:
        if reason := self.policy.refusal(source.address):
            self.warn(f"link to {source.address} not followed: {reason}")
        return not self.policy.refusal(source.address)


def conditions(record: Mapping) -> dict[str, str]:
    """Headers that ask for what has changed since an earlier answer only."""
    headers = record.get("headers") or {}
    pairs = {"If-None-Match": headers.get("etag"), "If-Modified-Since": headers.get("last-modified")}
    return {name: value for name, value in pairs.items() if value}


def ranked(catalogue: Catalogue, sources: Iterable[Source], quarter: Quarter) -> dict[tuple[str, str], list[Source]]:
    """Candidates for each file of a quarter, newest version first.

    A name that says no quarter counts only where no name says this one, and never if the catalogue
    gives its address to another quarter; what is in it is checked after download in any case.
    """
    elsewhere = {s.address for slug, known in catalogue.publications.items() if slug != quarter.slug for s in known}
    fitting = [s for s in sources if s.quarter == quarter or (s.quarter is None and s.address not in elsewhere)]
    slots: dict[tuple[str, str], list[Source]] = {}
    for source in sorted(fitting, key=lambda s: (s.quarter is not None, s.version), reverse=True):
        if source.address not in [other.address for other in slots.setdefault(source.slot, [])]:
            slots[source.slot].append(source)
    return slots
