"""A few seconds of a busy system: how many creators' profiles it learned (deliveries come by whole steps, too coarse
for a few seconds), and what everybody did or waited for meanwhile."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import psycopg

from bench.row import BenchError
from local.loopback import PLAIN_HTTP
from local.stack import Stack
from local.usage import family_cpu_s

RUNNING: Final = "running"
PROFILE: Final = "profile"
_SAMPLE_S: Final = 0.2
_DOING: Final = """select coalesce(wait_event_type || ' ' || wait_event, %s) from pg_stat_activity
    where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()"""
_CALLS: Final = """select kind, count(*), sum(milliseconds)::float / 1000 from upstream_calls
    where settled_at > now() - make_interval(secs => %s) and http_status = 200 group by kind"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Profiles of so many `creators` were learned in `seconds`. `cores` are processors kept busy, by process; `idle`
    the share of the machine's that nobody used. `doing` counts what Postgres was seen at; `waiting` are the steps that
    no worker had been given, `in_hand` those that one had; `calls` how many paid calls were under way on the average,
    by kind."""

    seconds: float
    creators: int
    cores: dict[str, float]
    idle: float
    doing: Counter[str]
    waiting: float
    in_hand: float
    calls: dict[str, float]

    @property
    def per_s(self) -> float:
        return self.creators / self.seconds


def watch(stack: Stack, database_url: str, seconds: float) -> Seen:
    """Raises BenchError if nothing was learned."""
    assert stack.nats is not None
    doing: Counter[str] = Counter()
    lags: list[tuple[int, int]] = []
    with psycopg.connect(database_url, autocommit=True) as connection, httpx.Client(**PLAIN_HTTP) as http:
        busy, machine, began = _busy(stack), _machine(), time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            doing.update(row[0] for row in connection.execute(_DOING, [RUNNING]).fetchall())
            lags.append(lag(http, stack.nats.monitor_url))
            time.sleep(min(_SAMPLE_S, seconds - passed))
        passed = time.monotonic() - began
        busy_after, machine_after = _busy(stack), _machine()
        calls = {kind: (count, held) for kind, count, held in connection.execute(_CALLS, [passed]).fetchall()}
    stack.check()
    if PROFILE not in calls:
        raise BenchError(f"no profile was learned within {seconds:.0f} s")
    waiting, in_hand = zip(*lags, strict=True)
    return Seen(
        seconds=passed,
        creators=calls[PROFILE][0],
        cores={name: (busy_after[name] - busy[name]) / passed for name in busy},
        idle=(machine_after[0] - machine[0]) / (machine_after[1] - machine[1]),
        doing=doing,
        waiting=median(waiting),
        in_hand=median(in_hand),
        calls={kind: held / passed for kind, (_, held) in calls.items()},
    )


def _busy(stack: Stack) -> dict[str, float]:
    return {child.name: family_cpu_s(child.pid) for child in stack.supervisor.children}


def _machine() -> tuple[int, int]:
    """Idle and all time of the machine's processors since its start, in the kernel's ticks."""
    ticks: Sequence[int] = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def lag(http: httpx.Client, monitor_url: str) -> tuple[int, int]:
    """Steps that no worker was given yet, and those that one has in hand."""
    told = http.get(f"{monitor_url}/jsz?acc=STREAMS&consumers=true").raise_for_status().json()
    consumers = [
        consumer
        for account in told["account_details"]
        for stream in account["stream_detail"]
        for consumer in stream.get("consumer_detail") or ()
        if consumer["name"] == "tiktok"
    ]
    return sum(each["num_pending"] for each in consumers), sum(each["num_ack_pending"] for each in consumers)


def processors() -> int:
    return os.cpu_count() or 1
