"""Spans on their way out: to a collector that takes them, and to those that do not."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from common.errors import ConfigurationError
from common.telemetry.export import CLOSING_MAX_S, start_export
from common.telemetry.opening import open_telemetry
from common.telemetry.setting import TelemetrySettings
from common.tracing.span import span
from local.trace.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> TelemetrySettings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return TelemetrySettings()


async def test_what_was_recorded_is_there_when_the_process_has_ended(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what came in the last moment; with it who says so, and the token of the environment."""
    told = settings(monkeypatch, **collector.environment, OTEL_EXPORTER_OTLP_HEADERS="x-token=a%20b")
    async with open_telemetry(told, service="tiktok"):
        with span("first"):
            pass
    assert [one.name for one in collector.spans] == ["first"]
    [resource] = collector.resources
    assert (resource["service.name"], resource["service.version"]) == ("tiktok", "0.1.0")
    assert resource["service.instance.id"]
    assert collector.headers[0]["x-token"] == "a b"


async def test_the_environment_names_the_service(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"OTEL_SERVICE_NAME": "mine", "OTEL_RESOURCE_ATTRIBUTES": "service.version=9,team=a"}
    async with open_telemetry(settings(monkeypatch, **collector.environment, **more), service="tiktok"):
        with span("first"):
            pass
    [resource] = collector.resources
    assert [resource[name] for name in ("service.name", "service.version", "team")] == ["mine", "9", "a"]


@pytest.mark.parametrize("is_listening", [False, True], ids=["nobody listens", "nobody answers"])
async def test_a_collector_that_does_not_answer_costs_spans_and_a_line(
    monkeypatch: pytest.MonkeyPatch, free_port: int, is_listening: bool
) -> None:
    """The end waits for it as long as it says and no longer, and the loop runs all the while."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port))
        if is_listening:
            silent.listen(16)
        told = settings(
            monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port}", OTEL_BSP_SCHEDULE_DELAY="50"
        )
        async with open_telemetry(told, service="tiktok"):
            for _ in range(100):
                with span("lost"):
                    pass
            began = time.monotonic()
        assert time.monotonic() - began < CLOSING_MAX_S + 1


def test_what_the_sdk_complains_of_is_a_line_of_ours_without_addresses_or_answers(free_port: int) -> None:
    script = """
import asyncio
from common.log import configure_logging
from common.settings import read_settings
from common.telemetry.opening import open_telemetry
from common.telemetry.setting import TelemetrySettings
from common.tracing.span import span
configure_logging(level="info", form="json")
async def main():
    [told] = read_settings(TelemetrySettings)
    async with open_telemetry(told, service="tiktok"):
        for _ in range(5):
            with span("lost"):
                pass
            await asyncio.sleep(0.2)
asyncio.run(main())
"""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}/canarypath",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canarytoken",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "telemetry.troubled" in done.stdout
    assert "canary" not in done.stdout
    assert str(free_port) not in done.stdout
    assert len(done.stdout.splitlines()) < 8, "each complaint once a minute"


def test_what_the_sdk_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="-5")
    with pytest.raises(ConfigurationError, match=r"^OTEL_BSP_\*"):
        start_export(told, service="tiktok")
