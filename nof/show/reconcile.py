"""Sentences of the reconciliation briefing: what was recomputed, what comes out equal, and why the rest does not."""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.rules.reconcile import equal
from nof.show.display import Card, Words
from nof.show.words import bodies, listed


def reconciliation_opening(national, quarter: str) -> Words:
    """What the reconciliation covers.

    Parameters
    ----------
    national : National
    quarter : str
        Slug; its year's rules are told of.
    """
    publication = national.publication
    held = listed(Quarter.parse(one).label for one in publication.quarters)
    kinds = listed(bodies(one) for one in publication.trust_types)
    what = (
        "An **illustrative publication, made up for this demonstration**"
        if publication.illustrative
        else ("NHS England's files")
    )
    whole = national.framework(quarter).pool_at_hand(publication.trust_types)
    pool = (
        "All trust types of the national ranking pool are at hand, so scores are recomputed from values."
        if whole
        else "The national ranking pool is not whole in these files, so only figures that need no other trust type "
        "are recomputed from values; the rest start from the published metric scores."
    )
    if national.framework(quarter).draft:
        pool = (
            "No rules file is at hand for this framework year, so nothing is recomputed from values by a confirmed rule: "
            "averages start from the published metric scores, and the rules below were worked out from the publication."
        )
    return Words(f"**What this rests on.** {what} for {held}: {kinds}. {pool}")


def reconciliation_card(compared: pd.DataFrame) -> Card:
    """Key figures of the reconciliation.

    Parameters
    ----------
    compared : DataFrame
        As `reconcile.compare`.
    """
    same = equal(compared)
    items = [
        ("Figures compared", f"{len(compared):,}", ""),
        ("Equal as published", f"{int(same.sum()):,}", f"{100 * same.mean():.1f}%"),
    ]
    for level, name in ((1, "from published scores"), (2, "from published values")):
        own = same[compared["level"] == level]
        items.append((f"Level {level}", f"{int(own.sum()):,} of {len(own):,}", name))
    return Card(tuple(items))


def reconciliation_findings(compared: pd.DataFrame) -> Words:
    """What is reproduced in full, what is not, and why.

    Parameters
    ----------
    compared : DataFrame
        As `reconcile.compare`.
    """
    rates = equal(compared).groupby(compared["rule"]).mean()
    short = rates[rates < 1].index
    if short.empty:
        return Words("**Every figure that can be recomputed comes out equal as published.**")
    reasons = [reason for pattern, reason in _REASONS if any(pattern in rule for rule in short)]
    return Words(
        f"{len(rates) - len(short)} of {len(rates)} rules are reproduced without exception. The others:"
        "\n\n" + "\n".join(f"- {reason}" for reason in reasons)
    )


_REASONS = (
    (
        ".rank",
        "Ranks on single metrics: values are published rounded to two decimals, so trusts that NHS England can tell "
        "apart are tied here.",
    ),
    ("quartile", "Medians and quartiles: they are worked out from unrounded values and we have the rounded ones."),
    (".median", "A median differs where two rounded values stand in for unrounded ones."),
    (
        "league.average_low",
        "Likely ranges of the average: NHS England draws them at random, ours are exact, so a limit can "
        "differ by a hundredth or so.",
    ),
    ("league.rank_low", "Likely ranges of the rank: both are drawn at random, so a limit can differ by a place."),
)
