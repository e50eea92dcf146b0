"""The database as its owner sees it, asked by psql in its own container: what a job came to, row by row."""

import json
from typing import Any

from ship.images.check import demand
from ship.images.compose import Compose

_PSQL = """
exec psql -h /var/run/postgresql -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-creatorscout}" \
    -qAtX -v ON_ERROR_STOP=1 "$@"
"""
_JOB = """
select j.status, j.stop_reason, j.target_results as target, j.delivered_count as delivered,
    j.pending_count + j.reserve_count as unsettled, j.credits_spent as spent, j.credits_reserved as reserved,
    j.event_seq as seq, extract(epoch from j.ended_at - j.created_at)::float as seconds,
    (select count(*) from candidates c where c.job_id = j.id and outcome = 'delivered') as creators,
    (select count(distinct platform_id) from candidates c where c.job_id = j.id and outcome = 'delivered') as people,
    (select count(*) from steps s where s.job_id = j.id and coalesce(s.items_count, 0) <> (
        select coalesce(sum(o.count), 0) from step_outcomes o where o.search_id = s.search_id and o.step = s.step
    )) as uneven,
    (select coalesce(sum(o.count), 0) from step_outcomes o
        where o.job_id = j.id and o.outcome = 'delivered') as counted,
    (select coalesce(sum(credits_charged), 0) from upstream_calls u where u.job_id = j.id) as charged,
    (select count(*) from upstream_calls u where u.job_id = j.id and u.status = 'open') as open,
    (select array_agg(seq order by seq) = array(select generate_series(1, j.event_seq)) from (
        select seq from job_events e where e.job_id = j.id
        union all select seq from candidates c where c.job_id = j.id and seq is not null
    ) numbered) as is_gapless
from jobs j where j.id = :'job'
"""
_PURCHASES = """
select fingerprint, count(*) as paid,
    count(*) filter (where status = 'unknown' or reason in ('ShapeError', 'unreadable')) as named
from upstream_calls where job_id = :'job' and credits_charged > 0
group by fingerprint having count(*) > 1 order by fingerprint
"""


class Books:
    """Questions in SQL; values go in by name (`:'job'`)."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose

    def query(self, statement: str, **values: str) -> list[dict[str, Any]]:
        asked = f"select coalesce(json_agg(t), '[]') from ({statement}) t;"  # noqa: S608  (ours, and values go by name)
        return json.loads(self._psql(asked, values))

    def order(self, statement: str, **values: str) -> None:
        """Change something."""
        self._psql(statement, values)

    def _psql(self, statement: str, values: dict[str, str]) -> str:
        named = [part for name, value in values.items() for part in ("-v", f"{name}={value}")]
        return self._compose.exec("postgres", "sh", "-c", _PSQL, "psql", *named, stdin=statement)

    def job(self, job_id: str) -> dict[str, Any]:
        [row] = self.query(_JOB, job=job_id)
        return row

    def judge(self, job_id: str) -> dict[str, Any]:
        """The job reached its target and everything adds up. Raises CheckError with what does not."""
        row = self.job(job_id)
        ended = (row["status"], row["stop_reason"])
        demand(ended == ("completed", "target_reached"), f"job {job_id} ended as {ended}")
        demand(row["delivered"] == row["target"] == row["counted"], f"job {job_id} delivered {row['delivered']}")
        demand(row["creators"] == row["people"] == row["delivered"], f"a creator of job {job_id} was delivered twice")
        demand(row["unsettled"] == 0 and row["open"] == 0, f"job {job_id} ended with something in hand")
        demand(row["uneven"] == 0, f"in {row['uneven']} steps of job {job_id} items are not the sum of outcomes")
        demand(row["spent"] == row["charged"] and row["reserved"] == 0, f"credits of job {job_id} do not add up")
        demand(row["is_gapless"], f"events and creators of job {job_id} have a gap or a repeat in their numbers")
        return row

    def bought_twice(self, job_id: str) -> tuple[int, int]:
        """Calls paid for again without a named window, and those within one."""
        rows = self.query(_PURCHASES, job=job_id)
        unnamed = sum(max(0, row["paid"] - 1 - row["named"]) for row in rows)
        return unnamed, sum(row["paid"] - 1 for row in rows) - unnamed
