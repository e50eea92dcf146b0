"""Brings the schema up to date.

Safe when several run at once and when one is killed: each waits its turn by polling a session's advisory lock, which
the server gives up with the connection. Polling and not blocking, because a blocked waiter holds a snapshot that
deadlocks with CREATE INDEX CONCURRENTLY.
"""

import time
from pathlib import Path

import psycopg
import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import OperationalError

from common.db.pool import check_database_url
from common.errors import ConfigurationError

LOCK_KEY = 4_201_976_001
WAIT_MAX_S = 120.0
POLL_S = 0.2

log = structlog.get_logger()


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing up to `revision`.

    Raises ConfigurationError if Postgres does not let us in or do what a migration needs, TimeoutError if another
    migration does not end in two minutes.
    """
    check_database_url(database_url)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=sqlalchemy.NullPool
    )
    with _connect(engine) as connection:
        connection.exec_driver_sql("set lock_timeout = '5s'")
        connection.commit()
        _take_turn(connection)
        _apply(connection, revision)
        connection.commit()
    engine.dispose()
    log.info("schema.upgraded", revision=revision)


def _connect(engine: sqlalchemy.Engine) -> sqlalchemy.Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        log.warning("database.refused", detail=str(error.orig))
        raise ConfigurationError("DATABASE_URL: no Postgres let us in") from None


def _apply(connection: sqlalchemy.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except InsufficientPrivilege as error:
        raise ConfigurationError(f"DATABASE_URL: {error.diag.message_primary}") from None


def _take_turn(connection: sqlalchemy.Connection) -> None:
    ends_at = time.monotonic() + WAIT_MAX_S
    while not connection.exec_driver_sql(f"select pg_try_advisory_lock({LOCK_KEY:d})").scalar_one():
        connection.rollback()
        if time.monotonic() > ends_at:
            raise TimeoutError("another migration has been running for two minutes")
        time.sleep(POLL_S)
    connection.commit()
