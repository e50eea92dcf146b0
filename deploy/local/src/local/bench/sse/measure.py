"""One measurement: jobs, their watchers, the pages, and what came of it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.bench.sse.order import Order
from local.bench.sse.watcher import Watcher, open_watchers, until_over
from local.child import Child, ProcessError, plain_environment
from local.postgres import DATABASE
from local.stack import Stack
from local.usage import cpu_s

CONNECT_MAX_S = 60.0
OVER_MAX_S = 90.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A page's events of a job, from `first` to `last`, and when they were committed."""

    job: str
    at: float
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`faulty` are the watchers that did not see every event once and in order. Lags are in seconds, sorted."""

    order: Order
    commits: int
    events: int
    faulty: int
    lags: Sequence[float]
    seconds: float
    cpu_seconds: float
    bytes_before: int
    bytes_watched: int
    bytes_after: int

    def lag_ms(self, share: float) -> float:
        """What this share of all events took at most, from commit to client."""
        return 1000 * self.lags[min(len(self.lags) - 1, int(share * len(self.lags)))] if self.lags else 0.0

    @property
    def kb_per_watcher(self) -> float:
        return (self.bytes_watched - self.bytes_before) / self.order.watchers / 1024


def judge(watchers: Sequence[Watcher], commits: Sequence[Commit], heads: dict[str, int]) -> tuple[int, list[float]]:
    """How many watchers did not see everything once and in order, and the lag of every event of a page."""
    faulty = 0
    lags: list[float] = []
    by_job: dict[str, list[Commit]] = {}
    for commit in commits:
        by_job.setdefault(commit.job, []).append(commit)
    for watcher in watchers:
        numbers = [number for number, _ in watcher.seen]
        faulty += numbers != list(range(1, heads[watcher.job_id] + 1))
        when = dict(watcher.seen)
        lags += [
            when[number] - commit.at
            for commit in by_job.get(watcher.job_id, ())
            for number in range(commit.first, commit.last + 1)
            if number in when
        ]
    return faulty, sorted(lags)


def measure(stack: Stack, order: Order, report: Callable[[str], None]) -> Finding:
    """Raises ProcessError if a process fails, or the streams do not open in time."""
    assert stack.postgres is not None
    assert stack.nats is not None
    argv = [
        sys.executable,
        "-m",
        "local.bench.sse.hand",
        stack.postgres.database_url(DATABASE),  # it creates jobs as a gateway and works on them as a worker
        json.dumps(asdict(order)),
    ]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment(stack.nats.client_environment("tiktok")),
    ) as hand:
        try:
            return _watch(stack, order, hand, report)
        except TimeoutError:
            raise ProcessError("gateway", "the streams did not open in time") from None
        finally:
            hand.kill()


def _watch(stack: Stack, order: Order, hand: "subprocess.Popen[str]", report: Callable[[str], None]) -> Finding:
    assert hand.stdin is not None
    assert hand.stdout is not None
    report(f"making {order.jobs} jobs")
    line = hand.stdout.readline()
    if not line:
        raise ProcessError("hand", "the process that commits pages ended at once")
    jobs: list[str] = json.loads(line)["jobs"]
    child = stack.supervisor.child("gateway")
    before = _rss(child)
    users = {order.user_of(number) for number in range(order.jobs)}
    tokens = {user: stack.mint_token(user) for user in users}
    wanted = [(job, tokens[order.user_of(number)]) for number, job in enumerate(jobs)] * order.watchers_per_job

    async def watch() -> tuple[list[Watcher], list[str], int, float, float]:
        report(f"opening {order.watchers} streams")
        watchers = await open_watchers(stack.ports["gateway"], wanted, CONNECT_MAX_S)
        watched = _rss(child)
        report(f"committing {order.jobs * order.pages_per_job} pages")
        loop = asyncio.get_running_loop()
        cpu, began_at = cpu_s(child.pid), loop.time()
        assert hand.stdin is not None
        hand.stdin.write("\n")
        hand.stdin.flush()
        telling = asyncio.create_task(asyncio.to_thread(_tell, hand))
        await until_over(watchers, OVER_MAX_S)
        seconds, cpu = loop.time() - began_at, cpu_s(child.pid) - cpu
        return watchers, await telling, watched, seconds, cpu

    watchers, lines, watched, seconds, cpu = asyncio.run(watch())
    commits = [Commit(**json.loads(each)) for each in lines]
    heads = {commit.job: commit.last for commit in commits}
    faulty, lags = judge(watchers, commits, heads)
    return Finding(
        order=order,
        commits=len(commits),
        events=sum(len(watcher.seen) for watcher in watchers),
        faulty=faulty + (len(commits) != order.jobs * order.pages_per_job),
        lags=lags,
        seconds=seconds,
        cpu_seconds=cpu,
        bytes_before=before,
        bytes_watched=watched,
        bytes_after=_rss(child),
    )


def _tell(hand: "subprocess.Popen[str]") -> list[str]:
    assert hand.stdout is not None
    return hand.stdout.readlines()


def _rss(child: Child) -> int:
    return int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * _PAGE_BYTES
