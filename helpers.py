"""The vocabulary of every notebook: one import, no logic."""

from nof.charts import caterpillar
from nof.tables import domain_heat_map, league_table, metric_list, movers, score_map
from nof.tables import mismatch_table, pool_table, reconciliation_table, rules_table, top_without_specialists
from nof.view import compared, open_publication, open_view
from nof.words import (ends, headline, headline_card, how_to_read, metrics_headline, movement, opening, override_note,
                       reconciliation_card, reconciliation_findings, reconciliation_opening)
from nof.sections import metric_sections, show
