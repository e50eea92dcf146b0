"""How often an owner may ask, and what answers say of limits (draft-ietf-httpapi-ratelimit-headers-11).

The rule: requests are counted in this process alone, by the owner whom a verified token names. Who sends no such token
is not counted: there is nothing to count by but an address, which many share and which a proxy tells or makes up.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from litestar.types import Scope

from common.db.pool import DATABASE_FAULTS
from common.db.quota import granted_today
from common.domain.setting import SystemSettings
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.problem import Kind, ProblemError
from gateway.quota import seconds_left_today

WINDOW_S = 60
_DAY_S = 86_400
_STATE = "limits"


class Standing(NamedTuple):
    """How a caller stands with one limit: so much is left of the quota for so many seconds."""

    name: str
    quota: int
    window_s: int
    remaining: int
    reset_s: int


def tell(scope: Scope, standing: Standing) -> None:
    """Have the answer to this request say so, whatever it will be."""
    scope["state"].setdefault(_STATE, []).append(standing)


def limit_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What was told of limits, as headers; none if nothing was."""
    standings: list[Standing] = scope["state"].get(_STATE, [])
    if not standings:
        return []
    policies = ", ".join(f'"{one.name}";q={one.quota};w={one.window_s}' for one in standings)
    states = ", ".join(f'"{one.name}";r={one.remaining};t={one.reset_s}' for one in standings)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", states.encode())]


class RequestLimit:
    """Counts each owner's requests in windows of a minute. All share one window, so that what is over is forgotten at
    once; it may let through twice the quota around its end."""

    def __init__(self, settings: Callable[[], SystemSettings], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._ends_at = 0.0
        self._counts: dict[str, int] = {}

    def admit(self, scope: Scope, principal: Principal) -> None:
        """Count this request. Raises ProblemError if its owner has asked too often."""
        quota = self._settings().limits.requests_per_owner_per_minute
        if quota is None:
            return
        now = self._monotonic()
        if now >= self._ends_at:
            self._ends_at = now + WINDOW_S
            self._counts = {}
        count = self._counts.get(principal.owner, 0) + 1
        self._counts[principal.owner] = count
        reset_s = math.ceil(self._ends_at - now)
        tell(scope, Standing("requests", quota, WINDOW_S, max(0, quota - count), reset_s))
        if count > quota:
            raise ProblemError(
                Kind.RATE_LIMITED,
                f"Your requests of this minute are used up: {quota} are allowed.",
                retry_after_s=reset_s,
            )


async def tell_credits(gateway: Gateway, scope: Scope, owner: str) -> None:
    """Have the answer say what is left of the owner's credits for today, if they are limited.

    It never fails: what is answered is decided already.
    """
    quota = gateway.resources.settings.latest().limits.credits_per_owner_per_day
    if quota is None:
        return
    try:
        async with gateway.resources.database.of(owner).connection() as connection:
            granted = await granted_today(connection, owner=owner)
    except DATABASE_FAULTS:
        return
    reset_s = seconds_left_today(gateway.resources.clock.now())
    tell(scope, Standing("credits", quota, _DAY_S, max(0, quota - granted), reset_s))
