"""A job's paid calls, one after the other."""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.db.call import CallQuery, list_calls
from common.db.result import read_result_head
from common.domain.call import CallKind, CallStatus
from gateway.answer.call import CallAnswer, CallPage
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.conditional import answer_unless_known
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_cursor, read_id, read_limit, read_word, write_cursor
from gateway.routes.job import PATH

PARAMETERS = frozenset({"limit", "cursor", "kind", "status"})


@get(f"{PATH}/calls")
async def list_own_calls(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The oldest first; `nextCursor` asks for the next page, null ends."""
    wanted_id = read_id(job_id)
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    limit = read_limit(asked.get("limit"))
    query = CallQuery(
        owner=principal.owner,
        job_id=wanted_id,
        after=read_cursor(asked.get("cursor")),
        kind=read_word(CallKind, "kind", asked["kind"]) if "kind" in asked else None,
        status=read_word(CallStatus, "status", asked["status"]) if "status" in asked else None,
        count_max=limit + 1,
    )
    async with gateway.door(principal).connection() as connection:
        if await read_result_head(connection, owner=principal.owner, job_id=wanted_id) is None:
            raise not_found()
        rows = await list_calls(connection, query)
    shown = rows[:limit]
    page = CallPage(
        items=[CallAnswer.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )
    return answer_unless_known(page.encoded(), request.scope, cache_control="private, no-cache")
