"""Decoding, as the program that wrote the bytes meant it, and encoding back to the same bytes."""

import codecs

import pytest

from envtool.encoding import Form, decode, decode_input, decode_with_form, insert_line, lines_of, next_line

TEXT = "# 清华\nchannels: [defaults]\n"
UTF_16 = [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
MARKED = [(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), *UTF_16]


@pytest.mark.parametrize(("mark", "encoding"), MARKED)
def test_marks_are_read_and_written_back_but_are_no_text(mark: bytes, encoding: str) -> None:
    data = mark + TEXT.encode(encoding)
    assert decode(data) == decode_input(data) == TEXT
    text, form = decode_with_form(data)
    assert (text, form) == (TEXT, Form(mark, encoding))
    assert form.encode(text) == data


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", "环境".encode("gbk"), "été".encode("latin-1")])
def test_what_is_in_no_unicode_encoding_is_refused_unless_asked_for(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode(data)
    with pytest.raises(UnicodeDecodeError):
        decode_input(data)


def test_any_bytes_survive_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envtool.encoding.system_encoding", lambda: "no-such-encoding")
    data = b"# \xc7\xe5\xff\nindex-url = x\n"
    with pytest.raises(UnicodeDecodeError):
        decode_with_form(data)
    text, form = decode_with_form(data, any_bytes=True)
    assert form.encode(text.replace("= x", "= y")) == data.replace(b"= x", b"= y")


@pytest.mark.parametrize("data", ["# 数值\nnumpy\n".encode("gbk"), "numpy  # 数值".encode("gb18030")])
def test_comments_alone_may_be_in_gbk(data: bytes) -> None:
    assert "numpy" in decode_input(data)
    with pytest.raises(UnicodeDecodeError):
        decode_input(data + "\nname: 数值\n".encode("gbk"))


def test_lines_end_with_a_line_feed_only() -> None:
    text = "a\x0bb\x85c\u2028d\r\ne"
    assert lines_of(text) == ["a\x0bb\x85c\u2028d\r\n", "e"]
    assert next_line(text, 0) == text.index("e")
    assert insert_line(text, len(text), "f") == text + "\r\nf"
    assert insert_line(text, 0, "z") == "z\r\n" + text
