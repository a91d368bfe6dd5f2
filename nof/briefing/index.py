"""Static index pages: what there is for a quarter, and which quarters there are.

Plain HTML files that need no server. Everything is on the page without JavaScript; a small script of our own, named by
its hash in the page's content security policy, adds searching, sorting and filtering. Names from files are escaped by
the template and reach the script only as text of the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from nof.briefing import links, machines, manifest, plan, publish
from nof.briefing.pages import plain, reason, render, size_text
from nof.briefing.params import Params, national_briefings
from nof.briefing.vocabulary import said_throughout
from nof.common import Quarter, names_a_quarter, write_text
from nof.method.opening import findings_of
from nof.method.view import view_of
from nof.read import findings
from nof.rules import kinds, unconfirmed
from nof.rules.recompute import National
from nof.show import tables, words

# --- summary.json and summary.html: what the last run of the unattended job did, and what it wants of a person ---


# --- Static index pages: what there is for a quarter, and which quarters there are ---


PAGE = "index.html"
# Columns of the league table that sort by a number or a text; a range does neither.
_NUMBERS = ("rank", "average_score", "segment_text", "metrics_scored")
_TEXTS = ("trust_name", "deficit")
_SHEET = re.compile(r"-(safe-to-say|board-paper|binder)$")  # a further page of a trust, by its file's ending
_HANDED = {".pdf": "PDF", ".docx": "Word"}  # forms of such a page that are handed on
_ODD = 40  # sentences on what is odd in the files


def write_quarter(
    folder: Path,
    national: National,
    params: Params,
    run: str,
    entries: dict,
    failures: dict,
    neighbours: tuple[links.Neighbour, ...] = (),
) -> None:
    """Link the pages of a report; write index.html and the zips into its folder, after every other file but the manifest.

    Parameters
    ----------
    folder : Path
        The report being built.
    national : National
    params : Params
        As `plan.settled` gives them.
    run : str
        Short id of the run.
    entries : dict
        What there is: by name, the files, title, subtitle, notebook, trust_type, trust and run of a briefing.
    failures : dict
        Error text by name of what could not be made.
    neighbours : tuple of links.Neighbour
        The quarters beside this one in the site.
    """
    write_dictionary(folder, params.quarter, national.publication.illustrative)
    there = links.site(folder, params.quarter, entries, national.publication, neighbours)
    links.link(folder, there)
    facts = quarter_facts(folder, national, params, run, entries, failures)
    facts["beside"] = [
        {"words": f"{one.way}, {Quarter.parse(one.slug).label}", "address": address}
        for one in neighbours
        if (address := one.address(PAGE))
    ]
    note = _note(facts)
    pages = {name: (folder / f"{name}.html").read_text(encoding="utf-8") for name in there.owners}
    single = {
        name: links.alone(page, name, there) for name, page in pages.items() if entries[there.owners[name]].get("trust")
    }
    zips = manifest.write_trusts(folder, entries, note, single)
    zipped = links.in_zip(there)
    inside = {f"{name}.html": links.linked(page, name, zipped) for name, page in pages.items()}
    inside[PAGE] = render("index.html.j2", **facts, zips={}, everything=None)
    everything = manifest.write_everything(folder, params.quarter, note, inside)
    whole = {"name": everything.name, "size": size_text(everything.stat().st_size)}
    write_text(folder / PAGE, render("index.html.j2", **facts, zips=zips, everything=whole))


def write_dictionary(folder: Path, quarter: str, illustrative: bool) -> None:
    """Write what every column means as a page, from a report's datapackage.json; nothing where it has none."""
    if not (folder / machines.PACKAGE).is_file():
        return
    package = json.loads((folder / machines.PACKAGE).read_text(encoding="utf-8"))
    described: dict[str, dict[str, Any]] = {}
    for one in package["resources"]:
        title = one["title"].split(",")[0]
        fields = one["schema"]["fields"]
        known = described.setdefault(
            title, {"id": f"data-{title.replace(' ', '-')}", "title": title.capitalize(), "text": one["description"]}
        )
        known.setdefault("files", []).append({"path": one["path"], "name": Path(one["path"]).name})
        # Columns named by the data differ between the types: each is listed once.
        known["fields"] = list({field["name"]: field for field in [*known.get("fields", []), *fields]}.values())
    page = render(
        "dictionary.html.j2",
        label=Quarter.parse(quarter).label,
        illustrative=illustrative,
        tables=list(described.values()),
        source=words.source_line(illustrative, quarter),
        licence="" if illustrative else words.LICENCE_LINE,
    )
    write_text(folder / links.DICTIONARY, page)


def write_root(out: Path) -> None:
    """Write index.html of the reports folder: its quarters, newest first; and what machines read of the newest.

    Readers see the old page or the new one.

    Call it under `publish.shared_pages`: two runs of different quarters would write it at once.
    """
    reports = _reports(out)
    if reports:
        machines.write_root(out, reports[0])
    page = render(
        "root.html.j2",
        noun=_noun(reports),
        quarters=[_report(folder) for folder in reports],
        feed=(out / "feed.xml").is_file(),
    )
    publish.put(out / PAGE, page)


def quarter_facts(
    folder: Path, national: National, params: Params, run: str, entries: Mapping[str, dict], failures: Mapping[str, str]
) -> dict[str, Any]:
    """What the page of a quarter says, as plain values for the template."""
    quarter = Quarter.parse(params.quarter)
    illustrative = national.publication.illustrative
    trusts = {entry["trust"]: _briefing(entry, run) for entry in entries.values() if entry.get("trust")}
    failed = {name.removeprefix("trusts/"): why for name, why in failures.items() if name.startswith("trusts/")}
    leagues = [_league(national, params.quarter, one, trusts, failed) for one in _types(national, params)]
    titles = _titles(national, params)
    ranked = {code for league in leagues for code in league["codes"]}
    spoken = kinds.kind_of(league["slug"] for league in leagues)
    return {
        "label": quarter.label,
        "day": words.dateline(quarter.last_day),
        "run": run,
        "noun": spoken.one,
        "nouns": spoken.many,
        "noun_first": spoken.one[0].upper() + spoken.one[1:],
        "nouns_first": spoken.many[0].upper() + spoken.many[1:],
        "illustrative": illustrative,
        "source": kinds.said(
            f"{words.source_line(illustrative, params.quarter)} "
            f"{unconfirmed.line(national.framework(params.quarter))}".strip(),
            spoken,
        ),
        "licence": "" if illustrative else words.LICENCE_LINE,
        "leagues": leagues,
        "trusts": trusts,
        "national": _national(folder, leagues, entries, run),
        "choices": _choices(leagues),
        "gone": [one for code, one in sorted(trusts.items()) if code not in ranked],
        "failures": [_failure(name, why, titles, national) for name, why in sorted(failures.items())],
        "absent": [title for name, title in titles.items() if name not in entries and name not in failures],
        "machines": [name for name in machines.FILES if (folder / name).is_file()],
        "dictionary": links.DICTIONARY if (folder / links.DICTIONARY).is_file() else "",
        "notes": list(dict.fromkeys(note for league in leagues for note in league["notes"])),
        "odd": [plain(one) for one in findings.words(findings.concerning(findings_of(national), params.quarter), _ODD)],
        "not_given": _not_given(national, params),
        "without": [league for league in leagues if league["unasked"]],
        "earlier": sorted({_short(entry["run"]) for entry in entries.values()} - {run}),
    }


def _nouns(kind: kinds.Kind) -> dict[str, str]:
    """Words of a league table's kind: "trust", "acute trusts", and the shortest beside a count ("134 acute", "42 ICBs")."""
    return {
        "one": kind.one,
        "many": kind.many,
        "named_one": f"{kind.name} {kind.one}".strip(),
        "named_many": kind.all,
        "short": kind.name or kind.many,
    }


def _types(national: National, params: Params) -> list[str]:
    """Trust types of the run that have trusts in the quarter."""
    trusts = national.publication.trusts
    there = set(trusts.loc[trusts["quarter"] == params.quarter, "trust_type"])
    return [one for one in params.trust_types or [] if one in there]


def _not_given(national: National, params: Params) -> list[dict[str, str]]:
    """Trust types that NHS England ranks and this report does not have, each with the reason."""
    trusts = national.publication.trusts
    given = set(trusts.loc[trusts["quarter"] == params.quarter, "trust_type"])
    ranked = [one for one in kinds.known() if kinds.kind(one).is_trust or not kinds.kind_of(given).is_trust]
    return [
        {
            "name": kinds.kind(one).in_full_many.capitalize(),
            "why": "not asked for in this run." if one in given else "no files were given for this quarter.",
        }
        for one in ranked
        if one not in given or one not in (params.trust_types or [])
    ]


def _league(
    national: National, quarter: str, trust_type: str, trusts: Mapping[str, dict], failed: Mapping[str, str]
) -> dict[str, Any]:
    """One league table: the cells of the league table briefing, with what the filters and the links need."""
    league = view_of(national, quarter, trust_type).league
    table = tables.league_table(league)
    shown = said_throughout(table.data(), trust_type)
    codes = league["trust_code"].tolist()
    return {
        "slug": trust_type,
        "name": words.type_name(trust_type),
        "all": kinds.kind(trust_type).in_full_many,
        **_nouns(kinds.kind(trust_type)),
        "count": words.trusts(len(league), trust_type),
        "columns": [_column(column, table.columns[j].name) for j, column in enumerate(shown["columns"])],
        "rows": _rows(league, shown),
        "codes": codes,
        "notes": [one for one in (shown["note"], shown["key"]) if one],
        "subtypes": _distinct(league["trust_subtype"]),
        "regions": _distinct(league["region"]),
        "segments": [int(one) for one in sorted(league["segment"].dropna().unique())],
        "states": {code: "failed" if code in failed else "not made" for code in codes},
        "linked": any(code in trusts or code in failed for code in codes),
        "unasked": sum(code not in trusts and code not in failed for code in codes),
        "size": len(codes),
    }


def _column(column: Mapping[str, Any], name: str) -> dict[str, Any]:
    sort = "number" if name in _NUMBERS else "text" if name in _TEXTS else ""
    return dict(column) | {"sort": sort, "filter": "segment" if name == "segment_text" else ""}


def _rows(league: pd.DataFrame, shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    tones = {int(column): names for column, names in shown["tones"].items()}
    return [
        {
            "code": plain(row.trust_code),
            "name": plain(row.trust_name),
            "subtype": plain(row.trust_subtype),
            "region": plain(row.region),
            "segment": "" if pd.isna(row.segment) else int(row.segment),
            "cells": [(plain(text), tones[j][i] if j in tones else None) for j, text in enumerate(shown["rows"][i])],
        }
        for i, row in enumerate(league.itertuples(index=False))
    ]


def _distinct(values: Iterable[Any]) -> list[str]:
    return sorted({plain(one) for one in values})


def _choices(leagues: list[dict[str, Any]]) -> dict[str, Any]:
    """What the three filters offer: subtypes by trust type, regions, segments."""
    return {
        "subtypes": [(league["name"], league["subtypes"]) for league in leagues],
        "regions": sorted({one for league in leagues for one in league["regions"]}),
        "segments": sorted({one for league in leagues for one in league["segments"]}),
    }


def _national(
    folder: Path, leagues: list[dict[str, Any]], entries: Mapping[str, dict], run: str
) -> list[dict[str, Any]]:
    """The briefings on the whole quarter and the tables behind them, a group for each trust type and one for all."""
    order = national_briefings()
    known = sorted(
        (entry for entry in entries.values() if not entry.get("trust")),
        key=lambda entry: (
            order.index(entry["notebook"]) if entry["notebook"] in order else len(order),
            entry["title"],
        ),
    )
    data = sorted(path.stem for path in folder.glob("tables/*.csv"))
    groups = [(league["slug"], league["all"].capitalize()) for league in leagues]
    groups.append((None, "All types"))
    made = [
        {
            "title": title,
            "briefings": [_briefing(one, run) for one in known if one["trust_type"] == slug],
            "tables": [_csv(name, slug) for name in data if _type_of(name, leagues) == slug],
        }
        for slug, title in groups
    ]
    return [group for group in made if group["briefings"] or group["tables"]]


def _briefing(entry: Mapping[str, Any], run: str) -> dict[str, Any]:
    """Title and addresses of one briefing, and the run that made it if that was another."""
    by_ending = {Path(file).suffix: file for file in entry["files"] if not _SHEET.search(Path(file).stem)}
    made = _short(entry["run"])
    return {
        "title": plain(entry["title"]),
        "trust": entry.get("trust"),
        "page": by_ending[".html"],
        "pdf": by_ending.get(".pdf"),
        "word": by_ending.get(".docx"),
        "sheets": [
            {"what": found[1].replace("-", " "), "kind": _HANDED[Path(file).suffix], "file": file}
            for file in sorted(entry["files"])
            if (found := _SHEET.search(Path(file).stem)) and Path(file).suffix in _HANDED
        ],
        "earlier": "" if made == run else made,
    }


def _csv(name: str, slug: str | None) -> dict[str, str]:
    return {"file": f"tables/{name}.csv", "label": name.removesuffix(f"-{slug}").replace("_", " ")}


def _type_of(name: str, leagues: list[dict[str, Any]]) -> str | None:
    return next((league["slug"] for league in leagues if name.endswith(f"-{league['slug']}")), None)


def _failure(name: str, why: str, titles: Mapping[str, str], national: National) -> dict[str, str]:
    return {
        "what": titles.get(name) or _trust(name.removeprefix("trusts/"), national),
        "why": reason(why.removeprefix(f"{name}: ")),
    }


def _trust(code: str, national: National) -> str:
    """Name and code of a trust, by the name that it had last."""
    rows = national.publication.trusts.query("trust_code == @code").sort_values("quarter")
    return code if rows.empty else f"{plain(rows['trust_name'].iloc[-1])} ({code})"


def _titles(national: National, params: Params) -> dict[str, str]:
    """What each briefing on the whole quarter that there could be is called: "League table, acute trusts"."""
    jobs = plan.national_jobs(params.model_copy(update={"briefings": None}), national)
    return {
        job.name: ", ".join(
            [job.about["title"]]
            + ([words.bodies(job.parameters["trust_type"])] if "trust_type" in job.parameters else [])
        )
        for job in jobs
    }


def _note(facts: Mapping[str, Any]) -> str:
    """README.txt of the zips."""
    warning = [f"{words.ILLUSTRATIVE}. {words.ILLUSTRATIVE_WORDS}"] if facts["illustrative"] else []
    lines = [
        f"NHS trust league tables, {facts['label']}",
        *warning,
        facts["source"],
        facts["licence"],
        f"{words.INDEPENDENT}.",
        f"Run {facts['run']}",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _reports(out: Path) -> list[Path]:
    """Folders of reports, newest quarter first."""
    found = [path for path in out.iterdir() if names_a_quarter(path.name) and (path / manifest.MANIFEST).is_file()]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _noun(reports: Iterable[Path]) -> kinds.Kind:
    """What the organisations of all reports are called together."""
    types = {one for folder in reports for one in _trust_types(manifest.read(folder))}
    return kinds.kind_of(sorted(types) or ["acute"])


def _trust_types(facts: Any) -> list[str]:
    found = _mapping(facts, "parameters").get("trust_types")
    return [str(one) for one in found] if isinstance(found, list) else []


def _report(folder: Path) -> dict[str, Any]:
    """What the reports page says of one quarter; a manifest that lacks something leaves that out."""
    facts = manifest.read(folder)
    briefings = [entry for entry in _mapping(facts, "briefings").values() if isinstance(entry, dict)]
    quarter = Quarter.parse(folder.name)
    return {
        "noun": kinds.kind_of(_trust_types(facts) or ["acute"]),
        "slug": quarter.slug,
        "label": quarter.label,
        "day": words.dateline(quarter.last_day),
        "illustrative": facts.get("illustrative") is True,
        "failures": len(_mapping(facts, "failures")),
        "national": sum(not entry.get("trust") for entry in briefings),
        "trusts": sum(bool(entry.get("trust")) for entry in briefings),
        "run": _short(facts.get("run_id", "unknown")),
        "page": (folder / PAGE).is_file(),
    }


def _mapping(facts: Any, key: str) -> dict[str, Any]:
    found = facts.get(key) if isinstance(facts, dict) else None
    return found if isinstance(found, dict) else {}


def _short(run: Any) -> str:
    return str(run)[:10]
