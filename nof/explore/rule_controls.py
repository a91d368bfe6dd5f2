"""The controls of the desk for rules of one's own: metrics left out, weights, statistic, override, subtype, scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets as widgets

from nof.explore import views
from nof.explore.controls import dropdown, offer
from nof.explore.measuring import view_of
from nof.explore.own_rules import Asked
from nof.method.opening import LEVELS

_HEAVIEST = 100.0


class RuleControls:
    """Changes the rules of the league table, one after another.

    Attributes
    ----------
    asked : Asked
        The rules as they stand now.
    """

    def __init__(self, changed: Callable[[], None], start: Asked) -> None:
        self._changed, self._quiet, self.asked = changed, False, start
        self.metric = dropdown("Metric or domain", "46rem")
        self.out = _button("Leave it out", "Leave it out of the average of every trust")
        self.weight = widgets.BoundedFloatText(
            value=2.0,
            min=0.0,
            max=_HEAVIEST,
            step=0.5,
            description="Weight",
            layout=widgets.Layout(width="9rem"),
            style={"description_width": "auto"},
        )
        self.weigh = _button("Give it this weight", "1 is the usual weight; 0 leaves it out")
        self.statistic = dropdown("Average by", "13rem")
        self.override = widgets.Checkbox(
            value=start.override,
            description="The financial override applies",
            indent=False,
            layout=widgets.Layout(width="17rem"),
        )
        self.subtype = dropdown("Rank only", "15rem")
        self.level = dropdown("Metric scores", "27rem")
        self.again = _button("NHS England's rules again", "Undo every change of the rules")
        self.chips = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        row = widgets.Layout(flex_flow="row wrap")
        self.box = widgets.VBox(
            [
                self.metric,
                widgets.HBox([self.out, self.weight, self.weigh], layout=row),
                widgets.HBox([self.statistic, self.subtype, self.level, self.override], layout=row),
                widgets.HBox([self.chips, self.again], layout=row),
            ]
        )
        offer(self.statistic, [("mean", "mean"), ("median", "median")], start.statistic)
        offer(self.level, [(text, level) for level, text in LEVELS.items()], start.level)
        for control in (self.statistic, self.subtype, self.level, self.override):
            control.observe(self._moved, "value")
        self.out.on_click(lambda _: self._leave_out(self.metric.value))
        self.weigh.on_click(lambda _: self._weigh(self.metric.value, self.weight.value))
        self.again.on_click(lambda _: self._take(Asked()))

    def offer(self, data: str, quarter: str, trust_type: str) -> None:
        """Offer the metrics, domains and subtypes of a table; what it does not have is no longer asked for."""
        view = view_of(data, quarter, trust_type)
        metrics = view.metrics
        names = [(f"{one.metric_id}: {one.description}", one.metric_id) for one in metrics.itertuples()]
        domains = [(f"Domain: {one}", one) for one in metrics["domain"].drop_duplicates()]
        subtypes = sorted(views.trusts(data, quarter, trust_type)["trust_subtype"].dropna().unique())
        known = {one.casefold() for one in (*view.scores["metric_id"].unique(), *metrics["domain"])}
        asked = replace(
            self.asked,
            leave_out=tuple(one for one in self.asked.leave_out if one.strip().casefold() in known),
            weights=tuple(pair for pair in self.asked.weights if pair[0].strip().casefold() in known),
            trust_subtype=next((one for one in subtypes if one == self.asked.trust_subtype), None),
        )
        self._quiet = True
        offer(self.metric, [*names, *domains], None)
        offer(self.subtype, [("All subtypes", ""), *((one, one) for one in subtypes)], asked.trust_subtype or "")
        self._quiet = False
        self._show(asked)

    def _moved(self, _: object = None) -> None:
        if not self._quiet:
            chosen = {"statistic": self.statistic.value, "override": self.override.value, "level": self.level.value}
            self._take(replace(self.asked, **chosen, trust_subtype=self.subtype.value or None))

    def _leave_out(self, name: str) -> None:
        weights = tuple(pair for pair in self.asked.weights if pair[0] != name)
        self._take(replace(self.asked, leave_out=tuple(dict.fromkeys([*self.asked.leave_out, name])), weights=weights))

    def _weigh(self, name: str, weight: float) -> None:
        left = tuple(one for one in self.asked.leave_out if one != name)
        self._take(
            replace(self.asked, leave_out=left, weights=tuple((dict(self.asked.weights) | {name: weight}).items()))
        )

    def _take(self, asked: Asked) -> None:
        self._show(asked)
        self._changed()

    def _show(self, asked: Asked) -> None:
        """Put rules into the controls."""
        self.asked, self._quiet = asked, True
        self.statistic.value, self.override.value, self.level.value = asked.statistic, asked.override, asked.level
        self.subtype.value = asked.trust_subtype or ""
        self._quiet = False
        chips = []
        for name in asked.leave_out:
            left = tuple(one for one in asked.leave_out if one != name)
            chips.append(self._chip(f"without {name}", replace(asked, leave_out=left)))
        for name, weight in asked.weights:
            rest = tuple(pair for pair in asked.weights if pair[0] != name)
            chips.append(self._chip(f"{name} with weight {weight:g}", replace(asked, weights=rest)))
        self.chips.children = tuple(chips)

    def _chip(self, label: str, without: Asked) -> widgets.Button:
        chip = _button(f"{label}  ✕", f"Remove: {label}")
        chip.on_click(lambda _: self._take(without))
        return chip


def _button(label: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=label, tooltip=tooltip, layout=widgets.Layout(width="auto"))
