"""The command `local qstash`: its options, and that it works as a process of its own."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.qstash.keys import USERS
from local.qstash.testing import Destination, run_destination

pytestmark = pytest.mark.server
COMMAND = Path(sys.executable).parent / "local"


@contextmanager
def running(*options: str) -> Generator[httpx.Client]:
    """A client of a stand-in that was started with these options."""
    port = free_port()
    process = subprocess.Popen([str(COMMAND), "qstash", "--port", str(port), *options])
    headers = {"Authorization": f"Bearer {USERS[0].token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, **PLAIN_HTTP) as client:
            await_ready(client)
            yield client
    finally:
        process.terminate()
        assert process.wait(10) is not None


def await_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.get("/_standin/readyz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("not ready")


def switches(client: httpx.Client) -> dict[str, Any]:
    return client.get("/_standin/switches").json()


def delivered_to(destination: Destination, client: httpx.Client, url: str) -> None:
    client.post(f"/v2/publish/{url}/x").raise_for_status()
    assert destination.wait_for(1)[0].target == "/x"


def test_it_delivers_to_loopback_and_elsewhere_if_told_to() -> None:
    with run_destination() as destination, running("--rewrite", f"https://a.example={destination.url}") as client:
        delivered_to(destination, client, "https://a.example")
        destination.received.clear()
        delivered_to(destination, client, destination.url)


def test_switches_are_options_too() -> None:
    options = "--time-factor 0.5 --duplicate 1 --duplicate-delay-s 2 --drop-reply 3 --reorder 4 --fail-next 5"
    more = "--lose-answer 6 --clock-skew-s -7 --sign-with next --production-like"
    with running(*options.split(), *more.split()) as client:
        assert switches(client) == {
            "time_factor": 0.5,
            "production_like": True,
            "duplicate": 1,
            "duplicate_delay_s": 2.0,
            "drop_reply": 3,
            "reorder": 4,
            "fail_next": 5,
            "fail_status": 0,
            "lose_answer": 6,
            "clock_skew_s": -7.0,
            "sign_with": "next",
            "dedup_window_s": 600.0,
            "rewrite": {},
        }
        client.patch("/_standin/switches", json={"duplicate": 0}).raise_for_status()
        client.post("/_standin/reset").raise_for_status()
        assert switches(client)["duplicate"] == 1
        assert client.patch("/_standin/switches", json={"duplicates": 0}).status_code == 400


@pytest.mark.parametrize("rewrite", ["https://a.example", "a.example=http://b", "https://a.example/x=http://b"])
def test_a_rewrite_must_be_two_origins(rewrite: str) -> None:
    command = [str(COMMAND), "qstash", "--rewrite", rewrite]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 2
    assert "--rewrite" in run.stderr
