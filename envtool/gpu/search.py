"""Search for a wheel of a torch build: sources in order, and the outcome of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from packaging.tags import Tag

from envtool.gpu.builds import Candidate, table
from envtool.gpu.index_client import IndexClient
from envtool.gpu.wheels import Wheel, build_of, tags_of, wheels_of
from envtool.http.errors import RequestError
from envtool.i18n import tr
from envtool.index_page import local_path

PROJECT = "torch"


@dataclass(frozen=True)
class WheelSource:
    """One place to look for wheels. ``name`` is for people and holds no login.

    ``url`` is the root of an ``index``, with the project's page below it, or the page or folder of ``find-links``, with
    the wheels themselves. ``build`` is the only build that the source has, ``""`` where it may have any.
    """

    kind: Literal["index", "find-links"]
    url: str
    name: str
    build: str = ""

    @property
    def page(self) -> str:
        """The page or folder that lists the wheels of torch."""
        return f"{self.url.rstrip('/')}/{PROJECT}/" if self.kind == "index" else self.url

    @property
    def is_handpicked(self) -> bool:
        """Whether the user chose these wheels: a folder or a flat page of find-links."""
        return self.kind == "find-links" and not self.build


@dataclass(frozen=True)
class Found:
    """A wheel of a candidate, the Python (``3.12``) that it is for, and the source that has it."""

    candidate: Candidate
    wheel: Wheel
    python: str
    source: WheelSource

    @property
    def requirement(self) -> str:
        """The requirement that makes an installer take this build and no other.

        A version without a label needs three equals signs: with two, any label would match as well.
        """
        equals = "==" if self.wheel.version.local else "==="
        return f"{PROJECT}{equals}{self.wheel.version}"


@dataclass
class Search:
    """One search, and what it has found out so far. ``pythons`` are in order of preference."""

    indexes: IndexClient
    pythons: Sequence[str]
    platforms: Sequence[str]
    machine: str
    outcomes: dict[str, str] = field(default_factory=dict)  # source's name -> what it has, or why it is unknown
    failed_proxies: dict[str, str] = field(default_factory=dict)  # source's name -> why the proxy before it failed
    _pages: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)
    _builds: dict[str, str] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)
    _tags: dict[str, frozenset[Tag]] = field(default_factory=dict)

    def best(self, candidates: Sequence[Candidate], sources: Sequence[WheelSource]) -> Found | None:
        """Return the best candidate that some source has, None where none has any.

        Handpicked wheels win over newer ones elsewhere: the user chose them for a reason. Otherwise the first candidate
        that any source has is taken, from the first source that has it.
        """
        handpicked = [source for source in sources if source.is_handpicked]
        for source in handpicked:
            for candidate in candidates:
                if found := self.find(candidate, source):
                    return found
        for candidate in candidates:
            for source in sources:
                if source not in handpicked and (found := self.find(candidate, source)):
                    return found
        return None

    def find(self, candidate: Candidate, source: WheelSource) -> Found | None:
        """Return a source's wheel of a candidate for the most preferred Python, or None where it has none."""
        if source.build not in ("", candidate.build):
            return None
        for wheel, python in self._fitting(candidate.torch, source):
            if self._is_build(wheel, candidate):
                self.outcomes[source.name] = tr("has torch {candidate}", candidate=candidate)
                return Found(candidate, wheel, python, source)
        return None

    def default_wheel(self, releases: Sequence[str], sources: Sequence[WheelSource]) -> Found | None:
        """Return the newest wheel without a label, whatever its build: the one that an installer takes by default."""
        for release in releases:
            for source in sources:
                for wheel, python in self._fitting(release, source) if not source.build else ():
                    if not wheel.version.local:
                        return Found(Candidate(release, self.unlabelled(wheel)), wheel, python, source)
        return None

    def _fitting(self, release: str, source: WheelSource) -> Iterator[tuple[Wheel, str]]:
        wheels = [wheel for wheel in self._wheels(source) if wheel.version.public == release]
        for python in self.pythons:
            for wheel in wheels:
                if wheel.fits(python, self._accepted(python)):
                    yield wheel, python

    def _wheels(self, source: WheelSource) -> tuple[Wheel, ...]:
        """Return every torch wheel of a source. Each page is read once; an unreachable site is not tried again."""
        if source.page not in self._pages:
            self._pages[source.page] = () if source.name in self._unreachable else self._ask(source)
        return self._pages[source.page]

    def _ask(self, source: WheelSource) -> tuple[Wheel, ...]:
        wheels: tuple[Wheel, ...] = ()
        try:
            wheels = wheels_of(PROJECT, self.indexes.files(source.page))
            outcome = tr("has no torch that fits") if wheels else tr("has no torch")
        except RequestError as error:
            outcome = tr("has no torch") if error.kind == "missing" and source.kind == "index" else str(error)
            if error.is_unreachable:
                self._unreachable.add(source.name)
            if error.kind == "proxy":
                self.failed_proxies[source.name] = str(error)
        except ValueError:
            outcome = tr("the page cannot be read")
        self.outcomes.setdefault(source.name, outcome)
        return wheels

    def _is_build(self, wheel: Wheel, candidate: Candidate) -> bool:
        if wheel.version.local:
            return wheel.version.local == candidate.build
        # The default index's wheels have no label. The table rules most of them out; then the wheel itself decides.
        expected = table().unlabelled.get(candidate.torch) if self.machine == "x86_64" else None
        if local_path(wheel.url) is None and expected not in (None, candidate.build):
            return False
        return self.unlabelled(wheel) == candidate.build

    def unlabelled(self, wheel: Wheel) -> str:
        """Return the build of a wheel without a label by its metadata, or ``""`` where that cannot be read."""
        if wheel.url not in self._builds:
            try:
                self._builds[wheel.url] = build_of(self.indexes.metadata(wheel), self.machine)
            except RequestError:
                self._builds[wheel.url] = ""
        return self._builds[wheel.url]

    def _accepted(self, python: str) -> frozenset[Tag]:
        if python not in self._tags:
            self._tags[python] = tags_of(python, self.platforms)
        return self._tags[python]
