"""A worker's process and an upstream that wants to fill its memory, its time or its tables: it lives, stays small, and
says in constant words what was wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from common.clock import Clock
from common.errors import ShapeError, UnreachableError
from common.settings import UpstreamSettings
from common.upstream.client import PoolLimits, ScrapeCreators
from local.nats import Nats

from .bomb import MARKER, HostileUpstream, Send, drip, endless, gzip_of_zeros, packed, page_of, plain, shape_bombs
from .crew import MEMORY_BYTES_MAX, Crew, open_crew

REASONS = {"unreadable", "ShapeError", "RemoteProtocolError", "RefusedRequestError", "TimeoutError", "ReadError"}
BOMBS = shape_bombs(page_of(30))


@pytest.fixture
async def crew(
    database_url: str, service_database_url: Callable[[str], str], own_nats_server: Nats, tmp_path: Path
) -> AsyncIterator[Crew]:
    async with open_crew(
        database_url=database_url,
        worker_url=service_database_url("worker"),
        nats_url=own_nats_server.url,
        folder=tmp_path,
    ) as crew:
        yield crew


async def upstream_of(request: pytest.FixtureRequest, **what: Any) -> tuple[HostileUpstream, str]:
    upstream = HostileUpstream(**what)
    url = await upstream.open()
    request.addfinalizer(upstream.close)
    return upstream, url


async def everything(crew: Crew) -> str:
    """Every row of every table and every line of every log."""
    tables = await crew.query("select tablename as name from pg_tables where schemaname = 'public'")
    rows = [await crew.query(f"select t::text as row from {table['name']} t") for table in tables]
    return crew.logs() + "".join(row["row"] for several in rows for row in several)


async def test_whatever_a_page_is_made_of_the_worker_lives_and_stays_small(
    crew: Crew, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """All at once, each tried as often as a worker tries it; every job ends, and says why."""
    await crew.set("recovery.attempts_max", 1)
    upstream, url = await upstream_of(request, pages=BOMBS)
    worker = crew.start_worker(url)
    words = {await crew.create(word, owner=f"user:u{number}"): word for number, word in enumerate(BOMBS)}
    await crew.until(crew.all_ended)
    jobs = await crew.jobs()
    assert {words[job_id] for job_id, job in jobs.items() if job["status"] != "error" or not job["reference"]} == set()
    calls = await crew.query("select * from upstream_calls")
    assert {call["status"] for call in calls} <= {"settled", "unknown"}
    assert {call["reason"] for call in calls} <= REASONS
    assert worker.is_running
    assert set(upstream.asked) == set(BOMBS)
    assert MARKER not in await everything(crew)
    peak = crew.peak_bytes(worker)
    assert peak < MEMORY_BYTES_MAX
    record_property("told", f"upstream bombs: {len(BOMBS)} kinds at once, a worker's peak {peak / 1e6:.0f} MB")


@pytest.mark.parametrize("bomb", ["wide-text", "gzip-bomb", "values", "deep"])
async def test_ten_profiles_at_once_that_are_bombs_leave_the_worker_small_and_deliver_what_is_known(
    crew: Crew, request: pytest.FixtureRequest, record_property: Callable[[str, object], None], bomb: str
) -> None:
    pages = {f"good{number}": packed(page_of(30, name=f"p{number}x")) for number in range(3)}
    _, url = await upstream_of(request, pages=pages, profile=BOMBS[bomb])
    worker = crew.start_worker(url)
    for number in range(3):
        await crew.create(f"good{number}", owner=f"user:u{number}", target=20)
    await crew.until(crew.all_ended)
    jobs = (await crew.jobs()).values()
    assert {(job["status"], job["delivered_count"]) for job in jobs} == {("completed", 20)}
    kinds = await crew.query("select distinct enrichment from candidates where outcome = 'delivered'")
    assert [row["enrichment"] for row in kinds] == ["failed"]
    assert {row["status"] for row in await crew.query("select status from upstream_calls")} == {"settled"}
    peak = crew.peak_bytes(worker)
    assert worker.is_running
    assert peak < MEMORY_BYTES_MAX
    record_property("told", f"ten profiles at once, each {bomb}: a worker's peak {peak / 1e6:.0f} MB")


async def test_a_redirect_does_not_carry_the_key_away(crew: Crew, request: pytest.FixtureRequest) -> None:
    trap, trap_url = await upstream_of(request, pages={})
    redirect = plain(b"", f"location: {trap_url}/steal?{MARKER}", status="302 Found")
    _, url = await upstream_of(request, pages={"word": redirect})
    crew.start_worker(url)
    await crew.create("word")
    await crew.until(crew.all_ended)
    assert trap.heads == []
    [call] = await crew.query("select http_status, reason from upstream_calls")
    assert (call["http_status"], call["reason"]) == (302, "RefusedRequestError")
    assert MARKER not in await everything(crew)


async def test_text_that_postgres_cannot_keep_is_kept_without_what_it_cannot(
    crew: Crew, request: pytest.FixtureRequest
) -> None:
    """NUL, half an emoji, controls, in names, posts and bios, all the way from the socket to the table."""
    odd = "a\0b\ud83dc\x1bd 😀"
    _, url = await upstream_of(request, pages={"word": packed(page_of(5, text=odd))}, bio=odd)
    crew.start_worker(url)
    job_id = await crew.create("word", target=5)
    await crew.until(crew.all_ended)
    job = (await crew.jobs())[job_id]
    assert (job["status"], job["stop_reason"], job["delivered_count"]) == ("completed", "target_reached", 5)
    rows = await crew.query(
        """select name, details #>> '{account,bio}' as bio, details #>> '{content,text}' as text from candidates
           where outcome = 'delivered'"""
    )
    assert {tuple(row.values()) for row in rows} == {("abcd 😀",) * 3}


async def test_nothing_that_the_upstream_says_when_it_fails_is_kept_or_logged(
    crew: Crew, request: pytest.FixtureRequest
) -> None:
    """Error texts, reasons of the status line, redirects, headers: ours are constant words. Nor what was asked for."""
    await crew.set("recovery.attempts_max", 1)
    body = f'{{"error":"{MARKER}","message":"{MARKER}"}}'.encode()
    statuses = ["400", "401", "403", "404", "408", "418", "500", "503"]
    pages: dict[str, Send] = {
        f"asked-marker-{status}": plain(body, f"x-hint: {MARKER}", status=f"{status} {MARKER}") for status in statuses
    }
    pages["asked-marker-broken"] = plain(body[:-5], f"set-cookie: a={MARKER}", length=500)
    upstream, url = await upstream_of(request, pages=pages)
    crew.start_worker(url)
    last = "asked-marker-401"  # it pauses the platform
    for number, word in enumerate(word for word in pages if word != last):
        await crew.create(word, owner=f"user:u{number}")
    await crew.until(crew.all_ended)
    await crew.create(last)

    async def is_paused() -> bool:
        return bool(await crew.query("select * from platform_states where state = 'paused'"))

    await crew.until(is_paused)
    assert MARKER not in await everything(crew)
    assert "asked-marker" not in crew.logs()
    told = await crew.query("select error as told from jobs union select reason from upstream_calls")
    assert not [row for row in told if "asked-marker" in (row["told"] or "")]
    assert not [head for head in upstream.heads if b"cookie" in head.lower()], "no cookie comes back"


@pytest.mark.parametrize(("send", "wrong"), [(drip, UnreachableError), (endless, ShapeError)])
async def test_an_answer_that_never_ends_is_left_when_its_time_is_over(
    request: pytest.FixtureRequest, send: Send, wrong: type[Exception]
) -> None:
    _, url = await upstream_of(request, pages={"word": send})
    settings = UpstreamSettings(scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=url)
    door = ScrapeCreators(settings, Clock(), PoolLimits(call_s=1.0))
    with pytest.raises(wrong):
        await door.get("/v1/x", {"query": "word"})
    await door.close()


async def test_a_bomb_in_an_error_is_the_error_that_its_status_says(request: pytest.FixtureRequest) -> None:
    bomb = plain(gzip_of_zeros(64), "content-encoding: gzip", "retry-after: 7", status="429 Too Many Requests")
    _, url = await upstream_of(request, pages={"word": bomb})
    settings = UpstreamSettings(scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=url)
    door = ScrapeCreators(settings, Clock())
    answer = await door.get("/v1/x", {"query": "word"})
    assert (answer.status, answer.body) == (429, b"")
    assert answer.retry_after is not None
    await door.close()


async def test_large_answers_are_read_one_at_a_time_and_small_ones_pass_them(request: pytest.FixtureRequest) -> None:
    """One that is large and slow keeps large ones waiting, and nobody else."""
    release = asyncio.Event()
    large = b"{" + b" " * (4 * 1024**2) + b"}"

    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(large))
        writer.write(large[:-1])
        await writer.drain()
        await release.wait()
        writer.write(large[-1:])
        await writer.drain()

    _, url = await upstream_of(request, pages={"slow": slow, "large": plain(large), "small": plain(b"{}")})
    settings = UpstreamSettings(scrapecreators_api_key=SecretStr("key"), scrapecreators_base_url=url)
    door = ScrapeCreators(settings, Clock())
    first = asyncio.create_task(door.get("/v1/x", {"query": "slow"}))
    while not door._large.locked():
        await asyncio.sleep(0.01)
    second = asyncio.create_task(door.get("/v1/x", {"query": "large"}))
    for _ in range(20):
        assert (await door.get("/v1/x", {"query": "small"})).body == b"{}"
    await asyncio.sleep(0.2)
    assert not second.done()
    release.set()
    answers = await asyncio.gather(first, second)
    assert [len(answer.body) for answer in answers] == [len(large)] * 2
    await door.close()
