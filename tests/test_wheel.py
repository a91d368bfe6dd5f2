"""The wheel: built, installed into a fresh environment away from the repository, and used there on its own demo."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
from clone import thin_demo
from conftest import ROOT

ALL = {"league_table.ipynb", "trust_briefing.ipynb", "explore.ipynb"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this very tree, built offline."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        ROOT,
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-q",
        "-w",
        folder,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next(folder.glob("nof-*.whl"))


class Place:
    """A fresh environment that has the wheel and sees the locked packages, but neither the clone nor its install."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        venv.create(folder / "venv", symlinks=os.name == "posix")
        scripts = sysconfig.get_path("scripts", vars={"base": str(folder / "venv")})
        site = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
        self.bin, self.site = Path(scripts), Path(site)
        install = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            self.bin / "python",
            "install",
            "--no-deps",
            "--no-index",
            "-q",
            wheel,
        ]
        subprocess.run(install, check=True, capture_output=True, timeout=120)
        # Only the packages: the .pth files in there, which point to the clone, are not followed from a .pth.
        (self.site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
        nbconvert = self.bin / "jupyter-nbconvert"  # what nbconvert's own install would leave here
        nbconvert.write_text(f"#!{self.bin / 'python'}\nfrom nbconvert.nbconvertapp import main\nmain()\n")
        nbconvert.chmod(0o755)

    def run(self, *words: object) -> subprocess.CompletedProcess:
        """A command of the environment, in its home, with nothing of this process's environment."""
        path = os.pathsep.join([str(self.bin), "/usr/bin", "/bin"])
        given = {"PATH": path, "HOME": str(self.home), "COLUMNS": "200"}
        done = subprocess.run(
            [str(self.bin / "python"), *map(str, words)],
            cwd=self.home,
            env=given,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def nof(self, *words: object) -> str:
        """What a nof command says."""
        return self.run(self.bin / "nof", *words).stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory, wheel) -> Place:
    return Place(tmp_path_factory.mktemp("away"), wheel)


@pytest.fixture(scope="module")
def reports(place) -> Path:
    """The reports folder after one small briefing of the embedded demo, called by its bare name."""
    before = files(place.site)
    said = place.nof("brief", "demo", "--only", "reconciliation")
    assert "published" in said and files(place.site) == before, "nothing is written into the installed package"
    return place.home / "reports" / "demo"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_it_runs_from_the_wheel_and_not_from_the_clone(place):
    told = place.run("-c", "import nof; print(nof.__file__)").stdout.strip()
    assert Path(told).is_relative_to(place.site)


def test_no_module_of_ours_but_nof_can_shadow_somebodys_own(place):
    assert not (place.site / "helpers.py").exists()
    done = place.run("-c", "import importlib.util; print(importlib.util.find_spec('helpers'))")
    assert done.stdout.strip() == "None"
    beside = place.site / "nof" / "_share" / "notebooks"
    code = f"import os; os.chdir({str(beside)!r}); import sys; sys.path.insert(0, ''); import helpers; print(helpers.__file__)"
    assert Path(place.run("-c", code).stdout.strip()).resolve().parent == beside.resolve()


def test_an_editable_install_holds_no_second_copy_of_the_code(tmp_path):
    build = f"from hatchling.build import build_editable; print(build_editable({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    names = zipfile.ZipFile(tmp_path / done.stdout.split()[-1]).namelist()
    code = [name for name in names if name.endswith(".py") and not name.startswith("nof/_share/")]
    assert names and not code, "a stale helpers.py would be imported first"


def test_it_carries_every_notebook_rules_file_and_params_file(place):
    share = place.site / "nof" / "_share"
    for folder in ("notebooks", "params", "data/frameworks", "data/reference"):
        assert files(share / folder) >= {
            path.name for path in (ROOT / folder).iterdir() if path.suffix in (".ipynb", ".yaml", ".csv")
        }, folder
    assert files(share / "notebooks") >= ALL


def test_the_demo_goes_into_the_users_cache_and_can_be_checked(place, reports):
    said = place.nof("demo")
    folder = Path(said.split(" is in ")[1].strip())
    assert folder.is_relative_to(place.home) and len(list(folder.glob("*.csv"))) >= 6
    assert "ambulance" in place.nof("check", "--data", folder)


def test_a_briefing_of_the_embedded_demo_is_published_whole(place, reports):
    report = reports / "2025-26-q4"
    assert (report / "reconciliation.pdf").read_bytes().startswith(b"%PDF")
    assert "as it was published" in place.nof("verify", report)


def test_what_the_quarterly_job_keeps_goes_where_it_was_started(place):
    before = files(place.site)
    assert "0 would go" in place.nof("prune", "--keep", "8", "--dry-run")
    assert (place.home / "data" / "raw" / ".refresh").is_dir() and files(place.site) == before


def test_jupyter_makes_both_forms_of_a_notebook(place, reports):
    for name, start in (("html", b"<!DOCTYPE html>"), ("pdf", b"%PDF-")):
        place.run(
            "-m",
            "jupyter",
            "nbconvert",
            "--to",
            f"briefing-{name}",
            reports / "2025-26-q4" / "reconciliation.ipynb",
            "--output-dir",
            place.home,
            "--output",
            f"made.{name}" if name == "html" else "made",
        )
        assert (place.home / f"made.{name}").read_bytes().lower().startswith(start.lower())


def test_the_export_menu_finds_both_exporters(place):
    told = place.run("-c", "from nbconvert.exporters import get_export_names as names; print(*names())").stdout.split()
    assert {"briefing-html", "briefing-pdf"} <= set(told)


@pytest.mark.parametrize(
    ("name", "more"), [("league_table", ["-p", "trust_type", "ambulance"]), ("trust_briefing", [])]
)
def test_papermill_alone_runs_a_notebook_with_the_same_parameters(place, reports, name, more):
    made, data = place.home / f"{name}.ipynb", place.home / "thin"
    if not data.exists():
        thin_demo(data)
    place.run(
        "-m",
        "papermill",
        place.site / "nof" / "_share" / "notebooks" / f"{name}.ipynb",
        made,
        "-p",
        "data",
        data,
        "-p",
        "quarter",
        "2025-26-q4",
        "--cwd",
        place.site / "nof" / "_share" / "notebooks",  # where its helpers.py stands
        *more,
        "--no-progress-bar",
    )
    cells = [cell for cell in nbformat.read(made, 4).cells if cell.cell_type == "code"]
    kinds = [output.output_type for cell in cells for output in cell.outputs]
    assert "error" not in kinds and len(kinds) >= 5
