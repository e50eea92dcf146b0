"""The webhook put together: what its handlers need, and where that comes from."""

from dataclasses import dataclass, field

from common.resources.process import DoorSettings, Resources
from common.settings import (
    CrashSettings,
    DatabaseSettings,
    NatsSettings,
    QStashSettings,
    ServerSettings,
    SignatureSettings,
    read_settings,
)
from common.telemetry.setting import TelemetrySettings
from webhook.metric import Metrics
from webhook.signature import Keys

NAME = "webhook"
PORT = 8001

STEP_PATH = "/api/qstash/process-scraping"
FAILURE_PATH = "/api/qstash/job-failed"
SWEEP_PATH = "/api/qstash/sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: ServerSettings
    doors: DoorSettings
    signature: SignatureSettings

    @property
    def keys(self) -> Keys:
        return Keys(*self.signature.keys)

    @property
    def public_url(self) -> str:
        """What the routes' paths are appended to: the address that QStash signs, whatever a request says it asked."""
        return self.doors.qstash.public_webhook_url


@dataclass(slots=True)
class Life:
    """Whether the process still wants requests; who balances load looks at it through /readyz."""

    is_draining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The open parts."""

    resources: Resources
    keys: Keys
    public_url: str
    metrics: Metrics
    life: Life = field(default_factory=Life)


def read_webhook_settings() -> Settings:
    """The environment. Raises ConfigurationError with all faults in one line."""
    server, database, nats, qstash, signature, crash, telemetry = read_settings(
        ServerSettings,
        DatabaseSettings,
        NatsSettings,
        QStashSettings,
        SignatureSettings,
        CrashSettings,
        TelemetrySettings,
        port=PORT,
    )
    assert isinstance(server, ServerSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    assert isinstance(qstash, QStashSettings)
    assert isinstance(signature, SignatureSettings)
    assert isinstance(crash, CrashSettings)
    assert isinstance(telemetry, TelemetrySettings)
    doors = DoorSettings(database=database, nats=nats, qstash=qstash, crash=crash.crash, telemetry=telemetry)
    return Settings(server=server, doors=doors, signature=signature)


def compose(settings: Settings, resources: Resources) -> Webhook:
    """The parts around open resources."""
    metrics = Metrics(resources.metrics)
    return Webhook(resources=resources, keys=settings.keys, public_url=settings.public_url, metrics=metrics)
