"""Which ranks the data allow: confidence sets for ranks, and joint intervals in closed form.

A rank is 1 + the number of units strictly better, so tied units share the best rank of the tie.
Every set here rests on the same idea: unit k is told apart from unit j where a test rejects
"k is no better than j"; the rank of j is then at least 1 + the units told apart as better and
at most n - the units told apart as worse. What differs is the test:

confidence    the sets of Mogstad and others, and who could be among the best or the worst
comparison    their evidence: each difference over its standard error, however that is given
stepdown      their critical values, by simulation
multinomial   shares of one sample of counts: exact binomial tests
joint         published estimates with margins of error: intervals that do not overlap
bounds        from comparisons rejected to ranks; Holm's procedure
inputs        what is refused

Sources
-------
Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks with Applications to Mobility across
Neighbourhoods and Academic Achievement across Countries", Review of Economic Studies 91 (2024).
Bazylik, Mogstad, Romano, Shaikh and Wilhelm, "Finite- and Large-Sample Inference for Ranks using
Multinomial Data", arXiv:2402.00192 (2024).
Klein, Wright and Wieczorek, "A Joint Confidence Region for an Overall Ranking of Populations",
Journal of the Royal Statistical Society C 69 (2020).
Written from the published methods; the code of csranks (GPL) was not read.
"""

from nof.rank_sets.confidence import possible_best, possible_worst, rank_confidence_sets, told_apart
from nof.rank_sets.joint import joint_rank_intervals
from nof.rank_sets.multinomial import multinomial_rank_sets

__all__ = [
    "joint_rank_intervals",
    "multinomial_rank_sets",
    "possible_best",
    "possible_worst",
    "rank_confidence_sets",
    "told_apart",
]
