"""Makes the databases: migrated as a deployment is, and filled with a history.

Two million rows have to be there in the time that a benchmark has. So while they are written Postgres keeps no log of a
table that was emptied in the same transaction (`wal_level=minimal`), looks after no foreign keys of rows that fit
together anyway, builds indexes when the rows are there, each by what it told of them before, and writes the creators
beside the rest. Then it is started again as it is deployed, with all settings as they were, vacuumed and analysed.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from bench.growth.history import CANDIDATES, CONSTANTS, PARTS, PAST, PRESENT, PROTOTYPES, Part
from bench.growth.size import Size
from common.domain.creator import Account, Contact, Content, Creator, Email, EmailSource, Match, Statistics
from local.postgres import Postgres
from local.role import make_service_roles
from migrate.schema import upgrade

Writer = psycopg.Connection[Any]

_WHILE_WRITING: Final = (
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
)
_OF_A_WRITER: Final = "-c session_replication_role=replica -c maintenance_work_mem=512MB -c work_mem=256MB -c jit=off"


def seed(folder: Path, sizes: tuple[Size, ...], report: Callable[[str], None]) -> Postgres:
    """A running server with a database for each size, by its name. Whoever gets it stops it."""
    server = Postgres.start(folder)
    try:
        _make(server, sizes, report)
    except BaseException:
        server.kill()
        raise
    return server


def _make(server: Postgres, sizes: tuple[Size, ...], report: Callable[[str], None]) -> None:
    upgrade(server.url)
    make_service_roles(server)
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        for each in sizes:
            connection.execute(sql.SQL("create database {} template creatorscout").format(sql.Identifier(each.name)))
        for setting in _WHILE_WRITING:
            name, _, value = setting.partition("=")
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    server.restart()
    for each in sizes:
        report(f"writing {each.jobs:,} jobs that were and {each.candidates:,} candidates")
        fill(server.database_url(each.name), each)
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute("alter system reset all")
    report("starting Postgres as it is deployed")
    server.restart()


def fill(url: str, size: Size) -> None:
    """Write the history into a database that has the schema and nothing else."""
    values = {"jobs": size.jobs, "full_jobs": size.full_jobs, "owners": size.owners, **CONSTANTS}
    with _connect(url, is_autocommit=True) as connection:
        connection.execute(PAST, values)
        connection.execute("create unlogged table prototypes (number int primary key, details jsonb)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into prototypes values (%s, %s)", [(n, _details(n)) for n in range(PROTOTYPES)])
        connection.execute("analyze past, prototypes")
        with ThreadPoolExecutor() as pool:
            for each in [pool.submit(_fill_candidates, url, values), pool.submit(_fill_rest, url, values)]:
                each.result()
        connection.execute("drop table past, prototypes")


def _fill_candidates(url: str, values: dict[str, int]) -> None:
    with _connect(url) as connection:
        connection.execute("truncate candidates")
        connection.execute("alter table candidates drop constraint candidates_pkey")
        with _without_indexes(connection, ["candidates"]):
            connection.execute(CANDIDATES, values)
            connection.execute("alter table candidates add primary key (job_id, platform_id)")
    with _connect(url, is_autocommit=True) as connection:
        connection.execute("vacuum (analyze) candidates")


def _fill_rest(url: str, values: dict[str, int]) -> None:
    tables = [part.table for part in PARTS]
    with _connect(url) as writer, _connect(url) as reader:
        with _without_indexes(writer, tables):
            for part in PARTS:
                _copy(reader, writer, part, values)
        for statement in PRESENT:
            writer.execute(statement, values)
    names = sql.SQL(", ").join(sql.Identifier(table) for table in tables)
    with _connect(url, is_autocommit=True) as connection:
        connection.execute(sql.SQL("vacuum (analyze) {}").format(names))


@contextmanager
def _without_indexes(connection: Writer, tables: list[str]) -> Generator[None]:
    """Rows are written without the indexes that no constraint is made of; at the end they are built as they were."""
    found = connection.execute(
        """select c.relname, pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
           join pg_class t on t.oid = i.indrelid
           where t.relname = any(%s) and t.relnamespace = 'public'::regnamespace
             and not exists (select from pg_constraint k where k.conindid = i.indexrelid)""",
        [tables],
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        connection.execute(definition.encode())


def _copy(reader: Writer, writer: Writer, part: Part, values: dict[str, int]) -> None:
    source = sql.SQL("copy ({}) to stdout (format binary)").format(sql.SQL(part.rows))
    target = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(part.table), sql.SQL(part.columns)
    )
    with reader.cursor().copy(source, values) as rows, writer.cursor().copy(target) as table:
        for block in rows:
            table.write(block)


def _connect(url: str, *, is_autocommit: bool = False) -> Writer:
    return psycopg.connect(url, options=_OF_A_WRITER, autocommit=is_autocommit)


def _details(number: int) -> Jsonb:
    """About as large as what is kept of a creator whom a keyword search brought."""
    handle = f"kitchen.{number}"
    found_at = datetime(2026, 1, 1, tzinfo=UTC)
    creator = Creator(
        account=Account(
            platform_id=f"{6_800_000_000_000_000_000 + number}",
            handle=handle,
            name=f"Kitchen {number}",
            url=f"https://www.tiktok.com/@{handle}",
            followers=1000 + number * 37,
            verified=number % 20 == 0,
            bio=f"Cooking from a very small kitchen, collabs: hello@kitchen-{number}.example",
            avatar_url=f"https://p16.example-cdn.com/avatar/{number:032x}~720x720.jpeg",
        ),
        contact=Contact(
            emails=(Email(address=f"hello@kitchen-{number}.example", sources=(EmailSource.BIO,), seen_at=found_at),)
        ),
        content=Content(
            platform_id=f"{7_300_000_000_000_000_000 + number}",
            text=f"Ten minute dinner number {number} #vegan #dinner",
            statistics=Statistics(views=100_000 + number, likes=5000 + number, comments=90, shares=40),
            hashtags=("vegan", "dinner"),
        ),
        matched=Match(kind="keyword", query="vegan"),
    )
    return Jsonb(creator.model_dump(mode="json", exclude_defaults=True))
