"""Files that are not what they seem: look-alikes of characters, web pages saved instead of files."""

import pytest

from envtool import specs
from envtool.errors import EnvtoolError, ExitCode


def error_of(text: str, filename: str) -> EnvtoolError:
    with pytest.raises(EnvtoolError) as caught:
        specs.read(text, filename)
    assert caught.value.code == ExitCode.BAD_INPUT
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [
        ("dependencies\uff1a\n  - python=3.11\n", 1, 13, "U+FF1A"),
        ("name: x\ndependencies\uff1a\n  - python=3.11\n", 2, 13, "U+FF1A"),
        ("name\uff1ax\ndependencies:\n  - python\n", 1, 5, "U+FF1A"),
        ("dependencies:\n  -\u3000python=3.11\n", 2, 4, "U+3000"),
        ("dependencies:\n  -\u00a0python=3.11\n", 2, 4, "U+00A0"),
        ("dependencies:\n  \uff0d python=3.11\n", 2, 3, "U+FF0D"),
        ("dependencies:\n  \u2013 python=3.11\n", 2, 3, "U+2013"),
        ("dependencies:\n  - \u201cpython=3.11\u201d\n", 2, 5, "U+201C"),
        ("dependencies:\n  - numpy\uff1d1.26\n", 2, 10, "U+FF1D"),
        ("dependencies:\n  - numpy>=1.26\uff0c<2\n", 2, 16, "U+FF0C"),
        ("dependencies:\n  - numpy\u22651.26\n", 2, 10, "U+2265"),
        ("dependencies:\n  - num\u200bpy\n", 2, 8, "U+200B"),
    ],
)
def test_a_look_alike_in_an_environment_yml_is_named_with_its_place(
    text: str, line: int, column: int, code: str
) -> None:
    message = error_of(text, "environment.yml").message
    assert message.startswith(f"environment.yml, line {line}: ")
    assert f"column {column}" in message
    assert code in message


@pytest.mark.parametrize(
    "line", ["six\uff1d\uff1d1.16.0", "six\u2003>=1", "six>=1\uff0c<2", "\uff0d\uff0dpre", "s\u00adix"]
)
def test_a_look_alike_in_a_requirements_file_is_named(line: str) -> None:
    message = error_of(f"# \uff1a in a comment is fine\nnumpy\n{line}\n", "requirements.txt").message
    assert message.startswith("requirements.txt, line 3: ")
    assert "U+" in message


@pytest.mark.parametrize("filename", ["environment.yml", "requirements.txt", "list.txt"])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("<!DOCTYPE html>\n<html><head></head></html>\n", "web page"),
        ("\n\n  <html lang='zh'>\n", "web page"),
        ('<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">\n', "web page"),
        ("404: Not Found", "no such file"),
        ('{"message": "Not Found", "status": "404"}', "no such file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n", "Git LFS"),
    ],
)
def test_a_download_that_is_not_the_file_is_recognised(filename: str, text: str, word: str) -> None:
    error = error_of(text, filename)
    assert word in error.message
    assert error.hint
