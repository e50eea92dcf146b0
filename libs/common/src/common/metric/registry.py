"""The one registry of a process, and how it is shown."""

from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

# From what one round trip to Postgres takes to what QStash waits for an answer.
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From a cached page to a call that is given up.
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60)


def make_registry(service: str) -> CollectorRegistry:
    """Empty but for the process itself (memory, processor, files, garbage) and which build it is."""
    disable_created_metrics()  # nobody asks when a counter was made, and each would be a line more
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    build = Gauge("creatorscout_build_info", "Which build this is", ["service", "version"], registry=registry)
    build.labels(service, _version_of(service)).set(1)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """In Prometheus' text format."""
    return generate_latest(registry)


def _version_of(service: str) -> str:
    try:
        return version(f"creatorscout-{service}")
    except PackageNotFoundError:
        return "unknown"
