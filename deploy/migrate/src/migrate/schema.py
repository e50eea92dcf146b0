"""Brings the schema up to date, while services of the version before run on it.

Safe when several run at once and when one is killed: each waits its turn by polling a session's advisory lock, which
the server gives up with the connection. Polling and not blocking, because a blocked waiter holds a snapshot that
deadlocks with CREATE INDEX CONCURRENTLY.

Whoever wants a table's lock makes all who come later wait behind it. So a migration asks for a second, steps back, and
asks again: nobody waits longer for it than that.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, InsufficientPrivilege, LockNotAvailable
from sqlalchemy.exc import OperationalError

from common.db.pool import check_database_url
from common.errors import ConfigurationError
from migrate.plan import FOUNDING, Phase, Revision, choose

LOCK_KEY = 4_201_976_001
TURN_MAX_S = 1800.0
POLL_S = 0.2
LOCK_WAIT_S = 1
LOCKS_MAX_S = 300.0
_STEP_BACK_S = (0.5, 1.0, 2.0, 4.0)

log = structlog.get_logger()


def upgrade(
    database_url: str,
    revision: str | None = None,
    *,
    is_contract: bool = False,
    versions: Sequence[Path] = (),
    locks_max_s: float = LOCKS_MAX_S,
) -> None:
    """Apply what `migrate.plan` chooses of what is missing, or all up to `revision`.

    `versions` are folders with further revisions, and their SQL, for tests. Raises ConfigurationError if Postgres does
    not let us in or do what a migration needs, or if something else comes first; TimeoutError if another migration does
    not end in half an hour, or a lock is not to be had in `locks_max_s`.
    """
    check_database_url(database_url)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=sqlalchemy.NullPool
    )
    with _connect(engine) as connection:
        connection.exec_driver_sql(f"set lock_timeout = '{LOCK_WAIT_S}s'")
        connection.exec_driver_sql("set application_name = 'migrate'")
        connection.commit()
        _take_turn(connection)
        config = _configure(connection, versions)
        target = revision or _choose(config, connection, is_contract)
        if target is not None:
            _apply(config, connection, target, locks_max_s)
            connection.commit()
            log.info("schema.upgraded", revision=target)
    engine.dispose()


def _connect(engine: sqlalchemy.Engine) -> sqlalchemy.Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        log.warning("database.refused", detail=str(error.orig))
        raise ConfigurationError("DATABASE_URL: no Postgres let us in") from None


def _configure(connection: sqlalchemy.Connection, versions: Sequence[Path]) -> Config:
    here = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("path_separator", "os")
    folders = [here / "versions", *versions]
    config.set_main_option("version_locations", ":".join(str(folder) for folder in folders))
    config.attributes["connection"] = connection
    config.attributes["sql_folders"] = (here / "sql", *versions)
    return config


def revisions(config: Config) -> list[Revision]:
    """All revisions of this version, the first one first."""
    scripts = reversed(list(ScriptDirectory.from_config(config).walk_revisions()))
    return [Revision(script.revision, _phase(script.revision, script.module)) for script in scripts]


def _phase(name: str, module: object) -> Phase:
    phase = "expand" if name in FOUNDING else getattr(module, "phase", None)
    if phase not in ("expand", "contract"):
        raise ConfigurationError(f"revision {name} does not say whether it is an expand or a contract")
    return phase


def _choose(config: Config, connection: sqlalchemy.Connection, is_contract: bool) -> str | None:
    """Up to which revision to go; None if nothing is to be done."""
    known = revisions(config)
    names = [each.name for each in known]
    context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
    current = context.get_current_revision()
    if current is not None and current not in names:
        _check_newer(connection, names)
        log.warning("schema.newer", revision=current, known=names[-1])
        return None
    pending = known[0 if current is None else names.index(current) + 1 :]
    connection.rollback()
    chosen = choose(pending, is_new=current is None, is_contract=is_contract)
    if waiting := [each.name for each in pending[len(chosen) :]]:
        log.info("schema.waits", revisions=waiting, phase=pending[len(chosen)].phase)
    return chosen[-1].name if chosen else current


def _check_newer(connection: sqlalchemy.Connection, names: Sequence[str]) -> None:
    """The schema is of a later version: we fit if nothing was taken away since. Raises ConfigurationError if it was."""
    said = connection.exec_driver_sql("select obj_description('schema_version'::regclass)").scalar_one()
    connection.rollback()
    contract = (said or "").removeprefix("contract ")
    if contract and contract not in names:
        raise ConfigurationError(
            f"the database has had contract {contract}, which this version does not know: it does not fit any more"
        )


def _apply(config: Config, connection: sqlalchemy.Connection, target: str, locks_max_s: float) -> None:
    """Step back from a lock that is not to be had, and try again."""
    ends_at = time.monotonic() + locks_max_s
    tries = 0
    while True:
        try:
            command.upgrade(config, target)
        except InsufficientPrivilege as error:
            raise ConfigurationError(f"DATABASE_URL: {error.diag.message_primary}") from None
        except (LockNotAvailable, DeadlockDetected) as error:
            connection.rollback()
            if time.monotonic() > ends_at:
                raise TimeoutError(f"a lock was not to be had in {locks_max_s:.0f} s: {error}") from None
            pause_s = _STEP_BACK_S[min(tries, len(_STEP_BACK_S) - 1)]
            tries += 1
            log.info("lock.not_taken", detail=error.diag.message_primary, pause_s=pause_s)
            time.sleep(pause_s)
        else:
            return


def _take_turn(connection: sqlalchemy.Connection) -> None:
    ends_at = time.monotonic() + TURN_MAX_S
    while not connection.exec_driver_sql(f"select pg_try_advisory_lock({LOCK_KEY:d})").scalar_one():
        connection.rollback()
        if time.monotonic() > ends_at:
            raise TimeoutError("another migration has been running for half an hour")
        time.sleep(POLL_S)
    connection.commit()
