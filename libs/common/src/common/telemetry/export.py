"""Getting spans out of the process: in batches from a thread of its own, never waited for but at the end.

The rule: whatever is wrong with the collector costs lost spans and a line in the log now and then.
"""

import asyncio
import logging
import threading
import time
from importlib.metadata import PackageNotFoundError, version

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.re import parse_env_headers

from common.errors import ConfigurationError
from common.settings import is_loopback_url
from common.telemetry.recorder import SdkRecorder, WishedIds
from common.telemetry.setting import TelemetrySettings

log = structlog.get_logger()

TOLD_EVERY_S = 60.0
CLOSING_MAX_S = 2.0


class Export:
    """A recorder, and the end of it."""

    def __init__(self, processor: SpanProcessor, *, service: str, is_named: bool = False) -> None:
        """`is_named`: the environment names the service, which the SDK sees to."""
        ids = WishedIds()
        self._provider = TracerProvider(
            resource=_resource(service, is_named=is_named), id_generator=ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self.recorder = SdkRecorder(self._provider, ids)

    async def close(self) -> None:
        """Send what is there, for two seconds at most. The thread is nobody's to wait for: not even the end of the
        process does, while a collector is silent."""
        loop, is_done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            try:
                loop.call_soon_threadsafe(is_done.set)
            except RuntimeError:
                return  # the loop has gone on without us

        threading.Thread(target=shut_down, name="telemetry-end", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSING_MAX_S):
                await is_done.wait()
        except TimeoutError:
            log.warning("telemetry.abandoned")


def start_export(settings: TelemetrySettings, *, service: str) -> Export:
    """Begin to export. Raises ConfigurationError for what the SDK refuses."""
    quieten()
    is_named = bool(settings.otel_service_name) or "service.name=" in settings.otel_resource_attributes
    try:
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint,
            headers=parse_env_headers(settings.headers, liberal=True),
            session=_session(settings.endpoint),
        )
        return Export(BatchSpanProcessor(exporter), service=service, is_named=is_named)
    except ValueError:
        raise ConfigurationError("OTEL_BSP_*, OTEL_EXPORTER_OTLP_*: the SDK refuses what one of them says") from None


def _session(endpoint: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = not is_loopback_url(endpoint)  # no proxy is asked for what is on this machine
    return session


def _resource(service: str, *, is_named: bool) -> Resource:
    """What we say of ourselves; the environment's word, where it has one, is the last."""
    try:
        own = {"service.version": version(f"creatorscout-{service}")}
    except PackageNotFoundError:
        own = {}
    said = Resource.create()
    ours = own if is_named else {**own, "service.name": service}
    named = {key: value for key, value in ours.items() if key == "service.name" or key not in said.attributes}
    return said.merge(Resource(named))


class Whisper(logging.Handler):
    """The SDK's complaints as lines of ours, each once a minute: what it complains of with the numbers and the kinds of
    errors, never the texts that it puts in (addresses, answers)."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text, now = str(record.msg), time.monotonic()
        if now - self._told_at.get(text, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return
        self._told_at[text] = now
        given = record.args if isinstance(record.args, tuple) else ()
        facts = [one if isinstance(one, int | float) else type(one).__name__ for one in given if _is_told(one)]
        log.warning("telemetry.troubled", complaint=text, facts=facts)


def _is_told(one: object) -> bool:
    return isinstance(one, int | float | BaseException)


def quieten() -> None:
    """From now on the SDK and what it speaks HTTP with complain in one place."""
    for name in ("opentelemetry", "urllib3"):
        logger = logging.getLogger(name)
        logger.handlers = [Whisper()]
        logger.propagate = False
