"""Git addresses in the form that ``git clone`` takes (``git@HOST:PATH``), as the URLs that pip takes."""

import re

# Old versions of `pip freeze` wrote such lines. In a URL, what follows the colon behind a host is a port.
_SCP = re.compile(
    r"(?P<head>(?:[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@(?:\s*(?=git\+)|\s+))?)"  # NAME @
    r"(?:git\+)?(?:ssh://)?(?P<user>[A-Za-z0-9._-]+@)(?P<host>[A-Za-z0-9.-]+):(?!//|\d+(?:/|$))"
    r"(?P<path>[^\s:]+)(?P<rest>(?:\s.*)?)"
)


def as_url(text: str) -> str:
    """Return a requirement or the value of ``-e`` with an ssh-like git address as a ``git+ssh://`` URL.

    Any other text is returned as it is.
    """
    match = _SCP.fullmatch(text)
    if match is None:
        return text
    path = match["path"].lstrip("/")
    return f"{match['head']}git+ssh://{match['user']}{match['host']}/{path}{match['rest']}"
