"""The search for a build in real folders and on a real server."""

import base64
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from envtool.clients.pip import http_settings
from envtool.gpu.builds import Candidate
from envtool.gpu.index_client import IndexClient
from envtool.gpu.search import Search, WheelSource
from envtool.http.client import HttpClient
from envtool.http.errors import RequestError
from envtool.model import PipSources
from envtool.paths import Host

LINUX = ["manylinux_2_28_x86_64", "linux_x86_64"]
CPU = ["2.15.0", "2.14.1", "2.13.0"]


@dataclass
class Site:
    """A server for a folder. It sends parts of files, and can be told to ignore ranges, ask for a login or fail."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    parts: bool = True
    login: str = ""
    status: int = 0
    sent: int = 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    state = Site(tmp_path / "site")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            wanted = "Basic " + base64.b64encode(state.login.encode()).decode()
            if state.login and self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.end_headers()
                return
            path = state.folder / self.path.lstrip("/").replace("%2B", "+")
            path = path / "index.html" if path.is_dir() else path
            if state.status or not path.is_file():
                self.send_error(state.status or 404)
                return
            body, code, first = path.read_bytes(), 200, 0
            total = len(body)
            if state.parts and (span := self.headers.get("Range", "")):
                first, last = (int(end) for end in span.removeprefix("bytes=").split("-"))
                body, code = body[first : last + 1], 206
            self.send_response(code)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if code == 206:
                self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{total}")
            self.end_headers()
            with suppress(ConnectionError):  # who does not want the whole file goes away
                self.wfile.write(body)
                state.sent += len(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def wheel(folder: Path, version: str, python: str = "cp311", *, requires: str = "numpy", weight: int = 0) -> str:
    """Put a wheel of torch into a folder and return its name."""
    name = f"torch-{version}-{python}-{python}-manylinux_2_28_x86_64.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("torch/lib/libtorch.so", b"\0" * weight)
        archive.writestr(
            f"torch-{version}.dist-info/METADATA", f"Name: torch\nVersion: {version}\nRequires-Dist: {requires}\n"
        )
    return name


def page(folder: Path, *names: str, attributes: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    links = "".join(f'<a href="{name.replace("+", "%2B")}" {attributes}>{name}</a>' for name in names)
    (folder / "index.html").write_text(links)


def host(environ: dict[str, str] | None = None, home: Path = Path("/nowhere")) -> Host:
    return Host(environ or {}, home, "Linux", "x86_64")


def indexes(at: Host, sources: PipSources) -> IndexClient:
    return IndexClient(HttpClient(at, http_settings(sources)))


def search(*pythons: str, sources: PipSources | None = None, at: Host | None = None) -> Search:
    reader = indexes(at or host(), sources or PipSources(timeout=5))
    return Search(reader, pythons or ("3.11",), LINUX, "x86_64")


def on_cpu() -> list[Candidate]:
    return [Candidate(torch, "cpu") for torch in CPU]


def test_wheels_laid_out_by_hand_win_and_nobody_else_is_asked(tmp_path: Path, site: Site) -> None:
    wheel(tmp_path / "wheels", "2.13.0+cpu")
    page(site.folder / "torch", wheel(site.folder / "torch", "2.15.0+cpu"))
    sources = [
        WheelSource("index", site.url, "the index"),
        WheelSource("find-links", str(tmp_path / "wheels"), "the folder"),
    ]
    looking = search()
    found = looking.best(on_cpu(), sources)
    assert found is not None
    assert (str(found.candidate), found.source.name, found.requirement) == (
        "2.13.0+cpu",
        "the folder",
        "torch==2.13.0+cpu",
    )
    assert site.asked == []
    assert looking.outcomes == {"the folder": "has torch 2.13.0+cpu"}


def test_the_newest_release_wins_over_an_earlier_source(tmp_path: Path, site: Site) -> None:
    page(site.folder / "one/torch", wheel(site.folder / "one/torch", "2.13.0+cpu"))
    page(site.folder / "two/torch", wheel(site.folder / "two/torch", "2.14.1+cpu"))
    sources = [WheelSource("index", f"{site.url}/one", "one"), WheelSource("index", f"{site.url}/two/", "two")]
    looking = search()
    found = looking.best(on_cpu(), sources)
    assert found is not None
    assert (str(found.candidate), found.source.name) == ("2.14.1+cpu", "two")
    assert looking.outcomes == {"one": "has no torch that fits", "two": "has torch 2.14.1+cpu"}
    assert site.asked == ["/one/torch/", "/two/torch/"]


def test_the_first_source_wins_with_the_same_release(site: Site) -> None:
    for name in ("one", "two"):
        page(site.folder / name / "torch", wheel(site.folder / name / "torch", "2.14.1+cpu"))
    sources = [WheelSource("index", f"{site.url}/{name}", name) for name in ("two", "one")]
    found = search().best(on_cpu(), sources)
    assert found is not None
    assert found.source.name == "two"


def test_a_source_of_one_build_is_asked_for_that_build_only(site: Site) -> None:
    page(site.folder / "cu126/torch", wheel(site.folder / "cu126/torch", "2.14.1+cu126"))
    sources = [WheelSource("index", f"{site.url}/{build}", "official", build) for build in ("cu130", "cu126")]
    found = search().best([Candidate("2.14.1", "cu126")], sources)
    assert found is not None
    assert site.asked == ["/cu126/torch/"]


def test_the_preferred_python_is_taken_where_it_has_a_wheel(site: Site) -> None:
    names = [wheel(site.folder / "torch", "2.14.1+cpu", python) for python in ("cp310", "cp312", "cp313")]
    page(site.folder / "torch", *names)
    source = WheelSource("index", site.url, "index")
    for pythons, expected in ((("3.12", "3.13"), "3.12"), (("3.14", "3.13", "3.12"), "3.13")):
        found = search(*pythons).best(on_cpu(), [source])
        assert found is not None
        assert found.python == expected
    assert search("3.14").best(on_cpu(), [source]) is None


def test_other_labels_are_not_taken(tmp_path: Path) -> None:
    for version in ("2.14.1+cu130", "2.14.1+cpu.cxx11.abi", "2.14.1+rocm7.2"):
        wheel(tmp_path, version)
    assert search().best(on_cpu(), [WheelSource("find-links", str(tmp_path), "folder")]) is None


CUDA_130 = "cuda-toolkit[cublas]==13.0.3"


def test_a_wheel_without_label_is_what_its_metadata_says(site: Site) -> None:
    page(site.folder / "torch", wheel(site.folder / "torch", "2.14.1", requires=CUDA_130, weight=300_000))
    source = WheelSource("index", site.url, "index")
    found = search().best([Candidate("2.14.1", "cu132"), Candidate("2.14.1", "cu130")], [source])
    assert found is not None
    assert (str(found.candidate), found.requirement) == ("2.14.1+cu130", "torch===2.14.1")
    assert site.sent < 150_000  # of more than 300 000


def test_a_wheel_without_label_that_contradicts_the_table_is_not_taken(site: Site) -> None:
    page(site.folder / "torch", wheel(site.folder / "torch", "2.14.1", requires="cuda-toolkit==13.2.2"))
    assert search().best([Candidate("2.14.1", "cu130")], [WheelSource("index", site.url, "index")]) is None


def test_the_table_spares_looking_into_wheels_of_other_builds(site: Site) -> None:
    page(site.folder / "torch", *(wheel(site.folder / "torch", version, requires=CUDA_130) for version in CPU))
    assert search().best(on_cpu(), [WheelSource("index", site.url, "index")]) is None
    assert site.asked == ["/torch/"]


def test_a_local_wheel_without_label_is_looked_into(tmp_path: Path) -> None:
    wheel(tmp_path, "2.13.0", requires="numpy")
    found = search().best(on_cpu(), [WheelSource("find-links", str(tmp_path), "folder")])
    assert found is not None
    assert str(found.candidate) == "2.13.0+cpu"


def test_metadata_beside_the_wheel_is_preferred_and_may_be_missing(site: Site) -> None:
    name = wheel(site.folder / "torch", "2.14.1", requires=CUDA_130)
    page(site.folder / "torch", name, attributes='data-core-metadata="true"')
    source = WheelSource("index", site.url, "index")
    wanted = [Candidate("2.14.1", "cu130")]
    assert search().best(wanted, [source]) is not None
    (site.folder / "torch" / f"{name}.metadata").write_text(f"Name: torch\nRequires-Dist: {CUDA_130}\n")
    site.asked.clear()
    assert search().best(wanted, [source]) is not None
    assert site.asked == ["/torch/", f"/torch/{name}.metadata"]


def test_a_server_that_sends_only_whole_files_is_not_made_to(site: Site) -> None:
    page(site.folder / "torch", wheel(site.folder / "torch", "2.14.1", requires=CUDA_130, weight=40_000_000))
    site.parts = False
    assert search().best([Candidate("2.14.1", "cu130")], [WheelSource("index", site.url, "index")]) is None
    assert site.sent < 1_000_000  # more than any buffer on the way would hold


def test_a_broken_wheel_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(b"half a down")
    wheel(tmp_path, "2.13.0+cpu")
    found = search().best(on_cpu(), [WheelSource("find-links", str(tmp_path), "folder")])
    assert found is not None
    assert found.candidate.torch == "2.13.0"


def test_what_an_installer_would_take_by_itself(site: Site) -> None:
    names = [wheel(site.folder / "torch", version, requires=CUDA_130) for version in ("2.14.1", "2.13.0")]
    page(site.folder / "torch", *names)
    looking = search()
    found = looking.default_wheel(CPU, [WheelSource("index", site.url, "index")])
    assert found is not None
    assert str(found.candidate) == "2.14.1+cu130"
    assert looking.indexes.size(found.wheel) == (site.folder / "torch" / names[0]).stat().st_size


def test_sites_that_do_not_answer_are_asked_once(tmp_path: Path, site: Site) -> None:
    closed = "http://127.0.0.1:9"
    sources = [WheelSource("index", f"{closed}/{build}", "official", build) for build in ("cpu", "cu126")]
    looking = search()
    assert looking.best([*on_cpu(), Candidate("2.13.0", "cu126")], sources) is None
    assert "refused" in looking.outcomes["official"]
    assert list(looking._unreachable) == ["official"]


@pytest.mark.parametrize(("status", "words"), [(403, "403"), (500, "500"), (404, "has no torch")])
def test_a_sites_answer_is_reported(site: Site, status: int, words: str) -> None:
    site.status = status
    looking = search()
    assert looking.best(on_cpu(), [WheelSource("index", site.url, "index")]) is None
    assert words in looking.outcomes["index"]


def test_a_missing_find_links_folder_is_reported(tmp_path: Path) -> None:
    looking = search()
    assert looking.best(on_cpu(), [WheelSource("find-links", str(tmp_path / "gone"), "folder")]) is None
    assert looking.outcomes["folder"] == "the file does not exist"


def test_an_index_in_a_folder(tmp_path: Path) -> None:
    name = wheel(tmp_path / "files", "2.14.1+cpu")
    page(tmp_path / "simple/torch", f"../../files/{name}#sha256=ab")
    found = search().best(on_cpu(), [WheelSource("index", (tmp_path / "simple").as_uri(), "index")])
    assert found is not None
    assert found.wheel.sha256 == "ab"
    assert found.wheel.url == (tmp_path / "files" / name).as_uri().replace("+", "%2B")


@pytest.mark.parametrize("where", ["address", "netrc"])
def test_a_login_opens_page_and_wheel(site: Site, tmp_path: Path, where: str) -> None:
    page(site.folder / "torch", wheel(site.folder / "torch", "2.14.1", requires=CUDA_130))
    site.login = "me:s3 cret"
    url = site.url
    if where == "address":
        url = site.url.replace("://", "://me:s3%20cret@")
    else:
        (tmp_path / ".netrc").write_text('machine 127.0.0.1 login me password "s3 cret"\n')
        (tmp_path / ".netrc").chmod(0o600)
    found = search(at=host(home=tmp_path)).best([Candidate("2.14.1", "cu130")], [WheelSource("index", url, "index")])
    assert found is not None
    assert "s3" not in found.wheel.url
    assert search().best([Candidate("2.14.1", "cu130")], [WheelSource("index", site.url, "index")]) is None


def test_the_proxy_of_pip_or_of_the_shell_is_used_unless_exempt(site: Site) -> None:
    page(site.folder / "torch", wheel(site.folder / "torch", "2.14.1+cpu"))
    closed = "http://127.0.0.1:9"
    for reader in (
        indexes(host(), PipSources(proxy=closed)),
        indexes(host({"HTTP_PROXY": closed}), PipSources()),
        indexes(host({"all_proxy": closed}), PipSources()),
    ):
        with pytest.raises(RequestError, match="refused"):
            reader.files(f"{site.url}/torch/")
    exempt = indexes(host({"http_proxy": closed, "no_proxy": "127.0.0.1"}), PipSources())
    assert exempt.files(f"{site.url}/torch/")[0].filename.startswith("torch-2.14.1")
