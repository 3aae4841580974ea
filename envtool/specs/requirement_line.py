"""One line of a requirements file: kept where pip understands it, corrected where it is clear what was meant."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from envtool.i18n import tr
from envtool.redaction import redact
from envtool.specs import conda_list, git_addresses, pip_options
from envtool.specs.problem import Place, problem


class Corrected(NamedTuple):
    """The lines to give to pip, and a warning on each correction."""

    lines: list[str]
    warnings: list[str]


class _Words(NamedTuple):
    """The words of a line: options that hold for all lines, options of one requirement, and packages."""

    general: list[tuple[str, str]]
    own: list[str]
    packages: list[str]


_LOCATION = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*://|file:|\.{0,2}/|~/|\.\.?(?:\[|$)|\$\{|[A-Za-z]:\\|[\w.-]+/|"
    r"\S+\.(?:whl|zip|tar\.gz|tar\.bz2)(?:\s|$)"
)
_LOCAL = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*file:(?P<path>[^\s;#]*)(?P<fragment>#\S*)?"
    r"(?:\s*(?P<marker>;.*))?"
)
_SINGLE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?)\s*=\s*(?P<version>[^=\s;]+)(?P<rest>\s*;.*)?"
)
_OLD_LIST = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*) \((?P<version>\d[^\s,()]*)(?:, [^()]*)?\)")
_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/))?(?P<path>(?!//)\S.*)")
# Valid without a look: the parser takes longer to import than all the rest.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?: ?(?:==|>=|<=|~=) ?\d+(?:\.\d+)+)?")
_SHELL = re.compile(r"[!%$]?\s*(?:python3? -m )?pip3? install\s+(?P<rest>\S.*)")
_CONDA_COMMAND = re.compile(r"[!%$]?\s*(?:conda|mamba|micromamba)\s+install\b")
_IDLE = ("-U", "--upgrade", "-q", "--quiet", "-v", "-y", "--user", "--no-cache-dir", "--force-reinstall")


def corrected(line: str, place: Place) -> Corrected:
    """Return what to give to pip for one logical line. Raises EnvtoolError where it is unclear what was meant."""
    if shell := _SHELL.fullmatch(line):
        return _command(shell["rest"], place)
    if line.endswith("\\"):
        raise problem(
            place,
            tr("A backslash continues a line only if nothing follows it, not even a space."),
            tr("Remove the backslash, or what follows it."),
        )
    if _CONDA_COMMAND.match(line):
        raise problem(
            place,
            tr("{text} is a conda command.", text=repr(line)),
            tr("List conda packages in an environment.yml, above its `- pip:`."),
        )
    if line.startswith("-"):
        return _options(line, place)
    requirement, options = _split(line)
    if options:
        return _with_options(requirement, options, place)
    return _requirement(line, place)


def _command(text: str, place: Place) -> Corrected:
    """Return what a `pip install` on the line would install."""
    options, own, packages = _words(" ".join(word for word in text.split() if word not in _IDLE), place)
    lines = [line for package in packages for line in _requirement(package.strip("'\""), place).lines]
    warning = tr("{place} is a command: the packages that it would install are used.", place=place.short)
    return Corrected([*(text for _, text in options), *(" ".join([line, *own]) for line in lines)], [warning])


def _options(line: str, place: Place) -> Corrected:
    """Return a line that begins with an option; packages behind it, which pip ignores, get lines of their own."""
    option = pip_options.name_of(line, place)
    if option in pip_options.OF_A_PATH:
        return _of_a_path(option, line, place)
    if option == "--pypi-url":  # an old name, which uv does not know
        line = line.replace("--pypi-url", "--index-url", 1)
    options, _, packages = _words(line, place)
    if not packages:
        return Corrected([line], [])
    warning = tr("{place}: pip would ignore what follows {option}; it is used.", place=place.short, option=option)
    lines, warnings = corrected(" ".join(packages), place)
    return Corrected([*(text for _, text in options), *lines], [warning, *warnings])


def _of_a_path(option: str, line: str, place: Place) -> Corrected:
    """Return a line with an option whose value is a path or a URL, which may hold spaces."""
    value = line[len(option) :].lstrip(" =")
    if not value:
        raise problem(place, tr("{option} needs a value.", option=option))
    usable = git_addresses.as_url(value) if option in ("-e", "--editable") else _without_scheme(value)
    if usable == value:
        return Corrected([line], [])
    mended = f"{option} {usable}"
    return Corrected([mended], [_written_as(mended, place)])


def _without_scheme(value: str) -> str:
    """Return the path in ``file:PATH`` and ``file:///PATH``; older pips took the first for a path, as people do."""
    found = _FILE_URL.fullmatch(value)
    return unquote(found["path"]) if found else value


def _written_as(text: str, place: Place) -> str:
    return tr("{place}: pip writes this as {text}.", place=place.short, text=redact(text))


def _with_options(requirement: str, options: str, place: Place) -> Corrected:
    """Return a requirement, and on lines of their own the options behind it, which pip ignores there."""
    lines, warnings = _requirement(requirement, place)
    general, own, packages = _words(options, place)
    lines[-1] = " ".join([lines[-1], *own])
    for option, text in general:
        # an index meant for one package must not become the only one
        line = re.sub(rf"^{option}(?:\s+|=)?", "--extra-index-url ", text) if option in pip_options.INDEXES else text
        lines.insert(0, line)
        warnings.append(
            tr(
                "{place}: pip ignores {option} behind a requirement; {used} is used for all lines.",
                place=place.short,
                option=option,
                used=repr(redact(line)),
            )
        )
    if packages:
        more = corrected(" ".join(packages), place)
        return Corrected([*lines, *more.lines], [*warnings, *more.warnings])
    return Corrected(lines, warnings)


def _words(text: str, place: Place) -> _Words:
    """Return the words of a text."""
    general: list[tuple[str, str]] = []
    own: list[str] = []
    packages: list[str] = []
    words = text.split()
    while words:
        count = 1
        if not words[0].startswith("-"):
            packages.append(words[0])
        elif pip_options.OF_REQUIREMENT.match(words[0]):
            count = 1 if "=" in words[0] else 2
            own += words[:count]
        else:
            option = pip_options.name_of(words[0], place)
            count = 1 if words[0] != option or option in pip_options.FLAGS else 2
            general.append((option, " ".join(words[:count])))
        words = words[count:]
    return _Words(general, own, packages)


def _split(line: str) -> tuple[str, str]:
    """Return a requirement and the options behind it that are not a requirement's own."""
    for found in re.finditer(r"\s+(?=--?[a-zA-Z])", line):
        options = line[found.end() :]
        if not all(pip_options.OF_REQUIREMENT.match(word) for word in options.split() if word.startswith("-")):
            return line[: found.start()], options
        break
    return line, ""


def _requirement(line: str, place: Place) -> Corrected:
    if local := _LOCAL.fullmatch(line):
        return _without_folder(local, line, place)
    if (url := git_addresses.as_url(line)) != line:
        return Corrected([url], [_written_as(url, place)])
    if _LOCATION.match(line):
        return Corrected([line], [])
    if conda_list.is_line(line):
        return _listed(line, place)
    if single := _SINGLE.fullmatch(line):
        fixed = f"{single['name']}=={single['version']}{single['rest'] or ''}"
        if not _fault(fixed):
            return Corrected([fixed], [tr("{place}: pip writes {text} with `==`.", place=place.short, text=line)])
    if old := _OLD_LIST.fullmatch(line):
        fixed = f"{old['name']}=={old['version']}"
        return Corrected([fixed], [_written_as(fixed, place)])
    if fault := _fault(line):
        what = tr("{text} is not a valid requirement: {reason}.", text=repr(line), reason=fault)
        if "::" in line:
            what = tr("{text} names a conda channel, and pip has no channels.", text=repr(line))
        raise problem(place, what, _hint(line))
    return Corrected([line], [])


def _listed(line: str, place: Place) -> Corrected:
    """Return a line in the form of ``conda list --export`` as pip writes it, if it is about one of pip's packages."""
    lines = conda_list.read(line, place.file).spec.pip
    if not lines:
        raise problem(
            place,
            tr("{text} has the form name=version=build of a conda package.", text=repr(line)),
            tr("List it with the conda packages: in an environment.yml, above `- pip:`."),
        )
    return Corrected([*lines], [_written_as(lines[0], place)])


def _without_folder(local: re.Match[str], line: str, place: Place) -> Corrected:
    """Return ``name`` or ``name==version`` instead of a folder or file that only the author's machine has."""
    requirement = f"{local['name']}{local['extras'] or ''}"
    for version in _versions(unquote(local["path"]).rpartition("/")[2]):
        requirement += f"=={version}"
    requirement += f" {local['marker']}" if local["marker"] else ""
    warning = tr(
        "{place}: {text} points to a path on another machine; {requirement} is used instead.",
        place=place.short,
        text=repr(redact(line)),
        requirement=requirement,
    )
    return Corrected([requirement], [warning])


def _versions(file: str) -> Iterator[str]:
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    for parse in (parse_wheel_filename, parse_sdist_filename):
        try:
            yield str(parse(file)[1])
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue


def _fault(line: str) -> str:
    """Return why a line is not a valid requirement, or ""."""
    if _PLAIN.fullmatch(line):
        return ""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(re.split(r"\s--[a-z]", line, maxsplit=1)[0].strip())
    except InvalidRequirement as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""


def _hint(line: str) -> str:
    if "::" in line:
        return tr("In an environment.yml it belongs in the list above `pip:`.")
    if re.search(r"\{[{%]|[%}]\}", line):
        return tr("This is a template: fill in its placeholders, or run the program that renders it.")
    if re.match(r"[<>=]{7}(\s|$)", line):
        return tr("These are conflict markers of a merge: keep one of the two sides.")
    if "#" in line and not _fault(line.partition("#")[0]):
        return tr("A comment needs a space before its #.")
    return tr("Correct the line, or comment it out with #.")
