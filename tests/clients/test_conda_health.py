"""Whether a conda works: made-up ones of every kind of breakage, and what is remembered of them."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.broken_condas import BROKEN, HANGING, WORKING, program
from support.condas import FAMILY
from support.home import Home

from envtool import process
from envtool.clients.conda import health


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test can afford."""
    monkeypatch.setattr(health, "LIMIT", 0.7)
    monkeypatch.setattr(health, "SHORT_LIMIT", 0.4)
    monkeypatch.setattr(process, "GRACE", 0.2)


def asked(home: Home, conda: Path) -> int:
    """Return how often a program that counts has been started."""
    return len((conda.parent / "asked").read_text()) if (conda.parent / "asked").exists() else 0


def counting(text: str) -> str:
    return text.replace("#!/bin/sh\n", '#!/bin/sh\nprintf x >> "${0%/*}/asked"\n', 1)


@pytest.mark.parametrize("kind", BROKEN)
def test_one_that_fails_is_named_with_the_cause(home: Home, kind: str) -> None:
    text, cause = BROKEN[kind]
    conda = program(home.path / "bin" / "conda", text)
    error = health.check(home.host, conda)
    assert error is not None
    assert cause in error.cause
    assert str(conda) in error.message


def test_one_that_may_not_be_run_is_named_with_the_cause(home: Home) -> None:
    conda = program(home.path / "bin" / "conda", WORKING, 0o644)
    error = health.check(home.host, conda)
    assert error is not None
    assert "Permission denied" in error.cause


@pytest.mark.parametrize("kind", HANGING)
def test_one_that_hangs_is_stopped_in_time(home: Home, limits: None, kind: str) -> None:
    conda = program(home.path / "bin" / "conda", HANGING[kind])
    begun = time.monotonic()
    error = health.check(home.host, conda)
    assert error is not None
    assert "does not answer" in error.cause
    assert time.monotonic() - begun < 30


def test_one_that_works_is_asked_once(home: Home) -> None:
    conda = program(home.path / "bin" / "conda", counting(WORKING))
    assert [health.check(home.host, conda) for _ in range(3)] == [None] * 3
    assert asked(home, conda) == 1


def test_a_greeting_before_the_answer_does_no_harm(home: Home) -> None:
    conda = program(home.path / "bin" / "conda", WORKING.replace("echo", "echo Welcome {you}\necho", 1))
    assert health.check(home.host, conda) is None


@pytest.mark.parametrize("kind", ["dead interpreter", "silent", "killed", "stub that refuses"])
def test_what_breaks_or_is_repaired_is_seen_at_once(home: Home, kind: str) -> None:
    conda = home.path / "bin" / "conda"
    for text, works in ((WORKING, True), (BROKEN[kind][0], False), (WORKING, True), (BROKEN[kind][0], False)):
        program(conda, text)
        assert (health.check(home.host, conda) is None) is works


def test_a_repair_beside_the_program_is_seen_at_once(home: Home) -> None:
    module = home.path / "library"
    conda = program(
        home.path / "bin" / "conda", f'#!/bin/sh\n[ -e "{module}" ] || exit 3\necho \'{{"channels": []}}\'\n'
    )
    assert health.check(home.host, conda) is not None
    module.touch()
    assert health.check(home.host, conda) is None


@pytest.mark.parametrize("part", ["bin/python3", "lib", "conda-meta", "lib/python3.11/site-packages"])
def test_a_change_to_the_installation_asks_again(home: Home, part: str) -> None:
    root = home.path / "miniconda3"
    for folder in ("conda-meta", "lib/python3.11/site-packages/conda"):
        (root / folder).mkdir(parents=True)
    shell = program(root / "bin" / "python3", "#!/bin/sh\necho '{\"channels\": []}'\n")
    conda = program(root / "bin" / "conda", f"#!{shell}\n")
    conda = program(root / "bin" / "conda", counting(WORKING)) if part != "bin/python3" else conda
    assert health.check(home.host, conda) is None
    before = asked(home, conda)
    if part == "bin/python3":
        shell.unlink()
        assert health.check(home.host, conda) is not None
        return
    (root / part / "something").mkdir()
    assert health.check(home.host, conda) is None
    assert asked(home, conda) == before + 1


def test_a_variable_that_breaks_it_asks_again(home: Home) -> None:
    conda = program(home.path / "bin" / "conda", counting(WORKING))
    assert health.check(home.host, conda) is None
    assert health.check(home.host_with(PYTHONHOME="/elsewhere"), conda) is None
    assert asked(home, conda) == 2


def test_one_that_hangs_costs_its_limit_once(home: Home, limits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    conda = program(home.path / "bin" / "conda", counting(HANGING["hangs"]))
    causes = []
    for _ in range(3):
        error = health.check(home.host, conda)
        assert error is not None
        causes.append(error.cause)
    assert asked(home, conda) == 1
    assert len(set(causes)) == 1


def test_one_that_hung_and_is_well_again_is_found_out(
    home: Home, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = home.path / "blocked"
    block.touch()
    text = f'#!/bin/sh\n[ ! -e "{block}" ] || sleep 600\necho \'{{"channels": []}}\'\n'
    conda = program(home.path / "bin" / "conda", text)
    assert health.check(home.host, conda) is not None
    block.unlink()
    monkeypatch.setattr(health, "HUNG_FOR", 0.0)
    monkeypatch.setattr(health, "SHORT_LIMIT", 30.0)
    assert health.check(home.host, conda) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"version": 99}', '{"seen": 5, "time": "x", "hung": null}'])
def test_junk_in_the_cache_is_no_answer(home: Home, content: str) -> None:
    conda = program(home.path / "bin" / "conda", counting(WORKING))
    assert health.check(home.host, conda) is None
    for file in (home.host.cache_dir / "programs").iterdir():
        file.write_text(content)
    assert health.check(home.host, conda) is None
    assert asked(home, conda) == 2


def test_a_cache_that_cannot_be_written_does_no_harm(home: Home) -> None:
    host = home.host_with(ENVTOOL_HOME="/dev/null/nowhere")
    assert health.check(host, program(home.path / "bin" / "conda", WORKING)) is None


def test_secrets_in_what_it_says_are_masked(home: Home) -> None:
    text = "#!/bin/sh\necho 'cannot read https://user:hunter2@example.org/t/tk-123/main' >&2\nexit 1\n"
    error = health.check(home.host, program(home.path / "bin" / "conda", text))
    assert error is not None
    assert "example.org" in error.cause
    assert "hunter2" not in error.cause


@pytest.mark.parametrize("conda", FAMILY)
def test_a_real_one_works(home: Home, conda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    assert health.check(home.host, Path(conda)) is None
    (home.path / ".condarc").write_text("channel_priority: nonsense\n")
    assert health.check_again(home.host, Path(conda)) is None  # the file is broken, not the program


@pytest.mark.parametrize("conda", FAMILY)
def test_asking_writes_nothing(home: Home, conda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    registered = home.path / ".conda" / "environments.txt"
    registered.parent.mkdir()
    registered.write_text(f"{home.path}/gone\n")
    host = replace(home.host, environ={**home.environ, "ENVTOOL_HOME": str(home.path / "own")})
    assert health.check(host, Path(conda)) is None
    shutil.rmtree(home.path / "own")
    assert sorted(path for path in home.path.rglob("*") if path.is_file()) == [registered]
    assert registered.read_text() == f"{home.path}/gone\n"
