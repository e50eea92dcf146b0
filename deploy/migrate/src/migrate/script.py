"""What a revision is made of: SQL files of this package, run in one transaction or in many small ones.

A revision either is one file in alembic's transaction (`run_file`), or parts outside of it (`build_index`, `fill`),
each of which goes on where a killed run left it. Never both: what was committed by the way would be met again.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic import op
from psycopg import sql

log = structlog.get_logger()

STATEMENT_MAX_S = 4
"""How long a file may hold its locks: shorter than the five seconds that a service waits for one."""
FILL_PAUSE_S = 0.05
FILL_STUCK_MAX = 600
_TELL_EVERY = 100

Driver = psycopg.Connection[Any]


def run_founding_file(name: str) -> None:
    """Execute `sql/<name>` as it is: no parameters, no templating, no bound on its time."""
    # Straight to psycopg: without parameters it leaves % alone and takes many statements.
    _driver().execute(_read(name))


def run_file(name: str) -> None:
    """The same for a database in use: what takes longer than a service waits for a lock is given up."""
    driver = _driver()
    driver.execute("select set_config('statement_timeout', %s, true)", [f"{STATEMENT_MAX_S}s"])
    driver.execute(_read(name))
    driver.execute("set local statement_timeout = 0")


def build_index(name: str, index: str) -> None:
    """Build an index while everybody reads and writes. `sql/<name>` is one `create index concurrently <index>`.

    A killed build leaves an invalid index behind, which `if not exists` would take for a good one: it is dropped and
    built anew. Raises RuntimeError if what was built is not valid.
    """
    with _outside() as driver:
        # Nobody who reads or writes queues behind it, so it may wait: for transactions that are older than it.
        driver.execute("set lock_timeout = 0")
        if _is_valid(driver, index) is False:
            driver.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(index)))
            log.warning("index.dropped", index=index)
        if _is_valid(driver, index) is None:
            driver.execute(_read(name))
        if not _is_valid(driver, index):
            raise RuntimeError(f"index {index} is not valid after its build")
        log.info("index.built", index=index)


def fill(name: str, left: str, batch: int = 1000) -> None:
    """Change rows batch by batch, each committed, with a pause in between, until none is left.

    `sql/<name>` changes up to `%(batch)s` of the rows that are still to be changed, and passes over those that somebody
    holds (`for update skip locked`), so that nobody waits for two batches and no two wait for each other. `sql/<left>`
    says whether there are any more. Raises TimeoutError if rows are held for a minute without end.
    """
    statement, question = _read(name), _read(left)
    with _outside() as driver:
        changed = stuck = rounds = 0
        while True:
            count = driver.execute(statement, {"batch": batch}).rowcount
            changed, rounds = changed + count, rounds + 1
            stuck = 0 if count else stuck + 1
            if count == 0 and not _ask(driver, question):
                break
            if stuck > FILL_STUCK_MAX:
                raise TimeoutError(f"{name}: rows are held by somebody for {FILL_STUCK_MAX * FILL_PAUSE_S * 2:.0f} s")
            if rounds % _TELL_EVERY == 0:
                log.info("rows.filled", file=name, rows=changed)
            time.sleep(FILL_PAUSE_S if count else FILL_PAUSE_S * 2)
        log.info("rows.filled", file=name, rows=changed)


def _read(name: str) -> bytes:
    config = op.get_context().config
    assert config is not None
    folders: tuple[Path, ...] = config.attributes["sql_folders"]
    return next(folder / name for folder in folders if (folder / name).is_file()).read_bytes()


def _driver() -> Driver:
    driver = op.get_bind().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def _outside() -> Generator[Driver]:
    """The connection with each statement a transaction of its own; its lock_timeout is put back."""
    with op.get_context().autocommit_block():
        driver = _driver()
        [before] = driver.execute("show lock_timeout").fetchone() or ("0",)
        try:
            yield driver
        finally:
            if not driver.closed:
                driver.execute("select set_config('lock_timeout', %s, false)", [before])


def _ask(driver: Driver, question: bytes) -> bool:
    row = driver.execute(question).fetchone()
    return row is not None and bool(row[0])


def _is_valid(driver: Driver, index: str) -> bool | None:
    """None if there is no such index in the schema."""
    row = driver.execute(
        """select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
           where c.relname = %s and c.relnamespace = 'public'::regnamespace""",
        [index],
    ).fetchone()
    return None if row is None else bool(row[0])
