"""A text as a YAML scalar, written as conda and PyYAML write it."""

import re

# Texts that YAML reads as themselves without quotes, as most packages, channels and URLs. To import PyYAML for them
# would take longer than all the rest of an export.
_PLAIN = re.compile(r"(?:--)?[A-Za-z_](?:[A-Za-z0-9_.+*!<>=~,@/%&-]|:(?=[A-Za-z0-9/])| (?=[A-Za-z0-9_<>=~]))*")
_WORDS = frozenset({"y", "yes", "n", "no", "true", "false", "on", "off", "null"})  # read as something else


def scalar(text: str) -> str:
    """Return a text as YAML, on one line: conda's older readers do not join a line that was wrapped."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    import yaml

    # PyYAML's own choice of quotes loses some of Unicode's line ends.
    style = None if text.isprintable() else '"'
    dumped = yaml.safe_dump(text, default_style=style, allow_unicode=True, width=1 << 30)
    return dumped.removesuffix("...\n").rstrip("\n")
