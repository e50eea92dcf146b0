"""The QStash stand-in's REST API on the wire: authentication, refusals, quotas, filters, what is left out."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from local.loopback import PLAIN_HTTP
from local.qstash.keys import USERS
from local.qstash.testing import Answering, Destination, StandIn, run_destination, run_stand_in

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def started() -> Iterator[StandIn]:
    with run_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(started: StandIn) -> StandIn:
    started.reset()
    return started


@pytest.fixture
def rest(stand_in: StandIn) -> Iterator[httpx.Client]:
    with stand_in.rest() as client:
        yield client


@pytest.fixture
def destination() -> Iterator[Destination]:
    with run_destination() as destination:
        yield destination


def refusal(response: httpx.Response, status: int) -> str:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    told = response.json()
    assert told.keys() == {"error"}
    return told["error"]


# Authentication


@pytest.mark.parametrize("token", ["", "other", USERS[0].token + "%0A", f'"{USERS[0].token}"'])
def test_an_unknown_token_is_refused(stand_in: StandIn, token: str) -> None:
    with stand_in.rest() as client:
        response = client.get("/v2/keys", headers={"Authorization": f"Bearer {token}".strip()})
    assert refusal(response, 401) == "unable to authenticate: invalid token"


def test_nothing_is_published_without_a_token(stand_in: StandIn, destination: Destination) -> None:
    response = httpx.post(f"{stand_in.url}/v2/publish/{destination.url}", **PLAIN_HTTP)
    assert refusal(response, 401) == "unable to authenticate: invalid token"
    assert stand_in.deliveries() == []


def test_the_token_may_be_a_query_parameter_which_the_destination_never_sees(
    stand_in: StandIn, destination: Destination
) -> None:
    url = f"{stand_in.url}/v2/publish/{destination.url}/x?a=1&qstash_token={USERS[0].token}&b=2"
    response = httpx.post(url, **PLAIN_HTTP)
    assert response.json()["url"] == f"{destination.url}/x?a=1&b=2"
    assert destination.wait_for(1)[0].target == "/x?a=1&b=2"


# Publish


def test_the_answer_has_id_and_url_and_says_when_it_is_a_duplicate(
    rest: httpx.Client, destination: Destination
) -> None:
    headers = {"Upstash-Deduplication-Id": "d"}
    first = rest.post(f"/v2/publish/{destination.url}", headers=headers)
    second = rest.post(f"/v2/publish/{destination.url}", headers=headers)
    told = {"messageId": first.json()["messageId"], "url": destination.url}
    assert (first.status_code, first.json()) == (200, told)
    assert (second.status_code, second.json()) == (202, told | {"deduplicated": True})
    assert told["messageId"].startswith("msg_")


def test_a_destination_that_is_encoded_as_a_whole_is_understood(rest: httpx.Client, destination: Destination) -> None:
    encoded = destination.url.replace(":", "%3A").replace("/", "%2F")
    assert rest.post(f"/v2/publish/{encoded}%2Fx%3Fa%3D1").json()["url"] == f"{destination.url}/x?a=1"
    assert destination.wait_for(1)[0].target == "/x?a=1"


@pytest.mark.parametrize(
    ("destination", "text"),
    [
        ("example.com", "invalid destination url: endpoint has invalid scheme, add http:// or https://"),
        ("my%20group", "invalid destination url: endpoint has invalid scheme, add http:// or https://"),
        ("http://", "invalid destination url: endpoint has an invalid host"),
    ],
)
def test_a_destination_that_is_no_url_is_refused(rest: httpx.Client, destination: str, text: str) -> None:
    assert refusal(rest.post(f"/v2/publish/{destination}"), 400) == text


@pytest.mark.parametrize(
    ("header", "value", "text"),
    [
        ("Deduplication-Id", "a:b", "DeduplicationId cannot contain ':'"),
        ("Retries", "6", "quota maxRetries exceeded"),
        ("Delay", "604801s", "quota maxDelay exceeded, current limit: 604800"),
        ("Not-Before", "99999999999", "quota maxDelay exceeded, current limit: 604800"),
    ],
)
def test_impossible_settings_are_refused(
    rest: httpx.Client, destination: Destination, header: str, value: str, text: str
) -> None:
    response = rest.post(f"/v2/publish/{destination.url}", headers={f"Upstash-{header}": value})
    assert refusal(response, 400) == text


def test_a_body_over_the_plans_limit_is_refused(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    assert rest.post(f"/v2/publish/{destination.url}", content=b"x" * 1024 * 1024).status_code == 200
    response = rest.post(f"/v2/publish/{destination.url}", content=b"x" * (1024 * 1024 + 1))
    assert refusal(response, 412) == "quota maxMessageSize exceeded"
    stand_in.idle()
    assert [len(one.body) for one in destination.received] == [1024 * 1024]


def test_one_item_over_the_limit_refuses_the_whole_batch(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    items = [{"destination": destination.url}, {"destination": destination.url, "body": "x" * (1024 * 1024 + 1)}]
    assert refusal(rest.post("/v2/batch", json=items), 412) == "quota maxMessageSize exceeded"
    stand_in.idle()
    assert destination.received == []


def test_any_other_fault_of_an_item_is_its_own(rest: httpx.Client, destination: Destination) -> None:
    items = [
        {"destination": "nowhere"},
        {"body": "x"},
        {"destination": destination.url, "queue": "q"},
        {"destination": destination.url, "headers": {"upstash-method": "GET"}, "queue": None},
    ]
    answers = rest.post("/v2/batch", json=items).json()
    assert [answer.keys() for answer in answers[:3]] == [{"error"}] * 3
    assert destination.wait_for(1)[0].method == "GET"
    assert answers[3]["messageId"] == destination.received[0].message_id


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_a_batch_that_is_no_json_is_refused(rest: httpx.Client, body: bytes) -> None:
    assert refusal(rest.post("/v2/batch", content=body), 400) == "invalid batch: not JSON"


def test_harmless_headers_are_accepted_and_not_forwarded(rest: httpx.Client, destination: Destination) -> None:
    headers = {
        "Upstash-Telemetry-Sdk": "x",
        "Upstash-Flow-Control-Key": "k",
        "Upstash-Flow-Control-Value": "",
        "X-Other": "1",
    }
    assert rest.post(f"/v2/publish/{destination.url}", headers=headers).status_code == 200
    names = {name for name, _ in destination.wait_for(1)[0].headers}
    assert names == {"host", "user-agent", "content-length"} | {
        f"upstash-{name}" for name in ("message-id", "retried", "region", "caller-ip", "signature")
    }


# What is left out


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/queues"),
        ("POST", "/v2/queues"),
        ("POST", "/v2/enqueue/q/https://a.example"),
        ("GET", "/v2/topics/t"),
        ("POST", "/v2/topics/t/endpoints"),
        ("GET", "/v2/flowControl/k"),
        ("GET", "/v2/globalParallelism"),
    ],
)
def test_what_is_left_out_says_so(rest: httpx.Client, method: str, path: str) -> None:
    assert "not supported by the QStash stand-in" in refusal(rest.request(method, path), 501)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v2/nothing"), ("GET", "/v2/publish/https://a.example"), ("PUT", "/v2/keys")],
)
def test_what_does_not_exist_is_not_found(rest: httpx.Client, method: str, path: str) -> None:
    assert "not found" in refusal(rest.request(method, path), 404)


# Filters, bulk actions, both names


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v2/dlq"),
        ("GET", "/v2/dlq"),
        ("DELETE", "/v2/messages"),
        ("GET", "/v2/events"),
        ("POST", "/v2/dlq/retry"),
    ],
)
def test_an_unknown_filter_is_refused_and_nothing_happens(rest: httpx.Client, method: str, path: str) -> None:
    assert refusal(rest.request(method, path, params={"labeel": "a"}), 400) == "unknown filter: labeel"


def test_bulk_actions_take_filters_in_the_query_and_ids_in_the_body(rest: httpx.Client) -> None:
    for label in ("a", "b", "c", "c"):
        rest.post("/v2/publish/http://a.example/x", headers={"Upstash-Delay": "1h", "Upstash-Label": f"{label},all"})
    kept = rest.post("/v2/publish/http://b.example/x", headers={"Upstash-Delay": "1h"}).json()["messageId"]
    assert rest.delete("/v2/messages", params={"label": "none"}).json() == {"cancelled": 0}
    assert rest.delete("/v2/messages?label=a&label=b&host=a.example").json() == {"cancelled": 2}
    assert rest.delete("/v2/messages?host=a.example&count=1").json() == {"cancelled": 2}
    response = rest.request("DELETE", "/v2/messages", content=json.dumps({"messageIds": [kept, "msg_unknown"]}))
    assert response.json() == {"cancelled": 1}


def test_an_empty_id_or_an_empty_list_means_everything(rest: httpx.Client) -> None:
    for _ in range(2):
        rest.post("/v2/publish/http://a.example", headers={"Upstash-Delay": "1h"})
    assert rest.delete("/v2/messages/").json() == {"cancelled": 2}
    rest.post("/v2/publish/http://a.example", headers={"Upstash-Delay": "1h"})
    assert rest.request("DELETE", "/v2/messages", content=b'{"messageIds": []}').json() == {"cancelled": 1}


def test_a_finished_message_can_be_read_but_not_cancelled(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    message_id = rest.post(f"/v2/publish/{destination.url}").json()["messageId"]
    stand_in.idle()
    assert rest.get(f"/v2/messages/{message_id}").status_code == 200
    assert rest.delete(f"/v2/messages/{message_id}").json() == {"cancelled": 0}
    assert rest.delete("/v2/messages").json() == {"cancelled": 0}


def test_the_log_has_two_names_and_pages_from_the_latest_on(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    for _ in range(3):
        rest.post(f"/v2/publish/{destination.url}")
        stand_in.idle()
    everything = rest.get("/v2/logs").json()
    assert everything.keys() == {"events", "logs"}
    assert everything["events"] == everything["logs"] == rest.get("/v2/events").json()["events"]
    assert [one["state"] for one in everything["logs"]] == ["DELIVERED", "ACTIVE", "CREATED"] * 3
    seen, cursor = [], None
    while len(seen) < 9 and (cursor is not None or not seen):
        page = rest.get("/v2/events", params={"count": "4"} | ({"cursor": cursor} if cursor else {})).json()
        seen.extend(page["events"])
        cursor = page.get("cursor")
    assert seen == everything["events"]
    ids = {one["messageId"] for one in seen}
    assert len(ids) == 3
    chosen = rest.get("/v2/events", params={"messageIds": ",".join(sorted(ids)[:2]), "state": "DELIVERED"}).json()
    assert len(chosen["events"]) == 2
    times = [one["time"] for one in seen]
    later = rest.get("/v2/events", params={"fromDate": str(times[0] + 1)}).json()
    assert later["events"] == []


def test_messages_under_way_are_in_progress(stand_in: StandIn, rest: httpx.Client, destination: Destination) -> None:
    destination.answer = lambda received: Answering(500)
    rest.post(f"/v2/publish/{destination.url}")
    destination.wait_for(1)
    deadline = time.monotonic() + 5
    while len(states := rest.get("/v2/events?state=IN_PROGRESS").json()["events"]) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [one["state"] for one in states] == ["RETRY", "ERROR", "ACTIVE"]


def test_a_dead_letter_is_deleted_once(stand_in: StandIn, rest: httpx.Client, destination: Destination) -> None:
    destination.answer = lambda received: Answering(500, body=b"\xff")
    rest.post(f"/v2/publish/{destination.url}", headers={"Upstash-Retries": "0"})
    stand_in.idle()
    [letter] = rest.get("/v2/dlq").json()["messages"]
    assert (letter["responseStatus"], letter["responseBodyBase64"]) == (500, "/w==")
    assert rest.delete(f"/v2/dlq/{letter['dlqId']}").status_code == 200
    assert rest.delete(f"/v2/dlq/{letter['dlqId']}").status_code == 404
    assert rest.post(f"/v2/dlq/retry/{letter['dlqId']}").status_code == 404


def test_one_dead_letter_is_taken_up_again_by_its_id(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    destination.answer = lambda received: Answering(500)
    rest.post(f"/v2/publish/{destination.url}", headers={"Upstash-Retries": "0"}, content=b"x")
    stand_in.idle()
    [letter] = rest.get("/v2/dlq").json()["messages"]
    response = rest.post(f"/v2/dlq/retry/{letter['dlqId']}")
    assert response.status_code == 201
    stand_in.idle()
    assert destination.received[1].message_id == response.json()["messageId"] != letter["messageId"]


def test_bulk_deletion_goes_page_by_page(stand_in: StandIn, rest: httpx.Client, destination: Destination) -> None:
    destination.answer = lambda received: Answering(500)
    for _ in range(5):
        rest.post(f"/v2/publish/{destination.url}", headers={"Upstash-Retries": "0"})
    stand_in.idle()
    first = rest.delete("/v2/dlq?count=3").json()
    assert first["deleted"] == 3
    assert rest.delete("/v2/dlq", params={"count": "3", "cursor": first["cursor"]}).json() == {"deleted": 2}


# Schedules


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "invalid cron: "),
        ({"Upstash-Cron": "* * *"}, "invalid cron: * * *"),
        ({"Upstash-Cron": "0 0 * * *", "Upstash-Schedule-Id": "a b"}, "invalid schedule id"),
    ],
)
def test_an_impossible_schedule_is_refused(rest: httpx.Client, headers: dict[str, str], text: str) -> None:
    assert text in refusal(rest.post("/v2/schedules/http://a.example", headers=headers), 400)


def test_there_is_a_limit_of_schedules_which_replacing_one_does_not_meet(rest: httpx.Client) -> None:
    for number in range(10):
        headers = {"Upstash-Cron": "0 0 * * *", "Upstash-Schedule-Id": f"s{number}"}
        assert rest.post("/v2/schedules/http://a.example", headers=headers).json() == {"scheduleId": f"s{number}"}
    assert rest.post("/v2/schedules/http://a.example", headers=headers).status_code == 200
    response = rest.post("/v2/schedules/http://a.example", headers={"Upstash-Cron": "0 0 * * *"})
    assert refusal(response, 412) == "quota maxSchedules exceeded"


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_pause_and_resume_take_both_methods(rest: httpx.Client, method: str) -> None:
    rest.post("/v2/schedules/http://a.example/pause", headers={"Upstash-Cron": "0 0 * * *", "Upstash-Schedule-Id": "s"})
    assert rest.request(method, "/v2/schedules/s/pause").status_code == 200
    assert rest.get("/v2/schedules/s").json()["isPaused"] is True
    assert rest.request(method, "/v2/schedules/s/resume").status_code == 200
    assert rest.get("/v2/schedules/s").json()["isPaused"] is False
    assert rest.get("/v2/schedules/s").json()["destination"] == "http://a.example/pause"
    assert rest.request(method, "/v2/schedules/other/pause").status_code == 404


# Production-like


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "[::1]:9"])
def test_a_production_like_stand_in_refuses_loopback(stand_in: StandIn, rest: httpx.Client, host: str) -> None:
    stand_in.switch(production_like=True)
    text = "invalid destination url: endpoint resolves to a loopback address: "
    assert refusal(rest.post(f"/v2/publish/http://{host}/x"), 400).startswith(text)


def test_a_production_like_stand_in_refuses_hosts_without_an_address(stand_in: StandIn, rest: httpx.Client) -> None:
    stand_in.switch(production_like=True)
    text = "invalid destination url: unable to resolve host: lookup nowhere.invalid"
    assert refusal(rest.post("/v2/publish/http://nowhere.invalid/x"), 400).startswith(text)


def test_a_production_like_stand_in_delivers_to_an_origin_that_is_rewritten(
    stand_in: StandIn, rest: httpx.Client, destination: Destination
) -> None:
    stand_in.switch(production_like=True, rewrite={"https://a.invalid": destination.url})
    assert rest.post("/v2/publish/https://a.invalid/x").status_code == 200
    assert destination.wait_for(1)[0].header("Host") == "a.invalid"
