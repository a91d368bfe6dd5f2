"""What each view shows for a set of choices, and the code that gives the same: pure, with or without widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.explore import drawings, own_rules, supposing, views
from nof.explore.measuring import codes_in_order, known, measure_of, of_metric, score_id, view_of
from nof.explore.own_rules import Asked, ruled
from nof.method.opening import LEVELS
from nof.show import tables
from nof.show.display import Chart, Column, Table, Words, plain
from nof.show.words import bodies, places

# --- What each view shows for a set of choices, and the code that gives the same: pure, with or without widgets ---


@dataclass(frozen=True)
class Choice:
    """What an analyst has picked.

    Attributes
    ----------
    data, quarter, trust_type : str
        Folder of the publication, slugs.
    subtype, region : str or None
        None: all.
    trusts : tuple of str
        Codes: named in the charts, followed over the quarters, set side by side.
    metric, x, y, measure : str
        See `measuring.measures`.
    trust : str
        Code of the trust of the "what if".
    changes : tuple of pairs
        As the dict of `supposing.what_if`.
    rules : Asked
        Rules of one's own.
    """

    data: str
    quarter: str
    trust_type: str
    subtype: str | None = None
    region: str | None = None
    trusts: tuple[str, ...] = ()
    metric: str = ""
    x: str = ""
    y: str = "average_score"
    measure: str = "average_score"
    trust: str = ""
    changes: tuple[tuple[str, float | None], ...] = ()
    rules: Asked = Asked()


@dataclass(frozen=True)
class Call:
    """One call of helpers: what is run is what is shown as code."""

    name: str
    args: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def code(self) -> str:
        """The line to copy."""
        given = [*map(_literal, self.args), *(f"{name}={_literal(value)}" for name, value in self.options)]
        return f"helpers.explore.{self.name}({', '.join(given)})"

    def run(self) -> Any:
        """What the line gives."""
        home = next(room for room in (own_rules, supposing, views) if hasattr(room, self.name))
        return getattr(home, self.name)(*self.args, **dict(self.options))


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(one)}" for key, one in value.items()) + "}"
    return repr(list(value) if isinstance(value, tuple) else value)


@dataclass(frozen=True)
class Shown:
    """A view: the calls behind it (the frame first), their results, and what a reader sees."""

    calls: tuple[Call, ...]
    results: tuple[Any, ...]
    items: tuple[Words | Chart | Table, ...]

    @property
    def code(self) -> str:
        """Everything to copy, ready to run in a script."""
        return "\n".join(["import helpers", "", *(f"{_result(one)} = {one.code}" for one in self.calls)])

    @property
    def frame(self) -> pd.DataFrame:
        """The view's numbers."""
        return self.results[0]

    @property
    def chart(self) -> Chart | None:
        """The view's figure, if it has one."""
        return next((one for one in self.results if isinstance(one, Chart)), None)


def _result(call: Call) -> str:
    return "chart" if call.name.endswith("_chart") else "metrics" if call.name.endswith("_metrics") else "frame"


def _call(choice: Choice, name: str, *args: Any, filtered: bool = True, highlight: bool = False, **more: Any) -> Call:
    options = {"subtype": choice.subtype, "region": choice.region} if filtered else {}
    options |= {"highlight": choice.trusts if highlight else None} | more
    kept = tuple((key, value) for key, value in options.items() if value or value is False)
    return Call(name, (choice.data, choice.quarter, choice.trust_type, *args), kept)


def _of_whom(choice: Choice) -> str:
    """ "acute trusts, Teaching, London, Q4 2025/26", as Markdown."""
    parts = [bodies(choice.trust_type), *(plain(one) for one in (choice.subtype, choice.region) if one)]
    return ", ".join([*parts, Quarter.parse(choice.quarter).label])


def _emphasised(table: Table, codes: tuple[str, ...]) -> Table:
    return replace(table, emphasis=tuple(np.flatnonzero(table.frame["trust_code"].isin(codes)).tolist()))


def league(choice: Choice) -> Shown:
    """The league table."""
    call = _call(choice, "league")
    frame = call.run()
    said = f"**{len(frame)}** {_of_whom(choice)}."
    if len(frame):
        first, last = frame.iloc[0], frame.iloc[-1]
        said += (
            f" Best placed: **{plain(first['trust_name'])}**, place "
            f"{places(first['rank'], first['rank_low'], first['rank_high'])}. "
            f"Last: **{plain(last['trust_name'])}**, place "
            f"{places(last['rank'], last['rank_low'], last['rank_high'])}. "
            "In brackets: the likely range of the place."
        )
    return Shown((call,), (frame,), (Words(said), _emphasised(tables.league_table(frame), choice.trusts)))


def rules(choice: Choice) -> Shown:
    """The whole league table under rules of one's own, beside the published one."""
    asked = choice.rules.options
    call = _call(choice, "own_league", **asked)
    frame = call.run()
    _, made = ruled(choice.data, choice.quarter, choice.trust_type, **asked)
    moved = int((frame["moved"].fillna(0) != 0).sum())
    banner = (
        f"Other rules, {plain(made.told)}."
        if made.told
        else (
            "These are NHS England's rules: change one above, and the whole table is made anew beside the published one."
        )
    )
    said = [f"**{banner}**", *map(plain, made.notes), f"Metric scores {LEVELS[choice.rules.level]}."]
    whom = f"{len(frame)} {_of_whom(choice)}"
    said.append(f"{moved} of {whom} stand at another place than published." if made.told else f"{_capital(whom)}.")
    table = replace(tables.own_rules(frame, made.told or "NHS England's, as they are"), frame=frame)
    return Shown((call,), (frame,), (Words(" ".join(filter(None, said))), _emphasised(table, choice.trusts)))


def ranking(choice: Choice) -> Shown:
    """One metric: the ranking and its picture."""
    view = view_of(choice.data, choice.quarter, choice.trust_type)
    calls = (_call(choice, "ranking", choice.metric), _call(choice, "ranking_chart", choice.metric, highlight=True))
    frame, chart = (one.run() for one in calls)
    measure = of_metric(view, score_id(view, choice.metric), "score")
    table = _emphasised(tables.metric_ranking(frame, measure.name), choice.trusts)
    period = next(iter(frame["reporting_date"].dropna()), "not published")
    said = Words(
        f"**{plain(measure.name)}** ({plain(measure.domain)}; period: {plain(period)}): {_of_whom(choice)}. "
        + plain(chart.alt)
    )
    return Shown(calls, (frame, chart), (said, chart, table))


def scatter(choice: Choice) -> Shown:
    """Two measures against each other."""
    view = view_of(choice.data, choice.quarter, choice.trust_type)
    calls = (
        _call(choice, "scatter", choice.x, choice.y),
        _call(choice, "scatter_chart", choice.x, choice.y, highlight=True),
    )
    frame, chart = (one.run() for one in calls)
    across, up = measure_of(view, choice.x), measure_of(view, choice.y)
    table = Table(
        frame,
        chart.caption,
        (
            Column("trust_name", "Trust", row_header=True),
            Column("segment", "Segment", align="right", format=".0f"),
            Column("x", across.name, unit=across.units, align="right", format=",.2f"),
            Column("y", up.name, unit=up.units, align="right", format=",.2f"),
        ),
    )
    said = Words(
        f"{_capital(_of_whom(choice))}. {plain(drawings.scatter_finding(frame, across, up))} "
        "A relation over trusts says nothing of cause."
    )
    return Shown(calls, (frame, chart), (said, chart, _emphasised(table, choice.trusts)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def trajectories(choice: Choice) -> Shown:
    """One measure of the chosen trusts over the quarters."""
    args = (choice.data, choice.trust_type, choice.trusts, choice.measure)
    calls = Call("trajectories", args), Call("trajectories_chart", args)
    frame, chart = (one.run() for one in calls)
    label = frame["quarter"].map(lambda one: Quarter.parse(one).label)
    spans = [
        None if pd.isna(low) else f"{low:,.4g} to {high:,.4g}"
        for low, high in zip(frame["low"], frame["high"], strict=True)
    ]
    period = (Column("reporting_date", "Period of the data"),) if frame["reporting_date"].notna().any() else ()
    table = Table(
        frame.assign(label=label, span=spans),
        chart.caption,
        (
            Column("trust_name", "Trust", row_header=True),
            Column("label", "Published in"),
            *period,
            Column("value", "Value", align="right", format=",.4g"),
            Column("span", "Likely range", align="right"),
        ),
    )
    said = Words(
        f"{plain(chart.alt.removesuffix(' The table gives every number.'))}\n\n"
        "Upright lines are likely ranges: where those of two quarters overlap widely, the move between them says "
        "little. The ranking pools and some metrics change from quarter to quarter."
    )
    return Shown(calls, (frame, chart), (said, chart, table))


def compare(choice: Choice) -> Shown:
    """Two to five trusts side by side."""
    calls = tuple(_call(choice, name, choice.trusts, filtered=False) for name in ("compare", "compare_chart"))
    frame, chart = (one.run() for one in calls)
    rows = views.trusts(choice.data, choice.quarter, choice.trust_type).set_index("trust_code")["trust_name"]
    table = Table(
        _compared(frame, choice.trusts),
        "Side by side",
        (
            Column("name", "Figure", row_header=True),
            Column("period", "Period of the data"),
            *(Column(code, rows[code], align="right") for code in choice.trusts),
        ),
        note="A score of 1.00 is best, 4.00 worst; in brackets, the value behind it.",
    )
    said = Words(f"{_capital(_of_whom(replace(choice, subtype=None, region=None)))}. {plain(chart.alt)}")
    return Shown(calls, (frame, chart), (said, chart, table))


def _compared(frame: pd.DataFrame, codes: tuple[str, ...]) -> pd.DataFrame:
    """The frame of `views.compare` as text, with ranges beside what they belong to."""
    at = frame.set_index("id")
    league = [
        ("Place in the league table", "rank", "rank_low", "rank_high", ".0f"),
        ("Average score", "average_score", "average_low", "average_high", ".2f"),
    ]
    rows = [
        {"name": name}
        | {
            code: _ranged(at[code].get(number, np.nan), at[code].get(low, np.nan), at[code].get(high, np.nan), form)
            for code in codes
        }
        for name, number, low, high, form in league
    ]
    rows += [
        {"name": at.loc[one, "name"]}
        | {code: f"{at.loc[one, code]:.0f}" for code in codes if pd.notna(at.loc[one, code])}
        for one in ("segment", "segment_unadjusted")
        if one in at.index
    ]
    rows += [
        {"name": row["name"], "period": row["period"]} | {code: _scored(row, code) for code in codes}
        for _, row in frame[frame["kind"] != "league"].iterrows()
    ]
    return pd.DataFrame(rows)


def _ranged(number: float, low: float, high: float, form: str) -> str:
    return f"{number:{form}}" if pd.isna(low) else f"{number:{form}} ({low:{form}} to {high:{form}})"


def _scored(row: pd.Series, code: str) -> str | None:
    if pd.isna(row[code]):
        return None
    value = row[f"{code} value"]
    unit = "" if pd.isna(row["units"]) else row["units"] if row["units"] == "%" else f" {row['units']}"
    return f"{row[code]:.2f}" + ("" if pd.isna(value) else f" ({value:,.2f}{unit})")


def what_if(choice: Choice) -> Shown:
    """A trust with some of its values changed or left out."""
    args = (choice.data, choice.quarter, choice.trust, dict(choice.changes))
    calls = tuple(Call(name, args) for name in ("what_if", "what_if_chart", "what_if_metrics"))
    frame, chart, metrics = (one.run() for one in calls)
    moved = ~_same(metrics["value"], metrics["new_value"]) | ~_same(metrics["score"], metrics["new_score"])
    named = metrics.assign(unit=metrics["units"].fillna(""), left_out=metrics["new_score"].isna())
    table = Table(
        named,
        "The metrics behind it",
        (
            Column("description", "Metric", row_header=True),
            Column("unit", "Unit"),
            Column("value", "Value now", align="right", format=",.2f"),
            Column("new_value", "Value then", align="right", format=",.2f"),
            Column("score", "Score now", align="right", format=".2f"),
            Column("new_score", "Score then", align="right", format=".2f"),
            Column("weight", "Weight", align="right", format=".2f"),
        ),
        note="Other trusts and the edges of the segments are held where they stand. A dash under “then”: left out, "
        "or no value behind the score.",
        emphasis=tuple(np.flatnonzero(moved).tolist()),
    )
    return Shown(calls, (frame, chart, metrics), (Words(f"**{plain(supposing.finding(frame))}**"), chart, table))


def _same(one: pd.Series, other: pd.Series) -> np.ndarray:
    return np.isclose(one.astype(float), other.astype(float), equal_nan=True)


VIEWS: dict[str, Callable[[Choice], Shown]] = {
    "league": league,
    "rules": rules,
    "ranking": ranking,
    "scatter": scatter,
    "trajectories": trajectories,
    "compare": compare,
    "what_if": what_if,
}


def default(data: str, quarter: str | None = None, trust_type: str | None = None, rules: Asked = Asked()) -> Choice:
    """The choices that the notebook starts with: the first metric with values; the best, middle and last placed.

    Raises
    ------
    InputError
        Rules that cannot be used.
    """
    view = view_of(data, quarter, trust_type)
    found = list(known(view).values())
    values = [one.measure for one in found if one.kind == "value"] or [
        one.measure for one in found if one.kind == "score"
    ]
    if rules.options:
        ruled(data, view.quarter, view.trust_type, **rules.options)
    codes = codes_in_order(view)
    picked = tuple(dict.fromkeys(codes[at] for at in (0, len(codes) // 2, len(codes) - 1)))
    return Choice(
        data,
        view.quarter,
        view.trust_type,
        trusts=picked,
        metric=values[0],
        x=values[0],
        trust=codes[len(codes) // 2],
        rules=rules,
    )
