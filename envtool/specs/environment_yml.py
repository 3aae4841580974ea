"""conda's environment.yml (CEP 24): read with all that people and old tools put in it, written portably."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envtool.documents import check_yaml
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Reading, Spec
from envtool.specs import conda_list, environment_keys
from envtool.specs.format import Format
from envtool.specs.match_spec import is_spec, not_a_spec
from envtool.specs.problem import Place, problem
from envtool.specs.yaml_nodes import is_mapping, is_null, is_scalar, is_sequence, line_of
from envtool.specs.yaml_scalar import scalar

# What parses a file is imported where one is read: an export loads every format, and reads none.
if TYPE_CHECKING:
    import yaml

_FIRST_KEY = re.compile(r"""^["']?(?:name|channels|dependencies|variables|prefix)["']?[ \t]*:(?:\s|$)""", re.MULTILINE)


def read(text: str, filename: str = "") -> Reading:
    """Return the spec that an environment.yml holds. Raises EnvtoolError (BAD_INPUT) with the line."""
    return _Reader(filename).read(text)


def write(spec: Spec) -> str:
    """Return the environment.yml of a spec: without ``prefix:``, in conda's order of keys, laid out as conda does."""
    lines = [f"name: {scalar(spec.name)}"] if spec.name else []
    if spec.channels:
        lines += ["channels:", *(f"  - {scalar(channel)}" for channel in spec.channels)]
    lines.append("dependencies:" if spec.conda or spec.pip else "dependencies: []")
    lines += [f"  - {scalar(item)}" for item in spec.conda]
    if spec.pip:
        lines += ["  - pip:", *(f"      - {scalar(line)}" for line in spec.pip)]
    if spec.variables:
        lines += ["variables:", *(f"  {scalar(name)}: {scalar(text)}" for name, text in spec.variables.items())]
    return "".join(f"{line}\n" for line in lines)


@dataclass
class _Reader:
    """Reads one file. Nodes are used, not values: they have line numbers, and ``3.10`` stays what was written."""

    filename: str
    lines: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def read(self, text: str) -> Reading:
        self.lines = text.splitlines()
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
            prefix=self._prefix(entries.get("prefix")),
            places=self.places,
        )
        for key, value in root.value:
            self._unknown_key(key, value)
        return Reading(spec, tuple(self.warnings))

    def _problem(self, node: "yaml.Node", what: str, hint: str = "") -> EnvtoolError:
        return problem(Place(self.filename, line_of(node)), what, hint)

    def _root(self, text: str) -> "yaml.MappingNode":
        import yaml

        try:
            check_yaml(text, slow=True)
            loader = yaml.SafeLoader(text)
            root = loader.get_single_node()
            if is_mapping(root):
                loader.flatten_mapping(root)  # `<<: *common`
                return root
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = error.problem or str(error)
            place = Place(self.filename, mark.line + 1 if mark else 1)
            raise problem(place, tr("This is not valid YAML: {reason}.", reason=reason), _yaml_hint(reason)) from None
        except yaml.reader.ReaderError as error:
            place = Place(self.filename, text.count("\n", 0, error.position) + 1)
            raise problem(place, tr("This is not text: it contains a control character.")) from None
        if root is None:
            raise problem(Place(self.filename, 1), tr("The file holds nothing but comments."), _form())
        raise self._problem(root, tr("This is not an environment.yml: it has no keys such as dependencies."), _form())

    def _entries(self, mapping: "yaml.MappingNode") -> "dict[str, yaml.Node]":
        entries: dict[str, yaml.Node] = {}
        for key, value in mapping.value:
            name = str(key.value)
            if name in entries:
                hint = tr("Keep one of the two; put each environment into a file of its own.")
                raise self._problem(key, tr("The key {key} occurs twice.", key=name), hint)
            entries[name] = value
        return entries

    def _require_environment(self, root: "yaml.MappingNode", entries: "dict[str, yaml.Node]") -> None:
        for key, _ in root.value:
            if other := environment_keys.other_file(str(key.value)):
                raise self._problem(key, other, _form())
        if "dependencies" in entries:
            return
        for key, _ in root.value:
            if difflib.get_close_matches(str(key.value), ["dependencies"], cutoff=0.8):
                raise self._problem(key, tr("The key {key} should be dependencies.", key=key.value))
        raise self._problem(root, tr("The list `dependencies` is missing."), _form())

    def _dependencies(self, node: "yaml.Node") -> tuple[list[str], list[str]]:
        conda: list[str] = []
        pip: list[str] = []
        for item in self._items(node, "dependencies"):
            if self._excluded(item):
                continue
            if is_scalar(item):
                spec = self._conda_spec(item)
                listed = conda_list.read(spec).spec.pip if conda_list.is_line(spec) else ()
                conda += () if listed else (spec,)
                for line in listed:
                    self.warnings.append(
                        tr(
                            "Line {line}: {text} is a package from pip: it is treated as one.",
                            line=line_of(item),
                            text=spec,
                        )
                    )
                    pip += self._pip_line(line, item)
            elif is_mapping(item):
                for key, value in self._entries(item).items():
                    pip += self._pip_section(key, value)
            else:
                raise self._problem(item, tr("conda does not support a list inside the list of dependencies."))
        return conda, pip

    def _conda_spec(self, node: "yaml.ScalarNode") -> str:
        text = str(node.value).strip()
        if is_spec(text):
            return text
        hint = ""
        if text.startswith("-") or "://" in text or " @ " in text:
            hint = tr("List pip packages below `- pip:`.")
        raise self._problem(node, not_a_spec(text), hint)

    def _pip_section(self, key: str, node: "yaml.Node") -> Iterator[str]:
        if key != "pip":
            hint = tr("Only `pip:` may have a list of its own.")
            if key.startswith("sel("):
                hint = tr("Only micromamba and unidep know sel(...). Keep the lines for your system as plain lines.")
            raise self._problem(node, tr("conda does not know {key} here.", key=repr(key)), hint)
        for item in self._items(node, "pip"):
            if self._excluded(item):
                continue
            if not is_scalar(item):
                raise self._problem(
                    item,
                    tr("Below `pip:` every item must be one requirement; this one is a list or a mapping."),
                    tr("Look for a stray colon or dash, or put the item in quotes."),
                )
            text = " ".join(str(item.value).split())
            if not text:
                raise self._problem(item, tr("The list below `pip:` has an empty item."))
            yield from self._pip_line(text, item)

    def _pip_line(self, text: str, node: "yaml.Node") -> Iterator[str]:
        from envtool.specs.requirement_line import corrected

        place = Place(self.filename, line_of(node))
        usable = corrected(text, place)
        self.warnings += usable.warnings
        for line in usable.lines:
            self.places.setdefault(line, place.full)
            yield line

    def _excluded(self, node: "yaml.Node") -> bool:
        """Return whether a selector behind a line (``# [win]``) excludes this platform; warn if so."""
        from envtool.specs import selectors

        if not is_scalar(node):
            return False
        condition = selectors.condition(self.lines[node.end_mark.line]) if node.end_mark.line < len(self.lines) else ""
        excluded = bool(condition) and selectors.holds(condition) is False
        if excluded:
            self.warnings.append(selectors.dropped(line_of(node), condition, str(node.value)))
        return excluded

    def _prefix(self, node: "yaml.Node | None") -> str:
        if node is None:
            return ""
        self.warnings.append(tr("prefix is ignored: it is a path on the machine where the file was created."))
        return str(node.value).strip() if is_scalar(node) and not is_null(node) else ""

    def _unknown_key(self, key: "yaml.Node", value: "yaml.Node") -> None:
        """Warn of a key that is not conda's, and raise EnvtoolError where something asked for would be lost with it."""
        name = str(key.value)
        if name in environment_keys.KEYS:
            return
        if fault := environment_keys.fault(name, has_items=is_sequence(value) and bool(value.value)):
            raise self._problem(key, *fault)
        if name == "platforms":
            self._platforms(key, value)
            return
        self.warnings.append(tr("Line {line}: the unknown key {key} is ignored.", line=line_of(key), key=name))

    def _platforms(self, key: "yaml.Node", value: "yaml.Node") -> None:
        """Warn where the file, of conda-lock's kind, is made for other platforms only."""
        from envtool.specs import selectors

        named = [str(item.value) for item in self._items(value, "platforms")]
        here = selectors.this_platform()
        if named and here not in named:
            self.warnings.append(
                tr(
                    "Line {line}: the file is for {platforms}, and this platform is {here}.",
                    line=line_of(key),
                    platforms=", ".join(named),
                    here=here,
                )
            )

    def _name(self, node: "yaml.Node | None") -> str:
        if node is None or is_null(node):
            return ""
        if not is_scalar(node):
            raise self._problem(node, tr("`name` must be a single value."))
        name = str(node.value).strip()
        if "/" in name or "\\" in name:
            # conda exports an environment without a name with its path as the name.
            self.warnings.append(tr("The name {name} is a path on another machine and is ignored.", name=name))
            return ""
        return name

    def _texts(self, node: "yaml.Node | None", key: str) -> Iterator[str]:
        for item in self._items(node, key) if node is not None else ():
            if not is_scalar(item) or not str(item.value).strip():
                raise self._problem(item, tr("Every item of `{key}` must be a single value.", key=key))
            yield str(item.value).strip()

    def _items(self, node: "yaml.Node", key: str) -> "list[yaml.Node]":
        if is_null(node):
            return []
        if not is_sequence(node):
            raise self._problem(
                node,
                tr("`{key}` must be a list.", key=key),
                tr("Put each item on its own line, after a dash and a space."),
            )
        return list(node.value)

    def _variables(self, node: "yaml.Node | None") -> dict[str, str]:
        if node is None or is_null(node):
            return {}
        if not is_mapping(node):
            raise self._problem(node, tr("`variables` must hold lines of the form NAME: value."))
        variables = {}
        for key, value in node.value:
            name = str(key.value)
            if not is_scalar(value):
                raise self._problem(value, tr("The variable {name} must have a single value.", name=name))
            text = "" if is_null(value) else str(value.value)
            if reason := environment_keys.not_settable(name, text):
                warning = tr(
                    "Line {line}: the variable {name} is left out: {reason}.",
                    line=line_of(key),
                    name=name,
                    reason=reason,
                )
                self.warnings.append(warning)
            else:
                variables[name] = text
        return variables


def _form() -> str:
    return tr("A conda environment file needs at least `dependencies:` with a list of packages.")


def _yaml_hint(reason: str) -> str:
    if "\\t" in reason:
        return tr("YAML does not allow tabs: indent with spaces.")
    return tr("Check the indentation and the dashes of this line and the one before it.")


FORMAT = Format(
    name="environment-yml",
    recognises=lambda text, _: bool(_FIRST_KEY.search(text)),
    read=lambda text, filename, _: read(text, filename),
    write=lambda environment: write(environment.spec),
    files=("*.yml", "*.yaml"),
    from_its_folder=True,
)
