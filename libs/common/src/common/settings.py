"""The environment, read once at start into frozen models, one per concern.

A variable may also come as a file of its name in the folder SECRETS_DIR; what stands in the environment wins. A fault
is one line that names the variables, never their values. What is lax is lax for loopback URLs only.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.crash import Crash, CrashPoint
from common.errors import ConfigurationError

# Published in the documentation of QStash's development server: anybody can sign with them.
QSTASH_PUBLISHED_KEYS = frozenset(
    {
        "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
        "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
        "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
        "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
        "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
        "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
        "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
    }
)

_ORIGIN = re.compile(r"https?://[^\s/?#@]+")

S = TypeVar("S", bound="EnvironmentSettings")


def split_url(url: str) -> SplitResult:
    """The parts of `url`. Raises ValueError that does not show it: urllib's own messages do."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    return parts


def is_loopback_url(url: str) -> bool:
    """True if the host of `url` is this machine by its literal address or the name localhost."""
    host = split_url(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class EnvironmentSettings(BaseSettings):
    """Base of every group: frozen, blanks stripped, inputs hidden in errors."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, str_strip_whitespace=True, env_ignore_empty=False
    )


def _has_host(url: str) -> str:
    if not split_url(url).hostname:
        raise ValueError("must be a URL")
    return url


HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+"), AfterValidator(_has_host)]
LogLevel = Annotated[str, Field(pattern="(?i)^(debug|info|warning|error)$")]
LogFormat = Annotated[str, Field(pattern="^(json|console)$")]


class SecretsSettings(EnvironmentSettings):
    """`secrets_dir` is a folder with files named like the variables: no secret is seen in a process's environment."""

    secrets_dir: Path | None = None

    @field_validator("secrets_dir")
    @classmethod
    def _is_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("is not a folder")
        return value


class ServerSettings(EnvironmentSettings):
    """Where the process listens and how it logs."""

    host: str = "0.0.0.0"  # noqa: S104 - containers listen on every interface; the network policy decides
    port: Annotated[int, Field(ge=1, le=65535)]
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"


class DatabaseSettings(EnvironmentSettings):
    database_url: SecretStr

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value


def is_on_loopback(database_url: str) -> bool:
    """Whether a connection URL leads nowhere but to this machine: libpq also takes a host from its query."""
    return (
        is_loopback_url(database_url)
        and not {"host", "hostaddr", "service"} & parse_qs(split_url(database_url).query).keys()
    )


class CrashSettings(EnvironmentSettings):
    """`crash_at` is for tests: the name of a CrashPoint at which the process dies, `name:3` at the fourth time."""

    database_url: SecretStr = SecretStr("")
    crash_at: Annotated[str, Field(pattern=r"^[a-z_.]+(:[0-9]{1,6})?$")] | None = None

    @model_validator(mode="after")
    def _is_for_tests(self) -> "CrashSettings":
        if self.crash_at is None:
            return self
        if self.crash_at.partition(":")[0] not in list(CrashPoint):
            raise ValueError("CRASH_AT must be the name of a crash point")
        if not is_on_loopback(self.database_url.get_secret_value()):
            raise ValueError("CRASH_AT is for tests: it is refused unless DATABASE_URL is on loopback")
        return self

    @property
    def crash(self) -> Crash:
        if self.crash_at is None:
            return Crash()
        name, _, skip = self.crash_at.partition(":")
        return Crash(CrashPoint(name), skip=int(skip or 0))


class NatsSettings(EnvironmentSettings):
    """`nats_nkey_seed_file` and `nats_ca_file` are required unless the server is on loopback."""

    nats_url: Annotated[str, Field(pattern=r"^(nats|tls)://[^\s,]+$"), AfterValidator(_has_host)]
    nats_nkey_seed_file: str | None = None
    nats_ca_file: str | None = None

    @model_validator(mode="after")
    def _is_protected(self) -> "NatsSettings":
        if not is_loopback_url(self.nats_url) and not (self.nats_nkey_seed_file and self.nats_ca_file):
            raise ValueError("NATS_NKEY_SEED_FILE and NATS_CA_FILE are required unless NATS_URL is on loopback")
        return self


class QStashSettings(EnvironmentSettings):
    """What publishing needs."""

    qstash_url: HttpUrl
    qstash_token: SecretStr
    public_webhook_url: HttpUrl

    @field_validator("qstash_url", "public_webhook_url")
    @classmethod
    def _is_bare(cls, value: str) -> str:
        parts = split_url(value)
        if parts.query or parts.fragment or parts.path.rstrip("/").endswith("/v2/publish"):
            raise ValueError("must be a base URL without query, fragment or /v2/publish")
        return value.rstrip("/")

    @field_validator("qstash_token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if not token or not token.isascii() or any(char.isspace() or char in "\"'" for char in token):
            raise ValueError("must be the bare token, without quotes or blanks")
        return value

    @property
    def step_url(self) -> str:
        return f"{self.public_webhook_url}/api/qstash/process-scraping"

    @property
    def failure_url(self) -> str:
        return f"{self.public_webhook_url}/api/qstash/job-failed"


class SignatureSettings(EnvironmentSettings):
    """What verifying needs: both keys, different, not the published ones unless the webhook is on loopback."""

    qstash_current_signing_key: SecretStr
    qstash_next_signing_key: SecretStr
    public_webhook_url: HttpUrl

    @field_validator("qstash_current_signing_key", "qstash_next_signing_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if len(key) < 32 or any(char.isspace() for char in key):
            raise ValueError("must be at least 32 characters without blanks")
        return value

    @model_validator(mode="after")
    def _are_trustworthy(self) -> "SignatureSettings":
        if len(set(self.keys)) != 2:
            raise ValueError("QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY must differ")
        if not is_loopback_url(self.public_webhook_url) and QSTASH_PUBLISHED_KEYS & set(self.keys):
            raise ValueError(
                "QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY must not be the published development keys "
                "unless PUBLIC_WEBHOOK_URL is on loopback"
            )
        return self

    @property
    def keys(self) -> tuple[str, str]:
        """Current, next."""
        return self.qstash_current_signing_key.get_secret_value(), self.qstash_next_signing_key.get_secret_value()


class UpstreamSettings(EnvironmentSettings):
    """`https_ca_file` names authorities (PEM) that are believed beside the public ones."""

    https_ca_file: str | None = None
    scrapecreators_api_key: SecretStr
    scrapecreators_base_url: HttpUrl = "https://api.scrapecreators.com"

    @field_validator("scrapecreators_api_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if not key or not key.isascii() or any(char.isspace() for char in key):
            raise ValueError("must be the bare key, without blanks")
        return value

    @field_validator("scrapecreators_base_url")
    @classmethod
    def _is_bare(cls, value: str) -> str:
        # The key travels in a header: TLS, and whom its certificate names, is what keeps it from others.
        if not value.startswith("https://") and not is_loopback_url(value):
            raise ValueError("must be https unless it is on loopback")
        return value.rstrip("/")


class ClerkSettings(EnvironmentSettings):
    """`clerk_authorized_parties` is a comma list of origins; it is also the CORS allow-list. `https_ca_file` names
    authorities (PEM) that are believed beside the public ones."""

    https_ca_file: str | None = None
    clerk_issuer: HttpUrl
    clerk_authorized_parties: str

    @field_validator("clerk_issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        if not value.startswith("https://") and not is_loopback_url(value):
            raise ValueError("must be https unless it is on loopback")
        return value.rstrip("/")

    @field_validator("clerk_authorized_parties")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        # Browsers send an origin in lower case.
        origins = [origin.strip().lower() for origin in value.split(",") if origin.strip()]
        for origin in origins:
            if not _ORIGIN.fullmatch(origin) or not split_url(origin).hostname:
                raise ValueError("must be a comma list of origins such as https://app.example.com")
        if not origins:
            raise ValueError("must name at least one origin")
        return ",".join(origins)

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(self.clerk_authorized_parties.split(","))

    @property
    def jwks_url(self) -> str:
        return f"{self.clerk_issuer}/.well-known/jwks.json"


def read_settings(*groups: type[S], **defaults: object) -> list[S]:
    """Read every group from the environment and SECRETS_DIR, all faults in one ConfigurationError of one line.

    `defaults` are values for fields that both leave out (a service's own port).
    """
    values: list[S] = []
    faults: list[str] = []
    folder = _read_folder()
    for group in groups:
        try:
            values.append(_read_group(group, folder, defaults))
        except ValidationError as error:
            faults.extend(_faults(error))
    if faults:
        raise ConfigurationError("; ".join(dict.fromkeys(faults)))
    return values


def _read_folder() -> Path | None:
    try:
        return SecretsSettings().secrets_dir
    except ValidationError as error:
        raise ConfigurationError("; ".join(_faults(error))) from None


def _read_group(group: type[S], folder: Path | None, defaults: dict[str, object]) -> S:
    """Environment first, then the folder, then `defaults`: pydantic-settings would let arguments win."""
    given: dict[str, object] = {}
    for name in group.model_fields:
        if name.upper() in os.environ:
            continue
        if folder is not None and (text := _read_file(folder / name.upper())) is not None:
            given[name] = text
        elif name in defaults:
            given[name] = defaults[name]
    return group(**given)  # pyright: ignore[reportArgumentType]


def _read_file(path: Path) -> str | None:
    """What the file holds; None if there is none. Blanks around it the groups take away, as of any value."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path.name}: its file in SECRETS_DIR cannot be read") from None


def _faults(error: ValidationError) -> list[str]:
    return [_fault(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0]).upper() if location else ""
    if kind == "missing":
        return f"{name} is missing"
    text = message.removeprefix("Value error, ")
    return f"{name}: {text}" if name else text
