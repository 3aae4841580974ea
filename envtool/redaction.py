"""Redaction: text without the secrets in it, for screens, logs, records and process lists.

Secrets are recognized by their place, not by how they look: the login of an address, the token in its path or query,
the value of a header or a setting whose name says that it is secret, the password of a netrc line. Where it is unclear
how far a login reaches (a password with ``@``, ``/`` or a quote in it that was not encoded), too much is masked.
"""

import re
from collections.abc import Iterator

_CONDA_TOKEN = re.compile(r"/t/[^/]*")  # or what stands in its place where it is hidden: <TOKEN>, ***
MASK = "***"  # stands where a secret stood

# Each pattern takes time in proportion to the text, which may be any program's output in lines of megabytes: it begins
# at most once in a word, or looks back a limited distance.
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*$")
_LONGEST_SCHEME = 40
_TOKEN = re.compile(r"/t/[^/\s'\"?#]+(?=[/?#'\"]|$)")
_NAMES = r"token|secret|passw(?:or)?d|passwd|passphrase|api[_-]?key|access[_-]?key|credential"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<name>[?&;][^=&#?;\s]*=)[^&#\s'\"]+")
_SECRET_PARAMETER = re.compile(rf"{_NAMES}|signature|\bsig\b|\bpwd\b|\bauth\b|\bkey\b", re.IGNORECASE)
_HEADER = re.compile(
    r"(?P<name>(?:\b(?:proxy-)?authorization|\b(?:set-)?cookie|(?<![\w-])x-(?=[\w-]*(?:token|key|auth))[\w-]+)"
    r"['\"]?\s*[:=]\s*['\"]?)(?P<kind>(?:basic|bearer|digest|token)\s+)?[^\s'\",][^\r\n'\"]*",
    re.IGNORECASE,
)
_SETTING = re.compile(
    rf"(?P<name>(?<![?&;\w.-])(?=[\w.-]*(?:{_NAMES}))[\w.-]+['\"]?(?:\s*[:=]\s*|(?<=[a-z])\s+(?=\S)))"
    r"(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s,;'\"]+)",
    re.IGNORECASE,
)
_NETRC = re.compile(r"(?P<name>\b(?:machine\s+\S+|default)\s.{0,500}?\bpassword\s+)\S+", re.IGNORECASE)
_BARE_LOGIN = re.compile(r"(?<![\w/*.@-])[^\s/'\"@:*]+:[^\s/'\"@]+@$")  # a proxy written without its scheme
_LONGEST_LOGIN = 600


def redact(text: str) -> str:
    """Return ``text`` without the secrets in it. What has been redacted once stays as it is."""
    text = "".join(_pieces(text))
    text = _HEADER.sub(rf"\g<name>{MASK}", text)
    text = _NETRC.sub(rf"\g<name>{MASK}", text)
    text = _SETTING.sub(_masked_setting, text)
    return "".join(_without_bare_logins(text))


def split_login(url: str) -> tuple[str, str, str]:
    """Return (URL without login, ``user:password``, conda token without ``/t/``) of a URL."""
    token = _CONDA_TOKEN.search(url)
    plain = url.replace(token[0], "", 1) if token else url
    scheme, separator, rest = plain.partition("://")
    authority, slash, path = rest.partition("/")
    login, _, host = authority.rpartition("@")
    return f"{scheme}{separator}{host}{slash}{path}", login, token[0][3:] if token else ""


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable or setting should not be shown: its name says so, or its value holds a secret."""
    return bool(_SECRET_NAME.search(name)) or redact(value) != value


def _masked_setting(match: "re.Match[str]") -> str:
    name, value = match["name"], match["value"]
    if not re.search(r"[:=]\s*$", name) and not name.lstrip().startswith("--"):
        return match[0]  # prose: "token that is", "password needed"
    quote = value[0] if value[0] in "'\"" else ""
    return f"{name}{quote}{MASK}{quote}"


def _pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces, its addresses redacted; one ends at white space or where the next begins."""
    position = 0
    starts = list(_schemes(text))
    for number, (start, behind) in enumerate(starts):
        yield text[position:start]
        limit = starts[number + 1][0] if number + 1 < len(starts) else len(text)
        space = re.search(r"\s", text[behind:limit])
        end = behind + space.start() if space else limit
        yield text[start:behind] + _address(text[start:behind], text[behind:end])
        position = end
    yield text[position:]


def _schemes(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each ``scheme://`` begins and ends."""
    for separator in re.finditer("://", text):
        before = max(0, separator.start() - _LONGEST_SCHEME)
        if scheme := _SCHEME.search(text[before : separator.start()]):
            yield before + scheme.start(), separator.end()


def _without_bare_logins(text: str) -> Iterator[str]:
    position = 0
    for end in re.finditer(r"@(?=[\w\[])", text):
        before = max(position, end.start() - _LONGEST_LOGIN)
        behind = text.rfind(":", before, end.start())
        login = _BARE_LOGIN.search(text[max(0, before - 1) : end.end()]) if behind >= 0 else None
        if login:
            yield text[position : max(0, before - 1) + login.start()] + f"{MASK}@"
            position = end.end()
    yield text[position:]


def _masked_parameter(match: "re.Match[str]") -> str:
    return f"{match['name']}{MASK}" if _SECRET_PARAMETER.search(match["name"]) else match[0]


def _address(scheme: str, rest: str) -> str:
    """Return what follows ``scheme://`` without login, token and secret parameters."""
    if scheme == "file://":
        return rest
    end = _login_end(rest, is_versioned=scheme.partition("+")[0].lower() in ("git", "hg", "svn", "bzr", "ssh"))
    if end:
        rest = f"{MASK}@{rest[end:]}"
    return _PARAMETER.sub(_masked_parameter, _TOKEN.sub(f"/t/{MASK}", rest))


def _login_end(rest: str, *, is_versioned: bool) -> int:
    """Return where the host begins behind a login, or 0 where there is none.

    The addresses of version control may name a revision behind another ``@``; any other ``@`` ends a login, except one
    that begins a part of the path.
    """
    head = re.match(r"[^/?#]*", rest)
    authority = head[0] if head else ""
    if is_versioned and "@" in authority:
        return authority.rfind("@") + 1
    port = authority.partition(":")[1:]
    if is_versioned and (not port[0] or port[1].isdecimal()):
        return 0
    ends = [match.start() for match in re.finditer(r"(?<!/)@", rest)]
    return ends[-1] + 1 if ends else 0
