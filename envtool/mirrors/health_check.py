"""Health check of one mirror: the requests that a client makes, and what the answers show.

Some sites refuse a user agent, some redirect what they lack, some answer everything with a page of their own.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

from envtool import index_page
from envtool.http.client import HttpClient, Response
from envtool.http.errors import RequestError
from envtool.http.settings import Limits
from envtool.i18n import tr
from envtool.index_page import File
from envtool.mirrors.sync_status import last_success

Purpose = Literal["conda", "pip", "torch"]
Status = Literal[
    "ok", "elsewhere", "missing", "blocked", "wrong", "truncated", "certificate", "timeout", "down", "proxy"
]

_SAMPLE = 512 * 1024  # bytes: enough to tell 1 MB/s from 10 MB/s, and little load on a mirror
_PROJECT = "pip"  # its page is small and on every mirror, and it is released every quarter
_PACKAGE = re.compile(rb'"([\w.+!~]+(?:-[\w.+!~]+){2,}\.(?:conda|tar\.bz2))"\s*:')


@dataclass(frozen=True)
class Question:
    """What to check: ``url`` is a channel with its subdir, an index, or an index or page of torch wheels.

    ``wheel`` (torch) is the version and build that must be there, such as ``2.13.0+cu128``; ``""`` for any.
    """

    mirror: str
    purpose: Purpose
    url: str
    flat: bool = False  # torch: a flat page instead of an index
    wheel: str = ""
    relays: bool = False  # its files may come from another host, as those of an upstream do
    status: str = ""  # the page on which the site says when it last synchronized


@dataclass(frozen=True)
class Findings:
    """What the answers of a mirror show. ``modified`` and ``synced`` are in seconds since 1970."""

    status: Status
    detail: str
    answers: tuple[Response, ...]
    modified: float | None
    synced: float | None


def check(question: Question, client: HttpClient, deadline: float) -> Findings:
    """Check one mirror until ``deadline`` (a ``time.monotonic`` moment).

    Raises RequestError where the request failed, FaultError where the answer is of no use to the client.
    """
    asker = _Asker(question, client, deadline)
    answers, modified = {"conda": _conda, "pip": _pip, "torch": _torch}[question.purpose](asker)
    return Findings(*asker.verdict(), tuple(answers), modified, asker.synced())


class FaultError(Exception):
    """An answer that is of no use to the client."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status: Status = status


class _Asker:
    """One mirror, and requests to it like those of a client."""

    def __init__(self, question: Question, client: HttpClient, deadline: float) -> None:
        self.question, self._client, self._deadline = question, client, deadline
        self.elsewhere = ""  # the host of another operator that an answer came from

    def page(self, url: str, accept: str = "*/*") -> Response:
        """Return a whole page. Raises RequestError, or FaultError where the answer is of no use to the client."""
        return self._useful(url, lambda limits: self._client.get(url, accept=accept, limits=limits))

    def sample(self, url: str) -> Response:
        """Return the beginning of a file. Raises as :meth:`page` does."""
        return self._useful(url, lambda limits: self._client.sample(url, _SAMPLE, limits=limits))

    def _useful(self, url: str, asked: Callable[[Limits], Response]) -> Response:
        try:
            answer = asked(Limits().within(self._deadline - time.monotonic()))
        except RequestError as error:
            if error.status in (403, 418, 429, 451):
                raise FaultError(
                    "blocked", tr("the site refuses the request: HTTP {status}", status=error.status)
                ) from None
            if error.kind == "missing":
                raise FaultError("missing", tr("the site does not have {url}", url=url)) from None
            if error.kind == "truncated":
                raise FaultError("truncated", tr("the connection ended before the end of {url}", url=url)) from None
            raise
        self.note(url, answer.url)
        return answer

    def note(self, asked: str, answering: str) -> None:
        """Remember that an answer comes from another operator's host."""
        if _operator(asked) != _operator(answering) and not self.question.relays:
            self.elsewhere = urlsplit(answering).hostname or ""

    def synced(self) -> float | None:
        """Return when the site says it last synchronized; a fault of its status page is no fault of the mirror."""
        seconds = min(self._deadline - 0.3 - time.monotonic(), 1.5)
        if not self.question.status or seconds <= 0:
            return None
        try:
            answer = self._client.get(self.question.status, limits=Limits().within(seconds))
        except RequestError:
            return None
        return last_success(answer.body, self.question.purpose)

    def verdict(self) -> tuple[Status, str]:
        """Return whether it was the mirror itself that answered."""
        if self.elsewhere:
            return "elsewhere", tr("the site redirects to {site}", site=self.elsewhere)
        return "ok", ""


_Seen = tuple[list[Response], float | None]


def _conda(asker: _Asker) -> _Seen:
    """Request a channel's repodata and one package that it lists."""
    base = asker.question.url.rstrip("/")
    data = asker.sample(f"{base}/repodata.json")
    if not data.body.lstrip().startswith(b"{"):
        raise FaultError("wrong", tr("the answer is not repodata (a login page?)"))
    answers = [data]
    if names := _PACKAGE.findall(data.body):
        answers.append(_one_package(asker, base, [name.decode() for name in names]))
    return answers, _last_modified(data)


def _one_package(asker: _Asker, base: str, names: Sequence[str]) -> Response:
    # some sites have no .tar.bz2 of a package that has a .conda
    name = next((name for name in names if name.endswith(".conda")), names[0])
    other = name.removesuffix(".tar.bz2") + ".conda"
    try:
        return asker.sample(f"{base}/{name}")
    except FaultError as no:
        if no.status != "missing" or other == name or not name.endswith(".tar.bz2"):
            raise
        return asker.sample(f"{base}/{other}")


def _pip(asker: _Asker) -> _Seen:
    """Request a project's page and the start of its newest wheel."""
    url = f"{asker.question.url.rstrip('/')}/{_PROJECT}/"
    page = asker.page(url, index_page.ACCEPT)
    wheels = _wheels(page)
    if not wheels:
        raise FaultError("wrong", tr("the answer is not a project page (a login page?)"))
    asker.note(url, wheels[-1].url)
    wheel = asker.sample(wheels[-1].url)
    if not wheel.body.startswith(b"PK"):
        raise FaultError("wrong", tr("the answer is not a wheel"))
    uploaded = [_moment(file.upload_time) for file in wheels]
    modified = max((moment for moment in uploaded if moment), default=None) or _last_modified(page)
    return [page, wheel], modified


def _torch(asker: _Asker) -> _Seen:
    """Request the torch page and the start of the requested wheel on it, wherever its link leads."""
    question = asker.question
    url = question.url.rstrip("/") + ("/" if question.flat else "/torch/")
    page = asker.page(url)
    start = f"torch-{question.wheel}-" if question.wheel else "torch-"
    wanted = [file for file in _wheels(page) if file.filename.startswith(start)]
    if not wanted:
        raise FaultError("missing", tr("the site has no torch {wheel}", wheel=question.wheel))
    asker.note(url, wanted[-1].url)
    wheel = asker.sample(wanted[-1].url)
    return [page, wheel], _last_modified(page)


def _wheels(page: Response) -> list[File]:
    """Return the wheels that a page offers; a page that cannot be parsed offers none."""
    try:
        files = index_page.parse(page.text, page.content_type, page.url)
    except ValueError:
        return []
    return [file for file in files if file.filename.endswith(".whl")]


def _last_modified(answer: Response) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None


def _moment(text: str) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _operator(url: str) -> str:
    """Return the part of a URL's host name that identifies its operator: ``tsinghua.edu.cn``, ``pytorch.org``."""
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if labels[-1].isdecimal():
        return host
    long = len(labels) > 2 and labels[-1] == "cn" and labels[-2] in ("edu", "com", "ac", "org", "net")
    return ".".join(labels[-3:] if long else labels[-2:])
