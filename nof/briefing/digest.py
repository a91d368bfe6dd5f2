"""A trust's publication day in ten lines, for an e-mail: digest/CODE.txt and .html. Sending them is the user's hook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nof.common import Quarter, write_text
from nof.method import opening, view
from nof.method.contributions import of_type
from nof.rules.recompute import National
from nof.show.grammar import to
from nof.show.words import ILLUSTRATIVE, INDEPENDENT

FOLDER = "digest"
NAMED = 2  # metrics named on each side
NOTE = "A likely range shows how a trust's metrics differ among themselves; two trusts whose ranges overlap may not differ."


class Digest(NamedTuple):
    """Ten lines on one trust.

    Attributes
    ----------
    trust_code, trust_name, trust_type : str
    title : str
        Subject of an e-mail.
    lines : tuple of str
        The lines, plain text without line breaks.
    """

    trust_code: str
    trust_name: str
    trust_type: str
    title: str
    lines: tuple[str, ...]


def digests(national: National, quarter: str, types: list[str], found: dict[str, Any], run: str) -> list[Digest]:
    """The digest of every trust in the league tables of some types, by code.

    Parameters
    ----------
    found : dict
        As `changes.changes`.
    run : str
        Short id of the run.
    """
    made = [one for trust_type in types for one in _of_type(national, quarter, trust_type, found, run)]
    return sorted(made, key=lambda one: one.trust_code)


def _of_type(national: National, quarter: str, trust_type: str, found: dict[str, Any], run: str) -> Iterator[Digest]:
    league = view.view_of(national, quarter, trust_type).league
    moved = pd.DataFrame(found["trusts"], columns=["trust_code", "what", "before"]).set_index(["trust_code", "what"])
    was = moved["before"].to_dict()
    restated = opening.restated_of(national)
    label, weighing = Quarter.parse(quarter).label, _weighing(of_type(national, quarter, trust_type))
    for row in league.itertuples(index=False):
        before = {what: was.get((row.trust_code, what)) for what in ("place", "segment", "average", "deficit flag")}
        new = (row.trust_code, "came") in was
        name = _flat(row.trust_name)
        title = f"{'[made-up data] ' if national.publication.illustrative else ''}{name}: NHS league table {label}"
        since = (
            "new in this quarter"
            if new
            else "as last quarter"
            if found["previous_quarter"]
            else "last quarter not held"
        )
        lines = [
            f"{name} ({row.trust_code}), NHS Oversight Framework league table, {label}",
            _line("Place", _whole(row.rank), f" of {len(league)}", _range(row.rank_low, row.rank_high, 0), before["place"], since),
            _line("Segment", _whole(row.segment), "", "", before["segment"], since),
            _line("Average score", f"{row.average_score:.2f}", " (1.00 is best)", _range(row.average_low, row.average_high, 2), before["average"], since),
            f"Deficit flag of the financial override: {'yes' if row.in_deficit else 'no'}{_flag_before(before['deficit flag'])}",
            *_reasons(weighing[row.trust_code]),
            f"Figures of earlier quarters restated for this trust: {_restated(restated, row.trust_code, quarter)}",
            NOTE,
            f"{ILLUSTRATIVE + '. ' if national.publication.illustrative else ''}{_source(found)} "
            f"{INDEPENDENT}. Run {run}",
        ]  # fmt: skip
        yield Digest(row.trust_code, name, trust_type, title, tuple(lines))


def _source(found: dict[str, Any]) -> str:
    return " ".join(filter(None, (found["source"], found["licence"])))


def _flat(text: Any) -> str:
    """A text from a file in one line, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())


def _whole(value: float) -> str:
    return "not known" if pd.isna(value) else f"{value:.0f}"


def _range(low: float, high: float, digits: int) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f", likely range {to(low, high, digits)}"


def _line(what: str, now: str, unit: str, span: str, before: Any, since: str) -> str:
    if before is None:
        return f"{what} {now}{unit}{span}; {since}"
    text = f"{before:.2f}" if what.startswith("Average") else str(before)
    return f"{what} {now}{unit}{span}; last quarter {text}"


def _flag_before(before: Any) -> str:
    return "" if before is None else f"; last quarter {'yes' if before else 'no'}"


def _weighing(rows: pd.DataFrame) -> dict[str, list[tuple[str, float]]]:
    """Each trust's metrics with what they add, those that weigh most against it first."""
    found: dict[str, list[tuple[str, float]]] = {}
    for code, metric, added in zip(rows["trust_code"], rows["description"], rows["contribution"], strict=True):
        found.setdefault(code, []).append((metric, added))
    return found


def _reasons(weighing: list[tuple[str, float]]) -> list[str]:
    """The metrics that weigh most against and for a trust, beside a median trust of its type."""
    worse = [one for one in weighing if one[1] > 0][:NAMED]
    better = [one for one in reversed(weighing) if one[1] < 0][:NAMED]
    return [
        f"{what}: {'; '.join(f'{_flat(metric)} ({added:+.2f})' for metric, added in part) or 'none'}"
        for what, part in (("Makes the average worse than a median trust's", worse), ("Makes it better", better))
    ]


def _restated(restated: Any, code: str, quarter: str) -> str:
    if restated.difference is None:
        return "not known, no older file is at hand"
    return str(len(restated.of_trust(code, quarter)))


def text(one: Digest) -> str:
    """The digest as plain text: ten lines."""
    return "\n".join(one.lines) + "\n"


def html(one: Digest) -> str:
    """The digest as a small page that mail programs take: no style sheet, script or picture."""
    first, *rest = (escape(line) for line in one.lines)
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head><meta charset="utf-8"><title>{escape(one.title)}</title></head>\n'
        f"<body>\n<h1>{first}</h1>\n<ul>\n"
        + "".join(f"<li>{line}</li>\n" for line in rest)
        + "</ul>\n</body>\n</html>\n"
    )


def write(folder: Path, made: list[Digest]) -> None:
    """Write digest/CODE.txt and .html of each trust into a report's folder."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for one in made:
        write_text(place / f"{one.trust_code}.txt", text(one))
        write_text(place / f"{one.trust_code}.html", html(one))
