"""Sentences with facts filled in: `say(template, facts)` in Python, the cell magic `%%say facts` in a notebook.

    %%say sure
    **{{ told_apart | of(trusts, "trust") }} can be told apart from at least one other.**
    {% if level != 0.95 %}Sets hold with {{ level | percent }} certainty.{% endif %}

The text is Markdown, the language between braces Jinja2's. A name is looked for in the facts that are given, in their
order, then (in a notebook) among its variables. A name that is nowhere stops the run, wherever it stands. A whole number
writes itself with its thousands; a number with decimals needs a filter (or `digits` in its definition), so that no
sentence shows six of them by accident. Names from files are escaped. A text that comes out blank shows nothing.

==============================================  ==================================================
`{{ n | count("trust") }}`                      1 trust; 1,204 trusts; with `words=true` three trusts
`{{ n | trusts(trust_type) }}`                  61 mental health and community trusts
`{{ n | of(total, "trust") }}`                  12 of 61 trusts
`{{ n | share(total) }}`                        49 of 61 (80%)
`{{ n | in_words }}`, `{{ n | ordinal }}`       no, one … ten, 11; 24th
`{{ n | plural("is", "are") }}`                 the word alone
`{{ x | number(2) }}`, `{{ x | signed(2) }}`    2.73; +0.12 or −0.12
`{{ x | points(2) }}`                           0.12 points
`{{ x | measured("%") }}`                       47.2%; with other units 6.87 out of 10
`{{ p | percent }}`                             95% (from a share of 1); above 99%, below 1%
`{{ low | to(high, 2) }}`                       1.72 to 2.73
`{{ rank | places(low, high) }}`                3 (1 to 19)
`{{ change | better }}`                         better, worse or the same: lower is better, unless `low=false`
`{{ s | segment }}`                             segment 3
`{{ names | listed(3) }}`                       A, B, C and 2 others
`{{ name | linked(address) }}`                  the name, linked where there is an address
`{{ name | short_name }}`                       without "NHS Foundation Trust"
`{{ words | article }}`                         an acute trust; a mental health trust
`{{ words | capitalize }}`                      a capital first, the rest as it is
`{{ q | quarter }}`, `{{ d | day }}`            Q4 2025/26; 31 March 2026
`{{ t | type_name }}`, `{{ t | bodies }}`       mental health and community; acute trusts
`{% if x is known %}`                           not None, not NaN, not empty
==============================================  ==================================================
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import difflib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import jinja2
import numpy as np
import pandas as pd
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_RESOLVE
from jinja2.sandbox import SandboxedEnvironment

from nof.common import NofError
from nof.method.facts import Definition, Facts
from nof.show import grammar
from nof.show.display import Words, plain
from nof.show.grammar import Marked, NotKnown

T = TypeVar("T")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_FILLED = "_filled_"  # the filter through which everything goes that a template fills in
_MARK = "\ue000"  # stands for a moment before what was filled in, and never in a text
# A number that was filled in and happens to stand at the beginning of a line is no item of a list.
_NO_ITEM = re.compile(rf"^([ \t]*){_MARK}(\d{{1,9}})([.)])(?=\s|$)", re.MULTILINE)
_RECORD = "_record_"  # the name under which a rendering keeps what was filled in


class TemplateError(NofError):
    """A text that cannot be filled in: an unknown name, an unknown filter, a number without digits, broken syntax."""

    def _render_traceback_(self) -> list[str]:
        """One line in a notebook: the library's own lines help nobody who rewords a sentence."""
        return [f"{type(self).__name__}: {self}"]


def say(template: str, facts: Any = None, **names: Any) -> Words:
    """Fill facts into a text; a cell that begins with %%say does the same.

    Parameters
    ----------
    template : str
        Markdown with Jinja2; the module's docstring lists the filters.
    facts : Facts, mapping, or a sequence of them, optional
        Where names are looked for, first come first.
    **names
        Names beside those of the facts, for a loop variable or a setting.

    Returns
    -------
    Words
        Its `facts` say what was filled in; blank where the text came out blank.

    Raises
    ------
    TemplateError
        Naming the line and what is wrong with it; for an unknown name also those that come near.
    """
    return fill(template, Names.of(facts, names))


@dataclass(frozen=True)
class Names:
    """What the names of a template stand for.

    Attributes
    ----------
    values : dict
        By name: of the facts, and of what stands beside them.
    definitions : dict
        Of those that are facts with a definition.
    sources : dict
        Name of the class of those that are facts.
    """

    values: dict[str, Any]
    definitions: dict[str, Definition]
    sources: dict[str, str]

    @classmethod
    def of(cls, facts: Any, beside: Mapping[str, Any]) -> Names:
        """The names of facts (one, or several of which the first counts), then of what stands beside them."""
        several = isinstance(facts, Sequence) and not hasattr(facts, "_fields")
        found = cls({name: value for name, value in beside.items() if not name.startswith("_")}, {}, {})
        for one in reversed(facts if several else [] if facts is None else [facts]):  # the first is laid on last
            values = _values(one)
            for name, value in values.items():
                found.values[name], found.sources[name] = value, type(one).__name__
                found.definitions.pop(name, None)
            found.definitions.update(one.definitions() if isinstance(one, Facts) else {})
        return found


def fill(template: str, names: Names) -> Words:
    """A template with its names filled in; see `say`."""
    reject_unknown(template, names)
    compiled, needed, _ = _compiled(template)
    record: list[tuple[str, str]] = []
    with _explained():
        text = compiled.render(names.values | {_RECORD: (record, names.definitions)})
    text = _NO_ITEM.sub(r"\1\2\\\3", text).replace(_MARK, "")
    text = _BLANK_LINES.sub("\n\n", text).strip()
    return Words(text, told_of(record, needed, names) if text else {})


def told_of(record: Sequence[tuple[str, str]], needed: Iterable[str], names: Names) -> dict[str, Any]:
    """What an output says of its facts.

    Returns
    -------
    dict
        `filled`, the names and the texts that stand for them, in the order of the text; `read`, for each fact that the
        template reads the class that it is of; `beside`, the other names that it reads.
    """
    read, beside = {}, []
    for name in sorted(needed):
        if name in names.sources:
            read[name] = names.sources[name]
        elif isinstance(names.values[name], Facts):  # the facts themselves, as in sure.width
            read[name] = type(names.values[name]).__name__
        else:
            beside.append(name)
    return {"filled": [list(one) for one in record], "read": read, "beside": beside}


def check(template: str) -> None:
    """Whether a template can be read at all: its syntax and its filters; a `TemplateError` if not."""
    _compiled(template)


def check_condition(condition: str) -> None:
    """Whether a condition can be read at all; a `TemplateError` if not."""
    _condition(condition)


def reject_unknown(template: str, names: Names) -> None:
    """A `TemplateError` where a template needs a name that there is not, also in a branch that is not taken."""
    _, needed, lines = _compiled(template)
    _reject_unknown(needed - set(names.values), names.values, lines)


def holds(condition: str, names: Names) -> bool:
    """Whether a condition is true of the facts: a Jinja2 expression that gives true or false, as "held and gap < 0.1"."""
    compiled, needed = _condition(condition)
    _reject_unknown(needed - set(names.values), names.values, [condition])
    with _explained():
        value = compiled(names.values)
    if not isinstance(value, bool | np.bool_):
        raise TemplateError(f"expected a condition, found {value!r}; write it with is, >, == or the like")
    return bool(value)


def _values(one: Any) -> dict[str, Any]:
    """Names and values of one facts object."""
    if isinstance(one, Facts):
        return one.values()
    if isinstance(one, Mapping):
        return {str(name): value for name, value in one.items()}
    if hasattr(one, "_asdict"):
        return one._asdict()
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    raise TemplateError(f"expected facts (a Facts object or a mapping), found {type(one).__name__}")


# ---- Jinja2, strict and in its sandbox ----


class _Undefined(jinja2.StrictUndefined):
    """A missing attribute is told with those that there are."""

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, str(self._undefined_name)
        if owner is jinja2.utils.missing:
            return f"there is no {name!r}"
        there = list(owner.definitions()) if isinstance(owner, Facts) else list(getattr(owner, "_fields", ()))
        return f"{type(owner).__name__} has no {name!r}{_near(name, there) if there else ''}"


class _Generator(CodeGenerator):
    """Notes the names that a template needs while it is compiled."""

    environment: _Environment

    def enter_frame(self, frame: Frame) -> None:
        """As `jinja2.meta` finds them, which compiles a second time for it."""
        super().enter_frame(frame)
        loads = frame.symbols.loads.values()
        self.environment.needed |= {name for action, name in loads if action == VAR_LOAD_RESOLVE}


class _Environment(SandboxedEnvironment):
    """Sends every value that a template fills in through one filter, which escapes it and keeps a record."""

    code_generator_class = _Generator
    needed: set[Any]

    def with_names(self, make: Callable[[], T]) -> tuple[T, frozenset[str]]:
        """What is compiled, and the names it needs."""
        self.needed = set()
        return make(), frozenset(self.needed - set(self.globals))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for output in tree.find_all(nodes.Output):
            output.nodes = [
                one if isinstance(one, nodes.TemplateData) else _through_filter(one) for one in output.nodes
            ]
        return tree


def _through_filter(value: nodes.Expr) -> nodes.Expr:
    told = nodes.Const(_told(value))
    return nodes.Filter(value, _FILLED, [told], [], None, None, lineno=value.lineno)


def _told(value: nodes.Node) -> str:
    """The name that stands first in an expression: "told_apart" of "told_apart | of(trusts)", "row.name" of "row.name"."""
    if isinstance(value, nodes.Name):
        return value.name
    if isinstance(value, nodes.Getattr):
        return f"{_told(value.node)}.{value.attr}".lstrip(".")
    inner = next(iter(value.iter_child_nodes()), None)
    return _told(inner) if inner is not None else ""


@jinja2.pass_context
def _fill(context: jinja2.runtime.Context, value: Any, name: str) -> str:
    """The Markdown of one value, kept on record under its name."""
    record, definitions = context[_RECORD]
    root, _, attribute = name.partition(".")
    owner = context.resolve(root) if attribute else None
    about = owner.definitions().get(attribute) if isinstance(owner, Facts) else definitions.get(name)
    text = (value if isinstance(value, Marked) else _written(value, name, about)).replace(_MARK, "")
    record.append((name, text))
    return text if root == "loop" else f"{_MARK}{text}"  # a loop's own count is there to number a list


def _written(value: Any, name: str, about: Definition | None) -> str:
    if isinstance(value, Words):
        return value.markdown
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dt.date):
        return grammar.day(value)
    digits = about.digits if about else None
    if not grammar.known(value):
        raise NotKnown(f"{name or 'an expression'} is not known ({value!r}); ask first with 'if {name} is known'")
    if not isinstance(value, bool) and pd.api.types.is_number(value):
        if digits is not None:
            return grammar.number(value, digits)
        if float(value).is_integer() and not isinstance(value, float):
            return grammar.number(value)
        raise NotKnown(f"{name} is {value!r}: say how it is written, as {{{{ {name} | number(2) }}}}")
    raise NotKnown(f"{name or 'an expression'} is {value!r}, which a sentence cannot hold")


@lru_cache(maxsize=1)
def environment() -> _Environment:
    """The one environment of all sentences."""
    made = _Environment(undefined=_Undefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    made.filters |= grammar.FILTERS | {_FILLED: _fill}
    made.tests["known"] = grammar.known
    return made


@lru_cache(maxsize=512)
def _condition(text: str) -> tuple[Any, frozenset[str]]:
    """A condition as a callable from names to a value, and the names it needs."""
    with _explained():
        return environment().with_names(lambda: environment().compile_expression(text, undefined_to_none=False))


@lru_cache(maxsize=512)
def _compiled(template: str) -> tuple[jinja2.Template, frozenset[str], tuple[str, ...]]:
    """The template, the names it needs, its lines."""
    with _explained():
        made, needed = environment().with_names(lambda: environment().from_string(template))
        return made, needed, tuple(template.splitlines())


def _reject_unknown(unknown: set[str] | frozenset[str], found: Mapping[str, Any], lines: Sequence[str]) -> None:
    if not unknown:
        return
    told = []
    for name in sorted(unknown):
        line = next((n for n, text in enumerate(lines, 1) if re.search(rf"\b{re.escape(name)}\b", text)), 1)
        told.append(f"line {line}: there is no {name!r}{_near(name, list(found))}")
    raise TemplateError("; ".join(told))


def _near(name: str, there: list[str]) -> str:
    near = difflib.get_close_matches(name, there, 3, 0.6)
    return f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(sorted(there)) or 'no names'}"


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Jinja2's errors, and the grammar's, as one of ours that names the line."""
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from None
    except TemplateError:
        raise
    except (
        jinja2.TemplateError,
        NofError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
    ) as error:
        raise TemplateError(f"{_line(error)}{error}") from None


def _line(error: BaseException) -> str:
    """ "line 3: ", from the frame of the template in the traceback."""
    found, step = None, error.__traceback__
    while step is not None:
        found = step.tb_lineno if step.tb_frame.f_code.co_filename == "<template>" else found
        step = step.tb_next
    return f"line {found}: " if found else ""


# ---- the cell magic ----


def register(shell: Any = None) -> None:
    """Make a shell know `%%say`; called where this module is imported, and for each shell of the briefing engine.

    Parameters
    ----------
    shell : InteractiveShell, optional
        The running one if not given; nothing happens outside IPython.
    """
    if shell is None:
        here = sys.modules.get("IPython")  # who runs in it has loaded it
        shell = here.get_ipython() if here else None
    if shell is None:
        return

    def magic(line: str, cell: str) -> Words | None:
        """Show the cell's Markdown with facts filled in: `%%say sure, league`; see `nof.show.say`."""
        try:
            given = shell.ev(f"[{line}]")  # the notebook's own code, as in any of its cells
        except (NameError, SyntaxError) as error:
            raise TemplateError(f"%%say {line.strip()}: {getattr(error, 'msg', None) or error}") from None
        said = fill(f"\n{cell}", Names.of(given, shell.user_ns))  # lines are counted from the one with the magic
        return said if said.markdown else None

    shell.register_magic_function(magic, "cell", "say")


register()
