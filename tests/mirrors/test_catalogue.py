"""The shipped catalogue, a user's mirrors laid over it, and errors that name the line."""

import re
from pathlib import Path

import pytest
from support.home import Home

from envtool.clients.protocol import UrlMatch
from envtool.errors import EnvtoolError, ExitCode
from envtool.mirrors import catalogue, fallbacks, url_matching
from envtool.mirrors.catalogue import Catalogue

SHIPPED = Path(__file__).parents[2] / "mirrors.yaml"


@pytest.fixture
def shipped(home: Home) -> Catalogue:
    return catalogue.load(home.host)


def own(home: Home, text: str) -> Path:
    path = catalogue.own_file(home.host)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_every_mirror_says_how_we_know(shipped: Catalogue) -> None:
    assert {"tsinghua", "ustc", "aliyun"} <= set(shipped.mirrors)
    for mirror in shipped.mirrors.values():
        assert mirror.evidence, mirror.name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", mirror.date), mirror.name
        if not mirror.usable:
            assert shipped.named(mirror.replacement).usable


def test_aliases_lead_to_one_mirror_and_clash_with_none(shipped: Catalogue) -> None:
    words = [word for mirror in shipped.mirrors.values() for word in (mirror.name, *mirror.aliases)]
    assert len(words) == len(set(words))
    assert shipped.named("tuna") is shipped.named("Tsinghua")


def test_an_unknown_name_offers_close_ones(shipped: Catalogue) -> None:
    with pytest.raises(EnvtoolError) as caught:
        shipped.named("tsingua")
    assert "tsinghua" in caught.value.hint
    assert caught.value.code == ExitCode.USAGE


def test_a_user_s_own_mirror_is_laid_over_the_list(home: Home) -> None:
    own(home, "mirrors:\n  lab:\n    pypi: {index: https://pip.lab.example/simple/}\n  ustc:\n    title: mine\n")
    both = catalogue.load(home.host)
    assert both.named("lab").own
    pypi = both.named("lab").pypi
    assert pypi
    assert pypi.index == "https://pip.lab.example/simple"
    assert both.named("ustc").title == "mine"
    assert both.named("tsinghua").conda


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("mirrors:\n  lab:\n    pipy: {}\n", 3, "pipy"),
        ("mirrors:\n  lab:\n    title: x\n    state: dead\n", 4, "one of"),
        ("mirrors:\n  lab:\n    pypi:\n      index: pip.lab\n", 4, "URL"),
        ("mirrors:\n  lab:\n    pypi:\n      index: https://me:pw@lab.example/simple\n", 4, "login"),
        ("mirrors:\n  lab:\n    conda: {pkgs: [main]}\n", 3, "base"),
        ("mirrors:\n  lab:\n    depends:\n      - tuna\n      - 3\n", 5, "word"),
        ("mirrors:\n  lab: [\n", 3, ""),
        ("mirrors:\n  lab:\n    preference: first\n", 3, "whole number"),
        ("- a\n", 1, "mirrors"),
        ("mirrors: 3\n", 1, "map"),
        ("schema: 2\nmirrors: {}\n", 1, "one of"),
    ],
)
def test_an_error_names_file_and_line(home: Home, text: str, line: int, said: str) -> None:
    path = own(home, text)
    with pytest.raises(EnvtoolError) as caught:
        catalogue.load(home.host)
    assert str(path) in caught.value.message
    assert f"line {line}" in caught.value.message
    assert said in caught.value.message
    assert "pw" not in caught.value.message
    assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://pypi.tuna.tsinghua.edu.cn/simple", ("tsinghua", "pypi", "", True)),
        ("http://pypi.tuna.tsinghua.edu.cn/simple/", ("tsinghua", "pypi", "", True)),
        ("https://pypi.mirrors.ustc.edu.cn/simple/", ("ustc", "pypi", "", True)),
        ("http://mirrors.aliyun.com/pypi/simple/", ("aliyun", "pypi", "", True)),
        ("https://user:pw@MIRRORS.aliyun.com:443/pypi/simple", ("aliyun", "pypi", "", True)),
        ("http://pypi.douban.com/simple/", ("douban", "pypi", "", False)),
        ("https://mirrors.tuna.tsinghua.edu.cn/anaconda/pkgs/free/", ("tsinghua", "conda", "pkgs/free", False)),
        ("https://mirrors.tuna.tsinghua.edu.cn/anaconda/pkgs/main/linux-64", ("tsinghua", "conda", "pkgs/main", True)),
        ("https://mirror.tuna.tsinghua.edu.cn/anaconda/cloud/conda-forge/", ("tsinghua", "conda", "conda-forge", True)),
        ("http://mirrors.tuna.tsinghua.edu.cn/anaconda/cloud/msys2/", ("tsinghua", "conda", "msys2", True)),
        ("https://mirrors.tuna.tsinghua.edu.cn/anaconda/cloud/conda-", ("tsinghua", "conda", "conda-", False)),
        ("https://mirrors.tuna.tsinghua.edu.cn/anaconda/cloud", ("tsinghua", "conda", "", True)),
        ("https://mirrors.tuna.tsinghua.edu.cn/anaconda", ("tsinghua", "conda", "", True)),
        ("https://mirrors.ustc.edu.cn/anaconda/pkgs/main", ("ustc", "conda", "pkgs/main", False)),
        ("https://mirrors.sustech.edu.cn/anaconda-extra/cloud/nvidia", ("sustech", "conda", "nvidia", True)),
        ("https://mirror.sjtu.edu.cn/pytorch-wheels/cu128/", ("sjtu", "torch", "", True)),
        ("https://arti.example/artifactory/api/pypi/simple", None),
        ("https://mirrors.tuna.tsinghua.edu.cn.evil.example/simple", None),
        ("https://conda.anaconda.org/conda-forge", ("", "conda", "conda-forge", True)),
    ],
)
def test_every_form_in_use_is_recognised(
    shipped: Catalogue, url: str, expected: tuple[str, str, str, bool] | None
) -> None:
    found = url_matching.UrlMatcher(shipped).match(url)
    assert (found and (found.mirror, found.service, found.channel, found.alive)) == expected


def test_the_default_index_is_known_without_its_name_and_nothing_like_it_is(shipped: Catalogue) -> None:
    seer = url_matching.UrlMatcher(shipped)
    assert seer.match("https://pypi" + ".org/simple/") == UrlMatch("", "pypi")
    assert seer.match("http://pypi.python" + ".org/simple") == UrlMatch("", "pypi")
    for private in ("https://pypi.lan/simple", "https://pypi.lab.example/simple", "https://my-pypi" + ".org/simple"):
        assert seer.match(private) is None


def test_upstream_addresses_have_their_names(shipped: Catalogue) -> None:
    assert url_matching.upstream_channel(shipped, "https://conda.anaconda.org/conda-forge/linux-64") == "conda-forge"
    assert url_matching.upstream_channel(shipped, "http://repo.anaconda.com/pkgs/main/") == "pkgs/main"
    assert url_matching.upstream_channel(shipped, "https://lab.example/conda-forge") == ""


def test_replicas_take_another_operator_before_a_second_of_the_same(shipped: Catalogue) -> None:
    by_url = {m.pypi.index: m for m in shipped.mirrors.values() if m.pypi}
    ordered = [by_url[url] for url in fallbacks.for_pypi(shipped)]
    assert {mirror.state for mirror in ordered} <= {"active", "partial", "uncertain"}
    # all different groups first; a site that is run by, or fetches from, one of those comes after them
    before = [{mirror.group for mirror in ordered[:position]} for position in range(len(ordered))]
    repeats = [bool(groups & {m.group, *m.depends}) for groups, m in zip(before, ordered, strict=True)]
    assert repeats == sorted(repeats)
    assert {"bfsu", "ustc"} <= {mirror.name for mirror, repeat in zip(ordered, repeats, strict=True) if repeat}


def test_where_an_entry_stands_in_the_file_means_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalogue.load(home.host)
    changed = home.path / "changed.yaml"
    monkeypatch.setattr(catalogue, "_shipped", lambda: changed)

    def load(*entries: str) -> Catalogue:
        changed.write_text("".join([head, "mirrors:", *entries]), encoding="utf-8")
        return catalogue.load(home.host)

    head, *entries = re.split(r"^(?:mirrors:\n)?(?=  \w+:$)", SHIPPED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    head = head.removesuffix("mirrors:\n")
    backwards = load("\n", *(f"{entry.rstrip()}\n" for entry in reversed(entries)))
    assert [*backwards.mirrors] == [*before.mirrors]
    assert fallbacks.for_pypi(backwards) == fallbacks.for_pypi(before)

    made_up = (
        "\n  zzz:\n    title: Made up\n    group: zzz\n    state: active\n    evidence: []\n"
        "    pypi: {index: 'https://zzz.example/simple'}\n"
    )
    last = load(made_up, *entries)
    assert [*last.mirrors] == [*before.mirrors, "zzz"]
    first = load(made_up + "    preference: 0\n", *entries)
    assert [*first.mirrors] == ["zzz", *before.mirrors]
    assert fallbacks.for_pypi(first) == ("https://zzz.example/simple", *fallbacks.for_pypi(before))


def test_replicas_of_a_channel_are_those_that_serve_it(shipped: Catalogue) -> None:
    assert "https://mirrors.sustech.edu.cn/anaconda-extra/cloud/nvidia" in fallbacks.for_channel(shipped, "nvidia")
    assert not any("tuna" in url for url in fallbacks.for_channel(shipped, "nvidia"))
    assert not any("ustc" in url for url in fallbacks.for_channel(shipped, "pkgs/main"))
    assert any("ustc" in url for url in fallbacks.for_channel(shipped, "bioconda"))
    assert fallbacks.for_channel(shipped, "my-own") == ()


def test_torch_replicas_say_how_to_ask(shipped: Catalogue) -> None:
    ways = {url: how for how, url in fallbacks.for_torch(shipped, "cu128")}
    assert ways["https://mirrors.aliyun.com/pytorch-wheels/cu128/"] == "find-links"
    assert ways["https://mirror.sjtu.edu.cn/pytorch-wheels/cu128"] == "index"


def test_a_site_that_nobody_verified_is_recognized_and_never_chosen(shipped: Catalogue) -> None:
    unverified = {mirror.name for mirror in shipped.mirrors.values() if mirror.state == "unverified"}
    assert {"volcengine", "baidu", "bjtu", "njtech", "nyist", "sdu", "xjtu", "iscas", "neusoft"} <= unverified
    matcher = url_matching.UrlMatcher(shipped)
    urls = (*fallbacks.for_pypi(shipped), *fallbacks.for_channel(shipped, "conda-forge"))
    assert not {found.mirror for url in urls if (found := matcher.match(url))} & unverified
    assert not any(shipped.named(name).offered for name in unverified)
