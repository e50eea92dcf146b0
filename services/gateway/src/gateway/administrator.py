"""Who is an administrator, and the wall before what only they may do.

These routes are in the documentation, so they answer 403, not 404, to who may not use them.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from common.db.pool import Door
from common.domain.setting import SystemSettings
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.problem import Kind, ProblemError

Connected = ASGIConnection[Any, Any, Any, Any]


def is_administrator(principal: Principal, settings: SystemSettings) -> bool:
    """Whoever acts for an administrator is none."""
    return not principal.is_impersonated and principal.user_id in settings.limits.admin_user_ids


def forbidden() -> ProblemError:
    return ProblemError(Kind.FORBIDDEN, "Only administrators may use this address.")


def administrators_only(gateway: Gateway) -> Callable[[Connected, BaseRouteHandler], Awaitable[None]]:
    """The guard for a router: it stands before its handlers, whatever they do. A closure, because Litestar deep-copies
    what it is given."""

    async def guard(connection: Connected, _: BaseRouteHandler) -> None:
        principal = connection.user
        assert isinstance(principal, Principal)
        if not is_administrator(principal, await gateway.resources.settings.current()):
            raise forbidden()

    return guard


def everybodys(gateway: Gateway) -> Door:
    """The door to the rows of all owners, for what only administrators do."""
    return gateway.resources.database.of_everybody()
