"""What the figures of one trust's briefing show, in words: captions that state the finding, and alt texts.

A screen reader speaks both, one after the other, so a figure's alt text says what its caption leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from nof.common import Quarter
from nof.method import board
from nof.method.board import Trust
from nof.show.words import bodies, short_name, trusts

SHOWN = 0.005  # points of the average below which a difference rounds to nothing


def signed(value: float) -> str:
    """A number with its sign, a real minus; nought has none."""
    text = f"{value:+.2f}"
    return "0.00" if text[1:] == "0.00" else text.replace("-", "−")


# --- where it stands among its type ---


def range_words(place: Mapping) -> str:
    """An average and its likely range: "2.10, likely range 1.80 to 2.44".

    Parameters
    ----------
    place : mapping
        As `TrustView.place`.
    """
    own = f"{place['average_score']:.2f}"
    if pd.isna(place["average_low"]) or pd.isna(place["average_high"]):
        return f"{own}, likely range not known"
    return f"{own}, likely range {place['average_low']:.2f} to {place['average_high']:.2f}"


def _averages(trust: Trust) -> pd.Series:
    """Average scores of its table, on the trust codes."""
    assert trust.view is not None  # figures are drawn only for a trust that stands in a table
    return trust.view.league.set_index("trust_code")["average_score"]


def strip_caption(trust: Trust) -> str:
    """How many of the other trusts' averages lie within this trust's likely range."""
    place, others = board.place(trust), _averages(trust).drop(trust.code)
    if others.empty:
        return f"No other {bodies(board.trust_type(trust)).removesuffix('s')} stands in this table"
    if pd.isna(place["average_low"]) or pd.isna(place["average_high"]):
        return f"Its average of {place['average_score']:.2f} among {len(others)} other{'s' * (len(others) != 1)}; no likely range is known"
    inside = int(others.between(place["average_low"], place["average_high"]).sum())
    several = inside != 1 and len(others) > 1
    return f"Its likely range holds the average{'s' * several} of {_of(inside, len(others))}"


def _of(part: int, whole: int) -> str:
    """Some of the others: "none of the 60 other trusts", "the one other trust"."""
    if whole == 1:
        return "the one other trust" if part else "no other trust"
    return f"{'all' if part == whole else part or 'none'} {'' if part == whole else 'of the '}{whole} other trusts"


def strip_alt(trust: Trust) -> str:
    """The span of the averages, the trust's own, and how many are better and worse."""
    place, averages = board.place(trust), _averages(trust)
    better, worse = int((averages < place["average_score"]).sum()), int((averages > place["average_score"]).sum())
    return (
        f"Strip of the averages of {trusts(len(averages), board.trust_type(trust))}, from {averages.min():.2f} to "
        f"{averages.max():.2f}. {short_name(board.name(trust))} stands at {range_words(place)}; {better} "
        f"{'stands' if better == 1 else 'stand'} better, {worse} worse."
    )


# --- where the score comes from ---


def bars_caption(trust: Trust) -> str:
    """How many metrics make the average worse than a median trust's, and how many better."""
    values = board.contributions(trust)["contribution"]
    worse, better = int((values > SHOWN).sum()), int((values < -SHOWN).sum())
    if not worse and not better:
        return "No metric sets its average apart from a median trust's"
    parts = [f"{count} {way}" for count, way in ((worse, "worse"), (better, "better")) if count]
    if len(values) == 1:
        return f"Its one metric makes its average {'worse' if worse else 'better'} than a median trust's"
    verb = "makes" if (worse or better) == 1 else "make"
    first, *rest = parts
    count, way = first.split()
    return f"{count} of {len(values)} metrics {verb} its average {way} than a median trust's" + (
        f", {rest[0]}" if rest else ""
    )


def bars_alt(trust: Trust) -> str:
    """The largest contributions on either side."""
    table = board.contributions(trust)
    first, last = table.iloc[0], table.iloc[-1]
    parts = [f"Bars in order, one for each of {len(table)} metrics." if len(table) > 1 else "One bar."]
    if first["contribution"] > SHOWN:
        parts.append(f"Most against it: {first['description']}, {signed(first['contribution'])} points of the average.")
    if last["contribution"] < -SHOWN:
        parts.append(f"Most in its favour: {last['description']}, {signed(last['contribution'])} points.")
    return " ".join([*parts, "The table below gives every contribution."])


# --- the quarters ---


def trend_caption(trust: Trust) -> str:
    """Where the average went from the first quarter to the last, and how many metrics went with it."""
    first, last = board.quarters(trust)[0], board.quarters(trust)[-1]
    average = board.standings(trust)["average_score"]
    steps = _steps(trust)
    better, worse = int((steps < 0).sum()), int((steps > 0).sum())
    went = (
        f"stayed at {average[last]:.2f}"
        if f"{average[first]:.2f}" == f"{average[last]:.2f}"
        else f"went from {average[first]:.2f} to {average[last]:.2f}"
    )
    metrics = (
        ""
        if steps.empty
        else f"; {better or 'no'} metric{'' if better == 1 else 's'} became better, {worse or 'none'} worse"
    )
    return f"From {_span(first, last)} its average {went}{metrics}"


def _span(first: str, last: str) -> str:
    """Two quarters: "Q1 to Q4 2025/26", with both years where they differ."""
    start, end = Quarter.parse(first), Quarter.parse(last)
    return f"{start.label if start.year != end.year else f'Q{start.number}'} to {end.label}"


def _steps(trust: Trust) -> pd.Series:
    """Last score less first of each metric scored more than once, as shown: to two decimals."""
    known = {one: row.dropna() for one, row in board.scores(trust).round(2).iterrows()}
    return pd.Series({one: row.iloc[-1] - row.iloc[0] for one, row in known.items() if len(row) > 1}, dtype=float)


def trend_alt(trust: Trust) -> str:
    """The metrics that went furthest either way."""
    names, steps = board.contributions(trust).set_index("metric_id")["description"], _steps(trust)
    parts = [
        f"Line charts over {len(board.quarters(trust))} quarters, one for the average and one for each of {len(names)} metrics."
    ]
    for way, found in (
        ("for the better", steps[steps < 0].sort_values()),
        ("for the worse", -(-steps[steps > 0]).sort_values()),
    ):
        if len(found):
            row = board.scores(trust).loc[found.index[0]].dropna()
            parts.append(f"Furthest {way}: {names[found.index[0]]}, {row.iloc[0]:.2f} to {row.iloc[-1]:.2f}.")
    return " ".join([*parts, "The table below gives the scores."])
