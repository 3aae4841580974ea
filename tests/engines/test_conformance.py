"""The promises of an engine, tested on every engine with the commands that a user types."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support import condas, environments
from support.channel import packages
from support.channel.recipe import PYTHON
from support.channel.server import Fault, Server
from support.home import Home

from envtool.engines.protocol import Solution, SolveRequest
from envtool.environments import packages as contents
from envtool.model import Environment, Spec
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection, pip_packages, transaction
from envtool.operations.steps.package_sources import NO_OPTIONS, SourceOptions, gather
from envtool.prefix.snapshot import Footprint
from envtool.reporter import Silent

SIX = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"  # of six-1.17.0-py2.py3-none-any.whl


@pytest.fixture(params=["embedded", *condas.FAMILY])
def engine(request: pytest.FixtureRequest, home: Home) -> str:
    """The name of an engine. A program of conda's family is found as in a shell that is set up for it."""
    if request.param == "embedded":
        return "embedded"
    condas.set_up(home.environ, request.param, home.path)
    return "conda"


@pytest.fixture
def made(home: Home, engine: str, channel: str) -> str:
    """An environment ``demo`` with Python, pip and an old six."""
    ran = home.envtool("create", "demo", f"python={PYTHON}", "six=1.16", "-c", channel, "--engine", engine)
    assert ran.code == 0, ran.err
    return "demo"


def leftovers(home: Home) -> list[str]:
    return [path.name for path in home.conda_envs.rglob("*")] if home.conda_envs.exists() else []


def test_create_makes_a_working_python(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", f"python={PYTHON}", "numpy", "-c", channel, "--engine", engine)
    assert ran.code == 0, ran.err
    assert re.search(rf"Engine: {engine}( \(/.*\))?, as asked", ran.err)
    inside = home.envtool(
        "run", "-n", "demo", "--", "python", "-c", "import numpy, sys; print(sys.prefix, numpy.ones(3).sum())"
    )
    assert (inside.code, inside.out.split()) == (0, [str(home.conda_envs / "demo"), "3.0"])
    assert {"python", "numpy", "pip"} <= home.installed("demo").keys()
    listed = home.envtool("list", "--json").data["environments"]
    assert [(e["name"], e["unfinished"]) for e in listed if e["name"] != "base"] == [("demo", False)]


def test_create_is_complete_where_environments_txt_cannot_be_written(home: Home, engine: str, channel: str) -> None:
    listed = home.path / ".conda" / "environments.txt"
    listed.parent.mkdir(exist_ok=True)
    listed.symlink_to(listed.parent / "missing" / "environments.txt")
    prefix = home.path / "demo"
    ran = home.envtool("create", "-p", str(prefix), "leaf", "-c", channel, "--engine", engine)
    assert ran.code == 0, ran.err
    assert engine == "conda" or f"{prefix} could not be added" in ran.err
    assert home.envtool("list", str(prefix)).code == 0


def test_console_scripts_and_prefixes_point_to_the_final_place(home: Home, engine: str, channel: str) -> None:
    assert home.envtool("create", "demo", f"python={PYTHON}", "trunk", "-c", channel, "--engine", engine).code == 0
    prefix = home.conda_envs / "demo"
    assert (prefix / "share/trunk/where").read_text() == f"{prefix}\n"
    assert subprocess.run([prefix / "bin/trunk"], capture_output=True, text=True, check=True).stdout == f"{prefix}\n"
    assert (prefix / "bin/pip").read_text().startswith(f"#!{prefix}/bin/python")


def test_packages_of_both_halves_come_and_go(home: Home, made: str, channel: str) -> None:
    assert home.envtool("install", "-n", made, "idna", "--pip", "colorama==0.4.6", "-c", channel).code == 0
    both = home.installed(made)
    assert {"idna", "colorama", "six", "python", "pip"} <= both.keys()
    assert both["six"].startswith("1.16")
    gone = home.envtool("uninstall", "-n", made, "idna", "colorama", "--yes", "-c", channel)
    assert gone.code == 0, gone.err
    after = home.installed(made)
    assert not {"idna", "colorama"} & after.keys()
    assert {"six", "python", "pip"} <= after.keys()


def test_a_pin_is_taken_and_kept(home: Home, made: str, channel: str) -> None:
    assert home.installed(made)["six"] == "1.16.0"
    assert home.envtool("install", "-n", made, "six=1.17", "-c", channel, "--yes").code == 0
    assert home.installed(made)["six"] == "1.17.0"


def test_a_name_in_neither_half_changes_nothing(home: Home, made: str, channel: str) -> None:
    before = home.installed(made)
    ran = home.envtool("uninstall", "-n", made, "six", "no-such-thing", "-c", channel)
    assert ran.code == 1
    assert "no-such-thing" in ran.err
    assert home.installed(made) == before


def test_pip_may_not_overwrite_what_conda_installed(home: Home, made: str, channel: str) -> None:
    ran = home.envtool("install", "-n", made, "--pip", "six==1.17.0", "-c", channel)
    assert ran.code == 1
    assert "six" in ran.err
    assert "--force" in ran.err
    assert home.installed(made)["six"] == "1.16.0"


def content(prefix: Path) -> dict[str, bytes]:
    """Return an environment's files, without bytecode and without envtool's and conda's records."""
    files = {path.relative_to(prefix).as_posix(): path for path in prefix.rglob("*") if path.is_file()}
    passing = ("__pycache__", ".envtool/", "conda-meta/")
    return {name: path.read_bytes() for name, path in files.items() if not any(part in name for part in passing)}


def test_pip_may_overwrite_conda_when_it_is_forced(home: Home, made: str, channel: str) -> None:
    forced = home.envtool("install", "-n", made, "--pip", "six==1.17.0", "--force")
    assert forced.code == 0, forced.err
    show = ("run", "-n", made, "--", "python", "-c", "import six; print(six.__version__)")
    assert home.envtool(*show).out.strip() == "1.17.0"


def install_and_stop(context: Context, environment: Environment, line: str, *, unwritten: str = "") -> None:
    """Change an environment as ``envtool install --force --pip LINE`` does, up to a Ctrl-C before its end.

    ``unwritten`` is a pattern of files that are not there yet by then.
    """
    half, sources = pip_packages.half(Spec(pip=(line,)), force=True), gather(context, NO_OPTIONS)
    choice = engine_selection.for_existing(context, environment)
    with (
        transaction.held(environment, "envtool install", Silent()) as scratch,
        engine_selection.opened(context, choice, "envtool install") as engine,
    ):
        frame = transaction.Frame(environment.prefix, "envtool install", scratch)
        there = contents.read(environment)
        foreseen, _ = pip_packages.foretell(context, half, environment.prefix, sources, (*there.pip, *there.inside))
        met = pip_packages.footprint(environment.prefix, there, half, foreseen)
        with transaction.changing(frame, engine, Solution(SolveRequest()), met, Silent()):
            pip_packages.install(context, half, environment.prefix, sources)
            for path in environment.prefix.rglob(unwritten) if unwritten else ():
                path.unlink()
            raise KeyboardInterrupt


def test_what_pip_has_overwritten_comes_back_where_the_change_is_cut_off(home: Home, made: str) -> None:
    environment = environments.resolve(home.host, made)
    before = content(environment.prefix)
    with pytest.raises(KeyboardInterrupt):
        install_and_stop(home.context, environment, "six==1.17.0")
    assert content(environment.prefix) == before
    assert home.installed(made)["six"] == "1.16.0"


def test_files_not_yet_in_any_record_are_removed(
    home: Home, made: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.environ.items():  # what the engine starts from here is to see the same caches
        monkeypatch.setenv(name, value)
    context, environment = home.context, environments.resolve(home.host, made)
    prefix, before = environment.prefix, content(environment.prefix)
    sources = gather(context, SourceOptions(channels=(channel,)))
    with (
        transaction.held(environment, "envtool install", Silent()) as scratch,
        engine_selection.opened(
            context, engine_selection.for_existing(context, environment), "envtool install"
        ) as engine,
    ):
        solution = engine.solve(SolveRequest(("leaf", "packaging")), prefix, sources, Silent())
        frame = transaction.Frame(prefix, "envtool install", scratch)

        def cut_off() -> None:
            with transaction.changing(frame, engine, solution, Footprint(), Silent()):
                engine.change(solution, prefix, scratch, Silent())
                # as a kill leaves it: conda writes the records last, and moves old ones aside
                for record in [path for name in ("leaf", "trunk") for path in prefix.glob(f"conda-meta/{name}-*.json")]:
                    record.unlink()
                old = next(prefix.glob("conda-meta/six-*.json"))
                old.with_name(f"{old.name}.c~").write_bytes(old.read_bytes())
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cut_off()
    assert content(prefix).keys() == before.keys()
    assert not list(prefix.glob("conda-meta/*.c~"))
    assert not {"leaf", "trunk", "packaging"} & home.installed(made).keys()


def test_a_file_of_the_users_stays_where_a_change_ends_before_it_begins(
    home: Home, made: str, channel: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    # the package that has a file of that name is in the cache already
    assert home.envtool("create", "other", "leaf", "-c", channel, "--engine", engine).code == 0
    context, environment = home.context, environments.resolve(home.host, made)
    prefix, sources = environment.prefix, gather(context, SourceOptions(channels=(channel,)))
    mine = prefix / "share/leaf/version"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    def stopped() -> None:
        with (
            transaction.held(environment, "envtool install", Silent()) as scratch,
            engine_selection.opened(
                context, engine_selection.for_existing(context, environment), "envtool install"
            ) as at_work,
        ):
            solution = at_work.solve(SolveRequest(("leaf",)), prefix, sources, Silent())
            frame = transaction.Frame(prefix, "envtool install", scratch)
            with transaction.changing(frame, at_work, solution, Footprint(), Silent()):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert mine.read_text() == "mine"


def test_files_of_an_interrupted_package_are_removed(home: Home, made: str) -> None:
    assert home.envtool("install", "-n", made, "--pip", "colorama==0.4.5").code == 0
    environment = environments.resolve(home.host, made)
    before = content(environment.prefix)
    with pytest.raises(KeyboardInterrupt):  # 0.4.6 has files in colorama/tests, and the list of its files comes last
        install_and_stop(home.context, environment, "colorama==0.4.6", unwritten="colorama-0.4.6.dist-info/[A-Z]*")
    assert content(environment.prefix).keys() == before.keys()
    assert home.installed(made)["colorama"] == "0.4.5"


def test_create_with_clone_is_a_clone(home: Home, made: str, channel: str) -> None:
    ran = home.envtool("create", "demo2", "--clone", made)
    assert ran.code == 0, ran.err
    assert home.installed("demo2") == home.installed(made)
    assert home.envtool("create", "demo3", "numpy", "--clone", made).code == 2


def test_export_and_create_give_the_same_packages(home: Home, made: str, channel: str, engine: str) -> None:
    assert home.envtool("install", "-n", made, "--pip", "colorama==0.4.6").code == 0
    text = home.envtool("export", made)
    assert text.code == 0, text.err
    again = home.envtool("create", "demo2", "-f", "-", "--engine", engine, stdin=text.out)
    assert again.code == 0, again.err
    assert home.installed("demo2") == home.installed(made)


def test_an_explicit_list_is_taken_as_it_is(home: Home, made: str, engine: str, tmp_path: Path) -> None:
    listing = tmp_path / "explicit.txt"
    assert home.envtool("export", made, "--format", "explicit", "-o", str(listing)).code == 0
    again = home.envtool("create", "demo2", "-f", str(listing), "--engine", engine)
    assert again.code == 0, again.err
    assert home.installed("demo2") == home.installed(made)
    spoilt = tmp_path / "spoilt.txt"
    lines = listing.read_text().splitlines()
    spoilt.write_text("\n".join(line[:-8] + "00000000" if "#" in line[1:] else line for line in lines))
    home.envtool("remove", "demo2", "--yes")
    shutil.rmtree(home.path / ".cache", ignore_errors=True)
    shutil.rmtree(home.path / ".conda/pkgs", ignore_errors=True)
    refused = home.envtool("create", "demo2", "-f", str(spoilt), "--engine", engine)
    assert refused.code != 0
    assert not (home.conda_envs / "demo2").exists()


def test_the_pip_half_in_a_lock_of_conda_lock_is_installed(
    home: Home, made: str, channel: str, engine: str, tmp_path: Path
) -> None:
    lines = home.envtool("export", made, "--format", "explicit").out.splitlines()
    (six,) = [line for line in lines if "/six-" in line]
    wheels = channel.removesuffix("/anaconda/cloud/conda-forge") + "/wheels"
    wheel = f"{wheels}/six==1.17.0/six-1.17.0-py2.py3-none-any.whl"
    lock = tmp_path / "conda-linux-64.lock"
    lock.write_text("\n".join(line for line in lines if line != six) + f"\n# pip six @ {wheel}#sha256={SIX}\n")
    ran = home.envtool("create", "locked", "-f", str(lock), "--engine", engine)
    assert ran.code == 0, ran.err
    assert home.installed("locked")["six"] == "1.17.0"
    lock.write_text(lock.read_text().replace(SIX, SIX[::-1]))
    refused = home.envtool("create", "spoilt", "-f", str(lock), "--engine", engine)
    assert (refused.code, "ash mismatch" in refused.err) == (1, True)
    lock.write_text(f"@EXPLICIT\n{six}\n")
    lacking = home.envtool("create", "lacking", "-f", str(lock), "--engine", engine)
    assert (lacking.code, "has no python" in lacking.err) == (4, True)


def test_several_files_are_taken_together(home: Home, engine: str, channel: str) -> None:
    files = {
        "environment.yml": f"name: demo\nchannels: ['{channel}']\ndependencies:\n  - python={PYTHON}\n  - pip:\n"
        "    - colorama==0.4.5\nvariables: {LEVEL: three}\n",
        "packages.txt": f"# platform: {packages.SUBDIR}\nleaf=1.0=0\n",  # as `conda list -e` writes
        "requirements.txt": "tomli==2.0.1 ; python_version < '4'\n./own\n",
        "own/pyproject.toml": "[project]\nname = 'own'\nversion = '1.0'\n",
        "own/own.py": "",
    }
    for name, text in files.items():
        (home.path / name).parent.mkdir(exist_ok=True)
        (home.path / name).write_text(text)
    options = [word for name in files if "/" not in name for word in ("-f", name)]
    ran = home.envtool("create", *options, "--engine", engine)
    assert ran.code == 0, ran.err
    there = home.installed("demo")
    assert (there["leaf"], there["colorama"], there["tomli"], there["own"]) == ("1.0", "0.4.5", "2.0.1", "1.0")
    assert home.envtool("run", "-n", "demo", "--", "sh", "-c", "echo $LEVEL").out == "three\n"


def test_an_explicit_list_takes_the_place_of_what_is_installed(
    home: Home, made: str, channel: str, tmp_path: Path
) -> None:
    old = home.envtool("export", made, "--format", "explicit").out
    assert home.envtool("install", "-n", made, "six=1.17", "-c", channel, "--yes").code == 0
    listing = tmp_path / "explicit.txt"
    listing.write_text(old)
    back = home.envtool("install", "-n", made, "-r", str(listing), "--yes")
    assert back.code == 0, back.err
    assert home.installed(made)["six"] == "1.16.0"
    assert len(list((home.conda_envs / made / "conda-meta").glob("six-*.json"))) == 1
    inside = home.envtool("run", "-n", made, "--", "python", "-c", "import six; print(six.__version__)")
    assert inside.out.strip() == "1.16.0"


def test_an_environment_without_pip(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", f"python={PYTHON}", "six", "--no-pip", "-c", channel, "--engine", engine)
    assert ran.code == 0, ran.err
    assert home.installed("demo").keys() == {"python", "six"}
    assert home.envtool("uninstall", "-n", "demo", "six", "--yes", "-c", channel).code == 0
    assert home.installed("demo").keys() == {"python"}


def test_an_update_goes_as_far_as_the_pins_allow(home: Home, made: str, channel: str) -> None:
    assert home.envtool("install", "-n", made, "leaf=1.0", "--pip", "colorama==0.4.5", "-c", channel).code == 0
    pinned = home.conda_envs / made / "conda-meta/pinned"
    pinned.write_text("# held\nsix 1.16.*  # by the cluster\n")
    ran = home.envtool("update", "-n", made, "-c", channel, "--yes")
    assert ran.code == 0, ran.err
    after = home.installed(made)
    assert (after["leaf"], after["six"]) == ("2.0", "1.16.0")
    assert after["colorama"] != "0.4.5"
    pinned.unlink()
    assert home.envtool("update", "-n", made, "six", "-c", channel, "--yes").code == 0
    assert home.installed(made)["six"] == "1.17.0"


def test_pinned_and_default_packages_of_condarc_are_honoured(home: Home, engine: str, channel: str) -> None:
    condarc = home.path / ".condarc"
    condarc.write_text("pinned_packages: [leaf=1.0]\ncreate_default_packages: [scripted, trunk]\n")
    asked = ("create", "demo", "leaf", "trunk=1.0", "-c", channel, "--override-channels", "--engine", engine)
    ran = home.envtool(*asked)
    assert ran.code == 0, ran.err
    assert home.installed("demo") == {"leaf": "1.0", "trunk": "1.0", "scripted": "1.0"}
    condarc.unlink()
    assert home.envtool("install", "-n", "demo", "leaf=2.0", "-c", channel, "--override-channels").code == 0
    assert home.installed("demo")["leaf"] == "2.0"


def test_channel_priority_is_the_configured_one(home: Home, engine: str, channel: str, tmp_path: Path) -> None:
    higher = tmp_path / "higher"
    higher.mkdir()
    packages.tiny(higher, "leaf", "1.5", depends=("trunk",))
    packages.index(higher)
    asked = ("create", "demo", "-c", higher.as_uri(), "-c", channel, "--override-channels", "--engine", engine)
    first = home.envtool(*asked, "leaf")
    assert first.code == 0, first.err
    assert home.installed("demo")["leaf"] == "1.5"
    assert home.envtool("remove", "demo", "--yes").code == 0
    # the lower channel's version is wanted, which conda's usual, flexible priority allows and strict does not
    (home.path / ".condarc").write_text("channel_priority: strict\n")
    refused = home.envtool(*asked, "leaf=2.0")
    assert (refused.code, "No set of packages" in refused.err) == (1, True)
    (home.path / ".condarc").unlink()
    mixed = home.envtool(*asked, "leaf=2.0")
    assert mixed.code == 0, mixed.err
    assert home.installed("demo")["leaf"] == "2.0"


def test_offline_nothing_is_fetched(home: Home, engine: str, channel: str, channel_server: Server) -> None:
    source = ("-c", channel, "--override-channels", "--engine", engine)
    assert home.envtool("create", "one", "leaf=1.0", *source).code == 0
    channel_server.requests.clear()
    assert home.envtool("create", "two", "leaf=1.0", *source, "--offline").code == 0
    refused = home.envtool("create", "three", "leaf=2.0", *source, "--offline")
    assert refused.code in (1, 5)  # conda offline knows of nothing but what it has
    assert "leaf" in refused.err
    assert channel_server.requests == []
    assert not (home.conda_envs / "three").exists()


def test_a_frozen_environment_is_not_changed(home: Home, made: str, channel: str) -> None:
    (home.conda_envs / made / "conda-meta/frozen").write_text('{"message": "Ask the admin."}')
    before = home.installed(made)
    for command in (("install", "idna"), ("uninstall", "six"), ("update",)):
        ran = home.envtool(command[0], "-n", made, *command[1:], "-c", channel, "--yes")
        assert (ran.code, "Ask the admin." in ran.err) == (1, True)
    assert home.installed(made) == before


def test_remove_takes_everything_and_asks_first(home: Home, made: str, engine: str) -> None:
    refused = home.envtool("remove", made)
    assert refused.code == 2
    assert "--yes" in refused.err
    ran = home.envtool("remove", made, "--yes")
    assert ran.code == 0, ran.err
    assert leftovers(home) == []
    if engine == "embedded":  # conda keeps its own register, and drops what is gone when it lists
        assert (home.path / ".conda" / "environments.txt").read_text() == ""


@pytest.mark.parametrize("content", [None, "mine"])
def test_an_occupied_prefix_is_refused(home: Home, engine: str, channel: str, content: str | None) -> None:
    taken = home.conda_envs / "demo"
    taken.mkdir(parents=True)
    if content:
        (taken / "file").write_text(content)
    ran = home.envtool("create", "demo", "trunk", "-c", channel, "--engine", engine)
    assert ran.code == 1
    assert "already exists" in ran.err
    assert [path.name for path in taken.iterdir()] == (["file"] if content else [])


def test_an_existing_environment_is_refused_and_untouched(home: Home, made: str, channel: str, engine: str) -> None:
    ran = home.envtool("create", made, "trunk", "-c", channel, "--engine", engine)
    assert ran.code == 1
    assert "envtool remove demo" in ran.err
    assert "six" in home.installed(made)


def test_output_of_a_link_script_does_not_confuse_the_engine(home: Home, engine: str, tmp_path: Path) -> None:
    script = "echo '{ \"said\": 1 }'; printf '{ again'; echo for you to read >&2\n"
    packages.tiny(tmp_path, "noisy", "1.0", files={"bin/.noisy-post-link.sh": script})
    packages.index(tmp_path)
    ran = home.envtool("create", "demo", "noisy", "-c", tmp_path.as_uri(), "--override-channels", "--engine", engine)
    assert ran.code == 0, ran.err
    assert home.installed("demo") == {"noisy": "1.0"}


def test_an_unsolvable_create_leaves_nothing(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", "trunk=99", "-c", channel, "--engine", engine)
    assert (ran.code, leftovers(home)) == (1, [])
    assert "trunk" in ran.err


def test_a_failing_pip_half_leaves_nothing(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", f"python={PYTHON}", "--pip", "colorama==99", "-c", channel, "--engine", engine)
    assert (ran.code, leftovers(home)) == (1, [])
    assert "colorama" in ran.err


def test_a_failing_pip_half_leaves_an_existing_environment_as_it_was(
    home: Home, made: str, channel: str, tmp_path: Path
) -> None:
    # A source package that resolves and only fails when it is built: the conda half has been changed by then.
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pyproject.toml").write_text(
        '[project]\nname = "broken"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    )
    (broken / "b.py").write_text(
        "import os\n"
        "def prepare_metadata_for_build_wheel(folder, settings=None):\n"
        "    os.makedirs(folder + '/broken-1.dist-info')\n"
        "    metadata = 'Metadata-Version: 2.1\\nName: broken\\nVersion: 1\\n'\n"
        "    open(folder + '/broken-1.dist-info/METADATA', 'w').write(metadata)\n"
        "    return 'broken-1.dist-info'\n"
        "def build_wheel(*_):\n    raise SystemExit('this package cannot be built')\n"
    )
    before = home.installed(made)
    ran = home.envtool("install", "-n", made, "six=1.17", "--pip", str(broken), "-c", channel, "--yes")
    assert ran.code == 1
    assert "Bringing back the state before" in ran.err
    assert "unfinished" not in ran.err
    assert home.installed(made) == before, ran.err
    assert (
        home.envtool("run", "-n", made, "--", "python", "-c", "import six; assert six.__version__ == '1.16.0'").code
        == 0
    )
    assert not any(e["unfinished"] for e in home.envtool("list", "--json").data["environments"])


@pytest.mark.parametrize("interruption", [2, 15])
def test_an_interruption_leaves_nothing(
    home: Home, engine: str, channel: str, channel_server: Server, interruption: int
) -> None:
    channel_server.put(Fault("/python-", "hang"))
    argv = ["create", "demo", f"python={PYTHON}", "-c", channel, "--engine", engine]
    with home.start(*argv) as child:
        deadline = time.monotonic() + 60
        while not any("/python-" in path for path in channel_server.requests):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(interruption)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Interrupted" in err
    assert leftovers(home) == []


def test_a_dry_run_writes_nothing(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", "leaf", "-c", channel, "--engine", engine, "--dry-run", "--json")
    assert ran.code == 0, ran.out
    assert {p["name"] for p in ran.data["conda"]} == {"leaf", "trunk"}
    assert leftovers(home) == []


def test_a_channel_that_is_down_is_named(home: Home, engine: str) -> None:
    ran = home.envtool("create", "demo", "leaf", "-c", "http://127.0.0.1:9/nowhere", "--engine", engine, timeout=400)
    assert (ran.code, leftovers(home)) == (5, [])
    assert "127.0.0.1:9" in ran.err


@pytest.mark.parametrize(
    "fault", [Fault("/leaf-2.0", "status"), Fault("/leaf-2.0", "corrupt")], ids=["missing", "corrupt"]
)
def test_a_package_that_cannot_be_had_leaves_nothing_new_and_the_old_alone(
    home: Home, engine: str, channel: str, channel_server: Server, fault: Fault
) -> None:
    assert home.envtool("create", "old", "leaf=1.0", "-c", channel, "--engine", engine).code == 0
    before = home.installed("old")
    channel_server.put(fault)
    new = home.envtool("create", "new", "leaf=2.0", "-c", channel, "--engine", engine)
    changed = home.envtool("install", "-n", "old", "leaf=2.0", "-c", channel, "--yes")
    assert (new.code, changed.code) == (5, 5), new.err + changed.err
    assert "leaf-2.0" in new.err
    assert [path.name for path in home.conda_envs.iterdir() if not path.name.startswith(".")] == ["old"]
    assert home.installed("old") == before
    channel_server.mend()
    assert home.envtool("install", "-n", "old", "leaf=2.0", "-c", channel, "--yes").code == 0


def test_the_failure_envelope(home: Home, engine: str, channel: str) -> None:
    ran = home.envtool("create", "demo", "trunk=99", "-c", channel, "--engine", engine, "--json")
    envelope = json.loads(ran.out)
    assert (envelope["status"], envelope["exit_code"], ran.code) == ("failed", 1, 1)
    assert envelope["errors"][0]["message"]
