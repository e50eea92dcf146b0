"""The variables of OpenTelemetry: what turns tracing on, and what is said of a mistake."""

import subprocess
import sys

import pytest

from common.errors import ConfigurationError
from common.settings import read_settings
from common.telemetry.setting import TelemetrySettings

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def read(monkeypatch: pytest.MonkeyPatch, **given: str) -> TelemetrySettings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    [settings] = read_settings(TelemetrySettings)
    return settings


@pytest.mark.parametrize(
    ("given", "is_on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}, True),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER": "canary"}, False),
    ],
)
def test_tracing_is_on_where_spans_have_a_place_to_go(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], is_on: bool
) -> None:
    assert read(monkeypatch, **given).is_on is is_on


def test_the_address_of_traces_is_taken_as_it_is_and_the_common_one_is_a_base(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318/").endpoint == "http://c:4318/v1/traces"
    assert read(monkeypatch, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://c/x").endpoint == "https://c/x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[canary"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:canary@collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://canary"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "canary"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "canary"),
        ("OTEL_RESOURCE_ATTRIBUTES", "canary"),
        ("OTEL_SDK_DISABLED", "canary"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(monkeypatch, **{**ENDPOINT, name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("argument", ["canary", "-0.1", "1.1", "nan"])
def test_a_share_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^OTEL_TRACES_SAMPLER_ARG: "):
        read(monkeypatch, **ENDPOINT, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG=argument)


def test_a_token_goes_to_an_address_that_is_https_or_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=token"}
    for endpoint in ("https://collector", "http://127.0.0.1:4318"):
        assert read(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **headers).headers == "authorization=token"
    assert "token" not in repr(read(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT="https://collector", **headers))


def test_without_tracing_the_sdk_is_not_imported() -> None:
    script = """
import asyncio, sys
from common.settings import read_settings
from common.telemetry.opening import open_telemetry
from common.telemetry.setting import TelemetrySettings
async def main():
    async with open_telemetry(read_settings(TelemetrySettings)[0], service="tiktok"):
        print(any(name.startswith(("opentelemetry", "requests")) for name in sys.modules))
asyncio.run(main())
"""
    printed: list[str] = []
    for given in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}):
        done = subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True)
        printed += done.stdout.splitlines()[:1]
    assert printed == ["False", "True"]
