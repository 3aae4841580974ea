"""``envtool self update`` and ``uninstall``, on installations that the script and others make for real."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.home import Home
from support.mirror_site import Site
from support.reporter import Recorder
from support.small_envtool import PACKAGE, index, wheel

from envtool.errors import Declined, EnvtoolError, ExitCode
from envtool.operations.context import Context
from envtool.operations.installation import kinds
from envtool.operations.installation.uninstall import plan as uninstall_plan
from envtool.operations.installation.uninstall import uninstall
from envtool.operations.installation.update import SelfUpdateRequest, plan, update
from envtool.redaction import redact

PYTHON = Path(getattr(sys, "_base_executable", "") or sys.executable)  # not a venv's
DEAD = "http://127.0.0.1:9/simple"  # nobody listens there


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Small envtools by their version: two that work, one that does not start."""
    folder = tmp_path_factory.mktemp("wheels")
    return {
        "9.1": wheel(folder, "9.1"),
        "9.2": wheel(folder, "9.2"),
        "9.3": wheel(folder, "9.3", body="raise SystemExit(3)"),
    }


@pytest.fixture
def pip_index() -> Iterator[Site]:
    with index() as running:
        yield running


@pytest.fixture
def account(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A clean account with a Python that this process and its children see."""
    path = f"{home.path}/.local/bin:{PYTHON.parent}:/usr/bin:/bin"
    account = replace(home, environ={**home.environ, "PATH": path, "SHELL": "/bin/bash"})
    for name in [*os.environ]:
        if name.startswith("PIP_") or name in ("VIRTUAL_ENV", "PYTHONPATH"):
            monkeypatch.delenv(name)
    for name, value in account.environ.items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def installed(account: Home, pip_index: Site, wheels: Mapping[str, Path]) -> Path:
    """The prefix of an envtool 9.1 that the script has installed."""
    script = ["sh", str(PACKAGE / "install.sh"), "-i", f"{pip_index.url}/simple", "--from", str(wheels["9.1"])]
    done = subprocess.run(script, env=account.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return account.path / ".envtool"


def version(prefix: Path) -> str:
    done = subprocess.run([prefix / "bin/envtool"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def running(prefix: Path) -> Path:
    """Return the venv in use: what sys.prefix is in its envtool."""
    return (prefix / "bin/envtool").resolve().parents[1]


# --- update ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_update_takes_the_new_version(
    account: Home, installed: Path, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    request = SelfUpdateRequest(str(wheels["9.2"]), f"{pip_index.url}/simple")
    foreseen = plan(account.context, request, running(installed))
    assert version(installed) == "envtool 9.1"
    assert foreseen.as_dict()["dry_run"]
    heard = Recorder()
    updated = update(Context(account.host, heard), request, running(installed))
    assert (updated.after, version(installed)) == ("9.2", "envtool 9.2")
    assert updated.command == foreseen.command
    assert any("envtool 9.2 is installed" in note for note in heard.notes)
    # the next one needs no source: it is recorded
    again = update(account.context, SelfUpdateRequest(index=f"{pip_index.url}/simple"), running(installed))
    assert (again.source, again.after) == (str(wheels["9.2"]), "9.2")


@pytest.mark.slow
def test_an_update_that_fails_leaves_the_version_that_works(
    account: Home, installed: Path, pip_index: Site, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    good = f"{pip_index.url}/simple"
    broken = tmp_path / "envtool-9.9-py3-none-any.whl"
    broken.write_bytes(b"not a wheel")
    for source, address, code in (
        (str(wheels["9.3"]), good, ExitCode.BAD_INPUT),  # installs, and does not start
        (str(broken), good, ExitCode.FAILED),
        (str(tmp_path / "gone.whl"), good, ExitCode.BAD_INPUT),
        (str(wheels["9.2"]), DEAD, ExitCode.NETWORK),
    ):
        with pytest.raises(EnvtoolError) as failed:
            update(account.context, SelfUpdateRequest(source, address), running(installed))
        assert failed.value.code == code, failed.value.message
        assert version(installed) == "envtool 9.1"
    assert sorted(path.name for path in installed.iterdir()) == ["bin", "venv-1"]


@pytest.mark.slow
def test_what_was_made_without_a_link_gets_none(
    account: Home, installed: Path, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    link = account.path / ".local/bin/envtool"
    link.unlink()
    update(account.context, SelfUpdateRequest(str(wheels["9.2"]), f"{pip_index.url}/simple"), running(installed))
    assert version(installed) == "envtool 9.2"
    assert not link.is_symlink()


@pytest.mark.slow
def test_a_login_stays_out_of_the_arguments(
    account: Home, installed: Path, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    address = f"{pip_index.url}/simple".replace("http://", "http://user:hunter2@")
    updated = update(account.context, SelfUpdateRequest(str(wheels["9.2"]), address), running(installed))
    assert "hunter2" not in json.dumps(updated.as_dict())
    assert "hunter2" not in (running(installed) / "install.json").read_text()


@pytest.mark.parametrize("name", ["no-such-mirror", "a b"])
def test_what_is_neither_mirror_nor_address_is_refused(account: Home, tmp_path: Path, name: str) -> None:
    with pytest.raises(EnvtoolError, match=name):
        plan(account.context, SelfUpdateRequest(str(tmp_path), name))


def test_a_mirror_is_named_by_its_name(account: Home, tmp_path: Path) -> None:
    folder = made(tmp_path / "env", "", tmp_path.as_uri(), dir_info={})
    shown = plan(account.context, SelfUpdateRequest("", "tsinghua"), folder)
    assert shown.command[-3] == "--index-url"
    assert "tsinghua" in shown.command[-2]


def test_a_login_is_masked_in_the_command_that_is_shown(account: Home, tmp_path: Path) -> None:
    folder = made(tmp_path / "env", "", tmp_path.as_uri(), dir_info={})
    request = SelfUpdateRequest("https://me:hunter2@lab.example/envtool.whl", "https://me:hunter3@lab.example/simple")
    shown = json.dumps(plan(account.context, request, folder).as_dict())
    assert "hunter" not in shown
    assert "lab.example/simple" in shown
    with pytest.raises(EnvtoolError) as refused:
        update(account.context, request, folder)
    assert "hunter" not in redact(refused.value.hint)  # as every error is printed


# --- the kinds -------------------------------------------------------------------------------------------------------


def made(folder: Path, marker: str, url: str, **details: object) -> Path:
    """Make an environment in which another program has installed envtool."""
    venv.create(folder, with_pip=False, symlinks=True)
    info = next(folder.glob("lib/python3*/site-packages")) / "envtool-0.1.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text(json.dumps({"url": url, **details}))
    if marker:
        (folder / marker).write_text("")
    return folder


@pytest.mark.parametrize(
    ("marker", "details", "kind", "words"),
    [
        ("uv-receipt.toml", {"dir_info": {}}, "uv", "uv tool install --reinstall"),
        ("pipx_metadata.json", {"dir_info": {}}, "pipx", "pipx install --force"),
        ("", {"dir_info": {}}, "pip", "-m pip install --upgrade"),
        ("", {"dir_info": {"editable": True}}, "checkout", "git -C"),
    ],
)
def test_what_others_installed_they_update_and_remove(
    account: Home, tmp_path: Path, marker: str, details: dict[str, object], kind: str, words: str
) -> None:
    checkout = tmp_path / "my checkout"
    folder = made(tmp_path / "env", marker, checkout.as_uri(), **details)
    shown = plan(account.context, SelfUpdateRequest(), folder)
    assert (shown.installation.kind, shown.source) == (kind, str(checkout))
    with pytest.raises(EnvtoolError) as refused:
        update(account.context, SelfUpdateRequest(), folder)
    assert words in refused.value.hint
    assert shlex.quote(str(checkout)) in refused.value.hint
    with pytest.raises(EnvtoolError, match=r"not installed by install\.sh") as kept:
        uninstall(account.context, lambda _: True, folder)
    assert "uninstall envtool" in kept.value.hint
    assert folder.is_dir()


def test_where_nobody_noted_the_source_none_is_guessed(account: Home, tmp_path: Path) -> None:
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    with pytest.raises(EnvtoolError, match="not installed from a checkout") as refused:
        update(account.context, SelfUpdateRequest(), folder)
    assert "--from" in refused.value.hint


@pytest.mark.slow
def test_a_venv_made_by_hand_is_updated_by_the_script(
    account: Home, pip_index: Site, wheels: Mapping[str, Path]
) -> None:
    folder = made(account.path / ".envtool", "", wheels["9.2"].as_uri())
    (folder / "bin/envtool").write_text("#!/bin/sh\necho envtool 9.0\n")
    (folder / "bin/envtool").chmod(0o755)
    assert kinds.current(account.host, folder).kind == "venv"
    updated = update(account.context, SelfUpdateRequest(index=f"{pip_index.url}/simple"), folder)
    assert (updated.after, version(folder)) == ("9.2", "envtool 9.2")


def test_a_record_of_another_place_is_not_believed(account: Home, tmp_path: Path) -> None:
    folder = made(tmp_path / "env", "", tmp_path.as_uri())
    (folder / "install.json").write_text(json.dumps({"prefix": str(account.path), "source": "/evil"}))
    assert kinds.current(account.host, folder).kind == "pip"


# --- uninstall -------------------------------------------------------------------------------------------------------


def completed(home: Home) -> Path:
    """Give the account what --install-completion writes."""
    script = home.path / ".bash_completions/envtool.sh"
    script.parent.mkdir()
    script.write_text("complete envtool\n")
    bashrc = home.path / ".bashrc"
    bashrc.write_text(f"alias ll='ls -l'\nsource '{script}'\nexport EDITOR=vi\n")
    return bashrc


@pytest.mark.slow
def test_uninstall_takes_what_is_envtools_and_nothing_else(account: Home, installed: Path) -> None:
    bashrc = completed(account)
    dl = account.venvs / "dl"
    venv.create(dl, with_pip=False, symlinks=True)
    (account.path / ".local/bin/other").write_text("")
    before = uninstall_plan(account.context, running(installed))
    assert {installed, account.path / ".local/bin/envtool"} <= set(before.goes)
    assert account.venvs in before.stays
    assert installed.exists()

    with pytest.raises(Declined, match="nothing was removed"):
        uninstall(account.context, lambda _: False, running(installed))
    assert version(installed) == "envtool 9.1"

    uninstall(account.context, lambda _: True, running(installed))
    assert not installed.exists()
    assert not (account.path / ".local/bin/envtool").is_symlink()
    assert not (account.path / ".bash_completions/envtool.sh").exists()
    assert bashrc.read_text() == "alias ll='ls -l'\nexport EDITOR=vi\n"
    assert (dl / "pyvenv.cfg").is_file()
    assert (account.path / ".local/bin/other").exists()


@pytest.mark.slow
def test_a_link_and_files_of_others_stay(account: Home, installed: Path) -> None:
    link = account.path / ".local/bin/envtool"
    link.unlink()
    link.symlink_to("/usr/bin/true")
    (installed / "thesis.tex").write_text("mine")
    uninstall(account.context, lambda _: True, running(installed))
    assert link.is_symlink()
    assert [path.name for path in installed.iterdir()] == ["thesis.tex"]


# --- the commands, in an envtool that the script has installed with everything it needs -------------------------------


@pytest.mark.slow
def test_an_installed_envtool_updates_and_removes_itself(home: Home, wheels: Mapping[str, Path]) -> None:
    path = f"{home.path}/.local/bin:{PYTHON.parent}:{os.environ['PATH']}"
    home = replace(home, environ={**home.environ, "PATH": path}, program=("sh", str(PACKAGE / "install.sh")))
    ran = home.envtool()
    if ran.code == 5:
        pytest.skip(f"no index can be reached: {ran.err}")
    assert ran.code == 0, ran.err
    home = replace(home, program=(str(home.path / ".local/bin/envtool"),))

    shown = home.envtool("self", "update", "--dry-run", "--json")
    assert shown.data["kind"] == "script"
    assert shown.data["source"] == str(PACKAGE.parent)
    failed = home.envtool("self", "update", "--from", str(wheels["9.3"]))
    assert (failed.code, "no envtool that starts" in failed.err) == (4, True)
    assert home.envtool("--version").code == 0

    refused = home.envtool("self", "uninstall")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert home.envtool("self", "uninstall", "--dry-run").code == 0
    assert home.envtool("--version").code == 0
    removed = home.envtool("self", "uninstall", "--yes", "--json")
    assert removed.code == 0, removed.err
    assert str(home.path / ".envtool") in removed.data["removed"]
    assert not (home.path / ".envtool").exists()
    assert not (home.path / ".local/bin/envtool").is_symlink()
    assert shutil.which("envtool", path=f"{home.path}/.local/bin") is None
