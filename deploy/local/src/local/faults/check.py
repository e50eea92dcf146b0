"""What must hold of every job after every fault, seen from outside: SQL as the owner, the API, the upstream."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.faults.books import FINAL
from local.faults.frontend import Frontend
from local.faults.site import Before, Site
from local.faults.upstream import PROFILE, Call

# What a dead worker held of a job that others ended: its leases run out after 15 s, its open calls are settled by the
# next sweep after that, at most 15 s later. The rest is for a slow machine.
SETTLE_S = 75.0
NOTHING = Before(calls=0, handles=frozenset())


@dataclass(frozen=True, slots=True)
class End:
    """How a job is to end. `delivered` None: as many as were asked for if the target was reached, else any number."""

    status: str
    stop_reason: str
    delivered: int | None = None


REACHED = End("completed", "target_reached")


def check(site: Site, *ends: End, before: Before = NOTHING, settle_s: float = SETTLE_S) -> None:
    """All jobs ended as expected, in the order of their creation, and everything adds up. Raises AssertionError.

    `before` is what was bought when the last process died.
    """
    site.wait(lambda: _is_quiet(site), "no lease and no open call is left", settle_s)
    site.record.confirm("no step is left leased")
    site.record.confirm("no call is left open in the ledger")
    jobs = site.books.jobs()
    told = [(job["status"], job["stop_reason"]) for job in jobs]
    assert told == [(end.status, end.stop_reason) for end in ends], told
    for job, end in zip(jobs, ends, strict=True):
        assert job["status"] in FINAL
        site.record.confirm("the job ended as expected, for a named reason")
        _check_count(job, end)
        _check_creators(site, job)
        _check_poll(site, _frontend_of(site, job), job)
        _check_funnel(site, job)
        _check_sequence(site, job)
        _check_credits(site, job)
    _check_purchases(site)
    _check_profiles(site, before)


def _is_quiet(site: Site) -> bool:
    return not site.books.value(
        """select exists (select from steps where token is not null and lease_until > now())
               or exists (select from upstream_calls where status = 'open') as is_busy"""
    )


def _check_count(job: dict[str, Any], end: End) -> None:
    expected = job["target_results"] if end.stop_reason == "target_reached" else end.delivered
    assert expected in (None, job["delivered_count"]), (job["delivered_count"], end)
    assert job["delivered_count"] <= job["target_results"]


def _check_creators(site: Site, job: dict[str, Any]) -> None:
    rows = site.books.query(
        "select platform_id, handle from candidates where job_id = %(job)s and outcome = 'delivered'", job=job["id"]
    )
    assert len(rows) == job["delivered_count"]
    assert len({row["handle"] for row in rows}) == len(rows), "a creator was delivered twice"
    assert job["pending_count"] == job["reserve_count"] == 0
    site.record.confirm("creators are distinct, as many rows as the job counts; nobody pending or in reserve")


def _frontend_of(site: Site, job: dict[str, Any]) -> Frontend:
    return next(frontend for frontend in site.frontends if frontend.owner == job["owner"])


def _check_poll(site: Site, frontend: Frontend, job: dict[str, Any]) -> None:
    poll = frontend.poll(str(job["id"]), job["platform"])
    handles = [one["creator"]["uniqueId"] for result in poll["results"] for one in result["creators"]]
    assert poll["status"] == job["status"]
    assert poll["processedResults"] == len(handles) == len(set(handles)) == job["delivered_count"]
    assert (poll["error"] is not None) == (job["status"] == "error")
    view = frontend.read(str(job["id"]))
    assert (view["status"], view["stopReason"]) == (job["status"], job["stop_reason"])
    counts = view["counts"]
    assert counts["delivered"] == counts["outcomes"]["delivered"] == job["delivered_count"]
    assert counts["itemsSeen"] == sum(counts["outcomes"].values())
    assert counts["outcomes"]["pending"] == counts["outcomes"]["reserve"] == 0
    site.record.confirm("a poll and the job's page say what the database says")


def _check_funnel(site: Site, job: dict[str, Any]) -> None:
    steps = site.books.query(
        """select s.search_id, s.step, coalesce(s.items_count, 0) as items,
               (select coalesce(sum(o.count), 0) from step_outcomes o
                where o.search_id = s.search_id and o.step = s.step) as outcomes
           from steps s where s.job_id = %(job)s""",
        job=job["id"],
    )
    assert [step for step in steps if step["items"] != step["outcomes"]] == []
    delivered = site.books.value(
        "select coalesce(sum(count), 0) from step_outcomes where job_id = %(job)s and outcome = 'delivered'",
        job=job["id"],
    )
    assert delivered == job["delivered_count"]
    site.record.confirm("items seen are the sum of their outcomes, per step and per job")


def _check_sequence(site: Site, job: dict[str, Any]) -> None:
    rows = site.books.query(
        """select seq from job_events where job_id = %(job)s
           union all select seq from candidates where job_id = %(job)s and seq is not null""",
        job=job["id"],
    )
    assert sorted(row["seq"] for row in rows) == list(range(1, job["event_seq"] + 1)), "a gap or a repeat"
    site.record.confirm("events and creators are numbered without gap or repeat")


def _check_credits(site: Site, job: dict[str, Any]) -> None:
    charged = site.books.value(
        "select coalesce(sum(credits_charged), 0) from upstream_calls where job_id = %(job)s", job=job["id"]
    )
    assert job["credits_spent"] == charged
    assert job["credits_reserved"] == 0
    assert charged <= job["credits_max"]
    site.record.confirm("credits spent are those charged in the ledger, none reserved, within the limit")


def _check_purchases(site: Site) -> None:
    """Paid twice only where the ledger has a row for a named window: an answer that was lost, or a declared retry."""
    named = Counter(
        row["fingerprint"]
        for row in site.books.query(
            """select fingerprint from upstream_calls
               where status = 'unknown' or reason in ('ShapeError', 'unreadable')"""
        )
    )
    paid = Counter(_fingerprint(call) for call in site.upstream.calls() if call.is_paid)
    excess = {key: count for key, count in paid.items() if count > 1 + named[key]}
    assert excess == {}, "bought twice without a named window"
    site.record.confirm("nothing was bought twice but in a named window", len(paid))
    if twice := sum(count > 1 for count in paid.values()):
        site.record.confirm("bought twice, in a named window", twice)


def _fingerprint(call: Call) -> str:
    """As the ledger makes it."""
    asked = "&".join(f"{name}={value}" for name, value in sorted(call.params.items()))
    return hashlib.sha256(f"{call.path}?{asked}".encode()).hexdigest()


def _check_profiles(site: Site, before: Before) -> None:
    again = [
        call.handle
        for call in site.upstream.calls(PROFILE)
        if call.number > before.calls and call.handle in before.handles
    ]
    assert again == [], "profiles that were stored were bought again"
    site.record.confirm("profiles stored before the death were not bought again", len(before.handles))
