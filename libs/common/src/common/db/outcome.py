"""The funnel: how many items of a step ended in which outcome; and what that makes of a job, for its owner."""

from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.model import Model
from common.domain.outcome import Enrichment, Outcome


class OutcomeCount(Model):
    outcome: Outcome
    rule: str
    count: int


async def insert_outcomes(
    connection: Connection, *, job_id: UUID, search_id: UUID, step: int, counts: list[OutcomeCount]
) -> None:
    """The outcomes of a fresh page. At commit the database checks that they sum to the step's items."""
    await connection.execute(
        """insert into step_outcomes (search_id, step, job_id, outcome, rule, count)
           select %(search_id)s, %(step)s, %(job_id)s, r.outcome, r.rule, r.count
           from jsonb_to_recordset(%(counts)s) r(outcome text, rule text, count int)""",
        {
            "job_id": job_id,
            "search_id": search_id,
            "step": step,
            "counts": Jsonb([count.model_dump(mode="json") for count in counts]),
        },
    )


class OutcomeMove(Model):
    """So many candidates of a step went from one outcome to another."""

    search_id: UUID
    step: int
    from_outcome: Outcome
    to_outcome: Outcome
    to_rule: str
    count: int


async def move_outcomes(connection: Connection, *, job_id: UUID, moves: list[OutcomeMove]) -> None:
    """Move counts between outcomes; the sum of a step does not change."""
    await connection.execute(
        """merge into step_outcomes o
           using (
               select search_id, step, outcome, rule, sum(delta)::int as delta from (
                   select search_id, step, from_outcome as outcome, '' as rule, -count as delta
                   from jsonb_to_recordset(%(moves)s) r(search_id uuid, step int, from_outcome text, count int)
                   union all
                   select search_id, step, to_outcome, to_rule, count
                   from jsonb_to_recordset(%(moves)s)
                       r(search_id uuid, step int, to_outcome text, to_rule text, count int)
               ) d group by 1, 2, 3, 4
           ) d on o.search_id = d.search_id and o.step = d.step and o.outcome = d.outcome and o.rule = d.rule
           when matched then update set count = o.count + d.delta
           when not matched then insert (search_id, step, job_id, outcome, rule, count)
               values (d.search_id, d.step, %(job_id)s, d.outcome, d.rule, d.delta)""",
        {"job_id": job_id, "moves": Jsonb([move.model_dump(mode="json") for move in moves])},
    )


class SearchFunnel(Model):
    """What the pages of one search brought."""

    kind: str
    query: str | None
    pages: int
    items_count: int
    outcomes: tuple[OutcomeCount, ...]


class JobFunnel(Model):
    """What became of everything that a job saw, over all and by search, in the order in which the job got them.
    `items_count` is the sum of `outcomes`. `enrichments` counts the creators and candidates whose profile was looked
    for, or was not needed."""

    items_count: int
    outcomes: tuple[OutcomeCount, ...]
    searches: tuple[SearchFunnel, ...]
    enrichments: dict[Enrichment, int]


async def read_funnel(connection: Connection, *, owner: str, job_id: UUID) -> JobFunnel | None:
    """In one snapshot; None if there is no such job or it is another's."""
    async with connection.cursor(row_factory=class_row(JobFunnel)) as cursor:
        await cursor.execute(
            """with counted as (
                   select search_id, outcome, rule, sum(count)::int as count from step_outcomes
                   where job_id = %(job_id)s group by 1, 2, 3 having sum(count) > 0
               ), seen as (
                   select search_id, coalesce(sum(items_count), 0)::int as count from steps
                   where job_id = %(job_id)s group by 1
               )
               select (select coalesce(sum(count), 0)::int from seen) as items_count,
                   (select coalesce(jsonb_agg(o), '[]') from (
                        select outcome, rule, sum(count)::int as count from counted group by 1, 2 order by 1, 2) o
                   ) as outcomes,
                   (select coalesce(jsonb_agg(jsonb_build_object('kind', q.kind, 'query', q.query,
                        'pages', q.pages_count, 'items_count', coalesce(s.count, 0),
                        'outcomes', coalesce(o.counts, '[]')) order by q.ordinal), '[]')
                    from searches q left join seen s on s.search_id = q.id left join (
                        select search_id, jsonb_agg(jsonb_build_object('outcome', outcome, 'rule', rule, 'count', count)
                            order by outcome, rule) as counts
                        from counted group by search_id) o on o.search_id = q.id
                    where q.job_id = j.id) as searches,
                   (select coalesce(jsonb_object_agg(e.enrichment, e.count), '{}') from (
                        select enrichment, count(*)::int as count from candidates
                        where job_id = %(job_id)s and enrichment is not null group by 1) e) as enrichments
               from jobs j where j.id = %(job_id)s and j.owner = %(owner)s""",
            {"owner": owner, "job_id": job_id},
        )
        return await cursor.fetchone()
