"""The schema of a list of mirrors; an error names the file and the line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from envtool.documents import compose_yaml, load_yaml
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors.catalogue import STATES
from envtool.redaction import redact

_Address: TypeAlias = tuple[str | int, ...]  # of a value: the keys and positions that lead to it
_Rule: TypeAlias = Callable[[str, object], str]  # (name, value) -> what is wrong, as a sentence, or ""


class _WrongError(Exception):
    def __init__(self, where: _Address, problem: str) -> None:
        super().__init__(problem)
        self.where, self.problem = where, problem


@dataclass(frozen=True)
class _List:
    item: "_Shape"


class _Map:
    def __init__(self, required: "Mapping[str, _Shape]", optional: "Mapping[str, _Shape]") -> None:
        self.required = required
        self.known: dict[str, _Shape] = {**required, **optional}


_Shape: TypeAlias = _Rule | _List | _Map


def _text(name: str, value: object) -> str:
    return "" if isinstance(value, str) and value else tr("`{name}` must be text.", name=name)


def _word(name: str, value: object) -> str:
    ok = isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and value == value.lower()
    return "" if ok else tr("`{name}` must be one lower-case word (in quotes if it consists of digits).", name=name)


def _url(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.startswith(("https://", "http://", "file://")):
        return tr("`{name}` must be an http, https or file URL.", name=name)
    if redact(value) != value:
        return tr("`{name}` holds a login, which is never stored: put it into ~/.netrc or a variable.", name=name)
    return ""


def _number(name: str, value: object) -> str:
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if ok else tr("`{name}` must be a whole number, 0 or more.", name=name)


def _date(name: str, value: object) -> str:
    parts = str(value).split("-")
    ok = len(parts) == 3 and all(part.isdigit() for part in parts)
    return "" if ok else tr("`{name}` must be a date like 2026-11-23.", name=name)


def _one_of(*choices: object) -> _Rule:
    def rule(name: str, value: object) -> str:
        listed = ", ".join(map(str, choices))
        return "" if value in choices else tr("`{name}` must be one of: {choices}.", name=name, choices=listed)

    return rule


def _urls_by_name(name: str, value: object) -> str:
    ok = isinstance(value, dict) and all(isinstance(key, str) and not _url(key, url) for key, url in value.items())
    return "" if ok else tr("`{name}` must map names to URLs.", name=name)


_EVIDENCE = _Map({"what": _text, "source": _text, "date": _date}, {})
_PYPI = _Map({"index": _url}, {"also": _List(_url), "dead": _List(_url)})
_CONDA = _Map(
    {"base": _url},
    {
        "also": _List(_url),
        "pkgs": _List(_word),
        "channels": _List(_text),
        "elsewhere": _urls_by_name,
        "missing": _List(_text),
    },
)
_TORCH = _Map({"base": _url, "how": _one_of("index", "find-links")}, {"also": _List(_url)})
_MIRROR: dict[str, _Shape] = {
    "title": _text,
    "aliases": _List(_word),
    "group": _word,
    "depends": _List(_word),
    "preference": _number,
    "state": _one_of(*STATES),
    "note": _text,
    "replacement": _word,
    "pypi": _PYPI,
    "conda": _CONDA,
    "torch": _TORCH,
    "python": _url,
    "hosts": _List(_text),
    "other": _List(_url),
    "installers": _urls_by_name,
    "status": _url,
    "evidence": _List(_EVIDENCE),
}
_NEEDED = ("title", "group", "state", "evidence")  # in the shipped list
_TOP: dict[str, _Shape] = {
    "schema": _one_of(1),
    "compiled": _date,
    "upstream": _Map(dict.fromkeys(("conda", "defaults", "torch"), _url), {}),
}


def checked(text: str, path: Path, *, whole: bool) -> dict[str, Any]:
    """Return the data of a list of mirrors: the shipped one (``whole``) or a user's additions.

    Raises EnvtoolError (BAD_INPUT) with file and line where it does not match the schema.
    """
    import yaml

    try:
        data = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", "") or str(error)
        raise _error(path, mark.line + 1 if mark else 1, f"{problem.rstrip('.')}.") from None
    try:
        return _checked(data if data is not None else {}, whole=whole)
    except _WrongError as wrong:
        raise _error(path, _line(text, wrong.where), wrong.problem) from None


def _checked(data: object, *, whole: bool) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _WrongError((), tr("The file must hold `mirrors:` with one entry for each mirror."))
    mirrors = data.get("mirrors", {})
    if not isinstance(mirrors, dict):
        raise _WrongError(("mirrors",), tr("`mirrors` must map names to mirrors."))
    rest = {key: value for key, value in data.items() if key != "mirrors"}
    own: dict[str, _Shape] = {**_TOP, "torch": _word}  # the mirror that is asked first for PyTorch wheels
    _walk(rest, _Map(_TOP if whole else {}, _TOP if whole else own), ())
    shape = _Map({name: _MIRROR[name] for name in _NEEDED if whole}, _MIRROR)
    for name, entry in mirrors.items():
        if problem := _word(f"mirrors.{name}", name):
            raise _WrongError(("mirrors", name), problem)
        _walk(entry, shape, ("mirrors", name))
    return data


def _walk(value: object, shape: _Shape, where: _Address) -> None:
    name = ".".join(map(str, where))
    if isinstance(shape, _Map):
        if not isinstance(value, dict):
            raise _WrongError(where, tr("`{name}` must be a map.", name=name))
        for key, content in value.items():
            if key not in shape.known:
                known = ", ".join(shape.known)
                raise _WrongError((*where, key), tr("The key `{key}` is unknown; known: {keys}.", key=key, keys=known))
            _walk(content, shape.known[key], (*where, key))
        for key in shape.required:
            if key not in value:
                raise _WrongError(where, tr("`{name}` needs the key `{key}`.", name=name, key=key))
    elif isinstance(shape, _List):
        if not isinstance(value, list):
            raise _WrongError(where, tr("`{name}` must be a list.", name=name))
        for index, item in enumerate(value):
            _walk(item, shape.item, (*where, index))
    elif problem := shape(name, value):
        raise _WrongError(where, problem)


def _line(text: str, where: _Address) -> int:
    """Return the line (from 1) of a key or item. It is needed for an error only, so the text is parsed again."""
    import yaml

    node = compose_yaml(text)
    line = 0
    for step in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if str(pair[0].value) == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
    return line + 1


def _error(path: Path, line: int, problem: str) -> EnvtoolError:
    return EnvtoolError(
        tr("The list of mirrors {path} has an error in line {line}: {problem}", path=path, line=line, problem=problem),
        hint=tr("Correct that line."),
        code=ExitCode.BAD_INPUT,
    )
