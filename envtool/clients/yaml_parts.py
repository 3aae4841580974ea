"""Parts of YAML: mappings loaded, values written, and positions of values in a text."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from envtool.documents import check_yaml
from envtool.i18n import tr

if TYPE_CHECKING:
    import yaml

Value: TypeAlias = "str | bool | Sequence[str] | Mapping[str, Value]"

# Names and URLs need no quotes, and no parser to find that out; anything else is tried with one.
_PLAIN = re.compile(r"[A-Za-z](?:[\w./@~-]|:(?=[\w/]))*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


class NotAMappingError(Exception):
    """A text that is not a YAML mapping: the line (from 1), and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def load_mapping(text: str) -> dict[str, Any]:
    """Return the mapping that a YAML text holds; an empty text is an empty one.

    Raises NotAMappingError, also for a key that stands twice in one mapping.
    """
    import yaml

    try:
        check_yaml(text)
        # safe loader, in C where PyYAML was built with it
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        root = loader.get_single_node()
        if root is not None:
            _refuse_duplicates(root)
        values = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        raise NotAMappingError(mark.line + 1 if mark else 1, reason) from None
    except ValueError as error:  # a date such as 2026-99-99, an integer of 5,000 digits
        raise NotAMappingError(1, str(error)) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise NotAMappingError(1, tr("the file holds no `key: value` settings"))
    return {str(key): value for key, value in values.items()}


def _refuse_duplicates(root: "yaml.Node") -> None:
    """Raise NotAMappingError where a key stands twice in one mapping: PyYAML would take the last one."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        lines: dict[str, int] = {}
        for child in node.value:
            nodes += child if isinstance(child, tuple) else (child,)
            if not isinstance(child, tuple) or not isinstance(child[0].value, str):
                continue
            key, line = child[0].value, child[0].start_mark.line + 1
            if key in lines and key != "<<":
                reason = tr("`{key}` is there twice (lines {first} and {line})", key=key, first=lines[key], line=line)
                raise NotAMappingError(line, reason)
            lines[key] = line


def write_scalar(value: str | bool, style: str | None) -> str:
    """Return a value as YAML, quoted like the value that it replaces, or where it must be."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if style == "'" and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    if style == '"':
        return json.dumps(value, ensure_ascii=False)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    import yaml

    try:
        plain = yaml.safe_load(f"[{value}]") == [value] and yaml.safe_load(value) == value and "\n" not in value
    except yaml.YAMLError:
        plain = False
    return value if plain else json.dumps(value, ensure_ascii=False)


def write_block(value: Value, indent: str) -> list[str]:
    """Return the lines below a key that hold a list or a map."""
    if isinstance(value, (str, bool)):
        return []
    if not isinstance(value, Mapping):
        return [f"{indent}- {write_scalar(item, None)}" for item in value]
    lines = []
    for key, item in value.items():
        same_line = f" {write_flow(item)}" if isinstance(item, (str, bool)) else ""
        lines += [f"{indent}{write_scalar(key, None)}:{same_line}", *write_block(item, indent + "  ")]
    return lines


def write_flow(value: Value) -> str:
    """Return a value on one line: ``[a, b]``, ``{a: b}``."""
    if isinstance(value, (str, bool)):
        return write_scalar(value, None)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write_scalar(key, None)}: {write_flow(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(write_scalar(item, None) for item in value) + "]"


def plain_value(value: Value) -> Any:
    """Return a value as a parser would: lists and dicts."""
    if isinstance(value, (str, bool)):
        return value
    return {key: plain_value(item) for key, item in value.items()} if isinstance(value, Mapping) else list(value)


def end_of(node: "yaml.Node") -> int:
    """Return the offset where a value ends."""
    return int(node.end_mark.index)


def last_line_of(node: "yaml.Node") -> int:
    """Return an offset in the last line of a value. A block collection's own end mark is after later comments."""
    if isinstance(node.value, str) or getattr(node, "flow_style", False):
        # a block scalar (| or >) ends at the start of the next line
        ends_beyond = isinstance(node.value, str) and getattr(node, "style", None) in ("|", ">")
        return max(end_of(node) - 1, node.start_mark.index) if ends_beyond else end_of(node)
    if not node.value:
        return int(node.start_mark.index)
    last = node.value[-1]
    return max(last_line_of(last[1]), int(last[0].end_mark.index)) if isinstance(last, tuple) else last_line_of(last)


def ambiguous_line(root: "yaml.Node") -> int:
    """Return the line (from 1) of a node that is used twice (anchors) or of a duplicate key, or 0."""
    seen: set[int] = set()

    def walk(node: "yaml.Node") -> int:
        if id(node) in seen:
            return int(node.start_mark.line) + 1
        seen.add(id(node))
        if isinstance(node.value, str):
            return 0
        keys: set[str] = set()
        for child in node.value:
            for part in child if isinstance(child, tuple) else (child,):
                if line := walk(part):
                    return line
            if isinstance(child, tuple):
                if str(child[0].value) in keys:
                    return int(child[0].start_mark.line) + 1
                keys.add(str(child[0].value))
        return 0

    return walk(root)


def entry_lines(text: str, key: str) -> list[int]:
    """Return the line (from 1) of each entry of the list at a key of a mapping; entries without a value have none."""
    import yaml

    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    found = next((node for name, node in reversed(pairs) if name.value == key), None)
    items = found.value if isinstance(found, yaml.SequenceNode) else ()
    return [item.start_mark.line + 1 for item in items if item.tag != "tag:yaml.org,2002:null"]
