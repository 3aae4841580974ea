"""Index fallback, with a real uv: a replica takes over from a public index that fails, never from a private one."""

import sys
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from support import mirror_site
from support.home import Home
from support.reporter import Recorder

from envtool.engines import installers
from envtool.engines.installers import PipHalf
from envtool.errors import EnvtoolError, ExitCode
from envtool.mirrors import catalogue
from envtool.model import PipSources
from envtool.operations.context import Context
from envtool.operations.steps import index_fallback
from envtool.paths import Host

DEMO = "envtool-mirror-demo"
PYTHON = ".".join(map(str, sys.version_info[:3]))


class Resolve(Protocol):
    """Resolves a requirement from an index (None: the default one) or from its fallbacks."""

    def __call__(
        self, index: str | None, requirement: str = DEMO, *, offline: bool = False
    ) -> tuple[tuple[str, ...], PipSources]: ...


World = tuple[mirror_site.Site, mirror_site.Site, Recorder, Resolve]


@pytest.fixture
def world(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two mirrors on local sites, what was reported, and a function that resolves with fallbacks."""
    with (
        mirror_site.serve(mirror_site.tree(projects={DEMO: "1.0"})) as one,
        mirror_site.serve(mirror_site.tree(projects={DEMO: "1.0"})) as two,
    ):
        shipped = home.path / "mirrors.yaml"
        entries = "".join(
            f"  {name}: {{title: {name}, group: {name}, state: active, evidence: [],"
            f" pypi: {{index: '{site.url}/pypi/simple'}}}}\n"
            for name, site in (("one", one), ("two", two))
        )
        upstream = (
            "upstream: {conda: 'http://127.0.0.1:9/c', defaults: 'http://127.0.0.1:9/p', torch: 'http://127.0.0.1:9/t'}"
        )
        shipped.write_text(f"schema: 1\ncompiled: 2026-11-23\n{upstream}\nmirrors:\n{entries}")
        monkeypatch.setattr(catalogue, "_shipped", lambda: shipped)
        # the default index is somebody's real one: here nobody answers for it
        monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("UV_CACHE_DIR", str(home.path / "uv"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        host = Host({}, home.path, "Linux", "x86_64")
        said = Recorder()

        def resolve(
            index: str | None, requirement: str = DEMO, *, offline: bool = False
        ) -> tuple[tuple[str, ...], PipSources]:
            def action(sources: PipSources) -> tuple[str, ...]:
                return installers.resolve(PipHalf((requirement,)), PYTHON, sources)

            return index_fallback.attempt(
                Context(host, said), PipSources(index=index, timeout=5), action, offline=offline
            )

        yield one, two, said, resolve


def test_an_index_that_works_is_left_alone(world: World) -> None:
    one, two, said, resolve = world
    pins, used = resolve(f"{one.url}/pypi/simple")
    assert pins == (f"{DEMO}==1.0",)
    assert used.index == f"{one.url}/pypi/simple"
    assert not said.notes
    assert not two.requests


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"refuses_agent": "uv/"}, {"lacks": DEMO}, {"portal": True}, {"hangs": True}])
def test_a_public_index_that_fails_is_stood_in_for_by_another(world: World, fault: dict[str, Any]) -> None:
    one, two, said, resolve = world
    for name, value in fault.items():
        setattr(one, name, value)
    pins, used = resolve(f"{one.url}/pypi/simple")
    assert pins == (f"{DEMO}==1.0",)
    assert used.index == f"{two.url}/pypi/simple"
    assert len(said.notes) == 1
    assert one.url in said.notes[0]
    assert two.url in said.notes[0]


def test_the_default_index_is_stood_in_for_when_nobody_answers(world: World) -> None:
    one, _, said, resolve = world
    pins, used = resolve(None)
    assert pins == (f"{DEMO}==1.0",)
    assert used.index == f"{one.url}/pypi/simple"
    assert "default index" in said.notes[0]


def test_a_private_index_is_never_replaced(world: World) -> None:
    one, two, said, resolve = world
    with mirror_site.serve({}) as private:
        with pytest.raises(EnvtoolError):
            resolve(f"{private.url}/simple")
        assert private.requests
    assert not one.requests
    assert not two.requests
    assert not said.notes


def test_a_package_that_no_index_has_fails_with_the_first_error(world: World) -> None:
    one, _, said, resolve = world
    with pytest.raises(EnvtoolError) as caught:
        resolve(f"{one.url}/pypi/simple", "no-such-project-anywhere-x")
    assert "no-such-project-anywhere-x" in caught.value.message
    assert not said.notes


def test_offline_tries_no_other_index(world: World) -> None:
    one, two, _, resolve = world
    one.hangs = True
    with pytest.raises(EnvtoolError) as caught:
        resolve("http://127.0.0.1:9/simple", offline=True)
    assert caught.value.code in (ExitCode.NETWORK, ExitCode.FAILED)
    assert not two.requests
