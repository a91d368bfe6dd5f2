"""An executed notebook with made-up content, for the tests of display and the exporters."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nof.show import style
from nof.show.display import Card, Chart, Column, Table, Words, plain

matplotlib.use("agg")


NASTY = 'Evil <script>alert(1)</script> & #set $x$ @ref *b* _i_ `c` \\ [l](http://x) &lt; "q" ~ -- // ]]} Trust'


def shown(thing: Any) -> Any:
    """The output that a cell ending with this object would have."""
    bundle = thing._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return new_output("display_data", data=data, metadata=metadata)


def trusts(count: int = 134) -> pd.DataFrame:
    """Made-up trusts; one has a nasty name, some have no earlier rank."""
    draw = np.random.default_rng(1)
    average = np.sort(draw.uniform(1.2, 3.6, count))
    frame = pd.DataFrame(
        {
            "rank": range(1, count + 1),
            "name": [f"Ashvale and North Merrow {number} NHS Foundation Trust" for number in range(count)],
            "average": average,
            "segment": pd.cut(average, 4, labels=[1, 2, 3, 4]).astype(int),
            "before": np.where(np.arange(count) % 7 == 0, np.nan, draw.integers(1, count, count)),
        }
    )
    frame.loc[3, "name"] = NASTY
    return frame


def chart(frame: pd.DataFrame, alt: str = "Average scores run from 1.2 to 3.6.") -> Chart:
    """A dot plot with a label for each row."""
    with matplotlib.rc_context(style.rc()):
        figure = pyplot.figure(figsize=style.size(170, 200))
        axes = figure.add_axes((0.45, 0.05, 0.5, 0.94))
        axes.scatter(frame.average, -frame["rank"], c=frame.segment.map(style.SEGMENT), s=14)
        axes.fill_between(frame.average, -frame["rank"], hatch="//", alpha=0.2)  # a pattern: an id
        for name, rank in zip(frame.name, frame["rank"], strict=True):
            axes.text(-0.02, -rank, name, transform=axes.get_yaxis_transform(), ha="right", fontsize=6)
        return Chart.from_figure(figure, alt=alt, caption="Average scores run from 1.2 to 3.6")


def table(frame: pd.DataFrame) -> Table:
    """A league table."""
    columns = (
        Column("rank", "Rank", align="right", format="d"),
        Column("name", "Trust", row_header=True),
        Column("average", "Average score", "1 to 4", align="right", format=".2f"),
        Column("segment", "Segment", align="right", format="d", tone=lambda number: f"segment-{number}"),
        Column("before", "Rank last quarter", align="right", format=".0f"),
    )
    return Table(frame, "Trusts by average score", columns, "Recomputed.", "1 is best.", emphasis=(5,))


def notebook() -> Any:
    """Headings, words, a card, two charts of 67 rows and a table of 134."""
    frame = trusts()
    outputs = [
        Card((("Trusts", "134", ""), ("In segment 1", "33", NASTY))),
        chart(frame[:67]),
        Words(f"The fourth is {plain(NASTY)}, of **{len(frame)}** trusts."),
        table(frame),
        chart(frame[67:], alt="The second half runs from 2.3 to 3.6."),
    ]
    cells = [
        new_markdown_cell("# Synthetic briefing\n\nWhat it *says*.\n\n## First\n\n- one\n- two\n\n### Detail"),
        *(new_code_cell("helpers.show()", outputs=[shown(thing)]) for thing in outputs),
        new_markdown_cell("## Last\n\n| a | b |\n|:--|--:|\n| x | 1 |\n\n[link](https://example.org/) `code`"),
    ]
    result = new_notebook(cells=cells)
    for position, cell in enumerate(result.cells):
        cell["id"] = f"cell-{position}"
    result.metadata["briefing"] = {
        "title": "Synthetic briefing",
        "subtitle": "A quarter",
        "illustrative": True,
        "source_line": "Source: made up",
        "licence_line": "No licence",
        "run_id": "abc123",
        "date": "2026-06-11",
    }
    return result
