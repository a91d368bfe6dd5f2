"""The sections of one trust's briefing, each shown by one call; a trust that has no place gets one clear page."""

from __future__ import annotations

from nof.board import charts, firm, tables, words
from nof.board import reach as way
from nof.board.trust import TrustView
from nof.display import Words
from nof.sections import show


def trust_start(trust: TrustView) -> None:
    """Headline, card, what this rests on."""
    if trust.stands:
        show(
            words.headline(trust), words.card(trust), words.opening(trust), charts.strip(trust), tables.segments(trust)
        )
    else:
        show(words.absent(trust), words.opening(trust))


def trust_score(trust: TrustView) -> None:
    """Where the score comes from."""
    if trust.stands:
        show(
            Words("## Where the score comes from"),
            words.score(trust),
            charts.bars(trust),
            charts.trend(trust),
            tables.metrics(trust),
            tables.quarters(trust),
            tables.domains(trust),
        )


def trust_reach(trust: TrustView) -> None:
    """What it would take to reach the next segment."""
    if trust.stands:
        show(
            Words(f"## {way.reach_heading(trust)}"),
            way.reach(trust),
            tables.steps(trust),
            way.together(trust),
            tables.sets(trust),
            way.others(trust),
        )


def trust_firm(trust: TrustView) -> None:
    """How firm this is."""
    if trust.stands:
        show(Words("## How firm this is"), firm.firm(trust))


def trust_peers(trust: TrustView) -> None:
    """Like-for-like peers."""
    if trust.stands:
        show(Words("## Like for like"), words.near(trust), tables.near(trust))


def trust_questions(trust: TrustView) -> None:
    """Questions that a board might ask."""
    if trust.stands:
        show(Words("## Questions a board might ask, drawn from the data by rule"), firm.questions(trust))


ALL = (trust_start, trust_score, trust_reach, trust_firm, trust_peers, trust_questions)  # in the order of the briefing
