"""Quarters of the NHS financial year, which begins on 1 April."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

_SLUG = re.compile(r"(?P<start>20\d\d)-(?P<end>\d\d)-q(?P<number>[1-4])")
_LABEL = re.compile(r"Q(?P<number>[1-4]) (?P<start>20\d\d)[/-](?P<end>\d\d)")


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a financial year, ordered in time.

    Attributes
    ----------
    year : int
        Calendar year in which the financial year begins (2025 for 2025/26).
    number : int
        1 (April to June) to 4 (January to March).
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        if self.number not in (1, 2, 3, 4):
            raise ValueError(f"a quarter is 1 to 4, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read "Q4 2025/26", "Q4 2025-26" or "2025-26-q4"; ValueError for anything else."""
        clean = " ".join(str(text).split())
        match = _SLUG.fullmatch(clean.lower()) or _LABEL.fullmatch(clean.upper())
        if not match or (int(match["start"]) + 1) % 100 != int(match["end"]):
            raise ValueError(f"not a quarter: {text!r}; expected the form Q4 2025/26 or 2025-26-q4")
        return cls(int(match["start"]), int(match["number"]))

    @property
    def year_label(self) -> str:
        """The financial year, as "2025/26"."""
        return f"{self.year}/{(self.year + 1) % 100:02d}"

    @property
    def label(self) -> str:
        """As NHS England writes it: "Q4 2025/26"."""
        return f"Q{self.number} {self.year_label}"

    @property
    def slug(self) -> str:
        """As files and frames name it: "2025-26-q4". Slugs sort in time."""
        return f"{self.year_label.replace('/', '-')}-q{self.number}"

    @property
    def first_day(self) -> dt.date:
        """First day of the quarter."""
        return dt.date(self.year + (self.number == 4), (1 + 3 * self.number) % 12, 1)

    @property
    def last_day(self) -> dt.date:
        """Last day of the quarter."""
        return self.next.first_day - dt.timedelta(days=1)

    @property
    def next(self) -> Quarter:
        """The quarter after this one."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def previous(self) -> Quarter:
        """The quarter before this one."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)

    def __str__(self) -> str:
        return self.label


def quarter_of(quarter: Quarter | str) -> Quarter:
    """A quarter as it is, or the one that a text names; ValueError for a text that names none."""
    return quarter if isinstance(quarter, Quarter) else Quarter.parse(quarter)


def names_a_quarter(name: str) -> bool:
    """Whether a folder is called exactly as a quarter is: "2025-26-q4"."""
    try:
        return Quarter.parse(name).slug == name
    except ValueError:
        return False
