"""Text editing of settings files: random edits of generated files, judged by the clients' own parsers."""

import configparser
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envtool.clients.ini_text import IniText
from envtool.clients.yaml_text import YamlText
from envtool.encoding import decode_with_form, lines_of
from envtool.errors import EnvtoolError

WORDS = st.sampled_from(
    [
        "defaults",
        "conda-forge",
        "bioconda",
        "https://m.example/anaconda/cloud",
        "https://u.example/c/",
        "a b",
        "yes",
        "1.0",
        "#x",
    ]
)
NAMES = st.sampled_from(["conda-forge", "pytorch", "bioconda", "lab", "msys2", "no"])
COMMENTS = st.sampled_from(["", "  # why", "# 清华源", "#- off", "# a: b"])
ENDS = st.sampled_from(["\n", "\r\n"])


def quoted(word: str, style: str) -> str:
    if style == "'":
        return f"'{word}'"
    return f'"{word}"' if style == '"' or word in ("yes", "1.0", "#x", "no") else word


@st.composite
def condarcs(draw: st.DrawFn) -> str:
    """Return a well-formed .condarc: block or flow lists, any indent and quotes, comments and blank lines anywhere."""
    end, indent = draw(ENDS), " " * draw(st.integers(0, 4))
    style = draw(st.sampled_from(["", "'", '"']))
    lines: list[str] = draw(st.lists(COMMENTS.filter(lambda text: not text.startswith(" ")), max_size=2))
    keys = draw(st.permutations(["channels", "default_channels", "custom_channels", "envs_dirs", "ssl_verify"]))
    for key in keys[: draw(st.integers(0, 5))]:
        items = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
        comment = draw(st.sampled_from(["", "  # why"]))
        if key == "ssl_verify":
            lines.append("ssl_verify: false" + comment)
        elif key == "custom_channels":
            names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
            if draw(st.booleans()):
                lines.append(
                    f"{key}: {{" + ", ".join(f"{quoted(n, chr(34))}: https://x.example" for n in names) + "}" + comment
                )
            else:
                lines += [f"{key}:{comment}", *(f"{indent or ' '}{quoted(n, style)}: https://x.example" for n in names)]
        elif draw(st.booleans()):
            lines.append(f"{key}: [" + ", ".join(quoted(item, '"') for item in items) + "]" + comment)
        else:
            lines.append(f"{key}:{comment}")
            for item in items:
                lines += [f"{indent}- {quoted(item, style)}{comment}", *draw(st.lists(COMMENTS, max_size=1))]
        lines += draw(st.lists(st.just(""), max_size=2))
    return end.join(lines) + draw(st.sampled_from([end, ""]))


Edit = tuple[str, str, Any]  # what is done, to which key or name, and the new value
edits: st.SearchStrategy[list[Edit]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), st.sampled_from(["channels", "default_channels"]), st.lists(WORDS, max_size=4, unique=True)
        ),
        st.tuples(st.just("entry"), NAMES, WORDS),
        st.tuples(st.just("drop"), NAMES, st.none()),
        st.tuples(st.just("remove"), st.sampled_from(["channels", "custom_channels"]), st.none()),
    ),
    max_size=5,
)


@given(condarcs(), edits)
def test_yaml_edits_take_effect_and_keep_the_rest(text: str, changes: list[Edit]) -> None:
    document = YamlText(text, "x")
    meant = dict(yaml.safe_load(text) or {})
    for kind, name, value in changes:
        if kind == "put":
            document.put((name,), value)
            meant.pop(name, None) if not value else meant.update({name: value})
        elif kind == "entry":
            document.put(("custom_channels", name), value)
            meant["custom_channels"] = {**(meant.get("custom_channels") or {}), name: value}
        elif kind == "drop":
            document.remove(("custom_channels", name))
            rest = {k: v for k, v in (meant.get("custom_channels") or {}).items() if k != name}
            if "custom_channels" in meant:
                meant["custom_channels"] = rest
                if not rest:
                    del meant["custom_channels"]
        else:
            document.remove((name,))
            meant.pop(name, None)
    assert (yaml.safe_load(document.text) or {}) == meant
    for line in lines_of(text):
        if line.startswith(("ssl_verify", "envs_dirs: [")):
            assert line.rstrip("\r\n") in document.text
    if not any(kind in ("remove", "drop") or not value for kind, _, value in changes):
        assert comments(document.text) == comments(text)
        assert ("\r\n" in document.text) == ("\r\n" in text) or "\n" not in text


def comments(text: str) -> list[str]:
    return [line.strip() for line in lines_of(text) if line.startswith("#")]


@given(condarcs())
def test_edits_without_effect_change_no_byte(text: str) -> None:
    document = YamlText(text, "x")
    for key, value in (yaml.safe_load(text) or {}).items():
        document.put((key,), value)
    assert document.text == text


VALUES = st.sampled_from(["https://a.example/simple", "60", "true", "pip.example", "/srv/wheels"])
OPTIONS = st.sampled_from(["index-url", "extra-index-url", "trusted-host", "timeout", "find-links", "pre"])


@st.composite
def pip_confs(draw: st.DrawFn) -> str:
    """Return a well-formed pip.conf: any delimiter, several sections, continuation lines, comments."""
    end = draw(ENDS)
    lines: list[str] = draw(st.lists(st.sampled_from(["# 说明", "; note", ""]), max_size=2))
    for section in draw(st.permutations(["global", "install", "list"]))[: draw(st.integers(0, 3))]:
        lines.append(f"[{section}]" + draw(st.sampled_from(["", " "])))
        for name in draw(st.lists(OPTIONS, max_size=3, unique=True)):
            delimiter = draw(st.sampled_from(["=", " = ", ": ", "= "]))
            words = draw(st.lists(VALUES, min_size=1, max_size=3, unique=True))
            if draw(st.booleans()):
                lines.append(f"{name}{delimiter}{' '.join(words)}")
            else:
                lines += [
                    f"{name}{delimiter.rstrip()}",
                    *(f"{draw(st.sampled_from(['  ', chr(9)]))}{w}" for w in words),
                ]
            lines += draw(st.lists(st.sampled_from(["# between", ""]), max_size=1))
    return end.join(lines) + draw(st.sampled_from([end, ""]))


def parsed(text: str) -> dict[str, list[str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return {f"{s}.{name}": value.split() for s in parser.sections() for name, value in parser.items(s)}


changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "word", "drop", "remove"]),
        st.sampled_from(["global", "install"]),
        OPTIONS,
        st.sampled_from(["https://new.example/simple", "new.example", "pip.example"]),
    ),
    max_size=5,
)


@given(pip_confs(), changes)
def test_ini_edits_take_effect_for_pips_parser(text: str, steps: list[tuple[str, str, str, str]]) -> None:
    document = IniText(text, "x")
    meant = parsed(text)
    for kind, section, name, word in steps:
        key = f"{section}.{name}"
        if kind == "put":
            document.put(section, name, word)
            meant[key] = [word]
        elif kind == "word":
            document.add_word(section, name, word)
            meant[key] = [*meant.get(key, []), *([word] if word not in meant.get(key, []) else [])]
        elif kind == "drop" and key in meant:
            left = [item for item in meant[key] if item != word]
            document.put_words(section, name, left)
            meant[key] = left
            if not left:
                del meant[key]
        elif kind == "remove":
            document.remove(section, name)
            meant.pop(key, None)
    assert parsed(document.text) == meant
    if not steps:
        assert document.text == text
    if all(kind == "word" for kind, *_ in steps):
        notes = [[line.strip() for line in lines_of(t) if line.startswith(("#", ";"))] for t in (text, document.text)]
        assert notes[0] == notes[1]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa: 1\r\n",
        "a: 1\n".encode("utf-16"),
        b"\xfe\xff" + "é\n".encode("utf-16-be"),
        "清华".encode("gbk"),
        b"",
    ],
)
def test_decoding_and_encoding_are_exact(data: bytes) -> None:
    text, form = decode_with_form(data, any_bytes=True)
    assert form.encode(text) == data


def test_anchors_are_not_edited() -> None:
    text = "a: &x [1]\nchannels: *x\n"
    document = YamlText(text, "file.yml")
    with pytest.raises(EnvtoolError, match="line"):
        document.put(("channels",), ["c"])
    assert document.text == text


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("channels: [a]\nx: 1\nchannels: [b]\n", "channels", "1 and 3"),
        ("custom_channels:\n  a: b\n  a: c\n", "a", "2 and 3"),
        ("{a: [{x: 1, x: 2}]}\n", "x", "1 and 1"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_at_once(text: str, key: str, lines: str) -> None:
    with pytest.raises(EnvtoolError, match=rf"`{key}` is there twice \(lines {lines}\)"):
        YamlText(text, "file.yml")


def test_the_locales_encoding_is_used_as_conda_and_pip_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envtool.encoding.system_encoding", lambda: "cp936")  # a Chinese Windows
    text, form = decode_with_form("# 清华\r\nchannels: [defaults]\r\n".encode("gbk"))
    assert text.startswith("# 清华")
    assert form.encode(text) == "# 清华\r\nchannels: [defaults]\r\n".encode("gbk")
