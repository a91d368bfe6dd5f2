"""The controls of the notebook: what can be picked, kept in step with what the publication holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.explore import supposing, views
from nof.explore.measuring import codes_in_order, known, opened, quarters, view_of
from nof.explore.present import Choice
from nof.method.contributions import scored
from nof.method.curves import curves
from nof.show.words import type_name

# --- The controls of the notebook: what can be picked, kept in step with what the publication holds ---


ALL = "All"


def dropdown(label: str, width: str, label_width: str = "auto") -> widgets.Dropdown:
    """A list to pick one thing from, with its label."""
    return widgets.Dropdown(
        description=label,
        layout=widgets.Layout(width=width, max_width="100%"),
        style={"description_width": label_width},
    )


def search(label: str, hint: str) -> widgets.Combobox:
    """A field to type in, with a list of what matches; it speaks up when something was picked, not at each letter."""
    return widgets.Combobox(
        description=label,
        placeholder=hint,
        continuous_update=False,
        layout=widgets.Layout(width="46rem", max_width="100%"),
        style={"description_width": "auto"},
    )


def offer(control: widgets.Dropdown, options: Iterable[tuple[str, Any]], value: Any) -> None:
    """Put options into a list; what was picked stays picked if it is still there, else `value`, else the first."""
    options = list(options)
    values = [one for _, one in options]
    kept = control.value if control.value in values and control.options else value
    if tuple(options) != tuple(control.options):
        control.options = options
    control.value = kept if kept in values else values[0]


class Controls:
    """Every control, and the `Choice` that they stand for.

    Attributes
    ----------
    choice : Choice
        What is picked now.
    """

    def __init__(self, start: Choice) -> None:
        self.choice = start
        self._listeners: list[Callable[[Choice], None]] = []
        self._quiet = False
        self.trust_type, self.quarter = dropdown("Trust type", "17rem"), dropdown("Quarter", "10rem")
        self.subtype, self.region = dropdown("Subtype", "12rem"), dropdown("Region", "12rem")
        self.metric = dropdown("Metric", "46rem")
        self.x, self.y = dropdown("Across", "46rem", "4rem"), dropdown("Upwards", "46rem", "4rem")
        self.measure = dropdown("Measure", "46rem")
        self.add = search("Add a trust", "type a part of its name")
        self.chips = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.hint = widgets.Label(layout=widgets.Layout(display="none"))
        self._settle()
        filters = (self.trust_type, self.quarter, self.subtype, self.region)
        for control in (*filters, self.metric, self.x, self.y, self.measure):
            control.observe(self._moved, "value")
        self.add.observe(self._added, "value")

    def bar(self) -> widgets.Widget:
        """Type, quarter, subtype and region in a row; the same wherever it stands."""
        return widgets.HBox(
            [self.trust_type, self.quarter, self.subtype, self.region], layout=widgets.Layout(flex_flow="row wrap")
        )

    def picker(self) -> widgets.Widget:
        """The trusts that are picked, and a way to add one."""
        return widgets.VBox([self.add, self.hint, self.chips])

    def listen(self, listener: Callable[[Choice], None]) -> None:
        """Have a function called with the choice whenever it changes."""
        self._listeners.append(listener)

    # --- from the controls to the choice ---

    def _moved(self, _: Any = None) -> None:
        if not self._quiet:
            self._take(self._picked())

    def _picked(self) -> Choice:
        """The choice with what the lists say; the trusts are chosen otherwise, so they stay."""
        return replace(
            self.choice,
            trust_type=self.trust_type.value,
            quarter=self.quarter.value,
            subtype=self.subtype.value or None,
            region=self.region.value or None,
            metric=self.metric.value,
            x=self.x.value,
            y=self.y.value,
            measure=self.measure.value,
        )

    def _take(self, choice: Choice) -> None:
        self.choice = choice
        self._settle()
        for listener in self._listeners:
            listener(self.choice)

    def _added(self, change: dict) -> None:
        code = self._codes.get(change["new"])
        if code is None:
            return
        with self._silently():
            self.add.value = ""
        full = len(self.choice.trusts) >= views.MOST and code not in self.choice.trusts
        self._hint(f"{views.MOST} trusts at most: remove one first." if full else "")
        if not full:
            self._take(replace(self.choice, trusts=tuple(dict.fromkeys([*self.choice.trusts, code]))))

    def _hint(self, text: str) -> None:
        self.hint.value, self.hint.layout.display = text, "" if text else "none"

    def _removed(self, code: str) -> None:
        self._hint("")
        self._take(replace(self.choice, trusts=tuple(one for one in self.choice.trusts if one != code)))

    # --- from the publication to the controls ---

    @contextmanager
    def _silently(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _settle(self) -> None:
        """Offer what there is, and drop from the choice what there is not."""
        with self._silently():
            self._offer_publication()
            self._offer_trusts()
            self._offer_measures()
        self.choice = self._picked()

    def _offer_publication(self) -> None:
        national = opened(self.choice.data)
        types = [(type_name(one).capitalize(), one) for one in national.publication.trust_types]
        offer(self.trust_type, types, self.choice.trust_type)
        held = reversed(quarters(national, self.trust_type.value))
        offer(self.quarter, [(Quarter.parse(one).label, one) for one in held], self.choice.quarter)

    def _offer_trusts(self) -> None:
        table = views.trusts(self.choice.data, self.quarter.value, self.trust_type.value)
        for control, column in ((self.subtype, "trust_subtype"), (self.region, "region")):
            offer(control, [(ALL, ""), *((one, one) for one in sorted(table[column].dropna().unique()))], "")
        labels = dict(zip(table["trust_code"], table["trust_name"] + " (" + table["trust_code"] + ")", strict=True))
        self._codes = {label: code for code, label in labels.items()}
        if tuple(self._codes) != tuple(self.add.options):
            self.add.options = tuple(self._codes)
        kept = tuple(one for one in self.choice.trusts if one in labels)
        self.choice = replace(self.choice, trusts=kept or tuple(self._ends()))
        self.chips.children = tuple(self._chip(one, labels[one]) for one in self.choice.trusts)

    def _ends(self) -> list[str]:
        """Where none of the picked trusts is left (another type): the best and the last placed."""
        codes = codes_in_order(view_of(self.choice.data, self.quarter.value, self.trust_type.value))
        return list(dict.fromkeys([codes[0], codes[-1]])) if self.choice.trust not in codes else []

    def _chip(self, code: str, label: str) -> widgets.Button:
        chip = widgets.Button(description=f"{label}  ✕", tooltip=f"Remove {label}", layout=widgets.Layout(width="auto"))
        chip.on_click(lambda _: self._removed(code))
        return chip

    def _offer_measures(self) -> None:
        found = known(view_of(self.choice.data, self.quarter.value, self.trust_type.value)).values()
        every = [(f"{one.measure}: {one.label}" if one.metric_id else one.label, one.measure) for one in found]
        metrics = [(f"{one.metric_id}: {one.name}", one.metric_id) for one in found if one.kind == "score"]
        first = next((one.measure for one in found if one.kind == "value"), metrics[0][1])
        offer(self.metric, metrics, next(one.metric_id for one in found if one.measure == first))
        for control, start in ((self.x, self.choice.x), (self.y, self.choice.y), (self.measure, self.choice.measure)):
            offer(control, every, start if start in dict(every).values() else first)


# --- The controls of "what if": one trust, one metric at a time, a slider, and what has been changed so far ---


Changes = tuple[tuple[str, float | None], ...]


class Lever(NamedTuple):
    """What a slider moves: `asked` is the id that `supposing.what_if` takes."""

    asked: str
    start: float
    low: float
    high: float
    step: float
    unit: str


def lever(data: str, quarter: str, trust: str, metric: pd.Series) -> Lever:
    """The value of a metric within what trusts of the type have, or its score where no value leads to one.

    Parameters
    ----------
    metric : Series
        A row of `supposing.what_if_metrics`.
    """
    national = opened(data)
    curve = curves(national, quarter, trust).get(metric["metric_id"])
    if curve is None or pd.isna(metric["value"]) or pd.isna(metric["value_id"]):
        return Lever(metric["metric_id"], round(float(metric["score"]), 2), 1.0, 4.0, 0.01, "score")
    rows = scored(national, quarter)
    own = rows.loc[rows["trust_code"] == trust, "trust_type"].iloc[0]
    peers = rows.loc[(rows["metric_id"] == metric["metric_id"]) & (rows["trust_type"] == own), "value"].dropna()
    return Lever(
        metric["value_id"],
        float(metric["value"]),
        float(peers.min()),
        float(peers.max()),
        10.0**-curve.decimals,
        str(metric["units"] or ""),
    )


def _slider(moved: Lever, now: float | None, tooltip: str) -> widgets.FloatSlider:
    """A slider for a lever; where the metric is left out it stands at its start and cannot be moved."""
    return widgets.FloatSlider(
        value=moved.start if now is None else now,
        min=min(moved.low, moved.start),
        max=max(moved.high, moved.start),
        step=moved.step,
        description=moved.unit.capitalize() if moved.unit == "score" else f"Value, {moved.unit}",
        readout_format=f".{max(0, round(-np.log10(moved.step)))}f",
        disabled=now is None,
        layout=widgets.Layout(width="31rem", max_width="100%"),
        tooltip=tooltip,
        style={"description_width": "auto"},
    )


class WhatIfControls:
    """Picks a trust and changes its metrics, one after another.

    Attributes
    ----------
    trust : str
        Code of the trust.
    changes : tuple of pairs
        As the dict of `supposing.what_if`.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, False
        self._data = self._quarter = ""
        self._changes: dict[str, float | None] = {}
        self.pick, self.metric = dropdown("Trust", "46rem", "4rem"), dropdown("Metric", "46rem", "4rem")
        self.slider = widgets.FloatSlider()
        self.leave = widgets.Checkbox(
            description="Leave this metric out", indent=False, layout=widgets.Layout(width="14rem")
        )
        self.again = widgets.Button(
            description="Start again", tooltip="Undo every change", layout=widgets.Layout(width="auto")
        )
        self.place = widgets.HBox([self.slider, self.leave, self.again], layout=widgets.Layout(flex_flow="row wrap"))
        held = widgets.Label(
            "All other trusts are held where they stand. For the whole table made anew, see “Other rules”."
        )
        self.box = widgets.VBox([self.pick, self.metric, self.place, held])
        self.pick.observe(self._trust_picked, "value")
        self.metric.observe(self._metric_picked, "value")
        self.leave.observe(self._moved, "value")
        self.again.on_click(lambda _: self._trust_picked())

    @property
    def trust(self) -> str:
        """Code of the trust that is picked."""
        return self.pick.value

    @property
    def changes(self) -> Changes:
        """What has been changed so far."""
        return tuple(self._changes.items())

    def offer(self, data: str, quarter: str, trust_type: str, start: str) -> None:
        """Offer the trusts of a type in a quarter; where that is another one, nothing is changed any more."""
        table = views.trusts(data, quarter, trust_type)
        same = (data, quarter) == (self._data, self._quarter) and self.pick.value in set(table["trust_code"])
        if same:
            return
        self._data, self._quarter, self._quiet = data, quarter, True
        labels = table["trust_name"] + " (" + table["trust_code"] + ")"
        offer(self.pick, zip(labels, table["trust_code"], strict=True), start)
        self._quiet = False
        self._restart()

    def _trust_picked(self, _: object = None) -> None:
        if not self._quiet:
            self._restart()
            self._changed()

    def _restart(self) -> None:
        self._changes, self._quiet = {}, True
        self._metrics = supposing.what_if_metrics(self._data, self._quarter, self.trust, {}).set_index(
            "metric_id", drop=False
        )
        offer(
            self.metric,
            [(f"{row.metric_id}: {row.description}", row.metric_id) for row in self._metrics.itertuples()],
            None,
        )
        self._quiet = False
        self._metric_picked()

    def _metric_picked(self, _: object = None) -> None:
        """A slider for the metric: a new one each time, since its ends cannot cross on the way."""
        if self._quiet:
            return
        self._lever = lever(self._data, self._quarter, self.trust, self._metrics.loc[self.metric.value])
        now = self._changes.get(self._lever.asked, self._lever.start)
        self._quiet = True
        self.leave.value = now is None
        self._quiet = False
        self.slider = _slider(self._lever, now, self.metric.label)
        self.slider.observe(self._moved, "value")
        self.place.children = (self.slider, self.leave, self.again)

    def _moved(self, _: object = None) -> None:
        if self._quiet:
            return
        self.slider.disabled = self.leave.value
        value = None if self.leave.value else round(self.slider.value, 6)
        self._changes.pop(self._lever.asked, None)
        if value is None or abs(value - self._lever.start) > self._lever.step / 2:
            self._changes[self._lever.asked] = value
        self._changed()
