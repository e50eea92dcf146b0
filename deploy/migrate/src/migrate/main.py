"""`migrate`: brings the schema and the streams up to date, then exits. Safe to run many at once and to kill."""

import asyncio
import sys
from typing import Annotated

import structlog
from pydantic import Field

from common.errors import ConfigurationError
from common.log import configure_logging
from common.messaging.connection import connect_messaging
from common.settings import DatabaseSettings, EnvironmentSettings, NatsSettings, read_settings
from migrate.schema import upgrade
from migrate.stream import provision

log = structlog.get_logger()


class MigrateSettings(EnvironmentSettings):
    """`nats_replicas` is the number of servers that keep each stream: 1 alone, 3 in a cluster."""

    log_level: str = "info"
    log_format: str = "json"
    nats_replicas: Annotated[int, Field(ge=1, le=5)] = 1


def main() -> None:
    try:
        settings = read_settings(MigrateSettings)[0]
        database = read_settings(DatabaseSettings)[0]
        nats = read_settings(NatsSettings)[0]
    except ConfigurationError as error:
        sys.exit(f"migrate: {error}")
    configure_logging(level=settings.log_level, form=settings.log_format)
    upgrade(database.database_url.get_secret_value())
    asyncio.run(_provision(nats, settings.nats_replicas))


async def _provision(nats: NatsSettings, replicas: int) -> None:
    messaging = await connect_messaging(nats, name="migrate", on_lost=lambda: None)
    try:
        await provision(messaging.jetstream, replicas=replicas)
    finally:
        await messaging.close()
