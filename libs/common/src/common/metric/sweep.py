"""What the sweep counts, and how things stand over all replicas, as the last sweep of this process saw them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from common.metric.registry import SLOW

CENSUS_MAX_S = 60.0
REPAIRS = (
    "ended_overdue",
    "redriven",
    "given_up_messages",
    "admitted",
    "concluded",
    "lost_calls",
    "released_credits",
)

Row = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Each row is the values of its labels, in their order, and a number."""

    jobs: list[Row] = field(default_factory=list[Row])  # platform, state, waiting_on
    platforms: list[Row] = field(default_factory=list[Row])  # platform, state, reason
    steps_due: list[Row] = field(default_factory=list[Row])  # platform
    steps_unpublished: list[Row] = field(default_factory=list[Row])  # platform
    oldest_due_s: list[Row] = field(default_factory=list[Row])  # platform
    queue_pending: list[Row] = field(default_factory=list[Row])  # platform
    queue_ack_pending: list[Row] = field(default_factory=list[Row])  # platform
    letters: list[Row] = field(default_factory=list[Row])  # no label


_FAMILIES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("jobs", "creatorscout_jobs_active", "Active jobs", ("platform", "state", "waiting_on")),
    ("platforms", "creatorscout_platform_state", "1: so it stands with the platform", ("platform", "state", "reason")),
    ("steps_due", "creatorscout_steps_due", "Due steps that nobody holds", ("platform",)),
    ("steps_unpublished", "creatorscout_steps_unpublished", "Due steps of which QStash never heard", ("platform",)),
    (
        "oldest_due_s",
        "creatorscout_oldest_due_step_seconds",
        "For how long the oldest step is due that nobody holds",
        ("platform",),
    ),
    ("queue_pending", "creatorscout_queue_pending", "Steps in the stream that no worker was given", ("platform",)),
    ("queue_ack_pending", "creatorscout_queue_ack_pending", "Steps given to workers, not answered", ("platform",)),
    ("letters", "creatorscout_dead_letters_open", "Dead letters that nobody has resolved", ()),
)


class _Standing(Collector):
    """Shows a census while it is fresh and ours to show: then all replicas that show one show nearly the same, and
    who asks takes the largest."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._census: Census | None = None
        self._taken_at = 0.0

    def put(self, census: Census | None) -> None:
        self._census, self._taken_at = census, self._monotonic()

    def collect(self) -> Iterable[Metric]:
        if self._census is None or self._monotonic() - self._taken_at > CENSUS_MAX_S:
            return
        for rows, name, what, labels in _FAMILIES:
            family = GaugeMetricFamily(name, what, labels=labels)
            for values, number in getattr(self._census, rows):
                family.add_metric(values, number)
            yield family


class SweepMetrics:
    """The numbers of whoever sweeps."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._repairs = Counter("creatorscout_sweep_repairs", "What the sweep set right", ["kind"], registry=registry)
        for kind in REPAIRS:
            self._repairs.labels(kind)  # what is there from the start is seen to rise from 0
        self._purged = Counter(
            "creatorscout_purged_rows", "What was removed because it was kept long enough", ["data"], registry=registry
        )
        self._deleted = Counter(
            "creatorscout_deleted_accounts", "Accounts that were deleted with all that was theirs", registry=registry
        )
        self._skipped = Counter(
            "creatorscout_sweeps_skipped", "Sweeps that an outage kept from ending", registry=registry
        )
        self._seconds = Histogram(
            "creatorscout_sweep_seconds", "How long a whole sweep took", buckets=SLOW, registry=registry
        )
        self._ended_at = Gauge(
            "creatorscout_sweep_ended_timestamp_seconds",
            "When this process last ended a whole sweep",
            registry=registry,
        )
        self._standing = _Standing(monotonic)
        registry.register(self._standing)

    def count_repairs(self, kind: str, count: int) -> None:
        self._repairs.labels(kind).inc(count)

    def count_purged(self, data: str, rows: int) -> None:
        self._purged.labels(data).inc(rows)

    def count_deleted(self) -> None:
        self._deleted.inc()

    def count_skipped(self) -> None:
        self._skipped.inc()

    def note_sweep(self, seconds: float) -> None:
        """A whole sweep ended just now."""
        self._seconds.observe(seconds)
        self._ended_at.set_to_current_time()

    def show(self, census: Census | None) -> None:
        """From now on; None: another replica sweeps, and shows its own."""
        self._standing.put(census)
