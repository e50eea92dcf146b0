"""The standard variables of OpenTelemetry, as far as a mistake in them would be found too late.

The rule: without an endpoint nothing is recorded, and nothing else is looked at. What the SDK would mend in silence is
a fault here. The rest (`OTEL_BSP_*`, certificates, compression) the SDK reads by itself.
"""

from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator

from common.settings import EnvironmentSettings, is_loopback_url, split_url

PROTOCOL = "http/protobuf"
_RATIO_SAMPLERS = frozenset({"traceidratio", "parentbased_traceidratio"})
_SAMPLERS = _RATIO_SAMPLERS | {"always_on", "always_off", "parentbased_always_on", "parentbased_always_off"}


class TelemetrySettings(EnvironmentSettings):
    """Where spans go. What is empty counts as not set, as OpenTelemetry has it."""

    otel_sdk_disabled: str = ""
    otel_exporter_otlp_endpoint: str = ""
    otel_exporter_otlp_traces_endpoint: str = ""
    otel_exporter_otlp_protocol: str = ""
    otel_exporter_otlp_traces_protocol: str = ""
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    otel_exporter_otlp_traces_headers: SecretStr = SecretStr("")
    otel_traces_exporter: str = ""
    otel_traces_sampler: str = ""
    otel_traces_sampler_arg: str = ""
    otel_service_name: str = ""
    otel_resource_attributes: str = ""

    @property
    def is_on(self) -> bool:
        has_endpoint = self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        return bool(has_endpoint) and self.otel_sdk_disabled.lower() != "true" and self.otel_traces_exporter != "none"

    @property
    def endpoint(self) -> str:
        """The address that spans are posted to."""
        return self.otel_exporter_otlp_traces_endpoint or f"{self.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"

    @property
    def headers(self) -> str:
        given = self.otel_exporter_otlp_traces_headers or self.otel_exporter_otlp_headers
        return given.get_secret_value()

    @model_validator(mode="after")
    def _is_usable(self) -> "TelemetrySettings":
        _check(self.otel_sdk_disabled.lower() in ("", "true", "false"), "OTEL_SDK_DISABLED: must be true or false")
        if not self.is_on:
            return self
        for name in ("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint"):
            _check_address(name.upper(), str(getattr(self, name)))
        for name in ("otel_exporter_otlp_protocol", "otel_exporter_otlp_traces_protocol"):
            _check(getattr(self, name) in ("", PROTOCOL), f"{name.upper()}: must be {PROTOCOL}")
        _check(self.otel_traces_exporter in ("", "otlp"), "OTEL_TRACES_EXPORTER: must be otlp or none")
        self._check_sampler()
        is_private = self.endpoint.startswith("https://") or is_loopback_url(self.endpoint)
        _check(is_private or not self.headers, "OTEL_EXPORTER_OTLP_HEADERS: need an endpoint that is https")
        _check(_is_list(self.headers), "OTEL_EXPORTER_OTLP_HEADERS: must be a comma list of name=value")
        _check(_is_list(self.otel_resource_attributes), "OTEL_RESOURCE_ATTRIBUTES: must be a comma list of name=value")
        return self

    def _check_sampler(self) -> None:
        sampler, argument = self.otel_traces_sampler, self.otel_traces_sampler_arg
        names = ", ".join(sorted(_SAMPLERS))
        _check(not sampler or sampler in _SAMPLERS, f"OTEL_TRACES_SAMPLER: must be one of {names}")
        if sampler in _RATIO_SAMPLERS and argument:
            _check(_is_ratio(argument), "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1")


def _check(is_right: bool, fault: str) -> None:
    if not is_right:
        raise ValueError(fault)


def _check_address(name: str, url: str) -> None:
    """A URL with a password in it would be in every log of whatever fails to reach it."""
    if not url:
        return
    _check(url.startswith(("http://", "https://")), f"{name}: must be an http or https URL")
    try:
        host = split_url(url).hostname
    except ValueError:
        host = None
    _check(bool(host), f"{name}: must be an http or https URL")
    _check("@" not in urlsplit(url).netloc, f"{name}: must carry no password; use OTEL_EXPORTER_OTLP_HEADERS")


def _is_list(text: str) -> bool:
    return all("=" in part for part in text.split(",") if part.strip())


def _is_ratio(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
