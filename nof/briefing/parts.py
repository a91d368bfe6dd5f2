"""What a briefing shows, as files of its own: each table as CSV, each figure of a trust's briefing as SVG and PNG.

They lie in tables/ and figures/ of a report, in a folder named as the briefing; a trust's zip holds its own. The data
package lists the frames in tables/ itself; what lies in folders below is what the pages show, with the labels of the pages.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nof.briefing.document import DESK
from nof.briefing.vocabulary import in_its_words
from nof.common import MARKED
from nof.show import pictures
from nof.show.display import CSV_MIME, SVG_MIME, TABLE_MIME, Chart

TABLES, FIGURES = "tables", "figures"
_LONGEST = 60  # characters of a title in a file name


def parts(notebook: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of an executed notebook's tables and, of a trust's briefing, figures.

    Parameters
    ----------
    name : str
        Of the briefing, as "league_table-acute" or "trusts/R1A".
    parameters : mapping
        As papermill got them: quarter, trust type and the trust that the briefing is of stand in every row of a table that
        does not have them.

    Returns
    -------
    dict
        Bytes by path inside a report.
    """
    notebook = in_its_words(notebook, (notebook.get("metadata", {}).get("briefing") or {}).get("kinds") or ())
    about = {"quarter": "quarter", "trust_type": "trust_type", "trust": "briefing_of"}
    fixed = {column: str(parameters[key]) for key, column in about.items() if parameters.get(key)}
    made: dict[str, bytes] = {}
    tables = figures = 0
    for output in _outputs(notebook):
        data, told = output.get("data") or {}, (output.get("metadata") or {}).get("nof") or {}
        if TABLE_MIME in data and CSV_MIME in data:
            tables += 1
            path = f"{TABLES}/{name}/{tables:02d}-{_slug(data[TABLE_MIME]['caption'])}.csv"
            made[path] = with_columns(_joined(data[CSV_MIME]), fixed).encode(MARKED)
        elif SVG_MIME in data and told.get("alt") and parameters.get("trust"):
            figures += 1
            chart = Chart(_joined(data[SVG_MIME]), told["alt"], told["caption"], told["width_mm"], told["height_mm"])
            path = f"{FIGURES}/{name}/{figures:02d}-{_slug(chart.caption)}"
            made[f"{path}.svg"], made[f"{path}.png"] = pictures.standalone(chart).encode(), pictures.png(chart)
    return made


def _outputs(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for cell in notebook.get("cells", ()):
        if DESK not in ((cell.get("metadata") or {}).get("tags") or ()):
            yield from cell.get("outputs", ())


def with_columns(text: str, fixed: Mapping[str, str]) -> str:
    """A table as CSV with columns put before its own, unless it has them: the same value in each row."""
    rows = list(csv.reader(io.StringIO(text)))
    added = {column: value for column, value in fixed.items() if column not in rows[0]}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*added, *rows[0]])
    writer.writerows([*added.values(), *row] for row in rows[1:])
    return stream.getvalue()


def inside(file: str, name: str) -> str:
    """Where a file of a trust's briefing lies in the trust's zip.

    >>> inside("tables/trusts/R1A/01-x.csv", "trusts/R1A"), inside("tables/trusts/R1A-safe-to-say/01-y.csv", "trusts/R1A")
    ('tables/01-x.csv', 'tables/safe-to-say/01-y.csv')
    """
    kind, _, rest = file.partition("/")
    return f"{kind}/{rest.removeprefix(name).lstrip('/-')}" if kind in (TABLES, FIGURES) else file.rpartition("/")[2]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_LONGEST].strip("-") or "untitled"


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
