"""How the QStash stand-in delivers and misbehaves: timeouts, redirects, copies, order, clocks, keys, rewrites."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from qstash import Receiver
from qstash.errors import SignatureError

from local.port import free_port
from local.qstash.keys import USERS, WRONG_KEY
from local.qstash.switch import Switches
from local.qstash.testing import Answering, Destination, Received, StandIn, run_destination, run_stand_in

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def started() -> Iterator[StandIn]:
    with run_stand_in(Switches(time_factor=0.0001)) as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(started: StandIn) -> StandIn:
    started.reset()
    return started


@pytest.fixture
def destination() -> Iterator[Destination]:
    with run_destination() as destination:
        yield destination


def publish(stand_in: StandIn, url: str, **settings: str) -> str:
    headers = {f"Upstash-{name.replace('_', '-')}": value for name, value in settings.items()}
    with stand_in.rest() as client:
        return client.post(f"/v2/publish/{url}", headers=headers, content=b"x").raise_for_status().json()["messageId"]


def publish_batch(stand_in: StandIn, urls: list[str]) -> None:
    with stand_in.rest() as client:
        client.post("/v2/batch", json=[{"destination": url} for url in urls]).raise_for_status()


def letters(stand_in: StandIn) -> list[dict[str, Any]]:
    with stand_in.rest() as client:
        return client.get("/v2/dlq").json()["messages"]


def outcomes(stand_in: StandIn, message_id: str) -> list[tuple[int, int]]:
    return [(one["attempt"], one["status"]) for one in stand_in.deliveries(message_id)]


def claims_of(received: Received) -> dict[str, Any]:
    return jwt.decode(received.signature, options={"verify_signature": False})


def verify(received: Received, url: str, stand_in: StandIn) -> None:
    user = stand_in.user
    receiver = Receiver(user.current_signing_key, user.next_signing_key)
    receiver.verify(signature=received.signature, body=received.body.decode(), url=url)


# Failures of destinations


def test_an_answer_that_comes_too_late_is_an_error_without_status_and_tried_again(
    stand_in: StandIn, destination: Destination
) -> None:
    destination.answer = lambda received: Answering(delay_s=0 if received.header("Upstash-Retried") == "1" else 2)
    message_id = publish(stand_in, destination.url, Timeout="1s")
    stand_in.idle()
    assert outcomes(stand_in, message_id) == [(0, 0), (1, 200)]
    assert stand_in.deliveries(message_id)[0]["error"] == "context deadline exceeded"
    with stand_in.rest() as client:
        [error] = client.get("/v2/events?state=ERROR").json()["events"]
    assert (error["responseStatus"], error["error"], error["timeout"]) == (0, "context deadline exceeded", 1000)


def test_a_destination_that_is_not_there_ends_among_the_dead_letters(stand_in: StandIn) -> None:
    message_id = publish(stand_in, f"http://127.0.0.1:{free_port()}/x", Retries="1")
    stand_in.idle()
    assert outcomes(stand_in, message_id) == [(0, 0), (1, 0)]
    [letter] = letters(stand_in)
    assert letter["responseStatus"] == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_failures_and_not_followed(stand_in: StandIn, destination: Destination, status: int) -> None:
    destination.answer = lambda received: Answering(status, {"Location": "/other"})
    message_id = publish(stand_in, destination.url + "/x", Retries="1")
    stand_in.idle()
    assert outcomes(stand_in, message_id) == [(0, status), (1, status)]
    assert destination.at("/other") == []


def test_a_huge_answer_is_trimmed(stand_in: StandIn, destination: Destination) -> None:
    destination.answer = lambda received: Answering(500, body=b"x" * (3 * 1024 * 1024))
    publish(stand_in, destination.url, Retries="0")
    stand_in.idle()
    [letter] = letters(stand_in)
    assert len(letter["responseBody"]) == 1024 * 1024


def test_a_forwarded_header_is_there_at_each_attempt_in_copies_and_at_the_failure_callback(
    stand_in: StandIn, destination: Destination
) -> None:
    """As QStash does it; without its prefix."""
    stand_in.switch(duplicate=1)
    destination.answer = lambda received: Answering(500 if received.target == "/x" else 200)
    settings = {"Failure_Callback": f"{destination.url}/failed", "Failure_Callback_Forward_Traceparent": "00-b"}
    publish(stand_in, f"{destination.url}/x", Forward_Traceparent="00-a", Retries="2", **settings)
    destination.wait_for(6)
    assert [one.header("traceparent") for one in destination.at("/x")] == ["00-a"] * 4
    assert [one.header("Upstash-Retried") for one in destination.at("/x")].count("2") == 1
    assert {one.header("traceparent") for one in destination.at("/failed")} == {"00-b"}


def test_the_delay_is_waited_for_in_the_stand_ins_time(stand_in: StandIn, destination: Destination) -> None:
    started_at = time.monotonic()
    publish(stand_in, destination.url, Delay="50m")  # 0.3 s
    destination.wait_for(1)
    assert 0.3 <= time.monotonic() - started_at < 20


def test_many_messages_are_delivered_side_by_side_and_no_more_than_a_hundred(
    stand_in: StandIn, destination: Destination
) -> None:
    destination.answer = lambda received: Answering(delay_s=4)
    publish_batch(stand_in, [destination.url] * 120)
    destination.wait_for(100)
    time.sleep(0.2)
    assert len(destination.received) == 100
    stand_in.idle()
    assert len(destination.received) == 120


def test_a_message_in_flight_is_cancelled_only_if_it_fails(stand_in: StandIn, destination: Destination) -> None:
    destination.answer = lambda received: Answering(200 if received.target == "/good" else 500, delay_s=0.3)
    ids = [publish(stand_in, destination.url + path) for path in ("/good", "/bad")]
    destination.wait_for(2)
    with stand_in.rest() as client:
        assert client.delete("/v2/messages").json() == {"cancelled": 2}
        stand_in.idle()
        last = [client.get("/v2/events", params={"messageId": one}).json()["events"][0]["state"] for one in ids]
    assert last == ["DELIVERED", "CANCELED"]
    assert len(destination.received) == 2


# Misbehaviour


def test_copies_have_the_same_id_and_another_signature(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(duplicate=2)
    message_id = publish(stand_in, destination.url)
    stand_in.idle()
    assert [one.message_id for one in destination.received] == [message_id] * 3
    assert len({claims_of(one)["jti"] for one in destination.received}) == 3
    for received in destination.received:
        verify(received, destination.url, stand_in)
    assert sorted(one["is_copy"] for one in stand_in.deliveries(message_id)) == [False, True, True]
    with stand_in.rest() as client:
        assert len(client.get("/v2/events?state=DELIVERED").json()["events"]) == 1


def test_copies_can_come_after_the_success(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(duplicate=1, duplicate_delay_s=0.2)
    publish(stand_in, destination.url)
    stand_in.idle()
    first, copy = stand_in.deliveries()
    assert (first["is_copy"], copy["is_copy"]) == (False, True)
    assert copy["started_at_ms"] - first["finished_at_ms"] >= 190


def test_one_message_can_be_delivered_once_more(stand_in: StandIn, destination: Destination) -> None:
    message_id = publish(stand_in, destination.url)
    stand_in.idle()
    stand_in.duplicate(message_id)
    stand_in.idle()
    assert [one.message_id for one in destination.received] == [message_id] * 2


def test_messages_can_be_put_out_of_order(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(reorder=3)
    publish_batch(stand_in, [f"{destination.url}/{number}" for number in range(6)])
    stand_in.idle()
    assert [one.target for one in destination.received] == ["/2", "/1", "/0", "/5", "/4", "/3"]


def test_messages_that_are_held_for_too_few_others_go_anyway(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(reorder=100)
    publish_batch(stand_in, [f"{destination.url}/{number}" for number in range(2)])
    stand_in.idle()
    assert [one.target for one in destination.received] == ["/1", "/0"]


def test_attempts_can_fail_before_they_reach_the_destination(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(fail_next=2, fail_status=503)
    message_id = publish(stand_in, destination.url)
    stand_in.idle()
    assert outcomes(stand_in, message_id) == [(0, 503), (1, 503), (2, 200)]
    assert [one.header("Upstash-Retried") for one in destination.received] == ["2"]


def test_an_answer_can_be_lost_after_the_destination_gave_it(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(lose_answer=1)
    message_id = publish(stand_in, destination.url)
    stand_in.idle()
    assert outcomes(stand_in, message_id) == [(0, 0), (1, 200)]
    assert [one.message_id for one in destination.received] == [message_id] * 2


def test_the_signing_clock_can_be_slow_or_fast(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(clock_skew_s=-400)
    publish(stand_in, destination.url)
    stand_in.idle()
    stand_in.switch(clock_skew_s=30)
    publish(stand_in, destination.url)
    stand_in.idle()
    slow, fast = destination.received
    assert claims_of(slow)["exp"] < time.time()
    assert claims_of(fast)["iat"] > time.time() + 20
    for received in (slow, fast):
        with pytest.raises(SignatureError):
            verify(received, destination.url, stand_in)


@pytest.mark.parametrize(
    ("sign_with", "key"),
    [("current", USERS[0].current_signing_key), ("next", USERS[0].next_signing_key), ("wrong", WRONG_KEY)],
)
def test_another_key_can_sign(stand_in: StandIn, destination: Destination, sign_with: str, key: str) -> None:
    stand_in.switch(sign_with=sign_with)
    publish(stand_in, destination.url)
    [received] = destination.wait_for(1)
    assert jwt.decode(received.signature, key, algorithms=["HS256"])["sub"] == destination.url
    if sign_with == "wrong":
        with pytest.raises(SignatureError):
            verify(received, destination.url, stand_in)
    else:
        verify(received, destination.url, stand_in)


def test_a_rewritten_origin_changes_only_where_the_request_goes(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(rewrite={"https://a.example": destination.url})
    url = "https://a.example/x//y?z=%2F"
    message_id = publish(stand_in, url)
    [received] = destination.wait_for(1)
    assert received.target == "/x//y?z=%2F"
    assert received.header("Host") == "a.example"
    verify(received, url, stand_in)
    stand_in.idle()
    assert stand_in.deliveries(message_id)[0]["url"] == url


def test_reset_forgets_everything_and_puts_the_switches_back(stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(duplicate=3, time_factor=1)
    publish(stand_in, destination.url, Delay="1h", Deduplication_Id="d")
    with stand_in.rest() as client:
        client.post("/v2/keys/rotate")
    stand_in.reset()
    stats = stand_in.stats()
    assert (stats["messages"], stats["under_way"]) == ({}, 0)
    publish(stand_in, destination.url, Delay="1h", Deduplication_Id="d")
    stand_in.idle()
    assert len(destination.received) == 1
    verify(destination.received[0], destination.url, stand_in)


def test_stats_count_what_happened(stand_in: StandIn, destination: Destination) -> None:
    destination.answer = lambda received: Answering(500 if received.target == "/bad" else 200)
    publish(stand_in, destination.url + "/bad", Retries="1")
    publish(stand_in, destination.url + "/good")
    stand_in.idle()
    assert stand_in.stats() == {
        "messages": {"FAILED": 1, "DELIVERED": 1},
        "deliveries": {"500": 2, "200": 1},
        "copies": 0,
        "dead_letters": 1,
        "schedules": 0,
        "under_way": 0,
    }
