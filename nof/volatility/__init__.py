"""What moves from quarter to quarter, and how much of it is more than noise.

A trust's score on a metric is a position, so it moves whenever anyone does. Three questions, in order: do trusts keep
their places (reliability, rank correlation, transitions), how many changes of segment would noise alone give, and has
this trust changed. Scores run from 1.00 (best) to 4.00 (worst): a negative change is an improvement.

A metric that is published once a year is copied into the quarters between. Such a copy says nothing about stability:
it is left out of reliability and correlation, and adds no evidence to the test of a change.

quarters         one measure as a table, trusts by quarters; which quarters are copies
persistence      do trusts keep their places: reliability, rankability, correlation
pairing          two quarters side by side; segments before and after
change           has this trust changed
noise            how many changes of segment noise alone would give
standard_errors  the standard error of an average, and distances to the edges in it

Sources
-------
Shrout and Fleiss, "Intraclass correlations", Psychological Bulletin 86 (1979): ICC(1,1) and its F interval.
Donner, "A review of inference procedures for the intraclass correlation coefficient in the one-way random effects
model", International Statistical Review 54 (1986): unbalanced groups.
van Houwelingen, Brand and Louis, "Empirical Bayes methods for monitoring health care quality" (2000); Lingsma et al.,
"Comparing and ranking hospitals based on outcome", QJM 103 (2010): rankability.
Paule and Mandel, "Consensus values and weighting factors", Journal of Research of the NBS 87 (1982): tau squared.
Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): false discovery rate.
"""

from nof.volatility.change import FALSE_DISCOVERIES, adjusted_p_values, change_summary, changes, sign_flip
from nof.volatility.noise import NoiseAlone, chance_of_change, noise_alone
from nof.volatility.pairing import excluded, transitions
from nof.volatility.persistence import (
    components,
    rank_correlations,
    rankability,
    reliability,
    spearman_brown,
    tau_squared,
)
from nof.volatility.quarters import MOVING, panels, releases
from nof.volatility.standard_errors import edge_distances, weighted_errors

__all__ = [
    "FALSE_DISCOVERIES",
    "MOVING",
    "NoiseAlone",
    "adjusted_p_values",
    "chance_of_change",
    "change_summary",
    "changes",
    "components",
    "edge_distances",
    "excluded",
    "noise_alone",
    "panels",
    "rank_correlations",
    "rankability",
    "releases",
    "reliability",
    "sign_flip",
    "spearman_brown",
    "tau_squared",
    "transitions",
    "weighted_errors",
]
