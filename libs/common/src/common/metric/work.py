"""What a platform's worker counts: steps, calls of the upstream, credits, pauses."""

from collections.abc import Callable
from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram

from common.metric.process import Metrics, Window
from common.metric.registry import SLOW


class Result(StrEnum):
    """What came of a call of the upstream. What the upstream answered is its status class by another name."""

    OK = "ok"  # a 200 that was handed on
    RATE_LIMITED = "rate_limited"  # 429
    OUT_OF_CREDITS = "out_of_credits"  # 402
    KEY_REFUSED = "key_refused"  # 401
    NOT_FOUND = "not_found"  # 404, or a 200 that says so
    REFUSED = "refused"  # any other 4xx
    FAILED = "failed"  # 5xx
    UNREADABLE = "unreadable"  # no HTTP body that can be decoded
    UNREACHABLE = "unreachable"  # never sent
    UNANSWERED = "unanswered"  # sent, and no answer came


# What a worker's turn can end with; what is none of them is shown as "other".
STEP_REASONS = frozenset(
    {
        "performed",
        "search_ended",
        "not_active",
        "overdue",
        "done",
        "held_back",
        "unknown_step",
        "old_generation",
        "held_by_another_message",
        "attempts_used_up",
        "held",
        "raced",
        "paused",
        "stopped",
        "minute",
        "call_limit",
        "credit_limit",
        "quota",
        "postponed",
        "broken",
        "fenced",
        "shutdown",
        "unreadable",
    }
)


class WorkMetrics:
    """What a platform's worker counts."""

    def __init__(self, metrics: Metrics, platform: str) -> None:
        self._metrics = metrics
        self._platform = platform
        registry = metrics.registry
        self._steps = Counter(
            "creatorscout_steps",
            "Deliveries of steps by what became of them",
            ["platform", "answer", "reason"],
            registry=registry,
        )
        self._step_seconds = Histogram(
            "creatorscout_step_seconds",
            "From taking a step's message to answering it",
            ["platform", "answer"],
            buckets=SLOW,
            registry=registry,
        )
        self._calls = Counter(
            "creatorscout_upstream_calls",
            "Calls of the upstream by what came of them",
            ["platform", "endpoint", "result"],
            registry=registry,
        )
        self._call_seconds = Histogram(
            "creatorscout_upstream_call_seconds",
            "From sending a call to its whole answer, or to giving it up",
            ["platform", "endpoint"],
            buckets=SLOW,
            registry=registry,
        )
        self._credits = Counter(
            "creatorscout_credits_spent",
            "Credits that the upstream charged",
            ["platform", "endpoint"],
            registry=registry,
        )
        self._useless = Counter(
            "creatorscout_answers_useless",
            "Paid answers that say that there is nothing, or cannot be read",
            ["platform", "result"],
            registry=registry,
        )
        self._pauses = Counter(
            "creatorscout_platform_pauses",
            "Answers of the upstream that made the platform wait",
            ["platform", "reason"],
            registry=registry,
        )
        for result in (Result.NOT_FOUND, Result.UNREADABLE):
            self._useless.labels(platform, result.value)
        for reason in ("performed", "postponed", "broken"):
            # What is there from the start is seen to rise from 0.
            self._steps.labels(platform, "ack" if reason == "performed" else "nak", reason)
        in_hand = Gauge("creatorscout_steps_in_hand", "Steps being performed", ["platform"], registry=registry)
        slots = Gauge("creatorscout_step_slots", "Steps that may be in hand now", ["platform"], registry=registry)
        self._in_hand, self._slots = in_hand.labels(platform), slots.labels(platform)

    def count_step(self, *, answer: str, reason: str, seconds: float) -> None:
        known = reason if reason in STEP_REASONS else "other"
        self._steps.labels(self._platform, answer, known).inc()
        self._step_seconds.labels(self._platform, answer).observe(seconds)

    def count_call(self, *, endpoint: str, result: Result, seconds: float, credits_charged: int) -> None:
        """`endpoint` is a kind of search of the platform's table, or profile."""
        self._calls.labels(self._platform, endpoint, result.value).inc()
        self._call_seconds.labels(self._platform, endpoint).observe(seconds)
        if credits_charged:
            self._credits.labels(self._platform, endpoint).inc(credits_charged)
        if result is Result.UNREADABLE:
            self.count_useless(result)
        if result is Result.UNANSWERED:
            self._metrics.count_unknown(Window.UNANSWERED)

    def count_useless(self, result: Result) -> None:
        """An answer that was paid for and tells nothing: not_found or unreadable."""
        self._useless.labels(self._platform, result.value).inc()

    def count_pause(self, reason: str) -> None:
        self._pauses.labels(self._platform, reason).inc()

    def show_slots(self, count: int) -> None:
        """How many steps this process may have in hand now; 0: the platform waits."""
        self._slots.set(count)

    def show_hand(self, look: Callable[[], int]) -> None:
        """Ask `look` whenever Prometheus does how many there are."""
        self._in_hand.set_function(look)
