"""What became of everything that a job saw."""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.db.outcome import read_funnel
from gateway.answer.funnel import FunnelAnswer
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.conditional import answer_unless_known
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_id
from gateway.routes.job import PATH


@get(f"{PATH}/funnel")
async def read_own_funnel(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """In one snapshot, so that it always adds up."""
    wanted_id = read_id(job_id)
    read_parameters(request.scope["query_string"], ())
    async with gateway.door(principal).connection() as connection:
        funnel = await read_funnel(connection, owner=principal.owner, job_id=wanted_id)
    if funnel is None:
        raise not_found()
    content = FunnelAnswer.of(funnel).encoded()
    return answer_unless_known(content, request.scope, cache_control="private, no-cache")
