"""What a list of mirrors may contain; an error names the file and the line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.redaction import redact

_Check = Callable[[Any], str]
_Where = tuple[str | int, ...]


class _WrongError(Exception):
    def __init__(self, where: _Where, problem: str) -> None:
        super().__init__(problem)
        self.where, self.problem = where, problem


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else tr("must be a text")


def _word(value: Any) -> str:
    ok = isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and value == value.lower()
    return "" if ok else tr("must be one lower-case word in quotes or letters")


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(("https://", "http://", "file://")):
        return tr("must be an http, https or file URL")
    return tr("holds a login: keep it in netrc or a variable, it is never written") if redact(value) != value else ""


def _number(value: Any) -> str:
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if ok else tr("must be a whole number, 0 or more")


def _date(value: Any) -> str:
    parts = str(value).split("-")
    ok = len(parts) == 3 and all(part.isdigit() for part in parts)
    return "" if ok else tr("must be a date like 2026-11-23")


def _one_of(*choices: object) -> _Check:
    def check(value: Any) -> str:
        return "" if value in choices else tr("must be one of: {choices}", choices=", ".join(map(str, choices)))

    return check


def _pairs(value: Any) -> str:
    ok = isinstance(value, dict) and all(isinstance(k, str) and not _url(v) for k, v in value.items())
    return "" if ok else tr("must map names to URLs")


class _List:
    def __init__(self, item: Any) -> None:
        self.item = item


class _Map:
    def __init__(self, required: Mapping[str, Any], optional: Mapping[str, Any]) -> None:
        self.required, self.known = required, {**required, **optional}


_EVIDENCE = _Map({"what": _text, "source": _text, "date": _date}, {})
_PYPI = _Map({"index": _url}, {"also": _List(_url)})
_CONDA = _Map(
    {"base": _url},
    {
        "also": _List(_url),
        "pkgs": _List(_word),
        "channels": _List(_text),
        "elsewhere": _pairs,
        "missing": _List(_text),
    },
)
_TORCH = _Map({"base": _url, "how": _one_of("index", "find-links")}, {})
_MIRROR = {
    "title": _text,
    "aliases": _List(_word),
    "group": _word,
    "depends": _List(_word),
    "preference": _number,
    "state": _one_of("active", "partial", "uncertain", "redirector", "retired"),
    "note": _text,
    "replacement": _word,
    "pypi": _PYPI,
    "conda": _CONDA,
    "torch": _TORCH,
    "python": _url,
    "installers": _pairs,
    "status": _url,
    "evidence": _List(_EVIDENCE),
}
_NEEDED = ("title", "group", "state", "evidence")  # a shipped mirror says who it is, how it is and how we know


def checked(text: str, path: Path, *, whole: bool) -> dict[str, Any]:
    """Return a list of mirrors that keeps to the schema: the shipped one (``whole``) or a user's additions.

    Raises EnvtoolError (BAD_INPUT) with file and line.
    """
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _error(path, mark.line + 1 if mark else 1, getattr(error, "problem", "") or str(error)) from None
    try:
        return _checked(data if data is not None else {}, whole=whole)
    except _WrongError as wrong:
        name = ".".join(map(str, wrong.where))
        problem = tr("`{name}` {problem}", name=name, problem=wrong.problem) if name else wrong.problem
        raise _error(path, _line(text, wrong.where), problem) from None


def _checked(data: Any, *, whole: bool) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _WrongError((), tr("it must hold `mirrors:` with one entry for each"))
    mirrors = data.get("mirrors", {})
    if not isinstance(mirrors, dict):
        raise _WrongError(("mirrors",), tr("must map names to mirrors"))
    top = {
        "schema": _one_of(1),
        "compiled": _date,
        "upstream": _Map(dict.fromkeys(("conda", "defaults", "torch"), _url), {}),
    }
    rest = {key: value for key, value in data.items() if key != "mirrors"}
    own = {**top, "torch": _word}  # a user's preference among the mirrors of PyTorch wheels
    _walk(rest, _Map(top if whole else {}, top if whole else own), ())
    shape = _Map({name: _MIRROR[name] for name in _NEEDED if whole}, _MIRROR)
    for name, entry in mirrors.items():
        if problem := _word(name):
            raise _WrongError(("mirrors", name), problem)
        _walk(entry, shape, ("mirrors", name))
    return data


def _walk(value: Any, shape: Any, where: _Where) -> None:
    if isinstance(shape, _Map):
        if not isinstance(value, dict):
            raise _WrongError(where, tr("must be a map"))
        for key, content in value.items():
            if key not in shape.known:
                raise _WrongError(
                    (*where, key), tr("is not a known key; known are: {keys}", keys=", ".join(shape.known))
                )
            _walk(content, shape.known[key], (*where, key))
        for key in shape.required:
            if key not in value:
                raise _WrongError(where, tr("lacks `{key}`", key=key))
    elif isinstance(shape, _List):
        if not isinstance(value, list):
            raise _WrongError(where, tr("must be a list"))
        for index, item in enumerate(value):
            _walk(item, shape.item, (*where, index))
    elif problem := shape(value):
        raise _WrongError(where, problem)


def _line(text: str, where: _Where) -> int:
    """Return the line (from 1) of a key or item; only wanted once something is wrong, so the text is parsed again."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
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
        tr("The list of mirrors {path} is not right: line {line}: {problem}.", path=path, line=line, problem=problem),
        hint=tr("Correct that line."),
        code=ExitCode.BAD_INPUT,
    )
