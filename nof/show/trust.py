"""The sections of one trust's briefing, each shown by one call; a trust that has no place gets one clear page."""

from __future__ import annotations

from nof.method.trust import TrustView
from nof.show import trust_charts, trust_tables, trust_words
from nof.show import trust_firm as firm
from nof.show import trust_reach as way
from nof.show.charts import show
from nof.show.display import Words


def trust_start(trust: TrustView) -> None:
    """Headline, card, what this rests on."""
    if trust.stands:
        show(
            trust_words.headline(trust),
            trust_words.card(trust),
            trust_words.opening(trust),
            trust_charts.strip(trust),
            trust_tables.segments(trust),
        )
    else:
        show(trust_words.absent(trust), trust_words.opening(trust))


def trust_score(trust: TrustView) -> None:
    """Where the score comes from."""
    if trust.stands:
        show(
            Words("## Where the score comes from"),
            trust_words.score(trust),
            trust_charts.bars(trust),
            trust_charts.trend(trust),
            trust_tables.metrics(trust),
            trust_tables.quarters(trust),
            trust_tables.domains(trust),
        )


def trust_reach(trust: TrustView) -> None:
    """What it would take to reach the next segment."""
    if trust.stands:
        show(
            Words(f"## {way.reach_heading(trust)}"),
            way.reach(trust),
            trust_tables.steps(trust),
            way.together(trust),
            trust_tables.sets(trust),
            way.others(trust),
        )


def trust_firm(trust: TrustView) -> None:
    """How firm this is."""
    if trust.stands:
        show(Words("## How firm this is"), firm.firm(trust))


def trust_peers(trust: TrustView) -> None:
    """Like-for-like peers."""
    if trust.stands:
        show(Words("## Like for like"), trust_words.near(trust), trust_tables.near(trust))


def trust_questions(trust: TrustView) -> None:
    """Questions that a board might ask."""
    if trust.stands:
        show(Words("## Questions a board might ask, drawn from the data by rule"), firm.questions(trust))


ALL = (trust_start, trust_score, trust_reach, trust_firm, trust_peers, trust_questions)  # in the order of the briefing
