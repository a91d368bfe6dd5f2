"""Mergers of trusts: which code carries which, and what a merger does to a league table.

The mergers stand in data/reference/mergers.csv (facts from the NHS Organisation Data Service,
since 2018). An effective date is the first day on which the successor holds the services.
NHS England's files give earlier quarters today's codes and names, so a merger inside the files'
span cannot be seen in them; it has to be known from outside.

How NHS England combines the predecessors' data is not published, and nothing here assumes it.

mergers   the table of mergers: read and checked
codes     which code carries which, and codes that come or go unexplained
touched   trusts of a table that a merger touches, and comparisons that it breaks
windows   metrics and surveys whose data lie on both sides of a merger
position  where merging trusts would have stood as one
"""

from nof.lineage.codes import formed_from, lineage, predecessors, successors, unexplained
from nof.lineage.mergers import COLUMNS, known_mergers, read_mergers
from nof.lineage.position import MergedPosition, merged_position
from nof.lineage.touched import AFTER, BEFORE, IN, affected, events_of, not_comparable
from nof.lineage.windows import blank_because_of_merger, survey_timing

__all__ = [
    "AFTER",
    "BEFORE",
    "COLUMNS",
    "IN",
    "MergedPosition",
    "affected",
    "blank_because_of_merger",
    "events_of",
    "formed_from",
    "known_mergers",
    "lineage",
    "merged_position",
    "not_comparable",
    "predecessors",
    "read_mergers",
    "successors",
    "survey_timing",
    "unexplained",
]
