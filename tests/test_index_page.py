"""Index pages in every form that indexes, mirrors and folders use, and broken ones."""

import json
from pathlib import Path

import pytest

from envtool.index_page import JSON_PAGE, File, local_path, parse

URL = "https://index.example/simple/torch/"


def files(page: str, content_type: str = "text/html") -> tuple[File, ...]:
    return parse(page, content_type, URL)


def entries(*items: object) -> str:
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "torch", "files": list(items)})


def test_html_with_every_attribute() -> None:
    (file,) = files(
        '<a href="../../f/torch-2.0%2Bcpu-py3-none-any.whl#sha256=aa&amp;md5=bb" data-yanked="broken"'
        ' data-requires-python="&gt;=3.10" data-core-metadata="sha256=cc">torch</a>'
    )
    assert file == File(
        "torch-2.0+cpu-py3-none-any.whl",
        "https://index.example/f/torch-2.0%2Bcpu-py3-none-any.whl",
        {"sha256": "aa", "md5": "bb"},
        ">=3.10",
        is_yanked=True,
        has_metadata=True,
    )


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", False),
        ('data-core-metadata="true"', True),
        ('data-core-metadata="false"', False),
        ('data-dist-info-metadata="sha256=cc"', True),
        ("data-core-metadata", False),
    ],
)
def test_html_metadata(attribute: str, expected: bool) -> None:
    assert files(f'<a href="a.whl" {attribute}>')[0].has_metadata is expected


def test_html_yanked_without_a_reason() -> None:
    assert files('<a href="a.whl" data-yanked>')[0].is_yanked
    assert files('<a href="a.whl" data-yanked="">')[0].is_yanked


@pytest.mark.parametrize(
    "page",
    [
        "<A HREF = 'x-1.whl'>x</A>",
        "<a href=x-1.whl>x",
        '<a\n  class="file"\n  href="\n x-1.whl "\n>x</a>',
        '<!DOCTYPE html><!-- <a href="no.whl"> --><title><a href="no"></title><a href="x-1.whl">x</a></html>junk',
        '<a name="top"></a><a href=""></a><a href="http://[::1/y.whl">y</a><a href="x-1.whl">x</a>',
    ],
)
def test_html_as_servers_write_it(page: str) -> None:
    assert [file.url for file in files(page) if file.filename.endswith(".whl")][-1] == f"{URL}x-1.whl"
    assert "no.whl" not in [file.filename for file in files(page)]


def test_a_flat_listing() -> None:
    found = files('<pre><a href="../">../</a>\n<a href="torch-2.0&#43;cu128-py3-none-any.whl">t</a> 12-Nov-2025 800M\n')
    assert found[-1].filename == "torch-2.0+cu128-py3-none-any.whl"
    assert found[-1].url == f"{URL}torch-2.0+cu128-py3-none-any.whl"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://files.example/x/", "https://files.example/x/a.whl"),
        ("/top/", "https://index.example/top/a.whl"),
        ("http://[::1/", f"{URL}a.whl"),
        ("", f"{URL}a.whl"),
    ],
)
def test_a_base_address(base: str, expected: str) -> None:
    assert files(f'<base href="{base}"><base href="https://second.example/"><a href="a.whl">a</a>')[0].url == (
        expected if base else "https://second.example/a.whl"
    )


def test_json_with_every_key() -> None:
    entry = {
        "filename": "torch-2.0-py3-none-any.whl",
        "url": "../../f/torch.whl#x",
        "hashes": {"sha256": "aa", "blake2b": "bb"},
        "requires-python": ">=3.11",
        "yanked": "broken",
        "core-metadata": {"sha256": "cc"},
        "size": 539136850,
        "upload-time": "2026-01-02T03:04:05Z",
    }
    (file,) = files(entries(entry), JSON_PAGE)
    assert file == File(
        "torch-2.0-py3-none-any.whl",
        "https://index.example/f/torch.whl",
        {"sha256": "aa", "blake2b": "bb"},
        ">=3.11",
        is_yanked=True,
        has_metadata=True,
        size=539136850,
        upload_time="2026-01-02T03:04:05Z",
    )


def test_json_with_wrong_types_is_read_as_far_as_it_goes() -> None:
    items = (
        None,
        {"filename": "no-url.whl"},
        {"url": 7},
        {"url": "http://[::1/x.whl"},
        {"url": "a.whl", "hashes": ["sha256"], "size": "12", "requires-python": None, "yanked": None},
        {"url": "b.whl", "hashes": {"sha256": None}, "size": True},
    )
    assert files(entries(*items), JSON_PAGE) == (File("a.whl", f"{URL}a.whl"), File("b.whl", f"{URL}b.whl"))


@pytest.mark.parametrize("page", ["[]", '{"files": {}}', '{"error": "no"}'])
def test_json_that_is_no_index_page_offers_nothing(page: str) -> None:
    assert files(page, "application/json") == ()


@pytest.mark.parametrize("page", ["", "<html>", '{"files": ['])
def test_json_that_is_no_json_cannot_be_parsed(page: str) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        files(page, JSON_PAGE)


@pytest.mark.parametrize("page", ["", "<html>Please log in", "<![broken", "\x00\x01", "<a href='x"])
def test_other_html_offers_no_files_or_cannot_be_parsed(page: str) -> None:
    try:
        assert not files(page)
    except ValueError:
        assert page == "<![broken"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b%20c", Path("/a/b c")),
        ("/a/b", Path("/a/b")),
        ("wheels", Path("wheels")),
        ("https://x.example/a", None),
    ],
)
def test_local_paths(url: str, path: Path | None) -> None:
    assert local_path(url) == path
