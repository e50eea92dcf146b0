"""The funnel: how many items of a step ended in which outcome."""

from uuid import UUID

from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.model import Model
from common.domain.outcome import Outcome


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
