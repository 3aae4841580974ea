"""Status pages of mirror sites, in the formats of tunasync and MirrorZ: when a site last synchronized."""

import re
from collections.abc import Mapping

from envtool.documents import parse_json

_NAMES = {"pip": ("pypi",), "conda": ("anaconda", "conda")}
# MirrorZ: letters with Unix times. S: last success; O: last success, where it now syncs or has failed.
_MIRRORZ = re.compile(r"[SO](\d{9,11})")


def last_success(body: bytes, purpose: str) -> float | None:
    """Return when a site last synchronized successfully (seconds since 1970), or None where it does not say."""
    try:
        data = parse_json(body)
    except ValueError:
        return None
    jobs = data.get("mirrors", []) if isinstance(data, dict) else data
    found = [_moment(job) for job in jobs if isinstance(job, dict) and _name(job) in _NAMES.get(purpose, ())]
    return max((moment for moment in found if moment), default=None)


def _name(job: Mapping[str, object]) -> str:
    return str(job.get("cname") or job.get("name") or "").lower()


def _moment(job: Mapping[str, object]) -> float | None:
    if match := _MIRRORZ.search(str(job.get("status", ""))):
        return float(match[1])
    moment = job.get("last_update_ts")
    return float(moment) if isinstance(moment, (int, float)) and moment > 0 else None
