"""Our side: the whole stack as it is deployed, jobs in it, and what they took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.row import BenchError
from local.client import FINAL, Gateway
from local.postgres import DATABASE
from local.stack import Stack
from local.usage import family_cpu_s

JOB_MAX_S = 180.0
POLL_S = 0.25
SETTINGS_ARE_KEPT_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job from its creation to its end, by the clock of Postgres. `chain_s` is the time of the page calls of its
    longest search, one after the other; `cpu` the processor seconds of each process meanwhile."""

    seconds: float
    chain_s: float
    pages: int
    calls: int
    creators: int
    cpu: dict[str, float]


class Site:
    """A running stack with nothing in it that an earlier job brought."""

    def __init__(self, stack: Stack) -> None:
        assert stack.postgres is not None
        self.stack = stack
        self.database_url = stack.postgres.database_url(DATABASE)
        self._gateway = Gateway(stack.gateway_url, stack.mint_token)
        self._campaign_id = self._gateway.create_campaign("Benchmark")

    def set_api(self, settings: Mapping[str, int]) -> None:
        """Settings of the category `api`, as an operator would."""
        for name, count in settings.items():
            self._execute(
                """insert into system_settings (category, key, value) values ('api', %s, %s::text::jsonb)
                   on conflict (category, key) do update set value = excluded.value""",
                [name, count],
            )
        time.sleep(SETTINGS_ARE_KEPT_S)

    def perform(self, keywords: Sequence[str], target: int) -> Run:
        """One job alone; no profile is known beforehand. Raises BenchError."""
        return self.perform_all([keywords], target)[0]

    def perform_all(self, jobs: Sequence[Sequence[str]], target: int) -> list[Run]:
        """Jobs at once; the processor seconds are those of all. Raises BenchError."""
        self._execute("truncate profiles")
        before = self._cpu()
        ids = [self._gateway.create_job(self._campaign_id, keywords, target) for keywords in jobs]
        for job_id in ids:
            self._await_end(job_id)
        after = self._cpu()
        cpu = {name: after[name] - before[name] for name in before}
        return [self._measured(job_id, cpu) for job_id in ids]

    def _await_end(self, job_id: str) -> None:
        began = time.monotonic()
        while self._gateway.read_job(job_id).status not in FINAL:
            self.stack.check()
            if time.monotonic() - began > JOB_MAX_S:
                raise BenchError(f"a job did not end within {JOB_MAX_S:.0f} s")
            time.sleep(POLL_S)

    def _measured(self, job_id: str, cpu: dict[str, float]) -> Run:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(
                """select j.status, extract(epoch from j.ended_at - j.created_at)::float, j.pages_count, j.calls_count,
                       j.delivered_count,
                       (select max(chain) from (select sum(milliseconds)::float / 1000 as chain from upstream_calls
                                                where job_id = j.id and kind = 'page' group by search_id) s)
                   from jobs j where j.id = %s""",
                [job_id],
            ).fetchone()
        assert row is not None
        status, seconds, pages, calls, creators, chain_s = row
        if status != "completed":
            raise BenchError(f"a job ended as {status}")
        return Run(seconds=seconds, chain_s=chain_s, pages=pages, calls=calls, creators=creators, cpu=cpu)

    def _cpu(self) -> dict[str, float]:
        return {child.name: family_cpu_s(child.pid) for child in self.stack.supervisor.children}

    def _execute(self, statement: str, parameters: list[Any] | None = None) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters)
