"""How much the method decides: every combination of reasonable choices, and the ranks that follow.

A ranking needs choices that nobody can derive from the data: which metrics, which weights, the override or not. Each
trust is ranked under all combinations of them (a multiverse: Steegen, Tuerlinckx, Gelman and Vanpaemel, "Increasing
transparency through a multiverse analysis", Perspectives on Psychological Science 11, 2016). The share of choices that
give a result is no probability: nobody drew the choices at random. Ranks: 1 is best; scores: 1.00 is best.

reranking       what a ranking is made of, and averages, segments and ranks under other choices
choices         the choices and their combinations
every_choice    the multiverse, and what each choice does in it
shuffling       the randomisation check: a metric shuffled among trusts
association     how a number that somebody brings goes with the average
covariate_file  reading that number
"""

from nof.sensitivity.association import Association, covariate, spearman_interval
from nof.sensitivity.choices import NOTHING
from nof.sensitivity.covariate_file import read_covariate
from nof.sensitivity.every_choice import Multiverse, choice_effects, multiverse, one_at_a_time
from nof.sensitivity.reranking import Setting, league_ranks, setting, weighted_medians
from nof.sensitivity.shuffling import shuffle_metrics

__all__ = [
    "NOTHING",
    "Association",
    "Multiverse",
    "Setting",
    "choice_effects",
    "covariate",
    "league_ranks",
    "multiverse",
    "one_at_a_time",
    "read_covariate",
    "setting",
    "shuffle_metrics",
    "spearman_interval",
    "weighted_medians",
]
