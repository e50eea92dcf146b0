"""What each platform understands, and whether its upstream may be called now."""

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.handle import HandleRule
from common.domain.model import Model


class Ability(Model):
    """What a platform's worker says at its start. `handles` tells how people write the names of its accounts."""

    platform: str
    label: str
    modes: tuple[str, ...]
    search_kinds: tuple[str, ...]
    filters: tuple[str, ...] = ()
    handles: HandleRule | None = None


class PlatformRow(Ability):
    """`is_open`: it may be called. `is_probe_due`: its pause is over and one call may try. `resumed_for` is how long
    ago the last pause ended, None if there was none. `is_held`: no call of any platform may begin just now, because
    paid calls are stopped or the credits of this minute are used up."""

    reason: str | None
    until: datetime | None
    is_open: bool
    is_probe_due: bool
    resumed_for: timedelta | None
    is_held: bool


async def announce_platform(connection: Connection, ability: Ability) -> None:
    """A worker says at its start what its platform understands."""
    await connection.execute(
        """insert into platform_states (platform, label, modes, search_kinds, filters, handles)
           values (%(platform)s, %(label)s, %(modes)s, %(search_kinds)s, %(filters)s, %(handles)s)
           on conflict (platform) do update set label = excluded.label, modes = excluded.modes,
               search_kinds = excluded.search_kinds, filters = excluded.filters, handles = excluded.handles,
               announced_at = now()""",
        {
            "platform": ability.platform,
            "label": ability.label,
            "modes": list(ability.modes),
            "search_kinds": list(ability.search_kinds),
            "filters": list(ability.filters),
            "handles": Jsonb(ability.handles.model_dump(mode="json")) if ability.handles else None,
        },
    )


async def read_platform(connection: Connection, *, platform: str) -> PlatformRow | None:
    """None if no worker of this platform ever started."""
    async with connection.cursor(row_factory=class_row(PlatformRow)) as cursor:
        await cursor.execute(
            """select platform, label, modes, search_kinds, filters, handles, reason, until,
                   state = 'open' as is_open, state <> 'open' and coalesce(until <= now(), false) as is_probe_due,
                   now() - resumed_at as resumed_for,
                   s.is_stopped or coalesce(s.minute_credits >= s.minute_max, false) as is_held
               from platform_states, spending s where platform = %(platform)s""",
            {"platform": platform},
        )
        return await cursor.fetchone()


async def pause_platform(connection: Connection, *, platform: str, state: str, reason: str, lasts: timedelta) -> None:
    """Let every worker of the platform wait. A longer wait or an operator's pause is never shortened."""
    await connection.execute(
        """update platform_states set state = %(state)s, reason = %(reason)s, until = now() + %(lasts)s,
               prober = null, changed_at = now()
           where platform = %(platform)s and (state = 'open' or prober is not null or until < now() + %(lasts)s)""",
        {"platform": platform, "state": state, "reason": reason, "lasts": lasts},
    )


async def take_probe(connection: Connection, *, platform: str, prober: UUID, lasts: timedelta) -> bool:
    """The right to make the one call that tries after a pause, for `lasts`: longer than a call can take. False if the
    pause is not over or somebody else tries just now."""
    cursor = await connection.execute(
        """update platform_states set prober = %(prober)s, until = now() + %(lasts)s, changed_at = now()
           where platform = %(platform)s and state <> 'open' and until <= now() returning 1""",
        {"platform": platform, "prober": prober, "lasts": lasts},
    )
    return await cursor.fetchone() is not None


async def return_probe(connection: Connection, *, platform: str, prober: UUID, lasts: timedelta) -> None:
    """The probe told nothing: another call may try after `lasts`."""
    await connection.execute(
        """update platform_states set prober = null, until = now() + %(lasts)s, changed_at = now()
           where platform = %(platform)s and state <> 'open' and prober = %(prober)s""",
        {"platform": platform, "prober": prober, "lasts": lasts},
    )


async def open_platform(connection: Connection, *, platform: str, prober: UUID) -> bool:
    """The probe went well: the platform is open again. False if it was not this call's to try any more."""
    cursor = await connection.execute(
        """update platform_states set state = 'open', reason = null, until = null, prober = null, changed_at = now(),
               resumed_at = now()
           where platform = %(platform)s and state <> 'open' and prober = %(prober)s returning 1""",
        {"platform": platform, "prober": prober},
    )
    return await cursor.fetchone() is not None


async def stop_platform(connection: Connection, *, platform: str) -> bool:
    """An operator's pause: no call, and no probe either, until it is resumed. False if there is no such platform."""
    cursor = await connection.execute(
        """update platform_states set state = 'paused', reason = 'operator', until = null, prober = null,
               changed_at = now()
           where platform = %(platform)s returning 1""",
        {"platform": platform},
    )
    return await cursor.fetchone() is not None


async def resume_platform(connection: Connection, *, platform: str) -> bool:
    """An operator ends whatever pause there is. False if there is no such platform."""
    cursor = await connection.execute(
        """update platform_states set state = 'open', reason = null, until = null, prober = null, changed_at = now(),
               resumed_at = now()
           where platform = %(platform)s returning 1""",
        {"platform": platform},
    )
    return await cursor.fetchone() is not None
