"""What the code expects of the manifests: services, ports, variables, JetStream's names. Read from the code itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from common.domain.job import PlatformName
from common.messaging.topology import MAX_ACK_PENDING, STEPS, consumers
from common.settings import (
    ClerkSettings,
    CrashSettings,
    DatabaseSettings,
    EnvironmentSettings,
    NatsSettings,
    QStashSettings,
    ServerSettings,
    SignatureSettings,
    UpstreamSettings,
)
from common.telemetry.setting import TelemetrySettings
from common.worker.loop import SLOTS
from gateway.composition import PORT as GATEWAY_PORT
from gateway.setting import ClerkKeySettings
from migrate.main import MigrateSettings
from webhook.composition import PORT as WEBHOOK_PORT

ROOT = Path(__file__).parents[5]
NATS_CONFIG = ROOT / "deploy" / "nats" / "nats-server.conf"

Groups = tuple[type[EnvironmentSettings], ...]
_DOORS: Groups = (DatabaseSettings, NatsSettings)
WORKER: Groups = (ServerSettings, *_DOORS, QStashSettings, UpstreamSettings, CrashSettings, TelemetrySettings)
SETTINGS: dict[str, Groups] = {
    "gateway": (
        ServerSettings,
        *_DOORS,
        QStashSettings,
        ClerkSettings,
        ClerkKeySettings,
        CrashSettings,
        TelemetrySettings,
    ),
    "webhook": (ServerSettings, *_DOORS, QStashSettings, SignatureSettings, CrashSettings, TelemetrySettings),
    "migrate": (MigrateSettings, *_DOORS),
    "operate": (DatabaseSettings,),
    **dict.fromkeys((platform.value for platform in PlatformName), WORKER),
}
# Required off loopback, and that is where pods are (NatsSettings).
OFF_LOOPBACK = frozenset({"NATS_NKEY_SEED_FILE", "NATS_CA_FILE"})
# Read by OpenTelemetry's own packages.
OF_OTHERS = re.compile(r"OTEL_[A-Z_]+")


@dataclass(frozen=True, slots=True)
class Contract:
    """The services that run with their ports, and what JetStream's names are."""

    ports: Mapping[str, int]
    settings: Mapping[str, Groups]
    platforms: tuple[str, ...]
    account: str
    stream: str
    consumers: frozenset[str]
    slots: int
    in_flight_max: int

    @property
    def services(self) -> frozenset[str]:
        return frozenset(self.settings)

    def fields(self, service: str) -> dict[str, FieldInfo]:
        """Each variable that the service reads."""
        groups = self.settings[service]
        return {name.upper(): field for group in groups for name, field in group.model_fields.items()}

    def required(self, service: str) -> frozenset[str]:
        groups = self.settings[service]
        named = {name.upper() for group in groups for name, field in group.model_fields.items() if field.is_required()}
        return (frozenset(named) | (OFF_LOOPBACK if NatsSettings in groups else frozenset())) - {"PORT"}

    def secrets(self, service: str) -> frozenset[str]:
        return frozenset(name for name, field in self.fields(service).items() if _is_secret(field.annotation))

    def with_platform(self, name: str, port: int) -> "Contract":
        """As it will be when there is one platform more."""
        return replace(
            self,
            ports={**self.ports, name: port},
            settings={**self.settings, name: WORKER},
            platforms=(*self.platforms, name),
            consumers=self.consumers | {name},
        )


def of_code() -> Contract:
    platforms = tuple(platform.value for platform in PlatformName)
    return Contract(
        ports={"gateway": GATEWAY_PORT, "webhook": WEBHOOK_PORT, **{name: _port(name) for name in platforms}},
        settings=SETTINGS,
        platforms=platforms,
        account=_account(),
        stream=STEPS,
        consumers=frozenset(str(consumer.name) for stream, consumer in consumers() if stream == STEPS),
        slots=SLOTS,
        in_flight_max=MAX_ACK_PENDING,
    )


def _port(platform: str) -> int:
    source = (ROOT / "services" / platform / "src" / platform / "main.py").read_text()
    found = re.search(r"run_worker\(\w+, port=(\d+)\)", source)
    assert found is not None, platform
    return int(found[1])


def _account() -> str:
    """The one account that keeps streams."""
    found = re.findall(r"^  (\w+) \{\s+jetstream: enabled", NATS_CONFIG.read_text(), re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())
