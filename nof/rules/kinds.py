"""What a kind of organisation is called: "trust", "ICB", or, where kinds stand together, "organisation".

The words are data (data/reference/kinds.yaml). Every sentence about one kind takes them from here; `said` turns a sentence
that was written about trusts into one about the kind at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nof import common

FILE = "kinds.yaml"
BOARD = "integrated-care-board"
_AN = re.compile(r"[aeiou]|ICB", re.IGNORECASE)  # "ICB" is read letter by letter: an ICB
# The word on its own, and no part of an address, an attribute or a file's name; names of trusts have a capital letter.
_TRUST = re.compile(
    r"(?<![\w/=?&.#-])(?:(?P<article>[Aa]) (?P<mark>[*_]*))?(?:(?P<nhs>NHS) )?(?P<word>trusts?|Trusts?)(?![\w/=-]|\.\w)"
)
_JOINED = re.compile(r"(?<![^\s(>])trust(?=-[a-z])")  # trust-quarters
_NAMED = re.compile(r"(?:Foundation|Care|NHS|Healthcare|Community|Partnership) (?:NHS )?Trust")


class Kind(BaseModel):
    """Words for one kind of organisation.

    Attributes
    ----------
    slug : str
        As frames name the kind: "acute"; "" for several kinds together.
    name : str
        What stands before the noun: "acute" (trusts); "" where the noun says it all.
    one, many : str
        The noun in running text: "trust", "trusts"; "ICB", "ICBs".
    in_full, in_full_many : str
        Spelled out, for headings and the first mention: "integrated care board".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: str = ""
    name: str
    one: str
    many: str
    in_full: str
    in_full_many: str

    @property
    def a(self) -> str:
        """The noun with its article: "a trust", "an ICB"."""
        return f"{'an' if _AN.match(self.one) else 'a'} {self.one}"

    @property
    def a_named(self) -> str:
        """The noun with name and article: "an acute trust", "an ICB"."""
        words = f"{self.name} {self.one}".strip()
        return f"{'an' if _AN.match(words) else 'a'} {words}"

    @property
    def all(self) -> str:
        """Every organisation of the kind: "acute trusts", "ICBs"."""
        return f"{self.name} {self.many}".strip()

    def count(self, number: int) -> str:
        """ "1 trust", "42 ICBs"."""
        return f"{number:,} {self.one if number == 1 else self.many}"

    @property
    def is_trust(self) -> bool:
        """Whether it is called a trust."""
        return self.one == "trust"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: dict[str, Kind]
    other: Kind
    endings: tuple[str, ...]
    beginnings: tuple[str, ...]


def read_kinds(path: Path) -> _File:
    """Read and check a file of words.

    Raises
    ------
    InputError
        The file is not valid.
    """
    return common.validated(_File, path)


@lru_cache(maxsize=1)
def _words() -> _File:
    return read_kinds(common.reference(FILE))


def known() -> list[str]:
    """Slugs of the kinds that the file names, in its order."""
    return list(_words().kinds)


@lru_cache(maxsize=64)
def kind(trust_type: str) -> Kind:
    """Words for a type; one that the file does not name is called an organisation, with its own name before.

    Parameters
    ----------
    trust_type : str
        Slug, as "acute".
    """
    known = _words()
    if trust_type in known.kinds:
        return known.kinds[trust_type].model_copy(update={"slug": trust_type})
    name = trust_type.replace("-", " ")  # "care board" as the file itself names it
    full = {"in_full": name, "in_full_many": f"{name.removesuffix('s')}s"} if name else {}
    return known.other.model_copy(update={"slug": trust_type, "name": name, **full})


def kind_of(trust_types: Iterable[str]) -> Kind:
    """Words for several types together: those of the one type, "trust" where all are trusts, else "organisation"."""
    types = list(dict.fromkeys(trust_types))
    if len(types) == 1:
        return kind(types[0])
    if all(kind(one).is_trust for one in types):
        return Kind(name="", one="trust", many="trusts", in_full="trust", in_full_many="trusts")
    return _words().other


def short_name(name: str) -> str:
    """Name of an organisation without what all of its kind share: "Amberhaven Hospitals", "Cheshire"."""
    known = _words()
    for ending in known.endings:
        if name.endswith(ending):
            name = name.removesuffix(ending)
            return next((name.removeprefix(one) for one in known.beginnings if name.startswith(one)), name)
    return name


def said(text: str, words: Kind | str) -> str:
    """A sentence written about trusts, said of this kind: "a trust" becomes "an ICB"; of trusts it stays as it is.

    Names of trusts, addresses and attributes are left alone.

    Parameters
    ----------
    text : str
        Plain text or Markdown.
    words : Kind or str
        The kind, or its slug.
    """
    words = kind(words) if isinstance(words, str) else words
    if words.is_trust or "rust" not in text:
        return text
    names = [match.span() for match in _NAMED.finditer(text)]

    def instead(match: re.Match) -> str:
        """The word of the kind, with its article, and its capital at the head of a sentence."""
        start, end = match.span("word")
        if any(low <= start and end <= high for low, high in names):
            return match[0]
        noun = words.many if match["word"].endswith("s") else words.one
        noun = noun[0].upper() + noun[1:] if match["word"][0] == "T" else noun
        article = f"{match['article']}{'n' if _AN.match(noun) else ''} {match['mark']}" if match["article"] else ""
        return article + noun

    return _JOINED.sub(words.one, _TRUST.sub(instead, text))
