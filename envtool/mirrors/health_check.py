"""What a client will ask of a mirror, asked, and what the answers show: the mirror itself, somebody else, a login page.

Some sites refuse by User-Agent, some redirect what they lack, some answer everything with a page of their own.
"""

import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Literal
from urllib.parse import urljoin, urlsplit

from envtool.i18n import tr
from envtool.mirrors.fetch import Answer, Fetcher, NoAnswerError
from envtool.mirrors.sync_status import last_success
from envtool.paths import Host

Purpose = Literal["conda", "pip", "torch"]
Status = Literal["ok", "elsewhere", "missing", "blocked", "wrong", "truncated", "certificate", "timeout", "down"]

_SAMPLE = 512 * 1024  # bytes: enough to tell 1 MB/s from 10 within the limit, little enough to be polite
_PROJECT = "pip"  # a small page, there on every mirror, released every quarter
_JSON_PAGE = "application/vnd.pypi.simple.v1+json"
_LINK = re.compile(r'href\s*=\s*["\']([^"\']+?\.whl)(?=["\'#?])', re.IGNORECASE)  # a + may be written &#43;
_UPLOADED = re.compile(r'"upload-time"\s*:\s*"([^"]+)"')
_PACKAGE = re.compile(rb'"([\w.+!~]+(?:-[\w.+!~]+){2,}\.(?:conda|tar\.bz2))"\s*:')


@dataclass(frozen=True)
class Question:
    """What one mirror is to be asked: ``url`` is a channel's base with subdir, an index, or a page of torch wheels.

    ``wheel`` (torch) is the version and build that must be there, such as ``2.13.0+cu128``; empty for any.
    """

    mirror: str
    purpose: Purpose
    url: str
    flat: bool = False  # torch: a plain listing instead of an index
    wheel: str = ""
    relays: bool = False  # its files may come from another host: that of an upstream do
    status: str = ""  # the page where the site says when it last synchronised


@dataclass(frozen=True)
class Findings:
    """What the answers show. ``modified`` and ``synced`` are in seconds since 1970."""

    status: Status
    detail: str
    answers: tuple[Answer, ...]
    modified: float | None
    synced: float | None


def look(host: Host, question: Question, deadline: float, context: ssl.SSLContext) -> Findings:
    """Ask one mirror. Raises NoAnswerError where nobody answers, FaultError where the answer will not do."""
    asker = _Asker(host, question, deadline, context)
    answers, modified = {"conda": _conda, "pip": _pip, "torch": _torch}[question.purpose](asker)
    return Findings(*asker.verdict(), tuple(answers), modified, asker.synced())


class FaultError(Exception):
    """An answer that is no use to the client."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status: Status = status


class _Asker:
    """One mirror, asked as a client would ask it."""

    def __init__(self, host: Host, question: Question, deadline: float, context: ssl.SSLContext) -> None:
        from envtool.mirrors import user_agents

        agent = user_agents.conda(host) if question.purpose == "conda" else user_agents.pip(host)
        self.question, self._deadline = question, deadline
        self._fetcher = Fetcher(host, agent, context)
        self.elsewhere = ""  # another site that answers had come from

    def get(self, url: str, *, first: int = 0, accept: str = "*/*") -> Answer:
        """Return an answer of status 200 or 206. Raises for what is refused, missing, or cut off."""
        answer = self._fetcher.get(url, self._deadline, first=first, accept=accept)
        if answer.status in (403, 418, 429, 451):
            raise FaultError("blocked", tr("it refuses: HTTP {status}", status=answer.status))
        if answer.status in (404, 410):
            raise FaultError("missing", tr("it does not have {url}", url=url))
        if answer.status not in (200, 206):
            raise FaultError("down", tr("HTTP {status}", status=answer.status))
        if answer.truncated:
            raise FaultError("truncated", tr("the connection ended in the middle of {url}", url=url))
        self.note(url, answer.url)
        return answer

    def note(self, asked: str, answering: str) -> None:
        """Remember that an answer comes from another operator's host."""
        if _operator(asked) != _operator(answering) and not self.question.relays:
            self.elsewhere = urlsplit(answering).hostname or ""

    def synced(self) -> float | None:
        """Return when the site says it last synchronised; a fault of that page is none of the mirror."""
        if not self.question.status:
            return None
        try:
            answer = self._fetcher.get(self.question.status, min(self._deadline - 0.3, time.monotonic() + 1.5))
        except NoAnswerError:
            return None
        return last_success(answer.body, self.question.purpose) if answer.status == 200 else None

    def verdict(self) -> tuple[Status, str]:
        """Return whether it was the mirror itself that answered."""
        if self.elsewhere:
            return "elsewhere", tr("it sends you to {site}", site=self.elsewhere)
        return "ok", ""


_Seen = tuple[list[Answer], float | None]


def _conda(asker: _Asker) -> _Seen:
    """Ask for a channel's repodata and for one package that it lists."""
    base = asker.question.url.rstrip("/")
    data = asker.get(f"{base}/repodata.json", first=_SAMPLE)
    if not data.body.lstrip().startswith(b"{"):
        raise FaultError("wrong", tr("what it sends is not repodata (a login page?)"))
    answers = [data]
    if names := _PACKAGE.findall(data.body):
        answers.append(_one_package(asker, base, [name.decode() for name in names]))
    return answers, _last_modified(data)


def _one_package(asker: _Asker, base: str, names: Sequence[str]) -> Answer:
    # some sites keep no .tar.bz2 where there is a .conda of the same name
    name = next((name for name in names if name.endswith(".conda")), names[0])
    other = name.removesuffix(".tar.bz2") + ".conda"
    try:
        return asker.get(f"{base}/{name}", first=_SAMPLE)
    except FaultError as no:
        if no.status != "missing" or other == name or not name.endswith(".tar.bz2"):
            raise
        return asker.get(f"{base}/{other}", first=_SAMPLE)


def _pip(asker: _Asker) -> _Seen:
    """Ask for a project's page and for the start of its newest wheel."""
    url = f"{asker.question.url.rstrip('/')}/{_PROJECT}/"
    page = asker.get(url, accept=f"{_JSON_PAGE}, text/html;q=0.1")
    text = page.body.decode("utf-8", "replace")
    links = _wheels(page, text)
    if not links:
        raise FaultError("wrong", tr("what it sends is not a project page (a login page?)"))
    asker.note(url, links[-1])
    wheel = asker.get(links[-1], first=_SAMPLE)
    if not wheel.body.startswith(b"PK"):
        raise FaultError("wrong", tr("what it sends is not a wheel"))
    uploaded = [_moment(moment) for moment in _UPLOADED.findall(text)]
    modified = max((moment for moment in uploaded if moment), default=None) or _last_modified(page)
    return [page, wheel], modified


def _torch(asker: _Asker) -> _Seen:
    """Ask for the torch page, the exact wheel on it, and the start of that wheel from wherever its link points."""
    question = asker.question
    url = question.url.rstrip("/") + ("/" if question.flat else "/torch/")
    page = asker.get(url)
    links = [link for link in _wheels(page, page.body.decode("utf-8", "replace")) if "/torch-" in link]
    wanted = [link for link in links if not question.wheel or f"/torch-{question.wheel}-" in link.replace("%2B", "+")]
    if not wanted:
        raise FaultError("missing", tr("it has no torch {wheel}", wheel=question.wheel))
    asker.note(url, wanted[-1])
    wheel = asker.get(wanted[-1], first=_SAMPLE)
    return [page, wheel], _last_modified(page)


def _wheels(page: Answer, text: str) -> list[str]:
    if "json" in page.headers.get("content-type", ""):
        found = re.findall(r'"url"\s*:\s*"([^"]+\.whl)"', text)
    else:
        found = [unescape(link) for link in _LINK.findall(text)]
    return [urljoin(page.url, link) for link in found]


def _last_modified(answer: Answer) -> float | None:
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
    """Return the part of a host's name that names who runs it: ``tsinghua.edu.cn``, ``pytorch.org``."""
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if labels[-1].isdecimal():
        return host
    long = len(labels) > 2 and labels[-1] == "cn" and labels[-2] in ("edu", "com", "ac", "org", "net")
    return ".".join(labels[-3:] if long else labels[-2:])
