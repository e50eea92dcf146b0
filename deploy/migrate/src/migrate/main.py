"""`migrate`: brings the schema and the streams up to date, then exits. Safe to run many at once and to kill.

It applies what widens the schema; `migrate --contract`, when no service of the version before runs any more, what
narrows it.
"""

import argparse
import asyncio
import sys
from typing import Annotated

import structlog
from pydantic import Field

from common.errors import ConfigurationError
from common.log import configure_logging
from common.messaging.connection import connect_messaging
from common.settings import (
    DatabaseSettings,
    EnvironmentSettings,
    LogFormat,
    LogLevel,
    NatsSettings,
    read_settings,
)
from migrate.schema import upgrade
from migrate.stream import provision

log = structlog.get_logger()


class MigrateSettings(EnvironmentSettings):
    """`nats_replicas` is the number of servers that keep each stream: 1 alone, 3 in a cluster."""

    log_level: LogLevel = "info"
    log_format: LogFormat = "json"
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="migrate", description="Bring the schema and the streams up to date.")
    parser.add_argument(
        "--contract", action="store_true", help="after a rollout: take away what only the version before used"
    )
    is_contract: bool = parser.parse_args().contract
    try:
        settings, database, nats = _settings()
        configure_logging(level=settings.log_level, form=settings.log_format)
        upgrade(database.database_url.get_secret_value(), is_contract=is_contract)
        asyncio.run(_provision(nats, settings.nats_replicas))
    except (ConfigurationError, TimeoutError) as error:
        sys.exit(f"migrate: {error}")


def _settings() -> tuple[MigrateSettings, DatabaseSettings, NatsSettings]:
    settings, database, nats = read_settings(MigrateSettings, DatabaseSettings, NatsSettings)
    assert isinstance(settings, MigrateSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    return settings, database, nats


async def _provision(nats: NatsSettings, replicas: int) -> None:
    messaging = await connect_messaging(nats, name="migrate", on_lost=lambda: None)
    try:
        await provision(messaging.jetstream, replicas=replicas)
    finally:
        await messaging.close()
