"""The rules of a framework year, read from data/frameworks/*.yaml. No rule is written in code."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from nof import common
from nof.common import InputError, Problem

UNKNOWN = "unknown"
NOT_PUBLISHED = "not published"

Shape = Literal["ranked", "standard", "floor", "bands", "finance matrix", "not recomputable"]
# "reported": in a named public document, second hand; more than inferred from figures, less than NHS England's own text.
Certainty = Literal["official", "reported", "inferred", "assumed", "unknown"]
Weight = Annotated[float, BeforeValidator(lambda given: float(Fraction(str(given))))]


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_BELOW = 1e-8  # a half goes up, so it is no longer in the better segment; more than the float noise of a mean
Bracket = tuple[float, float]  # a limit that is not known lies between these two


class Band(_Rules):
    """A score and the lowest value that earns it (None: whatever is left)."""

    score: float
    start: float | None = None
    inclusive: bool = True

    @model_validator(mode="before")
    @classmethod
    def _from_is_a_python_word(cls, given: Any) -> Any:
        return {("start" if key == "from" else key): value for key, value in dict(given).items()}


class Matrix(_Rules):
    """Combined score from two banded scores; None where no trust has shown it yet."""

    plan: str
    variance: str
    scores: tuple[tuple[float | None, ...], ...]


class Metric(_Rules):
    """How one metric is scored, and how sure that is.

    `between`, in a draft, holds the two values that a standard or a floor not yet known lies between; until it is known
    the published scores are used.
    """

    value_id: str
    score_id: str
    name: str
    domain: str
    sub_domain: str
    better: Literal["low", "high", "unknown"]
    shape: Shape
    pool: Literal["national", "type", "none", "unknown"]
    source: str
    certainty: Certainty
    units: str | None = None
    weight: Weight = 1.0
    averaged: bool = True
    standard: float | None = None
    floor: float | None = None
    between: Bracket | None = None
    bands: tuple[Band, ...] = ()
    matrix: Matrix | None = None
    rounded_in: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_shape_needs(self) -> Metric:
        needs = {"standard": self.standard, "floor": self.floor, "finance matrix": self.matrix}
        missing = self.shape in needs and needs[self.shape] is None and not (self.ranked and self.between)
        if missing or (self.shape == "bands" and not self.bands):
            raise ValueError(f"a metric of shape {self.shape} needs its {self.shape}")
        if self.shape != "not recomputable" and UNKNOWN in (self.certainty, self.better):
            raise ValueError("a metric of unknown certainty or direction cannot be recomputed")
        if self.shape in ("ranked", "standard", "floor") and self.pool not in ("national", "type"):
            raise ValueError("a ranked metric needs a pool, national or type")
        return self

    @property
    def recomputable(self) -> bool:
        """Whether its score follows from published values by a known rule, every limit of it being known."""
        limit = {"standard": self.standard, "floor": self.floor}.get(self.shape, 0.0)
        return self.shape != "not recomputable" and limit is not None

    @property
    def ranked(self) -> bool:
        """Whether its score depends on the other trusts."""
        return self.shape in ("ranked", "standard", "floor")


class Domain(_Rules):
    """A domain, with the ids of its score and its segment."""

    name: str
    score_id: str
    segment_id: str


class Segments(_Rules):
    """How an average becomes a segment: national quartiles, or thresholds named in the rules.

    `brackets`, in a draft, holds for each threshold the two averages that it lies between; as long as the thresholds
    themselves are not known, segments are the published ones. With `decimals` an average is rounded before it is compared
    with a threshold: 1.93 at two decimals takes in everything below 1.935. A threshold is the worst average of the better
    segment. `overruled` names edges at which published segments contradict thresholds that were only reported.
    """

    rule: Literal["quartiles", "thresholds", "unknown"]
    pool: Literal["national", "type", "none"] = "national"
    method: Literal["linear"] = "linear"
    thresholds: tuple[float, ...] = ()
    decimals: int | None = None
    brackets: tuple[Bracket, ...] = ()
    overruled: tuple[str, ...] = ()
    source: str
    certainty: Certainty

    @property
    def edges(self) -> np.ndarray:
        """The thresholds on the scale of unrounded averages; an average on an edge is in the better segment."""
        edges = np.array(self.thresholds)
        return edges if self.decimals is None else edges + 0.5 * 10.0**-self.decimals - _BELOW

    @model_validator(mode="after")
    def _has_its_thresholds(self) -> Segments:
        if self.rule == "thresholds" and len(self.thresholds) != 3 and not (self.brackets and not self.thresholds):
            raise ValueError("the rule thresholds needs three thresholds, or the brackets that they lie in")
        if list(self.thresholds) != sorted(self.thresholds):
            raise ValueError("thresholds run from the best segment to the worst, smallest first")
        return self


class Override(_Rules):
    """The financial override: a flagged trust is in this segment or worse."""

    no_better_than: int
    rule: str
    source: str
    certainty: Certainty


class Average(_Rules):
    """How metric scores become the average metric score."""

    rule: str
    source: str
    certainty: Certainty


class ScoreRange(_Rules):
    """The ends of the scale and the decimals that are published."""

    best: float
    worst: float
    decimals: int
    source: str
    certainty: Certainty


class Summary(_Rules):
    """Ids of the rows that sum a trust up."""

    adjusted_segment: str
    average: str
    unadjusted_segment: str
    override_flag: str
    final_segment: str | None = None
    recovery_support_flag: str | None = None


class Framework(_Rules):
    """The rules of one framework year.

    Attributes
    ----------
    framework_year : str
        As "2025/26".
    metrics : tuple of Metric
        Every metric heard of, also those whose ids or rules are unknown.
    draft : bool
        Worked out from published figures, or reported second hand, and confirmed by nobody: nothing is recomputed from
        values by such rules.
    note : str
        What every page of the year says about its rules, beside that they are not confirmed.
    """

    framework_year: str
    draft: bool = False
    note: str = ""
    national_pool: tuple[str, ...]
    sources: dict[str, str]
    score_range: ScoreRange
    average: Average
    segments: Segments
    override: Override
    summary: Summary
    domains: tuple[Domain, ...]
    metrics: tuple[Metric, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Framework:
        for field in ("value_id", "score_id"):
            known = [getattr(metric, field) for metric in self.metrics]
            known = [one for one in known if one not in (UNKNOWN, NOT_PUBLISHED)]
            twice = sorted({one for one in known if known.count(one) > 1})
            if twice:
                raise ValueError(f"{field} stands twice: {', '.join(twice)}")
        return self

    @cached_property
    def by_score(self) -> dict[str, Metric]:
        """Metrics by the id of their score."""
        return {metric.score_id: metric for metric in self.metrics if metric.score_id != UNKNOWN}

    @cached_property
    def by_value(self) -> dict[str, Metric]:
        """Metrics by the id of their value, where a value is published."""
        missing = (UNKNOWN, NOT_PUBLISHED)
        return {metric.value_id: metric for metric in self.metrics if metric.value_id not in missing}

    @cached_property
    def not_averaged(self) -> frozenset[str]:
        """Ids of scores that are shown but do not enter the average."""
        return frozenset(metric.score_id for metric in self.metrics if not metric.averaged)

    @cached_property
    def known_ids(self) -> frozenset[str]:
        """Every id that these rules name."""
        summary = {one for one in self.summary.model_dump().values() if one}
        domains = {one for domain in self.domains for one in (domain.score_id, domain.segment_id)}
        return frozenset(set(self.by_score) | set(self.by_value) | summary | domains) - {UNKNOWN}

    def pool_at_hand(self, trust_types: Iterable[str]) -> bool:
        """Whether these trust types make up the whole national ranking pool; never where it is not known and confirmed."""
        return not self.draft and bool(self.national_pool) and set(self.national_pool) <= set(trust_types)

    @property
    def has_rules(self) -> bool:
        """Whether any metric can be recomputed from its values by a confirmed rule."""
        return not self.draft and any(metric.recomputable for metric in self.metrics)


def value_id(score_id: str) -> str:
    """Id of the value behind a score, by NHS England's pattern: OF1005 is the score of OF0005."""
    return score_id[:2] + "0" + score_id[3:]


def available() -> list[str]:
    """Framework years that have a rules file, as "2025/26"."""
    return sorted(
        path.stem.replace("-", "/") if path.stem[:2] == "20" else path.stem
        for path in common.frameworks().glob("*.yaml")
        if not path.stem.startswith("published")
    )


@lru_cache(maxsize=8)
def load(year_label: str) -> Framework:
    """Rules of a framework year; a year without a file works from published scores.

    Parameters
    ----------
    year_label : str
        As "2025/26".

    Raises
    ------
    InputError
        The file is not valid; every fault is named with its place.
    """
    path = common.frameworks() / f"{year_label.replace('/', '-')}.yaml"
    if path.is_file():
        return read(path)
    return read(common.frameworks() / "published-scores-only.yaml").model_copy(update={"framework_year": year_label})


def read(path: Path) -> Framework:
    """Read and validate one rules file."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str) -> Framework:
    """Validate the text of a rules file; `name` is what errors call it."""
    try:
        return Framework.model_validate(common.from_yaml(text))
    except yaml.YAMLError as error:
        raise InputError(Problem(name, f"not YAML: {error}")) from error
    except ValidationError as error:
        raise InputError(_problem(name, fault) for fault in error.errors()) from error


def _problem(name: str, fault: Any) -> Problem:
    place = ".".join(str(step) for step in fault["loc"]) or None
    found = fault["input"] if isinstance(fault["input"], str | int | float | bool) else None
    return Problem(name, fault["msg"], column=place, value=None if found is None else str(found))
