"""Everything that a notebook imports: short names re-exported from nof/, and no logic.

This is the table of contents; help(helpers.NAME) says more, docs/reference.md lists it all.

Open a publication
    open_publication         Read a folder and recompute it, once a process unless its files change.
    open_view                Open one trust type in one quarter of the publication in a folder.
    compared                 Every figure beside the published one, computed once; see `reconcile.compare`.
    open_trust               Open one trust in one quarter of the publication in a folder.

Show it
    show                     Show several things from one notebook cell, in order; None is passed over.
    say                      Fill facts into a text; a cell that begins with %%say does the same.
    metric_sections          For each scored metric: a heading, the distribution of its values, and the ranking.

League table: sentences
    opening                  What a briefing rests on: publication, date, level of recomputation, figures reproduced.
    headline                 The first sentence a reader should take away.
    headline_card            Key figures of a league table.
    ends                     The best and the worst places, each with its likely range.
    override_note            How the financial override moves segments.
    movement                 How the places changed since the quarter before, and how far that is to be trusted.
    restated                 Whether the figures of a trust type were restated: sentences, and a table where any was.
    how_to_read              The method in short.
    metrics_headline         How many metrics there are and what is known of them.

League table: figures and tables
    caterpillar              Average scores with their likely ranges, one row a trust, in panels.
    league_table             The aggregated metric ranking with likely ranges.
    top_without_specialists  The best placed trusts that are not specialist trusts; None where there are no specialists.
    movers                   The trusts that moved most places since the quarter before.
    domain_heat_map          Domain scores of every trust, toned and lettered by score band.
    score_map                Metric scores of every trust, toned and lettered by score band.
    metric_list              The scored metrics of a trust type and what is known of their rules.

Reconciliation
    reconcile_facts          What was compared and how much of it comes out equal: `reconciliation(...)`.
    reconcile_tables         Card and tables of the reconciliation, of its ranking pools, rules and their sources.

What a rank cannot tell you
    limits                   Every frame behind the limitations briefing, asked of a view: limits.places(view), ...
    limit_facts              The facts of each section, made from these frames.
    limit_charts             Figures of the limitations briefing; caption and alt text state the finding.
    limit_tables             Tables of the limitations briefing, folded to what a reader needs.
    read_covariate           A number for each trust from a CSV file, to set beside the average score.
    rank_confidence_sets     Confidence sets for ranks, from any estimates and their errors.

One trust, for its board
    board                    Every frame behind a trust's briefing, asked of the trust: board.place(own), ...
    board_facts              The facts of each section, made from these frames.
    board_charts             Figures of a trust's briefing; caption and alt text state the finding.
    board_tables             Card and tables of a trust's briefing.
    questions                The questions of data/questions.yaml that the facts raise, as a numbered list.

Explore
    explore                  The analyst's notebook: views that work in a script, and the widgets that call them.
    connect                  A DuckDB connection with the tidy tables as views, in memory; `from tables` lists them.
"""

from nof import explore
from nof.explore import connect
from nof.method import board, limits, reconcile_facts
from nof.method import limits_facts as limit_facts
from nof.method import trust_facts as board_facts
from nof.method.board import open_trust
from nof.method.rank_sets import rank_confidence_sets
from nof.method.view import compared, open_publication, open_view
from nof.read.covariate import read_covariate
from nof.show import limits_charts as limit_charts
from nof.show import limits_tables as limit_tables
from nof.show import reconcile as reconcile_tables
from nof.show import trust_charts as board_charts
from nof.show import trust_tables as board_tables
from nof.show.charts import caterpillar, metric_sections, show
from nof.show.questions import questions
from nof.show.restated import restated
from nof.show.say import say
from nof.show.tables import (
    domain_heat_map,
    league_table,
    metric_list,
    movers,
    score_map,
    top_without_specialists,
)
from nof.show.words import (
    ends,
    headline,
    headline_card,
    how_to_read,
    metrics_headline,
    movement,
    opening,
    override_note,
)

__all__ = [
    "open_publication",
    "open_view",
    "compared",
    "open_trust",
    "show",
    "say",
    "metric_sections",
    "opening",
    "headline",
    "headline_card",
    "ends",
    "override_note",
    "movement",
    "restated",
    "how_to_read",
    "metrics_headline",
    "caterpillar",
    "league_table",
    "top_without_specialists",
    "movers",
    "domain_heat_map",
    "score_map",
    "metric_list",
    "reconcile_facts",
    "reconcile_tables",
    "limits",
    "limit_facts",
    "rank_confidence_sets",
    "read_covariate",
    "limit_charts",
    "limit_tables",
    "board",
    "board_facts",
    "board_charts",
    "board_tables",
    "questions",
    "explore",
    "connect",
]
