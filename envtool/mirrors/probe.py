"""Does a mirror serve what a client will ask it for, is it the mirror that answers, how fresh and how fast is it?

Every mirror is asked at once, each within the same limit, with the client's own User-Agent and for the client's own
files: some sites refuse by User-Agent, some redirect what they lack, some answer everything with a login page.
"""

import queue
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Literal
from urllib.parse import urljoin, urlsplit

from envtool.mirrors.fetch import Answer, Fetcher, NoAnswerError, trust
from envtool.mirrors.status import last_success
from envtool.paths import Host
from envtool.words import tr

Purpose = Literal["conda", "pip", "torch"]
Status = Literal["ok", "elsewhere", "missing", "blocked", "wrong", "truncated", "certificate", "timeout", "down"]

LIMIT = 5.0  # seconds that one mirror is given for everything
STALE = 2 * 86400.0  # seconds behind the freshest that count as stale: two missed nightly runs
_SAMPLE = 512 * 1024  # bytes: enough to tell 1 MB/s from 10 within the limit, little enough to be polite
_PROJECT = "pip"  # a small page, there on every mirror, released every quarter
_ORDER: tuple[Status, ...] = (
    "ok",
    "elsewhere",
    "missing",
    "truncated",
    "wrong",
    "blocked",
    "certificate",
    "timeout",
    "down",
)
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
    status: str = ""  # the page where the site says when it last synchronised


@dataclass(frozen=True)
class Result:
    """What was found. ``latency`` in seconds, ``rate`` in bytes per second, ``modified`` in seconds since 1970.

    ``behind`` is by how many seconds its data are older than the freshest seen in the same run, or than now by what
    the site says of its last synchronisation (``synced``), whichever is more; None where neither is known.
    """

    mirror: str
    purpose: Purpose
    url: str
    status: Status
    detail: str = ""
    latency: float | None = None
    rate: float = 0.0
    modified: float | None = None
    synced: float | None = None
    behind: float | None = None

    @property
    def stale(self) -> bool:
        """Whether its data are too old to be trusted."""
        return self.behind is not None and self.behind > STALE


def ask(host: Host, questions: Sequence[Question], *, limit: float = LIMIT, certificate: str = "") -> Iterator[Result]:
    """Ask all mirrors at once and yield what is found as it comes; the whole takes ``limit`` seconds at most."""
    found: queue.Queue[Result] = queue.Queue()
    context = trust(host, certificate)
    deadline = time.monotonic() + limit
    for question in questions:
        # daemon threads: a name server that hangs cannot be interrupted, and must not keep the command from ending
        work = (host, question, deadline, context, found.put)
        threading.Thread(target=_answer, args=work, daemon=True).start()
    waiting = {(question.mirror, question.purpose, question.url): question for question in questions}
    while waiting:
        try:
            result = found.get(timeout=max(0.01, deadline + 0.1 - time.monotonic()))
        except queue.Empty:
            for question in waiting.values():
                yield _late(question, limit)
            return
        waiting.pop((result.mirror, result.purpose, result.url), None)
        yield result


def ranked(results: Sequence[Result]) -> tuple[Result, ...]:
    """Return results best first: it works, it is fresh, then by speed. ``behind`` is filled in."""
    now = time.time()
    newest = {
        purpose: max((r.modified or 0.0 for r in results if r.purpose == purpose and r.status == "ok"), default=0.0)
        for purpose in {result.purpose for result in results}
    }
    return tuple(sorted((_dated(result, newest[result.purpose], now) for result in results), key=_rank))


def _dated(result: Result, newest: float, now: float) -> Result:
    ages = [] if result.modified is None else [max(0.0, newest - result.modified)]
    ages += [] if result.synced is None else [max(0.0, now - result.synced)]
    return replace(result, behind=max(ages, default=None))


def _rank(result: Result) -> tuple[int, bool, float, float]:
    return (_ORDER.index(result.status), result.stale, -result.rate, result.latency or 1e9)


def _late(question: Question, limit: float) -> Result:
    detail = tr("no answer within {limit:g} s", limit=limit)
    return Result(question.mirror, question.purpose, question.url, "timeout", detail)


def _answer(
    host: Host, question: Question, deadline: float, context: ssl.SSLContext, done: Callable[[Result], None]
) -> None:
    look = {"conda": _conda, "pip": _pip, "torch": _torch}[question.purpose]
    asker = _Asker(host, question, deadline, context)
    try:
        status, detail, answers, modified = look(asker)
    except NoAnswerError as error:
        kinds: dict[str, Status] = {"timeout": "timeout", "certificate": "certificate"}
        done(Result(question.mirror, question.purpose, question.url, kinds.get(error.kind, "down"), str(error)))
        return
    except _NoError as no:
        done(Result(question.mirror, question.purpose, question.url, no.status, str(no)))
        return
    latency = min(answer.seconds for answer in answers)
    rate = max(answer.rate for answer in answers)
    synced = asker.synced()
    done(Result(question.mirror, question.purpose, question.url, status, detail, latency, rate, modified, synced))


class _NoError(Exception):
    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status: Status = status


class _Asker:
    """One mirror, asked as a client would ask it."""

    def __init__(self, host: Host, question: Question, deadline: float, context: ssl.SSLContext) -> None:
        from envtool.mirrors import agents

        agent = agents.conda(host) if question.purpose == "conda" else agents.pip(host)
        self.question, self._deadline = question, deadline
        self._fetcher = Fetcher(host, agent, context)
        self.elsewhere = ""  # another site that answers had come from

    def get(self, url: str, *, first: int = 0, accept: str = "*/*") -> Answer:
        """Return an answer of status 200 or 206. Raises for what is refused, missing, or cut off."""
        answer = self._fetcher.get(url, self._deadline, first=first, accept=accept)
        if answer.status in (403, 418, 429, 451):
            raise _NoError("blocked", tr("it refuses: HTTP {status}", status=answer.status))
        if answer.status in (404, 410):
            raise _NoError("missing", tr("it does not have {url}", url=url))
        if answer.status not in (200, 206):
            raise _NoError("down", tr("HTTP {status}", status=answer.status))
        if answer.truncated:
            raise _NoError("truncated", tr("the connection ended in the middle of {url}", url=url))
        if urlsplit(answer.url).hostname != urlsplit(url).hostname:
            self.elsewhere = urlsplit(answer.url).hostname or ""
        return answer

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


_Found = tuple[Status, str, list[Answer], float | None]


def _conda(asker: _Asker) -> _Found:
    """Ask for a channel's repodata and for one package that it lists."""
    base = asker.question.url.rstrip("/")
    data = asker.get(f"{base}/repodata.json", first=_SAMPLE)
    if not data.body.lstrip().startswith(b"{"):
        raise _NoError("wrong", tr("what it sends is not repodata (a login page?)"))
    answers = [data]
    if names := _PACKAGE.findall(data.body):
        answers.append(_one_package(asker, base, [name.decode() for name in names]))
    return (*asker.verdict(), answers, _last_modified(data))


def _one_package(asker: _Asker, base: str, names: Sequence[str]) -> Answer:
    # some sites keep no .tar.bz2 where there is a .conda of the same name
    name = next((name for name in names if name.endswith(".conda")), names[0])
    other = name.removesuffix(".tar.bz2") + ".conda"
    try:
        return asker.get(f"{base}/{name}", first=_SAMPLE)
    except _NoError as no:
        if no.status != "missing" or other == name or not name.endswith(".tar.bz2"):
            raise
        return asker.get(f"{base}/{other}", first=_SAMPLE)


def _pip(asker: _Asker) -> _Found:
    """Ask for a project's page and for the start of its newest wheel."""
    url = f"{asker.question.url.rstrip('/')}/{_PROJECT}/"
    page = asker.get(url, accept=f"{_JSON_PAGE}, text/html;q=0.1")
    text = page.body.decode("utf-8", "replace")
    links = _wheels(page, text)
    if not links:
        raise _NoError("wrong", tr("what it sends is not a project page (a login page?)"))
    wheel = asker.get(links[-1], first=_SAMPLE)
    if not wheel.body.startswith(b"PK"):
        raise _NoError("wrong", tr("what it sends is not a wheel"))
    uploaded = [_moment(moment) for moment in _UPLOADED.findall(text)]
    modified = max((moment for moment in uploaded if moment), default=None) or _last_modified(page)
    return (*asker.verdict(), [page, wheel], modified)


def _torch(asker: _Asker) -> _Found:
    """Ask for the torch page, the exact wheel on it, and the start of that wheel from wherever its link points."""
    question = asker.question
    url = question.url.rstrip("/") + ("/" if question.flat else "/torch/")
    page = asker.get(url)
    links = [link for link in _wheels(page, page.body.decode("utf-8", "replace")) if "/torch-" in link]
    wanted = [link for link in links if not question.wheel or f"/torch-{question.wheel}-" in link.replace("%2B", "+")]
    if not wanted:
        raise _NoError("missing", tr("it has no torch {wheel}", wheel=question.wheel))
    if urlsplit(wanted[-1]).hostname != urlsplit(url).hostname:
        asker.elsewhere = urlsplit(wanted[-1]).hostname or ""
    wheel = asker.get(wanted[-1], first=_SAMPLE)
    return (*asker.verdict(), [page, wheel], _last_modified(page))


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
