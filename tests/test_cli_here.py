"""Commands run within the test's own process: what they say of small folders, and what they refuse."""

from __future__ import annotations

import builders
import pytest
from typer.testing import CliRunner

from nof.cli import app
from nof.common import InputError


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_check_lists_each_file_with_its_trusts_and_rows(tmp_path):
    builders.publication(tmp_path, ("acute", "ambulance"))
    done = run("check", "--data", tmp_path)
    assert done.exit_code == 0, done.output
    assert "acute" in done.output and "ambulance" in done.output and "2025-26-q2" in done.output


@pytest.mark.parametrize("words", [(), ("--latest", "--quarter", "2025-26-q4"), ("--latest", "--from", ".")])
def test_fetch_wants_to_be_told_one_thing(tmp_path, words):
    done = run("fetch", *words, "--into", tmp_path)
    assert isinstance(done.exception, InputError) and "say which files" in str(done.exception)


def test_fetch_from_a_folder_keeps_the_files_and_says_what_is_new(tmp_path):
    source, into = tmp_path / "source", tmp_path / "raw"
    source.mkdir()
    builders.publication(source, tuple(builders.TYPES))
    first, second = (run("fetch", "--from", source, "--into", into) for _ in range(2))
    assert first.exit_code == 0 and "new: " in first.output, first.output
    assert second.exit_code == 0 and "nothing new" in second.output
    assert len(list((into / "2025-26-q2").glob("*.csv"))) == 6


def test_a_demo_of_another_year_needs_a_folder():
    done = run("demo", "--framework", "demo-2026-27")
    assert isinstance(done.exception, InputError) and "say where to write" in str(done.exception)
