"""What every room uses: errors with their place, quarters, places of files, CSV and YAML; imports and results on demand."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import io
import json
import os
import pickle
import pkgutil
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import platformdirs
import yaml

if TYPE_CHECKING:  # a look that finds nothing new ends without loading pandas
    import pandas as pd
    from pydantic import BaseModel

T = TypeVar("T")
Model = TypeVar("Model", bound="BaseModel")

# --- The errors that a user can mend: each says where, what was found and what was expected ---


class NofError(Exception):
    """Something this project can explain. The command line shows the text and no traceback."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one place of an input.

    Attributes
    ----------
    file : str
        Name of the file (or folder, or parameter file).
    message : str
        What is wrong, in a few words.
    row : int or None
        Line of the file, the header being line 1.
    column : str or None
        Column or key.
    value : str or None
        What stands there.
    expected : str or None
        What should stand there.
    whose : str or None
        Trust, metric and quarter that the row is about, in words.
    """

    file: str
    message: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None
    whose: str | None = None

    def __str__(self) -> str:
        place = [self.file]
        place += [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column}"] if self.column is not None else []
        found = f" (found {self.value!r})" if self.value is not None else ""
        wanted = f"; expected {self.expected}" if self.expected else ""
        whose = f"{self.whose}: " if self.whose else ""
        return f"{', '.join(place)}: {whose}{self.message}{found}{wanted}"


class InputError(NofError):
    """Input that cannot be used; carries every problem found, not just the first."""

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        """From its problems, not from its text, when it comes out of another process."""
        return type(self), (self.problems,)


# --- Quarters of the NHS financial year, which begins on 1 April ---


_SLUG = re.compile(r"(?P<start>20\d\d)-(?P<end>\d\d)-q(?P<number>[1-4])")
_LABEL = re.compile(r"Q(?P<number>[1-4]) (?P<start>20\d\d)[/-](?P<end>\d\d)")


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a financial year, ordered in time.

    Attributes
    ----------
    year : int
        Calendar year in which the financial year begins (2025 for 2025/26).
    number : int
        1 (April to June) to 4 (January to March).
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        if self.number not in (1, 2, 3, 4):
            raise ValueError(f"a quarter is 1 to 4, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read "Q4 2025/26", "Q4 2025-26" or "2025-26-q4"; ValueError for anything else."""
        clean = " ".join(str(text).split())
        match = _SLUG.fullmatch(clean.lower()) or _LABEL.fullmatch(clean.upper())
        if not match or (int(match["start"]) + 1) % 100 != int(match["end"]):
            raise ValueError(f"not a quarter: {text!r}; expected the form Q4 2025/26 or 2025-26-q4")
        return cls(int(match["start"]), int(match["number"]))

    @property
    def year_label(self) -> str:
        """The financial year, as "2025/26"."""
        return f"{self.year}/{(self.year + 1) % 100:02d}"

    @property
    def label(self) -> str:
        """As NHS England writes it: "Q4 2025/26"."""
        return f"Q{self.number} {self.year_label}"

    @property
    def slug(self) -> str:
        """As files and frames name it: "2025-26-q4". Slugs sort in time."""
        return f"{self.year_label.replace('/', '-')}-q{self.number}"

    @property
    def first_day(self) -> dt.date:
        """First day of the quarter."""
        return dt.date(self.year + (self.number == 4), (1 + 3 * self.number) % 12, 1)

    @property
    def last_day(self) -> dt.date:
        """Last day of the quarter."""
        return self.next.first_day - dt.timedelta(days=1)

    @property
    def next(self) -> Quarter:
        """The quarter after this one."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def previous(self) -> Quarter:
        """The quarter before this one."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)

    def __str__(self) -> str:
        return self.label


def quarter_of(quarter: Quarter | str) -> Quarter:
    """A quarter as it is, or the one that a text names; ValueError for a text that names none."""
    return quarter if isinstance(quarter, Quarter) else Quarter.parse(quarter)


def names_a_quarter(name: str) -> bool:
    """Whether a folder is called exactly as a quarter is: "2025-26-q4"."""
    try:
        return Quarter.parse(name).slug == name
    except ValueError:
        return False


# --- Where the project's own data stand: in the repository, or inside an installed wheel ---


_PACKAGE = Path(__file__).resolve().parent
_REPOSITORY = _PACKAGE.parent


def share(*parts: str) -> Path:
    """Path of a file that travels with the project.

    The repository's own copy is used where nof runs from a clone, else the copy that the wheel carries.
    """
    home = _REPOSITORY if (_REPOSITORY / "data" / "frameworks").is_dir() else _PACKAGE / "_share"
    return home.joinpath(*parts)


def installed() -> bool:
    """Whether nof runs from an installed package, not from a clone."""
    return share().is_relative_to(_PACKAGE)


def demo() -> Path:
    """The folder of the made-up publication: the clone's data/demo, or a folder in the user's cache.

    An installed package never writes into its own folder: that may belong to somebody else, and goes with an upgrade.
    """
    if installed():
        return platformdirs.user_cache_path("nof", appauthor=False) / "demo"
    return share("data", "demo")


def params(name: Path) -> Path:
    """A params file: the path itself, or by its bare name ("demo") one that travels with the project."""
    own = share("params", f"{name}.yaml")
    return own if len(name.parts) == 1 and not name.exists() and own.is_file() else name


def reference(name: str) -> Path:
    """Path of a file in data/reference/."""
    return share("data", "reference", name)


def frameworks() -> Path:
    """The folder of rules files, one for each framework year."""
    return share("data", "frameworks")


def helpers() -> Path:
    """The folder in which helpers.py stands: the top of a clone; beside its notebooks in an installed package."""
    return share("notebooks") if installed() else share()


def notebooks() -> Path:
    """The folder of notebooks: the project's own, or the one that the environment variable NOF_NOTEBOOKS names."""
    own = os.environ.get("NOF_NOTEBOOKS")
    return Path(own).resolve() if own else share("notebooks")


# --- Writing CSV files that a spreadsheet opens as data, never as formulas ---


# A cell that begins so is run as a formula by spreadsheets; an apostrophe before it makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WHOLE = ("rank", "segment")  # columns whose name begins so hold whole numbers


MARKED = (
    "utf-8-sig"  # every CSV file begins with the mark by which Excel knows UTF-8; every reader at hand reads past it
)


def text(frame: pd.DataFrame) -> str:
    """A frame as CSV: UTF-8, one header line, no index, text that looks like a formula marked as text."""
    from pandas.api import types

    safe = frame.rename(columns=harmless)
    for position, (name, kind) in enumerate(safe.dtypes.items()):
        if str(name).startswith(_WHOLE) and types.is_float_dtype(kind):
            safe.isetitem(position, safe.iloc[:, position].astype("Int64"))
        elif not (types.is_numeric_dtype(kind) or types.is_bool_dtype(kind)):
            safe.isetitem(position, safe.iloc[:, position].map(harmless))
    stream = io.StringIO()
    safe.to_csv(stream, index=False, lineterminator="\n", float_format="%.10g")
    return stream.getvalue()


def harmless(value):
    """A cell that a spreadsheet takes for data: text that looks like a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> dict:
    """A JSON file of keys and values; empty where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_text(path: Path, text: str) -> None:
    """Write a text file that is the same on every system: UTF-8, lines ended by a line feed."""
    path.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: dict) -> None:
    """Write a JSON file in one step: a reader finds the old one or the new."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


# --- YAML that somebody else wrote: plain data only, of a bounded size, one kind of error for everything wrong with it ---


LARGEST = 1_000_000  # bytes; the longest file of ours has a tenth of that
DEEPEST = 50  # lists and mappings inside one another


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where pyyaml has it: ten times as fast


class _Plain(_Loader):
    """Safe YAML without a key given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Construct a mapping, refusing a key given twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen: list[Any] = []
        for key in keys:
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", node.start_mark)
            seen.append(key)
        return super().construct_mapping(node, deep)


def from_yaml(text: str) -> Any:
    """What a YAML text says, as plain data.

    Raises
    ------
    yaml.YAMLError
        It is not YAML, has aliases (a few lines of them stand for gigabytes), too many levels, or a key twice.
    """
    depth = 0
    events: Iterable[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:  # before anything is built, which goes as deep as the text does
        place = event.start_mark
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are refused", place)
        if depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "too many levels", place)
    return yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader


def validated(model: type[Model], path: Path) -> Model:
    """A YAML file as a pydantic model has it.

    Raises
    ------
    InputError
        As `mapping`; or the file is not valid: every fault is named with its place.
    """
    from pydantic import ValidationError  # here: most commands read no such file

    try:
        return model.model_validate(mapping(path))
    except ValidationError as error:
        raise InputError(
            Problem(path.name, fault["msg"], column=".".join(map(str, fault["loc"])) or None)
            for fault in error.errors()
        ) from error


def mapping(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Raises
    ------
    InputError
        It cannot be read, is too large, is not YAML, says something twice or with aliases, or holds anything but keys
        and values at the top.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(path.name, f"cannot be read: {error.strerror}")) from error
    if len(content) > LARGEST:
        raise InputError(Problem(path.name, "too large", value=f"{len(content)} bytes", expected=f"at most {LARGEST}"))
    try:
        given = from_yaml(content.decode("utf-8-sig"))
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, RecursionError, KeyError, AttributeError) as error:
        # ValueError: pyyaml lets a day such as 2025-13-45, or a number of 5,000 digits, out as one
        raise InputError(Problem(path.name, f"is not YAML: {' '.join(str(error).split())[:300]}")) from error
    if not isinstance(given, dict):
        raise InputError(Problem(path.name, "is not a list of keys and values", expected="lines such as key: value"))
    return given


# --- The national results of a run, written down once for processes that cannot inherit them ---


VARIABLE = "NOF_RESULTS"


class Results(NamedTuple):
    """Results, with the folder that they were computed from and a hash of what it held."""

    folder: str
    fingerprint: str
    national: Any


def fingerprint(folder: Path) -> str | None:
    """Hash of the names and contents of a folder's CSV files; None where there is no such folder."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(one for one in folder.iterdir() if one.suffix.lower() == ".csv" or one.name == "ILLUSTRATIVE"):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def packed(folder: Path, national: Any) -> bytes:
    """Results as bytes, with everything that was computed from them so far (cached properties travel along)."""
    return zlib.compress(pickle.dumps(Results(str(folder), fingerprint(folder) or "", national), protocol=5), 1)


def shared(folder: Path) -> Any | None:
    """The results that a run left for this folder; None if there are none.

    A machine that has no such folder (a worker that does not share the disk) takes them by the folder's name.

    Raises
    ------
    NofError
        The folder's content is no longer what the run has read: one report would rest on two sets of files.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    kept = _read(path)
    here = fingerprint(folder)
    if kept.folder != str(folder):
        return None
    if here not in (None, kept.fingerprint):
        raise NofError(f"{folder.name}: its files have changed since the run began to make briefings from them")
    return kept.national


@lru_cache(maxsize=1)
def _read(path: str) -> Results:
    return pickle.loads(zlib.decompress(Path(path).read_bytes()))


# --- What somebody may have meant ---


def nearest(given: str, known: Iterable[str], what: str) -> str:
    """What was expected in place of a word that is not known: the nearest of what is, three at the most.

    >>> nearest("RDX", ["RDY", "RYY", "TAH", "RDW"], "trust codes")
    'RDY, RDW or RYY (4 trust codes are known)'
    >>> nearest("Q", ["a", "b"], "columns")
    'a or b'
    """
    held = list(dict.fromkeys(known))
    if len(held) > 3:
        near = difflib.get_close_matches(given.upper(), held, 3, 0.0)
        return f"{', '.join(near[:-1])} or {near[-1]} ({len(held):,} {what} are known)"
    return " or ".join(held) if held else f"none of the {what}: there are none"


# --- Names that are imported when they are asked for ---


def on_demand(module: str, where: Mapping[str, str], *own: str) -> tuple[Callable, Callable, list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a module that imports what it offers when somebody first uses it (PEP 562).

    Parameters
    ----------
    module : str
        Its `__name__`.
    where : mapping
        Each name, and where it stands: "package.module" or "package.module:name".
    own : str
        Names that the module has itself.
    """

    def ask(name: str) -> Any:
        """What stands behind a name; from then on it is the module's own."""
        if name not in where:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        found = pkgutil.resolve_name(where[name])
        setattr(sys.modules[module], name, found)
        return found

    return ask, lambda: sorted({*vars(sys.modules[module]), *where}), [*where, *own]


# --- One way to keep a result ---


def kept(function: Callable[..., T]) -> Callable[..., T]:
    """Keep what a function gives with the object that it was asked of: its first argument, which never changes.

    The result is computed when first asked for, once for each set of other arguments (which must be hashable), and lives
    as long as the object does; it travels when the object is forked or pickled. Callers must not change it.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def ask(owner, /, *args, **named):
        """What the function gave this owner before, or gives it now."""
        results = vars(owner).setdefault("_kept", {})
        key = (name, args, tuple(sorted(named.items())))
        if key not in results:
            results[key] = function(owner, *args, **named)
        return results[key]

    return ask


def keep(owner: object, function: Callable, result: object) -> None:
    """Give an object the result of a function under `kept`, asked without further arguments, that is known already."""
    vars(owner).setdefault("_kept", {})[f"{function.__module__}.{function.__qualname__}", (), ()] = result
