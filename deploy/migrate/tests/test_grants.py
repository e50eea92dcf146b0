"""Who may do what to which table and column: these grants and no others. What a later migration adds is added here."""

from typing import Any

import psycopg
import pytest

pytestmark = [pytest.mark.server, pytest.mark.security]

ALL_FOUR = frozenset({"gateway", "webhook", "worker", "operator"})
STARTERS = frozenset({"gateway", "operator"})  # of another run of a job
GATEWAY, WEBHOOK, WORKER, OPERATOR = (frozenset({name}) for name in ("gateway", "webhook", "worker", "operator"))
NOBODY: frozenset[str] = frozenset()

# Of every table who may read, add and remove whole rows.
TABLES: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {
    "job_transitions": (ALL_FOUR, NOBODY, NOBODY),
    "schema_version": (ALL_FOUR, NOBODY, NOBODY),
    "owners": (ALL_FOUR, GATEWAY, NOBODY),
    "owner_days": (ALL_FOUR, ALL_FOUR, NOBODY),
    "campaigns": (GATEWAY, GATEWAY, GATEWAY),
    "jobs": (ALL_FOUR, GATEWAY, GATEWAY),
    "searches": (ALL_FOUR, GATEWAY | WORKER, NOBODY),
    "steps": (ALL_FOUR, ALL_FOUR, NOBODY),
    "step_outcomes": (ALL_FOUR, ALL_FOUR, NOBODY),
    "candidates": (ALL_FOUR, WORKER, NOBODY),
    "job_events": (STARTERS, ALL_FOUR, NOBODY),
    "upstream_calls": (ALL_FOUR, WORKER, NOBODY),
    "profiles": (WORKER, WORKER, NOBODY),
    "platform_states": (ALL_FOUR, WORKER, NOBODY),
    "dead_letters": (STARTERS, WEBHOOK | WORKER, NOBODY),
    "idempotency_keys": (GATEWAY, GATEWAY, WEBHOOK),
    "qstash_deliveries": (WEBHOOK, WEBHOOK, WEBHOOK),
    "system_settings": (ALL_FOUR, STARTERS, STARTERS),
    "setting_changes": (STARTERS, STARTERS, NOBODY),
}

# Of every table who may change which columns: nobody any other.
_ENDING = """status stop_reason error reference event_seq delivered_count pending_count reserve_count credits_reserved
    credits_spent credits_granted quota_day progress admitted_at started_at deadline_at ended_at updated_at"""
_STEP = """phase token lease_until attempts published_generation published_at qstash_message_id sweeps_count due_at
    done_at"""
_SETTLED = "outcome rule seq enrichment handle name followers verified has_email likeness details delivered_at"
CHANGED: tuple[tuple[str, frozenset[str], str], ...] = (
    ("owners", ALL_FOUR, "created_at"),  # that its row can be locked
    ("owner_days", ALL_FOUR, "credits_granted"),
    ("campaigns", GATEWAY, "name archived_at updated_at"),
    ("jobs", ALL_FOUR, _ENDING),
    ("jobs", STARTERS, "run target_results pages_max credits_max queued_at queue_until"),
    ("jobs", WORKER, "target pages_count calls_count"),
    ("searches", ALL_FOUR, "status end_reason ended_at"),
    ("searches", WORKER, "pages_count barren_pages"),
    ("steps", ALL_FOUR, _STEP),
    ("steps", STARTERS | WEBHOOK, "generation stream_sequence delivered_at redrives_count"),
    ("steps", STARTERS | WORKER, "claims_count claimed_sequence"),
    ("steps", WORKER, "items_count item_ids paged_at"),
    ("step_outcomes", ALL_FOUR, "count"),
    ("candidates", ALL_FOUR, _SETTLED),
    ("candidates", STARTERS | WORKER, "assigned_search_id assigned_step"),
    ("upstream_calls", ALL_FOUR, "status reason credits_charged settled_at"),
    ("upstream_calls", WORKER, "http_status milliseconds bytes"),
    ("profiles", WORKER, "status account fetched_at"),
    ("profiles", WORKER | WEBHOOK, "claimed_by claimed_until"),
    ("platform_states", WORKER, "label modes search_kinds filters handles announced_at"),
    ("platform_states", WORKER | OPERATOR, "state reason until prober changed_at resumed_at"),
    ("dead_letters", STARTERS, "resolved_at resolution resolved_by"),
    ("idempotency_keys", GATEWAY, "answer"),
    ("system_settings", STARTERS, "value description updated_by updated_at"),
)

# Who may read some columns of a table and no others.
READ: tuple[tuple[str, frozenset[str], str], ...] = (
    ("profiles", WEBHOOK, "claimed_by claimed_until"),
    ("idempotency_keys", WEBHOOK, "created_at"),
)

# Functions of ours that are called and do not only guard.
CALLED = {"read_version": GATEWAY}


def rows(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode(), values).fetchall()


@pytest.mark.parametrize("role", sorted(ALL_FOUR))
def test_the_grants_on_tables_are_these_and_no_others(database_url: str, role: str) -> None:
    granted = rows(
        database_url,
        """select c.relname, acl.privilege_type, acl.is_grantable from pg_class c, aclexplode(c.relacl) acl
           where acl.grantee = %s::regrole""",
        f"creatorscout_{role}",
    )
    kinds = ("SELECT", "INSERT", "DELETE")
    expected = {
        (table, kind, False)
        for table, roles in TABLES.items()
        for kind, who in zip(kinds, roles, strict=True)
        if role in who
    }
    assert set(granted) == expected


@pytest.mark.parametrize("role", sorted(ALL_FOUR))
def test_the_grants_on_columns_are_these_and_no_others(database_url: str, role: str) -> None:
    granted = rows(
        database_url,
        """select a.attrelid::regclass::text, acl.privilege_type, a.attname, acl.is_grantable
           from pg_attribute a, aclexplode(a.attacl) acl where acl.grantee = %s::regrole""",
        f"creatorscout_{role}",
    )
    expected = {
        (table, kind, column, False)
        for kind, lines in (("UPDATE", CHANGED), ("SELECT", READ))
        for table, who, columns in lines
        if role in who
        for column in columns.split()
    }
    assert set(granted) == expected


def test_every_table_is_named_here(database_url: str) -> None:
    tables = rows(database_url, "select tablename from pg_tables where schemaname = 'public'")
    assert {table for (table,) in tables} == set(TABLES)


def test_nothing_is_granted_to_everybody_nor_may_be_passed_on(database_url: str) -> None:
    """Functions can be called by everybody unless that is taken from them: those that only guard cannot be called at
    all, as what they return is a trigger."""
    open_tables = rows(
        database_url,
        """select c.relname from pg_class c, aclexplode(c.relacl) acl
           where c.relnamespace = 'public'::regnamespace and acl.grantee = 0""",
    )
    assert open_tables == []
    functions = rows(
        database_url,
        """select p.proname, array(select acl.grantee::regrole::text from aclexplode(p.proacl) acl
               where acl.grantee <> p.proowner order by 1)
           from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype""",
    )
    assert dict(functions) == {name: [f"creatorscout_{one}" for one in sorted(who)] for name, who in CALLED.items()}


@pytest.mark.parametrize("role", sorted(ALL_FOUR))
def test_a_group_has_no_rights_of_its_own(database_url: str, role: str) -> None:
    """And neither owns anything nor is a member of anything."""
    rights = rows(
        database_url,
        """select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
           from pg_roles where rolname = %s""",
        f"creatorscout_{role}",
    )
    assert rights == [(False,) * 6]
    owned = "select from pg_class where relowner = any(array[%s, %s]::regrole[])"
    assert rows(database_url, owned, f"creatorscout_{role}", role) == []
    memberships = "select from pg_auth_members where member = %s::regrole"
    assert rows(database_url, memberships, f"creatorscout_{role}") == []
    of_login = "select roleid::regrole::text from pg_auth_members where member = %s::regrole"
    assert rows(database_url, of_login, role) == [(f"creatorscout_{role}",)]
