"""Two workers as processes spend as fast as they can: no cap is passed, and the switch stops within one call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.loopback import PLAIN_HTTP
from local.nats import Nats

from .crew import Crew, open_crew

SWITCH = "api.paid_calls"


@pytest.fixture
async def crew(
    database_url: str,
    service_database_url: Callable[[str], str],
    own_nats_server: Nats,
    sandbox_url: str,
    tmp_path: Path,
) -> AsyncIterator[Crew]:
    """Two workers at one sandbox whose profiles take a moment."""
    httpx.post(f"{sandbox_url}/_sandbox/latency", json={"profile": 0.05}, **PLAIN_HTTP).raise_for_status()
    async with open_crew(
        database_url=database_url,
        worker_url=service_database_url("worker"),
        nats_url=own_nats_server.url,
        folder=tmp_path,
    ) as crew:
        yield crew


def bought(sandbox_url: str) -> dict[str, Any]:
    return httpx.get(f"{sandbox_url}/_sandbox/calls", **PLAIN_HTTP).json()


async def test_jobs_of_two_workers_race_for_the_last_credit_of_the_day(
    crew: Crew, sandbox_url: str, record_property: Callable[[str, object], None]
) -> None:
    """What arrived at the upstream, what the ledger says and what was reserved: each within the next, and the cap."""
    cap = 100
    await crew.set("limits.credits_per_day", cap)
    for number in range(8):
        await crew.create(f"word{number}", owner=f"user:u{number}", target=60)
    # As if each had begun with a small grant: all ask for more, again and again.
    await crew.query("update jobs set credits_granted = 5, credits_of_day = 5")
    await crew.query("update owner_days set credits_granted = 5")
    await crew.query("update spending_days set credits_granted = 40")
    for _ in range(2):
        crew.start_worker(sandbox_url)
    await crew.until(crew.all_ended)
    [books] = await crew.query(
        """select (select sum(credits_spent + credits_reserved)::int from jobs) as used,
               (select sum(credits_granted)::int from jobs) as held,
               (select sum(coalesce(credits_charged, credits_reserved))::int from upstream_calls) as ledger,
               (select count(*)::int from upstream_calls) as calls,
               (select sum(credits_granted)::int from spending_days) as counted"""
    )
    arrived = bought(sandbox_url)
    assert arrived["total"] <= books["calls"]
    assert arrived["credits"] <= books["ledger"] == books["used"] <= books["held"] <= books["counted"] <= cap
    jobs = (await crew.jobs()).values()
    assert "credit_limit" in {job["stop_reason"] for job in jobs}
    assert arrived["credits"] >= cap - 8, "and little of it lies idle"
    record_property(
        "told", f"a day's cap of {cap} credits, raced for by 8 jobs in 2 processes: {arrived['credits']} spent"
    )


async def test_the_switch_stops_two_workers_within_one_call_and_loses_nothing(
    crew: Crew, sandbox_url: str, record_property: Callable[[str, object], None]
) -> None:
    """No row of the ledger is younger than the switch; thrown back, every job ends as it would have."""
    workers = [crew.start_worker(sandbox_url) for _ in range(2)]
    jobs = [await crew.create(f"word{number}", owner=f"user:u{number}", target=40) for number in range(4)]
    stops = 0
    for _ in range(3):

        async def are_ten_under_way() -> bool:
            [row] = await crew.query("select count(*)::int as count from upstream_calls where status = 'open'")
            return row["count"] >= 10 or await crew.all_ended()

        await crew.until(are_ten_under_way)
        await crew.set(SWITCH, "stopped")
        [thrown] = await crew.query("select clock_timestamp() as at, count(*)::int as calls from upstream_calls")
        stops += 1
        await asyncio.sleep(1.5)
        [after] = await crew.query("select max(opened_at) as last, count(*)::int as calls from upstream_calls")
        assert after["calls"] == thrown["calls"]
        assert after["last"] < thrown["at"]
        assert bought(sandbox_url)["total"] <= thrown["calls"]
        await crew.set(SWITCH, "allowed")
    await crew.until(crew.all_ended)
    ended = await crew.jobs()
    assert {ended[job]["stop_reason"] for job in jobs} == {"target_reached"}
    assert all(ended[job]["delivered_count"] == 40 for job in jobs)
    assert bought(sandbox_url)["paid"]["duplicates"] == 0
    assert all(worker.is_running for worker in workers)
    record_property("told", f"the switch thrown {stops} times amid ten calls or more: none began after it")


async def test_a_minutes_cap_holds_over_two_workers(
    crew: Crew, sandbox_url: str, record_property: Callable[[str, object], None]
) -> None:
    await crew.set("limits.credits_per_minute", 30)
    for _ in range(2):
        crew.start_worker(sandbox_url)
    for number in range(4):
        await crew.create(f"word{number}", owner=f"user:u{number}", target=40)

    async def is_used_up() -> bool:
        rows = await crew.query("select * from spending_minutes where credits = 30")
        return bool(rows)

    await crew.until(is_used_up)
    await asyncio.sleep(2)
    minutes = await crew.query(
        """select m.minute, m.credits, sum(c.credits_reserved)::int as reserved from spending_minutes m
           join upstream_calls c on date_trunc('minute', c.opened_at, 'UTC') = m.minute group by 1, 2"""
    )
    assert minutes
    assert all(row["reserved"] == row["credits"] <= 30 for row in minutes)
    attempts = await crew.query("select max(attempts) as most from steps where phase in ('page', 'enrichment')")
    assert (attempts[0]["most"] or 0) <= 1, "nobody's attempt is used by waiting"
    record_property("told", f"a minute's cap of 30 credits over 2 processes: {[row['reserved'] for row in minutes]}")
