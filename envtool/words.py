"""Where every sentence a user reads passes through, so that one day it can be translated.

A sentence is written whole, with named holes: ``tr("Environment {name} exists already.", name=name)``. The template is
what gettext will look up (``xgettext --keyword=tr``); gluing pieces together would leave nothing to look up.
"""

import re

MASK = "***"  # stands where a secret stood

_LOGIN = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s'\"]+@")
_TOKEN = re.compile(r"/t/[^/\s'\"]+(?=/|$|[\s'\"])")


def tr(template: str, **values: object) -> str:
    """Return the sentence with its holes filled."""
    return template.format(**values) if values else template


def redact(text: str) -> str:
    """Return ``text`` without the logins (``user:password@``) and conda tokens (``/t/<token>/``) of any URL in it."""
    return _TOKEN.sub(f"/t/{MASK}", _LOGIN.sub(rf"\g<scheme>{MASK}@", text))
