"""The command `migrate` as a process, and what a database holds."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.child import Child, Command, plain_environment

PROGRAM = Path(sys.executable).parent / "migrate"

# What pg_dump would write.
SCHEMA = (
    "select relname, relkind, reloptions, relacl::text from pg_class where relnamespace = 'public'::regnamespace",
    "select nspacl::text from pg_namespace where nspname = 'public'",
    """select a.attrelid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid)
       from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'public'::regnamespace and a.attnum > 0""",
    """select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
       where connamespace = 'public'::regnamespace""",
    "select tablename, indexdef from pg_indexes where schemaname = 'public'",
    "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "select proname, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace",
    "select * from schema_version",
    "select * from job_transitions",
)

# Which change when something is dropped and made again, or written again.
IDENTITIES = (
    "select oid, relname from pg_class where relnamespace = 'public'::regnamespace",
    "select oid, conname from pg_constraint where connamespace = 'public'::regnamespace",
    "select oid, tgname from pg_trigger where not tgisinternal",
    "select oid, xmin::text, proname from pg_proc where pronamespace = 'public'::regnamespace",
    "select xmin::text, * from schema_version",
    "select xmin::text, * from job_transitions",
)

Run = Callable[..., Child]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts `migrate` with a small environment; whatever still runs at the end is killed."""
    children: list[Child] = []

    def run(**environment: str) -> Child:
        log = tmp_path / f"{len(children)}.log"
        child = Child.start(Command("migrate", [str(PROGRAM)], plain_environment(environment), log))
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()


@pytest.fixture
def events() -> Callable[[Child], list[dict[str, Any]]]:
    """What a process that ended well logged: JSON, line by line."""

    def events(child: Child) -> list[dict[str, Any]]:
        assert child.await_exit(60), child.last_lines()
        assert child.exit_code == 0, child.last_lines()
        return [json.loads(line) for line in child.log.read_text().splitlines()]

    return events


def read(url: str, queries: Sequence[str]) -> list[list[Any]]:
    with psycopg.connect(url) as connection:
        return [sorted(connection.execute(query).fetchall(), key=repr) for query in queries]  # pyright: ignore


@pytest.fixture
def schema() -> Callable[[str], list[list[Any]]]:
    """Everything that a database's schema is, in an order of its own."""
    return lambda url: read(url, SCHEMA)


@pytest.fixture
def identities() -> Callable[[str], list[list[Any]]]:
    """What stays the same only if nobody touched it."""
    return lambda url: read(url, IDENTITIES)
