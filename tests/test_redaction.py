"""Redaction: no secret survives wherever one may stand, and everything else stays readable."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.redaction import MASK, is_secret, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host/simple", "https://***@host/simple"),
        ("at https://host/t/ab-12-cd/conda-forge now", "at https://host/t/***/conda-forge now"),
        ("https://host/t/ab-12-cd", "https://host/t/***"),
        ("git+ssh://git@github.com/a/b", "git+ssh://***@github.com/a/b"),
        ("git+https://me:pw@host/a/b@v1.2#egg=b", "git+https://***@host/a/b@v1.2#egg=b"),
        ("https://me:p@ss'w\"d@host:8080/simple", "https://***@host:8080/simple"),
        ("https://me:pa/ss?w#d@host/simple", "https://***@host/simple"),
        ("['https://a/b','https://me:pw@c/d']", "['https://a/b','https://***@c/d']"),
        ("https://host/x?token=abc&page=2", "https://host/x?token=***&page=2"),
        ("https://host/x.whl?X-Amz-Signature=abc#sha256=12", "https://host/x.whl?X-Amz-Signature=***#sha256=12"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("proxy-authorization=Basic YWJj", "proxy-authorization=***"),
        ("UV_INDEX_LAB_PASSWORD=abc", "UV_INDEX_LAB_PASSWORD=***"),
        ("password: 'a b'", "password: '***'"),
        ("run --token abc --epochs 3", "run --token *** --epochs 3"),
        ("machine host login me password abc", "machine host login me password ***"),
        ("proxy = me:pw@proxy:3128", "proxy = ***@proxy:3128"),
        ("set aws_secret_access_key = abc", "set aws_secret_access_key = ***"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://host/simple",
        "https://host:8080/simple/",
        "file:///home/me@lab/dl/x-1.0-py3-none-any.whl",
        "git+https://github.com/a/b@v1.2#egg=b&subdirectory=c",
        "https://host/@scope/name",
        "name @ https://host/x.whl#sha256=12ab",
        "/t/short/path of a folder",
        "numpy>=1.2,<2 ; python_version < '3.12'",
        "git@github.com:org/repo",
        "The password that was given is wrong.",
        "unexpected token in line 3",
        "/envs/dl/lib/python3.11/site-packages/tokenizers/__init__.py:12",
        "12:30:05 me@host",
        "C:\\envs\\dl",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(("name", "secret"), [("HF_TOKEN", True), ("AWS_SECRET_ACCESS_KEY", True), ("LEVEL", False)])
def test_names_of_secret_variables(name: str, secret: bool) -> None:
    assert is_secret(name, "value") is secret
    assert is_secret("PROXY", "http://me:pw@host")


_HIDDEN = st.text(st.sampled_from(string.ascii_letters + string.digits + "@'\"/?#:%$&+.-"), min_size=1, max_size=12)


@given(_HIDDEN, st.sampled_from(["https", "http", "socks5", "s3", "ftp"]), st.sampled_from(["", "see ", "['"]))
def test_no_password_of_an_address_survives(middle: str, scheme: str, before: str) -> None:
    secret = f"Zq9{middle}9qZ"
    shown = redact(f"{before}{scheme}://me:{secret}@host.example/simple and more")
    assert "Zq9" not in shown
    assert "9qZ" not in shown
    assert shown.endswith("@host.example/simple and more")


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.sampled_from(["https://h/t/{}/c", "https://h/x?token={}", "API_KEY={}", "cookie: {}"]), _HIDDEN)
def test_no_token_survives_elsewhere(template: str, middle: str) -> None:
    secret = "Zq9" + "".join(c for c in middle if c.isalnum()) + "9qZ"
    assert "Zq9" not in redact(template.format(secret))
    assert MASK in redact(template.format(secret))
