"""A user's own mirrors: added, used and removed; comments are kept, and no login is written."""

import pytest
from support.home import Home

from envtool.mirrors import catalogue, fallbacks


@pytest.mark.slow
def test_add_use_remove(home: Home) -> None:
    added = home.envtool(
        "mirror", "add", "lab", "--pypi", "https://pip.lab.example/simple", "--torch", "https://t.example", "--flat"
    )
    assert added.code == 0, added.err
    path = catalogue.own_file(home.host)
    path.write_text("# ours\n" + path.read_text())
    known = catalogue.load(home.host)
    pypi = known.named("lab").pypi
    assert pypi
    assert pypi.index == "https://pip.lab.example/simple"
    assert ("find-links", "https://t.example/cu128/") in fallbacks.for_torch(known, "cu128")
    assert "lab *" in home.envtool("mirror", "list").out
    assert home.envtool("mirror", "set", "lab", "--target", "pip").code == 0
    assert home.envtool("mirror", "undo").code == 0
    assert home.envtool("mirror", "add", "second", "--conda", "https://c.example/anaconda").code == 0
    assert home.envtool("mirror", "remove", "lab").code == 0
    assert path.read_text().startswith("# ours\n")
    assert "lab" not in path.read_text()
    assert catalogue.load(home.host).named("second").conda


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "lab", "--pypi", "https://me:secret@pip.lab.example/simple"), 4),
        (("add", "lab", "--pypi", "pip.lab.example"), 4),
        (("add", "Two Words", "--pypi", "https://pip.lab.example/simple"), 4),
        (("add", "lab"), 2),
        (("remove", "tsinghua"), 2),
        (("remove", "nobody"), 2),
    ],
)
def test_what_cannot_be_added_or_removed(home: Home, arguments: tuple[str, ...], code: int) -> None:
    ran = home.envtool("mirror", *arguments)
    assert ran.code == code
    assert "secret" not in ran.out + ran.err
    assert not catalogue.own_file(home.host).exists()


@pytest.mark.slow
def test_the_preferred_torch_mirror_is_asked_first(home: Home) -> None:
    assert home.envtool("mirror", "set", "nju", "--torch").code == 0
    assert "nju" in fallbacks.for_torch(catalogue.load(home.host), "cu128")[0][1]
    assert home.envtool("mirror", "undo").code == 0
    assert not catalogue.own_file(home.host).exists()
    refused = home.envtool("mirror", "set", "tsinghua", "--torch")
    assert refused.code == 2
    assert "nju" in refused.err


def test_other_places_of_a_public_channel(home: Home) -> None:
    known = catalogue.load(home.host)
    tuna = "https://mirrors.tuna.tsinghua.edu.cn/anaconda/cloud/conda-forge"
    found = fallbacks.others(known, tuna)
    assert found[0] == "https://conda.anaconda.org/conda-forge"
    assert not any(name in url for url in found for name in ("bfsu", "ustc"))
    assert fallbacks.others(known, "https://repo.anaconda.com/pkgs/main")[0].endswith("/anaconda/pkgs/main")
    assert fallbacks.others(known, "https://conda.lab.example/own") == ()


def test_other_places_of_a_public_index(home: Home) -> None:
    known = catalogue.load(home.host)
    default, *after_tuna = fallbacks.other_indexes(known, "https://pypi.tuna.tsinghua.edu.cn/simple")
    assert default is None
    assert after_tuna[0]
    assert "aliyun" in after_tuna[0]
    # bfsu is run by the same people, ustc, sjtu and zju fetch from there
    assert not any(name in url for url in after_tuna if url for name in ("tsinghua", "bfsu", "ustc", "sjtu", "zju"))
    assert fallbacks.other_indexes(known, None) == fallbacks.for_pypi(known)
    assert fallbacks.other_indexes(known, "https://pypi" + ".org/simple") == fallbacks.for_pypi(known)
    assert fallbacks.other_indexes(known, "https://pip.lab.example/simple") == ()


def test_a_list_that_is_broken_is_not_called_a_file_of_conda(home: Home) -> None:
    path = catalogue.own_file(home.host)
    path.parent.mkdir(parents=True)
    path.write_text("mirrors: [\n", encoding="utf-8")
    ran = home.envtool("mirror", "add", "lab", "--pypi", "https://lab.example/simple")
    assert ran.code == 4
    assert str(path) in ran.err
    assert "line 2" in ran.err
    assert "conda" not in ran.err
