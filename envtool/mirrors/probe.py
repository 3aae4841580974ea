"""Health checks of many mirrors at once, within one time limit, and their ranking: works, fresh, fast."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from envtool.http.addresses import Family, only_family
from envtool.http.client import HttpClient
from envtool.http.errors import ErrorKind, RequestError
from envtool.http.settings import HttpSettings
from envtool.i18n import tr
from envtool.mirrors import user_agents
from envtool.mirrors.health_check import FaultError, Purpose, Question, Status, check
from envtool.paths import Host

LIMIT = 5.0  # seconds for all requests to one mirror
STALE = 2 * 86400.0  # seconds behind the freshest mirror: two missed nightly runs
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
    "proxy",
)


@dataclass(frozen=True)
class MirrorHealth:
    """The health of a mirror for one purpose.

    ``latency`` is in seconds, ``rate`` in bytes per second, ``modified`` and ``synced`` (when the site says that it
    last synchronized) in seconds since 1970. ``behind`` is the age of its data in seconds, compared with the freshest
    mirror of the same run, or with now by ``synced`` if that is more; None if neither is known. ``only`` is the one
    kind of address that its host name has, where it was resolved here.
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
    only: Family = ""

    @property
    def stale(self) -> bool:
        """Whether its data are too old to be relied on."""
        return self.behind is not None and self.behind > STALE


def check_all(
    host: Host,
    questions: Sequence[Question],
    *,
    limit: float = LIMIT,
    settings: Mapping[Purpose, HttpSettings] | None = None,
) -> Iterator[MirrorHealth]:
    """Check mirrors in parallel and yield each result as it arrives, the last one within ``limit`` seconds.

    ``settings`` are those by which the client of each purpose reaches the network; by default the environment's alone.
    """
    found: queue.Queue[MirrorHealth] = queue.Queue()
    settings = settings or {}
    agents = {purpose: _agent(host, purpose) for purpose in {question.purpose for question in questions}}
    # created before the clock starts: what they import takes longer than a near mirror takes to answer
    clients = [HttpClient(host, settings.get(q.purpose), agent=agents[q.purpose]) for q in questions]
    deadline = time.monotonic() + limit
    for question, client in zip(questions, clients, strict=True):
        # daemon threads: a name lookup that hangs cannot be interrupted, and must not keep the command from ending
        threading.Thread(target=_check, args=(question, client, deadline, found.put), daemon=True).start()
    waiting = {(question.mirror, question.purpose, question.url): question for question in questions}
    while waiting:
        try:
            result = found.get(timeout=max(0.01, deadline + 0.1 - time.monotonic()))
        except queue.Empty:
            for question in waiting.values():
                yield _timed_out(question, limit)
            return
        waiting.pop((result.mirror, result.purpose, result.url), None)
        yield result


def ranked(results: Sequence[MirrorHealth]) -> tuple[MirrorHealth, ...]:
    """Return results with ``behind`` filled in, best first: working ones, fresh ones, then by speed."""
    now = time.time()
    newest = {
        purpose: max((r.modified or 0.0 for r in results if r.purpose == purpose and r.status == "ok"), default=0.0)
        for purpose in {result.purpose for result in results}
    }
    return tuple(sorted((_dated(result, newest[result.purpose], now) for result in results), key=_rank))


def _dated(result: MirrorHealth, newest: float, now: float) -> MirrorHealth:
    ages = [] if result.modified is None else [max(0.0, newest - result.modified)]
    ages += [] if result.synced is None else [max(0.0, now - result.synced)]
    return replace(result, behind=max(ages, default=None))


def _rank(result: MirrorHealth) -> tuple[int, bool, float, float]:
    return (_ORDER.index(result.status), result.stale, -result.rate, result.latency or 1e9)


def _timed_out(question: Question, limit: float) -> MirrorHealth:
    detail = tr("no answer within {limit:g} s", limit=limit)
    return MirrorHealth(question.mirror, question.purpose, question.url, "timeout", detail)


def _agent(host: Host, purpose: Purpose) -> str:
    """Return the user agent of the client that a mirror is checked for: some mirrors refuse certain ones."""
    return user_agents.conda(host) if purpose == "conda" else user_agents.pip(host)


def _check(question: Question, client: HttpClient, deadline: float, done: Callable[[MirrorHealth], None]) -> None:
    result = MirrorHealth(question.mirror, question.purpose, question.url, "down")
    done(_checked(result, question, client, deadline))


def _checked(result: MirrorHealth, question: Question, client: HttpClient, deadline: float) -> MirrorHealth:
    try:
        found = check(question, client, deadline)
    except RequestError as error:
        statuses: dict[ErrorKind, Status] = {"timeout": "timeout", "certificate": "certificate", "proxy": "proxy"}
        only = _family(question, client) if error.kind in ("refused", "connection") else ""
        return replace(result, status=statuses.get(error.kind, "down"), detail=str(error), only=only)
    except FaultError as fault:
        return replace(result, status=fault.status, detail=str(fault))
    return replace(
        result,
        status=found.status,
        detail=found.detail,
        latency=min(answer.seconds for answer in found.answers),
        rate=max(answer.rate for answer in found.answers),
        modified=found.modified,
        synced=found.synced,
        only=_family(question, client),
    )


def _family(question: Question, client: HttpClient) -> Family:
    return only_family(question.url) if client.goes_straight(question.url) else ""
