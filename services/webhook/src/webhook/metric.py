"""The webhook's numbers for Prometheus. Labels are constants of ours, never input."""

from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The numbers of one process; `registry` also holds what other parts of the process count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
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
            "webhook_request_seconds", "Time to answer QStash", ["route"], buckets=_BUCKETS, registry=registry
        )
        self._publish_seconds = Histogram(
            "webhook_publish_seconds", "Time until the stream has a step", buckets=_BUCKETS, registry=registry
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
        return generate_latest(self._registry)
