"""Switches move only what is there: judged by conda's own code where one is found, and by the files themselves."""

import json
import subprocess
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home

from envtool.clients import conda
from envtool.clients.conda import condarc
from envtool.clients.protocol import Scope
from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.context import Context
from envtool.operations.mirror import show, switch
from envtool.operations.steps import file_edits

TUNA, NJU = "https://mirrors.tuna.tsinghua.edu.cn", "https://mirror.nju.edu.cn"
FORGE, MAIN, R = ("https://conda.anaconda.org/conda-forge", *conda.CondaSettings().default_channels)
USER = Scope("user")

DEFAULTS = {  # what stands there -> what `defaults` is at nju, and at ustc, which has conda-forge only
    "conda-forge only": ([FORGE], ["cloud/conda-forge"], ["cloud/conda-forge"]),
    "conda-forge only, at a mirror": ([f"{TUNA}/anaconda/cloud/conda-forge"], ["cloud/conda-forge"], None),
    "main only": ([MAIN], ["pkgs/main"], [MAIN]),
    "r only, with a slash": ([f"{R}/"], ["pkgs/r"], [f"{R}/"]),
    "main and a private one": ([MAIN, "https://lab.example/own"], ["pkgs/main", "https://lab.example/own"], None),
    "a private one only": (["https://lab.example/own"], ["https://lab.example/own"], None),
    "only what is frozen": ([f"{TUNA}/anaconda/pkgs/free"], ["pkgs/main", "pkgs/r"], None),
    "in the other order": ([R, MAIN], ["pkgs/r", "pkgs/main"], None),
    "with the name conda-forge": (["conda-forge"], ["cloud/conda-forge"], ["cloud/conda-forge"]),
    "with a name of one's own": (["lab", MAIN], ["lab", "pkgs/main"], ["lab", MAIN]),
}


def place(home: Home, text: str, name: str = ".condarc") -> Path:
    path = home.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def set_(home: Home, mirror: str = "nju", client: str = "conda", *, clean: bool = True) -> switch.Switch:
    planned = switch.plan_set(home.context, mirror, (client,), USER, clean=clean)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    return planned


def at(mirror: str, parts: list[str]) -> list[str]:
    base = {"nju": NJU, "ustc": "https://mirrors.ustc.edu.cn"}[mirror]
    return [f"{base}/anaconda/{part}" if part.startswith(("cloud/", "pkgs/")) else part for part in parts]


@pytest.mark.parametrize("mirror", ["nju", "ustc"])
@pytest.mark.parametrize("case", DEFAULTS)
def test_no_part_is_added_to_defaults_that_are_set(home: Home, case: str, mirror: str) -> None:
    before, at_nju, at_ustc = DEFAULTS[case]
    expected = at_nju if mirror == "nju" else at_ustc
    if expected is None:
        pytest.skip("tried at nju")
    path = place(home, "channels: [defaults]\ndefault_channels:\n" + "".join(f"  - {url}\n" for url in before))
    set_(home, mirror)
    assert condarc.read_layer(path).values["default_channels"] == at(mirror, expected)


@pytest.mark.parametrize(
    "text",
    [
        "channels: [conda-forge]\ndefault_channels: []\n",
        "channels: [conda-forge, nodefaults]\n",
        "channels: [conda-forge]\ndenylist_channels: [defaults]\n",
        "channels: [defaults]\ncustom_multichannels:\n  defaults: [https://lab.example/own]\n",
    ],
)
def test_who_shut_defaults_out_gets_none_of_their_parts(home: Home, text: str) -> None:
    path = place(home, text)
    set_(home, clean=False)
    assert "pkgs/" not in path.read_text()


@pytest.mark.parametrize(
    ("channels", "parts"),
    [
        ([f"{TUNA}/anaconda/pkgs/main"], ["pkgs/main"]),
        ([MAIN, "conda-forge"], ["pkgs/main"]),
        ([R, f"{TUNA}/anaconda/pkgs/main/"], ["pkgs/r", "pkgs/main"]),
        ([MAIN, "defaults"], ["pkgs/main", "pkgs/r"]),
        ([f"{TUNA}/anaconda/cloud/conda-forge"], ["pkgs/main", "pkgs/r"]),
    ],
)
def test_addresses_of_parts_become_defaults_with_these_parts(home: Home, channels: list[str], parts: list[str]) -> None:
    path = place(home, "channels:\n" + "".join(f"  - {channel}\n" for channel in channels))
    set_(home)
    assert condarc.read_layer(path).values["default_channels"] == at("nju", parts)
    assert set_(home).plan.edits == ()


def test_a_part_that_another_file_leaves_out_is_left_out(home: Home) -> None:
    place(home, f"default_channels: [{MAIN}]\n", ".config/conda/condarc.d/main.yml")
    path = place(home, "channels: [defaults]\n")
    set_(home)
    assert condarc.read_layer(path).values["default_channels"] == [f"{NJU}/anaconda/pkgs/main"]


def test_multichannels_move_and_go_back(home: Home) -> None:
    text = (
        "channels: [campus]\ncustom_multichannels:\n  campus:\n"
        f"    - {TUNA}/anaconda/pkgs/main\n    - {TUNA}/anaconda/cloud/conda-forge\n    - https://lab.example/own\n"
    )
    path = place(home, text)
    planned = set_(home)
    assert "campus still comes" not in "".join(planned.notes)
    lists = condarc.read_layer(path).values["custom_multichannels"]
    assert lists["campus"] == [*at("nju", ["pkgs/main", "cloud/conda-forge"]), "https://lab.example/own"]
    unset = switch.plan_unset(home.context, ("conda",), USER)
    file_edits.carry_out(home.host, "mirror", unset.plan)
    lists = condarc.read_layer(path).values["custom_multichannels"]
    assert lists["campus"] == [MAIN, FORGE, "https://lab.example/own"]


@pytest.mark.parametrize(
    ("lists", "key"),
    [
        (f"allowlist_channels: [{FORGE}]", "allowlist_channels"),
        (f"whitelist_channels: [{FORGE}, {MAIN}]", "allowlist_channels"),
        (f"denylist_channels: [{NJU}/anaconda/cloud/conda-forge]", "denylist_channels"),
    ],
)
def test_what_conda_would_refuse_is_not_written(home: Home, lists: str, key: str) -> None:
    path = place(home, f"channels: [conda-forge]\n{lists}\n")
    before = path.read_text()
    with pytest.raises(EnvtoolError, match=key) as caught:
        set_(home)
    assert str(path) in caught.value.hint
    assert path.read_text() == before
    assert set_(home, client="pip").following == ("pip",)


def test_a_list_of_names_refuses_no_mirror(home: Home) -> None:
    place(home, "channels: [conda-forge]\nallowlist_channels: [conda-forge]\n")
    assert set_(home).following == ("conda",)
    place(home, "channels: [bioconda]\nallowlist_channels: [conda-forge]\n")
    view = show.show(home.context, home.path)[0]
    assert any("conda refuses https://conda.anaconda.org/bioconda" in warning for warning in view.warnings)


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        (f"'''{TUNA}/anaconda/pkgs/main/'''", "defaults"),
        (f"'\"{TUNA}/anaconda/cloud/conda-forge\"'", "conda-forge"),
        ("'\"conda-forge\"'", "conda-forge"),
        ("'“bioconda”'", "bioconda"),
        ("'\"https://lab.example/own\"'", "https://lab.example/own"),
    ],
)
@pytest.mark.parametrize("mirror", ["nju", "ustc"])
def test_quotes_in_an_entry_are_said_and_removed_whatever_the_mirror(
    home: Home, entry: str, meant: str, mirror: str
) -> None:
    path = place(home, f"channels:\n  - {entry}\n")
    view = show.show(home.context, home.path)[0]
    assert any("quotes" in warning.lower() for warning in view.warnings)
    set_(home, mirror)
    assert condarc.read_layer(path).values["channels"] == [meant]


def test_an_entry_with_quotes_is_a_channels_name_for_conda() -> None:
    quoted = f"'{TUNA}/anaconda/pkgs/main/'"
    assert conda.channel_urls(conda.CondaSettings(), quoted)[0][1].startswith("https://conda.anaconda.org/'https://")


@pytest.mark.parametrize(("name", "meant"), [("default", "defaults"), ("conda_forge", "conda-forge")])
def test_a_slip_is_said_and_left(home: Home, name: str, meant: str) -> None:
    path = place(home, f"channels: [{name}]\n")
    planned = set_(home)
    assert [note for note in planned.notes if "did you mean" in note] == [
        f"`{name}` is no channel: did you mean `{meant}`?"
    ]
    assert not any("still comes from upstream" in note for note in planned.notes)
    assert f"channels: [{name}]" in path.read_text()
    assert any("did you mean" in warning for warning in show.show(home.context, home.path)[0].warnings)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("shared/.condarc", f"default_channels: [{TUNA}/anaconda/pkgs/main]\n", "keeps tsinghua in front"),
        ("shared/.condarc", f"custom_channels: {{conda-forge: {TUNA}/anaconda/cloud}}\n", "keeps tsinghua in front"),
        (".config/conda/condarc.d/x.yml", f"default_channels: [{TUNA}/anaconda/pkgs/main]\n", "reads both"),
        ("shared/.condarc", "ssl_verify: true\n", ""),
    ],
)
def test_files_beside_the_edited_one_are_said(home: Home, name: str, text: str, said: str) -> None:
    beside = place(home, text, name)
    context = Context(home.host_with(CONDARC=str(home.path / "shared/.condarc")), home.context.reporter)
    planned = switch.plan_set(context, "nju", ("conda",), USER)
    notes = [note for note in planned.notes if str(beside) in note]
    assert [said in note for note in notes] == ([True] if said else [])


def test_channels_that_stay_are_said_for_conda_as_for_pip(home: Home) -> None:
    place(home, "channels: [https://lab.example/own, conda-forge]\ncustom_channels: {x: https://lab.example}\n")
    notes = set_(home).notes
    for url in ("https://lab.example/own", "https://lab.example/x"):
        assert f"conda's {url} is your own and was not changed." in notes


@pytest.mark.parametrize(("version", "channels"), [("25.7.0", None), ("4.12.0", None), ("25.9.0", ["conda-forge"])])
def test_an_old_conda_without_channels_keeps_its_own(home: Home, version: str, channels: list[str] | None) -> None:
    root = home.path / "miniconda3"
    (root / "conda-meta").mkdir(parents=True)
    (root / "conda-meta" / f"conda-{version}-py311_0.json").write_text("{}")
    (root / "condabin").mkdir()
    (root / "condabin" / "conda").write_text("")
    (root / "bin").mkdir()
    (root / "bin" / "conda").write_text("#!/bin/sh\n")
    (root / "bin" / "conda").chmod(0o755)
    context = Context(home.host_with(CONDA_EXE=str(root / "bin" / "conda")), home.context.reporter)
    assert context.root == root
    planned = switch.plan_set(context, "nju", ("conda",), USER)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    values = condarc.read_layer(home.path / ".condarc").values
    assert values.get("channels") == channels
    assert values["default_channels"] == at("nju", ["pkgs/main", "pkgs/r"])


@pytest.mark.slow
@pytest.mark.parametrize("text", [None, "", "# mine\n", "envs_dirs: [/data]\n", "channels: [conda-forge]\n"])
@pytest.mark.parametrize("conf", [None, "[global]\ntimeout = 9\n", "[install]\nuser = no\n"])
def test_unset_takes_back_what_set_added(home: Home, text: str | None, conf: str | None) -> None:
    condarc, pip_conf = home.path / ".condarc", home.path / ".config/pip/pip.conf"
    pip_conf.parent.mkdir(parents=True)
    for path, before in ((condarc, text), (pip_conf, conf)):
        if before is not None:
            path.write_text(before)
    for mirror in ("tsinghua", "nju"):
        planned = switch.plan_set(home.context, mirror, ("conda", "pip"), USER)
        file_edits.carry_out(home.host, "mirror", planned.plan)
    unset = switch.plan_unset(home.context, ("conda", "pip"), USER)
    file_edits.carry_out(home.host, "mirror", unset.plan)
    assert (condarc.read_text() if condarc.exists() else None) == text
    assert (pip_conf.read_text().rstrip() if pip_conf.exists() else None) == (conf.rstrip() if conf else None)


def test_unset_keeps_a_channel_that_only_a_mirrors_address_names(home: Home) -> None:
    path = place(home, f"channels:\n  - {TUNA}/anaconda/cloud/conda-forge\n  - lab\n")
    file_edits.carry_out(home.host, "mirror", switch.plan_unset(home.context, ("conda",), USER).plan)
    assert path.read_text() == "channels:\n  - conda-forge\n  - lab\n"


PIP = ".config/pip/pip.conf"


@pytest.mark.parametrize(
    ("conf", "kept"),
    [
        ("extra-index-url = http://mirrors.aliyun.com/pypi/simple", "mirrors.aliyun.com"),
        ("find-links = http://mirrors.aliyun.com/x", "mirrors.aliyun.com"),
        ("extra-index-url = http://mirrors.aliyun.com:80/pypi/simple", "mirrors.aliyun.com"),
        ("extra-index-url = https://mirrors.aliyun.com/pypi/simple", ""),
        ("timeout = 9", ""),
    ],
)
def test_a_trusted_host_stays_while_an_http_address_needs_it(home: Home, conf: str, kept: str) -> None:
    path = place(
        home,
        f"[global]\nindex-url = http://pypi.douban.com/simple\n{conf}\n"
        "trusted-host =\n    pypi.douban.com\n    mirrors.aliyun.com\n",
        PIP,
    )
    set_(home, client="pip", clean=False)
    trusted = path.read_text().partition("trusted-host")[2].split()
    assert [word for word in trusted if word != "="] == ([kept] if kept else [])


def test_a_trusted_host_stays_for_another_file_and_for_a_variable(home: Home) -> None:
    text = f"[global]\nindex-url = {TUNA}/pypi/web/simple\ntrusted-host = mirrors.aliyun.com\n"
    path = place(home, text, PIP)
    host = home.host_with(PIP_EXTRA_INDEX_URL="http://mirrors.aliyun.com/pypi/simple")
    planned = switch.plan_set(Context(host, home.context.reporter), "nju", ("pip",), USER)
    assert b"trusted-host = mirrors.aliyun.com" in (planned.plan.edits[0].after or b"")
    place(home, "[global]\nextra-index-url = http://mirrors.aliyun.com/pypi/simple\n", ".pip/pip.conf")
    set_(home, client="pip", clean=False)
    assert "trusted-host = mirrors.aliyun.com" in path.read_text()


@pytest.mark.parametrize("clean", [False, True])
def test_behind_a_private_index_the_public_one_is_moved(home: Home, clean: bool) -> None:
    path = place(
        home,
        "[global]\nindex-url = https://lab.example/simple\n"
        f"extra-index-url =\n    {TUNA}/pypi/web/simple\n    https://lab.example/two\n    http://pypi.douban.com/simple\n",
        PIP,
    )
    set_(home, client="pip", clean=clean)
    extra = f"extra-index-url =\n    {NJU}/pypi/web/simple\n    https://lab.example/two\n"
    assert path.read_text() == f"[global]\nindex-url = https://lab.example/simple\n{extra}"


@pytest.mark.conda
@pytest.mark.parametrize("case", [name for name, (_, _, ustc) in DEFAULTS.items() if ustc or "private" not in name])
def test_conda_reads_the_same_parts(home: Home, case: str) -> None:
    python = Path(CONDA).resolve().parent / "python" if CONDA else Path("absent")
    if not python.exists():
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")
    before, expected, _ = DEFAULTS[case]
    path = place(home, "channels: [defaults]\ndefault_channels:\n" + "".join(f"  - {url}\n" for url in before))
    set_(home)
    script = (
        "import json, sys\nfrom conda.base.context import reset_context\nfrom conda.models.channel import Channel\n"
        "reset_context(search_path=(sys.argv[1],))\nprint(json.dumps(Channel('defaults').base_urls))"
    )
    done = subprocess.run([python, "-c", script, path], env=home.environ, capture_output=True, text=True, check=True)
    names = {"lab": "https://conda.anaconda.org/lab"}
    assert json.loads(done.stdout.splitlines()[-1]) == [names.get(url, url) for url in at("nju", expected)]


@pytest.mark.slow
def test_nothing_switched_is_exit_1_with_the_reason(home: Home) -> None:
    place(home, "[global]\nindex-url = https://lab.invalid/simple\n", PIP)
    ran = home.envtool("mirror", "set", "nju", "-t", "pip")
    assert ran.code == ExitCode.FAILED
    assert "https://lab.invalid/simple is your own" in ran.err
    assert "--replace" in ran.err
    assert "Nothing was changed" in ran.out
    data = home.envtool("mirror", "set", "nju", "-t", "pip", "--json").data
    assert data["written"] is False
    assert home.envtool("mirror", "set", "nju", "-t", "pip", "--replace").code == ExitCode.OK
    again = home.envtool("mirror", "set", "nju", "-t", "pip")
    assert (again.code, again.out.strip()) == (ExitCode.OK, "Nothing to change.")
