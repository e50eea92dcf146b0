"""POST /api/qstash/job-failed: QStash gave up on a delivery."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from common.domain.step import DueStep
from common.resources.abandonment import give_up
from common.transaction.abandonment import Abandonment
from webhook.composition import STEP_PATH

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com"
WHY = Abandonment(reason="undeliverable", facts={})


def body_of(step: DueStep, generation: int = 0) -> dict[str, Any]:
    return {**step.message.model_dump(mode="json"), "generation": generation}


async def exhaust(site: Any, step: DueStep) -> None:
    """Use up the step's re-drives."""
    for generation in range(3):
        answer = (await site.fail(body_of(step, generation))).json()
        assert answer == {"status": "redriven", "generation": generation + 1}


async def test_step_is_driven_again_three_times_then_its_job_ends(site: Any) -> None:
    """Each failure raises the generation and publishes; after the third the search ends, and with it the job, in error,
    with a reason, a reference and a dead letter."""
    [step] = await site.new_job()
    await exhaust(site, step)
    assert [published.body["generation"] for published in site.qstash.published] == [1, 2, 3]
    assert {published.url for published in site.qstash.published} == {URL + STEP_PATH}
    assert len({published.headers["upstash-deduplication-id"] for published in site.qstash.published}) == 3
    row = await site.step_row(step)
    assert (row["published_generation"], row["qstash_message_id"], row["redrives_count"]) == (3, "msg_3", 3)
    assert (await site.query("select status from jobs"))[0]["status"] == "pending"

    response = await site.fail(body_of(step, 3), dlqId="1725323658779-0")
    assert response.status_code == 200
    reference = response.json()["reference"]
    assert response.json() == {"status": "given_up", "reference": reference}
    [job] = await site.query("select * from jobs")
    assert (job["status"], job["stop_reason"], job["reference"]) == ("error", "failed", reference)
    assert job["error"]
    [search] = await site.query("select * from searches")
    assert search["end_reason"] == "failed"
    assert (await site.step_row(step))["phase"] == "done"
    [letter] = await site.query("select * from dead_letters")
    assert (letter["job_id"], letter["search_id"], letter["step"]) == (step.job_id, step.search_id, 0)
    assert (letter["generation"], letter["reason"]) == (3, "undeliverable")
    assert letter["details"] == {
        "reference": reference,
        "delivery_status": 503,
        "delivery_retried": 3,
        "source_message_id": "msg_1",
        "dlq_id": "1725323658779-0",
    }
    assert len(site.qstash.published) == 3
    again = await site.fail(body_of(step, 3))
    assert again.json() == {"status": "ignored", "reason": "job_final"}
    assert len(await site.query("select * from dead_letters")) == 1


async def test_redriven_step_is_delivered_at_its_new_generation(site: Any) -> None:
    """The old message is not wanted any more, the new one is."""
    [step] = await site.new_job()
    await site.fail(body_of(step))
    assert (await site.deliver(body_of(step, 0))).json() == {"status": "ignored", "reason": "generation_old"}
    assert (await site.deliver(body_of(step, 1))).json()["status"] == "accepted"


async def test_other_searches_of_the_job_go_on(site: Any) -> None:
    """Only the search that could not be delivered ends; the job keeps the reference for its own end."""
    lost, other = await site.new_job("cats", "dogs")
    await exhaust(site, lost)
    reference = (await site.fail(body_of(lost, 3))).json()["reference"]
    [job] = await site.query("select * from jobs")
    assert (job["status"], job["reference"]) == ("pending", reference)
    assert (await site.step_row(other))["phase"] == "page"
    assert (await site.deliver(body_of(other))).json()["status"] == "accepted"


async def test_the_owners_next_job_gets_its_turn(site: Any) -> None:
    """The end of a job admits the one that waits, and its steps are published."""
    jobs = [await site.new_job(owner="user:one") for _ in range(6)]
    [step], waiting = jobs[0], jobs[5]
    assert waiting == []
    await exhaust(site, step)
    assert (await site.fail(body_of(step, 3))).json()["status"] == "given_up"
    [admitted] = await site.query("select * from jobs where id = (select max(id::text)::uuid from jobs)")
    assert admitted["admitted_at"] is not None
    assert site.qstash.published[-1].body["jobId"] == str(admitted["id"])


async def test_limit_of_redrives_is_a_setting(site: Any) -> None:
    """recovery.redrives_max counts."""
    await site.query("insert into system_settings (category, key, value) values ('recovery', 'redrives_max', '1')")
    [step] = await site.new_job()
    assert (await site.fail(body_of(step))).json()["status"] == "redriven"
    assert (await site.fail(body_of(step, 1))).json()["status"] == "given_up"


async def test_step_in_a_living_workers_hands_did_arrive(site: Any) -> None:
    """Neither driven again nor given up, with re-drives left or without; when the lease is over it may be."""
    [step] = await site.new_job()
    await site.claim(step)
    assert (await site.fail(body_of(step))).json() == {"status": "ignored", "reason": "step_leased"}
    await site.query("update steps set redrives_count = 3")
    assert (await site.fail(body_of(step))).json() == {"status": "ignored", "reason": "step_leased"}
    assert (await site.step_row(step))["generation"] == 0
    assert site.qstash.published == []
    await site.query("update steps set lease_until = now() - interval '1 second'")
    assert (await site.fail(body_of(step))).json()["status"] == "given_up"


CANCEL = "update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now()"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("update steps set generation = 1", "generation_old"),
        ("update steps set phase = 'done', done_at = now()", "step_done"),
        (CANCEL, "job_final"),
        (f"{CANCEL}; delete from jobs", "step_unknown"),
    ],
)
async def test_what_needs_nothing_is_acknowledged(site: Any, statement: str, reason: str) -> None:
    """200, and nothing moves."""
    [step] = await site.new_job()
    await site.query(statement)
    response = await site.fail(body_of(step))
    assert response.status_code == 200
    assert response.json() == {"status": "ignored", "reason": reason}
    assert site.qstash.published == []
    assert await site.query("select * from dead_letters") == []


async def test_a_page_that_is_paid_for_is_driven_again(site: Any) -> None:
    """A step in its enrichment phase is driven again like any other while it may."""
    [step] = await site.new_job()
    await site.query("update steps set phase = 'enrichment', items_count = 0")
    assert (await site.fail(body_of(step))).json() == {"status": "redriven", "generation": 1}


async def test_another_jobs_step_is_left_alone(site: Any) -> None:
    """The job in the message must be the step's."""
    [step] = await site.new_job()
    answer = await site.fail({**body_of(step), "jobId": str(uuid4())})
    assert answer.json() == {"status": "ignored", "reason": "step_unknown"}
    assert (await site.step_row(step))["generation"] == 0


async def test_old_body_is_left_to_the_sweep(site: Any) -> None:
    """A job alone names no step to drive again."""
    [step] = await site.new_job()
    assert (await site.fail({"jobId": str(step.job_id)})).json() == {"status": "ignored", "reason": "no_step"}


async def test_callbacks_that_race_drive_once(site: Any) -> None:
    """The generation is raised by compare-and-set."""
    [step] = await site.new_job()
    answers = await asyncio.gather(*(site.fail(body_of(step)) for _ in range(8)))
    assert sorted(answer.json()["status"] for answer in answers) == ["ignored"] * 7 + ["redriven"]
    assert (await site.step_row(step))["generation"] == 1
    assert len(site.qstash.published) == 1


async def test_last_callbacks_that_race_give_up_once(site: Any) -> None:
    """One end and one dead letter, whose reference the job and every answer have."""
    for _ in range(5):
        [step] = await site.new_job()
        await site.query("update steps set redrives_count = 3 where search_id = %(id)s", id=step.search_id)
        answers = await asyncio.gather(*(site.fail(body_of(step)) for _ in range(6)))
        [letter] = await site.query("select * from dead_letters where job_id = %(id)s", id=step.job_id)
        [job] = await site.query("select * from jobs where id = %(id)s", id=step.job_id)
        assert job["reference"] == letter["details"]["reference"]
        given = {answer.json()["reference"] for answer in answers if answer.json()["status"] == "given_up"}
        assert given == {job["reference"]}
        assert {answer.status_code for answer in answers} == {200}
        ends = await site.query("select * from job_events where kind = 'ended' and job_id = %(id)s", id=step.job_id)
        assert len(ends) == 1


async def test_step_that_a_worker_takes_at_the_last_moment_is_not_given_up(site: Any) -> None:
    """Between the look and the lock a worker may claim it: then there is no letter either."""
    [step] = await site.new_job()
    await site.claim(step)
    reference = await give_up(site.webhook.resources, step, WHY)
    assert reference is None
    assert await site.query("select * from dead_letters") == []
    assert (await site.query("select status from jobs"))[0]["status"] == "pending"


async def test_step_that_a_worker_did_at_the_last_moment_is_not_given_up(site: Any) -> None:
    """What is done was not undeliverable."""
    [step] = await site.new_job()
    await site.query("update steps set phase = 'done', done_at = now()")
    assert await give_up(site.webhook.resources, step, WHY) is None
    assert await site.query("select * from dead_letters") == []


async def test_a_paid_page_whose_enrichment_cannot_be_delivered_is_kept_as_known(site: Any) -> None:
    """Its step is closed with a letter, its search goes on."""
    [step] = await site.new_job()
    await site.query("update steps set phase = 'enrichment', items_count = 0, redrives_count = 3")
    answer = (await site.fail(body_of(step))).json()
    assert answer["status"] == "given_up"
    assert (await site.step_row(step))["phase"] == "done"
    assert (await site.query("select status from searches"))[0]["status"] == "active"
    [letter] = await site.query("select * from dead_letters")
    assert letter["details"]["reference"] == answer["reference"]
