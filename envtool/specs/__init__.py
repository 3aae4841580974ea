"""Text to model and back, without side effects: one file per format, registered here once."""

from importlib import import_module
from pathlib import Path, PurePath

from envtool.model import Reading
from envtool.specs.format import Format

__all__ = ["FORMATS", "Format", "announced_by", "default", "formats", "named", "read", "writable"]

FORMATS = ("environment_yml", "requirements", "explicit", "table", "conda_list", "match_spec")
"""The formats by their modules; the first that recognises a text reads it, the first of all is written by default.

A new format is a file here that defines FORMAT, and its name above.
"""
_ANYTHING = "requirements"  # reads what no other format recognises


def formats() -> tuple[Format, ...]:
    """Return every format."""
    return tuple(import_module(f"{__name__}.{name}").FORMAT for name in FORMATS)


def writable() -> tuple[Format, ...]:
    """Return the formats that can be written, the default one first."""
    return tuple(each for each in formats() if each.write)


def default() -> Format:
    """Return the format that is written by default. Loads its file alone."""
    found: Format = import_module(f"{__name__}.{FORMATS[0]}").FORMAT
    return found


def named(name: str) -> Format:
    """Return a format by its name (``environment-yml``). Raises KeyError."""
    return {each.name: each for each in formats()}[name]


def announced_by(path: PurePath, among: tuple[Format, ...]) -> Format | None:
    """Return the format that a file's name announces, if any."""
    return next((each for each in among if any(path.match(pattern) for pattern in each.files)), None)


def read(text: str, filename: str = "", *, base: Path | None = None) -> Reading:
    """Return what a file asks for, in whichever format: its text decides, then its name.

    ``base`` is its folder: other requirements files that it names are read, too, and paths made absolute; without it
    both stay as they are. Raises EnvtoolError (BAD_INPUT) with the line.
    """
    from envtool.specs import characters, downloads, limits, references
    from envtool.specs.problem import FileError

    text = limits.without_blanks(text)
    if found := downloads.other_than_wanted(text, filename):
        raise found
    limits.require_lines(text, filename)
    known = formats()
    form = next((each for each in known if each.recognises(text, filename)), None)
    form = form or announced_by(PurePath(filename), known) or named(_ANYTHING)
    try:
        reading = form.read(text, filename, base)
    except FileError as error:
        raise characters.explained(error, text) from None
    if base is None:
        return reading
    return references.followed(reading, base / filename, base if form.from_its_folder else Path.cwd())
