"""The official Python SDK, unmodified, against the QStash stand-in over real sockets."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from qstash import AsyncQStash, QStash, Receiver
from qstash.errors import QStashError, SignatureError
from qstash.log import LogState

from local.qstash.keys import USERS
from local.qstash.testing import Answering, Destination, Received, StandIn, run_destination, run_stand_in

pytestmark = pytest.mark.server
QUICK = {"retries": 3, "backoff": lambda retried: 5.0}


@pytest.fixture(scope="module")
def started() -> Iterator[StandIn]:
    with run_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(started: StandIn) -> StandIn:
    started.reset()
    started.switch(time_factor=0.0001)
    return started


@pytest.fixture
def destination() -> Iterator[Destination]:
    with run_destination() as destination:
        yield destination


@pytest.fixture
def client(stand_in: StandIn) -> QStash:
    return QStash(stand_in.user.token, base_url=stand_in.url, retry=QUICK)


@pytest.fixture
def receiver(stand_in: StandIn) -> Receiver:
    return Receiver(stand_in.user.current_signing_key, stand_in.user.next_signing_key)


def failing(status: int = 500, **headers: str) -> Any:
    def answer(received: Received) -> Answering:
        return Answering(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"no")

    return answer


def publish_failure(client: QStash, url: str, **settings: Any) -> str:
    return client.message.publish(url=url, body="x", **({"retries": 0} | settings)).message_id


def claims_of(received: Received) -> dict[str, Any]:
    return jwt.decode(received.signature, options={"verify_signature": False})


# Publish, deliver, verify


def test_a_message_is_delivered_as_published_and_its_signature_verifies(
    client: QStash, destination: Destination, receiver: Receiver
) -> None:
    url = f"{destination.url}/a//b%2Fc?x=1&y=%2F"
    published = client.message.publish_json(url=url, body={"hello": "wörld"}, headers={"X-Tag": "7"}, method="PUT")
    [received] = destination.wait_for(1)
    assert (received.method, received.target) == ("PUT", "/a//b%2Fc?x=1&y=%2F")
    assert received.json() == {"hello": "wörld"}
    assert received.header("X-Tag") == "7"
    assert received.header("Content-Type") == "application/json"
    assert received.header("User-Agent") == "Upstash-QStash"
    assert received.header("Upstash-Retried") == "0"
    assert received.message_id == published.message_id
    assert not published.deduplicated
    receiver.verify(signature=received.signature, body=received.body.decode(), url=url)


async def test_the_asynchronous_client_works_too(
    stand_in: StandIn, destination: Destination, receiver: Receiver
) -> None:
    client = AsyncQStash(stand_in.user.token, base_url=stand_in.url, retry=QUICK)
    published = await client.message.publish(url=destination.url, body="", deduplication_id="a")
    again = await client.message.publish(url=destination.url, body="", deduplication_id="a")
    assert (again.message_id, again.deduplicated) == (published.message_id, True)
    [received] = destination.wait_for(1)
    receiver.verify(signature=received.signature, body="", url=destination.url)
    stand_in.idle()
    logs = await client.log.list(filter={"message_id": published.message_id, "state": LogState.DELIVERED})
    assert len(logs.logs) == 1
    await client.http._client.aclose()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a//b/../c?x=1&y=a b&z=%2F+é#frag", "/a//c?x=1&y=a%20b&z=%2F+%C3%A9"),
        ("/a%2Fb%20c", "/a%2Fb%20c"),
        ("/p?", "/p"),
        ("/p?upstash-retries=0&q=1&qstash_token=t", "/p?q=1"),
    ],
)
def test_the_destination_is_kept_as_it_was_on_the_wire(
    client: QStash, destination: Destination, receiver: Receiver, path: str, target: str
) -> None:
    client.message.publish(url=destination.url + path, body="x")
    [received] = destination.wait_for(1)
    assert received.target == target
    subject = destination.url + (target if path else "")
    receiver.verify(signature=received.signature, body="x", url=subject)


def test_a_user_and_password_in_the_destination_become_basic_authorization(
    client: QStash, destination: Destination
) -> None:
    url = destination.url.replace("://", "://user:pw@")
    client.message.publish(url=url, body="x")
    [received] = destination.wait_for(1)
    assert received.header("Authorization") == "Basic " + base64.b64encode(b"user:pw").decode()
    assert claims_of(received)["sub"] == url


def test_another_body_url_or_key_does_not_verify(client: QStash, destination: Destination, receiver: Receiver) -> None:
    client.message.publish(url=destination.url, body="x")
    [received] = destination.wait_for(1)
    stranger = Receiver(USERS[1].current_signing_key, USERS[1].next_signing_key)
    with pytest.raises(SignatureError):
        receiver.verify(signature=received.signature, body="y", url=destination.url)
    with pytest.raises(SignatureError):
        receiver.verify(signature=received.signature, body="x", url=destination.url + "/")
    with pytest.raises(SignatureError):
        stranger.verify(signature=received.signature, body="x", url=destination.url)


def test_a_delayed_message_waits(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    published = client.message.publish(url=destination.url, body="x", delay="1h")
    message = client.message.get(published.message_id)
    assert message.not_before - message.created_at == 3_600_000
    assert destination.received == []
    destination.wait_for(1)
    stand_in.switch(time_factor=1)
    client.message.publish(url=destination.url, body="y", not_before=int(time.time()) + 3600)
    assert len(destination.received) == 1
    assert stand_in.hurry() == 1
    destination.wait_for(2)


def test_a_message_can_be_read_with_what_was_asked(client: QStash, destination: Destination) -> None:
    published = client.message.publish(
        url=destination.url + "/x",
        body=b"\xff\x00",
        headers={"x-tag": "7"},
        retries=1,
        retry_delay="1000",
        callback="http://127.0.0.1:1/c",
        label="one",
        delay="7d",
        flow_control={"key": "k", "rate": 3, "period": "1h30m3s"},
    )
    message = client.message.get(published.message_id)
    assert (message.url, message.method, message.max_retries) == (destination.url + "/x", "POST", 1)
    assert (message.body, message.body_base64) == (None, "/wA=")
    assert message.headers == {"X-Tag": ["7"]}
    assert (message.label, message.callback) == ("one", "http://127.0.0.1:1/c")
    assert message.retry_delay_expression == "1000"
    assert message.flow_control is not None
    assert (message.flow_control.rate, message.flow_control.period) == (3, 5403)


def test_redacted_fields_are_hidden_from_the_api_and_delivered_in_clear(
    client: QStash, destination: Destination
) -> None:
    published = client.message.publish(
        url=destination.url,
        body="secret",
        headers={"X-Secret": "s", "X-Open": "o"},
        redact={"body": True, "header": ["X-Secret"]},
    )
    message = client.message.get(published.message_id)
    assert message.body is not None
    assert message.body.startswith("REDACTED:")
    assert message.headers is not None
    assert message.headers["X-Secret"][0].startswith("REDACTED:")
    assert message.headers["X-Open"] == ["o"]
    [received] = destination.wait_for(1)
    assert (received.body, received.header("X-Secret")) == (b"secret", "s")


# Deduplication and lost replies


def test_the_same_deduplication_id_gives_the_old_id_and_no_delivery(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    first = client.message.publish(url=destination.url, body="1", deduplication_id="d")
    second = client.message.publish(url=destination.url, body="2", deduplication_id="d")
    third = client.message.publish(url=destination.url, body="3", deduplication_id="e")
    assert (second.message_id, second.deduplicated) == (first.message_id, True)
    assert not third.deduplicated
    stand_in.idle()
    assert sorted(one.body for one in destination.received) == [b"1", b"3"]


def test_a_deduplication_id_is_forgotten_after_the_window(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    stand_in.switch(dedup_window_s=0.05)
    client.message.publish(url=destination.url, body="1", deduplication_id="d")
    time.sleep(0.06)
    assert not client.message.publish(url=destination.url, body="1", deduplication_id="d").deduplicated


def test_deduplication_by_content_looks_at_destination_body_and_headers(
    client: QStash, destination: Destination
) -> None:
    def publish(body: str, *, tag: str = "1", path: str = "/") -> bool:
        return client.message.publish(
            url=destination.url + path, body=body, headers={"X-Tag": tag}, content_based_deduplication=True
        ).deduplicated

    assert not publish("x")
    assert publish("x")
    assert not publish("y")
    assert not publish("x", tag="2")
    assert not publish("x", path="/other")


def test_a_lost_reply_and_the_sdks_retry_give_one_delivery(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    stand_in.switch(drop_reply=2)
    published = client.message.publish(url=destination.url, body="x", deduplication_id="d")
    assert published.deduplicated
    stand_in.idle()
    assert [one.message_id for one in destination.received] == [published.message_id]


def test_a_lost_reply_without_a_deduplication_id_gives_two_messages(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    stand_in.switch(drop_reply=1)
    client.message.publish(url=destination.url, body="x")
    stand_in.idle()
    assert len({one.message_id for one in destination.received}) == 2


# Retries, dead letters, callbacks


def test_a_failed_message_is_tried_again_with_the_same_id_and_a_new_signature(
    stand_in: StandIn, client: QStash, destination: Destination, receiver: Receiver
) -> None:
    destination.answer = lambda received: Answering(200 if received.header("Upstash-Retried") == "2" else 500)
    published = client.message.publish(url=destination.url, body="x")
    stand_in.idle()
    assert [one.header("Upstash-Retried") for one in destination.received] == ["0", "1", "2"]
    assert {one.message_id for one in destination.received} == {published.message_id}
    assert len({claims_of(one)["jti"] for one in destination.received}) == 3
    for received in destination.received:
        receiver.verify(signature=received.signature, body="x", url=destination.url)


def test_the_log_tells_the_real_back_off(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    destination.answer = failing()
    message_id = publish_failure(client, destination.url, retries=4)
    stand_in.idle()
    logs = list(reversed(client.log.list(filter={"message_id": message_id}).logs))
    retry = ["ACTIVE", "ERROR", "RETRY"]
    assert [log.state.value for log in logs] == ["CREATED", *retry * 4, "ACTIVE", "ERROR", "FAILED"]
    waits_s = [round((log.next_delivery_time - log.time) / 1000) for log in logs if log.state is LogState.RETRY]
    assert waits_s == [12, 148, 1808, 22026]
    assert logs[-1].response_status == 500
    assert logs[-1].response_body == "no"
    assert base64.b64decode(logs[-1].body_base64 or "") == b"x"


def test_the_publishers_expression_replaces_the_back_off(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    message_id = publish_failure(client, destination.url, retries=3, retry_delay="60000 * (1 + retried)")
    stand_in.idle()
    logs = client.log.list(filter={"message_id": message_id, "state": LogState.RETRY}).logs
    assert [round((log.next_delivery_time - log.time) / 1000) for log in reversed(logs)] == [60, 120, 180]
    assert {log.retry_delay_expression for log in logs} == {"60000 * (1 + retried)"}


def test_retry_after_is_honoured(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    stand_in.switch(time_factor=1)
    destination.answer = failing(503, Retry_After="0")
    message_id = publish_failure(client, destination.url, retries=2)
    stand_in.idle()
    assert [one["attempt"] for one in stand_in.deliveries(message_id)] == [0, 1, 2]


def test_a_permanent_error_goes_to_the_dead_letters_at_once(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing(489, Upstash_NonRetryable_Error="true")
    message_id = publish_failure(client, destination.url, retries=3)
    stand_in.idle()
    assert len(destination.received) == 1
    [letter] = client.dlq.list().messages
    assert (letter.message_id, letter.response_status, letter.response_body) == (message_id, 489, "no")
    assert letter.response_headers is not None
    assert letter.response_headers["Upstash-Nonretryable-Error"] == ["true"]


def test_dead_letters_can_be_listed_in_pages_read_and_deleted(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    for number in range(5):
        publish_failure(client, f"{destination.url}/{number}", label="even" if number % 2 == 0 else "odd")
        stand_in.idle()
    first = client.dlq.list(count=3)
    second = client.dlq.list(count=3, cursor=first.cursor)
    letters = first.messages + second.messages
    assert [letter.url.rpartition("/")[2] for letter in letters] == ["0", "1", "2", "3", "4"]
    assert second.cursor is None
    assert len(client.dlq.list(filter={"label": "even"}).messages) == 3
    assert client.dlq.list(filter={"response_status": 404}).messages == []
    assert client.dlq.get(letters[0].dlq_id).message_id == letters[0].message_id
    client.dlq.delete(letters[0].dlq_id)
    with pytest.raises(QStashError, match="404"):
        client.dlq.get(letters[0].dlq_id)
    assert client.dlq.delete_many([letter.dlq_id for letter in letters[:3]]) == 2
    assert len(client.dlq.list().messages) == 2


def test_a_dead_letter_is_taken_up_again_as_a_new_message(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    old_id = publish_failure(client, destination.url, headers={"X-Tag": "7"}, deduplication_id="d", retries=0)
    stand_in.idle()
    destination.answer = lambda received: Answering()
    told = client.http.request(path="/v2/dlq/retry", method="POST", headers={"Upstash-Retries": "2"})
    [response] = told["responses"]
    assert told["cursor"] == ""
    stand_in.idle()
    received = destination.received[-1]
    assert (received.message_id, received.body, received.header("X-Tag")) == (response["messageId"], b"x", "7")
    assert received.message_id != old_id
    assert client.message.get(received.message_id).max_retries == 2
    assert client.dlq.list().messages == []


def test_a_dead_letter_that_was_delayed_is_taken_up_again_at_once(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    publish_failure(client, destination.url, delay="1h")
    stand_in.idle()
    stand_in.switch(time_factor=1)
    client.http.request(path="/v2/dlq/retry", method="POST")
    stand_in.idle()
    assert len(destination.received) == 2


def test_the_failure_callback_tells_what_failed(
    stand_in: StandIn, client: QStash, destination: Destination, receiver: Receiver
) -> None:
    destination.answer = lambda received: Answering(
        200 if received.target == "/failure" else 500, {"X-Why": "y"}, b"no"
    )
    message_id = publish_failure(
        client,
        destination.url + "/x",
        retries=1,
        headers={"X-Tag": "7"},
        failure_callback=destination.url + "/failure",
        failure_callback_headers={"Forward-X-Mine": "m"},
    )
    stand_in.idle()
    [received] = destination.at("/failure")
    receiver.verify(signature=received.signature, body=received.body.decode(), url=destination.url + "/failure")
    told = received.json()
    [letter] = client.dlq.list().messages
    assert told.pop("header")["X-Why"] == ["y"]
    assert told == {
        "status": 500,
        "body": base64.b64encode(b"no").decode(),
        "retried": 1,
        "maxRetries": 1,
        "sourceMessageId": message_id,
        "url": destination.url + "/x",
        "method": "POST",
        "sourceHeader": {"X-Tag": ["7"]},
        "sourceBody": base64.b64encode(b"x").decode(),
        "notBefore": letter.not_before,
        "createdAt": letter.created_at,
        "callerIP": "127.0.0.1",
        "dlqId": letter.dlq_id,
    }
    assert received.header("X-Mine") == "m"
    assert received.message_id != message_id


def test_the_callback_comes_after_every_attempt(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    destination.answer = lambda received: Answering(
        200 if received.target == "/callback" or received.header("Upstash-Retried") == "1" else 503
    )
    publish_failure(client, destination.url + "/x", retries=3, callback=destination.url + "/callback")
    stand_in.idle()
    told = sorted((one.json() for one in destination.at("/callback")), key=lambda one: one["retried"])
    assert [(one["status"], one["retried"]) for one in told] == [(503, 0), (200, 1)]
    assert all("dlqId" not in one for one in told)


def test_a_callback_is_tried_as_often_as_its_message_if_nothing_else_is_said(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    publish_failure(client, destination.url + "/x", retries=2, failure_callback=destination.url + "/failure")
    stand_in.idle()
    assert len(destination.at("/failure")) == 3


def test_a_callback_that_fails_is_a_dead_letter_itself(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    destination.answer = failing()
    publish_failure(
        client,
        destination.url + "/x",
        failure_callback=destination.url + "/failure",
        failure_callback_headers={"Retries": "1"},
    )
    stand_in.idle()
    assert len(destination.at("/failure")) == 2
    assert {letter.url.rpartition("/")[2] for letter in client.dlq.list().messages} == {"x", "failure"}


# Cancel, batch, keys


def test_waiting_messages_can_be_cancelled(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    stand_in.switch(time_factor=1)
    ids = [client.message.publish(url=destination.url, body="x", delay=60).message_id for _ in range(5)]
    client.message.cancel(ids[0])
    assert client.message.cancel_many(ids[:3]) == 2
    assert client.message.cancel_all() == 2
    stand_in.idle()
    assert destination.received == []
    states = [log.state.value for log in client.log.list(filter={"message_id": ids[0]}).logs]
    assert states == ["CANCELED", "CANCEL_REQUESTED", "CREATED"]


def test_an_unknown_message_is_not_found(client: QStash) -> None:
    with pytest.raises(QStashError, match="404"):
        client.message.get("msg_unknown")
    with pytest.raises(QStashError, match="404"):
        client.message.cancel("msg_unknown")


def test_a_batch_is_published_in_one_request(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    answers = client.message.batch_json(
        [
            {"url": destination.url + "/a", "body": {"n": 1}, "deduplication_id": "d"},
            {"url": destination.url + "/b b", "body": "é", "headers": {"X-Tag": "7"}, "retries": 0},
            {"url": destination.url + "/a", "body": {"n": 1}, "deduplication_id": "d"},
        ]
    )
    stand_in.idle()
    assert [answer.deduplicated for answer in answers] == [False, False, True]
    assert [one.json() for one in destination.at("/a")] == [{"n": 1}]
    [second] = destination.at("/b%20b")
    assert (second.json(), second.header("X-Tag")) == ("é", "7")


def test_an_old_configuration_verifies_after_one_rotation_and_not_after_two(
    client: QStash, destination: Destination, receiver: Receiver
) -> None:
    before = client.signing_key.get()
    after = client.signing_key.rotate()
    assert after.current == before.next
    assert after.next not in {before.current, before.next}
    client.message.publish(url=destination.url, body="x")
    receiver.verify(signature=destination.wait_for(1)[0].signature, body="x", url=destination.url)
    client.signing_key.rotate()
    client.message.publish(url=destination.url, body="x")
    with pytest.raises(SignatureError):
        receiver.verify(signature=destination.wait_for(2)[1].signature, body="x", url=destination.url)


def test_users_have_their_own_messages_and_keys(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(time_factor=1)
    clients = [QStash(user.token, base_url=stand_in.url, retry=QUICK) for user in USERS]
    ids = [client.message.publish(url=destination.url, body="x", deduplication_id="d") for client in clients]
    assert not any(one.deduplicated for one in ids)
    for user, client, one in zip(USERS, clients, ids, strict=True):
        keys = client.signing_key.get()
        assert (keys.current, keys.next) == (user.current_signing_key, user.next_signing_key)
        assert client.message.get(one.message_id).message_id == one.message_id
    with pytest.raises(QStashError, match="404"):
        clients[0].message.get(ids[1].message_id)


# Schedules


def test_a_schedule_publishes_when_its_time_comes(
    stand_in: StandIn, client: QStash, destination: Destination, receiver: Receiver
) -> None:
    schedule_id = client.schedule.create_json(destination=destination.url + "/s", cron="* * * * *", body={"n": 1})
    received = destination.wait_for(2)[0]
    client.schedule.delete(schedule_id)
    assert received.header("Upstash-Schedule-Id") == schedule_id
    receiver.verify(signature=received.signature, body=json.dumps({"n": 1}), url=destination.url + "/s")
    assert len({one.message_id for one in destination.received}) >= 2


def test_a_schedule_can_be_read_replaced_paused_and_deleted(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    stand_in.switch(time_factor=1)
    settings: dict[str, Any] = {"destination": destination.url, "schedule_id": "mine", "headers": {"test-header": "v"}}
    assert client.schedule.create(cron="0 0 * * *", body="x", retries=1, delay="5m", **settings) == "mine"
    schedule = client.schedule.get("mine")
    assert (schedule.cron, schedule.destination, schedule.body) == ("0 0 * * *", destination.url, "x")
    assert (schedule.retries, schedule.delay, schedule.paused) == (1, 300, False)
    assert schedule.headers == {"Test-Header": ["v"]}
    assert schedule.next_schedule_time is not None
    created_at = schedule.created_at
    time.sleep(0.01)
    client.schedule.create(cron="CRON_TZ=Asia/Tokyo 0 0 * * *", **settings)
    [schedule] = client.schedule.list()
    assert schedule.created_at == created_at
    assert (schedule.cron, schedule.body) == ("CRON_TZ=Asia/Tokyo 0 0 * * *", None)
    client.schedule.pause("mine")
    assert client.schedule.get("mine").paused
    client.schedule.resume("mine")
    assert not client.schedule.get("mine").paused
    message_id = stand_in.fire("mine")
    stand_in.idle()
    states = client.schedule.get("mine").last_schedule_states
    assert {key: state.value for key, state in (states or {}).items()} == {message_id: "SUCCESS"}
    client.schedule.delete("mine")
    assert client.schedule.list() == []
    with pytest.raises(QStashError, match="404"):
        client.schedule.get("mine")


def test_a_schedule_that_is_replaced_publishes_no_more(
    stand_in: StandIn, client: QStash, destination: Destination
) -> None:
    for cron, path in (("* * * * *", "/old"), ("0 0 1 1 *", "/new")):
        client.schedule.create(destination=destination.url + path, cron=cron, schedule_id="s")
    stand_in.idle()
    count = len(destination.received)
    time.sleep(0.1)  # sixteen minutes of the schedule's time
    assert len(destination.received) == count


def test_a_paused_schedule_publishes_nothing(stand_in: StandIn, client: QStash, destination: Destination) -> None:
    schedule_id = client.schedule.create(destination=destination.url, cron="* * * * *")
    client.schedule.pause(schedule_id)
    stand_in.idle()
    count = len(destination.received)
    time.sleep(0.1)  # sixteen minutes of the schedule's time
    assert len(destination.received) == count
