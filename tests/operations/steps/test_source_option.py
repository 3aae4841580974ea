"""What a name or an address given with ``-i`` is, and whether it has anything to serve."""

from pathlib import Path

import pytest
from support.home import Home
from support.mirror_site import serve, tree
from support.reporter import Recorder

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.operations.steps import source_option
from envtool.operations.steps.package_sources import SourceOptions, gather
from envtool.operations.steps.source_option import NamedSource

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tsinghua", "mirror"),
        ("tuna", "mirror"),
        (f"{TUNA}/anaconda", "mirror"),
        (f"{TUNA}/anaconda/cloud/conda-forge/", "channel"),
        (f"{TUNA}/anaconda/pkgs/main", "channel"),
        ("https://conda.anaconda.org/bioconda", "channel"),
        (f"{TUNA}/pypi/web/simple", "index"),
        ("https://download.pytorch.org/whl/cu118", "index"),
        ("https://lab.invalid/simple", "index"),
    ],
)
def test_what_is_known_needs_no_question(home: Home, text: str, kind: str) -> None:
    found = source_option.understood(home.context, text)
    assert {name for name in ("mirror", "channel", "index") if getattr(found, name)} == {kind}


@pytest.mark.parametrize(
    "text", ["tsinhua", "conda-forge", "nonsense", "https://conda.anaconda.org", f"{TUNA}/nonsense"]
)
def test_what_is_neither_is_refused(home: Home, text: str) -> None:
    with pytest.raises(EnvtoolError) as raised:
        source_option.understood(home.context, text)
    assert raised.value.code == ExitCode.USAGE
    assert "envtool mirror list" in raised.value.hint


def test_an_unknown_address_is_asked_what_it_is(home: Home) -> None:
    with serve(tree(projects={"pip": "24.0"})) as site:
        channel, index = f"{site.url}/anaconda/cloud/conda-forge", f"{site.url}/pypi"
        assert source_option.understood(home.context, channel) == NamedSource(channel=channel)
        assert source_option.understood(home.context, index) == NamedSource(index=index)
        asked = len(site.requests)
        assert source_option.understood(home.context, channel, offline=True) == NamedSource(index=channel)
        assert len(site.requests) == asked


def test_a_folder_is_a_channel_where_it_has_its_data(home: Home, tmp_path: Path) -> None:
    assert source_option.understood(home.context, str(tmp_path)) == NamedSource(index=tmp_path.as_uri())
    (tmp_path / "noarch").mkdir()
    (tmp_path / "noarch" / "repodata.json").write_text("{}")
    assert source_option.understood(home.context, str(tmp_path)) == NamedSource(channel=tmp_path.as_uri())


def test_a_mirror_serves_both_halves_this_once(home: Home) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge, https://lab.invalid/own]\n")
    recorder = Recorder()
    sources = gather(Context(home.host, recorder), SourceOptions(index="tsinghua"))
    assert [channel.urls[0] for channel in sources.channels] == [
        f"{TUNA}/anaconda/cloud/conda-forge",
        "https://lab.invalid/own",
    ]
    assert sources.channels[0].name == "conda-forge"
    assert sources.pip.index == f"{TUNA}/pypi/web/simple"
    assert any("does not serve the channel" in note for note in recorder.notes)


def test_a_channel_comes_before_those_configured_and_leaves_the_index(home: Home) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    before = gather(home.context, SourceOptions())
    sources = gather(home.context, SourceOptions(index="https://conda.anaconda.org/bioconda"))
    assert [channel.urls[0] for channel in sources.channels] == [
        "https://conda.anaconda.org/bioconda",
        *(channel.urls[0] for channel in before.channels),
    ]
    assert sources.pip == before.pip


@pytest.mark.parametrize(
    ("text", "conda", "pip"),
    [
        ("https://lab.invalid/simple", ("numpy",), ()),
        ("https://lab.invalid/simple", ("python=3.12", "numpy"), ()),
        ("https://conda.anaconda.org/bioconda", (), ("numpy",)),
        (f"{TUNA}/anaconda", (), ("numpy",)),
    ],
)
def test_a_source_that_can_serve_nothing_is_refused(
    home: Home, text: str, conda: tuple[str, ...], pip: tuple[str, ...]
) -> None:
    with pytest.raises(EnvtoolError, match="are asked for") as raised:
        gather(home.context, SourceOptions(index=text), asked=Spec(conda=conda, pip=pip))
    assert raised.value.code == ExitCode.USAGE


def test_an_index_beside_python_alone_is_not_used(home: Home) -> None:
    recorder = Recorder()
    gather(
        Context(home.host, recorder), SourceOptions(index="https://lab.invalid/simple"), asked=Spec(conda=("python",))
    )
    assert recorder.warnings == ["https://lab.invalid/simple is not used: no pip packages are asked for."]
