"""Redaction: text without the logins and tokens of the addresses in it."""

import re

MASK = "***"  # stands where a secret stood

_LOGIN = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s'\"]+@")
_TOKEN = re.compile(r"/t/[^/\s'\"]+(?=/|$|[\s'\"])")


def redact(text: str) -> str:
    """Return ``text`` without the logins (``user:password@``) and conda tokens (``/t/<token>/``) of any URL in it."""
    return _TOKEN.sub(f"/t/{MASK}", _LOGIN.sub(rf"\g<scheme>{MASK}@", text))
