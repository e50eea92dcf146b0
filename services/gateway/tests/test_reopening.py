"""Another run of a final job, as its owner asks for it: retry, extend, and every answer that is no."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db.platform_state import stop_platform
from common.db.sweep import stalled_steps
from common.domain.creator import Account, Item
from common.domain.step import DueStep
from common.transaction.abandonment import Abandonment, abandon_step
from common.transaction.failure import end_if_overdue

pytestmark = pytest.mark.server

NOT_FINAL = "The job has not ended yet."
NOT_RETRYABLE = "Only a job that ended in error or timeout can be retried."
NOT_EXTENDABLE = "Only a completed job can be extended."
NOTHING_LEFT = "There is nothing left to go on with: its searches are exhausted, or its limits are used up."


def person(number: int) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}"))


async def create(client: Any, target: int = 2, **given: Any) -> str:
    answer = await client.post("/api/scraping/tiktok", json={"keywords": ["vegan"], "targetResults": target, **given})
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def make(gateway: Any, worker: Any, client: Any, status: str) -> str:
    """A job in this state; its last page left a cursor."""
    job_id = await create(client)
    message = gateway.qstash.published[-1]
    match status:
        case "error":
            due = DueStep(job_id=UUID(job_id), search_id=UUID(message["searchId"]), step=0, generation=0)
            await abandon_step(worker.unit, due, Abandonment(reason="attempts_used_up", facts={}))
        case "timeout":
            await worker.deliver(message, [person(1)], cursor="1")
            gateway.rows("update jobs set deadline_at = now() where id = %s returning 1", job_id)
            await end_if_overdue(worker.unit, UUID(job_id))
        case "completed":
            await worker.deliver(message, [person(1), person(2)], cursor="1")
        case "exhausted":
            await worker.deliver(message, [person(1)], cursor=None)
        case "processing":
            await worker.deliver(message, [person(1)], cursor="1")
        case "cancelled":
            await client.post(f"/api/v1/jobs/{job_id}/cancel")
        case _:
            assert status == "pending"
    found = gateway.rows("select status from jobs where id = %s", job_id)[0]["status"]
    assert found == ("completed" if status == "exhausted" else status)
    gateway.qstash.published.clear()
    return job_id


def everything(gateway: Any) -> list[Any]:
    """All that a reopening could change."""
    return [
        gateway.rows(f"select * from {table} order by 1, 2")
        for table in ("jobs", "searches", "steps", "step_outcomes", "job_events", "owner_days", "dead_letters")
    ]


async def test_a_job_that_failed_is_retried_at_the_page_that_failed(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "error")
        before = (await client.get(f"/api/v1/jobs/{job_id}")).json()
        assert before["reference"] is not None
        answer = await client.post(f"/api/v1/jobs/{job_id}/retry")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-cache"
        job = answer.json()
        assert (await client.get(f"/api/v1/jobs/{job_id}")).json() == job
    assert (job["status"], job["run"], job["targetResults"], job["progress"]) == ("pending", 2, 2, 0.0)
    assert (job["error"], job["reference"], job["stopReason"], job["endedAt"]) == (None, None, None, None)
    assert job["credits"]["granted"] == 12
    (message,) = gateway.qstash.published
    assert (message["jobId"], message["step"], message["generation"]) == (job_id, 0, 1)
    assert gateway.rows("select resolution from dead_letters") == [{"resolution": "retried"}]
    await worker.deliver(message, [person(1), person(2)])
    assert gateway.rows("select status, delivered_count from jobs") == [{"status": "completed", "delivered_count": 2}]


async def test_a_job_that_ran_out_of_time_is_retried_at_its_cursor_and_keeps_what_it_found(
    gateway: Any, worker: Any
) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "timeout")
        job = (await client.post(f"/api/v1/jobs/{job_id}/retry")).json()
        assert (job["status"], job["run"], job["counts"]["delivered"]) == ("pending", 2, 1)
        assert (job["startedAt"], job["deadlineAt"]) == (None, None), "with its whole time anew"
        (message,) = gateway.qstash.published
        assert message["step"] == 1
        await worker.deliver(message, [person(1), person(2)], cursor="2")
        done = (await client.get(f"/api/v1/jobs/{job_id}")).json()
    assert (done["status"], done["counts"]["delivered"], done["run"]) == ("completed", 2, 2)
    assert done["counts"]["outcomes"]["duplicate"] == 1, "who was delivered before is not delivered again"


async def test_a_completed_job_is_extended_at_its_cursor(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "completed")
        answer = await client.post(f"/api/v1/jobs/{job_id}/extend", json={"targetResults": 3})
        assert answer.status_code == 200
        job = answer.json()
        assert (job["status"], job["run"], job["targetResults"], job["stopReason"]) == ("pending", 2, 3, None)
        assert (job["counts"]["delivered"], job["progress"] < 100) == (2, True)
        assert job["credits"] == {"spent": 1, "reserved": 0, "granted": 12, "max": 5000}, "1 spent, 11 for one more"
        (message,) = gateway.qstash.published
        assert message["step"] == 1
        await worker.deliver(message, [person(2), person(3)], cursor="2")
        done = (await client.get(f"/api/v1/jobs/{job_id}")).json()
        assert (done["status"], done["counts"]["delivered"]) == ("completed", 3)
        again = await client.post(f"/api/v1/jobs/{job_id}/extend", json={"targetResults": 4})
    assert (again.status_code, again.json()["run"]) == (200, 3)


async def test_what_was_found_too_much_is_used_before_any_page(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client, target=1)
        await worker.deliver(gateway.qstash.published[0], [person(1), person(2)], cursor=None)
        gateway.qstash.published.clear()
        job = (await client.post(f"/api/v1/jobs/{job_id}/extend", json={"targetResults": 2})).json()
    counts = job["counts"]
    assert (counts["delivered"], counts["pending"], counts["outcomes"]["surplus"]) == (1, 1, 0)
    assert counts["itemsSeen"] == sum(counts["outcomes"].values()) == 2
    assert [(message["step"], message["generation"]) for message in gateway.qstash.published] == [(0, 1)]
    assert gateway.rows("select phase from steps") == [{"phase": "enrichment"}]


@pytest.mark.parametrize(
    ("action", "status", "sentence"),
    [
        ("retry", "pending", NOT_FINAL),
        ("retry", "processing", NOT_FINAL),
        ("retry", "completed", NOT_RETRYABLE),
        ("retry", "cancelled", NOT_RETRYABLE),
        ("extend", "pending", NOT_FINAL),
        ("extend", "processing", NOT_FINAL),
        ("extend", "error", NOT_EXTENDABLE),
        ("extend", "timeout", NOT_EXTENDABLE),
        ("extend", "cancelled", NOT_EXTENDABLE),
        ("extend", "exhausted", NOTHING_LEFT),
    ],
)
async def test_a_job_that_has_no_other_run_is_409_and_stays_as_it_is(
    gateway: Any, worker: Any, action: str, status: str, sentence: str
) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, status)
        before = everything(gateway)
        answer = await client.post(f"/api/v1/jobs/{job_id}/{action}", json={"targetResults": 9})
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/conflict",
        "title": "This is not possible in its present state",
        "status": 409,
        "detail": sentence,
        "instance": answer.headers["X-Request-Id"],
    }
    assert everything(gateway) == before
    assert gateway.qstash.published == []


async def test_a_failed_job_without_anything_left_is_409(gateway: Any, worker: Any) -> None:
    """Its pages are used up, and the limits in force allow no more."""
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "timeout")
        gateway.rows("update jobs set credits_max = 1, pages_max = 1 where id = %s returning 1", job_id)
        gateway.rows("update searches set end_reason = 'exhausted' returning 1")
        before = everything(gateway)
        answer = await client.post(f"/api/v1/jobs/{job_id}/retry")
    assert (answer.status_code, answer.json()["detail"]) == (409, NOTHING_LEFT)
    assert everything(gateway) == before


@pytest.mark.parametrize("target", [1, 2])
async def test_a_target_that_is_not_higher_is_422(gateway: Any, worker: Any, target: int) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "completed")
        before = everything(gateway)
        answer = await client.post(f"/api/v1/jobs/{job_id}/extend", json={"targetResults": target})
    assert answer.status_code == 422
    message = "must be higher than the job's target"
    assert answer.json()["errors"] == [{"pointer": "/targetResults", "code": "greater_than", "message": message}]
    assert answer.json()["type"] == "/problems/validation"
    assert everything(gateway) == before


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/targetResults", "missing"),
        ({"targetResults": None}, "/targetResults", "int_type"),
        ({"targetResults": "3"}, "/targetResults", "int_type"),
        ({"targetResults": True}, "/targetResults", "int_type"),
        ({"targetResults": 3.5}, "/targetResults", "int_type"),
        ({"targetResults": [3]}, "/targetResults", "int_type"),
        ({"targetResults": 0}, "/targetResults", "greater_than_equal"),
        ({"targetResults": 10_001}, "/targetResults", "less_than_equal"),
        ({"targetResults": 3, "keywords": ["x"]}, "/keywords", "extra_forbidden"),
        ({"target_results": 3}, "/targetResults", "missing"),
        ([], "", "model_type"),
    ],
)
async def test_a_body_that_is_wrong_is_422_and_names_the_field(
    gateway: Any, worker: Any, body: Any, pointer: str, code: str
) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "completed")
        answer = await client.post(f"/api/v1/jobs/{job_id}/extend", json=body)
    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
    assert gateway.rows("select run from jobs") == [{"run": 1}]


async def test_a_body_that_is_no_json_is_400_and_of_another_type_415(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await make(gateway, worker, client, 'completed')}/extend"
        json_type = {"Content-Type": "application/json"}
        assert (await client.post(url, content=b"{", headers=json_type)).status_code == 400
        assert (await client.post(url, content=b"")).status_code == 400
        assert (await client.post(url, content=b"x", headers={"Content-Type": "text/xml"})).status_code == 415


@pytest.mark.parametrize("action", ["retry", "extend"])
async def test_a_foreign_job_answers_like_an_unknown_one(gateway: Any, worker: Any, action: str) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, {"retry": "error", "extend": "completed"}[action])
    before = everything(gateway)
    for user, org in (("user_bob", None), ("user_ada", "org_acme")):
        async with gateway.client(user, org) as client:
            urls = [f"/api/v1/jobs/{one}/{action}" for one in (job_id, uuid4(), "x")]
            answers = [await client.post(url, json={"targetResults": 9}) for url in urls]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        texts = {answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}
        assert len(texts) == 1
    assert everything(gateway) == before


@pytest.mark.parametrize("action", ["retry", "extend"])
async def test_nobody_without_a_token_and_no_impersonator(gateway: Any, worker: Any, action: str) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, {"retry": "error", "extend": "completed"}[action])
    before = everything(gateway)
    url = f"/api/v1/jobs/{job_id}/{action}"
    async with gateway.stranger() as client:
        answer = await client.post(url, json={"targetResults": 9})
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
        assert "WWW-Authenticate" in answer.headers
    async with gateway.client(claims={"act": {"sub": "user_support"}}) as client:
        assert (await client.post(url, json={"targetResults": 9})).status_code == 403
    assert everything(gateway) == before


@pytest.mark.parametrize("action", ["retry", "extend"])
async def test_while_qstash_is_away_the_job_goes_on_all_the_same(gateway: Any, worker: Any, action: str) -> None:
    """The answer is the same; the sweep finds the step and publishes it."""
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, {"retry": "error", "extend": "completed"}[action])
        gateway.qstash.mode = "error"
        answer = await client.post(f"/api/v1/jobs/{job_id}/{action}", json={"targetResults": 9})
        assert (answer.status_code, answer.json()["status"], answer.json()["run"]) == (200, "pending", 2)
    async with worker.unit.database.connection() as connection:
        stalled = await stalled_steps(
            connection, stalled_after=timedelta(hours=1), unpublished_after=timedelta(seconds=0)
        )
    assert [(str(step.job_id), step.is_published) for step in stalled] == [(job_id, False)]


@pytest.mark.parametrize("action", ["retry", "extend"])
async def test_twice_in_a_row_or_at_once_is_one_run(gateway: Any, worker: Any, action: str) -> None:
    async with gateway.client() as client:
        for is_at_once in (False, True):
            job_id = await make(gateway, worker, client, {"retry": "error", "extend": "completed"}[action])
            url, body = f"/api/v1/jobs/{job_id}/{action}", {"targetResults": 9}
            if is_at_once:
                answers = await asyncio.gather(*(client.post(url, json=body) for _ in range(4)))
            else:
                answers = [await client.post(url, json=body) for _ in range(2)]
            assert sorted(answer.status_code for answer in answers) == [200] + [409] * (len(answers) - 1)
            assert {answer.json()["detail"] for answer in answers if answer.status_code == 409} == {NOT_FINAL}
            assert gateway.rows("select run from jobs where id = %s", job_id) == [{"run": 2}]
            assert len(gateway.qstash.published) == 1


async def test_a_job_that_goes_on_waits_for_its_turn_and_for_its_platform(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await make(gateway, worker, client, "error")
        others = [await create(client) for _ in range(5)]
        gateway.qstash.published.clear()
        job = (await client.post(f"/api/v1/jobs/{job_id}/retry")).json()
        assert (job["status"], job["waitingOn"], job["waitingPosition"]) == ("pending", "owner_limit", 1)
        assert gateway.qstash.published == []
        async with worker.unit.database.connection() as connection:
            await stop_platform(connection, platform="tiktok")
        await client.post(f"/api/v1/jobs/{others[0]}/cancel")
        job = (await client.get(f"/api/v1/jobs/{job_id}")).json()
    assert (job["waitingOn"], job["waitingPosition"], job["waitingUntil"]) == ("operator", None, None)
    assert [message["jobId"] for message in gateway.qstash.published] == [job_id]
