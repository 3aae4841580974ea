"""conda's settings, compared with conda itself where one is found."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
from support.condas import CONDA
from support.home import Home
from support.layouts import write

from envtool.clients import conda
from envtool.errors import EnvtoolError, ExitCode
from envtool.redaction import split_login

TUNA = "https://mirrors.tuna.tsinghua.edu.cn/anaconda"


def mirrored(home_path: Path, *channels: str) -> None:
    lines = ["channels:", *(f"  - {channel}" for channel in channels)]
    lines += ["default_channels:", f"  - {TUNA}/pkgs/main", f"  - {TUNA}/pkgs/r"]
    lines += ["custom_channels:", f"  conda-forge: {TUNA}/cloud", f"  pytorch: {TUNA}/cloud/"]
    write(home_path / ".condarc", "\n".join(lines) + "\n")


class Ask(Protocol):
    """Evaluates an expression in the real conda, under these variables."""

    def __call__(self, expression: str, **variables: str) -> Any: ...


@pytest.fixture
def real_conda(home: Home) -> Ask:
    """Return a function that evaluates expressions in the real conda, in this home."""
    if not CONDA:
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")
    python = Path(CONDA).resolve().parent / "python"
    if not python.exists():
        pytest.skip("the Python beside conda was not found")

    def ask(expression: str, **variables: str) -> Any:
        script = (
            "import json; from conda.base.context import context, reset_context; reset_context();"
            "from conda.models.channel import Channel;"
            f"print(json.dumps({expression}, default=list))"
        )
        environ = {**home.environ, **variables}
        done = subprocess.run([python, "-c", script], env=environ, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return ask


def test_without_files_condas_defaults_hold_and_yaml_is_not_imported(home: Home) -> None:
    settings = conda.in_force(home.host)
    assert settings == conda.CondaSettings()
    script = (
        "import sys; from envtool.paths import Host; from envtool.clients import conda;"
        "conda.in_force(Host.here()); sys.exit('yaml' in sys.modules)"
    )
    import sys

    subprocess.run([sys.executable, "-c", script], env=dict(home.environ), check=True)


def test_lists_and_maps_merge_and_single_values_clobber(home: Home) -> None:
    write(home.path / ".config/conda/.condarc", "channels: [a, b]\ncustom_channels: {x: 'https://x', y: 'https://y'}\n")
    write(home.path / ".conda/condarc.d/10.yml", "channel_alias: https://first.example\nchannels: [c]\n")
    write(home.path / ".conda/condarc.d/readme.txt", "not: [yaml")
    write(
        home.path / ".condarc",
        "channels: [b, d]\ncustom_channels: {x: 'https://z'}\nchannel_alias: https://last.example\n",
    )
    settings = conda.in_force(home.host)
    assert settings.channels == ("b", "d", "c", "a")
    assert dict(settings.custom_channels) == {"x": "https://z", "y": "https://y"}
    assert settings.channel_alias == "https://last.example"
    assert [Path(origin).name for origin in settings.origins["channels"]] == [".condarc", "10.yml", ".condarc"]


def test_variables_win_and_are_split_as_conda_splits_them(home: Home, tmp_path: Path) -> None:
    write(home.path / ".condarc", "channels: [a]\nenvs_dirs: [~/e]\nssl_verify: true\n")
    host = home.host_with(
        CONDA_CHANNELS="b, c",
        CONDA_ENVS_PATH=os.pathsep.join(("/one", str(tmp_path))),
        CONDA_SSL_VERIFY="false",
        CONDA_CHANNEL_PRIORITY="strict",
    )
    settings = conda.in_force(host)
    assert settings.channels == ("b", "c", "a")
    assert settings.envs_dirs == (Path("/one"), tmp_path, home.path / "e")
    assert settings.ssl_verify is False
    assert settings.channel_priority == "strict"
    assert settings.origins["ssl_verify"] == (str(home.path / ".condarc"), "CONDA_SSL_VERIFY")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_from_any_editor_is_read(home: Home, encoding: str) -> None:
    write(home.path / ".condarc", "# 清华源\r\nchannels:\r\n  - conda-forge\r\n", encoding)
    assert conda.in_force(home.host).channels == ("conda-forge",)


def test_root_and_environment_files_count_too(home: Home, tmp_path: Path) -> None:
    root, prefix = tmp_path / "root", tmp_path / "env"
    write(root / ".condarc", "channels: [defaults]\n")
    write(prefix / ".condarc", "channels: [mine]\n")
    write(home.path / ".condarc", "channels: [conda-forge]\n")
    assert conda.in_force(home.host, root=root, prefix=prefix).channels == ("mine", "conda-forge", "defaults")
    assert conda.in_force(home.host, root=root).channels == ("conda-forge", "defaults")


def test_markers_in_comments_are_obeyed(home: Home, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(
        root / ".condarc",
        "channel_alias: https://fixed.example  #!final\nchannels:\n  - site  #!bottom\n  - first  #!top\n",
    )
    write(home.path / ".condarc", "channel_alias: https://mine.example\nchannels:\n  - mine\n")
    settings = conda.in_force(home.host, root=root)
    assert settings.channel_alias == "https://fixed.example"
    assert settings.channels == ("first", "mine", "site")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("channels:\n  - a\n - b\n", "line 3"),
        ("channels: conda-forge\n", "must be a list"),
        ("custom_channels: [a]\n", "must map names"),
        ("- a\n", "line 1"),
        ("a: !!python/tuple [1]\n", "line 1"),
    ],
)
def test_a_broken_file_is_named_with_its_line(home: Home, content: str, said: str) -> None:
    path = write(home.path / ".condarc", content)
    with pytest.raises(EnvtoolError) as caught:
        conda.in_force(home.host)
    assert str(path) in caught.value.message
    assert said in caught.value.message
    assert caught.value.code == ExitCode.BAD_INPUT


def test_undecodable_bytes_are_reported(home: Home) -> None:
    (home.path / ".condarc").write_bytes(b"channels: \xe9\n")
    with pytest.raises(EnvtoolError, match="line 1"):
        conda.in_force(home.host)


def test_names_and_urls_under_a_mirror(home: Home) -> None:
    mirrored(home.path, "defaults")
    settings = conda.in_force(home.host)
    assert conda.channel_urls(settings, "defaults") == (
        ("defaults", f"{TUNA}/pkgs/main"),
        ("defaults", f"{TUNA}/pkgs/r"),
    )
    assert conda.channel_urls(settings, "conda-forge") == (("conda-forge", f"{TUNA}/cloud/conda-forge"),)
    assert conda.channel_urls(settings, "pytorch/linux-64") == (("pytorch", f"{TUNA}/cloud/pytorch"),)
    assert conda.channel_urls(settings, "bioconda") == (("bioconda", "https://conda.anaconda.org/bioconda"),)
    assert conda.canonical_name(settings, f"{TUNA}/cloud/conda-forge/linux-64") == "conda-forge"
    assert conda.canonical_name(settings, f"{TUNA}/pkgs/main/noarch") == "defaults"
    # what conda itself would not say, and what a person means
    assert conda.canonical_name(settings, "https://repo.anaconda.com/pkgs/main/linux-64") == "defaults"
    assert conda.canonical_name(settings, "http://conda.anaconda.org/conda-forge") == "conda-forge"


def test_logins_are_used_and_never_part_of_a_name(home: Home) -> None:
    write(home.path / ".condarc", "custom_channels:\n  lab: https://me:pw@lab.example/t/tk-1/conda\n")
    settings = conda.in_force(home.host)
    assert conda.channel_urls(settings, "lab") == (("lab", "https://me:pw@lab.example/conda/t/tk-1/lab"),)
    assert conda.canonical_name(settings, "https://you:secret@other.example/t/xyz/chan/linux-64") == (
        "https://other.example/chan"
    )
    assert split_login("https://u:p@h.example/t/abc/c") == ("https://h.example/c", "u:p", "abc")


NAMES = (
    "defaults",
    "conda-forge",
    "conda-forge/label/dev",
    "pytorch",
    "pkgs/main",
    "some-channel",
    "lab",
    "both",
    "nodefaults",
    f"{TUNA}/cloud/conda-forge",
    f"{TUNA}/pkgs/main/linux-64",
    f"{TUNA}/cloud/menpo/",
    "https://user:pw@private.example/t/abc-1/stuff/noarch",
    "http://10.0.0.1:8080/channel",
    "file:///srv/channel",
)
CONFIGURATIONS = {
    "nothing": "",
    "default_channels": (
        f"default_channels: ['{TUNA}/pkgs/main', '{TUNA}/pkgs/r']\ncustom_channels: {{conda-forge: '{TUNA}/cloud'}}\n"
    ),
    "named parts": f"channels: [pkgs/main]\ncustom_channels: {{pkgs/main: '{TUNA}', pkgs/r: '{TUNA}/'}}\n",
    "alias": f"channel_alias: {TUNA}/cloud\nmigrated_channel_aliases: ['https://conda.anaconda.org']\n",
    "alias of everything": f"channel_alias: {TUNA}\ndefault_channels: [pkgs/main]\ncustom_channels: {{lab: 'https://u:p@lab.example/t/a/b'}}\n",
    "multi": "custom_multichannels: {both: [conda-forge, 'https://x.example/y'], defaults: ['https://d.example/main']}\n",
    "migrated": f"migrated_custom_channels: {{lab: 'http://old.example'}}\ncustom_channels: {{lab: '{TUNA}/x'}}\n",
}


@pytest.mark.conda
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_channels_mean_what_conda_says(home: Home, real_conda: Ask, configuration: str) -> None:
    write(home.path / ".condarc", CONFIGURATIONS[configuration])
    theirs = real_conda(
        f"[[[c.canonical_name, c.urls(True, ['linux-64'])[0]] for c in Channel(n).channels] for n in {NAMES!r}]"
    )
    settings = conda.in_force(home.host)
    ours = [[[name, url] for name, url in conda.channel_urls(settings, wanted)] for wanted in NAMES]
    # conda puts a token in front of the name, whatever was written; so do we, and both leave the subdir to the caller
    assert ours == [[[name, url.removesuffix("/linux-64")] for name, url in pairs] for pairs in theirs]


@pytest.mark.conda
def test_settings_are_what_conda_says(home: Home, real_conda: Ask, tmp_path: Path) -> None:
    write(
        home.path / ".config/conda/.condarc",
        "channels: [low, both]\nssl_verify: no\nproxy_servers: {http: 'http://p:1'}\n",
    )
    write(
        home.path / ".condarc",
        "channels:\n  - both\n  - $WHO\n  - last #!top\n"
        "proxy_servers: {https: 'http://q:2'}\ndenylist_channels: [defaults]\n",
    )
    variables = {
        "WHO": "me",
        "CONDA_DEFAULT_CHANNELS": "https://a.example/x,https://b.example/y",
        "CONDA_ENVS_DIRS": "/e",
    }
    theirs = real_conda(
        "{'channels': context._channels, 'default_channels': context._default_channels,"
        "'ssl_verify': context.ssl_verify,"
        "'proxy_servers': dict(context.proxy_servers), 'envs_dirs': context._envs_dirs,"
        "'denylist_channels': context.denylist_channels}",
        **variables,
    )
    ours = conda.in_force(home.host_with(**variables))
    assert theirs == {
        "channels": list(ours.channels),
        "default_channels": list(ours.default_channels),
        "ssl_verify": ours.ssl_verify,
        "proxy_servers": dict(ours.proxy_servers),
        "envs_dirs": [str(path) for path in ours.envs_dirs],
        "denylist_channels": list(ours.denylist_channels),
    }
