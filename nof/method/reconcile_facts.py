"""What was compared and how much of it comes out equal: `reconciliation(...)`.

The facts of the reconciliation: what was compared, what comes out equal, and which kinds of figure do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from nof.method.facts import Facts, fact
from nof.rules.recompute import National
from nof.rules.reconcile import equal


@dataclass(frozen=True)
class Reconciliation(Facts):
    """How much of what was published comes out equal."""

    illustrative: bool = fact("Whether the publication is made up")
    quarters: tuple[str, ...] = fact("Quarters of the publication, slugs")
    trust_types: tuple[str, ...] = fact("Trust types of the publication, slugs")
    framework_year: str = fact("Framework year whose rules are told of")
    draft: bool = fact("Whether nobody has confirmed the rules of that year")
    whole: bool = fact("Whether every trust type of the national ranking pool is at hand")
    compared: int = fact("Published figures that were recomputed", "figures")
    equal: int = fact("Of these, how many come out equal as published", "figures")
    from_scores: int = fact("Figures recomputed from published scores (level 1)", "figures")
    equal_from_scores: int = fact("Of these, how many come out equal", "figures")
    from_values: int = fact("Figures recomputed from published values (level 2)", "figures")
    equal_from_values: int = fact("Of these, how many come out equal", "figures")
    rules: int = fact("Rules by which figures were recomputed", "rules")
    short: tuple[str, ...] = fact("Rules of which at least one figure does not come out equal")

    @property
    def share(self) -> float:
        """Share of the figures that come out equal, from 0 to 1; 1 where nothing was compared."""
        return self.equal / self.compared if self.compared else 1.0

    @property
    def in_full(self) -> int:
        """Rules that are reproduced without exception."""
        return self.rules - len(self.short)

    @property
    def missed(self) -> int:
        """Figures that do not come out equal."""
        return self.compared - self.equal

    def _has(self, part: str) -> bool:
        return any(part in rule for rule in self.short)

    @property
    def ranks_differ(self) -> bool:
        """Whether places on single metrics are among what does not come out equal."""
        return any(rule.endswith(".rank") and not rule.startswith("league") for rule in self.short)

    @property
    def quartiles_differ(self) -> bool:
        """Whether quartiles are among what does not come out equal."""
        return self._has("quartile")

    @property
    def medians_differ(self) -> bool:
        """Whether medians are among what does not come out equal."""
        return self._has(".median")

    @property
    def average_ranges_differ(self) -> bool:
        """Whether likely ranges of the average are among what does not come out equal."""
        return self._has("league.average_")

    @property
    def rank_ranges_differ(self) -> bool:
        """Whether likely ranges of the place are among what does not come out equal."""
        return self._has("league.rank_")


def reconciliation(national: National, compared: pd.DataFrame, quarter: str) -> Reconciliation:
    """The facts of a publication held against its own recomputation.

    Parameters
    ----------
    national : National
    compared : DataFrame
        As `reconcile.compare`.
    quarter : str
        Slug; its year's rules are told of.
    """
    publication, framework = national.publication, national.framework(quarter)
    same = equal(compared)
    levels = {level: same[compared["level"] == level] for level in (1, 2)}
    rates = same.groupby(compared["rule"]).mean()
    return Reconciliation(
        illustrative=publication.illustrative,
        quarters=tuple(publication.quarters),
        trust_types=tuple(publication.trust_types),
        framework_year=framework.framework_year,
        draft=framework.draft,
        whole=framework.pool_at_hand(publication.trust_types),
        compared=len(compared),
        equal=int(same.sum()),
        from_scores=len(levels[1]),
        equal_from_scores=int(levels[1].sum()),
        from_values=len(levels[2]),
        equal_from_values=int(levels[2].sum()),
        rules=len(rates),
        short=tuple(rates.index[rates < 1]),
    )
