"""``envtool channel``: what it lists, writes, moves and removes, and that conda reads the same."""

import json
import subprocess
from pathlib import Path

import pytest
from support import mirror_site
from support.condas import CONDA
from support.home import Home

TUNA = "https://mirrors.tuna.tsinghua.edu.cn/anaconda"
RC = "# mine\nchannels:\n  - lab  # first\n  - conda-forge\n\nshow_channel_urls: true\n"


def condarc(home: Home, text: str = RC) -> Path:
    path = home.path / ".condarc"
    path.write_text(text)
    return path


def names(home: Home) -> list[str]:
    return [channel["channel"] for channel in home.envtool("channel", "list", "--json").data["channels"]]


def test_list_names_file_line_and_where_each_channel_is_read(home: Home) -> None:
    path = condarc(home, RC + f"custom_channels:\n  conda-forge: {TUNA}/cloud\n")
    done = home.envtool("channel", "list", "--json", env={"CONDA_CHANNELS": "bioconda,lab"})
    assert done.code == 0
    found = {channel["channel"]: channel for channel in done.data["channels"]}
    assert list(found) == ["bioconda", "lab", "conda-forge"]
    assert found["lab"]["sources"] == [{"place": "CONDA_CHANNELS", "line": None}, {"place": str(path), "line": 3}]
    assert found["conda-forge"]["urls"][0] | {"status": ""} == {
        "url": f"{TUNA}/cloud/conda-forge",
        "site": "tsinghua",
        "status": "",
        "detail": "",
    }
    assert f"from {path}:4" in home.envtool("channel", "list").out


def test_list_says_that_nothing_is_configured(home: Home) -> None:
    done = home.envtool("channel", "list", "--json")
    assert (done.data["configured"], names(home)) == (False, ["conda-forge"])


def test_list_shows_no_login(home: Home) -> None:
    condarc(home, "channels:\n  - https://me:hunter2@repo.lab.example/t/tk-hunter3/x\n")
    for done in (home.envtool("channel", "list"), home.envtool("channel", "list", "--json")):
        assert done.code == 0
        assert "hunter" not in done.out + done.err


def test_list_tests_what_each_channel_answers(home: Home) -> None:
    record = {"packages": {}, "packages.conda": {"a-1-0.conda": {"name": "a", "version": "1", "build": "0"}}}
    files = {"/lab/noarch/repodata.json": json.dumps(record).encode(), "/lab/noarch/a-1-0.conda": b"x" * 100}
    with mirror_site.serve(files) as site:
        condarc(home, f"channels:\n  - {site.url}/lab\n  - {site.url}/gone\n")
        done = home.envtool("channel", "list", "--test", "--json")
    statuses = [channel["urls"][0]["status"] for channel in done.data["channels"]]
    assert (done.code, statuses) == (5, ["ok", "missing"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", "bioconda"), ["bioconda", "lab", "conda-forge"]),
        (("add", "bioconda", "--last"), ["lab", "conda-forge", "bioconda"]),
        (("add", "a", "b"), ["a", "b", "lab", "conda-forge"]),
        (("add", "conda-forge"), ["conda-forge", "lab"]),
        (("add", "lab/", "--append"), ["conda-forge", "lab/"]),
        (("add", f"{TUNA}/pkgs/free/"), [f"{TUNA}/pkgs/free/", "lab", "conda-forge"]),
        (("remove", "lab"), ["conda-forge"]),
        (("remove", "conda-forge/"), ["lab"]),
        (("move", "conda-forge", "--first"), ["conda-forge", "lab"]),
        (("move", "lab", "--after", "conda-forge"), ["conda-forge", "lab"]),
        (("move", "conda-forge", "--before", "lab"), ["conda-forge", "lab"]),
        (("move", "lab", "--last"), ["conda-forge", "lab"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_change_moves_nothing_else_and_is_undone_byte_for_byte(
    home: Home, arguments: tuple[str, ...], expected: list[str]
) -> None:
    path = condarc(home)
    dry = home.envtool("channel", *arguments, "--dry-run", "--json")
    assert (dry.code, path.read_text()) == (0, RC)
    assert dry.data["diff"].startswith(f"--- {path}")
    done = home.envtool("channel", *arguments)
    assert done.code == 0, done.err
    assert names(home) == expected
    text = path.read_text()
    assert text.startswith("# mine\nchannels:\n")
    assert text.endswith("\n\nshow_channel_urls: true\n")
    assert home.envtool("undo", "--yes").code == 0
    assert path.read_text() == RC


def test_the_first_channel_leaves_the_one_that_was_in_use_in_use(home: Home) -> None:
    assert home.envtool("channel", "add", "bioconda").code == 0
    assert names(home) == ["bioconda", "conda-forge"]
    assert home.envtool("undo", "--yes").code == 0
    assert not (home.path / ".condarc").exists()


def test_every_form_of_a_channel_goes_with_its_name(home: Home) -> None:
    upstream = "https://conda.anaconda.org/conda-forge"
    condarc(home, f"channels:\n  - conda-forge\n  - lab\n  - {upstream}\n  - {TUNA}/cloud/conda-forge\n")
    assert home.envtool("channel", "remove", "conda-forge").code == 0
    assert names(home) == ["lab"]


def test_a_name_removes_the_same_channels_address_on_a_mirror(home: Home) -> None:
    condarc(home, f"channels:\n  - {TUNA}/cloud/conda-forge/\n  - bioconda\n")
    done = home.envtool("channel", "remove", "conda-forge")
    assert (done.code, names(home)) == (0, ["bioconda"])
    assert f"{TUNA}/cloud/conda-forge/ is conda-forge" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"{TUNA}/pkgs/free/", "September 2017"),
        (f"{TUNA}/pkgs/main/", "part of defaults"),
        (f"{TUNA}/cloud/conda-forge", "conda-forge on tsinghua"),
        (f"{TUNA}/cloud/msys2/", "for Windows only"),
    ],
)
def test_addresses_of_a_mirrors_channels_are_added_as_they_stand_and_explained(
    home: Home, address: str, told: str
) -> None:
    done = home.envtool("channel", "add", address)
    assert (done.code, names(home)[0]) == (0, address)
    assert told in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "conda-forge::numpy"), 2, "a package of a channel"),
        (("add", "nodefaults"), 2, "environment.yml only"),
        (("add", ""), 2, "not the name or address"),
        (("add", "a b"), 2, "not the name or address"),
        (("add", "numpy>=2"), 2, "not the name or address"),
        (("add", "./absent"), 2, "There is no folder"),
        (("add", "http://"), 2, "not an address"),
        (("add", "https:/h/x"), 2, "not an address"),
        (("add", "htps://h/c"), 2, "not an address"),
        (("add", "https://[::1/c"), 2, "not the name or address"),
        (("add", "https://mirrors.tuna.tsinghua.edu.cn/simple"), 2, "no conda channel"),
        (("add", "https://conda.anaconda.org"), 2, "folder above all channels"),
        (("remove", "conda-forg"), 3, "Did you mean conda-forge"),
        (("remove", "bioconda"), 3, "Listed are: lab, conda-forge"),
        (("move", "lab"), 2, "--first, --last"),
        (("move", "lab", "--first", "--last"), 2, "--first, --last"),
        (("move", "lab", "--after", "bioconda"), 2, "is not listed"),
        (("add", "x", "--scope", "site"), 3, "No conda installation"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    home: Home, arguments: tuple[str, ...], code: int, told: str
) -> None:
    path = condarc(home)
    done = home.envtool("channel", *arguments)
    assert (done.code, path.read_text()) == (code, RC)
    assert told in done.err


def test_what_another_place_decides_is_no_success(home: Home) -> None:
    condarc(home)
    removed = home.envtool("channel", "remove", "lab", env={"CONDA_CHANNELS": "lab"})
    assert removed.code == 1
    assert "lab stays in use: CONDA_CHANNELS names it" in removed.err
    folder = home.path / ".config" / "conda"
    folder.mkdir(parents=True)
    (folder / "condarc").write_text("channels:  #!final\n  - fixed\n")
    (home.path / ".condarc").write_text("channels:\n  - lab\n")
    added = home.envtool("channel", "add", "bioconda")
    assert added.code == 1
    assert "bioconda was written" in added.err


def test_a_channel_of_another_scope_is_named_with_its_place(home: Home) -> None:
    prefix = home.conda_envs / "demo"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    assert home.envtool("channel", "add", "lab", "-n", "demo").code == 0
    assert "lab" in (prefix / ".condarc").read_text()
    done = home.envtool("channel", "remove", "lab", env={"CONDA_PREFIX": str(prefix)})
    assert (done.code, str(prefix / ".condarc") in done.err) == (3, True)
    assert home.envtool("channel", "remove", "lab", "--prefix", str(prefix)).code == 0


@pytest.mark.slow
def test_undo_asks_takes_the_newest_change_of_any_kind_and_refuses_a_foreign_one(home: Home) -> None:
    path = condarc(home)
    assert home.envtool("mirror", "set", "tsinghua", "--target", "conda").code == 0
    switched = path.read_text()
    assert home.envtool("channel", "add", "bioconda").code == 0
    assert home.envtool("undo").code == 2  # nobody to ask
    shown = home.envtool("undo", "--dry-run")
    assert "-  - bioconda" in shown.out
    assert "bioconda" in path.read_text()
    assert home.envtool("undo", "--yes", "--json").data["undone"] == "channel add bioconda"
    assert path.read_text() == switched
    path.write_text(switched + "# by hand\n")
    assert home.envtool("undo", "--dry-run").code == 1  # it shows nothing that undo would refuse
    refused = home.envtool("undo", "--yes")
    assert (refused.code, path.read_text()) == (1, switched + "# by hand\n")
    path.write_text(switched)
    assert home.envtool("undo", "--yes").code == 0
    assert path.read_text() == RC
    assert "Nothing to undo" in home.envtool("undo", "--yes").err


@pytest.mark.conda
@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "condas"),
    [
        (("add", "bioconda"), ("--add", "channels", "bioconda")),
        (("add", "bioconda", "--last"), ("--append", "channels", "bioconda")),
        (("add", "conda-forge"), ("--add", "channels", "conda-forge")),
        (("remove", "lab"), ("--remove", "channels", "lab")),
    ],
    ids=" ".join,
)
def test_conda_writes_and_reads_the_same_channels(home: Home, ours: tuple[str, ...], condas: tuple[str, ...]) -> None:
    if not CONDA:
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")

    def listed() -> list[str]:
        shown = [CONDA, "config", "--show", "channels", "--json"]
        done = subprocess.run(shown, env=home.environ, capture_output=True, text=True, check=True)
        found: list[str] = json.loads(done.stdout)["channels"]
        return found

    path = condarc(home)
    subprocess.run([CONDA, "config", *condas], env=home.environ, check=True, capture_output=True)
    expected = listed()
    path.write_text(RC)
    assert home.envtool("channel", *ours).code == 0
    assert listed() == names(home) == expected
