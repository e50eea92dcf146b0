"""The webhook's numbers for Prometheus. Labels are constants of ours, never input."""

from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from common.metric.process import Metrics as Shared
from common.metric.registry import QUICK


class Metrics:
    """What only the webhook counts, beside what every process does."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        registry = shared.registry
        self._deliveries = Counter(
            "webhook_deliveries", "Requests of QStash by what became of them", ["route", "outcome"], registry=registry
        )
        self._signatures = Counter(
            "webhook_signatures",
            "Signatures by the key that made them, or why not believed",
            ["key"],
            registry=registry,
        )
        self._seconds = Histogram(
            "webhook_request_seconds", "Time to answer QStash", ["route"], buckets=QUICK, registry=registry
        )
        self._publish_seconds = Histogram(
            "webhook_publish_seconds", "Time until the stream has a step", buckets=QUICK, registry=registry
        )

    def count_delivery(self, *, route: str, outcome: str, seconds: float) -> None:
        self._deliveries.labels(route, outcome).inc()
        self._seconds.labels(route).observe(seconds)

    def count_signature(self, key: str) -> None:
        """`key` is current, next, or one of the verifier's reasons."""
        self._signatures.labels(key).inc()

    @contextmanager
    def publishing(self) -> Generator[None]:
        """Time a publication, whatever becomes of it."""
        with self._publish_seconds.time():
            yield

    def render(self) -> bytes:
        return self._shared.render()
