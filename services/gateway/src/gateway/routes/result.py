"""What a job delivered: the one shape of creator of all platforms, a page at a time."""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.db.result import ResultPlace, ResultQuery, list_alike, list_found, read_result_head
from gateway.answer.result import ResultAnswer, ResultPage
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.etag import is_match, read_if_none_match, tag_of_content
from gateway.problem import not_found
from gateway.query import Sort, read_id, read_limit, read_place, read_sort, write_place
from gateway.routes.job import PATH

_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


@get(f"{PATH}/results")
async def list_own_results(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """A page of creators; `nextCursor` asks for the next, null ends.

    In the order `found`, paging on brings everything that a running job finds, though null may end before it has found
    it. In the order `likeness` nothing comes twice, but who is found meanwhile and is more alike than the place reached
    is missed until it is read from the start again.
    """
    asked = request.query_params
    wanted_id, limit = read_id(job_id), read_limit(asked.get("limit"))
    async with gateway.resources.database.connection() as connection:
        head = await read_result_head(connection, owner=principal.owner, job_id=wanted_id)
        if head is None:
            raise not_found()
        sort = read_sort(asked.get("sort"), head.mode)
        after = read_place(asked.get("cursor"), sort)
        query = ResultQuery(owner=principal.owner, job_id=wanted_id, after=after, count_max=limit + 1)
        rows = await (list_found if sort is Sort.FOUND else list_alike)(connection, query)
    shown = rows[:limit]
    last = ResultPlace(seq=shown[-1].seq, likeness=shown[-1].likeness) if len(rows) > limit else None
    page = ResultPage(
        items=[ResultAnswer.of(row, head.platform) for row in shown],
        next_cursor=write_place(last, sort) if last else None,
    )
    content = page.encoded()
    headers = {**_PRIVATE, "ETag": tag_of_content(content)}
    if is_match(read_if_none_match(request.scope), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
