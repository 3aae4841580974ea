"""conda's environment.yml (CEP 24): read with all that people and old tools put in it, written so that it travels."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs.match_spec import is_spec
from envtool.specs.problem import problem
from envtool.specs.requirement_line import taken

_KEYS = ("name", "channels", "dependencies", "variables", "prefix")
# Files that look alike, by a key that only they have.
_OTHERS = {
    "build_dependencies": "MLflow's python_env.yaml",
    "jobs": "a workflow file",
    "services": "a compose file",
    "metadata": "a lock file or a manifest",
    "show_channel_urls": "conda's configuration (.condarc)",
    "default_channels": "conda's configuration (.condarc)",
    "custom_channels": "conda's configuration (.condarc)",
}


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that an environment.yml holds. Raises EnvtoolError (BAD_INPUT) with the line."""
    return _Reader(filename).read(text)


def write(spec: Spec) -> str:
    """Return the environment.yml of a spec: without ``prefix:``, in conda's order of keys."""
    content: dict[str, Any] = {"name": spec.name} if spec.name else {}
    if spec.channels:
        content["channels"] = [*spec.channels]
    content["dependencies"] = [*spec.conda, *([{"pip": [*spec.pip]}] if spec.pip else [])]
    if spec.variables:
        content["variables"] = {**spec.variables}
    # A line that is too long for YAML's taste would be wrapped, and conda's older readers do not unwrap it.
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent lists below their key, as conda does."""
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML's own choice of quotes loses some of Unicode's line ends.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represent_text)


@dataclass
class _Reader:
    """One reading. Nodes are used, not values: they know their lines, and ``3.10`` stays what was written."""

    filename: str
    warnings: list[str] = field(default_factory=list)

    def read(self, text: str) -> Reading:
        root = self._root(text)
        entries = self._entries(root)
        self._require_environment(root, entries)
        conda, pip = self._dependencies(entries["dependencies"])
        spec = Spec(
            name=self._name(entries.get("name")),
            channels=tuple(self._texts(entries.get("channels"), "channels")),
            conda=tuple(conda),
            pip=tuple(pip),
            variables=self._variables(entries.get("variables")),
        )
        if "prefix" in entries:
            self.warnings.append(tr("prefix is ignored: it is a path on the machine where the file was made."))
        self.warnings += [
            tr("Line {line}: the key {key} is unknown and ignored.", line=_line(key), key=key.value)
            for key, _ in root.value
            if key.value not in _KEYS
        ]
        return Reading(spec, tuple(self.warnings))

    def _problem(self, node: yaml.Node, what: str, hint: str = "") -> EnvtoolError:
        return problem(self.filename, _line(node), what, hint)

    def _root(self, text: str) -> yaml.MappingNode:
        try:
            loader = yaml.SafeLoader(text)
            root = loader.get_single_node()
            if isinstance(root, yaml.MappingNode):
                loader.flatten_mapping(root)  # `<<: *common`
                return root
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = error.problem or str(error)
            raise problem(
                self.filename,
                mark.line + 1 if mark else 1,
                tr("This is not valid YAML: {reason}.", reason=reason),
                _yaml_hint(reason),
            ) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise problem(self.filename, line, tr("This is not text: it holds a control character.")) from None
        if root is None:
            raise problem(self.filename, 1, tr("Nothing is in here but comments."), _form())
        raise self._problem(root, tr("This is not an environment.yml: it has no keys such as dependencies."), _form())

    def _entries(self, mapping: yaml.MappingNode) -> dict[str, yaml.Node]:
        entries: dict[str, yaml.Node] = {}
        for key, value in mapping.value:
            name = str(key.value)
            if name in entries:
                hint = tr("Keep one of the two; two environments go into two files.")
                raise self._problem(key, tr("{key} is there twice.", key=name), hint)
            entries[name] = value
        return entries

    def _require_environment(self, root: yaml.MappingNode, entries: dict[str, yaml.Node]) -> None:
        for key, _ in root.value:
            if key.value in _OTHERS:
                raise self._problem(
                    key, tr("This is {what}, not a conda environment.", what=_OTHERS[key.value]), _form()
                )
        if "dependencies" in entries:
            return
        for key, _ in root.value:
            if difflib.get_close_matches(str(key.value), ["dependencies"], cutoff=0.8):
                raise self._problem(key, tr("The key {key} should be dependencies.", key=key.value))
        raise self._problem(root, tr("The list of dependencies is missing."), _form())

    def _dependencies(self, node: yaml.Node) -> tuple[list[str], list[str]]:
        conda: list[str] = []
        pip: list[str] = []
        for item in self._items(node, "dependencies"):
            if isinstance(item, yaml.ScalarNode):
                conda.append(self._conda_spec(item))
            elif isinstance(item, yaml.MappingNode):
                for key, value in self._entries(item).items():
                    pip += self._pip_section(key, value)
            else:
                raise self._problem(item, tr("A list inside the list of dependencies means nothing to conda."))
        return conda, pip

    def _conda_spec(self, node: yaml.ScalarNode) -> str:
        text = str(node.value).strip()
        if is_spec(text):
            return text
        hint = ""
        if text.startswith("-") or "://" in text or " @ " in text:
            hint = tr("What pip is to install belongs into a list of its own, below `- pip:`.")
        raise self._problem(node, tr("{text} is not a package that conda could look for.", text=repr(text)), hint)

    def _pip_section(self, key: str, node: yaml.Node) -> Iterator[str]:
        if key != "pip":
            hint = tr("Only `pip:` may hold a list of its own.")
            if key.startswith("sel("):
                hint = tr(
                    "sel(...) is micromamba's and unidep's. Keep the lines meant for your system, as plain lines."
                )
            raise self._problem(node, tr("{key} is not something conda installs.", key=repr(key)), hint)
        for item in self._items(node, "pip"):
            if not isinstance(item, yaml.ScalarNode):
                raise self._problem(
                    item,
                    tr("Below `pip:` every line is one requirement; this one is a list or a mapping."),
                    tr("Look for a stray colon or dash in it, or put it in quotes."),
                )
            text = " ".join(str(item.value).split())
            if not text:
                raise self._problem(item, tr("An empty line stands in the list below `pip:`."))
            lines, warnings = taken(text, self.filename, _line(item))
            self.warnings += warnings
            yield from lines

    def _name(self, node: yaml.Node | None) -> str:
        if node is None or _is_null(node):
            return ""
        if not isinstance(node, yaml.ScalarNode):
            raise self._problem(node, tr("name must be one word."))
        name = str(node.value).strip()
        if "/" in name or "\\" in name:
            # conda exports an environment without a name under its path.
            self.warnings.append(tr("The name {name} is a path on another machine and is ignored.", name=name))
            return ""
        return name

    def _texts(self, node: yaml.Node | None, key: str) -> Iterator[str]:
        for item in self._items(node, key) if node is not None else ():
            if not isinstance(item, yaml.ScalarNode) or not str(item.value).strip():
                raise self._problem(item, tr("In the list of {key} every line is one word.", key=key))
            yield str(item.value).strip()

    def _items(self, node: yaml.Node, key: str) -> list[yaml.Node]:
        if _is_null(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self._problem(
                node,
                tr("{key} must be a list.", key=key),
                tr("Write each of its entries on a line of its own that begins with a dash and a space."),
            )
        return list(node.value)

    def _variables(self, node: yaml.Node | None) -> dict[str, str]:
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self._problem(node, tr("variables must be lines of the form NAME: value."))
        variables = {}
        for name, value in self._entries(node).items():
            if not isinstance(value, yaml.ScalarNode):
                raise self._problem(value, tr("The variable {name} must have one text as its value.", name=name))
            variables[name] = "" if _is_null(value) else str(value.value)
        return variables


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _form() -> str:
    return tr("A conda environment file has at least `dependencies:` with a list of packages below it.")


def _yaml_hint(reason: str) -> str:
    if "\\t" in reason:
        return tr("YAML does not allow tabs: indent with spaces.")
    return tr("Look at the indentation and the dashes of this line and the one before it.")
