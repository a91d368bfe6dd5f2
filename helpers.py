"""Everything that a notebook imports: short names for what stands in nof/, and no logic.

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

from nof.common import on_demand as _on_demand
from nof.show.say import say as say  # already here: with it comes the magic %%say, which no cell asks for by a name

# Where each name stands: it is imported when it is first used, so that a notebook waits for nothing that it does not show.
_WHERE = {
    "open_publication": "nof.method.opening:open_publication",
    "open_view": "nof.method.view:open_view",
    "compared": "nof.method.opening:compared",
    "open_trust": "nof.method.board:open_trust",
    "show": "nof.show.charts:show",
    "say": "nof.show.say:say",
    "league_facts": "nof.method.league_facts",
    "charts": "nof.show.charts",
    "tables": "nof.show.tables",
    "own_rules": "nof.method.choices:own_rules",
    "next_bands": "nof.method.movement_facts:next_bands",
    "transition": "nof.method.two_methods:transition",
    "transition_table": "nof.show.movement:transition_table",
    "under_bands_table": "nof.show.movement:under_bands_table",
    "type_moves_of": "nof.method.movement_facts:type_moves_of",
    "novelties_of": "nof.method.movement_facts:novelties_of",
    "novelties_table": "nof.show.movement:novelties_table",
    "beside_standards": "nof.method.movement_facts:beside_standards",
    "meeting": "nof.method.standards:meeting",
    "range_note": "nof.method.ranges:source_note",
    "restated": "nof.show.restated:restated",
    "odd": "nof.method.view:odd",
    "listing": "nof.read.findings:listing",
    "reconcile_facts": "nof.method.reconcile_facts",
    "reconcile_tables": "nof.show.reconcile",
    "glossary": "nof.method.glossary",
    "glossary_tables": "nof.show.glossary",
    "limits": "nof.method.limits",
    "limit_facts": "nof.method.limits_facts",
    "limit_charts": "nof.show.limits_charts",
    "limit_tables": "nof.show.limits_tables",
    "read_covariate": "nof.read.covariate:read_covariate",
    "rank_confidence_sets": "nof.method.rank_sets:rank_confidence_sets",
    "board": "nof.method.board",
    "board_facts": "nof.method.trust_facts",
    "board_charts": "nof.show.trust_charts",
    "board_tables": "nof.show.trust_tables",
    "questions": "nof.show.questions:questions",
    "board_paper": "nof.show.board_paper",
    "national_rows": "nof.show.national_rows",
    "safe_facts": "nof.method.safe_facts",
    "safe": "nof.show.safe",
    "nowcast": "nof.show.nowcast",
    "explore": "nof.explore",
    "connect": "nof.explore:connect",
}
__getattr__, __dir__, __all__ = _on_demand(__name__, _WHERE)
