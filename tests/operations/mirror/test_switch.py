"""``envtool mirror set``, ``unset`` and ``undo``: the files after a switch, and the exact way back."""

import difflib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import CORPUS

from envtool import journal
from envtool.clients import conda, pip
from envtool.clients.protocol import Scope
from envtool.encoding import decode_with_form, lines_of
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.model import FileEdit
from envtool.operations.context import Context
from envtool.operations.mirror import switch as switch_mirror
from envtool.operations.steps import file_edits
from envtool.paths import Host
from envtool.reporter import Silent

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"
ALIYUN = "https://mirrors.aliyun.com"
USER = Scope("user")
BOTH = ("conda", "pip")
CASES = Path(__file__).parents[2] / "cases" / "configuration"
HAND_WRITTEN = sorted(path for path in CASES.iterdir() if path.suffix in (".condarc", ".conf", ".ini"))


def place(home: Home, case: Path) -> Path:
    """Put a case's file where its client looks for it."""
    client = "pip" if case.suffix in (".conf", ".ini") else "conda"
    target = home.path / (".condarc" if client == "conda" else ".config/pip/pip.conf")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(case.read_bytes())
    return target


def switch(
    home: Home,
    name: str,
    *,
    clean: bool = True,
    clients: tuple[str, ...] = BOTH,
    scope: Scope = USER,
    allow_http: bool = False,
) -> switch_mirror.Switch:
    request = switch_mirror.SwitchRequest(clients, scope, allow_http=allow_http)
    planned = switch_mirror.planned(home.context, name, request, clean=clean)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    return planned


def untouched(before: bytes, after: bytes) -> None:
    """Assert that only lines about sources were removed or added, and that the others kept their order."""
    old, new = (lines_of(decode_with_form(data, any_bytes=True)[0]) for data in (before, after))
    if old and new and not old[-1].endswith("\n"):
        old[-1] = next((line for line in new if line.rstrip("\r\n") == old[-1]), old[-1])  # it may have got company
    about = re.compile(
        r"://|channel|defaults|index.url|trusted-host|\[global\]|^\s*- \w+|^\s+[\w.-]+\.\w+\s*$|: (pip|pypi)\."
    )
    for line in difflib.ndiff(old, new):
        if line.startswith(("+ ", "- ")):
            assert not line[2:].lstrip().startswith(("#", ";")), line
            assert about.search(line[2:]) or not line[2:].strip(), line


@pytest.mark.parametrize(
    "mirror", ["tsinghua", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ustc", "aliyun", "nju"))]
)
@pytest.mark.parametrize("case", HAND_WRITTEN, ids=lambda path: path.name)
def test_hand_written_files_switch_back_to_the_byte(home: Home, case: Path, mirror: str) -> None:
    round_trip(home, case, mirror)


def round_trip(home: Home, case: Path, mirror: str) -> None:
    target = place(home, case)
    original = target.read_bytes()
    if case.stem in ("anchors", "twice"):
        planned = switch(home, mirror)
        assert [(refusal.client, refusal.code) for refusal in planned.refused] == [("conda", ExitCode.BAD_INPUT)]
        assert "line" in planned.refused[0].message
        assert target.read_bytes() == original
        assert planned.following == ("pip",)
        return
    switch(home, mirror)
    once = target.read_bytes()
    untouched(original, once)
    again = switch_mirror.plan_set(home.context, mirror, BOTH, USER, clean=True)
    assert again.plan.edits == ()
    assert not again.stale
    file_edits.undo(home.host, "mirror")
    assert target.read_bytes() == original
    left = [path for path in home.path.rglob("*") if path.is_file() and ".local" not in path.parts]
    assert left == [target]


@pytest.mark.corpus
def test_real_files_switch_back_to_the_byte(home: Home) -> None:
    cases = [*(CORPUS / "condarc").iterdir(), *(CORPUS / "pipconf").iterdir()]
    assert cases
    for case in cases:
        for mirror in ("tsinghua", "ustc", "aliyun"):
            is_pip = case.parent.name == "pipconf"
            target = home.path / (".config/pip/pip.conf" if is_pip else ".condarc")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(case.read_bytes())
            original = target.read_bytes()
            try:
                planned = switch(home, mirror)
            except EnvtoolError as refused:
                pytest.fail(f"{case.name}: {refused}")
            assert planned.plan.edits, case.name
            untouched(original, target.read_bytes())
            assert switch_mirror.plan_set(home.context, mirror, BOTH, USER, clean=True).plan.edits == (), case.name
            file_edits.undo(home.host, "mirror")
            assert target.read_bytes() == original, case.name
            target.unlink()


def test_both_clients_resolve_to_the_mirror_and_back(home: Home) -> None:
    switch(home, "tuna")
    settings = conda.in_force(home.host)
    assert [url for _, url in conda.channel_urls(settings, "defaults")] == [
        f"{TUNA}/anaconda/pkgs/main",
        f"{TUNA}/anaconda/pkgs/r",
    ]
    assert conda.channel_urls(settings, "conda-forge") == (("conda-forge", f"{TUNA}/anaconda/cloud/conda-forge"),)
    assert settings.channels == ("conda-forge",)
    assert pip.settings(pip.layers(home.host))["index-url"].value == f"{TUNA}/pypi/web/simple"
    file_edits.undo(home.host, "mirror")
    assert conda.in_force(home.host) == conda.CondaSettings()
    assert not (home.path / ".condarc").exists()
    assert not (home.path / ".config").exists()


def test_undo_goes_back_step_by_step(home: Home) -> None:
    switch(home, "tsinghua")
    first = (home.path / ".condarc").read_bytes()
    switch(home, "aliyun")
    assert ALIYUN.encode() in (home.path / ".condarc").read_bytes()
    assert conda.channel_urls(conda.in_force(home.host), "pytorch")[0][1] == f"{ALIYUN}/anaconda/cloud/pytorch"
    file_edits.undo(home.host, "mirror")
    assert (home.path / ".condarc").read_bytes() == first
    file_edits.undo(home.host, "mirror")
    assert not (home.path / ".condarc").exists()
    assert file_edits.undo(home.host, "mirror") is None


def test_undo_refuses_with_a_diff_where_a_file_was_changed_since(home: Home) -> None:
    switch(home, "tsinghua")
    condarc, pip_conf = home.path / ".condarc", home.path / ".config/pip/pip.conf"
    condarc.write_text(condarc.read_text() + "envs_dirs: [/data]\nproxy_servers: {http: 'http://me:pw@p:1'}\n")
    before = pip_conf.read_bytes()
    with pytest.raises(EnvtoolError) as caught:
        file_edits.undo(home.host, "mirror")
    assert "+envs_dirs: [/data]" in caught.value.message
    assert "pw" not in caught.value.message
    assert pip_conf.read_bytes() == before


def test_a_site_that_serves_conda_forge_only_says_so(home: Home) -> None:
    (home.path / ".condarc").write_text("channels:\n  - defaults\n  - conda-forge\n")
    planned = switch(home, "ustc")
    settings = conda.in_force(home.host)
    assert conda.channel_urls(settings, "defaults")[0][1] == "https://repo.anaconda.com/pkgs/main"
    assert conda.channel_urls(settings, "conda-forge")[0][1] == "https://mirrors.ustc.edu.cn/anaconda/cloud/conda-forge"
    assert any("does not serve `defaults`" in note for note in planned.notes)


def test_what_the_new_site_lacks_stays_on_the_old_one(home: Home) -> None:
    switch(home, "tsinghua")
    planned = switch(home, "ustc")
    settings = conda.in_force(home.host)
    assert conda.channel_urls(settings, "defaults")[0][1] == f"{TUNA}/anaconda/pkgs/main"
    assert conda.channel_urls(settings, "pytorch")[0][1] == f"{TUNA}/anaconda/cloud/pytorch"
    assert "ustc" in conda.channel_urls(settings, "bioconda")[0][1]
    assert any("pytorch stays on tsinghua" in note for note in planned.notes)


def test_a_channel_that_the_site_lacks_is_named(home: Home) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge, nvidia, bioconda]\n")
    planned = switch(home, "tsinghua")
    assert [note for note in planned.notes if "still comes from upstream" in note] == [
        "nvidia still comes from upstream: tsinghua does not serve it."
    ]
    assert conda.channel_urls(conda.in_force(home.host), "nvidia")[0][1] == "https://conda.anaconda.org/nvidia"


@pytest.mark.parametrize("exists", [True, False])
def test_files_behind_links_are_changed_where_they_are_kept(home: Home, exists: bool) -> None:
    kept = home.path / "dotfiles" / "condarc"
    kept.parent.mkdir()
    if exists:
        kept.write_text("channels: [bioconda]\n")
    (home.path / ".condarc").symlink_to(kept)
    switch(home, "tsinghua", clients=("conda",))
    assert TUNA in kept.read_text()
    file_edits.undo(home.host, "mirror")
    assert (home.path / ".condarc").is_symlink()
    assert (kept.read_text() if kept.exists() else None) == ("channels: [bioconda]\n" if exists else None)


def test_private_places_are_kept(home: Home) -> None:
    (home.path / ".condarc").write_text(
        "channels: [https://conda.lab.example/own, defaults]\ncustom_channels:\n  own: https://conda.lab.example\n"
    )
    conf = home.path / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("[global]\nindex-url = https://u:secret@pip.lab.example/simple\n")
    planned = switch(home, "tsinghua")
    settings = conda.in_force(home.host)
    assert settings.channels == ("https://conda.lab.example/own", "defaults")
    assert settings.custom_channels["own"] == "https://conda.lab.example"
    assert conf.read_text() == "[global]\nindex-url = https://u:secret@pip.lab.example/simple\n"
    assert any("pip.lab.example" in note and "secret" not in note for note in planned.notes)


def test_no_token_is_shown(home: Home) -> None:
    (home.path / ".condarc").write_text(
        f"channels:\n  - https://conda.anaconda.org/t/hunter5/lab\n  - {TUNA}/anaconda/t/hunter6/pkgs/free\n"
        "channel_alias: https://conda.lab.example/t/hunter7/x\n"
    )
    planned = switch_mirror.plan_set(home.context, "ustc", BOTH, USER, clean=False)
    assert "hunter" not in "".join((*planned.notes, *planned.stale))
    assert "hunter" not in file_edits.diff(planned.plan.edits)


def test_a_private_alias_keeps_every_channel_it_rules(home: Home) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge]\nchannel_alias: https://conda.lab.example\n")
    switch(home, "tsinghua")
    settings = conda.in_force(home.host)
    assert conda.channel_urls(settings, "conda-forge")[0][1] == "https://conda.lab.example/conda-forge"


def test_dead_entries_are_replaced_with_yes_only(home: Home) -> None:
    conf = home.path / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        f"[global]\nindex-url = {TUNA}/pypi/web/simple\nextra-index-url =\n  http://pypi.douban.com/simple\n"
        "  https://pip.lab.example/simple\n"
    )
    (home.path / ".condarc").write_text(f"channels:\n  - {TUNA}/anaconda/pkgs/free/\n  - defaults\n")
    planned = switch(home, "aliyun", clean=False)
    assert set(planned.stale) == {"http://pypi.douban.com/simple", f"{TUNA}/anaconda/pkgs/free/"}
    assert "douban" in conf.read_text()
    planned = switch(home, "aliyun")
    assert "douban" not in conf.read_text()
    assert "pip.lab.example" in conf.read_text()
    assert conda.in_force(home.host).channels == ("defaults",)


def test_trusted_host_goes_with_https_and_comes_only_with_http_on_request(home: Home) -> None:
    conf = home.path / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        "[global]\nindex-url = http://pypi.douban.com/simple/\n"
        "[install]\ntrusted-host = pypi.douban.com pip.lab.example\n"
    )
    switch(home, "tsinghua", clients=("pip",))
    assert pip.in_force(home.host).trusted_hosts == ("pip.lab.example",)
    with pytest.raises(EnvtoolError, match="uses http"):
        switch(home, "http://pip.lab.example/simple", clients=("pip",))
    switch(home, "http://10.0.0.9:8080/simple", clients=("pip",), allow_http=True)
    assert "10.0.0.9:8080" in pip.settings(pip.layers(home.host))["trusted-host"].value


def test_a_lower_file_does_not_go_on_mixing_its_mirror_in(home: Home) -> None:
    lower = home.path / ".config/conda/.condarc"
    lower.parent.mkdir(parents=True)
    lower.write_text(f"# mine\ndefault_channels:\n  - {TUNA}/anaconda/pkgs/main\nchangeps1: false\n")
    (home.path / ".condarc").write_text("channels: [defaults]\n")
    switch(home, "aliyun", clients=("conda",))
    assert all("aliyun" in url for _, url in conda.channel_urls(conda.in_force(home.host), "defaults"))
    assert lower.read_text() == "# mine\nchangeps1: false\n"


def test_unset_removes_mirror_lines_and_nothing_else(home: Home) -> None:
    switch(home, "tsinghua")
    condarc = home.path / ".condarc"
    condarc.write_text("# note\nenvs_dirs: [/data]\n" + condarc.read_text())
    planned = switch_mirror.plan_unset(home.context, BOTH, USER)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    assert condarc.read_text() == "# note\nenvs_dirs: [/data]\n"
    assert not (home.path / ".config/pip/pip.conf").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tsingua", "tsinghua"),
        ("douban", "tsinghua"),
        ("ftp://x/y", "http"),
        ("https://me:pw@h.example/simple", "netrc"),
    ],
)
def test_what_cannot_be_set_says_what_to_do(home: Home, name: str, said: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        switch(home, name)
    assert said in caught.value.message + caught.value.hint
    assert "pw" not in caught.value.message
    assert caught.value.code == ExitCode.USAGE


def test_the_environments_own_file_is_switched(home: Home, tmp_path: Path) -> None:
    scope = Scope("env", prefix=tmp_path)
    switch(home, "tsinghua", scope=scope)
    assert conda.channel_urls(conda.in_force(home.host, prefix=tmp_path), "conda-forge")[0][1].startswith(TUNA)
    assert pip.in_force(home.host, prefix=tmp_path).index == f"{TUNA}/pypi/web/simple"
    assert not (home.path / ".condarc").exists()


def test_channels_of_another_environments_file_are_kept(home: Home, tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text("channels: [bioconda]\nchannel_alias: https://conda.lab.example\n")
    planned = switch(home, "tsinghua", scope=Scope("env", prefix=tmp_path), clients=("conda",))
    assert any("channel_alias" in note for note in planned.notes)
    settings = conda.in_force(home.host, prefix=tmp_path)
    assert settings.channels == ("bioconda",)
    assert conda.channel_urls(settings, "bioconda")[0][1] == "https://conda.lab.example/bioconda"


@pytest.mark.parametrize("kill_at", [0, 1, 2])
def test_killed_between_files_the_next_command_puts_all_back(home: Home, kill_at: int) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    script = f"""
import os, signal
from pathlib import Path
from envtool import journal
from envtool.operations.mirror import switch as s
from envtool.clients.protocol import Scope
from envtool.operations.context import Context
from envtool.paths import Host
from envtool.reporter import Silent
host = Host.here()
planned = s.plan_set(Context(host, Silent()), "tsinghua", ("conda", "pip"), Scope("user"))
def step(index):
    if index == {kill_at}:
        os.kill(os.getpid(), signal.SIGKILL)
def rename(self, target: str):
    os.kill(os.getpid(), signal.SIGKILL)
if {kill_at} == 2:
    Path.rename = rename
journal.apply(host, "mirror", planned.plan.title, planned.plan.edits, step)
"""
    done = subprocess.run([sys.executable, "-c", script], env=dict(home.environ), check=False)
    assert done.returncode == -9
    said = journal.recover(home.host)
    if kill_at == 2:  # all was written: it counts as done, and can be undone
        assert said == ()
        assert TUNA in (home.path / ".condarc").read_text()
        file_edits.undo(home.host, "mirror")
    else:
        assert len(said) == 1
    assert (home.path / ".condarc").read_text() == "channels: [conda-forge]\n"
    assert not (home.path / ".config").exists()
    assert journal.recover(home.host) == ()
    switch(home, "tsinghua")
    assert TUNA in (home.path / ".condarc").read_text()


def test_nothing_is_called_written_that_another_program_wrote_meanwhile(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    condarc = home.path / ".condarc"
    condarc.write_text("channels: [conda-forge]\n")

    def overtaken(path: Path, data: bytes) -> None:
        write_atomically(path, data)
        if path == condarc:
            condarc.write_text("channels: [mine]\n")

    monkeypatch.setattr("envtool.journal.write_atomically", overtaken)
    with pytest.raises(EnvtoolError, match="another program writes") as caught:
        switch(home, "tsinghua", clients=("conda",))
    assert str(condarc) in caught.value.message
    assert condarc.read_text() == "channels: [mine]\n"


def test_undo_does_not_call_restored_what_another_program_wrote_meanwhile(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    condarc = home.path / ".condarc"
    condarc.write_text("channels: [conda-forge]\n")
    switch(home, "tsinghua", clients=("conda",))

    def overtaken(path: Path, data: bytes) -> None:
        write_atomically(path, data)
        if path == condarc:
            condarc.write_text("channels: [mine]\n")

    monkeypatch.setattr("envtool.journal.write_atomically", overtaken)
    with pytest.raises(EnvtoolError, match="changed meanwhile") as caught:
        file_edits.undo(home.host, "mirror")
    assert str(condarc) in caught.value.message
    assert condarc.read_text() == "channels: [mine]\n"


@pytest.mark.parametrize("kill_at", [1, 2])
def test_a_killed_undo_is_finished(home: Home, kill_at: int) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    switch(home, "tsinghua")
    script = f"""
import os, signal
from envtool import journal
from envtool.paths import Host
write, count = journal._write, []
def killed(path, data):
    count.append(path)
    if len(count) == {kill_at}:
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, data)
journal._write = killed
journal.undo(Host.here(), "mirror")
"""
    done = subprocess.run([sys.executable, "-c", script], env=dict(home.environ), check=False)
    assert done.returncode == -9
    journal.recover(home.host)
    if file_edits.undo(home.host, "mirror") is None:  # killed in the middle: the rest was undone by the next command
        assert kill_at == 2
    assert (home.path / ".condarc").read_text() == "channels: [conda-forge]\n"
    assert not (home.path / ".config").exists()


def test_no_login_reaches_the_journal(home: Home) -> None:
    (home.path / ".condarc").write_text(
        "channels: [conda-forge]\nproxy_servers:\n  http: http://me:hunter2@proxy:80\n"
        "  https: http:/me:hunter3@proxy:80\ncustom_channels:\n  lab: https://lab.example/t/hunter4/x\n"
    )
    switch(home, "tsinghua")
    journals = list((home.host.data_dir / "journal").glob("*.json"))
    assert journals
    for path in journals:
        assert "hunter" not in path.read_text()
    file_edits.undo(home.host, "mirror")
    assert "hunter2" in (home.path / ".condarc").read_text()


def test_a_file_that_cannot_be_read_keeps_no_other_client_from_the_switch(home: Home) -> None:
    conf = home.path / ".config/pip"
    conf.parent.mkdir()
    conf.write_text("a file where a folder is wanted")
    with pytest.raises(EnvtoolError, match="cannot be read"):
        switch(home, "tsinghua", clients=("pip",))
    planned = switch(home, "tsinghua")
    assert [refusal.client for refusal in planned.refused] == ["pip"]
    assert TUNA in (home.path / ".condarc").read_text()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write, as Linux has")
def test_a_write_that_fails_takes_the_ones_before_it_back(home: Home) -> None:
    edits = tuple(
        FileEdit(path, None, b"channels: [conda-forge]\n") for path in (home.path / ".condarc", Path("/proc/.condarc"))
    )
    with pytest.raises(EnvtoolError, match="could not be written"):
        journal.apply(home.host, "mirror", "mirror set x", edits)
    assert not (home.path / ".condarc").exists()
    assert journal.last(home.host, "mirror") is None


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PIP_INDEX_URL": "https://x.example"}, "PIP_INDEX_URL"),
        ({"CONDA_DEFAULT_CHANNELS": "https://x.example/main"}, "CONDA_DEFAULT_CHANNELS"),
    ],
)
def test_what_hides_the_new_setting_is_said(home: Home, variables: dict[str, str], said: str) -> None:
    host = Host({**home.environ, **variables}, home.path, "Linux", "x86_64")
    planned = switch_mirror.plan_set(Context(host, Silent()), "tsinghua", BOTH, USER)
    assert any(said in note for note in planned.notes)
    quiet = Host({"HOME": str(home.path)}, home.path, "Linux", "x86_64")
    assert not switch_mirror.plan_set(Context(quiet, Silent()), "tsinghua", BOTH, USER).notes


def test_a_file_that_hides_the_new_setting_is_said(home: Home, tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").touch()
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://pip.lab.example/simple\n")
    host = Host({"VIRTUAL_ENV": str(tmp_path)}, home.path, "Linux", "x86_64")
    planned = switch_mirror.plan_set(Context(host, Silent()), "tsinghua", BOTH, USER)
    assert any(str(tmp_path / "pip.conf") in note for note in planned.notes)


def test_windows_and_macos_places(tmp_path: Path) -> None:
    windows = Host({"APPDATA": str(tmp_path / "roaming")}, tmp_path, "Windows", "AMD64")
    planned = switch_mirror.plan_set(Context(windows, Silent()), "tsinghua", BOTH, USER)
    assert [edit.path for edit in planned.plan.edits] == [tmp_path / ".condarc", tmp_path / "roaming/pip/pip.ini"]
    assert b"pkgs/msys2" in (planned.plan.edits[0].after or b"")


@pytest.mark.long
def test_a_hundred_kills_leave_all_old_or_all_new(home: Home) -> None:
    """After a kill at any moment and one more command, both files are as before or both are switched."""
    condarc, conf = home.path / ".condarc", home.path / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    old = {condarc: b"channels: [conda-forge]\n", conf: b"[global]\ntimeout = 60\n"}
    script = (
        "import sys, threading, os, time\n"
        "def kill():\n"
        "    time.sleep(float(sys.argv[1])); os.kill(os.getpid(), 9)\n"
        "from envtool.cli.main import run\n"
        "import envtool.operations.mirror.switch, envtool.cli.mirror.set, envtool.cli.parser, yaml\n"
        "threading.Thread(target=kill, daemon=True).start()\n"
        "run(['mirror', 'set', 'tsinghua', '--target', 'conda,pip'])\n"
        "time.sleep(1)\n"
    )
    seen = set()
    for number in range(100):
        for path, data in old.items():
            path.write_bytes(data)
        shutil.rmtree(home.host.data_dir, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-c", script, str(0.001 * number)],
            env=dict(home.environ),
            capture_output=True,
            check=False,
        )
        journal.recover(home.host)
        changed = [path.read_bytes() != data for path, data in old.items()]
        assert len(set(changed)) == 1, number
        seen.add(changed[0])
        assert not list(home.path.rglob("*.envtool")), number
        if changed[0]:
            file_edits.undo(home.host, "mirror")
            assert all(path.read_bytes() == data for path, data in old.items())
    assert seen == {True, False}
