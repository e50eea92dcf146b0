"""What was stored before version 1 of the creator's shape is read as version 1 after it."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from common.domain.creator import Account, Content, Creator, EmailSource, Match, Statistics
from migrate.schema import upgrade

pytestmark = pytest.mark.server

AT = datetime(2026, 5, 1, tzinfo=UTC)
ACCOUNT = {"platform_id": "1", "handle": "mira", "bio": "mail a@ovens.studio", "links": ["https://a.b"], "region": "DE"}
VIDEO = {
    "platform_id": "v", "description": "soup", "url": None, "likes": 1, "comments": None, "shares": None, "views": 2,
    "posted_at": "2026-04-01T00:00:00Z",
}  # fmt: skip
FULL = {"account": ACCOUNT, "emails": ["a@ovens.studio"], "video": VIDEO, "hashtags": ["vegan"]}
DELIVERED_AT = datetime(2026, 5, 2, tzinfo=UTC)
BARE = {"account": {"platform_id": "2", "handle": "tobin"}, "emails": None, "video": None, "hashtags": []}
STATEMENTS = (
    "insert into owners (owner) values ('user:a')",
    """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
           parallel_searches_max, timeout, delay_between_calls, queue_until)
       values (gen_random_uuid(), 'user:a', 'a', 'tiktok', 'keyword', '{}', 5, 5, 5, 5, '1 h', '0', now())""",
    """insert into searches (id, job_id, ordinal, kind, query, status)
       select gen_random_uuid(), id, 0, 'hashtag', 'vegan', 'waiting' from jobs""",
    """insert into steps (id, search_id, step, job_id, phase)
       select gen_random_uuid(), id, 0, job_id, 'page' from searches""",
)


def test_old_rows_are_read_in_the_new_shape(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0003")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
        for details in (FULL, BARE):
            connection.execute(
                """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id,
                       assigned_step, outcome, handle, details, created_at)
                   select job_id, %s, search_id, 0, 0, search_id, 0, 'reserve', 'h', %s, %s from steps""",
                [details["account"]["platform_id"], Jsonb(details), AT],  # pyright: ignore
            )
        connection.execute(
            """insert into profiles (platform, platform_id, status, account, fetched_at)
               values ('p', '1', 'found', %s, now())""",
            [Jsonb(ACCOUNT)],
        )
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("select platform_id, details from candidates").fetchall()
        [(account,)] = connection.execute("select account from profiles").fetchall()
    found = {name: Creator.model_validate(details) for name, details in rows}
    full, bare = found["1"], found["2"]
    known = Account(platform_id="1", handle="mira", bio="mail a@ovens.studio", links=("https://a.b",), country="DE")
    assert Account.model_validate(account) == full.account == known
    assert [(email.address, email.sources, email.seen_at) for email in full.contact.emails or ()] == [
        ("a@ovens.studio", (EmailSource.BIO,), AT)
    ]
    assert full.contact.links == ("https://a.b",)
    assert full.content == Content(
        platform_id="v",
        text="soup",
        statistics=Statistics(likes=1, views=2),
        posted_at=datetime(2026, 4, 1, tzinfo=UTC),
        hashtags=("vegan",),
    )
    assert full.matched == Match(kind="hashtag", query="vegan")
    assert (bare.account, bare.contact.emails, bare.content) == (Account(platform_id="2", handle="tobin"), None, None)


def test_an_address_was_seen_by_the_delivery_and_none_found_is_not_none_looked_for(empty_database_url: str) -> None:
    """An account that was not there stays without one; somebody without a region has no country."""
    mailed: dict[str, Any] = {**FULL, "account": {"platform_id": "3", "handle": "ada"}}
    silent: dict[str, Any] = {**BARE, "account": {"platform_id": "4", "handle": "cy", "region": None}, "emails": []}
    upgrade(empty_database_url, "0003")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
        for seq, details in enumerate((mailed, silent)):
            connection.execute(
                """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id,
                       assigned_step, outcome, seq, handle, details, created_at, delivered_at)
                   select job_id, %s, search_id, 0, %s, search_id, 0, 'delivered', %s, 'h', %s, %s, %s from steps""",
                [details["account"]["platform_id"], seq, seq, Jsonb(details), AT, DELIVERED_AT],
            )
        connection.execute(
            "insert into profiles (platform, platform_id, status, fetched_at) values ('p', '5', 'not_found', now())"
        )
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("select platform_id, details, worth, likeness from candidates").fetchall()
        assert connection.execute("select status, account from profiles").fetchall() == [("not_found", None)]
        assert connection.execute("select filters, target from jobs").fetchall() == [({}, None)]
        assert connection.execute("select wave from searches").fetchall() == [(0,)]
    found = {name: Creator.model_validate(details) for name, details, _, _ in rows}
    assert [email.seen_at for email in found["3"].contact.emails or ()] == [DELIVERED_AT]
    assert (found["4"].contact.emails, found["4"].account.country) == ((), None)
    assert [(worth, likeness) for _, _, worth, likeness in rows] == [(0, None), (0, None)]
