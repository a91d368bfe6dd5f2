"""A made-up publication in NHS England's own layout, consistent to the last digit.

Values are drawn and rounded first. Everything else in the six files (ranks, medians, scores, domains, segments, league
ranks, likely ranges) is computed from the rounded values by the project's own rules, so no rule is written twice. The
trusts have a lasting quality of their own, so that quarters resemble each other as real ones do.

Every figure is invented; every number in these modules shapes invented data and stands for nothing else.

names        the cast: invented trusts, and what happens to them during the year
values       what each metric looks like, whom it applies to, when it was measured
publication  from values to a whole publication
next_year    the same for a framework year whose rules nobody knows
two_years    the same across the change of method: two quarters of 2025/26, two of 2026/27 with integrated care boards
folder       files in NHS England's layout, in a folder, labelled, and made again when the generator changes
"""

from nof.demo.folder import MARK, MERGERS, OWN, at_hand, build, ensure, files, stamp, write
from nof.demo.publication import FRAMEWORKS, SEED

__all__ = ["FRAMEWORKS", "MARK", "MERGERS", "OWN", "SEED", "at_hand", "build", "ensure", "files", "stamp", "write"]
