"""What a publication holds that the year before did not: types, domains, metrics and ids, listed and explained.

A new framework year brings names that no rules file knows. None is refused: it is taken as published, and said so.
"""

from __future__ import annotations

import re

import pandas as pd

from nof.common import Quarter
from nof.read.publication import Publication
from nof.rules.framework import Framework, value_id

NOVELTY_COLUMNS = ["what", "id", "name", "status", "trust_types", "first_quarter", "explanation"]
_OLD_TYPES = ("acute", "mental-health-and-community", "ambulance")  # ranked in 2025/26
_PATTERN = re.compile(r"OF[0145]\d{3}")

NEW_TYPE = "read, ranked and shown like the others, in words of its own"
NEW_DOMAIN = "shown under its own name; its score counts as published"
NEW_SCORE = "its published score counts in the average; how it is scored is not known"
NEW_VALUE = "its published value and rank are shown; how it is scored is not known"
NEW_OTHER = "shown as published"
OTHER_ID = "the name of a metric that has gone, under another id: the two are not joined; it was"
RENAMED = "the same id under another name: not taken to be the same measure without a rule that says so"
STRANGE = "its id follows no known pattern: read and listed, in no average"
GONE = "no figure in this year"


def novelties(publication: Publication, year: str, before: Framework) -> pd.DataFrame:
    """Types, domains, metrics and ids of a framework year that the year before did not have, and those that went.

    Parameters
    ----------
    publication : Publication
    year : str
        As "2026/27".
    before : Framework
        Rules of the year before: what it named counts as known even where the publication does not hold that year.

    Returns
    -------
    DataFrame
        what ("trust type", "domain", "metric"), id, name (as published), status ("new", "renamed", "gone", "strange id"),
        trust_types (comma joined slugs), first_quarter (slug), explanation (what is done with it). Empty where nothing is
        new; of a year that the publication does not hold, nothing is said to be gone.
    """
    years = publication.metrics["quarter"].map(lambda slug: Quarter.parse(slug).year_label)
    now, then = publication.metrics[years == year], publication.metrics[years < year]
    if now.empty:
        return pd.DataFrame(columns=NOVELTY_COLUMNS)
    parts = [_types(now), _domains(now, then, before), _metrics(now, then, before)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)[NOVELTY_COLUMNS]


def _listed(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """One row a key: its name, types and first quarter."""
    rows = rows.sort_values(["quarter", "trust_type"], kind="stable")
    return rows.groupby(key, sort=True).agg(
        name=("description", "last"),
        trust_types=("trust_type", lambda types: ",".join(dict.fromkeys(types))),
        first_quarter=("quarter", "first"),
    )


def _types(now: pd.DataFrame) -> pd.DataFrame:
    own = _listed(now[~now["trust_type"].isin(_OLD_TYPES)], "trust_type").rename_axis("id").reset_index()
    return own.assign(what="trust type", name=own["id"].str.replace("-", " "), status="new", explanation=NEW_TYPE)


def _domains(now: pd.DataFrame, then: pd.DataFrame, before: Framework) -> pd.DataFrame:
    known = {one.name for one in before.domains} | set(then["domain"])
    table = _listed(now[~now["domain"].isin([*known, "Summary", ""])], "domain").rename_axis("id").reset_index()
    return table.assign(what="domain", name=table["id"], id="", status="new", explanation=NEW_DOMAIN)


def _metrics(now: pd.DataFrame, then: pd.DataFrame, before: Framework) -> pd.DataFrame:
    """One row a metric: where both its value and its score are new, under the value's id."""
    table, earlier = _listed(now, "metric_id"), _listed(then, "metric_id")
    known = before.known_ids | set(earlier.index)
    went = earlier.loc[earlier.index.difference(table.index)]
    # By label: an empty list as a mask would take the columns away.
    went = went.loc[[one for one in went.index if not _told_by_value(one, went.index)]]
    names_gone = {_plain(name): one for one, name in went["name"].items()}
    rows = []
    for one, row in table.iterrows():
        was = earlier["name"].get(one)
        if not _PATTERN.fullmatch(str(one)):
            rows.append((one, row["name"], "strange id", STRANGE))
        elif one not in known and not _told_by_value(str(one), table.index.difference(list(known))):
            old = names_gone.get(_plain(row["name"]))
            rows.append((one, row["name"], "new", f"{OTHER_ID} {old}" if old else _explained(str(one), table.index)))
        elif one in known and was is not None and _plain(was) != _plain(row["name"]):
            rows.append((one, row["name"], "renamed", f"{RENAMED} (before: {was})"))
    rows += [(one, name, "gone", GONE) for one, name in went["name"].items()]
    told = pd.DataFrame(rows, columns=["id", "name", "status", "explanation"])
    facts = pd.concat([table, went])
    return told.join(facts[["trust_types", "first_quarter"]], on="id").assign(what="metric")


def _told_by_value(metric_id: str, ids: pd.Index) -> bool:
    """Whether an id is that of a score whose value is listed too."""
    return metric_id.startswith("OF1") and value_id(metric_id) in ids


def _explained(metric_id: str, ids: pd.Index) -> str:
    scored = metric_id[2] == "1" or metric_id[2] == "0" and f"OF1{metric_id[3:]}" in ids
    return NEW_SCORE if scored else NEW_VALUE if metric_id[2] == "0" else NEW_OTHER


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
