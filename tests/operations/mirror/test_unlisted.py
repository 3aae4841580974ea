"""Sources and addresses that no list knows, invented for each test: asked before they are written, or replaced."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import mirror_site
from support.home import Home

from envtool.clients.protocol import Scope
from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.mirror import destination, switch
from envtool.operations.mirror.site import Site
from envtool.operations.steps import file_edits

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"
PIP = ".config/pip/pip.conf"
USER = Scope("user")


@pytest.fixture
def account(home: Home) -> Home:
    """This home without the machine's own settings, and without a proxy on the way to local sites."""
    kept = {name: value for name, value in home.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return replace(home, environ={**kept, "no_proxy": "127.0.0.1"})


@pytest.fixture
def invented() -> Iterator[mirror_site.Site]:
    """A site in no list with an index, conda-forge and pkgs/main."""
    with mirror_site.serve(mirror_site.tree(projects={"pip": "26.2"})) as site:
        yield site


def place(home: Home, name: str, text: str) -> Path:
    path = home.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def set_(home: Home, *, yes: bool, clients: tuple[str, ...]) -> switch.Switch:
    request = switch.SwitchRequest(clients, USER)
    planned = switch.plan_set_confirmed(home.context, "tsinghua", request, lambda _: yes)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    return planned


FILES = {
    "pip": (PIP, "[global]\nindex-url = {url}/pypi/simple/\n"),
    "uv": (".config/uv/uv.toml", '[[index]]\nurl = "{url}/pypi/simple"\ndefault = true\n'),
    "uv, the old way": (".config/uv/uv.toml", 'index-url = "{url}/pypi/simple"\n'),
    "conda, default_channels": (".condarc", "channels: [defaults]\ndefault_channels:\n  - {url}/anaconda/pkgs/main\n"),
    "conda, custom_channels": (".condarc", "custom_channels:\n  conda-forge: {url}/anaconda/cloud\n"),
    "conda, channels": (".condarc", "channels:\n  - {url}/anaconda/cloud/conda-forge/\n  - lab\n"),
    "conda, channel_alias": (".condarc", "channels: [conda-forge]\nchannel_alias: {url}/anaconda/cloud\n"),
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("yes", [False, True])
def test_a_source_that_answers_like_a_public_one_is_offered(
    account: Home, invented: mirror_site.Site, case: str, yes: bool
) -> None:
    name, text = FILES[case]
    path = place(account, name, text.format(url=invented.url))
    before = path.read_text()
    planned = set_(account, yes=yes, clients=(case.partition(",")[0],))
    assert (invented.url in path.read_text()) is not yes
    assert (TUNA in path.read_text()) is (yes or case.startswith("conda"))
    if yes:
        assert any(invented.url in note and "replaced" in note for note in planned.notes)
    else:
        assert all(invented.url in url for url in planned.offered)
        assert planned.offered
    if planned.plan.edits:
        file_edits.undo(account.host, "mirror")
    assert path.read_text() == before


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("fault", ["lacks", "login", "portal"])
def test_a_private_source_is_not(account: Home, invented: mirror_site.Site, case: str, fault: str) -> None:
    """One that has not what everybody has, one with a login, and a page that answers everything."""
    invented.portal = fault == "portal"
    invented.login = "me:secret" if fault == "login" else ""
    invented.lacks = "/" if fault == "lacks" else ""
    name, text = FILES[case]
    path = place(account, name, text.format(url=invented.url))
    planned = set_(account, yes=True, clients=(case.partition(",")[0],))
    assert planned.offered == ()
    assert invented.url in path.read_text()


def test_an_address_with_a_login_is_not_even_asked(account: Home, invented: mirror_site.Site) -> None:
    url = invented.url.replace("http://", "http://me:secret@")
    path = place(account, PIP, f"[global]\nindex-url = {url}/pypi/simple\n")
    planned = set_(account, yes=True, clients=("pip",))
    assert not invented.requests
    assert planned.plan.edits == ()
    assert "secret" in path.read_text()
    assert "secret" not in repr((planned.notes, planned.offered))


@pytest.mark.parametrize(
    "text",
    [
        "channels:\n  - {url}/anaconda/ours\n  - nvidia\n",
        "channels: [lab, conda-forge]\nchannel_alias: {url}/anaconda/ours\n",
    ],
    ids=["a channel with one below it", "an alias that places a private channel"],
)
def test_a_private_channel_on_a_site_with_public_ones_stays(account: Home, text: str) -> None:
    files = mirror_site.tree(projects={}, channels=("ours", "ours/lab", "ours/conda-forge"))
    with mirror_site.serve(files) as site:
        path = place(account, ".condarc", text.format(url=site.url))
        planned = set_(account, yes=True, clients=("conda",))
        kept = account.context.conda_settings()
        assert f"{site.url}/anaconda/ours" in path.read_text()
        assert not any("is replaced or removed" in note for note in planned.notes)
        assert not planned.offered
        assert site.url in kept.channels[0] or site.url in kept.channel_alias


def test_the_channels_of_a_site_move_and_ones_own_on_it_stay(account: Home, invented: mirror_site.Site) -> None:
    parent = f"{invented.url}/anaconda/cloud"
    path = place(
        account,
        ".condarc",
        "channels:\n  - conda-forge\ncustom_channels:\n"
        f"  other: {parent}\n  winch: {parent}\n  conda-forge: {parent}\n"
        f"default_channels:\n  - {invented.url}/anaconda/pkgs/main\n",
    )
    set_(account, yes=True, clients=("conda",))
    text = path.read_text()
    assert f"  other: {parent}\n  winch: {parent}\n  conda-forge: {TUNA}/anaconda/cloud\n" in text
    assert f"default_channels:\n  - {TUNA}/anaconda/pkgs/main\n" in text


def test_what_a_switch_wrote_is_replaced_and_unset_unasked(account: Home, invented: mirror_site.Site) -> None:
    url = f"{invented.url}/pypi/simple"
    assert account.envtool("mirror", "set", url, "-t", "pip", "--allow-http").code == ExitCode.OK
    invented.lacks = "/"  # the site is gone: nobody could ask it any more
    path = account.path / PIP
    assert url in path.read_text()
    text = path.read_text()
    unset = account.envtool("mirror", "unset", "-t", "pip")
    assert unset.code == ExitCode.OK
    assert not path.exists()
    assert account.envtool("mirror", "undo").code == ExitCode.OK
    assert path.read_text() == text
    moved = account.envtool("mirror", "set", "tsinghua", "-t", "pip")
    assert moved.code == ExitCode.OK
    assert url not in path.read_text()
    assert TUNA in path.read_text()


def test_left_alone_is_exit_1_and_yes_replaces(account: Home, invented: mirror_site.Site) -> None:
    path = place(account, PIP, f"[global]\nindex-url = {invented.url}/pypi/simple\n")
    left = account.envtool("mirror", "set", "tsinghua", "-t", "pip")
    assert left.code == ExitCode.FAILED
    assert "--yes replaces it" in left.err
    assert "Nothing to change" not in left.out
    assert account.envtool("mirror", "unset", "-t", "pip").code == ExitCode.FAILED
    assert account.envtool("mirror", "set", "tsinghua", "-t", "pip", "--yes").code == ExitCode.OK
    assert TUNA in path.read_text()


# -- addresses ----------------------------------------------------------------------------------------------------
def meant(home: Home, url: str) -> Site:
    return destination.meant(home.context, url)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_is_written_for_the_clients_that_it_serves(
    account: Home, invented: mirror_site.Site, end: str
) -> None:
    index = meant(account, f"{invented.url}/pypi/simple{end}")
    assert (index.endpoints.index, dict(index.endpoints.parents)) == (f"{invented.url}/pypi/simple", {})
    assert index.served(("conda", "pip", "uv")) == ("pip", "uv")
    channels = meant(account, f"{invented.url}/anaconda{end}")
    assert channels.endpoints.index == ""
    assert dict(channels.endpoints.parents) == {
        "conda-forge": f"{invented.url}/anaconda/cloud",
        "pkgs/main": f"{invented.url}/anaconda",
    }
    assert channels.served(("conda", "pip", "uv", "mamba")) == ("conda", "mamba")
    one = meant(account, f"{invented.url}/anaconda/cloud/conda-forge{end}")
    assert dict(one.endpoints.parents) == {"conda-forge": f"{invented.url}/anaconda/cloud"}
    with pytest.raises(EnvtoolError, match="serves nothing for conda"):
        index.served(("conda",))


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/whl/cu128", ExitCode.USAGE, "--torch"),
        ("/help/pypi/", ExitCode.USAGE, "neither"),
        ("/simple", ExitCode.USAGE, "neither"),
        ("/anaconda/cloud", ExitCode.USAGE, "neither"),
        ("/pypi", ExitCode.USAGE, "neither"),
    ],
)
def test_an_address_that_serves_nothing_writes_nothing(
    account: Home, invented: mirror_site.Site, path: str, code: ExitCode, said: str
) -> None:
    with pytest.raises(EnvtoolError) as caught:
        meant(account, invented.url + path)
    assert caught.value.code == code
    assert said in caught.value.message + caught.value.hint


def test_an_address_that_is_not_reached_writes_nothing(account: Home, invented: mirror_site.Site) -> None:
    ran = account.envtool("mirror", "set", "http://127.0.0.1:9/simple", "--allow-http")
    assert ran.code == ExitCode.NETWORK
    assert "Nothing was written" in ran.err
    assert not (account.path / ".condarc").exists()
    invented.portal = True
    with pytest.raises(EnvtoolError, match="neither"):
        meant(account, f"{invented.url}/anaconda")


@pytest.mark.parametrize(
    ("url", "purposes", "said"),
    [
        (f"{TUNA}/help/pypi/", (), "no address of tsinghua's"),
        (TUNA, (), "no address of tsinghua's"),
        ("https://pypi.tuna.tsinghua.edu.cn/simple", ("pip",), ""),
        (f"{TUNA}/anaconda", ("conda",), ""),
        (f"{TUNA}/anaconda/cloud/conda-forge/", ("conda",), ""),
    ],
)
def test_an_address_of_a_listed_host_means_that_mirror(
    account: Home, url: str, purposes: tuple[str, ...], said: str
) -> None:
    site = meant(account, url)
    assert site.endpoints.mirror == "tsinghua"
    assert site.purposes == purposes
    assert said in "".join(site.notes)
    assert bool(site.notes) is bool(said)
    assert bool(site.endpoints.index) is (purposes != ("conda",))
    assert bool(site.endpoints.parents) is (purposes != ("pip",))


@pytest.mark.parametrize(
    "url", ["https://mirrors.nju.edu.cn/pytorch/whl/cu126", "https://mirror.nju.edu.cn/pytorch/whl"]
)
def test_a_listed_wheel_index_leads_to_torch(account: Home, url: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        meant(account, url)
    assert "envtool mirror set nju --torch" in caught.value.hint
    assert account.envtool("mirror", "set", url, "--torch").code == ExitCode.OK


@pytest.mark.slow
# -- mirrors of one's own, and auto ---------------------------------------------------------------------------------
def test_set_and_auto_write_what_answers_only(account: Home, invented: mirror_site.Site) -> None:
    added = account.envtool("mirror", "add", "lab", "--conda", f"{invented.url}/anaconda")
    assert added.code == ExitCode.OK
    tested = account.envtool("mirror", "test", "lab", "--for", "conda", "--channel", "defaults", "--json")
    assert tested.code == ExitCode.NETWORK
    assert [(row["mirror"], row["status"]) for row in tested.data] == [("lab", "missing")]
    assert "pkgs/r" in tested.data[0]["detail"]
    for name in ("auto", "lab"):
        ran = account.envtool("mirror", "set", name, "-t", "conda", "--allow-http", "--yes")
        assert ran.code == ExitCode.OK, ran.err
        text = (account.path / ".condarc").read_text()
        assert f"{invented.url}/anaconda/pkgs/main" in text
        assert "pkgs/r" not in text
        assert "pkgs/r" in ran.err
        shutil.move(account.path / ".condarc", account.path / f"{name}.condarc")
