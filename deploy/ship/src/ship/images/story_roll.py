"""Every service is restarted, one container after the other, while six jobs run and their users watch."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from local.faults.books import FINAL
from local.loopback import PLAIN_HTTP
from local.sse import RefusedError, open_stream
from ship.images.check import CheckError, demand
from ship.images.stack import PORTS, Stack, Visitor

_REPLICAS: Mapping[str, int] = {"gateway": 2, "webhook": 2, "tiktok": 2}
_JOBS = (
    ("tiktok", ("vegan", "ramen", "cycling")),
    ("tiktok", ("sourdough", "running", "yoga")),
    ("instagram", ("vegan", "ramen", "cycling")),
    ("instagram", ("sourdough", "running", "yoga")),
    ("youtube", ("vegan", "ramen", "cycling")),
    ("youtube", ("sourdough", "running", "yoga")),
)
_TARGET = 500
_EVERY_S = 0.1
_SLOW_S = 5.0
_END_S = 240.0
_HEARD_ALL = 204
_STREAMS_MAX = 60
"""A watcher is sent away by each gateway that ends, and comes back; a stream that is silent for 20 s is left, too."""


@dataclass(slots=True)
class Watch:
    """One job, its user, and everything that the user was answered."""

    platform: str
    job_id: str
    visitor: Visitor
    answers: Counter[str] = field(default_factory=Counter[str])
    told: list[int] = field(default_factory=list[int])
    streams: int = 0
    is_over: bool = False


def rolling_restart(stack: Stack) -> None:
    """No poller sees an error, no watcher misses anything, all jobs complete, every container ends with 0."""
    stack.compose.up(**_REPLICAS)
    stack.forget()
    stack.take(search=_SLOW_S, profile=_SLOW_S)
    watches = [_begin(stack, platform, keywords) for platform, keywords in _JOBS]
    asyncio.run(_watch_all(stack, watches))
    for watch in watches:
        _judge(stack, watch)
    answers = sum((watch.answers for watch in watches), Counter[str]())
    bad = {answer: count for answer, count in answers.items() if answer not in ("200", "304")}
    demand(not bad, f"pollers saw {bad}")
    stack.sheet.confirm("rolling restart", "no error to any poller", dict(sorted(answers.items())))
    streams = sum(watch.streams for watch in watches)
    stack.sheet.confirm(
        "rolling restart", "every watcher hears each event once, to the last", f"{streams} streams of 6 watchers"
    )
    stack.sheet.confirm(
        "rolling restart", "six jobs of three platforms complete without a duplicate", f"{_TARGET} each"
    )
    stack.compose.up(tiktok=2, gateway=1, webhook=1)


def _begin(stack: Stack, platform: str, keywords: tuple[str, ...]) -> Watch:
    visitor = stack.visitor()
    return Watch(platform, visitor.create(*keywords, target=_TARGET, platform=platform), visitor)


async def _watch_all(stack: Stack, watches: list[Watch]) -> None:
    tasks = [asyncio.create_task(one(stack, watch)) for watch in watches for one in (_poll, _listen)]
    try:
        await asyncio.to_thread(_roll, stack, watches)
        await asyncio.to_thread(stack.take, search=0.1, profile=0.05)
        await asyncio.wait_for(asyncio.gather(*tasks), _END_S)
    except TimeoutError:
        late = [watch.job_id for watch in watches if not watch.is_over]
        raise CheckError(f"jobs or streams that did not end within {_END_S:.0f} s of the restarts: {late}") from None
    finally:
        for task in tasks:
            task.cancel()


def _roll(stack: Stack, watches: list[Watch]) -> None:
    for service in PORTS:
        seconds: list[float] = []
        for container in stack.compose.running(service):
            began_at = time.monotonic()
            stack.stop(container)
            seconds.append(time.monotonic() - began_at)
            stack.start(container)
        runs = sum(not watch.is_over for watch in watches)
        stack.sheet.confirm(
            service,
            "each of its containers ends with 0 after SIGTERM and comes back, while jobs run",
            f"{len(seconds)} containers, ended within {max(seconds):.1f} s, {runs} of {len(watches)} jobs ran",
        )
    runs = sum(not watch.is_over for watch in watches)
    demand(
        runs == len(watches),
        f"only {runs} of {len(watches)} jobs still ran at the last restart: they are too short for this machine",
    )


async def _poll(stack: Stack, watch: Watch) -> None:
    """Ask every 100 ms, as the frontend does, until the job has ended."""
    seen: str | None = None
    async with _client(stack, watch) as client:
        while not watch.is_over:
            await asyncio.to_thread(stack.token, watch.visitor.user)
            known = {"if-none-match": seen} if seen else {}
            try:
                answer = await client.get(f"/api/scraping/{watch.platform}?jobId={watch.job_id}", headers=known)
            except httpx.TransportError as error:
                watch.answers[type(error).__name__] += 1
                continue
            watch.answers[str(answer.status_code)] += 1
            seen = answer.headers.get("etag", seen)
            watch.is_over = answer.status_code == 200 and answer.json()["status"] in FINAL
            await asyncio.sleep(_EVERY_S)


async def _listen(stack: Stack, watch: Watch) -> None:
    """Hear the job's events to the last, coming back after the last one heard whenever the stream ends."""
    async with _client(stack, watch) as client:
        while True:
            await asyncio.to_thread(stack.token, watch.visitor.user)
            watch.streams += 1
            try:
                async with open_stream(client, watch.job_id, watch.told[-1] if watch.told else None) as stream:
                    while True:
                        told = await stream.next()
                        if told.id is not None:
                            watch.told.append(told.id)
            except RefusedError as refused:
                if refused.answer.status_code == _HEARD_ALL:
                    return
                watch.answers[f"events {refused.answer.status_code}"] += 1
            except (httpx.TransportError, StopAsyncIteration, TimeoutError):
                demand(watch.streams < _STREAMS_MAX, f"the stream of job {watch.job_id} ended {_STREAMS_MAX} times")
            await asyncio.sleep(_EVERY_S)


def _client(stack: Stack, watch: Watch) -> httpx.AsyncClient:
    """Comes through the edge as the watch's user."""

    def sign(request: httpx.Request) -> httpx.Request:
        request.headers["authorization"] = f"Bearer {stack.token(watch.visitor.user)}"
        return request

    return httpx.AsyncClient(base_url=stack.edge, timeout=30, auth=sign, **PLAIN_HTTP)


def _judge(stack: Stack, watch: Watch) -> None:
    stack.books.judge(watch.job_id)
    unnamed, _ = stack.books.bought_twice(watch.job_id)
    demand(unnamed == 0, f"job {watch.job_id} bought {unnamed} calls twice without a named window")
    demand(watch.told == sorted(set(watch.told)), f"a watcher of job {watch.job_id} was told something twice")
