"""One line for pip, as it can be used: kept where pip understands it, mended where it is clear what was meant."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from envtool.i18n import tr
from envtool.redaction import redact
from envtool.specs.problem import problem

Taken = tuple[list[str], list[str]]  # the lines that pip is to have, and warnings on what had to be changed

_Parts = tuple[list[tuple[str, str]], list[str], list[str]]

_VALUED = (
    "--index-url --pypi-url --extra-index-url --constraint --requirement --editable --find-links --no-binary "
    "--only-binary --trusted-host --use-feature -i -c -r -e -f"
).split()
_FLAGS = "--no-index --prefer-binary --require-hashes --pre".split()
_OF_A_PATH = ("-e", "--editable", "-r", "--requirement", "-c", "--constraint")
_INDEXES = ("-i", "--index-url", "--pypi-url")
_OF_REQUIREMENT = re.compile(r"--(?:hash|config-settings?|global-option|install-option)(?:=|$)")
_OPTION = re.compile(r"(?P<name>-[icref]|--[a-z-]+)(?P<glue>=?)(?P<value>.*)")
_PLACE = re.compile(
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
_SHELL = re.compile(r"[!%$]?\s*(?:python3? -m )?pip3? install\s+(?P<rest>\S.*)")
_CONDA_COMMAND = re.compile(r"[!%$]?\s*(?:conda|mamba|micromamba)\s+install\b")
_IDLE = ("-U", "--upgrade", "-q", "--quiet", "-v", "-y", "--user", "--no-cache-dir", "--force-reinstall")


def taken(line: str, filename: str, number: int) -> Taken:
    """Return the lines that pip is to have for one logical line, and what was changed. Raises EnvtoolError."""
    if shell := _SHELL.fullmatch(line):
        return _command(shell["rest"], filename, number)
    if line.endswith("\\"):
        raise problem(
            filename,
            number,
            tr("A line is continued by a backslash only where nothing follows it, not even a space."),
            tr("Take away what stands behind the backslash, or the backslash."),
        )
    if _CONDA_COMMAND.match(line):
        raise problem(
            filename,
            number,
            tr("{text} is a command of conda's.", text=repr(line)),
            tr("What conda is to install goes into an environment.yml, above its `- pip:`."),
        )
    if line.startswith("-"):
        return _options(line, filename, number)
    requirement, options = _split(line)
    if options:
        return _with_options(requirement, options, filename, number)
    return _requirement(line, filename, number)


def _command(text: str, filename: str, number: int) -> Taken:
    """Return what a `pip install` on the line would install."""
    options, own, packages = _parted(" ".join(word for word in text.split() if word not in _IDLE), filename, number)
    lines = [line for package in packages for line in _requirement(package.strip("'\""), filename, number)[0]]
    warning = tr("Line {line} is a command; what it would install is taken.", line=number)
    return [*(text for _, text in options), *(" ".join([line, *own]) for line in lines)], [warning]


def _options(line: str, filename: str, number: int) -> Taken:
    """Return a line that begins with an option; packages behind it get lines of their own: pip drops them unsaid."""
    option = _option(line, filename, number)
    if option in _OF_A_PATH:
        return [line], []  # which may hold spaces
    options, _, packages = _parted(line, filename, number)
    if not packages:
        return [line], []
    warning = tr("Line {line}: pip would drop what follows {option}; it is taken, too.", line=number, option=option)
    lines, warnings = taken(" ".join(packages), filename, number)
    return [*(text for _, text in options), *lines], [warning, *warnings]


def _with_options(requirement: str, options: str, filename: str, number: int) -> Taken:
    """Return a requirement, and on lines of their own the options behind it, of which pip takes no notice there."""
    lines, warnings = _requirement(requirement, filename, number)
    general, own, packages = _parted(options, filename, number)
    lines[-1] = " ".join([lines[-1], *own])
    for option, text in general:
        # an index meant for one package must not become the only one
        line = re.sub(rf"^{option}(?:\s+|=)?", "--extra-index-url ", text) if option in _INDEXES else text
        lines.insert(0, line)
        warnings.append(
            tr(
                "Line {line}: pip takes no notice of {option} behind a requirement; for all lines {taken} is taken.",
                line=number,
                option=option,
                taken=repr(redact(line)),
            )
        )
    if packages:
        more, notes = taken(" ".join(packages), filename, number)
        return [*lines, *more], [*warnings, *notes]
    return lines, warnings


def _parted(text: str, filename: str, number: int) -> _Parts:
    """Return the options in a text that count for all lines, those of a requirement's own, and the other words."""
    general: list[tuple[str, str]] = []
    own: list[str] = []
    others: list[str] = []
    words = text.split()
    while words:
        count = 1
        if not words[0].startswith("-"):
            others.append(words[0])
        elif _OF_REQUIREMENT.match(words[0]):
            count = 1 if "=" in words[0] else 2
            own += words[:count]
        else:
            option = _option(words[0], filename, number)
            count = 1 if words[0] != option or option in _FLAGS else 2
            general.append((option, " ".join(words[:count])))
        words = words[count:]
    return general, own, others


def _split(line: str) -> tuple[str, str]:
    """Return a requirement and the options behind it that are not a requirement's own."""
    for found in re.finditer(r"\s+(?=--?[a-zA-Z])", line):
        options = line[found.end() :]
        if not all(_OF_REQUIREMENT.match(word) for word in options.split() if word.startswith("-")):
            return line[: found.start()], options
        break
    return line, ""


def _option(text: str, filename: str, number: int) -> str:
    """Return the name of the option that a text begins with."""
    found = _OPTION.match(text.split(maxsplit=1)[0])
    name = found["name"] if found else ""
    known = name in _VALUED or (name in _FLAGS and not (found and found["value"]))
    if not known and not _OF_REQUIREMENT.match(text):
        raise problem(
            filename, number, tr("pip has no option {text} in requirements files.", text=repr(text)), _hint(text)
        )
    return name


def _requirement(line: str, filename: str, number: int) -> Taken:
    if local := _LOCAL.fullmatch(line):
        return _without_folder(local, line, number)
    if _PLACE.match(line):
        return [line], []
    if single := _SINGLE.fullmatch(line):
        mended = f"{single['name']}=={single['version']}{single['rest'] or ''}"
        if not _fault(mended):
            return [mended], [tr("Line {line}: pip spells {text} with two signs of equality.", line=number, text=line)]
    if old := _OLD_LIST.fullmatch(line):
        mended = f"{old['name']}=={old['version']}"
        return [mended], [tr("Line {line}: pip spells this {text}.", line=number, text=mended)]
    if fault := _fault(line):
        what = tr("{text} is not a requirement that pip understands: {reason}.", text=repr(line), reason=fault)
        if "::" in line:
            what = tr("{text} names a conda channel; pip knows none.", text=repr(line))
        raise problem(filename, number, what, _hint(line))
    return [line], []


def _without_folder(local: re.Match[str], line: str, number: int) -> Taken:
    """Return ``name`` or ``name==version`` in place of a folder or file that only the machine of its author has."""
    requirement = f"{local['name']}{local['extras'] or ''}"
    for version in _versions(unquote(local["path"]).rpartition("/")[2]):
        requirement += f"=={version}"
    requirement += f" {local['marker']}" if local["marker"] else ""
    warning = tr(
        "Line {line}: the place that {text} points at is on another machine; {requirement} is asked for instead.",
        line=number,
        text=repr(redact(line)),
        requirement=requirement,
    )
    return [requirement], [warning]


def _versions(file: str) -> Iterator[str]:
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    for parse in (parse_wheel_filename, parse_sdist_filename):
        try:
            yield str(parse(file)[1])
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue


def _fault(line: str) -> str:
    """Return why a line is no requirement, or ""."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(re.split(r"\s--[a-z]", line, maxsplit=1)[0].strip())
    except InvalidRequirement as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""


def _hint(line: str) -> str:
    if "::" in line:
        return tr("In an environment.yml it belongs into the list above `pip:`.")
    if re.search(r"\{[{%]|[%}]\}", line):
        return tr("This is a template: fill in its places, or run the program it is made for.")
    if re.match(r"[<>=]{7}(\s|$)", line):
        return tr("These are the marks of a merge that was not finished: keep one of the two sides.")
    if "#" in line and not _fault(line.partition("#")[0]):
        return tr("A comment needs a space in front of its #.")
    return tr("Correct the line, or put a # in front of it.")
