"""YAML edited as text: only the lines that must change are changed, and the result is parsed again to prove it.

PyYAML's ``compose`` gives the position of every value; new text is spliced in there. A round trip through any dumper
would lose comments, quotes, indentation or blank lines of almost every real file.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envtool.clients.yaml_parts import (
    NotAMappingError,
    Value,
    ambiguous_line,
    end_of,
    last_line_of,
    load_mapping,
    plain_value,
    write_block,
    write_flow,
    write_scalar,
)
from envtool.documents import compose_yaml
from envtool.encoding import insert_line, line_end, line_start, lines_of, next_line
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

if TYPE_CHECKING:
    import yaml

Path = tuple[str, ...]


class YamlText:
    """A YAML mapping and its text. Every change is made to the text and checked against the intended data."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self._source = source
        self.data: dict[str, Any] = self._load(text)

    def get(self, *path: str) -> Any:
        """Return the value at a path, or None."""
        value: Any = self.data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def put(self, path: Path, value: Value) -> None:
        """Set the value at a path: a text, a flag, a list of texts, or a map of such values."""
        old = self.get(*path)
        if old == value:
            return
        if not isinstance(value, (str, bool)) and not value:
            self.remove(path)
        elif isinstance(value, Mapping) and isinstance(old, dict):
            for key, content in value.items():
                self.put((*path, key), content)
        elif not isinstance(value, (str, bool, Mapping)) and isinstance(old, list):
            self._put_list(path, [str(item) for item in value], old)
        elif path[:-1] and not isinstance(self.get(*path[:-1]), dict):
            self.put(path[:-1], {path[-1]: value})
        else:
            self._change(
                _with(self.data, path, plain_value(value)), lambda root: self._spliced_value(root, path, value)
            )

    def remove(self, path: Path) -> None:
        """Remove a key with its value, and the map that it was in if that is then empty."""
        parent = self.get(*path[:-1])
        if not isinstance(parent, dict) or path[-1] not in parent:
            return
        if len(path) > 1 and len(parent) == 1:
            self.remove(path[:-1])
            return
        self._change(_without(self.data, path), lambda root: self._without_key(root, path))

    def _put_list(self, path: Path, new: list[str], old: list[Any]) -> None:
        import difflib

        if not old:
            self._change(_with(self.data, path, new), lambda root: self._spliced_value(root, path, new))
            return
        known = [str(item) for item in old]
        # backwards, so that earlier positions stay valid
        steps = reversed(difflib.SequenceMatcher(None, known, new, autojunk=False).get_opcodes())
        for tag, start, stop, new_start, new_stop in steps:
            if tag == "equal":
                continue
            fresh = new[new_start:new_stop]
            same = min(stop - start, len(fresh))
            # insert before removing, so that the list is never empty in between
            for item in reversed(fresh[same:]):
                self._insert_item(path, start + same, item)
            for index in range(start, start + same):
                self._replace_item(path, index, fresh[index - start])
            for index in reversed(range(start + same, stop)):
                self._remove_item(path, index + len(fresh[same:]))

    def _replace_item(self, path: Path, index: int, item: str) -> None:
        items = list(self.get(*path))
        items[index] = item

        def edit(root: "yaml.Node | None") -> str:
            node = self._node(root, path).value[index]
            return self._splice(node.start_mark.index, node.end_mark.index, write_scalar(item, node.style))

        self._change(_with(self.data, path, items), edit)

    def _insert_item(self, path: Path, index: int, item: str) -> None:
        items = list(self.get(*path))
        items.insert(index, item)

        def edit(root: "yaml.Node | None") -> str:
            node = self._node(root, path)
            if node.flow_style:
                return self._insert_flow(node.value, index, write_scalar(item, None))
            like = node.value[min(index, len(node.value) - 1)]
            at = line_start(self.text, like.start_mark.index)
            dash = self.text[at : like.start_mark.index]
            if dash.strip() != "-":
                raise self._not_safe(path)
            if index >= len(node.value):
                at = next_line(self.text, end_of(like))
            return insert_line(self.text, at, dash + write_scalar(item, like.style))

        self._change(_with(self.data, path, items), edit)

    def _remove_item(self, path: Path, index: int) -> None:
        items = list(self.get(*path))
        del items[index]

        def edit(root: "yaml.Node | None") -> str:
            node = self._node(root, path)
            if node.flow_style:
                return self._cut_flow([(child, child) for child in node.value], index)
            child = node.value[index]
            return self._splice(
                line_start(self.text, child.start_mark.index), next_line(self.text, last_line_of(child)), ""
            )

        self._change(_with(self.data, path, items), edit)

    # -- places in the text -----------------------------------------------------------------------------------------
    def _spliced_value(self, root: "yaml.Node | None", path: Path, value: Value) -> str:
        parent: Any = self._node(root, path[:-1]) if root is not None else None
        pair = self._pair(parent, path[-1]) if parent is not None else None
        if pair is None:
            return self._appended(parent, path, value)
        key, node = pair
        flow = parent.flow_style or getattr(node, "flow_style", False)
        empty = node.start_mark.index == node.end_mark.index
        if isinstance(value, (str, bool)):
            written = write_scalar(value, getattr(node, "style", None))
            return self._splice(node.start_mark.index, node.end_mark.index, f" {written}" if empty else written)
        if empty and not flow:
            indent = " " * key.start_mark.column
            return self._insert_lines(next_line(self.text, key.end_mark.index), write_block(value, indent + "  "))
        if isinstance(node.value, str) or flow:
            start, end = node.start_mark.index, node.end_mark.index
            return self._splice(start, end, (" " if empty else "") + write_flow(value))
        raise self._not_safe(path)

    def _appended(self, parent: Any, path: Path, value: Value) -> str:
        """Return the text with a new key after the last one of its map, or at the end of the text."""
        key = path[-1]
        if parent is not None and parent.flow_style:
            written = f"{write_scalar(key, None)}: {write_flow(value)}"
            return self._insert_flow([pair[0] for pair in parent.value], len(parent.value), written, last=parent)
        indent = " " * parent.value[0][0].start_mark.column if parent is not None and parent.value else ""
        if isinstance(value, (str, bool)):
            lines = [f"{indent}{write_scalar(key, None)}: {write_scalar(value, None)}"]
        else:
            lines = [f"{indent}{write_scalar(key, None)}:", *write_block(value, indent + "  ")]
        if len(path) == 1:
            return self._insert_lines(self._end_of_document(), lines)
        return self._insert_lines(next_line(self.text, last_line_of(parent)), lines)

    def _end_of_document(self) -> int:
        import yaml

        for event in yaml.parse(self.text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.DocumentEndEvent) and event.explicit and event.start_mark:
                return line_start(self.text, event.start_mark.index)
        return len(self.text)

    def _without_key(self, root: "yaml.Node | None", path: Path) -> str:
        parent = self._node(root, path[:-1])
        key, node = self._pair(parent, path[-1])
        if parent.flow_style:
            index = next(i for i, (other, _) in enumerate(parent.value) if other is key)
            return self._cut_flow(parent.value, index)
        start = line_start(self.text, key.start_mark.index)
        if self.text[start : key.start_mark.index].strip():
            raise self._not_safe(path)
        end = next_line(self.text, max(last_line_of(node), key.end_mark.index))
        lines = lines_of(self.text[start:end]) if not isinstance(node.value, str) else []
        return self._splice(start, end, "".join(line for line in lines if line.lstrip().startswith("#")))

    def _cut_flow(self, pairs: Sequence[tuple[Any, Any]], index: int) -> str:
        """Return the text without one item of a flow collection and its comma."""
        if index + 1 < len(pairs):
            return self._splice(pairs[index][0].start_mark.index, pairs[index + 1][0].start_mark.index, "")
        start = pairs[index - 1][1].end_mark.index if index else pairs[index][0].start_mark.index
        return self._splice(start, pairs[index][1].end_mark.index, "")

    def _insert_flow(self, nodes: Sequence[Any], index: int, written: str, *, last: Any = None) -> str:
        if index < len(nodes):
            at = nodes[index].start_mark.index
            return self._splice(at, at, f"{written}, ")
        if not nodes:
            at = last.start_mark.index + 1
            return self._splice(at, at, written)
        at = last.value[-1][1].end_mark.index if last is not None else nodes[-1].end_mark.index
        return self._splice(at, at, f", {written}")

    def _insert_lines(self, at: int, lines: Sequence[str]) -> str:
        return insert_line(self.text, at, line_end(self.text).join(lines))

    def _splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]

    def _node(self, root: "yaml.Node | None", path: Path) -> Any:
        for key in path:
            pair = self._pair(root, key)
            if pair is None:
                return None
            root = pair[1]
        return root

    def _pair(self, node: Any, key: str) -> Any:
        return next((pair for pair in getattr(node, "value", ()) if str(pair[0].value) == key), None)

    # -- proof ------------------------------------------------------------------------------------------------------
    def _change(self, meant: dict[str, Any], edit: "Callable[[yaml.Node | None], str]") -> None:
        import yaml

        try:
            root = compose_yaml(self.text)
        except yaml.MarkedYAMLError as error:  # the parser in C, which read it first, is more lenient
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._refused(tr("line {line}: {reason}", line=line, reason=error.problem)) from None
        if root is not None and (line := ambiguous_line(root)):
            raise self._refused(tr("line {line} has an anchor or a duplicate key", line=line))
        if root is not None and not isinstance(root, yaml.MappingNode):
            root = None
        text = edit(root)
        if self._load(text) != meant:
            raise self._refused(tr("the layout is too unusual to be edited without changing other lines"))
        self.text, self.data = text, meant

    def _load(self, text: str) -> dict[str, Any]:
        try:
            return load_mapping(text)
        except NotAMappingError as error:
            raise EnvtoolError(
                tr(
                    "{path} cannot be read: line {line}: {reason}.",
                    path=self._source,
                    line=error.line,
                    reason=error.reason,
                ),
                hint=tr("Correct or remove it."),
                code=ExitCode.BAD_INPUT,
            ) from None

    def _not_safe(self, path: Path) -> EnvtoolError:
        return self._refused(tr("`{key}` is written in an unusual way", key=".".join(path)))

    def _refused(self, reason: str) -> EnvtoolError:
        return EnvtoolError(
            tr("{path} was not changed: {reason}.", path=self._source, reason=reason),
            hint=tr("Edit it by hand, or simplify its layout and try again."),
            code=ExitCode.BAD_INPUT,
        )


def _with(data: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    if len(path) == 1:
        return {**data, path[0]: value}
    return {**data, path[0]: _with(data.get(path[0]) or {}, path[1:], value)}


def _without(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {**data, path[0]: _without(data[path[0]], path[1:])}
