"""POST /api/qstash/process-scraping: from a signed delivery to a message in the stream."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from common.domain.message import StepMessage
from common.domain.step import DueStep
from common.messaging.topology import STEPS
from webhook.composition import STEP_PATH

pytestmark = pytest.mark.anyio


def body_of(step: DueStep) -> dict[str, Any]:
    return step.message.model_dump(mode="json")


async def test_delivered_step_is_in_the_stream(site: Any) -> None:
    """200 means: the stream has it under the step's id, and the step knows where."""
    [step] = await site.new_job()
    response = await site.deliver(body_of(step), Upstash_Message_Id="msg_42")
    assert response.status_code == 200
    sequence = response.json()["sequence"]
    assert response.json() == {"status": "accepted", "sequence": sequence}
    message = await site.jetstream.get_msg(STEPS, seq=sequence)
    assert message.subject == "steps.tiktok"
    assert message.headers["Nats-Msg-Id"] == f"{step.search_id}:0:0"
    assert StepMessage.model_validate_json(message.data) == step.message
    row = await site.step_row(step)
    assert row["stream_sequence"] == sequence
    assert row["delivered_at"] is not None
    [delivery] = await site.query("select * from qstash_deliveries")
    assert delivery["message_id"] == "msg_42"
    assert await site.metric('webhook_deliveries_total{outcome="accepted",route="/api/qstash/process-scraping"}') == 1
    assert await site.metric('webhook_signatures_total{key="current"}') == 1
    assert await site.metric("webhook_publish_seconds_count") == 1


async def test_the_next_key_is_as_good(site: Any, signer: Any) -> None:
    """After a rotation, before a deployment, deliveries go on."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    token = signer("https://hooks.example.com" + STEP_PATH, body, key="sig_next_key_of_the_tests_000000")
    assert (await site.post(STEP_PATH, body, token)).status_code == 200
    assert await site.metric('webhook_signatures_total{key="next"}') == 1


async def test_two_deliveries_are_one_message(site: Any) -> None:
    """QStash delivers at least once; each delivery has its own token, the stream keeps one message."""
    [step] = await site.new_job()
    first = await site.deliver(body_of(step))
    second = await site.deliver(body_of(step))
    assert first.json() == second.json()
    assert await site.stream_count() == 1


async def test_replayed_token_is_refused(site: Any, signer: Any) -> None:
    """A token is good once."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    token = signer("https://hooks.example.com" + STEP_PATH, body)
    assert (await site.post(STEP_PATH, body, token)).status_code == 200
    await site.query("update steps set phase = 'done', done_at = now()")
    replayed = await site.post(STEP_PATH, body, token)
    assert replayed.status_code == 409
    assert replayed.headers["content-type"] == "application/problem+json"
    assert replayed.json()["type"] == "/problems/replayed"


async def test_one_token_many_times_at_once_is_accepted_once(site: Any, signer: Any) -> None:
    """However the copies race, one is accepted and the stream has one message."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    token = signer("https://hooks.example.com" + STEP_PATH, body)
    responses = await asyncio.gather(*(site.post(STEP_PATH, body, token) for _ in range(12)))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 11
    assert await site.stream_count() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-For": "1.2.3.4"},
        {"Forwarded": "host=evil.example.com;proto=http"},
        {"X-Original-URL": "/api/qstash/job-failed", "X-Rewrite-URL": "/x", "X-HTTP-Method-Override": "GET"},
    ],
)
async def test_what_a_request_says_of_its_address_changes_nothing(
    site: Any, signer: Any, headers: dict[str, str]
) -> None:
    """The signed address is compared with the configured one, never with the request's."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    assert (await site.post(STEP_PATH, body, **headers)).status_code == 200
    host = headers.get("Host") or headers.get("X-Forwarded-Host") or "evil.example.com"
    for url in (f"http://{host}{STEP_PATH}", f"https://{host}{STEP_PATH}"):
        assert (await site.post(STEP_PATH, body, signer(url, body), **headers)).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "https://hooks.example.com/api/qstash/job-failed"},
        {"sub": "https://hooks.example.com/api/qstash/process-scraping/"},
        {"body": "0" * 43},
        {"exp": 1},
        {"iss": "Somebody"},
        {"jti": None},
        {"key": "sig_a_key_that_is_not_ours_00000"},
    ],
)
async def test_bad_signature_is_401_without_a_reason(site: Any, signer: Any, claims: dict[str, Any]) -> None:
    """A forger learns nothing: every refusal is the same, but for its id."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    response = await site.post(STEP_PATH, body, signer("https://hooks.example.com" + STEP_PATH, body, **claims))
    assert response.status_code == 401
    problem = response.json()
    assert problem.pop("instance") == response.headers["x-request-id"]
    assert problem == {"type": "/problems/signature", "title": "The request is not authenticated", "status": 401}
    assert await site.stream_count() == 0


async def test_missing_or_doubled_signature_is_401(site: Any, signer: Any) -> None:
    """No header is no signature, and neither are two."""
    assert (await site.post(STEP_PATH, b"{}", "")).status_code == 401
    good = signer("https://hooks.example.com" + STEP_PATH, b"{}")
    twice = [("Upstash-Signature", good), ("Upstash-Signature", good)]
    assert (await site.http.post(STEP_PATH, content=b"{}", headers=twice)).status_code == 401


GOOD = {
    "jobId": "01a20ba8-0000-7000-8000-000000000001",
    "searchId": "01a20ba8-0000-7000-8000-000000000002",
    "step": 0,
    "generation": 0,
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe{}",
        b'{"jobId": "\xc3\x28"}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"jobId": ' + b"[" * 50_000,
        json.dumps({"jobId": "no uuid"}).encode(),
        json.dumps({**GOOD, "step": -1}).encode(),
        json.dumps({**GOOD, "step": 2**31}).encode(),
        json.dumps({**GOOD, "step": 10**400}).encode(),
        json.dumps({**GOOD, "step": "0"}).encode(),
        json.dumps({**GOOD, "step": True}).encode(),
        json.dumps({**GOOD, "step": 1.5}).encode(),
        json.dumps({**GOOD, "generation": None}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps({"jobId": GOOD["jobId"], "token": "x"}).encode(),
        json.dumps({**GOOD, "searchId": "\x00"}).encode(),
        json.dumps(GOOD).encode("utf-16"),
    ],
    ids=lambda body: f"{len(body)}-{body[:8]!r}",
)
async def test_garbage_is_never_tried_again(site: Any, body: bytes) -> None:
    """What QStash signed but nobody can read is refused for good: 489 with its header, whatever it is."""
    response = await site.post(STEP_PATH, body)
    assert response.status_code == 489
    assert response.headers["upstash-nonretryable-error"] == "true"
    assert response.headers["content-type"] == "application/problem+json"
    assert await site.stream_count() == 0


async def test_unknown_step_job_or_generation_is_nonsense(site: Any) -> None:
    """A message is published after the commit that made its row, so what has none never will."""
    [step] = await site.new_job()
    good = body_of(step)
    unknown = [
        GOOD,
        {**good, "step": 1},
        {**good, "searchId": str(uuid4())},
        {**good, "jobId": str(uuid4())},
        {**good, "generation": 1},
        {"jobId": str(uuid4())},
    ]
    for message in unknown:
        response = await site.deliver(message)
        assert response.status_code == 489, message
        assert response.headers["upstash-nonretryable-error"] == "true"
    assert await site.stream_count() == 0


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("update steps set generation = 1", "generation_old"),
        ("update steps set phase = 'done', done_at = now()", "step_done"),
        ("update steps set phase = 'held'", "step_held"),
        (
            "update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now()",
            "job_final",
        ),
    ],
)
async def test_what_nobody_wants_any_more_is_acknowledged(site: Any, statement: str, reason: str) -> None:
    """QStash hears 200 and does not come again; the stream does not hear of it."""
    [step] = await site.new_job()
    await site.query(statement)
    response = await site.deliver(body_of(step))
    assert response.status_code == 200
    assert response.json() == {"status": "ignored", "reason": reason}
    assert await site.stream_count() == 0


async def test_old_body_publishes_what_is_due_and_free(site: Any) -> None:
    """The body with a job alone puts its due and unleased steps into the stream, at the generations they have."""
    steps = await site.new_job("cats", "dogs", "birds", "fish")
    held, later, raised, plain = steps
    await site.claim(held)
    await site.query("update steps set due_at = now() + interval '1 hour' where search_id = %(id)s", id=later.search_id)
    await site.query("update steps set generation = 4 where search_id = %(id)s", id=raised.search_id)
    response = await site.deliver({"jobId": str(plain.job_id)})
    assert response.json() == {"status": "accepted", "steps": 2}
    messages = [await site.jetstream.get_msg(STEPS, seq=sequence) for sequence in await sequences(site)]
    ids = {message.headers["Nats-Msg-Id"] for message in messages}
    assert ids == {f"{raised.search_id}:0:4", f"{plain.search_id}:0:0"}
    assert (await site.step_row(raised))["generation"] == 4
    assert (await site.step_row(raised))["stream_sequence"] is not None
    assert (await site.step_row(later))["stream_sequence"] is None
    again = await site.deliver({"jobId": str(plain.job_id)})
    assert again.json() == {"status": "accepted", "steps": 2}
    assert await site.stream_count() == 2


async def sequences(site: Any) -> list[int]:
    state = (await site.jetstream.stream_info(STEPS)).state
    return list(range(state.first_seq, state.last_seq + 1))


async def test_old_body_with_nothing_due_is_acknowledged(site: Any) -> None:
    """A job that is over has nothing due."""
    [step] = await site.new_job()
    await site.query("update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now()")
    response = await site.deliver({"jobId": str(step.job_id)})
    assert response.json() == {"status": "ignored", "reason": "nothing_due"}


async def test_large_bodies_are_refused_before_they_are_judged(site: Any) -> None:
    """More than 64 KiB is 413, announced or in chunks."""

    async def chunks() -> Any:
        for _ in range(70):
            yield b" " * 1024

    announced = await site.post(STEP_PATH, b" " * 65_537)
    assert announced.status_code == 413
    chunked = await site.http.post(STEP_PATH, content=chunks(), headers={"Upstash-Signature": "x"})
    assert chunked.status_code == 413
    assert chunked.headers["content-type"] == "application/problem+json"
    assert (await site.post(STEP_PATH, b" " * 65_536)).status_code == 489


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_other_methods_are_405(site: Any, method: str) -> None:
    """Only POST, and never a redirect."""
    response = await site.http.request(method, STEP_PATH)
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/api", "/api/qstash", "//api/qstash/process-scraping", "/api/qstash/%2e%2e/x"])
async def test_unknown_addresses_are_404(site: Any, path: str) -> None:
    """A problem document, and never a redirect."""
    response = await site.http.post(path, content=b"{}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_trailing_slash_never_redirects(site: Any) -> None:
    """QStash does not follow redirects, so none is sent; the signature still counts for the address without."""
    [step] = await site.new_job()
    body = json.dumps(body_of(step)).encode()
    response = await site.http.post(STEP_PATH + "/", content=body, headers={"Upstash-Signature": "x"})
    assert response.status_code == 401


async def test_every_answer_has_its_own_id(site: Any) -> None:
    """The id of the answer is ours, whatever the caller sends."""
    ids = {(await site.http.get("/livez", headers={"X-Request-Id": "mine"})).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert "mine" not in ids


async def test_readiness_follows_the_life_of_the_process(site: Any) -> None:
    """Ready while it may take requests; on its way out it may not."""
    assert (await site.http.get("/readyz")).status_code == 200
    site.webhook.life.is_draining = True
    response = await site.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["reason"] == "draining"
    assert (await site.http.get("/livez")).status_code == 200


async def test_sweep_is_signed_for_its_own_address(site: Any, signer: Any) -> None:
    """The schedule's call is accepted with its own signature only, and once."""
    path = "/api/qstash/sweep"
    token = signer("https://hooks.example.com" + path, b"")
    assert (await site.post(path, b"", token)).json() == {"status": "requested"}
    assert (await site.post(path, b"", token)).status_code == 409
    other = signer("https://hooks.example.com" + STEP_PATH, b"")
    assert (await site.post(path, b"", other)).status_code == 401
