"""What is held against a publication: severities, thresholds and documented differences, read from data/reference/checks.yaml."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nof import common
from nof.common import InputError, Problem

Severity = Literal["refused", "shown", "noted"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Data):
    """How much one kind of finding matters, from which threshold on, and what was seen that says so."""

    severity: Severity
    evidence: str
    limit: float | None = None


class Bound(_Data):
    """Least and largest value that a metric, or a unit, can have."""

    low: float
    high: float
    why: str
    metric: str | None = None
    unit: str | None = None
    words: tuple[str, ...] = ()
    scores: bool = False
    any: bool = False


class Documented(_Data):
    """A difference between a published figure and the recomputed one whose reason is known.

    `few` limits it to types and quarters in which some ranked metric has fewer published scores than that.
    """

    rule: str
    why: str
    within: float = 0.0
    few: int = 0
    ties: bool = False


class Unit(_Data):
    """The unit of the ids that fit a pattern."""

    ids: str
    unit: str


class Ended(_Data):
    """A metric that NHS England stopped publishing, and the last quarter that has it."""

    metric: str
    last: str
    why: str


class Reclassed(_Data):
    """A trust whose sub-type NHS England changed."""

    trust_code: str
    quarter: str
    before: str = Field(alias="from")
    after: str = Field(alias="to")


class Known(_Data):
    """What was seen in NHS England's own files and explained."""

    ended: tuple[Ended, ...] = ()
    reclassed: tuple[Reclassed, ...] = ()
    erratic: tuple[str, ...] = ()


class Limits(_Data):
    """Everything in checks.yaml."""

    checks: dict[str, Check]
    bounds: tuple[Bound, ...]
    units: tuple[Unit, ...]
    usual: dict[str, tuple[float, float]]
    documented: tuple[Documented, ...]
    known: Known

    def limit(self, code: str) -> float:
        """The threshold of a check that has one."""
        found = self.checks[code].limit
        if found is None:
            raise KeyError(f"the check {code} has no limit in checks.yaml")
        return found


def parse(text: str, name: str) -> Limits:
    """Validate the text of a checks file; `name` is what errors call it."""
    try:
        return Limits.model_validate(common.from_yaml(text))
    except yaml.YAMLError as error:
        raise InputError(Problem(name, f"not YAML: {error}")) from error
    except ValidationError as error:
        raise InputError(_problem(name, fault) for fault in error.errors()) from error


def _problem(name: str, fault: Any) -> Problem:
    place = ".".join(str(step) for step in fault["loc"]) or None
    return Problem(name, fault["msg"], column=place, value=str(fault["input"])[:80])


@lru_cache(maxsize=1)
def limits() -> Limits:
    """The project's own limits."""
    path = common.reference("checks.yaml")
    return parse(path.read_text(encoding="utf-8"), path.name)
