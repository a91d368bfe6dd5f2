"""What the rules of a league table decide: three spans of places, and the whole table under rules of one's own.

The spans answer three questions and are never added up: how far places move when the metrics stay and only the *method*
changes; when *one choice* changes, whichever; and when *everything* may change at once, metrics left out as well. The
published ranking is one of the rankings in each. Which choices there are: `sensitivity.multiverse` (a multiverse:
Steegen, Tuerlinckx, Gelman and Vanpaemel, Perspectives on Psychological Science 11, 2016). Nobody drew the choices at
random, so a span is no likely range and no share of choices is a probability.

Places: 1 is best. Scores: 1.00 is best.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from nof.common import InputError, Problem
from nof.method.sensitivity import NOTHING, Multiverse
from nof.method.setting import Setting, averages_under, league_ranks, segments_under, setting
from nof.rules.ranking import override as overridden
from nof.rules.recompute import National
from nof.rules.scoring import round_half_up

# Kinds of span, narrowest question first, with what changes in each.
METHOD, ONE, EVERYTHING = "method", "one choice", "everything"
KINDS = {
    METHOD: "weights, statistic, override and order; the metrics stay",
    ONE: "one choice at a time, whichever",
    EVERYTHING: "every combination, metrics left out as well",
}
STATISTICS = ("mean", "median")


# --- three spans ---


def kinds_of(choices: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which combinations of `Multiverse.choices` belong to each kind of span.

    Returns
    -------
    dict
        A bool for each combination by kind, in the order of `KINDS`; the published one is in all three.
    """
    same = choices["left_out"].eq(NOTHING) & choices["finance"].eq("with") & choices["data"].eq("all metrics")
    return {
        METHOD: same.to_numpy(),
        ONE: choices["differs"].le(1).to_numpy(),
        EVERYTHING: np.ones(len(choices), bool),
    }


def spans(universe: Multiverse) -> pd.DataFrame:
    """Best and worst place of each trust by kind of span.

    Parameters
    ----------
    universe : Multiverse
        As `sensitivity.multiverse`.

    Returns
    -------
    DataFrame
        On the trusts: place_published, and method_best, method_worst, method_places, one_choice_best, ...,
        everything_places. Places are counted with both ends: 1 means that the place never moves.
    """
    table = universe.summary[["rank_published"]].set_axis(["place_published"], axis=1)
    for kind, chosen in kinds_of(universe.choices).items():
        name, ranks = kind.replace(" ", "_"), universe.ranks[chosen]
        best, worst = np.nanmin(ranks, axis=0), np.nanmax(ranks, axis=0)
        table = table.assign(**{f"{name}_best": best, f"{name}_worst": worst, f"{name}_places": worst - best + 1})
    return table


def typical_spans(universe: Multiverse) -> pd.DataFrame:
    """The span of the typical (median) trust by kind.

    Returns
    -------
    DataFrame
        A row a kind, in the order of `KINDS`: kind, what (what changes), combinations (the published one included),
        changed_at_most (choices that differ from the published ones at once), typical, narrowest, widest (places, both
        ends counted; over the trusts), trusts.
    """
    table = spans(universe)
    rows = []
    for kind, chosen in kinds_of(universe.choices).items():
        places = table[f"{kind.replace(' ', '_')}_places"]
        rows.append(
            {
                "kind": kind,
                "what": KINDS[kind],
                "combinations": int(chosen.sum()),
                "changed_at_most": int(universe.choices.loc[chosen, "differs"].max()),
                "typical": places.median(),
                "narrowest": places.min(),
                "widest": places.max(),
                "trusts": len(places),
            }
        )
    return pd.DataFrame(rows)


# --- rules of one's own ---


@dataclass(frozen=True)
class Rules:
    """Rules that are not NHS England's, checked against what a trust type is scored on.

    Attributes
    ----------
    left_out : tuple of str
        Score ids that do not enter the average, sorted.
    weights : dict
        Score ids whose weight is another than the rules', with that weight.
    statistic : {"mean", "median"}
        Weighted median where weights differ.
    override : bool
        Whether the financial override applies.
    trust_subtype : str or None
        The only subtype that is ranked.
    notes : tuple of str
        What was asked for and means something else here, in plain words.
    """

    left_out: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None
    statistic: str = "mean"
    override: bool = True
    trust_subtype: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The rules in plain words, for the banner of whatever is made by them; empty if they are NHS England's."""
        parts = [f"without {', '.join(self.left_out)}"] if self.left_out else []
        parts += [f"{metric} with weight {weight:g}" for metric, weight in sorted((self.weights or {}).items())]
        parts += ["median of the metric scores instead of their mean"] if self.statistic == "median" else []
        parts += [] if self.override else ["without the financial override"]
        parts += [f"{self.trust_subtype} trusts only"] if self.trust_subtype else []
        return f"not NHS England's rules: {'; '.join(parts)}" if parts else ""


def own_rules(
    national: National,
    quarter: str,
    trust_type: str,
    *,
    leave_out: Collection[str] = (),
    weights: Mapping[str, float] | None = None,
    statistic: str = "mean",
    override: bool = True,
    trust_subtype: str | None = None,
) -> tuple[pd.DataFrame, Rules]:
    """The whole table under other rules: metrics left out, weights, median, override, subtype.

    The whole league table of a type recomputed for all trusts under other rules, beside the published one.

    Segments are cut anew by the rule that the data at hand allow (see `setting.Setting.rule`): quartiles of the
    whole national pool, or as many trusts in each segment as published. Metric scores stay as they are. Not to be
    confused with `whatif`, which changes one trust and holds the others.

    Parameters
    ----------
    national : National
    quarter, trust_type : str
        Slugs.
    leave_out : collection of str
        Score ids (OF1086) or names of domains. A score that only feeds another (OF1079 and OF1081 make OF1080) takes
        that one out with it; `Rules.notes` says so.
    weights : mapping
        Weight by score id or domain, 0 or more; a domain's goes to each of its metrics. 1 is the usual weight.
    statistic : {"mean", "median"}
    override : bool
    trust_subtype : str, optional
        Rank this subtype only, as published ("Community"): both places are then counted among its trusts. Segments stay
        those of the whole type.

    Returns
    -------
    table : DataFrame
        Best first; a row a trust: trust_code, trust_name, trust_subtype, place_published, place (NaN where no metric
        is left), moved (places; above 0 is up), average_published, average (2 decimals), segment_published, segment,
        metrics_published, metrics_left.
    rules : Rules

    Raises
    ------
    InputError
        An id, domain, weight, statistic or subtype that cannot be used; every problem is listed.
    """
    here, trusts = setting(national, quarter, trust_type), national.publication.trusts
    names = trusts[trusts["quarter"] == quarter].drop_duplicates("trust_code").set_index("trust_code")
    names = names.reindex(here.standing.index)[["trust_name", "trust_subtype"]]
    feeding = {
        part: one.score_id
        for one in national.framework(quarter).metrics
        if one.matrix is not None
        for part in (one.matrix.plan, one.matrix.variance)
    }
    rules = check_rules(
        here, feeding, names["trust_subtype"], leave_out, weights or {}, statistic, override, trust_subtype
    )
    return _league(here, names, rules), rules


def check_rules(
    here: Setting,
    feeding: Mapping[str, str],
    subtypes: pd.Series,
    leave_out: Collection[str],
    weights: Mapping[str, float],
    statistic: str,
    override: bool,
    trust_subtype: str | None,
) -> Rules:
    """What was asked for as `Rules`, or every problem with it.

    Parameters
    ----------
    here : Setting
    feeding : mapping
        Scores that only feed another one, with that one.
    subtypes : Series on the trusts
    leave_out, weights, statistic, override, trust_subtype
        As `own_rules`.

    Raises
    ------
    InputError
    """
    problems: list[Problem] = []
    own = here.scores.columns[here.scores.iloc[here.members].notna().any()]
    out: dict[str, None] = {}
    for asked in leave_out:
        out.update(dict.fromkeys(_metrics(here, own, feeding, asked, "leave_out", problems)))
    named = {asked.strip().upper() for asked in (*leave_out, *weights)} & set(feeding)
    notes = [
        f"{' and '.join(sorted(parts))} {'are' if len(parts) > 1 else 'is'} not in the average: what was asked for is "
        f"done to {score_id}, which is made from {' and '.join(one for one in feeding if feeding[one] == score_id)}"
        for score_id in sorted({feeding[one] for one in named})
        if (parts := [one for one in named if feeding[one] == score_id])
    ]
    heavy: dict[str, float] = {}
    for asked, weight in weights.items():
        if not (np.isfinite(weight) and weight >= 0):
            expected = "a number of 0 or more"
            problems.append(Problem("weights", "is not a weight", column=asked, value=str(weight), expected=expected))
        heavy.update(dict.fromkeys(_metrics(here, own, feeding, asked, "weights", problems), float(weight)))
    if statistic not in STATISTICS:
        expected = " or ".join(STATISTICS)
        problems.append(Problem("statistic", "is not known", value=str(statistic), expected=expected))
    known = sorted(subtypes.dropna().unique())
    subtype = next((one for one in known if one.casefold() == str(trust_subtype).strip().casefold()), None)
    if trust_subtype and subtype is None:
        expected = f"one of {', '.join(known)}"
        problems.append(Problem("trust_subtype", "is not in this table", value=trust_subtype, expected=expected))
    out.update(dict.fromkeys(one for one, weight in heavy.items() if weight == 0))
    if not problems and set(own) <= set(out):
        problems.append(Problem("leave_out", "leaves no metric", value=", ".join(leave_out), expected="one at least"))
    if problems:
        raise InputError(problems)
    changed = {one: weight for one, weight in heavy.items() if one not in out and weight != here.weights[one]}
    return Rules(tuple(sorted(out)), changed, statistic, override, subtype, tuple(notes))


def _metrics(
    here: Setting,
    own: pd.Index,
    feeding: Mapping[str, str],
    asked: str,
    argument: str,
    problems: list[Problem],
) -> list[str]:
    """The score ids that an id or a domain stands for; a name that stands for none is added to the problems."""
    name = asked.strip()
    score_id = feeding.get(name.upper(), name.upper())
    if score_id in own:
        return [score_id]
    domains = here.domains[own]
    found = list(own[domains.str.casefold() == name.casefold()])
    if not found:
        known = [*own, *sorted(domains.unique())]
        near = get_close_matches(name, known, 3, 0.5) or known
        expected = f"a score id or a domain of this trust type, such as {', '.join(near)}"
        problems.append(Problem(argument, "is not in the average", value=asked, expected=expected))
    return found


def _league(here: Setting, names: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The league table under checked rules, beside the published one."""
    weights = here.weights.astype(float).mask(here.weights.index.isin(rules.left_out), 0.0)
    weights = pd.Series(rules.weights or {}, dtype=float).reindex(weights.index).fillna(weights)
    average, segment = _under(here, weights, rules)
    ranked = here.standing.index.isin(
        names.index[names["trust_subtype"] == rules.trust_subtype] if rules.trust_subtype else names.index
    )
    apart = np.zeros(len(names)) if here.rule == "none" else segment
    place = league_ranks(apart[None, ranked], average[None, ranked])[0]
    published = here.standing[ranked]
    counted = here.scores.iloc[here.members][ranked].notna()
    table = names[ranked].assign(
        place_published=published["rank"].rank(method="min"),
        place=place,
        moved=published["rank"].rank(method="min") - place,
        average_published=published["average_score"],
        average=round_half_up(average[ranked]),
        segment_published=published["segment"],
        segment=segment[ranked],
        metrics_published=counted.loc[:, (here.weights > 0)].sum(axis=1),
        metrics_left=counted.loc[:, (weights > 0).to_numpy()].sum(axis=1),
    )
    table = table.rename_axis("trust_code").reset_index()
    return table.sort_values(["place", "place_published", "trust_code"], ignore_index=True)


def _under(here: Setting, weights: pd.Series, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Average (unrounded) and segment of each trust of the type under other weights and a statistic."""
    heavy = Setting(**(here.__dict__ | {"weights": weights}))
    everything = np.ones((1, len(weights)), dtype=bool)
    averages = averages_under(heavy, everything, np.array([False]), np.array([rules.statistic == "median"]))
    segment = segments_under(heavy, averages)[0]
    if rules.override and here.rule != "none":
        segment = overridden(segment, here.standing["in_deficit"].to_numpy(dtype=bool), here.no_better_than)
    return averages[0, here.members], segment
