"""The gateway's numbers for Prometheus. Labels are bounded: route templates, never paths."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from common.metric.process import Metrics as Shared

UNMATCHED = "unmatched"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What only the gateway counts, beside what every process does."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        registry = shared.registry
        self._requests = Counter(
            "gateway_requests", "Requests answered", ["route", "method", "status_class"], registry=registry
        )
        self._seconds = Histogram(
            "gateway_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS, registry=registry
        )
        self._refused = Counter(
            "gateway_tokens_refused", "Session tokens that were not believed", ["reason"], registry=registry
        )
        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._unpublished = Counter(
            "gateway_jobs_unpublished", "Jobs accepted that the sweep has to publish", registry=registry
        )

        self._streams = Gauge("gateway_event_streams", "Event streams that are open", registry=registry)
        self._events = Counter("gateway_events_sent", "Events sent to who watches a job", registry=registry)

    def count_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        name = method if method in METHODS else "other"
        count, histogram = self._series(route, name, status // 100)
        count.inc()
        histogram.observe(seconds)

    def _series(self, route: str, method: str, status_class: int) -> tuple[Counter, Histogram]:
        """What counts requests of this kind. Kept, because to find it by its labels takes longer than to count."""
        key = (route, method, status_class)
        if key not in self._found:
            self._found[key] = (
                self._requests.labels(route, method, f"{status_class}xx"),
                self._seconds.labels(route),
            )
        return self._found[key]

    def count_refused(self, reason: str) -> None:
        """`reason` is one of the verifier's constants."""
        self._refused.labels(reason).inc()

    def count_unpublished(self) -> None:
        self._unpublished.inc()

    def show_keys(self, look: Callable[[], float]) -> None:
        """Ask `look` for their age whenever Prometheus does."""
        gauge = Gauge(
            "gateway_keys_age_seconds", "Since the issuer's keys were last fetched", registry=self._shared.registry
        )
        gauge.set_function(look)

    def show_streams(self, count: int) -> None:
        self._streams.set(count)

    def count_events(self, count: int) -> None:
        self._events.inc(count)

    def render(self) -> bytes:
        return self._shared.render()
