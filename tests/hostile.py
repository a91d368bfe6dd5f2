"""A made-up publication whose names, descriptions and dates try to be more than text."""

from __future__ import annotations

from pathlib import Path

import builders

# Each is a legal CSV cell. MARK stands in all of them, so that a page can be asked where it went.
MARK = "Qzx"
FIRST = f'=HYPERLINK("http://evil.example/{MARK}") <script>alert("{MARK}")</script> #read("/etc/passwd") {{{{7*191}}}}'
SECOND = (
    f"<img src=x onerror=alert(1)>{MARK} **bold** [here](javascript:alert(1)) "
    "![x](http://evil.example/p.png) $x^2$ `#sys` &lt;"
)
DESCRIPTION = (
    f"@SUM(1+1)*cmd|{MARK} </title></style><svg onload=alert(2)> # Heading "
    f'*#panic("{MARK}")* {{% raw %}} \\u{{41}} "}}]'
)
REGION = f"+44 <b>{MARK}</b> & Sons"
DATE = f"-2+3 <i>{MARK}</i> #import"


def publication(folder: Path) -> Path:
    """Metrics and league table of two acute trusts with such texts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows, header in (
        (builders.metrics_name(), builders.metric_rows(), builders.METRIC_HEADER),
        (builders.league_name(), builders.league_rows(), builders.LEAGUE_HEADER),
    ):
        for row in rows:
            row["Trust_name"] = FIRST if row["Trust_code"].endswith("A") else SECOND
            row["Region"] = REGION
            if "Metric_description" in row:
                row["Metric_description"] = f"{DESCRIPTION} {row['Metric_ID'][-2:]}"
                row["Reporting_date"] = DATE
        builders.write(folder, name, builders.table(rows, header))
    return folder
