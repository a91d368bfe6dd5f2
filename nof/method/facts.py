"""The facts of a section: a frozen dataclass of named numbers, each with its unit, direction, definition and source.

    @dataclass(frozen=True)
    class Places(Facts):
        '''How sure a place is.'''

        trusts: int = fact("Trusts with a likely range of their rank", "trusts")
        width: float = fact("Median number of places that a likely range covers", "places", digits=0,
                            direction="narrower is surer", source="NHS England's 95% interval")

One function makes them from frames. Sentences, captions, alt text, cards and CSV read them; nothing that a person reads
is counted where it is written. A property is a fact too, defined by the first line of its docstring.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

_SHOWN = 60  # characters of a long value in a table


@dataclass(frozen=True)
class Definition:
    """What a fact is.

    Attributes
    ----------
    text : str
        The definition, one sentence without its full stop.
    unit : str
        "trusts", "places", "points of the average", "share of 1"; empty for names and dates.
    direction : str
        Which way is good, as "1.00 is best"; empty where none is.
    source : str
        Where the number or its method comes from; empty where it is a plain count of a frame.
    digits : int, optional
        Decimals with which a sentence writes it when it does not say otherwise.
    """

    text: str
    unit: str = ""
    direction: str = ""
    source: str = ""
    digits: int | None = None


def fact(
    definition: str,
    unit: str = "",
    *,
    direction: str = "",
    source: str = "",
    digits: int | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field of a `Facts` class; see `Definition` for the arguments."""
    about = Definition(" ".join(definition.split()), unit, direction, source, digits)
    return dataclasses.field(default=default, metadata={"fact": about})


class Facts:
    """Base of every section's facts: give them with `fact`, in a class decorated `@dataclass(frozen=True)`.

    In JupyterLab a cell that ends with one shows a table of names, values, units and definitions.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__repr__ = Facts.__repr__  # type: ignore[method-assign]  # a dataclass keeps one that stands in the class

    @classmethod
    def definitions(cls) -> dict[str, Definition]:
        """What each fact is, by name: the fields in their order, then the properties."""
        found = {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            if "fact" not in field.metadata:
                raise TypeError(f"{cls.__name__}.{field.name} has no definition: write it as fact(...)")
            found[field.name] = field.metadata["fact"]
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, property) and not name.startswith("_"):
                    lines = (value.__doc__ or "").strip().splitlines()
                    found[name] = Definition(lines[0].strip() if lines else "")
        return found

    def values(self) -> dict[str, Any]:
        """The facts by name."""
        return {name: getattr(self, name) for name in self.definitions()}

    def as_frame(self) -> pd.DataFrame:
        """One row a fact.

        Returns
        -------
        DataFrame
            Columns name, value, unit, direction, definition, source; ready for `to_csv`.
        """
        rows = [
            (name, getattr(self, name), about.unit, about.direction, about.text, about.source)
            for name, about in self.definitions().items()
        ]
        return pd.DataFrame(rows, columns=["name", "value", "unit", "direction", "definition", "source"])

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self.values().items())
        line = f"{type(self).__name__}({shown})"
        return line if len(line) <= 2 * _SHOWN else f"{line[: 2 * _SHOWN - 1]}…"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("Fact", "Value", "Unit", "What it is"))
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(_short(getattr(self, name)))}</td><td>{escape(about.unit)}</td>"
            f"<td>{escape('; '.join(filter(None, (about.text, about.direction, about.source))))}</td></tr>"
            for name, about in self.definitions().items()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
