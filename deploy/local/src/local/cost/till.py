"""Runs jobs through a running stack and measures what each cost."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.child import wait_until
from local.client import FINAL, Creator, Gateway, Snapshot, UnsupportedError
from local.cost.bill import LACKING, Bill, Unavailable
from local.cost.run import ACCOUNT_PARAMETERS, PROFILE_PATHS, SIMILAR_KEYWORD, SIMILAR_KEYWORD_TARGET, Run
from local.faults.books import Books
from local.faults.upstream import Call, Upstream
from local.stack import Stack

JOB_S = 240.0
SETTLED_S = 30.0
_POLL_S = 0.25


class CostError(Exception):
    """A run could not be measured."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that has ended and whose last call is settled, as the gateway tells it."""

    id: str
    snapshot: Snapshot
    creators: list[Creator]
    seconds: float


class Till:
    """Runs one job after the other; the sandbox and its record belong to it meanwhile."""

    def __init__(self, stack: Stack, show: Callable[[str, Snapshot], None]) -> None:
        assert stack.postgres is not None
        url = stack.postgres.url
        self._stack = stack
        self._show = show
        self._gateway = Gateway(stack.gateway_url, stack.mint_token)
        self._upstream = Upstream(stack.url("sandbox"))
        self._books = Books(lambda: url)

    def run(self, runs: Sequence[Run]) -> list[Bill | Unavailable]:
        """A bill for every run, in their order. Raises CostError, GatewayError and ProcessError."""
        try:
            return [self._measure(run) for run in runs]
        finally:
            self._books.hang_up()

    def _measure(self, run: Run) -> Bill | Unavailable:
        try:
            asked_for = self._asked_for(run)
            known = self._known_profiles(run.platform)
            self._upstream.reset()
            job = self._perform(run.name, run.platform, asked_for)
        except UnsupportedError:
            return Unavailable(run=run)
        return self._bill(run, job, known)

    def _asked_for(self, run: Run) -> Mapping[str, Any]:
        if run.keyword is not None:
            return {"keywords": [run.keyword], "targetResults": run.target}
        small = {"keywords": [SIMILAR_KEYWORD], "targetResults": SIMILAR_KEYWORD_TARGET}
        found = self._perform(f"{run.name}: a target", run.platform, small).creators
        if not found:
            raise CostError(f"{run.name}: no creator was found to be the target")
        return {"targetUsername": found[0].handle, "targetResults": run.target}

    def _perform(self, phase: str, platform: str, body: Mapping[str, Any]) -> _Job:
        began = time.monotonic()
        job_id = self._gateway.start_job(platform, body)
        while time.monotonic() - began < JOB_S:
            self._stack.check()
            snapshot = self._gateway.read_job(job_id)
            self._show(phase, snapshot)
            if snapshot.status in FINAL:
                seconds = time.monotonic() - began
                self._await_settled(job_id)
                _, _, creators = self._gateway.poll(job_id, platform)
                return _Job(job_id, self._gateway.read_job(job_id), creators, seconds)
            time.sleep(_POLL_S)
        raise CostError(f"{phase}: the job did not end within {JOB_S:.0f} s")

    def _await_settled(self, job_id: str) -> None:
        """Calls that were under way at the job's end are paid for too."""
        open_calls = "select count(*) as open from upstream_calls where job_id = %(job)s and status = 'open'"

        def is_settled() -> bool:
            is_quiet = not any(call.is_in_flight for call in self._upstream.calls())
            return is_quiet and self._books.value(open_calls, job=job_id) == 0

        if not wait_until(is_settled, SETTLED_S):
            raise CostError(f"a call of job {job_id} is not settled after {SETTLED_S:.0f} s")

    def _known_profiles(self, platform: str) -> list[str]:
        rows = self._books.query(
            "select platform_id from profiles where platform = %(platform)s and fetched_at is not null",
            platform=platform,
        )
        return [row["platform_id"] for row in rows]

    def _bill(self, run: Run, job: _Job, known: list[str]) -> Bill:
        ended = job.snapshot
        calls = self._upstream.calls()
        enrichments = self._enrichments(job.id)
        return Bill(
            run=run,
            status=ended.status,
            stop_reason=ended.stop_reason,
            delivered=ended.delivered,
            with_email=sum(1 for creator in job.creators if creator.emails),
            pages=ended.pages,
            profiles=ended.profiles,
            credits=ended.credits,
            charged=sum(call.credits for call in calls),
            paid_count=sum(call.is_paid for call in calls),
            asked=tuple(_account(call) for call in calls if call.path == PROFILE_PATHS[run.platform]),
            candidate_count=self._books.value(
                "select count(*) as count from candidates where job_id = %(job)s", job=job.id
            ),
            enrichments={name: enrichments.get(name, 0) for name in LACKING},
            new_lacking_count=self._new_lacking_count(job.id, known),
            seconds=job.seconds,
        )

    def _enrichments(self, job_id: str) -> Mapping[str, int]:
        rows = self._books.query(
            """select enrichment, count(*) as count from candidates
               where job_id = %(job)s and enrichment is not null group by enrichment""",
            job=job_id,
        )
        return {row["enrichment"]: row["count"] for row in rows}

    def _new_lacking_count(self, job_id: str, known: list[str]) -> int:
        return int(
            self._books.value(
                """select count(*) as count from candidates
                   where job_id = %(job)s and enrichment = any(%(lacking)s) and platform_id <> all(%(known)s)""",
                job=job_id,
                lacking=list(LACKING),
                known=known,
            )
        )


def _account(call: Call) -> str:
    """Whom a call to a profile endpoint asked for."""
    return next((call.params[name] for name in ACCOUNT_PARAMETERS if name in call.params), "")
