"""How long, how often and how many: every limit of live events, and the count of the streams that are open."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.metric import Metrics
from gateway.problem import Kind, ProblemError

RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """A stream that is silent for `heartbeat_s` gets a comment; none is older than `lifetime_s`, so that whoever
    watches proves anew who they are. Every `look_s` all watched jobs are looked at, should a hint be lost."""

    heartbeat_s: float = 15.0
    lifetime_s: float = 300.0
    look_s: float = 2.0
    streams_per_user_max: int = 30
    streams_max: int = 1000
    kept_events_max: int = 256  # of each watched job, for all who watch it
    kept_bytes_max: int = 256 * 1024


class Seats:
    """Counts the open streams, in all and of each user. It is only right if `taken` brackets the whole response."""

    def __init__(self, limits: LiveLimits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._by_user: Counter[str] = Counter()

    @contextmanager
    def taken(self, user_id: str) -> Generator[None]:
        """A place for one stream of this user. Raises ProblemError if there is none."""
        if self._by_user[user_id] >= self._limits.streams_per_user_max:
            raise ProblemError(
                Kind.STREAMS,
                f"At most {self._limits.streams_per_user_max} event streams of one user may be open at once.",
                retry_after_s=RETRY_AFTER_S,
            )
        if self._by_user.total() >= self._limits.streams_max:
            raise ProblemError(
                Kind.UNAVAILABLE, "Too many event streams are open just now.", retry_after_s=RETRY_AFTER_S
            )
        self._by_user[user_id] += 1
        self._show()
        try:
            yield
        finally:
            self._by_user[user_id] -= 1
            if not self._by_user[user_id]:
                del self._by_user[user_id]
            self._show()

    def _show(self) -> None:
        self._metrics.show_streams(self._by_user.total())
