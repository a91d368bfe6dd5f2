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

League table and metric rankings
    league_facts             The facts of each section, made from frames: basis, league, moves, metrics.
    charts                   Figures: caterpillar(league, edges), distribution(ranking, ...), metric_sections(view).
    tables                   Tables: a frame goes in, an accessible table comes out.
    own_rules                The whole table under other rules: metrics left out, weights, median, override, subtype.
    next_bands               In which segment each average would stand under the next year's thresholds.
    transition               How many trusts would go from which segment to which.
    transition_table         Segments as they stand against those under another year's bands.
    under_bands_table        Trusts in another segment under another year's bands; None where there are none.
    type_moves_of            `type_moves` since the quarter before; None where no move could be split.
    novelties_of             What a framework year holds that the year before did not, and what went.
    novelties_table          What is new, renamed or gone in a framework year; None where nothing is.
    beside_standards         Values of a table that have a planning standard, beside it.
    meeting                  How many trusts meet each standard.
    range_note               Whose likely ranges a table shows, in one sentence.
    restated                 Whether the figures of a trust type were restated: sentences, and a table where any was.
    odd                      What is odd in the files and concerns one type and quarter, and a metric if one is given.
    listing                  The findings as a table that a person reads: what, where, whose, found, expected.

Reconciliation
    reconcile_facts          What was compared and how much of it comes out equal: `reconciliation(...)`.
    reconcile_tables         Card and tables of the reconciliation, of its ranking pools, rules and their sources.

Glossary
    glossary                 Terms from data/reference/glossary.yaml; metrics from the files and the year's rules.
    glossary_tables          Tables of the glossary: the words, and the metrics of each domain.

What a rank cannot tell you
    limits                   Every frame behind the limitations briefing, asked of a view: limits.places(view), ...
    limit_facts              The facts of each section, made from these frames.
    limit_charts             Figures of the limitations briefing; caption and alt text state the finding.
    limit_tables             Tables of the limitations briefing, folded to what a reader needs: frames go in.
    read_covariate           Read a CSV with a column trust_code (or org_code) and one of numbers.
    rank_confidence_sets     Confidence sets for ranks after Mogstad, Romano, Shaikh and Wilhelm (2024).

One trust, for its board
    board                    What a board's briefing shows of one trust: frames that are computed when first asked for.
    board_facts              The facts of each section, made from these frames.
    board_charts             Figures of a trust's briefing; caption and alt text state the finding.
    board_tables             Card and tables of one trust's briefing: frames and facts go in.
    questions                The questions that the facts raise, as a numbered list; blank where they raise none.
    board_paper              A paper for a board's meeting: front sheet, what hurts and helps most, questions.
    national_rows            A trust's rows of the national tables, with those beside it in the league table.
    safe_facts               What a trust may say of its place and what it may not: the facts behind each line.
    safe                     What a trust may say, what it may not, and answers to what it may be asked, as tables.

Before publication day
    nowcast                  A trust's own newer values in the last published table: frames, facts, chart, tables.

Explore
    explore                  The analyst's notebook: views that work in a script, and the widgets that call them.
    connect                  A DuckDB connection with the tidy tables as views, in memory; `from tables` lists them.
"""

from nof import explore
from nof.explore import connect
from nof.method import board, glossary, league_facts, limits, reconcile_facts, safe_facts
from nof.method import limits_facts as limit_facts
from nof.method import trust_facts as board_facts
from nof.method.board import open_trust
from nof.method.choices import own_rules
from nof.method.movement_facts import beside_standards, next_bands, novelties_of, type_moves_of
from nof.method.opening import compared, open_publication
from nof.method.ranges import source_note as range_note
from nof.method.rank_sets import rank_confidence_sets
from nof.method.standards import meeting
from nof.method.two_methods import transition
from nof.method.view import odd, open_view
from nof.read.covariate import read_covariate
from nof.read.findings import listing
from nof.show import board_paper, charts, national_rows, nowcast, safe, tables
from nof.show import glossary as glossary_tables
from nof.show import limits_charts as limit_charts
from nof.show import limits_tables as limit_tables
from nof.show import reconcile as reconcile_tables
from nof.show import trust_charts as board_charts
from nof.show import trust_tables as board_tables
from nof.show.charts import show
from nof.show.movement import novelties_table, transition_table, under_bands_table
from nof.show.questions import questions
from nof.show.restated import restated
from nof.show.say import say

__all__ = [
    "open_publication",
    "open_view",
    "compared",
    "open_trust",
    "show",
    "say",
    "league_facts",
    "charts",
    "tables",
    "own_rules",
    "next_bands",
    "transition",
    "transition_table",
    "under_bands_table",
    "type_moves_of",
    "novelties_of",
    "novelties_table",
    "beside_standards",
    "meeting",
    "range_note",
    "restated",
    "odd",
    "listing",
    "reconcile_facts",
    "reconcile_tables",
    "glossary",
    "glossary_tables",
    "limits",
    "limit_facts",
    "limit_charts",
    "limit_tables",
    "read_covariate",
    "rank_confidence_sets",
    "board",
    "board_facts",
    "board_charts",
    "board_tables",
    "questions",
    "board_paper",
    "national_rows",
    "safe_facts",
    "safe",
    "nowcast",
    "explore",
    "connect",
]
