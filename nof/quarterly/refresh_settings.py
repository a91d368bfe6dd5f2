"""What the unattended job does: params/refresh.yaml, read and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nof import paths, yamls
from nof.errors import InputError, Problem

if TYPE_CHECKING:
    from nof.briefing.params import Params

STATE = ".refresh"  # in the folder of downloads: the lock, the log, and what was finished
Moment = Literal["nothing new", "published", "failed", "stopped", "bad input", "source unreachable"]


class Settings(BaseModel):
    """What the job does; see params/refresh.yaml for the meaning of each key."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    raw: Path
    reports: Path
    trust_types: list[str] | None = None
    briefings: list[str] | None = None
    trusts: list[str] = []
    all_trusts: bool = True
    reproduce_at_least: Annotated[float, Field(ge=0, le=1)] = 0.9
    jobs: Annotated[int, Field(ge=1)] | None = None
    timeout: Annotated[float, Field(ge=1)] | None = None
    hook: list[str] = []
    hook_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    hook_on: list[Moment] = ["published", "failed", "stopped", "bad input", "source unreachable"]
    hung_after_hours: Annotated[float, Field(gt=0)] = 6

    @property
    def state(self) -> Path:
        """The folder of the lock, the log and the state."""
        return self.raw / STATE

    def params(self, quarter: str, data: Path) -> Params:
        """The parameters of the run that renders a quarter."""
        from nof.briefing.params import Params

        given = self.model_dump(include={"trust_types", "briefings", "trusts", "reproduce_at_least"})
        return Params(quarter=quarter, data=data, **given)

    @property
    def asked(self) -> str:
        """Hash of what shapes a report, so that a change of settings makes it anew."""
        shaping = self.model_dump_json(include={"trust_types", "briefings", "trusts", "all_trusts"})
        return hashlib.sha256(shaping.encode()).hexdigest()[:12]


def load(path: Path | None = None, **changes: Any) -> Settings:
    """Read and check a settings file.

    Parameters
    ----------
    path : Path, optional
        Paths in it are relative to it. By default the project's own params/refresh.yaml; where that lies inside an
        installed package, its paths are taken as if it lay in the params folder of the working directory: downloads go
        to data/raw there and reports to reports, never into the package.
    **changes
        Values that replace those of the file (None: keep the file's).

    Raises
    ------
    InputError
        The file is missing, is not YAML, has an unknown key or a bad value; every fault is listed.
    """
    home = Path.cwd() / "params" if path is None and paths.installed() else None
    path = path or paths.share("params", "refresh.yaml")
    given = yamls.mapping(path)
    for key in ("raw", "reports"):
        if isinstance(given.get(key), str):
            given[key] = ((home or path.resolve().parent) / given[key]).resolve()
    given |= {key: value for key, value in changes.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise InputError(_problem(path.name, fault) for fault in error.errors()) from error


def _problem(name: str, fault: Any) -> Problem:
    key = ".".join(str(step) for step in fault["loc"])[:100]
    if fault["type"] == "extra_forbidden":
        return Problem(name, "unknown key", column=key, expected=f"one of {', '.join(Settings.model_fields)}")
    found = None if fault["type"] == "missing" else str(fault["input"])[:100]
    return Problem(name, fault["msg"], column=key or None, value=found)
