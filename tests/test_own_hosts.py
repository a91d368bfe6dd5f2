"""Downloads from a web server of the operator's own: only where it is named, and as it is named."""

from __future__ import annotations

import pytest
from test_fetch import FAST, START, world  # noqa: F401 - a fixture

from nof.common import InputError
from nof.quarterly import fetch, settings
from nof.quarterly.catalogue import Origin, Policy, SourceUnreachable


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mirror.example", ("https", "mirror.example", 443)),
        ("mirror.example:8443", ("https", "mirror.example", 8443)),
        ("http://127.0.0.1:8000", ("http", "127.0.0.1", 8000)),
        ("http://localhost", ("http", "localhost", 80)),
    ],
)
def test_a_host_of_ones_own_is_read(text, found):
    assert Origin.parse(text) == found


@pytest.mark.parametrize(
    "text",
    ["http://mirror.example", "ftp://127.0.0.1", "https://a@mirror.example", "https://mirror.example/x", "", "a:x"],
)
def test_what_is_no_host_of_ones_own_is_refused(text):
    with pytest.raises(ValueError, match="host|https|[Pp]ort"):
        Origin.parse(text)


def test_only_what_is_named_may_be_asked():
    policy = Policy(frozenset({"www.england.nhs.uk"}), origins=frozenset({Origin.parse("http://127.0.0.1:8000")}))
    assert policy.refusal("http://127.0.0.1:8000/x.csv") is None
    assert policy.refusal("https://www.england.nhs.uk/x.csv") is None
    for other in (
        "http://127.0.0.1:8001/x",
        "https://127.0.0.1:8000/x",
        "http://localhost:8000/x",
        "http://10.0.0.1:8000/x",
    ):
        assert policy.refusal(other), other
    assert Policy(frozenset()).refusal("http://127.0.0.1:8000/x.csv"), "this machine is asked only where it is named"


def test_settings_name_hosts_of_ones_own(tmp_path):
    path = tmp_path / "refresh.yaml"
    path.write_text("raw: r\nreports: o\nhosts: [mirror.example]\nstart: https://mirror.example/nof/\n")
    told = settings.load(path).sources()
    assert told["origins"] == {("https", "mirror.example", 443)}
    assert told["catalogue"].start == "https://mirror.example/nof/" and told["catalogue"].publications == {}
    path.write_text("raw: r\nreports: o\nhosts: [mirror.example]\n")
    assert set(settings.load(path).sources()) == {"origins"}, "NHS England's own page is still searched"
    path.write_text("raw: r\nreports: o\n")
    assert settings.load(path).sources() == {}
    for text, said in (
        ("start: https://mirror.example/\n", "name its host under hosts"),
        ("hosts: ['http://mirror.example']\n", "only https"),
    ):
        path.write_text(f"raw: r\nreports: o\n{text}")
        with pytest.raises(InputError, match=said):
            settings.load(path)


def test_a_quarter_is_fetched_from_a_server_that_is_named_and_only_then(world, tmp_path):  # noqa: F811
    world.site()
    path = tmp_path / "refresh.yaml"
    path.write_text(f"raw: r\nreports: o\nhosts: ['{world.server.url('')}']\nstart: {world.server.url(START)}\n")
    told = settings.load(path).sources()
    how = {"limits": FAST, "clock": world.time.clock()}
    found = fetch.fetch_latest(world.into, **told, **how)
    assert found.quarter == "2025-26-q4" and len(list(found.folder.glob("*.csv"))) == 6
    with pytest.raises(SourceUnreachable, match="only https"):
        fetch.fetch_latest(tmp_path / "other", catalogue=told["catalogue"], **how)
