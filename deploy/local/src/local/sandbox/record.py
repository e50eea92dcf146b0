"""What the sandbox was asked and what it charged, so that a test can prove that nothing was bought twice.

Rule: a call is written down when it arrives, whatever becomes of it.
"""

import time
from collections import Counter
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from local.sandbox.answer import Params


@dataclass(slots=True, eq=False)
class Call:
    number: int
    at: float  # unix seconds
    method: str
    path: str
    query: str  # parameters sorted by name
    status: int | None = None  # None while in flight, 0 for a connection closed without an answer
    credits: int = 0
    cached: bool = False
    fault: str | None = None
    ms: int | None = None

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class Record:
    """Every call since the last reset."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.calls: list[Call] = []
        self._in_flight: set[Call] = set()
        self._in_flight_max = 0

    def open(self, method: str, path: str, params: Params) -> Call:
        call = Call(len(self.calls) + 1, time.time(), method, path, urlencode(sorted(params.items())))
        self.calls.append(call)
        self._in_flight.add(call)
        self._in_flight_max = max(self._in_flight_max, len(self._in_flight))
        return call

    def close(self, call: Call, status: int) -> None:
        call.status = status
        call.ms = round((time.time() - call.at) * 1000)
        self._in_flight.discard(call)

    def told(self, path: str | None) -> dict[str, object]:
        """Counters and calls, of one path or of all; `paid` counts only calls that cost credits."""
        calls = [call for call in self.calls if path is None or call.path == path]
        paid = [call for call in calls if call.credits]
        return {
            **_counted(calls),
            "paid": _counted(paid),
            "credits": sum(call.credits for call in calls),
            "statuses": dict(Counter(str(call.status) for call in calls)),
            "in_flight": len(self._in_flight),
            "in_flight_max": self._in_flight_max,
            "calls": [asdict(call) for call in calls],
        }


def _counted(calls: list[Call]) -> dict[str, object]:
    """`duplicates` is how many calls went to a URL that had been called before."""
    counts = Counter(call.url for call in calls)
    return {
        "total": len(calls),
        "distinct": len(counts),
        "duplicates": len(calls) - len(counts),
        "repeated": {url: count for url, count in counts.items() if count > 1},
    }
