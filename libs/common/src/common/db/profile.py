"""Profiles: what an account said of itself, shared by all jobs, bought by one worker at a time.

An answer that could not be read was paid for too: it is remembered, but for an hour only, since it says nothing of
the account.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.creator import Account
from common.domain.model import Model

# Longer than a call can last, a minute. Whoever lost a step's lease has claimed nothing for most of a lease, unless it
# lives and works on: its youngest claims are spared, so that what it is about to bring is not bought a second time.
CLAIM_LASTS = timedelta(seconds=75)
CLAIM_SPARED = timedelta(seconds=10)


class StoredProfile(Model):
    """`status` is found, not_found or unreadable; `account` is there if it was found."""

    platform_id: str
    status: str
    account: Account | None
    fetched_at: datetime


async def fresh_profiles(
    connection: Connection, *, platform: str, platform_ids: list[str], max_age: timedelta
) -> list[StoredProfile]:
    """Those of the accounts that were looked up within `max_age`."""
    async with connection.cursor(row_factory=class_row(StoredProfile)) as cursor:
        await cursor.execute(
            """select platform_id, status, account, fetched_at
               from profiles
               where platform = %(platform)s and platform_id = any(%(platform_ids)s)
                 and fetched_at > now() - case when status = 'unreadable' then least(%(max_age)s, interval '1 hour')
                                               else %(max_age)s end""",
            {"platform": platform, "platform_ids": platform_ids, "max_age": max_age},
        )
        return await cursor.fetchall()


class ProfileClaim(Model):
    """The right to buy one profile, for `lasts`: longer than the call can take."""

    platform: str
    platform_id: str
    token: UUID
    lasts: timedelta
    max_age: timedelta


async def claim_profile(connection: Connection, claim: ProfileClaim) -> bool:
    """Take the right to buy this profile; False if it is fresh or somebody else buys it just now."""
    cursor = await connection.execute(
        """insert into profiles (platform, platform_id, status, claimed_by, claimed_until)
           values (%(platform)s, %(platform_id)s, 'claimed', %(token)s, now() + %(lasts)s)
           on conflict (platform, platform_id) do update
               set claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until
               where (profiles.claimed_until is null or profiles.claimed_until < now()
                      or profiles.claimed_by = excluded.claimed_by)
                 and (profiles.fetched_at is null or profiles.fetched_at <= now()
                      - case when profiles.status = 'unreadable' then least(%(max_age)s, interval '1 hour')
                             else %(max_age)s end)
           returning 1""",
        claim.model_dump(),
    )
    return await cursor.fetchone() is not None


async def release_profile(connection: Connection, *, platform: str, platform_id: str, token: UUID) -> None:
    """Give the right back unused."""
    await connection.execute(
        """update profiles set claimed_by = null, claimed_until = null
           where platform = %(platform)s and platform_id = %(platform_id)s and claimed_by = %(token)s""",
        {"platform": platform, "platform_id": platform_id, "token": token},
    )


class SeenProfile(Model):
    """What the upstream said: `account` if the status is found, None if it is not_found or unreadable. `seen_at` is
    when it looked, None for now: its own cache may have answered."""

    platform: str
    platform_id: str
    status: str
    account: Account | None
    seen_at: datetime | None = None


async def store_profile(connection: Connection, profile: SeenProfile) -> None:
    """Keep it for all jobs, and give back whatever right there was to buy it."""
    await connection.execute(
        """insert into profiles (platform, platform_id, status, account, fetched_at)
           values (%(platform)s, %(platform_id)s, %(status)s, %(account)s, least(coalesce(%(seen_at)s, now()), now()))
           on conflict (platform, platform_id) do update
               set status = excluded.status, account = excluded.account, fetched_at = excluded.fetched_at,
                   claimed_by = null, claimed_until = null""",
        profile_values(profile),
    )


def profile_values(profile: SeenProfile) -> dict[str, Any]:
    """As parameters."""
    account = profile.account and Jsonb(msgspec.Raw(profile.account.model_dump_json().encode()))
    return {**profile.model_dump(exclude={"account"}), "account": account}
