"""What machines and mailboxes read of a report: changes.json, feed.xml, digest/ and datapackage.json.

They are written into each report, before its zips and its manifest, so that both hold them; and once more at the root
of the reports folder, for the newest report, with addresses that start there.
"""

from __future__ import annotations

import json
import logging
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from nof import common
from nof.briefing import changes, digest, feed, publish
from nof.briefing.params import Params
from nof.common import Quarter, write_text
from nof.rules.recompute import National
from nof.show.dictionary import Described, dictionary, resource_name, table_of
from nof.show.words import INDEPENDENT, source_line

log = logging.getLogger(__name__)
PACKAGE = "datapackage.json"
FILES = (changes.FILE, feed.FILE, PACKAGE)
OPEN_LICENCE = {
    "name": "OGL-UK-3.0",
    "title": "Open Government Licence v3.0",
    "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}
OWN_LICENCE = {"name": "MIT", "title": "MIT License"}  # of made-up data, which is this project's own


def write(
    folder: Path, national: National, params: Params, types: list[str], run: str, entries: Mapping[str, dict]
) -> None:
    """Write all of them into a report's folder, after its tables.

    Parameters
    ----------
    folder : Path
        The report being built.
    params : Params
        As `plan.settled` gives them.
    types : list of str
        Trust types whose trusts get a digest.
    run : str
        Short id of the run.
    entries : mapping
        Briefings by name, as in the manifest.
    """
    found = changes.changes(national, params, run)
    made = digest.digests(national, params.quarter, types, found, run)
    write_text(folder / changes.FILE, changes.text(found))
    write_text(folder / feed.FILE, feed.feed(found, made, _pages(entries)))
    digest.write(folder, made)
    package = datapackage(folder, params.quarter, types, national.publication.illustrative)
    write_text(folder / PACKAGE, _json(package))


def _pages(entries: Mapping[str, dict]) -> dict[str, str]:
    """Each trust's briefing as a web page, by code; its further pages are not it."""
    return {
        entry["trust"]: file
        for entry in entries.values()
        if entry.get("trust")
        for file in entry["files"]
        if file.endswith(f"/{entry['trust']}.html")
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


# --- datapackage.json: every CSV file, described ---


def datapackage(folder: Path, quarter: str, types: list[str], illustrative: bool) -> dict[str, Any]:
    """A Data Package (version 1) of the CSV files of a report.

    Returns
    -------
    dict
        Beside what the standard asks for, each field has `unit` and `better` (which way is good), where there are any. A
        column that the dictionary does not know is "not described", with a line in the log.
    """
    licence = OWN_LICENCE if illustrative else OPEN_LICENCE
    title = f"NHS trust league tables, {Quarter.parse(quarter).label}"
    return {
        "profile": "tabular-data-package",
        "name": f"nof-{quarter}",
        "title": f"{title} (made-up data)" if illustrative else title,
        "description": f"Recomputed league tables and what a rank cannot tell. {INDEPENDENT}.",
        "licenses": [licence],
        "sources": [{"title": source_line(illustrative, quarter)}],
        "resources": [_resource(path, folder, types) for path in sorted(folder.glob("tables/*.csv"))],
    }


def _resource(path: Path, folder: Path, types: list[str]) -> dict[str, Any]:
    table, trust_type = table_of(path.stem, types)
    known = dictionary().tables.get(table)
    text = known.text if known else "not described"
    return {
        "profile": "tabular-data-resource",
        "name": resource_name(path.stem),
        "path": path.relative_to(folder).as_posix(),
        "title": table.replace("_", " ") + (f", {trust_type}" if trust_type else ""),
        "description": text,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{common.sha256(path)}",
        "schema": {"fields": [_field(path, table, name) for name in _header(path)], "missingValues": [""]},
    }


def _header(path: Path) -> list[str]:
    return [str(name) for name in pd.read_csv(path, nrows=0, encoding="utf-8").columns]


def _field(path: Path, table: str, name: str) -> dict[str, Any]:
    one = dictionary().column(table, name)
    if one is None:
        log.warning("%s, column %s: not described in columns.yaml", path.name, name)
        one = Described(type="string", text="not described")
    field = {"name": name, "type": one.type, "description": one.text}
    field |= {key: value for key, value in (("unit", one.unit), ("better", one.better)) if value}
    return field | ({"trueValues": ["True"], "falseValues": ["False"]} if one.type == "boolean" else {})


# --- at the root of the reports folder, for the newest report ---


def write_root(out: Path, newest: Path) -> None:
    """Write them at the root for the newest report; each file with one rename: a reader finds the old one or the new.

    Call it under `publish.shared_pages`. What an older version of this project did not write is taken away.

    Parameters
    ----------
    out : Path
        The reports folder.
    newest : Path
        The newest report in it.
    """
    place = f"{newest.name}/"
    _move(out, changes.FILE, _text(newest / changes.FILE))
    _move(out, feed.FILE, _changed(newest / feed.FILE, lambda text: _feed_from(text, place)))
    _move(out, PACKAGE, _changed(newest / PACKAGE, lambda text: _package_from(text, place)))
    _digests(out / digest.FOLDER, newest / digest.FOLDER)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _changed(path: Path, change: Callable[[str], str]) -> str | None:
    text = _text(path)
    return None if text is None else change(text)


def _feed_from(text: str, place: str) -> str:
    """A report's feed with the addresses of its pages from the reports folder; its own stays."""
    ET.register_namespace("", feed.ATOM)
    root = ET.fromstring(text)
    for link in root.iter(f"{{{feed.ATOM}}}link"):
        if link.get("rel") != "self":
            link.set("href", place + str(link.get("href")))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _package_from(text: str, place: str) -> str:
    package = json.loads(text)
    for one in package["resources"]:
        one["path"] = place + one["path"]
    return _json(package)


def _move(out: Path, name: str, text: str | None) -> None:
    if text is None:
        (out / name).unlink(missing_ok=True)
        return
    publish.put(out / name, text)


def _digests(place: Path, source: Path) -> None:
    """The newest digests in one folder: new ones first, then what is left of older ones goes."""
    if not source.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        return
    place.mkdir(exist_ok=True)
    place.chmod(publish.FOLDER_MODE)
    names = {path.name for path in source.iterdir()}
    for name in sorted(names):
        _move(place, name, _text(source / name))
    for old in place.iterdir():
        if old.name not in names:
            old.unlink()
