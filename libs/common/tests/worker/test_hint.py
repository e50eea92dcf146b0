"""Whoever watches a job hears of each of a worker's commits, once Postgres has it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from nats.aio.msg import Msg

Heard = list[tuple[str, int]]


@pytest.fixture
async def heard(bench: Any) -> AsyncIterator[Heard]:
    """The hints so far: the job, and how far it was then."""
    heard: Heard = []

    async def hear(message: Msg) -> None:
        job_id = message.subject.removeprefix("progress.")
        heard.append((job_id, (await bench.job(UUID(job_id)))["event_seq"]))

    subscription = await bench.resources.messaging.client.subscribe("progress.*", cb=hear)
    await bench.resources.messaging.client.flush()
    yield heard
    await subscription.unsubscribe()


async def until_heard(bench: Any, heard: Heard, job_id: UUID) -> None:
    async def is_so() -> bool:
        return bool(heard) and heard[-1] == (str(job_id), (await bench.job(job_id))["event_seq"])

    await bench.until(is_so)


async def test_of_a_page_and_of_its_enrichment(bench: Any, heard: Heard) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.perform(bench.qstash.waiting.popleft())
    await until_heard(bench, heard, job_id)
    assert len(heard) >= 2


async def test_of_a_search_that_ends_without_a_page(bench: Any, heard: Heard) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.query("update jobs set pages_max = 1, pages_count = 1")
    await bench.perform(bench.qstash.waiting.popleft())
    assert (await bench.job(job_id))["status"] != "processing"
    await until_heard(bench, heard, job_id)


async def test_of_a_job_that_is_late(bench: Any, heard: Heard) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.perform(bench.qstash.waiting.popleft())
    await until_heard(bench, heard, job_id)
    await bench.let_deadline_pass(job_id)
    reply = await bench.perform(bench.qstash.waiting.popleft())
    assert reply.reason == "overdue"
    await until_heard(bench, heard, job_id)


async def test_of_a_step_that_is_given_up(bench: Any, heard: Heard) -> None:
    job_id = await bench.new_job("bread", target=100)
    await bench.query("update steps set attempts = 1000")
    reply = await bench.perform(bench.qstash.waiting.popleft())
    assert reply.reason == "attempts_used_up"
    await until_heard(bench, heard, job_id)
