"""Who asks."""

from litestar import Response, get
from litestar.di import NamedDependency

from common.db.owner import view_standing
from gateway.administrator import is_administrator
from gateway.answer.me import MeAnswer
from gateway.auth.principal import Principal
from gateway.composition import Gateway


@get("/api/v1/me")
async def read_me(gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]) -> Response[bytes]:
    """The session's user and owner, the limits in force for the owner and what is used of them."""
    settings = await gateway.resources.settings.current()
    async with gateway.door(principal).connection() as connection:
        standing = await view_standing(connection, owner=principal.owner)
    answer = MeAnswer.of(principal, settings.limits, standing, is_administrator=is_administrator(principal, settings))
    return Response(answer.encoded(), media_type="application/json")
