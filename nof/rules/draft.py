"""What was inferred, as the text of a draft rules file that a person can confirm and `framework.read` can load."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import yaml

from nof.common import Quarter, kept
from nof.read.publication import Publication
from nof.read.sheets import matching
from nof.rules import reported
from nof.rules.averages import Count
from nof.rules.framework import NOT_PUBLISHED, UNKNOWN, Framework, load, value_id
from nof.rules.inference import IDS, Inference, infer, limits, sizes
from nof.rules.shapes import Fit
from nof.rules.unconfirmed import in_force

_WIDTH = 120
_HEAD = """DRAFT rules for {year}, worked out by `nof rules infer` from published figures alone.
For a person to confirm: nothing here was read in NHS England's text. Each source line says how many published figures
the rule gives. A limit that the figures only bracket is never written as a number: `between` and the comments hold the
published values on either side of it, and until somebody writes the confirmed number the published scores are used.
certainty "inferred": every published figure fits. "assumed": fits, as other rules would. "unknown": not to be told.
Checked over: {quarters}; {types}.
To use it: confirm, correct, save as data/frameworks/{file}.yaml. As long as it says draft: true, nothing is recomputed
from values by it."""


def framework_of(found: Inference) -> Framework:
    """What was inferred, as the rules of a draft; the same that the text of `draft` holds."""
    return Framework.model_validate(_entries(found))


def draft(found: Inference) -> str:
    """Text of a rules file in the schema of `nof.rules.framework`; the same inference gives the same text."""
    entries = _entries(found)
    metrics = [_metric_text(found, entry) for entry in entries["metrics"]]

    def part(*names: str) -> str:
        """Some of the entries as YAML."""
        return _yaml({name: entries[name] for name in names})

    parts = [
        _comment(_HEAD.format(year=found.year, quarters=_quarters(found), types=", ".join(found.trust_types),
                              file=found.year.replace("/", "-"))),
        part("framework_year", "draft"),
        _comment(_pool_comment(found)), part("national_pool"), "",
        part("sources"), "",
        part("score_range"), "",
        part("average"), "",
        *_segment_comments(found), part("segments"), "",
        part("override"), "",
        _comment(f"League rank (segment, then average, in the type): {found.league_rank} ranks on {IDS.adjusted_segment}."),
        part("summary"), "",
        *_domain_comments(found), part("domains"), "",
        "metrics:" if metrics else "metrics: []", *metrics,
    ]  # fmt: skip
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _entries(found: Inference) -> dict[str, Any]:
    """The rules as plain values, under the keys of a rules file and in its order."""
    return {
        "framework_year": found.year,
        "draft": True,
        "national_pool": list(found.national_pool),
        "sources": {"CSV": f"the publication itself, {_quarters(found)}"},
        "score_range": {
            "best": 1.0,
            "worst": 4.0,
            "decimals": 2,
            "source": "2025/26 and 2026/27 manuals",
            "certainty": "official",
        },
        "average": _average(found),
        "segments": _segments(found),
        "override": _override(found),
        "summary": IDS.model_dump(),
        "domains": found.domains[["name", "score_id", "segment_id"]].fillna(UNKNOWN).to_dict("records"),
        "metrics": [_metric(found, one, fit) for one, fit in found.metrics.items()],
    }


def rules(publication: Publication, year: str, *, tried: bool = False) -> Framework:
    """The rules of a year that are in force: those of its file, if somebody has confirmed it.

    Without one, what `unconfirmed.in_force` leaves of the draft that the published figures give away; with thresholds that
    were only reported, those too where no published segment contradicts them (see `nof.rules.reported`).

    Parameters
    ----------
    publication : Publication
    year : str
        As "2026/27".
    tried : bool
        The draft whole, to hold it against the published figures.
    """
    framework = load(year)
    own = publication.metrics.loc[matching(publication.metrics["metric_id"], r"OF1\d{3}"), "quarter"]
    scored = any(Quarter.parse(one).year_label == year for one in own.unique())
    found = _inferred(publication, year) if scored and not framework.by_score else framework
    if tried or not found.draft:
        return found
    told = framework.segments.certainty == reported.REPORTED
    return reported.with_reported(in_force(found), framework, publication) if told else in_force(found)


@kept
def _inferred(publication: Publication, year: str) -> Framework:
    return framework_of(infer(publication, year))


def _yaml(content: dict | list) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in text.splitlines())


def _quarters(found: Inference) -> str:
    return ", ".join(Quarter.parse(one).label for one in found.quarters)


def _certainty(count: Count) -> str:
    return "inferred" if count.whole else UNKNOWN


def _pool_comment(found: Inference) -> str:
    if found.national_pool:
        return "The trust types at hand make up every national ranking pool: no pool is larger than the trusts seen."
    return (
        "Empty: some national pools are larger than the trusts at hand, so other trust types, not in these files, take "
        "part.\nAdd the types here once all of them are at hand; until then no national pool is recomputed from values."
    )


def _average(found: Inference) -> dict:
    light = [
        f"{one} {Fraction(weight).limit_denominator(12)}" for one, weight in found.weights.items() if 0 < weight < 1
    ]
    out = [one for one, weight in found.weights.items() if weight == 0]
    rounded = [f"{one} in {', '.join(quarters)}" for one, quarters in found.rounded_in.items()]
    said = [f"equal weight for every score reproduces {found.equal_weights}"] if light or out else ["equal weights"]
    said += [f"not averaged: {', '.join(out)}"] if out else []
    said += [f"lower weight: {', '.join(light)}"] if light else []
    said += [f"rounded before averaging: {'; '.join(rounded)}"] if rounded else []
    source = f"CSV ({found.average} published averages; {'; '.join(said)})"
    return {
        "rule": "mean of the available metric scores, unrounded, weighted",
        "source": source,
        "certainty": _certainty(found.average),
    }


def _segments(found: Inference) -> dict:
    """The rule of the segments; edges in a field where one list of brackets fits all quarters."""
    rule, thresholds = found.segments, _by_thresholds(found)
    name = UNKNOWN if rule.rule == "thresholds" and not thresholds else rule.rule
    entry: dict[str, Any] = {
        "rule": name,
        "pool": rule.pool,
        "source": f"CSV: {rule.why}",
        "certainty": UNKNOWN if name == UNKNOWN else "inferred" if rule.proven else "assumed",
    }
    return entry | ({"brackets": [[round(edge, 6) for edge in pair] for pair in rule.brackets]} if thresholds else {})


def _by_thresholds(found: Inference) -> bool:
    """Whether fixed edges fit, each bracketed on both sides."""
    rule = found.segments
    known = bool(rule.brackets) and all(np.isfinite(pair).all() for pair in rule.brackets)
    return rule.rule == "thresholds" and known


def _segment_comments(found: Inference) -> Iterator[str]:
    """Edges as brackets, quarter by quarter."""
    rule = found.segments
    if not rule.edges.empty:
        yield _comment(
            "Edges between unadjusted segments lie between (highest average in the better, lowest in the worse):"
        )
    for (quarter, name), part in rule.edges.groupby(["quarter", "trust_type"]):
        shown = ", ".join(f"{row.edge} {_side(row.above)} to {_side(row.below)}" for row in part.itertuples())
        yield _comment(f"  {Quarter.parse(quarter).label}, {name}: {shown}")
    if _by_thresholds(found):
        yield from (
            _comment(f"{edge}: {_round_numbers(*pair)}")
            for edge, pair in zip(("1/2", "2/3", "3/4"), rule.brackets, strict=True)
        )


def _side(average: float) -> str:
    return f"{average:.4f}" if np.isfinite(average) else "not seen"


def _round_numbers(low: float, high: float) -> str:
    """How many numbers of two decimals lie in a bracket: a help to whoever looks for the official one."""
    inside = [number / 100 for number in range(int(np.ceil(low * 100)), int(np.ceil(high * 100)))]
    if not inside:
        return "no number of two decimals lies in this bracket"
    return (
        f"the numbers of two decimals in this bracket run from {inside[0]:.2f} to {inside[-1]:.2f}"
        if len(inside) > 1
        else f"{inside[0]:.2f} is the only number of two decimals in this bracket"
    )


def _override(found: Inference) -> dict:
    if found.no_better_than is None:
        return {
            "no_better_than": 1,
            "rule": "not established: segments are left as they are",
            "certainty": UNKNOWN,
            "source": f"CSV: published figures fit more than one rule, or none ({found.override} with the nearest)",
        }
    return {
        "no_better_than": found.no_better_than,
        "rule": f"a trust with the published flag ({IDS.override_flag}) is in segment {found.no_better_than} or worse",
        "source": f"CSV ({found.override} adjusted segments)",
        "certainty": "inferred",
    }


def _domain_comments(found: Inference) -> Iterator[str]:
    for row in found.domains.itertuples():
        yield _comment(
            f"{row.score_id}: {row.reproduced} of {row.published} domain scores are means of the scores in it"
        )


# --- metrics ---


def _metric(found: Inference, score_id: str, fit: Fit) -> dict[str, Any]:
    facts = found.facts.loc[score_id]
    text = {"name": facts["description"], "domain": facts["domain"], "sub_domain": facts["sub_domain"]}
    weight = found.weights.get(score_id, 1.0)
    usable = _usable(fit)
    entry: dict[str, Any] = {
        "value_id": value_id(score_id) if fit.has_values else NOT_PUBLISHED,
        "score_id": score_id,
        **{key: value or UNKNOWN for key, value in text.items()},
        "better": fit.better,
        **({"units": fit.units} if fit.units else {}),
        "shape": fit.shape if usable else "not recomputable",
        "pool": fit.pool,
    }
    entry |= _limits(fit) if usable else {}
    entry |= {"averaged": False} if weight == 0 else {}
    entry |= {"weight": str(Fraction(weight).limit_denominator(12))} if 0 < weight < 1 else {}
    entry |= {"rounded_in": list(found.rounded_in[score_id])} if score_id in found.rounded_in else {}
    entry |= {
        "source": _source(found, score_id, fit),
        "certainty": ("assumed" if fit.rivals else "inferred") if fit.whole else UNKNOWN,
    }
    return entry


def _metric_text(found: Inference, entry: dict[str, Any]) -> str:
    """A metric's entry as YAML; before it what a person would need to complete bands."""
    fit = found.metrics[entry["score_id"]]
    comments = [] if _usable(fit) or not fit.bands else list(_band_comments(fit))
    return "\n".join(f"  {line}" for line in [*comments, *_yaml([entry]).rstrip("\n").splitlines()])


def _usable(fit: Fit) -> bool:
    """Whether the rules file can hold the rule: bands need a number for every limit, higher values being better."""
    return fit.shape != "bands" or fit.better == "high" and all(cut.point is not None for _, cut in fit.bands[:-1])


def _limits(fit: Fit) -> dict:
    if fit.cut is not None:
        point = {fit.shape: fit.cut.point} if fit.cut.point is not None and not fit.cut.moves else {}
        return point or {"between": [fit.cut.low, fit.cut.high]}
    if fit.bands:
        starts = [{"score": score, **({"from": cut.point} if cut else {})} for score, cut in fit.bands]
        return {"bands": starts}
    if fit.table:
        scores = [[None if np.isnan(score) else score for score in row] for row in fit.table]
        return {"matrix": {"plan": fit.combines[0], "variance": fit.combines[1], "scores": scores}}
    return {}


def _band_comments(fit: Fit) -> Iterator[str]:
    """Bands that cannot be written as rules yet, for whoever finds the limits."""
    side = "highest" if fit.better == "low" else "lowest"
    yield f"# To be completed: shape bands; {side} value of each band:"
    for (score, _), line in zip(fit.bands, limits(fit), strict=False):
        yield f"#   score {score:g}: {line}"


def _source(found: Inference, score_id: str, fit: Fit) -> str:
    if not fit.whole:
        return f"CSV: published scores are used as they are ({fit.note}; {fit.published} scores)"
    count = f"{fit.reproduced} of {fit.published} scores"
    where = {"type": "from the published rank within the trust type", "national": "on the grid of one national pool"}
    said = [f"{count} {where.get(fit.pool, 'fit')}"]
    said += [f"pool {sizes(found, score_id)}"] if fit.pool == "national" else []
    said += list(limits(fit)) + ([fit.note] if fit.note else [])
    return f"CSV ({'; '.join(said)})"
