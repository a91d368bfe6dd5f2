"""The analyst's notebook, live: controls above, a view below; the same views, still, where nobody can move them."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

from nof.common import NofError
from nof.explore import panels, present, views
from nof.explore.controls import Controls, WhatIfControls
from nof.explore.measuring import named, opened
from nof.explore.own_rules import Asked
from nof.explore.present import Choice, Shown
from nof.explore.rule_controls import RuleControls
from nof.explore.sql import file_name, save
from nof.show.display import Words
from nof.show.words import INDEPENDENT, LICENCE_LINE, source_line

log = logging.getLogger(__name__)
EXPORTS = "exports"  # folder beside the notebook
_ALWAYS = ("data", "quarter", "trust_type")
_FILTERED = (*_ALWAYS, "subtype", "region", "trusts")
# What each view depends on: it is drawn again only if one of these has changed.
FIELDS = {
    "league": _FILTERED,
    "rules": (*_FILTERED, "rules"),
    "ranking": (*_FILTERED, "metric"),
    "scatter": (*_FILTERED, "x", "y"),
    "trajectories": ("data", "trust_type", "trusts", "measure"),
    "compare": (*_ALWAYS, "trusts"),
    "what_if": (*_ALWAYS, "trust", "changes"),
}
_TITLES = {
    "league": "League table",
    "rules": "Other rules",
    "ranking": "Metric ranking",
    "scatter": "Scatter",
    "trajectories": "Trajectories",
    "compare": "Side by side",
    "what_if": "What if",
}


def shared() -> bool:
    """Whether Voila shows the notebook (`make share`): to readers, who move controls and write nothing."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def attended() -> bool:
    """Whether someone sits at a front end: a live kernel whose client takes questions.

    Jupyter's message protocol has every request say whether its client can answer one (`allow_stdin`). JupyterLab can;
    nbclient, which runs notebooks for nbconvert and papermill, says that it cannot.
    """
    if shared():
        return True
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return bool((parent or {}).get("content", {}).get("allow_stdin"))


class Panel:
    """One view below its controls; it is worked out when it is on show and something that it depends on has changed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shown: Shown | None = None
        self.sheet, self.body = widgets.HTML(panels.sheet()), widgets.HTML()
        self._key: tuple | None = None

    def update(self, choice: Choice) -> None:
        """Show the view for a choice; what cannot be shown is said in its place."""
        key = tuple(getattr(choice, one) for one in FIELDS[self.name])
        if key == self._key:
            return
        self._key, self.shown = key, None
        wanted = _too_few(self.name, choice)
        if wanted:
            self.body.value = panels.message(wanted)
            return
        try:
            self.shown = present.VIEWS[self.name](choice)
            self.body.value = panels.panel(self.shown, f"{self.name}-")
        except NofError as problem:
            self.body.value = panels.message(str(problem))
        except Exception as fault:  # in a callback nobody would see it, and the old view would stand for the new
            log.exception("the view %s failed", self.name)
            self.body.value = panels.message(f"This view failed ({type(fault).__name__}: {fault}). Please report it.")


def _too_few(name: str, choice: Choice) -> str:
    fewest = {"compare": views.FEWEST, "trajectories": 1}.get(name, 0)
    return "" if len(choice.trusts) >= fewest else f"Pick {fewest} to {views.MOST} trusts: type a part of a name above."


class Desk:
    """What the notebook opens: one method for each view, each shown by one call.

    Parameters
    ----------
    data : str, optional
        Folder of the publication; if not given as `measuring.named` says.
    quarter, trust_type : str, optional
        Slugs to start with: the latest quarter and the first type if not given.
    interactive : bool
        Whether to show controls; they are shown only where somebody is there to move them.
    rules : Asked
        Rules to start with in "other rules".
    """

    def __init__(
        self,
        data: str | None = None,
        quarter: str | None = None,
        trust_type: str | None = None,
        interactive: bool = True,
        rules: Asked = Asked(),
    ) -> None:
        self.start = present.default(named(data), quarter, trust_type, rules)
        self.live = interactive and attended()
        self.publication = opened(self.start.data).publication
        self.panels: dict[str, Panel] = {}

    @cached_property
    def controls(self) -> Controls:
        """The controls that every view shares."""
        controls = Controls(self.start)
        controls.listen(self._changed)
        return controls

    @cached_property
    def levers(self) -> WhatIfControls:
        """The controls of "what if"."""
        levers = WhatIfControls(lambda: self.panels["what_if"].update(self.choice("what_if")))
        self._offer_levers(levers)
        return levers

    @cached_property
    def rule_controls(self) -> RuleControls:
        """The controls of "other rules"."""
        controls = RuleControls(lambda: self.panels["rules"].update(self.choice("rules")), self.start.rules)
        self._offer_rules(controls)
        return controls

    def choice(self, name: str) -> Choice:
        """What is picked now, as a view sees it."""
        if not self.live:
            return self.start
        if name == "rules":
            return replace(self.controls.choice, rules=self.rule_controls.asked)
        if name != "what_if":
            return self.controls.choice
        return replace(self.controls.choice, trust=self.levers.trust, changes=self.levers.changes)

    def _offer_levers(self, levers: WhatIfControls) -> None:
        now = self.controls.choice
        levers.offer(now.data, now.quarter, now.trust_type, now.trust)

    def _offer_rules(self, controls: RuleControls) -> None:
        now = self.controls.choice
        controls.offer(now.data, now.quarter, now.trust_type)

    def _changed(self, _: Choice) -> None:
        if "what_if" in self.panels:
            self._offer_levers(self.levers)
        if "rules" in self.panels:
            self._offer_rules(self.rule_controls)
        for name, panel in self.panels.items():
            panel.update(self.choice(name))

    # --- one call for each cell of the notebook ---

    def choose(self) -> None:
        """The choices that every view shares, and what the figures are."""
        lines = [source_line(self.publication.illustrative, self.start.quarter)]
        lines += [] if self.publication.illustrative else [LICENCE_LINE]
        lines.append(f"{INDEPENDENT}.")
        kind = "made-up" if self.publication.illustrative else "note"
        if not self.live:
            display(Words(" ".join(f"**{one}**" if kind == "made-up" else one for one in lines)))
            return
        said = widgets.HTML(panels.sheet() + panels.message(" ".join(lines), kind))
        self._display(widgets.VBox([said, self.controls.bar(), self.controls.picker()]), None)

    def league(self) -> None:
        """The league table."""
        self._show("league")

    def rules(self) -> None:
        """The whole table under rules of one's own."""
        self._show("rules")

    def ranking(self) -> None:
        """One metric."""
        self._show("ranking", "metric")

    def scatter(self) -> None:
        """Two measures against each other."""
        self._show("scatter", "x", "y")

    def trajectories(self) -> None:
        """One measure over the quarters."""
        self._show("trajectories", "measure")

    def compare(self) -> None:
        """Two to five trusts side by side."""
        self._show("compare")

    def what_if(self) -> None:
        """A trust with some of its metrics changed or left out."""
        self._show("what_if")

    def _show(self, name: str, *controls: str) -> None:
        if not self.live:
            shown = present.VIEWS[name](self.start)
            for item in (*shown.items, Words(f"The same in a script:\n\n{_fenced(shown.code)}")):
                display(item)
            return
        panel = self.panels[name] = Panel(name)
        own = {"what_if": lambda: self.levers.box, "rules": lambda: self.rule_controls.box}
        above = [own[name]()] if name in own else [getattr(self.controls, one) for one in controls]
        above += [self.controls.picker()] if name in ("trajectories", "compare") else []
        panel.update(self.choice(name))
        self._display(widgets.VBox([panel.sheet, self.controls.bar(), *above, panel.body]), panel.shown)

    def _display(self, box: widgets.Widget, shown: Shown | None) -> None:
        """Display a widget together with a still picture of it, for whoever exports the notebook as it was saved."""
        data = box._repr_mimebundle_()
        metadata: dict[str, Any] = {}
        if shown is not None:
            still = (shown.chart or shown.items[-1])._repr_mimebundle_()
            still, metadata = still if isinstance(still, tuple) else (still, {})
            data = {**{kind: one for kind, one in still.items() if kind != "text/html"}, **data}
        display(data, metadata=metadata, raw=True)

    # --- exports ---

    def exports(self) -> None:
        """Buttons that write a view as it stands: CSV, Parquet, SVG, PNG."""
        if not self.live or shared():
            lines = ["import helpers", "", f"frame = helpers.explore.league({self.start.data!r})"]
            code = _fenced("\n".join([*lines, "helpers.explore.save(frame, 'league.csv')"]))
            display(Words(f"In JupyterLab, buttons save each view in the folder `{EXPORTS}`. In a script:\n\n{code}"))
            return
        self._display(Exports(self).box, None)


class Exports:
    """Buttons that write a view as it stands."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.view = widgets.Dropdown(options=[(title, name) for name, title in _TITLES.items()], description="View")
        self.buttons = {
            suffix: widgets.Button(
                description=f"Save {suffix.upper() if len(suffix) == 3 else suffix.capitalize()}",
                layout=widgets.Layout(width="auto"),
            )
            for suffix in ("csv", "parquet", "svg", "png")
        }
        self.said = widgets.HTML()
        for suffix, button in self.buttons.items():
            button.on_click(lambda _, suffix=suffix: self.write(suffix))
        self.view.observe(self._suit, "value")
        self._suit()
        self.box = widgets.VBox(
            [
                widgets.HTML(panels.sheet()),
                widgets.HBox([self.view, *self.buttons.values()], layout=widgets.Layout(flex_flow="row wrap")),
                self.said,
            ]
        )

    def _suit(self, _: Any = None) -> None:
        for suffix in ("svg", "png"):
            self.buttons[suffix].disabled = self.view.value in ("league", "rules")  # tables without a figure

    def write(self, suffix: str) -> None:
        """Write the view as one kind of file and say where it is, with the code that does the same."""
        try:
            choice = self.desk.choice(self.view.value)
            shown = present.VIEWS[self.view.value](choice)
            drawn = suffix in ("svg", "png")
            call = next(one for one in shown.calls if one.name.endswith("_chart") == drawn)
            path = Path(EXPORTS) / name_for(self.view.value, choice, self.desk.publication.illustrative, suffix)
            save(shown.chart if drawn else shown.frame, path)
            done = f"Saved {path.as_posix()}"
            lines = f"import helpers\n\nhelpers.explore.save({call.code}, {path.as_posix()!r})"
            self.said.value = panels.message(done, "note") + f'<div class="nof-explore">{panels.code(lines)}</div>'
        except NofError as problem:
            self.said.value = panels.message(str(problem))


def name_for(view: str, choice: Choice, illustrative: bool, suffix: str) -> str:
    """File name of a view: what it is and of what; made-up data say so."""
    own = {
        "ranking": [choice.metric],
        "scatter": [choice.x, choice.y],
        "trajectories": [choice.measure, *choice.trusts],
        "compare": choice.trusts,
        "what_if": [choice.trust],
        "rules": [f"{name}-{value}" for name, value in choice.rules.options.items()],
    }.get(view, [])
    filters = [choice.subtype or "", choice.region or ""] if "region" in FIELDS[view] else []
    return file_name(
        "illustrative" if illustrative else "",
        view,
        choice.trust_type,
        choice.quarter,
        *filters,
        *own,
        suffix=f".{suffix}",
    )


def _fenced(code: str) -> str:
    """Code as Markdown; the fence is longer than any run of its own characters inside."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}python\n{code}\n{fence}"
