"""Many mirrors checked at once, each within the same limit, and ranked: works, then fresh, then fast."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from envtool.http.client import Client
from envtool.http.errors import ErrorKind, RequestError
from envtool.http.settings import HttpSettings
from envtool.i18n import tr
from envtool.mirrors import user_agents
from envtool.mirrors.health_check import FaultError, Purpose, Question, Status, look
from envtool.paths import Host

LIMIT = 5.0  # seconds that one mirror is given for everything
STALE = 2 * 86400.0  # seconds behind the freshest that count as stale: two missed nightly runs
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


def ask(
    host: Host,
    questions: Sequence[Question],
    *,
    limit: float = LIMIT,
    settings: Mapping[Purpose, HttpSettings] | None = None,
) -> Iterator[Result]:
    """Check all mirrors at once and yield each result as it comes, all of them within ``limit`` seconds.

    ``settings`` say how the client of each purpose reaches the network; by default by the environment alone.
    """
    found: queue.Queue[Result] = queue.Queue()
    settings = settings or {}
    agents = {purpose: _agent(host, purpose) for purpose in {question.purpose for question in questions}}
    # made before the clock starts: what they import takes longer than a near mirror's answer
    clients = [Client(host, settings.get(q.purpose), agent=agents[q.purpose]) for q in questions]
    deadline = time.monotonic() + limit
    for question, client in zip(questions, clients, strict=True):
        # daemon threads: a name server that hangs cannot be interrupted, and must not keep the command from ending
        threading.Thread(target=_answer, args=(question, client, deadline, found.put), daemon=True).start()
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


def _agent(host: Host, purpose: Purpose) -> str:
    """Return the user agent of the client that a mirror is checked for: some mirrors refuse one of them."""
    return user_agents.conda(host) if purpose == "conda" else user_agents.pip(host)


def _answer(question: Question, client: Client, deadline: float, done: Callable[[Result], None]) -> None:
    result = Result(question.mirror, question.purpose, question.url, "down")
    try:
        found = look(question, client, deadline)
    except RequestError as error:
        statuses: dict[ErrorKind, Status] = {"timeout": "timeout", "certificate": "certificate"}
        done(replace(result, status=statuses.get(error.kind, "down"), detail=str(error)))
    except FaultError as fault:
        done(replace(result, status=fault.status, detail=str(fault)))
    else:
        done(
            replace(
                result,
                status=found.status,
                detail=found.detail,
                latency=min(answer.seconds for answer in found.answers),
                rate=max(answer.rate for answer in found.answers),
                modified=found.modified,
                synced=found.synced,
            )
        )
