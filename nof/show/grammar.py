"""The grammar of sentences: counts, shares, ranges, lists, dates. A value goes in, its words come out.

Each function here takes one value first, so that it serves as a filter in a template (`nof.show.say`) and as a function
in Python. What comes from a file (a name, a description) is escaped, so that no markup in it takes effect; a minus sign
is a real one; a number that is not known has no words, and asking for them is an error (`{% if x is known %}` asks
first).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from nof.common import NofError, Quarter
from nof.rules import kinds
from nof.show.display import plain

MONTHS = "January February March April May June July August September October November December".split()
_IN_WORDS = "no one two three four five six seven eight nine ten".split()
# Capitals whose names begin with a vowel sound: an NHS trust, an ICB, an MRSA rate.
_VOWEL_LETTERS = "AEFHILMNORSX"
_LIKE_YOU = re.compile(r"(?:uni(?!n|m)|use|usu|uti|eu|one\b|once\b)", re.IGNORECASE)
_NOUN = re.compile(r"[^\W_]?(?:[^\W_]|[ '’-])*")
_LINK = re.compile(r"https?://[^\s()<>\"]+|#section-[a-z0-9-]+")


class Marked(str):
    """Text that is Markdown already, made by this grammar: it is not escaped again."""

    __slots__ = ()


class NotKnown(NofError):
    """A sentence asked for the words of a number that is not known, or of something that is no number."""


def known(value: Any) -> bool:
    """Whether there is a value: not None, not NaN, not an empty text or list. The test `is known` of a template."""
    if value is None or (isinstance(value, str | tuple | list | dict | set | frozenset) and not value):
        return False
    return not (pd.api.types.is_scalar(value) and pd.isna(value))


def _name(value: Any) -> Marked:
    """A text as Markdown that shows exactly it."""
    if isinstance(value, Marked):
        return value
    if not known(value):
        raise NotKnown(f"expected a name, found {value!r}; ask first with 'if ... is known'")
    return Marked(plain(value))


def _noun(word: str) -> str:
    """A noun or verb of the sentence itself, which is not escaped: letters, blanks, hyphens, apostrophes."""
    if not _NOUN.fullmatch(word):
        raise NofError(f"expected a word, found {word!r}")
    return word


def _finite(value: Any) -> float:
    """The number, if it is one that can be written."""
    if isinstance(value, str | bytes) or not pd.api.types.is_number(value) or not math.isfinite(value):
        raise NotKnown(f"expected a number, found {value!r}; ask first with 'if ... is known'")
    return value


def minus(text: str) -> str:
    """A number's text with a real minus sign; none before a number that rounds to nought."""
    if text[:1] in "+-" and not text.strip("+-0.,% "):
        text = text[1:]
    return text.replace("-", "−")


# ---- numbers ----


def number(value: float, digits: int = 0) -> Marked:
    """ "1,204", with two digits "2.73", below nought "−0.12"."""
    return Marked(minus(f"{_finite(value):,.{digits}f}"))


def signed(value: float, digits: int = 2) -> Marked:
    """A change with its sign: "+0.12", "−0.12"; nought has none: "0.00"."""
    return Marked(minus(f"{_finite(value):+,.{digits}f}"))


def percent(part: float, digits: int = 0) -> Marked:
    """A share from 0 to 1 in percent: "95%"; "above 99%" and "below 1%" where it is not quite all or none."""
    share, unit = 100 * _finite(part), 10**-digits
    if not 0 <= share <= 100 + 1e-9:
        raise NotKnown(f"expected a share from 0 to 1, found {part!r}")
    if 100 - unit < share < 100:
        return Marked(f"above {100 - unit:.{digits}f}%")
    if 0 < share < unit:
        return Marked(f"below {unit:.{digits}f}%")
    return Marked(minus(f"{share:.{digits}f}%"))


def points(value: float, digits: int = 2) -> Marked:
    """Points of a score: "0.12 points", "1 point"; one too small to show is "below 0.01 points"."""
    shown = number(value, digits)
    if _finite(value) and not shown.strip("−0.,"):
        return Marked(f"below {10**-digits:.{digits}f} points")
    return Marked(f"{shown} {plural(1 if shown == '1' else 2, 'point')}")


def measured(value: float, units: str = "") -> Marked:
    """A value in its unit, three figures or two decimals of it: "47.2%", "6.87 out of 10", "12"; units are escaped."""
    size = abs(_finite(value))
    digits = 0 if units == "count" or size >= 100 else 1 if size >= 9.95 else 2
    shown = number(value, digits)
    if units == "%":
        return Marked(f"{shown}%")
    return Marked(shown if units in ("", "count", "rate") else f"{shown} {_name(units)}")


def ordinal(value: float) -> Marked:
    """ "1st", "22nd", "24th", "112th"."""
    whole = _whole(value)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return Marked(f"{whole:,}{ending}")


def in_words(value: float) -> Marked:
    """ "no", "one" to "ten", then "11"."""
    whole = _whole(value)
    return Marked(_IN_WORDS[whole] if 0 <= whole < len(_IN_WORDS) else number(whole))


def _whole(value: float) -> int:
    if _finite(value) != int(value):
        raise NotKnown(f"expected a whole number, found {value!r}")
    return int(value)


# ---- counts ----


def plural(value: float, one: str, several: str = "") -> str:
    """The noun or verb that goes with a count: "trust" or "trusts", "is" or "are"."""
    return _noun(one if _finite(value) == 1 else several or f"{one}s")


def count(value: float, one: str = "", several: str = "", words: bool = False) -> Marked:
    """ "1 trust", "1,204 trusts"; with words up to ten: "three trusts", "no trusts"."""
    shown = in_words(value) if words else number(_whole(value))
    return Marked(f"{shown} {plural(value, one, several)}" if one else shown)


def trusts(count: float, trust_type: str = "", words: bool = False) -> Marked:
    """ "61 mental health and community trusts", "1 trust", "42 integrated care boards"."""
    several = bodies(trust_type) if trust_type else "trusts"
    shown = in_words(count) if words else number(_whole(count))
    return Marked(f"{shown} {several.removesuffix('s') if count == 1 else several}")


def of(part: float, whole: float, one: str = "", several: str = "") -> Marked:
    """ "12 of 61", "12 of 61 trusts", "1 of 1 trust"."""
    shown = f"{number(_whole(part))} of {number(_whole(whole))}"
    return Marked(f"{shown} {plural(whole, one, several)}" if one else shown)


def share(part: float, whole: float) -> Marked:
    """ "49 of 61 (80%)"; all of them never reads as 100% unless it is."""
    part, whole = _whole(part), _whole(whole)
    if whole == 0:
        return Marked("0 of 0")
    per_cent = 100 * part / whole
    shown = f"{per_cent:.1f}" if per_cent > 99 and part < whole else f"{per_cent:.0f}"
    return Marked(f"{part:,} of {whole:,} ({min(float(shown), 99.9) if part < whole else 100:g}%)")


# ---- ranges and places ----


def to(low: float, high: float, digits: int = 0) -> Marked:
    """A range: "1.72 to 2.73"."""
    return Marked(f"{number(low, digits)} to {number(high, digits)}")


def places(number: float, low: float, high: float) -> Marked:
    """A rank with its likely range: "3 (1 to 19)".

    Parameters
    ----------
    number, low, high : float
        The rank and the ends of its likely range; 1 is best, NaN where the range is not known.
    """
    if pd.isna(low) or pd.isna(high):
        return Marked(f"{_finite(number):.0f} (likely range not known)")
    return Marked(f"{_finite(number):.0f} ({low:.0f} to {high:.0f})")


def better(change: float, good: str = "better", bad: str = "worse", same: str = "the same", low: bool = True) -> str:
    """Which way a change went. Lower is better unless `low` is false, as for scores, averages, ranks and segments."""
    change = _finite(change) if low else -_finite(change)
    return good if change < 0 else bad if change > 0 else same


def segment(value: float) -> Marked:
    """ "segment 3"."""
    return Marked(f"segment {_whole(value)}")


# ---- names, lists, days ----


def listed(names: Iterable[str]) -> str:
    """ "a, b and c"; of nothing "none". The texts stay as they are; in a template they are escaped (`listed_names`)."""
    shown = list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def listed_names(names: Iterable[Any], limit: int = 0, more: str = "other") -> Marked:
    """ "A, B and C"; with a limit "A, B and 3 others"; of nothing "none". Names are escaped."""
    shown: list[str] = [_name(name) for name in names]
    if limit and len(shown) > limit:
        shown = [*shown[:limit], count(len(shown) - limit, more)]
    return Marked(listed(shown))


def linked(name: Any, address: str = "") -> Marked:
    """A name as a link to a web address or a section of the page (#section-...); the name alone where there is none."""
    if not address:
        return _name(name)
    if not _LINK.fullmatch(address):
        raise NofError(f"a link to {address!r}: expected https://... or #section-...")
    return Marked(f"[{_name(name)}]({address})")


def short_name(name: str) -> str:
    """A name without what all of its kind share, as "NHS Foundation Trust": for charts, where a table near by has it whole."""
    return kinds.short_name(name)


def article(words: Any) -> Marked:
    """The words with "a" or "an" before them: "an acute trust", "a mental health trust", "an NHS trust"."""
    text = _name(words)
    first = str(words).split(" ", 1)[0]
    if first[:1].isdigit():
        vowel = first.startswith("8") or first in ("11", "18") or first.startswith(("11,", "18,", "11th", "18th"))
    elif len(first) > 1 and first.isupper():
        vowel = first[0] in _VOWEL_LETTERS
    else:
        vowel = first[:1].lower() in set("aeiou") and not _LIKE_YOU.match(first)
    return Marked(f"{'an' if vowel else 'a'} {text}")


def begun(text: str) -> str:
    """A text with a capital at the beginning; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def capitalize(text: Any) -> Marked:
    """The same words with a capital at the beginning, for a sentence."""
    return Marked(begun(_name(text)))


def quarter(text: str) -> Marked:
    """The label of a quarter: "Q4 2025/26" from its slug."""
    return Marked(Quarter.parse(text).label)


def day(date: dt.date) -> Marked:
    """A date as "31 March 2026", whatever the machine's language."""
    if not known(date) or not isinstance(date, dt.date):
        raise NotKnown(f"expected a date, found {date!r}; ask first with 'if ... is known'")
    return Marked(f"{date.day} {MONTHS[date.month - 1]} {date.year}")


def type_name(trust_type: str) -> str:
    """Name of a trust type in a sentence: "mental health and community", "integrated care board"."""
    words = kinds.kind(trust_type)
    return words.name or words.in_full


def bodies(trust_type: str) -> str:
    """What organisations of a type are called together: "acute trusts", "integrated care boards"."""
    return kinds.kind(trust_type).in_full_many


def _of_text(write: Callable[[str], str]) -> Callable[[Any], str]:
    """The same for a template, where a text that is not known is an error in plain words."""

    def filled(value: Any) -> str:
        """See the function that it stands for."""
        if not isinstance(value, str) or not value:
            raise NotKnown(f"expected a text, found {value!r}; ask first with 'if ... is known'")
        return write(value)

    return filled


FILTERS = {
    "article": article,
    "better": better,
    "bodies": _of_text(bodies),
    "capitalize": capitalize,
    "count": count,
    "day": day,
    "in_words": in_words,
    "linked": linked,
    "listed": listed_names,
    "measured": measured,
    "number": number,
    "of": of,
    "ordinal": ordinal,
    "percent": percent,
    "places": places,
    "plural": plural,
    "points": points,
    "quarter": _of_text(quarter),
    "segment": segment,
    "share": share,
    "short_name": _of_text(short_name),
    "signed": signed,
    "to": to,
    "trusts": trusts,
    "type_name": _of_text(type_name),
}
