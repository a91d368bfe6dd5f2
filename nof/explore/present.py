"""What each view shows for a set of choices, and the code that gives the same: pure, with or without widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any

import mistune
import numpy as np
import pandas as pd
from mistune.util import safe_entity

from nof.common import Quarter
from nof.explore import drawings, views
from nof.explore.measuring import codes_in_order, known, measure_of, of_metric, score_id, view_of
from nof.show import fonts, style, tables
from nof.show.display import Card, Chart, Column, Table, Words, card_html, plain, table_html
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
        As the dict of `views.what_if`.
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
        return getattr(views, self.name)(*self.args, **dict(self.options))


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
    kept = tuple((key, value) for key, value in options.items() if value)
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
    table = Table(
        frame.assign(label=label, span=spans),
        chart.caption,
        (
            Column("trust_name", "Trust", row_header=True),
            Column("label", "Quarter"),
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
        {"name": row["name"]} | {code: _scored(row, code) for code in codes}
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
    return Shown(calls, (frame, chart, metrics), (Words(f"**{plain(drawings.finding(frame))}**"), chart, table))


def _same(one: pd.Series, other: pd.Series) -> np.ndarray:
    return np.isclose(one.astype(float), other.astype(float), equal_nan=True)


VIEWS: dict[str, Callable[[Choice], Shown]] = {
    "league": league,
    "ranking": ranking,
    "scatter": scatter,
    "trajectories": trajectories,
    "compare": compare,
    "what_if": what_if,
}


def default(data: str, quarter: str | None = None, trust_type: str | None = None) -> Choice:
    """The choices that the notebook starts with: the first metric with values; the best, middle and last placed."""
    view = view_of(data, quarter, trust_type)
    found = list(known(view).values())
    values = [one.measure for one in found if one.kind == "value"] or [
        one.measure for one in found if one.kind == "score"
    ]
    codes = codes_in_order(view)
    picked = tuple(dict.fromkeys(codes[at] for at in (0, len(codes) // 2, len(codes) - 1)))
    return Choice(
        data, view.quarter, view.trust_type, trusts=picked, metric=values[0], x=values[0], trust=codes[len(codes) // 2]
    )


# --- The views as HTML for a widget: every text from the files is escaped, every drawing filtered ---


_CSS = """
.nof-explore{--line:var(--jp-border-color2,#c9d1d5);color:var(--jp-ui-font-color1,#1c2326);font-size:13px;line-height:1.45;
 max-width:64rem;contain:inline-size}
.nof-explore p{margin:.3em 0 .6em;max-width:52rem}
.nof-explore figure{margin:.4em 0 .8em;max-width:46rem}
.nof-explore figcaption{font-weight:600;padding-bottom:.3em}
.nof-explore figure>div{background:#fff;border:1px solid var(--line);border-radius:4px;padding:8px}
.nof-explore svg{display:block;width:100%;height:auto}
.nof-explore .scroll{max-height:26rem;overflow:auto;border:1px solid var(--line);border-radius:4px;margin:.3em 0}
.nof-explore .scroll:focus-visible,.nof-explore summary:focus-visible{outline:2px solid #b35c00;outline-offset:1px}
.nof-explore table.nof{border-collapse:collapse;width:100%;font-size:13px;margin:0}
.nof-explore table.nof caption{text-align:left;font-weight:600;padding:.4em .6em}
.nof-explore table.nof th,.nof-explore table.nof td{padding:.22em .6em;text-align:left;font-weight:400;
 white-space:normal; border-bottom:1px solid var(--line);vertical-align:top;max-width:26rem}
.nof-explore table.nof tbody th{min-width:12rem}
.nof-explore table.nof thead th,.nof-explore table.nof thead td{position:sticky;top:0;font-weight:600;
 vertical-align:bottom; background:var(--jp-layout-color1,#fff);border-bottom:2px solid var(--line)}
.nof-explore table.nof tbody .right{min-width:3.4rem}
.nof-explore table.nof tbody .right:not(:nth-child(1)):not(:last-child){min-width:5.2rem}
.nof-explore table.nof .right{text-align:right;font-variant-numeric:tabular-nums}
.nof-explore table.nof .unit{font-weight:400;opacity:.8}
.nof-explore table.nof tr.emphasis>*{font-weight:600;box-shadow:inset 0 1px #b35c00,inset 0 -1px #b35c00}
.nof-explore .note{font-size:12px;opacity:.85}
.nof-explore details{margin:.4em 0}
.nof-explore summary{cursor:pointer;color:var(--jp-content-link-color,#12505b);font-weight:600}
.nof-explore pre{user-select:all;background:var(--jp-layout-color2,#f2f5f6);padding:.6em .8em;border-radius:4px;
 overflow-x:auto;white-space:pre-wrap;font-size:12px;margin:.3em 0}
.nof-explore .made-up{background:#fdf0df;color:#7a3300;padding:.35em .7em;border-radius:4px;font-weight:600}
.nof-explore .problem{background:#fdf0df;color:#7a3300;padding:.35em .7em;border-radius:4px}
.nof-explore .working{opacity:.75}
"""


@lru_cache(maxsize=1)
def sheet() -> str:
    """Style of every panel, with the typeface of the drawings inside: nothing is fetched."""
    faces = "".join(
        f'@font-face{{font-family:"{style.FONT}";font-weight:{weight};src:url("{fonts.face(weight)}") format("woff")}}'
        for weight in ("400", "600")
    )
    tones = "".join(
        f".nof-explore table.nof .{name}{{background:{wash};color:{style.INK}}}" for name, wash in style.TONES.items()
    )
    return f"<style>{faces}{_CSS}{tones}</style>"


class _Renderer(mistune.HTMLRenderer):
    """Markdown without raw HTML; entities, which `display.plain` writes, stay what they stand for."""

    def text(self, text: str) -> str:
        """Text with entities as they stand for, all else escaped."""
        return safe_entity(text)


_MARKDOWN = mistune.create_markdown(renderer=_Renderer(escape=True))


def panel(shown: Shown, prefix: str) -> str:
    """A view as HTML; `prefix` goes before the ids of its drawings."""
    items = "".join(_item(one, f"{prefix}{number}-") for number, one in enumerate(shown.items))
    return f'<div class="nof-explore">{items}{code(shown.code)}</div>'


def code(text: str) -> str:
    """Lines to copy; one click selects them all."""
    return f"<details><summary>Show me the code</summary><pre>{escape(text)}</pre></details>"


def message(text: str, kind: str = "problem") -> str:
    """A remark where a view would stand: `kind` is "problem", "made-up" or "working"."""
    return f'<div class="nof-explore"><p class="{escape(kind)}" role="status">{escape(text)}</p></div>'


def _item(item: Words | Chart | Table | Card, prefix: str) -> str:
    if isinstance(item, Words):
        return f'<div aria-live="polite">{_MARKDOWN(item.markdown)}</div>'
    if isinstance(item, Chart):
        drawing = style.tidy(item.svg, prefix)
        return (
            f"<figure><figcaption>{escape(item.caption)}</figcaption>"
            f'<div role="img" aria-label="{escape(item.alt)}">{drawing}</div></figure>'
        )
    if isinstance(item, Card):
        return card_html(item.data())
    data = item.data()
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in (data["note"], data["key"]) if text)
    label = escape(data["caption"])
    box = f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table_html(data)}</div>'
    return box + notes
