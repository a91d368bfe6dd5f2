"""What files and parameters say stays text: in pages, PDFs, notebooks, tables and paths, and on the way there."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import builders
import filelock
import hostile
import nbformat
import pytest
import tiny
from conftest import ROOT
from pypdf import PdfReader

from nof.briefing import blocks, pdf
from nof.common import InputError
from nof.quarterly.settings import load
from nof.read import publication

OURS = [*ROOT.glob("nof/**/*.py"), *ROOT.glob("tools/*.py"), ROOT / "helpers.py"]
# Where each text has to be found, as it was given.
SHOWN = {
    "index.html": ("FIRST", "SECOND", "REGION"),
    "league_table-acute": ("FIRST", "SECOND"),
    "metric_rankings-acute": ("FIRST", "SECOND", "DESCRIPTION"),
    "trusts/ZZ1A": ("FIRST",),
}


# ---------------------------------------------------------------- through the real pipeline


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report by the project's own notebooks on a publication full of such texts."""
    home = tmp_path_factory.getbasetemp()
    home = (home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "untrusted"
    with filelock.FileLock(f"{home}.lock"):  # made once, for all processes of a parallel test run
        if not (home / "reports").exists():
            make_report(home)
    return home / "reports" / tiny.QUARTER


def make_report(home: Path) -> None:
    hostile.publication(home / "data")
    text = f"quarter: {tiny.QUARTER}\ndata: data\nbriefings: [league_table, metric_rankings]\ntrusts: [ZZ1A]\n"
    (home / "params.yaml").write_text(text)
    (home / "notebooks").symlink_to(ROOT / "notebooks")
    code, said = tiny.brief(home, "--jobs", "2")
    assert code == 0, said


def squeezed(text: str) -> str:
    """Without blanks and places to break: a PDF puts them where the line ends."""
    return re.sub(r"[\s\u200b\u00ad]+", "", text)


def expected(name: str) -> list[str]:
    return [squeezed(getattr(hostile, one)) for one in SHOWN[name.removesuffix(".pdf").removesuffix(".ipynb")]]


class Page(HTMLParser):
    """Text and tags of a page, as a browser would see them."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def harm(self, scripts: int = 0) -> list[tuple]:
        """Tags that do something: scripts beyond our own, handlers, frames, and addresses that came from a file."""

        def bad(tag, attributes):
            addresses = f"{attributes.get('href')} {attributes.get('src')}"
            return (
                tag in ("iframe", "object", "embed", "base")
                or {"action", "formaction"} & set(attributes)
                or any(name.startswith("on") for name in attributes)
                or "evil" in addresses
                or "javascript:" in addresses
                or (tag == "b" and not attributes)
            )

        found = [one for one in self.tags if bad(*one)]
        return found + [one for one in self.tags if one[0] == "script"][scripts:]


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_shows_the_texts_and_runs_nothing(report, name):
    path = report / (name if name.endswith(".html") else f"{name}.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert page.harm(scripts=1) == []
    assert all(one in squeezed(page.text) for one in expected(name if name == "index.html" else name))


@pytest.mark.parametrize("name", [one for one in SHOWN if one != "index.html"])
def test_a_pdf_shows_the_texts_and_links_nowhere(report, name):
    pages = PdfReader(report / f"{name}.pdf").pages
    text = squeezed("".join(page.extract_text() for page in pages))
    assert all(one in text for one in expected(name))
    notes = [note.get_object() for page in pages for note in page.get("/Annots") or []]
    addresses = [str(note.get("/A", {}).get("/URI", "")) for note in notes]
    assert not [one for one in addresses if hostile.MARK in one or "evil" in one or "javascript" in one]
    assert "root:" not in text and str(7 * 191) not in text


@pytest.mark.parametrize("name", [one for one in SHOWN if one != "index.html"])
def test_a_notebook_that_somebody_opens_shows_text(report, name):
    notebook = nbformat.read(report / f"{name}.ipynb", as_version=4)
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", []) if "data" in one]
    seen = 0
    for data in (one["data"] for one in outputs):
        assert not [kind for kind in data if "javascript" in kind]
        html = [data.get("text/html", ""), data.get("image/svg+xml", "")]
        if "text/markdown" in data:
            import mistune

            html.append(mistune.create_markdown(escape=False)(data["text/markdown"]))  # as generous as JupyterLab
        for text in html:
            page = Page(text)
            assert page.harm() == []
            seen += hostile.MARK in page.text
    assert seen


def test_a_table_opens_as_data_in_a_spreadsheet(report):
    cells = [
        cell
        for path in report.glob("tables/*.csv")
        for row in csv.reader(path.open(encoding="utf-8-sig"))
        for cell in row
    ]
    assert any(hostile.MARK in cell for cell in cells)
    run = [
        one
        for one in cells
        if one and (one[0] in "=@\t\r" or (one[0] in "+-" and not re.fullmatch(r"[+-][\d.]+(e[+-]?\d+)?", one)))
    ]
    assert run == []
    assert f"'{hostile.FIRST}" in cells


def test_a_zip_holds_plain_names(report):
    for path in report.glob("*.zip"):
        names = zipfile.ZipFile(path).namelist()
        assert names and all(
            re.fullmatch(r"[A-Za-z0-9_./-]+", one) and ".." not in one and one[0] != "/" for one in names
        )


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "code",
    [
        "../../escaped",
        "/etc/escaped",
        "..",
        "ZZ1A/..",
        "..\\escaped",
        "ZZ 1",
        "ZZ1A\0",
        "C:escaped",
        "zz1a\u202e",
        "R" * 300,
        "%2e%2e%2f",
        "~root",
    ],
)
def test_a_trust_code_that_is_a_path_is_refused_with_its_place(tmp_path, code):
    rows = builders.metric_rows()
    rows[3]["Trust_code"] = code
    builders.write(tmp_path, builders.metrics_name(), builders.table(rows, builders.METRIC_HEADER))
    with pytest.raises(InputError) as caught:
        publication.read(tmp_path)
    assert builders.metrics_name() in str(caught.value)


@pytest.mark.parametrize(
    "quarter", ["../../escaped", "2025-26-q4/..", "Q4 2025/26/../..", "/2025-26-q4", "2025-26-q4\0", "२०२५-26-q4"]
)
def test_a_quarter_that_is_a_path_is_refused(tmp_path, quarter):
    from nof.quarterly.catalogue import Catalogue
    from nof.quarterly.fetch import fetch_quarter

    rows = [row | {"Quarter": quarter} for row in builders.metric_rows()]
    builders.write(tmp_path, builders.metrics_name(), builders.table(rows, builders.METRIC_HEADER))
    with pytest.raises(InputError):
        publication.read(tmp_path)
    with pytest.raises(InputError):
        fetch_quarter(quarter, tmp_path / "raw", catalogue=Catalogue(frozenset(), "https://example.invalid/"))
    assert not list(tmp_path.parent.glob("escaped*"))


@pytest.mark.parametrize(
    "lines",
    [
        "trusts: [../../escaped]",
        "briefings: [../../escaped]",
        "trust_types: [../../escaped]",
        "quarter: ../../escaped",
    ],
)
def test_a_parameter_that_is_a_path_is_refused(tmp_path, lines):
    home = tiny.place(tmp_path / "home")
    text = "".join(f"{one}\n" for one in ("quarter: 2025-26-q2", "data: data") if one.split(":")[0] not in lines)
    (home / "params.yaml").write_text(f"{text}{lines}\n")
    from nof.briefing import params, plan
    from nof.method.opening import open_publication

    with pytest.raises(InputError):
        found = params.load(home / "params.yaml")
        national = open_publication(found.data)
        settled = plan.settled(found, national)
        plan.trust_jobs(settled, national, settled.trusts)
        plan.national_jobs(settled, national)


# ---------------------------------------------------------------- parameters reach a notebook as values


VALUES = [
    'x"\nimport pathlib; pathlib.Path("owned").touch()\n#',
    "'''\nraise SystemExit\n'''",
    '"""',
    "\\",
    '\\"',
    "\\N{BULLET}",
    "{__import__('os').getcwd()}",
    "%cd /",
    "!touch owned",
    "$(touch owned)`touch owned`",
    "\u2028\u2029\x85 x",
    "é\x7f",
    "{{ 7 }}",
]


def test_a_parameter_stays_a_value_whatever_it_holds(tmp_path):
    home = tiny.place(tmp_path / "home")
    cell = "import json\njson.dumps([quarter, trust])"
    nbformat.write(tiny.notebook("Echo", ["quarter", "data", "trust"], cell), home / "notebooks" / "echo.ipynb")
    script = (
        "import json, sys\nfrom nof.briefing.make import Job, executed\n"
        "for value in json.load(open(sys.argv[1])):\n"
        "    done = executed(Job('echo', 'echo', {'quarter': value, 'data': value, 'trust': value}, {'title': 'x'}))\n"
        "    print(json.dumps(done.cells[-1].outputs[0]['data']['text/plain']))\n"
    )
    (home / "values.json").write_text(json.dumps(VALUES))
    done = subprocess.run(
        [sys.executable, "-c", script, home / "values.json"],
        env=tiny.environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    came = [json.loads(ast.literal_eval(json.loads(line))) for line in done.stdout.splitlines()]
    assert came == [[value, value] for value in VALUES]
    assert not list(tmp_path.rglob("owned"))


# ---------------------------------------------------------------- Typst, shells, YAML


OUTSIDE = "(?i)escape the project root|file not found .searched at .*nof-pdf-"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('#read("/../secret.txt")', OUTSIDE),
        ('#read("../secret.txt")', OUTSIDE),
        ('#read("{outside}")', OUTSIDE),
        ('#read("../../../../../../../..{outside}")', OUTSIDE),
        ('#include "../secret.typ"', OUTSIDE),
        ('#image("../secret.png")', OUTSIDE),
        (
            '#read("data.json")',
            "unknown variable",
        ),  # inside it is read; what is missing then is the rest of our template
    ],
)
def test_typst_reads_nothing_outside_its_folder(tmp_path, monkeypatch, source, said):
    """Even if a text became code, which it does not (see test_fuzz)."""
    (secret := tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pdf, "_template", lambda: source.replace("{outside}", str(secret)))
    with pytest.raises(pdf.TypstFailedError, match=said):
        pdf.render(blocks.Document(blocks.Meta("Confined")))


def called(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_shell_no_code_from_text_no_unsafe_reader(path):
    banned = {
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "eval",
        "exec",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.full_load",
        "marshal.loads",
        "shelve.open",
        "pickle.load",
        "pandas.read_pickle",
    }
    allowed = {"pickle.loads": {"common.py", "workers.py"}, "yaml.load": {"common.py"}}  # our own bytes; a SafeLoader
    for call in called(ast.parse(path.read_text(encoding="utf-8"))):
        name = ast.unparse(call.func)
        assert name not in banned, f"{path.name}:{call.lineno}"
        assert path.name in allowed.get(name, {path.name}), f"{path.name}:{call.lineno}: {name}"
        assert not [one for one in call.keywords if one.arg == "shell"], f"{path.name}:{call.lineno}"
        if name in ("subprocess.run", "subprocess.Popen") and call.args:
            assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), (
                f"{path.name}:{call.lineno}: a command as a text"
            )


def test_a_hook_and_settings_cannot_name_a_shell_line(tmp_path):
    (tmp_path / "s.yaml").write_text("raw: r\nreports: r\nhook: 'mail -s done x@y < $1'\n")
    with pytest.raises(InputError, match="hook"):
        load(tmp_path / "s.yaml")
