"""The controls of "what if": one trust, one metric at a time, a slider, and what has been changed so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from nof.contributions import scored
from nof.curves import curves
from nof.explore import views
from nof.explore.controls import dropdown, offer
from nof.explore.measuring import opened

Changes = tuple[tuple[str, float | None], ...]


class Lever(NamedTuple):
    """What a slider moves: `asked` is the id that `views.what_if` takes."""

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
        A row of `views.what_if_metrics`.
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
        As the dict of `views.what_if`.
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
        self.box = widgets.VBox([self.pick, self.metric, self.place])
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
        self._metrics = views.what_if_metrics(self._data, self._quarter, self.trust, {}).set_index(
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
