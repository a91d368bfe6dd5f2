"""Fetching, against a real server on loopback that misbehaves. Nothing here reaches any other host."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import builders
import pytest
from bad_server import (
    BadServer,
    body,
    bomb,
    cached,
    cut,
    drip,
    endless,
    gzipped,
    redirect,
    serving,
    silence,
    status,
    wrong_length,
)

from nof import common as paths
from nof.common import InputError, NofError, Problem
from nof.quarterly import download, fetch, keeping
from nof.quarterly.catalogue import (
    Allowance,
    Catalogue,
    Clock,
    Limits,
    Policy,
    SourceMissing,
    SourceUnreachable,
    load_catalogue,
)
from nof.quarterly.download import get
from nof.quarterly.keeping import Fetched

START = "/nhs-oversight-framework/segmentation-and-league-tables/"
LONG_READ = "/long-read/nhs-oversight-framework-csv-metadata-file/"
UPLOADS = "/wp-content/uploads/2026/06"
TYPES = {
    "acute": "Acute trust",
    "mental-health-and-community": "Mental health and community trust",
    "ambulance": "Ambulance trust",
}
METRICS = (
    "Quarter,Region,Trust_type,Trust_subtype,Trust_code,Trust_name,Domain,Sub-domain,Metric_ID,"
    "Metric_description,Reporting_date,Units,Value,Median_value,Lower_quartile,Upper_quartile,Rank\r\n"
)
LEAGUE = (
    "Quarter,Region,Trust_type,Trust_subtype,Trust_code,Trust_name,Average_score,"
    "Likely_range_of_average_score,Segment,Trust_in_financial_deficit,Rank,Likely_range_of_rank\r\n"
)
FAST = Limits(connect=1, read=1, total=5, attempts=3, file_bytes=1_000_000, page_bytes=100_000)


def text(trust_type: str, kind: str, quarter: str = "Q4 2025/26", score: str = "2.1") -> str:
    """One made-up trust in NHS England's layout."""
    who = f"{quarter},Middle England,{TYPES[trust_type]},Large,ZZ{list(TYPES).index(trust_type)},Made-up NHS Trust"
    if kind == "data":
        return (
            "\ufeff"
            + METRICS
            + f"{who},All,All,OF5002,Average metric score,{quarter},Score,{score},2.1,2.1,2.1,1.0\r\n"
        )
    return "\ufeff" + LEAGUE + f"{who},{score},1.9 to 2.3,2.0,No,1.0,1 to 1\r\n"


def name(trust_type: str, kind: str, ending: str = "-q4-25-26") -> str:
    return f"nhs-oversight-framework-{trust_type}-trust-{kind}{ending}.csv"


@dataclass
class FakeClock:
    """Time stands still except while somebody sleeps."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 6, 18, 9, 0, tzinfo=dt.UTC) + dt.timedelta(seconds=self.seconds)

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.seconds, now=self.now, sleep=self.sleep)


@dataclass
class World:
    """A site, a data folder and a way to fetch from the one to the other."""

    server: BadServer
    into: Path
    time: FakeClock = field(default_factory=FakeClock)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def options(self, **more) -> dict:
        catalogue = Catalogue(frozenset(), self.server.url(START))
        return {"catalogue": catalogue, "limits": FAST, "clock": self.time.clock(), "allowance": self.allowance} | more

    @property
    def allowance(self) -> Allowance:
        return Allowance("127.0.0.1", self.server.server_port)

    def put(self, trust_type: str, kind: str, *answers, ending: str = "-q4-25-26", **row) -> str:
        path = f"{UPLOADS}/{name(trust_type, kind, ending)}"
        self.paths[trust_type, kind] = path
        self.server.on(path, *(answers or (cached(text(trust_type, kind, **row)),)))
        return path

    def site(self, ending: str = "-q4-25-26", **row) -> None:
        """A start page that links to a page that links to the six files."""
        files = [self.put(t, kind, ending=ending, **row) for t in TYPES for kind in ("data", "league-table")]
        self.pages(files)

    def pages(self, files: list[str], extra: str = "") -> None:
        self.server.on(START, cached(f'<p>Tables<a class=x href="{LONG_READ}">metadata</a><a href=/about/>us</a>'))
        links = "".join(f'<li><a href="{path}">{path}</a>' for path in files)
        self.server.on(LONG_READ, cached(f"<html><ul>{links}{extra}</ul>"))

    def quarter(self, quarter: str = "2025-26-q4", **more) -> Fetched:
        return fetch.fetch_quarter(quarter, self.into, **self.options(**more))

    def latest(self, **more) -> Fetched:
        return fetch.fetch_latest(self.into, **self.options(**more))

    def get(self, path_or_url: str, sink: BytesIO | None = None, limits: Limits = FAST, clock: Clock | None = None):
        url = self.server.url(path_or_url) if path_or_url.startswith("/") else path_or_url
        policy = Policy(frozenset({"www.england.nhs.uk"}), self.allowance)
        return get(url, sink or BytesIO(), policy=policy, limits=limits, clock=clock or self.time.clock())

    def snapshot(self) -> dict[str, str]:
        """Every file under the data folder, hidden and temporary ones too, with its hash."""
        found = sorted(p for p in self.into.rglob("*") if p.is_file())
        return {str(p.relative_to(self.into)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture
def world(tmp_path):
    with serving() as server:
        yield World(server, tmp_path / "raw")


@pytest.fixture
def refused(world):
    """Check that a fetch fails for the reason given and leaves every byte on disk as it was."""

    def check(error, match, **more):
        before = world.snapshot()
        with pytest.raises(error, match=match):
            world.quarter(**more)
        assert world.snapshot() == before
        assert not list(world.into.glob(".fetch-*"))

    return check


# ---------------------------------------------------------------- one file


def test_the_whole_body_arrives_with_its_hash_and_headers(world):
    sink = BytesIO()
    world.server.on("/a.csv", cached("a,b\r\n1,2\r\n"))
    got = world.get("/a.csv", sink)
    assert sink.getvalue() == b"a,b\r\n1,2\r\n"
    assert (got.status, got.size, got.sha256) == (200, 10, hashlib.sha256(sink.getvalue()).hexdigest())
    assert got.headers["etag"] and "set-cookie" not in got.headers
    assert "league tables" in world.server.requests[0][1]["User-Agent"]


def test_a_missing_file_is_told_from_a_failing_server_and_not_asked_for_again(world):
    with pytest.raises(SourceMissing, match="answered 404"):
        world.get("/gone.csv")
    assert world.server.asked("/gone.csv") == 1 and not world.time.slept


def test_500_then_200_succeeds_after_backing_off(world):
    world.server.on("/a.csv", status(500), status(503), body("a"))
    assert world.get("/a.csv").size == 1
    assert len(world.time.slept) == 2 and 1 <= world.time.slept[0] < world.time.slept[1]


def test_500_for_ever_is_given_up_with_the_count(world):
    world.server.on("/a.csv", status(500))
    with pytest.raises(SourceUnreachable, match="500.*gave up after 3 of 3"):
        world.get("/a.csv", limits=Limits(attempts=3, total=1000))
    assert world.server.asked("/a.csv") == 3


def test_403_is_not_tried_again(world):
    world.server.on("/a.csv", status(403))
    with pytest.raises(SourceUnreachable, match="403"):
        world.get("/a.csv")
    assert world.server.asked("/a.csv") == 1


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("Thu, 18 Jun 2026 09:00:04 GMT", 4.0), ("0", 0.0)])
def test_429_waits_as_long_as_retry_after_asks(world, header, seconds):
    world.server.on("/a.csv", status(429, Retry_After=header), body("a"))
    assert world.get("/a.csv").size == 1
    assert world.time.slept == [seconds]


@pytest.mark.parametrize("header", ["soon", "-5", "", "²"])
def test_a_senseless_retry_after_falls_back_to_our_own_wait(world, header):
    # http.server writes headers as Latin-1, which has the superscript two.
    world.server.on("/a.csv", status(429, Retry_After=header), body("a"))
    assert world.get("/a.csv").size == 1
    assert 1 <= world.time.slept[0] <= 3


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(world):
    world.server.on("/a.csv", status(429, Retry_After="86400"), body("a"))
    with pytest.raises(SourceUnreachable, match="asks to wait 86400 s; gave up after 1"):
        world.get("/a.csv")
    assert world.time.slept == []


@pytest.mark.parametrize("headers_too", [False, True])
def test_a_slow_drip_ends_at_the_deadline(world, headers_too):
    world.server.on("/a.csv", drip(headers_too=headers_too))
    began = time.monotonic()
    with pytest.raises(SourceUnreachable, match="longer than the 0.4 s allowed"):
        world.get("/a.csv", limits=Limits(total=0.4), clock=Clock())
    assert time.monotonic() - began < 20  # and not the minute that the drip would take


def test_silence_ends_at_the_read_limit_and_is_tried_again(world):
    world.server.on("/a.csv", silence(2), body("a"))
    assert world.get("/a.csv", limits=Limits(read=0.2, total=10)).size == 1
    assert world.server.asked("/a.csv") == 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_connection_is_tried_again_and_nothing_of_the_first_half_stays(world, reset):
    sink = BytesIO()
    world.server.on("/a.csv", cut("abcdef" * 50_000, keep=200_000, reset=reset), body("xyz"))
    world.get("/a.csv", sink)
    assert sink.getvalue() == b"xyz"


@pytest.mark.parametrize(
    "answer", [cut("abcdef" * 1000, keep=3000), wrong_length("abcdef", by=5), gzipped("abcdef" * 99, cut=9)]
)
def test_half_a_file_is_refused_with_the_reason(world, answer):
    world.server.on("/a.csv", answer)
    with pytest.raises(SourceUnreachable, match="only part of the file came"):
        world.get("/a.csv")


def test_an_endless_body_stops_at_the_size_limit(world):
    world.server.on("/a.csv", endless())
    with pytest.raises(SourceUnreachable, match="more than the limit of 1,000,000 bytes"):
        world.get("/a.csv")


def test_a_gzip_body_is_unpacked_and_a_damaged_one_refused(world):
    sink = BytesIO()
    world.server.on("/a.csv", gzipped("abc" * 100_000))
    assert world.get("/a.csv", sink).size == 300_000 and sink.getvalue() == b"abc" * 100_000
    world.server.on("/b.csv", body(b"\x1f\x8b\x08 not gzip at all", Content_Encoding="gzip"))
    with pytest.raises(SourceUnreachable, match="compression is damaged"):
        world.get("/b.csv")
    world.server.on("/c.csv", body(b"x", Content_Encoding="br"))
    with pytest.raises(SourceUnreachable, match="'br', which was not asked for"):
        world.get("/c.csv")


def test_a_gzip_bomb_is_stopped_before_it_fills_the_memory(world, tmp_path):
    world.server.on("/a.csv", bomb(megabytes=200))
    tracemalloc.start()
    try:
        with (tmp_path / "sink").open("w+b") as sink, pytest.raises(SourceUnreachable, match="more than the limit"):
            world.get("/a.csv", sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # the bomb holds 200 MB; http.server's copy of the packed 200 kB counts too


def test_a_redirect_on_the_same_host_is_followed(world):
    world.server.on("/a.csv", redirect("/b.csv", 301))
    world.server.on("/b.csv", redirect(world.server.url("/c.csv"), 307))
    world.server.on("/c.csv", body("abc"))
    got = world.get("/a.csv")
    assert got.size == 3 and got.final_address == world.server.url("/c.csv")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("https://www.england.nhs.uk.example.com/a.csv", "host www.england.nhs.uk.example.com is not one of"),
        ("https://www.england.nhs.uk@example.com/a.csv", "user name"),
        ("https://www.england.nhs.uk:8443/a.csv", "not one of"),
        ("http://www.england.nhs.uk/a.csv", "only https is used, not http"),
        ("//example.com/a.csv", "only https|not one of"),
        ("file:///etc/passwd", "only https is used, not file"),
        ("ftp://www.england.nhs.uk/a.csv", "only https is used, not ftp"),
        ("https://169.254.169.254/latest/meta-data", "not one of"),
        ("https://127.0.0.1/a.csv", "not one of"),
        ("http://127.0.0.1:1/a.csv", "only https"),
        ("https://[::1]/a.csv", "not one of"),
        ("https://[::1/a.csv", "something that is no address"),
        ("https://exa\u0000mple/", "not proper HTTP"),
    ],
)
def test_a_redirect_elsewhere_is_refused(world, target, reason):
    world.server.on("/a.csv", redirect(target))
    with pytest.raises(SourceUnreachable, match=reason):
        world.get("/a.csv")
    assert world.server.asked("/a.csv") == 1 or "\0" in target


def test_another_loopback_server_is_never_asked(world):
    with serving() as other:
        world.server.on("/a.csv", redirect(other.on("/a.csv", body("secret"))))
        with pytest.raises(SourceUnreachable, match="only https"):
            world.get("/a.csv")
        assert other.requests == []


def test_redirects_in_a_circle_or_without_end_are_refused(world):
    world.server.on("/a.csv", redirect("/b.csv"))
    world.server.on("/b.csv", redirect("/a.csv"))
    with pytest.raises(SourceUnreachable, match="round in a circle"):
        world.get("/a.csv")
    for step in range(20):
        world.server.on(f"/{step}", redirect(f"/{step + 1}"))
    with pytest.raises(SourceUnreachable, match="more than 5 redirects"):
        world.get("/0")
    assert world.server.asked("/6") == 0


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "192.168.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "0.0.0.0",
    "224.0.0.1",
]


@pytest.mark.parametrize("number", PRIVATE)
def test_a_named_host_that_leads_to_a_private_address_is_refused(monkeypatch, number):
    # Only the answer of the name service is replaced: it is the one thing an attacker controls here.
    family = socket.AF_INET6 if ":" in number else socket.AF_INET
    monkeypatch.setattr(
        download.socket, "getaddrinfo", lambda *a, **k: [(family, socket.SOCK_STREAM, 6, "", (number, 443))]
    )
    policy = Policy(frozenset({"www.england.nhs.uk"}))
    with pytest.raises(SourceUnreachable, match="leads to a private address"):
        get("https://www.england.nhs.uk/a.csv", BytesIO(), policy=policy, clock=FakeClock().clock())


def test_an_allowance_is_for_loopback_only():
    with pytest.raises(ValueError, match="loopback"):
        Allowance("10.0.0.1", 80)


def test_without_an_allowance_loopback_is_refused(world):
    world.server.on("/a.csv", body("a"))
    with pytest.raises(SourceUnreachable, match="only https"):
        get(world.server.url("/a.csv"), BytesIO(), policy=Policy(frozenset({"127.0.0.1"})), limits=FAST)
    assert world.server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate with")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2"
    command += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with serving(context) as server:
        address, time_ = server.on("/a.csv", body("a")), FakeClock()
        policy = Policy(frozenset(), Allowance("127.0.0.1", server.server_port))
        with pytest.raises(SourceUnreachable, match="certificate could not be verified"):
            get(address, BytesIO(), policy=policy, limits=FAST, clock=time_.clock())
        assert server.requests == [] and time_.slept == []


def test_a_host_that_does_not_answer_is_unreachable(world):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    policy = Policy(frozenset(), Allowance("127.0.0.1", port))
    with pytest.raises(SourceUnreachable, match="connection failed.*gave up after 3"):
        get(f"http://127.0.0.1:{port}/", BytesIO(), policy=policy, limits=Limits(attempts=3), clock=world.time.clock())


def test_a_proxy_of_the_environment_is_used_and_resolves_the_name_itself(world, monkeypatch):
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, world.server.url(""))
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SourceUnreachable, match="403"):
        world.get("https://www.england.nhs.uk/a.csv")
    assert world.server.requests[0][0] == "www.england.nhs.uk:443"


# ---------------------------------------------------------------- a quarter


def test_discovery_finds_the_six_files_and_keeps_them_with_their_sources(world):
    world.site()
    fetched = world.quarter()
    assert fetched.folder == world.into / "2025-26-q4" and fetched.new and len(fetched.changed) == 6
    record = json.loads((fetched.folder / "sources.json").read_text())
    assert len(record["files"]) == 6 and record["version"] == fetched.version
    for file in record["files"]:
        data = (fetched.folder / file["name"]).read_bytes()
        assert (file["size"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert file["address"].startswith(world.server.url(UPLOADS)) and file["headers"]["etag"]
        assert file["fetched"].startswith("2026-06-18T09:00")
    assert world.server.asked("/about/") == 0  # a page about something else is not read
    assert not list(world.into.glob(".fetch-*"))


def test_the_newest_version_is_taken(world):
    world.site()
    new = world.put("acute", "data", ending="-q4-25-26-v2", score="2.2")
    old = f"{UPLOADS}/{name('acute', 'data')}"
    world.pages([old, *world.paths.values()])
    fetched = world.quarter()
    assert name("acute", "data", "-q4-25-26-v2") in fetched.changed and name("acute", "data") not in fetched.changed
    assert world.server.asked(new) == 1 and world.server.asked(old) == 0


def test_an_older_version_stands_in_for_a_newer_one_that_is_not_there(world):
    world.site()
    gone = f"{UPLOADS}/{name('acute', 'data', '-q4-25-26-v2')}"
    world.pages([gone, *world.paths.values()])
    fetched = world.quarter()
    assert name("acute", "data") in fetched.changed
    assert any("older one is taken" in warning for warning in fetched.warnings)


def test_a_second_fetch_asks_once_a_file_and_changes_nothing(world):
    world.site()
    world.latest()
    before = world.snapshot()
    world.server.requests.clear()
    world.time.seconds += 86400
    again = world.latest()
    assert not again.new and len(again.unchanged) == 6 and again.previous is None
    assert len(world.server.requests) == 8  # two pages, six files
    assert all("If-None-Match" in headers for _, headers in world.server.requests)
    assert world.snapshot() == before


def test_last_modified_serves_where_there_is_no_etag(world):
    world.site()
    path = world.put("acute", "data", cached(text("acute", "data"), validator="last-modified"))
    world.quarter()
    world.server.requests.clear()
    assert not world.quarter().new
    assert [h.get("If-Modified-Since") for p, h in world.server.requests if p == path] == [
        "Thu, 18 Jun 2026 08:30:00 GMT"
    ]


def test_a_new_etag_on_the_same_bytes_is_remembered_and_nothing_else_changes(world):
    world.site()
    path = world.put("acute", "data", body(text("acute", "data"), ETag='"old"'))
    world.quarter()
    world.put("acute", "data")
    assert not world.quarter().new
    world.server.requests.clear()
    assert not world.quarter().new
    assert [h["If-None-Match"] for p, h in world.server.requests if p == path] != ['"old"']
    assert len(list((world.into / "2025-26-q4" / ".versions").iterdir())) == 1


def test_a_held_file_that_was_damaged_is_fetched_again(world):
    world.site()
    folder = world.quarter().folder
    damaged = folder / name("acute", "data")
    damaged.unlink()
    damaged.write_text("damaged")
    assert world.quarter().changed == (damaged.name,)
    assert damaged.read_bytes() == text("acute", "data").encode()


def test_a_reissue_is_noticed_and_both_versions_are_kept(world):
    world.site()
    first = world.latest()
    originals = {p.name: p.read_bytes() for p in first.folder.glob("*.csv")}
    world.put("acute", "data", ending="-q4-25-26-v2", score="2.2")
    world.pages(list(world.paths.values()))
    second = world.latest()
    assert second.changed == (name("acute", "data", "-q4-25-26-v2"),)
    assert second.previous == first.folder / ".versions" / first.version
    assert {p.name: p.read_bytes() for p in second.previous.glob("*.csv")} == originals
    record = json.loads((second.folder / "sources.json").read_text())
    assert {p.name for p in second.folder.glob("*.csv")} == {file["name"] for file in record["files"]}
    assert len(list((first.folder / ".versions").iterdir())) == 2


def test_a_file_changed_under_its_old_name_is_kept_twice(world):
    world.site()
    first = world.quarter()
    world.put("ambulance", "league-table", score="2.2")
    second = world.quarter()
    assert second.changed == (name("ambulance", "league-table"),)
    old, new = second.previous / second.changed[0], second.folder / second.changed[0]
    assert ",2.1," in old.read_text(encoding="utf-8") and ",2.2," in new.read_text(encoding="utf-8")
    world.put("ambulance", "league-table")  # and back again: the same set as at first
    assert world.quarter().version == first.version
    assert len(list((first.folder / ".versions").iterdir())) == 2


def test_files_that_somebody_put_in_the_folder_are_kept_too(world):
    world.site()
    folder = world.into / "2025-26-q4"
    folder.mkdir(parents=True)
    (folder / "mine.csv").write_text("a,b\n1,2\n")
    fetched = world.quarter()
    assert (fetched.previous / "mine.csv").read_text() == "a,b\n1,2\n"
    assert not (folder / "mine.csv").exists()


READ: dict[tuple, fetch.Contents] = {}


def read_once(folder: Path) -> fetch.Contents:
    """What a folder holds, read once for all the steps: what is killed there comes after the reading."""
    files = tuple((path.name, path.read_bytes()) for path in sorted(folder.glob("*.csv")))
    if files not in READ:
        READ[files] = fetch.contents(folder)
    return READ[files]


@pytest.mark.parametrize("step", range(1, 16))
def test_killed_at_any_step_of_settling_and_run_again_it_ends_the_same(world, tmp_path, monkeypatch, step):
    world.site()
    world.quarter(check=read_once)
    world.put("acute", "data", ending="-q4-25-26-v2", score="2.2")
    world.put("acute", "league-table", score="2.2")
    world.pages(list(world.paths.values()))
    calls = 0

    def dying(real):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == step:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return call

    shutil.copytree(world.into, tmp_path / "undisturbed")
    with monkeypatch.context() as patch:
        for what in ("replace", "link"):
            patch.setattr(keeping.os, what, dying(getattr(keeping.os, what)))
        try:
            world.quarter(check=read_once)
        except KeyboardInterrupt:
            pass
        else:
            assert step > 10, "fewer steps than this test takes itself to go through"
    world.quarter(check=read_once)
    disturbed = world.into
    world.into = tmp_path / "undisturbed"
    world.quarter(check=read_once)
    expected = world.snapshot()
    world.into = disturbed
    assert world.snapshot() == expected


KILLED = """
import sys, time
from pathlib import Path
from nof.quarterly.keeping import staging_folder
with staging_folder(Path(sys.argv[1])) as folder:
    (folder / "half.csv").write_text("Quarter,Region")
    print("at work", flush=True)
    time.sleep(60)
"""


def test_a_killed_download_is_cleared_by_the_next_and_a_living_one_is_not(world):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(world.into)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "at work\n"
    world.site()
    world.quarter()
    assert [one.name for one in world.into.glob(".fetch-*/set/*")] == ["half.csv"], "its process lives"
    process.kill()
    process.wait(30)
    world.quarter()
    assert not list(world.into.glob(".fetch-*"))


def test_a_working_folder_that_was_never_locked_goes_after_a_day(world):
    new, old = (world.into / f".fetch-{name}" for name in ("new", "old"))
    for folder in (new, old):
        folder.mkdir(parents=True)
    for folder, hours in ((new, 1), (old, 25)):  # both said: the disk's clock need not be that of `make ahead`
        os.utime(folder, (0, time.time() - hours * 3600))
    world.site()
    world.quarter()
    assert new.exists() and not old.exists()


def test_known_addresses_come_first_and_pages_only_if_one_is_missing(world):
    world.site()
    catalogue = Catalogue(frozenset(), world.server.url(START))
    known = tuple(catalogue.source(world.server.url(path), "seen") for path in world.paths.values())
    catalogue = Catalogue(frozenset(), world.server.url(START), publications={"2025-26-q4": known})
    assert len(world.quarter(catalogue=catalogue).changed) == 6
    assert world.server.asked(START) == 0
    moved = world.put("acute", "data", ending="-q4-25-26-v2")
    world.server.on(f"{UPLOADS}/{name('acute', 'data')}", status(404))
    world.pages(list(world.paths.values()))
    fetched = world.quarter(catalogue=catalogue)
    assert world.server.asked(START) == 1 and world.server.asked(moved) == 1
    assert any("not at its known address" in warning for warning in fetched.warnings)


def test_names_without_a_quarter_are_told_by_what_is_in_them(world):
    world.site(ending="")
    assert len(world.quarter().changed) == 6


def test_names_without_a_quarter_are_refused_when_they_hold_another(world, refused):
    world.site(ending="", quarter="Q3 2025/26")
    refused(InputError, "wrong quarter.*2025-26-q3.*expected 2025-26-q4")


def test_latest_is_the_newest_quarter_that_is_linked(world):
    world.site("-q3-25-26", quarter="Q3 2025/26")
    older = list(world.paths.values())
    world.site()
    world.pages(older + list(world.paths.values()))
    assert world.latest().quarter == "2025-26-q4"
    assert not any(world.server.asked(path) for path in older)


def test_latest_says_when_a_file_does_not_name_its_quarter(world):
    world.site()
    unnamed = f"{UPLOADS}/{name('acute', 'data', '')}"
    world.pages([*world.paths.values(), unnamed])
    fetched = world.latest()
    assert fetched.quarter == "2025-26-q4" and world.server.asked(unnamed) == 0
    assert any("does not name its quarter" in warning for warning in fetched.warnings)


def test_a_quarter_of_which_files_are_still_missing_is_not_taken(world, refused):
    world.site()
    world.pages([path for path in world.paths.values() if "ambulance" not in path])
    refused(SourceUnreachable, "Q4 2025/26 is not complete there: no ambulance metrics, no ambulance league")


def test_a_fourth_type_is_taken_as_well(world):
    world.site()
    extra = f"{UPLOADS}/nhs-oversight-framework-integrated-care-board-data-q4-25-26.csv"
    source = Catalogue(frozenset(), "").source(world.server.url(extra), "linked")
    assert source.slot == ("integrated-care-board", "metrics")
    world.server.on(
        extra, body(text("acute", "data").replace("Acute trust", "Integrated care board").replace("ZZ0", "ZZ9"))
    )
    world.pages([*world.paths.values(), extra])
    assert extra.rpartition("/")[2] in world.quarter().changed


BAD_LINKS = [
    "file:///etc/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "https://10.0.0.1/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "http://169.254.169.254/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "https://example.com/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "//example.com/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "/uploads/../../nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "/uploads/..%2f..%2fnhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "/uploads/%252e%252e%252fnhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    r"/uploads/..\..\nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "/uploads/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv%00.exe",
    "/uploads/nhs-oversight-framework-acute-trust-data-q4-25-27-v9.csv",
    "/uploads/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv/",
    "javascript:alert(1)//nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
    "https://[::1/nhs-oversight-framework-acute-trust-data-q4-25-26-v9.csv",
]


@pytest.mark.parametrize("link", BAD_LINKS)
def test_links_that_lead_elsewhere_are_left_alone(world, link):
    world.site()
    world.pages(list(world.paths.values()), f'<a href="{link}">newer</a>')
    fetched = world.quarter()
    assert set(fetched.changed) == {name(*key) for key in world.paths}
    outside = [p for p in world.into.parent.rglob("*.csv") if world.into not in p.parents]
    assert outside == [] and not any("v9" in path for path, _ in world.server.requests)


def test_a_page_that_fails_is_named_and_the_rest_is_used(world):
    world.site()
    world.server.on(START, body(f'<a href="{LONG_READ}">a</a><a href="/long-read/nhs-oversight-framework-gone/">b</a>'))
    fetched = world.quarter()
    assert len(fetched.changed) == 6 and any("oversight-framework-gone" in warning for warning in fetched.warnings)


def test_a_start_page_that_fails_is_unreachable(world, refused):
    world.server.on(START, status(503))
    refused(SourceUnreachable, "503")


# ---------------------------------------------------------------- refusals that leave the disk alone


FAULTS = {
    "gone": (status(404), SourceMissing, "404"),
    "failing": (status(500), SourceUnreachable, "500"),
    "cut": (cut(text("acute", "data"), keep=200), SourceUnreachable, "only part of the file"),
    "too long a length": (wrong_length(text("acute", "data"), 9), SourceUnreachable, "only part of the file"),
    "too short a length": (wrong_length(text("acute", "data"), -30), InputError, "trust-data-q4-25-26.csv, row 2"),
    "endless": (endless(), SourceUnreachable, "more than the limit"),
    "bomb": (bomb(5), SourceUnreachable, "more than the limit"),
    "elsewhere": (redirect("https://example.com/"), SourceUnreachable, "example.com is not one of"),
    "circle": (redirect("?"), SourceUnreachable, "circle|redirects|404"),
    "web page": (
        body("\ufeff <!DOCTYPE html><title>Sorry</title>", Content_Type="text/csv"),
        InputError,
        "acute.*a web page",
    ),
    "empty": (body(""), InputError, "acute-trust-data-q4-25-26.csv: an empty file"),
    "only a BOM": (body("\ufeff\r\n"), InputError, "an empty file"),
    "not NHS England's": (body("a,b\r\n1,2\r\n"), InputError, "acute-trust-data-q4-25-26.csv"),
    "wrong quarter": (
        body(text("acute", "data", "Q3 2025/26")),
        InputError,
        "of another quarter than the metrics file.*Q3 2025/26",
    ),
    "other type": (body(text("ambulance", "data")), InputError, "ambulance"),
    "other kind": (body(text("acute", "league-table")), InputError, "another kind|same trust type"),
    "binary": (body(bytes(range(256))), InputError, "acute-trust-data"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("held", [False, True], ids=["nothing held", "an earlier set held"])
def test_a_fault_in_one_file_leaves_the_disk_as_it_was(world, refused, fault, held):
    answer, error, match = FAULTS[fault]
    world.site()
    if held:
        world.quarter()
        world.put("ambulance", "league-table", score="2.2")  # another file has changed in earnest
    world.put("acute", "data", answer)
    refused(error, match)
    assert (world.into / "2025-26-q4").exists() == held


def test_what_check_refuses_is_not_kept(world, refused):
    def check(folder):
        raise InputError(Problem("a.csv", "not to my taste"))

    world.site()
    refused(InputError, "not to my taste", check=check)


def test_a_folder_that_cannot_be_written_is_our_own_error(world):
    world.into.write_text("a file where the folder should be")
    world.site()
    with pytest.raises(NofError, match="cannot be read or written"):
        world.quarter()


def test_a_quarter_that_is_none_is_refused_before_anything_is_asked(world):
    for text_ in ("../../etc", "2025-26-q5", "2025-27-q1", ""):
        with pytest.raises(InputError, match="not a quarter"):
            world.quarter(text_)
    assert world.server.requests == [] and not world.into.exists()


# ---------------------------------------------------------------- files downloaded by hand


@pytest.fixture
def hand(tmp_path):
    folder = tmp_path / "Downloads"
    folder.mkdir()
    for kind in ("data", "league-table"):
        (folder / name("acute", kind)).write_text(text("acute", kind), encoding="utf-8")
    return folder


def test_files_by_hand_are_checked_and_kept(world, hand):
    (hand / "shopping.csv").write_text("milk,eggs\n1,2\n")
    fetched = fetch.take_from(hand, "Q4 2025/26", world.into)
    assert fetched.changed == (name("acute", "data"), name("acute", "league-table"))
    assert {p.name for p in fetched.folder.glob("*.csv")} == set(fetched.changed)
    assert not fetch.take_from(hand, "2025-26-q4", world.into).new
    assert fetch.take_from(hand, None, world.into).quarter == "2025-26-q4"


def test_files_by_hand_join_those_held(world, hand):
    world.site()
    first = world.quarter()
    (hand / name("acute", "data")).write_text(text("acute", "data", score="2.3"), encoding="utf-8")
    second = fetch.take_from(hand, "2025-26-q4", world.into)
    assert second.changed == (name("acute", "data"),) and len(second.unchanged) == 5
    assert (first.folder / ".versions" / first.version / name("acute", "data")).read_bytes() == text(
        "acute", "data"
    ).encode()


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda f: (f / "a;rm -rf.csv").write_text("x"), "a name that is refused"),
        (lambda f: (f / "dir.csv").mkdir(), "not a file"),
        (lambda f: (f / "big.csv").write_bytes(bytes(1_000_001)), "too large"),
        (lambda f: (f / name("acute", "data")).write_text("<html>"), "a web page"),
        (lambda f: (f / "ILLUSTRATIVE").touch(), "made-up data"),
        (lambda f: [p.unlink() for p in f.iterdir()], "no CSV file"),
        (lambda f: f.rename(f.with_name("gone")), "no CSV file"),
        (
            lambda f: (f / name("acute", "data")).write_text(text("acute", "data", "Q3 2025/26"), encoding="utf-8"),
            "of another quarter than the metrics file",
        ),
    ],
)
def test_bad_files_by_hand_are_refused(world, hand, spoil, match):
    fetch.take_from(hand, "2025-26-q4", world.into)
    before = world.snapshot()
    spoil(hand)
    with pytest.raises(InputError, match=match):
        fetch.take_from(hand, "2025-26-q4", world.into, limits=FAST)
    assert world.snapshot() == before


def test_real_files_by_hand(world, real):
    fetched = fetch.take_from(real, "2025-26-q4", world.into)
    assert len(fetched.changed) == 2 and all("mental-health-and-community" in file for file in fetched.changed)


# ---------------------------------------------------------------- params/publications.yaml


def test_the_catalogue_of_the_project_is_valid_and_says_what_is_unverified():
    catalogue = load_catalogue()
    assert catalogue.hosts == {"www.england.nhs.uk"}
    assert not catalogue.missing(source.slot for source in catalogue.publications["2025-26-q1"])
    assert {source.status for source in catalogue.publications["2025-26-q3"]} == {"seen", "unverified"}
    assert "2025-26-q4" not in catalogue.publications  # no address of it was ever seen


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("hosts:", "hots:"), "unknown key.*hots|column hots"),
        (("  - www.england.nhs.uk", "  - 127.0.0.1"), "column hosts"),
        (("  - www.england.nhs.uk", "  - localhost"), "column hosts"),
        (("start: https", "start: http"), "only https"),
        (("status: seen", "status: sure"), "status"),
        (("https://www.england.nhs.uk/wp", "https://example.com/wp"), "not one of"),
        (("-q3-25-26-v2.csv", "-q2-25-26-v2.csv"), "another quarter"),
        (("acute-trust-data.csv", "acute-trust.csv"), "not of NHS England's form"),
        (("  2025-26-q1:", "  2025-27-q1:"), "not a quarter"),
        (("names_without_year: 2025/26", "names_without_year: 2025"), "names_without_year"),
        (("hosts:", "hosts: !!python/object/apply:os.system [true]\nx:"), "is not YAML"),
        (("hosts:", "x: &a [1]\ny: *a\nhosts:"), "aliases"),
    ],
)
def test_mistakes_in_the_catalogue_are_named(tmp_path, change, match):
    original = Path(paths.share("params", "publications.yaml")).read_text(encoding="utf-8")
    assert change[0] in original
    (tmp_path / "publications.yaml").write_text(original.replace(*change), encoding="utf-8")
    with pytest.raises(InputError, match=match) as caught:
        load_catalogue(tmp_path / "publications.yaml")
    assert "publications.yaml" in str(caught.value)


def test_an_edit_in_place_reaches_no_kept_version_and_the_good_file_comes_back(tmp_path):
    """A file that people open in a spreadsheet and save is theirs; what is kept under its hash is not."""
    (tmp_path / "given").mkdir()
    given = builders.publication(tmp_path / "given")
    found = fetch.take_from(given, None, tmp_path / "raw")
    name = found.changed[0]
    current, kept = found.folder / name, found.folder / ".versions" / found.version / name
    good = current.read_bytes()
    with current.open("r+b") as file:
        file.seek(200)
        file.write(b"9")
    assert kept.read_bytes() == good != current.read_bytes()
    again = fetch.take_from(given, None, tmp_path / "raw")
    assert current.read_bytes() == good and name in again.changed


def test_a_kept_version_that_is_not_what_its_name_says_is_made_again(tmp_path):
    (tmp_path / "given").mkdir()
    given = builders.publication(tmp_path / "given")
    found = fetch.take_from(given, None, tmp_path / "raw")
    name = found.changed[0]
    current, kept = found.folder / name, found.folder / ".versions" / found.version / name
    good = current.read_bytes()
    kept.write_bytes(good.replace(b"1", b"2"))
    current.write_bytes(good.replace(b"1", b"3"))
    fetch.take_from(given, None, tmp_path / "raw")
    assert current.read_bytes() == good == kept.read_bytes()
