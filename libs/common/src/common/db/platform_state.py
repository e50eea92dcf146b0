"""What each platform understands, and whether its upstream may be called now."""

from datetime import datetime, timedelta

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.model import Model


class PlatformRow(Model):
    """`waits` is how long the platform still waits, None if it may be called or only an operator ends the wait."""

    platform: str
    label: str
    modes: tuple[str, ...]
    search_kinds: tuple[str, ...]
    reason: str | None
    until: datetime | None
    is_open: bool
    waits: timedelta | None


async def announce_platform(
    connection: Connection, *, platform: str, label: str, modes: list[str], search_kinds: list[str]
) -> None:
    """A worker says at its start what its platform understands."""
    await connection.execute(
        """insert into platform_states (platform, label, modes, search_kinds)
           values (%(platform)s, %(label)s, %(modes)s, %(search_kinds)s)
           on conflict (platform) do update set label = excluded.label, modes = excluded.modes,
               search_kinds = excluded.search_kinds, announced_at = now()""",
        {"platform": platform, "label": label, "modes": modes, "search_kinds": search_kinds},
    )


async def read_platform(connection: Connection, *, platform: str) -> PlatformRow | None:
    """None if no worker of this platform ever started."""
    async with connection.cursor(row_factory=class_row(PlatformRow)) as cursor:
        await cursor.execute(
            """select platform, label, modes, search_kinds, reason, until,
                   state = 'open' or coalesce(until <= now(), false) as is_open,
                   case when state <> 'open' and until > now() then until - now() end as waits
               from platform_states where platform = %(platform)s""",
            {"platform": platform},
        )
        return await cursor.fetchone()


async def pause_platform(connection: Connection, *, platform: str, state: str, reason: str, lasts: timedelta) -> None:
    """Let every worker of the platform wait. A longer wait or an operator's pause is never shortened."""
    await connection.execute(
        """update platform_states set state = %(state)s, reason = %(reason)s, until = now() + %(lasts)s,
               changed_at = now()
           where platform = %(platform)s and (state = 'open' or until < now() + %(lasts)s)""",
        {"platform": platform, "state": state, "reason": reason, "lasts": lasts},
    )


async def open_platform(connection: Connection, *, platform: str) -> bool:
    """A call after the pause went well: the platform is open again. False if it was open already."""
    cursor = await connection.execute(
        """update platform_states set state = 'open', reason = null, until = null, changed_at = now()
           where platform = %(platform)s and state <> 'open' and until <= now() returning 1""",
        {"platform": platform},
    )
    return await cursor.fetchone() is not None
