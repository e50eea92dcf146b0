"""What the owner's calls cost, also those of jobs that are gone."""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from common.db.usage import UsageKey, UsageQuery, list_usage, sum_usage
from gateway.answer.usage import UsagePage, UsageRowAnswer, UsageSumAnswer
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.conditional import answer_unless_known
from gateway.parameter import read_parameters
from gateway.query import read_limit
from gateway.usage import Group, read_groups, read_key, read_period, write_key

PATH = "/api/v1/usage"
PARAMETERS = frozenset({"from", "to", "groupBy", "limit", "cursor"})


@get(PATH)
async def read_own_usage(
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """Rows in the order of day, platform and job; `nextCursor` asks for the next page, null ends."""
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    limit, groups = read_limit(asked.get("limit")), read_groups(asked.get("groupBy"))
    period = read_period(asked.get("from"), asked.get("to"), today=gateway.resources.clock.now().date())
    query = UsageQuery(
        owner=principal.owner,
        since=period.first,
        until=period.last,
        by_day=Group.DAY in groups,
        by_platform=Group.PLATFORM in groups,
        by_job=Group.JOB in groups,
        after=read_key(asked.get("cursor"), groups),
        count_max=limit + 1,
    )
    async with gateway.door(principal).connection() as connection:
        rows = await list_usage(connection, query)
        total = await sum_usage(connection, owner=principal.owner, since=period.first, until=period.last)
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    page = UsagePage(
        first_day=period.first,
        last_day=period.last,
        items=[UsageRowAnswer.of(row) for row in shown],
        totals=UsageSumAnswer.of_sum(total),
        next_cursor=write_key(UsageKey(day=last.day, platform=last.platform, job_id=last.job_id), groups)
        if last
        else None,
    )
    return answer_unless_known(page.encoded(), request.scope, cache_control="private, no-cache")
