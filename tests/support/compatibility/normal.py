"""Normalisation: placeholders for whatever differs between runs and machines."""

import functools
import os
import re
import sys
from pathlib import Path
from typing import Any

from support.channel.packages import SUBDIR

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_SHORT = _PYTHON.replace(".", "")
# Numbers under these names are measured, or differ between file systems and interpreters.
_MEASURED = {
    "size",
    "unique_bytes",
    "shared_bytes",
    "shared",
    "unique",
    "files",
    "changed",
    "seconds",
    "import_seconds",
}
_MEASURED |= {"linked", "reflinked", "rewritten"}
_OF_A_RELEASE = {"envtool", "made", "table", "first_choice"}  # bootstrap: when, by which envtool, out of which table
_OF_A_MACHINE = {"platform"}
_OF_A_SOLVER = {"conda", "added", "removed"}  # packages in the order in which a solver found them
# Sentences for people, which may change their words.
_WORDS = {"unfinished", "broken", "warnings", "remarks", "detail", "reason", "message", "hint", "calibration"}


class Normal:
    """Replaces every path, address, time and size of one run by a placeholder."""

    def __init__(self, **places: str | Path) -> None:
        """``places`` are the texts to replace, by the names of their placeholders."""
        words = {str(text): f"<{word}>" for word, text in {**places, "base": sys.base_prefix}.items()}
        words |= {"https://pypi" + ".org/simple": "<index>"}
        words |= {os.path.realpath(text): word for text, word in words.items() if text.startswith("/")}
        self._words = sorted(words.items(), key=lambda pair: -len(pair[0]))

    def text(self, text: str) -> str:
        """Return a text with placeholders."""
        for old, new in self._words:
            text = text.replace(old, new)
        for pattern, new in (
            (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b", "<digest>"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>"),
            (rf"\b{re.escape('.'.join(map(str, sys.version_info[:3])))}\b", "<version>"),
            (rf"^{re.escape(_PYTHON)}$", "<python>"),
            (rf"(?<=python)(=?){re.escape(_PYTHON)}\b", r"\1<python>"),
            (rf"(?<=[cp][py]){_SHORT}\b", "<python>"),
            (rf"\b(?:linux-64|{SUBDIR})\b", "<subdir>"),
            (r"127\.0\.0\.1:\d+", "<address>"),
            (r"\bprocess \d+", "process <number>"),
        ):
            text = re.sub(pattern, new, text)
        return text

    def data(self, value: Any, name: str = "") -> Any:
        """Return JSON data with placeholders."""
        if isinstance(value, dict):
            return {
                self.text(key): sorted(inner) if key == "hardware" else self.data(inner, key)
                for key, inner in value.items()
            }
        if name in _WORDS and isinstance(value, (str, list)):
            return "<words>" if value else value
        if name == "PyTorch wheels" and isinstance(value, list):
            return [*value[:1], "<mirrors>"]  # a mirror may be added to the list at any time
        if isinstance(value, list):
            items = [self.data(item, name) for item in value if not _of_the_machine(item)]
            return sorted(items, key=str) if name in _OF_A_SOLVER else items
        if isinstance(value, str):
            if name in _OF_A_RELEASE or name in _OF_A_MACHINE:
                return "<of the machine>" if name in _OF_A_MACHINE else "<of the release>"
            return self.text(value)
        if name in _MEASURED and isinstance(value, (int, float)):
            return "<number>"
        return value


def shape(value: Any) -> Any:
    """Return what JSON data look like: names of fields and kinds of values; of a list the shape that fits all items."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [functools.reduce(_fitting_both, map(shape, value))] if value else []
    return type(value).__name__


def _fitting_both(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _fitting_both(one.get(key, other.get(key)), other.get(key, one.get(key))) for key in one | other}
    if isinstance(one, list) and isinstance(other, list):
        return [functools.reduce(_fitting_both, (*one, *other))] if one or other else []
    if other in (one, "NoneType"):
        return one
    return other if one == "NoneType" else f"{one} or {other}"


def _of_the_machine(item: Any) -> bool:
    """Whether an item is a setting of the whole machine, which ``mirror show`` lists, too."""
    return isinstance(item, dict) and str(item.get("source", "")).startswith("/etc/")
