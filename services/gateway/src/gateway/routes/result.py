"""What a job delivered: the one shape of creator of all platforms, a page at a time."""

from collections.abc import Awaitable, Callable, Mapping

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.db.pool import Connection
from common.db.result import (
    ResultPlace,
    ResultQuery,
    ResultRow,
    list_alike,
    list_followed,
    list_found,
    read_result_head,
)
from gateway.answer.result import RESULT_SHAPE, ChosenPage, ResultAnswer, ResultPage, chosen
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.conditional import answer_unless_known
from gateway.criteria import CRITERIA, read_criteria
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import Sort, read_id, read_limit, read_place, read_sort, write_place
from gateway.routes.job import PATH
from gateway.selection import read_fields

PARAMETERS = CRITERIA | {"limit", "cursor", "sort", "fields"}

_LISTS: Mapping[Sort, Callable[[Connection, ResultQuery], Awaitable[list[ResultRow]]]] = {
    Sort.FOUND: list_found,
    Sort.LIKENESS: list_alike,
    Sort.FOLLOWERS: list_followed,
}


@get(f"{PATH}/results")
async def list_own_results(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """A page of creators; `nextCursor` asks for the next, null ends.

    In the order `found`, paging on brings everything that a running job finds, though null may end before it has found
    it. In the other orders nothing comes twice, but who is found meanwhile and belongs before the place reached is
    missed until it is read from the start again.
    """
    wanted_id = read_id(job_id)
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    limit, filters = read_limit(asked.get("limit")), read_criteria(asked)
    selection = read_fields(asked.get("fields"), RESULT_SHAPE)
    async with gateway.door(principal).connection() as connection:
        head = await read_result_head(connection, owner=principal.owner, job_id=wanted_id)
        if head is None:
            raise not_found()
        sort = read_sort(asked.get("sort"), head.mode)
        after = read_place(asked.get("cursor"), sort)
        query = ResultQuery(owner=principal.owner, job_id=wanted_id, after=after, count_max=limit + 1, filters=filters)
        rows = await _LISTS[sort](connection, query)
    shown = rows[:limit]
    answers = [ResultAnswer.of_row(row, head.platform) for row in shown]
    cursor = write_place(_place(shown[-1]), sort) if len(rows) > limit else None
    page = (
        ResultPage(items=answers, next_cursor=cursor)
        if selection is None
        else ChosenPage(items=[chosen(answer, selection) for answer in answers], next_cursor=cursor)
    )
    return answer_unless_known(page.encoded(), request.scope, cache_control="private, no-store")


def _place(row: ResultRow) -> ResultPlace:
    return ResultPlace(seq=row.seq, likeness=row.likeness, followers=row.followers)
