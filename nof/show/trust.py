"""The sections of one trust's briefing, each shown by one call; a trust that has no place gets one clear page."""

from __future__ import annotations

from nof.method import board
from nof.method.board import Trust
from nof.show import trust_charts, trust_tables, trust_words
from nof.show import trust_firm as firm
from nof.show import trust_reach as way
from nof.show.charts import show
from nof.show.display import Words


def trust_start(trust: Trust) -> None:
    """Headline, card, what this rests on."""
    if board.stands(trust):
        show(
            trust_words.headline(trust),
            trust_words.card(trust),
            trust_words.opening(trust),
            trust_charts.strip(trust),
            trust_tables.segments(trust),
        )
    else:
        show(trust_words.absent(trust), trust_words.opening(trust))


def trust_score(trust: Trust) -> None:
    """Where the score comes from."""
    if board.stands(trust):
        show(
            Words("## Where the score comes from"),
            trust_words.score(trust),
            trust_charts.bars(trust),
            trust_charts.trend(trust),
            trust_tables.metrics(trust),
            trust_tables.quarters(trust),
            trust_tables.domains(trust),
        )


def trust_reach(trust: Trust) -> None:
    """What it would take to reach the next segment."""
    if board.stands(trust):
        show(
            Words(f"## {way.reach_heading(trust)}"),
            way.reach(trust),
            trust_tables.steps(trust),
            way.together(trust),
            trust_tables.sets(trust),
            way.others(trust),
        )


def trust_firm(trust: Trust) -> None:
    """How firm this is."""
    if board.stands(trust):
        show(Words("## How firm this is"), firm.firm(trust))


def trust_peers(trust: Trust) -> None:
    """Like-for-like peers."""
    if board.stands(trust):
        show(Words("## Like for like"), trust_words.near(trust), trust_tables.near(trust))


def trust_questions(trust: Trust) -> None:
    """Questions that a board might ask."""
    if board.stands(trust):
        show(Words("## Questions a board might ask, drawn from the data by rule"), firm.questions(trust))


ALL = (trust_start, trust_score, trust_reach, trust_firm, trust_peers, trust_questions)  # in the order of the briefing
