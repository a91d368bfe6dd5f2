"""Whatever comes in: our own error or a result, soon, in bounded memory. NOF_FUZZ=50 tries fifty times as much."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import builders
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nof import common
from nof.briefing import params
from nof.briefing.document import parse_markdown
from nof.briefing.markdown_typst import convert, literal
from nof.common import InputError, Quarter, read_json
from nof.method import reporting_dates
from nof.quarterly.settings import Settings, load
from nof.read import publication

MORE = max(1, int(os.environ.get("NOF_FUZZ", "1")))
MEGABYTES = 300  # more than any of these needs, by a factor of ten
SECONDS = 10  # of processor time, so that a busy machine does not matter


def tries(number: int):
    return settings(
        max_examples=number * MORE,
        deadline=None,
        database=None,
        derandomize=MORE == 1,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def bounded():
    """Neither long nor large."""
    began, before = time.process_time(), _peak()
    yield
    assert time.process_time() - began < SECONDS
    assert _peak() - before < MEGABYTES


def _peak() -> float:
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


@contextmanager
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# ---------------------------------------------------------------- a publication


CELLS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "nan",
            "inf",
            "-inf",
            "1e999",
            "1e400",
            "-0",
            "0x10",
            "1_0",
            "١",
            "1,5",
            "9" * 400,
            "Q5 2025/26",
            "Q2 2025/27",
            "=1+1",
            "OF0005",
            "OF9999",
            "\x00",
            "\ufeff",
            '"',
            "\r\n",
        ]
    ),
    st.floats(allow_nan=True).map(str),
)


@st.composite
def damaged(draw) -> bytes:
    """A valid metrics file with a few things wrong with it."""
    rows = builders.metric_rows()
    header = list(builders.METRIC_HEADER)
    for _ in range(draw(st.integers(0, 3))):
        rows[draw(st.integers(0, len(rows) - 1))][draw(st.sampled_from(builders.METRIC_HEADER))] = draw(CELLS)
    if draw(st.booleans()):
        header = draw(st.permutations(header))[: draw(st.integers(0, len(header)))]
    data = builders.table(rows, header, newline=draw(st.sampled_from(["\r\n", "\n", "\r"]))).encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])), "replace"
    )
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        data = data[:at] + draw(st.binary(max_size=20)) + data[at + draw(st.integers(0, 200)) :]
    return data


@tries(8)
@given(damaged())
def test_a_publication_is_read_or_refused(data):
    with folder() as place, bounded():
        (place / builders.metrics_name()).write_bytes(data)
        (place / builders.league_name()).write_text(builders.league_text(), encoding="utf-8-sig")
        with suppress(InputError):
            assert set(publication.read(place).metrics.columns) == set(publication.METRIC_FIELDS)


@tries(10)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(data):
    with folder() as place, bounded():
        (place / "a.csv").write_bytes(data)
        with suppress(InputError):
            publication.read(place)


@pytest.mark.parametrize(
    "data",
    [
        b'"' * 500_000,
        b"," * 500_000,
        b"\n" * 500_000,
        b"\x00" * 500_000,
        b"\xff\xfe" * 100_000,
        (",".join(builders.METRIC_HEADER) + "\n" + '"' + "x" * 1_000_000).encode(),
        (",".join(builders.METRIC_HEADER * 500) + "\n").encode(),
    ],
    ids=["quotes", "commas", "lines", "nulls", "utf-16", "open quote", "columns"],
)
def test_large_nonsense_ends_soon(data, tmp_path):
    (tmp_path / "a.csv").write_bytes(data)
    with bounded(), suppress(InputError):
        publication.read(tmp_path)


# ---------------------------------------------------------------- dates, quarters


STYLES = [
    "Q4 2025/26",
    "March 2026",
    "2025/26",
    "Apr 2025 to Mar 2026",
    "12 months to March 2026",
    "2024",
    "As at 31 March 2026",
    "Month 12",
    "YTD M12 2025/26",
    "Rolling 12 months to Dec 2025",
    "01/04/2025 - 31/03/2026",
]


@tries(300)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from([*STYLES, " ", "-", "/", "to", "31", "13", "00", "Feb", "29"]), max_size=6).map(
            " ".join
        ),
        st.none(),
        st.floats(),
        st.integers(),
    )
)
def test_a_reporting_date_is_read_or_unknown(text):
    period = reporting_dates.parse(text, "2025-26-q4")
    assert period is None or period.last_day is None or period.last_day.year < 10_000


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 20_000,
        "(" * 20_000,
        " " * 50_000,
        "Q4 " * 10_000,
        "9" * 50_000,
        "to " * 20_000,
        "-" * 50_000,
        "March 2026" + " " * 50_000 + "x",
        "12 months to " * 5_000,
    ],
)
def test_a_long_reporting_date_ends_soon(text):
    with bounded():
        reporting_dates.parse(text, "2025-26-q4")


@tries(200)
@given(st.one_of(st.text(max_size=30), st.from_regex(r"(20\d\d-\d\d-q\d|Q\d 20\d\d[/-]\d\d).?", fullmatch=True)))
def test_a_quarter_is_read_or_a_value_error(text):
    with suppress(ValueError):
        found = Quarter.parse(text)
        assert re.fullmatch(r"20\d\d-\d\d-q[1-4]", found.slug) and Quarter.parse(found.slug) == found


# ---------------------------------------------------------------- settings


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from([*params.Params.model_fields, *Settings.model_fields, "other"])
LINES = st.lists(
    st.sampled_from(
        [
            "quarter: 2025-26-q4",
            "data: x",
            "raw: x",
            "reports: y",
            "a: &a [1]",
            "b: *a",
            "<<: {a: 1}",
            "? [1]",
            ": 2",
            "!!python/name:os.system",
            "2025-13-45: 1",
            "d: 2025-13-45",
            "- 1",
            "{",
            "]",
            "\t",
            "'",
            '"',
            "--- ",
            "n: " + "9" * 5000,
            "x: !!binary ?",
            "s: !!set {a}",
            "t: 12:99:99",
            "m: !!omap [a]",
            "k: .inf",
        ]
    ),
    max_size=5,
).map("\n".join)


def read_both(text: str | bytes) -> None:
    """A params file and a settings file of this content."""
    with folder() as place, bounded():
        path = place / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        for reader in (params.load, load, common.mapping):
            with suppress(InputError):
                reader(path)


@tries(100)
@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_settings_of_any_shape_are_read_or_refused(given_):
    read_both(yaml.safe_dump(given_))


@tries(150)
@given(st.one_of(LINES, st.text(max_size=100), st.binary(max_size=60)))
def test_settings_of_any_text_are_read_or_refused(text):
    read_both(text)


@pytest.mark.parametrize(
    "text",
    [
        "d: 2025-13-45\n",
        "n: " + "9" * 5000,
        "[" * 5000,
        "a: " * 2000,
        "x: !!binary ?",
        "quarter: 2025-26-q4\ndata: x\ntrusts:\n- &b [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"- &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(1, 10)),
    ],
    ids=["date", "digits", "lists", "keys", "binary", "aliases"],
)
def test_settings_that_were_found_to_be_dangerous(text):
    read_both(text)


@tries(60)
@given(st.binary(max_size=200))
def test_what_we_wrote_ourselves_may_be_damaged(data):
    with folder() as place:
        (place / "x.json").write_bytes(data)
        assert isinstance(read_json(place / "x.json"), dict)


# ---------------------------------------------------------------- Markdown to Typst


PIECES = st.sampled_from(
    [
        "**",
        "*",
        "_",
        "`",
        "```",
        "#",
        "$",
        "\\",
        '"',
        "<",
        ">",
        "[",
        "](",
        ")",
        "!",
        "|",
        "---",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "    ",
        "&lt;",
        "{",
        "}",
        "@",
        "~",
        "//",
        "/*",
        "<b>",
        "https://x.y/",
        "\u0416\u0416",
        "\u200b",
        "\u2028",
        "\x00",
        '#read("/etc/passwd")',
        '#"',
        '\\"',
        "#eval(",
        "](",
    ]
)
# Cyrillic capitals, which no template of ours holds: whatever of them stands outside a text literal has become code.
MARKDOWN = st.lists(st.one_of(PIECES, st.text(alphabet='\u0416\u0429\u042d "\\#$*`', max_size=8)), max_size=25).map(
    "".join
)
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@tries(300)
@given(MARKDOWN)
def test_no_markdown_becomes_typst_code(text):
    with bounded():
        source = convert(parse_markdown(text))
    outside = _LITERAL.sub("", source)
    assert '"' not in outside and not re.search(r"[\u0400-\u04ff]|passwd|eval|read", outside), outside


@tries(200)
@given(st.text(max_size=60))
def test_a_literal_is_one_literal(text):
    assert _LITERAL.fullmatch(literal(text))


@tries(1)
@given(st.lists(MARKDOWN, min_size=30, max_size=30))
def test_what_comes_out_is_typst(texts):
    import typst

    body = "\n\n".join(convert(parse_markdown(one)) for one in texts)
    template = (Path(params.__file__).parent / "templates" / "briefing.typ").read_text(encoding="utf-8")
    names = set(re.findall(r"#(nof-[a-z]+)\(", body)) & set(re.findall(r"#let (nof-[a-z]+)\(", template))
    stubs = "".join(f"#let {name}(..a) = [{name}]\n" for name in sorted(names))
    with folder() as place:
        (place / "main.typ").write_text(stubs + body, encoding="utf-8")
        assert typst.compile(place / "main.typ", root=place, format="pdf").startswith(b"%PDF")


@pytest.mark.parametrize(
    "text",
    [
        "*" * 3000,
        "[" * 3000,
        "> " * 500,
        "`" * 3000,
        "![" * 1500,
        "<" * 5000,
        "- " * 500,
        "_a" * 2000,
        "|a" * 1000 + "\n" + "|-" * 1000,
        "\\" * 5000,
        "(" * 5000 + ")" * 5000,
    ],
)
def test_markdown_made_to_be_slow_ends_soon(text):
    with bounded():
        convert(parse_markdown(text))


# ---------------------------------------------------------------- where the bytes lead


@pytest.mark.parametrize("target", ["opening", "publication", "date", "parameters", "markdown"])
def test_coverage_guided_fuzzing_finds_nothing(target):
    """A few seconds of atheris where it is installed; `python tests/coverage_fuzz.py TARGET SECONDS` looks longer."""
    pytest.importorskip("atheris", reason="atheris is not there: see tests/coverage_fuzz.py")
    script = Path(__file__).parent / "coverage_fuzz.py"
    done = subprocess.run([sys.executable, script, target, str(3 * MORE)], capture_output=True, text=True)
    assert done.returncode == 0 and "Done " in done.stderr, done.stderr[-3000:]
