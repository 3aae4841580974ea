"""INI files (``pip.conf``) edited as text, by the grammar of pip's parser (``configparser``)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envtool.encoding import insert_line, line_end, lines_of
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<name>.*?)\s*(?P<delimiter>[=:])\s*(?P<value>.*)$")


@dataclass(frozen=True)
class Option:
    """An option's place: offsets of its first line, of the line after its last, and of its value."""

    section: str
    name: str
    start: int
    end: int
    value_start: int
    value: str


class IniText:
    """An INI file and its text. Names are compared as pip does, regardless of case and of ``_`` or ``-``."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source

    def options(self) -> tuple[Option, ...]:
        """Return every option in the text's order."""
        return tuple(_options(self.text))

    def option(self, section: str, name: str) -> Option | None:
        """Return an option, or None."""
        return next((o for o in self.options() if o.section == section and o.name == name), None)

    def put(self, section: str, name: str, value: str) -> None:
        """Set an option to a one-line value; its layout is kept, and a new one is written like those around it."""
        option = self.option(section, name)
        if option is None:
            self._add(section, name, value)
        elif option.value.strip() != value:
            end = _content_end(self.text, option)
            glue = "" if self.text[option.value_start - 1 : option.value_start] in (" ", "\t", "=", ":") else " "
            self._set(self.text[: option.value_start] + glue + value + self.text[end:])

    def put_words(self, section: str, name: str, words: Sequence[str]) -> None:
        """Keep only ``words`` of an existing list option; without words it is removed."""
        option = self.option(section, name)
        if option is None:
            return
        if not words:
            self.remove(section, name)
            return
        for word in option.value.split():
            if word not in words:
                self._drop_word(section, name, word)

    def add_word(self, section: str, name: str, word: str) -> None:
        """Add a word to a list option."""
        option = self.option(section, name)
        if option is None or not option.value.strip():
            self.put(section, name, word)
        elif word not in option.value.split():
            end = _content_end(self.text, option)
            lines = self.text[option.value_start : end].split("\n")
            indent = re.match(r"\s*", lines[-1])
            glue = line_end(self.text) + indent[0] if len(lines) > 1 and indent else " "
            self._set(self.text[:end] + glue + word + self.text[end:])

    def remove(self, section: str, name: str) -> None:
        """Remove an option."""
        option = self.option(section, name)
        if option:
            self._set(self.text[: option.start] + self.text[option.end :])

    def replace_word(self, section: str, name: str, old: str, new: str) -> None:
        """Replace one word of a list option where it stands."""
        option = self.option(section, name)
        if option is None:
            return
        found = re.search(rf"(?<!\S){re.escape(old)}(?!\S)", self.text[option.value_start : option.end])
        if found:
            start = option.value_start
            self._set(self.text[: start + found.start()] + new + self.text[start + found.end() :])

    def remove_empty_sections(self, before: str) -> None:
        """Remove the headers of sections that have no line left and had options in the text ``before``."""
        had = {option.section for option in _options(before)} - {option.section for option in self.options()}
        lines = lines_of(self.text)
        headers = [number for number, line in enumerate(lines) if _SECTION.match(line)]
        for number, following in reversed(list(zip(headers, [*headers[1:], len(lines)], strict=True))):
            header = _SECTION.match(lines[number])
            if header and header["name"] in had and not "".join(lines[number + 1 : following]).strip():
                del lines[number:following]
        self.text = "".join(lines)

    def broken_headers(self) -> tuple[int, ...]:
        """Return the lines (from 1) whose settings follow a ``[section]`` on the same line: pip ignores them."""
        found = []
        for number, line in enumerate(lines_of(self.text), 1):
            header = _SECTION.match(line)
            if header and "=" in line[header.end("name") :]:
                found.append(number)
        return tuple(found)

    def _drop_word(self, section: str, name: str, word: str) -> None:
        option = self.option(section, name)
        if option is None:
            return
        value = self.text[option.value_start : option.end]
        found = re.search(rf"(?<!\S){re.escape(word)}(?!\S)", value)
        if found is None:
            return
        start, end = option.value_start + found.start(), option.value_start + found.end()
        line = self.text.rfind("\n", 0, start) + 1
        stop = self.text.find("\n", end)
        stop = len(self.text) if stop < 0 else stop
        alone = not (self.text[line:start] + self.text[end:stop]).strip()
        if alone and line > option.start:
            self._set(self.text[:line] + self.text[stop + 1 :])
        elif self.text[end:stop].strip():
            after = len(self.text[end:stop]) - len(self.text[end:stop].lstrip())
            self._set(self.text[:start] + self.text[end + after :])
        else:
            before = len(self.text[line:start].rstrip(" \t")) + line
            keep = start if self.text[before - 1] in "=:" else before
            self._set(self.text[:keep] + self.text[end:])

    def _add(self, section: str, name: str, value: str) -> None:
        options = [option for option in self.options() if option.section == section]
        like = options[-1] if options else next(iter(self.options()), None)
        delimiter = _delimiter(self.text, like) if like else " = "
        line = f"{name}{delimiter}{value}"
        if options:
            self._set(insert_line(self.text, options[-1].end, line))
            return
        header = _header_end(self.text, section)
        if header is not None:
            self._set(insert_line(self.text, header, line))
            return
        gap = [""] if self.text.strip() and not self.text.endswith(("\n\n", "\n\r\n")) else []
        end = line_end(self.text)
        self._set(insert_line(self.text, len(self.text), end.join([*gap, f"[{section}]", line])))

    def _set(self, text: str) -> None:
        before, after = _values(self.text), _values(text)
        if len({key for key in {*before, *after} if before.get(key) != after.get(key)}) > 1:
            raise EnvtoolError(
                tr("{path} was not changed: its layout is too unusual to be edited safely.", path=self.source),
                hint=tr("Edit it by hand."),
                code=ExitCode.BAD_INPUT,
            )
        self.text = text


def _options(text: str) -> Iterator[Option]:
    """Yield options with their places, by the loop of ``RawConfigParser._read``."""
    section, offset, indent = "", 0, 0
    current: tuple[str, int, int, int] | None = None  # name, start, value start, end
    for line in lines_of(text):
        start, offset = offset, offset + len(line)
        bare = line.strip()
        if not bare or bare.startswith(("#", ";")):
            if not bare and current is None:
                indent = 0
            continue
        level = len(line) - len(line.lstrip())
        if current and level > indent:
            current = (*current[:3], offset)
            continue
        if current:
            yield _option(text, section, current)
            current = None
        indent = level
        header = _SECTION.match(bare)
        if header:
            section = header["name"]
            continue
        found = _OPTION.match(line.rstrip("\r\n"))
        if found:
            value_start = start + found.end("delimiter")
            value_start += len(found[0]) - found.end("delimiter") - len(found[0][found.end("delimiter") :].lstrip())
            current = (_name(found["name"]), start, value_start, offset)
    if current:
        yield _option(text, section, current)


def _option(text: str, section: str, found: tuple[str, int, int, int]) -> Option:
    name, start, value_start, end = found
    lines = text[value_start:end].split("\n")
    value = "\n".join(line for index, line in enumerate(lines) if not index or not line.strip().startswith(("#", ";")))
    return Option(section, name, start, end, value_start, value.strip())


def _values(text: str) -> dict[tuple[str, str], str]:
    return {(o.section, o.name): " ".join(o.value.split()) for o in _options(text)}


def _name(text: str) -> str:
    return text.strip().lower().replace("_", "-").removeprefix("--")


def _content_end(text: str, option: Option) -> int:
    return option.value_start + len(text[option.value_start : option.end].rstrip())


def _header_end(text: str, section: str) -> int | None:
    offset = 0
    for line in lines_of(text):
        offset += len(line)
        header = _SECTION.match(line)
        if header and header["name"] == section:
            return offset
    return None


def _delimiter(text: str, option: Option) -> str:
    found = re.search(r"[ \t]*[=:][ \t]*", text[option.start : option.value_start])
    return found[0] if found and "\n" not in found[0] else " = "
