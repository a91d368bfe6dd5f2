"""YAML that somebody else wrote: plain data only, of a bounded size, one kind of error for everything wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nof.errors import InputError, Problem

LARGEST = 1_000_000  # bytes; the longest file of ours has a tenth of that
DEEPEST = 50  # lists and mappings inside one another


class _Plain(yaml.SafeLoader):
    """Safe YAML without aliases (a few lines of them stand for gigabytes) and without a key given twice."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, refusing aliases and too many levels."""
        if self.check_event(yaml.events.AliasEvent):
            event = self.get_event()
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are refused", event.start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "too many levels", self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Construct a mapping, refusing a key given twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen: list[Any] = []
        for key in keys:
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", node.start_mark)
            seen.append(key)
        return super().construct_mapping(node, deep)


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
        given = yaml.load(content.decode("utf-8-sig"), Loader=_Plain)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, RecursionError, KeyError, AttributeError) as error:
        # ValueError: pyyaml lets a day such as 2025-13-45, or a number of 5,000 digits, out as one
        raise InputError(Problem(path.name, f"is not YAML: {' '.join(str(error).split())[:300]}")) from error
    if not isinstance(given, dict):
        raise InputError(Problem(path.name, "is not a list of keys and values", expected="lines such as key: value"))
    return given
