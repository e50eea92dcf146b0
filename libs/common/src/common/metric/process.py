"""What every process counts: the ends of jobs, its doors, and whether its event loop keeps up."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.metric.registry import QUICK, make_registry, render
from common.metric.sweep import SweepMetrics

LAG_LOOK_S = 0.5
LETTER_REASONS = ("attempts_used_up", "max_deliver", "undeliverable")


class Window(StrEnum):
    """How a paid call came to have no answer that is known: it counts as charged."""

    UNANSWERED = "unanswered"  # it was sent, and no answer came
    CLAIMED = "claimed"  # its process was gone when the step was claimed again
    SWEPT = "swept"  # its process was gone, and nobody will claim the step


@dataclass(frozen=True, slots=True)
class PoolSize:
    """Places of a pool now: in all, in use, and who waits for one."""

    max: int
    in_use: int
    waiting: int


class Metrics:
    """The numbers that all services have, and the registry for those of one alone."""

    def __init__(self, service: str) -> None:
        self.registry: CollectorRegistry = make_registry(service)
        registry = self.registry
        self._ended = Counter(
            "creatorscout_jobs_ended",
            "Jobs that this process ended, counted after the commit",
            ["platform", "status", "stop_reason"],
            registry=registry,
        )
        self._unknown = Counter(
            "creatorscout_calls_unknown",
            "Paid calls whose answer is not known, counted as charged",
            ["window"],
            registry=registry,
        )
        self._letters = Counter("creatorscout_dead_letters", "Steps that were given up", ["reason"], registry=registry)
        self._published = Histogram(
            "creatorscout_qstash_publish_seconds",
            "Until QStash took a step, or was given up",
            ["outcome"],
            buckets=QUICK,
            registry=registry,
        )
        self._pool_wait = Histogram(
            "creatorscout_pool_wait_seconds",
            "Until a connection to Postgres was free",
            buckets=QUICK,
            registry=registry,
        )
        self._pool_refused = Counter(
            "creatorscout_pool_refused", "Waits for a connection that ended without one", registry=registry
        )
        self._nats = Counter(
            "creatorscout_nats_changes", "What became of the link to NATS", ["change"], registry=registry
        )
        self._lag = Histogram(
            "creatorscout_event_loop_lag_seconds",
            "How late the event loop came back to who slept",
            buckets=QUICK,
            registry=registry,
        )
        for window in Window:
            self._unknown.labels(window.value)
        for reason in LETTER_REASONS:
            self._letters.labels(reason)
        for outcome in ("published", "unavailable"):
            self._published.labels(outcome)
        for change in ("reconnected", "disconnected", "denied"):
            self._nats.labels(change)

    @cached_property
    def sweep(self) -> SweepMetrics:
        """Only shown by who sweeps: made when it is first asked for."""
        return SweepMetrics(self.registry)

    def count_ended(self, platform: str, status: str, stop_reason: str) -> None:
        """A job ended, and that is committed."""
        self._ended.labels(platform, status, stop_reason).inc()

    def count_unknown(self, window: Window, count: int = 1) -> None:
        self._unknown.labels(window.value).inc(count)

    def count_letter(self, reason: str) -> None:
        """`reason` is one of LETTER_REASONS."""
        self._letters.labels(reason).inc()

    def count_link(self, change: str) -> None:
        """`change`: reconnected, disconnected or denied."""
        self._nats.labels(change).inc()

    @contextmanager
    def publishing(self) -> Generator[None]:
        """Time a publication to QStash; whatever is raised was no publication."""
        began = time.perf_counter()
        outcome = "unavailable"
        try:
            yield
            outcome = "published"
        finally:
            self._published.labels(outcome).observe(time.perf_counter() - began)

    def observe_pool_wait(self, seconds: float) -> None:
        self._pool_wait.observe(seconds)

    def count_pool_refusal(self) -> None:
        self._pool_refused.inc()

    def show_pool(self, look: Callable[[], PoolSize]) -> None:
        """Ask `look` whenever Prometheus does."""
        for name, what in (("max", "there are"), ("in_use", "are in use"), ("waiting", "are waited for")):
            gauge = Gauge(f"creatorscout_pool_{name}", f"Connections to Postgres that {what}", registry=self.registry)
            gauge.set_function(lambda name=name: getattr(look(), name))

    def show_link(self, is_connected: Callable[[], bool]) -> None:
        """Ask whenever Prometheus does."""
        gauge = Gauge("creatorscout_nats_connected", "Whether NATS is connected", registry=self.registry)
        gauge.set_function(lambda: float(is_connected()))

    async def watch_loop(self) -> None:
        """For ever: how late the event loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_LOOK_S
            await asyncio.sleep(LAG_LOOK_S)
            self._lag.observe(max(loop.time() - due, 0.0))

    def render(self) -> bytes:
        return render(self.registry)
