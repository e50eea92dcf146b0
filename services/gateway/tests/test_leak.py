"""A fault below tells nothing: whatever Postgres or a bug says, the caller hears that it is our fault, and the log
hears where, never what was in it."""

import json
import re
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gateway.contract.document import build_document
from gateway.contract.operation import Operation
from gateway.contract.table import OPERATIONS

pytestmark = [pytest.mark.server, pytest.mark.security]

CANARY = "canary7391"
DOCUMENT = build_document(OPERATIONS)
PRIVATE = [one for one in OPERATIONS if not one.is_public]
# What Postgres may say, by its SQLSTATE, and what of it the log tells.
STATES = {
    "23505": "UniqueViolation [23505 people_once]",
    "23514": "CheckViolation [23514 people_once]",
    "22021": "CharacterNotInRepertoire [22021 people_once]",
    "42501": "InsufficientPrivilege [42501 people_once]",
    "P0001": "RaiseException [P0001 people_once]",
    "XX000": "InternalError_ [XX000 people_once]",
}


def break_tables(database_url: str) -> None:
    """From now on every statement on every table of ours fails with an error that quotes a row."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        say(connection, "XX000")
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            if table.startswith("alembic"):
                continue
            real = f"{table}_real"
            connection.execute(f"alter table {table} rename to {real}".encode())
            connection.execute(
                f"create trigger fail before insert or update or delete on {real} "
                f"for each statement execute function fail_trigger()".encode()
            )
            connection.execute(f"create view {table} as select * from {real} where fail()".encode())
        connection.execute(
            "grant select, insert, update, delete on all tables in schema public to creatorscout_gateway"
        )


def say(connection: Any, state: str) -> None:
    """The error that it will be. Stable, so that it is raised although there is no row to look at."""
    body = f"""begin raise exception '{CANARY} jane@{CANARY}.example' using errcode = '{state}',
        constraint = 'people_once', detail = 'Key (email)=(jane@{CANARY}.example) already exists.',
        hint = '{CANARY}', table = '{CANARY}'; end"""
    for kind, name in (("boolean stable", "fail"), ("trigger", "fail_trigger")):
        connection.execute(
            f"create or replace function {name}() returns {kind} language plpgsql as $${body}$$".encode()
        )


@pytest.fixture(scope="module")
def broken(start_gateway: Any, module_database_url: str) -> Any:
    gateway = start_gateway(module_database_url)
    gateway.rows(
        """insert into system_settings (category, key, value)
           values ('limits', 'admin_user_ids', '["user_root"]'::jsonb) returning 1"""
    )
    fresh = start_gateway(module_database_url)  # it knows its administrator from the start
    break_tables(module_database_url)
    return fresh


def request_of(operation: Operation) -> dict[str, Any]:
    ids = {name: str(uuid4()) for name in re.findall(r"{(\w+)}", operation.path)} | {"platform": "tiktok"}
    given: dict[str, Any] = {"method": operation.method, "url": operation.path.format(**ids)}
    if operation.body is not None:
        given["json"] = next(iter(operation.body.examples.values()))
    if operation.id == "pollJob":
        given["params"] = {"jobId": str(uuid4())}
    if operation.id == "deleteAccount":
        given["params"] = {"confirm": "user:user_root"}
    return given


# These read nothing but the token.
UNTOUCHED = {"readMe"}


@pytest.mark.parametrize("state", STATES)
async def test_a_fault_below_any_operation_tells_nothing(broken: Any, state: str) -> None:
    with psycopg.connect(broken.database_url, autocommit=True) as connection:
        say(connection, state)
    failed: set[str] = set()
    async with broken.client("user_root") as client:
        for operation in PRIVATE:
            answer = await client.request(**request_of(operation))
            assert CANARY not in f"{answer.text} {answer.headers}", operation.id
            assert "people_once" not in answer.text
            if operation.id in UNTOUCHED:
                continue
            assert answer.status_code == 500, f"{operation.id}: {answer.text}"
            failed.add(answer.headers["X-Request-Id"])
            problem = answer.json()
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert (problem["type"], problem["instance"]) == ("/problems/internal", answer.headers["X-Request-Id"])
            assert set(problem) <= {"type", "title", "status", "detail", "instance", "error"}
            described = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]["500"]
            assert "application/problem+json" in json.dumps(described) or "$ref" in described
    lines = [line for line in broken.log_lines() if line["event"] == "request.failed"]
    own = [line for line in lines if line["request_id"] in failed]
    assert len(own) == len(failed)
    told = [line["exception"].splitlines()[-1] for line in own]
    # Over a view Postgres cannot group by a key alone, and says so before anything else.
    assert {*told} <= {STATES[state], "GroupingError [42803]"}
    assert told.count(STATES[state]) > 0.9 * len(told)
    assert all("/gateway/" in line["exception"] for line in own), "the place"


async def test_nothing_of_it_is_in_the_log_or_the_metrics(broken: Any) -> None:
    """Also of what runs by itself: who looks for settings, who waits for events."""
    async with broken.stranger() as client:
        assert CANARY not in (await client.get("/readyz")).text
        assert CANARY not in (await client.get("/metrics")).text
    text = broken.child.log.read_text()
    assert "request.failed" in text
    assert CANARY not in text
    assert "jane@" not in text
