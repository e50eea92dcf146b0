"""What must hold after every move, looked up in one snapshot."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .plant import CREDITS_OF_ALL, OWNER_LIMIT
from .world import World

FINAL = ("completed", "error", "timeout", "cancelled")
REACHED_FROM = {
    "pending": {"pending", "processing", *FINAL},
    "processing": {"processing", *FINAL},
    **{status: {status} for status in FINAL},
}

JOBS = """
    select j.*, array(select row(c.platform_id, c.seq)::text from candidates c
                      where c.job_id = j.id and c.outcome = 'delivered' order by c.seq) as creators,
        (select count(*) from candidates c where c.job_id = j.id and c.outcome = 'pending') as pending_rows,
        (select count(*) from candidates c where c.job_id = j.id and c.outcome = 'reserve') as reserve_rows,
        array(select seq from candidates c where c.job_id = j.id and seq is not null
              union all select seq from job_events e where e.job_id = j.id order by 1) as seqs,
        (select count(*) from job_events e where e.job_id = j.id and e.kind = 'ended') as ends,
        (select count(*) from searches s where s.job_id = j.id and s.status <> 'ended') as open_searches
    from jobs j where j.id = any(%(jobs)s) order by j.id"""
CALLS = """
    select job_id, id, token, kind, fingerprint, status, reason, credits_reserved, credits_charged
    from upstream_calls where job_id = any(%(jobs)s)"""
WRONG_STEPS = """
    select s.search_id, s.step, s.items_count from steps s where s.job_id = any(%(jobs)s)
        and coalesce(s.items_count, 0)
            <> (select coalesce(sum(count), 0) from step_outcomes o
                where o.search_id = s.search_id and o.step = s.step)"""
WRONG_OUTCOMES = """
    select * from (
        select search_id, step, outcome, sum(count) as count from step_outcomes where job_id = any(%(jobs)s)
            and outcome in ('delivered', 'filtered', 'private', 'seen_before', 'surplus', 'pending', 'reserve')
        group by 1, 2, 3 having sum(count) > 0) o
    full join (
        select search_id, step, outcome, count(*) as count from candidates where job_id = any(%(jobs)s)
        group by 1, 2, 3) c using (search_id, step, outcome)
    where o.count is distinct from c.count"""
OUT_OF_TURN = """
    select w.id from jobs w join jobs a on a.owner = w.owner and a.admitted_at is not null
        and (w.queued_at, w.id) < (a.queued_at, a.id)
    where w.id = any(%(jobs)s) and w.status = 'pending' and w.admitted_at is null and w.queue_until > now()
        and a.status in ('pending', 'processing') and w.queued_at < a.admitted_at"""
STATE = "select *, until is null or until > now() as is_waiting from platform_states where state <> 'open'"
INTRUDERS = """
    select c.id from upstream_calls c join platform_states p on p.platform = c.platform
    where c.job_id = any(%(jobs)s) and p.state <> 'open' and p.prober is not null and c.id <> p.prober
        and c.opened_at > p.changed_at"""
QUOTAS = """
    select owner from (select owner, sum(credits_granted) as granted from jobs where id = any(%(jobs)s) group by 1) j
    full join (select owner, sum(credits_granted) as granted from owner_days where owner = any(%(owners)s) group by 1) d
        using (owner)
    where j.granted > coalesce(d.granted, 0) or (not %(has_day_passed)s and j.granted is distinct from d.granted)"""
DAYS = """
    select day, o.granted, a.credits_granted from (
        select day, sum(credits_granted) as granted from owner_days where owner = any(%(owners)s) group by 1) o
    full join spending_days a using (day)
    where coalesce(o.granted, 0) <> coalesce(a.credits_granted, 0) or a.credits_granted > %(credits_of_all)s"""
CUT_SHORT = """
    select s.search_id, s.step from steps s join jobs j on j.id = s.job_id
    where j.id = any(%(jobs)s) and s.phase = 'enrichment'
        and j.stop_reason in ('target_reached', 'exhausted', 'call_limit', 'credit_limit')"""

# Statements that find nothing, and what they promise by that.
NONE_OF = (
    (WRONG_STEPS, "the funnel of a step adds up"),
    (WRONG_OUTCOMES, "the funnel counts the candidates"),
    (OUT_OF_TURN, "an owner's jobs start in their order"),
    (INTRUDERS, "after a pause one call tries alone"),
    (CUT_SHORT, "no enrichment is cut short by an end that could wait for it"),
    (QUOTAS, "what an owner's jobs are granted is counted"),
    (DAYS, "what all owners' jobs are granted is counted, and never more than the cap of all"),
)
Row = Mapping[str, Any]


@dataclass
class Books:
    """What was seen at the last look, to compare with."""

    world: World
    jobs: dict[UUID, Row] = field(default_factory=dict[UUID, Row])
    calls: dict[UUID, set[UUID]] = field(default_factory=dict[UUID, set[UUID]])
    ledger: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    overtaken: dict[UUID, set[UUID]] = field(default_factory=dict[UUID, set[UUID]])  # calls by token
    is_paused: bool = False
    pauses_ended: int = 0

    def check(self) -> None:
        if not self.world.jobs:
            return
        observer = self.world.plant.observer
        with observer.transaction():
            observer.execute("set transaction isolation level repeatable read, read only")
            ours = {
                "jobs": self.world.jobs,
                "owners": sorted(self.world.owners),
                # A job that leaves more than its last day counts leaves it there.
                "has_day_passed": self.world.has_day_passed,
                "credits_of_all": CREDITS_OF_ALL,
            }
            jobs, calls, states = (observer.execute(statement, ours).fetchall() for statement in (JOBS, CALLS, STATE))
            for statement, promise in NONE_OF:
                found = observer.execute(statement, ours).fetchall()
                assert found == [], f"{promise}: {found}"
        self._check_calls(calls, is_waiting=bool(states) and states[0]["is_waiting"])
        for job in jobs:
            self._check_job(job, [call for call in calls if call["job_id"] == job["id"]])
        self._check_owners(jobs)
        self.ledger = calls
        self.jobs = {job["id"]: job for job in jobs}
        self.calls = {job["id"]: {call["id"] for call in calls if call["job_id"] == job["id"]} for job in jobs}
        self.pauses_ended = self.world.pauses_ended
        self.is_paused = bool(states) and states[0]["is_waiting"] and states[0]["prober"] is None

    def check_end(self) -> None:
        """Everything was delivered and swept for long enough."""
        self.check()
        for job in self.jobs.values():
            assert job["status"] in FINAL, f"a job does not end: {job}\n{self._steps(job['id'])}"
            assert job["stop_reason"], "a final job has a named reason"
            assert job["pending_count"] == job["reserve_count"] == 0
            assert job["open_searches"] == 0
            assert job["credits_reserved"] == 0, "no call is open"
            assert job["credits_granted"] == job["credits_spent"], "what was not spent is given back"
            self.world.plant.tally[f"end: {job['status']} {job['stop_reason']}"] += 1
        for call in self.ledger:
            self.world.plant.tally[f"call: {call['kind']} {call['status']} {call['reason']}"] += 1

    def _steps(self, job_id: UUID) -> str:
        rows = self.world.plant.observer.execute("select * from steps where job_id = %s order by 2, 3", [job_id])
        return "\n".join(str(row) for row in rows.fetchall())

    def _check_calls(self, calls: list[dict[str, Any]], *, is_waiting: bool) -> None:
        upstream = self.world.plant.upstream
        rows = Counter(call["fingerprint"] for call in calls)
        counted: Counter[str] = Counter()
        clean: Counter[str] = Counter()
        for call in calls:
            is_open = call["status"] == "open"
            counted[call["fingerprint"]] += call["credits_reserved"] if is_open else call["credits_charged"]
            clean[call["fingerprint"]] += call["status"] == "settled" and call["reason"] is None
        for key, count in upstream.arrived.items():
            assert count <= rows[key], "no call without its row in the ledger"
            assert upstream.billed[key] <= counted[key], "what was billed is counted"
        for key, count in clean.items():
            assert count <= 1 + self.world.crew.excused[key], f"what was bought well is not bought again: {key}"
        for token in self.world.crew.overtaken:
            bought = {call["id"] for call in calls if call["token"] == token}
            assert bought <= self.overtaken.setdefault(token, bought), "who lost the step buys nothing"
        if self.world.stopped_with is not None:
            assert {call["id"] for call in calls} <= self.world.stopped_with, "no call is opened once calls are stopped"
        if self.is_paused and is_waiting and self.pauses_ended == self.world.pauses_ended:
            before = set().union(*self.calls.values()) if self.calls else set()
            assert {call["id"] for call in calls} <= before, "no call is opened under a pause"

    def _check_job(self, job: Row, calls: list[dict[str, Any]]) -> None:
        assert len(job["creators"]) == job["delivered_count"]
        assert job["pending_rows"] == job["pending_count"]
        assert job["reserve_rows"] == job["reserve_count"]
        taken = job["delivered_count"] + job["pending_count"]
        assert taken <= job["target_results"]
        assert not job["reserve_count"] or taken == job["target_results"], "the reserve fills the open places first"
        assert job["seqs"] == list(range(1, job["event_seq"] + 1)), "one order without gaps or repeats"
        reserved = sum(call["credits_reserved"] for call in calls if call["status"] == "open")
        assert job["credits_reserved"] == reserved
        assert job["credits_spent"] == sum(call["credits_charged"] or 0 for call in calls)
        assert job["credits_spent"] + job["credits_reserved"] <= job["credits_max"]
        assert job["credits_spent"] + job["credits_reserved"] <= job["credits_granted"] <= job["credits_max"]
        assert job["calls_count"] == len(calls)
        assert job["pages_count"] <= job["pages_max"]
        assert job["pages_count"] <= sum(call["kind"] == "page" for call in calls)
        is_final = job["status"] in FINAL
        assert job["ends"] == job["run"] - (not is_final), "each run ends once"
        before = self.jobs.get(job["id"])
        if before is not None:
            self._check_change(before, job, {call["id"] for call in calls})

    def _check_change(self, before: Row, after: Row, calls: set[UUID]) -> None:
        assert after["creators"][: len(before["creators"])] == before["creators"], "what was delivered stays"
        if before["run"] != after["run"]:
            assert before["run"] < after["run"]
            assert before["status"] != "cancelled"
            return
        assert after["status"] in REACHED_FROM[before["status"]], "only a legal transition"
        assert after["progress"] >= before["progress"]
        assert after["event_seq"] >= before["event_seq"]
        if before["status"] in FINAL:
            for name in ("stop_reason", "target_results", "delivered_count", "ended_at", "progress", "creators"):
                assert before[name] == after[name], f"a final job does not change: {name}"
            assert calls == self.calls[after["id"]], "no call is opened after the end"

    def _check_owners(self, jobs: list[dict[str, Any]]) -> None:
        admitted = Counter(
            job["owner"] for job in jobs if job["status"] not in FINAL and job["admitted_at"] is not None
        )
        assert all(count <= OWNER_LIMIT for count in admitted.values()), "no more at once than an owner may"
