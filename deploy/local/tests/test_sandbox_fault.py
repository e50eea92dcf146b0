"""The sandbox told to misbehave, over real sockets: each fault, which calls it strikes, and how long answers take."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.child import Command, wait_until
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.process import Part, Supervisor
from local.sandbox.fault import Fault, FaultError, Misbehaviour
from local.sandbox.latency import Latency

pytestmark = pytest.mark.server

KEYWORD = "/v1/tiktok/search/keyword"
PROFILE = "/v1/tiktok/profile"
ASKED = {"query": "bread"}


@contextmanager
def sandbox(folder: Path, *options: str) -> Iterator[httpx.Client]:
    """A sandbox with these options that wrote nothing to its log, and a client with a key for it."""
    port, log = free_port(), folder / "sandbox.log"
    argv = [sys.executable, "-m", "local.sandbox.main", "--port", str(port), "--people", "100", *options]
    with Supervisor() as supervisor:
        supervisor.start(Part(Command("sandbox", argv, dict(os.environ), log), f"http://127.0.0.1:{port}/readyz"))
        headers = {"x-api-key": "key"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, **PLAIN_HTTP, timeout=20) as client:
            yield client
    assert log.read_text() == ""


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sandbox(tmp_path_factory.mktemp("sandbox"), "--latency", "none") as client:
        yield client


@pytest.fixture
def client(shared_client: httpx.Client) -> httpx.Client:
    shared_client.post("/_sandbox/reset").raise_for_status()
    return shared_client


def queue(client: httpx.Client, **fault: object) -> None:
    client.post("/_sandbox/faults", json=fault).raise_for_status()


def last_call(client: httpx.Client) -> dict[str, object]:
    return client.get("/_sandbox/calls").json()["calls"][-1]


@pytest.mark.parametrize("status", ["429", "500", "402", "401", "404"])
def test_status(client: httpx.Client, status: str) -> None:
    """A status with the vendor's body, free of charge, once; then all is well."""
    queue(client, fault=status)
    answer = client.get(KEYWORD, params=ASKED)
    assert (str(answer.status_code), answer.json()["success"]) == (status, False)
    assert "retry-after" not in answer.headers
    assert last_call(client)["credits"] == 0
    assert client.get(KEYWORD, params=ASKED).status_code == 200


def test_retry_after(client: httpx.Client) -> None:
    """A 429 may say when to come back."""
    queue(client, fault="429", retry_after="17")
    assert client.get(KEYWORD, params=ASKED).headers["retry-after"] == "17"


def test_html(client: httpx.Client) -> None:
    """A gateway's error is HTML."""
    queue(client, fault="html_502")
    answer = client.get(KEYWORD, params=ASKED)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")


def test_slow(client: httpx.Client) -> None:
    """A slow answer is charged even when the caller has left."""
    impatience = httpx.Timeout(20, read=0.5)
    queue(client, fault="slow", seconds=3)
    with pytest.raises(httpx.ReadTimeout):
        client.get(PROFILE, params={"handle": "nobody"}, timeout=impatience)
    queue(client, fault="slow", seconds=3)
    with pytest.raises(httpx.ReadTimeout):
        client.get(KEYWORD, params=ASKED, timeout=impatience)
    call = last_call(client)
    assert (call["credits"], call["fault"], call["status"]) == (1, "slow", None)


def test_broken_json(client: httpx.Client) -> None:
    """A body that is whole on the wire and no JSON."""
    queue(client, fault="broken_json")
    answer = client.get(KEYWORD, params=ASKED)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert last_call(client)["credits"] == 1


def test_truncated(client: httpx.Client) -> None:
    """The connection goes in the middle of the body; the call was charged."""
    queue(client, fault="truncated")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.get(KEYWORD, params=ASKED)
    assert last_call(client)["credits"] == 1


def test_closed(client: httpx.Client) -> None:
    """The connection goes before any answer; the call was charged."""
    queue(client, fault="closed")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.get(KEYWORD, params=ASKED)
    assert wait_until(lambda: last_call(client)["status"] == 0, 10)
    assert last_call(client)["credits"] == 1


def test_empty_page(client: httpx.Client) -> None:
    """A page without items that promises more."""
    queue(client, fault="empty_page")
    body = client.get(KEYWORD, params=ASKED).json()
    assert (body["search_item_list"], body["cursor"], body["has_more"]) == ([], 30, 1)


def test_malformed_item(client: httpx.Client) -> None:
    """One item of a page has the wrong types, the others are as ever."""
    queue(client, fault="malformed_item")
    bad = client.get(KEYWORD, params=ASKED).json()["search_item_list"]
    good = client.get(KEYWORD, params=ASKED).json()["search_item_list"]
    assert [left == right for left, right in zip(bad, good, strict=True)].count(False) == 1
    assert bad[15]["aweme_info"]["author"] == "gone"


def test_malformed_profile(client: httpx.Client) -> None:
    """A profile of the wrong types."""
    queue(client, fault="malformed_item", path=PROFILE)
    assert client.get(PROFILE, params={"handle": "anybody"}).json()["user"] == "gone"


@pytest.mark.parametrize(("fault", "encoding"), [("huge", None), ("oversize", "gzip")])
def test_heavy(client: httpx.Client, fault: str, encoding: str | None) -> None:
    """A body that is too big as it comes, or too big once unpacked."""
    queue(client, fault=fault, bytes=30_000_000)
    with client.stream("GET", KEYWORD, params=ASKED) as answer:
        assert answer.headers.get("content-encoding") == encoding
        raw = sum(len(chunk) for chunk in answer.iter_raw())
    assert raw < 300_000 if encoding else raw > 30_000_000


def test_oversize_unpacks_to_json(client: httpx.Client) -> None:
    """The heavy body is an honest one."""
    queue(client, fault="oversize", bytes=1_000_000)
    answer = client.get(KEYWORD, params=ASKED)
    assert len(answer.content) > 1_000_000
    assert answer.json()["success"]


def test_which_calls(client: httpx.Client) -> None:
    """A fault waits for its path and query, lets some pass, and strikes as often as it was told."""
    queue(client, fault="500", path=KEYWORD, query={"query": "tea", "cursor": 30}, skip=1, count=2)

    def ask(**params: object) -> int:
        return client.get(KEYWORD, params={name: str(value) for name, value in params.items()}).status_code

    assert ask(query="tea") == ask(query="bread", cursor=30) == 200
    assert [ask(query="tea", cursor=30) for _ in range(4)] == [200, 500, 500, 200]


def test_query_as_text(client: httpx.Client) -> None:
    """A query that is a text is the value of any parameter."""
    queue(client, fault="500", query="tea")
    assert client.get(KEYWORD, params=ASKED).status_code == 200
    assert client.get(KEYWORD, params={"query": "tea"}).status_code == 500


def test_faults_take_turns(client: httpx.Client) -> None:
    """Faults that fit the same call strike one after the other; one without a count stays until it is cleared."""
    client.post("/_sandbox/faults", json=[{"fault": "500"}, {"fault": "429", "count": None}])
    assert [client.get(KEYWORD, params=ASKED).status_code for _ in range(3)] == [500, 429, 429]
    assert [each["fault"] for each in client.get("/_sandbox/faults").json()] == ["429"]
    assert client.delete("/_sandbox/faults").json() == []
    assert client.get(KEYWORD, params=ASKED).status_code == 200


@pytest.mark.parametrize(
    "value", [{}, {"fault": "boo"}, {"fault": "500", "when": 1}, {"fault": "500", "count": "2"}, 3]
)
def test_nonsense(client: httpx.Client, value: object) -> None:
    """A fault that means nothing is refused and says why."""
    answer = client.post("/_sandbox/faults", json=value)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_command_line(tmp_path: Path) -> None:
    """Faults can be given at the start, by name or as JSON, and the usual latency is that of the demonstration."""
    faults = ["--fault", "500", "--fault", '{"fault": "429", "skip": 1}']
    with sandbox(tmp_path, *faults) as client:
        started = time.monotonic()
        assert client.get(KEYWORD, params=ASKED).status_code == 500
        assert time.monotonic() - started >= 0.3
        assert [client.get(PROFILE, params={"handle": "x"}).status_code for _ in range(2)] == [404, 429]
        assert 0.5 <= time.monotonic() - started < 5, "the real upstream's latency would add up to more"


def test_command_line_nonsense() -> None:
    """A fault on the command line is read like one from the control API."""
    assert Fault.parse("html_502").fault is Misbehaviour.HTML_502
    with pytest.raises(FaultError):
        Fault.parse('{"fault": "500"')


def test_latencies() -> None:
    """What was measured of the real upstream."""
    assert list(Latency.REAL.seconds().values()) == [3.5, 0.8, 0.8]


def test_reset(client: httpx.Client) -> None:
    """A reset forgets calls, faults, spent credits and changed latencies."""
    client.get(KEYWORD, params=ASKED)
    queue(client, fault="500")
    client.post("/_sandbox/credits", json={"remaining": 0})
    client.post("/_sandbox/latency", json={"latency": "real"})
    client.post("/_sandbox/reset")
    assert client.get("/_sandbox/calls").json()["total"] == 0
    answer = client.get(KEYWORD, params=ASKED, timeout=3)
    assert (answer.status_code, answer.json()["credits_remaining"]) == (200, 24_999)
