"""The words of a page about integrated care boards, or about trusts and boards together.

Sentences, captions and headings are written about trusts. Before a page is set, those of a notebook that is about another
kind of organisation are said of that kind (`nof.rules.kinds.said`), in every place that a reader sees: prose, tables,
cards, text inside drawings, alt text. A notebook that is about trusts is left exactly as it is.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nof.rules.kinds import Kind, kind_of, said
from nof.show.display import CARD_MIME, CSV_MIME, SVG_MIME, TABLE_MIME

_BETWEEN_TAGS = re.compile(r">[^<]+<")
_PLAIN = ("text/markdown", "text/plain", CSV_MIME)
_MARKED = (SVG_MIME, "text/html")


def kinds_said(trust_types: Iterable[str]) -> list[str]:
    """What a briefing's metadata holds as `kinds`: its trust types, where not all of them are trusts; else nothing."""
    types = list(dict.fromkeys(trust_types))
    return types if types and not kind_of(types).is_trust else []


def in_its_words(notebook: Mapping[str, Any], kinds: Iterable[str]) -> Mapping[str, Any]:
    """An executed notebook with everything that a reader sees said of these kinds; the notebook itself stays as it is.

    Parameters
    ----------
    notebook : mapping
        Version 4.
    kinds : iterable of str
        Slugs of trust types.
    """
    words = kind_of(kinds)
    if words.is_trust:
        return notebook
    told = copy.deepcopy(dict(notebook))
    for cell in told.get("cells", ()):
        if cell["cell_type"] == "markdown":
            cell["source"] = said(_joined(cell["source"]), words)
        for output in cell.get("outputs", ()):
            for mime, content in (output.get("data") or {}).items():
                output["data"][mime] = _said(mime, content, words)
            output["metadata"] = _deep(output.get("metadata") or {}, words)
    about = told.get("metadata", {}).get("briefing")
    if about:
        about.update(_deep({key: about[key] for key in about.keys() & {"title", "subtitle", "source_line"}}, words))
    return told


def said_throughout(value: Any, trust_type: str) -> Any:
    """Plain values (a table's, a card's) with every text said of a kind."""
    words = kind_of([trust_type])
    return value if words.is_trust else _deep(value, words)


def _said(mime: str, content: Any, words: Kind) -> Any:
    if mime in (TABLE_MIME, CARD_MIME):
        return _deep(content, words)
    if mime in _PLAIN:
        return said(_joined(content), words)
    if mime in _MARKED:
        return _BETWEEN_TAGS.sub(lambda match: said(match[0], words), _joined(content))
    return content


def _deep(value: Any, words: Kind) -> Any:
    """Every text inside lists and mappings; their keys stay as they are."""
    if isinstance(value, str):
        return said(value, words)
    if isinstance(value, Mapping):
        return {key: _deep(one, words) for key, one in value.items()}
    return [_deep(one, words) for one in value] if isinstance(value, list | tuple) else value


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
